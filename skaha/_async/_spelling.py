"""Older spellings of arguments that scripts were written with."""

from __future__ import annotations

import functools
import warnings
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

if TYPE_CHECKING:
    from skaha._transport._async.concurrency import Method

P = ParamSpec("P")
R = TypeVar("R")

_OLDER = ("id", "session_id")


def also_as_id(method: Method[P, R]) -> Method[P, R]:
    """Let `method` take its `ids` as `id` and as `session_id`, too."""

    @functools.wraps(method)
    async def accepting(*args: Any, **kwargs: Any) -> R:
        for older in _OLDER:
            if older in kwargs:
                message = f"{older}= is a deprecated spelling: use ids="
                warnings.warn(message, DeprecationWarning, stacklevel=2)
                if "ids" in kwargs:
                    raise TypeError(f"{older} and ids, or two older spellings, at once")
                kwargs["ids"] = kwargs.pop(older)
        return await method(*args, **kwargs)

    return accepting
