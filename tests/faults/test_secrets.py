"""Nothing that is written, shown or kept has a secret in it: every place is searched for it."""

import asyncio
import base64
import json
import logging
import pickle
import traceback
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from faults import faulty as f
from faults.conftest import IMAGE
from faults.faulty import FaultyPlatform
from scripted import Answer

import skaha
import skaha_api
from skaha import ContainerRegistry, Retry, SkahaClient, config
from skaha.errors import AnswerError, BadRequestError, ConfigurationError, SkahaError

TOKEN = "canary-token-8f1c"
VALUE = "canary-value-77aa"
SECRET = "canary-secret-03be"
ENCODED = base64.b64encode(f"vrubin:{SECRET}".encode()).decode()
CANARIES = (
    TOKEN,
    VALUE,
    SECRET,
    ENCODED,
    quote(ENCODED),
    base64.b64encode(SECRET.encode()).decode(),
)

# The sources of the package and of the generated client.
OURS = tuple(str(Path(str(module.__file__)).parent) for module in (skaha, skaha_api))
ENV = {"PASSWORD": VALUE}
FAULTS = [
    *(f.refusal(status) for status in (400, 401, 403, 404, 409, 429, 500, 502, 503)),
    f.RESET_EXECUTED,
    f.HALF_BODY,
    f.STALL_EXECUTED,
    *(fault for fault in f.INVALID_RESPONSES if fault is not f.SURPLUS),
]


class Everything(logging.Handler):
    """Keeps whatever is logged by anybody, as text."""

    def __init__(self) -> None:
        super().__init__(0)
        self.texts: list[str] = []
        self.names: set[str] = set()

    def emit(self, record: logging.LogRecord) -> None:
        self.names.add(record.name.partition(".")[0])
        self.texts += [self.format(record), repr(record.args), repr(vars(record))]


@pytest.fixture
def logged() -> Iterator[Everything]:
    """Everything that is logged, at any level, httpx and httpcore included."""
    everything = Everything()
    root = logging.getLogger()
    level = root.level
    root.addHandler(everything)
    root.setLevel(1)
    yield everything
    root.setLevel(level)
    root.removeHandler(everything)


def told_by(error: BaseException) -> Iterator[str]:
    """Return all that an exception, and those behind it, may tell."""
    yield "".join(traceback.format_exception(error))
    seen: set[int] = set()
    todo: list[Any] = [error]
    while todo:
        one = todo.pop()
        if one is None or id(one) in seen:
            continue
        seen.add(id(one))
        yield from (str(one), repr(one), repr(one.args), repr(getattr(one, "__notes__", "")))
        shown = {name: value for name, value in vars(one).items() if not name.startswith("__")}
        yield repr(shown)
        partial = shown.get("partial")
        if partial is not None:
            yield from told_by_result(partial)
            todo += partial.failures.values()
        todo += [one.__cause__, one.__context__, *getattr(one, "exceptions", ())]
        yield from local_variables(one)
        yield from attributes_of_responses(one)


def local_variables(error: BaseException) -> Iterator[str]:
    """Yield the local variables in the frames of the library, as debuggers show them."""
    for frame, _ in traceback.walk_tb(error.__traceback__):
        if frame.f_code.co_filename.startswith(OURS):
            yield from (f"{name} = {value!r}" for name, value in frame.f_locals.items())


def attributes_of_responses(error: BaseException) -> Iterator[str]:
    """Yield the request and the response of an error, and the objects to which they lead."""
    todo = [getattr(error, "_request", None), getattr(error, "response", None)]
    seen: set[int] = set()
    while todo:
        value = todo.pop()
        if value is not None and id(value) not in seen and hasattr(value, "__dict__"):
            seen.add(id(value))
            yield repr(vars(value))
            if isinstance(value, httpx.Headers):
                yield str(value.raw)
            todo += vars(value).values()


def told_by_result(result: Any) -> Iterator[str]:
    yield from (repr(result), str(result), json.dumps(result), repr(vars(result)))
    if hasattr(result, "_repr_html_"):
        yield result._repr_html_()


