"""Commands that look at the platform: images, repositories, resources, stats, availability."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import click

from skaha.cli._call import Call, command
from skaha.cli._codes import DONE, FAILED
from skaha.cli._output import Item, flattened
from skaha.cli._sessions import KINDS


@command("images")
@click.argument("text", required=False)
@click.option("--kind", type=click.Choice(KINDS), help="Only those for this kind of session.")
@click.pass_obj
def images_command(call: Call, text: str | None, kind: Any) -> int:
    """List public images; with TEXT, those whose references hold it."""
    from skaha import Images

    with call.client(Images) as images:
        found = images.details(kind)
    items = [
        {"image": one.get("id"), "kinds": one.get("types", []), "digest": one.get("digest")}
        for one in found
        if text is None or text in str(one.get("id"))
    ]
    items.sort(key=lambda one: str(one["image"]))
    return call.report(items, ("image", "kinds"), key="image")


@command("repositories")
@click.pass_obj
def repositories_command(call: Call) -> int:
    """List the registries that images may come from."""
    from skaha import Images

    with call.client(Images) as images:
        hosts = images.repositories()
    return call.report([{"host": host} for host in hosts], ("host",), key="host")


@command("resources")
@click.pass_obj
def resources_command(call: Call) -> int:
    """Show what one session may ask for."""
    from skaha import Context

    with call.client(Context) as context:
        offered: Mapping[str, Any] = context.resources()
    items = [_resource(name, value) for name, value in offered.items()]
    return call.report(items, ("resource", "default", "limit", "options"), key="resource")


def _resource(name: str, value: Any) -> Item:
    if not isinstance(value, Mapping):
        return {"resource": name, "default": None, "options": [], "limit": _number(value)}
    default = value.get("defaultRequest", value.get("default"))
    limit = value.get("defaultLimit")
    options = value.get("options", [])
    return {"resource": name, "default": default, "options": options, "limit": limit}


def _number(value: Any) -> Any:
    return int(value) if str(value).isdecimal() else value


@command("stats")
@click.pass_obj
def stats_command(call: Call) -> int:
    """Show how busy the platform is."""
    with call.session() as session:
        found: Mapping[str, Any] = session.stats()
    items = [{"name": name, "value": value} for name, value in flattened(found).items()]
    return call.report(items, ("name", "value"), key="name")


@command("availability")
@click.pass_obj
def availability_command(call: Call) -> int:
    """Ask whether the platform is available; the exit code is 1 if it is not."""
    from skaha import Overview

    with call.client(Overview) as overview:
        available = overview.availability()
        server = overview.server
    item = {"server": server, "available": available}
    call.report([item], ("server", "available"), key="server")
    return DONE if available else FAILED
