"""Parameters of a request: the query and the form, with names in any case."""

import codecs
from collections.abc import Iterable
from email.message import Message
from urllib.parse import parse_qsl

from attrs import frozen
from starlette.exceptions import HTTPException
from starlette.requests import Request

from skaha.local._api._errors import BadRequestError, BodyTooLargeError

_FORM = "application/x-www-form-urlencoded"
_MULTIPART = "multipart/form-data"
_MAX_FIELDS = 10_000
# The server's container reads a form in this charset unless the content type names another.
_DEFAULT_CHARSET = "iso-8859-1"


@frozen
class Parameters:
    """The parameters of a request."""

    _values: dict[str, list[str]]

    def first(self, name: str) -> str | None:
        """Return the first value, or `None` if the parameter is absent."""
        values = self._values.get(name)
        return values[0] if values else None

    def non_blank(self, name: str) -> str | None:
        """Return the first value, or `None` if it is absent or blank."""
        value = self.first(name)
        return value if value and value.strip() else None

    def all(self, name: str) -> list[str]:
        """Return all values in order."""
        return self._values.get(name, [])


async def read_parameters(request: Request) -> Parameters:
    """Read the parameters of a request.

    The content type of a POST decides. If it is neither of the two form types, the server ignores
    even the query.
    """
    query = request.scope["query_string"].decode("latin-1")
    if request.method != "POST":
        return _merge(_parse_query(query))
    header = Message()
    header["content-type"] = request.headers.get("content-type", "none/none")
    try:
        if header.get_content_type() == _FORM:
            charset = _charset(header)
            body = (await request.body()).decode(charset, "replace")
            return _merge([*_parse_query(query), *_parse_query(body, charset)])
        if header.get_content_type() == _MULTIPART:
            return _merge(await _read_multipart(request))
    except BodyTooLargeError:
        # The server's container gives up a large form, and the server misses its parameters.
        pass
    return Parameters({})


def _charset(header: Message) -> str:
    charset = header.get_content_charset(_DEFAULT_CHARSET)
    try:
        return codecs.lookup(charset).name
    except LookupError:
        return _DEFAULT_CHARSET


async def _read_multipart(request: Request) -> list[tuple[str, str]]:
    try:
        async with request.form() as form:
            return [(name, value) for name, value in form.multi_items() if isinstance(value, str)]
    except HTTPException as error:
        raise BadRequestError(error.detail) from error


def _parse_query(text: str, charset: str = "utf-8") -> list[tuple[str, str]]:
    try:
        return parse_qsl(text, keep_blank_values=True, encoding=charset, max_num_fields=_MAX_FIELDS)
    except ValueError as error:
        raise BadRequestError(str(error)) from error


def _merge(pairs: Iterable[tuple[str, str]]) -> Parameters:
    values: dict[str, list[str]] = {}
    original_names: dict[str, str] = {}
    for name, value in pairs:
        key = name.lower()
        if original_names.setdefault(key, name) != name:
            # The server cannot merge two spellings of a name; its error has no message.
            raise BadRequestError("null")
        values.setdefault(key, []).append(value)
    return Parameters(values)
