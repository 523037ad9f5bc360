"""What makes an acceptable launch, checked in the server's own order."""

import math
import re
import secrets
import string
import time
from collections.abc import Container

from attrs import asdict, frozen

from skaha.local._machine import CORES_LIMIT, CORES_REQUEST, GPU_OPTIONS, RAM_LIMIT, RAM_REQUEST
from skaha.local._session import KINDS, Session
from skaha.local._wire._command import arguments, environment, substituted
from skaha.local._wire._images import check_access, check_label, check_name
from skaha.local._wire._old import default_amount
from skaha.local._wire._platform import UNLIMITED, Platform
from skaha.local._wire._refusal import BrokenError, InvalidError
from skaha.local._wire._servlet import Call

_NAME = re.compile(r"[A-Za-z0-9-]+")
_DECIMAL = re.compile(r"\s*[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?\s*")
_WHOLE = re.compile(r"[+-]?\d{1,9}")
_LONGEST_NAME = 63
_ATTEMPTS = 20

NOT_CREATED = "java.lang.IllegalStateException: the job was not created"

# What these kinds request, whatever was asked for.
_OWN_REQUESTS = {"desktop": (0.25, 1.0, False), "firefly": (0.1, 4.0, True)}
_OWN_LIMITS = (1.0, 4.0)


@frozen
class Resources:
    """What a session requests and may use, and whether memory is the same in both."""

    cores: float
    ram: float
    fixed: bool
    cores_limit: float
    ram_limit: float


def new_session(call: Call) -> Session:
    """Return the session that a create request asks for.

    Raises:
        RefusalError: The first thing that the server would object to.
    """
    given, old = call.parameters, call.platform.profile.old
    image = check_name(given.first("image"))
    if old:
        # The older server looks at the image first, and at its label.
        check_access(image, call.registry_auth)
        check_label(image, given.filled("type") or "headless")
    kind = _kind(given.filled("type"))
    resources = read_resources(call, kind)
    name = _name(given.first("name"), old=old)
    _check_limit(call.platform, kind)
    gpus = _gpus(given.first("gpus") if old else given.filled("gpus"))
    if not old:
        check_access(image, call.registry_auth)
    headless = kind == "headless"
    cmd, args = given.first("cmd") if headless else None, given.first("args") if headless else None
    session = Session(
        id=new_id(call.platform),
        name=name.lower(),
        image=image,
        kind=kind,
        **asdict(resources),
        gpus=gpus,
        cmd=None if cmd is None else substituted(cmd),
        args=None if args is None else arguments(args),
        env=environment(given.all("env")) if headless else (),
        created=time.time(),
        lifetime=call.platform.options.lifetime(kind),
    )
    if session.name.startswith("-") and not old:
        raise InvalidError("canfar.net/name label value cannot be blank")
    return session


def read_resources(call: Call, kind: str) -> Resources:
    """Return what `cores` and `ram` come to for a session of this kind."""
    machine = call.platform.machine
    cores = _amount(call, "cores", machine.cores_options)
    ram = _amount(call, "ram", machine.ram_options)
    if kind in _OWN_REQUESTS:
        return Resources(*_OWN_REQUESTS[kind], *_OWN_LIMITS)
    if call.platform.profile.old:
        # A limit is never more than the request.
        cores, ram = cores or default_amount("cores", kind), ram or default_amount("ram", kind)
        return Resources(cores, ram, True, cores, ram)
    return Resources(
        cores=cores or CORES_REQUEST,
        ram=ram or RAM_REQUEST,
        fixed=ram is not None,
        cores_limit=cores or float(CORES_LIMIT),
        ram_limit=ram or float(RAM_LIMIT),
    )


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


def _kind(given: str | None) -> str:
    kind = (given or "headless").strip().lower()
    if kind not in KINDS:
        raise InvalidError(f"Invalid session type: {given}")
    return kind


def _amount(call: Call, name: str, options: Container[int]) -> float | None:
    old = call.platform.profile.old
    raw = call.parameters.first(name) if old else call.parameters.filled(name)
    if raw is None:
        return None
    amount = float(raw) if (_WHOLE if old else _DECIMAL).fullmatch(raw) else math.inf
    # The server looks only at the whole part.
    if not math.isfinite(amount) or int(amount) not in options:
        raise InvalidError(f"Invalid value for '{name}': {raw}")
    return amount


def _name(name: str | None, *, old: bool) -> str:
    if name is None or not (old or name.strip()):
        raise InvalidError("Missing parameter 'name'")
    if not name.strip():
        raise InvalidError("name must have a value")
    if not _NAME.fullmatch(name):
        raise InvalidError("name can only contain alpha-numeric chars and '-'")
    return name


def _check_limit(platform: Platform, kind: str) -> None:
    if kind in UNLIMITED:
        return
    profile = platform.profile
    counted = [
        session
        for session in platform.store.listed()
        if session.kind not in UNLIMITED and profile.status(session.phase) in profile.counted
    ]
    if len(counted) >= profile.limit:
        text = f"has reached the maximum of {profile.limit} active sessions."
        raise InvalidError(f"User {platform.user} {text}")


def _gpus(raw: str | None) -> int:
    if raw is None:
        return 0
    if not _WHOLE.fullmatch(raw) or int(raw) not in GPU_OPTIONS:
        raise InvalidError(f"Invalid value for 'gpus': {raw}")
    return int(raw)


def job_refusal(session: Session) -> str | None:
    """Return what Kubernetes would object to once everything else is right, in Java's words."""
    if session.kind == "desktop-app":
        return "java.nio.file.NoSuchFileException: launch-desktop_app.yaml"
    name = session.name
    hostname = len(name) <= _LONGEST_NAME and not name.startswith("-") and not name.endswith("-")
    variables = all(re.fullmatch(r"[-._a-zA-Z][-._a-zA-Z0-9]*", name) for name, _ in session.env)
    return None if hostname and variables else NOT_CREATED
