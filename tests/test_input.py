"""Wrong arguments are refused before a request is sent; each error explains the solution."""

import enum
import inspect
from decimal import Decimal
from fractions import Fraction
from pathlib import PurePosixPath

import numpy as np
import pandas as pd
import pytest
from scripted import Response, json_response

import skaha
from skaha.errors import InvalidInputError
from skaha.helpers import shell
from skaha.helpers.distributed import stripe
from skaha.helpers.progress import bar

IMAGE = "images.canfar.net/skaha/terminal:1.1.1"
SECRET = "a=very-secret-value"


def refused(variant, scripted, call, *named):
    """The refusal of a call that sent nothing."""
    with pytest.raises(InvalidInputError) as caught:
        variant.run(begun(call()))
    assert isinstance(caught.value, ValueError)
    for word in named:
        assert word in str(caught.value)
    assert scripted.received == []
    return caught.value


def begun(value):
    """Run a generator until its first value."""
    if inspect.isgenerator(value):
        return next(value)
    return anext(value) if inspect.isasyncgen(value) else value


def table(**columns):
    return [(name, value) for name, values in columns.items() for value in values]


async def async_progress(*_):
    """Receive reports, but nothing waits for it."""


LAUNCHES = table(
    name=[
        *("", " ", "a b", "a_b", "a.b", "a/b", "é", "a\n", "-a", "-", "a\0", None, 5, ["a"], b"a"),
        "a" * 62,
    ],
    image=[
        *("", " ", f" {IMAGE}", f"{IMAGE}\n", None, 5, [IMAGE]),
        *("h/p/n\ud800:t", "h/p/n\udcff:t", "h/p n:t", "h/p/$n:t", "h/p/n\x01:t"),
    ],
    replicas=[0, -1, True, False, 1.0, 2.5, "0", "2.5", "two", None, float("nan"), 2**31],
    cores=[0, -1, 0.0, True, "0", "-2", "", float("nan"), float("inf"), [2], 10**400, "9" * 5000],
    ram=[0, -4, True, "4G", " 4", "1e3", float("nan"), float("-inf"), [4], Decimal(4)],
    gpu=[-1, True, False, 1.0, "-1", "1.5", float("nan"), 2**31],
    kind=["", "Headless", "desktop-app", "batch", None, 5, ["headless"], "headless "],
    cmd=[
        "ls -l",
        " ls",
        "ls ",
        "$SHELL",
        '"ls"',
        "l\\s",
        "ls\n",
        "\tls",
        5,
        ["ls"],
        b"ls",
        True,
        np.array(["ls"]),
    ],
    args=[
        *("a  b", " a", "'a b'", "it's fine", "a 'b c' d", '"a"', "$HOME", "a\\ b", "a\nb", "a\tb"),
        *("  ", 5, ["a", "b"], ("a",), [], b"a"),
    ],
    env=[
        *({"A": SECRET}, {"A": ""}, {"A": None}, {"A": "$HOME"}, {"A": '"'}, {"A": "\\"}),
        *({"A": "a\nb"}, {"A": "\0"}, {"A": 'say "hi"'}, {"": "a"}, {"A=B": "a"}, {"A B": "a"}),
        *({"1A": "a"}, {5: "a"}, {None: "a"}, {"É": "a"}, ["A=B"], "A=B", 5, [("A", "B")], dict),
        *({"REPLICA_ID": 7}, {"A": "b", "REPLICA_COUNT": "1"}),
        *({"A": b"a"}, {"A": ["a"]}, {"A": ("a", "b")}, {"A": {"b": 1}}, {"A": {1}}),
        *({"A": object()}, {"A": len}, {"A": int}, {"A": iter("a")}, {"A": map(str, ())}),
    ],
    progress=[True, 5, "bar", async_progress],
)


