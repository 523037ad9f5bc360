"""Code of a user for the type checkers only: they must accept correct code and report mistakes."""

from __future__ import annotations

from typing import Any, assert_type

from skaha import AsyncSession, Context, Images, Overview, Session
from skaha.helpers import shell
from skaha.helpers.progress import bar
from skaha.models import PublicSessionRecord, SessionRecord
from skaha.records import Event
from skaha.results import Launched, ResultDict, ResultList
from skaha_api import models
from skaha_api.api.session import create_session, get_session, list_sessions


def takes_texts(texts: list[str]) -> list[str]:
    return texts


def sync_variant(session: Session) -> None:
    assert_type(session.fetch(), ResultList[SessionRecord])
    assert_type(session.fetch()[0]["status"], str)
    assert_type(session.fetch(view="all"), ResultList[PublicSessionRecord])
    assert_type(session.fetch(None, None, "all"), ResultList[PublicSessionRecord])
    assert_type(session.info("abc")[0]["name"], str)
    assert_type(session.create("name", "image"), Launched)
    assert_type(takes_texts(session.create("name", "image")), list[str])
    assert_type(session.preview("name", "image", replicas=2), list[dict[str, Any]])
    assert_type(session.preview_many([{"name": "a", "image": "b"}]), list[dict[str, Any]])
    assert_type(session.whoami(), str | None)
    assert_type(session.create("name", "image", **shell.script("true")), Launched)
    assert_type(session.logs("abc"), ResultDict[str])
    assert_type(session.logs("abc", verbose=True), None)
    assert_type(session.events(["abc"]), ResultList[dict[str, str]])
    assert_type(session.parsed_events("abc"), ResultDict[list[Event]])
    assert_type(session.destroy("abc"), ResultDict[bool])
    assert_type(session.destroy_with("abc", dry_run=True), ResultList[SessionRecord])
    assert_type(session.wait(["abc"], until="running"), ResultDict[str])
    assert_type(session.run("name", "image", cmd="true", replicas=2), ResultDict[str])
    for session_id, line in session.follow("abc"):
        assert_type(session_id, str)
        assert_type(line, str)
    session.create("name", "image", progress=bar("launching"))
    session.wait("abc", progress=bar("waiting", until="running"))
    session.run("name", "image", cmd="true", progress=bar())
    session.destroy("abc", progress=print)
    session.destroy("abc", progress=len)  # type: ignore[arg-type]
    bar(until="sleeping")  # type: ignore[arg-type]
    session.create("name", "image", kind="headles")  # type: ignore[arg-type]
    session.create("name", "image", kind="desktop-apps")  # type: ignore[arg-type]
    session.fetch(status="completed")  # type: ignore[arg-type]
    session.fetch(kind=["headless", "notebook"], status={"Running", "Pending"})
    session.fetch(kind=["headles"])  # type: ignore[list-item]
    session.run("name", "image", replica=2)  # type: ignore[call-arg]
    Session(url="https://example.org")  # type: ignore[call-arg]


async def async_variant(session: AsyncSession) -> None:
    assert_type(await session.fetch(), ResultList[SessionRecord])
    assert_type((await session.fetch())[0]["status"], str)
    assert_type(await session.create("name", "image"), Launched)
    assert_type(await session.logs("abc"), ResultDict[str])
    assert_type(await session.logs("abc", verbose=True), None)
    assert_type(await session.destroy(ids=["abc"]), ResultDict[bool])
    async for session_id, line in session.follow("abc"):
        assert_type(session_id, str)
        assert_type(line, str)
    await session.create("name", "image", kind="headles")  # type: ignore[arg-type]


def other_classes(images: Images, context: Context, overview: Overview) -> None:
    assert_type(images.fetch(), list[str])
    assert_type(context.resources().get("cores", {}).get("options", []), list[float])
    assert_type(overview.availability(), bool)


def generated_endpoints(session: Session) -> None:
    assert_type(list_sessions.sync(client=session.api), list[models.Session] | None)
    assert_type(get_session.sync("abc", client=session.api), models.Session | None)
    body = models.NewSession(name="name", image="image")
    assert_type(create_session.sync(client=session.api, body=body), str | None)
    get_session.sync("abc", client=session)  # type: ignore[arg-type]
