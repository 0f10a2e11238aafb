"""Items as JSON text, with tags for the types that JSON lacks, so that nothing is lost.

A value of such a type is an object of one member, whose name says what it stands for::

    {"$decimal": "1.50"}              Decimal("1.50")
    {"$binary": "AAE="}               b"\\x00\\x01", in base64
    {"$set": ["a", "b"]}              {"a", "b"}
    {"$frozenset": [1, 2]}            frozenset({1, 2})
    {"$tuple": [1, 2]}                (1, 2)
    {"$datetime": "2026-01-31T12:00:00+00:00"}
    {"$date": "2026-01-31"}
    {"$time": "12:00:00"}
    {"$uuid": "12345678-1234-5678-1234-567812345678"}

Dates and times are ISO 8601; one with a named time zone ends in it, as in ``[Europe/Paris]``.
A map that looks like a tag, having one member whose name starts with ``$``, is written with one
``$`` more and read back with one less, so every item comes back as it was. Other names after the
``$`` are no tags, and such a map from another program is read as it stands.
"""

from __future__ import annotations

import base64
import json
from datetime import date, datetime, time
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from uuid import UUID

from dynafile.values import extensions

if TYPE_CHECKING:
    from collections.abc import Callable

    from msgspec.msgpack import Ext


def dumps(value: object, *, indent: int | None = None) -> str:
    """Write a value as JSON text, on one line unless ``indent`` is given."""
    separators = (",", ":") if indent is None else None
    return json.dumps(structure(value), ensure_ascii=False, indent=indent, separators=separators)


def structure(value: Any) -> object:
    """Return the value as JSON's own types, with tags where they are needed."""
    kind = type(value)
    if kind in _PLAIN:
        return value
    if kind is dict:
        return _map(value)
    if kind is list:
        return [structure(element) for element in value]
    writer = _WRITERS.get(kind)
    if writer is None:
        raise TypeError(f"no JSON for a value of type {kind.__name__}")
    return writer(value)


def decoder(*, tags: bool = True, decimal: bool = False) -> json.JSONDecoder:
    """Return a decoder that reads tags (unless told not to) and refuses NaN and infinities.

    Numbers with a fraction or an exponent become ``float``, or ``Decimal`` with ``decimal=True``.
    Malformed tags and numbers raise ``ValueError``, as malformed JSON does.
    """
    return json.JSONDecoder(
        object_hook=_untag if tags else None,
        parse_float=Decimal if decimal else None,
        parse_constant=_refuse_constant,
    )


def _map(value: dict[str, object]) -> dict[str, object]:
    if len(value) == 1:
        ((name, inner),) = value.items()
        if name.startswith("$"):
            return {"$" + name: structure(inner)}
    return {name: structure(inner) for name, inner in value.items()}


def _untag(members: dict[str, Any]) -> object:
    if len(members) != 1:
        return members
    ((name, inner),) = members.items()
    if not name.startswith("$"):
        return members
    if name.startswith("$$"):
        return {name[1:]: inner}
    reader = _READERS.get(name)
    if reader is None:
        return members
    try:
        return reader(inner)
    except (TypeError, ValueError, ArithmeticError) as error:
        raise ValueError(f"{name} with a value that it cannot have") from error


def _refuse_constant(name: str) -> object:
    raise ValueError(f"{name} is no number in JSON, and cannot be stored")


def _set_members(value: set[Any] | frozenset[Any]) -> list[object]:
    # Sorted, so that two exports of one item are equal.
    return [structure(member) for member in sorted(value)]


# The stored form of a date or time is text already, and knows of time zones and folds.
def _stored_text(packed: Ext) -> str:
    return str(packed.data, "ascii")


def _from_stored_text(code: int, value: object) -> object:
    return extensions.unpack(code, memoryview(_text(value).encode()))


def _text(value: object) -> str:
    if type(value) is not str:
        raise TypeError("text expected")
    return value


def _array(value: object) -> list[Any]:
    if type(value) is not list:
        raise TypeError("array expected")
    return value


_PLAIN = frozenset({str, int, float, bool, type(None)})

_WRITERS: dict[type, Callable[[Any], object]] = {
    Decimal: lambda value: {"$decimal": str(value)},
    bytes: lambda value: {"$binary": base64.b64encode(value).decode("ascii")},
    set: lambda value: {"$set": _set_members(value)},
    frozenset: lambda value: {"$frozenset": _set_members(value)},
    tuple: lambda value: {"$tuple": [structure(member) for member in value]},
    datetime: lambda value: {"$datetime": _stored_text(extensions.pack_datetime(value))},
    date: lambda value: {"$date": value.isoformat()},
    time: lambda value: {"$time": _stored_text(extensions.pack_time(value))},
    UUID: lambda value: {"$uuid": str(value)},
}

_READERS: dict[str, Callable[[Any], object]] = {
    "$decimal": lambda value: Decimal(_text(value)),
    "$binary": lambda value: base64.b64decode(_text(value), validate=True),
    "$set": lambda value: set(_array(value)),
    "$frozenset": lambda value: frozenset(_array(value)),
    "$tuple": lambda value: tuple(_array(value)),
    "$datetime": lambda value: _from_stored_text(extensions.DATETIME, value),
    "$date": lambda value: _from_stored_text(extensions.DATE, value),
    "$time": lambda value: _from_stored_text(extensions.TIME, value),
    "$uuid": lambda value: UUID(_text(value)),
}
