"""Parameters, paths, methods and credentials of requests."""

import http.client

import httpx
import pytest

FORM = "application/x-www-form-urlencoded"
LAUNCH = {"name": "job", "image": "images.canfar.net/skaha/terminal:1.1.1", "cmd": "true"}


@pytest.mark.parametrize("content_type", [None, "application/json", "text/plain"])
def test_a_post_of_another_content_type_has_no_parameters(platform, content_type):
    """The server ignores even the query."""
    headers = {} if content_type is None else {"content-type": content_type}
    response = platform.client.post("/session", params=LAUNCH, headers=headers)
    assert (response.status_code, response.text) == (400, "Missing parameter 'image'\n")


def test_query_and_form_are_merged(platform):
    """Parameters may be in the query, in the form, or in both."""
    form = {"content-type": FORM}
    assert platform.client.post("/session", params=LAUNCH, headers=form).status_code == 200
    assert platform.client.post("/session", data=LAUNCH).status_code == 200
    split = platform.client.post("/session", params={"cmd": "true"}, data=LAUNCH)
    assert split.status_code == 200


def test_a_multipart_form_hides_the_query(platform):
    """The server reads the form and ignores the query."""
    files = {name: (None, value) for name, value in LAUNCH.items()}
    assert platform.client.post("/session", files=files).status_code == 200
    response = platform.client.post("/session", params=LAUNCH, files={"name": (None, "job")})
    assert response.text == "Missing parameter 'image'\n"


def test_the_case_of_names_is_ignored_and_the_first_value_counts(platform):
    """The query comes before the form."""
    data = {name.upper(): value for name, value in LAUNCH.items()}
    headers = {"content-type": FORM}
    query = {"NAME": ["first", "second"]}
    response = platform.client.post("/session", params=query, data=data, headers=headers)
    assert platform.session(response.text.strip())["name"] == "first"


def test_two_spellings_of_a_name_are_an_error(platform):
    """The server cannot merge them, and its error has no message."""
    response = platform.client.post("/session", data=LAUNCH | {"env": "A=b", "ENV": "C=d"})
    assert (response.status_code, response.text) == (400, "null\n")


def test_a_trailing_slash_is_a_session_with_an_empty_id(platform):
    """GET returns the first session, POST is refused, DELETE has no effect."""
    empty = platform.client.get("/session/")
    assert (empty.status_code, empty.text) == (404, "session  not found\n")
    platform.create(cmd="true")
    session_id = platform.create(type="carta")
    assert platform.client.get("/session/").json()["id"] == session_id
    response = platform.client.post("/session/", data=LAUNCH)
    assert (response.status_code, response.text) == (400, "Cannot modify an existing session\n")
    assert platform.client.delete("/session/").status_code == 200
    assert len(platform.sessions()) == 2


def test_a_slash_after_an_id_is_ignored(platform):
    """Both paths mean the same session."""
    session_id = platform.create(type="carta")
    assert platform.client.get(f"/session/{session_id}/").json() == platform.session(session_id)


@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
def test_too_many_segments(platform, method):
    """There is no path below an app."""
    response = platform.client.request(method, "/session/a/app/b/c")
    assert (response.status_code, response.text) == (400, "Invalid request: a/app/b/c\n")


@pytest.mark.parametrize("path", ["context", "image", "repository"])
def test_read_only_endpoints_ignore_an_extra_path(platform, path):
    """The response is the same."""
    assert platform.client.get(f"/{path}/any/thing").text == platform.client.get(f"/{path}").text


@pytest.mark.parametrize("path", ["v0/session", "v0/context", "v2/session", "session", "v1/nope"])
def test_other_versions_and_paths_are_404(platform, path):
    """The container of the service answers with an HTML page."""
    response = platform.client.get(f"{platform.url}/{path}")
    assert response.status_code == 404
    assert response.headers["content-type"].startswith("text/html")
    assert "server" not in response.headers


@pytest.mark.parametrize(
    ("path", "allow"),
    [
        ("session", "GET, POST, DELETE"),
        ("session/abc", "GET, POST, DELETE"),
        ("context", "GET"),
        ("image", "GET"),
        ("repository", "GET"),
    ],
)
@pytest.mark.parametrize("method", ["PUT", "HEAD"])
def test_unsupported_methods(platform, path, allow, method):
    """The status is 405, and a header lists the allowed methods; a HEAD has no body."""
    response = platform.client.request(method, f"/{path}")
    assert response.status_code == 405
    assert response.headers["allow"] == allow
    assert response.headers["content-type"] == "text/plain;charset=ISO-8859-1"
    assert response.text == ("" if method == "HEAD" else f"unsupported: HTTP {method}\n")


