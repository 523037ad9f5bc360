"""Our own templates for the generator, each made for one version of the generator."""

from __future__ import annotations

from importlib.metadata import version
from importlib.resources import files
from pathlib import Path

TEMPLATES = Path(__file__).resolve().parent.parent / "openapi" / "templates"
GENERATOR = "openapi-python-client"


def template_options() -> list[str]:
    """Return the options that make the generator use our templates, if there are any.

    The file `VERSION` in the same folder names the version of the generator whose templates were
    changed. Another version has other templates, so ours could generate wrong code there.
    """
    ours = [str(path.relative_to(TEMPLATES)) for path in sorted(TEMPLATES.rglob("*.jinja"))]
    if not ours:
        return []
    version_file, installed = TEMPLATES / "VERSION", version(GENERATOR)
    made_for = version_file.read_text().strip() if version_file.is_file() else "no version"
    if made_for != installed:
        raise SystemExit(
            f"the templates in {TEMPLATES} are made for {made_for} of {GENERATOR}, but {installed} "
            f"is installed: make them from its templates again, then write {installed} into VERSION"
        )
    theirs = files("openapi_python_client") / "templates"
    if unknown := [name for name in ours if not (theirs / name).is_file()]:
        raise SystemExit(f"{GENERATOR} {installed} has no such templates: {', '.join(unknown)}")
    return ["--custom-template-path", str(TEMPLATES)]
