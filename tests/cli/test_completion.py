"""What a shell offers."""

import shutil

import pexpect
import pytest

IMAGE = "images.canfar.net/skaha/terminal:1.1.2"


def offered(skaha, shell, line):
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
    one = clean.launch("complete", "true")
    assert "plain,prune" in offered(clean, "bash", "skaha pru")
    assert "plain,--everyone" in offered(clean, "bash", "skaha ps --ev")
    assert offered(clean, "bash", "skaha logs comp") == "plain,complete-1\n"
    assert offered(clean, "bash", f"skaha info {one[:4]}") == f"plain,{one}\n"
    assert offered(clean, "bash", "skaha info complete-1 comp").strip() == ""
    assert "complete-1" in offered(clean, "zsh", "skaha delete comp")
    assert "complete-1" in offered(clean, "fish", "skaha delete comp")


def test_images_and_the_colon_that_bash_breaks_words_at(skaha):
    assert f"plain,{IMAGE}" in offered(skaha, "bash", "skaha create images.canfar.net/skaha/term")
    assert f"plain,{IMAGE}" in offered(skaha, "bash", "skaha create terminal")
    line = f"skaha create {IMAGE[:-2]}"
    assert "plain,1.1.2" in offered(skaha, "bash", line).split()


def test_without_an_answer_there_is_nothing_to_offer(skaha):
    assert offered(skaha.without("SKAHA_TOKEN"), "bash", "skaha logs a").strip() == ""
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
        timeout=20,
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
    child.sendline("exit")
    child.expect(pexpect.EOF)
