"""What updates compute: sums, differences, appended lists, sets with more or fewer members.

Values are those of an item. Numbers are added exactly, or not at all:

- int and int give an int;
- a Decimal and any number give a Decimal;
- a float and an int or float give a float if one stands for the exact result, else a Decimal: 0.1
  and 0.2 give 0.3. As everywhere, a float stands for its shortest decimal form.

A result that no attribute can hold, over 38 digits or out of range, is an error.
"""

from __future__ import annotations

from decimal import Context, Decimal, Inexact, InvalidOperation
from math import isfinite
from typing import Any, NoReturn

from dynafile.errors import InvalidNumber, ValidationError
from dynafile.expressions.comparison import exact_number, kind_of
from dynafile.expressions.paths import MISSING
from dynafile.values import MAX_DIGITS, Number, check_number

__all__ = ["add", "append", "difference", "incorrect_type", "subtract", "total", "union"]

_NUMBERS = frozenset({int, float, Decimal})
_LISTS = frozenset({list, tuple})
_SETS = frozenset({"SS", "NS", "BS"})

# Two numbers of up to 38 digits, from 1E-130 to 9.9E+125, have an exact sum within these digits.
_EXACT = Context(prec=400, Emin=-999, Emax=999, traps=[Inexact, InvalidOperation])

_SURE = 10**MAX_DIGITS
_TOO_LARGE = 10**126
_TOO_LONG = "Attempting to store more than 38 significant digits in a Number"
_OVERFLOW = (
    "Number overflow. Attempting to store a number with magnitude larger than supported range"
)
_UNDERFLOW = (
    "Number underflow. Attempting to store a number with magnitude smaller than supported range"
)
_SMALLEST = Decimal("1E-130")


def incorrect_type() -> NoReturn:
    """Raise DynamoDB's error for an operand whose type does not fit the update."""
    raise ValidationError("An operand in the update expression has an incorrect data type")


def add(left: Any, right: Any) -> Number:
    """Return the sum of two numbers."""
    if type(left) is int and type(right) is int:
        result = left + right
        return result if -_SURE < result < _SURE else _checked(result)
    return _combine(left, right, _EXACT.add)


def subtract(left: Any, right: Any) -> Number:
    """Return the difference of two numbers."""
    if type(left) is int and type(right) is int:
        result = left - right
        return result if -_SURE < result < _SURE else _checked(result)
    return _combine(left, right, _EXACT.subtract)


def _combine(left: Any, right: Any, operation: Any) -> Number:
    kinds = {type(left), type(right)}
    if not kinds <= _NUMBERS:
        incorrect_type()
    try:
        exact: Decimal = operation(Decimal(exact_number(left)), Decimal(exact_number(right)))
    except ArithmeticError:  # a value of the request is out of range by itself
        raise InvalidNumber(_TOO_LONG) from None
    _checked(exact)
    if Decimal not in kinds:
        near = float(exact)
        if isfinite(near) and exact_number(near) == exact:
            return near
    return exact


def _checked(number: int | Decimal) -> int | Decimal:
    try:
        check_number(number, "the result")
    except InvalidNumber:
        magnitude = Decimal(number).copy_abs()
        if magnitude >= _TOO_LARGE:
            text = _OVERFLOW
        elif magnitude < _SMALLEST:
            text = _UNDERFLOW
        else:
            text = _TOO_LONG
        raise InvalidNumber(text) from None
    return number


def append(left: Any, right: Any) -> Any:
    """Return one list after another; a tuple if both are."""
    if type(left) not in _LISTS or type(right) not in _LISTS:
        incorrect_type()
    if type(left) is type(right):
        return left + right
    return [*left, *right]


def total(value: Any, increment: Any) -> Any:
    """Return what ADD makes of a value, or of ``MISSING``: a sum, or a union of sets."""
    if value is MISSING:
        return increment
    if type(increment) in _NUMBERS:
        return add(value, increment)
    return union(value, increment)


def union(value: Any, members: Any) -> Any:
    """Return a set with more members, of the type that it has."""
    kind = _set_kind(value, members)
    if kind != "NS":
        return value | members
    known = set(map(exact_number, value))
    return value | {member for member in members if exact_number(member) not in known}


def difference(value: Any, members: Any) -> Any:
    """Return what DELETE makes of a value, or of ``MISSING``: the set without some members.

    ``MISSING`` if none is left.
    """
    if value is MISSING:
        return MISSING
    kind = _set_kind(value, members)
    if kind == "NS":
        gone = set(map(exact_number, members))
        left = type(value)(member for member in value if exact_number(member) not in gone)
    else:
        left = value - members
    return left or MISSING


def _set_kind(value: Any, members: Any) -> str:
    kind = kind_of(value)
    if kind not in _SETS or kind != kind_of(members):
        incorrect_type()
    return kind
