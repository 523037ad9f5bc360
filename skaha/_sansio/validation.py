"""Validation of arguments, before anything is sent.

The platform silently drops or changes some input, and answers other input with a Java exception. So
this module refuses everything that the platform cannot carry, and says what to do instead.
"""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args
from urllib.parse import quote_plus

import httpx
from attrs import frozen

from skaha._sansio.carriable import GARBLED, MAX_FORM_BYTES, YAML_VARIABLE, YAML_WORD
from skaha._sansio.names import MAX_NAME_LENGTH, allowed_name
from skaha.errors import InvalidInputError
from skaha.models import (
    KINDS,
    LARGEST_NUMBER,
    STATUS,
    VIEW,
    ContainerRegistry,
    SecretText,
    check_number,
    check_whole_number,
)
from skaha.records import APP, SUCCESS

if TYPE_CHECKING:
    from collections.abc import Callable, Collection
    from typing import Self

NAME = r"[A-Za-z0-9-]+"
"""Characters of the names of sessions."""

_ID = r"[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?"
_VARIABLE = r"[A-Za-z_.-][A-Za-z0-9_.-]*"
# The names of the fields, and the fields for the name, the image and the resources, are shorter.
_BYTES_OF_A_FIELD_NAME, _BYTES_OF_OTHER_FIELDS = 8, 8 * 2**10
# The library sets these variables of each replica.
_REPLICA_VARIABLES = frozenset({"REPLICA_ID", "REPLICA_COUNT"})
_SHELL_HELPER = "skaha.helpers.shell packs any command into a cmd and args that arrive unchanged"


# Words.


def check_kinds(kind: object) -> frozenset[str] | None:
    """Return the kinds in `kind`; `None` means any kind."""
    return _check_words("kind", kind, get_args(KINDS))


def check_statuses(status: object) -> frozenset[str] | None:
    """Return the statuses in `status`, with both words for success; `None` means any status."""
    statuses = _check_words("status", status, get_args(STATUS))
    return statuses | SUCCESS if statuses and statuses & SUCCESS else statuses


def check_one_kind(kind: object) -> None:
    """Raise unless a value is one kind; `None` means any kind."""
    if kind is not None:
        _check_word("kind", kind, get_args(KINDS))


def check_view(view: object) -> None:
    """Raise if no platform has this view of the list; `None` is the plain list."""
    if view is not None:
        _check_word("view", view, get_args(VIEW))


def check_launch_kind(kind: object) -> None:
    """Raise unless a session of this kind can be launched."""
    _check_word("kind", kind, set(get_args(KINDS)) - {APP})


def check_until(until: object) -> frozenset[str]:
    """Return the statuses that end a wait before the sessions end."""
    words = _check_words("until", until, ("finished", "running", *get_args(STATUS)))
    if not words:
        raise InvalidInputError("until must be 'finished', 'running', or at least one status")
    statuses = {"Running" if word == "running" else word for word in words} - {"finished"}
    return check_statuses(statuses) or frozenset()


def _check_words(what: str, value: object, words: Iterable[str]) -> frozenset[str] | None:
    if value is None:
        return None
    if isinstance(value, str):
        value = [value]
    if not isinstance(value, list | tuple | set | frozenset):
        raise InvalidInputError(f"{what} must be a word or several, not {type(value).__name__}")
    for word in value:
        _check_word(what, word, words)
    return frozenset(value)


def _check_word(what: str, value: object, allowed: Iterable[str]) -> None:
    words = sorted(allowed)
    if value not in words:
        raise InvalidInputError(f"unknown {what} {value!r}; it is one of {', '.join(words)}")


# Ids.


def is_id(value: object) -> bool:
    """Return whether a value can be the id of a session."""
    return isinstance(value, str) and re.fullmatch(_ID, value) is not None


