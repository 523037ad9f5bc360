"""Configuration of the site; `nox -s docs` builds it, without a network."""

import importlib
import inspect
import pkgutil
import re
import sys
from pathlib import Path
from textwrap import indent
from typing import Any

import attrs
from docutils import nodes
from sphinx.pycode import ModuleAnalyzer
from sphinx.util.nodes import make_refnode

import skaha_api.api
from skaha import AsyncSession, Session, SkahaClient, __version__
from skaha_api.types import UNSET

sys.path.insert(0, str(Path(__file__).parent))
from rest_api import rest_api

project = "skaha"
release = __version__
html_title = f"skaha {__version__}"
html_theme = "furo"
html_copy_source = False
html_show_copyright = False
html_search_scorer = str(Path(__file__).parent / "search_scorer.js")
html_static_path = ["static"]
html_css_files = ["site.css"]

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "sphinx_copybutton"]
myst_enable_extensions = ["attrs_block", "colon_fence", "deflist"]
myst_heading_anchors = 3
copybutton_prompt_text = r">>> |\.\.\. |\$ |> "
copybutton_prompt_is_regexp = True

autodoc_default_options = {
    "members": True,
    # Other sites document the members that these classes define.
    "inherited-members": "BaseException, HTTPError, OSError, dict, list, str, tuple",
}
autodoc_member_order = "bysource"
autodoc_preserve_defaults = True
napoleon_use_ivar = True
add_module_names = False
python_maximum_signature_line_length = 80
toc_object_entries_show_parents = "hide"

nitpick_ignore_regex = [
    # Other sites document the names of Python and httpx.
    ("py:.*", r"(asyncio|collections|datetime|email|http|httpx|os|pathlib|ssl|typing)\..*"),
    ("py:.*", r"(Callable|Collection|HTTPStatus|Iterable|Iterator|AsyncIterator|Literal|Mapping)"),
    ("py:.*", r"(MutableMapping|Path|PathLike|Request|Sequence|Unpack|datetime|timedelta|Any)"),
    # Other sites document the names of Dask.
    ("py:.*", r"(.*\.)?(Adaptive|IOLoop|Security)|(dask|distributed)\..*"),
    # Only the library creates objects of these types, so users do not need their documentation.
    ("py:.*", r"(.*\.)?(Api|LaunchOrder|Outcome|SecretText)"),
    # Type variables have no documentation.
    ("py:.*", r"(.*\.)?[TR]"),
]

# This sentence of a docstring becomes the list of these arguments.
_SHARED_ARGUMENTS = "The arguments are those of `skaha.client.SkahaClient`.\n"

# The four functions of an endpoint have the same text, so only `sync_detailed` shows it.
_SHORT_TEXTS = {
    "sync": "The same as `sync_detailed`, but returns only the parsed response.",
    "asyncio_detailed": "The same as `sync_detailed`, for asyncio.",
    "asyncio": "The same as `sync`, for asyncio.",
}


def setup(app: Any) -> None:
    """Connect the functions for which Sphinx has no setting."""
    app.connect("builder-inited", _put_inherited_members_last)
    app.connect("source-read", _list_generated)
    app.connect("autodoc-process-docstring", _to_restructured_text, priority=400)
    app.connect("autodoc-process-docstring", _hide_private_modules, priority=600)
    app.connect("autodoc-process-signature", _show_defaults)
    app.connect("missing-reference", _find_by_last_name)


def _list_generated(_app: Any, page: str, source: list[str]) -> None:
    """Add the description and the generated client to their pages."""
    if page == "reference/rest-api":
        source[0] += "\n" + rest_api()
    if page != "reference/generated":
        return
    for tag in pkgutil.iter_modules(skaha_api.api.__path__, "skaha_api.api."):
        source[0] += f"\n## `{tag.name}`\n"
        for module in pkgutil.iter_modules(importlib.import_module(tag.name).__path__):
            source[0] += f"\n### `{module.name}`\n{_automodule(f'{tag.name}.{module.name}')}"
    for module in ("skaha_api", "skaha_api.models", "skaha_api.types", "skaha_api.errors"):
        source[0] += f"\n## `{module}`\n{_automodule(module)}"


