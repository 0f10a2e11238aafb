"""Conditions that hold only where it is certain: what is missing makes none of them true.

In DynamoDB's language ``a <> b`` is true where ``a`` is missing, and ``NOT (a < 5)`` where ``a`` is
a string. That suits filters, and is a trap where a condition permits something. Here a comparison
with what is missing, or has no answer for its types, is neither true nor false, and NOT of it is
neither; only ``attribute_exists`` and ``attribute_not_exists`` ask whether something is there. That
is the logic of three values of SQL, of which a condition's answer is whether it is true.

NOT is moved inwards, down to comparisons, so the condition grows by a constant factor at most.
"""

from __future__ import annotations

from typing import Final

from dynafile.expressions.attributes import Attr, Size
from dynafile.expressions.nodes import (
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

__all__ = ["certain"]

_CONTRARY: Final = {"=": "<>", "<>": "=", "<": ">=", "<=": ">", ">": "<=", ">=": "<"}
_TEXTS: Final = ("S", "B")
_CONTAINERS: Final = ("S", "B", "L", "SS", "NS", "BS")


def certain(condition: Condition) -> Condition:
    """Return the condition that holds of an item where this one is certainly true of it.

    Raises ``ExpressionError`` for one that is nested too deeply.
    """
    if isinstance(condition, And):
        return junction(And, *map(certain, condition.conditions))
    if isinstance(condition, Or):
        return junction(Or, *map(certain, condition.conditions))
    if isinstance(condition, Not):
        return _certainly_not(condition.condition)
    if isinstance(condition, Comparison) and condition.operator == "<>":
        return _where((condition.left, condition.right), condition)
    return condition


def _certainly_not(condition: Condition) -> Condition:
    """Return the condition that holds of an item where this one is certainly false of it."""
    if isinstance(condition, And):
        return junction(Or, *map(_certainly_not, condition.conditions))
    if isinstance(condition, Or):
        return junction(And, *map(_certainly_not, condition.conditions))
    if isinstance(condition, Not):
        return certain(condition.condition)
    if isinstance(condition, Comparison):
        contrary = _CONTRARY[condition.operator]
        return certain(Comparison(contrary, condition.left, condition.right))
    if isinstance(condition, Between):
        below = Comparison("<", condition.operand, condition.low)
        return junction(Or, below, Comparison(">", condition.operand, condition.high))
    if isinstance(condition, Membership):
        return _where((condition.operand, *condition.values), Not(condition))
    if isinstance(condition, Exists):
        return Exists(condition.attribute, not condition.expected)
    if isinstance(condition, AttributeType):
        return _where((condition.operand,), Not(condition))
    if isinstance(condition, BeginsWith):
        kinds = (_is_one_of(each, _TEXTS) for each in (condition.operand, condition.prefix))
        return _all(*kinds, Not(condition))
    assert isinstance(condition, Contains)
    container = _is_one_of(condition.operand, _CONTAINERS)
    return _all(container, _where((condition.member,), Not(condition)))


def _where(operands: tuple[Operand, ...], condition: Condition) -> Condition:
    return _all(*map(_is_there, operands), condition)


def _is_there(operand: Operand) -> Condition | None:
    if isinstance(operand, Attr):
        return Exists(operand)
    if isinstance(operand, Size):  # missing too where the type has no size
        return Comparison(">=", operand, Literal(0))
    return None


def _is_one_of(operand: Operand, kinds: tuple[str, ...]) -> Condition | None:
    if not isinstance(operand, Attr):
        return None  # a value, whose type was checked when the condition was made
    return junction(Or, *(AttributeType(operand, kind) for kind in kinds))


def _all(*conditions: Condition | None) -> Condition:
    terms = [condition for condition in conditions if condition is not None]
    return terms[0] if len(terms) == 1 else junction(And, *terms)