def check_ids(ids: object) -> list[str]:
    """Return the distinct ids in one id or several, in the order of `ids`.

    Raises:
        InvalidInputError: If a value cannot be an id, or `ids` is neither a text nor several texts.
    """
    if isinstance(ids, str):
        ids = [ids]
    if isinstance(ids, bytes) or not isinstance(ids, Iterable):
        raise InvalidInputError(f"ids must be one id or a list of ids, not {type(ids).__name__}")
    ids = list(ids)
    for session_id in ids:
        if not is_id(session_id):
            has_blanks = isinstance(session_id, str) and is_id(session_id.strip())
            advice = "; remove the white space around it" if has_blanks else ""
            raise InvalidInputError(
                f"{session_id!r} cannot be a session id: letters, digits, '-', '_' and '.' only, "
                f"beginning and ending with a letter or digit{advice}"
            )
    return list(dict.fromkeys(ids))


def check_id(session_id: object) -> str:
    """Return a value that can be the id of a session or of an app.

    Raises:
        InvalidInputError: If it cannot be an id.
    """
    return check_ids([session_id])[0]


def check_launched_ids(launched: Iterable[str], ids: object) -> frozenset[str]:
    """Return ids, each of which must be among the launched ids."""
    checked = frozenset(check_ids(ids))
    if unknown := checked.difference(launched):
        raise InvalidInputError(f"not among the launched ids: {', '.join(sorted(unknown))}")
    return checked


# Numbers. Programs for older clients also pass their digits as a text.

_DIGITS = r"[0-9]{1,15}(\.[0-9]{1,15})?"


def number_of(value: object) -> object:
    """Return the number in a text of digits; return any other value as it is."""
    if not isinstance(value, str) or not re.fullmatch(_DIGITS, value):
        return value
    return float(value) if "." in value else int(value)


def check_amount(what: str, value: object) -> float | None:
    """Return an amount, which is more than 0; `None` leaves it to the platform."""
    if value is None:
        return None
    amount = check_number(what, number_of(value), maximum=LARGEST_NUMBER)
    # The options of most platforms are whole numbers: send 2 instead of 2.0.
    return int(amount) if amount == int(amount) else amount


def check_count(what: str, value: object) -> int:
    """Return a whole number, 1 or more."""
    return check_whole_number(what, number_of(value), minimum=1)


def check_optional_count(what: str, value: object) -> int | None:
    """Return a whole number, 1 or more, or `None`."""
    return None if value is None else check_count(what, value)


def check_polls(poll: object, longest_poll: object) -> tuple[float, float]:
    """Return two pauses, which are positive numbers of seconds."""
    first, longest = (
        check_number(what, number_of(value), maximum=LARGEST_NUMBER, unit=" seconds")
        for what, value in (("poll", poll), ("longest_poll", longest_poll))
    )
    return first, longest


def check_seconds(what: str, value: object) -> float:
    """Return a number of seconds, 0 or more."""
    return check_number(
        what, number_of(value), maximum=LARGEST_NUMBER, unit=" seconds", or_zero=True
    )


def check_optional_seconds(what: str, value: object) -> float | None:
    """Return a number of seconds, 0 or more, or `None`."""
    return None if value is None else check_seconds(what, value)


def check_progress(progress: object) -> None:
    """Raise unless a value can receive progress reports; `None` means no reports."""
    if progress is not None and not callable(progress):
        raise InvalidInputError(f"progress must be a function or None; not {progress!r}")


# Launches.


_DEFAULT_HOST = "images.canfar.net"


def check_image(value: object) -> str:
    """Return the full reference of an image.

    Raises:
        InvalidInputError: If it cannot be sent, or lacks the host or the tag: the platform adds
            neither.
    """
    if (
        not isinstance(value, str)
        or not value
        or re.search(r"\s", value)
        or re.search(GARBLED, value)
    ):
        raise InvalidInputError(
            f"image must be a text like host/project/name:tag, without blanks, double quotes, "
            f"dollars, backslashes or control characters; not {value!r}"
        )
    if value.lower() in get_args(KINDS):
        raise InvalidInputError(
            f"image is {value!r}, which is a kind of session: pass it as kind={value.lower()!r}, "
            f"and pass the full reference of an image, such as {_DEFAULT_HOST}/skaha/astroml:TAG"
        )
    if (full := _full_reference(value)) != value:
        raise InvalidInputError(
            f"image must be a full reference, with host and tag: {full}; not {value!r}"
        )
    return value