@pytest.mark.parametrize(("name", "value"), LAUNCHES)
def test_a_launch_that_the_platform_cannot_carry(variant, scripted, scripted_session, name, value):
    good = {"name": "a", "image": IMAGE}
    refused(variant, scripted, lambda: scripted_session.create(**good | {name: value}), name)


@pytest.mark.parametrize(("length", "replicas"), [(61, 9), (60, 10), (60, 99), (59, 100)])
def test_a_name_is_too_long_with_its_number(variant, scripted, scripted_session, length, replicas):
    create = scripted_session.create
    error = refused(variant, scripted, lambda: create("a" * (length + 1), IMAGE, replicas=replicas))
    assert f"at most {length} characters, because '-{replicas}' is added" in str(error)
    scripted.respond = lambda request: Response(200, f"id{request.form['name'][0][-3:]}\n")
    assert len(variant.run(create("a" * length, IMAGE, replicas=replicas))) == replicas


@pytest.mark.parametrize(
    ("arguments", "sent"),
    [
        ({"cores": Fraction(1, 2), "ram": Fraction(3)}, {"cores": "0.5", "ram": "3"}),
        ({"cores": 4.0, "ram": 0.25}, {"cores": "4", "ram": "0.25"}),
        ({"cores": "2", "ram": "8.5", "gpu": "1"}, {"cores": "2", "ram": "8.5", "gpus": "1"}),
        ({"cores": "4.0", "gpu": "0", "replicas": "1"}, {"cores": "4"}),
        ({"cores": np.float64(4), "gpu": np.int64(2)}, {"cores": "4", "gpus": "2"}),
        ({"ram": np.int32(8), "replicas": np.int64(1)}, {"ram": "8"}),
        ({"args": "-c print('a')"}, {"args": "-c print('a')"}),
        ({"args": "--title Alice's"}, {"args": "--title Alice's"}),
        ({"args": "it's"}, {"args": "it's"}),
        ({"args": "'"}, {"args": "'"}),
        ({"args": "--filter='x>1' 'b'"}, {"args": "--filter='x>1' 'b'"}),
        ({"image": "localhost:5000/a/b@sha256:12"}, {"image": "localhost:5000/a/b@sha256:12"}),
    ],
)
def test_arguments_are_sent_in_the_form_of_the_platform(
    variant, scripted, scripted_session, arguments, sent
):
    scripted.respond = lambda _: Response(200, f"id{len(scripted.received)}\n")
    job = {"name": "a", "image": IMAGE, **arguments}
    variant.run(scripted_session.create(**job))
    [preview] = variant.run(scripted_session.preview(**job))
    job.pop("replicas", None)
    [job_preview] = variant.run(scripted_session.preview_many([job]))
    variant.run(scripted_session.create_many([job]))
    forms = [
        {key: texts[0] for key, texts in request.form.items()} for request in scripted.received
    ]
    for form in (preview, job_preview, *forms):
        assert {name: str(form[name]) for name in sent} == sent
        assert ("gpus" in form) == ("gpus" in sent)


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ({"image": "notebook"}, "pass it as kind='notebook', and pass the full reference"),
        ({"image": "Headless"}, "pass it as kind='headless'"),
        ({"image": "skaha/astroml"}, "host and tag: images.canfar.net/skaha/astroml:TAG; not"),
        ({"image": "skaha/astroml:24.07"}, ": images.canfar.net/skaha/astroml:24.07; not"),
        ({"image": "images.canfar.net/skaha/astroml"}, "images.canfar.net/skaha/astroml:TAG; not"),
        ({"image": "images.example.org:80/a/b"}, ": images.example.org:80/a/b:TAG; not"),
        ({"image": "astroml"}, ": images.canfar.net/PROJECT/astroml:TAG; not"),
        ({"args": ["run.py", "--fast", 3]}, "write args='run.py --fast 3'"),
        ({"args": 3}, "args must be a text, not int: write args='3'"),
        ({"args": PurePosixPath("/arc/a.py")}, "not PurePosixPath: write args='/arc/a.py'"),
        ({"cmd": shell.script("true")}, "pass it with two asterisks, as **command"),
        ({"env": "A=1"}, "env must be a dictionary, not str"),
        ({"ram": "4GB"}, "ram must be a number of GiB; not '4GB'"),
        ({"ram": 4 * 2**30}, "ram must be 2147483647 GiB or less"),
        ({"name": IMAGE, "image": "a"}, "give the name first, and then the image"),
        ({"args": ["-c", "print(1,  2)"]}, "write **shell.command(program, argument, ...)"),
        ({"args": ["a b"]}, "write **shell.command(program, argument, ...)"),
        ({"cmd": ["python", "run.py", "-v"]}, "write cmd='python', args='run.py -v'"),
        ({"cmd": ("ls",)}, "write cmd='ls'"),
        ({"args": ["--title", "Alice's"]}, """write args="--title Alice's\""""),
        ({"args": ["a", ""]}, "write **shell.command(program, argument, ...)"),
        ({"args": "it's fine"}, "the container would get [\"it's\", 'fine'], not ['its fine']"),
        ({"args": "--title 'M 31"}, """['--title', "'M", '31'], not ['--title', 'M 31']"""),
        (
            {"name": "NGC 1300 (r)"},
            "the nearest allowed name is 'ngc-1300-r' (skaha.helpers.names.from_text)",
        ),
        ({"name": "a_" * 40}, "nearest allowed name is 'a-a-a-a-"),
        ({"name": "-lead"}, "nearest allowed name is 'lead'"),
    ],
)
def test_an_error_shows_the_right_form(variant, scripted, scripted_session, arguments, expected):
    job = {"name": "a", "image": IMAGE, **arguments}
    for call in (
        lambda: scripted_session.create(**job),
        lambda: scripted_session.create_many([job]),
        lambda: scripted_session.preview_many([job]),
        lambda: scripted_session.preview(**job),
        lambda: scripted_session.run(**job),
    ):
        refused(variant, scripted, call, expected)


