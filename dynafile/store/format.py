"""The bytes of the store: headers, checksums and frames, as functions of bytes alone.

``docs/format.md`` gives the grammar, a byte table and a worked example of each kind of file; a test
decodes those examples with this module. All integers are little-endian; all checksums are XXH3, 64
bits.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

from xxhash import xxh3_64_intdigest

from dynafile.errors import CorruptFile, NewerFormat

FORMAT_VERSION: Final = 1
FIRST_LSN: Final = 1
"""The LSN of the first record of a store; partition ids are LSNs, and 0 means "no directory"."""

# Kinds of operations. Those below STRUCTURE change what a reader sees; the others only say where it
# is kept.
PUT: Final = 1
DELETE: Final = 2
CLEAR: Final = 3
SCHEMA: Final = 4
CHANGE: Final = 5
"""Says how a key was changed, for who reads the journal as a stream; the state ignores it."""
STRUCTURE: Final = 16
FOLD: Final = 16
REPLACE: Final = 17
CHECKPOINT: Final = 18
ROTATE: Final = 19

Operation = tuple[int, int, bytes, bytes]
"""(kind, keyspace id, key, value): key and value are empty where the kind has none."""

# -- journal segments ---------------------------------------------------------------------------

_SEGMENT = struct.Struct("<8sHHI16sQQQ")
SEGMENT_HEADER_BYTES: Final = 64
SEGMENT_MAGIC: Final = b"DYNAJRNL"
assert _SEGMENT.size + 8 == SEGMENT_HEADER_BYTES

_CHECKSUM = struct.Struct("<Q")


def encode_segment_header(store_id: bytes, base: int) -> bytes:
    """Return the 64 bytes that begin a journal segment whose first record has the LSN ``base``."""
    head = _SEGMENT.pack(SEGMENT_MAGIC, FORMAT_VERSION, 0, 0, store_id, base, 0, 0)
    return head + _CHECKSUM.pack(xxh3_64_intdigest(head))


def check_segment_header(data: bytes, store_id: bytes, base: int, path: str) -> None:
    """Raise :class:`CorruptFile` unless ``data`` begins with the header of that segment."""
    head = data[: _SEGMENT.size]
    if len(data) < SEGMENT_HEADER_BYTES:
        raise _corrupt(path, len(data), "the header of the journal segment is cut off")
    magic, version, _, _, found_id, found_base, _, _ = _SEGMENT.unpack(head)
    if magic != SEGMENT_MAGIC:
        raise _corrupt(path, 0, "this is not a journal segment")
    if xxh3_64_intdigest(head) != _CHECKSUM.unpack_from(data, _SEGMENT.size)[0]:
        raise _corrupt(path, 0, "the header's checksum does not match")
    check_version(version, path)
    if found_id != store_id:
        raise _corrupt(path, 16, "the segment belongs to another store")
    if found_base != base:
        raise _corrupt(path, 32, "the segment has another segment's name")


# -- journal records ----------------------------------------------------------------------------

RECORD_MAGIC: Final = b"DJR1"
_FRAME = struct.Struct("<4sIQ")  # magic, bytes after the frame, checksum of those bytes
_RECORD = struct.Struct("<QQQII")  # lsn, synced lsn, commit time, schema version, operations
_OPERATION = struct.Struct("<BIII")  # kind, keyspace, key length, value length
FRAME_BYTES: Final = 16
RECORD_HEADER_BYTES: Final = 48
RECORD_TIME_OFFSET: Final = 32
OPERATION_HEADER_BYTES: Final = 13
MAX_RECORD_BYTES: Final = (1 << 31) - 1
assert _FRAME.size == FRAME_BYTES
assert _FRAME.size + _RECORD.size == RECORD_HEADER_BYTES
ROTATE_BYTES: Final = RECORD_HEADER_BYTES + OPERATION_HEADER_BYTES + 8
assert _OPERATION.size == OPERATION_HEADER_BYTES


class Record(NamedTuple):
    """One commit, as it stands in the journal."""

    lsn: int
    synced: int
    """The journal was known to be on disk up to this LSN when the record was written."""
    time: int
    """Microseconds since 1970; never decreases along the journal."""
    schema: int
    operations: list[Operation]
    end: int
    """The LSN of the next record."""


_unpack_head = struct.Struct("<4sIQQQQII").unpack_from  # the frame and the record
_pack_frame = _FRAME.pack
_pack_record = _RECORD.pack
_pack_operation = _OPERATION.pack
_pack_single = struct.Struct("<QQQIIBIII").pack  # a record of one operation, up to its key


def encode_record(
    lsn: int, synced: int, time: int, schema: int, operations: list[Operation]
) -> bytes:
    """Return the bytes of one commit."""
    if len(operations) == 1:
        kind, keyspace, key, value = operations[0]
        body = (
            _pack_single(lsn, synced, time, schema, 1, kind, keyspace, len(key), len(value))
            + key
            + value
        )
        return _pack_frame(RECORD_MAGIC, len(body), xxh3_64_intdigest(body)) + body
    parts = [_pack_record(lsn, synced, time, schema, len(operations))]
    for kind, keyspace, key, value in operations:
        parts.append(_pack_operation(kind, keyspace, len(key), len(value)))
        parts.append(key)
        parts.append(value)
    body = b"".join(parts)
    return _pack_frame(RECORD_MAGIC, len(body), xxh3_64_intdigest(body)) + body


def decode_record(data: bytes, offset: int, lsn: int) -> Record | None:
    """Return the record at ``offset``, or None where there is no whole one with this LSN."""
    if offset + RECORD_HEADER_BYTES > len(data):
        return None
    magic, length, checksum, found, synced, time, schema, count = _unpack_head(data, offset)
    body = offset + FRAME_BYTES
    stop = body + length
    if magic != RECORD_MAGIC or found != lsn or length < _RECORD.size or stop > len(data):
        return None
    if xxh3_64_intdigest(data[body:stop]) != checksum:
        return None
    operations: list[Operation] = []
    at = offset + RECORD_HEADER_BYTES
    unpack = _OPERATION.unpack_from
    for _ in range(count):
        if at + OPERATION_HEADER_BYTES > stop:
            return None
        kind, keyspace, key_length, value_length = unpack(data, at)
        at += OPERATION_HEADER_BYTES
        middle = at + key_length
        last = middle + value_length
        if last > stop:
            return None
        operations.append((kind, keyspace, data[at:middle], data[middle:last]))
        at = last
    if at != stop:
        return None
    return Record(lsn, synced, time, schema, operations, lsn + FRAME_BYTES + length)


def next_record_after(data: bytes, offset: int, base: int) -> tuple[int, int] | None:
    """Look for a whole record behind a damaged place.

    ``base`` is the LSN that offset 0 of ``data`` would have. Returns the offset of the first whole
    record past ``offset`` and the LSN through which the journal was synced when it was written.
    """
    while True:
        offset = data.find(RECORD_MAGIC, offset + 1)
        if offset < 0:
            return None
        record = decode_record(data, offset, base + offset)
        if record is not None:
            return offset, record.synced


# -- the bodies of structural operations --------------------------------------------------------

_PIECE = struct.Struct("<QQBH")


class Piece(NamedTuple):
    """A partition that a REPLACE operation creates."""

    id: int
    lsn: int
    """That of its snapshot, which holds everything before it; 0 where it has none."""
    folded: bool
    """Whether its snapshot holds everything up to the record, or all but what stays pending."""
    begin: bytes


def encode_pieces(pieces: Iterable[Piece]) -> bytes:
    """Return the value of a REPLACE operation: the partitions that come."""
    return b"".join(_PIECE.pack(p.id, p.lsn, p.folded, len(p.begin)) + p.begin for p in pieces)


def decode_pieces(data: bytes) -> list[Piece]:
    """Read what :func:`encode_pieces` wrote; raises ValueError and struct.error for else."""
    pieces: list[Piece] = []
    at = 0
    while at < len(data):
        number, lsn, folded, length = _PIECE.unpack_from(data, at)
        at += _PIECE.size
        pieces.append(Piece(number, lsn, bool(folded), data[at : at + length]))
        at += length
    if at > len(data):
        raise ValueError("the last partition is cut off")
    return pieces


def encode_numbers(numbers: Iterable[int]) -> bytes:
    """Return the key of a structural operation: partition ids, or an LSN."""
    return b"".join(map(_CHECKSUM.pack, numbers))


def decode_numbers(data: bytes) -> list[int]:
    """Read what :func:`encode_numbers` wrote."""
    return [number for (number,) in _CHECKSUM.iter_unpack(data)]


# -- snapshots ----------------------------------------------------------------------------------

# A snapshot is one pickle from its first byte to its last: PROTO 5, our header as a BINBYTES that
# is popped again, and the SortedDict. Rejected: a header in front, which pickle.load could not
# skip.
SNAPSHOT_PREFIX: Final = b"\x80\x05B"
SNAPSHOT_MAGIC: Final = b"DYNASNAP"
_LENGTH = struct.Struct("<I")
_SNAPSHOT = struct.Struct("<8sHBBI16sQQQQQHH")
SNAPSHOT_FIXED_BYTES: Final = 76
SNAPSHOT_HEADER_OFFSET: Final = 7
MAX_SNAPSHOT_HEADER_BYTES: Final = SNAPSHOT_FIXED_BYTES + 2 * 0xFFFF + 8
assert _SNAPSHOT.size == SNAPSHOT_FIXED_BYTES
assert len(SNAPSHOT_PREFIX) + _LENGTH.size == SNAPSHOT_HEADER_OFFSET


class SnapshotHeader(NamedTuple):
    """What a snapshot says of itself."""

    keyspace: int
    id: int
    lsn: int
    """Every operation before this LSN that falls in the range is in the snapshot."""
    entries: int
    payload_length: int
    payload_checksum: int
    begin: bytes
    end: bytes | None
    """The first key past the range; None: the range has no end."""


def encode_snapshot(store_id: bytes, header: SnapshotHeader, payload: bytes) -> bytes:
    """Return a snapshot file: the header, then the pickled SortedDict ``payload``."""
    end = header.end or b""
    head = _SNAPSHOT.pack(
        SNAPSHOT_MAGIC,
        FORMAT_VERSION,
        header.end is not None,
        0,
        header.keyspace,
        store_id,
        header.id,
        header.lsn,
        header.entries,
        len(payload),
        xxh3_64_intdigest(payload),
        len(header.begin),
        len(end),
    )
    head += header.begin + end
    head += _CHECKSUM.pack(xxh3_64_intdigest(head))
    return b"".join((SNAPSHOT_PREFIX, _LENGTH.pack(len(head)), head, b"0", payload))


def decode_snapshot_header(data: bytes, store_id: bytes, path: str) -> tuple[SnapshotHeader, int]:
    """Return the header at the beginning of ``data`` and the offset of the payload.

    ``data`` may be the beginning of the file only, as long as it holds the header.
    Raises CorruptFile and NewerFormat.
    """
    fixed = SNAPSHOT_HEADER_OFFSET + SNAPSHOT_FIXED_BYTES
    if len(data) < fixed or data[:3] != SNAPSHOT_PREFIX:
        raise _corrupt(path, 0, "this is not a snapshot of Dynafile, or it is cut off")
    (length,) = _LENGTH.unpack_from(data, 3)
    payload = SNAPSHOT_HEADER_OFFSET + length + 1
    if not SNAPSHOT_FIXED_BYTES + 8 <= length <= MAX_SNAPSHOT_HEADER_BYTES or len(data) < payload:
        raise _corrupt(path, 3, "the length of the snapshot's header is wrong")
    head = data[SNAPSHOT_HEADER_OFFSET : payload - 1]
    values = _SNAPSHOT.unpack_from(head)
    if values[0] != SNAPSHOT_MAGIC:
        raise _corrupt(path, SNAPSHOT_HEADER_OFFSET, "this is not a snapshot of Dynafile")
    if xxh3_64_intdigest(head[:-8]) != _CHECKSUM.unpack_from(head, length - 8)[0]:
        raise _corrupt(path, SNAPSHOT_HEADER_OFFSET, "the header's checksum does not match")
    check_version(values[1], path)
    has_end, _, keyspace, found_id, number, lsn, count, size, checksum, n, m = values[2:]
    if found_id != store_id:
        raise _corrupt(path, SNAPSHOT_HEADER_OFFSET + 16, "the snapshot is of another store")
    if SNAPSHOT_FIXED_BYTES + n + m + 8 != length or data[payload - 1 : payload] != b"0":
        raise _corrupt(path, 3, "the lengths in the snapshot's header do not add up")
    keys = head[SNAPSHOT_FIXED_BYTES:-8]
    end = keys[n:] if has_end else None
    return SnapshotHeader(keyspace, number, lsn, count, size, checksum, keys[:n], end), payload


def snapshot_header_bytes(data: bytes) -> int:
    """Return how many bytes of a snapshot hold its header, as its length field says; bounded."""
    (length,) = _LENGTH.unpack_from(data, 3)
    return SNAPSHOT_HEADER_OFFSET + min(int(length), MAX_SNAPSHOT_HEADER_BYTES) + 1


def snapshot_header_length(header: SnapshotHeader) -> int:
    """Return how many bytes of a snapshot come before its payload."""
    keys = len(header.begin) + len(header.end or b"")
    return SNAPSHOT_HEADER_OFFSET + SNAPSHOT_FIXED_BYTES + keys + _CHECKSUM.size + 1


def check_snapshot_payload(header: SnapshotHeader, payload: bytes, offset: int, path: str) -> None:
    """Raise :class:`CorruptFile` unless the payload has the header's length and checksum."""
    if len(payload) != header.payload_length:
        where = offset + min(len(payload), header.payload_length)
        raise _corrupt(path, where, "the snapshot does not have the length its header says")
    if xxh3_64_intdigest(payload) != header.payload_checksum:
        raise _corrupt(path, offset, "the snapshot's checksum does not match")


