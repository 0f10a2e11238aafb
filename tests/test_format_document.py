"""The page on the format is held against the code: examples are decoded, tables compared."""

from __future__ import annotations

import re
import struct
import sys
from datetime import UTC, date, datetime, time
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from xxhash import xxh3_64_digest

from dynafile import Dynafile
from dynafile.errors import CorruptFile, NewerFormat
from dynafile.store import format as stored
from dynafile.store import position
from dynafile.store.format import Checkpoint, Operation, Piece, Record
from dynafile.store.names import partition_directory, segment_name
from dynafile.store.schema import Meta, Schema
from dynafile.store.snapshot import dump_snapshot, load_snapshot
from dynafile.table import changes
from dynafile.table.definition import Definition
from dynafile.table.expiry import expiry_key
from dynafile.table.keys import KeySchema
from dynafile.values import decode_item, decode_key_value, encode_item, encode_key_value

PAGE = Path(__file__).resolve().parent.parent / "docs" / "format.md"
STORE_ID = bytes(range(16))
NEW_YEAR = int(datetime(2026, 1, 1, tzinfo=UTC).timestamp()) * 1_000_000
ITEM = {"PK": "a", "SK": "b", "n": 1}
STRINGS = KeySchema(
    Definition(name="cities", pk_attribute="PK", sk_attribute="SK", pk_type="S", sk_type="S")
)
KEY = STRINGS.key(ITEM)

EXAMPLE = re.compile(r"(?ms)^<!-- example: ([\w-]+) -->\n\n```(\w+)\n(.*?)^```$")
HEX_LINE = re.compile(r"([0-9a-f]{2})  ([0-9a-f]{2}(?: [0-9a-f]{2})*)(?: {3,}(\S.*))?")
TABLE = re.compile(r"^<!-- (bytes|table): ([\w, ]+) -->\n\n((?:\|.*\n)+)", re.MULTILINE)
VALUES = {"Decimal": Decimal, "datetime": datetime, "date": date, "time": time, "UUID": UUID,
          "frozenset": frozenset}  # fmt: skip


@cache
def page() -> str:
    return PAGE.read_text(encoding="utf-8")


@cache
def examples() -> dict[str, tuple[str, str]]:
    """Language and text of each example by its name."""
    found = {match[1]: (match[2], match[3]) for match in EXAMPLE.finditer(page())}
    assert len(found) == page().count("<!-- example:")
    return found


def hex_lines(name: str) -> list[tuple[int, bytes]]:
    language, body = examples()[name]
    assert language == "hex"
    lines = []
    for line in body.splitlines():
        match = HEX_LINE.fullmatch(line)
        assert match is not None, f"{name}: {line}"
        lines.append((int(match[1], 16), bytes.fromhex(match[2])))
    return lines


def example(name: str) -> bytes:
    return b"".join(data for _, data in hex_lines(name))


def table(kind: str, name: str) -> list[list[str]]:
    """The cells of a table's rows, without its head."""
    tables = {(match[1], match[2]): match[3] for match in TABLE.finditer(page())}
    rows = tables[kind, name].splitlines()[2:]
    return [[cell.strip() for cell in row.strip("|").split("|")] for row in rows]


def names_of(kind: str) -> list[str]:
    return [match[2] for match in TABLE.finditer(page()) if match[1] == kind]


def widths(layout: str) -> list[int]:
    """The bytes of each field of a struct's format."""
    codes = re.findall(r"\d*[a-zA-Z]", layout.lstrip("<"))
    assert "".join(codes) == layout.lstrip("<")
    return [struct.calcsize("<" + code) for code in codes]


def layouts(name: str) -> list[int]:
    """The bytes of each field of the structs that a table is about."""
    extra = {"checksum": [8], "prefix": [len(stored.SNAPSHOT_PREFIX)], "length": [4]}
    found: list[int] = []
    for part in name.split(", "):
        found += extra[part] if part in extra else widths(getattr(stored, part).format)
    return found


def value_of(text: str) -> Any:
    """A value, as Python writes it."""
    return eval(text.strip("`"), {"__builtins__": {}}, VALUES)


def operation(name: str) -> Operation:
    """An operation of the page, read by the way of a record that holds it."""
    data = example(name)
    record = decoded(stored._pack_record(1, 1, 0, 1, 1) + data)
    (found,) = record.operations
    assert stored.encode_record(1, 1, 0, 1, [found])[stored.RECORD_HEADER_BYTES :] == data
    return found


def decoded(body: bytes) -> Record:
    frame = stored._pack_frame(stored.RECORD_MAGIC, len(body), stored.xxh3_64_intdigest(body))
    record = stored.decode_record(frame + body, 0, 1)
    assert record is not None
    return record


# -- the page against itself and against the structs ----------------------------------------------


