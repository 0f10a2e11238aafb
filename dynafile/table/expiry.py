"""Time to live: when an item is expired, and the hidden index that finds those that are."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final

from dynafile.values import NUMBER, decode_key_value, encode_key_value

SWEEP_JUMP_SECONDS: Final = 10 * 365 * 86_400
"""A clock that is this far from the last commit's is not believed by the sweep."""
_START: Final = NUMBER.encode()


def expiry_of(item: Mapping[str, Any], attribute: str) -> int | float | Decimal | None:
    """Return when an item expires, in seconds since 1970; None: never.

    As in DynamoDB only a number counts. Zero, which many programs write for "never", is never.
    """
    value = item.get(attribute)
    if type(value) is int or type(value) is float or type(value) is Decimal:
        return value or None
    return None


def is_expired(item: dict[str, Any], attribute: str, now: float) -> bool:
    """Say whether an item is expired: its time lies before ``now``."""
    value = expiry_of(item, attribute)
    return value is not None and has_passed(value, now)


def has_passed(expiry: float | Decimal, now: float) -> bool:
    """Say whether a time lies before ``now``, as the index by expiry orders the two."""
    if type(expiry) is Decimal:
        # Compared with a float it would count as binary, and raise in contexts that trap that.
        return expiry < Decimal(repr(now))
    return expiry < now


def expiry_key(expiry: float | Decimal, key: bytes) -> bytes:
    """Return the key of an entry in the index by expiry: the time, then the item's key."""
    return encode_key_value(expiry, attribute="ttl", limit=0) + key


def expired_range(now: float) -> tuple[bytes, bytes]:
    """Return the range of the index that holds the items expired at ``now``."""
    return _START, encode_key_value(now, attribute="now", limit=0)


def item_key_of(entry: bytes) -> bytes:
    """Return the key of the item that an entry of the index stands for."""
    return entry[decode_key_value(entry, 0)[1] :]
