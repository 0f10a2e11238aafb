"""Paths of documents in the OpenAPI document, which knows no parameter that has slashes.

So there is a template for each of the first three levels; further down they take turns, as the
document says in words.
"""

from __future__ import annotations

from typing import Any, Final

from dynafile.documents.served.openapi_parts import BODY, answers, body, content, parameter
from dynafile.documents.served.openapi_parts import operation as _operation
from dynafile.documents.served.openapi_schemas import ENTITY_TAG, schema

__all__ = ["document_paths", "query_paths"]

_EVENTS: Final = "text/event-stream"

_TAG: Final = {
    "ETag": {
        "description": "The `lastUpdate` of the document, in quotes.",
        "schema": {"type": "string"},
    }
}
_LOCATION: Final = {
    "Location": {"description": "The address of the document.", "schema": {"type": "string"}}
}
_LAST_EVENT: Final = parameter(
    "Last-Event-ID",
    "header",
    "For events, a Position: go on after this one, as a browser asks by itself.",
)
_KNOWN: Final = parameter("If-None-Match", "header", "The entity tag as it is known: 304.")
_IF_MATCH: Final = parameter(
    "If-Match",
    "header",
    "The entity tag that the document must have; `*`: it must be there.",
    schema={"anyOf": [{"enum": ["*"]}, {"type": "string", "pattern": ENTITY_TAG}]},
)
_IF_NONE_MATCH: Final = parameter(
    "If-None-Match", "header", "`*`: the document must not be there.", schema={"enum": ["*"]}
)
_KEY: Final = parameter("key", "query", "The document of this collection.", schema=schema("Id"))
_PAGE: Final = [
    parameter(
        "limit",
        "query",
        "Documents in a page.",
        schema={"type": "integer", "minimum": 1, "maximum": 1000, "default": 1000},
    ),
    parameter("after", "query", "`next` of the page before.", schema=schema("Id")),
]


def _segment(name: str, description: str, kind: str = "Segment") -> dict[str, Any]:
    return parameter(
        name, "path", f"{description}, percent-encoded.", schema=schema(kind), required=True
    )


_COLLECTION: Final = "The name of a collection"
_DOCUMENT: Final = "The id of a document"
_NAME: Final = "A field of the document, or a collection beneath it"


def _read(name: str, summary: str, said: str, parameters: list[Any], *, tag: bool) -> Any:
    found = answers(
        200,
        "What is there; with `Accept: text/event-stream` it goes on, from `?since=` if that is "
        "given.",
        content(said) | content("EventFrame", _EVENTS),
        404,
        410,
        **({"headers": _TAG} if tag else {}),
    )
    if tag:
        found["304"] = {"description": "The document is as `If-None-Match` says.", "headers": _TAG}
    return _operation(name, summary, found, parameters=[*parameters, _LAST_EVENT])


def _write(name: str, summary: str, takes: str, *parameters: Any) -> Any:
    return _operation(
        name,
        summary,
        answers(200, "It was done.", content("Changed"), *BODY, 404, 409, 412),
        parameters=list(parameters),
        requestBody=body(takes),
    )


def _delete(name: str, summary: str, *parameters: Any) -> Any:
    return _operation(
        name,
        summary,
        answers(
            200, "What was deleted; null: nothing was there.", content("Deleted"), 404, 409, 412
        ),
        parameters=list(parameters),
    )


def _add(name: str, summary: str, *parameters: Any) -> Any:
    return _operation(
        name,
        summary,
        answers(
            201, "It was added.", content("Added"), *BODY, 404, 409, 412, headers=_LOCATION,
            links=_links(),
        ),
        parameters=list(parameters),
        requestBody=body("DocumentValue"),
    )  # fmt: skip


def _links() -> dict[str, Any]:
    """Return what can be done with the document that was added."""
    parameters = {
        "collection": "$request.path.collection",
        "document": "$response.body#/id",
    }
    return {
        name: {"operationId": name, "parameters": parameters}
        for name in ("readDocument", "setDocument", "updateDocument", "deleteDocument")
    }


def document_paths() -> dict[str, Any]:
    """Return the paths of collections, of documents, and of what is in these."""
    tree = _operation("readAll", "Read everything", answers(200, "All.", content("FieldFound")))
    return {
        "/v1/documents": {"get": tree},
        "/v1/documents/{collection}": _collection(),
        "/v1/documents/{collection}/{document}": _document(),
        "/v1/documents/{collection}/{document}/{name}": _beneath(),
    }


def _collection() -> dict[str, Any]:
    only = "Merge fields into its only document, or into that of `key`"
    return {
        "parameters": [_segment("collection", _COLLECTION, "Id")],
        "get": _read("readCollection", "Read a page, or watch", "Listing", _PAGE, tag=False),
        "put": _write("setCollection", "Set all of it to one document", "DocumentValue", _KEY),
        "post": _add("addDocument", "Add a document", _KEY),
        "patch": _write("updateCollection", only, "Update", _KEY),
        "delete": _delete("deleteCollection", "Delete all of it, or that of `key`", _KEY),
    }


def _document() -> dict[str, Any]:
    merge = "Merge fields into a document; names may be paths of fields"
    deleted = "Delete a document, with all that is beneath"
    return {
        "parameters": [
            _segment("collection", _COLLECTION, "Id"),
            _segment("document", _DOCUMENT, "Id"),
        ],
        "get": _read("readDocument", "Read it, or watch it", "Document", [_KNOWN], tag=True),
        "put": _write("setDocument", "Set a document", "DocumentValue", _IF_MATCH, _IF_NONE_MATCH),
        "patch": _write("updateDocument", merge, "Update", _IF_MATCH),
        "delete": _delete("deleteDocument", deleted, _IF_MATCH),
    }


def _beneath() -> dict[str, Any]:
    merge = "Merge fields into an object, or into the only document of a collection"
    add = _add("addBeneath", "Add a document to a collection beneath")
    del add["responses"]["201"]["links"]
    return {
        "parameters": [
            _segment("collection", _COLLECTION),
            _segment("document", _DOCUMENT),
            _segment("name", _NAME),
        ],
        "get": _read("readBeneath", "Read a field or a collection", "Beneath", [], tag=False),
        "put": _write("setBeneath", "Set a field, or all of a collection", "Value"),
        "post": add,
        "patch": _write("updateBeneath", merge, "Update"),
        "delete": _delete("deleteBeneath", "Delete a field or a collection"),
    }


def _verb(name: str, summary: str, takes: str, said: dict[str, Any], *problems: int) -> Any:
    found = answers(200, "What was asked for.", said, *BODY, *problems)
    return {"post": _operation(name, summary, found, requestBody=body(takes))}


def query_paths() -> dict[str, Any]:
    """Return the paths of what is asked by a body."""
    watch = _verb(
        "watch", "Watch a query or a path", "WatchBody", content("EventFrame", _EVENTS), 410
    )
    watch["post"]["parameters"] = [_LAST_EVENT | {"schema": schema("Position")}]
    number = content("AggregateAnswer")
    made = content("BatchAnswer")
    return {
        "/v1/documents:query": _verb(
            "query", "Find documents", "QueryBody", content("QueryAnswer")
        ),
        "/v1/documents:aggregate": _verb(
            "aggregate", "Count, or sum up a field", "AggregateBody", number
        ),
        "/v1/documents:explain": _verb(
            "explain", "Say how a query is executed", "QueryBody", content("Plan")
        ),
        "/v1/documents:batch": _verb(
            "batch", "Make several changes, all or none", "BatchBody", made, 404, 409, 412
        ),
        "/v1/documents:watch": watch,
    }
