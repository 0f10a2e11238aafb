"""Transforms as JSON: beside the value that they change, by the paths of their fields."""

from __future__ import annotations

from typing import Any, Final

from dynafile.documents.paths import FieldPath, field_text, parse_field
from dynafile.documents.transforms import (
    DELETE_FIELD,
    SERVER_TIMESTAMP,
    ArrayRemove,
    ArrayUnion,
    Increment,
    ServerTimestamp,
    Transform,
)
from dynafile.errors import MalformedRequest

__all__ = ["transforms_from", "transforms_to"]

_WORDS: Final = {"serverTime": SERVER_TIMESTAMP, "delete": DELETE_FIELD}
_LISTS: Final = {"arrayUnion": ArrayUnion, "arrayRemove": ArrayRemove}
_KNOWN: Final = (
    "{'increment': 1}, {'arrayUnion': [...]}, {'arrayRemove': [...]}, 'serverTime' or 'delete'"
)


def transforms_from(value: Any, transforms: dict[str, Any], where: str, *, update: bool) -> Any:
    """Return a value with its transforms where the database expects them; raises MalformedRequest.

    In an update a field is named by its whole path, in what is set or added it is where it is.
    """
    if not isinstance(value, dict):
        raise MalformedRequest(f"{where} are for the fields of an object", path=where)
    named = {parse_field(name): name for name in value} if update else {}
    for text, each in transforms.items():
        field, transform = parse_field(text), _transform(each, f"{where}[{text!r:.80}]")
        if not update:
            _put(value, field, transform, where)
            continue
        above = next((f for f in (field[:n] for n in range(1, len(field))) if f in named), None)
        if above is not None and isinstance(value[named[above]], dict):
            _put(value[named[above]], field[len(above) :], transform, where)
        elif text in value:
            raise MalformedRequest(f"{where} has {text!r:.80}, which value has too", path=where)
        else:
            value[text] = transform
    return value


def _put(value: dict[str, Any], field: FieldPath, transform: Transform, where: str) -> None:
    for name in field[:-1]:
        value = value.setdefault(name, {})
        if not isinstance(value, dict):
            raise MalformedRequest(
                f"{where} has {field_text(field)!r:.80}, and {name!r:.80} is no object", path=where
            )
    if field[-1] in value:
        raise MalformedRequest(
            f"{where} has {field_text(field)!r:.80}, which value has too", path=where
        )
    value[field[-1]] = transform


def _transform(said: Any, where: str) -> Transform:
    if isinstance(said, str) and said in _WORDS:
        return _WORDS[said]
    if isinstance(said, dict) and len(said) == 1:
        ((name, operand),) = said.items()
        if name == "increment":
            return Increment(operand)
        if name in _LISTS:
            return _LISTS[name](operand)
    raise MalformedRequest(f"{where} is one of {_KNOWN}, not {said!r:.80}", path=where)


def transforms_to(value: Any, *, update: bool) -> tuple[Any, dict[str, Any]]:
    """Return a value without its transforms, and these by the paths of their fields."""
    found: dict[str, Any] = {}
    if not isinstance(value, dict):
        return value, found
    if not update:
        return _without(value, (), found), found
    rest = {}
    for name, each in value.items():
        field = parse_field(name)
        if isinstance(each, Transform):
            found[field_text(field)] = _said(each)
        else:
            rest[str(name)] = _without(each, field, found)
    return rest, found


def _without(value: Any, field: FieldPath, found: dict[str, Any]) -> Any:
    """Copy a value without transforms in its objects; they are put into ``found``."""
    if not isinstance(value, dict):
        return value
    rest = {}
    for name, each in value.items():
        if isinstance(each, Transform):
            found[field_text((*field, name))] = _said(each)
        else:
            rest[str(name)] = _without(each, (*field, name), found)
    return rest


def _said(transform: Transform) -> Any:
    if isinstance(transform, Increment):
        return {"increment": transform.by}
    if isinstance(transform, ArrayUnion):
        return {"arrayUnion": list(transform.values)}
    if isinstance(transform, ArrayRemove):
        return {"arrayRemove": list(transform.values)}
    return "serverTime" if isinstance(transform, ServerTimestamp) else "delete"
