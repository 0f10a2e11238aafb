"""Comparing JSON values: equality in which True is not 1, and the order of types.

The order is Firestore's: null, booleans, numbers, text by its UTF-8, arrays, objects. Numbers of
both kinds compare as numbers: 1 equals 1.0.
"""

from __future__ import annotations

from functools import total_ordering
from typing import Any, Final, TypeAlias

__all__ = ["ARRAY", "BOOLEAN", "NULL", "NUMBER", "OBJECT", "TEXT", "Descending", "SortKey",
           "are_equal", "rank", "sort_key"]  # fmt: skip

SortKey: TypeAlias = tuple[Any, ...]

NULL: Final = 0
BOOLEAN: Final = 1
NUMBER: Final = 2
TEXT: Final = 3
ARRAY: Final = 4
OBJECT: Final = 5

_RANKS: Final = {
    type(None): NULL,
    bool: BOOLEAN,
    int: NUMBER,
    float: NUMBER,
    str: TEXT,
    list: ARRAY,
    dict: OBJECT,
}


def rank(value: Any) -> int:
    """Return where the type of a value stands among the types."""
    return _RANKS[type(value)]


def are_equal(one: Any, other: Any) -> bool:
    """Say whether two values are equal.

    >>> are_equal(1, 1.0), are_equal(1, True), are_equal({"a": [1]}, {"a": [True]})
    (True, False, False)
    """
    if _RANKS[type(one)] != _RANKS[type(other)]:
        return False
    if type(one) is list:
        return len(one) == len(other) and all(map(are_equal, one, other))
    if type(one) is dict:
        return one.keys() == other.keys() and all(
            are_equal(value, other[name]) for name, value in one.items()
        )
    return bool(one == other)


def sort_key(value: Any) -> SortKey:
    """Return what Python sorts in the order of JSON values.

    >>> values = [{}, [], "a", 10, 9.5, True, None, "B", [1]]
    >>> sorted(values, key=sort_key)
    [None, True, 9.5, 10, 'B', 'a', [], [1], {}]
    """
    number = _RANKS[type(value)]
    if number == NULL:
        return (number,)
    if number == ARRAY:
        return (number, tuple(map(sort_key, value)))
    if number == OBJECT:
        return (number, tuple((name, sort_key(value[name])) for name in sorted(value)))
    return (number, value)


@total_ordering
class Descending:
    """A sort key in the other direction."""

    __slots__ = ("key",)

    def __init__(self, key: Any) -> None:
        self.key = key

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Descending) and bool(self.key == other.key)

    def __lt__(self, other: Descending) -> bool:
        return bool(other.key < self.key)

    def __hash__(self) -> int:
        return hash(self.key)
