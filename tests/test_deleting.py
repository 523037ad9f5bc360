"""Deletion of many sessions: selection, dry run, and verification that they are gone."""

import pytest
import samples
from scripted import Response, json_response
from staged import IMAGE, Stage, record

from skaha import Retry, errors
from skaha._async import _verify as async_verify
from skaha._sync import _verify as sync_verify

RECORDS = [
    record("a1", "Succeeded", name="sweep-1"),
    record("a2", "Completed", name="sweep-2"),
    record("a3", "Failed", name="sweep-3"),
    record("a4", "Running", name="sweep-4"),
    record("b1", "Completed", name="sweeper-1"),
    record("c1", "Completed", name="s*eep-1"),
    record("n1", "Running", name="sweep-note", type="notebook"),
    record("k1", "Failed", name="sweep-carta", type="carta"),
]


@pytest.fixture(autouse=True)
def _short_pause(variant, monkeypatch):
    """Shorten the pause between the two looks at a status that may change."""
    monkeypatch.setattr(f"skaha._{variant.name}.session._SECONDS_BETWEEN_LOOKS", 0.001)


def delete(variant, scripted, call, *args, records=RECORDS, **options):
    """Call a deleting method; check that exactly the reported sessions were deleted."""
    scripted.respond = stage = Stage(records)
    session = variant.open(server=scripted.url, token="t", retry=False)
    results = variant.run(getattr(session, call)(*args, **options))
    assert sorted(stage.deleted) == sorted(results)
    return results


@pytest.mark.parametrize(
    ("prefix", "options", "expected"),
    [
        ("sweep", {}, "a1 a2 b1"),
        ("sweep-", {}, "a1 a2"),
        ("sweep-", {"status": "Completed"}, "a1 a2"),
        ("sweep-", {"status": ["Failed", "Succeeded"]}, "a1 a2 a3"),
        ("sweep-", {"status": {"Failed", "Running"}}, "a3 a4"),
        ("sweep-", {"status": None}, "a1 a2 a3 a4"),
        ("sweep-", {"kind": None, "status": None}, "a1 a2 a3 a4 k1 n1"),
        ("sweep-", {"kind": ["notebook", "carta"], "status": None}, "k1 n1"),
        ("sweep-", {"kind": ("notebook", "carta"), "status": "Failed"}, "k1"),
        ("sweep-", {"kind": [], "status": None}, ""),
        ("sweep-", {"status": []}, ""),
        # Patterns must match the whole name.
        ("s*eep", {"pattern": True}, ""),
        ("s*eep-*", {"pattern": True}, "a1 a2 c1"),
        ("sweep-?", {"pattern": True, "status": None}, "a1 a2 a3 a4"),
        ("sweep-[12]", {"pattern": True}, "a1 a2"),
        ("s[*]eep-1", {"pattern": True}, "c1"),
        ("*", {"pattern": True, "kind": None, "status": None}, "a1 a2 a3 a4 b1 c1 k1 n1"),
    ],
)
def test_exactly_the_matching_sessions_are_deleted(variant, scripted, prefix, options, expected):
    results = delete(variant, scripted, "destroy_with", prefix, **options)
    assert results == dict.fromkeys(expected.split(), True)


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, "a1 a2 a3 a4 b1 c1 k1 n1"),
        ({"kind": "headless", "status": ["Failed", "Running"]}, "a3 a4"),
        ({"kind": ["carta", "notebook"]}, "k1 n1"),
        ({"status": "Succeeded"}, "a1 a2 b1 c1"),
    ],
)
def test_destroy_all_deletes_sessions_of_all_names(variant, scripted, options, expected):
    assert delete(variant, scripted, "destroy_all", **options) == dict.fromkeys(
        expected.split(), True
    )


@pytest.mark.parametrize("call", ["destroy_with", "destroy_all"])
def test_a_dry_run_returns_the_records_and_deletes_nothing(variant, scripted, call):
    scripted.respond = stage = Stage(RECORDS)
    session = variant.open(server=scripted.url, token="t", retry=False)
    prefix = ("sweep-",) if call == "destroy_with" else ()
    records = variant.run(
        getattr(session, call)(*prefix, kind="carta", status="Failed", dry_run=True)
    )
    assert records == [RECORDS[-1]]
    assert stage.deleted == []
    assert {request.method for request in scripted.received} == {"GET"}


