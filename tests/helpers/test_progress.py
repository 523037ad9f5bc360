"""Progress bars on a terminal and without one. For notebooks, see test_notebook.py."""

import io
import subprocess
import sys
import threading
import types

import pexpect
import pytest

from skaha import errors
from skaha.helpers.progress import bar, transient_bar

SEVERAL_BARS = """
from skaha.helpers.progress import bar
counting, waiting = bar("counting"), bar("waiting", until="running")
for done in range(4):
    counting(done, 3)
waiting({"a1": "Pending", "b2": "Unseen"})
waiting({"a1": "Running", "b2": "Failed"})
try:
    with bar("interrupted") as progress:
        progress(1, 3)
        raise KeyboardInterrupt
except KeyboardInterrupt:
    print("continued")
"""


def test_a_terminal_shows_a_line_for_each_bar():
    child = pexpect.spawn(
        sys.executable, ["-c", SEVERAL_BARS], dimensions=(24, 100), timeout=60, encoding="utf-8"
    )
    child.expect(pexpect.EOF)
    child.close()
    # Of each line, a terminal shows only the last text.
    lines = [line.rstrip("\r").rpartition("\r")[2] for line in child.before.split("\n")]
    counting, waiting, interrupted, after, end = lines
    assert counting.startswith("counting: 100%")
    assert "3/3" in counting
    assert waiting.startswith("waiting: 100%")
    assert "2/2" in waiting
    assert "1 Running, 1 Failed" in waiting
    assert interrupted.startswith("interrupted:  33%")
    assert (after, end) == ("continued", "")


def test_without_a_terminal_nothing_is_shown():
    finished = subprocess.run(
        [sys.executable, "-c", SEVERAL_BARS], capture_output=True, text=True, check=True
    )
    assert (finished.stdout, finished.stderr) == ("continued\n", "")


def test_a_terminal_of_unknown_width_shows_a_transient_bar(monkeypatch):
    is_shown = threading.Event()

    class Terminal(io.StringIO):
        def isatty(self):
            return True

        def write(self, text):
            if "waiting: 1 of 3" in text:
                is_shown.set()
            return super().write(text)

    monkeypatch.setattr(sys, "stderr", Terminal())
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr("skaha.helpers.progress._DELAY_SECONDS", 0)
    with transient_bar("waiting") as progress:
        progress(1, 3)
        assert is_shown.wait(10)


def test_several_threads_share_a_bar(monkeypatch, capsys):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    with bar("shared") as progress:
        threads = [threading.Thread(target=progress, args=(done, 20)) for done in range(20)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        progress(20, 20)
    assert "20/20" in capsys.readouterr().err.split("\r")[-1]


def in_a_notebook(monkeypatch):
    """Let the library take this process for the kernel of a notebook."""
    shell = types.SimpleNamespace(kernel=object())
    ipython = types.SimpleNamespace(get_ipython=lambda: shell)
    monkeypatch.setitem(sys.modules, "IPython", ipython)


@pytest.mark.parametrize("name", ["tqdm", "ipywidgets"])
def test_a_missing_package_is_named_with_its_extra(monkeypatch, name):
    in_a_notebook(monkeypatch)
    monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(ImportError, match=rf"{name}: pip install 'skaha\[notebook\]>=2'"):
        bar("any")


def test_a_terminal_needs_no_widgets(monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "ipywidgets", None)
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    with bar("plain") as progress:
        progress(1, 1)
    assert "1/1" in capsys.readouterr().err


def test_an_unknown_status_is_refused():
    for function in (bar, transient_bar):
        with pytest.raises(errors.InvalidInputError, match="sleeping"):
            function("any", until="sleeping")


TRANSIENT = """
import sys, time
from skaha.helpers.progress import transient_bar
with transient_bar("short") as progress:
    progress(0, 3)
print("ipywidgets" in sys.modules, "tqdm" in sys.modules)
with transient_bar("long") as progress:
    time.sleep(1)
    progress(1, 3)
    time.sleep(0.5)
    progress({"a1": "Running", "b2": "Failed"})
    time.sleep(0.5)
print("end")
"""


def transient_output(**env):
    child = pexpect.spawn(
        sys.executable,
        ["-c", TRANSIENT],
        dimensions=(24, 100),
        timeout=60,
        encoding="utf-8",
        env={"PATH": "", "TERM": "xterm"} | env,
    )
    child.expect(pexpect.EOF)
    child.close()
    return child.before


def test_a_transient_bar_appears_late_and_disappears():
    first, second, rest = transient_output().split("\r\n")
    assert first == "False False"
    updates = [text for text in second.split("\r\x1b[K") if text]
    assert updates[0] == "long: 0 of ? (0 s)"
    assert "long: 1 of 3 (0 s)" in updates
    assert "long: 1 of 2 (1 s), 1 Running, 1 Failed" in updates
    assert second.endswith("\r\x1b[K\rend")
    assert rest == ""


def test_a_dumb_terminal_shows_no_transient_bar():
    assert transient_output(TERM="dumb") == "False False\r\nend\r\n"


@pytest.mark.parametrize("make", ["bar", "transient_bar"])
def test_a_status_cannot_change_the_terminal(make):
    program = f"""
import time
from skaha.helpers.progress import {make}
with {make}("waiting") as progress:
    progress({{"a1": "Odd\\x1b]0;a title\\x07", "b2": "Running"}})
    time.sleep(1)
"""
    child = pexpect.spawn(
        sys.executable, ["-c", program], dimensions=(24, 100), timeout=60, encoding="utf-8"
    )
    child.expect(pexpect.EOF)
    child.close()
    assert "1 Odd\N{REPLACEMENT CHARACTER}]0;a title" in child.before
    assert "\x1b]" not in child.before
