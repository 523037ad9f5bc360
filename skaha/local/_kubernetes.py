"""Texts and rules of Kubernetes: events of a session, errors of a start, and names.

The real platform passes on the texts of Kubernetes. Therefore those texts must stay as they are,
byte for byte. Only the events of an end, of a started command and of a session behind a larger
session have words of our own.
"""

import json
import re
import signal
import uuid
from datetime import UTC, datetime

from skaha.local._session import Event

_LABEL_VALUE_LENGTH = 63
_LABEL_VALUE = re.compile(r"([A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?)?")
_VARIABLE_NAME = re.compile(r"[ -<>-~]+")
_HOST_NAME_LENGTH = 63

# A shell reports an end by signal n as exit status 128 + n.
_SIGNAL_STATUS = 128


def is_label_value(text: str) -> bool:
    """Return whether a text is a valid value of a label."""
    return _LABEL_VALUE.fullmatch(text) is not None


def label_value_problem(text: str) -> str:
    """Return the reason why a text is no value of a label."""
    if len(text) > _LABEL_VALUE_LENGTH:
        return f"label value exceeds {_LABEL_VALUE_LENGTH} characters"
    return "label value must match Kubernetes label value syntax"


def is_host_name(name: str) -> bool:
    """Return whether a session's name is also a valid host name of its pod."""
    return len(name) <= _HOST_NAME_LENGTH and not name.startswith("-") and not name.endswith("-")


def is_variable_name(name: str) -> bool:
    """Return whether a pod accepts an environment variable of this name, from release 1.34 on."""
    return _VARIABLE_NAME.fullmatch(name) is not None


def job_not_found(name: str) -> str:
    """Return the error of the Java client of Kubernetes about a job that does not exist."""
    status = {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Failure",
        "message": f'jobs.batch "{name}" not found',
        "reason": "NotFound",
        "details": {"name": name, "group": "batch", "kind": "jobs"},
        "code": 404,
    }
    body = json.dumps(status, separators=(",", ":")) + "\n"
    headers = {
        "audit-id": uuid.uuid4(),
        "cache-control": "no-cache, private",
        "content-length": len(body),
        "content-type": "application/json",
        "date": datetime.now(UTC).strftime("%a, %d %b %Y %H:%M:%S GMT"),
        "x-kubernetes-pf-flowschema-uid": uuid.uuid4(),
        "x-kubernetes-pf-prioritylevel-uid": uuid.uuid4(),
    }
    header_text = ", ".join(f"{key}=[{value}]" for key, value in headers.items())
    return (
        "io.kubernetes.client.openapi.ApiException: Message: \nHTTP response code: 404\n"
        f"HTTP response body: {body}\nHTTP response headers: {{{header_text}}}"
    )


def scheduled(session_id: str, node: str) -> Event:
    """Return the event of a session that got a node; the scheduler's events have no time."""
    return Event("Normal", "Scheduled", f"Successfully assigned {session_id} to {node}")


def failed_scheduling(resources: list[str]) -> Event:
    """Return the event of a session that waits for resources (`cpu`, `memory`)."""
    shortages = " ".join(f"1 Insufficient {resource}." for resource in resources)
    return Event("Warning", "FailedScheduling", f"0/1 nodes are available: {shortages}")


def queued_behind(session_id: str, resources: list[str]) -> Event:
    """Return the event of a session that fits, but waits for an earlier session that does not."""
    text = (
        f"the earlier session {session_id} starts first, and needs more {' and '.join(resources)}"
    )
    return Event("Warning", "FailedScheduling", f"0/1 nodes are available: {text}.")


def image_pull_failed(image: str, reason: str, at: float) -> list[Event]:
    """Return the events of an image that cannot be pulled."""
    return [
        Event("Normal", "Pulling", f'Pulling image "{image}"', at),
        Event("Warning", "Failed", f'Failed to pull image "{image}": {reason}', at),
        Event("Warning", "Failed", "Error: ErrImagePull", at),
        Event("Normal", "BackOff", f'Back-off pulling image "{image}"', at),
        Event("Warning", "Failed", "Error: ImagePullBackOff", at),
    ]


def start_failed(reason: str, at: float) -> Event:
    """Return the event of a container that cannot start."""
    return Event("Warning", "Failed", f"Error: failed to start container: {reason}", at)


def started(session_id: str, at: float) -> Event:
    """Return the event of a command that started."""
    return Event("Normal", "Started", f"Started the command of session {session_id}", at)


def exited(status: int | None, at: float) -> Event:
    """Return the event of a command that ended; `status` is `None` if its status is lost."""
    if status == 0:
        return Event("Normal", "Completed", "Exit status 0", at)
    if status is None:
        message = "Ended without an exit status: it was killed, or the machine was restarted"
    elif status < 0:
        message = f"Killed by signal {-status}"
    elif status - _SIGNAL_STATUS in signal.valid_signals():
        message = f"Exit status {status}: killed by signal {status - _SIGNAL_STATUS}"
    else:
        message = f"Exit status {status}"
    return Event("Warning", "Failed", message, at)


def deadline_exceeded(at: float) -> Event:
    """Return the event of a session that reached its expiry."""
    return Event("Warning", "DeadlineExceeded", "Active longer than its lifetime", at)


def killed(at: float) -> Event:
    """Return the event of a session that ended with the platform."""
    return Event("Warning", "Killing", "The platform was stopped", at)


def internal_error(error: Exception, at: float) -> Event:
    """Return the event of a session that the platform can no longer supervise."""
    return Event("Warning", "Failed", f"The platform cannot supervise it: {error}", at)


def executable_not_found(program: str) -> str:
    """Return the reason of a start that failed: the program is not on the path."""
    return f'exec: "{program}": executable file not found in $PATH'


def no_such_file(program: str, file: object) -> str:
    """Return the reason of a start that failed: the file does not exist."""
    return f'exec: "{program}": stat {file}: no such file or directory'


def permission_denied(program: str) -> str:
    """Return the reason of a start that failed: the file is not a program."""
    return f'exec: "{program}": permission denied'


def cannot_execute(program: str, reason: str) -> str:
    """Return the reason of a start that failed: the system cannot execute the program."""
    return f'exec: "{program}": {reason[:1].lower()}{reason[1:]}'
