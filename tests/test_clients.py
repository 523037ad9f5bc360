"""Clients of other projects send the same requests as ours; `nox -s clients` records them."""

import copy
import importlib
import inspect
import json
import typing
from urllib.parse import parse_qs, urlsplit

import clients
import pytest
from described import DOCUMENT
from scripted import Response

import skaha_api

SAMPLES = json.loads(clients.SAMPLES.read_text())
CALLS = {call.operation: call for call in clients.calls(DOCUMENT)}
RECORDED = [name for name in CALLS if all(name in SAMPLES[client] for client in clients.CLIENTS)]


@pytest.mark.parametrize("client", clients.CLIENTS)
def test_each_client_has_a_sample_of_each_operation(client):
    assert list(SAMPLES[client]) == list(CALLS)


def plain(name):
    """Return a name in plain letters: `x-a` in HTTP, `x_a` and `xA` are all `xa`."""
    return "".join(filter(str.isalnum, name.lower()))


def send_with_our_client(variant, url, call):
    [module] = [
        importlib.import_module(f"skaha_api.api.{tag}.{call.operation}")
        for tag in ("session", "desktop_app", "image", "context", "repository", "service")
        if importlib.util.find_spec(f"skaha_api.api.{tag}.{call.operation}")
    ]
    values = call.path_parameters | call.query | call.headers
    arguments = {plain(name): value for name, value in values.items()}
    names = inspect.signature(module.sync).parameters.keys() - {"client", "body"}
    named = {name: arguments[plain(name)] for name in names}
    if call.media_type is not None:
        named["body"] = typing.get_type_hints(module.sync)["body"].from_dict(call.body)
    client = skaha_api.AuthenticatedClient(base_url=url, token="t")
    if variant.name == "sync":
        with client:
            module.sync(client=client, **named)
    else:

        async def request():
            async with client:
                await module.asyncio(client=client, **named)

        variant.run(request())


@pytest.mark.parametrize("operation", RECORDED)
def test_other_clients_send_the_same_request_as_ours(variant, scripted, operation):
    scripted.respond = lambda _: Response(204)
    send_with_our_client(variant, scripted.url, CALLS[operation])
    [received] = scripted.received
    for client in clients.CLIENTS:
        sample = SAMPLES[client][operation]
        url = urlsplit(sample["url"])
        assert (sample["method"], f"/skaha{url.path}") == (received.method, received.path)
        assert parse_qs(url.query) == received.query
        assert parse_qs(sample["body"]) == received.form  # a platform takes no other body today
        for name, value in sample["headers"].items():
            # Other clients do not know that the platform needs the charset.
            assert received.headers[name].removesuffix("; charset=UTF-8") == value


QUOTA = {"cores": 100, "reason": "a survey"}


def add_json(document):
    """Add an operation with a body in JSON."""
    schema = {"type": "object", "properties": {"cores": {}, "reason": {}}}
    body = {"content": {"application/json": {"schema": schema, "example": QUOTA}}}
    operation = {"operationId": "request_quota", "tags": ["context"], "requestBody": body}
    described = {"summary": "Request a quota.", "description": "", "responses": {}}
    document["paths"]["/v1/quota"] = {"post": operation | described}


def test_a_body_keeps_its_media_type():
    document = copy.deepcopy(DOCUMENT)
    add_json(document)
    calls = {call.operation: call for call in clients.calls(document)}
    quota, launch = calls["request_quota"], calls["create_session"]
    assert (quota.media_type, quota.body) == ("application/json", QUOTA)
    assert launch.media_type == "application/x-www-form-urlencoded"
    assert calls["list_sessions"].media_type is None