def _full_reference(image: str) -> str:
    """Return a reference with a host, a project and a tag."""
    host, slash, _ = image.partition("/")
    # The rule of every registry: a word without a dot or a colon is no host.
    if not slash or not (host == "localhost" or {".", ":"} & set(host)):
        image = f"{_DEFAULT_HOST}/{image if slash else f'PROJECT/{image}'}"
    has_tag = ":" in image.rpartition("/")[2] or "@" in image
    return image if has_tag else f"{image}:TAG"


def replica_names(name: object, replicas: object) -> list[str]:
    """Return the names of the replicas: `name-1`, `name-2`, and so on.

    Raises:
        InvalidInputError: If the platform would refuse a name, or there would be no replica.
    """
    count = check_count("replicas", replicas)
    name = _check_name(name)
    room = MAX_NAME_LENGTH - len(f"-{count}")
    if len(name) > room:
        raise InvalidInputError(
            f"name is too long: at most {room} characters, because '-{count}' is added and the "
            f"platform allows {MAX_NAME_LENGTH}; {name!r} has {len(name)}{_for_example(name)}"
        )
    return [f"{name}-{number}" for number in range(1, count + 1)]


def _check_name(name: object) -> str:
    if not isinstance(name, str) or not re.fullmatch(NAME, name):
        raise InvalidInputError(
            f"name must consist of letters, digits and '-', and not be empty; not {name!r}"
            f"{_for_example(name)}"
        )
    if name.startswith("-"):
        raise InvalidInputError(
            f"name must begin with a letter or a digit; not {name!r}{_for_example(name)}"
        )
    return name


def _for_example(name: object) -> str:
    """Return the end of a message about a name: the nearest name that is allowed."""
    if not isinstance(name, str) or not name.strip():
        return ""
    return f"; the nearest allowed name is {allowed_name(name)!r} (skaha.helpers.names.from_text)"


def check_job_name(name: object, used_names: Collection[str]) -> str:
    """Return the name of a job, which is the whole name of its session.

    Args:
        name: The name.
        used_names: The names of the other jobs, in lower case as the platform stores them.

    Raises:
        InvalidInputError: If the platform would refuse the name, or another job has it.
    """
    name = _check_name(name)
    if len(name) > MAX_NAME_LENGTH:
        raise InvalidInputError(
            f"name is too long: at most {MAX_NAME_LENGTH} characters; {name!r} has {len(name)}"
            f"{_for_example(name)}"
        )
    if name.endswith("-"):
        raise InvalidInputError(
            f"name must end with a letter or a digit; not {name!r}{_for_example(name)}"
        )
    if re.fullmatch(YAML_WORD, name):
        raise InvalidInputError(
            f"the platform cannot launch a session with the name {name!r}: use a longer name"
            f"{_for_example(name)}"
        )
    if name.lower() in used_names:
        raise InvalidInputError(f"two jobs have the name {name!r}: each name may occur only once")
    return name


def check_job(job: object, keywords: Collection[str]) -> dict[str, Any]:
    """Return the keywords of a job, of which `name` and `image` are required.

    Raises:
        InvalidInputError: If the job is no mapping, or has an unknown or no required keyword.
    """
    if not isinstance(job, Mapping):
        raise InvalidInputError(f"a job must be a mapping, not {WrongType.of(job).name}")
    for keyword in job:
        if keyword not in keywords:
            allowed = ", ".join(keywords)
            raise InvalidInputError(f"unknown keyword {keyword!r}; it is one of {allowed}")
    for keyword in ("name", "image"):
        if keyword not in job:
            raise InvalidInputError(f"a job needs the keyword {keyword!r}")
    return dict(job)


def check_gpus(value: object) -> int | None:
    """Return the number of GPUs to request; `None` for none."""
    return None if value is None else check_whole_number("gpu", number_of(value), minimum=0) or None


