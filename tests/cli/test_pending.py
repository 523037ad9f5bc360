"""Who waits for a session that does not start is told why."""

import time

from skaha.cli import _pending
from skaha.cli._sessions import Found


def test_the_warnings_of_the_platform_are_passed_on(skaha, monkeypatch, capfd):
    monkeypatch.setattr(_pending, "_PATIENCE", 0.01)
    with skaha.platform as session:
        ids = session.create("stuck", "images.canfar.net/skaha/desktop:latest", 1, 1, "desktop")
        end = time.monotonic() + 20
        said = ""
        with _pending.Pending(session, Found.of(ids.names)) as pending:
            pending.hear(dict.fromkeys([*ids, "another1"], "Pending"))
            while "image" not in said and time.monotonic() < end:
                time.sleep(0.02)
                said += capfd.readouterr().err
        session.destroy(ids)
    assert f"skaha: warning: stuck-1 ({ids[0]}) is still pending, like 1 more: Failed to" in said


def test_nothing_is_said_of_what_runs(skaha, monkeypatch, capfd):
    monkeypatch.setattr(_pending, "_PATIENCE", 0.01)
    asked = []
    with skaha.platform as session:
        monkeypatch.setattr(session, "parsed_events", asked.append)
        with _pending.Pending(session, Found()) as pending:
            pending.hear({"abc": "Running"})
            pending._thread.join(0.1)
    assert asked == []
    assert capfd.readouterr().err == ""
