"""Conditions to closures."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from dynafile.errors import InvalidArgument
from dynafile.expressions.attributes import Attr, Size
from dynafile.expressions.closures import (
    Filter,
    all_of,
    any_of,
    constant,
    negation,
    on_path,
    on_value,
)
from dynafile.expressions.comparison import (
    FLIPPED,
    attribute_type,
    contains,
    equal,
    relate,
    size_of,
)
from dynafile.expressions.literals import (
    ValueTest,
    between_test,
    comparison_test,
    containment_test,
    member_test,
    prefix_test,
)
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
from dynafile.expressions.paths import MISSING, Getter, Item, path_getter
from dynafile.expressions.sort_keys import SortKeyCondition

__all__ = ["compile_condition", "operand_getter"]


def compile_condition(condition: Condition) -> Filter:
    """Return a closure that says whether the condition holds for an item.

    The closure raises for no item that a table can hold. Raises ``InvalidArgument`` for a
    sort key condition that does not name its attribute.
    """
    return _COMPILERS[type(condition)](condition)


def _comparison(node: Comparison) -> Filter:
    left, right, symbol = node.left, node.right, node.operator
    if isinstance(left, Literal) and not isinstance(right, Literal):
        left, right, symbol = right, left, FLIPPED[symbol]
    if isinstance(right, Literal):
        return _on(left, comparison_test(symbol, right.value))
    first, second = operand_getter(left), operand_getter(right)
    if symbol == "=":
        return lambda item: equal(first(item), second(item))
    if symbol == "<>":
        return lambda item: not equal(first(item), second(item))
    return lambda item: relate(symbol, first(item), second(item))


def _between(node: Between) -> Filter:
    low, high = node.low, node.high
    if isinstance(low, Literal) and isinstance(high, Literal):
        return _on(node.operand, between_test(low.value, high.value))
    return all_of(
        (
            _comparison(Comparison(">=", node.operand, low)),
            _comparison(Comparison("<=", node.operand, high)),
        )
    )


def _membership(node: Membership) -> Filter:
    literals = [value.value for value in node.values if isinstance(value, Literal)]
    terms = [_on(node.operand, member_test(literals))] if literals else []
    terms.extend(
        _comparison(Comparison("=", node.operand, value))
        for value in node.values
        if not isinstance(value, Literal)
    )
    return any_of(terms)


def _begins_with(node: BeginsWith) -> Filter:
    if isinstance(node.prefix, Literal):
        return _on(node.operand, prefix_test(node.prefix.value))
    value_of, prefix_of = operand_getter(node.operand), operand_getter(node.prefix)

    def test(item: Item) -> bool:
        value, prefix = value_of(item), prefix_of(item)
        kind = type(value)
        return (kind is str or kind is bytes) and type(prefix) is kind and value.startswith(prefix)

    return test


def _contains(node: Contains) -> Filter:
    if isinstance(node.member, Literal):
        return _on(node.operand, containment_test(node.member.value))
    container_of, member_of = operand_getter(node.operand), operand_getter(node.member)
    return lambda item: contains(container_of(item), member_of(item))


def _exists(node: Exists) -> Filter:
    if node.expected:
        return _on(node.attribute, lambda value: value is not MISSING)
    return _on(node.attribute, lambda value: value is MISSING)


def _attribute_type(node: AttributeType) -> Filter:
    name = node.name
    return _on(node.operand, lambda value: attribute_type(value) == name)


def _sort_key(node: SortKeyCondition) -> Filter:
    if node.attribute is None:
        raise InvalidArgument(
            f"{node!r} is a condition on a sort key, for sk=; in a filter, name the attribute: "
            "Attr(name)"
        )
    key, values = Attr((node.attribute,)), [Literal(value) for value in node.values]
    if node.operator == "BETWEEN":
        return _between(Between(key, *values))
    if node.operator == "begins_with":
        return _begins_with(BeginsWith(key, *values))
    return _comparison(Comparison(node.operator, key, *values))


def _on(operand: Operand, test: ValueTest) -> Filter:
    if isinstance(operand, Attr):
        return on_path(operand.path, test)
    if isinstance(operand, Literal):
        return constant(test(operand.value))
    return on_value(operand_getter(operand), test)


def operand_getter(operand: Operand) -> Getter:
    """Return a closure that gives an operand's value for an item, or ``MISSING``."""
    if isinstance(operand, Attr):
        return path_getter(operand.path)
    if isinstance(operand, Literal):
        value = operand.value
        return lambda _item: value
    if not isinstance(operand, Size):
        raise InvalidArgument(f"{operand!r} is no operand of a condition")
    get = path_getter(operand.attribute.path)

    def size(item: Item) -> Any:
        result = size_of(get(item))
        return MISSING if result is None else result

    return size


_COMPILERS: dict[type[Condition], Callable[[Any], Filter]] = {
    And: lambda node: all_of(list(map(compile_condition, node.conditions))),
    Or: lambda node: any_of(list(map(compile_condition, node.conditions))),
    Not: lambda node: negation(compile_condition(node.condition)),
    Comparison: _comparison,
    Between: _between,
    Membership: _membership,
    BeginsWith: _begins_with,
    Contains: _contains,
    Exists: _exists,
    AttributeType: _attribute_type,
    SortKeyCondition: _sort_key,
}
