"""Connecting: sessions are opened in a browser as soon as their addresses respond."""

import asyncio
import json
import logging
import sys
import threading
import time
import webbrowser

import pytest
from scripted import Response, ScriptedServer, json_response
from staged import Stage, embedded, record

from skaha import AsyncSession, Retry, errors

IMAGE = "images.canfar.net/lab/page:1"
SOON = 30  # seconds


@pytest.fixture(autouse=True)
def _short_pauses(monkeypatch):
    """Shorten the pauses between two requests of an address."""
    for variant in ("async", "sync"):
        monkeypatch.setattr(f"skaha._{variant}._connect._SECONDS_BETWEEN_LOOKS", 0.01)


@pytest.fixture
def opened(monkeypatch):
    """Replace the browser; return the list of addresses that it opened."""
    urls = []

    class Recording(webbrowser.BaseBrowser):
        def open(self, url, new=0, autoraise=True):  # noqa: ARG002  (the signature of the base class)
            urls.append(url)
            return True

    monkeypatch.setattr(webbrowser, "_tryorder", None)
    monkeypatch.setattr(webbrowser, "_browsers", {})
    monkeypatch.delenv("BROWSER", raising=False)
    webbrowser.register_standard_browsers()
    webbrowser.register("recording", None, Recording(), preferred=True)
    return urls


@pytest.fixture
def page_server():
    """Start the server of the sessions' addresses; it is not the server of the platform."""
    with ScriptedServer() as server:
        server.respond = lambda _: Response(200, "a page")
        yield server


def interactive(session_id, url, status="Running"):
    return record(session_id, status, type="notebook", connectURL=url)


def url_of(server, path):
    return server.url.removesuffix("/skaha") + path


def test_an_address_that_responds_is_opened_and_returned(variant, tmp_path, opened):
    """On the embedded platform, a session is a server on this machine."""
    command = [sys.executable, "-m", "http.server", "{port}", "--bind", "127.0.0.1"]
    (tmp_path / "images.json").write_text(json.dumps({IMAGE: command}))
    with embedded(tmp_path) as platform:
        session = variant.open(server=platform.url, token=platform.token)
        ids = variant.run(session.create("page", IMAGE, kind="contributed"))
        urls = variant.run(session.connect(ids, timeout=60))
        assert urls == {ids[0]: variant.run(session.connect_url(ids[0]))}
        assert opened == list(urls.values())
        assert ids[0] in opened[0]
        variant.run(session.destroy(ids, verify=True))


def test_connect_waits_until_the_address_responds(variant, scripted, page_server, opened):
    responses = [None, Response(503, "starting"), Response(404, "no"), Response(200, "a page")]
    page_server.respond = lambda _: responses.pop(0)
    url = url_of(page_server, "/session/notebook/n1/lab?token=n1")
    pending, running = [interactive("n1", url, status) for status in ("Pending", "Running")]
    scripted.respond = Stage([pending], [pending], [running])
    session = variant.open(server=scripted.url, token="a-secret-token", retry=False)
    assert variant.run(session.connect("n1")) == {"n1": url}
    assert opened == [url]
    assert responses == []


def test_the_token_is_sent_to_the_platform_only(variant, scripted, page_server, opened):
    with ScriptedServer() as redirect_target:
        redirect_target.respond = lambda _: Response(200, "a page")
        headers = {"Location": redirect_target.url, "Set-Cookie": "a=b"}
        page_server.respond = lambda _: Response(302, "", headers=headers)
        scripted.respond = Stage([interactive("n1", url_of(page_server, "/n1"))])
        session = variant.open(server=scripted.url, token="a-secret-token", retry=False)
        variant.run(session.connect("n1"))
        requests = [*page_server.received, *redirect_target.received]
    assert len(requests) == 2
    for request in requests:
        assert "authorization" not in request.headers
        assert "a-secret-token" not in repr(request)
    # The browser opens the platform's address, not the target of the redirect.
    assert opened == [url_of(page_server, "/n1")]


