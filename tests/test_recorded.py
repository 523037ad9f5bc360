"""The facade and the raw endpoints read the recorded responses of a real server."""

import html
import json
import re
from collections.abc import Callable
from types import ModuleType
from typing import Any

import recorded
from attrs import frozen
from scripted import json_response

import skaha_api
from skaha import errors
from skaha_api import models
from skaha_api.api.context import get_context
from skaha_api.api.desktop_app import (
    attach_desktop_app,
    delete_desktop_app,
    get_desktop_app,
    list_all_desktop_apps,
    list_desktop_apps,
)
from skaha_api.api.image import list_images
from skaha_api.api.repository import list_repositories
from skaha_api.api.service import get_availability, get_capabilities
from skaha_api.api.session import (
    create_session,
    delete_session,
    get_session,
    get_session_events,
    get_session_logs,
    get_stats,
    list_all_sessions,
    list_interactive_sessions,
    list_sessions,
    renew_session,
)

TOKEN = "a-token-of-the-tests"
IMAGE = "images.canfar.net/skaha/terminal:1.1.2"
EXAMPLE_ID = recorded.PARTS["ID"][0]
ERRORS = {
    400: errors.BadRequestError,
    401: errors.AuthenticationError,
    403: errors.PermissionDeniedError,
    404: errors.NotFoundError,
    500: errors.ServerError,
    503: errors.ServerError,
}


@frozen
class Operation:
    """A request of the client.

    Attributes:
        request: The method and the path; `*` stands for an id.
        endpoint: The raw endpoint.
        call: The call of the facade; the last arguments are the ids.
        result: The result of the call: a function of the exchange and of the first id.
        view: The parameter `view` in the query.
        facade: The class of the facade.
        form: The form of the raw endpoint.
    """

    request: str
    endpoint: ModuleType
    call: Callable[..., Any]
    result: Callable[[recorded.Exchange, str], Any] = lambda exchange, _: exchange.value()
    view: str = ""
    facade: str = "Session"
    form: Any = None

    def ids(self, exchange):
        """Return the ids in the path of an exchange; `None` if it is another request."""
        method, _, path = self.request.partition(" ")
        parts, path = exchange.path, path.split("/")[1:]
        if (method, len(path)) != (exchange.method, len(parts)):
            return None
        pairs = list(zip(path, parts, strict=True))
        if any(pattern not in ("*", part) for pattern, part in pairs):
            return None
        # The client refuses invalid ids, so replace them.
        ids = [part for pattern, part in pairs if pattern == "*"]
        return [part if part.isalnum() and part.isascii() else EXAMPLE_ID for part in ids]


def success(_, session_id):
    return {session_id: True}


LAUNCH = models.NewSession(name="x", image=IMAGE)
RENEWAL = models.SessionAction(action="renew")
APP = models.NewDesktopApp(image=IMAGE)
SESSIONS, SESSION = "/v1/session", "/v1/session/*"
OPERATIONS = [
    Operation(f"GET {SESSIONS}", list_sessions, lambda s: s.fetch()),
    Operation(f"GET {SESSIONS}", list_all_sessions, lambda s: s.fetch(view="all"), view="all"),
    Operation(
        f"GET {SESSIONS}",
        list_interactive_sessions,
        lambda s: s.fetch(view="interactive"),
        view="interactive",
    ),
    Operation(f"GET {SESSIONS}", get_stats, lambda s: s.stats(), view="stats"),
    Operation(
        f"POST {SESSIONS}",
        create_session,
        lambda s: s.create("x", IMAGE),
        lambda exchange, _: [exchange.body.strip()],
        form=LAUNCH,
    ),
    Operation(f"GET {SESSION}", get_session, lambda s, i: s.info(i), lambda e, _: [e.value()]),
    Operation(
        f"GET {SESSION}",
        get_session_logs,
        lambda s, i: s.logs([i]),
        lambda e, i: {i: e.body},
        "logs",
    ),
    Operation(
        f"GET {SESSION}",
        get_session_events,
        lambda s, i: s.events(i),
        lambda e, i: [{i: e.body}],
        "events",
    ),
    Operation(f"POST {SESSION}", renew_session, lambda s, i: s.renew(i), success, form=RENEWAL),
    Operation(f"DELETE {SESSION}", delete_session, lambda s, i: s.destroy(i), success),
    Operation(f"GET {SESSION}/app", list_desktop_apps, lambda s, i: s.apps(i)),
    Operation(f"GET {SESSION}/app", list_all_desktop_apps, lambda s, _: s.apps(), view="all"),
    Operation(
        f"POST {SESSION}/app",
        attach_desktop_app,
        lambda s, i: s.attach_app(i, IMAGE),
        lambda exchange, _: exchange.body.strip(),
        form=APP,
    ),
    Operation(f"GET {SESSION}/app/*", get_desktop_app, lambda s, *ids: s.app_info(*ids)),
    Operation(
        f"DELETE {SESSION}/app/*",
        delete_desktop_app,
        lambda s, *ids: s.destroy_app(*ids),
        lambda *_: None,
    ),
    Operation("GET /v1/context", get_context, lambda c: c.resources(), facade="Context"),
    Operation("GET /v1/image", list_images, lambda i: i.details(), facade="Images"),
    Operation("GET /v1/repository", list_repositories, lambda i: i.repositories(), facade="Images"),
    Operation(
        "GET /availability",
        get_availability,
        lambda o: o.availability(),
        lambda *_: True,
        facade="Overview",
    ),
    Operation(
        "GET /capabilities",
        get_capabilities,
        lambda o: o.capabilities(),
        lambda e, _: re.findall('<capability standardID="(.*?)"', e.body),
        facade="Overview",
    ),
]