@pytest.mark.parametrize("pattern", [False, True])
@pytest.mark.parametrize("prefix", ["", " ", " sweep", "sweep\n", None, 7, b"sweep", ["sweep"]])
def test_a_prefix_that_could_match_everything_is_refused(
    variant, scripted, scripted_session, prefix, pattern
):
    with pytest.raises(errors.InvalidInputError, match="destroy_all"):
        variant.run(scripted_session.destroy_with(prefix, pattern=pattern))
    assert scripted.received == []


@pytest.mark.parametrize(
    ("text", "pattern"),
    [
        *((text, False) for text in ("sweep-.*", "sweep.", "s*eep", "^sweep", "(a|b)-", "sweep_1")),
        *((text, True) for text in ("sweep-.*", r"sweep-\d+", "sweep-{1,2}", "sweep-[12", "a b*")),
    ],
)
def test_characters_that_names_cannot_have_are_refused(
    variant, scripted, scripted_session, text, pattern
):
    with pytest.raises(errors.InvalidInputError, match="must consist of"):
        variant.run(scripted_session.destroy_with(text, pattern=pattern))
    assert scripted.received == []


@pytest.mark.parametrize(
    "unknown", [{"kind": "jupyter"}, {"status": "Dead"}, {"kind": 7}, {"status": ["Failed", ""]}]
)
def test_an_unknown_kind_or_status_is_refused(variant, scripted, scripted_session, unknown):
    for call, prefix in (("destroy_with", ("sweep",)), ("destroy_all", ())):
        with pytest.raises(errors.InvalidInputError, match=next(iter(unknown))):
            variant.run(getattr(scripted_session, call)(*prefix, **unknown))
    assert scripted.received == []


@pytest.mark.parametrize(
    ("text", "pattern"), [("NGC-253-", False), ("NGC-*", True), ("[!A]GC-253-?", True)]
)
def test_upper_and_lower_case_of_a_name_are_the_same(variant, session, text, pattern):
    """The platform stores names in lower case."""
    ids = variant.run(session.create("NGC-253", IMAGE, replicas=2, cmd="sleep", args="60"))
    assert set(variant.run(session.destroy_with(text, status=None, pattern=pattern))) == set(ids)


CHANGING_STATUSES = [
    # The kind, its status in two listings, the status to delete, and whether it is deleted.
    ("headless", "Pending", "Completed", "Pending", False),
    ("headless", "Pending", "Pending", "Pending", True),
    ("headless", "Pending", "Completed", ["Pending", "Completed"], True),
    ("notebook", "Failed", "Running", "Failed", False),
    ("notebook", "Failed", "Failed", "Failed", True),
    ("headless", "Failed", None, "Failed", True),
    ("notebook", "Failed", None, None, True),
]


@pytest.mark.parametrize(("kind", "first", "second", "status", "is_deleted"), CHANGING_STATUSES)
@pytest.mark.parametrize("call", ["destroy_with", "destroy_all"])
def test_a_status_that_may_change_is_read_twice(
    variant, scripted, call, kind, first, second, status, is_deleted
):
    """If the second status is `None`, the list is requested only once."""
    listings = [
        [record("a1", listed, type=kind, name="run-1")] for listed in (first, second) if listed
    ]
    scripted.respond = stage = Stage(*listings)
    session = variant.open(server=scripted.url, token="t", retry=False)
    arguments = ("run-",) if call == "destroy_with" else ()
    deleted = variant.run(getattr(session, call)(*arguments, kind=None, status=status))
    assert deleted == ({"a1": True} if is_deleted else {})
    assert len(stage.listing_times) == len(listings)


@pytest.mark.parametrize("wrong_id", [{}, {"id": None}, {"id": "../x"}, {"id": ["a"]}, {"id": ""}])
def test_a_record_without_a_valid_id_is_ignored(variant, scripted, wrong_id):
    odd = {"name": "sweep-9", "type": "headless", "status": "Completed"} | wrong_id
    assert delete(variant, scripted, "destroy_with", "sweep-1", records=[*RECORDS, odd]) == {
        "a1": True
    }
    assert list(delete(variant, scripted, "destroy_all", status="Failed", records=[odd])) == []


