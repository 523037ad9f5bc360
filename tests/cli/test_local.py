"""The commands of the embedded platform."""

import json
import re

import httpx
import pytest


def test_start_status_reset_and_stop(skaha):
    skaha.without("SKAHA_SERVER", "SKAHA_TOKEN")
    assert skaha.json("local", "status", code=5) == [{"running": False, "url": None, "pid": None}]
    try:
        [started] = skaha.json("local", "start")
        assert started["running"]
        assert skaha.json("local", "status") == [started]
        assert skaha("--server", "local", "ps") == ""
        assert skaha("--server", "local", "auth").split("\t")[1:3] == ["local", "token"]
        skaha("local", "reset", code=2)
        assert "--yes" in skaha.err
        assert json.loads(skaha("local", "reset", "--yes", "-o", "ndjson"))["running"] is False
    finally:
        assert skaha("local", "stop") == "no\n"


def test_a_reset_needs_a_confirmation(skaha):
    with skaha.at_a_terminal("local", "reset") as terminal:
        terminal.expect("End and delete all local sessions")
        terminal.sendline("n")
        terminal.wait()
    assert terminal.exitstatus == 1


def test_a_failure_has_a_message(skaha):
    env = {"SKAHA_LOCAL_STATE": "/proc/nowhere"}
    for command in ("start", "open", "status", "stop"):
        [item] = skaha.json("local", command, code=1, env=env)
        assert "cannot use the state directory" in item["error"]["message"]
        assert "cannot use the state directory" in skaha.err


URL = r"http://127\.0\.0\.1:\d+/page/#[\w-]+"


def exchange(address):
    """Use the code of an address as the page does; return the status of the response."""
    url, _, code = address.partition("#")
    headers = {"authorization": f"Bearer {code}", "origin": url.removesuffix("/page/")}
    return httpx.post(f"{url}token", headers=headers, trust_env=False).status_code


@pytest.fixture
def local_platform(skaha):
    """The program, with the platform of its home directory; there is no display."""
    skaha.without("SKAHA_SERVER", "SKAHA_TOKEN")
    yield skaha
    skaha("local", "stop")


def test_open_prints_the_address_without_a_display(local_platform):
    """The command starts the platform. A program can read the address; a person can click on it."""
    address = local_platform("local", "open")
    assert re.fullmatch(f"{URL}\n", address)
    assert "within 30 seconds; it works once" in local_platform.err
    port = address.split(":")[2].split("/")[0]
    assert f"ssh -L {port}:127.0.0.1:{port} HOST" in local_platform.err
    assert exchange(address.strip()) == 201
    with local_platform.at_a_terminal("local", "open") as terminal:
        terminal.expect(f"({URL})\r\n")
        address = terminal.match[1]
        terminal.expect("within 30 seconds")
        terminal.wait()
    assert terminal.exitstatus == 0
    assert exchange(address) == 201


def test_open_starts_the_browser(local_platform, tmp_path):
    """The output has no code, because the browser uses the code."""
    opened, browser = tmp_path / "opened", tmp_path / "browser"
    browser.write_text(f'#!/bin/sh\nprintf %s "$1" >{opened}\n')
    browser.chmod(0o700)
    env = {"BROWSER": f"{browser} %s"}
    [item] = local_platform.json("local", "open", env=env)
    address = opened.read_text()
    assert item == {"url": address.partition("#")[0], "opened": True}
    assert "--no-browser" in local_platform.err
    assert exchange(address) == 201
    opened.unlink()
    [item] = local_platform.json("local", "open", "--no-browser", env=env)
    assert item["opened"] is False
    assert not opened.exists()
    assert exchange(item["url"]) == 201


def test_open_with_a_browser_that_does_not_start(local_platform):
    """The user gets the address."""
    address = local_platform("local", "open", env={"BROWSER": "/no/such/browser"})
    assert exchange(address.strip()) == 201


def test_a_preview_does_not_start_the_platform(skaha):
    skaha.without("SKAHA_SERVER", "SKAHA_TOKEN")
    skaha("--server", "local", "create", "images.canfar.net/skaha/terminal:1.1.2", "--dry-run")
    skaha("local", "status", code=5)


def test_serve_gets_all_its_options_itself(skaha, tmp_path):
    skaha("local", "serve", "--profile", "v9", "--token-file", str(tmp_path), code=2)
    assert "argument --profile: invalid choice: 'v9'" in skaha.err


def test_serve_shows_its_own_options(skaha):
    assert "--time-scale" in skaha("local", "serve", "--help")
