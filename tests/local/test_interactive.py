"""Interactive sessions: notebooks, and contributed sessions with a port."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

NOTEBOOKS = pytest.mark.skipif(
    shutil.which("jupyter-lab", path=Path(sys.executable).parent) is None,
    reason="needs JupyterLab: pip install jupyterlab",
)
PAGE = "images.canfar.net/skaha-tests/page:1"
START_SECONDS = 40


@NOTEBOOKS
def test_a_notebook_opens_in_a_browser(platform, browser):
    """The connectURL leads to JupyterLab, which shows the user's home and checks its token."""
    (platform.home / "file.txt").write_text("here\n")
    session_id = platform.create(type="notebook")
    pending = platform.session(session_id)
    assert pending["status"] == "Pending"
    assert platform.client.get(pending["connectURL"]).status_code == 503
    session = platform.wait(session_id, "Running", START_SECONDS)
    url, _, token = session["connectURL"].partition("?token=")
    assert session["connectURL"] == pending["connectURL"]
    assert url.endswith(f"/session/notebook/{session_id}/lab/tree/arc/home/{session['userid']}")
    with browser.new_page() as page:
        page.goto(session["connectURL"])
        page.get_by_text("file.txt").first.wait_for(timeout=START_SECONDS * 1000)
        assert "JupyterLab" in page.title()

    server = platform.client.get(session["connectURL"]).headers["location"].partition("/lab")[0]
    contents = f"{server}/api/contents/arc/home/{session['userid']}"
    assert platform.client.get(contents, headers={"authorization": "token no"}).status_code == 403
    listed = platform.client.get(contents, headers={"authorization": f"token {token}"}).json()
    assert "file.txt" in [entry["name"] for entry in listed["content"]]
    # All users of this machine can see the arguments of a process.
    arguments = subprocess.run(
        ["ps", "-eww", "-o", "args"], capture_output=True, text=True, check=True
    ).stdout
    assert session_id in arguments
    assert token not in arguments


def test_without_jupyterlab_a_notebook_is_refused(platform, tmp_path):
    """The error names the command that installs it."""
    script = (
        "from skaha.local._runtimes import _process\n"
        "_process._find_jupyter = lambda: None\n"
        "from skaha.local.__main__ import main\n"
        "main()\n"
    )
    other = type(platform)(tmp_path / "state", tmp_path, program=["-c", script])
    response = other.post(type="notebook")
    assert response.status_code == 400
    assert "pip install jupyterlab" in response.text
    assert other.post(type="headless", cmd="true").status_code == 200
    other.stop()


def test_contributed_sessions_run_the_command_for_their_image(platform, browser):
    """Several sessions run at the same time; each has its own port behind its connectURL."""
    (platform.home / "index.html").write_text("<p>the user's page</p>")
    platform.image(PAGE, "python3", "-m", "http.server", "{port}", "--bind", "127.0.0.1")
    ids = [platform.create(type="contributed", image=PAGE) for _ in range(2)]
    urls = [platform.wait(session_id, "Running")["connectURL"] for session_id in ids]
    with browser.new_page() as page:
        page.goto(urls[0])
        assert page.inner_text("p") == "the user's page"
    targets = [platform.client.get(f"{url}x/y?z=1").headers["location"] for url in urls]
    assert len(set(targets)) == 2
    assert targets[0].endswith("/x/y?z=1")
    platform.kill()
    platform.start()
    urls = [platform.session(session_id)["connectURL"] for session_id in ids]
    for url in urls:
        response = platform.client.get(url, follow_redirects=True, headers={"authorization": ""})
        assert "the user's page" in response.text
    platform.delete(ids[0])
    assert platform.client.get(urls[0]).status_code == 404
    assert platform.client.get(urls[1]).status_code == 307


def test_a_contributed_session_whose_command_ends_has_failed(platform):
    """The real platform does the same if a container ends."""
    platform.image(PAGE, "false")
    platform.wait(platform.create(type="contributed", image=PAGE), "Failed")


def test_connect_urls_that_lead_nowhere(platform):
    """A missing session or a wrong type is 404; a session that is not ready is 503."""
    headless, carta = platform.create(cmd="true"), platform.create(type="carta")
    base = platform.url.removesuffix("/skaha")
    for path, status in (
        ("notebook/nope/lab", 404),
        (f"notebook/{carta}/lab", 404),
        (f"carta/{carta}/", 503),
        (f"headless/{headless}/", 503),
    ):
        response = platform.client.get(f"{base}/session/{path}")
        assert response.status_code == status
        assert response.headers["content-type"].startswith("text/html")
    assert platform.client.get(platform.session(carta)["connectURL"]).status_code == 503


def test_a_headless_session_without_cmd_runs_the_command_of_its_image(platform):
    """`args` replace the arguments of that command."""
    platform.image(PAGE, "echo", "its", "own")
    default = platform.create(image=PAGE)
    replaced = platform.create(image=PAGE, args="replaced")
    platform.wait(default)
    platform.wait(replaced)
    assert platform.logs(default) == "its own\n"
    assert platform.logs(replaced) == "replaced\n"


def test_a_command_of_an_image_that_cannot_start(platform):
    platform.image(PAGE, "echo", "a\0b")
    session_id = platform.create(image=PAGE)
    platform.wait(session_id, "Failed")
    assert "failed to start container: embedded null byte" in platform.events(session_id)


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (b"{", "images.json is not JSON"),
        (b"\xff", "images.json is not JSON"),
        (b"[]", "images.json is not a JSON object"),
        (f'{{"{PAGE}": "python3"}}'.encode(), f'the command for "{PAGE}" is not a list of words'),
        (f'{{"{PAGE}": []}}'.encode(), f'the command for "{PAGE}" is not a list of words'),
    ],
)
def test_a_file_of_commands_that_is_not_valid(platform, eventually, content, text):
    """Sessions that need it wait for their image, and their events show the error."""
    (platform.state / "images.json").write_bytes(content)
    for kind in ("contributed", "headless"):
        session_id = platform.create(type=kind, image=PAGE)
        eventually(lambda session_id=session_id: text in platform.events(session_id))
        assert platform.session(session_id)["status"] == "Pending"
        assert "Error: ImagePullBackOff" in platform.events(session_id)
    platform.wait(platform.create(image=PAGE, cmd="true"))


def test_the_page_of_the_service(platform):
    """The root redirects to a page."""
    response = platform.client.get(platform.url)
    assert response.status_code == 302
    assert response.headers["location"] == "/skaha/"
    assert "Skaha" in platform.client.get(f"{platform.url}/").text
