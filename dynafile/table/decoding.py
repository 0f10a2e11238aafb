"""Decoding items, with a memory of those that were read before."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from dynafile.values import decode_item

Known = dict[str, Any] | tuple[dict[str, Any], tuple[str, ...]]
"""A flat item, or an item and the names of its attributes that are flat lists, maps or sets."""

_IMMUTABLE: Final = frozenset(
    {str, int, float, bool, type(None), bytes, Decimal, datetime, date, UUID}
)
_CONTAINERS: Final = frozenset({list, dict, set})
_COST_FACTOR: Final = 4
_COST_ITEM: Final = 400


class ItemDecoder:
    """Turns encoded items into dicts that are the caller's own.

    Equal bytes decode to equal items, so what was decoded once is kept by its bytes and copied:
    nothing has to be invalidated, ever. Kept are items whose containers hold immutable values only,
    which copy fast. The bytes object caches its hash, so a hit costs a fifth of decoding.
    """

    def __init__(self, budget: int) -> None:
        self.known: dict[bytes, Known] = {}
        """Items by their bytes; a reader copies what it finds here, with :func:`copy_known`."""
        self._budget = budget
        self._used = 0

    def decode(self, raw: bytes) -> dict[str, Any]:
        """Return the item, and keep it for the next time."""
        known = self.known.get(raw)
        if known is None:
            item = decode_item(raw)
            known = _keepable(item)
            if known is None:
                return item
            self._used += _COST_FACTOR * len(raw) + _COST_ITEM
            if self._used > self._budget:
                self.known.clear()
                self._used = 0
            self.known[raw] = known
        return known.copy() if isinstance(known, dict) else copy_known(known)

    def decode_once(self, raw: bytes) -> dict[str, Any]:
        """Return the item, and keep it for no next time: it is about to be replaced."""
        known = self.known.get(raw)
        if known is None:
            return decode_item(raw)
        return known.copy() if isinstance(known, dict) else copy_known(known)


def copy_known(known: tuple[dict[str, Any], tuple[str, ...]]) -> dict[str, Any]:
    """Return a copy of an item with containers."""
    item = known[0].copy()
    for name in known[1]:
        item[name] = item[name].copy()
    return item


def _keepable(item: dict[str, Any]) -> Known | None:
    kinds = set(map(type, item.values()))
    if kinds <= _IMMUTABLE:
        return item
    if not kinds <= _IMMUTABLE | _CONTAINERS:
        return None
    names = tuple(name for name, value in item.items() if type(value) in _CONTAINERS)
    for name in names:
        value = item[name]
        inner = value.values() if type(value) is dict else value
        if not set(map(type, inner)) <= _IMMUTABLE:
            return None
    return item, names
