"""Requests and their answers as JSON, both ways: what a server and its clients say."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, cast

from msgspec import UNSET

from dynafile.documents.engine import ChangeType, DocumentChange, Element, Plan
from dynafile.documents.paths import (
    FieldPath,
    Path,
    check_path,
    check_segment,
    field_text,
    is_document,
    parse_field,
    path_text,
)
from dynafile.documents.requests import (
    AGGREGATES,
    OPERATORS,
    Aggregate,
    Change,
    ChangeKind,
    Cursor,
    Order,
    Query,
    Target,
    Where,
)
from dynafile.documents.values import check_value
from dynafile.documents.wire_transforms import transforms_from, transforms_to
from dynafile.errors import MalformedRequest

__all__ = [
    "CURSORS",
    "KINDS",
    "MOST_CONDITIONS",
    "aggregate_from",
    "change_from",
    "change_to",
    "changes_from",
    "element_from",
    "element_to",
    "event_from",
    "event_to",
    "members",
    "path_from",
    "plan_from",
    "plan_to",
    "query_from",
    "query_to",
    "target_from",
]

KINDS: Final = ("set", "add", "update", "delete")
CURSORS: Final = {
    "startAt": "start_at",
    "startAfter": "start_after",
    "endAt": "end_at",
    "endBefore": "end_before",
}
MOST_CONDITIONS: Final = 100
"""Conditions, orders, and values of ``in`` in one query."""
_MOST_CHANGES: Final = 10_000
_TYPES: Final = ("state", "added", "modified", "removed")
_LISTS: Final = ("in", "not-in", "array-contains-any")


def members(value: Any, where: str, known: Mapping[str, type | tuple[type, ...]]) -> dict[str, Any]:
    """Return an object whose members have these names and types; raises MalformedRequest."""
    if not isinstance(value, dict):
        raise MalformedRequest(f"{_shown(where)} is an object, not {_kind(value)}", path=where)
    for name, each in value.items():
        if name not in known:
            raise MalformedRequest(
                f"{_shown(where)} has {name!r:.80}, which is not known there: "
                f"it can have {', '.join(known)}",
                path=where,
            )
        wanted = known[name]
        if not isinstance(each, wanted) or (isinstance(each, bool) and wanted in (int, _NUMBER)):
            raise MalformedRequest(
                f"{_place(where, name)} is {_NAMES[wanted]}, not {_kind(each)}",
                path=_place(where, name),
            )
    return value


_NUMBER: Final = (int, float)
_ANYTHING: Final = object
_NAMES: Final[dict[Any, str]] = {
    str: "text",
    int: "an integer",
    bool: "true or false",
    list: "a list",
    dict: "an object",
}


def _kind(value: Any) -> str:
    if value is None or value is UNSET:
        return "null"
    if isinstance(value, float):
        return "a number"
    return next(name for kind, name in _KINDS if isinstance(value, kind))


_KINDS: Final = (
    (bool, "true or false"),
    (int, "a number"),
    (str, "text"),
    (list, "a list"),
    (dict, "an object"),
)


def _place(where: str, name: str) -> str:
    return f"{where}.{name}" if where else name


def _shown(where: str) -> str:
    return where or "the body"


def _required(found: dict[str, Any], where: str, *names: str) -> None:
    for name in names:
        if name not in found:
            raise MalformedRequest(f"{_shown(where)} needs {name!r}", path=where)


# -- paths and fields ---------------------------------------------------------------------------


def path_from(value: Any, where: str) -> Path:
    """Return a path that is a list of segments; raises MalformedRequest, InvalidDocumentPath."""
    if not isinstance(value, list):
        raise MalformedRequest(
            f"{where} is a list of the segments of a path, as in ['users', 'ann'], not "
            f"{_kind(value)}",
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
    _required(found, where, "path")
    path = path_from(found["path"], _place(where, "path"))
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
    conditions = _fields(found.get("where", []), _place(where, "where"))
    orders = _fields(found.get("orderBy", []), _place(where, "orderBy"))
    query = Query(
        path=path,
        group=group,
        wheres=tuple(_where(each, f"{where}.where[{n}]") for n, each in enumerate(conditions)),
        orders=tuple(_order(each, f"{where}.orderBy[{n}]") for n, each in enumerate(orders)),
        limit=limit,
        **{
            attribute: _cursor(found[name], _place(where, name), group=group)
            for name, attribute in CURSORS.items()
            if name in found
        },
    )
    _check_cursors(query, where)
    return query


def _where(value: Any, where: str) -> Where:
    found = members(value, where, {"field": str, "op": str, "value": _ANYTHING})
    _required(found, where, "field", "op", "value")
    op, operand = found["op"], check_value(found["value"], _place(where, "value"))
    if op not in OPERATORS:
        raise MalformedRequest(
            f"{where}.op is one of {', '.join(OPERATORS)}, not {op!r:.80}", path=where
        )
    if op in _LISTS:
        if not isinstance(operand, list) or not operand:
            raise MalformedRequest(f"{where}.value of {op} is a list with values", path=where)
        _fields(operand, _place(where, "value"))
    return Where(parse_field(found["field"]), op, operand)


def _order(value: Any, where: str) -> Order:
    found = members(value, where, {"field": str, "descending": bool})
    _required(found, where, "field")
    return Order(parse_field(found["field"]), found.get("descending", False))


def _cursor(value: Any, where: str, *, group: bool) -> Cursor:
    found = members(value, where, {"values": list, "last": list})
    values = tuple(check_value(each, f"{where}.values") for each in found.get("values", []))
    last = path_from(found["last"], _place(where, "last")) if "last" in found else None
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
                path=_place(where, name),
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
        raise MalformedRequest(f"{_shown(where)} needs either 'path' or 'query'", path=where)
    if "query" in found:
        return query_from(found["query"], _place(where, "query"))
    path = path_from(found["path"], _place(where, "path"))
    if not path:
        raise MalformedRequest("the root cannot be watched: name a collection", path=where)
    return path


def aggregate_from(value: Any) -> tuple[Query, Aggregate, FieldPath]:
    """Return what the body of an aggregation says."""
    found = members(value, "", {"query": dict, "kind": str, "field": str})
    _required(found, "", "query", "kind")
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


# -- changes ------------------------------------------------------------------------------------

_CHANGE: Final[dict[str, Any]] = {
    "kind": str,
    "path": list,
    "value": _ANYTHING,
    "transforms": dict,
    "key": str,
    "exists": bool,
    "lastUpdate": str,
}


def changes_from(value: Any) -> list[Change]:
    """Return what the body of a batch says."""
    found = members(value, "", {"changes": list})
    _required(found, "", "changes")
    changes = found["changes"]
    if len(changes) > _MOST_CHANGES:
        raise MalformedRequest(
            f"a batch has at most {_MOST_CHANGES} changes, not {len(changes)}: make several",
            path="changes",
        )
    return [change_from(each, f"changes[{number}]") for number, each in enumerate(changes)]


def change_from(value: Any, where: str) -> Change:
    """Return a change; raises MalformedRequest, InvalidDocumentPath."""
    found = members(value, where, _CHANGE)
    _required(found, where, "kind", "path")
    kind = found["kind"]
    if kind not in KINDS:
        raise MalformedRequest(
            f"{where}.kind is one of {', '.join(KINDS)}, not {kind!r:.80}", path=where
        )
    if kind != "delete" and "value" not in found and "transforms" not in found:
        raise MalformedRequest(f"{where} needs 'value'", path=where)
    contents = found.get("value", UNSET)
    if "transforms" in found:
        if kind == "delete":
            raise MalformedRequest(f"{where}.transforms is not for delete", path=where)
        contents = transforms_from(
            {} if contents is UNSET else contents,
            found["transforms"],
            f"{where}.transforms",
            update=kind == "update",
        )
    return Change(
        kind=cast("ChangeKind", kind),
        path=path_from(found["path"], _place(where, "path")),
        value=contents,
        key=check_segment(found["key"]) if "key" in found else None,
        exists=found.get("exists"),
        last_update=found.get("lastUpdate"),
    )


def change_to(change: Change) -> dict[str, Any]:
    """Return a change as JSON says it."""
    found: dict[str, Any] = {"kind": change.kind, "path": list(change.path)}
    if change.value is not UNSET:
        found["value"], transforms = transforms_to(change.value, update=change.kind == "update")
        if transforms:
            found["transforms"] = transforms
    more = {"key": change.key, "exists": change.exists, "lastUpdate": change.last_update}
    found.update((name, each) for name, each in more.items() if each is not None)
    return found


# -- answers ------------------------------------------------------------------------------------


def element_to(element: Element) -> dict[str, Any]:
    """Return a document as JSON says it."""
    return {
        "id": element.path[-1],
        "path": path_text(element.path),
        "value": element.value,
        "lastUpdate": element.last_update,
    }


def element_from(value: dict[str, Any]) -> Element:
    """Return the document of an answer."""
    return Element(tuple(value["path"].split("/")), value["value"], value["lastUpdate"])


def plan_to(plan: Plan) -> dict[str, Any]:
    """Return a plan as JSON says it."""
    return {"index": plan.index, "missing": list(plan.missing), "text": plan.text}


def plan_from(value: dict[str, Any]) -> Plan:
    """Return the plan of an answer."""
    return Plan(value["index"], tuple(value["missing"]), value["text"])


def event_to(change: DocumentChange) -> dict[str, Any]:
    """Return what a listener is told as JSON says it."""
    return {
        "type": change.type,
        "id": change.id,
        "path": change.path,
        "value": change.value,
        "position": change.position,
    }


def event_from(value: dict[str, Any]) -> DocumentChange:
    """Return what a listener is told; raises MalformedRequest."""
    if value.get("type") not in _TYPES:
        raise MalformedRequest(f"{value.get('type')!r:.80} is no kind of change")
    return DocumentChange(
        cast("ChangeType", value["type"]),
        value["id"],
        value["path"],
        value["value"],
        value["position"],
    )
