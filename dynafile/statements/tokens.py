"""Tokens: where the next page of a statement begins, for that statement alone."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from typing import Any, Final

from msgspec import Struct
from xxhash import xxh3_128

from dynafile.errors import CorruptFile, ValidationError
from dynafile.expressions.literals import take_stored
from dynafile.transact import in_order
from dynafile.values import decode_item, encode_item

_DIGEST: Final = 16


class Place(Struct, frozen=True):
    """Where a page begins: in which partition of several, and after which key; None: at first."""

    partition: int
    key: dict[str, Any] | None


def digest_of(statement: str, parameters: Sequence[Any]) -> bytes:
    """Return what two requests have in common only if they ask for the same."""
    taken = [in_order(take_stored(parameter)) for parameter in parameters]
    digest = xxh3_128(statement.encode("utf-8", "surrogatepass"))
    digest.update(b"\0" + encode_item({"parameters": taken}))
    return digest.digest()


def token_of(place: Place, request: bytes) -> str:
    """Return the token of a place; ``request`` is the digest of what it is for."""
    raw = encode_item({"partition": place.partition, "key": place.key})
    check = xxh3_128(request + raw).digest()
    return base64.urlsafe_b64encode(check + raw).decode()


def place_of(token: object, request: bytes) -> Place:
    """Return the place of a token. Raises ValidationError for one of another request, or none."""
    if not isinstance(token, str):
        raise ValidationError(f"next_token is a str, not {token!r}")
    try:
        raw = base64.urlsafe_b64decode(token.encode())
        if xxh3_128(request + raw[_DIGEST:]).digest() == raw[:_DIGEST]:
            stored = decode_item(raw[_DIGEST:])
            return Place(stored["partition"], stored["key"])
    except (binascii.Error, UnicodeEncodeError, CorruptFile, KeyError):
        pass
    raise wrong_token()


def wrong_token() -> ValidationError:
    """Return the error for a token that is of no use here."""
    return ValidationError(
        "NextToken does not match request: it is the next_token of this statement, with these "
        "parameters, and of no other"
    )
