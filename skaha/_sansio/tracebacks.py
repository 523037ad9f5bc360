"""Short tracebacks: public methods leave out the frames of this library.

An error names the method, the session and the reason, so these frames tell a user nothing. Log
level DEBUG of the logger `skaha` keeps them.
"""

from __future__ import annotations

import functools
import inspect
import logging
from contextlib import aclosing
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

from skaha.errors import SkahaError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

T = TypeVar("T", bound=type)
Method: TypeAlias = "Callable[..., Any]"

log = logging.getLogger("skaha")


def short_tracebacks(cls: T) -> T:
    """Leave out the frames of this library from the errors of the public methods of a class."""
    for name, member in list(vars(cls).items()):
        if inspect.isfunction(member) and not name.startswith("_"):
            setattr(cls, name, _wrapper(member))
    return cls


def _wrapper(method: Method) -> Method:
    """Return a method of the same sort that raises errors without the frames of `method`.

    A traceback may show local variables, and the arguments may be secrets. So each wrapper deletes
    its arguments after an error.
    """
    if inspect.iscoroutinefunction(method):
        return _coroutine(method)
    if inspect.isasyncgenfunction(method):
        return _async_generator(method)
    return _generator(method) if inspect.isgeneratorfunction(method) else _function(method)


def _function(method: Method) -> Method:
    @functools.wraps(method)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        try:
            return method(*args, **kwargs)
        except BaseException as error:
            del args, kwargs
            _remove_frames(error)
            raise

    return wrapper


def _generator(method: Method) -> Method:
    @functools.wraps(method)
    def wrapper(*args: Any, **kwargs: Any) -> Iterator[Any]:
        try:
            yield from method(*args, **kwargs)
        except BaseException as error:
            del args, kwargs
            _remove_frames(error)
            raise

    return wrapper


def _coroutine(method: Method) -> Method:
    @functools.wraps(method)
    async def wrapper(*args: Any, **kwargs: Any) -> Any:
        try:
            return await method(*args, **kwargs)
        except BaseException as error:
            del args, kwargs
            _remove_frames(error)
            raise

    return wrapper


def _async_generator(method: Method) -> Method:
    @functools.wraps(method)
    async def wrapper(*args: Any, **kwargs: Any) -> AsyncIterator[Any]:
        try:
            async with aclosing(method(*args, **kwargs)) as items:
                async for item in items:
                    yield item
        except BaseException as error:
            del args, kwargs
            _remove_frames(error)
            raise

    return wrapper


def _remove_frames(error: BaseException) -> None:
    """Remove the frames so far. A bare `raise` adds no frame of its own."""
    if isinstance(error, SkahaError) and not log.isEnabledFor(logging.DEBUG):
        error.__traceback__ = None
