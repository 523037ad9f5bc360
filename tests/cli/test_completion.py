"""Completion of commands, sessions and images in a shell."""

import shutil

import pexpect
import pytest
from scripted import json_response

IMAGE = "images.canfar.net/skaha/terminal:1.1.2"


def completions(skaha, shell, line):
    words = line.split(" ")
    env = {
        "_SKAHA_COMPLETE": f"{shell}_complete",
        "COMP_LINE": line,
        "COMP_POINT": str(len(line)),
        "COMP_WORDS": line,
        "COMP_CWORD": str(len(words) - 1) if shell == "zsh" else words[-1],
    }
    return skaha(env=env)


def test_commands_options_and_names(clean):
    session_id = clean.launch("complete", "true")
    assert "plain,prune" in completions(clean, "bash", "skaha pru")
    assert "plain,--everyone" in completions(clean, "bash", "skaha ps --ev")
    assert completions(clean, "bash", "skaha logs comp") == "plain,complete-1\n"
    assert completions(clean, "bash", f"skaha info {session_id[:4]}") == f"plain,{session_id}\n"
    assert completions(clean, "bash", "skaha info complete-1 comp").strip() == ""
    assert "complete-1" in completions(clean, "zsh", "skaha delete comp")
    assert "complete-1" in completions(clean, "fish", "skaha delete comp")


def test_an_app_on_a_desktop_is_not_suggested(skaha, scripted):
    desktop = {"id": "desk1234", "name": "desk", "type": "desktop"}
    scripted.respond = lambda _: json_response([desktop, desktop | {"type": "desktop-app"}])
    skaha.env["SKAHA_SERVER"] = scripted.url
    assert completions(skaha, "bash", "skaha delete d").split() == ["plain,desk", "plain,desk1234"]


HOSTILE = [
    *("x;touch pwned", "x$(touch pwned)", "x`touch pwned`", "x|touch pwned", "x\nplain,y", "x y"),
    *("x\x1b[31m", "x>pwned", "x'", 'x"', "x\\", "x&", "x*", "x{a,b}", "xé", "--yes", "-y", "~x"),
    *(None, 4711, ["x"], {"x": "x"}),
]


def test_a_name_that_could_become_a_command_is_not_suggested(skaha, scripted):
    """A shell inserts a suggestion into the command line, and the user presses Enter."""
    records = [{"id": f"a{number}", "name": name} for number, name in enumerate(HOSTILE)]
    records += [{"id": name, "name": "x"} for name in HOSTILE]
    scripted.respond = lambda _: json_response(records)
    skaha.env["SKAHA_SERVER"] = scripted.url
    ids = [f"plain,a{number}" for number in range(len(HOSTILE))]
    for shell, expected in (("bash", {"plain,x", *ids}), ("zsh", None), ("fish", None)):
        suggested = completions(skaha, shell, "skaha delete ")
        assert "pwned" not in suggested
        assert "\x1b" not in suggested
        assert expected is None or set(suggested.splitlines()) == expected
    assert completions(skaha, "bash", "skaha create ").split() == sorted(ids)


def test_images_although_bash_splits_words_at_colons(skaha):
    beginning = "skaha create images.canfar.net/skaha/term"
    assert f"plain,{IMAGE}" in completions(skaha, "bash", beginning)
    assert f"plain,{IMAGE}" in completions(skaha, "bash", "skaha create terminal")
    line = f"skaha create {IMAGE[:-2]}"
    assert "plain,1.1.2" in completions(skaha, "bash", line).split()


def test_files_profiles_servers_and_keys(skaha):
    skaha("config", "set", "server", "local", "--profile", "laptop")
    for line, expected in {
        "skaha --profile l": ["plain,laptop"],
        "skaha ps --profile l": ["plain,laptop"],
        "skaha --server ca": ["plain,canfar", "plain,canSRC"],
        "skaha ps --server lo": ["plain,local"],
        "skaha config get reg": [
            "plain,registry_url",
            "plain,registry_username",
            "plain,registry_secret",
        ],
        "skaha config get act": [],
        "skaha config get prof": ["plain,profile"],
        "skaha config set act": ["plain,active"],
        "skaha config set prof": [],
        "skaha config unset tok": ["plain,token", "plain,token_file"],
        "skaha config set server canf": ["plain,canfar"],
        "skaha config set active la": ["plain,laptop"],
        "skaha config set certificate x": ["file,x"],
        "skaha config use la": ["plain,laptop"],
        "skaha login sr": ["plain,srcnet"],
        "skaha servers cad": ["plain,cadc"],
        "skaha create --script w": ["file,w"],
        "skaha create --jobs w": ["file,w"],
        "skaha --token-file w": ["file,w"],
        "skaha logs --save d": ["dir,d"],
        "skaha ps --sort st": ["plain,status"],
        "skaha help co": ["plain,config", "plain,completion"],
        "skaha help config un": ["plain,unset"],
        "skaha help ps ": [],
        "skaha help unknown ": [],
    }.items():
        assert completions(skaha, "bash", line).split() == expected
    (skaha.home / ".config" / "skaha" / "config.toml").write_text("broken [")
    assert completions(skaha, "bash", "skaha --profile l").strip() == skaha.err == ""
    (skaha.home / ".config" / "skaha" / "sites.toml").write_text("broken [")
    assert completions(skaha, "bash", "skaha --server ").split() == ["plain,local"]
    assert completions(skaha, "bash", "skaha servers c").strip() == skaha.err == ""


def test_a_completion_after_an_unknown_command_shows_no_error(skaha):
    completions(skaha, "bash", "skaha unknown ")
    assert skaha.err == ""


def test_there_are_no_suggestions_if_the_platform_refuses(skaha):
    assert completions(skaha.without("SKAHA_TOKEN"), "bash", "skaha logs a").strip() == ""
    assert skaha.err == ""


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_script_of_each_shell(skaha, shell):
    assert f"_SKAHA_COMPLETE={shell}_complete" in skaha("completion", shell)


@pytest.mark.skipif(shutil.which("bash") is None, reason="there is no bash")
def test_in_a_real_bash(clean, entry):
    clean.launch("completed-by-bash", "true")
    path = f"{entry.rpartition('/')[0]}:{clean.env['PATH']}"
    env = clean.env | {"PATH": path, "PS1": "> "}
    child = pexpect.spawn(
        "bash",
        ["--norc", "--noprofile"],
        env=env,
        timeout=60,
        encoding="utf-8",
        dimensions=(24, 200),
    )
    child.sendline('eval "$(skaha completion bash)"; echo re""ady')
    child.expect("ready")
    child.send("skaha logs completed\t")
    child.expect("logs completed-by-bash-1 ")
    child.sendcontrol("u")
    child.send("skaha create images.canfar.net/skaha/terminal:1.1.2\t")
    child.expect_exact("terminal:1.1.2 ")
    child.sendcontrol("u")
    (clean.home / "work-file.sh").touch()
    child.send(f"skaha create --script {clean.home}/work\t")
    child.expect_exact("work-file.sh ")
    child.sendcontrol("u")
    child.sendline("exit")
    child.expect(pexpect.EOF)
