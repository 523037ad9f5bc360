"""Parameters, paths, methods and credentials of requests."""

import http.client

import pytest

FORM = "application/x-www-form-urlencoded"
LAUNCH = {"name": "job", "image": "images.canfar.net/skaha/terminal:1.1.1", "cmd": "true"}


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


def test_a_form_that_cannot_be_read_is_refused(platform):
    headers = {"content-type": "multipart/form-data"}
    assert platform.client.post("/session", content=b"x", headers=headers).status_code == 400
    headers = {"content-type": FORM}
    many = "&".join(f"a{number}=1" for number in range(10_001))
    assert platform.client.post("/session", content=many, headers=headers).status_code == 400


def test_the_case_of_names_is_ignored_and_the_first_value_counts(platform):
    """The query comes before the form."""
    data = {name.upper(): value for name, value in LAUNCH.items()}
    headers = {"content-type": FORM}
    query = {"NAME": ["first", "second"]}
    response = platform.client.post("/session", params=query, data=data, headers=headers)
    assert platform.session(response.text.strip())["name"] == "first"


@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
def test_too_many_segments(platform, method):
    """There is no path below an app."""
    response = platform.client.request(method, "/session/a/app/b/c")
    assert (response.status_code, response.text) == (400, "Invalid request: a/app/b/c\n")


@pytest.mark.parametrize("path", ["context", "image", "repository"])
def test_read_only_endpoints_ignore_an_extra_path(platform, path):
    """The response is the same."""
    assert platform.client.get(f"/{path}/any/thing").text == platform.client.get(f"/{path}").text


def test_the_accept_header_is_ignored(platform):
    """Lists are always JSON, and ids are always text."""
    accept = {"accept": "text/html"}
    assert platform.client.get("/session", headers=accept).headers["content-type"] == (
        "application/json"
    )
    response = platform.client.post("/session", data=LAUNCH, headers={"accept": "application/json"})
    assert response.headers["content-type"] == "text/plain"


@pytest.mark.parametrize(
    ("token", "text"),
    [
        ("\xe9", "Cannot validate token using user info endpoint"),
        ("a.b.c", "Invalid JWT token"),
    ],
)
def test_a_wrong_token(platform, token, text):
    """The platform itself reads a token with dots."""
    headers = {"authorization": f"Bearer {token}".encode("latin-1")}
    response = platform.client.get("/session", headers=headers)
    assert (response.status_code, response.text) == (401, text)


def test_other_credentials_beside_a_token_are_ignored(platform):
    """The token counts."""
    for headers in ({"cookie": "CADC_SSO=value"}, {"x-auth-token-skaha": "nope"}):
        assert platform.client.get("/session", headers=headers).status_code == 200


def test_other_origins_get_no_permission(platform):
    """No response has a CORS header."""
    response = platform.client.options("/session", headers={"origin": "https://example.org"})
    assert not [name for name in response.headers if name.startswith("access-control")]


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
    ("path", "status", "text"),
    [
        ("/v1/session/a%2fb", 400, "Invalid URI: [The encoded slash character is not allowed]"),
        ("/../../x", 400, "<b>Message</b> Invalid URI</p>"),
        *((path, 200, "[]") for path in ("/v1/session;y", "/v1;a=b/session", "/v1/%2e/session")),
    ],
)
def test_paths_are_normalized(platform, path, status, text):
    """The container of the service removes empty segments, dots and parameters."""
    actual, _, body = raw_get(platform, f"/skaha{path}")
    assert actual == status
    assert text in body


def test_the_server_ends_a_connection_after_a_hundred_requests(platform):
    """A client must open another one."""
    host, port = platform.url.split("/")[2].split(":")
    headers = dict(platform.client.headers) | {"host": f"{host}:{port}"}
    connection = http.client.HTTPConnection(host, int(port), timeout=10)
    closing = []
    for _ in range(101):
        connection.request("GET", "/skaha/v1/repository", headers=headers)
        response = connection.getresponse()
        response.read()
        closing.append(response.getheader("connection") == "close")
    connection.close()
    assert [number for number, is_closing in enumerate(closing, 1) if is_closing] == [100]
