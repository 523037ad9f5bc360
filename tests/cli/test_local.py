"""The commands of the embedded platform."""

import json


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


def test_a_failure_has_a_message(skaha):
    env = {"SKAHA_LOCAL_STATE": "/proc/nowhere"}
    for command in ("start", "status", "stop"):
        [item] = skaha.json("local", command, code=1, env=env)
        assert "cannot use the state directory" in item["error"]["message"]
        assert "cannot use the state directory" in skaha.err


def test_a_preview_does_not_start_the_platform(skaha):
    skaha.without("SKAHA_SERVER", "SKAHA_TOKEN")
    skaha("--server", "local", "create", "images.canfar.net/skaha/terminal:1.1.2", "--dry-run")
    skaha("local", "status", code=5)


def test_serve_gets_all_its_options_itself(skaha, tmp_path):
    skaha("local", "serve", "--profile", "v9", "--token-file", str(tmp_path), code=2)
    assert "argument --profile: invalid choice: 'v9'" in skaha.err


def test_serve_shows_its_own_options(skaha):
    assert "--time-scale" in skaha("local", "serve", "--help")
