"""Invalid and unexpected responses: each causes a clear error of this library."""

import gzip
import io
import pickle
import sys
import time
import traceback

import httpx
import pytest
from scripted import Response, ScriptedServer, json_response

from skaha import Retry, errors

IMAGE = "images.canfar.net/skaha/terminal:1.1.1"
TOKEN = "a-token-of-the-tests"
PAGE = "<!DOCTYPE html>\n<html><head><title>Sign in\nfirst</title></head><body>…</body></html>"

# Each call, the subject of its errors, and a body that it accepts.
CALLS = {
    "fetch": (lambda s: s.fetch(), "fetch", "[]"),
    "info": (lambda s: s.info("a1"), "info of a1", "{}"),
    "logs": (lambda s: s.logs("a1"), "logs of a1", "text"),
    "events": (lambda s: s.events("a1"), "events of a1", "text"),
    "destroy": (lambda s: s.destroy("a1"), "destroy of a1", "text"),
    "create": (lambda s: s.create("a", IMAGE), "launch of a-1", "a1\n"),
    "stats": (lambda s: s.stats(), "stats", "{}"),
    "images": (lambda s: s.fetch(), "images", "[]"),
    "resources": (lambda s: s.resources(), "resources", "{}"),
    "availability": (
        lambda s: s.availability(),
        "availability",
        "<a><available>true</available></a>",
    ),
}
CLASSES = {"images": "Images", "resources": "Context", "availability": "Overview"}
NOT_FOR_TEXT = ["destroy", "events", "logs"]


def error_of(variant, scripted, call, response, kind=errors.SkahaError):
    """Return the error that a call raises if the server always sends this response."""
    scripted.respond = lambda _: response
    settings = {"server": scripted.url, "token": TOKEN, "retry": False}
    opened = variant.open(CLASSES.get(call, "Session"), **settings)
    with pytest.raises(kind) as caught:
        variant.run(CALLS[call][0](opened))
    error = caught.value
    assert error.subject == CALLS[call][1]
    assert str(error).startswith(f"{error.subject}: ")
    assert TOKEN not in "".join(traceback.format_exception(error))
    return error


@pytest.mark.parametrize("call", CALLS)
def test_a_valid_response_is_accepted(variant, scripted, call):
    # This shows that the errors in the other tests are caused by their responses.
    scripted.respond = lambda _: Response(200, CALLS[call][2])
    opened = variant.open(
        CLASSES.get(call, "Session"), server=scripted.url, token=TOKEN, retry=False
    )
    variant.run(CALLS[call][0](opened))


INVALID = {
    "a page": Response(200, PAGE, "text/html; charset=utf-8"),
    "cut off": Response(200, '[{"id": "a1"', "application/json"),
    "empty": Response(200, "", "application/json"),
    "no content": Response(204),
    "wrong type": Response(200, '"a b"', "application/json"),
    "null": Response(200, "null\0", "application/json"),
    "numbers": Response(200, "[1, 2]", "application/json"),
    "another charset": Response(200, '{"id": "é"'.encode("utf-16"), "application/json; charset=x"),
    "not in the charset": Response(200, b'["\xff\xfe\x80"]', "application/json; charset=utf-8"),
    "too deep": Response(200, "[" * 100_000, "application/json"),
    "too long a number": Response(200, "9" * 5000, "application/json"),
}


@pytest.mark.parametrize("call", [call for call in CALLS if call not in NOT_FOR_TEXT])
def test_the_error_of_an_invalid_response_quotes_the_response(variant, scripted, call):
    for response in INVALID.values():
        error = error_of(variant, scripted, call, response, errors.AnswerError)
        assert f"answered {response.status} with " in str(error)
        assert "expected " in str(error)
        assert len(str(error)) < 1000
        body = response.body if isinstance(response.body, str) else ""
        assert error.text.startswith(body[:100])


