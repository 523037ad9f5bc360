"""The objects and the user that the endpoints work with."""

import re
import time

from attrs import field, frozen

from skaha.local._api._profile import PROFILES, Profile
from skaha.local._faults import FaultInjector
from skaha.local._machine import Machine
from skaha.local._options import Options
from skaha.local._runtimes import Runtime
from skaha.local._scheduler import Scheduler
from skaha.local._session import Phase, Session
from skaha.local._store import Store
from skaha.local._usage import UsageMeter

REGISTRY = "images.canfar.net"
NON_INTERACTIVE_KINDS = ("headless", "desktop-app")

_JOB_NAME_LENGTH = 57


@frozen(kw_only=True)
class Platform:
    """A platform and its only user.

    Attributes:
        injector: The faults to inject.
        meter: The measurements of the use of sessions.
        user: The name of the user.
        token: The only valid token.
        uid: The id of the user.
        gid: The id of the user's group.
        groups: The ids of the user's other groups.
        host: The host and the port in the URLs of sessions.
    """

    store: Store
    scheduler: Scheduler
    runtime: Runtime
    machine: Machine
    options: Options
    injector: FaultInjector
    meter: UsageMeter
    user: str
    token: str = field(repr=False)
    uid: int
    gid: int
    groups: list[int]
    host: str

    @property
    def profile(self) -> Profile:
        """The release of the server that this platform copies."""
        return PROFILES[self.options.profile]

    def status(self, session: Session) -> str:
        """Return the current status of a session in the API."""
        faults, now = self.injector.faults, time.time()
        if session.ended is not None and now < session.ended + faults.end_delay:
            return Phase.QUEUED.status
        flap = faults.flap
        can_flap = session.phase is Phase.RUNNING and session.kind not in NON_INTERACTIVE_KINDS
        if flap and can_flap and int((now - (session.started or 0)) / flap) % 2:
            return Phase.UNREADY.status
        return self.profile.status(session.phase)

    def job_name(self, session: Session) -> str:
        """Return the name of a session's job; the server lists sessions in this order."""
        user = re.sub("[^A-Za-z0-9-]", "-", self.user)
        if session.appid:
            name = f"{session.id}-{session.appid}-{user}-{session.name}"
            return name[:_JOB_NAME_LENGTH].lower()
        return f"skaha-{session.kind}-{user}-{session.id}".lower()

    def find(self, session_id: str) -> Session | None:
        """Return a session; an empty id means the first session in the list."""
        if session_id:
            return self.store.get(session_id)
        sessions = [session for session in self.store.all() if not session.appid]
        return min(sessions, key=self.job_name, default=None)
