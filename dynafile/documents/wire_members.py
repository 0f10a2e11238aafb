"""Members of objects in JSON: which names they have, and of which types they are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from msgspec import UNSET

from dynafile.errors import MalformedRequest

__all__ = ["ANYTHING", "kind_of", "members", "place", "required", "shown"]


def members(value: Any, where: str, known: Mapping[str, type | tuple[type, ...]]) -> dict[str, Any]:
    """Return an object whose members have these names and types; raises MalformedRequest."""
    if not isinstance(value, dict):
        raise MalformedRequest(f"{shown(where)} is an object, not {kind_of(value)}", path=where)
    for name, each in value.items():
        if name not in known:
            raise MalformedRequest(
                f"{shown(where)} has {name!r:.80}, which is not known there: "
                f"it can have {', '.join(known)}",
                path=where,
            )
        wanted = known[name]
        if not isinstance(each, wanted) or (isinstance(each, bool) and wanted is int):
            raise MalformedRequest(
                f"{place(where, name)} is {_NAMES[wanted]}, not {kind_of(each)}",
                path=place(where, name),
            )
    return value


ANYTHING: Final = object
"""The type of a member that can be whatever JSON says."""

_NAMES: Final[dict[Any, str]] = {
    str: "text",
    int: "an integer",
    bool: "true or false",
    list: "a list",
    dict: "an object",
    (int, float): "a number",
}


def kind_of(value: Any) -> str:
    """Return what JSON calls a value."""
    if value is None or value is UNSET:
        return "null"
    if isinstance(value, float):
        return "a number"
    return next(name for kind, name in _KINDS if isinstance(value, kind))


_KINDS: Final = (
    (bool, "true or false"),
    (int, "a number"),
    (str, "text"),
    (list, "a list"),
    (dict, "an object"),
)


def place(where: str, name: str) -> str:
    """Return the place of a member of an object."""
    return f"{where}.{name}" if where else name


def shown(where: str) -> str:
    """Return a place as messages say it."""
    return where or "the body"


def required(found: dict[str, Any], where: str, *names: str) -> None:
    """Raise MalformedRequest where an object lacks one of some members."""
    for name in names:
        if name not in found:
            raise MalformedRequest(f"{shown(where)} needs {name!r}", path=where)