@pytest.mark.parametrize("name", [None, "<none>", ["none"], {}])
def test_a_session_without_a_name_matches_no_pattern(variant, scripted, name):
    nameless = record("a1", "Completed", name=name)
    for pattern in ("?one", "*none*", "[!x]*"):
        results = delete(
            variant, scripted, "destroy_with", pattern, pattern=True, records=[nameless]
        )
        assert results == {}


# Apps of desktops.

DESKTOP = record("d8", "Running", name="desk", type="desktop")
APP = record("d8", "Failed", name="desk-app", type="desktop-app", appid="k4b")


@pytest.mark.parametrize("call", ["destroy_with", "destroy_all"])
def test_a_desktop_is_not_deleted_if_only_its_app_matches(variant, scripted, call):
    """The record of an app has the id of its desktop, but the user did not select the desktop."""
    prefix = ("desk",) if call == "destroy_with" else ()
    options = {"kind": None, "status": "Failed", "records": [DESKTOP, APP]}
    assert delete(variant, scripted, call, *prefix, **options) == {}


@pytest.mark.parametrize("kind", ["desktop-app", ["desktop", "desktop-app"]])
@pytest.mark.parametrize("call", ["destroy_with", "destroy_all"])
def test_the_error_of_the_kind_of_apps_names_the_right_method(
    variant, scripted, scripted_session, call, kind
):
    prefix = ("desk",) if call == "destroy_with" else ()
    with pytest.raises(errors.InvalidInputError, match="destroy_app deletes an app"):
        variant.run(getattr(scripted_session, call)(*prefix, kind=kind))
    assert scripted.received == []


def test_a_deleted_desktop_is_gone_although_its_apps_are_listed(variant, scripted, monkeypatch):
    """On older platforms, apps outlive their desktop and are listed with its id."""
    for module in (async_verify, sync_verify):
        monkeypatch.setattr(module, "_GRACE_SECONDS", 0.3)
    scripted.respond = Stage([DESKTOP, APP], [APP])
    session = variant.open(server=scripted.url, token="t", retry=False)
    assert variant.run(session.destroy("d8", verify=True)) == {"d8": True}


# Verification that the sessions are gone.


@pytest.mark.parametrize(
    ("call", "args"), [("destroy", (["a1", "a2"],)), ("destroy_with", ("a",)), ("destroy_all", ())]
)
def test_verification_waits_until_the_sessions_are_not_listed(variant, scripted, call, args):
    """A session with the status `Terminating` is not gone yet."""
    records = [record("a1", "Completed", name="a1"), record("a2", "Completed", name="a2")]
    terminating = [record("a2", "Terminating", name="a2")]
    listings = [terminating, terminating, []]
    if call != "destroy":
        listings.insert(0, records)
    scripted.respond = stage = Stage(*listings)
    session = variant.open(server=scripted.url, token="t", retry=False)
    results = variant.run(getattr(session, call)(*args, verify=True))
    assert results == {"a1": True, "a2": True}
    assert results.failures == {}
    assert len(stage.listing_times) == len(listings)


def test_a_session_that_still_exists_is_reported(variant, scripted, monkeypatch):
    for module in (async_verify, sync_verify):
        monkeypatch.setattr(module, "_GRACE_SECONDS", 0.2)
    scripted.respond = stage = Stage([record("a2"), record("b9")])
    stage.overrides["DELETE a3"] = Response(403, "forbidden")
    session = variant.open(server=scripted.url, token="t", retry=False)
    results = variant.run(session.destroy(["a1", "a2", "a3"], verify=True))
    assert results == {"a1": True, "a2": False, "a3": False}
    assert isinstance(results.failures["a2"], errors.StillThereError)
    assert isinstance(results.failures["a3"], errors.PermissionDeniedError)
    assert "a2" in str(results.failures["a2"])


