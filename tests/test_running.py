"""Everything in one call: launch, wait, read, and clean up no more than was read."""

import pytest
from scripted import Answer
from staged import IMAGE, Stage, record

from skaha import Retry, errors


def ends(**statuses):
    return [record(f"id-of-{name.replace('_', '-')}", status) for name, status in statuses.items()]


def test_the_logs_come_by_replica_and_nothing_is_left(variant, session):
    logs = variant.run(
        session.run("say", IMAGE, timeout=20, cmd="echo", args="hello", replicas=3, cores=1, ram=1)
    )
    assert list(logs.items()) == [(f"say-{n}", "hello\n") for n in (1, 2, 3)]
    assert logs.failures == {}
    assert variant.run(session.destroy_with("say-", status=None, dry_run=True)) == []


def test_what_is_to_be_kept_stays(variant, session):
    try:
        logs = variant.run(session.run("kept", IMAGE, timeout=20, keep=True, cmd="true"))
        assert logs == {"kept-1": ""}
        kept = variant.run(session.destroy_with("kept-", status=None, dry_run=True))
        assert [one["name"] for one in kept] == ["kept-1"]
    finally:
        variant.run(session.destroy_with("kept-", status=None))


def test_a_replica_that_failed_is_told_with_its_log(variant, session, tmp_path):
    script = tmp_path / "script"
    script.write_text('echo "I am $REPLICA_ID"\n[ "$REPLICA_ID" != 2 ]\n')
    logs = variant.run(
        session.run("part", IMAGE, timeout=20, cmd="sh", args=str(script), replicas=3)
    )
    assert logs == {f"part-{n}": f"I am {n}\n" for n in (1, 2, 3)}
    assert list(logs.failures) == ["part-2"]
    assert isinstance(logs.failures["part-2"], errors.FailedSessionError)
    assert "replica part-2 ended as Failed" in str(logs.failures["part-2"])
    assert variant.run(session.destroy_with("part-", status=None, dry_run=True)) == []


PRINTS = {f"id-of-fit-{n}": [f"I am {n}\n".encode()] for n in range(1, 6)}


@pytest.mark.usefixtures("quick_look_ups")
def test_each_kind_of_failure_is_told_and_only_what_was_read_is_destroyed(
    variant, scripted, scripted_session
):
    """Not launched, failed, gone, and ended well without a readable log."""
    statuses = {"fit_1": "Completed", "fit_3": "Failed", "fit_4": "Succeeded", "fit_5": "Running"}
    gone = {name: status for name, status in statuses.items() if name != "fit_5"}
    logs = PRINTS | {"id-of-fit-4": [Answer(500, "oops")], "id-of-fit-5": [b""]}
    scripted.answer = stage = Stage(ends(**statuses), ends(**gone), logs=logs)
    stage.overrides["POST fit-2"] = Answer(400, "not this one")
    logs = variant.run(scripted_session.run("fit", IMAGE, replicas=5))
    assert logs == {"fit-1": "I am 1\n", "fit-3": "I am 3\n"}
    assert {name: type(error) for name, error in logs.failures.items()} == {
        "fit-2": errors.BadRequestError,
        "fit-3": errors.FailedSessionError,
        "fit-4": errors.ServerError,
        "fit-5": errors.FailedSessionError,
    }
    assert "replica fit-5 is gone: " in str(logs.failures["fit-5"])
    assert sorted(stage.deleted) == ["id-of-fit-1", "id-of-fit-3"]
    with pytest.raises(ExceptionGroup, match="4 failed"):
        logs.raise_for_failures()


def test_a_session_that_is_missing_from_a_list_runs_to_its_end(variant, scripted, scripted_session):
    running = ends(fit_1="Running", fit_2="Running")
    done = ends(fit_1="Completed", fit_2="Completed")
    scripted.answer = stage = Stage(running, [], [], running, done, logs=PRINTS)
    logs = variant.run(scripted_session.run("fit", IMAGE, replicas=2))
    assert logs == {"fit-1": "I am 1\n", "fit-2": "I am 2\n"}
    assert logs.failures == {}
    assert sorted(stage.deleted) == ["id-of-fit-1", "id-of-fit-2"]


