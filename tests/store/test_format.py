"""The bytes of the store, as functions: what was encoded is decoded, and nothing else is."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st
from xxhash import xxh3_64_intdigest

from dynafile.errors import CorruptFile, ForeignFile, NewerFormat
from dynafile.store.format import (
    CLEAR,
    DELETE,
    FIRST_LSN,
    PUT,
    Checkpoint,
    Operation,
    Piece,
    SnapshotHeader,
    check_segment_header,
    decode_checkpoint,
    decode_numbers,
    decode_pieces,
    decode_record,
    decode_snapshot_header,
    encode_checkpoint,
    encode_numbers,
    encode_pieces,
    encode_record,
    encode_segment_header,
    encode_snapshot,
    next_record_after,
    records,
    snapshot_header_bytes,
    snapshot_header_length,
    zeros_only,
)
from dynafile.store.names import parse_partition_directory, partition_directory, segment_name
from dynafile.store.schema import Meta, Schema

STORE_ID = bytes(range(16))
WORDS = st.integers(0, (1 << 64) - 1)
TEXT = st.text(alphabet='aé"\\\n😀', max_size=5)
OPERATIONS = st.lists(
    st.tuples(
        st.sampled_from([PUT, DELETE, CLEAR]),
        st.integers(0, (1 << 32) - 1),
        st.binary(max_size=40),
        st.binary(max_size=80),
    ),
    max_size=6,
)


@given(WORDS, WORDS, WORDS, st.integers(0, (1 << 32) - 1), OPERATIONS, st.binary(max_size=20))
def test_records(
    lsn: int, synced: int, time: int, schema: int, operations: list[Operation], rest: bytes
) -> None:
    data = encode_record(lsn, synced, time, schema, operations)
    record = decode_record(rest + data + rest, len(rest), lsn)
    assert record == (lsn, synced, time, schema, operations, lsn + len(data))
    assert decode_record(data, 0, lsn ^ 1) is None
    assert decode_record(data[:-1], 0, lsn) is None


@given(OPERATIONS, st.data())
def test_a_flipped_bit_is_no_record(operations: list[Operation], data: st.DataObject) -> None:
    whole = bytearray(encode_record(7, 3, 5, 1, operations))
    at = data.draw(st.integers(0, len(whole) * 8 - 1))
    whole[at // 8] ^= 1 << at % 8
    assert decode_record(bytes(whole), 0, 7) is None


def framed(body: bytes) -> bytes:
    return b"DJR1" + struct.pack("<IQ", len(body), xxh3_64_intdigest(body)) + body


@pytest.mark.parametrize(
    ("count", "rest"),
    [
        (1, b""),
        (2, struct.pack("<BIII", 1, 1, 0, 0)),
        (1, struct.pack("<BIII", 1, 1, 5, 0) + b"four"),
        (1, struct.pack("<BIII", 1, 1, 0, 1 << 31)),
        (1, struct.pack("<BIII", 1, 1, 0, 0) + b"more"),
        (0, b"more"),
        (0xFFFFFFFF, b""),
    ],
)
def test_lengths_that_lie_in_a_record_with_a_right_checksum(count: int, rest: bytes) -> None:
    body = struct.pack("<QQQII", 1, 0, 0, 1, count) + rest
    assert decode_record(framed(body), 0, 1) is None


@given(st.lists(OPERATIONS, max_size=5))
def test_records_in_a_row(commits: list[list[Operation]]) -> None:
    data, lsn = b"", FIRST_LSN
    for operations in commits:
        chunk = encode_record(lsn, lsn, 0, 1, operations)
        data, lsn = data + chunk, lsn + len(chunk)
    found = list(records(data + bytes(9), 0, FIRST_LSN))
    assert [record.operations for record in found] == commits
    assert not found or found[-1].end == lsn


def test_the_next_record_behind_damage() -> None:
    first = encode_record(1, 1, 0, 1, [(PUT, 1, b"k", b"DJR1" * 9)])
    lsn = 1 + len(first)
    second = encode_record(lsn, 33, 0, 1, [(PUT, 1, b"k", b"v")])
    data = bytearray(first + second)
    data[3] ^= 1
    assert next_record_after(bytes(data), 0, 1) == (len(first), 33)
    assert next_record_after(bytes(data[:-1]), 0, 1) is None


@given(st.lists(st.builds(Piece, WORDS, WORDS, st.booleans(), st.binary(max_size=99)), max_size=5))
def test_pieces(pieces: list[Piece]) -> None:
    assert decode_pieces(encode_pieces(pieces)) == pieces


@given(st.lists(WORDS, max_size=5))
def test_numbers(numbers: list[int]) -> None:
    assert decode_numbers(encode_numbers(numbers)) == numbers


HEADERS = st.builds(
    SnapshotHeader,
    st.integers(0, (1 << 32) - 1),
    WORDS,
    WORDS,
    WORDS,
    st.just(0),
    st.just(0),
    st.binary(max_size=600),
    st.none() | st.binary(min_size=1, max_size=600),
)


@given(HEADERS, st.binary(max_size=50))
def test_snapshot_headers(header: SnapshotHeader, payload: bytes) -> None:
    data = encode_snapshot(STORE_ID, header, payload)
    found, offset = decode_snapshot_header(data, STORE_ID, "path")
    assert data[offset:] == payload
    assert offset == snapshot_header_bytes(data) == snapshot_header_length(found)
    wanted = header._replace(
        payload_length=len(payload), payload_checksum=xxh3_64_intdigest(payload)
    )
    assert found == wanted
    assert decode_snapshot_header(data[:offset], STORE_ID, "path")[0] == wanted
    for length in {0, 1, 6, 7, 82, offset - 1}:
        with pytest.raises(CorruptFile):
            decode_snapshot_header(data[:length], STORE_ID, "path")


def test_a_snapshots_length_field_cannot_ask_for_much() -> None:
    assert snapshot_header_bytes(b"\x80\x05B\xff\xff\xff\xff") < 132_000


@given(st.builds(Checkpoint, WORDS, WORDS, WORDS, WORDS))
def test_checkpoints(checkpoint: Checkpoint) -> None:
    data = encode_checkpoint(STORE_ID, checkpoint)
    assert decode_checkpoint(data, STORE_ID, "path") == checkpoint


def again(data: bytes, offset: int, value: bytes) -> bytes:
    """Change a field of a header and make its checksum, the last eight bytes, right again."""
    head = data[:offset] + value + data[offset + len(value) : -8]
    return head + struct.pack("<Q", xxh3_64_intdigest(head))


def test_newer_versions_are_refused() -> None:
    two = struct.pack("<H", 2)
    segment = again(encode_segment_header(STORE_ID, 1), 8, two)
    with pytest.raises(NewerFormat) as caught:
        check_segment_header(segment, STORE_ID, 1, "journal")
    assert (caught.value.path, caught.value.version) == ("journal", 2)
    checkpoint = again(encode_checkpoint(STORE_ID, Checkpoint(1, 1, 1, 1)), 8, two)
    with pytest.raises(NewerFormat):
        decode_checkpoint(checkpoint, STORE_ID, "checkpoint")
    header = SnapshotHeader(1, 1, 1, 0, 0, 0, b"", None)
    snapshot = encode_snapshot(STORE_ID, header, b"")
    head = again(snapshot[7:-1], 8, two)
    with pytest.raises(NewerFormat):
        decode_snapshot_header(snapshot[:7] + head + b"0", STORE_ID, "data.pickle")
    meta = Meta(STORE_ID, Schema()).encode().replace(b'"version": 1', b'"version": 2', 1)
    with pytest.raises(NewerFormat):
        Meta.decode(meta, "meta.json")


def test_files_of_another_store_are_refused() -> None:
    with pytest.raises(CorruptFile, match="another store") as caught:
        decode_checkpoint(encode_checkpoint(STORE_ID, Checkpoint(1, 1, 1, 1)), bytes(16), "path")
    assert caught.value.offset == 16
    header = SnapshotHeader(1, 1, 1, 0, 0, 0, b"", None)
    with pytest.raises(CorruptFile, match="another store") as caught:
        decode_snapshot_header(encode_snapshot(STORE_ID, header, b""), bytes(16), "path")
    assert caught.value.offset == 23


@given(
    st.builds(
        Schema,
        version=st.integers(1, 9),
        keyspaces=st.dictionaries(st.integers(1, 9), st.sampled_from(["_partitions", "a/b", "é"])),
        next_keyspace=st.integers(1, 99),
        tables=st.dictionaries(TEXT, TEXT, max_size=3),
    )
)
def test_schemas(schema: Schema) -> None:
    assert Schema.decode(schema.encode()) == schema
    assert Meta.decode(Meta(STORE_ID, schema).encode(), "path") == Meta(STORE_ID, schema)


@pytest.mark.parametrize(
    ("data", "error"),
    [
        (b"", CorruptFile),
        (b"{", CorruptFile),
        (b"\xff\xfe", CorruptFile),
        (b"[" * 100_000, CorruptFile),
        (b"null", ForeignFile),
        (b"{}", ForeignFile),
        (b'{"format": "other"}', ForeignFile),
        (b'{"format": "dynafile"}', CorruptFile),
        (b'{"format": "dynafile", "version": "x"}', CorruptFile),
        (b'{"format": "dynafile", "version": 1, "store_id": "zz"}', CorruptFile),
        (b'{"format": "dynafile", "version": 1, "store_id": "", "schema": []}', CorruptFile),
    ],
)
def test_a_meta_that_is_none(data: bytes, error: type[Exception]) -> None:
    with pytest.raises(error) as caught:
        Meta.decode(data, "meta.json")
    assert vars(caught.value)["path"] == "meta.json"


@pytest.mark.parametrize(
    "folder", ["/etc", "..", "../other", "a/../../b", "a//b", "", ".", "a\\b", "C:", "a\0b", 7]
)
def test_a_schema_cannot_reach_outside_the_folder(folder: object) -> None:
    value = {"version": 1, "keyspaces": {"1": folder}, "next_keyspace": 2, "tables": {}}
    with pytest.raises((ValueError, AttributeError)):
        Schema.from_json(value)


@given(st.binary(min_size=0, max_size=30), st.integers(1, 1 << 62))
def test_partitions_folders(begin: bytes, number: int) -> None:
    name = partition_directory(begin, number)
    assert parse_partition_directory(name) == (begin[:8].ljust(8, b"\0"), number)


@pytest.mark.parametrize(
    "name", ["", "-", "0-1", "0000000000000000", "0000000000000000-", "0000000000000000-01",
             "0000000000000000-G", "000000000000000G-1", "0000000000000000-1.tmp", "..",
             "0000000000000000-+1", "0000000000000000- 1"]
)  # fmt: skip
def test_folders_of_others(name: str) -> None:
    assert parse_partition_directory(name) is None


def test_small_things() -> None:
    assert segment_name(0x1F) == "journal/000000000000001f.log"
    assert zeros_only(b"")
    assert zeros_only(bytes(9))
    assert not zeros_only(b"\0\0\1")
