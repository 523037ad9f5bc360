"""The state directory of a platform: its files, its locks, and the check of its owner."""

import errno
import json
import os
import secrets
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from attrs import frozen

from skaha.local._errors import PlatformError
from skaha.local._file_lock import FileLock
from skaha.local._models import Address
from skaha.local._private_directory import make_private_directory

_LOCK_TIMEOUT = 1.0
_POLL_INTERVAL = 0.02

# The database, the address and the log of a platform need less.
_FREE_SPACE = 256 * 1024


def default_state_directory() -> Path:
    """Return the path of this user's state directory.

    Raises:
        PlatformError: There is no home directory.
    """
    override = os.environ.get("SKAHA_LOCAL_STATE")
    if override:
        return Path(override)
    import platformdirs

    directory = Path()
    with suppress(RuntimeError):  # an older platformdirs returns a relative path
        directory = platformdirs.user_state_path("skaha") / "local"
    if not directory.is_absolute():
        raise PlatformError("there is no home directory: set SKAHA_LOCAL_STATE to a path")
    return directory


@frozen
class RunningPlatform:
    """The address and the process id of a running platform."""

    address: Address
    pid: int


@frozen
class StateDirectory:
    """A state directory.

    A platform holds the lock on the file `lock` as long as it lives. Therefore, while that lock is
    held, the file `address` is that of a running platform of this user.
    """

    root: Path

    @classmethod
    def open(cls, root: Path | None) -> "StateDirectory":
        """Create the directory, or check its owner, and close it to other users.

        Raises:
            PlatformError: The directory cannot be used.
        """
        directory = cls((root or default_state_directory()).absolute())
        try:
            make_private_directory(directory.root)
            directory._close_to_others()
        except OSError as error:
            message = f"cannot use the state directory: {error}; set SKAHA_LOCAL_STATE to another"
            raise PlatformError(message) from error
        return directory

    def _close_to_others(self) -> None:
        file_status = self.root.stat()
        if file_status.st_uid != os.getuid():
            raise PlatformError(f"{self.root} is not yours: choose another state directory")
        if file_status.st_mode & 0o077:
            # Do not close a directory that was named by mistake, like /tmp.
            if any(self.root.iterdir()) and not (self.root / "lock").exists():
                raise PlatformError(
                    f"{self.root} holds other files and is open to other users: choose a directory"
                    " for the platform alone"
                )
            self.root.chmod(0o700)

    @property
    def database(self) -> Path:
        """The file of the session records."""
        return self.root / "platform.db"

    @property
    def sessions(self) -> Path:
        """The directory of the session files, such as logs."""
        return self.root / "sessions"

    @property
    def images(self) -> Path:
        """The file that maps images to commands of this machine."""
        return self.root / "images.json"

    @property
    def log(self) -> Path:
        """The log file of a daemon in the background."""
        return self.root / "daemon.log"

    def publish(self, address: Address) -> None:
        """Write the address, so that other processes of this user find the platform."""
        self._write("token", address.token)
        self._write("address", _address_record(address))

    def secret_key(self) -> bytes:
        """Return the key of the sessions' secrets; create it if it does not exist."""
        if not self._key.exists():
            self._write(self._key.name, secrets.token_hex(32))
        return bytes.fromhex(self._key.read_text())

    def unpublish(self) -> None:
        """Remove the address of an earlier platform."""
        (self.root / "address").unlink(missing_ok=True)

    def withdraw(self, address: Address) -> None:
        """Remove the address that this process has written.

        Another platform may use the directory: somebody may have removed the directory, and thus
        the lock, while this platform was running.
        """
        with suppress(FileNotFoundError, NotADirectoryError):
            if (self.root / "address").read_text() == _address_record(address):
                self.unpublish()

    def check_space(self) -> None:
        """Check that the disk has room for the files of a platform.

        Raises:
            OSError: The disk is full.
        """
        try:
            with tempfile.TemporaryFile(dir=self.root, buffering=0) as file:
                if file.write(bytes(_FREE_SPACE)) == _FREE_SPACE:
                    return
                problem = errno.ENOSPC
        except OSError as error:
            problem = error.errno or errno.EIO
        raise OSError(problem, os.strerror(problem), str(self.root))

    def running_platform(self) -> RunningPlatform | None:
        """Return the platform of this directory if it runs and is ready."""
        if not self.is_locked():
            return None
        try:
            record: dict[str, Any] = json.loads((self.root / "address").read_text())
            address = Address(record["url"], (self.root / "token").read_text())
        except FileNotFoundError:
            return None
        return RunningPlatform(address, record["pid"])

    def wait_until_stable(self, seconds: float) -> RunningPlatform | None:
        """Wait while a platform starts or ends; return the running platform, if there is one.

        Raises:
            PlatformError: The platform neither starts nor ends within `seconds`.
        """
        deadline = time.monotonic() + seconds
        while self.is_locked():
            if running := self.running_platform():
                return running
            if time.monotonic() > deadline:
                raise self.not_ready_error()
            time.sleep(_POLL_INTERVAL)
        return None

    def not_ready_error(self) -> PlatformError:
        """Return the error of a platform that holds the lock, but has no address."""
        pid = self._lock.holder()
        command = "" if pid is None else f" with `kill -9 {pid}`"
        return PlatformError(
            f"the platform{_process(pid)} on {self.root} neither starts nor ends: end it{command}"
            " and try again, its sessions are kept"
        )

    def lock(self) -> FileLock:
        """Take the lock that a platform holds as long as it lives.

        Raises:
            PlatformError: Another platform holds the lock.
        """
        lock = self._lock
        if not lock.acquire(_LOCK_TIMEOUT):
            raise PlatformError(
                f"another platform{_process(lock.holder())} already runs on {self.root}: use it,"
                " or stop it with `python -m skaha.local stop`"
            )
        return lock

    @contextmanager
    def start_lock(self, seconds: float) -> Iterator[None]:
        """Hold the lock that lets only one process look for a platform and start it.

        Raises:
            PlatformError: Another process holds the lock for `seconds`.
        """
        lock = FileLock(self.root / "start.lock")
        if not lock.acquire(seconds):
            raise PlatformError(
                f"another program{_process(lock.holder())} has been starting the platform on"
                f" {self.root} for {seconds:.0f} s: end that program and try again"
            )
        try:
            yield
        finally:
            lock.release()

    def wait_until_unlocked(self, seconds: float) -> bool:
        """Wait until no platform runs on this directory; return `False` after a time-out."""
        lock = self._lock
        unlocked = lock.acquire(seconds, shared=True)
        lock.release()
        return unlocked

    @property
    def was_used(self) -> bool:
        """Whether a platform has written records to this directory."""
        return self.database.exists() or self._key.exists()

    def clear(self) -> None:
        """Remove all files of a platform."""
        shutil.rmtree(self.sessions, ignore_errors=True)
        for file in self.root.glob("platform.db*"):
            file.unlink(missing_ok=True)
        for name in ("token", "address", "key", "daemon.log"):
            (self.root / name).unlink(missing_ok=True)

    @property
    def _key(self) -> Path:
        return self.root / "key"

    @property
    def _lock(self) -> FileLock:
        return FileLock(self.root / "lock")

    def is_locked(self) -> bool:
        """Return whether a platform runs, starts or ends."""
        return not self.wait_until_unlocked(0)

    def _write(self, name: str, content: str) -> None:
        new = self.root / f"{name}.new"
        descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(content)
        new.replace(self.root / name)


def _address_record(address: Address) -> str:
    return json.dumps({"url": address.url, "pid": os.getpid()})


def _process(pid: int | None) -> str:
    return "" if pid is None else f" (process {pid})"
