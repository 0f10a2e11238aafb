"""boto3's condition objects (``boto3.dynamodb.conditions``), taken by their shape.

boto3 is not imported. A condition is what has ``get_expression()``, which returns its
``operator`` and ``values``; a value is a condition, an attribute (an object with a ``name``
and boto3's methods), or a literal. All of boto3's conditions are understood: ``=`` ``<>``
``<`` ``<=`` ``>`` ``>=`` ``BETWEEN`` ``IN`` ``begins_with`` ``contains`` ``attribute_type``
``attribute_exists`` ``attribute_not_exists`` ``size`` ``AND`` ``OR`` ``NOT``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from dynafile.errors import ExpressionError, InvalidArgument
from dynafile.expressions.attributes import Attr, Size
from dynafile.expressions.literals import take_literal
from dynafile.expressions.nodes import (
    MAX_DEPTH,
    And,
    AttributeType,
    BeginsWith,
    Between,
    Comparison,
    Condition,
    Contains,
    Exists,
    Literal,
    Membership,
    Not,
    Operand,
    Or,
    junction,
)

__all__ = ["from_boto3", "is_attribute", "is_condition", "key_parts"]

_COMPARISONS = frozenset({"=", "<>", "<", "<=", ">", ">="})
_KEY_OPERATORS = frozenset({"=", "<", "<=", ">", ">=", "BETWEEN", "begins_with"})
_COUNTS = {
    **dict.fromkeys(_COMPARISONS, 2),
    "BETWEEN": 3,
    "IN": 2,
    "begins_with": 2,
    "contains": 2,
    "attribute_type": 2,
    "attribute_exists": 1,
    "attribute_not_exists": 1,
    "size": 1,
    "AND": 2,
    "OR": 2,
    "NOT": 1,
}


def is_condition(value: object) -> bool:
    """Say whether a value has the shape of boto3's conditions."""
    return callable(getattr(value, "get_expression", None)) and not isinstance(value, type)


def is_attribute(value: object) -> bool:
    """Say whether a value has the shape of boto3's ``Attr`` and ``Key``."""
    return (
        isinstance(getattr(value, "name", None), str)
        and callable(getattr(value, "begins_with", None))
        and not is_condition(value)
        and not isinstance(value, type)
    )


def from_boto3(condition: object, depth: int = 0) -> Condition:
    """Return our condition that says what boto3's says.

    Raises ``InvalidArgument`` for an operator or a shape that boto3 does not have, and what
    our own conditions raise.
    """
    if depth > MAX_DEPTH:
        raise ExpressionError(f"a condition nests and, or and not over {MAX_DEPTH} levels deep")
    operator, values = _parts(condition)
    if operator == "AND" or operator == "OR":
        terms = [from_boto3(term, depth + 1) for term in _run(operator, condition)]
        return junction(And, *terms) if operator == "AND" else junction(Or, *terms)
    if operator == "NOT":
        return Not(from_boto3(values[0], depth + 1))
    if operator == "size":
        raise InvalidArgument("boto3's size() is a number; compare it: Attr(name).size().gt(1)")
    first = _operand(values[0])
    if operator in _COMPARISONS:
        return Comparison(operator, first, _operand(values[1]))
    if operator == "BETWEEN":
        return Between(first, _operand(values[1]), _operand(values[2]))
    if operator == "IN":
        if isinstance(values[1], (str, bytes)):
            raise InvalidArgument(f"is_in takes a list of values, not {values[1]!r}")
        return Membership(first, tuple(map(_operand, values[1])))
    if operator == "begins_with":
        return BeginsWith(first, _operand(values[1]))
    if operator == "contains":
        return Contains(first, _operand(values[1]))
    if operator == "attribute_type":
        return AttributeType(first, values[1])
    if not isinstance(first, Attr):
        raise InvalidArgument(f"{operator} asks about an attribute, not {first!r}")
    return Exists(first, operator == "attribute_exists")


def key_parts(condition: object) -> tuple[str, str, tuple[Any, ...]]:
    """Take boto3's condition on one key apart into operator, attribute name and values.

    Raises ``InvalidArgument`` if it is not a condition on one key.
    """
    operator, values = _parts(condition)
    if operator not in _KEY_OPERATORS:
        raise InvalidArgument(
            f"{operator} is no condition on a sort key; a query takes "
            f"{', '.join(sorted(_KEY_OPERATORS))} on it, one of them, and filter= takes the rest"
        )
    key, *bounds = values
    # boto3's Attr has all that its Key has, and `ne` besides; it refuses it here, too.
    if not is_attribute(key) or hasattr(key, "ne"):
        raise InvalidArgument(
            f"a condition on the sort key is built with Key(...), not with {key!r}; conditions on "
            "other attributes go into filter="
        )
    return operator, key.name, tuple(bounds)


def _parts(condition: Any) -> tuple[str, Sequence[Any]]:
    try:
        expression = condition.get_expression()
        operator, values = expression["operator"], tuple(expression["values"])
    except (LookupError, TypeError, AttributeError):
        raise InvalidArgument(f"{condition!r} is no condition of boto3") from None
    if _COUNTS.get(operator) != len(values):
        raise InvalidArgument(f"{operator!r} of {len(values)} values is no condition of boto3")
    return operator, values


def _run(operator: str, condition: object) -> list[Any]:
    """Return the terms of a run of one operator; boto3 nests it as deep as it is long."""
    terms: list[Any] = []
    waiting = [condition]
    while waiting:
        term = waiting.pop()
        inner, values = _parts(term)
        if inner == operator:
            waiting.extend(reversed(values))
        else:
            terms.append(term)
    return terms


def _operand(value: Any) -> Operand:
    if is_condition(value):
        operator, values = _parts(value)
        if operator != "size" or not is_attribute(values[0]):
            raise InvalidArgument(f"a condition cannot be compared with: {value!r}")
        return Size(Attr(values[0].name))
    if is_attribute(value):
        return Attr(value.name)
    return Literal(take_literal(value))
