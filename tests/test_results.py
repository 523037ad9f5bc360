"""Results of calls with many items: a plain container, with the failures in an attribute."""

import copy
import json
import pickle

import pytest
from scripted import Answer, json_answer

from skaha import errors
from skaha.results import ResultDict, ResultList

IMAGE = "images.canfar.net/skaha/terminal:1.1.1"
TOKEN = "a-token-of-the-tests"
REFUSAL = "Invalid value for 'ram': 3"


REFUSED = Answer(400, f"{REFUSAL}\n")


def launches(refused=(), refusal=REFUSED):
    """Refuse the replicas with these numbers, and launch the others as `id-<n>`."""

    def answer(request):
        number = int(request.form["name"][0].rpartition("-")[2])
        return refusal if number in refused else Answer(200, f"id-{number}\n")

    return answer


def by_id(answers, otherwise=None):
    """Answer by the id in the path; by default as the platform answers for a session."""

    def answer(request):
        session_id = request.path.rpartition("/")[2]
        if session_id in answers:
            return answers[session_id]
        if otherwise is not None:
            return otherwise
        if request.method == "DELETE":
            return Answer()
        is_text = "view" in request.query
        return Answer(200, f"of {session_id}") if is_text else json_answer({"id": session_id})

    return answer


# Launches.


def test_of_twenty_the_seventeen_that_were_launched_come_in_order(
    variant, scripted, scripted_session, caplog
):
    scripted.answer = launches({4, 9, 17})
    ids = variant.run(scripted_session.create("sweep", IMAGE, replicas=20))
    assert ids == [f"id-{n}" for n in range(1, 21) if n not in {4, 9, 17}]
    assert list(ids.failures) == ["sweep-4", "sweep-9", "sweep-17"]
    for name, error in ids.failures.items():
        assert isinstance(error, errors.BadRequestError)
        assert REFUSAL in str(error)
        assert name in str(error)
        assert name in caplog.text
    assert ids.names == {f"sweep-{id_[3:]}": id_ for id_ in ids}
    with pytest.raises(ExceptionGroup, match="3 failed: sweep-4, sweep-9, sweep-17") as caught:
        ids.raise_for_failures()
    assert list(caught.value.exceptions) == list(ids.failures.values())


def test_nothing_is_raised_for_no_failures(variant, scripted, scripted_session):
    scripted.answer = launches()
    ids = variant.run(scripted_session.create("sweep", IMAGE, replicas=2))
    assert ids.failures == {}
    assert ids.raise_for_failures() is None


@pytest.mark.parametrize("replicas", [1, 5])
@pytest.mark.parametrize(
    ("status", "kind"),
    [(400, errors.BadRequestError), (403, errors.PermissionDeniedError), (500, errors.ServerError)],
)
def test_a_launch_of_nothing_raises_the_reason(
    variant, scripted, scripted_session, replicas, status, kind
):
    scripted.answer = launches(range(1, 6), Answer(status, REFUSAL))
    with pytest.raises(kind, match=f"sweep-1: POST .* answered {status}: {REFUSAL}") as caught:
        variant.run(scripted_session.create("sweep", IMAGE, replicas=replicas))
    assert caught.value.partial == []
    assert list(caught.value.partial.failures) == [f"sweep-{n}" for n in range(1, replicas + 1)]


# Bad credentials and lost connections.

LOST = {
    "a lost connection": (None, errors.ConnectionFailedError),
    "bad credentials": (Answer(401, "Token has expired"), errors.AuthenticationError),
    "no credentials, newer": (
        Answer(400, "cannot get group memberships for anonymous\n"),
        errors.AuthenticationError,
    ),
}


@pytest.mark.parametrize("lost", LOST)
def test_a_launch_that_loses_the_platform_raises_with_what_was_launched(
    variant, scripted, scripted_session, lost
):
    answer, kind = LOST[lost]
    scripted.answer = launches({3}, answer)
    with pytest.raises(kind) as caught:
        variant.run(scripted_session.create("sweep", IMAGE, replicas=4))
    assert caught.value.partial == ["id-1", "id-2", "id-4"]
    assert list(caught.value.partial.failures) == ["sweep-3"]


@pytest.mark.parametrize("lost", LOST)
@pytest.mark.parametrize("method", ["info", "logs", "events", "destroy"])
def test_a_call_that_loses_the_platform_raises_with_what_it_had(
    variant, scripted, scripted_session, method, lost
):
    answer, kind = LOST[lost]
    scripted.answer = by_id({"a2": answer})
    with pytest.raises(kind) as caught:
        variant.run(getattr(scripted_session, method)(["a1", "a2", "a3"]))
    partial = caught.value.partial
    assert list(partial.failures) == ["a2"]
    assert partial.failures["a2"] is caught.value
    # It is unknown whether the session is deleted.
    plain = PLAIN | {"destroy": {"a1": True, "a3": True}}
    assert partial == plain[method]