@pytest.mark.parametrize("call", NOT_FOR_TEXT)
def test_an_html_page_is_not_accepted_as_a_text(variant, scripted, call):
    page = INVALID["a page"]
    error = error_of(variant, scripted, call, page, errors.AnswerError)
    assert "an HTML page, 'Sign in first'" in str(error)


@pytest.mark.parametrize(
    "body",
    [
        *(b"caf\xc3\xa9", b"caf\xe9 \xff\x00", b"<!DOCTYPE html><html></html>"),
        *(b'{"a": 1}\n', b"[1, 2]", b"\n"),
    ],
)
@pytest.mark.parametrize("tail", [None, 9])
def test_a_log_may_contain_any_bytes(variant, scripted, scripted_session, body, tail):
    """The program of a session may also print a page or JSON."""
    headers = {"x-vo-authenticated": "vrubin"}
    scripted.respond = lambda _: Response(200, body, "text/plain;charset=UTF-8", headers)
    text = body.decode(errors="replace")
    assert variant.run(scripted_session.logs("a1", tail=tail)) == {"a1": text}


@pytest.mark.parametrize("start", ["<!---->", "<!-- --> ", "<?xml?>", "<!--"])
@pytest.mark.parametrize("tail", [None, 9])
def test_a_text_with_many_comments_is_read_at_once(
    variant, scripted, scripted_session, start, tail
):
    """A page may begin with comments. The search for its beginning must take linear time."""
    scripted.respond = lambda _: Response(200, start * 500)
    assert variant.run(scripted_session.logs("a1", tail=tail)) == {"a1": start * 500}


@pytest.mark.parametrize("part", ["<title>", "<b>Message</b>", "ApiException jobs.batch "])
@pytest.mark.parametrize("status", [200, 500])
def test_the_reason_in_a_long_page_is_searched_at_once(
    variant, scripted, scripted_session, part, status
):
    page = Response(status, "<html>" + part * 100_000, "text/html")
    scripted.respond = lambda _: page
    start = time.monotonic()
    with pytest.raises((errors.AnswerError, errors.ServerError), match=r"an HTML page|Kubernetes"):
        variant.run(scripted_session.fetch())
    assert time.monotonic() - start < 10


# Responses of other servers.

SIGN_IN = "<!DOCTYPE html><html><head><title>Sign in</title></head></html>"
FOREIGN_SUCCESSES = {
    "a page": Response(200, SIGN_IN, "text/html; charset=utf-8"),
    "a page in XHTML": Response(200, SIGN_IN, "application/xhtml+xml"),
    "an undeclared page": Response(200, SIGN_IN, ""),
    "a page of another type": Response(200, SIGN_IN, "application/octet-stream"),
    "a page after a comment": Response(200, f"\ufeff\n<!-- a proxy --> {SIGN_IN}", ""),
    "a page after comments": Response(200, "<?xml?> " + "<!-- a --> <!----> " * 90 + SIGN_IN, ""),
    "a page after a declaration": Response(200, f'<?xml version="1.0"?>\n{SIGN_IN}', ""),
    "a page in capitals": Response(200, "  <HTML><BODY>Sign in</BODY></HTML>", ""),
    "JSON": Response(200, '{"error": "no route"}', "application/json"),
    "JSON of a certain kind": Response(200, '"sign in"', "application/problem+json"),
    "undeclared JSON": Response(200, ' [{"error": "no route"}]', ""),
}
TEXT_CALLS = ["logs", "tail", "save_logs", "events", "destroy", "renew"]


@pytest.fixture
def text_call(request, scripted_session, tmp_path):
    """A call whose responses are texts, by its name."""
    calls = {
        "tail": lambda ids: scripted_session.logs(ids, tail=1),
        "save_logs": lambda ids: scripted_session.save_logs(ids, tmp_path),
    }
    return calls.get(request.param) or getattr(scripted_session, request.param)


