"""The state directory of a platform: its files, its locks, and the check of its owner."""

import fcntl
import json
import os
import secrets
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from attrs import define, field, frozen

from skaha.local._errors import PlatformError
from skaha.local._models import Address

_LOCK_TIMEOUT = 1.0
_POLL_INTERVAL = 0.02


def default_state_directory() -> Path:
    """Return the path of this user's state directory."""
    override = os.environ.get("SKAHA_LOCAL_STATE")
    if override:
        return Path(override)
    import platformdirs

    return platformdirs.user_state_path("skaha") / "local"


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
            directory.root.mkdir(mode=0o700, parents=True, exist_ok=True)
            directory._close_to_others()
        except OSError as error:
            message = f"cannot use the state directory: {error}; SKAHA_LOCAL_STATE names another"
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
        self._write("address", json.dumps({"url": address.url, "pid": os.getpid()}))

    def secret_key(self) -> bytes:
        """Return the key of the sessions' secrets; create it if it does not exist."""
        file = self.root / "key"
        if not file.exists():
            self._write("key", secrets.token_hex(32))
        return bytes.fromhex(file.read_text())

    def unpublish(self) -> None:
        """Remove the address, including that of an earlier platform."""
        (self.root / "address").unlink(missing_ok=True)

    def running_platform(self) -> RunningPlatform | None:
        """Return the platform of this directory if it runs and is ready."""
        if not self._is_locked():
            return None
        try:
            record: dict[str, Any] = json.loads((self.root / "address").read_text())
            token = (self.root / "token").read_text()
        except FileNotFoundError:
            return None
        return RunningPlatform(Address(record["url"], token), record["pid"])

    def wait_until_stable(self, seconds: float) -> RunningPlatform | None:
        """Wait while a platform starts or ends; return the running platform, if there is one.

        Raises:
            PlatformError: The platform neither starts nor ends within `seconds`.
        """
        deadline = time.monotonic() + seconds
        while self._is_locked():
            if running := self.running_platform():
                return running
            if time.monotonic() > deadline:
                raise PlatformError(f"the platform on {self.root} neither starts nor ends")
            time.sleep(_POLL_INTERVAL)
        return None

    def lock(self) -> "FileLock":
        """Take the lock that a platform holds as long as it lives.

        Raises:
            PlatformError: Another platform holds the lock.
        """
        lock = FileLock(self.root / "lock")
        if not lock.acquire(_LOCK_TIMEOUT):
            raise PlatformError(
                f"another platform already runs on {self.root}: use it, or stop it with"
                " `python -m skaha.local stop`"
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
            raise PlatformError(f"another process has been starting a platform for {seconds:.0f} s")
        try:
            yield
        finally:
            lock.release()

    def wait_until_unlocked(self, seconds: float) -> bool:
        """Wait until no platform runs on this directory; return `False` after a time-out."""
        lock = FileLock(self.root / "lock")
        unlocked = lock.acquire(seconds, shared=True)
        lock.release()
        return unlocked

    def clear(self) -> None:
        """Remove all files of a platform, if a platform has used this directory."""
        if not self.database.exists():
            return
        shutil.rmtree(self.sessions, ignore_errors=True)
        for file in self.root.glob("platform.db*"):
            file.unlink(missing_ok=True)
        for name in ("token", "address", "key", "daemon.log"):
            (self.root / name).unlink(missing_ok=True)

    def _is_locked(self) -> bool:
        return not self.wait_until_unlocked(0)

    def _write(self, name: str, content: str) -> None:
        new = self.root / f"{name}.new"
        descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(content)
        new.replace(self.root / name)


@define
class FileLock:
    """A lock on a file; it ends with the process that holds it."""

    path: Path
    _file: IO[str] | None = field(default=None, init=False)

    def acquire(self, seconds: float, *, shared: bool = False) -> bool:
        """Take the lock; return `False` after a time-out.

        Args:
            seconds: The time-out.
            shared: Take a shared lock, which only tests whether the lock is free.
        """
        deadline = time.monotonic() + seconds
        self._file = self.path.open("a")
        while not self._try(fcntl.LOCK_SH if shared else fcntl.LOCK_EX):
            if time.monotonic() >= deadline:
                return False
            time.sleep(_POLL_INTERVAL)
        return True

    def release(self) -> None:
        """Release the lock."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def _try(self, operation: int) -> bool:
        try:
            fcntl.flock(self._file or -1, operation | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True
