"""Lengths that lie, and nesting without end: each refused, before memory is taken for it."""

from __future__ import annotations

import json
import pickle
import struct
import time
import tracemalloc
from pathlib import Path
from typing import Any

import pytest
from fuzz import mending
from fuzz.folders import (
    META,
    SEGMENT,
    append_record,
    change_meta,
    read_all,
    refusals,
    snapshot_of,
    unpack,
)
from fuzz.guard import Escaped, guarded, measured
from fuzz.targets import SPACE, STORE_ID
from sortedcontainers import SortedDict

from dynafile import Database
from dynafile.errors import CorruptFile, DynafileError
from dynafile.store.filesystem import boot_number
from dynafile.store.format import (
    CHECKPOINT,
    PUT,
    REPLACE,
    ROTATE,
    SCHEMA,
    Piece,
    SnapshotHeader,
    decode_pieces,
    decode_record,
    decode_snapshot_header,
    encode_numbers,
    encode_pieces,
    encode_record,
    encode_snapshot,
)
from dynafile.store.journal import LARGE_READ
from dynafile.store.position import BOOT, GENERATION, SUSPECT
from dynafile.store.schema import Schema
from dynafile.store.snapshot import load_snapshot
from dynafile.values import check_item, encode_item

MUCH = (1 << 40).to_bytes(8, "little")
LITTLE = 1 << 20
"""Bytes of memory that any of these may take."""
DEEP = 100_000
TERABYTE = 1 << 40


def little(act: object) -> None:
    """Call ``act``, which must raise CorruptFile and take little memory."""
    assert callable(act)
    tracemalloc.start()
    try:
        with pytest.raises(CorruptFile):
            act()
        assert tracemalloc.get_traced_memory()[1] < LITTLE
    finally:
        tracemalloc.stop()


def forged(payload: bytes, count: int = 0) -> bytes:
    header = SnapshotHeader(SPACE, 1, 1, count, 0, 0, b"", None)
    return encode_snapshot(STORE_ID, header, payload)


# -- snapshots ------------------------------------------------------------------------------------

_EMPTY = pickle.dumps(SortedDict(), protocol=5)
BOMBS = {
    "nine bytes for a terabyte": pickle.BINBYTES8 + MUCH,
    "text": pickle.BINUNICODE8 + MUCH,
    "bytearray": pickle.BYTEARRAY8 + MUCH,
    "long": pickle.LONG4 + b"\xff\xff\xff\x7f",
    "frame": pickle.FRAME + MUCH,
    "memo": b"N" + pickle.LONG_BINPUT + b"\xff\xff\xff\x7f",
    "bytes": pickle.BINBYTES + b"\xff\xff\xff\xff",
    "short text": pickle.BINUNICODE + b"\xff\xff\xff\xff",
}


@pytest.mark.parametrize("name", BOMBS)
def test_a_length_in_a_pickle(name: str) -> None:
    bomb = BOMBS[name]
    for payload in (b"\x80\x05" + bomb, b"\x80\x05" + bomb + b".", _EMPTY[:-1] + bomb + b"."):
        little(lambda: load_snapshot(forged(payload), STORE_ID, "data.pickle", trusted=False))


@pytest.mark.parametrize("count", [1, 1 << 32, (1 << 64) - 1])
def test_the_number_of_entries_of_a_snapshot(count: int) -> None:
    little(lambda: load_snapshot(forged(_EMPTY, count), STORE_ID, "data.pickle", trusted=True))


@pytest.mark.parametrize("length", [0, 76, 1 << 20, (1 << 32) - 1])
def test_the_length_of_a_header(length: int) -> None:
    data = bytearray(forged(_EMPTY))
    struct.pack_into("<I", data, 3, length)
    little(lambda: decode_snapshot_header(bytes(data), STORE_ID, "data.pickle"))


def test_a_function_in_the_place_of_an_order() -> None:
    """The forged SortedDict was empty, and failed with a TypeError when the first key came."""
    payload = (
        b"\x80\x05N\x8c\x1bsortedcontainers.sorteddict\x94\x8c\nSortedDict\x94\x93\x94h\x02}\x86R."
    )
    head = (
        b"\x80\x05\x8c\x1bsortedcontainers.sorteddict\x94\x8c\nSortedDict\x94\x93\x94Nh\x02}\x86R."
    )
    for each in (payload, head):
        for trusted in (True, False):
            little(lambda: load_snapshot(forged(each), STORE_ID, "data.pickle", trusted=trusted))


# -- items ----------------------------------------------------------------------------------------

