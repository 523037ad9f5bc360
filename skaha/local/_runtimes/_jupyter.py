"""The JupyterLab server of a notebook session, with the options of the real platform's image."""

import os
from pathlib import Path

from skaha.local._private_directory import make_private_directory


def jupyter_command(session_id: str, interface: str, port: int, root: Path) -> list[str]:
    """Return the command of a JupyterLab server.

    Args:
        session_id: The session; its id is part of the URL.
        interface: The address on which the server listens.
        port: The port on which the server listens.
        root: The directory whose files the server shows.
    """
    command = [
        *("jupyter-lab", "--no-browser", f"--ip={interface}", f"--port={port}"),
        "--ServerApp.port_retries=0",
        f"--ServerApp.base_url=/session/notebook/{session_id}/",
        f"--ServerApp.root_dir={root}",
    ]
    if os.getuid() == 0:
        command.append("--allow-root")
    return command


def jupyter_variables(token: str, directory: Path, user: str) -> dict[str, str]:
    """Return the environment variables of a JupyterLab server.

    Args:
        token: The access token. Other users of this machine cannot see it in the environment.
        directory: A directory for the server's own files, so that the user's settings do not
            change.
        user: The name of the user.
    """
    return {
        "JUPYTER_TOKEN": token,
        "JUPYTER_CONFIG_DIR": str(directory / "config"),
        "JUPYTER_DATA_DIR": str(directory / "data"),
        "JUPYTER_RUNTIME_DIR": str(directory / "runtime"),
        "JUPYTER_PATH": str(directory / "data"),
        "JUPYTERLAB_WORKSPACES_DIR": str(directory / "workspaces"),
        "JUPYTERLAB_SETTINGS_DIR": str(directory / "settings"),
        "NB_USER": user,
        "NB_UID": str(os.getuid()),
        "XDG_CACHE_HOME": str(directory / "cache"),
    }


def make_platform_root(directory: Path, home: Path, user: str) -> Path:
    """Make a directory with a link to the user's home at the path of the real platform."""
    root = directory / "root"
    link = root / "arc" / "home" / user
    make_private_directory(link.parent)
    link.unlink(missing_ok=True)
    link.symlink_to(home)
    return root
