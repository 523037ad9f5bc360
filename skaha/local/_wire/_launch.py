"""What makes an acceptable launch, checked in the server's own order."""

import base64
import binascii
import math
import re
import secrets
import string
import time
from collections.abc import Container

from attrs import frozen

from skaha.local._machine import CORES_REQUEST, GPU_OPTIONS, INTERACTIVE_LIMIT, RAM_REQUEST
from skaha.local._session import KINDS, Session
from skaha.local._wire._command import arguments, environment, substituted
from skaha.local._wire._platform import REGISTRY, Platform
from skaha.local._wire._refusal import BrokenError, InvalidError
from skaha.local._wire._servlet import Call

_NAME = re.compile(r"[A-Za-z0-9-]+")
_DECIMAL = re.compile(r"\s*[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?\s*")
_CACHED_IMAGE = re.compile(
    re.escape(REGISTRY) + r"/[^/\s]+/\S*[^/\s:]+(:[^/\s:]+|@sha256:[0-9a-f]+)"
)
_LONGEST_NAME = 63
_ATTEMPTS = 20

# What these kinds request, whatever was asked for.
_OWN_REQUESTS = {"desktop": (0.25, 1.0, False), "firefly": (0.1, 4.0, True)}


@frozen
class Resources:
    """What a session requests: cores, GiB, and whether the memory is also its limit."""

    cores: float
    ram: float
    fixed: bool


def new_session(call: Call) -> Session:
    """Return the session that a create request asks for.

    Raises:
        RefusalError: The first thing that the server would object to.
    """
    given = call.parameters
    image = _image(given.first("image"))
    kind = _kind(given.filled("type"))
    resources = read_resources(call, kind)
    name = _name(given.filled("name"))
    _check_limit(call.platform, kind)
    gpus = _gpus(given.filled("gpus"))
    _check_registry(image, call.registry_auth)
    headless = kind == "headless"
    cmd, args = given.first("cmd") if headless else None, given.first("args") if headless else None
    session = Session(
        id=new_id(call.platform),
        name=name.lower(),
        image=image,
        kind=kind,
        cores=resources.cores,
        ram=resources.ram,
        fixed=resources.fixed,
        gpus=gpus,
        cmd=None if cmd is None else substituted(cmd),
        args=None if args is None else arguments(args),
        env=environment(given.all("env")) if headless else (),
        created=time.time(),
        lifetime=call.platform.options.lifetime(kind),
    )
    _check_job(session)
    return session


def read_resources(call: Call, kind: str) -> Resources:
    """Return what `cores` and `ram` come to for a session of this kind."""
    machine = call.platform.machine
    cores = _amount(call, "cores", machine.cores_options)
    ram = _amount(call, "ram", machine.ram_options)
    if kind in _OWN_REQUESTS:
        return Resources(*_OWN_REQUESTS[kind])
    return Resources(cores or CORES_REQUEST, ram or RAM_REQUEST, fixed=ram is not None)


def new_id(platform: Platform, length: int = 8, session_id: str = "") -> str:
    """Return an id that is not taken: a session's, or with `session_id` an app's of it."""
    alphabet = string.ascii_lowercase + string.digits
    for _ in range(_ATTEMPTS):
        rest = (secrets.choice(alphabet) for _ in range(length - 1))
        new = secrets.choice(string.ascii_lowercase) + "".join(rest)
        taken = platform.store.taken(session_id, new) if session_id else platform.store.taken(new)
        if not taken:
            return new
    raise BrokenError("java.lang.IllegalStateException: no free identifier")


def _image(image: str | None) -> str:
    if image is None:
        raise InvalidError("Missing parameter 'image'")
    if not image.strip():
        raise InvalidError("image is required")
    if not image.startswith(REGISTRY):
        raise InvalidError(f"session image '{image}' must come from one of [{REGISTRY}]")
    return image


def _kind(given: str | None) -> str:
    kind = (given or "headless").strip().lower()
    if kind not in KINDS:
        raise InvalidError(f"Invalid session type: {given}")
    return kind


def _amount(call: Call, name: str, options: Container[int]) -> float | None:
    raw = call.parameters.filled(name)
    if raw is None:
        return None
    amount = float(raw) if _DECIMAL.fullmatch(raw) else math.inf
    # The server looks only at the whole part.
    if not math.isfinite(amount) or int(amount) not in options:
        raise InvalidError(f"Invalid value for '{name}': {raw}")
    return amount


def _name(name: str | None) -> str:
    if name is None:
        raise InvalidError("Missing parameter 'name'")
    if not _NAME.fullmatch(name):
        raise InvalidError("name can only contain alpha-numeric chars and '-'")
    return name


def _check_limit(platform: Platform, kind: str) -> None:
    if kind in {"headless", "desktop-app"}:
        return
    counted = [
        session
        for session in platform.store.listed()
        if session.kind not in {"headless", "desktop-app"}
        and session.phase.status in {"Running", "Pending"}
    ]
    if len(counted) >= INTERACTIVE_LIMIT:
        text = f"has reached the maximum of {INTERACTIVE_LIMIT} active sessions."
        raise InvalidError(f"User {platform.user} {text}")


def _gpus(raw: str | None) -> int:
    if raw is None:
        return 0
    if not re.fullmatch(r"[+-]?\d{1,9}", raw) or int(raw) not in GPU_OPTIONS:
        raise InvalidError(f"Invalid value for 'gpus': {raw}")
    return int(raw)


def _check_registry(image: str, header: str | None) -> None:
    # Every image of the registry is public here; what is no reference to one is not.
    if _CACHED_IMAGE.fullmatch(image):
        return
    if header is None:
        raise InvalidError(
            "No authentication provided for unknown or private image.  Use x-skaha-registry-auth"
            " request header with base64Encode(username:secret)."
        )
    try:
        credential = base64.b64decode(header, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        raise InvalidError("null") from None
    if [bool(part) for part in credential.split(":")] != [True, True]:
        raise InvalidError("Invalid input.  Must be in form of username:secret")


def _check_job(session: Session) -> None:
    """Refuse what Kubernetes would refuse once everything else is right."""
    if session.kind == "desktop-app":
        raise BrokenError("java.nio.file.NoSuchFileException: launch-desktop_app.yaml")
    if session.name.startswith("-"):
        raise InvalidError("canfar.net/name label value cannot be blank")
    hostname = len(session.name) <= _LONGEST_NAME and not session.name.endswith("-")
    variables = all(re.fullmatch(r"[-._a-zA-Z][-._a-zA-Z0-9]*", name) for name, _ in session.env)
    if not hostname or not variables:
        raise BrokenError("java.lang.IllegalStateException: the job was not created")
