"""Tells what two descriptions of one API say differently, and what it means to our client."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING, Any, Literal, get_args

from wire import UnreadableError, merged

if TYPE_CHECKING:
    from collections.abc import Iterator
    from collections.abc import Set as AbstractSet

    from wire import Answer, Description, Operation, Parameter, Shape, Words

Weight = Literal["breaking", "additive", "cosmetic"]
Kind = Literal[
    "operation",
    "path",
    "parameter",
    "place",
    "required",
    "type",
    "value",
    "status",
    "media type",
    "field",
    "wording",
]

SCALARS = {"string", "number", "integer", "boolean"}


@dataclass(frozen=True)
class Difference:
    """One thing that the two descriptions say differently.

    Attributes:
        weight: "breaking" when our client uses, sends or omits what they do not have, take or do
            without; "additive" when they have something that it could take; else "cosmetic".
        kind: What sort of thing it is.
        operation: The method and the path, in our spelling if we have it.
        name: The parameter, the field or the status that the thing belongs to, if any.
        theirs: What they have; `None` for nothing.
        ours: What we have; `None` for nothing.
        operation_ids: Our operations that have to do with it.
    """

    weight: Weight
    kind: Kind
    operation: str
    name: str | None = None
    theirs: str | None = None
    ours: str | None = None
    operation_ids: tuple[str, ...] = ()


def compare(theirs: Description, ours: Description) -> list[Difference]:
    """Return all that the two descriptions say differently, by operation."""
    found = list(_wording("", theirs.wording, ours.wording))
    for their_key, our_key in _pairs(theirs, ours):
        their_views = theirs.operations.get(their_key, []) if their_key else []
        our_views = ours.operations.get(our_key, []) if our_key else []
        for difference in _operation(their_views, our_views):
            ids = _touched(difference, our_views)
            found.append(dataclasses.replace(difference, operation_ids=ids))
    return found


Key = tuple[str, str]


def _pairs(theirs: Description, ours: Description) -> Iterator[tuple[Key | None, Key | None]]:
    """Pair what is one operation: by its path, or else by its path without the version."""
    their_rest = [key for key in theirs.operations if key not in ours.operations]
    for key in ours.operations:
        if key in theirs.operations:
            yield key, key
            continue
        alike = next((one for one in their_rest if _unversioned(one) == _unversioned(key)), None)
        if alike is not None:
            their_rest.remove(alike)
        yield alike, key
    yield from ((key, None) for key in their_rest)


def _unversioned(key: Key) -> Key:
    method, path = key
    head, _, rest = path.removeprefix("/").partition("/")
    return method, rest if head[:1] == "v" and head[1:].isdecimal() else path.removeprefix("/")


def _operation(their_views: list[Operation], our_views: list[Operation]) -> Iterator[Difference]:
    if not our_views:
        new = their_views[0].title
        yield Difference("additive", "operation", new, theirs=new)
        return
    ours = merged(our_views)
    at = ours.title
    if not their_views:
        yield Difference("breaking", "operation", at, ours=at)
        return
    theirs = merged(their_views)
    if theirs.key != ours.key:
        yield Difference("breaking", "path", at, theirs=theirs.path, ours=ours.path)
    for name in sorted(theirs.parameters | ours.parameters):
        yield from _parameter(at, name, theirs.parameters.get(name), ours.parameters.get(name))
    yield from _listed("status", at, None, set(theirs.answers), set(ours.answers))
    for status in sorted(theirs.answers.keys() & ours.answers.keys()):
        # A refusal is read as text, whatever it is.
        if status.startswith("2"):
            yield from _answer(at, status, theirs.answers[status], ours.answers[status])
    yield from _wording(at, theirs.wording, ours.wording)


def _parameter(
    at: str, name: str, theirs: Parameter | None, ours: Parameter | None
) -> Iterator[Difference]:
    if ours is None and theirs is not None:
        weight: Weight = "breaking" if theirs.required else "additive"
        yield Difference(weight, "parameter", at, name, theirs=_said(theirs))
    elif theirs is None and ours is not None:
        yield Difference("breaking", "parameter", at, name, ours=_said(ours))
    elif theirs is not None and ours is not None:
        if theirs.places != ours.places:
            weight = "additive" if theirs.places >= ours.places else "breaking"
            here, mine = theirs.places, ours.places
            yield Difference(weight, "place", at, name, _joined(here), _joined(mine))
        if theirs.required != ours.required:
            weight = "breaking" if theirs.required else "additive"
            yield Difference(weight, "required", at, name, _need(theirs), _need(ours))
        yield from _type(at, name, theirs.shape, ours.shape, _taken(theirs, ours))
        yield from _listed("value", at, name, theirs.shape.values, ours.shape.values)


def _answer(at: str, status: str, theirs: Answer, ours: Answer) -> Iterator[Difference]:
    yield from _listed("media type", at, status, theirs.media_types, ours.media_types)
    yield from _listed("field", at, status, theirs.fields.keys(), ours.fields.keys())
    for path in sorted(theirs.fields.keys() & ours.fields.keys()):
        here, mine, name = theirs.fields[path], ours.fields[path], f"{status} {path}"
        expected: Weight = "cosmetic" if _covers(mine.types, here.types) else "breaking"
        yield from _type(at, name, here, mine, expected)
        yield from _listed("value", at, name, here.values, mine.values)


def _listed(
    kind: Kind, at: str, name: str | None, theirs: AbstractSet[str], ours: AbstractSet[str]
) -> Iterator[Difference]:
    """Tell what one list has and the other lacks; an empty one says nothing of its members."""
    rest = {"default"} if kind == "status" else set()
    for one in sorted(theirs - ours):
        yield Difference("cosmetic" if one in rest else "additive", kind, at, name, theirs=one)
    for one in sorted(ours - theirs):
        weight: Weight = "cosmetic" if not theirs or one in rest else "breaking"
        yield Difference(weight, kind, at, name, ours=one)


def _type(at: str, name: str, theirs: Shape, ours: Shape, weight: Weight) -> Iterator[Difference]:
    if theirs.types != ours.types:
        silent = not theirs.types or not ours.types
        weight = "cosmetic" if silent else weight
        yield Difference(weight, "type", at, name, _joined(theirs.types), _joined(ours.types))


def _taken(theirs: Parameter, ours: Parameter) -> Weight:
    """Weigh types of a parameter: what we send must be among what they take."""
    if _covers(theirs.shape.types, ours.shape.types):
        return "additive"
    # All that we send is text on the wire.
    as_text = ours.shape.types <= SCALARS and "string" in theirs.shape.types
    return "cosmetic" if as_text else "breaking"


def _covers(wide: Words, narrow: Words) -> bool:
    whole = wide | ({"integer"} if "number" in wide else set())
    return narrow - {"null"} <= whole


def _wording(at: str, theirs: dict[str, Words], ours: dict[str, Words]) -> Iterator[Difference]:
    for name in sorted(theirs | ours):
        here, mine = theirs.get(name, frozenset()), ours.get(name, frozenset())
        if here != mine:
            yield Difference("cosmetic", "wording", at, name, _joined(here), _joined(mine))


def _touched(difference: Difference, views: list[Operation]) -> tuple[str, ...]:
    """Return which of our views have the parameter, and the value, that a difference is about."""
    name = difference.name or ""
    having = [view for view in views if name in view.parameters] or views
    if difference.kind == "value" and difference.ours is not None:
        exact = [view for view in having if _has_value(view, name, difference.ours)]
        having = exact or having
    return tuple(view.operation_id for view in having)


def _has_value(view: Operation, name: str, value: str) -> bool:
    return name in view.parameters and value in view.parameters[name].shape.values


def _said(parameter: Parameter) -> str:
    return f"{_need(parameter)}, {_joined(parameter.places)}"


def _need(parameter: Parameter) -> str:
    return "required" if parameter.required else "optional"


def _joined(words: Words) -> str | None:
    return " or ".join(sorted(words)) or None


@dataclass(frozen=True)
class Deviation:
    """A known difference and why it stays; what `asked` does not name may be anything."""

    asked: dict[str, str | None]
    why: str
    format: str | None = None

    def matches(self, difference: Difference) -> bool:
        """Return whether this is the difference meant."""
        return all(getattr(difference, name) == value for name, value in self.asked.items())


ABOUT = ("operation", "name", "theirs", "ours")


def deviations(entries: Any) -> list[Deviation]:
    """Return the deviations that entries record; a list of words stands for one of each.

    Raises:
        UnreadableError: An entry is not what it must be.
    """
    if not isinstance(entries, list):
        raise UnreadableError("expected a list of entries")
    return [one for number, entry in enumerate(entries, 1) for one in _recorded(entry, number)]


def _recorded(entry: Any, number: int) -> Iterator[Deviation]:
    known = {"kind", *ABOUT, "why", "format"}
    if not isinstance(entry, dict) or not entry.keys() <= known:
        raise UnreadableError(f"entry {number}: expected a mapping of {', '.join(sorted(known))}")
    if not entry.get("why") or not entry.keys() & {*ABOUT}:
        raise UnreadableError(f"entry {number}: say `why`, and one of {', '.join(ABOUT)}")
    asked = {name: entry[name] for name in ("kind", *ABOUT) if name in entry}
    if asked.get("kind") not in get_args(Kind):
        raise UnreadableError(f"entry {number}: `kind` is one of {', '.join(get_args(Kind))}")
    if entry.get("format") not in {None, "swagger", "openapi"}:
        raise UnreadableError(f"entry {number}: `format` is swagger or openapi")
    each = [value if isinstance(value, list) else [value] for value in asked.values()]
    for values in product(*each):
        words = [value if value is None else str(value) for value in values]
        named = dict(zip(asked, words, strict=True))
        yield Deviation(named, str(entry["why"]), entry.get("format"))
