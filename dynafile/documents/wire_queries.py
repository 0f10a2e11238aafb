"""Queries as JSON, both ways, and what is watched or aggregated."""

from __future__ import annotations

from typing import Any, Final, cast, get_args

from dynafile.documents.paths import (
    FieldPath,
    Path,
    check_path,
    field_text,
    is_document,
    parse_field,
)
from dynafile.documents.requests import (
    OPERATORS,
    Aggregate,
    Cursor,
    Order,
    Query,
    Target,
    Where,
)
from dynafile.documents.values import check_value
from dynafile.documents.wire_members import ANYTHING, kind_of, members, place, required, shown
from dynafile.errors import MalformedRequest

__all__ = [
    "AGGREGATES",
    "CURSORS",
    "MOST_CONDITIONS",
    "aggregate_from",
    "path_from",
    "query_from",
    "query_to",
    "target_from",
]

AGGREGATES: Final[tuple[str, ...]] = get_args(Aggregate)
CURSORS: Final = {
    "startAt": "start_at",
    "startAfter": "start_after",
    "endAt": "end_at",
    "endBefore": "end_before",
}
MOST_CONDITIONS: Final = 100
"""Conditions, orders, and values of ``in`` in one query."""
_LISTS: Final = ("in", "not-in", "array-contains-any")


def path_from(value: Any, where: str) -> Path:
    """Return a path that is a list of segments; raises MalformedRequest, InvalidDocumentPath."""
    if not isinstance(value, list):
        raise MalformedRequest(
            f"{where} is a list of the segments of a path, as in ['users', 'ann'], not "
            f"{kind_of(value)}",
            path=where,
        )
    return check_path(value)


def _fields(values: list[Any], where: str) -> list[Any]:
    if len(values) > MOST_CONDITIONS:
        raise MalformedRequest(
            f"{where} has {len(values)} entries, and at most {MOST_CONDITIONS} are taken: "
            "ask in parts",
            path=where,
        )
    return values


# -- queries ------------------------------------------------------------------------------------

_QUERY: Final[dict[str, Any]] = {
    "path": list,
    "group": bool,
    "where": list,
    "orderBy": list,
    **dict.fromkeys(CURSORS, dict),
    "limit": int,
}


def query_from(value: Any, where: str = "query") -> Query:
    """Return a query; raises MalformedRequest, InvalidDocumentPath and what a value raises."""
    found = members(value, where, _QUERY)
    required(found, where, "path")
    path = path_from(found["path"], place(where, "path"))
    group = found.get("group", False)
    if group and len(path) != 1:
        raise MalformedRequest(
            f"{where}.path of a group of collections is their one name, as in ['posts']",
            path=where,
        )
    if not path:
        raise MalformedRequest(
            f"{where}.path is that of a collection or a document, and [] is the root", path=where
        )
    limit = found.get("limit")
    if limit is not None and limit < 1:
        raise MalformedRequest(f"{where}.limit is at least 1, not {limit}", path=where)
    conditions = _fields(found.get("where", []), place(where, "where"))
    orders = _fields(found.get("orderBy", []), place(where, "orderBy"))
    query = Query(
        path=path,
        group=group,
        wheres=tuple(_where(each, f"{where}.where[{n}]") for n, each in enumerate(conditions)),
        orders=tuple(_order(each, f"{where}.orderBy[{n}]") for n, each in enumerate(orders)),
        limit=limit,
        **{
            attribute: _cursor(found[name], place(where, name), group=group)
            for name, attribute in CURSORS.items()
            if name in found
        },
    )
    _check_cursors(query, where)
    return query


def _where(value: Any, where: str) -> Where:
    found = members(value, where, {"field": str, "op": str, "value": ANYTHING})
    required(found, where, "field", "op", "value")
    op, operand = found["op"], check_value(found["value"], place(where, "value"))
    if op not in OPERATORS:
        raise MalformedRequest(
            f"{where}.op is one of {', '.join(OPERATORS)}, not {op!r:.80}", path=where
        )
    if op in _LISTS:
        if not isinstance(operand, list) or not operand:
            raise MalformedRequest(f"{where}.value of {op} is a list with values", path=where)
        _fields(operand, place(where, "value"))
    return Where(parse_field(found["field"]), op, operand)


