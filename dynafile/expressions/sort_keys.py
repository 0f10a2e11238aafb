"""Sort key conditions: the range of an item collection that a query reads.

``between``, ``begins_with``, ``eq``, ``lt``, ``lte``, ``gt`` and ``gte`` are about the sort
key of whatever table is queried; ``Key("SK").lt(x)`` also names it. See
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Query.KeyConditionExpressions.html.
"""

from __future__ import annotations

from typing import Any

from msgspec import Struct
from msgspec.structs import force_setattr, replace

from dynafile.errors import InvalidArgument, UnsupportedType, ValidationError
from dynafile.expressions import boto3_conditions
from dynafile.expressions.attributes import Attr, Size
from dynafile.expressions.comparison import kind_of
from dynafile.expressions.literals import take_literal
from dynafile.expressions.nodes import And, Condition, Not, Or, check_bounds

__all__ = [
    "Key",
    "SortKeyCondition",
    "begins_with",
    "between",
    "eq",
    "gt",
    "gte",
    "key_condition",
    "lt",
    "lte",
]

_OPERATORS = {
    "=": "eq",
    "<": "lt",
    "<=": "lte",
    ">": "gt",
    ">=": "gte",
    "BETWEEN": "between",
    "begins_with": "begins_with",
}


class SortKeyCondition(Condition, Struct, frozen=True):
    """A condition on a sort key.

    ``operator`` is one of ``=``, ``<``, ``<=``, ``>``, ``>=``, ``BETWEEN`` (both ends
    included) and ``begins_with``. ``values`` is one str, number or bytes, or two of one type
    for ``BETWEEN``. ``attribute`` is the sort key's name, or None for "whichever it is".

    Raises ``InvalidArgument`` for a bound that is None, ``UnsupportedType`` for one that no
    key can be, and ``ValidationError``, in DynamoDB's words, for bounds of ``BETWEEN`` that
    differ in type or are the wrong way round.
    """

    operator: str
    values: tuple[Any, ...]
    attribute: str | None = None

    def __post_init__(self) -> None:
        name = _OPERATORS.get(self.operator)
        if name is None:
            raise InvalidArgument(
                f"{self.operator!r} is no operator of a sort key condition; there are "
                f"{', '.join(_OPERATORS)}"
            )
        if len(self.values) != (2 if name == "between" else 1):
            raise InvalidArgument(f"{name} does not take {len(self.values)} values")
        values = tuple(_take_bound(name, value) for value in self.values)
        force_setattr(self, "values", values)
        prefix = "Invalid KeyConditionExpression: "
        if name == "between":
            check_bounds(values[0], values[1], prefix)
        if name == "begins_with" and kind_of(values[0]) == "N":
            raise ValidationError(
                f"{prefix}Incorrect operand type for operator or function; operator or "
                "function: begins_with, operand type: N"
            )

    def __repr__(self) -> str:
        target = "" if self.attribute is None else f"Key({self.attribute!r})."
        return f"{target}{_OPERATORS[self.operator]}({', '.join(map(repr, self.values))})"


def _take_bound(name: str, value: object) -> Any:
    if value is None:
        raise InvalidArgument(f"{name} was given None; a sort key is a str, a number or bytes")
    if isinstance(value, (Attr, Size, Key, Condition)):
        raise InvalidArgument(f"{name} takes a value to compare the sort key with, not {value!r}")
    taken = take_literal(value)
    if kind_of(taken) not in ("S", "N", "B"):
        raise UnsupportedType(
            f"{name} was given a {type(value).__name__}; a sort key is a str, a number or bytes",
            type=type(value),
        )
    return taken


