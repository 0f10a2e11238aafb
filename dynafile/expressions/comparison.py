"""How attribute values compare: DynamoDB's rules on Python values.

Values are those that a table returns, of exactly the types it stores, so that a type is one
dictionary lookup; a value of any other type compares with nothing. What is compared:

- Only values of one kind. ``True`` is no number; a string is no binary.
- Numbers by their decimal value, whatever their Python type; a float stands for its shortest
  decimal form, so that 0.1 is ``Decimal("0.1")``.
- Strings by their UTF-8 bytes, which is the order of their code points and therefore of
  Python's ``str``; binary by unsigned bytes.
- A date stands for its midnight. Date-times and times compare if both have a UTC offset, or
  neither has.
- Lists, maps and sets for equality only, member by member; a tuple is a list.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any, Final, TypeAlias
from uuid import UUID

__all__ = [
    "ATTRIBUTE_TYPES",
    "FLIPPED",
    "ORDERED_KINDS",
    "RELATIONS",
    "attribute_type",
    "contains",
    "differ",
    "equal",
    "exact_number",
    "kind_of",
    "moment",
    "relate",
    "size_of",
]

Relation: TypeAlias = Callable[[Any, Any], bool]

RELATIONS: Final[dict[str, Relation]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
"""The operators that need an order."""

FLIPPED: Final = {"=": "=", "<>": "<>", "<": ">", "<=": ">=", ">": "<", ">=": "<="}
"""The operator that says the same with its operands changed over."""

ORDERED_KINDS: Final = frozenset({"S", "N", "B", "MOMENT", "MOMENT+", "TIME", "TIME+"})
"""The kinds that have an order."""

_KINDS: Final[dict[type, str]] = {
    str: "S",
    int: "N",
    float: "N",
    Decimal: "N",
    bytes: "B",
    bool: "BOOL",
    type(None): "NULL",
    list: "L",
    tuple: "L",
    dict: "M",
    set: "SET",
    frozenset: "SET",
    date: "MOMENT",
    datetime: "MOMENT",
    time: "TIME",
    UUID: "UUID",
}

ATTRIBUTE_TYPES: Final = frozenset(["S", "N", "B", "BOOL", "NULL", "L", "M", "SS", "NS", "BS"])
"""The type names of DynamoDB."""


def kind_of(value: Any) -> str | None:
    """Return what a value compares with: DynamoDB's type, or ``MOMENT``, ``TIME``, ``UUID``.

    A moment or time that has a UTC offset is marked with a plus sign. None for a value that
    compares with nothing.
    """
    kind = _KINDS.get(type(value))
    if kind == "SET":
        member = next(iter(value), None)
        inner = _KINDS.get(type(member))
        return f"{inner}S" if inner in ("S", "N", "B") else None
    if kind == "MOMENT" or kind == "TIME":
        aware = isinstance(value, (datetime, time)) and value.utcoffset() is not None
        return f"{kind}+" if aware else kind
    return kind


def attribute_type(value: object) -> str | None:
    """Return DynamoDB's name of a value's type, as the wire would show it.

    Dates, times and UUIDs are strings there. None for what is no attribute value.
    """
    kind = kind_of(value)
    return kind if kind is None or kind in ATTRIBUTE_TYPES else "S"


def exact_number(value: float | Decimal) -> int | Decimal:
    """Return the number itself as an int or Decimal, which compare with each other exactly.

    A float is never compared with a Decimal: it would count as its binary value, and is an
    error in a decimal context that traps ``FloatOperation``.
    """
    return Decimal(repr(value)) if isinstance(value, float) else value


def moment(value: date) -> datetime:
    """Return a date or date-time as a date-time: a date is its midnight."""
    return value if isinstance(value, datetime) else datetime.combine(value, time.min)


def equal(left: object, right: object) -> bool:
    """Say whether two values are equal: of one kind, and the same. ``MISSING`` equals nothing."""
    kind = kind_of(left)
    return kind is not None and kind == kind_of(right) and _same(kind, left, right)


def differ(left: object, right: object) -> bool:
    """Say whether two values can be compared, being of one kind, and are not equal.

    This is the ``!=`` of filter strings. DynamoDB's ``<>`` is ``not equal(...)``.
    """
    kind = kind_of(left)
    return kind is not None and kind == kind_of(right) and not _same(kind, left, right)


def _same(kind: str, left: Any, right: Any) -> bool:
    if kind == "N":
        return exact_number(left) == exact_number(right)
    if kind == "L":
        return len(left) == len(right) and all(map(equal, left, right))
    if kind == "M":
        return left.keys() == right.keys() and all(equal(left[name], right[name]) for name in left)
    if kind == "NS":
        return set(map(exact_number, left)) == set(map(exact_number, right))
    if kind.startswith("MOMENT"):
        return moment(left) == moment(right)
    return bool(left == right)


def relate(symbol: str, left: Any, right: Any) -> bool:
    """Say whether two values stand in the order that ``<``, ``<=``, ``>`` or ``>=`` asks for.

    False if they are not of one kind, or of a kind without order.
    """
    kind = kind_of(left)
    if kind not in ORDERED_KINDS or kind != kind_of(right):
        return False
    if kind == "N":
        left, right = exact_number(left), exact_number(right)
    elif kind.startswith("MOMENT"):
        left, right = moment(left), moment(right)
    try:
        return RELATIONS[symbol](left, right)
    except ArithmeticError:  # a NaN, which no table stores
        return False


def contains(container: Any, member: object) -> bool:
    """Say whether a value contains another, as DynamoDB's ``contains`` does.

    A string contains a string, and binary binary, as a part of it; a list or set contains
    what equals one of its members. Nothing else contains anything.
    """
    kind = type(container)
    if kind is str or kind is bytes:
        return type(member) is kind and member in container
    if kind in (list, tuple, set, frozenset):
        return any(equal(each, member) for each in container)
    return False


def size_of(value: object) -> int | None:
    """Return DynamoDB's ``size`` of a value; None if its type has none.

    Bytes of binary, members of a list, map or set, and of a string its length in UTF-16 code
    units, which is what DynamoDB answers (its documentation only says "length").
    """
    if isinstance(value, str):
        if value.isascii():
            return len(value)
        return len(value.encode("utf-16-le", "surrogatepass")) // 2
    if isinstance(value, (bytes, list, tuple, dict, set, frozenset)):
        return len(value)
    return None
