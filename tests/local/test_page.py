"""The web page of the platform: codes and tokens, the protection from other sites, and its data."""

import os
import subprocess
import sys
import traceback

import pytest

from skaha.local import Address, Page, PlatformError, open_page

PATCHED = """
{patch}
from skaha.local.__main__ import main
main()
"""


class Browser:
    """Sends requests to the page of a platform, as the script of the page does."""

    def __init__(self, platform):
        self.origin = platform.url.removesuffix("/skaha")
        self.platform = platform
        self.token = ""

    def send(self, method, path, secret=None, **headers):
        headers.setdefault("origin", self.origin if method in ("POST", "DELETE") else "")
        sent = {name.replace("_", "-"): text for name, text in headers.items() if text}
        client = self.platform.client
        request = client.build_request(method, f"{self.origin}/page/{path}", headers=sent)
        del request.headers["authorization"]
        if secret is not None:
            request.headers["authorization"] = f"Bearer {secret}"
        return client.send(request)

    def code(self):
        secret = self.platform.client.headers["authorization"].removeprefix("Bearer ")
        response = self.send("POST", "codes", secret, origin="")
        assert response.status_code == 201
        assert response.json()["seconds"] == 30
        return response.json()["code"]

    def exchange(self, code):
        return self.send("POST", "token", code)

    def get(self, path, **headers):
        return self.send("GET", path, self.token, **headers)

    def session(self, session_id, app=""):
        return self.get(f"sessions/{session_id}?app={app}").json()

    def end(self, session_id, **headers):
        return self.send("DELETE", f"sessions/{session_id}", self.token, **headers)

    def enter(self):
        self.token = self.exchange(self.code()).json()["token"]
        return self


@pytest.fixture
def page(platform):
    return Browser(platform).enter()


# Codes and tokens.


def test_a_code_is_valid_for_one_use(page, platform):
    """A second use ends the token of the first use: somebody has read the code."""
    code = page.code()
    page.token = page.exchange(code).json()["token"]
    assert page.get("sessions").json() == {"sessions": []}
    again = page.exchange(code)
    assert again.status_code == 401
    assert again.json() == {"error": "The code was used already, or it is older than 30 seconds."}
    assert page.get("sessions").status_code == 401
    assert Browser(platform).enter().get("sessions").status_code == 200


def test_a_code_ends_after_its_lifetime(launch):
    """No code is valid if codes live for no time at all."""
    patch = "from skaha.local._page import _access; _access.CODE_LIFETIME = 0"
    page = Browser(launch(program=("-c", PATCHED.format(patch=patch))))
    assert page.exchange(page.code()).status_code == 401


def test_a_token_ends_if_it_is_not_used(launch):
    patch = "from skaha.local._page import _access; _access._TOKEN_LIFETIME = 0"
    page = Browser(launch(program=("-c", PATCHED.format(patch=patch)))).enter()
    refused = page.get("sessions")
    assert (refused.status_code, refused.json()) == (
        401,
        {"error": "This page is no longer valid."},
    )


def test_codes_and_tokens_end_with_the_platform(launch):
    platform = launch()
    page = Browser(platform).enter()
    code = page.code()
    platform.stop()
    platform.start()
    page.origin = Browser(platform).origin
    assert page.get("sessions").status_code == page.exchange(code).status_code == 401


def test_each_secret_is_valid_for_its_own_requests_only(page, platform, token):
    """The page and the API accept no token of each other."""
    session_id = platform.create(cmd="sleep", args="300")
    code = page.code()
    secrets = {"nothing": None, "wrong": "x", "code": code, "token": token}
    for name, secret in secrets.items():
        for path in ("sessions", f"sessions/{session_id}"):
            assert page.send("GET", path, secret).status_code == 401, name
        assert page.send("DELETE", f"sessions/{session_id}", secret).status_code == 401, name
    for secret in (None, "x", code, page.token):
        assert page.send("POST", "codes", secret, origin="").status_code == 401
    for secret in (None, "x", token, page.token):
        assert page.exchange(secret).status_code == 401
    bearer = {"authorization": f"Bearer {page.token}"}
    for method, path in (("GET", "/session"), ("DELETE", f"/session/{session_id}")):
        assert platform.client.request(method, path, headers=bearer).status_code == 401
    assert platform.session(session_id)["status"] in ("Pending", "Running")
    assert page.exchange(code).status_code == 201


# Protection from other sites.

