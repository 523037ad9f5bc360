"""Names of a module that are imported when they are first used."""

from __future__ import annotations

import importlib
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


def importing(
    module: str, homes: Mapping[str, str]
) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """Return the `__getattr__` and the `__dir__` of a module.

    Args:
        module: Name of the module that offers the names.
        homes: Where each name is defined; the home of a module of a package is the module itself.
    """
    names = vars(sys.modules[module])

    def get(name: str) -> Any:
        if name not in homes:
            raise AttributeError(f"module {module!r} has no attribute {name!r}")
        home = importlib.import_module(homes[name])
        names[name] = home if homes[name] == f"{module}.{name}" else getattr(home, name)
        return names[name]

    return get, lambda: sorted(names.keys() | homes.keys())
