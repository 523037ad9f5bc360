"""The check of a live platform: its requests, and its reports about faults."""

from __future__ import annotations

import dataclasses
import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path
from types import SimpleNamespace

import conformance
import httpx
import pytest
import schemas
from described import complaints
from hypothesis import given, settings
from hypothesis import strategies as st
from scripted import Response, json_response

import skaha

ROOT = Path(__file__).parent.parent
TOKEN = "a-token-that-must-stay-secret"
IMAGE = "images.canfar.net/skaha/terminal:1.1.2"
DESKTOP = "images.canfar.net/skaha/desktop:1.1.2"
LAUNCHED = ("create_session", "renew_session", "delete_session")
NEVER_CALLED = ("attach_desktop_app", "delete_desktop_app")


@pytest.fixture(scope="module")
def start(tmp_path_factory):
    """Start embedded platforms with a profile, an ended session, a desktop and its app."""
    running = []

    def _start(profile):
        command = [sys.executable, "-m", "skaha.local", "serve", "--port", "0", "--tether"]
        command += ["--token", TOKEN, "--state", str(tmp_path_factory.mktemp("platform"))]
        command += ["--profile", profile, "--cores", "8", "--ram", "32"]
        process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        running.append(process)
        url = process.stdout.readline().strip()
        with skaha.Session(server=url, version=profile, token=TOKEN) as session:
            session.wait(session.create(name="ended", image=IMAGE, cmd="true"))
            [desktop] = session.create(name="desk", image=DESKTOP, kind="desktop")
            session.api.get_httpx_client().post(
                f"/{profile}/session/{desktop}/app", data={"image": "a/b:1"}
            )
        return SimpleNamespace(url=url, profile=profile)

    yield _start
    for process in running:
        with process:
            process.terminate()


@pytest.fixture(scope="module")
def platforms(start):
    """A platform of each profile."""
    return {profile: start(profile) for profile in ("v1", "v0")}


@pytest.fixture(scope="module")
def platform(platforms):
    return platforms["v1"]


@pytest.fixture(autouse=True)
def _credentials(monkeypatch):
    monkeypatch.setenv("SKAHA_TOKEN", TOKEN)


@pytest.fixture
def relay(scripted, platform):
    """A server that passes requests on to the platform; a test can change its responses."""
    with httpx.Client(trust_env=False) as client:

        def pass_on(received):
            response = client.request(
                received.method,
                platform.url.removesuffix("/skaha") + received.path,
                params=received.query,
                data=received.form or None,
                headers={
                    name: received.headers[name]
                    for name in ("authorization", "content-type")
                    if name in received.headers
                },
            )
            content_type = response.headers.get("content-type", "")
            return Response(response.status_code, response.content, content_type)

        scripted.pass_on = pass_on
        scripted.respond = pass_on
        yield scripted


def names_of_sessions(platform):
    with skaha.Session(server=platform.url, version=platform.profile, token=TOKEN) as session:
        return {record["name"] for record in session.fetch()}


@pytest.fixture
def check(capsys):
    """Run the check; return its status, its JSON report, and its whole output."""

    def _check(url, *options):
        status = conformance.main(["--server", url, "--json", *options])
        out, err = capsys.readouterr()
        assert TOKEN not in out + err
        report = json.loads(out) if out else {"operations": {}}
        return SimpleNamespace(status=status, **report, printed=out + err)

    return _check


def differences_of(operation):
    differences = operation["differences"]
    return [f"{difference['where']} {difference['what']}".strip() for difference in differences]


UNSEEN = {
    "v1": {
        "Session": ["ramInUse", "gpuRAMInUse", "cpuCoresInUse", "gpuUtilization"],
        "Stats": ["instances"],
        "ResourceLimits": ["defaultHeadless"],
    },
    "v0": {
        "Session": ["isFixedResources"],
        "Context": ["maxInteractiveSessions"],
    },
}


@pytest.mark.parametrize("profile", ["v1", "v0"])
def test_the_embedded_platform_conforms(platforms, check, profile):
    report = check(platforms[profile].url, "--version", profile)
    assert report.status == 0
    # All other described fields are in a response.
    assert report.unseen == UNSEEN[profile]
    for name, result in report.operations.items():
        untried = name in (*LAUNCHED, *NEVER_CALLED)
        assert result["verdict"] == ("not tried" if untried else "ok")
        # There is no note, so no operation was tried with the id of a missing session only.
        assert (result["differences"], result["news"]) == ([], [])
        assert bool(result["note"]) == untried


