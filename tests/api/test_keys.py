"""Keys: strings, numbers or bytes, one type a table, with a sort key or without."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from dynafile.errors import InvalidArgument, KeyTypeMismatch, SchemaMismatch

if TYPE_CHECKING:
    from api.conftest import StartWorker
    from conftest import OpenDatabase

ORDERED: dict[str, list[Any]] = {
    "S": ["\0", "\0\0", "\0a", " ", "A", "a", "a\0", "a\0b", "aa", "b", "é", "日本", "\uffff", "😀"],
    "N": [
        Decimal("-9.9e125"), -(10**37), -1000.5, -100, -99.99, -1.5, -1, Decimal("-0.001"), -1e-130,
        0, Decimal("1e-130"), 0.001, Decimal("0.0010000000000000000000000000000000000001"), 0.5, 1,
        Decimal("1.5"), 2, 10, 11, 99, 100, 101, 2**63, 2**64, 10**37 + 1, 1e100, Decimal("9.9e125"),
    ],
    "B": [b"\0", b"\0\0", b"\0\1", b"\0\xff", b"\1", b"a", b"a\0", b"ab", b"\xff", b"\xff\0", b"\xff\xff"],
}  # fmt: skip
LETTERS = sorted(ORDERED)
PYTHON_TYPES = {"S": str, "N": int, "B": bytes}


@pytest.mark.parametrize("letter", LETTERS)
def test_sort_keys_come_in_order(letter: str, database: OpenDatabase) -> None:
    keys = ORDERED[letter]
    db = database()
    db.execute_batch(("PUT", {"PK": "p", "SK": key}) for key in reversed(keys))
    assert [item["SK"] for item in db.query("p")] == keys
    assert [item["SK"] for item in db.query("p", scan_index_forward=False)] == keys[::-1]
    assert [type(item["SK"]) for item in db.query("p")] == list(map(type, keys))
    for key in keys:
        assert db.get_item(key={"PK": "p", "SK": key}) == {"PK": "p", "SK": key}
    assert db.sk_type == letter


@pytest.mark.parametrize("letter", LETTERS)
def test_partition_keys_of_each_type(letter: str, database: OpenDatabase) -> None:
    keys = ORDERED[letter]
    db = database(sk_attribute=None)
    assert (db.pk_type, db.sk_type) == (None, None)
    db.execute_batch(("PUT", {"PK": key, "n": n}) for n, key in enumerate(keys))
    assert (db.pk_type, db.sk_type) == (letter, None)
    assert len(db) == len(keys)
    for n, key in enumerate(keys):
        assert list(db.query(key)) == [{"PK": key, "n": n}]
    db.close()
    assert database().pk_type == letter


def test_equal_numbers_are_one_key(database: OpenDatabase) -> None:
    db = database()
    for number in (1, 1.0, Decimal("1.00"), Decimal("1e0")):
        db.put_item(item={"PK": number, "SK": number, "as": str(number)})
    assert len(db) == 1
    (item,) = db.query(Decimal(1), sk=1.0)
    assert (item["as"], type(item["SK"])) == ("1", Decimal)  # the last that was written
    db.put_item(item={"PK": -0.0, "SK": Decimal("-0")})
    assert db.get_item(key={"PK": 0, "SK": 0}) is not None
    db.delete_item(key={"PK": Decimal("1.000"), "SK": 1})
    assert len(db) == 1


@pytest.mark.parametrize("letter", LETTERS)
@pytest.mark.parametrize("spelled", ["letter", "type"])
def test_declared_types(letter: str, spelled: str, database: OpenDatabase) -> None:
    declared: Any = letter if spelled == "letter" else PYTHON_TYPES[letter]
    db = database(pk_type=declared, sk_type=declared)
    assert (db.pk_type, db.sk_type) == (letter, letter)
    db.close()
    db = database()
    assert (db.pk_type, db.sk_type) == (letter, letter)
    for other in LETTERS:
        item = {"PK": ORDERED[other][5], "SK": ORDERED[other][5]}
        if other == letter:
            db.put_item(item=item)
            continue
        for refused in (
            lambda: db.put_item(item=item),
            lambda: db.get_item(key=item),
            lambda: db.delete_item(key=item),
            lambda: db.batch_get_item(keys=[item]),
            lambda: db.query(item["PK"]),
            lambda: db.query(ORDERED[letter][5], sk=item["SK"]),
        ):
            with pytest.raises(KeyTypeMismatch) as caught:
                refused()
            assert (caught.value.expected, caught.value.actual) == (letter, other)
    assert len(db) == 1


def test_declaring_one_type_leaves_the_other(database: OpenDatabase) -> None:
    db = database(sk_type="N")
    assert (db.pk_type, db.sk_type) == (None, "N")
    with pytest.raises(KeyTypeMismatch, match="'SK' is a string"):
        db.put_item(item={"PK": b"a", "SK": "1"})
    assert (db.pk_type, len(db)) == (None, 0)
    db.put_item(item={"PK": b"a", "SK": 1})
    assert (db.pk_type, db.sk_type) == ("B", "N")


def test_types_declared_when_opened_again(database: OpenDatabase) -> None:
    database().close()
    db = database(pk_type="N", sk_type="B")
    with pytest.raises(SchemaMismatch, match="pk_type='N'"):
        database(pk_type="S")
    db.put_item(item={"PK": 1, "SK": b"1"})
    assert (database(read_only=True).pk_type, db.sk_type) == ("N", "B")


def test_the_first_write_decides(database: OpenDatabase) -> None:
    db = database()
    db.delete_item(key={"PK": 1, "SK": 1})  # what is not there has no type
    assert db.get_item(key={"PK": b"1", "SK": 1}) is None
    assert list(db.query(5)) == []
    db.put_item(item={"PK": "a", "SK": 1})
    with pytest.raises(KeyTypeMismatch):
        db.put_item(item={"PK": "a", "SK": "1"})
    with pytest.raises(KeyTypeMismatch):
        db.delete_item(key={"PK": 1, "SK": 1})
    db.clear()
    with pytest.raises(KeyTypeMismatch):
        db.put_item(item={"PK": 1, "SK": 1})  # clear() keeps the schema
    assert list(db.scan()) == []


def test_a_first_batch_of_two_types_is_refused_whole(database: OpenDatabase) -> None:
    db = database()
    batch = [("PUT", {"PK": "a", "SK": "1"}), ("PUT", {"PK": 1, "SK": "1"})]
    with pytest.raises(KeyTypeMismatch, match="'PK' is a number"):
        db.execute_batch(batch)  # type: ignore[arg-type]
    assert (len(db), db.pk_type) == (0, None)
    db.put_item(item={"PK": 1, "SK": 1})


def test_a_type_learnt_inside_a_batch_counts(database: OpenDatabase) -> None:
    """A batch whose writes were taken before the key types were known mixed types in one table."""
    db = database()
    with pytest.raises(KeyTypeMismatch), db.batch_writer() as writer:
        writer.put_item(item={"PK": 1, "SK": "1"})
        db.put_item(item={"PK": "a", "SK": "1"})
    assert list(db.scan()) == [{"PK": "a", "SK": "1"}]


def test_a_type_learnt_by_somebody_else_counts(database: OpenDatabase, worker: StartWorker) -> None:
    db = database()
    second = database()
    other = worker(db.path)
    other.call("put_item", item={"PK": "a", "SK": 1})
    for handle in (db, second):
        assert (handle.pk_type, handle.sk_type) == ("S", "N")
        for key in ({"PK": 1, "SK": 1}, {"PK": "a", "SK": "1"}):
            with pytest.raises(KeyTypeMismatch):
                handle.put_item(item=key)
    second.put_item(item={"PK": "a", "SK": 2})
    assert other.call("query", "a") == [{"PK": "a", "SK": 1}, {"PK": "a", "SK": 2}]


def test_a_table_without_sort_key(database: OpenDatabase) -> None:
    db = database(sk_attribute=None)
    db.put_item(item={"PK": "a", "n": 1})
    db.put_item(item={"PK": "a", "n": 2, "SK": ["just an attribute"]})
    db.put_item(item={"PK": "ab", "n": 3})
    assert (len(db), db.sk_attribute, db.sk_type) == (2, None, None)
    assert db.get_item(key={"PK": "a"}) == {"PK": "a", "n": 2, "SK": ["just an attribute"]}
    assert [item["n"] for item in db.query("a")] == [2]
    assert [item["n"] for item in db.query("a", scan_index_forward=False, starts_with="")] == [2]
    for condition in ({"starts_with": "x"}, {"sk": "x"}):
        with pytest.raises(InvalidArgument, match="no sort key"):
            db.query("a", **condition)
    db.delete_item(key={"PK": "a"})
    assert [item["PK"] for item in db.scan()] == ["ab"]
    db.close()
    assert database().sk_attribute is None
    assert database(sk_attribute=None).get_item(key={"PK": "ab"}) == {"PK": "ab", "n": 3}


@pytest.mark.parametrize("sort", ["S", "N", "B"])
@pytest.mark.parametrize("partition", ["S", "N", "B"])
def test_every_pair_of_types(partition: str, sort: str, database: OpenDatabase) -> None:
    """Collections are kept apart whatever their keys look like."""
    db = database(":memory:")
    items = [
        {"PK": pk, "SK": sk, "place": f"{a},{b}"}
        for a, pk in enumerate(ORDERED[partition])
        for b, sk in enumerate(ORDERED[sort])
    ]
    with db.batch_writer() as writer:
        for item in items:
            writer.put_item(item=item)
    assert len(db) == len(items)
    size = len(ORDERED[sort])
    for n, pk in enumerate(ORDERED[partition]):
        assert list(db.query(pk)) == items[n * size : (n + 1) * size]


def test_the_largest_keys(database: OpenDatabase) -> None:
    db = database()
    texts = ["x" * 2048, "é" * 1024, "\0" * 2048]
    for text in texts:
        item = {"PK": text, "SK": text[: len(text) // 2], "n": len(text)}
        db.put_item(item=item)
        assert db.get_item(key=item) == item
        assert list(db.query(text, sk=item["SK"])) == [item]
    assert len(db) == len(texts)


def test_keys_may_hold_anything_unicode(database: OpenDatabase) -> None:
    db = database()
    keys = [
        "🦖",
        "n\u00e9",
        "ne\u0301",
        "שלום",
        "\u0000",
        "\u202e",
        "a/b\\c",
        "..",
        "'\"`$()",
        "\n",
    ]
    for key in keys:
        db.put_item(item={"PK": key, "SK": key, "🔑": key})
    assert len(db) == len(keys)
    db.close()
    db = database()
    for key in keys:
        assert db.get_item(key={"PK": key, "SK": key}) == {"PK": key, "SK": key, "🔑": key}


def test_other_names_for_the_keys(database: OpenDatabase) -> None:
    db = database(pk_attribute="país", sk_attribute="a.b", ttl_attribute="🕰", pk_type="S")
    db.put_item(item={"país": "a", "a.b": 1, "PK": "x", "SK": None})
    assert (db.pk_attribute, db.sk_attribute, db.ttl_attribute) == ("país", "a.b", "🕰")
    assert len(list(db.query("a", sk=1))) == 1
    db.close()
    db = database()
    assert (db.pk_attribute, db.sk_attribute, db.ttl_attribute) == ("país", "a.b", "🕰")
    assert db.get_item(key={"a.b": 1, "país": "a", "PK": "ignored"}) is not None