def check_command(
    kind: str, cmd: object, args: object, env: Mapping[str, Any] | None
) -> tuple[str | None, str | None, dict[str, str]]:
    """Return `cmd`, `args` and `env` as the platform will pass them to the container.

    Raises:
        InvalidInputError: If the platform would drop, split or change a part of them.
    """
    if kind != "headless" and (cmd or args or env):
        raise InvalidInputError(f"cmd, args and env are for headless sessions only, not for {kind}")
    command = _check_cmd(cmd), _check_args(args)
    variables = _check_env({} if env is None else env)
    size = sum(
        len(quote_plus(f"{name}={value}")) + _BYTES_OF_A_FIELD_NAME
        for name, value in [*enumerate(filter(None, command)), *variables.items()]
    )
    if size > MAX_FORM_BYTES - _BYTES_OF_OTHER_FIELDS:
        raise InvalidInputError(
            f"cmd, args and env have {size:,} bytes together, and the platform takes 2 MB: put the "
            "data into a file that the session can read"
        )
    return *command, variables


def _check_cmd(value: object) -> str | None:
    if value is None or value == "":
        return None
    if isinstance(value, list | tuple):
        raise InvalidInputError(
            f"cmd must be a text, not {type(value).__name__}: {_form_of('cmd', value)}"
        )
    text = _check_carriable("cmd", value)
    if text != text.strip():
        raise InvalidInputError(f"cmd must have no blanks around it; not {text!r}")
    if " " in text:
        raise InvalidInputError(
            f"cmd is one program, and never split: give {text.split()[0]!r} as cmd and the rest "
            "as args"
        )
    _check_yaml_word("cmd", text)
    return text


def _check_args(value: object) -> str | None:
    if value is None or value == "":
        return None
    if isinstance(value, list | tuple):
        raise InvalidInputError(
            f"args must be one text, not {type(value).__name__}: {_form_of('args', value)}"
        )
    text = _check_carriable("args", value)
    words_of_shell = _words_of_shell(text)
    words_of_platform = _words_of_platform(text)
    # Quotes inside of a word arrive unchanged, and may belong to the word.
    if len(words_of_shell) != len(words_of_platform):
        raise InvalidInputError(
            "the platform splits args at each blank and does not interpret quotes: the container "
            f"would get {words_of_platform}, not {words_of_shell}. {_SHELL_HELPER}"
        )
    for word in words_of_platform:
        _check_yaml_word("args", word)
    return text


def _words_of_platform(text: str) -> list[str]:
    return text.rstrip(" ").split(" ")


def _words_of_shell(text: str) -> list[str]:
    """Split a text as a shell does. A quote without a closing quote counts to the end of the text.

    Only single quotes occur: the platform cannot carry double quotes and backslashes.
    """
    try:
        return shlex.split(text)
    except ValueError:
        return shlex.split(f"{text}'")


def _form_of(keyword: str, value: Sequence[object]) -> str:
    """Return the right form of a command that was passed as a list of words."""
    words = [str(word) for word in value]
    text = " ".join(words)
    try:
        is_plain = _check_args(text) == text and _words_of_platform(text) == words
    except InvalidInputError:
        is_plain = False
    if not is_plain:
        return f"write **shell.command(program, argument, ...). {_SHELL_HELPER}"
    if keyword == "args":
        return f"write args={text!r}"
    program, *arguments = words
    return f"write cmd={program!r}" + (f", args={' '.join(arguments)!r}" if arguments else "")


def _check_yaml_word(what: str, word: str) -> None:
    if re.fullmatch(YAML_WORD, word):
        raise InvalidInputError(
            f"{what}: the platform cannot carry the word {word!r}, because YAML does not read it "
            f"as a text. {_SHELL_HELPER}"
        )


def _check_env(variables: object) -> dict[str, str]:
    if not isinstance(variables, Mapping):
        raise InvalidInputError(f"env must be a dictionary, not {WrongType.of(variables).name}")
    return {_check_variable(key): _check_value(key, value) for key, value in variables.items()}


def _check_variable(name: object) -> str:
    if not isinstance(name, str) or not re.fullmatch(_VARIABLE, name):
        raise InvalidInputError(f"env: {name!r} cannot be the name of an environment variable")
    if re.fullmatch(YAML_VARIABLE, name):
        raise InvalidInputError(
            f"env: the platform cannot carry a variable with the name {name!r}, because YAML does "
            "not read it as a text: use another name, or set the variable in a script "
            "(skaha.helpers.shell.script packs a script)"
        )
    if name in _REPLICA_VARIABLES:
        raise InvalidInputError(f"env: create sets {name} of each replica itself: leave it out")
    return name


