"""Start the program many times: fork a process that has imported its modules already.

Each run is a process of its own, with its own environment, folder and standard streams. It saves
the time of the interpreter's start and of the imports. Run as a program, this file reads one job
in JSON for each line of the file descriptor `argv[1]`, and prints the exit code.
"""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path


class ForkingServer:
    """A process that runs the program once for each job."""

    def __enter__(self):
        self._folder = tempfile.TemporaryDirectory()
        reader, self._writer = os.pipe()
        with os.fdopen(reader, "rb"):
            self._process = subprocess.Popen(
                [sys.executable, __file__, str(reader)],
                env=os.environ | {"PYTHONWARNINGS": "error::ResourceWarning"},
                pass_fds=[reader],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
            )
        return self

    def __exit__(self, *_):
        os.close(self._writer)
        with self._process, self._folder:
            pass

    def run(self, words, *, env, stdin=b"", cwd=".", timeout=60):
        """Run the program with the words; return its exit code, its output and its errors."""
        streams = [Path(self._folder.name, name) for name in ("stdin", "stdout", "stderr")]
        streams[0].write_bytes(stdin)
        job = {"words": words, "env": env, "cwd": str(Path(cwd).absolute()), "timeout": timeout}
        job["streams"] = [str(stream) for stream in streams]
        os.write(self._writer, json.dumps(job).encode() + b"\n")
        code = int(self._process.stdout.readline())
        return code, *(stream.read_bytes() for stream in streams[1:])


def _next_job(commands):
    """Return the next job, in a new process; exit after the last job."""
    for line in commands:
        if (child := os.fork()) == 0:
            return json.loads(line)
        _, status = os.waitpid(child, 0)
        os.write(1, b"%d\n" % os.waitstatus_to_exitcode(status))
    sys.exit()


def _main():
    import gc
    import pkgutil
    import signal

    import skaha._sync
    import skaha._transport._sync
    import skaha.cli.commands
    import skaha.config

    for package in (
        skaha._sync,
        skaha._transport._sync,
        skaha.cli,
        skaha.cli.commands,
        skaha.config,
    ):
        for module in pkgutil.iter_modules(package.__path__, f"{package.__name__}."):
            if not module.name.endswith("__main__"):
                __import__(module.name)
    # A collection at the end of a program would copy the memory that it shares with this process.
    gc.collect()
    gc.freeze()

    with os.fdopen(int(sys.argv[1]), "rb") as commands:
        job = _next_job(commands)
    signal.alarm(job["timeout"])  # ends a program that hangs
    os.environ.clear()
    os.environ.update(job["env"])
    os.chdir(job["cwd"])
    for number, path in enumerate(job["streams"]):
        flags = os.O_RDONLY if number == 0 else os.O_WRONLY | os.O_CREAT | os.O_TRUNC
        file = os.open(path, flags)
        os.dup2(file, number)
        os.close(file)
    sys.argv = ["skaha", *job["words"]]
    skaha.cli.main()


if __name__ == "__main__":
    _main()
