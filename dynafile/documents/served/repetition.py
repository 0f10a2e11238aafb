"""Requests that may come twice: what their headers say of it."""

from __future__ import annotations

import re
from typing import Final

from msgspec import Struct
from starlette.datastructures import Headers

from dynafile.errors import MalformedRequest

__all__ = ["IDEMPOTENCY_KEY", "REQUEST_TIME", "Once", "once_of"]

IDEMPOTENCY_KEY: Final = "Idempotency-Key"
REQUEST_TIME: Final = "Request-Time"

_ID: Final = re.compile(r"[A-Za-z0-9_-]{16,64}")
_SECONDS: Final = re.compile(r"\d{1,12}(\.\d{1,6})?", re.ASCII)


class Once(Struct, frozen=True):
    """A request that is to be made once: its id, and when it was made."""

    id: str
    sent: float


def once_of(headers: Headers) -> Once | None:
    """Return what a change says of its repetition; None: nothing. Raises MalformedRequest."""
    request_id, sent = headers.get(IDEMPOTENCY_KEY), headers.get(REQUEST_TIME)
    if request_id is None and sent is None:
        return None
    if request_id is None or _ID.fullmatch(request_id) is None:
        raise MalformedRequest(
            f"{IDEMPOTENCY_KEY} has 16 to 64 characters of A-Z, a-z, 0-9, _ and -, made up anew "
            "for each change"
        )
    if sent is None or _SECONDS.fullmatch(sent) is None:
        raise MalformedRequest(
            f"beside {IDEMPOTENCY_KEY}, {REQUEST_TIME} says when the change was first sent: "
            "seconds since 1970"
        )
    return Once(request_id, float(sent))
