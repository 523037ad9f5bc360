"""Results of calls with many items: a list or dictionary with the failures in an attribute."""

import copy
import json
import pickle

import pytest
from scripted import Response, json_response

from skaha import errors
from skaha.results import ResultDict, ResultList

IMAGE = "images.canfar.net/skaha/terminal:1.1.1"
TOKEN = "a-token-of-the-tests"
REFUSAL = "Invalid value for 'ram': 3"
REFUSED = Response(400, f"{REFUSAL}\n")


def launches(refused=(), refusal=REFUSED):
    """Return a script that refuses the replicas with these numbers and launches the others.

    The id of replica 7 is `id-7`.
    """

    def respond(request):
        number = int(request.form["name"][0].rpartition("-")[2])
        return refusal if number in refused else Response(200, f"id-{number}\n")

    return respond


def by_id(responses, otherwise=None):
    """Return a script that takes the response from `responses`, by the id in the path.

    For other ids it returns `otherwise`, or by default the response of a platform.
    """

    def respond(request):
        session_id = request.path.rpartition("/")[2]
        if session_id in responses:
            return responses[session_id]
        if otherwise is not None:
            return otherwise
        if request.method == "DELETE":
            return Response()
        is_text = "view" in request.query
        return Response(200, f"of {session_id}") if is_text else json_response({"id": session_id})

    return respond


# Launches.


def test_create_returns_the_ids_in_order_and_the_failures(
    variant, scripted, scripted_session, caplog
):
    scripted.respond = launches({4, 9, 17})
    ids = variant.run(scripted_session.create("sweep", IMAGE, replicas=20))
    assert ids == [f"id-{n}" for n in range(1, 21) if n not in {4, 9, 17}]
    assert list(ids.failures) == ["sweep-4", "sweep-9", "sweep-17"]
    for name, error in ids.failures.items():
        assert isinstance(error, errors.BadRequestError)
        assert REFUSAL in str(error)
        assert name in str(error)
        assert name in caplog.text
    assert ids.names == {f"sweep-{session_id[3:]}": session_id for session_id in ids}
    with pytest.raises(ExceptionGroup, match="3 failed: sweep-4, sweep-9, sweep-17") as caught:
        ids.raise_for_failures()
    assert list(caught.value.exceptions) == list(ids.failures.values())


@pytest.mark.parametrize("call", ["create", "info", "logs", "destroy"])
def test_a_call_with_many_failures_logs_the_first_ones(
    variant, scripted, scripted_session, caplog, call
):
    scripted.respond = lambda _: Response(400, REFUSAL)
    if call == "create":
        scripted.respond = launches(set(range(2, 101)))
        result = variant.run(scripted_session.create("sweep", IMAGE, replicas=100))
    else:
        ok = Response(200, "text") if call == "logs" else json_response({"id": "a0", "name": "a"})
        ok = Response(200, "") if call == "destroy" else ok
        scripted.respond = lambda request: (
            ok if request.path.endswith("/a0") else Response(400, REFUSAL)
        )
        ids = [f"a{number}" for number in range(100)]
        result = variant.run(getattr(scripted_session, call)(ids))
    assert len(result.failures) == 99
    messages = [record.getMessage() for record in caplog.records]
    assert messages == [*map(str, list(result.failures.values())[:10]), "89 more failed"]


def test_an_unexpected_text_is_logged_once_for_all_items(
    variant, scripted, scripted_session, caplog
):
    scripted.respond = lambda _: Response(200, "queued")
    ids = [f"a{number}" for number in range(20)]
    assert all(variant.run(scripted_session.destroy(ids)).values())
    [message] = caplog.messages
    assert "success, but with an unexpected text: queued" in message


def test_raise_for_failures_does_nothing_without_failures(variant, scripted, scripted_session):
    scripted.respond = launches()
    ids = variant.run(scripted_session.create("sweep", IMAGE, replicas=2))
    assert ids.failures == {}
    assert ids.raise_for_failures() is None


@pytest.mark.parametrize("replicas", [1, 5])
@pytest.mark.parametrize(
    ("status", "error_type"),
    [(400, errors.BadRequestError), (403, errors.PermissionDeniedError), (500, errors.ServerError)],
)
def test_a_launch_without_any_session_raises_the_error(
    variant, scripted, scripted_session, replicas, status, error_type
):
    scripted.respond = launches(range(1, 6), Response(status, REFUSAL))
    with pytest.raises(
        error_type, match=f"sweep-1: POST .* answered {status}: {REFUSAL}"
    ) as caught:
        variant.run(scripted_session.create("sweep", IMAGE, replicas=replicas))
    assert caught.value.partial == []
    assert list(caught.value.partial.failures) == [f"sweep-{n}" for n in range(1, replicas + 1)]


# Refused credentials and lost connections.

# These errors are raised although other items succeeded.
FATAL = {
    "a lost connection": (None, errors.ConnectionFailedError),
    "bad credentials": (Response(401, "Token has expired"), errors.AuthenticationError),
    "missing credentials on newer platforms": (
        Response(400, "cannot get group memberships for anonymous\n"),
        errors.AuthenticationError,
    ),
}


@pytest.mark.parametrize("fault", FATAL)
def test_a_launch_with_a_fatal_error_raises_it_with_the_launched_sessions(
    variant, scripted, scripted_session, fault
):
    response, error_type = FATAL[fault]
    scripted.respond = launches({3}, response)
    with pytest.raises(error_type) as caught:
        variant.run(scripted_session.create("sweep", IMAGE, replicas=4))
    assert caught.value.partial == ["id-1", "id-2", "id-4"]
    assert list(caught.value.partial.failures) == ["sweep-3"]


