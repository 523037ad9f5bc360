"""No error, log, repr, pickle or traceback contains a secret."""

import asyncio
import base64
import html
import json
import logging
import pickle
import traceback
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote, quote_plus

import httpx
import pytest
from faults import faulty as f
from faults.conftest import IMAGE
from faults.faulty import FaultyPlatform
from scripted import Response

import skaha
import skaha_api
from skaha import ContainerRegistry, Retry, SkahaClient, config
from skaha.errors import AnswerError, BadRequestError, ConfigurationError, SkahaError

TOKEN = "canary-token-8f1c"
VALUE = "canary-value-77aa"
SECRET = "canary-secret-03be"
ENCODED = base64.b64encode(f"vrubin:{SECRET}".encode()).decode()
SECRETS = (
    TOKEN,
    VALUE,
    SECRET,
    ENCODED,
    quote(ENCODED),
    base64.b64encode(SECRET.encode()).decode(),
)

# The folders of the package and of the generated client.
OUR_SOURCES = tuple(str(Path(str(module.__file__)).parent) for module in (skaha, skaha_api))
ENV = {"PASSWORD": VALUE}
FAULTS = [
    *(f.refusal(status) for status in (400, 401, 403, 404, 409, 429, 500, 502, 503)),
    f.RESET_EXECUTED,
    f.HALF_BODY,
    f.STALL_EXECUTED,
    *(fault for fault in f.INVALID_RESPONSES if fault is not f.SURPLUS),
]


class AllLogs(logging.Handler):
    """Stores the records of all loggers as texts."""

    def __init__(self) -> None:
        super().__init__(0)
        self.texts: list[str] = []
        self.names: set[str] = set()

    def emit(self, record: logging.LogRecord) -> None:
        self.names.add(record.name.partition(".")[0])
        self.texts += [self.format(record), repr(record.args), repr(vars(record))]


@pytest.fixture
def logged() -> Iterator[AllLogs]:
    """Record all logs at any level, including those of httpx and httpcore."""
    handler = AllLogs()
    root = logging.getLogger()
    level = root.level
    root.addHandler(handler)
    root.setLevel(1)
    yield handler
    root.setLevel(level)
    root.removeHandler(handler)


def texts_of(error: BaseException) -> Iterator[str]:
    """Yield all texts that an exception, its causes and its partial result contain."""
    yield "".join(traceback.format_exception(error))
    visited: set[int] = set()
    remaining: list[Any] = [error]
    while remaining:
        part = remaining.pop()
        if part is None or id(part) in visited:
            continue
        visited.add(id(part))
        yield from (str(part), repr(part), repr(part.args), repr(getattr(part, "__notes__", "")))
        attributes = {
            name: value for name, value in vars(part).items() if not name.startswith("__")
        }
        yield repr(attributes)
        partial = attributes.get("partial")
        if partial is not None:
            yield from texts_of_result(partial)
            remaining += partial.failures.values()
        remaining += [part.__cause__, part.__context__, *getattr(part, "exceptions", ())]
        yield from local_variables(part)
        yield from attributes_of_responses(part)


def local_variables(error: BaseException) -> Iterator[str]:
    """Yield the local variables in the frames of the library, as debuggers show them."""
    for frame, _ in traceback.walk_tb(error.__traceback__):
        if frame.f_code.co_filename.startswith(OUR_SOURCES):
            yield from (f"{name} = {value!r}" for name, value in frame.f_locals.items())


def attributes_of_responses(error: BaseException) -> Iterator[str]:
    """Yield the attributes of an error's request and response, and of all objects in them."""
    remaining = [getattr(error, "_request", None), getattr(error, "response", None)]
    visited: set[int] = set()
    while remaining:
        value = remaining.pop()
        if value is not None and id(value) not in visited and hasattr(value, "__dict__"):
            visited.add(id(value))
            yield repr(vars(value))
            if isinstance(value, httpx.Headers):
                yield str(value.raw)
            remaining += vars(value).values()


