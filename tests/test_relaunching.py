"""Launching in large numbers, again, and within what the platform allows."""

import asyncio
import json
import pickle
import threading

import pytest
from scripted import Answer, json_answer
from staged import IMAGE, Stage

from skaha import AsyncSession, errors
from skaha.helpers import shell
from skaha.models import ContainerRegistry

REFUSED = Answer(400, "quota exceeded")
ORDER = {
    "cores": 4,
    "ram": 16,
    "gpu": 1,
    "cmd": "python",
    "args": "fit.py --fast",
    "env": {"SEED": 42, "FIELD": "n5128"},
}


def numbers(names):
    return sorted(int(name.rpartition("-")[2]) for name in names)


def test_exactly_the_replicas_that_failed_are_launched_again(variant, scripted):
    scripted.answer = stage = Stage([])
    registry = ContainerRegistry("images.canfar.net", "vrubin", "a-secret")
    session = variant.open(server=scripted.url, token="t", retry=False, registry=registry)
    stage.overrides = {f"POST fit-{n}": REFUSED for n in (3, 7, 10)}
    first = variant.run(session.create("fit", IMAGE, replicas=10, **ORDER))
    assert list(first.failures) == ["fit-3", "fit-7", "fit-10"]
    asked = {form["name"][0]: form for form in stage.forms}
    assert asked["fit-7"]["env"] == [
        *("SEED=42", "FIELD=n5128", "REPLICA_ID=7", "REPLICA_COUNT=10")
    ]

    stage.forms.clear()
    stage.overrides = {"POST fit-7": REFUSED}
    second = variant.run(session.relaunch(first))
    assert second == ["id-of-fit-3", "id-of-fit-10"]
    assert second.names == {"fit-3": "id-of-fit-3", "fit-10": "id-of-fit-10"}
    assert list(second.failures) == ["fit-7"]
    assert {form["name"][0]: form for form in stage.forms} == {
        name: asked[name] for name in first.failures
    }

    stage.forms.clear()
    stage.overrides = {}
    third = variant.run(session.relaunch(second))
    assert (third, third.failures) == (["id-of-fit-7"], {})
    assert stage.forms == [asked["fit-7"]]
    posts = [one for one in scripted.received if one.method == "POST"]
    assert {one.headers["x-skaha-registry-auth"] for one in posts} == {registry.encoded()}

    stage.forms.clear()
    assert variant.run(session.relaunch(third)) == []
    assert stage.forms == []


def test_what_nothing_came_of_is_launched_again_from_the_error(variant, scripted, scripted_session):
    scripted.answer = stage = Stage([])
    stage.overrides = {f"POST fit-{n}": Answer(401, "expired") for n in (1, 2)}
    with pytest.raises(errors.AuthenticationError) as caught:
        variant.run(scripted_session.create("fit", IMAGE, replicas=3))
    stage.overrides = {}
    again = variant.run(scripted_session.relaunch(caught.value.partial))
    assert list(again.names) == ["fit-1", "fit-2"]


def test_what_was_pickled_has_no_order_left(variant, scripted, scripted_session):
    scripted.answer = stage = Stage([])
    stage.overrides = {"POST fit-2": REFUSED}
    launched = variant.run(scripted_session.create("fit", IMAGE, replicas=2, **ORDER))
    pickled = pickle.dumps(launched)
    assert b"n5128" not in pickled
    with pytest.raises(errors.InvalidInputError, match="pickled"):
        variant.run(scripted_session.relaunch(pickle.loads(pickled)))


def test_what_ran_and_failed_is_launched_again_when_it_is_named(variant, session):
    order = shell.script('echo "$REPLICA_ID of $REPLICA_COUNT"; [ "$REPLICA_ID" != 2 ]')
    first = variant.run(session.create("told", IMAGE, 1, 1, replicas=3, **order))
    statuses = variant.run(session.wait(first, timeout=20))
    failed = [one for one, status in statuses.items() if status == "Failed"]
    assert failed == [first.names["told-2"]]
    assert variant.run(session.relaunch(first)) == []
    again = variant.run(session.relaunch(first, failed=failed))
    assert list(again.names) == ["told-2"]
    assert not set(again) & set(first)
    variant.run(session.wait(again, timeout=20))
    assert variant.run(session.logs(again)) == {again[0]: "2 of 3\n"}
    # It fails again, and again it can be launched.
    third = variant.run(session.relaunch(again, failed=again[0]))
    assert list(third.names) == ["told-2"]
    assert not set(third) & {*first, *again}


def test_only_what_was_launched_can_have_failed(variant, scripted):
    scripted.answer = Stage([])
    session = variant.open(server=scripted.url, token="t")
    first = variant.run(session.create("fit", IMAGE, replicas=2))
    sent = len(scripted.received)
    with pytest.raises(errors.InvalidInputError, match="not among the launched ids: stranger"):
        variant.run(session.relaunch(first, failed=[first[0], "stranger"]))
    assert len(scripted.received) == sent


# Many.


