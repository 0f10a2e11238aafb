"""The OpenAPI document: every route, what it takes, and all that it can answer."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any, Final

from dynafile import __version__
from dynafile.documents.served.openapi_schemas import SCHEMAS, schema

__all__ = ["openapi"]

_PROBLEM: Final = "application/problem+json"
_JSON: Final = "application/json"
_EVENTS: Final = "text/event-stream"

_ALWAYS: Final = (400, 401, 403, 429, 500, 503)
_BODY: Final = (408, 413, 415)

_TAG: Final = {
    "ETag": {
        "description": "The `lastUpdate` of the document, in quotes.",
        "schema": {"type": "string"},
    }
}


def _content(name: str, kind: str = _JSON) -> dict[str, Any]:
    return {kind: {"schema": schema(name)}}


def _answers(
    status: int, description: str, content: dict[str, Any] | None, *problems: int, **more: Any
) -> dict[str, Any]:
    found: dict[str, Any] = {str(status): {"description": description, **more}}
    if content is not None:
        found[str(status)]["content"] = content
    for each in sorted({*_ALWAYS, *problems}):
        found[str(each)] = {"$ref": f"#/components/responses/{each}"}
    return found


def _body(name: str) -> dict[str, Any]:
    return {"required": True, "content": _content(name)}


def _parameter(name: str, place: str, description: str, **more: Any) -> dict[str, Any]:
    kind = more.pop("schema", {"type": "string"})
    return {"name": name, "in": place, "description": description, "schema": kind, **more}


_PATH: Final = _parameter(
    "path",
    "path",
    "Segments with slashes between them, each percent-encoded: a slash in a segment, `.` and `..` "
    "are refused. One segment is a collection, two a document, and so on; what a document has a "
    "field for is that field.",
    required=True,
    examples={"document": {"value": "users/ann"}, "collection": {"value": "users"}},
)
_KEY: Final = _parameter("key", "query", "The document of the collection that the path names.")
_IF_MATCH: Final = _parameter(
    "If-Match", "header", "The entity tag that the document must have; `*`: it must be there."
)
_IF_NONE_MATCH: Final = _parameter(
    "If-None-Match", "header", "`*`: the document must not be there."
)
_SINCE: Final = _parameter("since", "query", "For events: the position of the last that is known.")
_LAST_EVENT: Final = _parameter(
    "Last-Event-ID", "header", "As `since`, which it goes before: what a browser sends by itself."
)
_CHANGING: Final = [_PATH, _KEY, _IF_MATCH, _IF_NONE_MATCH]


def _read() -> dict[str, Any]:
    limit = {"type": "integer", "minimum": 1, "maximum": 1000, "default": 1000}
    content = _content("Read") | _content("Event", _EVENTS)
    found = _answers(
        200, "What is there; with `Accept: text/event-stream` it goes on.", content, 404,
        headers=_TAG,
    )  # fmt: skip
    found["304"] = {"description": "The document is as `If-None-Match` says.", "headers": _TAG}
    return {
        "operationId": "read",
        "summary": "Read a document, a field, or a page of a collection; or watch it",
        "parameters": [
            _PATH,
            _parameter("limit", "query", "Of a collection: documents in a page.", schema=limit),
            _parameter("after", "query", "Of a collection: `next` of the page before."),
            _SINCE,
            _LAST_EVENT,
            _parameter("If-None-Match", "header", "The entity tag of the document as it is known."),
        ],
        "responses": found,
    }


def _documents() -> dict[str, Any]:
    return {
        "get": _read(),
        "put": {
            "operationId": "set",
            "summary": "Set a document or a field; or all of a collection to one document",
            "parameters": _CHANGING,
            "requestBody": _body("Value"),
            "responses": _answers(200, "It was set.", _content("Changed"), *_BODY, 409, 412),
        },
        "post": {
            "operationId": "add",
            "summary": "Add a document to a collection",
            "parameters": _CHANGING,
            "requestBody": _body("DocumentValue"),
            "responses": _answers(
                201,
                "It was added.",
                _content("Changed"),
                *_BODY,
                409,
                412,
                headers={
                    "Location": {
                        "description": "The address of the document.",
                        "schema": {"type": "string"},
                    }
                },
            ),
        },
        "patch": {
            "operationId": "update",
            "summary": "Merge fields into a document; names may be paths of fields",
            "parameters": _CHANGING,
            "requestBody": _body("DocumentValue"),
            "responses": _answers(
                200, "It was updated.", _content("Changed"), *_BODY, 404, 409, 412
            ),
        },
        "delete": {
            "operationId": "delete",
            "summary": "Delete a document, a field or a collection, with all that is beneath",
            "parameters": _CHANGING,
            "responses": _answers(
                200, "What was deleted; null: nothing was there.", _content("Deleted"), 409, 412
            ),
        },
    }


def _verb(
    name: str, summary: str, takes: str, content: dict[str, Any], *problems: int
) -> dict[str, Any]:
    return {
        "post": {
            "operationId": name,
            "summary": summary,
            "requestBody": _body(takes),
            "responses": _answers(200, "What was asked for.", content, *_BODY, *problems),
        }
    }


def _paths() -> dict[str, Any]:
    watch = _verb("watch", "Watch a query or a path", "WatchBody", _content("Event", _EVENTS))
    watch["post"]["parameters"] = [_SINCE, _LAST_EVENT]
    tree = {
        "operationId": "readAll",
        "summary": "Read everything",
        "responses": _answers(200, "All collections, by name.", _content("FieldFound")),
    }
    health = {
        "operationId": "health",
        "summary": "Say that it runs",
        "security": [],
        "responses": {
            "200": {
                "description": "It runs.",
                "content": {_JSON: {"schema": {"type": "object", "required": ["status"]}}},
            },
            "400": {"$ref": "#/components/responses/400"},
        },
    }
    return {
        "/v1/documents/{path}": _documents(),
        "/v1/documents": {"get": tree},
        "/v1/documents:query": _verb(
            "query", "Find documents", "QueryBody", _content("QueryAnswer")
        ),
        "/v1/documents:aggregate": _verb(
            "aggregate", "Count, or sum up a field", "AggregateBody", _content("AggregateAnswer")
        ),
        "/v1/documents:explain": _verb(
            "explain", "Say how a query is executed", "QueryBody", _content("Plan")
        ),
        "/v1/documents:batch": _verb(
            "batch",
            "Make several changes, all or none",
            "BatchBody",
            _content("BatchAnswer"),
            404,
            409,
            412,
        ),
        "/v1/documents:watch": watch,
        "/v1/health": {"get": health},
    }


def openapi(root: str = "") -> dict[str, Any]:
    """Return the document; ``root`` is where the application is mounted."""
    statuses = {*_ALWAYS, *_BODY, 404, 409, 412}
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Documents",
            "version": __version__,
            "description": "A JSON tree addressed by path, with live queries. `GET /v1/live` is a "
            'WebSocket: send `{"subscribe": 1, "path": ["users"]}`, or a `query`, with `since` to '
            "go on; each answer is an Event with `of`, the number of the subscription.",
        },
        "servers": [{"url": root or "/"}],
        "security": [{"bearer": []}, {"key": []}, {"montybase": []}],
        "paths": _paths(),
        "components": {
            "schemas": SCHEMAS,
            "responses": {
                str(status): {
                    "description": HTTPStatus(status).phrase,
                    "content": _content("Problem", _PROBLEM),
                }
                for status in sorted(statuses)
            },
            "securitySchemes": {
                "bearer": {"type": "http", "scheme": "bearer", "description": "An API key, mb-..."},
                "key": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
                "montybase": {"type": "apiKey", "in": "header", "name": "apiKey"},
            },
        },
    }
