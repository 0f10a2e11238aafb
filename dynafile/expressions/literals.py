"""Literals: a value taken into an expression, and tests of other values against it.

A test is a closure from a value, ``MISSING`` included, to bool. What can be worked out from
the literal alone is worked out when the closure is made.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable
from datetime import date, datetime, time
from decimal import Decimal
from math import isfinite, nan
from typing import Any, TypeAlias
from uuid import UUID

from dynafile.errors import InvalidNumber, InvalidSet, NestingTooDeep, UnsupportedType
from dynafile.expressions.comparison import (
    RELATIONS,
    differ,
    equal,
    exact_number,
    kind_of,
    relate,
)

__all__ = [
    "ValueTest",
    "between_test",
    "comparison_maker",
    "comparison_test",
    "containment_test",
    "difference_test",
    "equality_test",
    "member_test",
    "order_test",
    "prefix_test",
    "take_literal",
    "take_stored",
]

ValueTest: TypeAlias = Callable[[Any], bool]

_MAX_DEPTH = 32

_KEPT: frozenset[type] = frozenset({bool, type(None), str, bytes, int})
_PLAIN: tuple[type, ...] = (str, bytes, int, float, Decimal, datetime, date, time, UUID)


def take_literal(value: object, depth: int = 0) -> Any:
    """Return a value as an expression keeps it: of the types that are stored, and a copy.

    A ``StrEnum`` becomes a str, a ``bytearray`` or boto3's ``Binary`` bytes, and so on. Raises
    ``UnsupportedType``, ``InvalidNumber``, ``InvalidSet`` or ``NestingTooDeep``.
    """
    if type(value) in _KEPT:
        return value
    for kind in _PLAIN:
        if isinstance(value, kind):
            plain = value if type(value) is kind else _plain(kind, value)
            if isinstance(plain, (float, Decimal)) and not _is_finite(plain):
                raise InvalidNumber(
                    f"{plain} is no number that an attribute can hold; give a finite one"
                )
            return plain
    if isinstance(value, (bytearray, memoryview)):
        return bytes(value)
    if type(value).__name__ == "Binary":
        held = getattr(value, "value", None)
        if isinstance(held, bytes):
            return held
    _check_depth(depth)
    if isinstance(value, (list, tuple)):
        return [take_literal(member, depth + 1) for member in value]
    if isinstance(value, (set, frozenset)):
        members = frozenset(take_literal(member, depth + 1) for member in value)
        if len({kind_of(member) for member in members}) != 1 or kind_of(members) is None:
            raise InvalidSet("a set holds strings, numbers or bytes, one kind, and is not empty")
        return members
    if isinstance(value, dict) and all(isinstance(name, str) for name in value):
        return {str(name): take_literal(member, depth + 1) for name, member in value.items()}
    kind = type(value)
    raise UnsupportedType(
        f"a value of type {kind.__module__}.{kind.__qualname__} is none that an attribute can "
        "hold; pass a str, number, bytes, bool, None, list, dict, set, date or time",
        type=kind,
    )


def take_stored(value: object, depth: int = 0) -> Any:
    """Return a value as an item holds it: as ``take_literal`` does, with tuples and sets kept."""
    if isinstance(value, (list, tuple)):
        _check_depth(depth)
        members = [take_stored(member, depth + 1) for member in value]
        return tuple(members) if isinstance(value, tuple) else members
    if isinstance(value, dict) and all(isinstance(name, str) for name in value):
        _check_depth(depth)
        return {str(name): take_stored(member, depth + 1) for name, member in value.items()}
    taken = take_literal(value, depth)
    return set(taken) if isinstance(value, set) else taken


def _check_depth(depth: int) -> None:
    if depth >= _MAX_DEPTH:
        raise NestingTooDeep(f"the value is nested deeper than {_MAX_DEPTH} levels; flatten it")


def _is_finite(value: float | Decimal) -> bool:
    return isfinite(value) if isinstance(value, float) else value.is_finite()


def _plain(kind: type, value: Any) -> Any:
    # A subclass may have its own idea of str() and arithmetic; these read what it holds.
    if kind is str:
        return str.__str__(value)
    if kind is bytes:
        return bytes.__getitem__(value, slice(None))
    if kind is int:
        return int.__index__(value)
    if kind is float:
        return float.__float__(value)
    if kind is Decimal:
        return Decimal(value)
    if kind is UUID:
        return UUID(int=value.int)
    fields = {date: _CALENDAR, time: _CLOCK}.get(kind, _CALENDAR + _CLOCK)
    return kind(**{field: getattr(value, field) for field in fields})


_CALENDAR = ("year", "month", "day")
_CLOCK = ("hour", "minute", "second", "microsecond", "tzinfo", "fold")


def equality_test(literal: Any) -> ValueTest:
    """Return a test that a value equals the literal."""
    return comparison_maker("=", kind_of(literal))(literal)


def difference_test(literal: Any) -> ValueTest:
    """Return a test that a value is of the literal's kind and differs from it."""
    kind = kind_of(literal)
    if kind == "N":
        return _number_test("<>", operator.ne, literal)
    if kind == "S" or kind == "B":
        cls = type(literal)
        return lambda value: type(value) is cls and value != literal
    return lambda value: differ(value, literal)