def texts_of_result(result: Any) -> Iterator[str]:
    yield from (repr(result), str(result), json.dumps(result), repr(vars(result)))
    if hasattr(result, "_repr_html_"):
        yield result._repr_html_()


def check_no_secret(texts: Any) -> None:
    for text in texts:
        for secret in SECRETS:
            assert secret not in text


def open_session(variant: Any, platform: FaultyPlatform) -> Any:
    registry = ContainerRegistry(username="vrubin", secret=SECRET)
    quick = Retry(attempts=2, deadline=0.2, first_pause=0.001)
    return variant.open(
        server=platform.url, token=TOKEN, registry=registry, retry=quick, timeout=0.3
    )


def errors_of(variant: Any, session: Any, ids: list[str]) -> Iterator[BaseException]:
    """Yield the errors and failures of all kinds of calls."""
    calls = [
        lambda: session.create("run", IMAGE, env=ENV, replicas=2),
        lambda: session.create_many([{"name": "run-1", "image": IMAGE, "env": ENV}]),
        lambda: session.run("run", IMAGE, timeout=0.2, env=ENV),
        session.fetch,
        lambda: session.info(ids),
        lambda: session.logs(ids),
        lambda: session.destroy(ids),
    ]
    for call in calls:
        try:
            result = variant.run(call())
        except SkahaError as error:
            yield error
        else:
            check_no_secret(texts_of_result(result))
            try:
                result.raise_for_failures()
            except ExceptionGroup as group:
                yield group
            else:
                check_no_secret([repr(result)])


@pytest.mark.parametrize("fault", FAULTS, ids=str)
def test_no_error_shows_a_secret(
    variant: Any, faulty: FaultyPlatform, logged: AllLogs, fault: f.Fault
) -> None:
    ids = [faulty.add("run-9") for _ in range(2)]
    for key in ("POST run-1", "POST run-2", f"GET {ids[0]}", f"DELETE {ids[0]}"):
        faulty.always(key, fault)
    faulty.script("GET session", f.NONE, f.NONE, fault, fault, fault, fault)
    session = open_session(variant, faulty)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        errors = list(errors_of(variant, session, ids))
    assert errors
    for error in errors:
        check_no_secret(texts_of(error))
        check_no_secret([pickle.dumps(error).decode("latin-1")])
    check_no_secret(str(warning.message) for warning in caught)
    check_no_secret(logged.texts)
    check_no_secret(request.target for request in faulty.requests())
    # The requests contained the secrets, and the logs of all libraries were recorded.
    assert {"httpx", "httpcore"} <= logged.names
    assert all(TOKEN in request.headers["authorization"] for request in faulty.requests())
    launches = faulty.requests("POST")
    assert all(launch.headers["x-skaha-registry-auth"] == ENCODED for launch in launches)
    assert all(f"PASSWORD={VALUE}" in launch.form["env"] for launch in launches)


def test_the_requests_and_responses_of_an_error_show_no_secret(
    variant: Any, faulty: FaultyPlatform
) -> None:
    """Tools that collect errors also collect their requests, responses and headers."""
    faulty.always("POST run-1", f.refusal(400))
    faulty.always("POST run-2", f.RESET_EXECUTED)
    registry = ContainerRegistry(username="vrubin", secret=SECRET)
    settings: dict[str, Any] = {"token": TOKEN, "registry": registry, "retry": False}
    session = variant.open(server=faulty.url, **settings)
    with pytest.raises(SkahaError) as caught:
        variant.run(session.create("run", IMAGE, env=ENV, replicas=2))
    texts: list[str] = []
    remaining: list[BaseException | None] = [caught.value, *caught.value.partial.failures.values()]
    while remaining:
        error = remaining.pop()
        if error is None:
            continue
        remaining += [error.__cause__, error.__context__]
        request = getattr(error, "_request", None)
        for message in (request, getattr(error, "response", None)):
            if message is not None:
                texts += [repr(message), repr(message.headers), repr(message.extensions)]
    assert len(texts) >= 6
    check_no_secret(texts)


