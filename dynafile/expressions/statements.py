"""The statements of filter strings, to closures: one operand, or two and an operator.

A statement about an item that lacks the attribute, or has it in a type that cannot be
compared, is false.
"""

from __future__ import annotations

import re
import time as clock
from collections.abc import Callable
from datetime import date, datetime, time
from ipaddress import AddressValueError, IPv4Address, IPv4Network
from typing import Any

from msgspec import Struct

from dynafile.expressions.closures import Filter, constant, on_path, on_value
from dynafile.expressions.comparison import FLIPPED, contains, differ, equal, moment, relate
from dynafile.expressions.literals import (
    ValueTest,
    containment_test,
    difference_test,
    equality_test,
    member_test,
    order_test,
)
from dynafile.expressions.paths import MISSING, Item, dotted_getter

__all__ = ["Operand", "exists", "statement"]

_SYMBOLS = {"==": "=", "!=": "<>", "<": "<", "<=": "<=", ">": ">", ">=": ">="}


class Operand(Struct, frozen=True):
    """An operand: its ``kind`` says what its ``value`` is.

    ``name``: a str; ``value``: a literal; ``time``: a time of day; ``list``: of operands that
    are values or times; ``subnet``: an ``IPv4Network``; ``regex``: a compiled pattern.
    """

    kind: str
    value: Any


def exists(name: str) -> Filter:
    """Return a filter for items that have the attribute, be it None."""
    return _on_name(name, lambda value: value is not MISSING)


def statement(left: Operand, operator: str, right: Operand) -> Filter:
    """Return the filter for ``left operator right``."""
    if operator == "=~":
        return _on(left, _any_member(_search_test(right.value)))
    if operator == "in":
        return _membership(left, right)
    symbol = _SYMBOLS[operator]
    if right.kind == "name" and left.kind != "name":
        left, right, symbol = right, left, FLIPPED[symbol]
    if right.kind != "name":
        return _on(left, _operand_test(symbol, right))
    first, second = dotted_getter(left.value), dotted_getter(right.value)
    compare = _comparison(symbol)
    return lambda item: compare(first(item), second(item))


def _membership(left: Operand, right: Operand) -> Filter:
    if right.kind == "subnet":
        return _on(left, _any_member(_subnet_test(right.value)))
    if right.kind == "list":
        return _on(left, _member_test(right.value))
    if right.kind == "name":
        return _holding(left, right.value)
    if isinstance(right.value, str):
        text = right.value
        return _on(left, lambda value: type(value) is str and value in text)
    return _on(left, _operand_test("=", right))


def _holding(member: Operand, name: str) -> Filter:
    if member.kind != "name":
        literal = member.value
        inside = containment_test(literal)
        if type(literal) is not str:
            return _on_name(name, inside)
        return _on_name(
            name,
            lambda value: literal in value if type(value) is dict else inside(value),
        )
    container_of, member_of = dotted_getter(name), dotted_getter(member.value)

    def holds(item: Item) -> bool:
        container, value = container_of(item), member_of(item)
        if type(container) is dict:
            return type(value) is str and value in container
        return contains(container, value)

    return holds


def _on(operand: Operand, test: ValueTest) -> Filter:
    if operand.kind == "name":
        return _on_name(operand.value, test)
    return constant(test(operand.value))


def _on_name(name: str, test: ValueTest) -> Filter:
    if "." in name:
        return on_value(dotted_getter(name), test)
    return on_path((name,), test)


def _comparison(symbol: str) -> Callable[[Any, Any], bool]:
    if symbol == "=":
        return equal
    if symbol == "<>":
        return differ
    return lambda left, right: relate(symbol, left, right)


def _operand_test(symbol: str, operand: Operand) -> ValueTest:
    """Return a test that a value stands in a relation to an operand that is no name."""
    if operand.kind == "time":
        return _time_test(symbol, operand.value)
    literal = operand.value
    if operand.kind == "list":
        literal = [member.value for member in literal]
    if symbol == "=":
        return equality_test(literal)
    if symbol != "<>":
        return order_test(symbol, literal)
    if literal is None:
        return lambda value: value is not None and value is not MISSING
    return difference_test(literal)


def _member_test(members: list[Operand]) -> ValueTest:
    plain = member_test([member.value for member in members if member.kind == "value"])
    times = [_operand_test("=", member) for member in members if member.kind == "time"]
    if not times:
        return plain
    return lambda value: plain(value) or any(test(value) for test in times)


def _time_test(symbol: str, literal: time) -> ValueTest:
    compare = _comparison(symbol)

    def test(value: Any) -> bool:
        if isinstance(value, date):
            # On the day of the evaluation, not of the parsing: parsed filters are kept.
            today = date(*clock.localtime(clock.time())[:3])
            return compare(moment(value), datetime.combine(today, literal))
        return compare(value, literal)

    return test


def _any_member(test: ValueTest) -> ValueTest:
    def test_any(value: Any) -> bool:
        if type(value) is str:
            return test(value)
        if type(value) in (list, tuple, set, frozenset):
            return any(type(member) is str and test(member) for member in value)
        return False

    return test_any


def _search_test(pattern: re.Pattern[str]) -> ValueTest:
    search = pattern.search
    return lambda value: search(value) is not None


def _subnet_test(subnet: IPv4Network) -> ValueTest:
    mask, network = int(subnet.netmask), int(subnet.network_address)

    def test(value: str) -> bool:
        try:
            return int(IPv4Address(value)) & mask == network
        except AddressValueError:
            return False

    return test
