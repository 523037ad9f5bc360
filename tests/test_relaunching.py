"""Relaunching of failed replicas, large launches, and amounts that the platform refuses."""

import asyncio
import json
import pickle
import threading

import pytest
from scripted import Response, json_response
from staged import IMAGE, Stage

from skaha import AsyncSession, errors
from skaha.helpers import shell
from skaha.models import ContainerRegistry

REFUSED = Response(400, "quota exceeded")
SETTINGS = {
    "cores": 4,
    "ram": 16,
    "gpu": 1,
    "cmd": "python",
    "args": "fit.py --fast",
    "env": {"SEED": 42, "FIELD": "n5128"},
}


def numbers(names):
    return sorted(int(name.rpartition("-")[2]) for name in names)


def test_relaunch_launches_exactly_the_replicas_that_failed(variant, scripted):
    scripted.respond = stage = Stage([])
    registry = ContainerRegistry("images.canfar.net", "vrubin", "a-secret")
    session = variant.open(server=scripted.url, token="t", retry=False, registry=registry)
    stage.overrides = {f"POST fit-{n}": REFUSED for n in (3, 7, 10)}
    first = variant.run(session.create("fit", IMAGE, replicas=10, **SETTINGS))
    assert list(first.failures) == ["fit-3", "fit-7", "fit-10"]
    forms = {form["name"][0]: form for form in stage.forms}
    assert forms["fit-7"]["env"] == [
        *("SEED=42", "FIELD=n5128", "REPLICA_ID=7", "REPLICA_COUNT=10")
    ]

    stage.forms.clear()
    stage.overrides = {"POST fit-7": REFUSED}
    second = variant.run(session.relaunch(first))
    assert second == ["id-of-fit-3", "id-of-fit-10"]
    assert second.names == {"fit-3": "id-of-fit-3", "fit-10": "id-of-fit-10"}
    assert list(second.failures) == ["fit-7"]
    assert {form["name"][0]: form for form in stage.forms} == {
        name: forms[name] for name in first.failures
    }

    stage.forms.clear()
    stage.overrides = {}
    third = variant.run(session.relaunch(second))
    assert (third, third.failures) == (["id-of-fit-7"], {})
    assert stage.forms == [forms["fit-7"]]
    launches = [request for request in scripted.received if request.method == "POST"]
    assert {launch.headers["x-skaha-registry-auth"] for launch in launches} == {registry.encoded()}

    stage.forms.clear()
    assert variant.run(session.relaunch(third)) == []
    assert stage.forms == []


@pytest.mark.parametrize("launched", [None, [], ["a1"], {"fit-1": "a1"}])
def test_only_the_result_of_a_launch_can_be_relaunched(
    variant, scripted, scripted_session, launched
):
    with pytest.raises(errors.InvalidInputError, match="takes the result of create"):
        variant.run(scripted_session.relaunch(launched))
    assert scripted.received == []


def test_the_partial_result_of_an_error_can_be_relaunched(variant, scripted, scripted_session):
    scripted.respond = stage = Stage([])
    stage.overrides = {f"POST fit-{n}": Response(401, "expired") for n in (1, 2)}
    with pytest.raises(errors.AuthenticationError) as caught:
        variant.run(scripted_session.create("fit", IMAGE, replicas=3))
    stage.overrides = {}
    relaunched = variant.run(scripted_session.relaunch(caught.value.partial))
    assert list(relaunched.names) == ["fit-1", "fit-2"]


def test_a_pickled_result_has_no_settings_and_cannot_be_relaunched(
    variant, scripted, scripted_session
):
    scripted.respond = stage = Stage([])
    stage.overrides = {"POST fit-2": REFUSED}
    launched = variant.run(scripted_session.create("fit", IMAGE, replicas=2, **SETTINGS))
    pickled = pickle.dumps(launched)
    assert b"n5128" not in pickled
    with pytest.raises(errors.InvalidInputError, match="pickled"):
        variant.run(scripted_session.relaunch(pickle.loads(pickled)))


def test_sessions_that_ran_and_failed_are_relaunched_by_their_ids(variant, session):
    settings = shell.script('echo "$REPLICA_ID of $REPLICA_COUNT"; [ "$REPLICA_ID" != 2 ]')
    first = variant.run(session.create("part", IMAGE, 1, 1, replicas=3, **settings))
    statuses = variant.run(session.wait(first, timeout=60))
    failed = [session_id for session_id, status in statuses.items() if status == "Failed"]
    assert failed == [first.names["part-2"]]
    assert variant.run(session.relaunch(first)) == []
    second = variant.run(session.relaunch(first, failed=failed))
    assert list(second.names) == ["part-2"]
    assert not set(second) & set(first)
    variant.run(session.wait(second, timeout=60))
    assert variant.run(session.logs(second)) == {second[0]: "2 of 3\n"}
    # The replica fails again and can be relaunched again.
    third = variant.run(session.relaunch(second, failed=second[0]))
    assert list(third.names) == ["part-2"]
    assert not set(third) & {*first, *second}


