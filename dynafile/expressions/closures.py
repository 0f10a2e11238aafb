"""Closures from an item to bool, and how they are combined. Both filter languages use these.

A filter runs once an item, so each closure is made for its case: nothing is looked up or
decided per item that was known when the filter was parsed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

from dynafile.expressions.literals import ValueTest
from dynafile.expressions.paths import MISSING, Getter, Item, Path, path_getter

__all__ = ["Filter", "all_of", "any_of", "constant", "negation", "odd_of", "on_path", "on_value"]

Filter: TypeAlias = Callable[[Item], bool]


def on_path(path: Path, test: ValueTest) -> Filter:
    """Return a filter that puts the value at a path, or ``MISSING``, to a test."""
    if len(path) > 1:
        return on_value(path_getter(path), test)
    name: Any = path[0]
    return lambda item: test(item.get(name, MISSING))


def on_value(getter: Getter, test: ValueTest) -> Filter:
    """Return a filter that puts what a getter returns to a test."""
    return lambda item: test(getter(item))


def constant(value: bool) -> Filter:
    """Return a filter that says the same of every item."""
    return lambda _item: value


def negation(term: Filter) -> Filter:
    """Return a filter that says the contrary."""
    return lambda item: not term(item)


def all_of(terms: Sequence[Filter]) -> Filter:
    """Return a filter that asks each of the terms, up to the first that is false."""
    if len(terms) == 2:
        first, second = terms
        return lambda item: first(item) and second(item)

    def every(item: Item) -> bool:
        # `all` of a generator takes twice as long.
        for term in terms:  # noqa: SIM110
            if not term(item):
                return False
        return True

    return every


def any_of(terms: Sequence[Filter]) -> Filter:
    """Return a filter that asks each of the terms, up to the first that is true."""
    if len(terms) == 1:
        return terms[0]
    if len(terms) == 2:
        first, second = terms
        return lambda item: first(item) or second(item)

    def some(item: Item) -> bool:
        for term in terms:  # noqa: SIM110
            if term(item):
                return True
        return False

    return some


def odd_of(terms: Sequence[Filter]) -> Filter:
    """Return a filter that is true if an odd number of the terms are: exclusive or."""

    def odd(item: Item) -> bool:
        result = False
        for term in terms:
            if term(item):
                result = not result
        return result

    return odd
