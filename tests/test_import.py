"""Importing the library opens no file, starts no thread and changes no logger."""

import os
import pkgutil
import re
import subprocess
import sys

import pytest

import skaha

OBSERVE = """
import logging, os, sys, threading
home = os.environ["HOME"]
effects = []

def hook(event, args):
    if event == "open" and str(args[0]).startswith(home) or event.startswith("socket."):
        effects.append((event, str(args)))

levels = logging.getLogger().level, logging.getLogger("skaha").level
sys.addaudithook(hook)
{statement}
effects += [("thread", thread.name) for thread in threading.enumerate()[1:]]
for name in (None, "skaha", "httpx", "httpcore"):
    effects += [("handler", str(handler)) for handler in logging.getLogger(name).handlers]
assert (logging.getLogger().level, logging.getLogger("skaha").level) == levels
assert not effects, effects
print(*sorted(sys.modules))
"""
CONSTRUCT = 'import skaha; skaha.Session(token="t"); skaha.AsyncSession(token="t")'
EVERYTHING = "from skaha import *"


def modules_after(statement, home):
    (home / ".ssl").mkdir()
    (home / ".ssl" / "cadcproxy.pem").write_text("an import does not read this file")
    command = [sys.executable, "-W", "error", "-c", OBSERVE.replace("{statement}", statement)]
    finished = subprocess.run(
        command,
        env=os.environ | {"HOME": str(home)},
        cwd=home,
        capture_output=True,
        text=True,
        check=False,
    )
    assert finished.returncode == 0, finished.stderr
    assert finished.stderr == ""
    return set(finished.stdout.split())


@pytest.mark.parametrize("statement", ["import skaha", EVERYTHING, CONSTRUCT])
def test_an_import_opens_no_file_starts_no_thread_and_adds_no_log_handler(statement, tmp_path):
    modules = modules_after(statement, tmp_path)
    unwanted = ("skaha_api.models", "dateutil", "defusedxml", "starlette", "dask", "skaha.local")
    for slow_module in unwanted:
        assert slow_module not in modules


@pytest.mark.parametrize(
    ("statement", "needless"),
    [
        ("import skaha", {"httpx", "skaha_api", "skaha.session"}),
        ("from skaha import Session", {"asyncio", "attr", "skaha_api", "skaha.config"}),
        ("from skaha import AsyncSession", {"attr", "skaha_api", "skaha.config"}),
    ],
)
def test_an_import_loads_no_needless_module(tmp_path, statement, needless):
    modules = modules_after(statement, tmp_path)
    assert "skaha" in modules
    assert not needless & modules


def test_each_public_module_is_an_attribute_of_its_package():
    """Messages and pages name functions with their modules, such as `skaha.records.succeeded`."""
    names = [
        name
        for module in pkgutil.walk_packages(skaha.__path__, "skaha.")
        if not re.search(r"\._|\.(cli|dask|local)\b", name := module.name)
    ]
    assert {"skaha.records", "skaha.helpers.names"} <= {*names}
    # In one process, the import of one module would import others.
    for name in names:
        command = [sys.executable, "-c", f"import skaha; {name}"]
        assert subprocess.run(command, capture_output=True, check=False).stderr == b""
