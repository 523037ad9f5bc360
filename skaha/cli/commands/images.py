"""The command `skaha images`: list public images."""

from __future__ import annotations

from typing import Any

import click

from skaha.cli._context import CommandContext, command
from skaha.cli._sessions import KINDS, choice


@command("images")
@click.argument("text", required=False)
@click.option("-k", "--kind", type=choice(KINDS), help="Only images for this kind of session.")
@click.pass_obj
def images_command(context: CommandContext, text: str | None, kind: Any) -> int:
    """List public images; with TEXT, only references that contain it."""
    from skaha import Images

    with context.client(Images) as images:
        records = images.details(kind)
    items = [
        {
            "image": record.get("id"),
            "kinds": record.get("types", []),
            "digest": record.get("digest"),
        }
        for record in records
        if text is None or text in str(record.get("id"))
    ]
    items.sort(key=lambda item: str(item["image"]))
    return context.report(items, ("image", "kinds"), key="image", empty="No images.")
