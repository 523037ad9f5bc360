"""The words that users of other clients type."""

import json

import pytest

IMAGE = "images.canfar.net/skaha/terminal:1.1.2"
OPTIONS = ("--cpu", "--memory", "--debug", "--json", "--yaml")


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("launch {image} -n alias -c 1 --memory 1 --dry-run --json", '"name": "alias-1"'),
        ("launch {image} -n alias --cpu 1 -m 1 --dry-run --yaml", "name: alias-1"),
        ("run {image} -n alias --cpu=1 --memory=1 --dry-run --debug", "alias-1\theadless"),
        ("list -k headless -s Running --json", '"name": "alias-1"'),
        ("ps -k headless -k notebook -s running -q", "{id}\n"),
        ("prune alias -k headless -s any --dry-run --debug", "alias-1"),
        ("image ls -k headless", IMAGE),
        ("auth show --json", '"server"'),
        ("del no-such-session -f", ""),
    ],
)
def test_words_of_other_clients_work(clean, words, expected):
    session_id = clean.begin("alias", "sleep", "60")
    assert expected.format(id=session_id) in clean(*words.format(image=IMAGE).split())


@pytest.mark.parametrize(
    ("words", "command"),
    [
        ("server ls", "servers"),
        ("server list", "servers"),
        ("auth login", "login"),
        ("auth rm", "logout"),
        ("auth show", "auth"),
        ("del", "delete"),
    ],
)
def test_an_alias_has_the_help_of_its_command(skaha, words, command):
    skaha(command, "--help")
    expected = skaha.out.replace(f"skaha {command} ", f"skaha {words} ")
    assert "".join(skaha(*words.split(), "--help").split()) == "".join(expected.split())


@pytest.mark.parametrize("words", ["server ls", "auth login", "image ls", "launch", "ls"])
def test_the_command_help_knows_the_aliases(skaha, words):
    expected = skaha(*words.split(), "--help")
    assert skaha("help", *words.split()) == expected


def test_a_deletion_and_its_errors_have_the_word_that_was_typed(clean):
    session_id = clean.begin("alias", "sleep", "60")
    assert session_id in clean("del", "alias-1", "-f")
    clean("del", "alias-1", code=5)
    assert clean.err.startswith("skaha del: error: ")


@pytest.mark.parametrize("words", [[], ["create"], ["ps"], ["help"]])
def test_no_help_and_no_completion_shows_an_alias(skaha, words):
    shown = skaha(*words, "--help")
    for word in ("launch,", " del ", "image ls", *OPTIONS):
        assert word not in shown
    line = " ".join(["skaha", *words, "--"])
    env = {"_SKAHA_COMPLETE": "bash_complete", "COMP_LINE": line, "COMP_POINT": str(len(line))}
    completed = skaha(env=env | {"COMP_WORDS": line, "COMP_CWORD": "--"})
    assert "--output" in completed
    for word in OPTIONS:
        assert word not in completed


def test_the_last_format_counts(skaha):
    assert json.loads(skaha("ps", "-o", "yaml", "--json")) == []
    assert skaha("ps", "--json", "-o", "name") == ""