@pytest.mark.parametrize(
    "name", [n for n, (language, _) in examples().items() if language == "hex"]
)
def test_offsets_of_examples_add_up(name: str) -> None:
    at = 0
    for offset, data in hex_lines(name):
        assert offset == at, f"{name}: the line at {offset:02x} begins at {at:02x}"
        at += len(data)


@pytest.mark.parametrize("name", names_of("bytes"))
def test_byte_tables_are_those_of_the_structs(name: str) -> None:
    at = 0
    expected = []
    for width in layouts(name):
        expected.append((at, width))
        at += width
    assert [(int(row[0]), int(row[1])) for row in table("bytes", name)] == expected


def test_every_struct_has_a_table() -> None:
    shown = {part for name in names_of("bytes") for part in name.split(", ")}
    structs = {name for name, value in vars(stored).items() if isinstance(value, struct.Struct)}
    assert structs - shown == {"_CHECKSUM", "_LENGTH"}


@pytest.mark.parametrize(
    ("name", "tables"),
    [
        ("checkpoint", "_CHECKPOINT, checksum"),
        ("segment", "_SEGMENT, checksum"),
        ("put", "_FRAME, _RECORD"),
        ("batch", "_FRAME, _RECORD"),
        ("snapshot", "prefix, length, _SNAPSHOT"),
    ],
)
def test_examples_have_a_line_for_each_field(name: str, tables: str) -> None:
    rows = table("bytes", tables)
    assert [offset for offset, _ in hex_lines(name)][: len(rows)] == [int(row[0]) for row in rows]


def test_position_words_are_those_of_the_code() -> None:
    rows = [(row[1].strip("`"), int(row[0])) for row in table("table", "position") if row[1]]
    words = {
        name: value
        for name, value in vars(position).items()
        if name.isupper() and name not in ("POSITION_BYTES", "SLOTS")
    }
    assert dict(rows) == words
    assert f"{position.POSITION_BYTES} bytes" in page()
    assert f"pid mod {position.SLOTS}" in page()


def test_kinds_of_operations_are_those_of_the_code() -> None:
    rows = {row[1].strip("`"): int(row[0]) for row in table("table", "kinds")}
    names = ["PUT", "DELETE", "CLEAR", "SCHEMA", "CHANGE"]
    names += ["FOLD", "REPLACE", "CHECKPOINT", "ROTATE"]
    assert rows == {name: getattr(stored, name) for name in names}
    assert f"Kinds below {stored.STRUCTURE} change" in page()


def test_marks_of_changes_are_those_of_the_code() -> None:
    text = " ".join(page().split())
    assert (changes.INSERT, changes.MODIFY, changes.REMOVE) == (1, 2, 3)
    assert "1, 2 or 3 for INSERT, MODIFY or REMOVE" in text
    assert f"; {changes.EXPIRED} where the item was removed because it was expired" in text
    assert f"; {changes.NEW} where the record shows the new image" in text
    assert f"; {changes.OLD} where it shows the old one" in text


def test_limits_on_the_page_are_those_of_the_code() -> None:
    most = stored.MAX_RECORD_BYTES - stored.FRAME_BYTES
    assert f"at most {most:,}" in page()
    assert f"The version of the format is {stored.FORMAT_VERSION}." in page()


# -- examples -------------------------------------------------------------------------------------


def test_meta_example() -> None:
    meta = Meta.decode(examples()["meta"][1].encode(), "meta.json")
    assert meta.store_id == STORE_ID
    definition = Definition(
        name="cities", pk_attribute="PK", sk_attribute="SK", pk_type="S", sk_type="S", items=1
    )
    assert meta.schema == Schema(
        version=2, keyspaces={1: "_partitions"}, next_keyspace=2,
        tables={"cities": definition.to_json()},
    )  # fmt: skip
    assert meta.encode().decode() == examples()["meta"][1]
    assert Schema.decode(meta.schema.encode()) == meta.schema


def test_position_example() -> None:
    data = example("position")
    words = struct.unpack("<8Q", data)
    assert words[position.END] == 1 + len(example("put"))
    assert words[position.HOLDER] == 4711
    told = {position.END, position.BOOT, position.HOLDER}
    assert not any(word for number, word in enumerate(words) if number not in told)


def test_checkpoint_example() -> None:
    data = example("checkpoint")
    checkpoint = stored.decode_checkpoint(data, STORE_ID, "checkpoint")
    assert checkpoint == Checkpoint(lsn=392, segment=392, synced=453, time=NEW_YEAR)
    assert stored.encode_checkpoint(STORE_ID, checkpoint) == data


def test_a_checkpoint_with_runs_is_of_a_later_version() -> None:
    data = bytearray(example("checkpoint"))
    data[64] = 1
    data[72:] = struct.pack("<Q", stored.xxh3_64_intdigest(bytes(data[:72])))
    with pytest.raises(NewerFormat):
        stored.decode_checkpoint(bytes(data), STORE_ID, "checkpoint")