@pytest.mark.parametrize("status", [200, 400])
def test_a_response_that_quotes_the_request_is_redacted(
    variant: Any, scripted: Any, status: int
) -> None:
    """Error texts of Kubernetes quote the environment, and debug pages quote the headers."""

    def quote_all(received: Any) -> Response:
        headers = {"X-Quoted": received.headers["authorization"]}
        return Response(status, f"{received.headers} {received.form} {SECRET}", headers=headers)

    scripted.respond = quote_all
    registry = ContainerRegistry(username="vrubin", secret=SECRET)
    session = variant.open(server=scripted.url, token=TOKEN, registry=registry, retry=False)
    with pytest.raises(BadRequestError if status == 400 else AnswerError) as caught:
        variant.run(session.create("run", IMAGE, env=ENV))
    assert "PASSWORD=..." in caught.value.text
    check_no_secret([str(caught.value), repr(vars(caught.value))])
    check_no_secret(attributes_of_responses(caught.value))


ODD_VALUE = "canary <&/é> 77aa"
SPELLINGS = {
    "text": ODD_VALUE,
    "URL": quote(ODD_VALUE, safe=""),
    "form": quote_plus(ODD_VALUE),
    "HTML": html.escape(ODD_VALUE),
    "JSON": json.dumps(ODD_VALUE, ensure_ascii=False)[1:-1],
    "JSON in ASCII": json.dumps(ODD_VALUE)[1:-1],
    "JSON of Go": "canary \\u003c\\u0026/é\\u003e 77aa",
}


@pytest.mark.parametrize("spelling", SPELLINGS.values(), ids=list(SPELLINGS))
@pytest.mark.parametrize("content_type", ["text/plain", "text/html", "application/json"])
def test_a_response_that_quotes_the_request_with_escapes_is_redacted(
    variant: Any, scripted: Any, spelling: str, content_type: str
) -> None:
    text = f"<html><title>refused: {spelling}</title>" if "html" in content_type else spelling
    scripted.respond = lambda _: Response(400, text, content_type)
    session = variant.open(server=scripted.url, token=TOKEN, retry=False)
    with pytest.raises(BadRequestError) as caught:
        variant.run(session.create("run", IMAGE, env={"PASSWORD": ODD_VALUE}))
    shown = [*texts_of(caught.value), *attributes_of_responses(caught.value)]
    assert not [text for text in shown if "canary" in text]


def test_an_unexpected_text_that_quotes_the_token_is_redacted(
    variant: Any, scripted: Any, logged: AllLogs
) -> None:
    scripted.respond = lambda received: Response(200, received.headers["authorization"])
    session = variant.open(server=scripted.url, token=TOKEN, retry=False)
    assert variant.run(session.destroy("a1")) == {"a1": True}
    assert any("unexpected text: Bearer ..." in text for text in logged.texts)
    check_no_secret(logged.texts)


@pytest.mark.parametrize(("value", "shown"), [("8letters", "..."), ("5000000", "5000000")])
def test_only_values_of_eight_letters_or_more_are_redacted(
    variant: Any, scripted: Any, value: str, shown: str
) -> None:
    """Shorter values are usually words or numbers, and messages need these."""
    scripted.respond = lambda received: Response(400, f"{received.form['env']}")
    session = variant.open(server=scripted.url, token=TOKEN, retry=False)
    with pytest.raises(BadRequestError, match=f"'A={shown}', 'REPLICA_ID=1'"):
        variant.run(session.create("run", IMAGE, env={"A": value}))


def test_an_exception_of_the_program_keeps_its_traceback(
    variant: Any, faulty: FaultyPlatform
) -> None:
    faulty.always("GET session", f.RESET_EXECUTED)
    session = variant.open(server=faulty.url, token=TOKEN, retry=False)
    mistake = ValueError("a mistake of the program")
    try:
        raise mistake
    except ValueError:
        with pytest.raises(SkahaError) as caught:
            variant.run(session.fetch())
    assert mistake.__traceback__ is not None
    assert len(traceback.format_exception(caught.value)) < 30


