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
    containment_test,
    equality_test,
    member_test,
    order_test,
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

__all__ = ["compile_condition"]


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
        return _on(left, _literal_test(symbol, right.value))
    first, second = _getter(left), _getter(right)
    if symbol == "=":
        return lambda item: equal(first(item), second(item))
    if symbol == "<>":
        return lambda item: not equal(first(item), second(item))
    return lambda item: relate(symbol, first(item), second(item))


def _literal_test(symbol: str, literal: Any) -> ValueTest:
    if symbol == "=":
        return equality_test(literal)
    if symbol == "<>":
        same = equality_test(literal)
        return lambda value: not same(value)
    return order_test(symbol, literal)


def _between(node: Between) -> Filter:
    low, high = node.low, node.high
    if isinstance(low, Literal) and isinstance(high, Literal):
        above, below = order_test(">=", low.value), order_test("<=", high.value)
        return _on(node.operand, lambda value: above(value) and below(value))
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
        prefix = node.prefix.value
        kind = type(prefix)
        return _on(node.operand, lambda value: type(value) is kind and value.startswith(prefix))
    value_of, prefix_of = _getter(node.operand), _getter(node.prefix)

    def test(item: Item) -> bool:
        value, prefix = value_of(item), prefix_of(item)
        kind = type(value)
        return (kind is str or kind is bytes) and type(prefix) is kind and value.startswith(prefix)

    return test


def _contains(node: Contains) -> Filter:
    if isinstance(node.member, Literal):
        return _on(node.operand, containment_test(node.member.value))
    container_of, member_of = _getter(node.operand), _getter(node.member)
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
    return on_value(_getter(operand), test)


def _getter(operand: Operand) -> Getter:
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
