"""Progress bars: on a terminal, and where there is none. In a notebook, see test_notebook.py."""

import subprocess
import sys
import threading

import pexpect
import pytest

from skaha import errors
from skaha.helpers.progress import bar

SEVERAL = """
from skaha.helpers.progress import bar
counting, waiting = bar("counting"), bar("waiting", until="running")
for done in range(4):
    counting(done, 3)
waiting({"a1": "Pending", "b2": "Unseen"})
waiting({"a1": "Running", "b2": "Failed"})
try:
    with bar("broken") as progress:
        progress(1, 3)
        raise KeyboardInterrupt
except KeyboardInterrupt:
    print("went on")
"""


def test_a_terminal_shows_a_line_each():
    child = pexpect.spawn(
        sys.executable, ["-c", SEVERAL], dimensions=(24, 100), timeout=20, encoding="utf-8"
    )
    child.expect(pexpect.EOF)
    child.close()
    # What stays of a line is what was written last.
    lines = [line.rstrip("\r").rpartition("\r")[2] for line in child.before.split("\n")]
    counting, waiting, broken, after, end = lines
    assert counting.startswith("counting: 100%")
    assert "3/3" in counting
    assert waiting.startswith("waiting: 100%")
    assert "2/2" in waiting
    assert "1 Running, 1 Failed" in waiting
    assert broken.startswith("broken:  33%")
    assert (after, end) == ("went on", "")


def test_nothing_is_shown_where_there_is_no_terminal():
    done = subprocess.run(
        [sys.executable, "-c", SEVERAL], capture_output=True, text=True, check=True
    )
    assert (done.stdout, done.stderr) == ("went on\n", "")


def test_several_threads_may_tell(monkeypatch, capsys):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    with bar("shared") as progress:
        calls = [threading.Thread(target=progress, args=(done, 20)) for done in range(20)]
        for call in calls:
            call.start()
        for call in calls:
            call.join()
        progress(20, 20)
    assert "20/20" in capsys.readouterr().err.split("\r")[-1]


@pytest.mark.parametrize("name", ["tqdm", "ipywidgets"])
def test_what_is_not_installed_is_named_with_its_extra(monkeypatch, name):
    monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(ImportError, match=rf"{name}: pip install 'skaha\[notebook\]'"):
        bar("any")


def test_a_wait_that_there_is_not_is_refused():
    with pytest.raises(errors.InvalidInputError, match="sleeping"):
        bar("any", until="sleeping")
