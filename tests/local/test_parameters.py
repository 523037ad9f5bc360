"""Where parameters are read from, and how paths are."""

import httpx
import pytest


@pytest.fixture(autouse=True)
def _clean(clean):
    """Leave no session behind."""


FORM = "application/x-www-form-urlencoded"
LAUNCH = {"name": "n", "image": "images.canfar.net/skaha/terminal:1.1.1", "cmd": "true"}


@pytest.mark.parametrize("content_type", [None, "application/json", "text/plain"])
def test_a_post_of_another_content_type_has_no_parameters(platform, content_type):
    """Not even those in the query."""
    headers = {} if content_type is None else {"content-type": content_type}
    response = platform.client.post("/session", params=LAUNCH, headers=headers)
    assert (response.status_code, response.text) == (400, "Missing parameter 'image'\n")


def test_query_and_form_are_one(platform):
    """All in the query, all in the form, or some in each."""
    form = {"content-type": FORM}
    assert platform.client.post("/session", params=LAUNCH, headers=form).status_code == 200
    assert platform.client.post("/session", data=LAUNCH).status_code == 200
    split = platform.client.post("/session", params={"cmd": "true"}, data=LAUNCH)
    assert split.status_code == 200


def test_a_multipart_form_hides_the_query(platform):
    """The form's fields count, the query does not."""
    files = {name: (None, value) for name, value in LAUNCH.items()}
    assert platform.client.post("/session", files=files).status_code == 200
    response = platform.client.post("/session", params=LAUNCH, files={"name": (None, "n")})
    assert response.text == "Missing parameter 'image'\n"


def test_names_are_in_any_case_and_the_first_value_wins(platform):
    """The query comes before the form."""
    data = {name.upper(): value for name, value in LAUNCH.items()}
    headers = {"content-type": FORM}
    query = {"NAME": ["first", "second"]}
    response = platform.client.post("/session", params=query, data=data, headers=headers)
    assert platform.session(response.text.strip())["name"] == "first"


def test_two_spellings_of_one_name_are_too_many(platform):
    """The merge of both fails without a message."""
    response = platform.client.post("/session", data=LAUNCH | {"env": "A=b", "ENV": "C=d"})
    assert (response.status_code, response.text) == (400, "null\n")


def test_a_trailing_slash_is_a_session_with_an_empty_id(platform):
    """GET answers with the first session, POST cannot change it, DELETE does nothing."""
    empty = platform.client.get("/session/")
    assert (empty.status_code, empty.text) == (404, "session  not found\n")
    platform.create(cmd="true")
    session_id = platform.create(type="carta")
    assert platform.client.get("/session/").json()["id"] == session_id
    response = platform.client.post("/session/", data=LAUNCH)
    assert (response.status_code, response.text) == (400, "Cannot modify an existing session\n")
    assert platform.client.delete("/session/").status_code == 200
    assert len(platform.sessions()) == 2


def test_a_slash_after_an_id_is_ignored(platform, eventually):
    """One session is meant either way."""
    session_id = platform.create(type="carta")
    eventually(lambda: "startTime" in platform.session(session_id))
    assert platform.client.get(f"/session/{session_id}/").json() == platform.session(session_id)


@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
def test_too_many_segments(platform, method):
    """Nothing lies below an app."""
    response = platform.client.request(method, "/session/a/app/b/c")
    assert (response.status_code, response.text) == (400, "Invalid request: a/app/b/c\n")


@pytest.mark.parametrize("path", ["context", "image", "repository"])
def test_extra_path_is_ignored_where_there_is_nothing_below(platform, path):
    """The read-only resources do not look at it."""
    assert platform.client.get(f"/{path}/any/thing").text == platform.client.get(f"/{path}").text


@pytest.mark.parametrize("path", ["v0/session", "v0/context", "v2/session", "session", "v1/nope"])
def test_other_versions_and_paths_are_the_containers_404(platform, path):
    """A page in HTML, as no servlet is there to answer."""
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
    """405 with what is allowed; a HEAD has no body."""
    response = platform.client.request(method, f"/{path}")
    assert response.status_code == 405
    assert response.headers["allow"] == allow
    assert response.text == ("" if method == "HEAD" else f"unsupported: HTTP {method}\n")


def test_writing_to_what_is_only_read(platform):
    """405 for the methods that the session resource alone knows."""
    for method in ("POST", "DELETE"):
        assert platform.client.request(method, "/context").status_code == 405


def test_other_methods(platform):
    """OPTIONS is answered, without any CORS; what HTTP does not know is not implemented."""
    response = platform.client.options("/session", headers={"origin": "https://example.org"})
    assert response.status_code == 200
    assert "GET" in response.headers["allow"]
    assert not [name for name in response.headers if name.startswith("access-control")]
    assert platform.client.request("PATCH", "/session").status_code == 501


def test_the_accept_header_is_ignored(platform):
    """Lists are JSON and ids are text, whatever was asked for."""
    accept = {"accept": "text/html"}
    assert platform.client.get("/session", headers=accept).headers["content-type"] == (
        "application/json"
    )
    response = platform.client.post("/session", data=LAUNCH, headers={"accept": "application/json"})
    assert response.headers["content-type"] == "text/plain"


def test_a_json_body_is_never_read(platform):
    """Its sender is told that parameters are missing."""
    assert platform.client.post("/session", json=LAUNCH).status_code == 400


def test_anonymous_callers(platform):
    """The public resources answer; the others say 400 and what would be taken."""
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
def test_a_bad_token(platform, value):
    """401, and a text without a line feed."""
    headers = {"authorization": value.encode("latin-1")}
    response = platform.client.get("/session", headers=headers)
    assert response.status_code == 401
    assert response.text == "Invalid JWT token"
    assert 'error="invalid_token"' in response.headers["www-authenticate"]


def test_a_callback_token(platform):
    """Desktops of the real platform have one; it counts only without another credential."""
    callback = {"x-auth-token-skaha": "nope"}
    url = f"{platform.url}/v1/session"
    response = httpx.get(url, headers=callback, trust_env=False)
    assert (response.status_code, response.text) == (403, "Invalid auth token\n")
    assert platform.client.get("/session", headers=callback).status_code == 200


def test_authentication_comes_before_validation(platform):
    """Nobody learns what is wrong with a request before saying who they are."""
    response = httpx.post(f"{platform.url}/v1/session", data={"name": "_"}, trust_env=False)
    assert response.text == "cannot get group memberships for anonymous\n"


def test_every_answer_says_who_asked(platform):
    """Refusals too."""
    for path in ("/session", "/session/none", "/context", "/image", "/repository"):
        response = platform.client.get(path)
        assert response.headers["x-vo-authenticated"]
        assert response.headers["server"] == "OpenCADC/cadc-rest"
        assert "set-cookie" not in response.headers
