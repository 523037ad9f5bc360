"""`run`: launch, wait, read the logs, and delete only the sessions whose logs were read."""

import re
from datetime import UTC, datetime

import pytest
from scripted import Response
from staged import IMAGE, Stage, record

from skaha import Retry, errors


def replicas_with(**statuses):
    """Return the list of the sessions of these replicas, with these statuses."""
    return [record(f"id-of-{name.replace('_', '-')}", status) for name, status in statuses.items()]


def test_run_returns_the_logs_by_replica_and_deletes_the_sessions(variant, session):
    logs = variant.run(
        session.run("say", IMAGE, timeout=60, cmd="echo", args="hello", replicas=3, cores=1, ram=1)
    )
    assert list(logs.items()) == [(f"say-{n}", "hello\n") for n in (1, 2, 3)]
    assert logs.failures == {}
    assert variant.run(session.destroy_with("say-", status=None, dry_run=True)) == []


def test_run_with_keep_does_not_delete_the_sessions(variant, session):
    try:
        logs = variant.run(session.run("kept", IMAGE, timeout=60, keep=True, cmd="true"))
        assert logs == {"kept-1": ""}
        kept = variant.run(session.destroy_with("kept-", status=None, dry_run=True))
        assert [record["name"] for record in kept] == ["kept-1"]
    finally:
        variant.run(session.destroy_with("kept-", status=None))


def test_a_failed_replica_is_reported_and_its_log_is_returned(variant, session, tmp_path):
    script = tmp_path / "script"
    script.write_text('echo "I am $REPLICA_ID"\n[ "$REPLICA_ID" != 2 ]\n')
    logs = variant.run(
        session.run("part", IMAGE, timeout=60, cmd="sh", args=str(script), replicas=3)
    )
    assert logs == {f"part-{n}": f"I am {n}\n" for n in (1, 2, 3)}
    assert list(logs.failures) == ["part-2"]
    assert isinstance(logs.failures["part-2"], errors.FailedSessionError)
    assert "replica part-2 ended as Failed" in str(logs.failures["part-2"])
    assert variant.run(session.destroy_with("part-", status=None, dry_run=True)) == []


@pytest.mark.parametrize(
    ("cmd", "reason"),
    [
        ("cat", "the last line of its log: (.*/)?cat: nothing-here"),
        ("no-such-program", "with an empty log; the platform's warnings: .*no-such-program"),
        ("false", "with an empty log; the platform's warnings: Exit status 1"),
    ],
)
def test_the_error_of_a_failed_replica_has_the_reason(variant, session, cmd, reason):
    """The session is deleted, and a program may keep the error only."""
    args = "nothing-here" if cmd == "cat" else None
    logs = variant.run(session.run("part", IMAGE, timeout=60, cmd=cmd, args=args))
    with pytest.raises(ExceptionGroup) as caught:
        logs.raise_for_failures()
    message = str(caught.value.exceptions[0])
    assert re.match(f"replica part-1 ended as Failed.*{reason}", message)


LOGS = {f"id-of-fit-{n}": [f"I am {n}\n".encode()] for n in range(1, 6)}


@pytest.mark.usefixtures("quick_look_ups")
def test_each_kind_of_failure_is_reported_and_only_sessions_with_read_logs_are_deleted(
    variant, scripted, scripted_session
):
    """One replica is not launched, one fails, one vanishes, and the log of one cannot be read."""
    statuses = {"fit_1": "Completed", "fit_3": "Failed", "fit_4": "Succeeded", "fit_5": "Running"}
    remaining = {name: status for name, status in statuses.items() if name != "fit_5"}
    readings = LOGS | {"id-of-fit-4": [Response(500, "oops")], "id-of-fit-5": [b""]}
    scripted.respond = stage = Stage(
        replicas_with(**statuses), replicas_with(**remaining), logs=readings
    )
    stage.overrides["POST fit-2"] = Response(400, "not this one")
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
    running = replicas_with(fit_1="Running", fit_2="Running")
    completed = replicas_with(fit_1="Completed", fit_2="Completed")
    scripted.respond = stage = Stage(running, [], [], running, completed, logs=LOGS)
    logs = variant.run(scripted_session.run("fit", IMAGE, replicas=2))
    assert logs == {"fit-1": "I am 1\n", "fit-2": "I am 2\n"}
    assert logs.failures == {}
    assert sorted(stage.deleted) == ["id-of-fit-1", "id-of-fit-2"]