@pytest.mark.parametrize("text_call", TEXT_CALLS, indirect=True)
@pytest.mark.parametrize("name", FOREIGN_SUCCESSES)
def test_a_page_of_another_server_is_an_error(variant, scripted, text_call, name, tmp_path):
    def respond(request):
        is_list = request.path.endswith("/session")
        return json_response([]) if is_list else FOREIGN_SUCCESSES[name]

    scripted.respond = respond
    with pytest.raises(
        errors.AnswerError, match=r"expected (plain text|a table of events)"
    ) as caught:
        variant.run(text_call(["a1", "a2"]))
    assert not caught.value.partial
    assert list(caught.value.partial.failures) == ["a1", "a2"]
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("text_call", ["destroy", "renew", "events"], indirect=True)
def test_json_that_is_declared_as_text_is_an_error(variant, scripted, text_call):
    scripted.respond = lambda _: Response(200, '{"deleted": true}')
    with pytest.raises(errors.AnswerError):
        variant.run(text_call("a1"))


@pytest.mark.parametrize("text_call", TEXT_CALLS, indirect=True)
@pytest.mark.parametrize("more", ["", "x" * 5000])
def test_a_page_that_is_declared_as_text_is_no_success(variant, scripted, text_call, more):
    """The platform would also send the name of the user."""
    scripted.respond = lambda request: (
        json_response([]) if request.path.endswith("/session") else Response(200, SIGN_IN + more)
    )
    with pytest.raises(errors.AnswerError, match="an HTML page, 'Sign in'"):
        variant.run(text_call("a1"))


@pytest.mark.parametrize("text_call", ["destroy", "renew"], indirect=True)
def test_an_unexpected_text_after_a_success_is_logged(variant, scripted, text_call, caplog):
    scripted.respond = lambda _: Response(200, "\n")
    assert variant.run(text_call("a1")) == {"a1": True}
    assert caplog.messages == []
    scripted.respond = lambda _: Response(200, "it was\n\x1b[31mdeleted")
    assert variant.run(text_call("a1")) == {"a1": True}
    [message] = caplog.messages
    assert "/session/a1: success, but with an unexpected text: " in message
    assert message.endswith(": it was \ufffd[31mdeleted")


LOGIN = {"Location": "https://login.example.org/"}
FOREIGN_REFUSALS = {
    "a redirection": Response(302, "", headers=LOGIN),
    "a redirection with a page": Response(307, SIGN_IN, "text/html", headers=LOGIN),
    "the page of an ingress": Response(
        404, "<html><title>404 Not Found</title></html>", "text/html"
    ),
    "an undeclared page": Response(404, "<html><title>404 Not Found</title></html>", ""),
    "the text of Traefik": Response(404, "404 page not found\n"),
    "the text of Kubernetes": Response(404, "default backend - 404"),
    "nothing": Response(404, ""),
    "JSON": Response(404, '{"message": "no Route matched"}', "application/json"),
    "a forbidden method": Response(405, "<html><title>405</title></html>", "text/html"),
    "a forbidden method in words": Response(405, "The DELETE method is not supported.\n"),
    "a page of Tomcat": Response(400, "<!doctype html><title>HTTP Status 400</title>", "text/html"),
    "a firewall": Response(403, "<html><title>Request blocked</title></html>", "text/html"),
    "a user whose name is no label": Response(
        400, "canfar.net/username label value must match Kubernetes label value syntax\n"
    ),
    "a renewal without Kubernetes": Response(400, 'For input string: "to"\n'),
    "no permission": Response(403, "Not authorized to use the skaha system\n"),
    "an outage": Response(503, "temporarily unavailable: null\n"),
}
ID_CALLS = ["info", *TEXT_CALLS]


