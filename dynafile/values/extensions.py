"""Types that MessagePack lacks, as its extension types; and back.

=====  ==============  ===================================================================
code   type            payload
=====  ==============  ===================================================================
1      Decimal         its text, ASCII: every digit and the exponent are kept
2      int             one beyond 64 bits: two's complement, big-endian
3      tuple           a MessagePack array
4      set             a MessagePack array of strings, of numbers, or of binaries; sorted,
                       numbers by their text
5      frozenset       likewise
6      datetime        ISO 8601, then ``[zone key]`` if it has one, then ``[fold=1]`` if it has
7      date            ISO 8601
8      time            like datetime
9      UUID            its 16 bytes
=====  ==============  ===================================================================

The packers trust what they are given: ``validation`` has looked at it. The unpackers trust
nothing, run no code that the bytes name, and raise ``ValueError``.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterable
from datetime import date, datetime, time, tzinfo
from decimal import Decimal, InvalidOperation
from typing import Any, cast
from uuid import UUID

from msgspec.msgpack import Decoder, Encoder, Ext

from dynafile.errors import MissingExtra

__all__ = [
    "encode",
    "pack_array",
    "pack_big_int",
    "pack_date",
    "pack_datetime",
    "pack_decimal",
    "pack_set",
    "pack_time",
    "pack_uuid",
    "unpack",
    "zone_key",
]

DECIMAL, BIG_INT, TUPLE, SET, FROZENSET, DATETIME, DATE, TIME, UUID_ = range(1, 10)

# The largest valid number is below 2 ** 419, so that 53 bytes hold it and its sign.
_MAX_INT_BYTES = 53
# What the names of the tz database are made of: a key from a stranger's bytes cannot become
# a path, or the name of a module, outside of it.
_ZONE_KEY = re.compile(r"[A-Za-z0-9_+-]+(?:/[A-Za-z0-9_+-]+)*")
_TIMESTAMP = re.compile(r"([^\[\]]*)(?:\[([^\[\]=]+)\])?(\[fold=1\])?")

encode = Encoder().encode


def pack_decimal(text: str) -> Ext:
    """Pack a Decimal, given as its text."""
    return Ext(DECIMAL, text.encode())


def pack_big_int(value: int) -> Ext:
    """Pack an int that 64 bits do not hold."""
    return Ext(BIG_INT, value.to_bytes(value.bit_length() // 8 + 1, "big", signed=True))


def pack_array(value: list[Any] | tuple[Any, ...]) -> Ext:
    """Pack the members of a tuple, which are packed already."""
    return Ext(TUPLE, encode(value))


def pack_set(members: Iterable[Any], *, frozen: bool) -> Ext:
    """Pack the members of a set, which are packed and in order already."""
    return Ext(FROZENSET if frozen else SET, encode(members))


def pack_datetime(value: datetime) -> Ext:
    """Pack a datetime. A ZoneInfo keeps its key; any other tzinfo keeps its offset."""
    return Ext(DATETIME, _zoned(value))


def pack_date(value: date) -> Ext:
    """Pack a date."""
    return Ext(DATE, value.isoformat().encode())


def pack_time(value: time) -> Ext:
    """Pack a time of day. A ZoneInfo keeps its key; any other tzinfo keeps its offset."""
    return Ext(TIME, _zoned(value))


def pack_uuid(value: UUID) -> Ext:
    """Pack a UUID."""
    return Ext(UUID_, value.bytes)


def zone_key(zone: object) -> str | None:
    """Return the key of a ZoneInfo; None for one without a key and for any other tzinfo."""
    # zoneinfo takes milliseconds to import, and no tzinfo is of it before somebody has.
    zoneinfo = sys.modules.get("zoneinfo") if zone is not None else None
    if zoneinfo is None or type(zone) is not zoneinfo.ZoneInfo:
        return None
    return cast("str | None", zone.key)  # type: ignore[attr-defined]


def unpack(code: int, data: memoryview) -> Any:
    """Return the value of an extension type: the hook of a msgspec decoder.

    Raises ``ValueError`` if the code or the payload is none of ours, and ``MissingExtra``
    for a time zone that this machine does not know.
    """
    unpacker = _UNPACKERS.get(code)
    if unpacker is None:
        raise ValueError(f"extension type {code} is none of Dynafile's")
    return unpacker(data)


decode = Decoder(ext_hook=unpack).decode


def _zoned(value: datetime | time) -> bytes:
    text = value.isoformat()
    key = zone_key(value.tzinfo)
    if key is not None:
        text = f"{text}[{key}]"
    # Neither equality nor ISO 8601 shows the fold, but the second 02:30 of a night is another
    # moment than the first.
    return f"{text}[fold=1]".encode() if value.fold else text.encode()


def _zone(key: str) -> tzinfo:
    from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

    if _ZONE_KEY.fullmatch(key) is None:
        raise ValueError(f"{key!r} is not the name of a time zone")
    try:
        return ZoneInfo(key)
    except (ZoneInfoNotFoundError, OSError):  # OSError: a folder of zones
        message = f"the time zone {key!r} is not known on this machine; pip install tzdata"
        raise MissingExtra(message, extra="tzdata") from None


def _parts(data: memoryview) -> tuple[str, dict[str, Any]]:
    match = _TIMESTAMP.fullmatch(str(data, "ascii"))
    if match is None:
        raise ValueError("a date and time that does not parse")
    text, key, fold = match.groups()
    changes: dict[str, Any] = {}
    if key:
        changes["tzinfo"] = _zone(key)
    if fold:
        changes["fold"] = 1
    return text, changes


def _unpack_datetime(data: memoryview) -> datetime:
    text, changes = _parts(data)
    value = datetime.fromisoformat(text)
    return value.replace(**changes) if changes else value


def _unpack_time(data: memoryview) -> time:
    text, changes = _parts(data)
    value = time.fromisoformat(text)
    return value.replace(**changes) if changes else value


def _unpack_date(data: memoryview) -> date:
    return date.fromisoformat(str(data, "ascii"))


def _unpack_decimal(data: memoryview) -> Decimal:
    try:
        value = Decimal(str(data, "ascii"))
    except InvalidOperation:
        raise ValueError("a Decimal that does not parse") from None
    if not value.is_finite():
        raise ValueError("a Decimal that is not finite")
    return value


def _unpack_big_int(data: memoryview) -> int:
    if len(data) > _MAX_INT_BYTES:
        raise ValueError(f"an int of {len(data)} bytes, over {_MAX_INT_BYTES}")
    return int.from_bytes(data, "big", signed=True)


def _unpack_array(data: memoryview) -> list[Any]:
    members = decode(data)
    if type(members) is not list:
        raise ValueError("a tuple or set that is not an array")
    return members


def _unpack_tuple(data: memoryview) -> tuple[Any, ...]:
    return tuple(_unpack_array(data))


def _unpack_members(data: memoryview) -> list[Any]:
    members = _unpack_array(data)
    kinds = {*map(type, members)}
    if not kinds or not (kinds == {str} or kinds == {bytes} or kinds <= {int, float, Decimal}):
        raise ValueError("a set that is not one of strings, of numbers, or of binaries")
    return members


def _unpack_set(data: memoryview) -> set[Any]:
    return set(_unpack_members(data))


def _unpack_frozenset(data: memoryview) -> frozenset[Any]:
    return frozenset(_unpack_members(data))


def _unpack_uuid(data: memoryview) -> UUID:
    return UUID(bytes=bytes(data))


_UNPACKERS: dict[int, Callable[[memoryview], Any]] = {
    DECIMAL: _unpack_decimal,
    BIG_INT: _unpack_big_int,
    TUPLE: _unpack_tuple,
    SET: _unpack_set,
    FROZENSET: _unpack_frozenset,
    DATETIME: _unpack_datetime,
    DATE: _unpack_date,
    TIME: _unpack_time,
    UUID_: _unpack_uuid,
}