def _order(value: Any, where: str) -> Order:
    found = members(value, where, {"field": str, "descending": bool})
    required(found, where, "field")
    return Order(parse_field(found["field"]), found.get("descending", False))


def _cursor(value: Any, where: str, *, group: bool) -> Cursor:
    found = members(value, where, {"values": list, "last": list})
    values = tuple(check_value(each, f"{where}.values") for each in found.get("values", []))
    last = path_from(found["last"], place(where, "last")) if "last" in found else None
    if last is not None and not (is_document(last) if group else len(last) == 1):
        raise MalformedRequest(
            f"{where}.last is a list with the id of a document, or its path in a group", path=where
        )
    if not values and last is None:
        raise MalformedRequest(f"{where} needs values, or the last document", path=where)
    return Cursor(values, last)


def _check_cursors(query: Query, where: str) -> None:
    for name, attribute in CURSORS.items():
        cursor = getattr(query, attribute)
        if cursor is None:
            continue
        few = len(cursor.values) < len(query.orders)
        if len(cursor.values) > len(query.orders) or (few and cursor.last is not None):
            raise MalformedRequest(
                f"{where}.{name} has {len(cursor.values)} values, and the query has "
                f"{len(query.orders)} orders: give a value for each, or for the first of them",
                path=place(where, name),
            )
    for one, other in (("startAt", "startAfter"), ("endAt", "endBefore")):
        if getattr(query, CURSORS[one]) and getattr(query, CURSORS[other]):
            raise MalformedRequest(f"{where} has both {one} and {other}: give one", path=where)


def query_to(query: Query) -> dict[str, Any]:
    """Return a query as JSON says it."""
    found: dict[str, Any] = {"path": list(query.path)}
    if query.group:
        found["group"] = True
    if query.wheres:
        found["where"] = [
            {"field": field_text(each.field), "op": each.op, "value": each.value}
            for each in query.wheres
        ]
    if query.orders:
        found["orderBy"] = [
            {"field": field_text(each.field), "descending": each.descending}
            for each in query.orders
        ]
    for name, attribute in CURSORS.items():
        cursor = getattr(query, attribute)
        if cursor is not None:
            found[name] = {"values": list(cursor.values)}
            if cursor.last is not None:
                found[name]["last"] = list(cursor.last)
    if query.limit is not None:
        found["limit"] = query.limit
    return found


def target_from(found: dict[str, Any], where: str = "") -> Target:
    """Return what is to be watched: the ``path`` or the ``query`` of a message."""
    if ("path" in found) == ("query" in found):
        raise MalformedRequest(f"{shown(where)} needs either 'path' or 'query'", path=where)
    if "query" in found:
        return query_from(found["query"], place(where, "query"))
    path = path_from(found["path"], place(where, "path"))
    if not path:
        raise MalformedRequest("the root cannot be watched: name a collection", path=where)
    return path


def aggregate_from(value: Any) -> tuple[Query, Aggregate, FieldPath]:
    """Return what the body of an aggregation says."""
    found = members(value, "", {"query": dict, "kind": str, "field": str})
    required(found, "", "query", "kind")
    kind = found["kind"]
    if kind not in AGGREGATES:
        raise MalformedRequest(
            f"kind is one of {', '.join(AGGREGATES)}, not {kind!r:.80}", path="kind"
        )
    if (kind == "count") == ("field" in found):
        need = "is not for" if kind == "count" else "is needed for"
        raise MalformedRequest(f"field {need} {kind}", path="field")
    field = parse_field(found["field"]) if "field" in found else ()
    return query_from(found["query"]), cast("Aggregate", kind), field