_MOST = b"\xff\xff\xff\xff"
HEADERS = {
    "array": b"\xdd" + _MOST,
    "map": b"\xdf" + _MOST,
    "bytes": b"\xc6" + _MOST,
    "text": b"\xdb" + _MOST,
    "extension": b"\xc9" + _MOST + b"\x03",
    "tuple": b"\xc7\x05\x03\xdd" + _MOST,
    "set": b"\xc7\x05\x04\xdd" + _MOST,
    "deep": b"\x91" * DEEP + b"\xc0",
    "deep maps": b"\x81\xa1a" * DEEP + b"\xc0",
}


@pytest.mark.parametrize("name", HEADERS)
def test_a_length_in_an_item(name: str) -> None:
    little(lambda: check_item(b"\x81\xa1a" + HEADERS[name]))
    little(lambda: check_item(HEADERS[name]))


def test_tuples_in_tuples() -> None:
    raw = b"\x90"
    while len(raw) < DEEP:
        raw = b"\x91\xc9" + struct.pack(">I", len(raw)) + b"\x03" + raw
    little(lambda: check_item(b"\x81\xa1a" + raw))


# -- the journal ----------------------------------------------------------------------------------


@pytest.mark.parametrize("at", [4, 44, RECORD_KEY := 53, 57])
@pytest.mark.parametrize("number", [1, 1 << 20, (1 << 31) - 1, (1 << 32) - 1])
def test_a_number_in_a_record(at: int, number: int) -> None:
    """The length of the frame, the number of operations, and the lengths of a key and a value."""
    data = bytearray(encode_record(1, 1, 1, 1, [(PUT, 1, b"key", b"value")]))
    struct.pack_into("<I", data, at, number)
    if at != 4:
        data[8:16] = struct.pack("<Q", mending.xxh3_64_intdigest(bytes(data[16:])))
    tracemalloc.start()
    found = decode_record(bytes(data), 0, 1)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert (found is None) == (at != 44 or number != 1)
    assert peak < LITTLE


def test_a_record_that_says_it_is_long_in_a_stream(tmp_path: Path) -> None:
    """Memory for four gigabytes was asked for, before it was known how much there is."""
    path = unpack(tmp_path / "db")
    with Database(path, trusted=False) as db:
        db.table("orders").put_item(item={"customer": "x", "date": "y", "t": "z" * LARGE_READ})
    file = max((path / "journal").iterdir(), key=lambda each: each.stat().st_size)
    data = bytearray(file.read_bytes())
    place = data.index(b"DJR1", 64)
    data[place + 4 : place + 8] = _MOST
    file.write_bytes(data)
    for error in refusals(path, lambda db: db.check()):
        assert error is None or isinstance(error, DynafileError)


def test_a_piece_that_is_cut_off() -> None:
    """What was there of its key was taken for all of it."""
    data = encode_pieces([Piece(1, 1, True, b"begin")])
    assert decode_pieces(data)
    with pytest.raises(ValueError, match="cut off"):
        decode_pieces(data[:-1])


_DEEP_JSON = b"[" * DEEP + b"]" * DEEP
_SPACE = 5
FORGED = {
    "deep schema": (SCHEMA, 0, b"", _DEEP_JSON),
    "deep in a schema": (SCHEMA, 0, b"", b'{"version":9,"keyspaces":' + _DEEP_JSON + b"}"),
    "a schema that is a list": (SCHEMA, 0, b"", b"[]"),
    "infinite": (
        SCHEMA,
        0,
        b"",
        b'{"version":Infinity,"keyspaces":{},"next_keyspace":1,"tables":{}}',
    ),
    "deep inventory": (CHECKPOINT, 0, encode_numbers([1, 1, 1, 1]), _DEEP_JSON),
    "an inventory of text": (
        CHECKPOINT,
        0,
        encode_numbers([1, 1, 1, 1]),
        json.dumps({"schema": Schema().to_json(), "held": {"5": [["a", "b"]]}}).encode(),
    ),
    "no segment": (ROTATE, 0, b"", b""),
    "half a segment": (ROTATE, 0, b"\1\2\3", b""),
    "no pieces": (REPLACE, _SPACE, b"", b""),
    "pieces that overlap": (
        REPLACE,
        _SPACE,
        b"",
        encode_pieces([Piece(9, 1, True, b"b"), Piece(8, 1, True, b"a")]),
    ),
    "nothing begins": (
        REPLACE,
        _SPACE,
        encode_numbers([0x2967]),
        encode_pieces([Piece(9, 1, True, b"b")]),
    ),
}


@pytest.mark.parametrize("name", FORGED)
def test_an_operation_that_makes_no_sense(name: str, tmp_path: Path) -> None:
    """Some came out as RecursionError, OverflowError, AttributeError or IndexError."""
    path = unpack(tmp_path / "db")
    append_record(path, encode_record(1, 1, 1, 1, [FORGED[name]]))
    reading, writing, _ = refusals(path, read_all)
    assert isinstance(reading, CorruptFile)
    assert isinstance(writing, CorruptFile)


