"""What the two profiles of the real server word or shape differently.

The newer one (v1) is what this platform is made after. The older one (v0) is there for clients that
still have to get along with it; where the two differ in more than a value, `_old` says how.
"""

from attrs import frozen

from skaha.local._session import Phase


@frozen(kw_only=True)
class Profile:
    """One release of the server, as far as a client can tell.

    Attributes:
        version: The segment of its paths.
        old: Whether it is the older one.
        success: What it calls a good end.
        limit: How many interactive sessions a user may have.
        counted: The statuses that count for that.
    """

    version: str
    old: bool
    success: str
    limit: int
    counted: frozenset[str]

    def status(self, phase: Phase) -> str:
        """Return the wire's word for a phase."""
        return self.success if phase is Phase.COMPLETED else phase.status


PROFILES = {
    "v1": Profile(
        version="v1",
        old=False,
        success="Completed",
        limit=5,
        counted=frozenset({"Pending", "Running"}),
    ),
    "v0": Profile(
        version="v0",
        old=True,
        success="Succeeded",
        limit=3,
        counted=frozenset({"Pending", "Running", "Failed"}),
    ),
}