FOREIGN = {
    "no origin": {"origin": ""},
    "null": {"origin": "null"},
    "another site": {"origin": "https://example.org"},
    "another host": {"origin": "http://localhost:{port}"},
    "another port": {"origin": "http://127.0.0.1:1"},
    "another scheme": {"origin": "https://127.0.0.1:{port}"},
    "no port": {"origin": "http://127.0.0.1"},
    "a longer name": {"origin": "http://127.0.0.1:{port}.example.org"},
    "another site, by the browser": {"sec_fetch_site": "cross-site"},
    "another port, by the browser": {"sec_fetch_site": "same-site"},
    "a form": {"origin": "null", "sec_fetch_site": "cross-site", "sec_fetch_mode": "navigate"},
}


@pytest.mark.parametrize("headers", FOREIGN.values(), ids=FOREIGN)
def test_a_request_of_another_site_has_no_effect(page, platform, headers):
    port = page.origin.rpartition(":")[2]
    headers = {name: value.format(port=port) for name, value in headers.items()}
    session_id = platform.create(cmd="sleep", args="300")
    code = page.code()
    expected = {"error": "this request does not come from the page of the platform"}
    refused = [page.end(session_id, **headers), page.send("POST", "token", code, **headers)]
    if any(headers.values()):
        # A browser sends no origin when a page reads something from its own site.
        refused += [page.get("sessions", **headers)] if "sec_fetch_mode" not in headers else []
    for response in refused:
        assert (response.status_code, response.json()) == (403, expected)
        assert not [name for name in response.headers if name.startswith("access-control")]
    assert platform.session(session_id)["status"] in ("Pending", "Running")
    assert page.exchange(code).status_code == 201


def test_no_browser_may_ask_for_a_code(page, token):
    """The origin of the page is refused, too."""
    assert page.send("POST", "codes", token, origin=page.origin).status_code == 403


def test_both_names_of_the_machine_are_accepted(page):
    """The origin must have the name of the host."""
    port = page.origin.rpartition(":")[2]
    page.origin = f"http://localhost:{port}"
    assert page.enter().get("sessions").status_code == 200
    assert page.get("sessions", origin=f"http://127.0.0.1:{port}").status_code == 403


@pytest.mark.parametrize("path", ["", "page.js", "codes", "token", "sessions", "sessions/a"])
@pytest.mark.parametrize("host", ["example.org", "example.org:{port}", "127.0.0.1"])
def test_another_host_name_is_refused(page, path, host):
    """A web page could otherwise reach the platform under its own host name."""
    host = host.format(port=page.origin.rpartition(":")[2])
    for method in ("GET", "POST", "DELETE"):
        headers = {"host": host, "origin": f"http://{host}"}
        assert page.send(method, path, page.token, **headers).status_code == 421


def test_every_response_has_the_security_headers(page, platform):
    tag = page.get("sessions").headers["etag"]
    responses = {
        200: [page.send("GET", path) for path in ("", "page.js", "page.css")],
        201: [page.exchange(page.code())],
        204: [page.end(platform.create(cmd="true"))],
        304: [page.get("sessions", if_none_match=tag)],
        307: [platform.client.get(f"{page.origin}/page")],
        401: [page.send("GET", "sessions")],
        403: [page.send("GET", "", origin="null"), page.send("OPTIONS", "sessions")],
        404: [page.send("GET", "nothing"), page.get("sessions/nothing")],
        405: [page.send("POST", "sessions"), page.send("DELETE", "token")],
    }
    for status, group in responses.items():
        for response in group:
            headers = response.headers
            assert response.status_code == status
            assert headers["cache-control"] == "no-store"
            assert headers["x-content-type-options"] == "nosniff"
            assert headers["referrer-policy"] == "no-referrer"
            policy = headers["content-security-policy"].split("; ")
            assert {"default-src 'none'", "frame-ancestors 'none'", "base-uri 'none'"} < set(policy)
            assert not [word for word in ("unsafe", "http", "*") if word in "".join(policy)]
            assert not [name for name in headers if name.startswith("access-control")]
            assert "set-cookie" not in headers
    assert responses[307][0].headers["location"] == f"{page.origin}/page/"


def test_a_link_on_another_site_may_lead_to_the_page(page):
    """A terminal in a notebook shows such a link."""
    headers = {"sec_fetch_site": "cross-site", "sec_fetch_mode": "navigate"}
    response = page.send("GET", "", **headers)
    assert response.status_code == 200
    assert response.headers["content-type"] == "text/html; charset=utf-8"


def test_the_api_does_not_have_the_page(platform):
    """The path of the page is outside of the service, and similar paths are those of the API."""
    for path in ("/pages", "/skaha/page/", "/skaha/v1/page", "/Page/"):
        origin = platform.url.removesuffix("/skaha")
        response = platform.client.get(f"{origin}{path}")
        assert response.status_code == 404
        assert "content-security-policy" not in response.headers