@pytest.mark.parametrize(
    ("name", "expected"),
    [("a-", "must end with a letter or a digit"), ("Y", "nearest allowed name is 'session-y'")],
)
def test_a_job_needs_a_whole_name(variant, scripted, scripted_session, name, expected):
    job = {"name": name, "image": IMAGE}
    refused(variant, scripted, lambda: scripted_session.create_many([job]), expected)


def test_numbers_of_other_calls_may_be_digits(variant, scripted, scripted_session):
    scripted.respond = lambda request: (
        json_response([{"id": "a1", "type": "headless", "status": "Completed"}])
        if request.path.endswith("/session")
        else Response(200, "one\ntwo\n", headers={"x-vo-authenticated": "me"})
    )
    statuses = variant.run(scripted_session.wait("a1", timeout="60", poll="0.5", appear="1"))
    assert statuses == {"a1": "Completed"}
    assert variant.run(scripted_session.logs("a1", tail="1")) == {"a1": "two\n"}
    assert list(stripe("abcd", "2", "2")) == ["b", "d"]


@pytest.mark.parametrize("kind", ["notebook", "desktop", "carta", "contributed", "firefly"])
@pytest.mark.parametrize("arguments", [{"cmd": "ls"}, {"args": "a"}, {"env": {"A": "b"}}])
def test_only_headless_sessions_have_a_command(
    variant, scripted, scripted_session, kind, arguments
):
    create = scripted_session.create
    refused(variant, scripted, lambda: create("a", IMAGE, kind=kind, **arguments), "headless", kind)


@pytest.mark.parametrize(
    "value", [SECRET, f"${SECRET}", f'"{SECRET}"', f"{SECRET}\\", f"{SECRET}\n"]
)
def test_a_value_of_a_variable_is_never_shown(variant, scripted, scripted_session, value):
    env = {"FINE": "a", "PASSWORD": value}
    error = refused(variant, scripted, lambda: scripted_session.create("a", IMAGE, env=env))
    assert "PASSWORD" in str(error)
    assert "very-secret" not in repr(error) + str(error)


