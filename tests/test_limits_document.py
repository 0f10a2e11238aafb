"""Each row of the table of limits, one step beyond it: the error must be one that the row names."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from dynafile import Attr, Database, Dynafile, DynafileError, StreamOptions
from dynafile.store import writer
from dynafile.values import codec

PAGE = Path(__file__).resolve().parent.parent / "docs" / "limits.md"
TABLE = re.compile(r"<!-- table: limits -->\n\n.*?\n.*?\n(.*?)\n\n", re.DOTALL)
ROW = re.compile(r"^\| (.+?) \| (.+) \| (.+?) \|$", re.MULTILINE)

Attempt = Callable[[Dynafile], object]


def rows() -> dict[str, set[str]]:
    table = TABLE.search(PAGE.read_text(encoding="utf-8"))
    assert table is not None
    return {row[1]: set(re.findall(r"`(\w+)`", row[3])) for row in ROW.finditer(table[1])}


def key(pk: object, sk: object = "b") -> Attempt:
    return lambda db: db.put_item(item={"PK": pk, "SK": sk})


def value(given: Any, name: Any = "x") -> Attempt:
    return lambda db: db.put_item(item={"PK": "a", "SK": "b", name: given})


def nested(levels: int) -> list[Any]:
    made: list[Any] = []
    for _ in range(levels - 1):
        made = [made]
    return made


def condition(levels: int) -> Any:
    made: Any = Attr("a").eq(1)
    for level in range(levels):
        made = ~made if level % 2 else made & Attr("b").eq(1)
    return made


def cyclic() -> list[Any]:
    made: list[Any] = []
    made.append(made)
    return made


def scan(**options: Any) -> Attempt:
    return lambda db: list(db.scan(**options))


def records(_db: Dynafile) -> None:
    with Database(":memory:") as database:
        database.create_table("one", "id", None, stream=True)
        arn = database.list_streams().streams[0].stream_arn
        shard = database.describe_stream(stream_arn=arn).shards[0].shard_id
        iterator = database.get_shard_iterator(
            stream_arn=arn, shard_id=shard, shard_iterator_type="LATEST"
        )
        database.get_records(shard_iterator=iterator, limit=1000)
        database.get_records(shard_iterator=iterator, limit=1001)


def consumer(name: str) -> Attempt:
    def read(_db: Dynafile) -> None:
        with Dynafile(":memory:", stream=True) as db:
            db.stream(name=name)

    return read


def sql(statement: str) -> Attempt:
    def attempt(_db: Dynafile) -> None:
        with Dynafile(":memory:", table_name="tab") as db:
            db.execute_statement(statement=statement)

    return attempt


def batches(_db: Dynafile) -> None:
    with Database(":memory:") as database:
        database.create_table("one", "id", None)
        puts = [{"PutRequest": {"Item": {"id": str(number)}}} for number in range(26)]
        database.batch_write_item(request_items={"one": puts})


BEYOND: dict[str, dict[str, list[Attempt]]] = {
    "partition key": {
        "KeyTooLong": [key("a" * 2049), key("é" * 1025), key(b"a" * 2049)],
        "EmptyKey": [key(""), key(b"")],
        "MissingKey": [key(None), lambda db: db.put_item(item={"SK": "b"})],
    },
    "sort key": {
        "KeyTooLong": [key("a", "b" * 1025)],
        "EmptyKey": [key("a", "")],
        "MissingKey": [key("a", None), lambda db: db.get_item(key={"PK": "a"})],
    },
    "types of keys": {"KeyTypeMismatch": [key(1), key("a", b"b"), key(["a"])]},
    "number": {
        "InvalidNumber": [
            value(Decimal("9.9E-131")),
            value(Decimal("1E+126")),
            value(10**38 + 1),
            value(float("nan")),
            value(float("inf")),
        ]
    },
    "string": {"InvalidString": [value("\ud800")]},
    "item": {"ItemTooLarge": [value(b"x" * (16_777_216 - 10))]},
    "nesting of lists, maps and tuples": {
        "NestingTooDeep": [value(nested(33))],
        "CyclicItem": [value(cyclic())],
    },
    "set": {"InvalidSet": [value(set()), value({1, "a"})], "UnsupportedType": [value({None})]},
    "attribute name": {
        "InvalidName": [value(1, "")],
        "UnsupportedType": [value(1, 1), value({1: 1})],
    },
    "type of a value": {"UnsupportedType": [value(object()), value(bytearray(1))]},
    "table name": {
        "InvalidName": [
            lambda db: Dynafile(":memory:", table_name="ab"),
            lambda db: Dynafile(":memory:", table_name="a" * 256),
            lambda db: Dynafile(":memory:", table_name="a b c"),
        ]
    },
    "one commit, so one `batch_writer` block": {"InvalidArgument": []},
    "a transaction of `transact_write_items` or `transact_get_items`": {
        "ValidationError": [
            lambda db: db.transact_write_items(
                transact_items=[
                    {"Put": {"Item": {"PK": "a", "SK": str(number)}}} for number in range(101)
                ]
            ),
            lambda db: db.transact_write_items(
                transact_items=[
                    {"Put": {"Item": {"PK": "a", "SK": str(number), "v": "x" * 1_100_000}}}
                    for number in range(4)
                ]
            ),
            lambda db: db.transact_get_items(
                transact_items=[{"Get": {"Key": {"PK": "a", "SK": "b"}}}] * 2
            ),
        ]
    },
    "`batch_write_item`, `batch_get_item` of a `Database`": {"ValidationError": [batches]},
    "expression": {
        "ExpressionError": [scan(filter_expression="NOT " * 101 + "attribute_exists(a)")],
        "ValidationError": [
            scan(filter_expression="a" * 4097),
            scan(filter_expression=" AND ".join(["attribute_exists(a)"] * 301)),
        ],
    },
    "statement of PartiQL": {
        "StatementError": [
            sql("SELECT * FROM tab WHERE " + "(" * 101 + "a = 1" + ")" * 101),
            sql("SELECT * FROM tab WHERE a IN [" + ", ".join(["1"] * 101) + "]"),
        ],
        "ValidationError": [
            sql("SELECT * FROM tab WHERE a = '" + "x" * 8192 + "'"),
            sql("SELECT * FROM tab WHERE PK IN [" + ", ".join(f"'{n}'" for n in range(51)) + "]"),
            lambda db: db.batch_execute_statement(statements=[{"Statement": "x"}] * 26),
            lambda db: db.execute_transaction(transact_statements=[{"Statement": "x"}] * 101),
        ],
    },
    "segments of a scan": {"InvalidArgument": [scan(segment=0, total_segments=1_000_001)]},
    "`limit` of a query or scan": {"InvalidArgument": [scan(limit=0), scan(limit=1.5)]},
    "the retention of a stream": {
        "InvalidArgument": [
            lambda _db: StreamOptions(retention=0.5),
            lambda _db: StreamOptions(retention=timedelta(days=367)),
        ]
    },
    "the name of a stream's consumer": {
        "InvalidArgument": [consumer(""), consumer("é" * 128), consumer("a\0b")]
    },
    "`get_records`": {"InvalidArgument": [records]},
    "filter string": {"ExpressionError": [scan(filter="(" * 201 + "x == 1" + ")" * 201)]},
    "condition of `Attr`": {"ExpressionError": [lambda db: condition(101)]},
}

WITHIN: list[Attempt] = [
    lambda _db: StreamOptions(retention=1),
    lambda _db: StreamOptions(retention=timedelta(days=366)),
    consumer("é" * 127),
    key("a" * 2048, "b" * 1024),
    value(Decimal("1E-130")),
    value(Decimal("9." + "9" * 37 + "E+125")),
    value(b"x" * (16_777_216 - 18)),
    value(nested(32)),
    scan(segment=0, total_segments=1_000_000),
    scan(filter="(" * 200 + "x == 1" + ")" * 200),
    scan(filter=condition(99)),
    lambda db: Dynafile(":memory:", table_name="a" * 255).close(),
]


def test_the_table_names_what_is_raised() -> None:
    assert rows() == {row: set(errors) for row, errors in BEYOND.items()}


@pytest.mark.parametrize("row", BEYOND)
def test_beyond(row: str) -> None:
    with Dynafile(":memory:", pk_type="S", sk_type="S") as db:
        for name, attempts in BEYOND[row].items():
            for attempt in attempts:
                with pytest.raises(DynafileError) as raised:
                    attempt(db)
                assert type(raised.value).__name__ == name
        assert len(db) == 0


@pytest.mark.parametrize("number", range(len(WITHIN)))
def test_within(number: int) -> None:
    with Dynafile(":memory:") as db:
        WITHIN[number](db)


def test_a_commit_beyond_its_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a smaller limit in its place, because 2 GiB are too much for a test."""
    text = PAGE.read_text(encoding="utf-8")
    assert f"| {writer.MAX_RECORD_BYTES:,} bytes; the block" in text
    assert f"| {codec.MAX_ITEM_BYTES:,} bytes as stored" in text
    with Dynafile(tmp_path / "db") as db:
        db.put_item(item={"PK": "a", "SK": "0"})
        monkeypatch.setattr(writer, "MAX_RECORD_BYTES", 1000)
        with pytest.raises(DynafileError) as raised, db.batch_writer() as batch:
            for number in range(1, 100):
                batch.put_item(item={"PK": "a", "SK": str(number)})
        assert type(raised.value).__name__ == "InvalidArgument"
        assert len(db) == 1