def _check_value(name: str, value: object) -> SecretText:
    # The value may be a secret, so a message shows the name of the variable only.
    text = SecretText("" if value is None else value)
    if not text:
        raise InvalidInputError(
            f"env: the platform drops {name}, as its value is empty: leave it out"
        )
    if "=" in text or re.search(GARBLED, text):
        raise InvalidInputError(
            f"env: the platform would lose or change the value of {name}: it may not contain "
            '"=", "$", a double quote, a backslash or a control character. '
            "Encode the value in Base64 without '='"
        )
    if re.fullmatch(YAML_WORD, text):
        raise InvalidInputError(
            f"env: the platform cannot carry the value of {name}, because YAML does not read it as "
            f"a text: use another value, or set the variable in a script, with `export {name}=…` "
            "(skaha.helpers.shell.script packs a script)"
        )
    return text


def _check_carriable(what: str, value: object) -> str:
    if not isinstance(value, str):
        raise InvalidInputError(f"{what} must be a text, not {type(value).__name__}")
    if match := re.search(GARBLED, value):
        raise InvalidInputError(
            f"{what} may not contain {match[0]!r}: the platform cannot carry double quotes, "
            f"dollars, backslashes or control characters. {_SHELL_HELPER}"
        )
    return value


# Credentials.

# A token that was copied from a header has the name of the scheme before it.
_SCHEME = r"(?i)^bearer(\s+|$)"
# The keywords of a job that are shown; any other one may be a misspelled `env`.
_PUBLIC_KEYWORDS = ("name", "image", "cores", "ram", "kind", "gpu", "cmd", "args")
_PRINTABLE = r"[!-~]+"


@frozen
class WrongType:
    """The name of the type of a value, in the place of a value that may contain a secret."""

    name: str

    @classmethod
    def of(cls, value: object) -> Self:
        """Return the name of the type of a value, which may have been replaced by it already."""
        return value if isinstance(value, cls) else cls(type(value).__name__)


def hidden(value: Any) -> Any:
    """Return an argument that may contain secrets in a form whose `repr` does not show them.

    Tracebacks may show local variables. So a public function replaces such an argument by this
    form before anything can fail.

    Args:
        value: A token, the credentials of a registry, or environment variables.

    Returns:
        A text or the values of a dictionary as `SecretText`. A value of another type cannot be a
        secret that is accepted: a `WrongType`, which the checks refuse.
    """
    if value is None or callable(value) or isinstance(value, ContainerRegistry | WrongType):
        return value
    if isinstance(value, str):
        return SecretText(value)
    if hasattr(value, "items"):
        return {
            name: None if content is None else SecretText(content)
            for name, content in value.items()
        }
    return WrongType.of(value)


def hidden_jobs(jobs: object) -> list[Any]:
    """Return jobs in a form whose `repr` does not show their environment variables.

    Raises:
        InvalidInputError: If `jobs` cannot contain jobs.
    """
    if isinstance(jobs, Mapping | str | bytes) or not isinstance(jobs, Iterable):
        name = WrongType.of(jobs).name
        # Tracebacks may show local variables.
        del jobs
        raise InvalidInputError(f"jobs must be a list with a mapping for each job, not {name}")
    return [
        {key: value if key in _PUBLIC_KEYWORDS else hidden(value) for key, value in job.items()}
        if isinstance(job, Mapping)
        else WrongType.of(job)
        for job in jobs
    ]


def hidden_url(url: Any) -> Any:
    """Return a URL or a name; its `repr` does not show a password in it."""
    return SecretText(url) if isinstance(url, str) and "@" in url else url


def checked_token(token: object) -> SecretText:
    """Return a token that fits into a header, without the word `Bearer` in front of it.

    Raises:
        InvalidInputError: If it does not fit. The message never shows the token.
    """
    token = SecretText(token if isinstance(token, str) else "")
    token = SecretText(re.sub(_SCHEME, "", token.strip(), count=1))
    if not re.fullmatch(_PRINTABLE, token):
        raise InvalidInputError(
            "token must be a text of visible ASCII characters without blanks, not empty"
        )
    return token


