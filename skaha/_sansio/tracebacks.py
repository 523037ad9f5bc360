"""Short tracebacks: constructors and public methods leave out the frames of this library.

An error names the method, the session and the reason, so these frames tell a user nothing. Log
level DEBUG of the logger `skaha` keeps them.
"""

from __future__ import annotations

import functools
import inspect
import logging
import traceback
from contextlib import aclosing
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

from skaha.errors import SkahaError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator
    from types import FrameType

T = TypeVar("T", bound=type)
Method: TypeAlias = "Callable[..., Any]"

_PACKAGE = __name__.partition(".")[0]

log = logging.getLogger("skaha")


def short_tracebacks(cls: T) -> T:
    """Leave out the frames of this library from the errors of a class.

    These are the errors of its constructor and of its public methods.
    """
    for name, member in list(vars(cls).items()):
        if name.startswith("_") and name != "__init__":
            continue
        if inspect.isfunction(member):
            setattr(cls, name, _wrapper(member))
        elif isinstance(member, classmethod):
            setattr(cls, name, classmethod(_wrapper(member.__func__)))
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
            remove_frames(error)
            raise

    return wrapper


def _generator(method: Method) -> Method:
    @functools.wraps(method)
    def wrapper(*args: Any, **kwargs: Any) -> Iterator[Any]:
        try:
            yield from method(*args, **kwargs)
        except BaseException as error:
            del args, kwargs
            remove_frames(error)
            raise

    return wrapper


def _coroutine(method: Method) -> Method:
    @functools.wraps(method)
    async def wrapper(*args: Any, **kwargs: Any) -> Any:
        try:
            return await method(*args, **kwargs)
        except BaseException as error:
            del args, kwargs
            remove_frames(error)
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
            remove_frames(error)
            raise

    return wrapper


def remove_frames(error: BaseException) -> None:
    """Remove the frames of an error of this library, unless a function of the user raised it.

    A bare `raise` adds no frame of its own afterwards.
    """
    is_ours = isinstance(error, SkahaError) and not _is_from_callback(error)
    if is_ours and not log.isEnabledFor(logging.DEBUG):
        forget_frames(error)


def forget_frames(error: BaseException | None) -> None:
    """Remove the frames in which an error and its causes were raised.

    The context of the first cause may be an error of the user's program: leave it alone.
    """
    while error is not None:
        error.__traceback__ = None
        error = error.__cause__


def _is_from_callback(error: BaseException) -> bool:
    """Return whether a function of the user raised the error, such as a progress function."""
    frames = [frame for frame, _ in traceback.walk_tb(error.__traceback__)]
    return not is_own(frames[-1])


def is_own(frame: FrameType) -> bool:
    """Return whether a frame belongs to this library."""
    return str(frame.f_globals.get("__name__")).partition(".")[0] == _PACKAGE