@pytest.mark.parametrize("value", [SECRET.encode(), [SECRET], {SECRET: 1}, iter([SECRET])])
def test_the_error_of_a_variable_names_the_wrong_type(variant, scripted, scripted_session, value):
    create, name = scripted_session.create, type(value).__name__
    error = refused(
        variant,
        scripted,
        lambda: create("a", IMAGE, env={"PASSWORD": value}),
        f"PASSWORD must be a text or a number, not {name}",
    )
    assert "very-secret" not in repr(error) + str(error)


@pytest.mark.parametrize("value", ["", None])
def test_an_empty_variable_is_refused(variant, scripted, scripted_session, value):
    env = {"FINE": "a", "NOTHING": value}
    create = scripted_session.create
    refused(variant, scripted, lambda: create("a", IMAGE, env=env), "NOTHING", "leave it out")


def test_the_error_of_a_command_with_blanks_shows_its_parts(variant, scripted, scripted_session):
    create = scripted_session.create
    error = refused(variant, scripted, lambda: create("a", IMAGE, cmd="python run.py"))
    assert "give 'python' as cmd and the rest as args" in str(error)


@pytest.mark.parametrize(
    ("filters", "named"),
    [
        ({"kind": "batch"}, "headless"),
        ({"kind": "Headless"}, "headless"),
        ({"kind": ""}, "headless"),
        ({"kind": 5}, "kind"),
        ({"kind": "Running"}, "write status='Running'"),
        ({"status": ["headless"]}, "write kind='headless'"),
        ({"status": "Done"}, "Completed"),
        ({"status": "running"}, "Running"),
        ({"status": ""}, "Running"),
        ({"view": "stats"}, "interactive"),
        ({"view": "logs"}, "interactive"),
        ({"view": ""}, "interactive"),
        ({"view": ["all"]}, "interactive"),
    ],
)
def test_a_filter_that_no_platform_knows(variant, scripted, scripted_session, filters, named):
    refused(variant, scripted, lambda: scripted_session.fetch(**filters), *filters, named)


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ({"prefix": ""}, "prefix"),
        ({"prefix": " a"}, "prefix"),
        ({"prefix": None}, "prefix"),
        ({"prefix": 5}, "prefix"),
        ({"prefix": "a", "kind": "batch"}, "kind"),
        ({"prefix": "a", "status": "Done"}, "status"),
    ],
)
def test_a_wrong_filter_of_a_deletion_is_refused(
    variant, scripted, scripted_session, arguments, named
):
    refused(variant, scripted, lambda: scripted_session.destroy_with(**arguments), named)


@pytest.mark.parametrize("kind", ["batch", ["notebook", "carta"], 5])
def test_a_wrong_kind_of_images(variant, scripted, kind):
    images = variant.open("Images", server=scripted.url, token="t")
    refused(variant, scripted, lambda: images.fetch(kind=kind), "kind", "notebook")


OTHER_CALLS = {
    "wait(until)": lambda session: session.wait("a1", "done"),
    "wait(until, several)": lambda session: session.wait("a1", ["Failed", "done"]),
    "bar(until)": lambda _: bar(until="done"),
}


@pytest.mark.parametrize("call", OTHER_CALLS.values(), ids=list(OTHER_CALLS))
def test_the_error_of_until_names_all_words(variant, scripted, scripted_session, call):
    words = ["Running", "Completed", "finished", "running"]
    refused(variant, scripted, lambda: call(scripted_session), "unknown until 'done'", *words)