def test_six_hundred_replicas_are_one_call(variant, scripted):
    scripted.answer = stage = Stage([])
    session = variant.open(server=scripted.url, token="t")
    stage.overrides = {f"POST big-{n}": Answer(403, "no") for n in (1, 300, 513, 600)}
    launched = variant.run(session.create("big", IMAGE, replicas=600))
    left = [n for n in range(1, 601) if n not in (1, 300, 513, 600)]
    assert launched == [f"id-of-big-{n}" for n in left]
    assert numbers(launched.failures) == [1, 300, 513, 600]
    assert numbers(form["name"][0] for form in stage.forms) == list(range(1, 601))
    assert {tuple(form["env"]) for form in stage.forms} == {
        (f"REPLICA_ID={n}", "REPLICA_COUNT=600") for n in range(1, 601)
    }


# Refused amounts.

CONTEXT = {
    "cores": {"options": [1, 2, 4]},
    "memoryGB": {"options": [1, 2, 16.5]},
    "gpus": {"options": []},
}
TOLD = {
    "cores": "cores of this platform: 1, 2, 4",
    "ram": "ram of this platform: 1, 2, 16.5",
    "gpus": "gpus of this platform: none at all",
}


def refusing(what, context):
    """Refuse every launch but the third for an amount, and tell the context."""

    def answer(request):
        if request.path.endswith("/context"):
            return context
        if request.method == "GET":
            return json_answer([])
        if request.form["name"][0].endswith("-3"):
            return Answer(200, "id-of-3\n")
        return Answer(400, f"Invalid value for '{what}': 3\n")

    return answer


@pytest.mark.parametrize("what", TOLD)
@pytest.mark.parametrize("replicas", [1, 3])
def test_a_refusal_of_an_amount_tells_what_is_allowed(variant, scripted, what, replicas):
    scripted.answer = refusing(what, json_answer(CONTEXT))
    session = variant.open(server=scripted.url, token="t")
    if replicas == 1:
        with pytest.raises(errors.BadRequestError) as caught:
            variant.run(session.create("fit", IMAGE, replicas=replicas))
        launched = caught.value.partial
    else:
        launched = variant.run(session.create("fit", IMAGE, replicas=replicas))
        assert launched == ["id-of-3"]
    for error in launched.failures.values():
        assert f"Invalid value for '{what}': 3; {TOLD[what]}" in str(error)
    # One question for all of them.
    assert [one.path.endswith("/context") for one in scripted.received].count(True) == 1


@pytest.mark.parametrize(
    "context",
    [
        Answer(500, "oops"),
        Answer(404, "no"),
        None,
        json_answer([]),
        json_answer({}),
        json_answer({"cores": None}),
        json_answer({"cores": {"options": "1, 2"}}),
        Answer(200, "<html>", "text/html"),
    ],
    ids=["500", "404", "lost", "list", "empty", "null", "text", "page"],
)
def test_the_refusal_stands_where_nobody_knows_what_is_allowed(
    variant, scripted, scripted_session, context
):
    scripted.answer = refusing("cores", context)
    with pytest.raises(errors.BadRequestError) as caught:
        variant.run(scripted_session.create("fit", IMAGE))
    assert str(caught.value).endswith("answered 400: Invalid value for 'cores': 3")


def test_another_refusal_asks_for_nothing(variant, scripted, scripted_session):
    scripted.answer = stage = Stage([])
    stage.overrides = {"POST fit-1": Answer(400, "image is required")}
    with pytest.raises(errors.BadRequestError):
        variant.run(scripted_session.create("fit", IMAGE))
    assert len(scripted.received) == 1


@pytest.mark.parametrize(("amount", "value"), [("cores", 99), ("ram", 3), ("gpu", 77)])
def test_the_embedded_platform_tells_what_it_allows(variant, session, platform, amount, value):
    resources = variant.open("Context", server=platform.url, token=platform.token)
    allowed = variant.run(resources.resources())
    options = allowed[{"cores": "cores", "ram": "memoryGB", "gpu": "gpus"}[amount]]["options"]
    with pytest.raises(errors.BadRequestError) as caught:
        variant.run(session.create("fit", IMAGE, **{amount: value}))
    assert str(caught.value).endswith(f": {', '.join(map(str, options))}")
    assert json.dumps(value) in str(caught.value)


def test_who_stops_while_the_reason_is_looked_up_knows_what_was_launched(scripted):
    asked, go_on = threading.Event(), threading.Event()
    refuse = refusing("ram", json_answer(CONTEXT))

    def answer(request):
        if request.path.endswith("/context"):
            asked.set()
            go_on.wait(10)
        return refuse(request)

    scripted.answer = answer

    async def stop():
        async with AsyncSession(server=scripted.url, token="t") as session:
            call = asyncio.ensure_future(session.create("fit", IMAGE, replicas=3))
            assert await asyncio.to_thread(asked.wait, 10)
            call.cancel()
            with pytest.raises(asyncio.CancelledError) as caught:
                await call
            return caught.value

    try:
        stopped = asyncio.run(stop())
    finally:
        go_on.set()
    assert stopped.partial == ["id-of-3"]
    assert list(stopped.partial.failures) == ["fit-1", "fit-2"]