@pytest.mark.parametrize("fault", FATAL)
@pytest.mark.parametrize("method", ["info", "logs", "events", "destroy"])
def test_a_call_with_a_fatal_error_raises_it_with_the_other_results(
    variant, scripted, scripted_session, method, fault
):
    response, error_type = FATAL[fault]
    scripted.respond = by_id({"a2": response})
    with pytest.raises(error_type) as caught:
        variant.run(getattr(scripted_session, method)(["a1", "a2", "a3"]))
    partial = caught.value.partial
    assert list(partial.failures) == ["a2"]
    assert partial.failures["a2"] is caught.value
    # It is unknown whether the session is deleted.
    expected = PLAIN | {"destroy": {"a1": True, "a3": True}}
    assert partial == expected[method]


def test_a_server_error_of_every_item_is_raised(variant, scripted, scripted_session):
    scripted.respond = lambda _: Response(500, "unexpected exception: java.io.IOException")
    with pytest.raises(errors.ServerError, match=r"java\.io\.IOException") as caught:
        variant.run(scripted_session.info(["a1", "a2"]))
    assert caught.value.partial == []
    assert "2 failed in all" in caught.value.__notes__[0]


def test_a_server_error_of_one_item_is_a_failure(variant, scripted, scripted_session):
    scripted.respond = by_id({"a1": Response(500, "oops")})
    records = variant.run(scripted_session.info(["a1", "a2"]))
    assert records == [{"id": "a2"}]
    assert isinstance(records.failures["a1"], errors.ServerError)


# Sessions that do not exist.


def test_unknown_sessions_are_failures(variant, session):
    unknown = ["unknown1", "unknown2"]
    records = variant.run(session.info(unknown))
    assert records == []
    assert [str(error) for error in records.failures.values()] == [
        f"info of {key}: GET /skaha/v1/session/{key} answered 404: session {key} not found"
        for key in unknown
    ]
    for call in (session.logs, session.events):
        result = variant.run(call(unknown))
        assert not result
        assert list(result.failures) == unknown
        assert all(isinstance(error, errors.NotFoundError) for error in result.failures.values())


@pytest.mark.parametrize("status", [403, 404])
def test_a_session_that_is_missing_or_of_another_user_is_not_deleted(
    variant, scripted, scripted_session, status
):
    scripted.respond = by_id({"a2": Response(status, "forbidden")}, otherwise=Response())
    results = variant.run(scripted_session.destroy(["a1", "a2", "a3"]))
    assert results == {"a1": True, "a2": False, "a3": True}
    assert results.failures["a2"].status == status
    assert variant.run(scripted_session.destroy("a2")) == {"a2": False}


# Containers.


@pytest.fixture
def result(request, variant, scripted, scripted_session):
    if request.param == "create":
        scripted.respond = launches({2})
        return variant.run(scripted_session.create("sweep", IMAGE, replicas=3))
    scripted.respond = by_id({"a2": Response(404, "session a2 not found")})
    return variant.run(getattr(scripted_session, request.param)(["a1", "a2", "a3"]))


PLAIN = {
    "create": ["id-1", "id-3"],
    "info": [{"id": "a1"}, {"id": "a3"}],
    "logs": {"a1": "of a1", "a3": "of a3"},
    "events": [{"a1": "of a1"}, {"a3": "of a3"}],
    "destroy": {"a1": True, "a2": False, "a3": True},
}
each_result = pytest.mark.parametrize(
    ("result", "plain"), PLAIN.items(), indirect=["result"], ids=list(PLAIN)
)


@each_result
def test_a_result_equals_the_plain_container(result, plain):
    assert isinstance(result, type(plain))
    assert isinstance(result, ResultDict if isinstance(plain, dict) else ResultList)
    assert result == plain
    assert list(result) == list(plain)
    assert json.dumps(result) == json.dumps(plain)
    assert len(result.failures) == 1


@each_result
@pytest.mark.parametrize(
    "copy_result", [copy.copy, copy.deepcopy, lambda result: pickle.loads(pickle.dumps(result))]
)
def test_a_result_is_copied_and_pickled_with_its_failures(result, plain, copy_result):
    copied = copy_result(result)
    assert copied == result == plain
    assert type(copied) is type(result)
    assert {key: str(error) for key, error in copied.failures.items()} == {
        key: str(error) for key, error in result.failures.items()
    }
    assert [type(error) for error in copied.failures.values()] == [
        type(error) for error in result.failures.values()
    ]


def test_a_pickled_result_contains_no_token(variant, scripted, scripted_session):
    scripted.respond = launches({2})
    result = variant.run(scripted_session.create("sweep", IMAGE, replicas=2))
    assert TOKEN.encode() not in pickle.dumps(result)


@pytest.mark.parametrize("method", ["info", "logs", "events", "destroy"])
def test_results_have_the_order_of_the_given_ids(variant, scripted, scripted_session, method):
    ids = ["c3", "a1", "d4", "b2"]
    scripted.respond = by_id({})
    result = variant.run(getattr(scripted_session, method)(ids))
    keys = [record["id"] for record in result] if method == "info" else list(result)
    if method == "events":
        keys = [key for table in result for key in table]
    assert keys == ids


@pytest.mark.parametrize("method", ["logs", "events"])
def test_verbose_prints_the_texts_and_returns_nothing(
    variant, scripted, scripted_session, method, capsys
):
    scripted.respond = by_id({"a2": Response(404, "no")}, otherwise=Response(200, "one line\n"))
    call = getattr(scripted_session, method)
    assert variant.run(call(["a1", "a2", "a3"], verbose=True)) is None
    printed = capsys.readouterr().out
    assert printed.index("a1") < printed.index("a3")
    assert printed.count("one line\n") == 2
    assert variant.run(call("a1", True)) is None
