"""The nodes of a condition on an item. They are immutable; ``compiler`` makes closures of them.

They mean what DynamoDB's condition and filter expressions mean:

- ``attribute <> value`` is true if the attribute is missing, or of another type: ``<>`` is
  "not equal". Every other comparison with a missing attribute, or across types, is false.
- ``~`` is plain negation: ``~Attr("a").eq(1)`` says the same as ``Attr("a").ne(1)``.

The types of operands that are values are checked when a node is made, before any item is
looked at, as DynamoDB does. See https://docs.aws.amazon.com/amazondynamodb/latest/
developerguide/Expressions.OperatorsAndFunctions.html.
"""

from __future__ import annotations

from typing import Any, NoReturn, TypeVar

from msgspec import Struct

from dynafile.errors import ExpressionError, InvalidArgument, ValidationError
from dynafile.expressions.comparison import (
    ATTRIBUTE_TYPES,
    ORDERED_KINDS,
    attribute_type,
    kind_of,
    relate,
)

__all__ = [
    "MAX_DEPTH",
    "And",
    "AttributeType",
    "BeginsWith",
    "Between",
    "Comparison",
    "Condition",
    "Contains",
    "Exists",
    "Literal",
    "Membership",
    "Not",
    "Operand",
    "Or",
    "attributes_of",
    "check_bounds",
    "junction",
    "operand_error",
]

MAX_DEPTH = 100
"""Levels of and, or and not in one condition; a run of one operator is one level."""

_METHODS = {"=": "eq", "<>": "ne", "<": "lt", "<=": "lte", ">": "gt", ">=": "gte"}


class Operand:
    """What a condition is about: an attribute, its size, or a value."""

    __slots__ = ()


class Literal(Operand, Struct, frozen=True):
    """An operand that is a value."""

    value: Any

    def __repr__(self) -> str:
        return repr(self.value)


class Condition:
    """A condition on an item; combine conditions with ``&``, ``|`` and ``~``."""

    __slots__ = ()

    @property
    def depth(self) -> int:
        """How many levels of and, or and not there are."""
        return 0

    def __and__(self, other: Condition) -> And:
        if not isinstance(other, Condition):
            return NotImplemented
        return junction(And, self, other)

    def __or__(self, other: Condition) -> Or:
        if not isinstance(other, Condition):
            return NotImplemented
        return junction(Or, self, other)

    def __invert__(self) -> Not:
        return Not(self)

    def __bool__(self) -> NoReturn:
        raise TypeError(
            "a condition is true or false of an item only; combine conditions with & | ~ "
            "in place of 'and', 'or' and 'not'"
        )


def attributes_of(condition: Condition) -> tuple[str, ...]:
    """Return the names of what a condition is made of, in the order in which it is given."""
    return condition.__struct_fields__ if isinstance(condition, Struct) else ()


def check_bounds(low: object, high: object, prefix: str = "") -> None:
    """Refuse bounds of BETWEEN that differ in type, or of which the upper is below the lower.

    Raises ``ValidationError``, in DynamoDB's words.
    """
    shown = f"lower bound operand: {_wire(low)}, upper bound operand: {_wire(high)}"
    if kind_of(low) != kind_of(high):
        raise ValidationError(
            f"{prefix}The BETWEEN operator requires same data type for lower and upper bounds; "
            + shown
        )
    if relate(">", low, high):
        raise ValidationError(
            f"{prefix}The BETWEEN operator requires upper bound to be greater than or equal to "
            f"lower bound; {shown}"
        )


def _wire(value: object) -> str:
    text = str(value) if not isinstance(value, bytes) else repr(value)
    return f"AttributeValue: {{{attribute_type(value)}:{text}}}"


def _check_ordered(operator: str, *operands: Operand) -> None:
    for operand in operands:
        if isinstance(operand, Literal) and kind_of(operand.value) not in ORDERED_KINDS:
            raise operand_error(f"operator: {operator}", operand)


def operand_error(what: str, operand: Literal) -> ValidationError:
    """Return DynamoDB's error for a value of a type that an operator does not take."""
    return ValidationError(
        f"Incorrect operand type for operator or function; {what}, operand type: "
        f"{attribute_type(operand.value)}"
    )


