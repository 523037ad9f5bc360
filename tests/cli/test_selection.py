"""The choice of sessions by the words of a command line: one rule for all commands."""

import json

import pexpect
import pytest
from scripted import Response, json_response

# Each session: its id, its name, its kind and its status.
SESSIONS = [
    ("a1", "hello", "headless", "Completed"),
    ("b1", "hello-1", "headless", "Completed"),
    ("b2", "hello-2", "headless", "Completed"),
    ("b3", "hello-10", "headless", "Running"),
    ("c1", "hello-world-1", "headless", "Completed"),
    ("d1", "fit-1", "headless", "Completed"),
    ("d2", "fit-2", "headless", "Failed"),
    ("d3", "fitting-1", "headless", "Completed"),
    ("e1", "twin-1", "headless", "Completed"),
    ("e2", "twin-1", "headless", "Running"),
    # The name of this session is the id of another one.
    ("f1", "a1", "headless", "Completed"),
    ("g1", "lab", "notebook", "Running"),
    ("h1", None, "headless", "Completed"),
]


class Platform:
    """A platform with these sessions, which can be deleted and have logs."""

    def __init__(self, scripted):
        self.records = {
            session_id: {"id": session_id, "name": name, "type": kind, "status": status}
            for session_id, name, kind, status in SESSIONS
        }
        self.deleted = []
        scripted.respond = self.respond

    def respond(self, request):
        session_id = request.path.rpartition("/")[2]
        if session_id == "session":
            return json_response(list(self.records.values()))
        if session_id not in self.records:
            return Response(404, f"session {session_id} not found\n")
        if request.method == "DELETE":
            self.deleted.append(session_id)
            return Response()
        is_log = "view" in request.query
        return Response(200, "a line\n") if is_log else json_response(self.records[session_id])


@pytest.fixture
def platform(skaha, scripted):
    skaha.env["SKAHA_SERVER"] = scripted.url
    return Platform(scripted)


# A word, and the sessions that it selects in every command that is no list of prefixes.
RULE = [
    ("a1", ["a1"]),
    ("hello", ["a1"]),
    ("HELLO", ["a1"]),
    ("hello-1", ["b1"]),
    ("fit", ["d1", "d2"]),
    ("hello-world", ["c1"]),
    ("hello-*", ["b1", "b2", "b3", "c1"]),
    ("fit?1", ["d1"]),
    ("[fl]*b", ["g1"]),
    ("twin", ["e1", "e2"]),
    ("*1", ["f1", "d1", "d3", "b1", "c1", "e1", "e2"]),
    ("hell", []),
    ("hello-", []),
    ("nothing*", []),
]


@pytest.mark.parametrize(("word", "ids"), RULE)
def test_every_command_selects_the_same_sessions(skaha, platform, word, ids):
    code = 0 if ids else 5
    for command in ("info", "logs"):
        items = skaha.json(command, word, code=code)
        assert [item["id"] for item in items] == ids or [word]
    assert skaha("wait", word, "--until", "running", "-o", "json", code=None)
    assert sorted(item["id"] for item in json.loads(skaha.out)) == sorted(ids or [word])
    skaha("delete", word, "--yes", code=code)
    assert sorted(platform.deleted) == sorted(ids)
    if not ids:
        assert f"there is no session {word}" in skaha.err


# A word, and the sessions that `ps` and `prune` select: also those whose names begin with it.
BEGINNINGS = [
    ("b1", ["b1"]),
    ("hello", ["a1", "b1", "b2", "b3", "c1"]),
    ("Hello-", ["b1", "b2", "b3", "c1"]),
    ("fit", ["d1", "d2", "d3"]),
    ("fit-*", ["d1", "d2"]),
    ("twin-1", ["e1", "e2"]),
    ("*", [session_id for session_id, name, *_ in SESSIONS if name]),
]


@pytest.mark.parametrize(("word", "ids"), BEGINNINGS)
def test_ps_and_prune_also_take_beginnings_of_names(skaha, platform, word, ids):
    assert sorted(skaha("ps", word, "-q").split()) == sorted(ids)
    options = ["--kind", "any", "--status", "any"]
    assert sorted(skaha("prune", word, *options, "--yes", "-o", "name").split()) == sorted(ids)
    assert sorted(platform.deleted) == sorted(ids)