@pytest.mark.parametrize("text_call", ID_CALLS, indirect=True)
@pytest.mark.parametrize("name", FOREIGN_REFUSALS)
def test_a_refusal_that_is_not_about_a_session_is_raised(variant, scripted, text_call, name):
    """Unless another session succeeded: then it is data, but never a `False`."""
    response = FOREIGN_REFUSALS[name]

    def respond(request):
        if request.path.endswith("/session"):
            return json_response([])
        if not request.path.endswith("/a3"):
            return response
        is_record = request.method == "GET" and "view" not in request.query
        if request.method == "GET":
            return json_response({"id": "a3"}) if is_record else Response(200, "a text")
        return Response()

    scripted.respond = respond
    with pytest.raises(errors.StatusError) as caught:
        variant.run(text_call(["a1", "a2"]))
    assert caught.value.status == response.status
    assert not caught.value.partial
    result = variant.run(text_call(["a1", "a3"]))
    assert len(result) == 1
    assert list(result.failures) == ["a1"]


def test_the_error_for_an_unknown_address_says_what_to_check(variant, scripted, scripted_session):
    """The platform has removed v0, and its container answers with a page."""
    page = "<!doctype html><title>HTTP Status 404</title>"
    scripted.respond = lambda _: Response(404, page, "text/html;charset=utf-8")
    with pytest.raises(errors.NotFoundError, match="check the server's address and its version"):
        variant.run(scripted_session.fetch())


@pytest.mark.parametrize(
    ("call", "response"),
    [
        ("destroy", Response(404, "a1\n")),
        ("destroy", Response(403, "forbidden\n")),
        ("renew", Response(400, "No active job for user vrubin with session a1\n")),
    ],
)
def test_a_refusal_of_the_platform_for_one_session_returns_false(
    variant, scripted, scripted_session, call, response
):
    scripted.respond = lambda _: response
    result = variant.run(getattr(scripted_session, call)("a1"))
    assert result == {"a1": False}
    assert result.failures["a1"].status == response.status


@pytest.mark.parametrize("call", ["info", "logs", "renew"])
def test_a_request_that_is_forbidden_and_no_deletion_raises(
    variant, scripted, scripted_session, call
):
    """Only the refusal of a deletion can mean that the session belongs to another user."""
    scripted.respond = lambda _: Response(403, "forbidden\n")
    with pytest.raises(errors.PermissionDeniedError, match="forbidden"):
        variant.run(getattr(scripted_session, call)("a1"))


def test_a_deletion_that_is_refused_for_another_reason_is_a_failure(
    variant, scripted, scripted_session
):
    scripted.respond = lambda _: Response(409, "it is locked\n")
    result = variant.run(scripted_session.destroy("a1"))
    assert result == {}
    assert result.failures["a1"].status == 409


def test_a_page_after_a_lost_response_does_not_prove_a_deletion(variant, scripted):
    """A 404 of the platform proves it: the first request deleted the session."""
    for last, is_deleted in (("404 page not found", False), ("a1\n", True)):
        responses = [Response(503, "busy"), Response(404, last)]
        scripted.respond = lambda _, responses=responses: responses.pop(0)
        session = variant.open(server=scripted.url, token="t", retry=Retry(first_pause=0.001))
        if is_deleted:
            assert variant.run(session.destroy("a1")) == {"a1": True}
        else:
            with pytest.raises(errors.NotFoundError):
                variant.run(session.destroy("a1"))


# Events of sessions without a container.


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        ("Pending", "it waits in a queue or has not started yet"),
        (
            "Failed",
            "its container is gone, because it ended long ago or because the platform lost it",
        ),
    ],
)
def test_missing_events_of_a_session_that_exists_are_explained(
    variant, scripted, scripted_session, status, reason
):
    def respond(request):
        if "view" in request.query:
            return Response(404, "session a1 not found.\n")
        return json_response({"id": "a1", "status": status})

    scripted.respond = respond
    for call in (scripted_session.events, scripted_session.parsed_events):
        result = variant.run(call("a1"))
        assert not result
        error = result.failures["a1"]
        assert isinstance(error, errors.NotFoundError)
        assert str(error).startswith("events of a1: ")
        assert str(error).endswith(f"The session exists ({status}) without events: {reason}")


