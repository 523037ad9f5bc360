"""The embedded platform from the command line."""

import json


def test_its_life(skaha):
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
        assert skaha("local", "stop") == "no\t\t\n"


def test_what_goes_wrong_is_said(skaha):
    skaha("local", "start", code=1, env={"SKAHA_LOCAL_STATE": "/proc/nowhere"})
    assert "cannot use the state directory" in skaha.err


def test_serve_shows_its_own_options(skaha):
    assert "--time-scale" in skaha("local", "serve", "--help")
