"""What the routes work with."""

import time

from attrs import field, frozen

from skaha.local._faults import Switches
from skaha.local._machine import Machine
from skaha.local._options import Options
from skaha.local._runtimes import Runtime
from skaha.local._scheduler import Scheduler
from skaha.local._session import Phase, Session
from skaha.local._store import Store
from skaha.local._wire._profile import PROFILES, Profile

REGISTRY = "images.canfar.net"
UNLIMITED = ("headless", "desktop-app")


@frozen(kw_only=True)
class Platform:
    """The other rooms, and who the one user is.

    Attributes:
        switches: What shall go wrong.
        user: The user's name.
        token: The only token that is accepted.
        uid: The user's id, as the wire shows it.
        gid: The id of the user's group.
        groups: The other groups.
        host: Host and port that sessions are connected to.
    """

    store: Store
    scheduler: Scheduler
    runtime: Runtime
    machine: Machine
    options: Options
    switches: Switches
    user: str
    token: str = field(repr=False)
    uid: int
    gid: int
    groups: list[int]
    host: str

    @property
    def profile(self) -> Profile:
        """The release of the server that this platform is like."""
        return PROFILES[self.options.profile]

    def status(self, session: Session) -> str:
        """Return the status of a session as the wire shows it now."""
        flap = self.switches.faults.flap
        ready = session.phase is Phase.RUNNING and session.kind not in UNLIMITED
        if flap and ready and int((time.time() - (session.started or 0)) / flap) % 2:
            return Phase.STARTING.status
        return self.profile.status(session.phase)

    def job(self, session: Session) -> str:
        """Return the name of the job behind a session; lists come in its order."""
        if session.appid:
            return f"{session.id}-{session.appid}-{self.user}-{session.name}"[:57]
        return f"skaha-{session.kind}-{self.user}-{session.id}"

    def find(self, session_id: str) -> Session | None:
        """Return a session; with an empty id, the first of all."""
        if session_id:
            return self.store.get(session_id)
        sessions = [session for session in self.store.listed() if not session.appid]
        return min(sessions, key=self.job, default=None)
