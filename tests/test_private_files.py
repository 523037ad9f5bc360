"""Private files and their directories are closed to other users."""

import os
import stat

import pytest

from skaha import _atomic_file, config


@pytest.fixture(params=[0, 0o022, 0o377], ids=oct)
def existing(request, tmp_path):
    """Yield a directory, and set a umask afterwards.

    The umask gives others access, is the usual one, or hinders the owner.
    """
    existing = tmp_path / "existing"
    existing.mkdir()
    existing.chmod(0o755)
    before = os.umask(request.param)
    yield existing
    os.umask(before)


def lock(path):
    with _atomic_file.lock(path, timeout=1):
        pass


def save(path):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SKAHA_CONFIG", str(path))
        config.save("server", "https://site.example/skaha")


@pytest.mark.skipif(os.name != "posix", reason="needs the permissions of POSIX")
@pytest.mark.parametrize("write", [lock, save, lambda path: _atomic_file.replace(path, "text")])
def test_new_directories_are_private(existing, write):
    """This includes all directories above the file, but no directory that existed."""
    write(existing / "one" / "two" / "file")
    modes = {
        directory: stat.S_IMODE(directory.stat().st_mode)
        for directory in (existing, existing / "one", existing / "one" / "two")
    }
    assert list(modes.values()) == [0o755, 0o700, 0o700]


@pytest.mark.skipif(os.name != "posix", reason="needs the permissions of POSIX")
def test_a_directory_that_somebody_else_has_just_created_keeps_its_mode(tmp_path, monkeypatch):
    """It may be a link of another user to any directory of this user."""
    other = tmp_path / "other"
    other.mkdir()
    other.chmod(0o755)
    link = tmp_path / "link"
    make = type(link).mkdir

    def create_first(path, *args, **options):
        path.symlink_to(other)
        make(path, *args, **options)

    monkeypatch.setattr(type(link), "mkdir", create_first)
    _atomic_file.make_private_directory(link)
    assert stat.S_IMODE(other.stat().st_mode) == 0o755
