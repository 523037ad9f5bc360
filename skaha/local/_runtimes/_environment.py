"""The environment variables of sessions."""

import os

from skaha.local._runtimes._process_tree import SESSION_VARIABLE
from skaha.local._session import Session

_INHERITED = ("LANG", "TZ", "TMPDIR")
_INHERITED_PREFIXES = ("LC_", "SSL_CERT_")
_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "JULIA_NUM_THREADS")


def select_variables(names: tuple[str, ...], prefixes: tuple[str, ...]) -> dict[str, str]:
    """Return the daemon's environment variables with these names or prefixes."""
    return {
        name: value
        for name, value in os.environ.items()
        if name in names or name.startswith(prefixes)
    }


def inherited_variables() -> dict[str, str]:
    """Return the daemon's environment variables that every program needs.

    The others stay hidden: they may contain secrets that no container would see.
    """
    return select_variables(_INHERITED, _INHERITED_PREFIXES)


def platform_variables(session: Session, user: str, host: str, home: str) -> dict[str, str]:
    """Return the variables that the platform sets; they replace variables of the user."""
    return {
        SESSION_VARIABLE: session.id,
        "skaha_hostname": host,
        "skaha_username": user,
        "HOME": home,
        "PWD": home,
    }


def thread_variables(session: Session) -> dict[str, str]:
    """Return the variables with the number of threads that a session may use."""
    names = _THREADS[:1] if session.kind == "headless" else _THREADS
    return dict.fromkeys(names, str(max(1, int(session.cores))))
