"""Bodies of requests: JSON, of a bounded size, within a bounded time."""

from __future__ import annotations

import asyncio
from concurrent.futures import Executor
from typing import Any, Final

from starlette.requests import Request

from dynafile.documents.served.guard import Limits
from dynafile.documents.served.in_threads import called_in
from dynafile.documents.wire_json import read_json
from dynafile.errors import (
    MalformedRequest,
    RequestTimedOut,
    RequestTooLarge,
    UnsupportedMediaType,
)

__all__ = ["json_body", "refuse_body"]

_SMALL: Final = 64 << 10
"""Bytes that are read so fast that nobody else waits for long."""
_JSON: Final = ("application/json", "application/merge-patch+json")


async def json_body(request: Request, limits: Limits, threads: Executor) -> Any:
    """Return what the body of a request says; a large one is read in another thread.

    Raises MalformedRequest, RequestTooLarge, UnsupportedMediaType, RequestTimedOut.
    """
    _check_type(request)
    _check_length(request, limits)
    try:
        async with asyncio.timeout(limits.body_seconds):
            data = await _read(request, limits)
    except TimeoutError:
        raise RequestTimedOut(
            f"the body did not come within {limits.body_seconds:g} seconds: send it again"
        ) from None
    if not data:
        raise MalformedRequest("the request has no body: send JSON")
    if len(data) <= _SMALL:
        return read_json(data, "the body")
    return await called_in(threads, read_json, data, "the body")


async def _read(request: Request, limits: Limits) -> bytes:
    parts, size = [], 0
    async for part in request.stream():
        size += len(part)
        if size > limits.body_bytes:
            raise _too_large(limits)
        parts.append(part)
    return b"".join(parts)


def refuse_body(request: Request) -> None:
    """Raise MalformedRequest for a body where none has a meaning, lest one be overlooked."""
    headers = request.headers
    if headers.get("content-length", "0") != "0" or "transfer-encoding" in headers:
        raise MalformedRequest(
            f"{request.method} has no body here; what matches is deleted by a change in "
            "/v1/documents:batch"
        )


def _check_type(request: Request) -> None:
    kinds = request.headers.getlist("content-type")
    kind, _, parameters = (kinds[0] if kinds else "").partition(";")
    charset = parameters.strip().lower().replace('"', "")
    if len(kinds) != 1 or kind.strip().lower() not in _JSON or charset not in ("", "charset=utf-8"):
        raise UnsupportedMediaType(
            "the body has to be JSON in UTF-8 and say so: Content-Type: application/json"
        )
    if request.headers.get("content-encoding", "identity").lower() != "identity":
        raise UnsupportedMediaType("the body is compressed, and is only taken as it is")


def _check_length(request: Request, limits: Limits) -> None:
    text = request.headers.get("content-length", "0")
    if not text.isascii() or not text.isdigit():
        raise MalformedRequest("Content-Length is no number")
    if int(text[:20]) > limits.body_bytes:
        raise _too_large(limits)


def _too_large(limits: Limits) -> RequestTooLarge:
    return RequestTooLarge(
        f"a body has at most {limits.body_bytes} bytes: send it in parts", limit=limits.body_bytes
    )
