"""The web page of the platform in a real browser, as its readers use it."""

import http.server
import re
import threading
from contextlib import contextmanager
from http import HTTPStatus

import pytest
from contrast import weak_texts

from skaha.local import open_page

# Milliseconds of the clock of the page, which the tests turn forward.
POLL = 2000
A_MINUTE = 60_000
WHITE = "rgb(255, 255, 255)"
MARKUP = "<script>document.title = 'changed'</script><img src=x onerror=alert(1)>&amp;"

pytestmark = pytest.mark.slow


class Tab:
    """A tab of the browser with the page, its requests and its error messages."""

    def __init__(self, browser, platform, **options):
        context = browser.new_context(**options)
        self.context, self.platform = context, platform
        self.page = context.new_page()
        self.page.clock.install()
        self.urls, self.errors = [], []
        self.page.on("request", lambda request: self.urls.append(request.url))
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.on("console", self._read)

    def _read(self, text):
        if text.type in ("error", "warning"):
            self.errors.append(text.text)

    def open(self):
        self.page.goto(open_page(self.platform.state, browser=False).url)
        self.page.locator("#list").wait_for()
        return self.page

    def poll(self):
        """Let the page ask the platform again, and wait for the response to this request."""
        with self.page.expect_request("**/page/sessions") as request:
            self.page.clock.run_for(POLL)
        request.value.response()

    def row(self, name):
        return self.page.get_by_role("row").filter(
            has=self.page.get_by_role("rowheader", name=name)
        )

    @property
    def focus(self):
        """The accessible name of the element that has the focus."""
        return self.page.evaluate(
            "document.activeElement.ariaLabel ?? document.activeElement.textContent"
        )


@pytest.fixture
def open_tab(browser):
    """Open tabs; none of them may show an error or load anything from elsewhere."""
    tabs = []

    def _open(platform, **options):
        tabs.append(Tab(browser, platform, **options))
        tabs[-1].open()
        return tabs[-1]

    yield _open
    for tab in tabs:
        tab.context.close()
        assert tab.errors == []
        own = (f"{tab.platform.url.removesuffix('/skaha')}/page/", "data:")
        assert not [url for url in tab.urls if not url.startswith(own)]


@pytest.fixture
def tab(open_tab, platform):
    return open_tab(platform)


def test_the_table_shows_the_sessions_live(tab, platform):
    page = tab.page
    page.get_by_text("No sessions.").wait_for()
    names = ["Name", "Id", "Kind", "Status", "Age", "Cores", "Memory", "Image", "Action"]
    headings = page.locator("#list").get_by_role("columnheader")
    assert headings.all_text_contents() == names
    session_id = platform.create(name="job", cmd="sleep", args="300", cores="2", ram="8")
    platform.wait(session_id, "Running")
    tab.poll()
    page.get_by_role("status").get_by_text("job is Running.").wait_for()
    cells = tab.row("job").get_by_role("cell").all_inner_texts()
    image = "images.canfar.net/skaha/terminal:1.1.1"
    assert cells[:3] == [session_id, "headless", "Running"]
    assert re.fullmatch(r"\d+s", cells[3])
    assert re.fullmatch(r"(0(\.\d+)? of )?2", cells[4])
    assert re.fullmatch(r"(0(\.\d+)? of )?8 GiB", cells[5])
    assert cells[6:] == [image, "End"]
    page.get_by_text("1 session: 1 Running").wait_for()
    page.clock.run_for(2 * A_MINUTE)
    assert tab.row("job").get_by_role("cell").all_inner_texts()[3] == "2m"
    platform.delete(session_id)
    tab.poll()
    page.get_by_text("No sessions.").wait_for()
    page.get_by_role("status").get_by_text("job is gone.").wait_for()


def test_the_table_and_the_details_show_the_use(tab, platform):
    page = tab.page
    (platform.home / "busy.py").write_text("memory = b'x' * 400_000_000\nwhile True: pass")
    program = platform.home / "busy.py"
    session_id = platform.create(name="busy", cmd="python3", args=str(program), cores="2", ram="8")
    platform.wait(session_id, "Running")
    busy = tab.row("busy")
    busy.get_by_role("cell", name=re.compile(r"^0\.(3[7-9]|4\d?) of 8 GiB$")).wait_for()
    busy.get_by_role("cell", name=re.compile(r"^(0\.\d+|1(\.\d+)?) of 2$")).wait_for()
    page.get_by_role("button", name="busy", exact=True).click()
    page.locator("#fields").get_by_text("Memory in use").wait_for()
    page.locator("#fields").get_by_text(re.compile(r"^0\.(3[7-9]|4\d?) GiB$")).wait_for()
    platform.delete(session_id)