def operation_of(exchange):
    """Return the request of the client that gets a response; `None` if there is none."""
    views = {o.view: o for o in OPERATIONS if o.ids(exchange) is not None}
    return views.get(exchange.view, views.get(""))


def responses():
    """Return the different responses to requests of the client."""
    different = {}
    for exchange in recorded.all_exchanges():
        if operation := operation_of(exchange):
            key = operation.endpoint, exchange.status, exchange.body
            different.setdefault(key, exchange.filled())
    return list(different.values())


EXCHANGES = responses()


def serve(scripted, exchange):
    """Send the response of an exchange to all requests."""
    response = exchange.response()
    record = json_response({"id": EXAMPLE_ID, "status": "Failed"})
    # After an empty log and after missing events, the client reads the record of the session.
    is_view = operation_of(exchange).view in ("logs", "events")
    scripted.respond = lambda request: (
        record if is_view and "view" not in request.query else response
    )


def test_the_facade_reads_the_responses(variant, scripted, subtests):
    """The result is the content of the response, or an error with its text."""
    class_names = ("Session", "Context", "Images", "Overview")
    settings = {"server": scripted.url, "token": TOKEN, "retry": False}
    facades = {name: variant.open(name, **settings) for name in class_names}
    for exchange in EXCHANGES:
        with subtests.test(exchange.name):
            serve(scripted, exchange)
            operation = operation_of(exchange)
            ids = operation.ids(exchange)
            error = None
            try:
                result = variant.run(operation.call(facades[operation.facade], *ids))
                error = next(iter(getattr(result, "failures", {}).values()), None)
            except errors.SkahaError as caught:
                error = caught
            if exchange.status >= 400 or exchange.error:
                name = exchange.error and getattr(errors, exchange.error)
                assert type(error) is (name or ERRORS[exchange.status])
                assert error.text == exchange.body
                assert message_text(exchange) in " ".join(str(error).split())
            else:
                assert error is None
                if operation.endpoint is get_capabilities:
                    result = [capability.standard for capability in result]
                assert result == operation.result(exchange, next(iter(ids), None))


def message_text(exchange):
    """Return the text that the message of an error shows."""
    if "ApiException" in exchange.body:
        return "Kubernetes refused the job, and Skaha does not give the reason."
    match = re.search("<b>Message</b> (.*?)</p>", exchange.body)
    text = html.unescape(match[1]) if match else exchange.body
    # A control character could change the terminal.
    text = "".join(c if c.isprintable() or c.isspace() else "\ufffd" for c in text)
    return " ".join(text.split())


def test_the_raw_endpoints_read_the_responses(variant, scripted, subtests):
    """The result is a model or a text; after an error it is `None`."""
    client = skaha_api.AuthenticatedClient(base_url=scripted.url, token=TOKEN)
    for exchange in EXCHANGES:
        with subtests.test(exchange.name):
            serve(scripted, exchange)
            operation = operation_of(exchange)
            form = {} if operation.form is None else {"body": operation.form}
            prefix = "sync" if variant.name == "sync" else "asyncio"
            call = getattr(operation.endpoint, f"{prefix}_detailed")
            response = variant.run(call(*operation.ids(exchange), client=client, **form))
            assert response.status_code == exchange.status
            assert response.content.decode() == exchange.body
            if exchange.status >= 400:
                assert response.parsed is None
            elif exchange.headers["content-type"] == "application/json":
                assert plain(response.parsed) == json.loads(exchange.body)
            else:
                assert response.parsed == exchange.body
    if variant.name == "sync":
        client.get_httpx_client().close()
    else:
        variant.run(client.get_async_httpx_client().aclose())


def plain(value):
    if isinstance(value, list):
        return [plain(item) for item in value]
    return value.to_dict() if hasattr(value, "to_dict") else value
