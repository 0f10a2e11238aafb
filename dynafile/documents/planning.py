"""Planning queries: which index serves, and which part of it is looked at."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct

from dynafile.documents.engine import Plan
from dynafile.documents.layout import after_kind, entry_value, first_of_kind
from dynafile.documents.paths import FieldPath, field_text, is_document
from dynafile.documents.requests import Query, Where

__all__ = ["Choice", "Span", "choose", "plan_of"]

_RANGES = ("<", "<=", ">", ">=")
_SERVED = ("==", "in", *_RANGES)
_FIRST = "0"
_END = "9"


class Span(Struct, frozen=True):
    """A part of an index: keys of entries, with both ends; or those that begin so."""

    low: str
    high: str = ""


class Choice(Struct, frozen=True):
    """The index that a query uses, and the parts of it that it looks at."""

    field: FieldPath
    spans: tuple[Span, ...]


def choose(query: Query, indexed: Iterable[FieldPath]) -> Choice | None:
    """Choose an index; None: every document of the collection is looked at.

    One that gives few documents comes first: equality, a list of values, a range, and then one in
    whose order a limit soon ends the reading.
    """
    fields = set(indexed)
    for ops in (("==",), ("in",), _RANGES):
        for where in query.wheres:
            if where.op in ops and where.field in fields:
                return Choice(where.field, _spans(where, query.wheres))
    if query.orders and query.limit is not None and query.orders[0].field in fields:
        return Choice(query.orders[0].field, (_ordered_span(query),))
    return None


def plan_of(query: Query, indexed: Iterable[FieldPath]) -> Plan:
    """Say how a query is executed."""
    choice = choose(query, indexed)
    if choice is not None:
        name = field_text(choice.field)
        return Plan(name, (), f"{query}: the index by {name} gives the documents to look at")
    if is_document(query.path) and not query.group:
        return Plan(None, (), f"{query}: the one document is looked at")
    wanted = [where.field for where in query.wheres if where.op in _SERVED]
    if query.orders and query.limit is not None:
        wanted.append(query.orders[0].field)
    missing = tuple(dict.fromkeys(map(field_text, wanted)))
    text = f"{query}: every document is looked at"
    if not query.wheres and not query.orders:
        text = f"{query}: the documents are read in the order of their ids"
    if missing:
        name = query.path[-1]
        declared = " or ".join(f"db.index({name!r}, {field!r})" for field in missing)
        text += f", as there is no index by {' or '.join(missing)}: {declared} declares one"
    return Plan(None, missing, text)


def _spans(where: Where, wheres: Iterable[Where]) -> tuple[Span, ...]:
    if where.op == "==":
        return (_equal(entry_value(where.value)),)
    if where.op == "in":
        return tuple(map(_equal, sorted(set(map(entry_value, where.value)))))
    low, high = _FIRST, _END
    for each in wheres:
        if each.field != where.field or each.op not in _RANGES:
            continue
        value = entry_value(each.value)
        if each.op in (">", ">="):
            low, high = max(low, value), min(high, after_kind(each.value))
        else:
            low, high = max(low, first_of_kind(each.value)), min(high, f"{value}\1")
    return (Span(low, high),) if low <= high else ()


def _equal(value: str) -> Span:
    return Span(f"{value}\0")


def _ordered_span(query: Query) -> Span:
    """Return the part of the index by the first order between the cursors of a query."""
    low, high = _FIRST, _END
    order = query.orders[0]
    for cursor, begins in (
        (query.start_at, True),
        (query.start_after, True),
        (query.end_at, False),
        (query.end_before, False),
    ):
        if cursor is None or not cursor.values:
            continue
        value = entry_value(cursor.values[0])
        if begins != order.descending:
            low = max(low, value)
        else:
            high = min(high, f"{value}\1")
    return Span(low, high) if low <= high else Span(_END, _END)