def test_a_click_shows_the_log_and_the_events_as_text(tab, platform):
    """No text of a session becomes a part of the page."""
    page = tab.page
    go_on = platform.home / "go-on"
    script = f"cat <<'EOF'\n{MARKUP}\nEOF\nwhile ! test -e {go_on}; do sleep 0.05; done\necho end\n"
    session_id = platform.shell(script, name="job")
    platform.wait(session_id, "Running")
    tab.poll()
    page.get_by_role("button", name="job", exact=True).click()
    dialog = page.get_by_role("dialog", name="job")
    log = dialog.get_by_role("region", name="Log")
    log.get_by_text("onerror").wait_for()
    assert log.text_content() == f"{MARKUP}\n"
    assert log.locator("*").count() == 0
    assert page.title() == "Skaha sessions"
    events = dialog.get_by_role("table", name="Events")
    assert events.get_by_role("columnheader").all_inner_texts() == [
        *("Time", "Type", "Reason", "Message")
    ]
    events.get_by_role("row", name="Started").wait_for()
    # The dialog is live, too.
    go_on.touch()
    platform.wait(session_id)
    tab.poll()
    events.get_by_role("row", name="Exit status 0").wait_for()
    assert log.text_content() == f"{MARKUP}\nend\n"
    dialog.get_by_text("Completed", exact=True).first.wait_for()
    dialog.get_by_role("button", name="Close").click()
    assert not dialog.is_visible()


def test_a_session_ends_after_a_confirmation(tab, platform):
    page = tab.page
    ids = {name: platform.create(name=name, cmd="sleep", args="300") for name in ("one", "two")}
    for session_id in ids.values():
        platform.wait(session_id, "Running")
    tab.poll()
    end = page.get_by_role("button", name=f"End session one, {ids['one']}")
    end.click()
    question = page.get_by_role("alertdialog", name="End session one?")
    assert ids["one"] in question.inner_text()
    question.get_by_role("button", name="Cancel").click()
    assert len(platform.sessions()) == 2
    end.click()
    question.get_by_role("button", name="End session").click()
    page.get_by_text("one is ended.").wait_for()
    assert [session["id"] for session in platform.sessions()] == [ids["two"]]
    assert not end.is_visible()
    # A session whose dialog is open, and that somebody else ends.
    page.get_by_role("button", name="two", exact=True).click()
    dialog = page.get_by_role("dialog", name="two")
    dialog.get_by_text(ids["two"], exact=True).wait_for()
    platform.delete(ids["two"])
    tab.poll()
    dialog.get_by_text("The session does not exist any more.").wait_for()
    assert dialog.get_by_role("button", name="End session").is_disabled()
    page.keyboard.press("Escape")
    page.get_by_text("No sessions.").wait_for()


def test_the_keyboard_does_everything(tab, platform):
    page, press = tab.page, tab.page.keyboard.press
    for name in ("one", "two", "three"):
        platform.wait(platform.create(name=name, cmd="true"))
    tab.poll()
    tab.row("three").wait_for()
    press("Tab")
    assert page.evaluate("document.activeElement.id") == "filter"
    page.keyboard.type("terminal  t")
    press("Tab")
    assert tab.focus == "three"
    press("Enter")
    dialog = page.get_by_role("dialog", name="three")
    dialog.get_by_text("The log is empty.").wait_for()
    assert tab.focus == "three"  # the heading of the dialog
    press("Escape")
    assert not dialog.is_visible()
    assert tab.focus == "three"
    press("Tab")
    assert tab.focus.startswith("Remove session three")
    press("Enter")
    assert tab.focus == "Cancel"
    press("Tab")
    press("Enter")
    page.get_by_text("three is removed.").wait_for()
    # The focus does not get lost with the row.
    assert tab.focus == "two"
    assert {session["name"] for session in platform.sessions()} == {"one", "two"}


def test_the_focus_and_the_selection_survive_a_change(tab, platform):
    page = tab.page
    session_id = platform.create(name="job", cmd="sleep", args="300")
    tab.poll()
    page.get_by_role("button", name=f"End session job, {session_id}").focus()
    platform.create(name="other", cmd="true")
    tab.poll()
    page.get_by_role("button", name="other", exact=True).wait_for()
    assert tab.focus == f"End session job, {session_id}"
    platform.delete(session_id)
    tab.poll()
    page.get_by_text("1 session:").wait_for()
    assert tab.focus == "other"


