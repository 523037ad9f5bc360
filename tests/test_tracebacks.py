"""Errors of public methods have no frames of this library, unless a user wants them."""

import inspect
import logging
import traceback
from pathlib import Path

import pytest
from scripted import Response, json_response
from staged import IMAGE, listing

import skaha
from skaha import config, errors

PACKAGE = str(Path(inspect.getfile(skaha)).parent)

# For each public method with requests, its arguments.
CALLS = {
    "Session": {
        "create": ("a", IMAGE),
        "create_many": ([{"name": "a", "image": IMAGE}],),
        "relaunch": ("no result",),
        "run": ("a", IMAGE),
        "preview": ("a_b", IMAGE),
        "preview_many": ([{}],),
        "fetch": (),
        "info": ("a1",),
        "stats": (),
        "whoami": (),
        "wait": ("a1",),
        "logs": ("a1",),
        "save_logs": ("a1", "folder"),
        "follow": ("a1",),
        "events": ("a1",),
        "parsed_events": ("a1",),
        "connect": ("a1",),
        "connect_url": ("a1",),
        "renew": ("a1",),
        "destroy": ("a1",),
        "destroy_with": ("a",),
        "destroy_all": (),
        "apps": (),
        "app_info": ("a1", "b2"),
        "attach_app": ("a1", IMAGE),
        "destroy_app": ("a1", "b2"),
    },
    "Images": {"fetch": (), "details": (), "repositories": ()},
    "Context": {"resources": ()},
    "Overview": {"availability": (), "capabilities": ()},
}
# These methods send no request, or belong to every class.
OTHERS = {"api", "aclose", "certificate", "close", "from_settings", "token"}


def test_the_table_has_all_public_methods():
    for name, methods in CALLS.items():
        public = {key for key, _ in inspect.getmembers(getattr(skaha, name), inspect.isfunction)}
        assert {key for key in public if not key.startswith("_")} - OTHERS == methods.keys()


@pytest.mark.parametrize(
    ("name", "method"), [(name, method) for name, methods in CALLS.items() for method in methods]
)
def test_an_error_has_no_frame_of_this_library(variant, tmp_path, monkeypatch, name, method):
    monkeypatch.chdir(tmp_path)
    client = variant.open(
        name, server="http://127.0.0.1:9/skaha", token="t", retry=False, timeout=5
    )
    with pytest.raises(errors.SkahaError) as caught:
        call(variant, client, name, method)
    assert frames_of(caught.value) == []


def test_the_log_level_debug_keeps_the_frames(variant, caplog):
    caplog.set_level(logging.DEBUG, "skaha")
    client = variant.open(server="http://127.0.0.1:9/skaha", token="t", retry=False)
    with pytest.raises(errors.SkahaError) as caught:
        call(variant, client, "Session", "fetch")
    assert {"fetch", "_request"} <= {*frames_of(caught.value)}


def test_the_log_level_debug_keeps_the_frames_of_many_items(variant, caplog):
    caplog.set_level(logging.DEBUG, "skaha")
    client = variant.open(server="http://127.0.0.1:9/skaha", token="t", retry=False)
    with pytest.raises(errors.ConnectionFailedError) as caught:
        variant.run(client.info(["a1", "b2"]))
    assert {"info", "_request", "outcome_of"} <= {*frames_of(caught.value)}


def test_failures_have_no_frames(variant, scripted):
    scripted.respond = lambda _: Response(404, "no such session")
    client = variant.open(server=scripted.url, token="t", retry=False)
    records = variant.run(client.info(["a1", "b2"]))
    with pytest.raises(ExceptionGroup) as caught:
        records.raise_for_failures()
    assert [error.__traceback__ for error in caught.value.exceptions] == [None, None]


def test_the_cause_of_an_error_has_no_frames(variant, scripted):
    responses = iter([json_response(listing({"a1": "Running"}))])
    scripted.respond = lambda _: next(responses, Response(503, "down for maintenance"))
    client = variant.open(server=scripted.url, token="t")
    with pytest.raises(errors.WaitTimeoutError) as caught:
        variant.run(client.wait("a1", timeout=0.5, poll=0.1))
    assert frames_of(caught.value) == []
    assert isinstance(caught.value.__cause__, errors.ServerError)
    assert caught.value.__cause__.__traceback__ is None


def test_a_constructor_has_no_frames(variant):
    settings = config.settings(server="http://example.org/skaha", token="t")
    for construct in (
        lambda: variant.Session(server="no URL"),
        lambda: variant.Session.from_settings(settings),
    ):
        with pytest.raises(errors.InvalidInputError) as caught:
            construct()
        assert frames_of(caught.value) == []


def test_an_error_of_a_function_of_the_user_keeps_its_frames(variant, scripted):
    def progress(*_):
        """Make a mistake in a call of another client."""
        skaha.Session(server=scripted.url, concurrency=0)

    scripted.respond = lambda _: Response(200, "")
    client = variant.open(server=scripted.url, token="t", retry=False)
    with pytest.raises(errors.InvalidInputError) as caught:
        variant.run(client.destroy(["a1", "b2"], progress=progress))
    assert traceback.extract_tb(caught.value.__traceback__)[-1].name == "progress"


def test_another_error_keeps_all_frames(variant, scripted):
    """It may be a mistake of the program, or of this library."""

    def fail(*_):
        raise LookupError("a mistake of the program")

    scripted.respond = lambda _: Response(200, "")
    client = variant.open(server=scripted.url, token="t", retry=False)
    with pytest.raises(LookupError) as caught:
        variant.run(client.destroy(["a1", "b2"], progress=fail))
    assert "destroy" in frames_of(caught.value)


def test_the_methods_look_as_they_were_written(variant):
    session = variant.open(server="http://127.0.0.1:9/skaha", token="t")
    is_async = variant.name == "async"
    assert inspect.iscoroutinefunction(session.fetch) == is_async
    assert inspect.isasyncgenfunction(session.follow) == is_async
    assert inspect.isgeneratorfunction(session.follow) != is_async
    assert [*inspect.signature(session.fetch).parameters] == ["kind", "status", "view"]
    assert session.fetch.__doc__


def call(variant, client, name, method):
    result = getattr(client, method)(*CALLS[name][method])
    if method == "follow":
        return variant.collect(result)
    return variant.run(result)


def frames_of(error):
    frames = traceback.extract_tb(error.__traceback__)
    assert frames
    return [frame.name for frame in frames if frame.filename.startswith(PACKAGE)]
