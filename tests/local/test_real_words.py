"""Texts of `cmd`, `args` and `env`: the way of each into the job, as a real server answered."""

import json

import pytest

IMAGE = "images.canfar.net/skaha/terminal:1.1.1"
FORM = "application/x-www-form-urlencoded"
PRINT_ARGUMENTS = "import json, os, sys; print(json.dumps([sys.argv[1:], dict(os.environ)]))"

YAML_VALUES = ["y", "Y", "n", "N", "-08", "+08", "0o17"]
UNHARMED_TEXT = """
yes no on off On true True TRUE false null Null ~ 08 09 007 010 08.5 1 -1 1.0 1e3 1E3 1e-3
1.5e3 0x1f 0b11 1_000 1_0 _1 0_8 .5 5. -.5 +1 inf .inf .Inf -.inf .nan NaN << 2026-01-02
2026-01-02T03:04:05Z 12:30 12:30:45 1:2 190:20:30 0.1.2 1e e3 1e400
123456789012345678901234567890 0777 0888 - -- ? * &a !x %x @x | > { } [ ] , : a: :a # a#b ' ''
it's 0 00 0.0 1e08 08e1 0x 0xg
"""
UNHARMED = UNHARMED_TEXT.split()

SEQUENCE_ERROR = """unexpected exception: while parsing a flow sequence
 in 'reader', line 82, column 15:
            args: ["say", ""hi""]
                  ^
expected ',' or ']', but got <scalar>
 in 'reader', line 82, column 25:
            args: ["say", ""hi""]
                            ^
"""
VARIABLE_ERROR = """unexpected exception: while parsing a block mapping
 in 'reader', line 83, column 11:
            - name: A
              ^
expected <block end>, but found '<scalar>'
 in 'reader', line 84, column 20:
              value: ""q""
                       ^
"""


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


def assert_refused_by_kubernetes(result):
    """The text names the missing job, and not the reason."""
    status, text = result
    assert status == 500
    prefix = (
        "unexpected exception: java.lang.RuntimeException: io.kubernetes.client.openapi."
        "ApiException: Message: \nHTTP response code: 404\nHTTP response body: "
        '{"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure","message":"jobs.batch'
        ' \\"skaha-headless-'
    )
    assert text.startswith(prefix)
    assert "\n\nHTTP response headers: {audit-id=[" in text
    assert text.endswith("]}")


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
        ("a  b", ["a", "", "b"]),
        (" a", ["", "a"]),
        ("", [""]),
        ("  ", []),
        ("'a b'", ["'a", "b'"]),
        ("a\\nb", ["anb"]),
        ("a\\\\b", ["YQg="]),
        ("$0", ["${headless.image.bundle}"]),
        ("x\\", ["x"]),
        ("a\tb", ["a\tb"]),
        ("a\nb", ["a b"]),
        ("a\r\nb", ["a b"]),
        ("a\u0085b", ["a b"]),
        ("\\u0041", ["u0041"]),
        ("\\$HOME", ["$HOME"]),
        (" ".join(UNHARMED), UNHARMED),
    ],
)
def test_arguments_that_arrive(run, args, expected):
    """Some arrive changed."""
    arguments, _ = run(args=args, content_type=f"{FORM}; charset=UTF-8")
    assert arguments == expected


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        ("A=1", {"A": "1"}),
        ("A=1=2", {}),
        ("A=1==", {"A": "1"}),
        ("A=", {}),
        ("A= ", {"A": " "}),
        ("A=\\", {"A": ""}),
        ("A=a\nb", {"A": "a b"}),
        ("1A=x", {"1A": "x"}),
        ("A B=x", {"A B": "x"}),
        ("A-B=x", {"A-B": "x"}),
        ("A.B=x", {"A.B": "x"}),
        ("A:B=1", {"A:B": "1"}),
        ("12=1", {"12": "1"}),
        ("'Q'=1", {"Q": "1"}),
        *((f"{word}=1", {"true": "1"}) for word in ("yes", "on", "On", "YES", "true")),
        *((f"{word}=1", {"false": "1"}) for word in ("no", "off", "NO")),
        ("1e3=1", {"1000.0": "1"}),
        ("0x1f=1", {"31": "1"}),
        ("08=1", {"08": "1"}),
        ("1.5=1", {"1.5": "1"}),
        ("NaN=1", {"NaN": "1"}),
    ],
)
def test_variables_that_arrive(run, entry, expected):
    """YAML renames some of them."""
    _, before = run()
    _, variables = run(env=entry)
    changing = {"SKAHA_LOCAL_SESSION", "skaha_sessionid"}
    assert {k: v for k, v in variables.items() if before.get(k) != v and k not in changing} == (
        expected
    )


@pytest.mark.parametrize(
    "parameters",
    [
        *({"args": f"plot {word}"} for word in YAML_VALUES),
        *({"cmd": word} for word in YAML_VALUES),
        *({"env": f"A={word}"} for word in YAML_VALUES),
        *({"env": f"{name}=1"} for name in ("y", "Y", "n", "N", "null", "~", "", "#A")),
        *({"name": name} for name in ("y", "n", "Y", "trail-", "a" * 64)),
    ],
)
def test_words_that_kubernetes_refuses(run, parameters):
    """YAML reads them as no text."""
    assert_refused_by_kubernetes(run(**parameters))


@pytest.mark.parametrize("name", ["yes", "no", "true", "null", "08", "1e3", "123", "0x1f", "0777"])
def test_names_that_are_accepted(run, name):
    """Other words of YAML are names."""
    assert run(name=name)[0] == []


@pytest.mark.parametrize(
    ("value", "status", "text"),
    [
        ("$HOME", 400, "Illegal group reference\n"),
        ("a$", 400, "Illegal group reference\n"),
        ("$$", 400, "Illegal group reference\n"),
        ("${HOME}", 400, "No group with name {HOME}\n"),
        ("${skaha.userid} x", 400, "named capturing group is missing trailing '}'\n"),
        ("$1", 500, "unexpected exception: java.lang.IndexOutOfBoundsException: No group 1"),
        (
            'say "hi"',
            500,
            SEQUENCE_ERROR,
        ),
        (
            "é ☃",  # in a form without a charset
            500,
            (
                "unexpected exception: unacceptable code point '\x98' (0x98) special characters are"
                " not allowed\nin \"'reader'\", position 2366"
            ),
        ),
        (
            "a\x01b",
            500,
            (
                "unexpected exception: unacceptable code point '\x01' (0x1) special characters are"
                " not allowed\nin \"'reader'\", position 2360"
            ),
        ),
    ],
)
def test_texts_of_refused_arguments(run, value, status, text):
    """The texts are those of Java and of SnakeYAML."""
    assert run(cmd="argv.py", args=value, content_type=FORM) == (status, text)


def test_text_of_a_refused_variable(run):
    """The text names the place in the template of the job."""
    assert run(cmd="argv.py", env='A="q"') == (
        500,
        VARIABLE_ERROR,
    )