@pytest.mark.parametrize(("profile", "end"), [("v1", "Completed"), ("v0", "Succeeded")])
def test_a_launched_session_is_followed_to_its_end_and_deleted(platforms, check, profile, end):
    before = names_of_sessions(platforms[profile])
    report = check(platforms[profile].url, "--version", profile, "--launch", "--image", IMAGE)
    assert {report.operations[name]["verdict"] for name in LAUNCHED} == {"ok"}
    assert report.launched["statuses"][-1] == end
    assert report.launched["name"] not in names_of_sessions(platforms[profile]) == before
    assert report.status == 0


def test_people_see_a_line_for_each_operation(platform, capsys):
    assert conformance.main(["--server", platform.url, "--token", TOKEN, "--launch"]) == 0
    out, err = capsys.readouterr()
    assert "prefer --token-file" in err
    lines = out.splitlines()
    operations = lines[: len(schemas.description().operations)]
    assert [line[11:].split()[0] for line in operations] == list(schemas.description().operations)
    assert "not tried  attach_desktop_app        changes the platform" in lines
    assert f"no Stats contained {UNSEEN['v1']['Stats'][0]}" in lines
    assert lines[-2] == "20 operations: 18 ok, 0 differs, 2 not tried."
    assert lines[-1].startswith("Launched conformance-")
    assert TOKEN not in out + err


def test_only_get_requests_are_sent_without_a_launch(relay, check):
    assert check(relay.url).status == 0
    assert {received.method for received in relay.received} == {"GET"}
    relay.received.clear()
    relay.respond = lambda _: Response(500, "broken")
    assert check(relay.url).status == 1
    assert {received.method for received in relay.received} == {"GET"}


def test_public_operations_get_no_token(relay, check):
    check(relay.url)
    anonymous = [
        received.path for received in relay.received if "authorization" not in received.headers
    ]
    assert set(anonymous) == {"/skaha/capabilities", "/skaha/availability", "/skaha/v1/session"}
    assert anonymous.count("/skaha/v1/session") == 1


BAD = {
    "/v1/context": (
        json_response({"cores": "many", "gpus": {"options": ["one"], "default": "none"}}),
        "get_context",
        [
            "$.cores string, not object or null",
            "$.gpus.default string, not number",
            "$.gpus.options[*] string, not number",
        ],
    ),
    "/v1/image": (
        Response(200, "<html><title>Log in</title></html>", "text/html; charset=utf-8"),
        "list_images",
        ["status 200 with text/html, not application/json", "status 200; expected 400"],
    ),
    "/v1/repository": (
        Response(201, "[]", "application/json"),
        "list_repositories",
        ["status 201; expected 200"],
    ),
    "/capabilities": (
        Response(200, "<capabilities>", "text/xml"),
        "get_capabilities",
        ["the body is not text/xml"],
    ),
    "/availability": (None, "get_availability", ["no response: "]),
    "/v1/session?stats": (
        Response(500, f"unexpected exception: \x1b[2J{TOKEN}", "text/plain"),
        "get_stats",
        ["status 500: unexpected exception: \ufffd[2J[the token]; expected 200 or 503"],
    ),
    "/v1/session?all": (
        json_response([{"userid": 4711, "type": 5}, "vrubin", {"userid": 4712}]),
        "list_all_sessions",
        [
            "$[*].userid number, not string",
            "$[*].type number, not string",
            "$[*] string, not object",
            "the filter type keeps other records",
            "the filter status keeps other records",
        ],
    ),
    "/v1/session?interactive": (
        Response(200, "[" * 100_000, "application/json"),
        "list_interactive_sessions",
        ["the body is not application/json"],
    ),
    "/v1/session": (
        json_response([{"name": "nameless", "connectURL": 1}, {"id": None, "status": "Running"}]),
        "list_sessions",
        [
            "$[*].connectURL number, not string",
            "$[*].id null, not string",
            "the filter type keeps other records",
            "the filter status keeps other records",
        ],
    ),
    "/v1/session/nosuch00": (
        Response(418, "<h1>no</h1>", "text/html"),
        "get_session",
        ["status 418; expected 400 or 404"],
    ),
    "/v1/session/nosuch00?logs": (
        Response(299, ""),
        "get_session_logs",
        ["status 299; expected 200"],
    ),
}


def test_each_bad_response_is_reported_without_its_values(relay, check):
    def respond(received):
        view = "".join(f"?{view}" for view in received.query.get("view", ()))
        bad = BAD.get(received.path.removeprefix("/skaha") + view)
        is_anonymous = "authorization" not in received.headers
        is_refused = is_anonymous and received.path.endswith("/session")
        return relay.pass_on(received) if bad is None or is_refused else bad[0]

    relay.respond = respond
    report = check(relay.url)
    assert report.status == 1
    for _, name, differences in BAD.values():
        actual = differences_of(report.operations[name])
        assert report.operations[name]["verdict"] == "differs"
        assert len(actual) == len(differences), actual
        assert all(map(str.startswith, sorted(actual), sorted(differences))), actual
    different = {name for name, result in report.operations.items() if result["differences"]}
    assert different == {name for _, name, _ in BAD.values()}
    times = report.operations["list_all_sessions"]["differences"][0]["times"]
    assert times == 2 * report.operations["list_all_sessions"]["requests"]
    for value in ("4711", "4712", "vrubin", "nameless", "many", "Log in", "\x1b"):
        assert value not in report.printed