def _automodule(name: str) -> str:
    return f"\n```{{eval-rst}}\n.. automodule:: {name}\n   :undoc-members:\n```\n"


def _put_inherited_members_last(_app: Any) -> None:
    """Number the members of the session classes without gaps.

    Sphinx gives all inherited members the number of known members as their place. Overloads leave
    gaps in its numbers, so that the inherited members would be in the middle of the own ones.
    """
    for session_class in (Session, AsyncSession):
        analyzer = ModuleAnalyzer.for_module(session_class.__module__)
        analyzer.analyze()
        places = analyzer.tagorder
        places.update({name: place for place, name in enumerate(sorted(places, key=places.get))})


def _to_restructured_text(
    _app: Any, _what: str, name: str, obj: object, _options: object, lines: list[str]
) -> None:
    """Convert the code of Markdown, add shared arguments, and shorten the generated texts."""
    is_endpoint = name.startswith("skaha_api.api.")
    short_text = _SHORT_TEXTS.get(name.rpartition(".")[2]) if is_endpoint else None
    text = short_text or "\n".join(lines)
    if inspect.isclass(obj) and issubclass(obj, SkahaClient):
        text = text.replace(_SHARED_ARGUMENTS, _arguments_of_all_clients())
    text = re.sub(r"^```(\w*)\n(.*?)\n```$", _as_block, text, flags=re.MULTILINE | re.DOTALL)
    text = re.sub(r"(?<!`)`(skaha\.[\w.]+\w)`(?!`)", r":py:obj:`\1`", text)
    text = re.sub(r"(?<![`:])`([^`\n]+)`(?!`)", r"``\1``", text)
    if name.startswith("skaha_api."):
        # The generator writes a blank before the second paragraph.
        text = re.sub(r"^ (?=\S)", "", text, flags=re.MULTILINE)
    lines[:] = text.splitlines()


def _arguments_of_all_clients() -> str:
    text = inspect.getdoc(SkahaClient) or ""
    return text[text.index("An argument that is `None`") : text.index("\nExample:")]


def _hide_private_modules(
    _app: Any, _what: str, _name: str, _obj: object, _options: object, lines: list[str]
) -> None:
    """Remove private modules from the types that napoleon adds.

    Napoleon runs with priority 500, so this function needs a larger number.
    """
    lines[:] = [re.sub(r"skaha(\.\w+)*\._\w+\.", "", line) for line in lines]


def _as_block(fence: re.Match[str]) -> str:
    language = fence[1] or ("pycon" if fence[2].startswith(">>>") else "text")
    return f".. code-block:: {language}\n\n{indent(fence[2], '   ')}\n"


def _show_defaults(
    _app: Any, _what: str, _name: str, obj: Any, _options: object, signature: str, returns: str
) -> tuple[str, str] | None:
    """Show the defaults of an attrs class; its own signature contains only placeholders."""
    if not attrs.has(obj) or not signature:
        return None
    defaults = {field.name: field.default for field in attrs.fields(obj)}

    def default_text(match: re.Match[str]) -> str:
        return "UNSET" if defaults[match[1]] is UNSET else repr(defaults[match[1]])

    return re.sub(r"attr_dict\['(\w+)'\]\.default", default_text, signature), returns


def _find_by_last_name(app: Any, env: Any, node: Any, content: Any) -> nodes.reference | None:
    """Find a type by its last name, because a signature contains the name as it was imported."""
    domain = env.get_domain("py")
    name = node.get("reftarget", "").rpartition(".")[2]
    package = str(node.get("py:module", "")).partition(".")[0]
    for full_name, entry in domain.objects.items():
        if full_name.rpartition(".")[2] == name and full_name.startswith(f"{package}."):
            return make_refnode(
                app.builder, node["refdoc"], entry.docname, entry.node_id, content, full_name
            )
    return None