@pytest.mark.parametrize(
    "text",
    [
        "The connection to the server 10.0.0.1:6443 was refused\n",
        "Unable to connect to the server: net/http: TLS handshake timeout\n",
        "Error from server (Forbidden): events is forbidden\n",
        "error: You must be logged in to the server (Unauthorized)\n",
    ],
)
def test_an_error_of_kubectl_is_no_table_of_events(variant, scripted, scripted_session, text):
    scripted.respond = lambda _: Response(200, text)
    for call in (scripted_session.events, scripted_session.parsed_events):
        with pytest.raises(errors.AnswerError, match="expected a table of events") as caught:
            variant.run(call("a1"))
        assert text.strip() in str(caught.value)


@pytest.mark.parametrize(
    "response", [Response(404, "session a1 not found\n"), Response(503, "busy"), None]
)
def test_the_error_of_missing_events_is_unchanged_if_the_session_is_unknown(
    variant, scripted, scripted_session, response
):
    not_found = Response(404, "session a1 not found.\n")
    scripted.respond = lambda request: not_found if "view" in request.query else response
    error = variant.run(scripted_session.events("a1")).failures["a1"]
    assert str(error).endswith("answered 404: session a1 not found.")


# Standard output.


@pytest.mark.parametrize("call", ["logs", "events"])
def test_a_text_is_printed_on_a_terminal_without_unicode(
    variant, scripted, scripted_session, monkeypatch, call
):
    output = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(output, encoding="ascii"))
    scripted.respond = lambda _: Response(200, "fit: 100%|\u2588|\n")
    assert variant.run(getattr(scripted_session, call)("a1", verbose=True)) is None
    sys.stdout.flush()
    assert output.getvalue() == b"a1:\nfit: 100%|\\u2588|\n\n"


STATUSES = {
    400: errors.BadRequestError,
    401: errors.AuthenticationError,
    403: errors.PermissionDeniedError,
    404: errors.NotFoundError,
    405: errors.StatusError,
    409: errors.StatusError,
    413: errors.StatusError,
    418: errors.StatusError,
    429: errors.TooManyRequestsError,
    499: errors.StatusError,
    500: errors.ServerError,
    501: errors.ServerError,
    503: errors.ServerError,
    520: errors.ServerError,
    599: errors.ServerError,
}


@pytest.mark.parametrize(
    "call", ["fetch", "stats", "create", "images", "resources", "availability"]
)
def test_an_error_quotes_the_reason_of_the_server(variant, scripted, call):
    for status, kind in STATUSES.items():
        words = f"the very reason for {status}"
        error = error_of(variant, scripted, call, Response(status, f"{words}\n"))
        assert type(error) is kind
        assert (error.status, error.text) == (status, f"{words}\n")
        assert error.response.status_code == status
        assert f"answered {status}: {words}" in str(error)


@pytest.mark.parametrize("call", ["info", "logs", "events", "destroy"])
def test_a_failure_of_one_session_quotes_the_reason_of_the_server(variant, scripted, call):
    session = variant.open(server=scripted.url, token=TOKEN, retry=False)
    for status in (400, 404, 409, 410, 412, 422, 423):
        refusal = Response(status, "the very reason")
        scripted.respond = lambda _, refusal=refusal: refusal
        error = variant.run(CALLS[call][0](session)).failures["a1"]
        assert isinstance(error, errors.StatusError)
        assert error.subject == CALLS[call][1]
        assert "the very reason" in str(error)


