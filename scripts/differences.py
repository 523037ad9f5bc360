"""Differences between two descriptions of one API, and their effect on our client."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING, Any, Literal, get_args

from attrs import evolve, frozen
from spec import UnreadableError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from collections.abc import Set as AbstractSet

    from description import Description, Operation, Parameter, Response, Shape, Words

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
    "security",
    "wording",
]

SCALARS = {"string", "number", "integer", "boolean"}


@frozen
class Difference:
    """One difference between the two descriptions.

    Attributes:
        weight: `breaking` if our client needs a part that they do not have, or omits a part that
            they need; `additive` if they have a part that our client could use; else `cosmetic`.
        kind: The kind of the part.
        operation: The method and the path, as ours are written if we have them.
        name: The parameter, the field or the status that has the difference, if any.
        theirs: The content of their description; `None` for nothing.
        ours: The content of our description; `None` for nothing.
        operation_ids: Our operations that have the difference.
    """

    weight: Weight
    kind: Kind
    operation: str
    name: str | None = None
    theirs: str | None = None
    ours: str | None = None
    operation_ids: tuple[str, ...] = ()


def compare(theirs: Description, ours: Description) -> list[Difference]:
    """Return all differences between the two descriptions, in the order of the operations."""
    differences = list(_wording("", theirs.wording, ours.wording))
    for their_key, our_key in _pairs(theirs, ours):
        their_operation = theirs.operations[their_key] if their_key else None
        our_operation = ours.operations[our_key] if our_key else None
        ids: dict[Difference, tuple[str, ...]] = {}
        for difference in _operation(their_operation, our_operation):
            # Several views can have the same difference.
            same = evolve(difference, operation_ids=())
            ids[same] = ids.get(same, ()) + difference.operation_ids
        differences += [evolve(difference, operation_ids=ids[difference]) for difference in ids]
    return differences


Key = tuple[str, str]


def _pairs(theirs: Description, ours: Description) -> Iterator[tuple[Key | None, Key | None]]:
    """Pair equal operations: operations with the same path, or else the same unversioned path."""
    their_rest = [key for key in theirs.operations if key not in ours.operations]
    for key in ours.operations:
        if key in theirs.operations:
            yield key, key
            continue
        similar = [other for other in their_rest if _unversioned(other) == _unversioned(key)]
        if similar:
            their_rest.remove(similar[0])
        yield similar[0] if similar else None, key
    yield from ((key, None) for key in their_rest)


def _unversioned(key: Key) -> Key:
    method, path = key
    head, _, rest = path.removeprefix("/").partition("/")
    return method, rest if head[:1] == "v" and head[1:].isdecimal() else path.removeprefix("/")


def _operation(theirs: Operation | None, ours: Operation | None) -> Iterator[Difference]:
    if ours is None and theirs is not None:
        yield Difference("additive", "operation", theirs.title, theirs=theirs.title)
    elif theirs is None and ours is not None:
        difference = Difference("breaking", "operation", ours.title, ours=ours.title)
        yield evolve(difference, operation_ids=_affected(difference, ours))
    elif theirs is not None and ours is not None:
        if theirs.views and ours.views:
            yield from _views(theirs, ours)
        else:
            for difference in _parts(theirs, ours):
                yield evolve(difference, operation_ids=_affected(difference, ours))


def _views(theirs: Operation, ours: Operation) -> Iterator[Difference]:
    """Yield the views that only one description has, and the differences in each common view."""
    for name in ours.views.keys() - theirs.views.keys():
        ids = (ours.views[name].operation_id,)
        yield Difference("breaking", "value", ours.title, "view", ours=name, operation_ids=ids)
    for name in theirs.views.keys() - ours.views.keys():
        yield Difference("additive", "value", ours.title, "view", theirs=name)
    for name, view in ours.views.items():
        if name in theirs.views:
            for difference in _parts(theirs.views[name], view):
                yield evolve(difference, operation_ids=(view.operation_id,))


def _parts(theirs: Operation, ours: Operation) -> Iterator[Difference]:
    at = ours.title
    if theirs.key != ours.key:
        yield Difference("breaking", "path", at, theirs=theirs.path, ours=ours.path)
    for name in sorted(theirs.parameters | ours.parameters):
        yield from _parameter(at, name, theirs.parameters.get(name), ours.parameters.get(name))
    if theirs.body and ours.body:
        yield from _listed("media type", at, "body", theirs.body, ours.body)
    yield from _listed("status", at, None, set(theirs.responses), set(ours.responses))
    for status in sorted(theirs.responses.keys() & ours.responses.keys()):
        compared = _response if status.startswith("2") else _refusal
        yield from compared(at, status, theirs.responses[status], ours.responses[status])
    yield from _security(at, theirs.security, ours.security)
    yield from _wording(at, theirs.wording, ours.wording)


def _parameter(
    at: str, name: str, theirs: Parameter | None, ours: Parameter | None
) -> Iterator[Difference]:
    if ours is None and theirs is not None:
        weight: Weight = "breaking" if theirs.required else "additive"
        yield Difference(weight, "parameter", at, name, theirs=_summary(theirs))
    elif theirs is None and ours is not None:
        yield Difference("breaking", "parameter", at, name, ours=_summary(ours))
    elif theirs is not None and ours is not None:
        if theirs.places != ours.places:
            weight = "additive" if theirs.places >= ours.places else "breaking"
            places = _joined(theirs.places), _joined(ours.places)
            yield Difference(weight, "place", at, name, *places)
        if theirs.required != ours.required:
            weight = "breaking" if theirs.required else "additive"
            yield Difference(weight, "required", at, name, _need(theirs), _need(ours))
        yield from _type(at, name, theirs.shape, ours.shape, _weight_of_types(theirs, ours))
        yield from _listed("value", at, name, theirs.shape.values, ours.shape.values)


def _response(at: str, status: str, theirs: Response, ours: Response) -> Iterator[Difference]:
    yield from _listed("media type", at, status, theirs.media_types, ours.media_types)
    yield from _listed("field", at, status, theirs.fields.keys(), ours.fields.keys())
    for path in sorted(theirs.fields.keys() & ours.fields.keys()):
        their_shape, our_shape = theirs.fields[path], ours.fields[path]
        is_covered = _covers(our_shape.types, their_shape.types) and (
            "null" in our_shape.types or "null" not in their_shape.types
        )
        weight: Weight = "cosmetic" if is_covered else "breaking"
        name = f"{status} {path}"
        yield from _type(at, name, their_shape, our_shape, weight)
        yield from _listed("value", at, name, their_shape.values, our_shape.values)


def _refusal(at: str, status: str, theirs: Response, ours: Response) -> Iterator[Difference]:
    """Yield different media types; our client reads every refusal as text."""
    for word in sorted(theirs.media_types - ours.media_types):
        weight: Weight = "additive" if word.endswith("json") else "cosmetic"
        yield Difference(weight, "media type", at, status, theirs=word)
    for word in sorted(ours.media_types - theirs.media_types):
        yield Difference("cosmetic", "media type", at, status, ours=word)


def _security(at: str, theirs: Words, ours: Words) -> Iterator[Difference]:
    if theirs != ours:
        is_silent = not theirs or not ours
        weight: Weight = "additive" if theirs & ours else "breaking"
        weight = "cosmetic" if is_silent or theirs < ours else weight
        yield Difference(weight, "security", at, None, _joined(theirs), _joined(ours))


def _listed(
    kind: Kind, at: str, name: str | None, theirs: AbstractSet[str], ours: AbstractSet[str]
) -> Iterator[Difference]:
    """Yield the words that only one list contains. An empty list allows all words."""
    for word in sorted(theirs - ours):
        # The response `default` only repeats that other statuses are possible.
        weight: Weight = "cosmetic" if (kind, word) == ("status", "default") else "additive"
        yield Difference(weight, kind, at, name, theirs=word)
    for word in sorted(ours - theirs):
        # Our client can handle refusals that they do not have.
        is_refusal = kind == "status" and not word.startswith("2")
        yield Difference(
            "cosmetic" if is_refusal or not theirs else "breaking", kind, at, name, ours=word
        )


def _type(at: str, name: str, theirs: Shape, ours: Shape, weight: Weight) -> Iterator[Difference]:
    if theirs.types != ours.types:
        is_silent = not theirs.types or not ours.types
        types = _joined(theirs.types), _joined(ours.types)
        yield Difference("cosmetic" if is_silent else weight, "type", at, name, *types)


def _weight_of_types(theirs: Parameter, ours: Parameter) -> Weight:
    """Return the weight of different types: they must accept the types that we send."""
    if _covers(theirs.shape.types, ours.shape.types):
        return "additive"
    # Our client sends scalars as text.
    is_text = ours.shape.types <= SCALARS and "string" in theirs.shape.types
    return "cosmetic" if is_text else "breaking"


def _covers(wide: Words, narrow: Words) -> bool:
    allowed = wide | ({"integer"} if "number" in wide else set())
    return narrow - {"null"} <= allowed


def _wording(at: str, theirs: dict[str, Words], ours: dict[str, Words]) -> Iterator[Difference]:
    for name in sorted(theirs | ours):
        their_words, our_words = theirs.get(name, frozenset()), ours.get(name, frozenset())
        if their_words != our_words:
            words = _joined(their_words), _joined(our_words)
            yield Difference("cosmetic", "wording", at, name, *words)


def _affected(difference: Difference, ours: Operation) -> tuple[str, ...]:
    """Return the ids of our views that have the parameter and the value of a difference."""
    name = difference.name or ""
    views = list(ours.views.values()) or [ours]
    affected = [view for view in views if name in view.parameters] or views
    if difference.kind == "value" and difference.ours is not None:
        exact = [view for view in affected if _has_value(view, name, difference.ours)]
        affected = exact or affected
    return tuple(view.operation_id for view in affected)


def _has_value(view: Operation, name: str, value: str) -> bool:
    return name in view.parameters and value in view.parameters[name].shape.values


def _summary(parameter: Parameter) -> str:
    return f"{_need(parameter)}, {_joined(parameter.places)}"


def _need(parameter: Parameter) -> str:
    return "required" if parameter.required else "optional"


def _joined(words: Words) -> str | None:
    return " or ".join(sorted(words)) or None


@frozen
class Deviation:
    """A known difference, and the reason why our description stays.

    Attributes:
        conditions: The attributes of the difference; an attribute without a condition can have
            any value.
        why: The reason.
        format: The format of the descriptions that have the difference; `None` for both formats.
    """

    conditions: dict[str, str | None]
    why: str
    format: str | None = None

    def matches(self, difference: Difference) -> bool:
        """Return whether the difference fulfils all conditions."""
        return all(getattr(difference, name) == value for name, value in self.conditions.items())


CONDITIONS = ("operation", "name", "theirs", "ours")


def deviations(entries: Any) -> list[Deviation]:
    """Return the deviations in a list of entries. A list of words stands for one entry each.

    Raises:
        UnreadableError: If an entry is malformed.
    """
    if not isinstance(entries, list):
        raise UnreadableError("expected a list of entries")
    return [
        deviation for number, entry in enumerate(entries, 1) for deviation in _read(entry, number)
    ]


def _read(entry: Any, number: int) -> Iterator[Deviation]:
    known = {"kind", *CONDITIONS, "why", "format"}
    if not isinstance(entry, dict) or not entry.keys() <= known:
        raise UnreadableError(f"entry {number}: expected a mapping of {', '.join(sorted(known))}")
    if not entry.get("why") or not entry.keys() & {*CONDITIONS}:
        raise UnreadableError(f"entry {number}: give `why`, and one of {', '.join(CONDITIONS)}")
    conditions = {name: entry[name] for name in ("kind", *CONDITIONS) if name in entry}
    if conditions.get("kind") not in get_args(Kind):
        raise UnreadableError(f"entry {number}: `kind` is one of {', '.join(get_args(Kind))}")
    if entry.get("format") not in {None, "swagger", "openapi"}:
        raise UnreadableError(f"entry {number}: `format` is swagger or openapi")
    lists = [value if isinstance(value, list) else [value] for value in conditions.values()]
    for values in product(*lists):
        words = [value if value is None else str(value) for value in values]
        named = dict(zip(conditions, words, strict=True))
        yield Deviation(named, str(entry["why"]), entry.get("format"))
