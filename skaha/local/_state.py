"""The state directory: what is where in it, and who may use it."""

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

from skaha.local._address import Address, PlatformError

_TAKE_LOCK_SECONDS = 1.0
_LOOK_AGAIN = 0.02


def default_state() -> Path:
    """Return the state directory of this user's platform."""
    override = os.environ.get("SKAHA_LOCAL_STATE")
    if override:
        return Path(override)
    import platformdirs

    return platformdirs.user_state_path("skaha") / "local"


@frozen
class State:
    """A state directory.

    A platform holds the lock on `lock` as long as it lives, so where the lock is taken, the
    address beside it is that of a living platform of this user.
    """

    root: Path

    @classmethod
    def open(cls, root: Path | None) -> "State":
        """Create the directory, or check that it is the caller's, and close it to others."""
        state = cls((root or default_state()).absolute())
        try:
            state.root.mkdir(mode=0o700, parents=True, exist_ok=True)
            state._close_to_others()
        except OSError as error:
            message = f"cannot use the state directory: {error}; SKAHA_LOCAL_STATE names another"
            raise PlatformError(message) from error
        return state

    def _close_to_others(self) -> None:
        status = self.root.stat()
        if status.st_uid != os.getuid():
            raise PlatformError(f"{self.root} is not yours: choose another state directory")
        if status.st_mode & 0o077:
            # Not what somebody has named by mistake, like /tmp.
            if any(self.root.iterdir()) and not (self.root / "lock").exists():
                raise PlatformError(
                    f"{self.root} holds other things and is open to others: choose a directory"
                    " of the platform's own"
                )
            self.root.chmod(0o700)

    @property
    def database(self) -> Path:
        """The file of the sessions."""
        return self.root / "platform.db"

    @property
    def sessions(self) -> Path:
        """The directory of logs."""
        return self.root / "sessions"

    @property
    def images(self) -> Path:
        """What command of this machine stands for which image."""
        return self.root / "images.json"

    @property
    def log(self) -> Path:
        """What a daemon in the background says."""
        return self.root / "daemon.log"

    def publish(self, address: Address) -> None:
        """Let others of this user find the platform."""
        self._write("token", address.token)
        self._write("address", json.dumps({"url": address.url, "pid": os.getpid()}))

    def key(self) -> bytes:
        """Return what the secrets of sessions are made from; a new one where there is none."""
        file = self.root / "key"
        if not file.exists():
            self._write("key", secrets.token_hex(32))
        return bytes.fromhex(file.read_text())

    def withdraw(self) -> None:
        """Take the address back, an old one too."""
        (self.root / "address").unlink(missing_ok=True)

    def running(self) -> "Running | None":
        """Return the platform that lives on this directory and is ready."""
        if not self._locked():
            return None
        try:
            found: dict[str, Any] = json.loads((self.root / "address").read_text())
            token = (self.root / "token").read_text()
        except FileNotFoundError:
            return None
        return Running(Address(found["url"], token), found["pid"])

    def settled(self, seconds: float) -> "Running | None":
        """Return the platform that lives here, waiting for one that is just coming or going."""
        deadline = time.monotonic() + seconds
        while self._locked():
            if running := self.running():
                return running
            if time.monotonic() > deadline:
                raise PlatformError(f"the platform on {self.root} neither starts nor ends")
            time.sleep(_LOOK_AGAIN)
        return None

    def take(self) -> "Lock":
        """Take the directory for a platform.

        Raises:
            PlatformError: Another platform has it.
        """
        lock = Lock(self.root / "lock")
        if not lock.acquire(_TAKE_LOCK_SECONDS):
            raise PlatformError(
                f"another platform already runs on {self.root}: use it, or stop it with"
                " `python -m skaha.local stop`"
            )
        return lock

    @contextmanager
    def starting(self, seconds: float) -> Iterator[None]:
        """Be the only one who looks for a platform and starts one."""
        lock = Lock(self.root / "start.lock")
        if not lock.acquire(seconds):
            raise PlatformError(f"another process has been starting a platform for {seconds:.0f} s")
        try:
            yield
        finally:
            lock.release()

    def wait_until_free(self, seconds: float) -> bool:
        """Wait until no platform lives on this directory; return whether that came to pass."""
        lock = Lock(self.root / "lock")
        free = lock.acquire(seconds, shared=True)
        lock.release()
        return free

    def clear(self) -> None:
        """Remove everything that a platform keeps, where there has been one."""
        if not self.database.exists():
            return
        shutil.rmtree(self.sessions, ignore_errors=True)
        for file in self.root.glob("platform.db*"):
            file.unlink(missing_ok=True)
        for name in ("token", "address", "key", "daemon.log"):
            (self.root / name).unlink(missing_ok=True)

    def _locked(self) -> bool:
        lock = Lock(self.root / "lock")
        free = lock.acquire(0, shared=True)
        lock.release()
        return not free

    def _write(self, name: str, content: str) -> None:
        new = self.root / f"{name}.new"
        descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(content)
        new.replace(self.root / name)


@frozen
class Running:
    """A living platform."""

    address: Address
    pid: int


@define
class Lock:
    """A lock on a file, gone with the process that holds it."""

    path: Path
    _file: IO[str] | None = field(default=None, init=False)

    def acquire(self, seconds: float, *, shared: bool = False) -> bool:
        """Take the lock, or share it to see whether it is free; return whether that succeeded."""
        deadline = time.monotonic() + seconds
        self._file = self.path.open("a")
        while not self._try(fcntl.LOCK_SH if shared else fcntl.LOCK_EX):
            if time.monotonic() >= deadline:
                return False
            time.sleep(_LOOK_AGAIN)
        return True

    def release(self) -> None:
        """Let the lock go."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def _try(self, how: int) -> bool:
        try:
            fcntl.flock(self._file or -1, how | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True
