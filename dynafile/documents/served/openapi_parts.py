"""Parts of the OpenAPI document: bodies, parameters, and what every route can answer."""

from __future__ import annotations

from typing import Any, Final

from dynafile.documents.served.openapi_schemas import schema

__all__ = ["ALWAYS", "BODY", "answers", "body", "content", "operation", "parameter"]

ALWAYS: Final = (400, 401, 403, 405, 429, 500, 503)
BODY: Final = (408, 413, 415)
"""What is answered to bodies, where one is taken."""


def content(name: str, kind: str = "application/json") -> dict[str, Any]:
    """Return what a body or an answer of a schema is like."""
    return {kind: {"schema": schema(name)}}


def answers(
    status: int, description: str, said: dict[str, Any] | None, *problems: int, **more: Any
) -> dict[str, Any]:
    """Return the answers of a route: the one that it is asked for, and its problems."""
    found: dict[str, Any] = {str(status): {"description": description, **more}}
    if said is not None:
        found[str(status)]["content"] = said
    for each in sorted({*ALWAYS, *problems}):
        found[str(each)] = {"$ref": f"#/components/responses/{each}"}
    return found


def body(name: str) -> dict[str, Any]:
    """Return the body of a request, which has to be there."""
    return {"required": True, "content": content(name)}


def parameter(name: str, place: str, description: str, **more: Any) -> dict[str, Any]:
    """Return a parameter, which is text unless ``schema`` says something else."""
    kind = more.pop("schema", {"type": "string"})
    return {"name": name, "in": place, "description": description, "schema": kind, **more}


def operation(name: str, summary: str, responses: dict[str, Any], **more: Any) -> dict[str, Any]:
    """Return an operation."""
    return {"operationId": name, "summary": summary, **more, "responses": responses}
