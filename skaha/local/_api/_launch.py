"""Checks of a launch, in the order of the real server."""

import math
import re
import secrets
import string
import time
from collections.abc import Container

from attrs import asdict, frozen

from skaha.local._api._command import parse_command
from skaha.local._api._endpoint import ApiRequest
from skaha.local._api._errors import BadRequestError, InternalServerError
from skaha.local._api._images import check_access, check_registry, check_type
from skaha.local._api._platform import NON_INTERACTIVE_KINDS, Platform
from skaha.local._api._v0 import default_request
from skaha.local._api._yaml_words import arrives_as_text
from skaha.local._kubernetes import is_host_name, is_variable_name, job_not_found
from skaha.local._lifetimes import lifetime
from skaha.local._machine import CORES_LIMIT, CORES_REQUEST, GPU_OPTIONS, RAM_LIMIT, RAM_REQUEST
from skaha.local._session import KINDS, Session

_NAME = re.compile(r"[A-Za-z0-9-]+")
# The notation of numbers in Java: decimal or hexadecimal, with an optional suffix.
_DECIMAL = re.compile(r"([+-]?([0-9]+(?:\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?)[fFdD]?")
_HEXADECIMAL = re.compile(
    r"([+-]?0[xX]([0-9a-fA-F]+(?:\.[0-9a-fA-F]*)?|\.[0-9a-fA-F]+)[pP][+-]?[0-9]+)[fFdD]?"
)
_INTEGER = re.compile(r"[+-]?\d{1,9}")
_ID_ATTEMPTS = 20

# These kinds ignore the requested resources: cores, GiB of memory, and whether they are fixed.
_FIXED_REQUESTS = {"desktop": (0.25, 1.0, False), "firefly": (0.1, 4.0, True)}
_FIXED_LIMITS = (1.0, 4.0)


@frozen
class Resources:
    """The requests and the limits of a session.

    Attributes:
        cores: The requested cores.
        ram: The requested memory in GiB.
        fixed: Whether the requested memory is also the limit.
        cores_limit: The cores that the session may use.
        ram_limit: The memory that the session may use, in GiB.
    """

    cores: float
    ram: float
    fixed: bool
    cores_limit: float
    ram_limit: float


def new_session(request: ApiRequest) -> Session:
    """Return the session that a create request describes.

    Raises:
        ApiError: The first error that the server would find.
    """
    parameters, is_v0 = request.parameters, request.platform.profile.is_v0
    image = check_registry(parameters.first("image"))
    if is_v0:
        # The v0 server checks the access to the image first, and then its type.
        check_access(image, request.registry_auth)
        check_type(image, parameters.non_blank("type") or "headless")
    kind = _check_kind(parameters.non_blank("type"), is_v0=is_v0)
    resources = read_resources(request, kind)
    name = _check_name(parameters.first("name"), is_v0=is_v0)
    _check_session_count(request.platform, kind)
    gpus = _check_gpus(parameters.first("gpus") if is_v0 else parameters.non_blank("gpus"))
    if not is_v0:
        check_access(image, request.registry_auth)
    command = parse_command(None, None, [])
    if kind == "headless":
        command = parse_command(
            parameters.first("cmd"), parameters.first("args"), parameters.all("env")
        )
    now = time.time()
    session = Session(
        id=new_id(request.platform),
        name=name.lower(),
        image=image,
        kind=kind,
        **asdict(resources),
        gpus=gpus,
        cmd=command.cmd,
        args=command.args,
        env=command.env,
        created=now,
        started=None if is_v0 else now,
        lifetime=lifetime(request.platform.options, kind),
    )
    if session.name.startswith("-") and not is_v0:
        raise BadRequestError("canfar.net/name label value cannot be blank")
    return session


def read_resources(request: ApiRequest, kind: str) -> Resources:
    """Return the resources of a session, from the parameters `cores` and `ram`."""
    machine = request.platform.machine
    cores = _check_amount(request, "cores", machine.cores_options)
    ram = _check_amount(request, "ram", machine.ram_options)
    if kind in _FIXED_REQUESTS:
        return Resources(*_FIXED_REQUESTS[kind], *_FIXED_LIMITS)
    if request.platform.profile.is_v0:
        # On the v0 server, the limits are the requests.
        cores, ram = cores or default_request("cores", kind), ram or default_request("ram", kind)
        return Resources(cores, ram, True, cores, ram)
    return Resources(
        cores=cores or CORES_REQUEST,
        ram=ram or RAM_REQUEST,
        fixed=ram is not None,
        cores_limit=cores or float(CORES_LIMIT),
        ram_limit=ram or float(RAM_LIMIT),
    )