def test_the_code_and_the_token_leave_no_trace(tab, platform):
    """A second page with the same code, and a page that is loaded again, have no access."""
    page = tab.page
    assert page.url == f"{platform.url.removesuffix('/skaha')}/page/"
    assert page.evaluate("history.length") == 2
    stored = "[localStorage.length, sessionStorage.length, document.cookie, window.name]"
    assert page.evaluate(stored) == [0, 0, "", ""]
    assert tab.context.cookies() == []
    assert not [url for url in tab.urls if re.search(r"[\w-]{32}", url.partition("#")[0])]
    page.reload()
    page.get_by_text("skaha local open").wait_for()
    assert not page.get_by_role("table").first.is_visible()
    # A new code can be typed into the same tab.
    page.goto(open_page(platform.state, browser=False).url)
    page.locator("#list").wait_for()


def test_a_code_that_was_used_shows_the_reason(tab, platform):
    address = open_page(platform.state, browser=False).url
    tab.page.goto(address)
    tab.page.reload()
    other = Tab(tab.context.browser, platform)
    other.page.goto(address)
    other.page.get_by_text("The code was used already").wait_for()
    other.page.get_by_text("skaha local open").wait_for()
    other.context.close()
    tab.errors.clear()


def test_a_token_that_is_no_longer_valid(launch, browser):
    """The page shows no session any more, and says how to open it again."""
    platform = launch("--port", "0")
    port = platform.url.split(":")[2].split("/")[0]
    platform.create(name="job", cmd="sleep", args="300")
    tab = Tab(browser, platform)
    page = tab.open()
    page.get_by_role("button", name="job", exact=True).click()
    platform.stop()
    page.clock.run_for(POLL)
    page.get_by_text("The platform does not respond.").wait_for()
    platform.options = (*platform.options, "--port", port)
    platform.start()
    page.clock.run_for(2 * POLL)
    page.get_by_text("This page is no longer valid.").wait_for()
    page.get_by_text("skaha local open").wait_for()
    assert not page.get_by_role("dialog").first.is_visible()
    tab.context.close()


def test_an_outage_is_shown_until_it_ends(tab, platform):
    page = tab.page
    platform.create(name="job", cmd="sleep", args="300")
    tab.poll()
    page.route("**/page/sessions*", lambda route: route.abort())
    page.clock.run_for(POLL)
    page.get_by_text("The platform does not respond.").wait_for()
    assert tab.row("job").is_visible()
    # A change during the outage is told, too.
    platform.create(name="next", type="carta")
    page.unroute("**/page/sessions*")
    page.clock.run_for(2 * POLL)
    page.get_by_text("The platform responds again. next is Pending.").wait_for()
    tab.errors.clear()


def test_a_hidden_page_does_no_work(tab, platform):
    page = tab.page
    tab.poll()
    hide = """value => {
        Object.defineProperty(document, "hidden", { configurable: true, get: () => value });
        document.dispatchEvent(new Event("visibilitychange"));
    }"""
    page.evaluate(hide, arg=True)
    sent = len(tab.urls)
    page.clock.run_for(A_MINUTE)
    assert len(tab.urls) == sent
    platform.create(name="job", cmd="true")
    with page.expect_response("**/page/sessions"):
        page.evaluate(hide, arg=False)
    tab.row("job").wait_for()


# Other sites.