class Comparison(Condition, Struct, frozen=True):
    """Two operands compared: ``=``, ``<>``, ``<``, ``<=``, ``>`` or ``>=``."""

    operator: str
    left: Operand
    right: Operand

    def __post_init__(self) -> None:
        if self.operator not in _METHODS:
            raise InvalidArgument(f"{self.operator!r} is no comparison; take = <> < <= > >=")
        if self.operator not in ("=", "<>"):
            _check_ordered(self.operator, self.left, self.right)

    def __repr__(self) -> str:
        return f"{self.left!r}.{_METHODS[self.operator]}({self.right!r})"


class Between(Condition, Struct, frozen=True):
    """An operand between two others, both included."""

    operand: Operand
    low: Operand
    high: Operand

    def __post_init__(self) -> None:
        _check_ordered("BETWEEN", self.operand, self.low, self.high)
        if isinstance(self.low, Literal) and isinstance(self.high, Literal):
            check_bounds(self.low.value, self.high.value)

    def __repr__(self) -> str:
        return f"{self.operand!r}.between({self.low!r}, {self.high!r})"


class Membership(Condition, Struct, frozen=True):
    """An operand equal to one of several others."""

    operand: Operand
    values: tuple[Operand, ...]

    def __post_init__(self) -> None:
        if not self.values:
            raise ValidationError("is_in needs at least one value; DynamoDB has no empty IN")

    def __repr__(self) -> str:
        return f"{self.operand!r}.is_in({list(self.values)!r})"


class BeginsWith(Condition, Struct, frozen=True):
    """A string or binary that begins with another."""

    operand: Operand
    prefix: Operand

    def __post_init__(self) -> None:
        for operand in (self.operand, self.prefix):
            if isinstance(operand, Literal) and not isinstance(operand.value, (str, bytes)):
                raise operand_error("operator or function: begins_with", operand)

    def __repr__(self) -> str:
        return f"{self.operand!r}.begins_with({self.prefix!r})"


class Contains(Condition, Struct, frozen=True):
    """A string or binary with a part, or a list or set with a member."""

    operand: Operand
    member: Operand

    def __repr__(self) -> str:
        return f"{self.operand!r}.contains({self.member!r})"


class Exists(Condition, Struct, frozen=True):
    """An attribute that is there, or is not."""

    attribute: Operand
    expected: bool = True

    def __repr__(self) -> str:
        return f"{self.attribute!r}.{'exists' if self.expected else 'not_exists'}()"


class AttributeType(Condition, Struct, frozen=True):
    """An operand of one of DynamoDB's types."""

    operand: Operand
    name: str

    def __post_init__(self) -> None:
        if self.name not in ATTRIBUTE_TYPES:
            raise ValidationError(
                f"Invalid attribute type name found; type: {self.name}, valid types: "
                f"{{{','.join(sorted(ATTRIBUTE_TYPES))}}}"
            )

    def __repr__(self) -> str:
        return f"{self.operand!r}.attribute_type({self.name!r})"


class And(Condition, Struct, frozen=True):
    """All of several conditions, tried from left to right."""

    conditions: tuple[Condition, ...]
    depth: int

    def __repr__(self) -> str:
        return " & ".join(map(_grouped, self.conditions))


class Or(Condition, Struct, frozen=True):
    """Any of several conditions, tried from left to right."""

    conditions: tuple[Condition, ...]
    depth: int

    def __repr__(self) -> str:
        return " | ".join(map(_grouped, self.conditions))


class Not(Condition, Struct, frozen=True):
    """The contrary of a condition."""

    condition: Condition

    def __post_init__(self) -> None:
        _checked_depth(self.depth)

    @property
    def depth(self) -> int:
        """One more than in the condition that it denies."""
        return self.condition.depth + 1

    def __repr__(self) -> str:
        return f"~{_grouped(self.condition)}"


Junction = TypeVar("Junction", And, Or)


def junction(kind: type[Junction], *conditions: Condition) -> Junction:
    """Return the And, or the Or, of conditions; those that are one already are merged into it.

    Merging keeps a run of one operator, however long, a single level.
    """
    terms: list[Condition] = []
    depth = 0
    for condition in conditions:
        if isinstance(condition, kind):
            terms.extend(condition.conditions)
            depth = max(depth, condition.depth)
        else:
            terms.append(condition)
            depth = max(depth, condition.depth + 1)
    return kind(tuple(terms), _checked_depth(depth))


def _grouped(condition: Condition) -> str:
    return f"({condition!r})" if isinstance(condition, (And, Or)) else repr(condition)


def _checked_depth(depth: int) -> int:
    if depth > MAX_DEPTH:
        raise ExpressionError(f"a condition nests and, or and not over {MAX_DEPTH} levels deep")
    return depth