def test_segment_example() -> None:
    data = example("segment")
    stored.check_segment_header(data, STORE_ID, 1, segment_name(1))
    assert stored.encode_segment_header(STORE_ID, 1) == data
    with pytest.raises(CorruptFile):
        stored.check_segment_header(data, STORE_ID, 2, segment_name(2))


def test_record_examples() -> None:
    put, batch = example("put"), example("batch")
    first, second = stored.records(put + batch, 0, 1)
    value = encode_item(ITEM)
    assert first == Record(1, 1, NEW_YEAR, 2, [(stored.PUT, 1, KEY, value)], 92)
    other = {"PK": "a", "SK": "c", "n": 1}
    assert second.operations == [
        (stored.PUT, 1, STRINGS.key(other), encode_item(other)),
        (stored.DELETE, 1, KEY, b""),
    ]
    assert second[:4] == (92, 92, NEW_YEAR + 1000, 2)
    assert stored.encode_record(*first[:5]) == put
    assert stored.encode_record(*second[:5]) == batch


def test_structural_examples() -> None:
    assert operation("clear") == (stored.CLEAR, 1, b"", b"")
    assert operation("fold") == (stored.FOLD, 1, stored.encode_numbers([392]), b"")
    kind, keyspace, gone, come = operation("replace")
    assert (kind, keyspace, stored.decode_numbers(gone)) == (stored.REPLACE, 1, [392])
    pieces = stored.decode_pieces(come)
    assert pieces == [Piece(5000, 5000, True, b""), Piece(5001, 5000, True, KEY[:8])]
    kind, keyspace, numbers, value = operation("checkpoint-operation")
    assert (kind, keyspace, value) == (stored.CHECKPOINT, 0, b"")
    assert Checkpoint(*stored.decode_numbers(numbers)) == Checkpoint(392, 392, 392, NEW_YEAR)
    kind, keyspace, numbers, value = operation("rotate")
    assert (kind, keyspace, value) == (stored.ROTATE, 0, b"")
    assert segment_name(*stored.decode_numbers(numbers)) == "journal/0000000000000188.log"


@pytest.mark.parametrize("trusted", [True, False])
def test_snapshot_example(trusted: bool) -> None:
    data = example("snapshot")
    header, entries = load_snapshot(data, STORE_ID, "data.pickle", trusted=trusted)
    assert dict(entries) == {KEY: encode_item(ITEM)}
    assert (header.keyspace, header.id, header.lsn, header.entries) == (1, 392, 392, 1)
    assert (header.begin, header.end) == (b"", b"\xbd" + bytes(7))
    assert dump_snapshot(STORE_ID, header, entries) == data


@pytest.mark.parametrize("name", ["checkpoint", "segment", "put", "batch", "snapshot"])
def test_every_byte_of_an_example_counts(name: str) -> None:
    """The checksums and magics of the page cover all of it: no byte can change unseen."""

    def reads(data: bytes) -> bool:
        try:
            if name == "checkpoint":
                stored.decode_checkpoint(data, STORE_ID, name)
            elif name == "segment":
                stored.check_segment_header(data, STORE_ID, 1, name)
            elif name == "snapshot":
                load_snapshot(data, STORE_ID, name, trusted=True)
            else:
                return stored.decode_record(data, 0, 1 if name == "put" else 92) is not None
        except (CorruptFile, NewerFormat):
            return False
        return True

    data = example(name)
    assert reads(data)
    for at in range(len(data)):
        assert not reads(data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]), f"{name}: byte {at}"
        assert not reads(data[:at]), f"{name}: cut at {at}"


def test_key_examples() -> None:
    blocks: list[list[bytes]] = [[]]
    for value, encoded in table("table", "keys"):
        if not value:
            blocks.append([])
            continue
        data = bytes.fromhex(encoded.strip("`"))
        assert encode_key_value(value_of(value), attribute="PK", limit=2048) == data
        assert decode_key_value(data, 0) == (value_of(value), len(data))
        blocks[-1].append(data)
    assert [chr(block[0][0]) for block in blocks] == ["S", "N", "B"]
    assert all(block == sorted(block) for block in blocks)
    flat = [data for block in blocks for data in block]
    assert not any(a != b and b.startswith(a) for a in flat for b in flat)


def test_keys_of_items_and_of_the_index_by_expiry() -> None:
    pk, sk = b"Sa\0\1", b"Sb\0\1"
    assert xxh3_64_digest(pk) + pk + sk == KEY
    assert expiry_key(100, KEY) == encode_key_value(100, attribute="ttl", limit=0) + KEY


