"""The walk over an item: refuses what cannot be stored, converts what MessagePack lacks.

The walk returns the very object it was given where nothing needs converting, so that most
items are encoded as they stand. It builds no paths on its way: a refusal gathers its path
while it unwinds, and only then costs anything.

``PLAIN`` types go to the encoder unseen. That leaves two refusals to the encoder, lone
surrogates and ints beyond 64 bits; when it raises, the item is walked again with ``BARE`` in
place of ``PLAIN``, which looks at every string and every int.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from typing import Any, NoReturn, TypeAlias
from uuid import UUID

from msgspec.msgpack import Ext

from dynafile.errors import (
    CyclicItem,
    InvalidName,
    InvalidNumber,
    InvalidSet,
    InvalidString,
    ItemTooLarge,
    NestingTooDeep,
    UnsupportedType,
    ValidationError,
)
from dynafile.values import extensions
from dynafile.values.numbers import (
    FLOAT_HIGH,
    FLOAT_LOW,
    MAX_DIGITS,
    MAX_EXPONENT,
    MIN_EXPONENT,
    Number,
    number_fault,
)

__all__ = ["BARE", "CONVERTERS", "MAX_DEPTH", "PLAIN", "Refusal", "convert_map", "refusal_error"]

MAX_DEPTH = 32
"""Levels of list, map and tuple below the item itself."""

Kinds: TypeAlias = frozenset[type]

PLAIN: Kinds = frozenset({str, int, bool, type(None), bytes})
BARE: Kinds = frozenset({bool, type(None), bytes})

_NUMBERS = frozenset({int, float, Decimal})
_SET_MEMBERS = _NUMBERS | {str, bytes}


class Refusal(Exception):
    """A refusal on its way up; ``steps`` are the names and indexes passed, innermost first."""

    def __init__(self, error: type[ValidationError], text: str, **particulars: object) -> None:
        super().__init__(text)
        self.error = error
        self.text = text
        self.particulars = particulars
        self.steps: list[object] = []


def convert_map(value: dict[str, Any], depth: int, plain: Kinds, budget: list[int]) -> Any:
    """Return ``value`` as the encoder can take it: itself, or a copy with members converted.

    ``depth`` is 0 for the item. ``budget`` holds the number of members the item may still
    have: a few containers that hold each other many times over would else be walked forever.
    Raises ``Refusal``.
    """
    budget[0] -= len(value)
    if depth > MAX_DEPTH or budget[0] < 0:
        raise _size_refusal(depth)
    if "" in value:
        text = "has an empty attribute name; a name is at least one character"
        raise Refusal(InvalidName, text, name="")
    if plain is BARE:
        for name in value:
            if type(name) is str:
                _check_text(name, "has an attribute name with a lone surrogate")
    converted = value
    name = ""
    try:
        for name, member in value.items():
            if type(name) is not str:
                raise _name_refusal(name)
            kind = type(member)
            if kind in plain or (kind is float and FLOAT_LOW <= member < FLOAT_HIGH):
                continue
            result = _converter(kind, _refuse)(member, depth + 1, plain, budget)
            if result is not member:
                if converted is value:
                    converted = value.copy()
                converted[name] = result
    except Refusal as refusal:
        # A name that is no str is refused itself, at the path of its map.
        if type(name) is str:
            refusal.steps.append(name)
        raise
    return converted


def _convert_array(
    value: list[Any] | tuple[Any, ...], depth: int, plain: Kinds, budget: list[int]
) -> list[Any] | tuple[Any, ...]:
    budget[0] -= len(value)
    if depth > MAX_DEPTH or budget[0] < 0:
        raise _size_refusal(depth)
    if plain.issuperset(map(type, value)):
        return value
    converted: list[Any] | None = None
    index = 0
    try:
        for index, member in enumerate(value):
            kind = type(member)
            if kind in plain or (kind is float and FLOAT_LOW <= member < FLOAT_HIGH):
                continue
            result = _converter(kind, _refuse)(member, depth + 1, plain, budget)
            if result is not member:
                if converted is None:
                    converted = list(value)
                converted[index] = result
    except Refusal as refusal:
        refusal.steps.append(index)
        raise
    return value if converted is None else converted


def _convert_tuple(value: tuple[Any, ...], depth: int, plain: Kinds, budget: list[int]) -> Ext:
    return extensions.pack_array(_convert_array(value, depth, plain, budget))


def _convert_set(
    value: set[Any] | frozenset[Any], _depth: int, plain: Kinds, budget: list[int]
) -> Ext:
    kinds = {*map(type, value)}
    members: list[Any]
    if kinds == {str}:
        members = sorted(value)
        if plain is BARE:
            for member in members:
                _check_text(member, "has a member with a lone surrogate")
    elif kinds == {bytes}:
        members = sorted(value)
    elif kinds and kinds <= _NUMBERS:
        converted = {member: _convert_number(member) for member in value}
        # By their text: to compare a float with a Decimal is an error in some contexts.
        members = [converted[member] for member in sorted(converted, key=str)]
    else:
        raise _set_refusal(value, kinds)
    budget[0] -= len(members)
    return extensions.pack_set(members, frozen=type(value) is frozenset)


def _convert_number(value: Number) -> Number | Ext:
    number: Number | Ext = CONVERTERS[type(value)](value, 0, PLAIN, [])
    return number


def _convert_int(value: int, _depth: int, _plain: Kinds, _budget: list[int]) -> int | Ext:
    if -(1 << 63) <= value < 1 << 64:
        return value
    _check_number(value)
    return extensions.pack_big_int(value)


def _convert_float(value: float, _depth: int, _plain: Kinds, _budget: list[int]) -> float:
    if not -FLOAT_HIGH < value <= -FLOAT_LOW:
        _check_number(value)
    return value


def _convert_decimal(value: Decimal, _depth: int, _plain: Kinds, _budget: list[int]) -> Ext:
    text = str(value)
    # Text no longer than the digits allowed cannot have more of them: most numbers pass here.
    if not (
        len(text) <= MAX_DIGITS
        and value.is_finite()
        and MIN_EXPONENT <= value.adjusted() <= MAX_EXPONENT
    ):
        _check_number(value)
    return extensions.pack_decimal(text)


def _convert_str(value: str, _depth: int, _plain: Kinds, _budget: list[int]) -> str:
    _check_text(value, "is a string with a lone surrogate")
    return value


def _convert_datetime(value: datetime, _depth: int, _plain: Kinds, _budget: list[int]) -> Ext:
    _check_zone(value)
    return extensions.pack_datetime(value)


def _convert_time(value: time, _depth: int, _plain: Kinds, _budget: list[int]) -> Ext:
    _check_zone(value)
    return extensions.pack_time(value)


def _convert_date(value: date, _depth: int, _plain: Kinds, _budget: list[int]) -> Ext:
    return extensions.pack_date(value)


def _convert_uuid(value: UUID, _depth: int, _plain: Kinds, _budget: list[int]) -> Ext:
    return extensions.pack_uuid(value)


def _refuse(value: object, _depth: int, _plain: Kinds, _budget: list[int]) -> NoReturn:
    kind = type(value)
    text = f"is of type {_type_name(kind)}, which cannot be stored; {_hint(value)}"
    raise Refusal(UnsupportedType, text, type=kind)


CONVERTERS: dict[type, Callable[[Any, int, Kinds, list[int]], Any]] = {
    dict: convert_map,
    list: _convert_array,
    tuple: _convert_tuple,
    set: _convert_set,
    frozenset: _convert_set,
    float: _convert_float,
    Decimal: _convert_decimal,
    datetime: _convert_datetime,
    date: _convert_date,
    time: _convert_time,
    UUID: _convert_uuid,
    # In the walk itself, reached with BARE only.
    str: _convert_str,
    int: _convert_int,
}
_converter = CONVERTERS.get


def _check_number(value: Number) -> None:
    fault = number_fault(value)
    if fault is not None:
        raise Refusal(InvalidNumber, fault)


def _check_text(value: str, what: str) -> None:
    try:
        value.encode()
    except UnicodeEncodeError as error:
        text = f"{what}, {value[error.start]!r} at index {error.start}, which UTF-8 cannot express"
        raise Refusal(InvalidString, f"{text}; store bytes, or replace it") from None


def _check_zone(value: datetime | time) -> None:
    zone = value.tzinfo
    if zone is not None and value.utcoffset() is None and extensions.zone_key(zone) is None:
        kind = type(zone)
        text = (
            f"has a tzinfo of type {_type_name(kind)} that gives no offset, so that it would be "
            "lost; use a datetime.timezone or a zoneinfo.ZoneInfo"
        )
        raise Refusal(UnsupportedType, text, type=kind)


def refusal_error(refusal: Refusal, item: Mapping[Any, Any]) -> ValidationError:
    """Return the error that a refusal is for the caller, with its path in words."""
    if refusal.error is NestingTooDeep:
        circle = _find_circle(item)
        if circle is not None:
            steps, length = circle
            path, first = _path(steps), _path(steps[:length])
            text = f"{path} is {first} again, and an item cannot contain itself; store a copy"
            return CyclicItem(text, path=path)
    path = _path(refusal.steps[::-1])
    return refusal.error(f"{path} {refusal.text}", path=path, **refusal.particulars)


def _path(steps: list[object]) -> str:
    return "item" + "".join(f"[{step!r}]" for step in steps)


def _find_circle(item: Mapping[Any, Any]) -> tuple[list[object], int] | None:
    """Find a container that contains itself.

    Returns the steps to where the circle closes, and how many of them lead to where it begins.
    """
    steps: list[object] = []
    path = {id(item): 0}
    finished: set[int] = set()
    stack = [_containers(item)]
    while stack:
        for step, inner in stack[-1]:
            if id(inner) in path:
                return [*steps, step], path[id(inner)]
            if id(inner) not in finished:
                steps.append(step)
                path[id(inner)] = len(steps)
                stack.append(_containers(inner))
                break
        else:
            stack.pop()
            finished.add(path.popitem()[0])
            if steps:
                steps.pop()
    return None


def _containers(value: Any) -> Iterator[tuple[object, Any]]:
    members = value.items() if isinstance(value, Mapping) else enumerate(value)
    return ((step, inner) for step, inner in members if type(inner) in (dict, list, tuple))


def _size_refusal(depth: int) -> Refusal:
    if depth > MAX_DEPTH:
        text = f"is nested deeper than {MAX_DEPTH} levels; flatten the item"
        return Refusal(NestingTooDeep, text)
    return Refusal(ItemTooLarge, "has too many members")


def _name_refusal(name: object) -> Refusal:
    kind = type(name)
    text = f"has an attribute name of type {_type_name(kind)}; a name is a str: use str(...) of it"
    return Refusal(UnsupportedType, text, type=kind)


def _set_refusal(value: Collection[Any], kinds: set[type]) -> Refusal:
    if not kinds:
        return Refusal(InvalidSet, "is an empty set; leave the attribute out, or store None")
    if kinds <= _SET_MEMBERS:
        names = ", ".join(sorted(kind.__name__ for kind in kinds))
        text = f"is a set that mixes types ({names}): it holds strings, numbers or bytes"
        return Refusal(InvalidSet, f"{text}, one kind; store a list instead")
    kind = next(kind for kind in map(type, value) if kind not in _SET_MEMBERS)
    text = (
        f"is a set with a member of type {_type_name(kind)}; a set holds strings, numbers or "
        "bytes: store a list instead"
    )
    return Refusal(UnsupportedType, text, type=kind)


def _type_name(kind: type) -> str:
    if kind.__module__ == "builtins":
        return kind.__qualname__
    return f"{kind.__module__}.{kind.__qualname__}"


_BASES = (str, int, float, bytes, dict, list, tuple, set, frozenset, Decimal, UUID)


def _hint(value: object) -> str:
    kind = type(value)
    if kind.__module__.partition(".")[0] == "numpy":
        return "store what its .tolist() returns"
    if isinstance(value, Enum):
        return "store its .value"
    # dataclasses.is_dataclass does this, and takes ten milliseconds to import.
    if hasattr(kind, "__dataclass_fields__"):
        return "store dataclasses.asdict(...) of it"
    if isinstance(value, (bytearray, memoryview)):
        return "store bytes(...) of it"
    if isinstance(value, timedelta):
        return "store its .total_seconds()"
    for base in _BASES:
        if isinstance(value, base):
            return f"store {base.__name__}(...) of it"
    if isinstance(value, Mapping):
        return "store dict(...) of it"
    if isinstance(value, (date, time)):
        return "store a plain datetime, date or time: subclasses would not come back as they were"
    return "store a str, number, bytes, bool, None, list, dict or set made from it"