def test_an_interrupted_launch_shows_no_secret(variant: Any, faulty: FaultyPlatform) -> None:
    session = variant.open(server=faulty.url, token=TOKEN, retry=False)

    def stop(done: int, _: int) -> None:
        if done:
            raise LookupError("an exception of progress stops the call, like Ctrl-C")

    with pytest.raises(LookupError, match="like Ctrl-C") as caught:
        variant.run(session.create("run", IMAGE, env=ENV, replicas=2, progress=stop))
    check_no_secret(texts_of(caught.value))


def test_a_cancelled_launch_shows_no_secret(faulty: FaultyPlatform) -> None:
    faulty.always("POST run-1", f.STALL_EXECUTED)

    async def cancel() -> None:
        settings: dict[str, Any] = {"token": TOKEN, "retry": False}
        async with skaha.AsyncSession(server=faulty.url, **settings) as session:
            launch = asyncio.ensure_future(session.create("run", IMAGE, env=ENV))
            await asyncio.to_thread(faulty.wait_for, lambda: faulty.received)
            launch.cancel()
            with pytest.raises(asyncio.CancelledError) as caught:
                await launch
            check_no_secret(texts_of(caught.value))

    asyncio.run(cancel())


def test_the_frames_of_an_invalid_configuration_show_no_secret(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "config.toml"
    file.touch(0o600)
    monkeypatch.setenv("SKAHA_CONFIG", str(file))
    secrets = f"active = 'a'\n[profiles.a]\ntoken = '{TOKEN}'\nregistry_secret = '{SECRET}'\n"
    cases: list[tuple[str, Any]] = [
        (f"{secrets}timeout = -1\n", config.settings),
        (f"{secrets}timeout = -1\n", lambda: config.save("concurrency", "2")),
        (f"{secrets}timeout = -1\n", lambda: config.remove("concurrency")),
        (f"{secrets}timeout = -1\n", lambda: config.save("active", "a")),
        (secrets, lambda: config.save("concurrency", "0")),
        (secrets, lambda: config.save("active", "b")),
        (secrets, lambda: config.remove("token", "b")),
        (secrets, lambda: config.save("token", f"{VALUE} {VALUE}")),
        (secrets, lambda: config.save("registry_secret", f"{VALUE}:")),
        (secrets, lambda: config.settings("b")),
        (f"profiles.b.timeout = 5\n{secrets}", lambda: config.save("timeout", "2", "c")),
        (secrets, lambda: SkahaClient(profile="b", token=VALUE)),
    ]
    for text, call in cases:
        file.write_text(text)
        with pytest.raises(ConfigurationError) as caught:
            call()
        check_no_secret(texts_of(caught.value))


def test_the_error_of_an_invalid_token_file_shows_no_secret(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "token").write_text(f"{TOKEN} {TOKEN}")
    monkeypatch.setenv("SKAHA_TOKEN_FILE", str(tmp_path / "token"))
    with pytest.raises(ConfigurationError, match=r"SKAHA_TOKEN_FILE: .*token must be") as caught:
        SkahaClient()
    check_no_secret(texts_of(caught.value))


def test_no_object_shows_a_secret(variant: Any, faulty: FaultyPlatform) -> None:
    """Neither clients nor results contain a secret in their texts."""
    session = open_session(variant, faulty)
    launched = variant.run(session.create("run", IMAGE, env=ENV, replicas=2))
    settings = session.api._settings
    objects = [session, session.registry, session.retry, session.api, settings, launched]
    objects += [launched.order, launched.names]
    objects += [settings.auth, settings.tls, variant.run(session.fetch())]
    check_no_secret(text for item in objects for text in (repr(item), str(item), f"{item}"))


def test_the_error_of_a_refused_argument_shows_no_secret(faulty: FaultyPlatform) -> None:
    """The message must not quote an invalid secret."""
    calls: list[Any] = [
        lambda: SkahaClient(server=faulty.url, token=f"{TOKEN}\n{TOKEN}"),
        lambda: SkahaClient(server=faulty.url, token=f"{TOKEN}é"),
        lambda: SkahaClient(server=faulty.url, token=[TOKEN]),  # type: ignore[arg-type]
        lambda: SkahaClient(server=faulty.url, token=TOKEN.encode()),  # type: ignore[arg-type]
        lambda: SkahaClient(server=f"https://vrubin:{SECRET}@example.org/skaha"),
        lambda: SkahaClient(server=f"https://vrubin:{SECRET}@example.org:port/skaha"),
        lambda: SkahaClient(server=f"https://vrubin:{SECRET}@[/skaha"),
        lambda: SkahaClient(server="http://example.org/skaha", token=TOKEN),
        lambda: SkahaClient(server=faulty.url, registry={"secret": SECRET}),  # type: ignore[arg-type]
        lambda: config.settings(token=[TOKEN]),
        lambda: config.in_use(token=TOKEN.encode()),
        lambda: config.settings(token=TOKEN, registry=("vrubin", SECRET)),
        lambda: SkahaClient(server=faulty.url, token=TOKEN, timeout=-1),
        lambda: ContainerRegistry(username="vrubin", secret=f"{SECRET}:{SECRET}"),
        lambda: ContainerRegistry(username="vrubin", secret=f"{SECRET}\ud800"),
        lambda: ContainerRegistry(username="", secret=SECRET),
        lambda: ContainerRegistry(username="vrubin", secret=[SECRET]),  # type: ignore[arg-type]
    ]
    session = SkahaClient(server=faulty.url, token=TOKEN)
    check_no_secret([repr(session)])
    for call in calls:
        with pytest.raises(SkahaError) as caught:
            call()
        check_no_secret(texts_of(caught.value))


@pytest.mark.parametrize(
    "env",
    [
        {"PASSWORD": f"{VALUE}=x"},
        {"PASSWORD": f"${VALUE}"},
        {"PASSWORD": f"{VALUE}\n"},
        {"A=B": VALUE},
        {"": VALUE},
        {1: VALUE},
        {"PASSWORD": f"{VALUE}\ud800"},
        [("PASSWORD", VALUE)],
        f"PASSWORD={VALUE}",
    ],
)
def test_the_error_of_a_refused_environment_shows_no_value(
    variant: Any, faulty: FaultyPlatform, env: Any
) -> None:
    session = open_session(variant, faulty)
    calls = [
        lambda: session.create("run", IMAGE, env=env),
        lambda: session.preview("run", IMAGE, env=env),
        lambda: session.run("run", IMAGE, env=env),
        lambda: session.create_many([{"name": "run", "image": IMAGE, "env": env}]),
        lambda: session.preview_many([{"name": "run", "image": IMAGE, "env": env}]),
        lambda: session.create_many([{"name": "run", "image": IMAGE, "environ": env}, {}]),
    ]
    for call in calls:
        with pytest.raises(SkahaError) as caught:
            variant.run(call())
        check_no_secret(texts_of(caught.value))
    assert faulty.received == []


def test_the_checks_of_this_file_find_secrets(logged: AllLogs) -> None:
    """Otherwise the other tests would prove nothing."""
    logging.getLogger("another-library").debug("%s", {"token": TOKEN})
    with pytest.raises(AssertionError):
        check_no_secret(logged.texts)
    with pytest.raises(AssertionError):
        check_no_secret(texts_of(ValueError(VALUE)))
    error = SkahaError("a failure")
    error.__cause__ = KeyError(ENCODED)
    with pytest.raises(AssertionError):
        check_no_secret(texts_of(error))
    with pytest.raises(SkahaError) as caught:
        SkahaClient(server=f"ftp://{TOKEN}")
    assert any("server = " in text for text in local_variables(caught.value))
    with pytest.raises(AssertionError):
        check_no_secret(texts_of(caught.value))
