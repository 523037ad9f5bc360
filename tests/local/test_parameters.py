"""Parameters, paths, methods and credentials of requests."""

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
    assert response.text == ("" if method == "HEAD" else f"unsupported: HTTP {method}\n")


def test_read_only_endpoints_refuse_changes(platform):
    """Only the endpoint `session` allows POST and DELETE."""
    for method in ("POST", "DELETE"):
        assert platform.client.request(method, "/context").status_code == 405


def test_other_methods(platform):
    """OPTIONS has no CORS headers; an unknown method is 501."""
    response = platform.client.options("/session", headers={"origin": "https://example.org"})
    assert response.status_code == 200
    assert "GET" in response.headers["allow"]
    assert not [name for name in response.headers if name.startswith("access-control")]
    assert platform.client.request("PATCH", "/session").status_code == 501


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
        assert "x-vo-authenticated" not in response.headers


@pytest.mark.parametrize("value", ["Bearer nope", "Bearer", "Basic YTpi", "Bearer \xe9"])
def test_a_wrong_token(platform, value):
    """The status is 401, and the text has no line feed."""
    headers = {"authorization": value.encode("latin-1")}
    response = platform.client.get("/session", headers=headers)
    assert response.status_code == 401
    assert response.text == "Invalid JWT token"
    assert 'error="invalid_token"' in response.headers["www-authenticate"]


def test_a_callback_token(platform):
    """It is refused, but only if the request has no other credential."""
    callback = {"x-auth-token-skaha": "nope"}
    url = f"{platform.url}/v1/session"
    response = httpx.get(url, headers=callback, trust_env=False)
    assert (response.status_code, response.text) == (403, "Invalid auth token\n")
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
