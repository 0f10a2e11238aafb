"""The size of an item as DynamoDB counts it, which is what pages and capacity go by.

See https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/CapacityUnitCalculations.html:
names and strings are their UTF-8 bytes, a number one byte for two significant digits and one more,
a list or map 3 bytes and one for each element. What DynamoDB does not have counts as the string or
list that the wire shows.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

_CONTAINER: Final = 3
_ELEMENT: Final = 1


def item_size(item: Mapping[str, Any]) -> int:
    """Return the size of an item in bytes: its attributes' names and values."""
    total = 0
    for name, value in item.items():
        total += len(name) if name.isascii() else len(name.encode())
        kind = type(value)
        if kind is str:
            total += len(value) if value.isascii() else len(value.encode())
        else:
            total += _SIZES[kind](value)
    return total


def value_size(value: Any) -> int:
    """Return the size of an attribute's value in bytes."""
    return _SIZES[type(value)](value)


def _text(value: str) -> int:
    return len(value) if value.isascii() else len(value.encode())


def _integer(value: int) -> int:
    if 0 < value < 100:
        return 2
    return _decimal(Decimal(value))


def _decimal(value: Decimal) -> int:
    # Two decimal places make a byte, counted from the decimal point; zeros at the ends make none.
    sign, digits, exponent = value.as_tuple()
    text = "".join(map(str, digits)).strip("0")
    if not text:
        return 1
    assert isinstance(exponent, int)
    high = value.adjusted()
    low = high - len(text) + 1
    return 1 + (high // 2 - low // 2 + 1) + sign


def _float(value: float) -> int:
    return _decimal(Decimal(repr(value)))


def _list(value: list[Any]) -> int:
    return _CONTAINER + sum(_ELEMENT + _SIZES[type(member)](member) for member in value)


def _map(value: dict[str, Any]) -> int:
    return _CONTAINER + _ELEMENT * len(value) + item_size(value)


def _set(value: set[Any]) -> int:
    return sum(_SIZES[type(member)](member) for member in value)


def _moment(value: date | time) -> int:
    return len(value.isoformat())


_SIZES: Final[dict[type, Callable[[Any], int]]] = {
    str: _text,
    int: _integer,
    float: _float,
    Decimal: _decimal,
    bytes: len,
    bool: lambda _value: 1,
    type(None): lambda _value: 1,
    list: _list,
    tuple: _list,
    dict: _map,
    set: _set,
    frozenset: _set,
    date: _moment,
    datetime: _moment,
    time: _moment,
    UUID: lambda _value: 36,
}