def test_the_address_is_not_logged(variant, scripted, page_server, caplog):
    """An address may contain a token. Redirects are not logged, either."""
    scripted.respond = Stage([interactive("n1", url_of(page_server, "/n1?token=secret"))])
    page_server.respond = lambda request: (
        Response(200, "a page")
        if "token" in request.query
        else Response(302, "", headers={"Location": "/n1?token=secret"})
    )
    session = variant.open(server=scripted.url, token="t", retry=False)
    with caplog.at_level(logging.DEBUG):
        variant.run(session.connect("n1", browser=False))
    assert "/skaha/v1/session" in caplog.text
    assert "secret" not in caplog.text


def test_a_page_without_an_end_counts_as_a_response(variant, scripted, page_server):
    """Only the status is read, not the page."""

    def body():
        while not is_connected.is_set():
            yield b"more"

    is_connected = threading.Event()
    length = {"Content-Length": str(2**60)}
    page_server.respond = lambda _: Response(200, body(), headers=length)
    url = url_of(page_server, "/n1")
    scripted.respond = Stage([interactive("n1", url)])
    session = variant.open(server=scripted.url, token="t", retry=False)
    try:
        assert variant.run(session.connect("n1", browser=False, timeout=SOON)) == {"n1": url}
    finally:
        is_connected.set()


def test_other_tasks_continue_while_the_browser_starts(scripted, page_server, monkeypatch):
    """A browser in a terminal returns when the user closes it."""
    scripted.respond = Stage([interactive("n1", url_of(page_server, "/n1"))])

    is_starting, has_response = threading.Event(), threading.Event()

    def start_browser(_):
        is_starting.set()
        return has_response.wait(SOON)

    monkeypatch.setattr(webbrowser, "open", start_browser)

    async def other_task():
        await asyncio.to_thread(is_starting.wait, SOON)
        has_response.set()

    async def program():
        async with AsyncSession(server=scripted.url, token="t", retry=False) as session:
            await asyncio.gather(session.connect("n1"), other_task())

    before = time.monotonic()
    asyncio.run(program())
    assert time.monotonic() - before < SOON


def test_several_sessions_are_opened_in_the_given_order(variant, scripted, page_server, opened):
    ids = ["n3", "n1", "n2"]
    scripted.respond = Stage(
        [
            interactive(session_id, url_of(page_server, f"/{session_id}"))
            for session_id in sorted(ids)
        ]
    )
    session = variant.open(server=scripted.url, token="t", retry=False)
    urls = variant.run(session.connect(ids))
    assert list(urls) == ids
    assert opened == list(urls.values())


def test_without_a_browser_the_addresses_are_only_returned(variant, scripted, page_server, opened):
    scripted.respond = Stage([interactive("n1", url_of(page_server, "/n1"))])
    session = variant.open(server=scripted.url, token="t", retry=False)
    assert variant.run(session.connect("n1", browser=False)) == {"n1": url_of(page_server, "/n1")}
    assert opened == []


@pytest.mark.parametrize("no_address", ["", "<none>", "not-applicable", None])
def test_a_session_without_an_address_is_reported(variant, scripted, opened, no_address):
    scripted.respond = stage = Stage([record("h1", connectURL=no_address)])
    stage.records["h1"] = [json_response(record("h1", connectURL=no_address))]
    session = variant.open(server=scripted.url, token="t", retry=False)
    with pytest.raises(errors.InvalidInputError, match="h1 has no address: it is headless"):
        variant.run(session.connect_url("h1"))
    with pytest.raises(errors.NotFoundError):
        variant.run(session.connect_url("h2"))
    urls = variant.run(session.connect("h1"))
    assert urls == {}
    assert list(urls.failures) == ["h1"]
    assert opened == []