DESCRIPTION = schemas.description()
SCHEMAS = DESCRIPTION._components["schemas"]
OBJECTS = sorted(name for name, schema in SCHEMAS.items() if "properties" in schema)
FIELDS = {field for name in OBJECTS for field in SCHEMAS[name]["properties"]}
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.just("a-secret"),
    lambda part: (
        st.lists(part, max_size=3)
        | st.dictionaries(
            st.sampled_from(sorted(FIELDS - {"type", "status"} | {"other"})), part, max_size=4
        )
    ),
    max_leaves=10,
)


@settings(deadline=None)
@given(st.sampled_from(OBJECTS), ANYTHING)
def test_no_value_of_a_response_is_shown(name, value):
    schema = {"$ref": f"#/components/schemas/{name}"}
    differences = list(DESCRIPTION.differences(schema, value))
    assert (complaints(schema, value) == []) is (differences == [])
    assert "a-secret" not in str([differences, list(DESCRIPTION.news(schema, value))])


def test_unknown_fields_and_words_are_news(relay, check):
    def respond(received):
        if received.path.endswith("/session") and "authorization" in received.headers:
            record = {"id": "abc", "status": "Suspended", "type": "notebook"}
            secret = {"room": "a-secret", "wing": {"a-secret": 1}, f"for {TOKEN}": 1}
            fits = all([record.get(name)] == words for name, words in received.query.items())
            return json_response([record | secret] if fits else [])
        return relay.pass_on(received)

    relay.respond = respond
    report = check(relay.url)
    listed = report.operations["list_sessions"]["news"]
    news = {(finding["where"], finding["what"]) for finding in listed}
    fields = {"$[*].room", "$[*].wing", "$[*].for [the token]"}
    assert news == {(field, "unknown field") for field in fields} | {
        ("$[*].status", "unknown word 'Suspended'")
    }
    assert report.operations["list_sessions"]["verdict"] == "ok"
    assert "a-secret" not in report.printed


def is_filtered(received):
    return bool({"type", "status"} & received.query.keys())


@pytest.mark.parametrize(
    ("respond", "difference"),
    [
        (
            lambda relay, received: relay.pass_on(dataclasses.replace(received, query={})),
            "keeps other records",
        ),
        (lambda *_: json_response([]), "keeps no record"),
    ],
)
def test_a_filter_that_does_not_work_is_reported(relay, check, respond, difference):
    relay.respond = lambda received: (
        respond(relay, received) if is_filtered(received) else relay.pass_on(received)
    )
    report = check(relay.url)
    assert report.status == 1
    assert f"the filter type {difference}" in differences_of(report.operations["list_sessions"])
    assert f"the filter status {difference}" in differences_of(report.operations["list_sessions"])
    assert f"the filter type {difference}" in differences_of(report.operations["list_images"])


def test_a_site_without_statistics_conforms(relay, check):
    relay.respond = lambda received: (
        Response(503, "temporarily unavailable: null\n")
        if received.query.get("view") == ["stats"]
        else relay.pass_on(received)
    )
    assert check(relay.url).status == 0


def test_an_operation_without_a_response_is_requested_once(relay, check):
    end = threading.Event()

    def respond(received):
        if received.path.endswith("/image"):
            # The relay may be closed at the end of this pause, so do not pass the request on.
            end.wait(30)
            return json_response([])
        return relay.pass_on(received)

    relay.respond = respond
    report = check(relay.url, "--timeout", "1")
    end.set()
    assert differences_of(report.operations["list_images"])[0].startswith("no response: ")
    assert report.operations["list_images"]["requests"] == 1
    assert report.operations["get_context"]["verdict"] == "ok"


def is_create(received):
    return received.method == "POST" and received.path.endswith("/session")


def lose_the_response(relay, received):
    response = relay.pass_on(received)
    return None if is_create(received) else response


def fail_all_later_looks(relay, received):
    if (
        received.method == "GET"
        and relay.received[-1].path.count("/") == 4
        and any(map(is_create, relay.received))
    ):
        return Response(500, "broken")
    return relay.pass_on(received)


