"""The command and the environment of a worker."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import dask
from dask.utils import parse_bytes

from skaha.dask import _worker
from skaha.dask._security import packed_credentials
from skaha.errors import InvalidInputError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from distributed import Security

# The cluster sets these options of a worker itself.
_OWN_OPTIONS = (
    "--death-timeout", "--memory-limit", "--name", "--nanny", "--no-nanny", "--nthreads",
    "--nworkers", "--scheduler-file", "--tls-ca-file", "--tls-cert", "--tls-key", "--worker-class",
)  # fmt: skip


def check_extra_args(words: Sequence[str]) -> None:
    """Raise unless these are words for `dask worker` that the cluster does not set itself."""
    if isinstance(words, str):
        raise InvalidInputError(f"worker_extra_args must be a list of words; not {words!r}")
    for word in words:
        if str(word).partition("=")[0] in _OWN_OPTIONS:
            raise InvalidInputError(
                f"worker_extra_args: the cluster sets {word} itself; use nthreads, memory_limit, "
                "death_timeout and security"
            )


def check_memory_limit(limit: object) -> None:
    """Raise unless this is an amount of memory that a worker of Dask understands, or `None`."""
    if limit in (None, "auto"):
        return
    try:
        parse_bytes(str(limit))
    except ValueError:
        raise InvalidInputError(
            f"memory_limit must be an amount of memory, such as '6GiB'; not {limit!r}"
        ) from None


def environment(env: Any, security: Security | None) -> Any:
    """Return the environment of the workers, with the credentials of the cluster."""
    if not isinstance(env, dict | None):
        # The check of the form refuses it.
        return env
    variables = dict(env or {})
    if _worker.VARIABLE in variables:
        raise InvalidInputError(f"env: the cluster sets {_worker.VARIABLE} itself: leave it out")
    if security is not None:
        variables[_worker.VARIABLE] = packed_credentials(security)
    return variables


def program(python: str, env: Any) -> list[str]:
    """Return the words that start the program of a worker.

    Dask sets these variables if it starts a worker on this machine. The platform would replace some
    of them in `env`, so the container sets them.
    """
    own_variables = env if isinstance(env, dict) else {}
    defaults = dask.config.get("distributed.nanny.pre-spawn-environ")
    variables = [f"{key}={value}" for key, value in defaults.items() if key not in own_variables]
    return ["env", *variables, python, "-c", Path(_worker.__file__).read_text(encoding="utf-8")]


def worker_options(
    nthreads: int | None, memory_limit: str | None, death_timeout: float, more: Sequence[str]
) -> list[str]:
    """Return the options of the program of a worker.

    There is no nanny: it would start a worker again that the platform has ended for its memory, and
    the cluster would not learn the reason.
    """
    threads = [] if nthreads is None else ["--nthreads", str(nthreads)]
    memory = [] if memory_limit is None else ["--memory-limit", memory_limit]
    return [
        *threads,
        *memory,
        *("--no-nanny", "--no-dashboard", "--death-timeout", f"{death_timeout:g}"),
        *("--worker-class", "__main__.ClusterWorker"),
        *map(str, more),
    ]