@pytest.mark.parametrize("status", ["Failed", "Completed"])
def test_connect_does_not_wait_for_a_session_that_has_ended(
    variant, scripted, page_server, opened, monkeypatch, status
):
    monkeypatch.setattr("skaha._sansio.status_tracker.RESTART_SECONDS", 0)
    page_server.respond = lambda _: Response(502, "no such session")
    scripted.respond = Stage([interactive("n1", url_of(page_server, "/n1"), status)])
    session = variant.open(server=scripted.url, token="t", retry=False)
    before = time.monotonic()
    urls = variant.run(session.connect("n1", timeout=SOON))
    assert time.monotonic() - before < SOON / 2
    assert urls == {}
    assert status in str(urls.failures["n1"])
    assert opened == []


def test_a_session_that_is_never_listed_is_reported(variant, scripted, opened):
    scripted.respond = Stage([])
    session = variant.open(server=scripted.url, token="t", retry=False)
    with pytest.raises(errors.WaitTimeoutError, match="n1 is not listed yet after"):
        variant.run(session.connect("n1", timeout=0.1))
    assert opened == []


def test_a_session_that_does_not_run_in_time_is_reported(variant, scripted, opened):
    scripted.respond = Stage([interactive("n1", "http://127.0.0.1:9/", "Pending")])
    session = variant.open(server=scripted.url, token="t", retry=False)
    with pytest.raises(errors.WaitTimeoutError) as caught:
        variant.run(session.connect("n1", timeout=0.1))
    assert caught.value.partial == {"n1": "Pending"}
    assert opened == []


def test_a_late_session_does_not_delay_the_others(variant, scripted, page_server, opened):
    """The other session is opened immediately, not only when the time-out ends."""
    running, late = interactive("n1", url_of(page_server, "/n1")), interactive("n2", "", "Pending")
    stage = scripted.respond = Stage([running, late])
    stage.events["n2"] = NO_NODE
    opened_counts = []
    session = variant.open(server=scripted.url, token="t", retry=False)
    urls = variant.run(
        session.connect(
            ["n2", "n1"], timeout=2, progress=lambda *_: opened_counts.append(len(opened))
        )
    )
    assert urls == {"n1": url_of(page_server, "/n1")}
    assert opened == list(urls.values())
    error = urls.failures["n2"]
    assert isinstance(error, errors.WaitTimeoutError)
    assert str(error) == "session n2 is Pending after 2 s: 0/9 nodes are available"
    # One count per report: at the start, and when each session is finished (before it is opened).
    assert opened_counts == [0, 0, 1]
    assert len(stage.listing_times) > 3


NO_NODE = Response(
    200,
    "TYPE     REASON            MESSAGE                    FIRST-TIME  LAST-TIME\n"
    "Warning  FailedScheduling  0/9 nodes are available    <nil>       <nil>\n",
)


def test_connect_survives_an_outage_of_the_platform(variant, scripted, page_server, opened):
    url = url_of(page_server, "/n1")
    pending, running = [interactive("n1", url, status) for status in ("Pending", "Running")]
    busy = Response(503, "busy")
    stage = scripted.respond = Stage([pending], *[busy, None] * 6, [running])
    stage.records["n1"] = [busy, None, json_response(running)]
    retry = Retry(first_pause=0.001, longest_pause=0.01)
    session = variant.open(server=scripted.url, token="t", retry=retry)
    assert variant.run(session.connect("n1", timeout=60)) == {"n1": url}
    assert opened == [url]


def test_refused_credentials_end_the_call_and_keep_the_opened_sessions(
    variant, scripted, page_server, opened
):
    url = url_of(page_server, "/n1")
    running, late = interactive("n1", url), interactive("n2", "", "Pending")
    scripted.respond = Stage([running, late], Response(401, "expired"))
    session = variant.open(server=scripted.url, token="t", retry=False)
    with pytest.raises(errors.AuthenticationError) as caught:
        variant.run(session.connect(["n1", "n2"], timeout=60))
    assert caught.value.partial == {"n1": url}
    assert opened == [url]