@pytest.mark.usefixtures("quick_look_ups")
def test_a_session_that_vanishes_without_an_end_is_not_deleted(variant, scripted, scripted_session):
    """The platform answers that the session does not exist, but it still sends the log."""
    scripted.respond = stage = Stage(replicas_with(fit_1="Running"), [], logs=LOGS)
    logs = variant.run(scripted_session.run("fit", IMAGE))
    assert logs == {"fit-1": "I am 1\n"}
    assert isinstance(logs.failures["fit-1"], errors.FailedSessionError)
    assert stage.deleted == []


def test_run_does_not_delete_a_session_that_was_found_by_its_name(variant, scripted, caplog):
    """It may belong to another program."""
    started = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    other = record("other1", "Completed", name="fit-1", startTime=started)
    scripted.respond = stage = Stage([other], logs={"other1": [b"a line\n"]})
    stage.overrides["POST fit-1"] = Response(502, "bad gateway")
    retry = Retry(first_pause=0.001, settle=0.01)
    session = variant.open(server=scripted.url, token="t", retry=retry)
    assert variant.run(session.run("fit", IMAGE)) == {"fit-1": "a line\n"}
    assert stage.deleted == []
    assert "left on the platform, because found by name: other1" in caplog.text


@pytest.mark.usefixtures("quick_outages")
def test_run_survives_an_outage(variant, scripted, caplog):
    """The list fails for a while, and so do the logs."""
    busy = Response(503, "busy")
    listings = [replicas_with(fit_1="Running"), *[busy, None] * 6, replicas_with(fit_1="Completed")]
    logs = {"id-of-fit-1": [*[busy, None] * 6, b"I am 1\n"]}
    scripted.respond = stage = Stage(*listings, logs=logs)
    retry = Retry(first_pause=0.001, longest_pause=0.01)
    session = variant.open(server=scripted.url, token="t", retry=retry)
    assert variant.run(session.run("fit", IMAGE)) == {"fit-1": "I am 1\n"}
    assert stage.deleted == ["id-of-fit-1"]
    start_message, end_message = caplog.messages[:2]
    assert start_message.startswith("wait: the platform does not respond since ")
    assert end_message.startswith("wait: the platform responds again, after ")


def test_nothing_is_deleted_after_a_time_out(variant, scripted, scripted_session):
    scripted.respond = stage = Stage(replicas_with(fit_1="Completed", fit_2="Running"), logs=LOGS)
    with pytest.raises(errors.WaitTimeoutError) as caught:
        variant.run(scripted_session.run("fit", IMAGE, timeout=0.05, replicas=2))
    assert caught.value.partial.names == {f"fit-{n}": f"id-of-fit-{n}" for n in (1, 2)}
    assert "id-of-fit-2 is Running" in str(caught.value)
    assert stage.deleted == []


@pytest.mark.parametrize("response", [None, Response(401, "expired")])
def test_nothing_is_deleted_if_the_logs_cannot_be_read(
    variant, scripted, scripted_session, response
):
    logs = LOGS | {"id-of-fit-2": [response]}
    scripted.respond = stage = Stage(replicas_with(fit_1="Completed", fit_2="Completed"), logs=logs)
    with pytest.raises(errors.SkahaError):
        variant.run(scripted_session.run("fit", IMAGE, replicas=2))
    assert stage.deleted == []


@pytest.mark.parametrize("response", [Response(401, "expired"), None, Response(500, "oops")])
def test_a_failed_deletion_keeps_the_logs(variant, scripted, scripted_session, response):
    """Only the result has the log of a deleted session."""
    statuses = {"fit_1": "Completed", "fit_2": "Completed"}
    scripted.respond = stage = Stage(replicas_with(**statuses), logs=LOGS)
    stage.overrides["DELETE id-of-fit-2"] = response
    try:
        logs = variant.run(scripted_session.run("fit", IMAGE, replicas=2))
    except errors.SkahaError as error:
        logs = error.partial
    assert stage.deleted == ["id-of-fit-1"]
    assert logs == {"fit-1": "I am 1\n", "fit-2": "I am 2\n"}


def test_run_raises_the_error_if_no_session_was_launched(variant, scripted, scripted_session):
    scripted.respond = stage = Stage([])
    stage.overrides = {f"POST fit-{n}": Response(400, "not this one") for n in (1, 2)}
    with pytest.raises(errors.BadRequestError, match="not this one"):
        variant.run(scripted_session.run("fit", IMAGE, replicas=2))
    assert stage.listing_times == stage.deleted == []
