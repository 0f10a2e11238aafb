"""Conditions over any mapping, for models: DynamoDB's language, with values in place.

``resource.owner = auth.uid AND NOT contains(resource.banned, auth.uid)`` is such a condition. What
is missing makes no comparison true, and no NOT of one (``expressions/certain.py``), so that a
condition which permits something does not do so by accident.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any, Final, Protocol

from msgspec import Struct

from dynafile.errors import ExpressionError, ValidationError
from dynafile.expressions.certain import certain
from dynafile.expressions.compiler import compile_condition
from dynafile.expressions.nodes import (
    And,
    Comparison,
    Condition,
    Contains,
    Literal,
    Membership,
    Not,
    Or,
)
from dynafile.partiql import bind_condition
from dynafile.partiql.conditions import MAX_CONDITION, read_clause, skip_space

__all__ = ["MAX_CONDITION", "CompiledCondition", "Values", "read_condition", "skip_space"]

_NONE: Final[Sequence[Any]] = ()


class Values(Protocol):
    """What a condition looks into: a dict, or what finds values as they are asked for.

    Maps and lists in it are of the types ``dict`` and ``list``.
    """

    def get(self, name: Any, default: Any = None, /) -> Any:
        """Return the value of a name, or the default."""


class CompiledCondition(Struct, frozen=True):
    """A condition: ``holds`` says whether it is certainly true of values."""

    text: str
    holds: Callable[[Any], bool]
    names: tuple[tuple[str, int], ...]
    """The names that its paths begin with, each with its position in the text it was read from."""
    scans: int
    """How many parts of it take longer, the longer a value is that they look at."""


def read_condition(
    text: str, start: int = 0, *, operands: re.Pattern[str] | None = None
) -> tuple[CompiledCondition, int]:
    """Read a condition from a text, up to a semicolon, a brace or the end; return it and its end.

    What ``operands`` matches is a name as it stands. Raises ``ExpressionError`` with the position.

    >>> condition, _ = read_condition("a.n < 5 AND NOT b = 'x'")
    >>> condition.holds({"a": {"n": 1}, "b": "y"}), condition.holds({"a": {"n": 1}})
    (True, False)
    """
    clause, names, end = read_clause(text, start, operands)
    begin = skip_space(text, start)
    try:
        condition = certain(bind_condition(clause, _NONE))
        holds = compile_condition(condition)
    except ValidationError as error:
        reason = error.message.removeprefix(f"Invalid {clause.label}: ")
        raise ExpressionError(reason, expression=text, position=begin) from None
    shown = text[begin:end].rstrip()
    return CompiledCondition(shown, holds, tuple(names), _scans(condition)), end


def _scans(condition: Condition) -> int:
    if isinstance(condition, (And, Or)):
        return sum(map(_scans, condition.conditions))
    if isinstance(condition, Not):
        return _scans(condition.condition)
    if isinstance(condition, Comparison):
        pair = (condition.left, condition.right)
        return 0 if any(_is_scalar(each) for each in pair) else 1
    if isinstance(condition, Membership):
        return 0 if all(map(_is_scalar, condition.values)) else len(condition.values)
    return int(isinstance(condition, Contains))


def _is_scalar(operand: object) -> bool:
    return isinstance(operand, Literal) and not isinstance(operand.value, (list, dict))
