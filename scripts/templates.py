"""Templates of our own in the place of the generator's; they are made for one version of it."""

from __future__ import annotations

from importlib.metadata import version
from importlib.resources import files
from pathlib import Path

TEMPLATES = Path(__file__).resolve().parent.parent / "openapi" / "templates"
GENERATOR = "openapi-python-client"


def template_options() -> list[str]:
    """Return what makes the generator use our templates, if there are any.

    `VERSION`, beside them, names the version of the generator whose templates they were made from:
    another version has other templates, and nobody knows what ours would make there.
    """
    ours = [str(path.relative_to(TEMPLATES)) for path in sorted(TEMPLATES.rglob("*.jinja"))]
    if not ours:
        return []
    recorded, installed = TEMPLATES / "VERSION", version(GENERATOR)
    made_for = recorded.read_text().strip() if recorded.is_file() else "no version"
    if made_for != installed:
        raise SystemExit(
            f"the templates in {TEMPLATES} are made for {made_for} of {GENERATOR}, and this is "
            f"{installed}: make them again from its own, then write {installed} into VERSION"
        )
    theirs = files("openapi_python_client") / "templates"
    if unused := [name for name in ours if not (theirs / name).is_file()]:
        raise SystemExit(f"{GENERATOR} {installed} has no such templates: {', '.join(unused)}")
    return ["--custom-template-path", str(TEMPLATES)]
