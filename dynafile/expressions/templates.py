"""Conditions with places for values: checked once, then made into closures a request at a time.

A template is a condition some of whose operands are ``Parameter``. What depends on the condition
alone is worked out here, so that a request with other values only makes the closures.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

from msgspec import Struct

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
from dynafile.expressions.comparison import FLIPPED, size_of
from dynafile.expressions.compiler import compile_condition, operand_getter
from dynafile.expressions.literals import (
    ValueTest,
    comparison_maker,
    containment_test,
    member_test,
    prefix_test,
)
from dynafile.expressions.nodes import (
    And,
    BeginsWith,
    Between,
    Comparison,
    Condition,
    Contains,
    Literal,
    Membership,
    Not,
    Operand,
    Or,
    attributes_of,
    check_bounds,
)
from dynafile.expressions.paths import MISSING

__all__ = ["FilterMaker", "Parameter", "Values", "fill", "filter_maker", "static_kind"]

Values: TypeAlias = Sequence[Any]
FilterMaker: TypeAlias = Callable[[Values], Filter]
TestMaker: TypeAlias = Callable[[Values], ValueTest]


class Parameter(Operand, Struct, frozen=True):
    """An operand that is one of a request's values, or, if ``sized``, the size of one.

    ``kind`` is what ``kind_of`` says of it.
    """

    index: int
    kind: str | None
    sized: bool = False

    def of(self, values: Values) -> Any:
        """Return the value that this stands for."""
        value = values[self.index]
        return size_of(value) if self.sized else value


def fill(template: Any, values: Values) -> Any:
    """Return the condition, or operand, that a template with these values is."""
    if isinstance(template, Parameter):
        return Literal(template.of(values))
    if isinstance(template, tuple):
        return tuple(fill(member, values) for member in template)
    if not isinstance(template, Condition):
        return template
    parts = (fill(getattr(template, name), values) for name in attributes_of(template))
    return type(template)(*parts)


def filter_maker(template: Condition, prefix: str) -> FilterMaker:
    """Return what makes a template's closure out of values.

    ``prefix`` begins the message of what the maker raises: ``ValidationError`` for bounds of
    BETWEEN that do not fit each other.
    """
    if isinstance(template, (And, Or)):
        return _junction_maker(template, prefix)
    if isinstance(template, Not):
        inner = filter_maker(template.condition, prefix)
        return lambda values: negation(inner(values))
    if not _parameters(template):
        made = compile_condition(template)
        return lambda _values: made
    if isinstance(template, Between):
        return _between_maker(template, prefix)
    maker = _one_value(template)
    return maker or (lambda values: compile_condition(fill(template, values)))


def _junction_maker(template: And | Or, prefix: str) -> FilterMaker:
    makers = [filter_maker(term, prefix) for term in template.conditions]
    if len(makers) > 2:
        combine = all_of if isinstance(template, And) else any_of
        return lambda values: combine([maker(values) for maker in makers])
    first, second = makers

    def both(values: Values) -> Filter:
        one, other = first(values), second(values)
        return lambda item: one(item) and other(item)

    def either(values: Values) -> Filter:
        one, other = first(values), second(values)
        return lambda item: one(item) or other(item)

    return both if isinstance(template, And) else either


def _between_maker(template: Between, prefix: str) -> FilterMaker:
    low, high = template.low, template.high
    if not (isinstance(low, Parameter) and isinstance(high, Parameter)):
        return lambda values: compile_condition(fill(template, values))

    at_least = comparison_maker(">=", static_kind(low))
    at_most = comparison_maker("<=", static_kind(high))

    def test_maker(values: Values) -> ValueTest:
        lowest, highest = low.of(values), high.of(values)
        check_bounds(lowest, highest, prefix)
        above, below = at_least(lowest), at_most(highest)
        return lambda value: above(value) and below(value)

    return _on(template.operand, test_maker)


def _one_value(template: Condition) -> FilterMaker | None:
    """Return the maker for a condition that puts one operand to a test against one value."""
    if isinstance(template, Comparison):
        left, right, symbol = template.left, template.right, template.operator
        if isinstance(left, Parameter):
            left, right, symbol = right, left, FLIPPED[symbol]
        return _on_value(left, right, comparison_maker(symbol, static_kind(right)))
    if isinstance(template, BeginsWith):
        return _on_value(template.operand, template.prefix, prefix_test)
    if isinstance(template, Contains):
        return _on_value(template.operand, template.member, containment_test)
    if isinstance(template, Membership):
        members = [value.of for value in template.values if isinstance(value, Parameter)]
        if len(members) == len(template.values):
            return _on(
                template.operand, lambda values: member_test([member(values) for member in members])
            )
    return None


def static_kind(operand: Operand) -> str | None:
    """Return the kind that an operand has whatever the item; None if that depends on it."""
    if isinstance(operand, Parameter):
        return "N" if operand.sized else operand.kind
    return "N" if isinstance(operand, Size) else None


def _on_value(
    operand: Operand, value: Operand, test: Callable[[Any], ValueTest]
) -> FilterMaker | None:
    if not isinstance(value, Parameter):
        return None
    if value.sized or not isinstance(operand, Attr) or len(operand.path) > 1:
        return _on(operand, lambda values: test(value.of(values)))
    # The most frequent case by far gets by without a call or two.
    index, name = value.index, str(operand.path[0])

    def maker(values: Values) -> Filter:
        holds = test(values[index])
        return lambda item: holds(item.get(name, MISSING))

    return maker


def _on(operand: Operand, test_maker: TestMaker) -> FilterMaker:
    if isinstance(operand, Attr):
        path = operand.path
        return lambda values: on_path(path, test_maker(values))
    if isinstance(operand, Size):
        getter = operand_getter(operand)
        return lambda values: on_value(getter, test_maker(values))
    assert isinstance(operand, Parameter)
    return lambda values: constant(test_maker(values)(operand.of(values)))


def _parameters(template: Any) -> bool:
    if isinstance(template, tuple):
        return any(map(_parameters, template))
    if isinstance(template, Condition):
        return any(_parameters(getattr(template, name)) for name in attributes_of(template))
    return isinstance(template, Parameter)
