"""Queries: prefixes and conditions on the sort key, both directions, limits, pages of a collection."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from dynafile import Dynafile, Key, begins_with, between, eq, gt, gte, lt, lte
from dynafile.errors import InvalidArgument, KeyTypeMismatch, ValidationError

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import OpenDatabase

SORT_KEYS: dict[str, list[Any]] = {
    "S": ["a", "a\0", "ab", "abc", "abd", "b", "ba", "é", "日", "日本", "😀", "😀😀"],
    "N": [
        Decimal("-12345678901234567890.123456789"), -1000, -999.5, -11, -10, -1, Decimal("-0.5"),
        Decimal("-0.25"), 0, 0.25, Decimal("0.5"), 1, 9, 10, 11, 100, 2**70, Decimal("1e80"),
    ],
    "B": [b"\0", b"\0\0", b"\0\xff", b"a", b"a\0", b"ab", b"\xfe", b"\xff", b"\xff\0", b"\xff\xff"],
}  # fmt: skip

BETWEEN_THEM: dict[str, list[Any]] = {
    "S": ["A", "aa", "zz", "\U0010ffff"],
    "N": [-(10**30), -10.5, Decimal("-0.3"), Decimal("0.1"), 5, 1e100],
    "B": [b"\0\1", b"aa", b"b", b"\xff\xff\xff"],
}
"""Values that are no key of the collection."""

COMPARISONS: dict[str, tuple[Callable[[Any], Any], Callable[[Any, Any], bool]]] = {
    "eq": (eq, lambda key, value: key == value),
    "lt": (lt, lambda key, value: key < value),
    "lte": (lte, lambda key, value: key <= value),
    "gt": (gt, lambda key, value: key > value),
    "gte": (gte, lambda key, value: key >= value),
}
LETTERS = sorted(SORT_KEYS)


def exact(value: Any) -> Any:
    """Numbers as what they stand for: a float is its shortest decimal form."""
    return Decimal(repr(value)) if isinstance(value, float) else value


@pytest.fixture(params=["memory", "files", "split"])
def collection(request: pytest.FixtureRequest, database: OpenDatabase) -> Callable[[str], Dynafile]:
    """A collection of all keys of a type, with neighbours, at three stages of its life."""

    def build(letter: str) -> Dynafile:
        db = database(":memory:" if request.param == "memory" else None)
        store = db._store
        if request.param == "split":
            assert store._checkpointer is not None
            store._checkpointer.partition_bytes = 300
        keys = SORT_KEYS[letter]
        for pk in ("p", "o", "p\0", "pp"):
            for key in keys:
                db.put_item(item={"PK": pk, "SK": key})
        if request.param == "split":
            store.checkpoint()
            assert db.describe().partition_count > 5
            store.replica.cache.clear()
        return db

    return build


@pytest.mark.parametrize("letter", LETTERS)
def test_comparisons(letter: str, collection: Callable[[str], Dynafile]) -> None:
    db = collection(letter)
    keys = SORT_KEYS[letter]
    for value in keys + BETWEEN_THEM[letter]:
        for name, (condition, holds) in COMPARISONS.items():
            expected = [key for key in keys if holds(exact(key), exact(value))]
            for sk in (condition(value), getattr(Key("SK"), name)(value)):
                found = [item["SK"] for item in db.query("p", sk=sk)]
                assert found == expected, f"{name} {value!r}"
                back = db.query("p", sk=sk, scan_index_forward=False)
                assert [item["SK"] for item in back] == expected[::-1], f"{name} {value!r}"
        assert [item["SK"] for item in db.query("p", sk=value)] == [k for k in keys if k == value]


@pytest.mark.parametrize("letter", LETTERS)
def test_between(letter: str, collection: Callable[[str], Dynafile]) -> None:
    db = collection(letter)
    keys = SORT_KEYS[letter]
    bounds = sorted(keys + BETWEEN_THEM[letter], key=exact)
    for low in bounds:
        for high in bounds[bounds.index(low) :]:
            expected = [key for key in keys if exact(low) <= exact(key) <= exact(high)]
            assert [item["SK"] for item in db.query("p", sk=between(low, high))] == expected
            condition = Key("SK").between(low, high)
            found = db.query("p", sk=condition, scan_index_forward=False)
            assert [item["SK"] for item in found] == expected[::-1]


@pytest.mark.parametrize("letter", ["S", "B"])
def test_prefixes_in_both_directions(letter: str, collection: Callable[[str], Dynafile]) -> None:
    db = collection(letter)
    keys = SORT_KEYS[letter]
    prefixes = {key[:end] for key in keys for end in range(1, len(key) + 1)}
    for prefix in prefixes | set(BETWEEN_THEM[letter]):
        expected = [key for key in keys if key.startswith(prefix)]
        for how in (
            {"starts_with": prefix},
            {"sk": begins_with(prefix)},
            {"sk": Key("SK").begins_with(prefix)},
        ):
            assert [item["SK"] for item in db.query("p", **how)] == expected, prefix
            back = db.query("p", scan_index_forward=False, **how)
            assert [item["SK"] for item in back] == expected[::-1], prefix


@pytest.mark.parametrize("letter", LETTERS)
def test_a_reverse_query_without_a_prefix(
    letter: str, collection: Callable[[str], Dynafile]
) -> None:
    """In 0.1.3 it returned nothing, unless starts_with was None."""
    db = collection(letter)
    for how in ({}, {"starts_with": None}, {"starts_with": ""}):
        found = [item["SK"] for item in db.query("p", scan_index_forward=False, **how)]
        assert found == SORT_KEYS[letter][::-1]


def test_a_prefix_is_no_lower_bound(database: OpenDatabase) -> None:
    """In 0.1.3 starts_with was where the query began, and everything after it came too."""
    db = database()
    for sk in ("a#1", "b#1", "b#2", "c#1"):
        db.put_item(item={"PK": "p", "SK": sk})
    assert [i["SK"] for i in db.query("p", starts_with="b#")] == ["b#1", "b#2"]
    back = db.query("p", starts_with="b#", scan_index_forward=False)
    assert [i["SK"] for i in back] == ["b#2", "b#1"]


def test_limits(collection: Callable[[str], Dynafile]) -> None:
    db = collection("N")
    keys = SORT_KEYS["N"]
    for limit in (1, 2, len(keys), len(keys) + 1, 10_000):
        assert [i["SK"] for i in db.query("p", limit=limit)] == keys[:limit]
        back = db.query("p", limit=limit, scan_index_forward=False)
        assert [i["SK"] for i in back] == keys[::-1][:limit]
        positive = [key for key in keys if key > 0]
        found = db.query("p", limit=limit, filter=lambda item: item["SK"] > 0)
        assert [i["SK"] for i in found] == positive[:limit]
        assert [i["SK"] for i in db.query("p", sk=gt(0), limit=limit)] == positive[:limit]


def test_a_limit_stops_the_filter(database: OpenDatabase) -> None:
    """The filter is not asked about items past the last that is wanted."""
    db = database(":memory:")
    for n in range(10):
        db.put_item(item={"PK": "p", "SK": n})
    asked: list[int] = []

    def even(item: dict[str, Any]) -> bool:
        asked.append(item["SK"])
        return item["SK"] % 2 == 0

    assert [i["SK"] for i in db.query("p", filter=even, limit=2)] == [0, 2]
    assert asked == [0, 1, 2]


def test_a_query_of_a_large_collection(database: OpenDatabase) -> None:
    """More than one chunk, and more than one partition."""
    db = database()
    count = 3000
    with db.batch_writer() as writer:
        for n in range(count):
            writer.put_item(item={"PK": "p", "SK": n, "text": "x" * 100})
    assert [i["SK"] for i in db.query("p")] == list(range(count))
    db._store.checkpoint()
    assert db.describe().partition_count > 1
    assert [i["SK"] for i in db.query("p")] == list(range(count))
    assert [i["SK"] for i in db.query("p", scan_index_forward=False)] == list(range(count))[::-1]
    assert [i["SK"] for i in db.query("p", sk=between(600, 2100))] == list(range(600, 2101))


def test_a_query_reads_nothing_it_was_not_asked_for(database: OpenDatabase) -> None:
    db = database()
    db.put_item(item={"PK": "p", "SK": "a"})
    assert list(db.query("q")) == list(db.query("P")) == []
    assert list(db.query("p", sk="A")) == list(db.query("p", starts_with="aa")) == []


def test_queries_are_lazy(database: OpenDatabase) -> None:
    """What a query yields is read as it goes on; its arguments are checked when it is called."""
    db = database(":memory:")
    found = db.query("p")
    db.put_item(item={"PK": "p", "SK": "late"})
    assert [item["SK"] for item in found] == ["late"]
    assert list(found) == []
    with pytest.raises(InvalidArgument):
        db.query("p", limit=0)


def test_conditions_that_make_no_sense(database: OpenDatabase) -> None:
    db = database(":memory:")
    db.put_item(item={"PK": "p", "SK": "a"})
    for error, arguments in [
        (InvalidArgument, {"sk": lt("a"), "starts_with": "a"}),
        (InvalidArgument, {"sk": Key("other").lt("a")}),
        (InvalidArgument, {"sk": Key("PK").eq("p")}),
        (InvalidArgument, {"sk": Key("SK")}),
        (InvalidArgument, {"sk": lambda item: True}),
        (KeyTypeMismatch, {"sk": lt(1)}),
        (KeyTypeMismatch, {"sk": b"a"}),
        (KeyTypeMismatch, {"starts_with": b"a"}),
        (KeyTypeMismatch, {"starts_with": b""}),
        (InvalidArgument, {"starts_with": 0}),
        (InvalidArgument, {"starts_with": 1.5}),
        (InvalidArgument, {"starts_with": ["a"]}),
        (InvalidArgument, {"limit": -1}),
        (InvalidArgument, {"limit": 1.0}),
        (InvalidArgument, {"limit": True}),
        (InvalidArgument, {"filter": "SK == 'a'", "_filter": "SK == 'a'"}),
    ]:
        with pytest.raises(error):
            db.query("p", **arguments)  # type: ignore[arg-type]
    with pytest.raises(ValidationError, match="BETWEEN"):
        between("b", "a")
    with pytest.raises(ValidationError):
        between("a", 1)
    with pytest.raises(ValidationError, match="begins_with"):
        begins_with(1)
