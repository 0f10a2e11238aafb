"""Conditions with places for values: checked once, then made into closures a request at a time.

A template is a condition some of whose operands are ``Parameter``. What depends on the condition
alone is worked out here, so that a request with other values only makes the closures.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from typing import Any, TypeAlias

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
    between_test,
    comparison_test,
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
    check_bounds,
)

__all__ = ["FilterMaker", "Parameter", "Values", "fill", "filter_maker"]

Values: TypeAlias = Sequence[Any]
FilterMaker: TypeAlias = Callable[[Values], Filter]
TestMaker: TypeAlias = Callable[[Values], ValueTest]


@dataclass(frozen=True, slots=True)
class Parameter(Operand):
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
    given = {
        field.name: fill(getattr(template, field.name), values)
        for field in fields(template)  # type: ignore[arg-type]
        if field.init
    }
    return type(template)(**given)


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
    parts = _one_test(template)
    if parts is not None:
        return _on(*parts)
    return lambda values: compile_condition(fill(template, values))


def _junction_maker(template: And | Or, prefix: str) -> FilterMaker:
    makers = [filter_maker(term, prefix) for term in template.conditions]
    combine = all_of if isinstance(template, And) else any_of
    if len(makers) == 2:
        first, second = makers
        return lambda values: combine((first(values), second(values)))
    return lambda values: combine([maker(values) for maker in makers])


def _between_maker(template: Between, prefix: str) -> FilterMaker:
    low, high = template.low, template.high
    if not (isinstance(low, Parameter) and isinstance(high, Parameter)):
        return lambda values: compile_condition(fill(template, values))

    def test_maker(values: Values) -> ValueTest:
        lowest, highest = low.of(values), high.of(values)
        check_bounds(lowest, highest, prefix)
        return between_test(lowest, highest)

    return _on(template.operand, test_maker)


def _one_test(template: Condition) -> tuple[Operand, TestMaker] | None:
    """Return the operand and test that a condition is, if its other operands are values."""
    if isinstance(template, Comparison):
        left, right, symbol = template.left, template.right, template.operator
        if isinstance(left, Parameter):
            left, right, symbol = right, left, FLIPPED[symbol]
        return _with(left, right, lambda value: comparison_test(symbol, value))
    if isinstance(template, BeginsWith):
        return _with(template.operand, template.prefix, prefix_test)
    if isinstance(template, Contains):
        return _with(template.operand, template.member, containment_test)
    if isinstance(template, Membership):
        members = [value for value in template.values if isinstance(value, Parameter)]
        if len(members) == len(template.values):
            of = [member.of for member in members]
            return template.operand, lambda values: member_test([each(values) for each in of])
    return None


def _with(
    operand: Operand, value: Operand, test: Callable[[Any], ValueTest]
) -> tuple[Operand, TestMaker] | None:
    if not isinstance(value, Parameter):
        return None
    if value.sized:
        return operand, lambda values: test(value.of(values))
    index = value.index
    return operand, lambda values: test(values[index])


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
        return any(
            _parameters(getattr(template, field.name))
            for field in fields(template)  # type: ignore[arg-type]
        )
    return isinstance(template, Parameter)
