"""The variables that the platform sets in every session."""

from skaha.local._runtimes._tree import MARK
from skaha.local._session import Session

_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "JULIA_NUM_THREADS")


def platform_variables(session: Session, user: str, host: str, home: str) -> dict[str, str]:
    """Return what a session is told about itself; a user's own variables come second to it."""
    return {
        MARK: session.id,
        "skaha_hostname": host,
        "skaha_username": user,
        "HOME": home,
        "PWD": home,
    }


def thread_variables(session: Session) -> dict[str, str]:
    """Return the variables that say how many threads a session may use."""
    names = _THREADS[:1] if session.kind == "headless" else _THREADS
    return dict.fromkeys(names, str(max(1, int(session.cores))))
