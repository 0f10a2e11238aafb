"""Credentials: the API key and the access token that come with a request."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from msgspec import Struct

from dynafile.errors import NotAuthenticated

__all__ = ["Credentials", "credentials_in"]

_SCHEME: Final = "bearer "
_KEY: Final = "mb-"
_KEY_HEADERS: Final = ("x-api-key", "apikey")


class Credentials(Struct, frozen=True):
    """What came with a request, unchecked; None for what did not come."""

    key: str | None = None
    token: str | None = None

    def __repr__(self) -> str:
        return "Credentials(...)"

    def __bool__(self) -> bool:
        return bool(self.key or self.token)


def credentials_in(headers: Mapping[str, str]) -> Credentials:
    """Return what headers bring, by lower-case name.

    A key stands in ``X-API-Key``, in Montybase's ``apiKey``, or behind ``Authorization: Bearer``,
    where a token may stand too. Raises NotAuthenticated where two keys contradict each other.
    """
    keys = {headers[name] for name in _KEY_HEADERS if name in headers}
    token = None
    authorization = headers.get("authorization", "")
    if authorization[: len(_SCHEME)].lower() == _SCHEME:
        text = authorization[len(_SCHEME) :].strip()
        if text.startswith(_KEY) or not text:
            keys.add(text)
        else:
            token = text
    if len(keys) > 1:
        raise NotAuthenticated("the request has several keys that are not the same: send one")
    return Credentials(keys.pop() if keys else None, token)
