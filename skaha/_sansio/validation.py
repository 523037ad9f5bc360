"""What is wrong with an argument, said before anything is sent.

The platform drops or garbles some input without a word, and answers other input with a Java
exception. So everything it cannot carry is refused here, with the way out.
"""

from __future__ import annotations

import math
import re
import shlex
from collections.abc import Iterable
from numbers import Real
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

import httpx

from skaha.errors import InvalidInputError
from skaha.helpers.shell import GARBLED
from skaha.models import KINDS, STATUS, VIEW, ContainerRegistry, SecretText, check_whole_number
from skaha.records import SUCCESS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

# A name becomes a label and a host name on the platform's cluster.
_NAME_LENGTH = 63
_NAME = re.compile(r"[A-Za-z0-9-]+")
_ID = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?")
_VARIABLE = re.compile(r"[A-Za-z_.-][A-Za-z0-9_.-]*")
_WAY_OUT = "skaha.helpers.shell packs any command into a cmd and args that arrive unharmed"


def _one_of(what: str, value: object, allowed: Iterable[str]) -> None:
    words = sorted(allowed)
    if value not in words:
        raise InvalidInputError(f"unknown {what} {value!r}; it is one of {', '.join(words)}")


def check_kinds(kind: object) -> frozenset[str] | None:
    """Return the kinds that are asked for; `None` is any."""
    return _check_words("kind", kind, get_args(KINDS))


def check_statuses(status: object) -> frozenset[str] | None:
    """Return the statuses that are asked for; `None` is any. Both words for success are one."""
    statuses = _check_words("status", status, get_args(STATUS))
    return statuses | SUCCESS if statuses and statuses & SUCCESS else statuses


def check_view(view: object) -> None:
    """Refuse a view of the list that no platform has; `None` is the plain one."""
    if view is not None:
        _one_of("view", view, get_args(VIEW))


def check_launch_kind(kind: object) -> None:
    """Refuse a kind that cannot be launched by itself."""
    _one_of("kind", kind, set(get_args(KINDS)) - {"desktop-app"})


def _check_words(what: str, value: object, words: Iterable[str]) -> frozenset[str] | None:
    """Return the words that are asked for, of one or of several; `None` is any.

    Raises:
        InvalidInputError: If one of them is not among `words`.
    """
    if value is None:
        return None
    if isinstance(value, str):
        value = [value]
    if not isinstance(value, list | tuple | set | frozenset):
        raise InvalidInputError(f"{what} must be a word or several, not {type(value).__name__}")
    for word in value:
        _one_of(what, word, words)
    return frozenset(value)


def check_until(until: object) -> frozenset[str]:
    """Return the statuses that end a wait before the sessions end."""
    if until == "finished":
        return frozenset()
    statuses = check_statuses("Running" if until == "running" else until)
    if not statuses:
        raise InvalidInputError("until must be 'finished', 'running', or at least one status")
    return statuses


def is_id(value: object) -> bool:
    """Say whether this can be the id of a session."""
    return isinstance(value, str) and _ID.fullmatch(value) is not None


def check_ids(ids: object) -> list[str]:
    """Return the distinct ids in the order given, of one id or of several.

    Raises:
        InvalidInputError: If one of them cannot be an id, or `ids` is neither text nor texts.
    """
    if isinstance(ids, str):
        ids = [ids]
    if isinstance(ids, bytes) or not isinstance(ids, Iterable):
        raise InvalidInputError(f"ids must be one id or a list of ids, not {type(ids).__name__}")
    ids = list(ids)
    for session_id in ids:
        if not is_id(session_id):
            raise InvalidInputError(
                f"{session_id!r} cannot be a session id: letters, digits, '-', '_' and '.' only, "
                "beginning and ending with a letter or digit"
            )
    return list(dict.fromkeys(ids))


def check_among(launched: Iterable[str], ids: object) -> frozenset[str]:
    """Return ids that must be among those of a launch."""
    given = frozenset(check_ids(ids))
    if strangers := given.difference(launched):
        raise InvalidInputError(f"not among what was launched: {', '.join(sorted(strangers))}")
    return given


def check_tail(tail: object) -> None:
    """Refuse a number of lines that is none; `None` is all of them."""
    if tail is not None and (not isinstance(tail, int) or isinstance(tail, bool) or tail < 1):
        raise InvalidInputError(f"tail must be a whole number of lines, 1 or more; not {tail!r}")


def check_at_most(at_most: object) -> None:
    """Refuse room for no session at all; `None` is room for any number."""
    if at_most is None:
        return
    if not isinstance(at_most, int) or isinstance(at_most, bool) or at_most < 1:
        raise InvalidInputError(f"at_most must be a whole number, 1 or more; not {at_most!r}")