# -- meta.json ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        _DEEP_JSON,
        b'{"a":' * DEEP + b"1" + b"}" * DEEP,
        b'{"format":"dynafile","version":' + _DEEP_JSON,
    ],
)
def test_nesting_in_meta_json(text: bytes, tmp_path: Path) -> None:
    path = unpack(tmp_path / "db")
    (path / META).write_bytes(text)
    assert all(isinstance(error, DynafileError) for error in refusals(path)[:2])


@pytest.mark.parametrize("depth", [100, 300, 900, 980])
def test_nesting_that_json_takes_and_the_checksum_does_not(depth: int, tmp_path: Path) -> None:
    """It is read by C, and was written for the checksum by what nests less deeply."""
    path = unpack(tmp_path / "db")
    deep = b"[" * depth + b"]" * depth
    (path / META).write_bytes(
        b'{"format":"dynafile","version":1,"store_id":"","checksum":"","schema":%b}' % deep
    )
    assert all(isinstance(error, DynafileError) for error in refusals(path)[:2])


@pytest.mark.parametrize("number", [float("inf"), float("nan"), 1.5, -1, 1 << 64, "1", None, [1]])
@pytest.mark.parametrize("name", ["version", "next_keyspace", "seconds"])
def test_a_number_in_meta_json_that_is_none(number: object, name: str, tmp_path: Path) -> None:
    """An infinity was an OverflowError, and what was no number became one, or failed later."""
    path = unpack(tmp_path / "db")

    def change(value: dict[str, Any]) -> None:
        place = value["schema"]
        if name == "seconds":
            place["retention"] = {"seconds": 1, "size": None, "until": None}
            place = place["retention"]
        place[name] = number

    change_meta(path, change)
    assert all(isinstance(error, CorruptFile) for error in refusals(path)[:2])


def test_half_a_character_in_a_definition(tmp_path: Path) -> None:
    """JSON can escape it, and no file in UTF-8 can say it again."""
    path = unpack(tmp_path / "db")

    def change(value: dict[str, Any]) -> None:
        value["schema"]["tables"]["half"] = "\ud800"

    change_meta(path, change)
    assert all(isinstance(error, CorruptFile) for error in refusals(path)[:2])


# -- the position -----------------------------------------------------------------------------------


def test_the_highest_generation(tmp_path: Path) -> None:
    """The next one was a ValueError, where the words also said that a sync had failed."""
    path = unpack(tmp_path / "db")
    words = list(struct.unpack("<32Q", (path / "position").read_bytes()))
    words[BOOT], words[SUSPECT], words[GENERATION] = boot_number(), 1, (1 << 64) - 1
    (path / "position").write_bytes(struct.pack("<32Q", *words))
    assert refusals(path, read_all) == [None, None, None]


# -- files that say that they are long ------------------------------------------------------------


def _sparse(file: Path) -> None:
    try:
        with file.open("r+b") as opened:
            opened.truncate(TERABYTE)
    except OSError as error:
        pytest.skip(f"files are not as long here: {error}")


@pytest.mark.parametrize(
    "name",
    [META, "checkpoint", SEGMENT, "journal/0000000000000001.log", "position", "lock", "snapshot"],
)
def test_a_hole_of_a_terabyte(name: str, tmp_path: Path) -> None:
    """The whole of it was asked for at once, and to cut the journal would have written all of it."""
    path = unpack(tmp_path / "db")
    file = snapshot_of(path) if name == "snapshot" else path / name
    _sparse(file)
    begun = time.monotonic()
    with measured(bytes(LITTLE // 4)):  # two pieces, and what they are joined to
        found = refusals(path, read_all)
    assert time.monotonic() - begun < 20
    if name in (META, "checkpoint", SEGMENT, "snapshot"):
        assert isinstance(found[0], CorruptFile)
        assert isinstance(found[1], CorruptFile)
        assert found[0].path == str(file)
    assert file.stat().st_blocks * 512 < 1 << 22


def test_the_guard_sees_what_it_is_there_for(tmp_path: Path) -> None:
    with pytest.raises(Escaped), measured(b""):
        bytes(100 << 20)
    with pytest.raises(Escaped), guarded(str(tmp_path / "inside")):
        (tmp_path / "outside").write_bytes(b"")
    with pytest.raises(Escaped), guarded():
        pickle.loads(b"cos\nsystem\n(S'true'\ntR.")
    assert check_item(encode_item({"a": 1}))