# The calls, and the argument that is wrong.
WRONG_ARGUMENTS = [
    (lambda session: session.wait("a1", timeout=10**400), "timeout"),
    (lambda session: session.wait("a1", appear=1e300), "appear"),
    (lambda session: session.wait("a1", poll=1e10), "poll"),
    (lambda session: session.wait("a1", longest_poll=None), "longest_poll"),
    (lambda session: session.wait("a1", progress=True), "progress"),
    (lambda session: session.wait("a1", progress=async_progress), "progress"),
    (lambda session: session.run("a", IMAGE, progress=True), "progress"),
    (lambda session: session.run("a", IMAGE, timeout=10**400), "timeout"),
    (lambda session: session.follow("a1", poll=1e10), "poll"),
    (lambda session: session.connect("a1", timeout=1e10), "timeout"),
    (lambda session: session.connect("a1", progress=5), "progress"),
    (lambda session: session.destroy("a1", progress=5), "progress"),
    (lambda session: session.destroy_with("a", progress=5), "progress"),
    (lambda session: session.destroy_all(progress=5), "progress"),
    (lambda session: session.info("a1", progress=5), "progress"),
    (lambda session: session.save_logs("a1", "logs", progress=5), "progress"),
    (lambda session: session.save_logs("a1", None), "directory"),
    (lambda session: session.save_logs("a1", "~nosuchuser/x"), "directory"),
    (lambda session: session.save_logs("a1", "a\0b"), "directory"),
    (lambda session: session.attach_app("a1", "h/p/n\ud800:t"), "image"),
    (lambda session: session.attach_app("a1", IMAGE, cores=10**400), "cores"),
]


# The calls, and the solution in the error.
ADVICE = [
    (lambda session: session.wait("a1", 60), "write timeout=60 for the seconds"),
    (lambda session: session.logs("a1", 20), "tail=20 reads the last lines"),
    (lambda session: session.logs("a1", "b2"), "verbose must be True or False; not 'b2'"),
    (lambda session: session.events("a1", "b2"), "verbose must be True or False; not 'b2'"),
    (lambda session: session.info(pd.DataFrame({"id": ["a1"]})), "such as table['id']"),
    (lambda session: session.create_many(pd.DataFrame({"name": ["a"]})), 'to_dict("records")'),
    (lambda session: session.run("a", IMAGE, kind="notebook"), "use create, and then connect"),
]


@pytest.mark.parametrize(("call", "advice"), ADVICE)
def test_an_error_of_a_typical_mistake_has_the_solution(
    variant, scripted, scripted_session, call, advice
):
    refused(variant, scripted, lambda: call(scripted_session), advice)


def test_an_unknown_argument_of_run_names_run(variant, scripted, scripted_session):
    with pytest.raises(TypeError, match=r"Session\.run\(\) got .* 'timeot'"):
        variant.run(scripted_session.run("a", IMAGE, timeot=5))
    assert scripted.received == []


CALLS_WITH_IDS = {
    "info": lambda session, ids: session.info(ids),
    "logs": lambda session, ids: session.logs(ids),
    "tail": lambda session, ids: session.logs(ids, tail=1),
    "save_logs": lambda session, ids: session.save_logs(ids, "logs"),
    "events": lambda session, ids: session.events(ids),
    "parsed_events": lambda session, ids: session.parsed_events(ids),
    "renew": lambda session, ids: session.renew(ids),
    "destroy": lambda session, ids: session.destroy(ids),
    "wait": lambda session, ids: session.wait(ids),
    "follow": lambda session, ids: session.follow(ids),
    "connect": lambda session, ids: session.connect(ids, browser=False),
    "connect_url": lambda session, ids: session.connect_url(next(iter(ids))),
}


