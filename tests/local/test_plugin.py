"""The pytest fixture `skaha_platform`, in test runs of its own."""

import os
import signal
import subprocess
import sys

import psutil
import pytest

PREAMBLE = """
import os
import httpx

def sessions(platform):
    headers = {"Authorization": f"Bearer {platform.token}"}
    return httpx.get(f"{platform.url}/v1/session", headers=headers, trust_env=False)

"""


@pytest.fixture
def run(tmp_path):
    """Run pytest on a file of tests in an empty directory."""

    def _run(tests, *settings, wait=True):
        (tmp_path / "test_file.py").write_text(tests)
        (tmp_path / "pytest.ini").write_text("\n".join(["[pytest]", "addopts = -q", *settings]))
        command = [sys.executable, "-m", "pytest", "-p", "skaha.local.pytest_plugin", "-W", "error"]
        process = subprocess.Popen(
            [*command, "--strict-markers", "--basetemp", str(tmp_path / "base")],
            cwd=tmp_path,
            env=os.environ | {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        return process.communicate()[0] if wait else process

    return _run


def platform_processes(tmp_path):
    return [
        process
        for process in psutil.process_iter()
        if str(tmp_path) in " ".join(_command_line(process)) and "skaha.local" in process.cmdline()
    ]


def _command_line(process):
    try:
        return process.cmdline()
    except psutil.Error:
        return []


def test_a_platform_for_a_module(run, tmp_path):
    tests = PREAMBLE + (
        "urls = set()\n"
        "def test_one(skaha_platform):\n"
        "    urls.add(skaha_platform.url)\n"
        "def test_two(skaha_platform):\n"
        "    urls.add(skaha_platform.url)\n"
        "    assert len(urls) == SHARED\n"
    )
    assert "2 passed" in run(tests.replace("SHARED", "2"))
    assert "2 passed" in run(tests.replace("SHARED", "1"), "skaha_platform_scope = module")
    assert not platform_processes(tmp_path)


def test_options_faults_and_a_restart(run):
    tests = PREAMBLE + (
        "import pytest\n"
        "pytestmark = pytest.mark.skaha_platform(cores=3, profile='v1')\n"
        "@pytest.mark.skaha_platform(stats=False)\n"
        "def test_file(skaha_platform):\n"
        "    assert sessions(skaha_platform).json() == []\n"
        "    skaha_platform.set_faults(broken=1)\n"
        "    assert sessions(skaha_platform).status_code == 500\n"
        "    skaha_platform.set_faults()\n"
        "    assert sessions(skaha_platform).status_code == 200\n"
        "    skaha_platform.set_image('a/b:1', 'true')\n"
        "    skaha_platform.set_image('a/b:2', 'true')\n"
        "    assert 'a/b:1' in (skaha_platform.state / 'images.json').read_text()\n"
        "    skaha_platform.kill()\n"
        "    skaha_platform.start()\n"
        "    assert sessions(skaha_platform).status_code == 200\n"
    )
    assert "1 passed" in run(tests)


@pytest.mark.parametrize("option", ["cores='many'", "cores=0", "nope=1"])
def test_a_platform_that_cannot_start(run, option):
    """Only its own test gets an error."""
    tests = (
        "import gc, pytest\n"
        f"@pytest.mark.skaha_platform({option})\n"
        "def test(skaha_platform): 1\n"
        "def test_later(): gc.collect()\n"
        "def test_last(): gc.collect()\n"
    )
    printed = run(tests)
    assert "the platform did not start" in printed
    assert "2 passed, 1 error in" in printed


def test_a_killed_run_leaves_no_platform(run, tmp_path, eventually):
    tests = "import time\ndef test_file(skaha_platform):\n    time.sleep(60)\n"
    process = run(tests, wait=False)
    eventually(lambda: platform_processes(tmp_path))
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    eventually(lambda: not platform_processes(tmp_path))


def test_the_import_of_the_plugin_is_cheap():
    script = (
        "import sys, pytest; before = set(sys.modules); import skaha.local.pytest_plugin;"
        "print({'starlette', 'uvicorn', 'psutil', 'httpx', 'anyio'} & (set(sys.modules) - before))"
    )
    printed = subprocess.run([sys.executable, "-c", script], capture_output=True, check=True).stdout
    assert printed == b"set()\n"
