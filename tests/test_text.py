"""Text arrives unchanged in a container."""

import sys

import hypothesis.strategies as st
import pytest
import recorded
from hypothesis import HealthCheck, given, settings
from staged import IMAGE

from skaha import Session, errors
from skaha.helpers import shell
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
def test_args_and_env_arrive_unchanged(variant, session, text):
    ids = [
        *variant.run(session.create("args", IMAGE, cmd="echo", args=text)),
        *variant.run(session.create("env", IMAGE, cmd="printenv", args="A", env={"A": text})),
    ]
    assert [log_of(variant, session, session_id) for session_id in ids] == [f"{text}\n"] * 2


SPECIAL = (
    "y Y n N yes no on off On true True null Null ~ 08 -08 +08 0o17 0o8 017 010 1_0 1e3 0x1f 0b1 "
    "12:30 2026-01-02 .5 -.5 .inf .NaN = << [x] {} a:b - -- -a ! & * | > % @ ` # , ? :"
)
# YAML 1.1 reads many of these words as a number, a truth value, nothing or a date.
SPECIAL_WORDS = st.one_of(
    st.sampled_from(SPECIAL.split()),
    st.from_regex(r"[-+]?[0-9._oxeE:]{1,6}", fullmatch=True, alphabet=st.characters(codec="ascii")),
    st.from_regex(r"[yntofNYTOF~]{1,4}", fullmatch=True),
)


@pytest.mark.slow
@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(words=st.lists(SPECIAL_WORDS, min_size=1, max_size=20))
def test_words_that_are_not_refused_arrive_unchanged(platform, words):
    """The client and the embedded platform have their own tables of such words."""
    accepted = [word for word in words if is_accepted(args=word)]
    values = [word for word in words if is_accepted(env={"A": word})]
    names = [word for word in dict.fromkeys(words) if is_accepted(env={word: "a"})]
    env = {f"A{number}": value for number, value in enumerate(values)} | dict.fromkeys(names, "a")
    with Session(server=platform.url, token=platform.token) as session:
        program = "import os, sys; print(sys.argv[1:], dict(os.environ))"
        encoded = session.create(
            "encoded", IMAGE, **shell.command(sys.executable, "-c", program, *words)
        )
        printenv = session.create("printenv", IMAGE, cmd="printenv", args="", env=env)
        echoed = session.create("echo", IMAGE, cmd="printf", args=" ".join(["%s|", *accepted]))
        ids = [*encoded, *printenv, *echoed]
        assert set(session.wait(ids, timeout=60).values()) == {"Completed"}
        logs = list(session.logs(ids).values())
        assert logs[0].startswith(f"{words!r} ")
        lines = logs[1].splitlines()
        assert {f"{name}={value}" for name, value in env.items()} <= set(lines)
        assert logs[2] == "".join(f"{word}|" for word in accepted) or not accepted


def is_accepted(**options):
    try:
        Session(server="local").preview("words", IMAGE, cmd="true", **options)
    except errors.InvalidInputError:
        return False
    return True


RECORDED = recorded.words()
REFUSED_WORDS = RECORDED["refused_values"]


@pytest.mark.parametrize("entry", RECORDED["args"], ids=lambda entry: repr(entry["sent"]))
def test_accepted_arguments_arrive_at_a_real_server(entry):
    # Blanks at the end of a text are no words.
    words = entry["sent"].rstrip(" ").split(" ")
    assert not is_accepted(args=entry["sent"]) or entry["arrives"] == words


@pytest.mark.parametrize("entry", RECORDED["env"], ids=lambda entry: repr(entry["sent"]))
def test_accepted_variables_arrive_at_a_real_server(entry):
    name, _, value = entry["sent"].partition("=")
    assert not is_accepted(env={name: value}) or entry["arrives"] == {name: value}


@pytest.mark.parametrize("word", REFUSED_WORDS)
def test_words_that_the_platform_would_break_are_refused(variant, scripted, scripted_session, word):
    for options in ({"args": f"a {word} b"}, {"cmd": word}, {"env": {"A": word}}):
        with pytest.raises(errors.InvalidInputError, match=r"skaha\.helpers\.shell"):
            variant.run(scripted_session.create("words", IMAGE, **{"cmd": "true"} | options))
    assert scripted.received == []


@pytest.mark.parametrize(
    "name", ["y", "N", "yes", "No", "on", "OFF", "True", "null", "-1", ".5", ".inf"]
)
def test_names_of_variables_that_the_platform_would_change_are_refused(
    variant, scripted_session, name
):
    with pytest.raises(errors.InvalidInputError, match="use another name"):
        variant.run(scripted_session.create("words", IMAGE, cmd="true", env={name: "1"}))


@pytest.mark.parametrize(
    "env",
    [
        # Each of these letters becomes six characters.
        {f"A{number}": "é" * 10_000 for number in range(40)},
        # Nothing is left for the other fields.
        {"A": "x" * (2 * 2**20 - 100)},
    ],
    ids=["many variables", "a long value"],
)
def test_a_form_that_is_too_large_is_refused(variant, scripted, scripted_session, env):
    """The platform would lose all parameters of such a form."""
    with pytest.raises(errors.InvalidInputError, match="the platform takes 2 MB"):
        variant.run(scripted_session.create("large", IMAGE, cmd="true", env=env))
    assert scripted.received == []


@pytest.mark.parametrize("word", REFUSED_WORDS)
def test_an_encoded_word_arrives_unchanged(variant, session, word):
    [session_id] = variant.run(
        session.create("encoded", IMAGE, **shell.command("echo", word, only_if_needed=True))
    )
    assert log_of(variant, session, session_id) == f"{word}\n"


def test_cmd_arrives_unchanged(variant, session, tmp_path):
    program = tmp_path / "é☃日本語"
    program.write_text("#!/bin/sh\necho here\n")
    program.chmod(0o755)
    ids = variant.run(session.create("cmd", IMAGE, cmd=str(program)))
    assert log_of(variant, session, ids[0]) == "here\n"


@pytest.mark.parametrize("text", TEXTS, ids=ascii)
def test_text_of_the_generated_client_arrives_unchanged(platform, text):
    """Also the text of a generated client that was not configured by the facade."""
    unconfigured = AuthenticatedClient(base_url=platform.url, token=platform.token)
    with unconfigured, Session(server=platform.url, token=platform.token) as session:
        for client in (unconfigured, session.api):
            form = NewSession(name="raw", image=IMAGE, cmd="echo", args=text)
            session_id = create_session.sync(client=client, body=form).strip()
            session.wait(session_id, timeout=30)
            assert session.logs(session_id) == {session_id: f"{text}\n"}
