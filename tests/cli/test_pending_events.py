"""The platform's warnings about a session that stays pending."""

import time

from skaha.cli._sessions import SelectedSessions
from skaha.cli.commands import _pending_events


def selected(launched):
    return SelectedSessions(
        {id_: {"id": id_, "name": name} for name, id_ in launched.names.items()}
    )


def test_a_user_who_waits_sees_the_warnings(skaha, monkeypatch, capfd):
    monkeypatch.setattr(_pending_events, "_INTERVAL_SECONDS", 0.01)
    with skaha.platform as session:
        ids = session.create("stuck", "images.canfar.net/skaha/desktop:latest", 1, 1, "desktop")
        end = time.monotonic() + 20
        notes = ""
        with _pending_events.PendingEvents(session, selected(ids)) as pending_events:
            pending_events.update(dict.fromkeys([*ids, "another1"], "Pending"))
            while "image" not in notes and time.monotonic() < end:
                time.sleep(0.02)
                notes += capfd.readouterr().err
        session.destroy(ids)
    assert f"skaha: warning: stuck-1 ({ids[0]}) is still pending, like 1 more: Failed to" in notes


def test_there_are_no_warnings_about_a_session_that_runs(skaha, monkeypatch, capfd):
    monkeypatch.setattr(_pending_events, "_INTERVAL_SECONDS", 0.01)
    calls = []
    with skaha.platform as session:
        monkeypatch.setattr(session, "parsed_events", calls.append)
        with _pending_events.PendingEvents(session, SelectedSessions()) as pending_events:
            pending_events.update({"abc": "Running"})
            pending_events._thread.join(0.1)
    assert calls == []
    assert capfd.readouterr().err == ""