def test_a_session_that_is_missing_from_an_empty_list_is_looked_up(variant, scripted, monkeypatch):
    """The list is empty by mistake: `a1` exists for a while, `a2` exists until the end."""
    for module in (async_verify, sync_verify):
        monkeypatch.setattr(module, "_GRACE_SECONDS", 0.5)
    scripted.respond = stage = Stage([])
    gone = Response(404, "session a1 not found\n")
    stage.records["a1"] = [json_response(record("a1")), Response(404, "404 page not found"), gone]
    stage.records["a2"] = [json_response(record("a2"))]
    session = variant.open(server=scripted.url, token="t", retry=False)
    results = variant.run(session.destroy(["a1", "a2", "a3"], verify=True))
    assert results == {"a1": True, "a2": False, "a3": True}
    assert isinstance(results.failures["a2"], errors.StillThereError)
    look_ups = [request.path for request in scripted.received if request.method == "GET"]
    assert look_ups.count("/skaha/v1/session/a3") == 1


@pytest.mark.parametrize("status", [400, 409, 423, 503])
def test_a_session_that_cannot_be_looked_up_has_no_result(variant, scripted, monkeypatch, status):
    for module in (async_verify, sync_verify):
        monkeypatch.setattr(module, "_GRACE_SECONDS", 0.2)
    scripted.respond = stage = Stage([])
    stage.records["a1"] = [Response(status, "busy")]
    session = variant.open(server=scripted.url, token="t", retry=False)
    results = variant.run(session.destroy(["a1", "a2"], verify=True))
    assert results["a2"] is True
    assert not results.get("a1")
    assert results.failures["a1"].status == status


@pytest.mark.usefixtures("quick_outages")
def test_verification_survives_an_outage(variant, scripted):
    busy = Response(503, "busy")
    scripted.respond = Stage([record("a1")], *[busy, None] * 6, [])
    retry = Retry(first_pause=0.001, longest_pause=0.01)
    session = variant.open(server=scripted.url, token="t", retry=retry)
    assert variant.run(session.destroy("a1", verify=True)) == {"a1": True}


def test_without_verify_the_list_is_not_requested(variant, scripted):
    scripted.respond = stage = Stage([record("a1")])
    session = variant.open(server=scripted.url, token="t", retry=False)
    assert variant.run(session.destroy("a1")) == {"a1": True}
    assert stage.listing_times == []


def test_an_error_of_the_verification_keeps_the_results_of_the_deletion(variant, scripted):
    scripted.respond = stage = Stage([])
    stage.overrides["GET session"] = Response(500, "oops")
    session = variant.open(server=scripted.url, token="t", retry=False)
    with pytest.raises(errors.ServerError) as caught:
        variant.run(session.destroy(["a1", "a2"], verify=True))
    assert caught.value.partial == {"a1": True, "a2": True}


def test_deletion_by_name_on_the_embedded_platform(variant, session):
    """Of four sessions that run or have ended, some are deleted first, and then the rest."""
    try:
        short = variant.run(session.create("mix", IMAGE, 1, 1, cmd="true", replicas=2))
        failed = variant.run(session.create("mixed", IMAGE, 1, 1, cmd="false"))
        long = variant.run(session.create("mix-long", IMAGE, 1, 1, cmd="sleep", args="60"))
        variant.run(session.wait([*short, *failed], timeout=60))
        records = variant.run(
            session.destroy_with("mix", status=["Failed", "Succeeded"], dry_run=True)
        )
        assert {record["id"] for record in records} == {*short, *failed}
        assert len(variant.run(session.fetch())) == 4
        results = variant.run(session.destroy_with("mix-?", pattern=True, verify=True))
        assert results == dict.fromkeys(short, True)
    finally:
        rest = variant.run(session.destroy_all(verify=True))
    assert rest == dict.fromkeys([*failed, *long], True)
    assert variant.run(session.fetch()) == []


@pytest.mark.parametrize("profile", samples.SESSIONS)
def test_sessions_of_each_platform_version_are_deleted_by_their_ids(variant, scripted, profile):
    scripted.respond = stage = Stage(samples.SESSIONS[profile])
    session = variant.open(server=scripted.url, token="t", retry=False)
    variant.run(session.destroy_with("bias-", status=["Completed", "Failed"]))
    expected = {"q1r7zz3d", "f3a1led0"} if profile == "A" else {"h2u5kd7n", "f3a1led0"}
    assert set(stage.deleted) == expected
