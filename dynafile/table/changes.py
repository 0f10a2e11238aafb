"""Changes: what a commit notes of an item for those who read the table's stream."""

from __future__ import annotations

from typing import Any, Final
from zlib import adler32

from dynafile.values import decode_item

INSERT: Final = 1
MODIFY: Final = 2
REMOVE: Final = 3
KIND: Final = 3
"""The bits that say which of the three."""
EXPIRED: Final = 4
"""It was removed because its time had come."""
NEW: Final = 16
"""The item as it is now belongs to the record; it is the value of the PUT before."""
OLD: Final = 32
"""The item as it was belongs to the record, and follows."""
VIEWS: Final = {
    "KEYS_ONLY": 0,
    "NEW_IMAGE": NEW,
    "OLD_IMAGE": OLD,
    "NEW_AND_OLD_IMAGES": NEW | OLD,
}
_MARKS: Final = tuple(bytes((number,)) for number in range(64))


def change_note(
    view: int, new: bytes | None, old: bytes | None, *, expired: bool = False
) -> bytes | None:
    """Return the value of a CHANGE operation, None where nothing has changed.

    ``new`` and ``old`` are encoded items. The first byte says what happened and what the record
    shows; the old item follows where it shows that.
    """
    if new is None:
        if old is None:
            return None
        mark = _MARKS[REMOVE | view | (EXPIRED if expired else 0)]
    elif old is None:
        return _MARKS[INSERT | view]
    elif is_same(new, old):
        return None
    else:
        mark = _MARKS[MODIFY | view]
    return mark + old if view & OLD else mark


def is_same(one: bytes, other: bytes) -> bool:
    """Say whether two encoded items are equal, whatever the order of their attributes."""
    if one == other:
        return True
    # The lower half of Adler-32 is the sum of the bytes, which their order does not change: hardly
    # an item that has changed gets past it.
    if len(one) != len(other) or (adler32(one) ^ adler32(other)) & 0xFFFF:
        return False
    return _are_same(decode_item(one), decode_item(other))


def _are_same(one: Any, other: Any) -> bool:
    if type(one) is not type(other):
        return False
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(_are_same(one[key], other[key]) for key in one)
    if isinstance(one, (list, tuple)):
        return len(one) == len(other) and all(map(_are_same, one, other))
    return bool(one == other)
