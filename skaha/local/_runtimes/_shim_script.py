"""The shim: the first process of a session, which starts the command.

It writes its process id before the command, and the exit status after the command: a new daemon
reads both after a kill of the old daemon.

With ``--adopt``, it keeps all processes of the session together, like the first process of a
container. On Linux, it adopts the processes that detach themselves, also those with an empty
environment. When the command ends, it kills the processes that remain.

The daemon runs this file as a script,
``_shim_script.py [--adopt] DESCRIPTOR DIRECTORY PROGRAM ARGUMENT...``. The start of the command
closes the descriptor; if the command cannot start, the reason is written to it. The start of this
script delays each session, so it imports only small modules of the standard library.
"""

import os
import signal
import sys

_PR_SET_CHILD_SUBREAPER = 36
_EXEC_FAILED = 126
# A shell reports an end by signal n as exit status 128 + n.
_SIGNAL_STATUS = 128
_FORWARDED_SIGNALS = (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGTERM)
_IGNORED_BY_PYTHON = (signal.SIGPIPE, signal.SIGXFSZ)


def main(arguments: list[str]) -> int:
    """Run a command; return its exit status."""
    if arguments[0] == "--adopt":
        arguments = arguments[1:]
        _adopt_orphans()
    descriptor, directory, *command = arguments
    _write(directory, "pid", os.getpid())
    child = _start(command, int(descriptor))
    status = _wait_for(child)
    for number in _FORWARDED_SIGNALS:
        signal.signal(number, signal.SIG_IGN)
    _write(directory, "exit", status)
    _end_children()
    return status


def _adopt_orphans() -> None:
    """Become the parent of all descendants whose parent ends; only Linux can do this."""
    if sys.platform == "linux":
        import ctypes

        ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def _start(command: list[str], started: int) -> int:
    environment = _environment()
    # The start of the command closes it.
    os.set_inheritable(started, False)
    # From here on, no signal may end this process alone.
    signal.pthread_sigmask(signal.SIG_BLOCK, _FORWARDED_SIGNALS)
    child = os.fork()
    if child:
        os.close(started)
        _forward_signals(child)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _FORWARDED_SIGNALS)
        return child
    try:
        # A program that kills its process group does not reach the shim.
        os.setsid()
        for number in (*_FORWARDED_SIGNALS, *_IGNORED_BY_PYTHON):
            signal.signal(number, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _FORWARDED_SIGNALS)
        os.execve(command[0], command, environment)  # noqa: S606 - there is no shell
    except OSError as error:
        os.write(started, str(error.strerror).encode())
    finally:
        os._exit(_EXEC_FAILED)


def _forward_signals(child: int) -> None:
    def forward(number: int, _: object) -> None:
        try:
            os.kill(child, number)
        except ProcessLookupError:
            return

    for number in _FORWARDED_SIGNALS:
        signal.signal(number, forward)


def _environment() -> dict[bytes, bytes]:
    """Return the environment of this process at its start.

    Python itself adds `LC_CTYPE` in some locales, and the command must not see that.
    """
    try:
        with open("/proc/self/environ", "rb") as file:  # noqa: PTH123 - pathlib is slow to import
            block = file.read()
    except OSError:
        return dict(os.environb)
    entries = (entry.partition(b"=") for entry in block.split(b"\0") if entry)
    return {name: value for name, _, value in entries}


def _wait_for(child: int) -> int:
    """Wait for the command, and reap all processes that end before it."""
    while True:
        pid, status = os.waitpid(-1, 0)
        if pid == child:
            code = os.waitstatus_to_exitcode(status)
            return _SIGNAL_STATUS - code if code < 0 else code


def _end_children() -> None:
    """Kill all descendants: those of a killed process become children of this process."""
    try:
        while True:
            # First reap the processes that have ended. Without children, this raises.
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
            if _kill(_children()) == 0:
                # The rest has more rights than this process.
                return
            os.waitpid(-1, 0)
    except ChildProcessError:
        return


def _children() -> list[int]:
    own_pid = os.getpid()
    pids = os.listdir("/proc")  # noqa: PTH208 - pathlib is slow to import
    return [int(pid) for pid in pids if pid.isdigit() and _parent(pid) == own_pid]


def _parent(pid: str) -> int | None:
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:  # noqa: PTH123 - pathlib is slow to import
            text = file.read()
    except OSError:
        return None
    # The name of the program before the bracket may contain anything.
    return int(text.rpartition(b")")[2].split()[1])


def _kill(pids: list[int]) -> int:
    """Kill processes; return the number of those that this process may kill."""
    number = 0
    for pid in pids:
        try:
            os.kill(pid, signal.SIGKILL)
            number += 1
        except PermissionError:
            continue
    return number


def _write(directory: str, name: str, number: int) -> None:
    # One write: a reader sees the whole line or nothing. The disk may be full.
    try:
        descriptor = os.open(f"{directory}/{name}", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        os.write(descriptor, b"%d\n" % number)
    except OSError:
        return


if __name__ == "__main__":
    os._exit(main(sys.argv[1:]))