@pytest.mark.parametrize("call", CALLS_WITH_IDS.values(), ids=list(CALLS_WITH_IDS))
def test_a_name_in_the_place_of_an_id_is_refused(variant, scripted, scripted_session, call):
    """Newer platforms accept the deletion of any id, and say so."""
    records = [
        {"id": f"id{number}", "name": f"fit-{number}", "type": "headless", "status": "Running"}
        for number in (1, 2)
    ]
    # An odd record, and an app, which has the id of its desktop.
    odd = {"id": ["id8"], "name": ["fit-8"]}
    app = {"id": "id9", "name": "fit-1", "type": "desktop-app", "status": "Running"}
    scripted.respond = lambda _: json_response([*records, odd, app])
    # The attribute `names` of a launch has the names as its keys.
    names = {"Fit-1": "id1", "fit-2": "id2"}
    with pytest.raises(InvalidInputError, match=r"'Fit-1' is the name of a session: .* 'id1'"):
        variant.run(begun(call(scripted_session, names)))
    assert {(request.method, request.path) for request in scripted.received} == {
        ("GET", "/skaha/v1/session")
    }


@pytest.mark.parametrize(("call", "name"), WRONG_ARGUMENTS)
def test_a_wrong_argument_is_named(variant, scripted, scripted_session, call, name):
    error = refused(variant, scripted, lambda: call(scripted_session))
    assert str(error).startswith(name)


# Ids, for every method that takes them.

TAKING_IDS = [
    name
    for name, method in inspect.getmembers(skaha.Session, inspect.isfunction)
    if not name.startswith("_")
    and "ids" in (parameters := inspect.signature(method).parameters)
    # Nothing but `self` and `ids` has to be given.
    and sum(parameter.default is parameter.empty for parameter in parameters.values()) == 2
]
ILLEGAL = [
    *("", " ", "a b", " a1", "a1 ", "a1\n", "\na1", "a/b", "/", "../image", "..", ".", "a1/.."),
    *("%2e", "%2e%2e", "a%2fb", "a?view=logs", "a#b", "a&b", "a;b", "a\\b", "a:b", "é1", "a\0"),
    *("-a", "a-", "_a", "a_"),
]


def test_there_are_methods_that_take_ids():
    assert {"info", "logs", "events", "destroy"} <= set(TAKING_IDS)


@pytest.mark.parametrize("method", TAKING_IDS)
def test_a_text_that_cannot_be_an_id_is_refused(variant, scripted, scripted_session, method):
    call = getattr(scripted_session, method)
    for illegal in ILLEGAL:
        refused(variant, scripted, lambda ids=illegal: call(ids), repr(illegal))
        refused(variant, scripted, lambda ids=illegal: call(["a1", ids]), repr(illegal))


@pytest.mark.parametrize("method", TAKING_IDS)
def test_an_id_that_is_no_text_is_refused(variant, scripted, scripted_session, method):
    call = getattr(scripted_session, method)
    for wrong in [5, None, b"a1", [5], ["a1", None], [["a1"]], 1.5, True]:
        refused(variant, scripted, lambda ids=wrong: call(ids), "id")


@pytest.mark.parametrize("method", TAKING_IDS)
def test_a_record_in_place_of_an_id_is_not_shown(variant, scripted, scripted_session, method):
    """The address in a record gives access to the session."""
    records = [{"id": "a1", "connectURL": f"https://example.org/?token={SECRET}"}]
    call = getattr(scripted_session, method)
    error = refused(variant, scripted, lambda: call(records), "give the 'id' of each record")
    assert SECRET not in str(error)


@pytest.mark.parametrize("none", [[], (), set(), {}])
@pytest.mark.parametrize("method", ["info", "logs", "events", "destroy"])
def test_without_ids_no_request_is_sent(variant, scripted, scripted_session, method, none):
    result = variant.run(getattr(scripted_session, method)(none))
    assert not result
    assert result.failures == {}
    assert scripted.received == []


@pytest.mark.parametrize("ids", [("a1", "a2"), ["a1", "a2", "a1"], {"a1": 1, "a2": 2}])
def test_each_of_several_ids_is_requested_once(variant, scripted, scripted_session, ids):
    scripted.respond = lambda request: json_response({"id": request.path.rpartition("/")[2]})
    assert [record["id"] for record in variant.run(scripted_session.info(ids))] == ["a1", "a2"]
    assert len(scripted.received) == 2