@contextmanager
def other_site():
    """Serve an empty page on another port."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(HTTPStatus.OK)
            self.send_header("content-type", "text/html")
            self.end_headers()

        def log_message(self, *_):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


def test_another_site_cannot_use_the_page(browser, platform):
    """It cannot read, end, embed or run anything, even with a token."""
    session_id = platform.create(name="job", cmd="sleep", args="300")
    address, _, code = open_page(platform.state, browser=False).url.partition("#")
    fetch = """async ([url, method, mode, headers]) => {
        try {
            const response = await fetch(url, { method, mode, headers });
            return `${response.type} ${response.status}`;
        } catch (error) {
            return "failed";
        }
    }"""
    with other_site() as site, browser.new_page() as page:
        page.goto(site)
        for method, mode, path, headers, expected in (
            ("GET", "cors", "sessions", {}, "failed"),
            ("GET", "no-cors", "", {}, "failed"),
            ("POST", "no-cors", "token", {}, "failed"),
            ("POST", "cors", "token", {"Authorization": f"Bearer {code}"}, "failed"),
            ("DELETE", "cors", f"sessions/{session_id}", {}, "failed"),
        ):
            result = page.evaluate(fetch, arg=[f"{address}{path}", method, mode, headers])
            assert result == expected, (method, mode, path)
        page.set_content(f'<iframe src="{address}#{code}"></iframe>')
        page.frames[1].wait_for_load_state()
        assert "Sessions" not in page.frames[1].content()
        page.set_content(f'<script src="{address}page.js" onerror="document.title = 1"></script>')
        page.wait_for_function("document.title === '1'")
    # The code is still unused, and the session still runs.
    tab = Tab(browser, platform)
    tab.page.goto(f"{address}#{code}")
    tab.row("job").wait_for()
    assert len(platform.sessions()) == 1
    tab.context.close()


# Appearance.


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [320, 820, 1400])
def test_nothing_is_cut_on_any_screen(open_tab, platform, width, scheme):
    """Long names wrap, and the page never scrolls sideways."""
    name = "n" * 63
    session_id = platform.create(name=name, cmd="true", cores="8", ram="32")
    platform.wait(session_id)
    options = {"viewport": {"width": width, "height": 700}, "color_scheme": scheme}
    page = open_tab(platform, **options).page
    heading = page.get_by_role("button", name=name, exact=True)
    heading.wait_for()
    overflow = "document.documentElement.scrollWidth - innerWidth"
    assert page.evaluate(overflow) <= 0
    button = page.get_by_role("button", name="Remove session")
    box = button.bounding_box()
    assert box["x"] + box["width"] <= width
    heading.click()
    page.get_by_text("Exit status 0").wait_for()
    assert page.evaluate(overflow) <= 0
    dialog = page.locator("#details")
    assert dialog.evaluate("element => element.scrollWidth - element.clientWidth") <= 0


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_text_has_contrast(open_tab, platform, scheme):
    platform.wait(platform.create(name="good", cmd="true"))
    platform.wait(platform.shell("echo a line; exit 3", name="bad"), "Failed")
    platform.create(name="queued", type="carta")
    platform.wait(platform.create(name="busy", cmd="sleep", args="300"), "Running")
    tab = open_tab(platform, color_scheme=scheme)
    page = tab.page
    is_dark = page.evaluate("getComputedStyle(document.body).backgroundColor") != WHITE
    assert is_dark == (scheme == "dark")
    for status in ("Completed", "Failed", "Pending", "Running"):
        page.get_by_role("row").filter(has_text=status).hover()
        assert weak_texts(page) == []
    page.get_by_role("button", name="bad", exact=True).click()
    page.get_by_text("Exit status 3").wait_for()
    assert weak_texts(page) == []
    page.locator("#details-end").hover()
    assert weak_texts(page) == []
    page.locator("#details-end").click()
    page.locator("#confirm-title").wait_for()
    assert weak_texts(page) == []
    page.reload()
    page.locator("#gate").wait_for()
    assert weak_texts(page) == []
    page.evaluate("location.hash = 'a-wrong-code'")
    page.get_by_text("The code was used already").wait_for()
    assert weak_texts(page) == []
    tab.errors.clear()


def test_a_thousand_sessions_are_fast(crowded_platform, open_tab):
    """The filter is fast, and a change of the list changes only its own row."""
    tab = open_tab(crowded_platform)
    page = tab.page
    page.get_by_text("1,000 sessions: 999 Pending, 1 Running").wait_for()
    assert page.locator("#rows tr").count() == 1000
    seconds = page.evaluate(
        """() => {
            const filter = document.getElementById("filter");
            const start = performance.now();
            filter.value = "headless job-42";
            filter.dispatchEvent(new Event("input"));
            document.body.getBoundingClientRect();
            return (performance.now() - start) / 1000;
        }"""
    )
    assert 0 < seconds < 0.5
    assert page.locator("#rows tr:visible").count() == 11
    page.evaluate(
        """() => {
            window.changes = 0;
            const observer = new MutationObserver((list) => (window.changes += list.length));
            const rows = document.getElementById("rows");
            observer.observe(rows, { childList: true });
            const options = { attributes: true };
            [...rows.children].forEach((row) => observer.observe(row, options));
        }"""
    )
    crowded_platform.create(name="last", cmd="true")
    tab.poll()
    page.get_by_text("11 of 1,001 sessions").wait_for()
    assert page.evaluate("window.changes") == 1
