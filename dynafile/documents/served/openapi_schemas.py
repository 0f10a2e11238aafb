"""The schemas of what is sent and answered, for the OpenAPI document."""

from __future__ import annotations

from typing import Any, Final

from dynafile.documents.requests import OPERATORS
from dynafile.documents.wire import KINDS
from dynafile.documents.wire_queries import AGGREGATES, CURSORS, MOST_CONDITIONS

__all__ = ["ENTITY_TAG", "SCHEMAS", "schema"]

_TEXT: Final = {"type": "string"}


def schema(name: str) -> dict[str, str]:
    """Return the reference to a schema."""
    return {"$ref": f"#/components/schemas/{name}"}


def _object(properties: dict[str, Any], required: tuple[str, ...] = (), **more: Any) -> Any:
    found = {"type": "object", "properties": properties, "additionalProperties": False}
    return found | ({"required": list(required)} if required else {}) | more


_SEGMENT: Final = {
    "type": "string",
    "minLength": 1,
    "description": "In UTF-8 at most 1024 bytes, as the whole path of a collection.",
    "pattern": r"^(?!\.{1,2}$)[^/\u0000]+$",
}
ENTITY_TAG: Final = r'^"[!#-~]*"$'

_NAME_OF_FIELD: Final = r"([^.`]+|`([^`\\]|\\[\s\S])+`)"
_NAMES: Final = rf"^{_NAME_OF_FIELD}(\.{_NAME_OF_FIELD})*$"
_PATH: Final = {
    "type": "array",
    "minItems": 1,
    "items": schema("Segment"),
    "description": "Segments of a path: collection, document, collection, document, field ...",
    "examples": [["users", "ann"]],
}
_FIELD: Final = {
    "type": "string",
    "pattern": _NAMES,
    "description": "Names with dots between them; one that has a dot itself in backticks.",
    "examples": ["address.city"],
}
_EVENTS: Final = ["state", "added", "modified", "removed"]
_LISTED: Final = ["in", "not-in", "array-contains-any"]
_CONDITION: Final = _object(
    {"field": schema("Field"), "op": {"enum": list(OPERATORS)}, "value": schema("Value")},
    ("field", "op", "value"),
)

