"""Private files and their directories are closed to other users."""

import os
import stat

import pytest

from skaha import _atomic_file, config


@pytest.fixture(params=[0, 0o022, 0o377], ids=oct)
def umask(request):
    """Set a umask that gives others access, the usual umask, or a umask that hinders the owner."""
    before = os.umask(request.param)
    yield
    os.umask(before)


def lock(path):
    with _atomic_file.lock(path, timeout=1):
        pass


def save(path):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SKAHA_CONFIG", str(path))
        config.save("server", "https://site.example/skaha")


@pytest.mark.skipif(os.name != "posix", reason="needs the permissions of POSIX")
@pytest.mark.usefixtures("umask")
@pytest.mark.parametrize("write", [lock, save, lambda path: _atomic_file.replace(path, "text")])
def test_new_directories_are_private(tmp_path, write):
    """This includes all directories above the file, but no directory that existed."""
    existing = tmp_path / "existing"
    existing.mkdir()
    existing.chmod(0o755)
    write(existing / "one" / "two" / "file")
    modes = {
        directory: stat.S_IMODE(directory.stat().st_mode)
        for directory in (existing, existing / "one", existing / "one" / "two")
    }
    assert list(modes.values()) == [0o755, 0o700, 0o700]