def check_no_canary(texts: Any) -> None:
    for text in texts:
        for canary in CANARIES:
            assert canary not in text


def opened(variant: Any, platform: FaultyPlatform) -> Any:
    registry = ContainerRegistry(username="vrubin", secret=SECRET)
    quick = Retry(attempts=2, deadline=0.2, first_pause=0.001)
    return variant.open(
        server=platform.url, token=TOKEN, registry=registry, retry=quick, timeout=0.3
    )


def errors_of(variant: Any, session: Any, ids: list[str]) -> Iterator[BaseException]:
    """Yield what all kinds of calls raise, or keep as failures."""
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
            check_no_canary(told_by_result(result))
            try:
                result.raise_for_failures()
            except ExceptionGroup as group:
                yield group
            else:
                # Not even a session that has never failed shows what it was told.
                check_no_canary([repr(result)])


@pytest.mark.parametrize("fault", FAULTS, ids=str)
def test_no_error_shows_a_secret(
    variant: Any, faulty: FaultyPlatform, logged: Everything, fault: f.Fault
) -> None:
    ids = [faulty.add("run-9") for _ in range(2)]
    for what in ("POST run-1", "POST run-2", f"GET {ids[0]}", f"DELETE {ids[0]}"):
        faulty.always(what, fault)
    faulty.script("GET session", f.NONE, f.NONE, fault, fault, fault, fault)
    session = opened(variant, faulty)
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        errors = list(errors_of(variant, session, ids))
    assert errors
    for error in errors:
        check_no_canary(told_by(error))
        check_no_canary([pickle.dumps(error).decode("latin-1")])
    check_no_canary(str(one.message) for one in warned)
    check_no_canary(logged.texts)
    check_no_canary(one.target for one in faulty.requests())
    # What was looked for was there to be found, and all who log were heard.
    assert {"httpx", "httpcore"} <= logged.names
    assert all(TOKEN in one.headers["authorization"] for one in faulty.requests())
    posts = faulty.requests("POST")
    assert all(one.headers["x-skaha-registry-auth"] == ENCODED for one in posts)
    assert all(f"PASSWORD={VALUE}" in one.form["env"] for one in posts)


def test_the_requests_behind_an_error_show_no_secret(variant: Any, faulty: FaultyPlatform) -> None:
    """Tools that collect errors show what hangs on them: requests, answers, and their headers."""
    faulty.always("POST run-1", f.refusal(400))
    faulty.always("POST run-2", f.RESET_EXECUTED)
    registry = ContainerRegistry(username="vrubin", secret=SECRET)
    settings: dict[str, Any] = {"token": TOKEN, "registry": registry, "retry": False}
    session = variant.open(server=faulty.url, **settings)
    with pytest.raises(SkahaError) as caught:
        variant.run(session.create("run", IMAGE, env=ENV, replicas=2))
    texts: list[str] = []
    todo: list[BaseException | None] = [caught.value, *caught.value.partial.failures.values()]
    while todo:
        error = todo.pop()
        if error is None:
            continue
        todo += [error.__cause__, error.__context__]
        request = getattr(error, "_request", None)
        for one in (request, getattr(error, "response", None)):
            if one is not None:
                texts += [repr(one), repr(one.headers), repr(one.extensions)]
    assert len(texts) >= 6
    check_no_canary(texts)


@pytest.mark.parametrize("status", [200, 400])
def test_a_response_that_quotes_the_request_is_redacted(
    variant: Any, scripted: Any, status: int
) -> None:
    """Error texts of Kubernetes quote the environment, and debug pages quote the headers."""

    def quote_all(received: Any) -> Answer:
        headers = {"X-Quoted": received.headers["authorization"]}
        return Answer(status, f"{received.headers} {received.form} {SECRET}", headers=headers)

    scripted.answer = quote_all
    registry = ContainerRegistry(username="vrubin", secret=SECRET)
    session = variant.open(server=scripted.url, token=TOKEN, registry=registry, retry=False)
    with pytest.raises(BadRequestError if status == 400 else AnswerError) as caught:
        variant.run(session.create("run", IMAGE, env=ENV))
    assert "PASSWORD=..." in caught.value.text
    check_no_canary([str(caught.value), repr(vars(caught.value))])
    check_no_canary(attributes_of_responses(caught.value))