SCHEMAS: Final[dict[str, Any]] = {
    "Segment": _SEGMENT,
    "Id": _SEGMENT | {"maxLength": 1024},
    "Path": _PATH,
    "Field": _FIELD,
    "Position": {
        "type": "string",
        "pattern": r"^([0-9]{30}([+][0-9]{1,9})?)?$",
        "description": "Where to go on, as `since`.",
    },
    "Value": {
        "description": "What JSON can say, at most 100 levels deep and 1 MiB.",
        "anyOf": [
            {"type": ["string", "number", "boolean", "null"]},
            {"type": "array", "items": schema("Value")},
            schema("DocumentValue"),
        ],
    },
    "Update": {
        "type": "object",
        "minProperties": 1,
        "propertyNames": schema("Field"),
        "additionalProperties": schema("Value"),
        "description": "Fields, by their paths, none of them in another, and their values.",
        "examples": [{"score": 101, "address.city": "Rome"}],
    },
    "DocumentValue": {
        "type": "object",
        "propertyNames": {"minLength": 1},
        "additionalProperties": schema("Value"),
        "description": "A document: an object of at most 1 MiB and 100 levels.",
        "examples": [{"name": "Amor", "score": 100}],
    },
    "Document": _object(
        {
            "id": _TEXT,
            "path": _TEXT,
            "value": schema("DocumentValue"),
            "lastUpdate": {
                "type": "string",
                "description": "Another one after each write; in quotes it is the entity tag.",
            },
        },
        ("id", "path", "value", "lastUpdate"),
    ),
    "FieldFound": _object({"path": _TEXT, "value": schema("Value")}, ("path", "value")),
    "Listing": _object(
        {
            "documents": {"type": "array", "items": schema("Document")},
            "next": {"type": ["string", "null"], "description": "Send it as `after`."},
        },
        ("documents", "next"),
    ),
    "Beneath": {"anyOf": [schema("Listing"), schema("FieldFound")]},
    "Changed": _object({"id": _TEXT}, ("id",)),
    "Added": _object({"id": _TEXT, "path": _TEXT}, ("id", "path")),
    "Deleted": _object({"path": _TEXT, "value": schema("Value")}, ("path", "value")),
    "Where": {
        **_CONDITION,
        "if": {"properties": {"op": {"enum": _LISTED}}},
        "then": {
            "properties": {"value": {"type": "array", "minItems": 1, "maxItems": MOST_CONDITIONS}}
        },
    },
    "Order": _object({"field": schema("Field"), "descending": {"type": "boolean"}}, ("field",)),
    "Cursor": _object(
        {
            "values": {"type": "array", "maxItems": MOST_CONDITIONS, "items": schema("Value")},
            "last": schema("Path"),
        },
        minProperties=1,
        description="Values in the order of `orderBy`, and maybe the id, or the path in a group.",
    ),
    "Query": _object(
        {
            "path": schema("Path"),
            "group": {
                "type": "boolean",
                "description": "All collections of the one name in `path`, wherever they are.",
            },
            "where": {"type": "array", "maxItems": MOST_CONDITIONS, "items": schema("Where")},
            "orderBy": {"type": "array", "maxItems": MOST_CONDITIONS, "items": schema("Order")},
            **dict.fromkeys(CURSORS, schema("Cursor")),
            "limit": {"type": "integer", "minimum": 1},
        },
        ("path",),
        **{
            "if": {"properties": {"group": {"const": True}}, "required": ["group"]},
            "then": {"properties": {"path": {"maxItems": 1}}},
            "not": {
                "anyOf": [
                    {"required": ["startAt", "startAfter"]},
                    {"required": ["endAt", "endBefore"]},
                ]
            },
        },
        examples=[{"path": ["users"], "where": [{"field": "score", "op": ">", "value": 100}]}],
    ),
    "QueryBody": _object({"query": schema("Query")}, ("query",)),
    "QueryAnswer": _object(
        {"documents": {"type": "array", "items": schema("Document")}}, ("documents",)
    ),
    "AggregateBody": _object(
        {
            "query": schema("Query"),
            "kind": {"enum": list(AGGREGATES)},
            "field": {**_FIELD, "description": "For `sum` and `average`."},
        },
        ("query", "kind"),
        **{
            "if": {"properties": {"kind": {"const": "count"}}},
            "then": {"properties": {"field": False}},
            "else": {"required": ["field"]},
        },
    ),
    "AggregateAnswer": _object({"value": {"type": ["number", "null"]}}, ("value",)),
    "Plan": _object(
        {
            "index": {"type": ["string", "null"]},
            "missing": {"type": "array", "items": _TEXT},
            "text": _TEXT,
        },
        ("index", "missing", "text"),
    ),
    "Transform": {
        "oneOf": [
            {"enum": ["serverTime", "delete"]},
            _object({"increment": {"type": "number"}}, ("increment",)),
            _object({"arrayUnion": {"type": "array"}}, ("arrayUnion",)),
            _object({"arrayRemove": {"type": "array"}}, ("arrayRemove",)),
        ]
    },
    "Change": _object(
        {
            "kind": {"enum": list(KINDS)},
            "path": schema("Path"),
            "value": schema("Value"),
            "transforms": {"type": "object", "additionalProperties": schema("Transform")},
            "key": {**_SEGMENT, "description": "The document of the collection at `path`."},
            "exists": {"type": "boolean"},
            "lastUpdate": _TEXT,
        },
        ("kind", "path"),
        examples=[
            {"kind": "update", "path": ["users", "ann"], "transforms": {"score": {"increment": 1}}}
        ],
    ),
    "BatchBody": _object(
        {"changes": {"type": "array", "maxItems": 10_000, "items": schema("Change")}}, ("changes",)
    ),
    "BatchAnswer": _object({"results": {"type": "array", "items": schema("Value")}}, ("results",)),
    "WatchBody": _object(
        {"path": schema("Path"), "query": schema("Query"), "since": schema("Position")},
        oneOf=[{"required": ["path"]}, {"required": ["query"]}],
    ),
    "EventFrame": {
        "type": "object",
        "required": ["id", "event", "data"],
        "properties": {
            "id": schema("Position"),
            "event": {"enum": _EVENTS},
            "data": {
                "type": "string",
                "contentMediaType": "application/json",
                "contentSchema": schema("Event"),
            },
        },
    },
    "Event": _object(
        {
            "type": {"enum": _EVENTS},
            "id": {"type": ["string", "null"]},
            "path": _TEXT,
            "value": schema("Value"),
            "position": schema("Position"),
        },
        ("type", "id", "path", "value", "position"),
        description="The data of a Server-Sent Event, and with `of` a message of the WebSocket.",
    ),
    "Problem": {
        "type": "object",
        "description": "What was wrong, where, and what to do (RFC 9457).",
        "properties": {
            "type": _TEXT,
            "title": _TEXT,
            "status": {"type": "integer"},
            "detail": _TEXT,
            "instance": _TEXT,
            "code": {"type": "string", "description": "The class of the error in Python."},
        },
        "required": ["type", "title", "status", "detail", "instance", "code"],
    },
}
