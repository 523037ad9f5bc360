"""The token in a file that another program renews: a running client uses the new token."""

import os

import pytest
from scripted import Response, json_response

from skaha import config
from skaha.errors import AuthenticationError, ConfigurationError, CredentialsError


@pytest.fixture
def file(tmp_path, monkeypatch):
    path = tmp_path / "token"
    path.touch(mode=0o600)
    path.write_text("first-token\n")
    monkeypatch.setenv("SKAHA_TOKEN_FILE", str(path))
    return path


@pytest.fixture
def session(variant, scripted, file):
    """Return a session on a platform that accepts any token."""
    del file
    scripted.respond = lambda _: json_response([])
    return variant.open(server=scripted.url, retry=False)


def sent_tokens(scripted):
    return [request.headers["authorization"] for request in scripted.received]


def accept_only(scripted, token):
    def respond(received):
        is_good = received.headers["authorization"] == f"Bearer {token}"
        return json_response([]) if is_good else Response(401, "Token has expired")

    scripted.respond = respond


def replace_with_same_size_and_time(file, text):
    """Replace the text of a file, but keep its size and time."""
    status = file.stat()
    assert len(text) == status.st_size
    file.write_text(text)
    os.utime(file, ns=(status.st_atime_ns, status.st_mtime_ns))


def test_a_token_that_others_can_read_causes_a_warning(file):
    file.chmod(0o644)
    with pytest.warns(UserWarning, match=f"others can read the token in .*: chmod 600 {file}"):
        config.settings()


@pytest.mark.parametrize("how", ["write", "rename", "link"])
def test_a_changed_file_is_read_again(variant, scripted, session, file, how):
    variant.run(session.fetch())
    new = file.with_name("new")
    new.touch(mode=0o600)
    (new if how != "write" else file).write_text("other-token\n")
    if how == "rename":
        new.replace(file)
    elif how == "link":
        file.unlink()
        file.symlink_to(new)
    variant.run(session.fetch())
    assert sent_tokens(scripted) == ["Bearer first-token", "Bearer other-token"]


def test_a_file_is_read_again_after_the_platform_refused_its_token(
    variant, scripted, session, file
):
    variant.run(session.fetch())
    accept_only(scripted, "other-token")
    replace_with_same_size_and_time(file, "other-token\n")
    assert variant.run(session.fetch()) == []
    assert sent_tokens(scripted)[1:] == ["Bearer first-token", "Bearer other-token"]


def test_a_refused_token_is_not_sent_again(variant, scripted, session):
    accept_only(scripted, "other-token")
    with pytest.raises(AuthenticationError, match="Token has expired"):
        variant.run(session.fetch())
    assert sent_tokens(scripted) == ["Bearer first-token"]


@pytest.mark.parametrize("change", ["empty", "gone", "no token"])
def test_the_last_token_is_used_while_the_file_is_being_written(
    variant, scripted, session, file, caplog, change
):
    variant.run(session.fetch())
    if change == "gone":
        file.unlink()
    else:
        file.write_text("" if change == "empty" else "not a token")
    for _ in range(2):
        variant.run(session.fetch())
    assert caplog.text.count("the last token in this file is used") == 1
    file.touch(mode=0o600)
    file.write_text("other-token")
    variant.run(session.fetch())
    assert sent_tokens(scripted) == ["Bearer first-token"] * 3 + ["Bearer other-token"]


def test_the_error_of_a_refused_token_names_a_missing_file(variant, scripted, session, file):
    accept_only(scripted, "other-token")
    file.unlink()
    with pytest.raises(CredentialsError, match=f"refuses the token: {file} cannot be read"):
        variant.run(session.fetch())


@pytest.mark.parametrize("text", ["", " \n", "two words", "t\u00f6k", "Bearer "])
def test_the_error_of_a_file_without_a_token_names_its_source(file, text):
    file.write_text(text)
    with pytest.raises(ConfigurationError, match=f"SKAHA_TOKEN_FILE: {file}: token must be"):
        config.settings()


def test_the_word_bearer_is_not_a_part_of_the_token(variant, scripted, session, file):
    file.write_text("Bearer other-token\n")
    variant.run(session.fetch())
    assert sent_tokens(scripted) == ["Bearer other-token"]
