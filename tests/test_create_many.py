"""Many different jobs in one call: names, checks before the first request, and results."""

import pytest
from faults import faulty as f
from faults.conftest import QUICK, TIMEOUT
from faults.faulty import FaultyPlatform

from skaha.errors import BadRequestError, InvalidInputError

IMAGE = "images.canfar.net/skaha/terminal:1.1.2"
JOBS = [
    {"name": "Bias", "image": IMAGE, "cmd": "echo", "args": "bias", "env": {"BAND": "r"}},
    {"name": "flat-7", "image": IMAGE, "cmd": "env", "cores": 1, "ram": None},
    {"name": "note", "image": f"{IMAGE}-note", "kind": "notebook"},
]


@pytest.fixture
def faulty():
    with FaultyPlatform() as platform:
        yield platform


@pytest.fixture
def faulty_session(variant, faulty):
    settings = {"retry": QUICK, "timeout": TIMEOUT, "concurrency": 4}
    return variant.open(server=faulty.url, token="a-token", **settings)


def test_each_session_has_the_name_and_the_fields_of_its_job(variant, faulty, faulty_session):
    reports = []
    launched = variant.run(
        faulty_session.create_many(JOBS, progress=lambda *report: reports.append(report))
    )
    assert list(launched.names) == ["Bias", "flat-7", "note"]
    assert faulty.ids_by_name() == {name.lower(): [key] for name, key in launched.names.items()}
    assert (reports[0], reports[-1]) == ((0, 3), (3, 3))
    forms = {request.form["name"][0]: request.form for request in faulty.requests("POST")}
    assert forms["Bias"]["env"] == ["BAND=r", "REPLICA_ID=1", "REPLICA_COUNT=1"]
    assert (forms["Bias"]["cores"], forms["Bias"]["ram"]) == (["2"], ["4"])
    assert forms["flat-7"]["cores"] == ["1"]
    assert "ram" not in forms["flat-7"]
    assert forms["note"]["type"] == ["notebook"]


def test_jobs_may_be_a_generator_or_an_empty_list(variant, faulty, faulty_session):
    assert variant.run(faulty_session.create_many([])) == []
    assert faulty.received == []
    launched = variant.run(faulty_session.create_many(job for job in JOBS))
    assert len(launched) == 3


def test_a_job_may_have_the_longest_name_of_the_platform(variant, faulty_session):
    job = JOBS[0] | {"name": "a" * 63}
    assert list(variant.run(faulty_session.create_many([job])).names) == [job["name"]]


WRONG_JOBS = {
    "no mapping": ("name", "a job must be a mapping, not str"),
    "no name": ({"image": IMAGE}, "a job needs the keyword 'name'"),
    "no image": ({"name": "a"}, "a job needs the keyword 'image'"),
    "replicas": ({"name": "a", "image": IMAGE, "replicas": 2}, "unknown keyword 'replicas'"),
    "a wrong name": ({"name": "a_b", "image": IMAGE}, "name must consist of letters"),
    "a long name": ({"name": "a" * 64, "image": IMAGE}, "name is too long: at most 63"),
    "a name that Kubernetes reads as a truth value": ({"name": "N", "image": IMAGE}, "longer name"),
    "the name of another job": ({"name": "BIAS", "image": IMAGE}, "two jobs have the name 'BIAS'"),
    "a wrong amount": ({"name": "a", "image": IMAGE, "cores": 0}, "cores must be more than 0"),
    "a command that breaks": ({"name": "a", "image": IMAGE, "cmd": "a b"}, "cmd is one program"),
}


@pytest.mark.parametrize("jobs", [None, 5, "abc", b"abc", JOBS[0]])
def test_jobs_must_be_a_list_of_mappings(variant, faulty, faulty_session, jobs):
    with pytest.raises(InvalidInputError, match="jobs must be a list with a mapping for each job"):
        variant.run(faulty_session.create_many(jobs))
    assert faulty.received == []


@pytest.mark.parametrize(("job", "message"), WRONG_JOBS.values(), ids=list(WRONG_JOBS))
def test_one_wrong_job_is_named_and_nothing_is_sent(variant, faulty, faulty_session, job, message):
    with pytest.raises(InvalidInputError, match=message) as caught:
        variant.run(faulty_session.create_many([*JOBS, job]))
    assert caught.value.subject == "jobs[3]"
    assert str(caught.value).startswith("jobs[3]: ")
    assert faulty.received == []


def test_failures_and_uncertain_launches_are_treated_as_for_replicas(
    variant, faulty, faulty_session
):
    faulty.script("POST Bias", f.RESET_EXECUTED)
    faulty.script("POST note", f.RESET_NOT_EXECUTED)
    faulty.always("POST flat-7", f.refusal(400))
    launched = variant.run(faulty_session.create_many(JOBS))
    assert faulty.ids_by_name() == {name.lower(): [key] for name, key in launched.names.items()}
    assert list(launched.found_by_name) == ["Bias"]
    assert list(launched.failures) == ["flat-7"]
    assert isinstance(launched.failures["flat-7"], BadRequestError)
    faulty.always("POST flat-7", f.NONE)
    relaunched = variant.run(faulty_session.relaunch(launched))
    assert list(relaunched.names) == ["flat-7"]


def test_jobs_are_launched_in_waves(variant, platform):
    """On the embedded platform, at most two jobs are active at once."""
    session = variant.open(server=platform.url, token=platform.token)
    jobs = [
        {"name": f"job-{number}", "image": IMAGE, "cmd": "true", "cores": 1, "ram": 1}
        for number in range(5)
    ]
    launched = variant.run(session.create_many(jobs, at_most=2))
    statuses = variant.run(session.wait(launched, timeout=60))
    assert list(launched.names) == [job["name"] for job in jobs]
    assert set(statuses.values()) == {"Completed"}