def test_the_error_says_that_the_platform_does_not_respond(variant, scripted, opened):
    scripted.respond = Stage([interactive("n1", "", "Pending")], Response(503, "busy"))
    retry = Retry(first_pause=0.001, longest_pause=0.01)
    session = variant.open(server=scripted.url, token="t", retry=retry)
    with pytest.raises(errors.WaitTimeoutError, match=r"does not respond: .* 503: busy"):
        variant.run(session.connect("n1", timeout=1))
    assert opened == []


# Addresses that never respond, and the reason in the error. No reason contains the secret.
REASONS = {
    "http://127.0.0.1:9/?token=secret": "does not respond: ",
    "http://127.0.0.1:0x9/?token=secret": "not a URL: Invalid port",
    "http://a..example/?token=secret": "does not respond: ",
    "file:///etc/passwd?token=secret": "does not start with https:// or http://",
    "javascript:alert('secret')": "does not start with https:// or http://",
    "no address of a secret": "does not start with https:// or http://",
    "http://127.0.0.1:99999/?token=secret": "not a URL: Port out of range",
    "http://xn--/?token=secret": "not a URL: Malformed",
    "BUSY?token=secret": "does not respond: it answers 503",
    "LOOP?token=secret": "does not respond: too many redirects",
    "TO_http://127.0.0.1:99999/?token=secret": "it redirects to an address that is not a URL: Port",
    "TO_http://xn--/?token=secret": "it redirects to an address that is not a URL: Malformed",
    "TO_ftp://example.org/?token=secret": "it redirects to an address that does not start with",
}


@pytest.mark.parametrize("url", REASONS)
def test_the_error_says_why_an_address_does_not_respond(
    variant, scripted, page_server, opened, url
):
    target = url.removeprefix("TO_")
    redirect = Response(302, "", headers={"Location": f"/{url}" if target == url else target})
    is_redirect = url.startswith(("LOOP", "TO_"))
    page_server.respond = lambda _: redirect if is_redirect else Response(503, "no")
    address = url_of(page_server, f"/{url}") if url[:2].isupper() else url
    scripted.respond = Stage([interactive("n1", address)])
    session = variant.open(server=scripted.url, token="t", retry=False)
    may_respond_later = is_redirect or "does not respond" in REASONS[url]
    try:
        timeout = (0.1 if is_redirect else 0.5) if may_respond_later else SOON
        error = variant.run(session.connect("n1", timeout=timeout)).failures["n1"]
    except errors.WaitTimeoutError as caught:
        error = caught
    assert error.partial in (None, {"n1": "Running"})
    assert REASONS[url] in str(error)
    assert "secret" not in str(error)
    # The call does not wait for an address that can never respond.
    assert isinstance(error, errors.WaitTimeoutError) == may_respond_later
    assert opened == []


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:9/closed",
        "file:///etc/passwd",
        "javascript:alert(1)",
        "no address",
        "http://[",
        "http://127.0.0.1:0x9/",
        "LOOP",
        "SILENT",
    ],
)
def test_an_address_that_never_responds_does_not_delay_the_others(
    variant, scripted, page_server, opened, url
):
    def respond(request):
        if request.path == "/LOOP":
            return Response(302, "", headers={"Location": "/LOOP"})
        if request.path == "/SILENT":
            time.sleep(SOON)
        return Response(200, "a page")

    page_server.respond = respond
    url = url_of(page_server, f"/{url}") if url.isupper() else url
    scripted.respond = Stage(
        [interactive("n1", url_of(page_server, "/n1")), interactive("n2", url)]
    )
    session = variant.open(server=scripted.url, token="t", retry=False)
    before = time.monotonic()
    urls = variant.run(session.connect(["n2", "n1"], timeout=3))
    assert time.monotonic() - before < SOON
    assert urls == {"n1": url_of(page_server, "/n1")}
    assert isinstance(urls.failures["n2"], errors.SkahaError)
    assert opened == [url_of(page_server, "/n1")]