class Key:
    """The sort key by name, in the manner of boto3; its methods give sort key conditions.

    >>> Key("SK").between("a", "c")
    Key('SK').between('a', 'c')
    """

    __slots__ = ("_name",)

    def __init__(self, name: str) -> None:
        given: object = name
        if not isinstance(given, str) or not given:
            raise InvalidArgument(f"a key attribute is named by a str, not {name!r}")
        self._name = str.__str__(given)

    @property
    def name(self) -> str:
        """The name of the key attribute, dots and all: a key is never nested."""
        return self._name

    def eq(self, value: object) -> SortKeyCondition:
        """Is equal to the value."""
        return SortKeyCondition("=", (value,), self._name)

    def lt(self, value: object) -> SortKeyCondition:
        """Is less than the value."""
        return SortKeyCondition("<", (value,), self._name)

    def lte(self, value: object) -> SortKeyCondition:
        """Is less than or equal to the value."""
        return SortKeyCondition("<=", (value,), self._name)

    def gt(self, value: object) -> SortKeyCondition:
        """Is greater than the value."""
        return SortKeyCondition(">", (value,), self._name)

    def gte(self, value: object) -> SortKeyCondition:
        """Is greater than or equal to the value."""
        return SortKeyCondition(">=", (value,), self._name)

    def between(self, low: object, high: object) -> SortKeyCondition:
        """Is at least the low value and at most the high one."""
        return SortKeyCondition("BETWEEN", (low, high), self._name)

    def begins_with(self, prefix: object) -> SortKeyCondition:
        """Begins with the prefix, a str or bytes."""
        return SortKeyCondition("begins_with", (prefix,), self._name)

    def __eq__(self, other: object) -> bool:
        return self._name == other._name if isinstance(other, Key) else NotImplemented

    def __hash__(self) -> int:
        return hash((Key, self._name))

    def __repr__(self) -> str:
        return f"Key({self._name!r})"


def eq(value: object) -> SortKeyCondition:
    """Take the item whose sort key is equal to the value."""
    return SortKeyCondition("=", (value,))


def lt(value: object) -> SortKeyCondition:
    """Take the items whose sort key is less than the value."""
    return SortKeyCondition("<", (value,))


def lte(value: object) -> SortKeyCondition:
    """Take the items whose sort key is less than or equal to the value."""
    return SortKeyCondition("<=", (value,))


def gt(value: object) -> SortKeyCondition:
    """Take the items whose sort key is greater than the value."""
    return SortKeyCondition(">", (value,))


def gte(value: object) -> SortKeyCondition:
    """Take the items whose sort key is greater than or equal to the value."""
    return SortKeyCondition(">=", (value,))


def between(low: object, high: object) -> SortKeyCondition:
    """Take the items whose sort key is at least the low value and at most the high one."""
    return SortKeyCondition("BETWEEN", (low, high))


def begins_with(prefix: object) -> SortKeyCondition:
    """Take the items whose sort key begins with the prefix, a str or bytes."""
    return SortKeyCondition("begins_with", (prefix,))


def key_condition(spec: object, sk_attribute: str) -> SortKeyCondition:
    """Return the condition on the sort key ``sk_attribute`` that ``spec`` stands for.

    ``spec`` is ``lt(x)`` and the like, ``Key(sk_attribute).lt(x)``, boto3's condition of that
    form, or a plain value, which means ``eq``. Raises ``InvalidArgument`` for anything else,
    and what ``SortKeyCondition`` raises.
    """
    if boto3_conditions.is_condition(spec):
        operator, name, values = boto3_conditions.key_parts(spec)
        spec = SortKeyCondition(operator, values, name)
    if isinstance(spec, SortKeyCondition):
        if spec.attribute not in (None, sk_attribute):
            raise InvalidArgument(
                f"{spec!r} is a condition on {spec.attribute!r}, and the sort key is "
                f"{sk_attribute!r}; the partition key is an argument of its own, and "
                "conditions on other attributes go into filter="
            )
        return replace(spec, attribute=sk_attribute)
    if isinstance(spec, (And, Or, Not)):
        raise InvalidArgument(
            f"{spec!r} combines conditions, and a query reads one range of its sort key; use "
            "between(a, b) for two bounds, and filter= for the rest"
        )
    if isinstance(spec, Condition):
        raise InvalidArgument(
            f"{spec!r} is a condition for filter=; on the sort key use Key({sk_attribute!r}) with "
            f"{', '.join(_OPERATORS.values())}"
        )
    bare = isinstance(spec, (Key, Attr, Size)) or boto3_conditions.is_attribute(spec)
    if bare or callable(spec):
        raise InvalidArgument(
            f"{spec!r} is no condition; use Key({sk_attribute!r}) with "
            f"{', '.join(_OPERATORS.values())}"
        )
    return SortKeyCondition("=", (spec,), sk_attribute)