@pytest.mark.usefixtures("quick_look_ups")
def test_a_session_that_was_not_seen_to_end_is_not_destroyed(variant, scripted, scripted_session):
    """The platform denies that it exists, and still has its log."""
    scripted.answer = stage = Stage(ends(fit_1="Running"), [], logs=PRINTS)
    logs = variant.run(scripted_session.run("fit", IMAGE))
    assert logs == {"fit-1": "I am 1\n"}
    assert isinstance(logs.failures["fit-1"], errors.FailedSessionError)
    assert stage.deleted == []


def test_an_outage_ends_no_run(variant, scripted, caplog):
    """The list fails for a while, and so do the logs."""
    busy = Answer(503, "busy")
    listings = [ends(fit_1="Running"), *[busy, None] * 6, ends(fit_1="Completed")]
    logs = {"id-of-fit-1": [*[busy, None] * 6, b"I am 1\n"]}
    scripted.answer = stage = Stage(*listings, logs=logs)
    retry = Retry(first_pause=0.001, longest_pause=0.01)
    session = variant.open(server=scripted.url, token="t", retry=retry)
    assert variant.run(session.run("fit", IMAGE)) == {"fit-1": "I am 1\n"}
    assert stage.deleted == ["id-of-fit-1"]
    begin, end = caplog.messages[:2]
    assert begin.startswith("wait: the platform does not respond since ")
    assert end.startswith("wait: the platform responds again, after ")


def test_nothing_is_destroyed_when_the_time_is_over(variant, scripted, scripted_session):
    scripted.answer = stage = Stage(ends(fit_1="Completed", fit_2="Running"), logs=PRINTS)
    with pytest.raises(errors.WaitTimeoutError) as caught:
        variant.run(scripted_session.run("fit", IMAGE, timeout=0.05, replicas=2))
    assert caught.value.partial.names == {f"fit-{n}": f"id-of-fit-{n}" for n in (1, 2)}
    assert "id-of-fit-2 is Running" in str(caught.value)
    assert stage.deleted == []


@pytest.mark.parametrize("lost", [None, Answer(401, "expired")])
def test_nothing_is_destroyed_when_the_logs_cannot_be_read(
    variant, scripted, scripted_session, lost
):
    logs = PRINTS | {"id-of-fit-2": [lost]}
    scripted.answer = stage = Stage(ends(fit_1="Completed", fit_2="Completed"), logs=logs)
    with pytest.raises(errors.SkahaError):
        variant.run(scripted_session.run("fit", IMAGE, replicas=2))
    assert stage.deleted == []


@pytest.mark.parametrize("answer", [Answer(401, "expired"), None, Answer(500, "oops")])
def test_a_clean_up_that_fails_takes_no_log_away(variant, scripted, scripted_session, answer):
    """The data of a deleted session is kept only in the result."""
    statuses = {"fit_1": "Completed", "fit_2": "Completed"}
    scripted.answer = stage = Stage(ends(**statuses), logs=PRINTS)
    stage.overrides["DELETE id-of-fit-2"] = answer
    try:
        logs = variant.run(scripted_session.run("fit", IMAGE, replicas=2))
    except errors.SkahaError as error:
        logs = error.partial
    assert stage.deleted == ["id-of-fit-1"]
    assert logs == {"fit-1": "I am 1\n", "fit-2": "I am 2\n"}


def test_nothing_launched_raises_the_reason(variant, scripted, scripted_session):
    scripted.answer = stage = Stage([])
    stage.overrides = {f"POST fit-{n}": Answer(400, "not this one") for n in (1, 2)}
    with pytest.raises(errors.BadRequestError, match="not this one"):
        variant.run(scripted_session.run("fit", IMAGE, replicas=2))
    assert stage.listing_times == stage.deleted == []
