"""Directories that only their owner can open."""

from pathlib import Path


def make_private_directory(path: Path) -> None:
    """Create a directory and its missing parents with mode 0700; keep existing directories.

    Args:
        path: The directory.

    Raises:
        OSError: The directory cannot be created.
    """
    if path.is_dir():
        return
    make_private_directory(path.parent)
    try:
        path.mkdir(mode=0o700)
    except FileExistsError:
        # Another process may have created it at this moment.
        if not path.is_dir():
            raise
    else:
        # The umask may have removed permissions of the owner.
        path.chmod(0o700)
