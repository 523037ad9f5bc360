"""A server of JupyterLab for one session, as its image would start it."""

import os
from pathlib import Path


def jupyter(
    session_id: str, port: int, secret: str, directory: Path, home: Path, user: str
) -> tuple[list[str], dict[str, str]]:
    """Return the command and the variables of a server.

    Args:
        session_id: Its session, which is part of its address.
        port: Where it is to listen on the loopback.
        secret: The token that it wants.
        directory: Where it may keep its own files.
        home: The user's home.
        user: The user's name.
    """
    root = _root(directory, home, user)
    command = [
        *("jupyter-lab", "--no-browser", "--ip=127.0.0.1", f"--port={port}"),
        "--ServerApp.port_retries=0",
        f"--ServerApp.base_url=/session/notebook/{session_id}/",
        f"--ServerApp.root_dir={root}",
    ]
    if os.getuid() == 0:
        command.append("--allow-root")
    own = directory / "jupyter"
    # The user's own settings stay as they are, as in a container.
    variables = {
        "JUPYTER_TOKEN": secret,
        "JUPYTER_CONFIG_DIR": str(own / "config"),
        "JUPYTER_DATA_DIR": str(own / "data"),
        "JUPYTER_RUNTIME_DIR": str(own / "runtime"),
        "JUPYTER_PATH": str(own / "data"),
        "JUPYTERLAB_WORKSPACES_DIR": str(own / "workspaces"),
        "JUPYTERLAB_SETTINGS_DIR": str(own / "settings"),
        "NB_USER": user,
        "NB_UID": str(os.getuid()),
        "XDG_CACHE_HOME": str(own / "cache"),
    }
    return command, variables


def _root(directory: Path, home: Path, user: str) -> Path:
    """Make a directory in which the user's home is where the platform has it."""
    root = directory / "root"
    at_home = root / "arc" / "home" / user
    at_home.parent.mkdir(parents=True, exist_ok=True)
    at_home.unlink(missing_ok=True)
    at_home.symlink_to(home)
    return root
