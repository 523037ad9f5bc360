"""The command line shows the recorded responses of a real server."""

import pytest
import recorded

CREATE = ["create", "images.canfar.net/skaha/terminal:1.1.2", "--name", "x", "--", "true"]


@pytest.mark.parametrize(
    ("name", "words", "code", "shown"),
    [
        ("a list of a batch session", ["ps"], 0, "h2u5kd7n"),
        ("a list of interactive sessions", ["ps"], 0, "carta"),
        ("a list of apps", ["apps"], 0, "k4b"),
        ("the statistics", ["stats"], 0, "cores_largest_ram_gib\t32"),
        ("no statistics", ["stats"], 1, "temporarily unavailable: null"),
        ("the context", ["resources"], 0, "5"),
        ("the images", ["images"], 0, "images.canfar.net/skaha/terminal:missing"),
        ("the repositories", ["repositories"], 0, "images.canfar.net"),
        ("the availability", ["availability"], 0, "yes"),
        ("an anonymous request", ["ps"], 4, "cannot get group memberships for anonymous"),
        ("a wrong token", ["ps"], 4, "Cannot validate token using user info endpoint"),
        ("a cookie", ["ps"], 4, "delegated credentials not found"),
        ("an unknown version", ["ps"], 1, "[/skaha/v0/session] is not available"),
        ("a request with a large header", ["ps"], 1, "Request header is too large"),
        ("a wrong number of cores", CREATE, 1, "Invalid value for 'cores': 0.5"),
        ("a private image", CREATE, 1, "No authentication provided for unknown or private image."),
    ],
)
def test_a_command_shows_the_response(skaha, scripted, name, words, code, shown):
    response = recorded.find(name).response()
    scripted.respond = lambda _: response
    skaha.env["SKAHA_SERVER"] = scripted.url
    skaha(*words, code=code)
    assert shown in skaha.out + " ".join(skaha.err.split())