# -- the checkpoint -----------------------------------------------------------------------------

_CHECKPOINT = struct.Struct("<8sHHI16sQQQQQ")
CHECKPOINT_MAGIC: Final = b"DYNACKPT"
CHECKPOINT_BYTES: Final = 80
assert _CHECKPOINT.size + 8 == CHECKPOINT_BYTES


class Checkpoint(NamedTuple):
    """Where replay starts."""

    lsn: int
    """Everything before this LSN is in the snapshots."""
    segment: int
    """The first LSN of the segment that holds ``lsn``."""
    synced: int
    """The journal is on disk at least up to here."""
    time: int
    """The commit time of the last record before ``lsn``, in microseconds."""


def encode_checkpoint(store_id: bytes, checkpoint: Checkpoint) -> bytes:
    """Return the bytes of the ``checkpoint`` file."""
    head = _CHECKPOINT.pack(CHECKPOINT_MAGIC, FORMAT_VERSION, 0, 0, store_id, *checkpoint, 0)
    return head + _CHECKSUM.pack(xxh3_64_intdigest(head))


def decode_checkpoint(data: bytes, store_id: bytes, path: str) -> Checkpoint:
    """Read the ``checkpoint`` file. Raises CorruptFile and NewerFormat."""
    if len(data) != CHECKPOINT_BYTES:
        raise _corrupt(path, min(len(data), CHECKPOINT_BYTES), "the checkpoint has a wrong length")
    head = data[: _CHECKPOINT.size]
    magic, version, _, _, found_id, lsn, segment, synced, time, runs = _CHECKPOINT.unpack(head)
    if magic != CHECKPOINT_MAGIC:
        raise _corrupt(path, 0, "this is not a checkpoint of Dynafile")
    if xxh3_64_intdigest(head) != _CHECKSUM.unpack_from(data, _CHECKPOINT.size)[0]:
        raise _corrupt(path, 0, "the checkpoint's checksum does not match")
    check_version(version if not runs else FORMAT_VERSION + 1, path)
    if found_id != store_id:
        raise _corrupt(path, 16, "the checkpoint belongs to another store")
    return Checkpoint(lsn, segment, synced, time)


def check_version(version: int, path: str) -> None:
    """Raise :class:`NewerFormat` for a version of the format that came after this one."""
    if version > FORMAT_VERSION:
        raise NewerFormat(
            f"{path} has format {version}, and this version of Dynafile knows formats up to "
            f"{FORMAT_VERSION}: install a newer Dynafile (pip install -U dynafile)",
            path=path,
            version=version,
        )


def zeros_only(data: bytes) -> bool:
    """Say whether the bytes are all zero, as the room that a segment keeps ahead is."""
    return not data.strip(b"\0")


def _corrupt(path: str, offset: int, what: str) -> CorruptFile:
    return CorruptFile(
        f"{path}: {what} (at offset {offset}). Run `dynafile check` on the folder; "
        f"restore a backup, or save what is left with `dynafile repair`",
        path=path,
        offset=offset,
    )


def records(data: bytes, offset: int, lsn: int) -> Iterator[Record]:
    """Yield the whole records that follow one another from ``offset``, the first with ``lsn``."""
    while (record := decode_record(data, offset, lsn)) is not None:
        yield record
        offset += record.end - lsn
        lsn = record.end
