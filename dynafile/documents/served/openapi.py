"""The OpenAPI document: every route, what it takes, and all that it can answer."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any, Final

from dynafile import __version__
from dynafile.documents.served.openapi_auth import AUTH_SCHEMAS, AUTH_SCHEMES, auth_paths
from dynafile.documents.served.openapi_parts import ALWAYS, BODY, content, operation
from dynafile.documents.served.openapi_paths import document_paths, query_paths
from dynafile.documents.served.openapi_schemas import SCHEMAS

__all__ = ["openapi"]

_DESCRIPTION: Final = (
    "A JSON tree addressed by path, with live queries. Collections and documents take turns in a "
    "path, `/v1/documents/users/ann/posts/p1`, as deep as one likes: what is here for a collection "
    "and its documents is there for those beneath, and what a document has a field for is that "
    "field. Segments are percent-encoded; a slash in a segment, `.` and `..` are refused. `GET "
    '/v1/live` is a WebSocket: send `{"subscribe": 1, "path": ["users"]}`, or a `query`, with '
    "`since` to go on; each answer is an Event with `of`, the number of the subscription. A change "
    "that may come twice is made once with two headers, `Idempotency-Key` and `Request-Time`."
)
_SCHEMES: Final = {
    "bearer": {"type": "http", "scheme": "bearer", "description": "An API key, mb-..."},
    "key": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
    "montybase": {"type": "apiKey", "in": "header", "name": "apiKey"},
}


def _health() -> dict[str, Any]:
    said = {"type": "object", "required": ["status"], "properties": {"status": {"type": "string"}}}
    return operation(
        "health",
        "Say that it runs",
        {
            "200": {
                "description": "It runs.",
                "content": {"application/json": {"schema": said}},
            },
            "400": {"$ref": "#/components/responses/400"},
            "403": {"$ref": "#/components/responses/403"},
            "405": {"$ref": "#/components/responses/405"},
        },
        security=[],
    )


def openapi(root: str = "", *, anybody: bool = False) -> dict[str, Any]:
    """Return the document.

    :param root: where the application is mounted.
    :param anybody: whether who has no key is admitted.
    """
    statuses = {*ALWAYS, *BODY, 404, 409, 410, 412}
    security: list[dict[str, list[str]]] = [{name: []} for name in _SCHEMES]
    return {
        "openapi": "3.1.0",
        "info": {"title": "Documents", "version": __version__, "description": _DESCRIPTION},
        "servers": [{"url": root or "/"}],
        "security": [{}, *security] if anybody else security,
        "paths": document_paths()
        | query_paths()
        | auth_paths()
        | {"/v1/health": {"get": _health()}},
        "components": {
            "schemas": SCHEMAS | AUTH_SCHEMAS,
            "responses": {
                str(status): {
                    "description": HTTPStatus(status).phrase,
                    "content": content("Problem", "application/problem+json"),
                }
                for status in sorted(statuses)
            },
            "securitySchemes": _SCHEMES | AUTH_SCHEMES,
        },
    }