def test_what_fails_for_the_platform_alone_is_raised(variant, scripted, scripted_session):
    scripted.answer = lambda _: Answer(500, "unexpected exception: java.io.IOException")
    with pytest.raises(errors.ServerError, match=r"java\.io\.IOException") as caught:
        variant.run(scripted_session.info(["a1", "a2"]))
    assert caught.value.partial == []
    assert "2 failed in all" in caught.value.__notes__[0]


def test_what_fails_for_the_platform_among_others_is_data(variant, scripted, scripted_session):
    scripted.answer = by_id({"a1": Answer(500, "oops")})
    found = variant.run(scripted_session.info(["a1", "a2"]))
    assert found == [{"id": "a2"}]
    assert isinstance(found.failures["a1"], errors.ServerError)


# What is not there.


def test_of_unknown_sessions_there_is_nothing_to_tell(variant, session):
    unknown = ["nobodys1", "nobodys2"]
    found = variant.run(session.info(unknown))
    assert found == []
    assert [str(error) for error in found.failures.values()] == [
        f"info of {one}: GET /skaha/v1/session/{one} answered 404: session {one} not found"
        for one in unknown
    ]
    for call in (session.logs, session.events):
        found = variant.run(call(unknown))
        assert not found
        assert list(found.failures) == unknown
        assert all(isinstance(error, errors.NotFoundError) for error in found.failures.values())


@pytest.mark.parametrize("status", [403, 404])
def test_what_is_not_there_or_not_yours_is_not_destroyed(
    variant, scripted, scripted_session, status
):
    scripted.answer = by_id({"a2": Answer(status, "forbidden")}, otherwise=Answer())
    done = variant.run(scripted_session.destroy(["a1", "a2", "a3"]))
    assert done == {"a1": True, "a2": False, "a3": True}
    assert done.failures["a2"].status == status
    assert variant.run(scripted_session.destroy("a2")) == {"a2": False}


# Containers.


@pytest.fixture
def result(request, variant, scripted, scripted_session):
    if request.param == "create":
        scripted.answer = launches({2})
        return variant.run(scripted_session.create("sweep", IMAGE, replicas=3))
    scripted.answer = by_id({"a2": Answer(404, "session a2 not found")})
    return variant.run(getattr(scripted_session, request.param)(["a1", "a2", "a3"]))


PLAIN = {
    "create": ["id-1", "id-3"],
    "info": [{"id": "a1"}, {"id": "a3"}],
    "logs": {"a1": "of a1", "a3": "of a3"},
    "events": [{"a1": "of a1"}, {"a3": "of a3"}],
    "destroy": {"a1": True, "a2": False, "a3": True},
}
EVERY = pytest.mark.parametrize(
    ("result", "plain"), PLAIN.items(), indirect=["result"], ids=list(PLAIN)
)


@EVERY
def test_a_result_is_the_plain_container(result, plain):
    assert isinstance(result, type(plain))
    assert isinstance(result, ResultDict if isinstance(plain, dict) else ResultList)
    assert result == plain
    assert list(result) == list(plain)
    assert json.dumps(result) == json.dumps(plain)
    assert len(result.failures) == 1


@EVERY
@pytest.mark.parametrize(
    "twin", [copy.copy, copy.deepcopy, lambda result: pickle.loads(pickle.dumps(result))]
)
def test_a_result_is_copied_and_pickled_with_its_failures(result, plain, twin):
    other = twin(result)
    assert other == result == plain
    assert type(other) is type(result)
    assert {key: str(error) for key, error in other.failures.items()} == {
        key: str(error) for key, error in result.failures.items()
    }
    assert [type(error) for error in other.failures.values()] == [
        type(error) for error in result.failures.values()
    ]


def test_a_pickled_result_holds_no_token(variant, scripted, scripted_session):
    scripted.answer = launches({2})
    result = variant.run(scripted_session.create("sweep", IMAGE, replicas=2))
    assert TOKEN.encode() not in pickle.dumps(result)


@pytest.mark.parametrize("method", ["info", "logs", "events", "destroy"])
def test_results_come_in_the_order_asked_for(variant, scripted, scripted_session, method):
    asked = ["c3", "a1", "d4", "b2"]
    scripted.answer = by_id({})
    found = variant.run(getattr(scripted_session, method)(asked))
    keys = [record["id"] for record in found] if method == "info" else list(found)
    if method == "events":
        keys = [key for table in found for key in table]
    assert keys == asked


@pytest.mark.parametrize("method", ["logs", "events"])
def test_what_is_printed_is_not_returned(variant, scripted, scripted_session, method, capsys):
    scripted.answer = by_id({"a2": Answer(404, "no")}, otherwise=Answer(200, "one line\n"))
    call = getattr(scripted_session, method)
    assert variant.run(call(["a1", "a2", "a3"], verbose=True)) is None
    printed = capsys.readouterr().out
    assert printed.index("a1") < printed.index("a3")
    assert printed.count("one line\n") == 2
    assert variant.run(call("a1", True)) is None
