"""Answers: JSON, problems, and the headers that all of them have."""

from __future__ import annotations

from typing import Any, Final

from starlette.responses import Response

from dynafile.documents.wire_json import json_bytes
from dynafile.documents.wire_problems import problem_of, status_of
from dynafile.errors import MethodNotAllowed, TooManyRequests

__all__ = ["SAFE", "json_answer", "problem_answer"]

SAFE: Final = {
    "cache-control": "private, no-cache",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
}

_JSON: Final = "application/json"
_PROBLEM: Final = "application/problem+json"


def json_answer(value: Any, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """Return an answer that has a value as JSON."""
    return Response(json_bytes(value), status, headers=SAFE | (headers or {}), media_type=_JSON)


def problem_answer(error: Exception, instance: str) -> Response:
    """Return the answer that an error is."""
    status = status_of(error)
    headers = dict(SAFE)
    if status == 401:
        headers["www-authenticate"] = 'Bearer realm="documents"'
    if isinstance(error, TooManyRequests):
        headers["retry-after"] = str(error.retry_after)
    if isinstance(error, MethodNotAllowed):
        headers["allow"] = ", ".join(error.allowed)
    if status in (408, 413):
        headers["connection"] = "close"  # what of the body was not read is not waited for
    return Response(
        json_bytes(problem_of(error, instance)), status, headers=headers, media_type=_PROBLEM
    )
