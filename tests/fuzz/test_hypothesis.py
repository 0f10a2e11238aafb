"""The targets, driven by Hypothesis: bytes that have the form of ours, with numbers that lie."""

from __future__ import annotations

import json
import pickle
import struct
from typing import Any

import msgspec
import pytest
from fuzz import sample
from fuzz.targets import TARGETS, checkpoint, folder, item, journal, key, meta, position, snapshot
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sortedcontainers import SortedDict

from dynafile.store.format import (
    CHANGE,
    CHECKPOINT,
    CLEAR,
    DELETE,
    FOLD,
    PUT,
    REPLACE,
    ROTATE,
    SCHEMA,
    Piece,
    encode_numbers,
    encode_pieces,
    encode_record,
)

some = settings(max_examples=150, deadline=None, database=None)
few = settings(
    max_examples=60, deadline=None, database=None, suppress_health_check=list(HealthCheck)
)

KINDS = (0, PUT, DELETE, CLEAR, SCHEMA, CHANGE, FOLD, REPLACE, CHECKPOINT, ROTATE, 255)
u8, u16, u32, u64 = (
    st.sampled_from([0, 1, 2, 5, 64, most // 2, most - 1, most])
    for most in (0xFF, 0xFFFF, 2**32 - 1, 2**64 - 1)
)
short = st.binary(max_size=40)

TEXTS = [
    "1E+999999999",
    "sNaN",
    "Infinity",
    "1e5",
    "-0",
    "9" * 300,
    "2026-01-01T00:00:00[Europe/Berlin][fold=1]",
    "2026-01-01[../../etc/passwd]",
    "2026-02-30",
    "00:00[fold=1]",
]
"""What may stand in an extension type, or nearly."""

JSON: st.SearchStrategy[Any] = st.recursive(
    st.none()
    | st.booleans()
    | st.sampled_from([0, 1, -1, 2**32, 2**64, 10**400, 1e300, float("inf"), float("nan")])
    | st.sampled_from(["", "_partitions", "../x", "/etc", "a\0b", "\ud800", "tmp", "S", "ALL"])
    | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=8,
)


@st.composite
def schemas(draw: st.DrawFn) -> dict[str, Any]:
    """A schema of the right form, some of whose members are anything."""
    value = {
        "version": 2,
        "keyspaces": {"1": "_partitions"},
        "next_keyspace": 2,
        "tables": {},
        "retention": {"seconds": 1, "size": None, "until": None},
    }
    for name in draw(st.lists(st.sampled_from(sorted(value)), max_size=2)):
        value[name] = draw(
            JSON
            | st.dictionaries(st.sampled_from(["1", "2", "-1", "x", "9" * 30]), JSON, max_size=3)
            | st.fixed_dictionaries({"seconds": JSON, "size": JSON, "until": JSON})
        )
    return value


@st.composite
def operations(draw: st.DrawFn) -> tuple[int, int, bytes, bytes]:
    """An operation of any kind, with what belongs to it or to another kind."""
    pieces = st.lists(st.builds(Piece, u64, u64, st.booleans(), short), max_size=3)
    numbers = st.lists(u64, max_size=5).map(encode_numbers)
    keys = short | numbers
    inventory = st.fixed_dictionaries(
        {"schema": schemas(), "held": JSON | st.just({"1": [[1, 1]]})}
    )
    values = (
        short
        | pieces.map(encode_pieces)
        | schemas().map(lambda value: json.dumps(value).encode())
        | inventory.map(lambda value: json.dumps(value).encode())
    )
    number = draw(st.sampled_from([0, 1, 1, 2, 2**32 - 1]))
    return draw(st.sampled_from(KINDS)), number, draw(keys), draw(values)


@some
@given(st.lists(st.lists(operations(), max_size=4), max_size=4), st.integers(0, 40), st.booleans())
def test_records(commits: list[list[Any]], many: int, lying: bool) -> None:
    data = b"".join(
        encode_record(1, 1, 1, 1, each * (many if many > 35 else 1)) for each in commits
    )
    journal(b"\1" + data)
    if lying:
        journal(b"\0" + data)


@some
@given(u8, u32, u32, u32, u32, short, st.sampled_from([0, 1]))
def test_lying_lengths_in_a_record(
    kind: int, length: int, count: int, key_length: int, value_length: int, rest: bytes, mode: int
) -> None:
    head = struct.pack("<4sIQQQQII", b"DJR1", length, 0, 1, 1, 1, 1, count)
    journal(bytes([mode]) + head + struct.pack("<BIII", kind, 1, key_length, value_length) + rest)


@some
@given(st.dictionaries(short, short, max_size=5), st.data())
def test_pickles(entries: dict[bytes, bytes], data: st.DataObject) -> None:
    payload = bytearray(pickle.dumps(SortedDict(entries), protocol=5))
    at = data.draw(st.integers(0, len(payload)))
    opcode = data.draw(
        st.sampled_from([pickle.BINBYTES8, pickle.FRAME, pickle.LONG4, b"B", b"r", b"h"])
    )
    size = data.draw(u64)
    payload[at:at] = opcode + struct.pack("<Q", size)[: data.draw(st.integers(0, 8))]
    snapshot(bytes([len(entries) + 1]) + bytes(payload))


@some
@given(u64, u64, u64, u64)
def test_places_of_a_checkpoint(lsn: int, segment: int, synced: int, time: int) -> None:
    checkpoint(b"\1" + encode_numbers([lsn, segment, synced, time]))


@some
@given(schemas(), JSON, st.booleans())
def test_schemas_in_meta_json(schema: dict[str, Any], anything: Any, other: bool) -> None:
    value = {"format": "dynafile", "version": 1, "store_id": "00" * 16, "schema": schema}
    if other:
        value["version" if other else "store_id"] = anything
    meta(b"\1" + json.dumps(value).encode())


@few
@given(st.data())
def test_definitions_of_tables(data: st.DataObject) -> None:
    """Any member, however deep, of a right ``meta.json`` is anything else."""
    value = json.loads(sample.files()["meta.json"])
    place: Any = value["schema"]
    while True:
        name = data.draw(st.sampled_from(sorted(place)))
        if (
            not isinstance(place[name], dict)
            or not place[name]
            or data.draw(st.integers(0, 3)) == 0
        ):
            break
        place = place[name]
    place[name] = data.draw(JSON)
    names = [each for each in sample.files() if each != "lock"]
    how = data.draw(st.sampled_from([0, 1, 4]))
    edit = struct.pack("<BBHB", names.index("meta.json"), 0x80, 0, 0)
    folder(bytes([how]) + edit + json.dumps(value).encode())


@few
@given(st.lists(st.tuples(u8, st.integers(0, 3), st.integers(0, 3000), short), max_size=4), u8)
def test_changes_of_a_folder(changes: list[tuple[int, int, int, bytes]], how: int) -> None:
    data = bytes([how & 7])
    for which, kind, where, new in changes:
        data += struct.pack("<BBHB", which, kind, where, len(new)) + new
    folder(data)


@few
@given(st.lists(u64, min_size=32, max_size=32), st.booleans(), st.booleans())
def test_words_of_a_position(words: list[int], booted: bool, read_only: bool) -> None:
    position(bytes([booted, *([1] if read_only else [])]) + struct.pack("<32Q", *words))


@some
@given(st.data())
def test_items(data: st.DataObject) -> None:
    codes = st.integers(0, 12)
    texts = st.sampled_from(TEXTS)
    payload = short | texts.map(str.encode)
    leaves = (
        st.none()
        | st.booleans()
        | st.floats()
        | st.integers(-(2**63), 2**64 - 1)
        | st.text()
        | short
    )
    values = st.recursive(
        leaves | st.builds(msgspec.msgpack.Ext, codes, payload),
        lambda inner: (
            st.lists(inner, max_size=4)
            | st.dictionaries(st.text(max_size=3), inner, max_size=3)
            | st.lists(inner, max_size=3).flatmap(
                lambda members: codes.map(
                    lambda code: msgspec.msgpack.Ext(code, msgspec.msgpack.encode(members))
                )
            )
        ),
        max_leaves=12,
    )
    item(msgspec.msgpack.encode(data.draw(st.dictionaries(st.text(max_size=4), values))))


@some
@given(
    st.sampled_from([b"S", b"N", b"B", b"N\1", b"N\3"]),
    short,
    st.sampled_from([b"", b"\0\1", b"\0", b"\xff"]),
)
def test_keys(tag: bytes, body: bytes, end: bytes) -> None:
    key(tag + body + end)


@pytest.mark.parametrize("name", TARGETS)
@settings(max_examples=50, deadline=None, database=None, suppress_health_check=list(HealthCheck))
@given(data=st.binary(max_size=300))
def test_any_bytes(name: str, data: bytes) -> None:
    if name == "folder":
        data = data[:60]
    TARGETS[name](data)
