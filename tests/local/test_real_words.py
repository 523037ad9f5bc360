"""Texts of `cmd`, `args` and `env` arrive in the job as a real server sent them."""

import json

import pytest
import recorded

IMAGE = "images.canfar.net/skaha/terminal:1.1.1"
FORM = "application/x-www-form-urlencoded"
PRINT_ARGUMENTS = "import json, os, sys; print(json.dumps([sys.argv[1:], dict(os.environ)]))"

WORDS = recorded.words()
UNHARMED = WORDS["unharmed"].split()


@pytest.fixture
def run(platform):
    """Run a program that prints its arguments and variables; return both, or the error."""
    program = platform.home / "argv.py"
    program.write_text(f"#!/usr/bin/env python3\n{PRINT_ARGUMENTS}\n")
    program.chmod(0o755)

    def _run(*, content_type=None, name="job", **parameters):
        data = {"name": name, "image": IMAGE, "cmd": str(program)} | parameters
        headers = {"content-type": content_type} if content_type else {}
        response = platform.client.post("/session", data=data, headers=headers)
        if response.status_code != 200:
            return response.status_code, response.text
        session_id = response.text.strip()
        platform.wait(session_id)
        return json.loads(platform.logs(session_id))

    return _run


@pytest.mark.parametrize(
    ("content_type", "sent", "arrives"),
    [
        (FORM, b"%C3%A9", "Ã©"),
        (FORM, "é".encode(), "Ã©"),
        (FORM, b"%E9", "é"),
        (f"{FORM}; charset=UTF-8", b"%C3%A9", "é"),
        (f"{FORM}; charset=UTF-8", "é".encode(), "é"),
        (f"{FORM};charset=utf-8", "☃😀日本語\xa0\ufeff".encode(), "☃😀日本語\xa0\ufeff"),
        (f'{FORM}; charset="utf-8"', b"%e2%98%83", "☃"),
        (f"{FORM}; charset=no-such-charset", b"%E9", "é"),
        (f"{FORM}; charset=ISO-8859-15", b"%A4", "€"),
    ],
)
def test_the_charset_of_a_form(platform, content_type, sent, arrives):
    """Without a charset, the server's container reads a form as ISO-8859-1."""
    body = b"name=job&image=" + IMAGE.encode() + b"&cmd=echo&args=" + sent
    headers = {"content-type": content_type}
    response = platform.client.post("/session", content=body, headers=headers)
    assert response.status_code == 200, response.text
    platform.wait(response.text.strip())
    assert platform.logs(response.text.strip()) == f"{arrives}\n"


def test_queries_and_multipart_forms_are_utf_8(platform):
    """The rule for forms does not apply to them."""
    launch = {"name": "job", "image": IMAGE, "cmd": "echo", "args": "é☃"}
    parts = {name: (None, value) for name, value in launch.items()}
    for request in (
        {"params": launch, "headers": {"content-type": FORM}},
        {"files": parts},
    ):
        session_id = platform.client.post("/session", **request).text.strip()
        platform.wait(session_id)
        assert platform.logs(session_id) == "é☃\n"


@pytest.mark.parametrize(
    ("args", "expected"),
    [
        *((entry["sent"], entry["arrives"]) for entry in WORDS["args"]),
        (" ".join(UNHARMED), UNHARMED),
        ("a\u0085b", ["a b"]),
    ],
)
def test_arguments_that_arrive(run, args, expected):
    """Some arrive changed."""
    arguments, _ = run(args=args, content_type=f"{FORM}; charset=UTF-8")
    assert arguments == expected


@pytest.mark.parametrize(
    ("entries", "expected"),
    [
        *(([entry["sent"]], entry["arrives"]) for entry in WORDS["env"]),
        (
            [f"A{number}={word}" for number, word in enumerate(UNHARMED)],
            {f"A{number}": word for number, word in enumerate(UNHARMED)},
        ),
    ],
)
def test_variables_that_arrive(run, entries, expected):
    """YAML renames some of them."""
    _, before = run()
    _, variables = run(env=entries)
    changing = {"SKAHA_LOCAL_SESSION", "skaha_sessionid"}
    assert {k: v for k, v in variables.items() if before.get(k) != v and k not in changing} == (
        expected
    )


@pytest.mark.parametrize(
    "parameters",
    [
        *({"args": f"plot {word}"} for word in WORDS["refused_values"]),
        *({"cmd": word} for word in WORDS["refused_values"]),
        *({"env": f"A={word}"} for word in WORDS["refused_values"]),
        *({"env": f"{name}=1"} for name in WORDS["refused_names"]),
        *({"name": name} for name in WORDS["refused_session_names"]),
    ],
)
def test_words_that_kubernetes_refuses(run, parameters):
    """YAML reads them as no text."""
    status, text = run(**parameters)
    assert status == 500
    assert "jobs.batch" in text


@pytest.mark.parametrize("name", WORDS["unharmed_session_names"])
def test_names_that_are_accepted(run, name):
    """Other words of YAML are names."""
    assert run(name=name)[0] == []
