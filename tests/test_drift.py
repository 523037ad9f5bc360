"""What is generated is exactly what would be generated; whoever edits it is told so, by file."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
NEEDED = ["openapi", "generated", "skaha/_async", "skaha/_sync", "scripts", "pyproject.toml"]


def check(root):
    command = [sys.executable, "scripts/regenerate.py", "--check"]
    return subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)


@pytest.fixture
def copy(tmp_path):
    for name in NEEDED:
        source, target = ROOT / name, tmp_path / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, target)
    return tmp_path


def test_the_tree_has_not_drifted():
    checked = check(ROOT)
    assert (checked.returncode, checked.stdout) == (0, "")


def append(path):
    path.write_bytes(path.read_bytes() + b"\n")


def delete_a_line(path):
    path.write_text("".join(path.read_text().splitlines(keepends=True)[:-1]))


CHANGES = {
    "generated/skaha_api": {
        "client.py": append,
        "models/session.py": delete_a_line,
        "py.typed": Path.unlink,
        "api/stale.py": Path.touch,
    },
    "skaha/_sync": {"_reading.py": append, "_lanes.py": Path.unlink, "stale.py": Path.touch},
    "skaha/_async": {"overview.py": delete_a_line},
}


@pytest.mark.parametrize("folder", CHANGES)
def test_every_change_is_told_by_file(copy, folder):
    for name, change in CHANGES[folder].items():
        change(copy / folder / name)
    checked = check(copy)
    assert checked.returncode == 1
    assert all(name in checked.stdout for name in CHANGES[folder])
    assert "run `nox -s generate`" in checked.stdout


def test_a_description_that_was_changed_alone_is_told(copy):
    description = copy / "openapi" / "skaha.yaml"
    description.write_text(
        description.read_text().replace("List the caller's", "Show the caller's")
    )
    checked = check(copy)
    assert checked.returncode == 1
    assert "api/session/list_sessions.py" in checked.stdout


def test_a_rule_that_nothing_needs_is_refused(copy):
    rules = copy / "scripts" / "unasync.py"
    new = '    (r"\\bnobody_says_this\\b", "that"),\n]\n'
    rules.write_text(rules.read_text().replace("]\n", new, 1))
    checked = check(copy)
    assert checked.returncode == 1
    assert "nobody_says_this" in checked.stderr


def test_generating_mends_every_change(copy):
    append(copy / "generated/skaha_api/client.py")
    (copy / "skaha/_sync/stale.py").touch()
    subprocess.run([sys.executable, "scripts/regenerate.py"], cwd=copy, check=True)
    for name in ("generated", "skaha/_sync"):
        assert tree(copy / name) == tree(ROOT / name)


def tree(folder):
    return {
        path.relative_to(folder): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
