"""Parameters as the server reads them: by names in any case, from where it looks for them."""

from collections.abc import Iterable
from urllib.parse import parse_qsl

from attrs import frozen
from starlette.exceptions import HTTPException
from starlette.requests import Request

from skaha.local._wire._refusal import InvalidError

_FORM = "application/x-www-form-urlencoded"
_MULTIPART = "multipart/form-data"
_MOST_FIELDS = 10_000


@frozen
class Parameters:
    """The parameters of one request."""

    _values: dict[str, list[str]]

    def first(self, name: str) -> str | None:
        """Return the first value, None where there is none."""
        values = self._values.get(name)
        return values[0] if values else None

    def filled(self, name: str) -> str | None:
        """Return the first value unless it is blank."""
        value = self.first(name)
        return value if value and value.strip() else None

    def all(self, name: str) -> list[str]:
        """Return every value in order."""
        return self._values.get(name, [])


async def read(request: Request) -> Parameters:
    """Read the parameters of a request.

    A POST is read by its content type: with any but the two form types even the query is ignored.
    """
    query = request.scope["query_string"].decode("latin-1")
    if request.method != "POST":
        return _gathered(_pairs(query))
    content_type = request.headers.get("content-type", "").lower()
    if content_type.startswith(_FORM):
        body = (await request.body()).decode("utf-8", "replace")
        return _gathered([*_pairs(query), *_pairs(body)])
    if content_type.startswith(_MULTIPART):
        return _gathered(await _parts(request))
    return Parameters({})


async def _parts(request: Request) -> list[tuple[str, str]]:
    try:
        async with request.form() as form:
            return [(name, value) for name, value in form.multi_items() if isinstance(value, str)]
    except HTTPException as error:
        raise InvalidError(error.detail) from error


def _pairs(text: str) -> list[tuple[str, str]]:
    try:
        return parse_qsl(text, keep_blank_values=True, max_num_fields=_MOST_FIELDS)
    except ValueError as error:
        raise InvalidError(str(error)) from error


def _gathered(pairs: Iterable[tuple[str, str]]) -> Parameters:
    values: dict[str, list[str]] = {}
    spellings: dict[str, str] = {}
    for name, value in pairs:
        key = name.lower()
        if spellings.setdefault(key, name) != name:
            # The server's merge of two spellings fails without a message.
            raise InvalidError("null")
        values.setdefault(key, []).append(value)
    return Parameters(values)