def new_id(platform: Platform, length: int = 8, session_id: str = "") -> str:
    """Return an unused id: of a session, or of an app of the desktop `session_id`."""
    alphabet = string.ascii_lowercase + string.digits
    for _ in range(_ID_ATTEMPTS):
        rest = (secrets.choice(alphabet) for _ in range(length - 1))
        new = secrets.choice(string.ascii_lowercase) + "".join(rest)
        key = (session_id, new) if session_id else (new,)
        if not platform.store.id_exists(*key):
            return new
    raise InternalServerError("java.lang.IllegalStateException: no free identifier")


def job_error(platform: Platform, session: Session) -> str | None:
    """Return the Java exception of a job that Kubernetes would refuse, or `None`."""
    if session.kind == "desktop-app":
        return "java.nio.file.NoSuchFileException: /config/launch-desktop_app.yaml"
    names = [name for name, _ in session.env]
    texts = [session.name, session.cmd or "", *(session.args or ()), *names]
    texts += [value for _, value in session.env]
    is_accepted = is_host_name(session.name) and all(map(is_variable_name, names))
    if is_accepted and all(map(arrives_as_text, texts)):
        return None
    return job_not_created(platform, session)


def job_not_created(platform: Platform, session: Session) -> str:
    """Return the Java exception of a job that is missing: the server does not see the reason."""
    return f"java.lang.RuntimeException: {job_not_found(platform.job_name(session))}"


def _check_kind(value: str | None, *, is_v0: bool) -> str:
    kind = (value or "headless").lower()
    kind = kind if is_v0 else kind.strip()
    if kind not in KINDS:
        raise BadRequestError(f"Invalid session type: {value}")
    return kind


def _check_amount(request: ApiRequest, name: str, options: Container[int]) -> float | None:
    is_v0 = request.platform.profile.is_v0
    value = request.parameters.first(name) if is_v0 else request.parameters.non_blank(name)
    if value is None:
        return None
    amount = _integer(value) if is_v0 else _double(value)
    # The server checks only the integer part.
    if not math.isfinite(amount) or int(amount) not in options:
        raise BadRequestError(f"Invalid value for '{name}': {value}")
    return amount


def _integer(value: str) -> float:
    """Return a number as Java reads an integer; infinity if it is none."""
    return float(value) if _INTEGER.fullmatch(value) else math.inf


def _double(value: str) -> float:
    """Return a number as Java reads a double; infinity if it is none or too large."""
    value = value.strip()
    if match := _DECIMAL.fullmatch(value):
        return float(match[1])
    match = _HEXADECIMAL.fullmatch(value)
    try:
        return float.fromhex(match[1]) if match else math.inf
    except OverflowError:
        return math.inf


def _check_name(name: str | None, *, is_v0: bool) -> str:
    if name is None or not (is_v0 or name.strip()):
        raise BadRequestError("Missing parameter 'name'")
    if not name.strip():
        raise BadRequestError("name must have a value")
    if not _NAME.fullmatch(name):
        raise BadRequestError("name can only contain alpha-numeric chars and '-'")
    return name


def _check_session_count(platform: Platform, kind: str) -> None:
    if kind in NON_INTERACTIVE_KINDS:
        return
    profile = platform.profile
    counted = [
        session
        for session in platform.store.all()
        if session.kind not in NON_INTERACTIVE_KINDS
        and profile.status(session.phase) in profile.counted_statuses
    ]
    if len(counted) >= profile.max_interactive:
        text = f"has reached the maximum of {profile.max_interactive} active sessions."
        raise BadRequestError(f"User {platform.user} {text}")


def _check_gpus(value: str | None) -> int:
    if value is None:
        return 0
    if not _INTEGER.fullmatch(value) or int(value) not in GPU_OPTIONS:
        raise BadRequestError(f"Invalid value for 'gpus': {value}")
    return int(value)
