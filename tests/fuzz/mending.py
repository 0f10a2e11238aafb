"""Checksums made right again, as somebody who forges a file would: else no fuzzer gets past them."""

from __future__ import annotations

import json
import struct

from xxhash import xxh3_64_hexdigest, xxh3_64_intdigest

from dynafile.store.format import (
    FRAME_BYTES,
    OPERATION_HEADER_BYTES,
    RECORD_HEADER_BYTES,
    RECORD_MAGIC,
    SEGMENT_HEADER_BYTES,
    SNAPSHOT_FIXED_BYTES,
    SNAPSHOT_HEADER_OFFSET,
)

_U32 = struct.Struct("<I")
_U64 = struct.Struct("<Q")


def mended(name: str, data: bytes) -> bytes:
    """Return the content of a file with right checksums, if it has the form of one at all."""
    if name == "meta.json":
        return meta(data)
    if name == "checkpoint":
        return checkpoint(data)
    if name.endswith(".log"):
        return segment(data)
    return snapshot(data) if name.endswith("data.pickle") else data


def meta(data: bytes) -> bytes:
    """Give ``meta.json`` the checksum of what it says."""
    try:
        value = json.loads(data)
        if not isinstance(value, dict):
            return data
        value.pop("checksum", None)
        said = json.dumps(value, sort_keys=True, separators=(",", ":")).encode()
        return json.dumps({**value, "checksum": xxh3_64_hexdigest(said)}).encode()
    except (ValueError, RecursionError):
        return data


def checkpoint(data: bytes) -> bytes:
    """Give a checkpoint its length and its checksum."""
    head = data[:72].ljust(72, b"\0")
    return head + _U64.pack(xxh3_64_intdigest(head))


def segment(data: bytes) -> bytes:
    """Give a segment's header and the records after it their checksums, lengths and LSNs."""
    if len(data) < SEGMENT_HEADER_BYTES:
        return data
    head = data[: SEGMENT_HEADER_BYTES - 8]
    (base,) = _U64.unpack_from(head, 32)
    return head + _U64.pack(xxh3_64_intdigest(head)) + records(data[SEGMENT_HEADER_BYTES:], base)


def records(data: bytes, lsn: int) -> bytes:
    """Make records of what may be some: frames, LSNs and numbers of operations."""
    out = bytearray()
    at = 0
    while len(data) - at > RECORD_HEADER_BYTES and data[at : at + 4].strip(b"\0"):
        (length,) = _U32.unpack_from(data, at + 4)
        stop = min(at + FRAME_BYTES + max(length, 32), len(data))
        body = bytearray(data[at + FRAME_BYTES : stop])
        body[:8] = _U64.pack((lsn + len(out)) % 2**64)
        body[28:32] = _U32.pack(_operations(body))
        out += RECORD_MAGIC + _U32.pack(len(body)) + _U64.pack(xxh3_64_intdigest(bytes(body)))
        out += body
        at = stop
    return bytes(out) + data[at:]


def _operations(body: bytearray) -> int:
    """Count operations, and cut the last one's lengths to what there is."""
    at, count = RECORD_HEADER_BYTES - FRAME_BYTES, 0
    while len(body) - at >= OPERATION_HEADER_BYTES:
        key, value = struct.unpack_from("<II", body, at + 5)
        room = len(body) - at - OPERATION_HEADER_BYTES
        key = min(key, room)
        value = min(value, room - key)
        struct.pack_into("<II", body, at + 5, key, value)
        at += OPERATION_HEADER_BYTES + key + value
        count += 1
    if len(body) > at:
        del body[at:]
    return count


def snapshot(data: bytes) -> bytes:
    """Give a snapshot's header the length and checksum of its pickle, and its own."""
    if len(data) < SNAPSHOT_HEADER_OFFSET + SNAPSHOT_FIXED_BYTES:
        return data
    head = bytearray(data[SNAPSHOT_HEADER_OFFSET : SNAPSHOT_HEADER_OFFSET + SNAPSHOT_FIXED_BYTES])
    n, m = struct.unpack_from("<HH", head, SNAPSHOT_FIXED_BYTES - 4)
    keys_end = SNAPSHOT_HEADER_OFFSET + SNAPSHOT_FIXED_BYTES + n + m
    payload = data[keys_end + 9 :]
    struct.pack_into("<QQ", head, 56, len(payload), xxh3_64_intdigest(payload))
    head += data[SNAPSHOT_HEADER_OFFSET + SNAPSHOT_FIXED_BYTES : keys_end]
    head += _U64.pack(xxh3_64_intdigest(bytes(head)))
    return data[:3] + _U32.pack(len(head)) + bytes(head) + b"0" + payload