def test_relaunch_refuses_an_id_of_another_launch(variant, scripted):
    scripted.respond = Stage([])
    session = variant.open(server=scripted.url, token="t")
    first = variant.run(session.create("fit", IMAGE, replicas=2))
    requests_before = len(scripted.received)
    with pytest.raises(errors.InvalidInputError, match="not among the launched ids: other"):
        variant.run(session.relaunch(first, failed=[first[0], "other"]))
    assert len(scripted.received) == requests_before


# Large launches.


def test_six_hundred_replicas_are_launched_in_one_call(variant, scripted):
    scripted.respond = stage = Stage([])
    session = variant.open(server=scripted.url, token="t")
    stage.overrides = {f"POST big-{n}": Response(403, "no") for n in (1, 300, 513, 600)}
    launched = variant.run(session.create("big", IMAGE, replicas=600))
    successful = [n for n in range(1, 601) if n not in (1, 300, 513, 600)]
    assert launched == [f"id-of-big-{n}" for n in successful]
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
ADVICE = {
    "cores": "cores of this platform: 1, 2, 4",
    "ram": "ram of this platform: 1, 2, 16.5",
    "gpus": "gpus of this platform: none at all",
}


def refuse_amount(field, context):
    """Return a script that refuses the amount of every launch except the third.

    `context` is the response to a request of the allowed amounts.
    """

    def respond(request):
        if request.path.endswith("/context"):
            return context
        if request.method == "GET":
            return json_response([])
        if request.form["name"][0].endswith("-3"):
            return Response(200, "id-of-3\n")
        return Response(400, f"Invalid value for '{field}': 3\n")

    return respond


@pytest.mark.parametrize("field", ADVICE)
@pytest.mark.parametrize("replicas", [1, 3])
def test_the_error_of_a_refused_amount_lists_the_allowed_amounts(
    variant, scripted, field, replicas
):
    scripted.respond = refuse_amount(field, json_response(CONTEXT))
    session = variant.open(server=scripted.url, token="t")
    if replicas == 1:
        with pytest.raises(errors.BadRequestError) as caught:
            variant.run(session.create("fit", IMAGE, replicas=replicas))
        launched = caught.value.partial
    else:
        launched = variant.run(session.create("fit", IMAGE, replicas=replicas))
        assert launched == ["id-of-3"]
    for error in launched.failures.values():
        assert f"Invalid value for '{field}': 3; {ADVICE[field]}" in str(error)
    # The allowed amounts are requested once for all replicas.
    requests = [request for request in scripted.received if request.path.endswith("/context")]
    assert len(requests) == 1


@pytest.mark.parametrize(
    "context",
    [
        Response(500, "oops"),
        Response(404, "no"),
        None,
        json_response([]),
        json_response({}),
        json_response({"cores": None}),
        json_response({"cores": {"options": "1, 2"}}),
        Response(200, "<html>", "text/html"),
    ],
    ids=["500", "404", "lost", "list", "empty", "null", "text", "page"],
)
def test_the_refusal_is_raised_unchanged_if_the_allowed_amounts_are_unknown(
    variant, scripted, scripted_session, context
):
    scripted.respond = refuse_amount("cores", context)
    with pytest.raises(errors.BadRequestError) as caught:
        variant.run(scripted_session.create("fit", IMAGE))
    assert str(caught.value).endswith("answered 400: Invalid value for 'cores': 3")


def test_another_refusal_does_not_request_the_allowed_amounts(variant, scripted, scripted_session):
    scripted.respond = stage = Stage([])
    stage.overrides = {"POST fit-1": Response(400, "image is required")}
    with pytest.raises(errors.BadRequestError):
        variant.run(scripted_session.create("fit", IMAGE))
    assert len(scripted.received) == 1


@pytest.mark.parametrize(("amount", "value"), [("cores", 99), ("ram", 3), ("gpu", 77)])
def test_the_embedded_platform_lists_the_allowed_amounts(variant, session, platform, amount, value):
    context = variant.open("Context", server=platform.url, token=platform.token)
    resources = variant.run(context.resources())
    options = resources[{"cores": "cores", "ram": "memoryGB", "gpu": "gpus"}[amount]]["options"]
    with pytest.raises(errors.BadRequestError) as caught:
        variant.run(session.create("fit", IMAGE, **{amount: value}))
    assert str(caught.value).endswith(f": {', '.join(map(str, options))}")
    assert json.dumps(value) in str(caught.value)


def test_a_cancellation_during_the_request_of_the_allowed_amounts_keeps_the_launches(scripted):
    is_requested, continue_response = threading.Event(), threading.Event()
    refuse = refuse_amount("ram", json_response(CONTEXT))

    def respond(request):
        if request.path.endswith("/context"):
            is_requested.set()
            continue_response.wait(10)
        return refuse(request)

    scripted.respond = respond

    async def cancel():
        async with AsyncSession(server=scripted.url, token="t") as session:
            call = asyncio.ensure_future(session.create("fit", IMAGE, replicas=3))
            assert await asyncio.to_thread(is_requested.wait, 10)
            call.cancel()
            with pytest.raises(asyncio.CancelledError) as caught:
                await call
            return caught.value

    try:
        error = asyncio.run(cancel())
    finally:
        continue_response.set()
    assert error.partial == ["id-of-3"]
    assert list(error.partial.failures) == ["fit-1", "fit-2"]
