"""How the site is made; `nox -s docs` makes it. Nothing of it needs a network."""

import importlib
import pkgutil
import re
from textwrap import indent
from typing import Any

import attrs
from docutils import nodes
from sphinx.util.nodes import make_refnode

import skaha_api.api
from skaha import __version__
from skaha_api.types import UNSET

project = "skaha"
release = __version__
html_title = f"skaha {__version__}"
html_theme = "furo"
html_copy_source = False
html_show_copyright = False

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "sphinx_copybutton"]
myst_enable_extensions = ["attrs_block", "colon_fence", "deflist"]
myst_heading_anchors = 3
copybutton_prompt_text = r">>> |\.\.\. |\$ |> "
copybutton_prompt_is_regexp = True

autodoc_default_options = {
    "members": True,
    # What comes from elsewhere is explained there.
    "inherited-members": "BaseException, HTTPError, OSError, dict, list, str, tuple",
}
autodoc_member_order = "bysource"
autodoc_preserve_defaults = True
napoleon_use_ivar = True
add_module_names = False
python_maximum_signature_line_length = 80
toc_object_entries_show_parents = "hide"

nitpick_ignore_regex = [
    # Python's own and httpx's, which are explained on other sites.
    ("py:.*", r"(asyncio|collections|datetime|email|http|httpx|os|pathlib|ssl|typing)\..*"),
    ("py:.*", r"(Callable|Collection|HTTPStatus|Iterable|Iterator|AsyncIterator|Literal|Mapping)"),
    ("py:.*", r"(MutableMapping|Path|PathLike|Request|Sequence|Unpack|datetime|timedelta|Any)"),
    # What only the library itself makes: nobody has to know its type.
    ("py:.*", r"(.*\.)?(Api|Order|Outcome|SecretText)"),
    # What a generic type is of.
    ("py:.*", r"(.*\.)?[TR]"),
]

# What is said once for the four functions of an endpoint.
_TWINS = {
    "sync": "As `sync_detailed`, but returns only what was parsed.",
    "asyncio_detailed": "As `sync_detailed`, but is awaited.",
    "asyncio": "As `sync`, but is awaited.",
}


def setup(app: Any) -> None:
    """Hook in what Sphinx has no setting for."""
    app.connect("source-read", _list_generated)
    app.connect("autodoc-process-docstring", _to_restructured_text, priority=400)
    app.connect("autodoc-process-docstring", _hide_private_modules, priority=600)
    app.connect("autodoc-process-signature", _show_defaults)
    app.connect("missing-reference", _find_by_last_name)


def _list_generated(_app: Any, page: str, source: list[str]) -> None:
    """Add every endpoint and every model of the generated client to its page."""
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


def _to_restructured_text(
    _app: Any, _what: str, name: str, _thing: object, _options: object, lines: list[str]
) -> None:
    """Read Markdown's code, and say once what the generated functions share."""
    twin = _TWINS.get(name.rpartition(".")[2]) if name.startswith("skaha_api.api.") else None
    text = twin or "\n".join(lines)
    text = re.sub(r"^```(\w*)\n(.*?)\n```$", _as_block, text, flags=re.MULTILINE | re.DOTALL)
    text = re.sub(r"(?<!`)`(skaha\.[\w.]+\w)`(?!`)", r":py:obj:`\1`", text)
    text = re.sub(r"(?<![`:])`([^`\n]+)`(?!`)", r"``\1``", text)
    if name.startswith("skaha_api."):
        # The generator leaves a blank before the second paragraph.
        text = re.sub(r"^ (?=\S)", "", text, flags=re.MULTILINE)
    lines[:] = text.splitlines()


def _hide_private_modules(
    _app: Any, _what: str, _name: str, _thing: object, _options: object, lines: list[str]
) -> None:
    """Drop them from the types that napoleon, between these two, has added."""
    lines[:] = [re.sub(r"skaha(\.\w+)*\._\w+\.", "", line) for line in lines]


def _as_block(fence: re.Match[str]) -> str:
    language = fence[1] or ("pycon" if fence[2].startswith(">>>") else "text")
    return f".. code-block:: {language}\n\n{indent(fence[2], '   ')}\n"


def _show_defaults(
    _app: Any, _what: str, _name: str, thing: Any, _options: object, signature: str, returns: str
) -> tuple[str, str] | None:
    """Show the defaults of a class of attrs, whose own signature does not spell them."""
    if not attrs.has(thing) or not signature:
        return None
    defaults = {field.name: field.default for field in attrs.fields(thing)}

    def spelled(match: re.Match[str]) -> str:
        return "UNSET" if defaults[match[1]] is UNSET else repr(defaults[match[1]])

    return re.sub(r"attr_dict\['(\w+)'\]\.default", spelled, signature), returns


def _find_by_last_name(app: Any, env: Any, node: Any, content: Any) -> nodes.reference | None:
    """Resolve a type of a signature, which is written as its module imports it."""
    domain = env.get_domain("py")
    name = node.get("reftarget", "").rpartition(".")[2]
    own = str(node.get("py:module", "")).partition(".")[0]
    for full, entry in domain.objects.items():
        if full.rpartition(".")[2] == name and full.startswith(f"{own}."):
            return make_refnode(
                app.builder, node["refdoc"], entry.docname, entry.node_id, content, full
            )
    return None