# Data.


def test_the_list_has_all_sessions_with_the_newest_first(page, platform):
    first = platform.create(name="first", cmd="true", cores="2", ram="8")
    platform.wait(first)
    second = platform.create(name="second", type="carta", image="images.canfar.net/skaha/carta:4")
    [newest, oldest] = page.get("sessions").json()["sessions"]
    assert 0 < oldest.pop("created") <= newest.pop("created")
    assert newest.pop("cores") == 1
    assert newest.pop("memory") == 4
    expected = {"id": second, "app": "", "name": "second", "kind": "carta", "status": "Pending"}
    expected |= {"coresInUse": None, "memoryInUse": None}
    assert newest == expected | {"ended": False, "image": "images.canfar.net/skaha/carta:4"}
    expected = {"id": first, "app": "", "name": "first", "kind": "headless", "status": "Completed"}
    expected |= {"ended": True, "cores": 2, "memory": 8, "coresInUse": None, "memoryInUse": None}
    assert oldest == expected | {"image": "images.canfar.net/skaha/terminal:1.1.1"}


def test_the_status_is_that_of_the_api(v0_platform):
    session_id = v0_platform.create(cmd="true")
    v0_platform.wait(session_id, "Succeeded")
    [session] = Browser(v0_platform).enter().get("sessions").json()["sessions"]
    assert session["status"] == "Succeeded"


def test_an_unchanged_list_is_not_sent_again(page, platform):
    tag = page.get("sessions").headers["etag"]
    unchanged = page.get("sessions", if_none_match=tag)
    assert (unchanged.status_code, unchanged.content) == (304, b"")
    platform.create(cmd="true")
    assert page.get("sessions", if_none_match=tag).status_code == 200


def test_the_details_have_the_log_and_the_events(page, platform):
    script = "printf '<script>alert(1)</script> \\033[1m \\377\\n'"
    session_id = platform.shell(script, name="job", cores="2", ram="8")
    platform.wait(session_id)
    content = page.session(session_id)
    assert content["log"] == "<script>alert(1)</script> \x1b[1m \ufffd\n"
    assert content["omitted"] == 0
    events = {event["reason"]: event for event in content["events"]}
    assert events["Completed"]["message"] == "Exit status 0"
    assert events["Scheduled"]["time"] is None
    session = content["session"]
    assert session["created"] <= session["ended"] < session["expiry"]
    assert (session["coresLimit"], session["memoryLimit"]) == (2, 8)


def test_the_events_of_a_session_that_waits_name_the_reason(page, platform):
    running = platform.create(cmd="sleep", args="300", cores="8")
    platform.wait(running, "Running")
    waiting = page.session(platform.create(cmd="true", cores="8"))
    assert waiting["events"][-1]["message"].endswith("1 Insufficient cpu.")
    assert (waiting["log"], waiting["omitted"]) == ("", 0)


def test_a_long_log_is_cut_at_its_front(page, platform):
    """The part that is shown starts with a whole line."""
    session_id = platform.shell("seq 1 100000")
    platform.wait(session_id)
    content = page.session(session_id)
    assert 200_000 < len(content["log"]) <= 256 * 1024
    lines = content["log"].splitlines()
    assert lines == [str(number) for number in range(100_001 - len(lines), 100_001)]
    assert content["omitted"] + len(content["log"]) == len(platform.logs(session_id))


def test_a_log_of_one_long_line(page, platform):
    session_id = platform.shell("yes é | tr -d '\\n' | head -c 600000")
    platform.wait(session_id)
    content = page.session(session_id)
    assert content["omitted"] == 600_000 - 256 * 1024
    assert set(content["log"]) <= {"é", "\ufffd"}


def test_a_session_can_be_ended(page, platform):
    session_id = platform.create(cmd="sleep", args="300")
    platform.wait(session_id, "Running")
    ended = page.end(session_id)
    assert (ended.status_code, ended.content) == (204, b"")
    assert platform.sessions() == []
    again = page.end(session_id)
    expected = {"error": "The session does not exist any more."}
    assert (again.status_code, again.json()) == (404, expected)
    assert page.get(f"sessions/{session_id}").status_code == 404