@pytest.mark.parametrize(
    ("response", "expected"),
    [
        (Response(502, PAGE, "text/html"), "answered 502: an HTML page, 'Sign in first'"),
        (Response(502, "<html>"), "answered 502: an HTML page"),
        (Response(500, ""), "answered 500: nothing more"),
        (Response(500, "a\nb\n\tc"), "answered 500: a b c"),
        (Response(500, "long " * 1000), " …"),
        (Response(500, b"\xff\xfe"), "answered 500: "),
        (Response(401, "Token has expired"), "get a new one"),
        (Response(400, "No authentication for unknown or private image."), "with its tag"),
        (Response(400, "cannot get group memberships for anonymous\n"), "get a new one"),
    ],
)
def test_an_error_of_a_status_has_one_line(variant, scripted, response, expected):
    message = str(error_of(variant, scripted, "fetch", response, errors.StatusError))
    assert expected in message
    assert "\n" not in message
    assert len(message) < 700


def test_a_success_with_an_unknown_status_is_an_error(variant, scripted):
    error = error_of(variant, scripted, "fetch", Response(299, "[]"), errors.AnswerError)
    assert "expected a status that HTTP knows" in str(error)


def test_an_error_of_one_session_beside_an_error_of_the_platform_is_data(
    variant, scripted, scripted_session
):
    scripted.respond = lambda request: Response(502 if request.path.endswith("b2") else 404, "no\n")
    infos = variant.run(scripted_session.info(["a1", "b2"]))
    assert {key: error.status for key, error in infos.failures.items()} == {"a1": 404, "b2": 502}


def test_the_error_of_a_compressed_response_has_its_text(variant, scripted):
    body = gzip.compress(b"quota exceeded\n" * 9)
    response = Response(409, body, headers={"Content-Encoding": "gzip"})
    error = error_of(variant, scripted, "create", response)
    assert "quota exceeded" in str(error)
    assert error.response.text == "quota exceeded\n" * 9
    assert int(error.response.headers["content-length"]) == len(error.response.content)


def test_a_log_with_an_unknown_status_is_not_saved(variant, scripted, scripted_session, tmp_path):
    scripted.respond = lambda request: (
        Response(299, "a log\n") if "view" in request.query else json_response([])
    )
    with pytest.raises(errors.AnswerError, match="expected a status that HTTP knows"):
        variant.run(scripted_session.save_logs("a1", tmp_path))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308, 300, 304])
@pytest.mark.parametrize("call", ["fetch", "create"])
def test_a_redirect_is_an_error_and_is_not_followed(variant, scripted, call, status):
    with ScriptedServer() as elsewhere:
        headers = {"Location": f"{elsewhere.url}/login"}
        response = Response(status, "" if status == 304 else "moved", headers=headers)
        error = error_of(variant, scripted, call, response, errors.StatusError)
        assert error.status == status
        assert elsewhere.received == []
    if status not in (300, 304):
        assert f"a redirection to {elsewhere.url}/login: check the server's address" in str(error)


@pytest.mark.parametrize(
    "response",
    [
        None,
        Response(200, "[]", headers={"Content-Length": "100"}),
        Response(200, "[]", headers={"Content-Length": "x"}),
        Response(200, "junk", headers={"Transfer-Encoding": "chunked", "Content-Length": "4"}),
        Response(200, "junk", headers={"Content-Encoding": "gzip"}),
    ],
    ids=["nothing", "too short", "no number", "no chunks", "no gzip"],
)
def test_a_damaged_response_is_an_error_of_the_connection(variant, scripted, response):
    def respond(_):
        return response

    scripted.respond = respond
    session = variant.open(server=scripted.url, token=TOKEN, retry=False, timeout=2)
    with pytest.raises((errors.ConnectionFailedError, errors.AnswerError)) as caught:
        variant.run(session.fetch())
    assert caught.value.subject == "fetch"
    assert "GET http://127.0.0.1" in str(caught.value) or "GET /skaha" in str(caught.value)
    # The broken connection is not used again.
    scripted.respond = lambda _: Response(200, "[]")
    assert variant.run(session.fetch()) == []


