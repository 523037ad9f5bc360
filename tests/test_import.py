"""Importing the library does nothing: what a program sees of it begins with the first call."""

import os
import subprocess
import sys

import pytest

OBSERVE = """
import logging, os, sys, threading
home = os.environ["HOME"]
seen = []

def hook(event, args):
    if event == "open" and str(args[0]).startswith(home) or event.startswith("socket."):
        seen.append((event, str(args)))

levels = logging.getLogger().level, logging.getLogger("skaha").level
sys.addaudithook(hook)
{statement}
seen += [("thread", thread.name) for thread in threading.enumerate()[1:]]
for name in (None, "skaha", "httpx", "httpcore"):
    seen += [("handler", str(handler)) for handler in logging.getLogger(name).handlers]
assert (logging.getLogger().level, logging.getLogger("skaha").level) == levels
assert not seen, seen
print(*sorted(sys.modules))
"""
CONSTRUCT = 'import skaha; skaha.Session(token="t"); skaha.AsyncSession(token="t")'
EVERYTHING = "from skaha import *"


def modules_after(statement, home):
    (home / ".ssl").mkdir()
    (home / ".ssl" / "cadcproxy.pem").write_text("never read by an import")
    command = [sys.executable, "-W", "error", "-c", OBSERVE.replace("{statement}", statement)]
    ran = subprocess.run(
        command,
        env=os.environ | {"HOME": str(home)},
        cwd=home,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    assert ran.stderr == ""
    return set(ran.stdout.split())


@pytest.mark.parametrize("statement", ["import skaha", EVERYTHING, CONSTRUCT])
def test_it_opens_nothing_starts_nothing_and_logs_nowhere(statement, tmp_path):
    modules = modules_after(statement, tmp_path)
    for heavy in ("skaha_api.models", "dateutil", "defusedxml", "starlette", "dask", "skaha.local"):
        assert heavy not in modules


def test_the_package_alone_does_not_even_import_the_http_client(tmp_path):
    modules = modules_after("import skaha", tmp_path)
    assert "skaha" in modules
    assert not {"httpx", "skaha_api", "skaha.session"} & modules
