"""Plain values as MessagePack: the fast way for what most values are made of.

Values of str, int of 64 bits, float, bool, None, bytes, list, tuple, Decimal, datetime, date, time,
UUID, and dicts with names for keys. They come back in the types that they were, and nothing in the
bytes can run code. All else goes the way of ``pickles``.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from msgspec import DecodeError

from dynafile.values.extensions import (
    decode,
    encode,
    pack_array,
    pack_date,
    pack_datetime,
    pack_decimal,
    pack_time,
    pack_uuid,
    zone_key,
)

__all__ = ["NotPlain", "dump", "load"]

_ATOMS: Final = frozenset({str, int, float, bool, type(None), bytes})
_NAMES: Final = frozenset({str})
_TREES: Final = frozenset({dict, list})
_MOST_VALUES: Final = 100_000
"""A walk in Python is cut there: C does the rest faster, and shared parts once."""
_DEEPEST: Final = 100


class NotPlain(Exception):
    """A value that MessagePack would not give back as it was."""


def dump(value: Any) -> bytes:
    """Return a plain value as bytes; raises NotPlain for any other."""
    try:
        if type(value) in _ATOMS or _is_tree(value):
            return encode(value)
        return encode(_packed(value, _DEEPEST, [_MOST_VALUES]))
    except (OverflowError, UnicodeEncodeError):  # an int beyond 64 bits, half a character
        raise NotPlain from None


def load(data: bytes) -> Any:
    """Return the value that ``dump`` made bytes of; ValueError for what it did not make."""
    try:
        return decode(data)
    except DecodeError as error:
        raise ValueError(f"they do not decode: {error}") from None
    except RecursionError:
        raise ValueError("they nest without end") from None
    except (OverflowError, MemoryError) as error:
        raise ValueError(f"they lie about a length: {error}") from None


def _is_tree(value: Any) -> bool:
    """Tell, faster than by packing it, whether a value is some dicts and lists of atoms."""
    if type(value) not in _TREES:
        return False
    parts, count = [value], 0
    for part in parts:
        count += len(part)
        if type(part) is dict:
            for name, each in part.items():
                if type(name) is not str:
                    return False
                if type(each) not in _ATOMS:
                    if type(each) not in _TREES:
                        return False
                    parts.append(each)
        elif not _ATOMS.issuperset(map(type, part)):
            for each in part:
                if type(each) not in _ATOMS:
                    if type(each) not in _TREES:
                        return False
                    parts.append(each)
        if len(parts) > _DEEPEST or count > _MOST_VALUES:
            return False  # it may be deep, be in many places, or in itself
    return True


def _packed(value: Any, levels: int, left: list[int]) -> Any:
    kind = type(value)
    if kind is dict:
        return _packed_dict(value, levels, left)
    if kind is list:
        return _packed_list(value, levels, left)
    if kind is tuple:
        return pack_array(_packed_list(list(value), levels, left))
    pack = _PACKERS.get(kind)
    if pack is None:
        raise NotPlain
    return pack(value)


def _packed_dict(value: dict[Any, Any], levels: int, left: list[int]) -> dict[str, Any]:
    left[0] -= len(value)
    if left[0] < 0 or levels == 0:
        raise NotPlain
    if not _NAMES.issuperset(map(type, value)):
        raise NotPlain
    if _ATOMS.issuperset(map(type, value.values())):
        return value
    packed = value
    for name, each in value.items():
        if type(each) in _ATOMS:
            continue
        part = _packed(each, levels - 1, left)
        if part is not each:
            if packed is value:
                packed = value.copy()
            packed[name] = part
    return packed


def _packed_list(value: list[Any], levels: int, left: list[int]) -> list[Any]:
    left[0] -= len(value)
    if left[0] < 0 or levels == 0:
        raise NotPlain
    if _ATOMS.issuperset(map(type, value)):
        return value
    packed = value
    for place, each in enumerate(value):
        if type(each) in _ATOMS:
            continue
        part = _packed(each, levels - 1, left)
        if part is not each:
            if packed is value:
                packed = value.copy()
            packed[place] = part
    return packed


def _pack_decimal(value: Decimal) -> Any:
    if not value.is_finite():
        raise NotPlain
    return pack_decimal(str(value))


def _pack_datetime(value: datetime) -> Any:
    if value.tzinfo is None or value.tzinfo is UTC or zone_key(value.tzinfo) is not None:
        return pack_datetime(value)
    raise NotPlain


def _pack_time(value: time) -> Any:
    if value.tzinfo is None or value.tzinfo is UTC or zone_key(value.tzinfo) is not None:
        return pack_time(value)
    raise NotPlain


_PACKERS: Final[dict[type, Callable[[Any], Any]]] = {
    Decimal: _pack_decimal,
    datetime: _pack_datetime,
    date: pack_date,
    time: _pack_time,
    UUID: pack_uuid,
}