def test_the_error_of_a_missing_server_names_its_address(variant):
    session = variant.open(server="http://127.0.0.1:9", token=TOKEN, retry=False)
    with pytest.raises(
        errors.ConnectionFailedError, match="fetch: no answer to GET http://127"
    ) as e:
        variant.run(session.fetch())
    assert isinstance(e.value.__cause__, httpx.ConnectError)


# Classes of errors, and copies of errors.

TREE = {
    errors.InvalidInputError: (ValueError,),
    errors.ConfigurationError: (errors.InvalidInputError,),
    errors.TokenFileError: (errors.ConfigurationError, errors.CredentialsError),
    errors.CredentialsError: (ValueError,),
    errors.LoginRefusedError: (errors.CredentialsError,),
    errors.NoSuchSessionError: (),
    errors.ConnectionFailedError: (httpx.TransportError, httpx.RequestError, httpx.HTTPError),
    errors.TimedOutError: (
        *(httpx.TimeoutException, httpx.TransportError, httpx.HTTPError, TimeoutError),
        *(errors.ConnectionFailedError, OSError),
    ),
    errors.StatusError: (httpx.HTTPStatusError, httpx.HTTPError),
    errors.BadRequestError: (errors.StatusError,),
    errors.AuthenticationError: (errors.StatusError,),
    errors.PermissionDeniedError: (errors.StatusError,),
    errors.NotFoundError: (errors.StatusError,),
    errors.TooManyRequestsError: (errors.StatusError,),
    errors.ServerError: (errors.StatusError,),
    errors.WaitTimeoutError: (TimeoutError,),
    errors.AnswerError: (httpx.DecodingError, httpx.HTTPError, ValueError),
    errors.LocalPlatformError: (RuntimeError,),
    errors.FailedSessionError: (),
    errors.StillThereError: (),
    errors.EventLoopError: (RuntimeError,),
    errors.ShorterLogError: (),
}


@pytest.mark.parametrize("kind", TREE)
def test_each_error_is_also_an_error_that_scripts_catch(kind):
    assert issubclass(kind, errors.SkahaError)
    for base_class in TREE[kind]:
        assert issubclass(kind, base_class)


def test_each_error_is_in_this_table_and_in_the_documentation():
    kinds = {value for value in vars(errors).values() if isinstance(value, type)}
    ours = {kind for kind in kinds if issubclass(kind, errors.SkahaError)} - {errors.SkahaError}
    assert ours == set(TREE)
    assert {kind.__name__ for kind in ours} <= set(errors.__all__)
    assert all(kind.__name__ in errors.__doc__ for kind in ours)


def test_a_time_out_has_three_base_classes(variant, scripted):
    scripted.respond = lambda _: Response(200, "[]", headers={"Content-Length": "3"})
    session = variant.open(server=scripted.url, token=TOKEN, retry=False, timeout=0.05)
    for name in (errors.TimedOutError, httpx.TimeoutException, TimeoutError):
        with pytest.raises(name, match="fetch: no answer in time to GET http://"):
            variant.run(session.fetch())


@pytest.mark.parametrize("call", ["fetch", "create"])
@pytest.mark.parametrize(
    "response",
    [Response(403, "the very reason"), INVALID["a page"], None],
    ids=["refused", "unreadable", "lost"],
)
def test_a_pickled_error_is_equal_and_contains_no_token(variant, scripted, call, response):
    error = error_of(variant, scripted, call, response)
    pickled = pickle.dumps(error)
    assert TOKEN.encode() not in pickled
    copy = pickle.loads(pickled)
    assert type(copy) is type(error)
    assert (str(copy), copy.subject, copy.args) == (str(error), error.subject, error.args)
    assert copy.partial == error.partial
    for name in ("status", "text"):
        assert getattr(copy, name, None) == getattr(error, name, None)