def respond_with_a_web_page(relay, received):
    response = relay.pass_on(received)
    return Response(200, "<html>", "text/html") if is_create(received) else response


def launch_after_the_response(relay, received):
    if not is_create(received):
        return relay.pass_on(received)
    relay.late = threading.Timer(0.5, relay.pass_on, [received])
    relay.late.start()
    return Response(504, "<html>", "text/html")


@pytest.mark.parametrize(
    ("fault", "operation"),
    [
        (launch_after_the_response, "create_session"),
        (lose_the_response, "create_session"),
        (respond_with_a_web_page, "create_session"),
        (fail_all_later_looks, "get_session"),
    ],
)
def test_the_session_is_deleted_after_a_fault(relay, platform, check, fault, operation):
    before = names_of_sessions(platform)
    relay.respond = lambda received: fault(relay, received)
    report = check(relay.url, "--launch", "--image", IMAGE)
    if fault is launch_after_the_response:
        relay.late.join()
    assert report.status == 1
    assert report.operations[operation]["verdict"] == "differs"
    assert report.launched["left"] is False
    assert names_of_sessions(platform) == before


def test_a_session_that_cannot_be_deleted_is_reported(relay, platform, check):
    relay.respond = lambda received: (
        Response(500, "broken") if received.method == "DELETE" else relay.pass_on(received)
    )
    report = check(relay.url, "--launch", "--image", IMAGE, "--patience", "1")
    name = report.launched["name"]
    assert (report.status, report.launched["left"]) == (1, True)
    assert f"a session named {name} may be left behind" in report.printed
    assert name in names_of_sessions(platform)
    with skaha.Session(server=platform.url, token=TOKEN) as session:
        session.destroy_with(name)


@pytest.mark.parametrize(
    ("response", "operation", "difference"),
    [
        (Response(200, "phantom1\n"), "list_sessions", "the list does not contain the new session"),
        (Response(200, "not an id\n"), "create_session", "the body is not an id"),
        (Response(400, "Invalid session type\n"), "create_session", "status 400: Invalid session"),
    ],
)
def test_a_failed_launch_is_reported(relay, check, response, operation, difference):
    relay.respond = lambda received: response if is_create(received) else relay.pass_on(received)
    report = check(relay.url, "--launch", "--image", IMAGE, "--patience", "0.3")
    assert report.status == 1
    assert differences_of(report.operations[operation])[0].startswith(difference)


def test_an_interrupted_check_deletes_its_session(relay, platform):
    before, launched = names_of_sessions(platform), threading.Event()

    def respond(received):
        if is_create(received):
            received.form["cmd"], received.form["args"] = ["sleep"], ["60"]
            launched.set()
        return relay.pass_on(received)

    relay.respond = respond
    command = [sys.executable, "scripts/conformance.py", "--server", relay.url, "--launch"]
    with subprocess.Popen(
        [*command, "--image", IMAGE],
        cwd=ROOT,
        env=os.environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert launched.wait(30)
        process.send_signal(signal.SIGTERM)  # handled like Ctrl-C
        out, err = process.communicate(timeout=30)
    assert (process.returncode, err) == (130, "interrupted\n")
    assert "20 operations:" in out
    assert names_of_sessions(platform) == before


def test_the_reason_of_an_impossible_check_is_reported(platform, check, monkeypatch, tmp_path):
    file = tmp_path / "token"
    file.touch(0o600)
    file.write_text(f"{TOKEN}\n")
    wrong = check(platform.url, "--token-file", str(file), "--version", "v7")
    assert wrong.status == 2
    assert "no sessions in version v7. Versions in its capabilities: v1." in wrong.printed
    file.write_text("another-token")
    refused = check(platform.url, "--token-file", str(file))
    assert (refused.status, "rejects the credentials: status 401" in refused.printed) == (
        2,
        True,
    )
    assert "another-token" not in refused.printed
    missing = check(platform.url, "--token-file", str(tmp_path / "missing"))
    assert (missing.status, "No such file" in missing.printed) == (2, True)
    absent = check("http://127.0.0.1:9/skaha")
    assert "operations" not in refused.printed + absent.printed
    assert (absent.status, "no response" in absent.printed) == (2, True)
    assert check("ftp://else").status == 2
    monkeypatch.delenv("SKAHA_TOKEN")
    anonymous = check(platform.url)
    assert (anonymous.status, "no credentials" in anonymous.printed) == (2, True)


def test_no_session_is_launched_without_an_image(relay, check):
    relay.respond = lambda received: (
        json_response([]) if received.path.endswith("/image") else relay.pass_on(received)
    )
    report = check(relay.url, "--launch")
    assert (report.status, "give --image" in report.printed) == (2, True)
    assert {received.method for received in relay.received} == {"GET"}