def check_text(what: str, value: object) -> str:
    """Return `value` if it is a text that is neither empty nor blank at an end."""
    if not isinstance(value, str) or not value or value != value.strip():
        raise InvalidInputError(
            f"{what} must be a text, not empty, without blanks around it; not {value!r}"
        )
    return value


def replica_names(name: object, replicas: object) -> list[str]:
    """Return the names of the replicas: `name-1`, `name-2`, and so on.

    Raises:
        InvalidInputError: If the platform would refuse one of them, or there would be none.
    """
    if not isinstance(replicas, int) or isinstance(replicas, bool) or replicas < 1:
        raise InvalidInputError(f"replicas must be a whole number, 1 or more; not {replicas!r}")
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise InvalidInputError(
            f"name must consist of letters, digits and '-', and not be empty; not {name!r}"
        )
    if name.startswith("-"):
        raise InvalidInputError(f"name must begin with a letter or a digit; not {name!r}")
    spare = _NAME_LENGTH - len(f"-{replicas}")
    if len(name) > spare:
        raise InvalidInputError(
            f"name may have {spare} characters with {replicas} replicas, as the platform takes "
            f"{_NAME_LENGTH} with the number of the replica; {name!r} has {len(name)}"
        )
    return [f"{name}-{number}" for number in range(1, replicas + 1)]


def check_amount(what: str, value: object) -> None:
    """Refuse an amount of cores or GiB that is not a positive number; `None` is no wish."""
    if value is None:
        return
    if isinstance(value, bool) or not isinstance(value, Real):
        raise InvalidInputError(f"{what} must be a number or None; not {value!r}")
    if not math.isfinite(value) or value <= 0:
        raise InvalidInputError(f"{what} must be more than 0; not {value!r}")


def check_polls(poll: object, longest_poll: object) -> None:
    """Refuse pauses between looks that are not positive numbers of seconds."""
    for what, value in (("poll", poll), ("longest_poll", longest_poll)):
        check_amount(what, value)
        if value is None:
            raise InvalidInputError(f"{what} must be more than 0 seconds; not None")


def check_seconds(what: str, value: object, *, or_none: bool = False) -> None:
    """Refuse a time that is not a finite number, 0 or more; or `None`, for ever."""
    if value is None and or_none:
        return
    if isinstance(value, bool) or not isinstance(value, Real):
        raise InvalidInputError(f"{what} must be a number of seconds; not {value!r}")
    if not math.isfinite(value) or value < 0:
        raise InvalidInputError(f"{what} must be 0 seconds or more; not {value!r}")


def check_gpu(value: object) -> int | None:
    """Return the number of GPUs to ask for; `None` for none."""
    if value is None:
        return None
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise InvalidInputError(f"gpu must be a whole number, 0 or more, or None; not {value!r}")
    return value or None


def check_command(
    kind: str, cmd: object, args: object, env: Mapping[str, Any] | None
) -> tuple[str | None, str | None, dict[str, str]]:
    """Return `cmd`, `args` and `env` as the platform will hand them to the container.

    Raises:
        InvalidInputError: If the platform would drop, split or change any of it.
    """
    if kind != "headless" and (cmd or args or env):
        raise InvalidInputError(f"cmd, args and env are for headless sessions only, not for {kind}")
    return _cmd(cmd), _args(args), _env({} if env is None else env)


def _cmd(value: object) -> str | None:
    if value is None or value == "":
        return None
    text = _carriable("cmd", value)
    if text != text.strip():
        raise InvalidInputError(f"cmd must have no blanks around it; not {text!r}")
    if " " in text:
        raise InvalidInputError(
            f"cmd is one program, and never split: give {text.split()[0]!r} as cmd and the rest "
            "as args"
        )
    return text


def _args(value: object) -> str | None:
    if value is None or value == "":
        return None
    text = _carriable("args", value)
    try:
        as_a_shell = shlex.split(text)
    except ValueError as error:
        raise InvalidInputError(f"args: {error}, in {text!r}") from None
    if as_a_shell != text.rstrip(" ").split(" "):
        raise InvalidInputError(
            "args is split at single blanks and knows no quotes: the container would get "
            f"{text.rstrip(' ').split(' ')}, not {as_a_shell}. {_WAY_OUT}"
        )
    return text


def _env(variables: object) -> dict[str, str]:
    if not hasattr(variables, "items"):
        raise InvalidInputError(f"env must be a dictionary, not {type(variables).__name__}")
    return {_variable(key): _value(key, value) for key, value in variables.items()}


def _variable(name: object) -> str:
    if not isinstance(name, str) or not _VARIABLE.fullmatch(name):
        raise InvalidInputError(f"env: {name!r} cannot be the name of an environment variable")
    return name