def test_value_examples() -> None:
    for value, encoded in table("table", "values"):
        data = b"\x81\xa1v" + bytes.fromhex(encoded.strip("`"))
        found = decode_item(data)["v"]
        assert (found, type(found)) == (value_of(value), type(value_of(value)))
        assert encode_item({"v": value_of(value)}) == data


# -- a real folder --------------------------------------------------------------------------------


def pattern_of(path: str) -> re.Pattern[str]:
    parts = {
        "lsn": "[0-9a-f]{16}",
        "begin": "[0-9a-f]{16}",
        "id": "[0-9a-f]+",
        "pid": "[0-9]+",
        "number": "[0-9]+",
    }
    pieces = re.split(r"<(\w+)>", path)
    return re.compile("".join(parts[p] if i % 2 else re.escape(p) for i, p in enumerate(pieces)))


@pytest.mark.parametrize("ttl", [None, "expires"])
def test_a_real_folder_has_the_files_of_the_page_and_no_others(
    tmp_path: Path, ttl: str | None
) -> None:
    folder = tmp_path / "db"
    with Dynafile(folder, ttl_attribute=ttl) as db, db.batch_writer() as writer:
        for number in range(200):
            item = {"PK": f"{number % 20}", "SK": f"{number}", "text": "x" * 2000}
            writer.put_item(item=item | {"expires": 1 << 40})
    patterns = {row[0]: pattern_of(row[0].strip("`")) for row in table("table", "files")}
    names = [path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()]
    used = set()
    for name in names:
        hits = [row for row, pattern in patterns.items() if pattern.fullmatch(name)]
        assert len(hits) == 1, name
        used.update(hits)
    unused = (
        ["`tmp/<pid>-<number>.half`"]
        if ttl
        else [*(r for r in patterns if "_ttl" in r), "`tmp/<pid>-<number>.half`"]
    )
    assert [row for row in patterns if row not in used] == unused
    assert len([name for name in names if name.startswith("_partitions")]) > 1, "it did not split"


def test_a_real_folder_reads_as_the_page_says(tmp_path: Path) -> None:
    folder = tmp_path / "db"
    with Dynafile(folder, table_name="cities") as db:
        db.put_item(item=ITEM)
        meta = Meta.decode((folder / "meta.json").read_bytes(), "meta.json")
        base = stored.FIRST_LSN
        data = (folder / segment_name(base)).read_bytes()
        stored.check_segment_header(data, meta.store_id, base, "journal")
        (record,) = stored.records(data, stored.SEGMENT_HEADER_BYTES, base)
        schema, put = record.operations
        assert schema == (stored.SCHEMA, 0, b"", meta.schema.encode())
        assert put == (stored.PUT, 1, KEY, encode_item(ITEM))
        assert stored.zeros_only(data[stored.SEGMENT_HEADER_BYTES + record.end - base :])
        words = memoryview((folder / "position").read_bytes()).cast("Q")
        assert (len(words) * 8, words[position.END]) == (position.POSITION_BYTES, record.end)
    checkpoint = stored.decode_checkpoint(
        (folder / "checkpoint").read_bytes(), meta.store_id, "checkpoint"
    )
    (segment,) = (folder / "journal").iterdir()
    assert segment.name == segment_name(checkpoint.segment).split("/")[1]
    data = segment.read_bytes()
    offset = stored.SEGMENT_HEADER_BYTES + checkpoint.lsn - checkpoint.segment
    kinds = [record.operations[0][0] for record in stored.records(data, offset, checkpoint.lsn)]
    assert kinds == [stored.REPLACE, stored.CHECKPOINT]
    (snapshot,) = folder.glob("_partitions/*/data.pickle")
    header, entries = load_snapshot(
        snapshot.read_bytes(), meta.store_id, str(snapshot), trusted=False
    )
    assert snapshot.parent.name == partition_directory(header.begin, header.id)
    assert header.id == checkpoint.lsn
    assert dict(entries) == {KEY: encode_item(ITEM)}


def test_the_checks_can_fail(monkeypatch: pytest.MonkeyPatch) -> None:
    """A shifted offset, a wrong byte and a value that is not the one shown are noticed."""
    for shown, other, check in (
        ("| 16 | 16 | store id |", "| 18 | 16 | store id |", byte_tables),
        ("28  02 00 00 00  ", "28  03 00 00 00  ", test_record_examples),
        ("`4e 02`", "`4e 03 80 33 00`", test_key_examples),
    ):
        broken = page().replace(shown, other)
        assert broken != page()
        with monkeypatch.context() as patch:
            patch.setattr(sys.modules[__name__], "page", lambda text=broken: text)
            examples.cache_clear()
            with pytest.raises((AssertionError, ValueError)):
                check()
    examples.cache_clear()


def byte_tables() -> None:
    for name in names_of("bytes"):
        test_byte_tables_are_those_of_the_structs(name)
