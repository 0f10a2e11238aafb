"""What a stranger put where a table puts its entries: refused when it is read, by one error."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

import msgspec
import pytest
from fuzz import mending
from fuzz.folders import append_record, change_meta, read_all, refusals, unpack
from fuzz.targets import read_everything

from dynafile import Database, Dynafile
from dynafile.errors import CorruptFile, DynafileError
from dynafile.store.format import CHANGE, PUT, encode_record
from dynafile.values import encode_item, encode_key_value, hash_prefix

if TYPE_CHECKING:
    from pathlib import Path

ORDERS, EXPIRY, BY_PLACE, BY_TOTAL, USERS, CONSUMERS = range(1, 7)


def key_of(*values: str | int) -> bytes:
    encoded = [encode_key_value(value, attribute="a", limit=2048) for value in values]
    return hash_prefix(encoded[0]) + b"".join(encoded)


ORDER = {"customer": "c9", "date": "d9", "total": 1, "place": 1}
PLACE = key_of("c9", "d9")
ENTRIES = {
    "no item": (ORDERS, PLACE, b"\xc1"),
    "an empty value": (ORDERS, PLACE, b""),
    "a list": (ORDERS, PLACE, b"\x90"),
    "deep": (ORDERS, PLACE, b"\x81\xa1a" + b"\x91" * 5000 + b"\xc0"),
    "without its key": (ORDERS, PLACE, encode_item({"a": 1})),
    "at another place": (ORDERS, key_of("c8", "d9"), encode_item(ORDER)),
    "at no key": (ORDERS, b"x", encode_item(ORDER)),
    "a key of another type": (ORDERS, key_of("c9", 9), encode_item({**ORDER, "date": 9})),
    "a set that is none": (
        ORDERS,
        PLACE,
        msgspec.msgpack.encode({**ORDER, "s": msgspec.msgpack.Ext(4, b"\x91\xc0")}),
    ),
    "a zone that is a path": (
        ORDERS,
        PLACE,
        msgspec.msgpack.encode(
            {**ORDER, "t": msgspec.msgpack.Ext(6, b"2026-01-01T00:00:00[../../etc/passwd]")}
        ),
    ),
    "an entry by expiry": (EXPIRY, b"\xff", b""),
    "an entry of an index": (BY_PLACE, b"\xff" * 20, encode_item(ORDER)),
    "an entry of an index for no key": (BY_PLACE, key_of(1, 1), encode_item(ORDER)),
    "an entry without its item": (BY_TOTAL, key_of("c9", 1) + PLACE, encode_item({})),
    "a consumer": (CONSUMERS, (1).to_bytes(8, "big") + b"mailer\0H", b"{"),
    "a consumer in a list": (CONSUMERS, (1).to_bytes(8, "big") + b"mailer\0H", b"[]"),
    "a consumer's name": (CONSUMERS, (1).to_bytes(8, "big") + b"\xff\0H", b"{}"),
    "a consumer without a name": (CONSUMERS, b"12345678", b"{}"),
}


@pytest.mark.parametrize("name", ENTRIES)
def test_an_entry_that_no_table_wrote(name: str, tmp_path: Path) -> None:
    """It came out as msgspec's DecodeError, a KeyError, a RecursionError, or a JSONDecodeError."""
    path = unpack(tmp_path / "db")
    number, key, value = ENTRIES[name]
    append_record(path, encode_record(1, 1, 1, 1, [(PUT, number, key, value)]))

    def read(db: Database) -> None:
        read_everything(db)
        for keyspace in db._store.replica.keyspaces.values():
            for _ in db._store.range(keyspace, b"", None, limit=100):
                pass

    reading, writing, repairing = refusals(path, read)
    for error in (reading, writing):
        assert isinstance(error, CorruptFile)
        assert "was not written by Dynafile" in str(error)
        assert error.path
    assert repairing is None


def test_one_table_is_held_against_its_entries_too(tmp_path: Path) -> None:
    with Dynafile(tmp_path / "db") as db:
        db.put_item(item={"PK": "a", "SK": "b"})
    (segment,) = (tmp_path / "db" / "journal").iterdir()
    data = segment.read_bytes().rstrip(b"\0")
    put = encode_record(1, 1, 1, 2, [(PUT, 1, key_of("a", "c"), b"\xc1")])
    segment.write_bytes(mending.segment(data + put) + bytes(100))
    (tmp_path / "db" / "position").write_bytes(bytes(256))
    with (
        Dynafile(tmp_path / "db", trusted=False) as db,
        pytest.raises(CorruptFile, match="not written by Dynafile"),
    ):
        db.get_item(key={"PK": "a", "SK": "c"})


CHANGES = [b"", b"\1", b"\x31" + b"\xc1", b"\x22", b"\xff" + encode_item({"a": 1}), b"\x00"]


@pytest.mark.parametrize("value", CHANGES)
def test_a_change_that_no_table_noted(value: bytes, tmp_path: Path) -> None:
    path = unpack(tmp_path / "db")
    put = (PUT, ORDERS, PLACE, encode_item(ORDER))
    append_record(path, encode_record(1, 1, 1, 1, [put, (CHANGE, ORDERS, PLACE, value)]))
    append_record(path, encode_record(1, 1, 1, 1, [(CHANGE, ORDERS, b"\xff", value)]))
    refusals(path, read_everything)  # swallows errors of ours, and lets others out


MEMBERS = {
    "pk_attribute": [1, None, [], ""],
    "sk_attribute": [1, [], {}],
    "ttl_attribute": [1, []],
    "items": ["1", None, 1.5, -1, 99],
    "expiry": ["2", 99],
    "indexes": [[], {"x": {}}, {"by-place": None}, 1],
    "index_types": [[], {"place": 1}, {"place": "X"}],
    "settings": [
        [],
        {"stream": "X"},
        {"created": "x"},
        {"created": 10**30},
        {"stream_label": -(10**30)},
    ],
    "name": ["other", None, 1],
    "more": [1],
}


@pytest.mark.parametrize(("name", "value"), [(n, v) for n, some in MEMBERS.items() for v in some])
def test_a_definition_that_nobody_declared(name: str, value: object, tmp_path: Path) -> None:
    path = unpack(tmp_path / "db")
    change_meta(path, lambda meta: meta["schema"]["tables"]["orders"].update({name: value}))
    for error in refusals(path, read_everything):
        assert error is None or isinstance(error, DynafileError)
    with suppress(DynafileError), Dynafile(path, table_name="orders", trusted=False) as db:
        list(db.scan())


@pytest.mark.parametrize(
    "name", ["kind", "pk", "sk", "projection", "include", "entries", "gone", "name"]
)
@pytest.mark.parametrize("value", [None, 1, "", "x", [], [1], {}, 10**30])
def test_an_index_that_nobody_declared(name: str, value: object, tmp_path: Path) -> None:
    path = unpack(tmp_path / "db")

    def change(meta: dict) -> None:
        meta["schema"]["tables"]["orders"]["indexes"]["by-place"][name] = value

    change_meta(path, change)
    for error in refusals(path, lambda db: (read_all(db), read_everything(db))):
        assert error is None or isinstance(error, DynafileError)
