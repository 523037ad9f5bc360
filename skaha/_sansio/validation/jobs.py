"""Validation of the image, the name and the keywords of a launch."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import Any, get_args

from skaha._sansio.carriable import GARBLED, YAML_WORD
from skaha._sansio.names import MAX_NAME_LENGTH, allowed_name
from skaha._sansio.validation.numbers import check_count
from skaha._sansio.validation.secrets import WrongType
from skaha._sansio.validation.words import check_launch_kind
from skaha.errors import InvalidInputError
from skaha.models import KINDS, LaunchOptions, plain_text

NAME = r"[A-Za-z0-9-]+"
"""Characters of the names of sessions."""

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
    return plain_text(value)


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
    if isinstance(name, str) and "/" in name and _full_reference(name) == name:
        raise InvalidInputError(
            f"name is {name!r}, which is the reference of an image: give the name first, and then "
            "the image"
        )
    if not isinstance(name, str) or not re.fullmatch(NAME, name):
        raise InvalidInputError(
            f"name must consist of letters, digits and '-', and not be empty; not {name!r}"
            f"{_for_example(name)}"
        )
    if name.startswith("-"):
        raise InvalidInputError(
            f"name must begin with a letter or a digit; not {name!r}{_for_example(name)}"
        )
    return plain_text(name)


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


def check_run_options(class_name: str, options: Mapping[str, Any]) -> None:
    """Check the arguments that `run` passes on to `create`.

    Raises:
        TypeError: If `create` has no such argument. The message of Python would name `create`.
        InvalidInputError: If the sessions do not end by themselves.
    """
    for keyword in options.keys() - LaunchOptions.__annotations__.keys():
        raise TypeError(f"{class_name}.run() got an unexpected keyword argument {keyword!r}")
    kind = check_launch_kind(options.get("kind", "headless"))
    if kind != "headless":
        raise InvalidInputError(
            f"run waits for the end of its sessions, and a session of the kind {kind} does not end "
            "by itself: use create, and then connect"
        )


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
