"""What a filter looks at: the names of the attributes that it needs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from dynafile.expressions.attributes import Attr, Size
from dynafile.expressions.nodes import Condition, Operand, attributes_of
from dynafile.expressions.sort_keys import SortKeyCondition

__all__ = ["names_in_condition", "names_in_string"]


def names_in_condition(condition: Condition) -> frozenset[str]:
    """Return the names of the top-level attributes in a condition."""
    return frozenset(_names(condition))


def _names(node: Any) -> Iterator[str]:
    if isinstance(node, Attr):
        yield str(node.path[0])
    elif isinstance(node, Size):
        yield from _names(node.attribute)
    elif isinstance(node, SortKeyCondition):
        yield str(node.attribute)
    elif isinstance(node, tuple):
        for member in node:
            yield from _names(member)
    elif isinstance(node, Condition):
        for name in attributes_of(node):
            value = getattr(node, name)
            if isinstance(value, (Condition, Operand, tuple)):
                yield from _names(value)


def names_in_string(text: str) -> frozenset[str]:
    """Return the names in a filter string, which parses; dotted ones as they stand."""
    from dynafile.expressions.tokens import END, TokenReader

    reader = TokenReader(text)
    found: set[str] = set()
    while reader.token.kind != END:
        token = reader.advance()
        if token.kind == "name":
            found.add(token.value)
    return frozenset(found)
