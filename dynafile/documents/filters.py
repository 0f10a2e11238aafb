"""Filters: which documents a query wants, and in which order."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from operator import ge, gt, le, lt
from typing import Any, Final

from dynafile.documents.comparing import NUMBER, Descending, are_equal, rank, sort_key
from dynafile.documents.paths import FieldPath, Path
from dynafile.documents.requests import Cursor, Order, Query, Where

__all__ = ["MISSING", "Filter", "match_of", "value_at"]

MISSING: Final = object()

Test = Callable[[Any], bool]
Place = tuple[Any, ...]


def value_at(document: Any, field: FieldPath) -> Any:
    """Return the value of a field, MISSING where there is none."""
    for name in field:
        if type(document) is not dict:
            return MISSING
        document = document.get(name, MISSING)
    return document


class Filter:
    """What a query wants of documents, apart from its limit."""

    def __init__(self, query: Query) -> None:
        self.fields = [where.field for where in query.wheres]
        self.fields += [order.field for order in query.orders]
        """The fields that it looks at."""
        self._tests = [(where.field, _test_of(where)) for where in query.wheres]
        self._orders: Sequence[Order] = query.orders
        self._group = query.group
        self._downwards = bool(query.orders) and query.orders[-1].descending
        self._bounds = [
            (_bound_of(cursor, query.orders, self._downwards), compare)
            for cursor, compare in (
                (query.start_at, ge),
                (query.start_after, gt),
                (query.end_at, le),
                (query.end_before, lt),
            )
            if cursor is not None
        ]

    def accepts(self, path: Path, value: dict[str, Any]) -> bool:
        """Say whether the query wants a document."""
        for field, test in self._tests:
            found = value_at(value, field) if len(field) > 1 else value.get(field[0], MISSING)
            if found is MISSING or not test(found):
                return False
        for order in self._orders:
            if value_at(value, order.field) is MISSING:
                return False
        if self._bounds:
            place = self.place(path, value)
            return all(compare(place[: len(bound)], bound) for bound, compare in self._bounds)
        return True

    def place(self, path: Path, value: dict[str, Any]) -> Place:
        """Return by what an accepted document is ordered."""
        last: Any = path if self._group else path[-1]
        if not self._orders:
            return (last,)
        return (
            *[
                Descending(sort_key(value_at(value, order.field)))
                if order.descending
                else sort_key(value_at(value, order.field))
                for order in self._orders
            ],
            Descending(last) if self._downwards else last,
        )


def _bound_of(cursor: Cursor, orders: Sequence[Order], downwards: bool) -> Place:
    bound: list[Any] = [
        Descending(sort_key(value)) if order.descending else sort_key(value)
        for value, order in zip(cursor.values, orders, strict=False)
    ]
    if cursor.last is not None:
        last: Any = cursor.last if len(cursor.last) > 1 else cursor.last[0]
        bound.append(Descending(last) if downwards else last)
    return tuple(bound)


def _test_of(where: Where) -> Test:
    op, wanted = where.op, where.value
    if op == "==":
        return _equality(wanted)
    if op == "!=":
        equal = _equality(wanted)
        return lambda value: not equal(value)
    if op == "in":
        tests = list(map(_equality, wanted))
        return lambda value: any(test(value) for test in tests)
    if op == "not-in":
        tests = list(map(_equality, wanted))
        return lambda value: not any(test(value) for test in tests)
    if op == "array-contains":
        equal = _equality(wanted)
        return lambda value: type(value) is list and any(map(equal, value))
    if op == "array-contains-any":
        tests = list(map(_equality, wanted))
        return lambda value: (
            type(value) is list and any(test(each) for each in value for test in tests)
        )
    compare = {"<": lt, "<=": le, ">": gt, ">=": ge}[op]
    kind = rank(wanted)
    if type(wanted) in (str, int, float):
        return lambda value: rank(value) == kind and bool(compare(value, wanted))
    bound = sort_key(wanted)
    return lambda value: rank(value) == kind and bool(compare(sort_key(value), bound))


def _equality(wanted: Any) -> Test:
    if type(wanted) is str:
        return lambda value: type(value) is str and value == wanted
    if rank(wanted) == NUMBER:
        return lambda value: (type(value) is int or type(value) is float) and value == wanted
    return lambda value: are_equal(value, wanted)


def match_of(fields: Sequence[tuple[FieldPath, Any]]) -> Callable[[dict[str, Any]], bool]:
    """Return a test of whether all of some fields have the values that are given."""
    tests = [(field, _equality(value)) for field, value in fields]

    def matches(document: dict[str, Any]) -> bool:
        for field, test in tests:
            found = value_at(document, field)
            if found is MISSING or not test(found):
                return False
        return True

    return matches
