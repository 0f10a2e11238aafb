"""Conditions as PartiQL text, for people who ask what a statement does."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any, Final

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
)
from dynafile.expressions.paths import Path
from dynafile.partiql.reader import KEYWORDS

__all__ = ["condition_text", "name_text", "path_text", "value_text"]


def condition_text(condition: Condition) -> str:
    """Return a condition as a WHERE has it; parsed again it is the same one.

    Except for values that PartiQL has no literals for, such as bytes.

    >>> condition_text(Attr("a").gt(1) & Attr("b c").not_exists())
    'a > 1 AND "b c" IS MISSING'
    """
    return _PRINTERS[type(condition)](condition)


def name_text(name: str) -> str:
    """Return a name, in double quotes where it needs them."""
    if name.isascii() and name.upper() not in KEYWORDS and '"' not in name:
        word = name.replace("$", "_")
        if word.isidentifier():
            return name
    return '"' + name.replace('"', '""') + '"'


def path_text(path: Path) -> str:
    """Return a document path."""
    first, *rest = path
    steps = (f"[{step}]" if isinstance(step, int) else f".{name_text(step)}" for step in rest)
    return name_text(str(first)) + "".join(steps)


def value_text(value: object) -> str:
    """Return a value as a literal; of a type that has none, what it is in angle brackets."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if value is None:
        return "null"
    if isinstance(value, str):
        return "'" + value.replace("'", "''") + "'"
    if isinstance(value, (int, float, Decimal)):
        return _number_text(value)
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(map(value_text, value))}]"
    if isinstance(value, (set, frozenset)):
        return f"<<{', '.join(sorted(map(value_text, value)))}>>"
    if isinstance(value, dict):
        members = (f"{value_text(name)}: {value_text(inner)}" for name, inner in value.items())
        return f"{{{', '.join(members)}}}"
    if isinstance(value, bytes):
        return f"<{len(value)} bytes>"
    return f"<{type(value).__name__} {value}>"


def _number_text(value: float | Decimal) -> str:
    text = repr(value) if isinstance(value, float) else str(value)
    # An int comes back from digits alone, and any other number from what has a dot or an exponent.
    return text if isinstance(value, int) or not text.lstrip("-").isdigit() else f"{text}."


def _operand(operand: Operand) -> str:
    if isinstance(operand, Attr):
        return path_text(operand.path)
    if isinstance(operand, Size):
        return f"size({path_text(operand.attribute.path)})"
    assert isinstance(operand, Literal)
    return value_text(operand.value)


def _inside(condition: Condition) -> str:
    text = condition_text(condition)
    return f"({text})" if isinstance(condition, (And, Or)) else text


def _between(node: Between) -> str:
    return f"{_operand(node.operand)} BETWEEN {_operand(node.low)} AND {_operand(node.high)}"


def _exists(node: Exists) -> str:
    return f"{_operand(node.attribute)} IS {'NOT ' if node.expected else ''}MISSING"


_PRINTERS: Final[dict[type[Condition], Callable[[Any], str]]] = {
    And: lambda node: " AND ".join(map(_inside, node.conditions)),
    Or: lambda node: " OR ".join(map(_inside, node.conditions)),
    Not: lambda node: f"NOT ({condition_text(node.condition)})",
    Comparison: lambda node: f"{_operand(node.left)} {node.operator} {_operand(node.right)}",
    Between: _between,
    Membership: lambda node: (
        f"{_operand(node.operand)} IN [{', '.join(map(_operand, node.values))}]"
    ),
    BeginsWith: lambda node: f"begins_with({_operand(node.operand)}, {_operand(node.prefix)})",
    Contains: lambda node: f"contains({_operand(node.operand)}, {_operand(node.member)})",
    Exists: _exists,
    AttributeType: lambda node: f"attribute_type({_operand(node.operand)}, '{node.name}')",
}
