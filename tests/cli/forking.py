"""Run the program in a process of its own, without its start: fork a process that has imported it.

`python forking.py N` serves the requests at the socket N. A request has the words of the command
line, the environment, the directory and the three standard streams; the response is the exit code.
"""

import gc
import json
import os
import socket
import subprocess
import sys
import traceback

MAX_BYTES = 1 << 20


class Forker:
    """A process that forks for each run of the program."""

    def __init__(self):
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._socket = ours
        self._process = subprocess.Popen(
            [sys.executable, __file__, str(theirs.fileno())],
            pass_fds=[theirs.fileno()],
            env=os.environ | {"PYTHONWARNINGS": "error::ResourceWarning"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
        )
        theirs.close()
        ours.settimeout(60)

    def run(self, words, env, cwd, streams):
        """Run the program; return its exit code."""
        request = json.dumps([words, env, str(cwd)]).encode()
        socket.send_fds(self._socket, [request], [stream.fileno() for stream in streams])
        return int(self._socket.recv(MAX_BYTES))

    def close(self):
        self._socket.close()
        with self._process:
            pass


def serve(connection):
    """Fork for each request, until the other end closes."""
    while True:
        request, streams, _, _ = socket.recv_fds(connection, MAX_BYTES, 3)
        if not request:
            return
        sys.stdout.flush()
        process = os.fork()
        if process == 0:
            run(*json.loads(request), streams)
        for stream in streams:
            os.close(stream)
        _, status = os.waitpid(process, 0)
        connection.send(str(os.waitstatus_to_exitcode(status)).encode())


def run(words, env, cwd, streams):
    """Become the program."""
    code = 1
    try:
        for number, stream in enumerate(streams):
            os.dup2(stream, number)
        os.environ.clear()
        os.environ.update(env)
        os.chdir(cwd)
        sys.argv = ["skaha", *words]
        main()
    except SystemExit as stop:
        code = stop.code
    except BaseException:  # noqa: BLE001  (shown like any error of a program)
        traceback.print_exc()
    finally:
        gc.collect()
        sys.stdout.flush()
        os._exit(code)


if __name__ == "__main__":
    from skaha import AsyncSession, Context, Images, Overview, Session  # noqa: F401
    from skaha.cli import _app, main  # noqa: F401

    serve(socket.socket(fileno=int(sys.argv[1])))