# Values of settings. Each function checks a value from any source: argument, environment variable,
# profile or `config set`. It returns the value in the form that clients use.

_LAST_PORT = 65535
# 24 days. A socket counts milliseconds, up to 2**31: a longer time-out would end at once.
_LONGEST_TIMEOUT = 2_147_483
_VERSION_IN_URL = r"v\d+(\.\d+)*"
_VERSION = r"[A-Za-z0-9][A-Za-z0-9._-]*"
_REGISTRY_PARTS = ("url", "username", "secret")


def check_table(name: str, value: object) -> dict[str, Any]:
    """Return a table of TOML."""
    if not isinstance(value, dict):
        raise InvalidInputError(f"{name} must be a table")
    return value


def check_path(name: str, value: Any) -> Path:
    """Return a path with the home directory in place of `~`."""
    try:
        path = Path(value).expanduser()
        is_possible = b"\0" not in os.fsencode(path)
    except (TypeError, UnicodeEncodeError):
        is_possible = False
    except RuntimeError:
        raise InvalidInputError(f"{name}: there is no home directory for {value!r}") from None
    if not is_possible:
        raise InvalidInputError(f"{name} must be a path; not {value!r}")
    return path


def check_timeout(name: str, value: Any) -> float:
    """Return the seconds of a time-out that a socket can have."""
    return check_number(name, number_of(value), maximum=_LONGEST_TIMEOUT, unit=" seconds")


def check_server(name: str, value: object) -> str:
    """Return the URL of a platform without a slash at its end, or `local`."""
    if value == "local":
        return "local"
    if not isinstance(value, str):
        raise InvalidInputError(f"{name} must be a URL or 'local', not {type(value).__name__}")
    # Any message about such a text could show a password.
    if "@" in value:
        raise InvalidInputError(
            f"{name} must not contain '@', a user or a password: use a token instead"
        )
    try:
        url = httpx.URL(value)
        url.host.encode("idna")
    except (httpx.InvalidURL, UnicodeError) as error:
        raise InvalidInputError(f"{name} must be a URL or 'local': {error}") from None
    is_odd = " " in value or url.query or url.fragment or not 0 < (url.port or 1) <= _LAST_PORT
    if url.scheme not in ("http", "https") or not url.host or is_odd:
        raise InvalidInputError(
            f"{name} must be 'local' or a URL like https://ws-uv.canfar.net/skaha; not {value!r}"
        )
    last_segment = url.path.rstrip("/").rpartition("/")[2]
    if re.fullmatch(_VERSION_IN_URL, last_segment):
        raise InvalidInputError(
            f"{name} must not end in the version: remove /{last_segment}, and set version to "
            f"{last_segment!r}; not {value!r}"
        )
    return value.rstrip("/")


def check_version(name: str, value: object) -> str:
    """Return the version of the API: one segment of a path."""
    if not isinstance(value, str) or not re.fullmatch(_VERSION, value):
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
    return value if callable(value) else checked_token(value)


def check_registry_part(name: str, value: object) -> Any:
    """Return the URL, the username or the secret of a registry; `name` begins with `registry_`."""
    others: dict[str, Any] = {"username": "a-name", "secret": "a-secret"}
    # The constructor checks each part.
    ContainerRegistry(**others | {name.removeprefix("registry_"): value})
    return value


def check_registry(value: object) -> ContainerRegistry:
    """Return the credentials for private images, also from a dictionary of its arguments.

    Raises:
        InvalidInputError: If it is something else, or a key or a value is wrong.
    """
    if isinstance(value, ContainerRegistry):
        return value
    if not isinstance(value, Mapping):
        raise InvalidInputError(
            "registry must be a skaha.models.ContainerRegistry, or a dictionary like "
            '{"username": ..., "secret": ...}'
        )
    parts = {str(key): part for key, part in value.items() if part is not None}
    for key in parts:
        if key not in _REGISTRY_PARTS:
            allowed = ", ".join(_REGISTRY_PARTS)
            raise InvalidInputError(f"registry: unknown key {key!r}; it is one of {allowed}")
    # Only the secret is hidden in a `repr`.
    return ContainerRegistry(
        **{key: part if key == "secret" else str(part) for key, part in parts.items()}
    )