def test_apps_end_alone_or_with_their_desktop(page, platform):
    desktop = platform.create(type="desktop", image="images.canfar.net/skaha/desktop:1")
    data = {"image": "images.canfar.net/skaha/terminal:1.1.1"}
    ids = [platform.client.post(f"/session/{desktop}/app", data=data).text.strip() for _ in "ab"]
    listed = page.get("sessions").json()["sessions"]
    assert [session["app"] for session in listed] == [ids[1], ids[0], ""]
    assert page.session(desktop, ids[0])["session"]["kind"] == "desktop-app"
    assert page.send("DELETE", f"sessions/{desktop}?app={ids[0]}", page.token).status_code == 204
    listed = page.get("sessions").json()["sessions"]
    assert [session["app"] for session in listed] == [ids[1], ""]
    assert page.end(desktop).status_code == 204
    assert page.get("sessions").json() == {"sessions": []}


# The function that opens the page.


@pytest.fixture
def desktop(tmp_path, monkeypatch):
    """A desktop whose browser writes the address to a file."""
    file = tmp_path / "opened"
    program = tmp_path / "browser"
    program.write_text(f'#!/bin/sh\nprintf %s "$1" >{file}.new && mv {file}.new {file}\n')
    program.chmod(0o700)
    monkeypatch.setenv("BROWSER", str(program))
    return file


def open_in_a_process(state):
    """Open the page in a new process: the standard library looks for browsers only once."""
    script = (
        "import pathlib, sys; from skaha.local import open_page\n"
        "page = open_page(pathlib.Path(sys.argv[1]))\n"
        "print(page.url, page.seconds, page.opened)"
    )
    command = [sys.executable, "-c", script, str(state)]
    printed = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()
    return Page(printed[0], float(printed[1]), opened=printed[2] == "True")


def test_the_page_opens_in_the_browser(platform, desktop, eventually):
    page = open_in_a_process(platform.state)
    assert page.opened
    eventually(desktop.exists)
    assert desktop.read_text() == page.url
    address, _, code = page.url.partition("#")
    browser = Browser(platform)
    assert address == f"{browser.origin}/page/"
    assert browser.exchange(code).status_code == 201


@pytest.mark.parametrize("terminal_browser", [False, True])
def test_no_browser_opens_without_a_display(platform, monkeypatch, tmp_path, terminal_browser):
    """The address opens the page in a browser that the user starts."""
    for name in ("BROWSER", "DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("SSH_CONNECTION", "192.0.2.1 1 192.0.2.2 22")
    monkeypatch.setenv("PATH", str(tmp_path))
    if terminal_browser:
        # An X display through ssh, but the only browser of the machine is one for terminals.
        monkeypatch.setenv("DISPLAY", "localhost:10")
        monkeypatch.setenv("TERM", "xterm")
        program = tmp_path / "lynx"
        program.write_text("#!/bin/sh\nexit 1\n")
        program.chmod(0o700)
    page = open_in_a_process(platform.state)
    assert not page.opened
    assert Browser(platform).exchange(page.url.partition("#")[2]).status_code == 201


def test_the_address_is_hidden():
    """The representation has no code."""
    assert "secret" not in repr(Page("http://127.0.0.1:1/page/#secret", 30.0, opened=False))


def test_a_platform_of_an_older_version_has_no_page(launch):
    """The error says how to get a platform with the page."""
    patch = "from skaha.local import _server; _server._api_and_page = lambda api, page: api"
    platform = launch(program=("-c", PATCHED.format(patch=patch)))
    with pytest.raises(PlatformError, match=r"older version of skaha.*stop.*try again"):
        open_page(platform.state, browser=False)


def test_the_command_of_the_module(platform):
    command = [sys.executable, "-m", "skaha.local", "open", "--no-browser"]
    environment = os.environ | {"SKAHA_LOCAL_STATE": str(platform.state)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert "within 30 seconds" in done.stderr
    code = done.stdout.strip().partition("#")[2]
    assert Browser(platform).exchange(code).status_code == 201


def test_a_thousand_sessions(crowded_platform):
    """The list is sent immediately."""
    page = Browser(crowded_platform).enter()
    response = page.get("sessions")
    assert len(response.json()["sessions"]) == 1000
    assert response.elapsed.total_seconds() < 1


def test_an_error_of_a_platform_that_does_not_respond_shows_no_token(monkeypatch):
    """Tools show the local variables of a traceback."""
    # Nothing listens on this port.
    address = Address("http://127.0.0.1:9/skaha", "a-canary-token")
    monkeypatch.setattr("skaha.local._daemon.find_or_start", lambda *_: address)
    with pytest.raises(PlatformError, match="does not respond") as caught:
        open_page(browser=False)
    shown = traceback.TracebackException.from_exception(caught.value, capture_locals=True)
    assert "_request_code" in "".join(shown.format())
    assert "canary" not in "".join(shown.format())