def test_a_pickled_error_keeps_its_partial_results(variant, scripted, scripted_session):
    scripted.respond = lambda request: (
        None if request.path.endswith("a2") else Response(200, "text")
    )
    with pytest.raises(errors.ConnectionFailedError) as caught:
        variant.run(scripted_session.logs(["a1", "a2"]))
    copy = pickle.loads(pickle.dumps(caught.value))
    assert copy.partial == {"a1": "text"}
    assert str(copy.partial.failures["a2"]) == str(caught.value)


# Lists with an odd record.

GOOD = {"id": "a1", "name": "bias-1", "type": "headless", "status": "Completed"}
ODD = {
    "empty": {},
    "without an id": GOOD | {"id": None},
    "numbered": GOOD | {"id": 5},
    "nameless": GOOD | {"id": "a2", "name": None},
    "many names": GOOD | {"id": "a2", "name": ["bias-1"]},
    "many kinds": GOOD | {"id": "a2", "type": ["headless"]},
    "no word for a status": GOOD | {"id": "a2", "status": {"word": "Completed"}},
    "neither kind nor status": GOOD | {"id": "a2", "type": None, "status": None},
    "somebody else's": GOOD | {"id": "<none>"},
}
LISTING = {
    "fetch": (lambda s: s.fetch("headless", "Succeeded"), [GOOD]),
    "destroy_with": (lambda s: s.destroy_with("bias"), {"a1": True}),
    "create": (lambda s: s.create("bias", IMAGE), ["new1"]),
    "wait": (lambda s: s.wait("a1", timeout=5), {"a1": "Completed"}),
}


@pytest.mark.parametrize("odd", ODD.values(), ids=list(ODD))
@pytest.mark.parametrize("call", LISTING)
def test_an_odd_record_in_a_list_breaks_no_call(variant, scripted, odd, call):
    def respond(request):
        if request.method == "GET":
            return json_response([odd, GOOD])
        return Response(200, "new1\n" if request.method == "POST" else "")

    scripted.respond = respond
    method, expected = LISTING[call]
    result = variant.run(method(variant.open(server=scripted.url, token=TOKEN)))
    if call == "fetch":
        result = [record for record in result if record != odd]
    elif call == "destroy_with":
        result.pop("a2", None)
    assert result == expected


# Characters that a terminal could obey.

ESCAPES = "\x1b]0;a title\x07\x9b31m\u202e"
HOSTILE_RECORD = {"id": "a1", "name": f"n{ESCAPES}", "status": ESCAPES, "type": ESCAPES}
HOSTILE_CALLS = {
    "redirect": lambda s: s.fetch(),
    "no events": lambda s: s.events("a1"),
    "no address": lambda s: s.connect_url("a1"),
    "not ended": lambda s: s.wait("a1", timeout=0),
}


def hostile(received):
    """Return responses with escape sequences in every text that an error quotes."""
    if received.path == "/skaha/v1/session":
        return json_response([HOSTILE_RECORD])
    if "view" in received.query:
        return Response(404, f"session a1 not found {ESCAPES}")
    return json_response(HOSTILE_RECORD)


@pytest.mark.parametrize("call", HOSTILE_CALLS)
def test_no_error_has_characters_that_a_terminal_could_obey(
    variant, scripted, scripted_session, caplog, call
):
    redirect = Response(302, "moved", headers={"Location": "http://site.example/\x9b31m"})
    scripted.respond = (lambda _: redirect) if call == "redirect" else hostile
    try:
        result = variant.run(HOSTILE_CALLS[call](scripted_session))
        [error] = result.failures.values()
    except errors.SkahaError as raised:
        error = raised
    assert str(error).isprintable()
    assert "\N{REPLACEMENT CHARACTER}" in str(error)
    assert "\x1b" not in "".join(traceback.format_exception(error))
    assert "\x1b" not in str(pickle.loads(pickle.dumps(error)))
    assert "\x1b" not in caplog.text