def test_the_traceback_of_the_program_stays(variant: Any, faulty: FaultyPlatform) -> None:
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
            raise LookupError("an exception in it stops the call, like Ctrl-C")

    with pytest.raises(LookupError, match="like Ctrl-C") as caught:
        variant.run(session.create("run", IMAGE, env=ENV, replicas=2, progress=stop))
    check_no_canary(told_by(caught.value))


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
            check_no_canary(told_by(caught.value))

    asyncio.run(cancel())


def test_the_frames_of_a_wrong_configuration_show_no_secret(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "config.toml"
    file.touch(0o600)
    monkeypatch.setenv("SKAHA_CONFIG", str(file))
    secrets = f"active = 'a'\n[profiles.a]\ntoken = '{TOKEN}'\nregistry_secret = '{SECRET}'\n"
    wrong: list[tuple[str, Any]] = [
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
    for text, call in wrong:
        file.write_text(text)
        with pytest.raises(ConfigurationError) as caught:
            call()
        check_no_canary(told_by(caught.value))


def test_a_token_file_without_a_token_shows_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "token").write_text(f"{TOKEN} {TOKEN}")
    monkeypatch.setenv("SKAHA_TOKEN_FILE", str(tmp_path / "token"))
    with pytest.raises(ConfigurationError, match=r"SKAHA_TOKEN_FILE: .*token must be") as caught:
        SkahaClient()
    check_no_canary(told_by(caught.value))


def test_no_object_shows_a_secret(variant: Any, faulty: FaultyPlatform) -> None:
    """Neither does anything else that a call leaves in the hands of its caller."""
    session = opened(variant, faulty)
    launched = variant.run(session.create("run", IMAGE, env=ENV, replicas=2))
    shown = [session, session.registry, session.retry, session.api, session.api._settings, launched]
    shown += [launched.order, launched.names]
    shown += [session.api._settings.auth, session.api._settings.tls, variant.run(session.fetch())]
    check_no_canary(text for one in shown for text in (repr(one), str(one), f"{one}"))


def test_no_secret_in_a_refused_argument(faulty: FaultyPlatform) -> None:
    """A secret that cannot be used is not shown to say so."""
    wrong: list[Any] = [
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
    check_no_canary([repr(session)])
    for call in wrong:
        with pytest.raises(SkahaError) as caught:
            call()
        check_no_canary(told_by(caught.value))


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
def test_no_value_in_a_refused_environment(variant: Any, faulty: FaultyPlatform, env: Any) -> None:
    session = opened(variant, faulty)
    calls = [
        lambda: session.create("run", IMAGE, env=env),
        lambda: session.preview("run", IMAGE, env=env),
        lambda: session.run("run", IMAGE, env=env),
        lambda: session.create_many([{"name": "run", "image": IMAGE, "env": env}]),
        lambda: session.create_many([{"name": "run", "image": IMAGE, "environ": env}, {}]),
    ]
    for call in calls:
        with pytest.raises(SkahaError) as caught:
            variant.run(call())
        check_no_canary(told_by(caught.value))
    assert faulty.received == []


def test_the_search_finds_what_is_there(logged: Everything) -> None:
    """A search that finds nothing anywhere would prove nothing."""
    logging.getLogger("anybody").debug("%s", {"token": TOKEN})
    with pytest.raises(AssertionError):
        check_no_canary(logged.texts)
    with pytest.raises(AssertionError):
        check_no_canary(told_by(ValueError(VALUE)))
    error = SkahaError("a failure")
    error.__cause__ = KeyError(ENCODED)
    with pytest.raises(AssertionError):
        check_no_canary(told_by(error))
    with pytest.raises(SkahaError) as caught:
        SkahaClient(server=f"ftp://{TOKEN}")
    assert any("server = " in text for text in local_variables(caught.value))
    with pytest.raises(AssertionError):
        check_no_canary(told_by(caught.value))