def _value(name: str, value: object) -> str:
    # The value may be a secret: a message names the variable, never its value.
    text = "" if value is None else str(value)
    if not text:
        raise InvalidInputError(
            f"env: the platform drops {name}, as its value is empty: leave it out"
        )
    if "=" in text or GARBLED.search(text):
        raise InvalidInputError(
            f"env: the platform would drop or garble the value of {name}: it may not contain "
            '"=", "$", a double quote, a backslash or a control character. '
            "Base64 without its padding is a way out"
        )
    return text


def _carriable(what: str, value: object) -> str:
    if not isinstance(value, str):
        raise InvalidInputError(f"{what} must be a text, not {type(value).__name__}")
    if found := GARBLED.search(value):
        raise InvalidInputError(
            f"{what} may not contain {found[0]!r}: the platform cannot carry double quotes, "
            f"dollars, backslashes or control characters. {_WAY_OUT}"
        )
    return value


def checked_token(token: object) -> str:
    """Return a token that fits into a header."""
    # It is never shown, not even a wrong one.
    text = token.strip() if isinstance(token, str) else ""
    if not text or not text.isascii() or not text.isprintable():
        raise InvalidInputError("token must be a text of printable ASCII characters, not empty")
    return text


# Values of settings. Each function checks a value from any source: argument, environment variable,
# profile or `config set`. It returns the value in the form that clients use.

_LAST_PORT = 65535
_VERSION = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


def check_setting(name: str, value: object) -> str:
    """Return a text that is not empty. The value may be secret: the message does not contain it."""
    if not isinstance(value, str) or not value:
        raise InvalidInputError(f"{name} must be a text that is not empty")
    return value


def check_table(name: str, value: object) -> dict[str, Any]:
    """Return a table of TOML."""
    if not isinstance(value, dict):
        raise InvalidInputError(f"{name} must be a table")
    return value


def check_path(name: str, value: Any) -> Path:
    """Return a path with the home directory in place of `~`."""
    try:
        return Path(value).expanduser()
    except TypeError:
        raise InvalidInputError(f"{name} must be a path; not {value!r}") from None
    except RuntimeError:
        raise InvalidInputError(f"{name}: there is no home directory for {value!r}") from None


def check_positive(name: str, value: Any) -> float:
    """Return a finite number that is more than 0."""
    number: float = value
    if isinstance(value, bool) or not isinstance(value, Real):
        raise InvalidInputError(f"{name} must be a number; not {value!r}")
    if not math.isfinite(value) or value <= 0:
        raise InvalidInputError(f"{name} must be more than 0; not {value!r}")
    return number


def check_count(name: str, value: Any) -> int:
    """Return a whole number, 1 or more."""
    check_whole_number(name, value, minimum=1)
    count: int = value
    return count


def check_server(name: str, value: object) -> str:
    """Return the URL of a platform without a slash at its end, or `local`."""
    if value == "local":
        return "local"
    if not isinstance(value, str):
        raise InvalidInputError(f"{name} must be a URL or 'local', not {type(value).__name__}")
    try:
        url = httpx.URL(value)
        url.host.encode("idna")
    except (httpx.InvalidURL, UnicodeError) as error:
        raise InvalidInputError(f"{name} must be a URL or 'local': {error}") from None
    if url.userinfo:
        raise InvalidInputError(f"{name} must not contain a user or a password: use a token")
    is_odd = " " in value or url.query or url.fragment or not 0 < (url.port or 1) <= _LAST_PORT
    if url.scheme not in ("http", "https") or not url.host or is_odd:
        raise InvalidInputError(
            f"{name} must be 'local' or a URL like https://ws-uv.canfar.net/skaha; not {value!r}"
        )
    return value.rstrip("/")


def check_version(name: str, value: object) -> str:
    """Return the version of the API: one segment of a path."""
    if not isinstance(value, str) or not _VERSION.fullmatch(value):
        raise InvalidInputError(f"{name} must be one segment of a path, like 'v1'; not {value!r}")
    return value


def check_server_and_version(server: str, version: str) -> None:
    """Raise if the URL of the server contains the version, too.

    Raises:
        InvalidInputError: If requests would have the version twice in their paths.
    """
    if httpx.URL(server).path.endswith(f"/{version}"):
        raise InvalidInputError(f"server must not end in the version: remove /{version}")


def check_token(_name: str, value: object) -> str | Callable[[], str]:
    """Return a token that fits into a header, or the function that returns one."""
    return value if callable(value) else SecretText(checked_token(value))


def check_registry(value: object) -> ContainerRegistry:
    """Return the credentials for private images."""
    if not isinstance(value, ContainerRegistry):
        raise InvalidInputError("registry must be a skaha.models.ContainerRegistry")
    return value
