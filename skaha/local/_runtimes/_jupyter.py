"""A server of JupyterLab for one session, as its image would start it."""

import os
from pathlib import Path

from attrs import frozen


@frozen
class JupyterServer:
    """A command, and the variables that go with it."""

    command: list[str]

    def variables(self, secret: str, own: Path, user: str) -> dict[str, str]:
        """Return the server's variables.

        Args:
            secret: The token that it wants; others cannot see it here.
            own: Where it may keep its own files: the user's settings stay as they are.
            user: The user's name.
        """
        return {
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


def jupyter(session_id: str, interface: str, port: int, root: Path) -> JupyterServer:
    """Return the server of a session.

    Args:
        session_id: Its session, which is part of its address.
        interface: Where it is to listen.
        port: The port there.
        root: The directory above all that it shows.
    """
    command = [
        *("jupyter-lab", "--no-browser", f"--ip={interface}", f"--port={port}"),
        "--ServerApp.port_retries=0",
        f"--ServerApp.base_url=/session/notebook/{session_id}/",
        f"--ServerApp.root_dir={root}",
    ]
    if os.getuid() == 0:
        command.append("--allow-root")
    return JupyterServer(command)


def platform_root(directory: Path, home: Path, user: str) -> Path:
    """Make a directory in which the user's home is where the platform has it."""
    root = directory / "root"
    at_home = root / "arc" / "home" / user
    at_home.parent.mkdir(parents=True, exist_ok=True)
    at_home.unlink(missing_ok=True)
    at_home.symlink_to(home)
    return root
