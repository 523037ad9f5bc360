"""The two releases of the real server: v1 and the older v0.

The platform copies v1. The profile v0 is for clients that still use an older platform. This module
holds the values that differ; `_v0` and `_v1` hold the responses that differ.
"""

from attrs import frozen

from skaha.local._session import Phase


@frozen(kw_only=True)
class Profile:
    """The differences of a release.

    Attributes:
        version: The version in the paths.
        success: The status of a session that ended well.
        max_interactive: The number of interactive sessions that a user may have.
        counted_statuses: The statuses of the sessions that count for this maximum.
    """

    version: str
    success: str
    max_interactive: int
    counted_statuses: frozenset[str]

    @property
    def is_v0(self) -> bool:
        """Whether this is the older release."""
        return self.version == "v0"

    def status(self, phase: Phase) -> str:
        """Return the status of a phase in the API."""
        return self.success if phase is Phase.COMPLETED else phase.status


PROFILES = {
    profile.version: profile
    for profile in (
        Profile(
            version="v1",
            success="Completed",
            max_interactive=5,
            counted_statuses=frozenset({"Pending", "Running"}),
        ),
        Profile(
            version="v0",
            success="Succeeded",
            max_interactive=3,
            counted_statuses=frozenset({"Pending", "Running", "Failed"}),
        ),
    )
}
