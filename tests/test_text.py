"""Text arrives in a container as it was given."""

import pytest
from staged import IMAGE

from skaha import Session
from skaha_api import AuthenticatedClient
from skaha_api.api.session import create_session
from skaha_api.models import NewSession

TEXTS = ["é", "☃", "日本語", "😀", "\ufeffa\xa0b", "Zoë\N{EN DASH}☃日本😀" * 500]


def log_of(variant, session, session_id):
    variant.run(session.wait(session_id, timeout=30))
    [log] = variant.run(session.logs(session_id)).values()
    variant.run(session.destroy(session_id))
    return log


@pytest.mark.parametrize("text", TEXTS, ids=ascii)
def test_args_and_env_arrive(variant, session, text):
    ids = [
        *variant.run(session.create("args", IMAGE, cmd="echo", args=text)),
        *variant.run(session.create("env", IMAGE, cmd="printenv", args="A", env={"A": text})),
    ]
    assert [log_of(variant, session, session_id) for session_id in ids] == [f"{text}\n"] * 2


def test_cmd_arrives(variant, session, tmp_path):
    program = tmp_path / "é☃日本語"
    program.write_text("#!/bin/sh\necho here\n")
    program.chmod(0o755)
    ids = variant.run(session.create("cmd", IMAGE, cmd=str(program)))
    assert log_of(variant, session, ids[0]) == "here\n"


@pytest.mark.parametrize("text", TEXTS, ids=ascii)
def test_a_raw_launch_carries_text(platform, text):
    """Also with the bare client, which knows nothing of the facade."""
    bare = AuthenticatedClient(base_url=platform.url, token=platform.token)
    with bare, Session(server=platform.url, token=platform.token) as session:
        for client in (bare, session.api):
            form = NewSession(name="raw", image=IMAGE, cmd="echo", args=text)
            session_id = create_session.sync(client=client, body=form).strip()
            session.wait(session_id, timeout=30)
            assert session.logs(session_id) == {session_id: f"{text}\n"}
