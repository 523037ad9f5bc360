"""What the routes work with."""

from attrs import field, frozen

from skaha.local._machine import Machine
from skaha.local._options import Options
from skaha.local._runtimes import Runtime
from skaha.local._scheduler import Scheduler
from skaha.local._session import Session
from skaha.local._store import Store

REGISTRY = "images.canfar.net"


@frozen(kw_only=True)
class Platform:
    """The other rooms, and who the one user is.

    Attributes:
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
    user: str
    token: str = field(repr=False)
    uid: int
    gid: int
    groups: list[int]
    host: str

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
