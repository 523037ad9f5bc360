"""Committed code equals generated code; the check names each file that differs."""

from pathlib import Path

import pytest
from checkout import ROOT, copied, run_script, tree

pytestmark = pytest.mark.slow


def check(root):
    return run_script(root, "regenerate.py", "--check")


@pytest.fixture
def copy(tmp_path):
    return copied(tmp_path)


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
    "skaha/_sync": {"session.py": append, "left_over.py": Path.touch},
    "skaha/_transport/_sync": {"pool.py": Path.unlink},
    "skaha/_async": {"overview.py": delete_a_line},
}


def test_each_changed_file_is_named(copy):
    for folder, changes in CHANGES.items():
        for name, change in changes.items():
            change(copy / folder / name)
    checked = check(copy)
    assert checked.returncode == 1
    names = [name for changes in CHANGES.values() for name in changes]
    assert [name for name in names if name not in checked.stdout] == []
    for folder in ("generated/skaha_api", "skaha/_sync"):
        assert f"{folder} has drifted: run `nox -s generate`" in checked.stdout


def test_a_changed_description_without_generation_is_noticed(copy):
    description = copy / "openapi" / "skaha.yaml"
    description.write_text(
        description.read_text().replace("List the caller's", "Show the caller's")
    )
    checked = check(copy)
    assert checked.returncode == 1
    assert "api/session/list_sessions.py" in checked.stdout


def test_a_rule_that_no_source_needs_is_refused(copy):
    rules = copy / "scripts" / "unasync.py"
    new = '    (r"\\bno_source_has_this\\b", "that"),\n]\n'
    rules.write_text(rules.read_text().replace("]\n", new, 1))
    checked = check(copy)
    assert checked.returncode == 1
    assert "no_source_has_this" in checked.stderr


def test_generation_reverts_every_change(copy):
    append(copy / "generated/skaha_api/client.py")
    (copy / "skaha/_sync/stale.py").touch()
    assert run_script(copy, "regenerate.py").returncode == 0
    for name in ("generated", "skaha/_sync"):
        assert tree(copy / name) == tree(ROOT / name)


def test_a_folder_that_is_not_generated_any_more_is_removed(copy):
    old = copy / "generated" / "skaha_api" / "api" / "old"
    (old / "__pycache__").mkdir(parents=True)
    (old / "__pycache__" / "stale.pyc").touch()
    (old / "stale.py").touch()
    assert run_script(copy, "regenerate.py").returncode == 0
    assert not old.exists()
    assert tree(copy / "generated") == tree(ROOT / "generated")