def order_test(symbol: str, literal: Any) -> ValueTest:
    """Return a test that a value is ``<``, ``<=``, ``>`` or ``>=`` the literal."""
    return comparison_maker(symbol, kind_of(literal))(literal)


def comparison_test(symbol: str, literal: Any) -> ValueTest:
    """Return a test that a value stands in one of DynamoDB's six comparisons to the literal."""
    return comparison_maker(symbol, kind_of(literal))(literal)


def comparison_maker(symbol: str, kind: str | None) -> Callable[[Any], ValueTest]:
    """Return what makes the ``comparison_test`` of literals of a kind."""
    if symbol == "<>":
        same = comparison_maker("=", kind)
        return lambda literal: _contrary(same(literal))
    if kind == "N":
        relation = _NUMBER_RELATIONS[symbol]
        return lambda literal: _number_test(symbol, relation, literal)
    if symbol != "=":
        if kind == "S" or kind == "B":
            order = RELATIONS[symbol]
            return lambda literal: _text_test(order, literal)
        return lambda literal: lambda value: relate(symbol, value, literal)
    if kind == "S" or kind == "B":
        return _text_equality
    if kind == "BOOL" or kind == "NULL":
        return _identity
    return lambda literal: lambda value: equal(value, literal)


def _contrary(test: ValueTest) -> ValueTest:
    return lambda value: not test(value)


def _identity(literal: Any) -> ValueTest:
    return lambda value: value is literal


def _text_equality(literal: Any) -> ValueTest:
    cls = type(literal)
    return lambda value: type(value) is cls and value == literal


def _text_test(relation: Callable[..., bool], literal: Any) -> ValueTest:
    cls = type(literal)
    return lambda value: type(value) is cls and relation(value, literal)


def between_test(low: Any, high: Any) -> ValueTest:
    """Return a test that a value is at least the low literal and at most the high one."""
    above, below = order_test(">=", low), order_test("<=", high)
    return lambda value: above(value) and below(value)


def prefix_test(prefix: Any) -> ValueTest:
    """Return a test that a value is of the type of the literal, and begins with it."""
    kind = type(prefix)
    return lambda value: type(value) is kind and value.startswith(prefix)


def member_test(literals: Iterable[Any]) -> ValueTest:
    """Return a test that a value equals one of the literals."""
    texts: set[Any] = set()
    others: list[ValueTest] = []
    numbers: set[int | Decimal] = set()
    for literal in literals:
        kind = kind_of(literal)
        if kind == "S" or kind == "B":
            texts.add(literal)
        elif kind == "N":
            numbers.add(exact_number(literal))
        else:
            others.append(equality_test(literal))

    def test(value: Any) -> bool:
        kind = type(value)
        if kind is str or kind is bytes:
            return value in texts
        if kind is int or kind is Decimal:
            return value in numbers
        if kind is float:
            return exact_number(value) in numbers
        return any(other(value) for other in others) if others else False

    return test


def containment_test(literal: Any) -> ValueTest:
    """Return a test that a value contains the literal, as ``comparison.contains`` says."""
    same, kind = equality_test(literal), type(literal)
    has_parts = kind is str or kind is bytes

    def test(value: Any) -> bool:
        container = type(value)
        if container is kind and has_parts:
            return literal in value
        if container is list or container is set or container is tuple or container is frozenset:
            for member in value:
                if same(member):
                    return True
        return False

    return test


def _number_test(symbol: str, relation: Callable[..., bool], literal: float | Decimal) -> ValueTest:
    exact: int | Decimal
    if type(literal) is int and -_EXACT_FLOATS <= literal <= _EXACT_FLOATS:
        exact, near, float_relation = literal, float(literal), relation
    else:
        exact = exact_number(literal)
        near, float_relation = _float_relation(symbol, exact)

    def test(value: Any) -> bool:
        kind = type(value)
        if kind is int:
            return relation(value, exact)
        if kind is float:
            return float_relation(value, near)
        if kind is not Decimal:
            return False
        try:
            return relation(value, exact)
        except ArithmeticError:  # a NaN, which no table stores
            return False

    return test


_EXACT_FLOATS = 2**53
"""Up to this magnitude every int is a float, and that float stands for it."""


def _float_relation(symbol: str, exact: int | Decimal) -> tuple[float, Callable[..., bool]]:
    """Return a float and a relation to it that a float has if it has the relation to ``exact``.

    Going through Decimal for each float would cost half a microsecond. The float nearest to
    ``exact`` is on one side of it, or on it; every other float is on the same side of both.
    """
    near = float(Decimal(exact))
    shown = exact_number(near)
    if shown == exact:
        return near, _NUMBER_RELATIONS[symbol]
    if symbol in ("=", "<>"):
        return nan, _NUMBER_RELATIONS[symbol]  # no float equals it, as none equals a NaN
    if shown < exact:
        return near, RELATIONS["<=" if symbol in ("<", "<=") else ">"]
    return near, RELATIONS["<" if symbol in ("<", "<=") else ">="]


_NUMBER_RELATIONS: dict[str, Callable[[Any, Any], bool]] = {
    **RELATIONS,
    "=": operator.eq,
    "<>": operator.ne,
}