@pytest.mark.parametrize("word", ["nothing", "sweep-.*", "hello world"])
def test_a_word_that_selects_nothing_is_an_error(skaha, platform, word):
    for words in (["ps", word], ["prune", word, "--yes"], ["delete", word], ["open", word]):
        assert skaha(*words, code=5) == ""
        assert f"there is no session {word}" in skaha.err
        assert ("names consist of letters" in skaha.err) == (word != "nothing")
    [item] = skaha.json("prune", word, "--yes", code=5)
    assert (item["id"], item["error"]["code"]) == (word, "not_found")
    assert skaha("ps", word, "lab", "-q", code=3) == "g1\n"
    skaha("delete", word, "--force")
    assert platform.deleted == []


@pytest.mark.parametrize("record", [{}, {"id": "d1"}])
def test_a_response_about_another_session_selects_nothing(skaha, scripted, platform, record):
    scripted.respond = lambda request: (
        json_response(record) if request.path.endswith("/new") else platform.respond(request)
    )
    skaha("delete", "new", code=5)
    assert "there is no session new" in skaha.err
    assert platform.deleted == []


@pytest.mark.parametrize("word", ["", " "])
def test_an_empty_word_never_selects_anything(skaha, platform, word):
    for words in (["prune", word, "--yes"], ["delete", word, "--yes"], ["ps", word]):
        assert skaha(*words, code=2) == ""
        assert "an empty text selects no session" in skaha.err
    assert platform.deleted == []


def test_prune_takes_either_names_or_all(skaha, platform):
    for words in (["--all", "fit"], []):
        assert skaha("prune", *words, "--yes", code=2) == ""
        assert "give the beginning of the names, or --all" in skaha.err
    assert platform.deleted == []


def test_failures_of_several_kinds_have_exit_code_1(skaha, scripted, platform):
    refused = Response(403, "forbidden\n")
    scripted.respond = lambda request: (
        refused if request.method == "DELETE" else platform.respond(request)
    )
    skaha("delete", "d1", code=4)
    skaha("delete", "nothing", code=5)
    skaha("delete", "d1", "nothing", code=1)


def test_filters_that_exclude_all_sessions_are_named(skaha, platform):
    skaha("prune", "lab", "--yes", code=5)
    assert "no session lab is headless or Completed: 1 with this name" in skaha.err
    assert "notebook Running" in skaha.err
    assert skaha("ps", "lab", "--status", "Failed") == ""
    assert platform.deleted == []


def test_a_name_of_several_sessions_is_refused_with_their_ids(skaha, platform):
    for command in ("delete", "info", "open", "renew", "wait", "events"):
        skaha(command, "twin-1", code=2)
        assert "use one of the ids e1 (Completed), e2 (Running)" in skaha.err
    skaha("delete", "twin-1", "--yes", code=2)
    assert platform.deleted == []
    skaha("delete", "e1", "e2")
    assert sorted(platform.deleted) == ["e1", "e2"]


def test_a_bulk_deletion_needs_a_terminal_or_an_option(skaha, platform):
    skaha("delete", "fit", code=2)
    assert "would delete 2 sessions, and there is no terminal to ask on: pass --yes" in skaha.err
    assert platform.deleted == []
    skaha("delete", "fit", "--force")
    assert sorted(platform.deleted) == ["d1", "d2"]


@pytest.mark.parametrize(("reply", "code"), [("y", 0), ("n", 1)])
def test_a_bulk_deletion_is_shown_and_asks(skaha, platform, reply, code):
    child = skaha.at_a_terminal("delete", "twin", "g1")
    child.expect("Delete these 3 sessions")
    assert [line.split()[:2] for line in child.before.splitlines()[1:4]] == [
        ["e1", "twin-1"],
        ["e2", "twin-1"],
        ["g1", "lab"],
    ]
    assert platform.deleted == []
    child.sendline(reply)
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == code
    assert sorted(platform.deleted) == (["e1", "e2", "g1"] if reply == "y" else [])


@pytest.mark.parametrize(
    ("words", "form"),
    [
        (
            ["prune", "test", "headless", "Running", "--yes"],
            "test --kind headless --status Running",
        ),
        (["prune", "Notebook", "test"], "test --kind notebook"),
        (["prune", "COMPLETED"], "--status Completed"),
        (["ps", "running"], "--status Running"),
    ],
)
def test_kinds_and_statuses_are_no_names(skaha, platform, words, form):
    skaha(*words, code=2)
    assert f"write `skaha {words[0]} {form}`" in skaha.err
    assert platform.deleted == []