# Members of enumerations, whose `str` is their name.

TEXTS = {"NAME": "m", "IMAGE": IMAGE, "HEADLESS": "headless", "LS": "ls", "KEY": "K", "ID": "a1"}
TEXTS |= {"ENDED": "Completed", "TOKEN": "t0", "VERSION": "v7", "USER": "vrubin"}
Text = enum.Enum("Text", TEXTS, type=str)
Whole = enum.Enum("Whole", {"TWO": 2}, type=int)
Real = enum.Enum("Real", {"HALF": 0.5}, type=float)
Plain = enum.Enum("Plain", {"R": "r"})
JOB = {"name": Text.NAME, "image": Text.IMAGE, "kind": Text.HEADLESS, "cmd": Text.LS}
JOB |= {"args": Text.LS, "cores": Real.HALF, "ram": Whole.TWO, "gpu": Whole.TWO}
JOB |= {"env": {Text.KEY: Text.KEY, "P": Plain.R, "W": Whole.TWO, "F": Real.HALF, "T": True}}
FORM = {"image": [IMAGE], "type": ["headless"], "cmd": ["ls"], "args": ["ls"], "cores": ["0.5"]}
FORM |= {"ram": ["2"], "gpus": ["2"]}
ENV = ["K=K", "P=r", "W=2", "F=0.5", "T=True"]
ENUMERATED = {
    "create": (
        lambda session: session.create(**JOB),
        FORM | {"name": ["m-1"], "env": [*ENV, "REPLICA_ID=1", "REPLICA_COUNT=1"]},
    ),
    "create_many": (
        lambda session: session.create_many([JOB]),
        FORM | {"name": ["m"], "env": [*ENV, "REPLICA_ID=1", "REPLICA_COUNT=1"]},
    ),
    "fetch": (lambda session: session.fetch(Text.HEADLESS, [Text.ENDED]), {"type": ["headless"]}),
    "destroy_all": (lambda session: session.destroy_all(Text.HEADLESS), {"type": ["headless"]}),
    "info": (lambda session: session.info(Text.ID), {}),
    "apps": (lambda session: session.apps(Text.ID), {}),
    "attach_app": (
        lambda session: session.attach_app(Text.ID, Text.IMAGE, Real.HALF, Whole.TWO),
        {"image": [IMAGE], "cores": ["0.5"], "ram": ["2"]},
    ),
}


@pytest.mark.parametrize("name", ENUMERATED)
def test_a_member_of_an_enumeration_is_sent_as_its_value(variant, scripted, name):
    def respond(request):
        if request.method == "POST":
            return Response(200, "a1\n")
        if request.method == "DELETE":
            return Response()
        record = {"id": "a1", "name": "n", "type": "headless", "status": "Completed"}
        return json_response(record if request.path.endswith("/a1") else [record])

    scripted.respond = respond
    call, fields = ENUMERATED[name]
    registry = {"username": Text.USER, "secret": Text.USER}
    session = variant.open(
        server=scripted.url, token=Text.TOKEN, version=Text.VERSION, registry=registry, retry=False
    )
    assert variant.run(call(session))
    request = scripted.received[0]
    assert request.path in {f"/skaha/v7/session{end}" for end in ("", "/a1", "/a1/app")}
    assert request.headers["authorization"] == "Bearer t0"
    assert fields.items() <= (request.form | request.query).items()
    if name.startswith("create"):
        assert request.headers["x-skaha-registry-auth"] == "dnJ1YmluOnZydWJpbg=="


def test_the_kind_of_images_may_be_a_member_of_an_enumeration(variant, scripted):
    scripted.respond = lambda _: json_response([])
    images = variant.open("Images", server=scripted.url, token="t")
    variant.run(images.fetch(Text.HEADLESS))
    assert scripted.received[0].query == {"type": ["headless"]}