def test_read_only_endpoints_refuse_changes(platform):
    """Only the endpoint `session` allows POST and DELETE."""
    for method in ("POST", "DELETE"):
        assert platform.client.request(method, "/context").status_code == 405


def test_other_methods(platform):
    """OPTIONS has no CORS headers; an unknown method is 501."""
    response = platform.client.options("/session", headers={"origin": "https://example.org"})
    assert response.status_code == 200
    assert response.headers["allow"] == "GET, HEAD, POST, PUT, DELETE, OPTIONS"
    assert not [name for name in response.headers if name.startswith("access-control")]
    for method, status, message in (
        ("PATCH", 501, "Method [PATCH] is not implemented by this Servlet for this URI"),
        ("FOO", 501, "Method [FOO] is not implemented by this Servlet for this URI"),
        ("TRACE", 405, "TRACE method is not allowed"),
    ):
        response = platform.client.request(method, "/session")
        assert response.status_code == status
        assert response.headers["content-type"] == "text/html;charset=utf-8"
        assert f"<p><b>Message</b> {message}</p>" in response.text


def test_the_accept_header_is_ignored(platform):
    """Lists are always JSON, and ids are always text."""
    accept = {"accept": "text/html"}
    assert platform.client.get("/session", headers=accept).headers["content-type"] == (
        "application/json"
    )
    response = platform.client.post("/session", data=LAUNCH, headers={"accept": "application/json"})
    assert response.headers["content-type"] == "text/plain"


def test_a_json_body_is_ignored(platform):
    """The parameters are missing then."""
    assert platform.client.post("/session", json=LAUNCH).status_code == 400


def test_requests_without_a_credential(platform):
    """Only the public endpoints answer; the others are 400 and name the scheme `Bearer`."""
    for path in ("capabilities", "availability"):
        assert httpx.get(f"{platform.url}/{path}", trust_env=False).status_code == 200
    for path in ("session", "session/abc", "context", "image", "repository"):
        response = httpx.get(f"{platform.url}/v1/{path}", trust_env=False)
        assert response.status_code == 400
        assert response.text == "cannot get group memberships for anonymous\n"
        assert response.headers["www-authenticate"] == "Bearer"
        assert response.headers["server"] == "OpenCADC/cadc-rest"
        assert response.headers["connection"] == "close"
        assert "x-vo-authenticated" not in response.headers


USER_INFO = "Cannot validate token using user info endpoint"
MALFORMED = "BUG: invalid authorization "


@pytest.mark.parametrize(
    ("value", "text", "error"),
    [
        ("Bearer nope", USER_INFO, "invalid_token"),
        ("Bearer \xe9", USER_INFO, "invalid_token"),
        ("Bearer a.b.c", "Invalid JWT token", "invalid_token"),
        ("Bearer", f"{MALFORMED}Bearer", "invalid_request"),
        ("Bearer  nope", f"{MALFORMED}Bearer  nope", None),
        ("Bearer nope extra", f"{MALFORMED}Bearer nope extra", None),
        ("", MALFORMED, None),
    ],
)
def test_a_wrong_token(platform, value, text, error):
    """The status is 401, the text has no line feed, and the handler's header is missing."""
    headers = {"authorization": value.encode("latin-1")}
    response = platform.client.get("/session", headers=headers)
    assert (response.status_code, response.text) == (401, text)
    details = f' error="{error}", error_description="{text}"' if error else ""
    assert response.headers["www-authenticate"] == f"Bearer{details}"
    assert "server" not in response.headers


def test_other_schemes_count_as_no_credential(platform):
    """The user is then anonymous."""
    response = platform.client.get("/session", headers={"authorization": "Basic YTpi"})
    assert response.status_code == 400
    assert response.text == "cannot get group memberships for anonymous\n"


def test_a_cookie(platform):
    """The identity provider of the platform gives no cookies."""
    headers = {"cookie": "CADC_SSO=value"}
    response = httpx.get(f"{platform.url}/v1/session", headers=headers, trust_env=False)
    assert (response.status_code, response.text) == (403, "delegated credentials not found\n")
    assert platform.client.get("/session", headers=headers).status_code == 200


def test_a_callback_token(platform):
    """It is refused, but only if the request has no other credential."""
    callback = {"x-auth-token-skaha": "nope"}
    url = f"{platform.url}/v1/session"
    response = httpx.get(url, headers=callback, trust_env=False)
    assert (response.status_code, response.text) == (403, "Invalid auth token\n")
    assert response.headers["www-authenticate"] == "Bearer"
    assert platform.client.get("/session", headers=callback).status_code == 200


def test_authentication_comes_before_validation(platform):
    """A request without a credential gets no other error."""
    response = httpx.post(f"{platform.url}/v1/session", data={"name": "_"}, trust_env=False)
    assert response.text == "cannot get group memberships for anonymous\n"


def test_every_response_names_the_user(platform):
    """Error responses do, too."""
    for path in ("/session", "/session/none", "/context", "/image", "/repository"):
        response = platform.client.get(path)
        assert response.headers["x-vo-authenticated"]
        assert response.headers["server"] == "OpenCADC/cadc-rest"
        assert "set-cookie" not in response.headers


def raw_get(platform, target):
    """Send a request target that no client library would send; return its response."""
    host, port = platform.url.split("/")[2].split(":")
    fields = {**platform.client.headers, "host": f"{host}:{port}"}
    lines = [f"GET {target} HTTP/1.1", *(f"{name}: {value}" for name, value in fields.items())]
    connection = http.client.HTTPConnection(host, int(port), timeout=10)
    connection.connect()
    connection.sock.sendall("\r\n".join([*lines, "", ""]).encode("latin-1"))
    response = http.client.HTTPResponse(connection.sock)
    response.begin()
    with connection.sock, response:
        return response.status, response.headers, response.read().decode()


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("/v1/session/a%2Fb", "Invalid URI: [The encoded slash character is not allowed]"),
        ("/v1/session/a%2fb", "Invalid URI: [The encoded slash character is not allowed]"),
        ("/v1/session/a%5Cb", "Invalid URI"),
        ("/v1/session/a%00b", "Invalid URI"),
        ("/../../x", "Invalid URI"),
        (
            "/v1/session?view=all&x={y}",
            (
                "Invalid character found in the request target [&#47;skaha&#47;v1&#47;session"
                "?view=all&amp;x={y} ]. The valid characters are defined in RFC 7230 and RFC 3986"
            ),
        ),
    ],
)
def test_paths_that_the_container_refuses(platform, path, message):
    """They do not reach the service: the response is an HTML page, and the connection ends."""
    status, headers, text = raw_get(platform, f"/skaha{path}")
    assert (status, headers["content-type"]) == (400, "text/html;charset=utf-8")
    assert headers["connection"] == "close"
    assert f"<p><b>Message</b> {message}</p>" in text
    assert "Apache Tomcat/9" in text


@pytest.mark.parametrize(
    ("path", "status", "text"),
    [
        *((path, 200, "[]") for path in ("//v1/session", "/v1//session", "/v1/./session")),
        *((path, 200, "[]") for path in ("/v1/x/../session", "/v1/session;y", "/v1;a=b/session")),
        ("/v1/%2e/session", 200, "[]"),
        ("/v1/session/nosuch00;b", 404, "session nosuch00 not found\n"),
        ("/v1/session//nosuch00", 404, "session nosuch00 not found\n"),
        ("/v1/session/nosuch00//", 404, "session nosuch00 not found\n"),
        ("/v1/session/nosuch00//abc", 200, "[]"),
        ("/v1/session/%7B%7D", 400, "canfar.net/id label value must match Kubernetes label value"),
        (f"/v1/session/{'a' * 64}", 400, "canfar.net/id label value exceeds 63 characters\n"),
        ("/v1/session/../../..", 404, "<p><b>Type</b> Status Report</p><p><b>Description</b>"),
        ("/v1/nothing", 404, "The requested resource [&#47;skaha&#47;v1&#47;nothing] is not"),
    ],
)
def test_paths_are_normalized(platform, path, status, text):
    """The container of the service removes empty segments, dots and parameters."""
    found, _, body = raw_get(platform, f"/skaha{path}")
    assert found == status
    assert text in body


@pytest.mark.parametrize(
    ("request_line", "status", "closes"),
    [
        (("GET", "/session"), 200, False),
        (("GET", "/session/nosuch00"), 404, False),
        (("PUT", "/session"), 405, False),
        (("GET", "/session/a_"), 400, True),
        (("PATCH", "/session"), 501, True),
        (("GET", "/session?view=stats"), 503, True),
        (("GET", "/context"), 500, True),
    ],
)
def test_some_errors_end_the_connection(platform, request_line, status, closes):
    """The next request needs a new connection."""
    faults = {503: {"unavailable": 1}, 500: {"broken": 1}}
    platform.faults(**faults.get(status, {}))
    host = platform.url.split("/")[2]
    connection = http.client.HTTPConnection(host, timeout=10)
    method, path = request_line
    connection.request(method, f"/skaha/v1{path}", headers=dict(platform.client.headers))
    response = connection.getresponse()
    response.read()
    assert response.status == status
    assert (response.headers["connection"] == "close") is closes
    assert (connection.sock is None) is closes
    connection.close()
