"""Pages of queries and scans: where they end, where the next one begins, and what they cost."""

from __future__ import annotations

import itertools
import threading
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import hypothesis.strategies as st
import pytest
from api.conftest import NOW
from hypothesis import given, settings

from dynafile import (
    Attr,
    Capacity,
    ConsumedCapacity,
    Dynafile,
    GlobalIndex,
    Include,
    Key,
    LocalIndex,
    Page,
    between,
    errors,
)
from dynafile.values import decode_item, encode_item, item_size

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from api.conftest import Clock
    from conftest import OpenDatabase

INDEXES = {
    "global": GlobalIndex(pk="G", sk="N"),
    "keys": GlobalIndex(pk="G", sk="N", projection="KEYS_ONLY"),
    "local": LocalIndex(sk="N", projection=Include("x")),
}
MEGABYTE = 1024 * 1024


def fill(db: Dynafile, partition_bytes: int | None = None) -> Dynafile:
    """Put items with index keys of which many are alike; into small partitions, if so asked."""
    if partition_bytes is not None:
        assert db._store._checkpointer is not None
        db._store._checkpointer.partition_bytes = partition_bytes
    with db.batch_writer() as writer:
        for n in range(60):
            writer.put_item(item=item(n))
    if partition_bytes is not None:
        db._store.checkpoint()
        assert db.describe().partition_count > 5
    return db


@pytest.fixture(scope="module", params=["memory", "small partitions"])
def db(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Dynafile]:
    """A table for tests that only read."""
    memory = request.param == "memory"
    path = ":memory:" if memory else tmp_path_factory.mktemp("pages") / "db"
    with Dynafile(path, indexes=INDEXES, durability="relaxed") as db:
        yield fill(db, None if memory else 400)
        assert len(db) == 60
        db.check()


def item(n: int) -> dict[str, Any]:
    return {
        "PK": f"p{n % 2}",
        "SK": f"s{n:03}",
        "G": "g" if n % 3 else "h",
        "N": n // 20,
        "x": n,
        "y": f"y{n % 5}",
    }


def pages(read: Callable[..., Page], *args: Any, **options: Any) -> Iterator[Page]:
    """All pages, one after the other."""
    start = None
    for _ in range(1000):
        page = read(*args, exclusive_start_key=start, **options)
        assert page.count == len(page.items) or options.get("select") == "COUNT"
        yield page
        start = page.last_evaluated_key
        if start is None:
            return
    raise AssertionError("they do not end")


def items_of(read: Callable[..., Page], *args: Any, **options: Any) -> list[dict[str, Any]]:
    return [found for page in pages(read, *args, **options) for found in page]


# -- they are what the iterators give -------------------------------------------------------------

QUERIES: dict[str, tuple[str, dict[str, Any]]] = {
    "table": ("p0", {}),
    "condition": ("p1", {"sk": between("s010", "s040")}),
    "prefix": ("p1", {"starts_with": "s01"}),
    "nothing": ("nope", {}),
    "nothing there": ("p0", {"sk": between("s0001", "s0009")}),
    "global": ("g", {"index_name": "global"}),
    "one rank": ("g", {"index_name": "global", "sk": 1}),
    "ranks": ("h", {"index_name": "keys", "sk": between(0, 1)}),
    "local": ("p0", {"index_name": "local"}),
    "filter": ("p0", {"filter": Attr("y").eq("y1")}),
    "callable": ("p0", {"filter": lambda found: found["x"] % 4 == 0}),
    "expression": ("g", {"index_name": "global", "filter_expression": "y = :y",
                         "expression_attribute_values": {":y": "y2"}}),
    "projection": ("g", {"index_name": "keys", "projection_expression": "N, SK"}),
    "through a local index": ("p0", {"index_name": "local", "filter": Attr("y").eq("y2")}),
    "whole items of a local index": ("p0", {"index_name": "local", "projection_expression": "y"}),
}  # fmt: skip


@pytest.mark.parametrize(("pk", "options"), QUERIES.values(), ids=QUERIES.keys())
@pytest.mark.parametrize("forward", [True, False])
def test_pages_of_queries(db: Dynafile, pk: str, options: Any, forward: bool) -> None:
    expected = list(db.query(pk, scan_index_forward=forward, **options))
    for limit in (1, 2, 7, 59, 1000, None):
        read = list(pages(db.query_page, pk, scan_index_forward=forward, limit=limit, **options))
        assert [found for page in read for found in page] == expected
        assert all(page.scanned_count <= (limit or 60) for page in read)
        assert all(page.scanned_count == limit for page in read[:-1])


def test_pages_of_key_conditions(db: Dynafile) -> None:
    for condition in (Key("G").eq("g") & Key("N").gte(1), "G = :g AND N >= :n"):
        values = {":g": "g", ":n": 1} if isinstance(condition, str) else None
        options: dict[str, Any] = {"key_condition_expression": condition, "index_name": "global",
                                   "expression_attribute_values": values}  # fmt: skip
        expected = [found for found in db.query("g", index="global") if found["N"] >= 1]
        assert len(expected) == 27
        assert items_of(db.query_page, limit=4, **options) == expected


def test_queries_find_what_is_there(db: Dynafile) -> None:
    """What the pages are held against is not empty by mistake."""
    lengths = {name: len(list(db.query(pk, **options))) for name, (pk, options) in QUERIES.items()}
    assert lengths == {
        "table": 30, "condition": 15, "prefix": 5, "nothing": 0, "nothing there": 0, "global": 40,
        "one rank": 13, "ranks": 14, "local": 30, "filter": 6, "callable": 15, "expression": 8,
        "projection": 40, "through a local index": 6, "whole items of a local index": 30,
    }  # fmt: skip


@pytest.mark.parametrize("name", [None, "global", "keys", "local"])
def test_pages_of_scans(db: Dynafile, name: str | None) -> None:
    for options in ({}, {"filter": Attr("x").lt(30)} if name in (None, "global") else {}):
        expected = list(db.scan(index_name=name, **options))
        for limit in (1, 7, None):
            assert items_of(db.scan_page, index_name=name, limit=limit, **options) == expected
        shares = [
            items_of(db.scan_page, index_name=name, limit=3, segment=n, total_segments=7, **options)
            for n in range(7)
        ]
        assert [found for share in shares for found in share] == expected
    assert len(list(db.scan(index_name=name))) == 60


def test_limit_counts_before_the_filter(db: Dynafile) -> None:
    page = db.query_page("p0", limit=10, filter=Attr("y").eq("y0"))
    assert (page.count, page.scanned_count) == (2, 10)
    assert page.last_evaluated_key == {"PK": "p0", "SK": "s018"}
    assert [found["SK"] for found in page] == ["s000", "s010"]
    none = db.query_page("p0", limit=3, filter=Attr("y").eq("y3"))
    assert (none.items, none.count, none.scanned_count) == ([], 0, 3)
    assert none.last_evaluated_key == {"PK": "p0", "SK": "s004"}
    exact = db.query_page("p0", limit=30)
    assert exact.last_evaluated_key == {"PK": "p0", "SK": "s058"}
    assert db.query_page("p0", exclusive_start_key=exact.last_evaluated_key) == Page(
        items=[], count=0, scanned_count=0
    )
    assert db.query_page("p0", limit=31).last_evaluated_key is None


def test_start_keys_of_equal_index_keys(db: Dynafile) -> None:
    """The item's key tells entries apart whose index keys are equal."""
    page = db.query_page("g", index_name="global", sk=1, limit=5)
    start = page.last_evaluated_key
    assert start == {name: page.items[-1][name] for name in ("PK", "SK", "G", "N")}
    after = db.query_page("g", index_name="global", sk=1, exclusive_start_key=start)
    both = [found["SK"] for found in page] + [found["SK"] for found in after]
    assert sorted(both) == [f"s{n:03}" for n in range(20, 40) if n % 3]
    before = db.query_page(
        "g", index_name="global", sk=1, exclusive_start_key=start, scan_index_forward=False
    )
    assert [found["SK"] for found in before] == [found["SK"] for found in page][-2::-1]


@pytest.mark.parametrize("name", [None, "global", "local"])
@pytest.mark.parametrize("forward", [True, False])
def test_the_start_key_may_be_gone(database: OpenDatabase, name: str | None, forward: bool) -> None:
    db = fill(database(":memory:", indexes=INDEXES))
    pk = "g" if name == "global" else "p0"
    options: dict[str, Any] = {"index_name": name, "scan_index_forward": forward}
    expected = list(db.query(pk, **options))
    start = db.query_page(pk, limit=7, **options).last_evaluated_key
    assert start is not None
    db.delete_item(key={"PK": start["PK"], "SK": start["SK"]})
    after = db.query_page(pk, exclusive_start_key=start, **options)
    assert after.items == expected[7:]
    made_up = {**start, "SK": start["SK"] + "x"}
    assert db.query_page(pk, exclusive_start_key=made_up, **options).items == expected[7:]
    rest = list(db.scan(index_name=name))
    first = db.scan_page(index_name=name, limit=4)
    assert first.last_evaluated_key is not None
    key = first.last_evaluated_key
    db.delete_item(key={"PK": key["PK"], "SK": key["SK"]})
    assert items_of(db.scan_page, index_name=name)[3:] == rest[4:]
    assert db.scan_page(index_name=name, exclusive_start_key=key).items == rest[4:]


GOOD = {"PK": "p0", "SK": "s010"}
OF_INDEX = {**GOOD, "G": "g", "N": 0}
BAD_STARTS: dict[str, tuple[Any, Any]] = {
    "no dict": ("p0", OF_INDEX | {"G": None}),
    "a string": ("p0", "p0"),
    "empty": ({}, {}),
    "a list": ([("PK", "p0"), ("SK", "s")], [1]),
    "lacks a key": ({"PK": "p0"}, GOOD),
    "lacks an index key": ({"SK": "s"}, {**GOOD, "G": "g"}),
    "too much": ({**GOOD, "x": 1}, {**OF_INDEX, "x": 1}),
    "type": ({"PK": "p0", "SK": 1}, {**OF_INDEX, "N": "0"}),
    "type of the table's": ({"PK": b"p0", "SK": "s"}, {**OF_INDEX, "SK": 5}),
    "no key type": ({"PK": "p0", "SK": ["s"]}, {**OF_INDEX, "N": {"a": 1}}),
    "None": ({"PK": "p0", "SK": None}, {**OF_INDEX, "PK": None}),
    "bool": ({"PK": "p0", "SK": True}, {**OF_INDEX, "N": False}),
    "empty key": ({"PK": "p0", "SK": ""}, {**OF_INDEX, "G": ""}),
    "nan": ({"PK": "p0", "SK": float("nan")}, {**OF_INDEX, "N": float("nan")}),
    "surrogate": ({"PK": "p0", "SK": "\ud800"}, {**OF_INDEX, "G": "\ud800"}),
    "long": ({"PK": "p0", "SK": "s" * 1025}, {**OF_INDEX, "G": "g" * 2049}),
    "another collection": ({**GOOD, "PK": "p1"}, {**OF_INDEX, "G": "h"}),
    "before the range": ({**GOOD, "SK": "a"}, {**OF_INDEX, "N": -1}),
    "after the range": ({**GOOD, "SK": "z"}, {**OF_INDEX, "N": 9}),
}


@pytest.mark.parametrize(("start", "of_index"), BAD_STARTS.values(), ids=BAD_STARTS.keys())
def test_bad_start_keys(database: OpenDatabase, start: Any, of_index: Any) -> None:
    db = database(":memory:", indexes=INDEXES)
    for n in range(30):
        db.put_item(item=item(n))
    for forward in (True, False):
        options: dict[str, Any] = {"scan_index_forward": forward}
        with pytest.raises(errors.ValidationError):
            db.query_page("p0", starts_with="s", exclusive_start_key=start, **options)
        with pytest.raises(errors.ValidationError):
            db.query_page("g", index_name="global", sk=between(0, 5), exclusive_start_key=of_index,
                          **options)  # fmt: skip
    db.query_page("p0", starts_with="s", exclusive_start_key=GOOD)
    db.query_page("g", index_name="global", sk=between(0, 5), exclusive_start_key=OF_INDEX)


def test_a_start_key_of_another_segment(db: Dynafile) -> None:
    found = [db.scan_page(segment=n, total_segments=9, limit=1) for n in range(9)]
    holders = [n for n, page in enumerate(found) if page.last_evaluated_key]
    assert len(holders) in (1, 2)
    for n in range(9):
        start = found[holders[0]].last_evaluated_key
        if n == holders[0]:
            db.scan_page(segment=n, total_segments=9, exclusive_start_key=start)
        else:
            with pytest.raises(errors.ValidationError, match="provided starting key"):
                db.scan_page(segment=n, total_segments=9, exclusive_start_key=start)
    with pytest.raises(errors.ValidationError):
        db.query_page("g", index_name="global", exclusive_start_key=GOOD)


@pytest.mark.parametrize("limit", [0, -1, True, 1.0, "1"])
def test_limits_that_are_refused(db: Dynafile, limit: Any) -> None:
    for read in (lambda: db.query_page("p0", limit=limit), lambda: db.scan_page(limit=limit)):
        with pytest.raises(errors.ValidationError):
            read()


# -- size -----------------------------------------------------------------------------------------


def sized(sk: str, size: int) -> dict[str, Any]:
    """An item of so many bytes, with keys of one byte each."""
    return {"PK": "p", "SK": sk, "x": "y" * (size - 7)}


def test_a_page_ends_at_a_megabyte(database: OpenDatabase) -> None:
    db = database(":memory:", table_name="units")
    for sk in "abcd":
        db.put_item(item=sized(sk, MEGABYTE // 2))
    for read in (lambda **options: db.query_page("p", **options), db.scan_page):
        read_pages = list(pages(read, return_consumed_capacity="TOTAL"))
        assert [[found["SK"] for found in page] for page in read_pages] == [
            ["a", "b"],
            ["c", "d"],
            [],
        ]
        assert read_pages[0].consumed_capacity == ConsumedCapacity(
            table_name="units", capacity_units=128.0
        )
        assert read_pages[2].consumed_capacity == ConsumedCapacity(
            table_name="units", capacity_units=0.5
        )
    db.put_item(item=sized("a", MEGABYTE // 2 - 1))
    three = db.query_page("p", filter=Attr("SK").eq("c"), select="COUNT")
    assert (three.count, three.scanned_count, three.items) == (1, 3, [])
    assert three.last_evaluated_key == {"PK": "p", "SK": "c"}
    one = db.query_page("p", limit=1, projection_expression="SK", return_consumed_capacity="TOTAL")
    assert one.items == [{"SK": "a"}]
    assert one.consumed_capacity.capacity_units == 64  # type: ignore[union-attr]
    db.put_item(item=sized("0", 3 * MEGABYTE))
    assert [found["SK"] for found in db.query_page("p")] == ["0"]
    assert [found["SK"] for found in db.query_page("p", scan_index_forward=False)] == ["d", "c"]
    assert [found["SK"] for found in db.query("p")] == ["0", "a", "b", "c", "d"]


def test_units_of_pages(database: OpenDatabase) -> None:
    """Sizes are added up and then rounded; items fetched for a local index are rounded each."""
    db = database(":memory:", table_name="units", indexes=INDEXES)
    for n in range(10):
        db.put_item(item={"PK": "p", "SK": f"{n}", "G": "g", "N": 1, "y": "y" * 1000})
    size = sum(item_size(found) for found in db.scan())
    assert 10_000 < size < 12_288

    def consumed(**options: Any) -> Any:
        pk = "g" if options.get("index_name", "local") != "local" else "p"
        return db.query_page(pk, return_consumed_capacity="INDEXES", **options).consumed_capacity

    assert consumed() == ConsumedCapacity(
        table_name="units", capacity_units=1.5, table=Capacity(capacity_units=1.5)
    )
    assert consumed(consistent_read=True).capacity_units == 3
    assert consumed(index_name="global") == ConsumedCapacity(
        table_name="units",
        capacity_units=1.5,
        table=Capacity(),
        global_secondary_indexes={"global": Capacity(capacity_units=1.5)},
    )
    assert consumed(index_name="keys").capacity_units == 0.5
    local = {"index_name": "local"}
    assert consumed(**local).capacity_units == 0.5
    for options in ({"select": "ALL_ATTRIBUTES"}, {"projection_expression": "y"}):
        assert consumed(**local, **options) == ConsumedCapacity(
            table_name="units",
            capacity_units=5.5,
            table=Capacity(capacity_units=5.0),
            local_secondary_indexes={"local": Capacity(capacity_units=0.5)},
        )
    assert consumed(**local, consistent_read=True, limit=4, select="ALL_ATTRIBUTES") == (
        ConsumedCapacity(
            table_name="units",
            capacity_units=5.0,
            table=Capacity(capacity_units=4.0),
            local_secondary_indexes={"local": Capacity(capacity_units=1.0)},
        )
    )


# -- select and projections -----------------------------------------------------------------------


def test_selects(db: Dynafile) -> None:
    whole = item(4)
    local = {name: whole[name] for name in ("PK", "SK", "N", "x")}
    keys = {name: whole[name] for name in ("PK", "SK", "G", "N")}

    def first(**options: Any) -> Any:
        index = options.get("index_name")
        pk = "g" if index in ("global", "keys") else "p0"
        page = db.query_page(pk, filter=Attr("SK").eq("s004"), **options)
        assert page.count == 1
        return page.items

    for select, index, expected in (
        (None, None, [whole]),
        ("ALL_ATTRIBUTES", None, [whole]),
        ("COUNT", None, []),
        ("ALL_ATTRIBUTES", "global", [whole]),
        ("ALL_PROJECTED_ATTRIBUTES", "global", [whole]),
        (None, "keys", [keys]),
        ("ALL_PROJECTED_ATTRIBUTES", "keys", [keys]),
        ("COUNT", "keys", []),
        (None, "local", [local]),
        ("ALL_PROJECTED_ATTRIBUTES", "local", [local]),
        ("ALL_ATTRIBUTES", "local", [whole]),
        ("COUNT", "local", []),
    ):
        assert first(index_name=index, select=select) == expected, (select, index)
    specific = {"select": "SPECIFIC_ATTRIBUTES", "projection_expression": "y"}
    assert first(**specific) == first(index_name="local", **specific) == [{"y": "y4"}]


def test_projected_attributes_with_a_filter_on_others(db: Dynafile) -> None:
    """Items are fetched for the filter alone, and were given whole for it."""
    for select in (None, "ALL_PROJECTED_ATTRIBUTES"):
        page = db.query_page("p0", index_name="local", filter=Attr("y").eq("y4"), select=select)
        assert page.count == 6
        assert all(found.keys() == {"PK", "SK", "N", "x"} for found in page)


def test_whole_items_that_are_gone(database: OpenDatabase) -> None:
    """An item that went while its page was read was given as its index entry, in part."""
    db = fill(database(":memory:", indexes=INDEXES))

    def first(found: dict[str, Any]) -> bool:
        db.delete_item(key={"PK": "p0", "SK": "s002"})
        return True

    page = db.query_page("p0", index_name="local", select="ALL_ATTRIBUTES", filter=first)
    assert [found["x"] for found in page][:3] == [0, 4, 6]
    assert all(found == item(found["x"]) for found in page)
    assert (page.count, page.scanned_count) == (29, 30)


BAD_READS: dict[str, dict[str, Any]] = {
    "select": {"select": "SOME"},
    "specific without projection": {"select": "SPECIFIC_ATTRIBUTES"},
    "all with projection": {"select": "ALL_ATTRIBUTES", "projection_expression": "x"},
    "count with projection": {"select": "COUNT", "projection_expression": "x"},
    "projected of a table": {"select": "ALL_PROJECTED_ATTRIBUTES"},
    "capacity": {"return_consumed_capacity": "SOME"},
    "unused": {"expression_attribute_values": {":v": 1}},
    "two filters": {"filter": Attr("x").eq(1), "filter_expression": "attribute_exists(x)"},
    "index": {"index_name": "nope"},
}  # fmt: skip


@pytest.mark.parametrize("options", BAD_READS.values(), ids=BAD_READS.keys())
def test_reads_that_are_refused(db: Dynafile, options: dict[str, Any]) -> None:
    for read in (lambda: db.query_page("p0", **options), lambda: db.scan_page(**options)):
        with pytest.raises(errors.ValidationError):
            read()


def test_indexes_that_refuse(db: Dynafile) -> None:
    for options in (
        {"index_name": "keys", "select": "ALL_ATTRIBUTES"},
        {"index_name": "keys", "projection_expression": "y"},
        {"index_name": "keys", "filter": Attr("y").eq(1)},
        {"index_name": "keys", "filter_expression": "attribute_exists(y)"},
        {"index_name": "global", "consistent_read": True},
    ):
        with pytest.raises(errors.ValidationError):
            db.query_page("g", **options)  # type: ignore[arg-type]
        with pytest.raises(errors.ValidationError):
            db.scan_page(**options)  # type: ignore[arg-type]
    for options in (
        {"filter_expression": "SK > :v", "expression_attribute_values": {":v": "s"}},
        {"filter_expression": "x = x2 OR attribute_exists(PK)"},
    ):
        with pytest.raises(errors.ValidationError, match="Primary key attribute"):
            db.query_page("p0", **options)  # type: ignore[arg-type]
        assert db.scan_page(**options).count == 60  # type: ignore[arg-type]
    with pytest.raises(errors.ValidationError, match="Primary key attribute: N"):
        db.query_page("g", index_name="global", filter_expression="attribute_exists(N)")
    of_table = db.query_page("g", index_name="global", filter_expression="attribute_exists(SK)")
    assert of_table.count == 40
    for segment, total in ((0, None), (None, 2), (2, 2), (-1, 2), (0, 0), (0, 1_000_001)):
        with pytest.raises(errors.ValidationError):
            db.scan_page(segment=segment, total_segments=total)


def test_pages_are_the_callers_own(db: Dynafile) -> None:
    before = db.query_page("p0").items
    for found in db.query_page("p0"):
        found.clear()
    assert db.query_page("p0").items == before


# -- TTL ------------------------------------------------------------------------------------------


def test_expired_items_count_as_scanned(database: OpenDatabase, clock: Clock) -> None:
    indexes = {
        "keys": GlobalIndex("G", projection="KEYS_ONLY"),
        "local": LocalIndex("N", "KEYS_ONLY"),
    }
    db = database(ttl_attribute="ttl", indexes=indexes)
    for n in range(10):
        more = {"ttl": NOW + n} if n % 2 else {}
        db.put_item(item={"PK": "p", "SK": f"{n}", "G": "g", "N": n, **more})
    clock.now = NOW + 6
    for pk, options in (("p", {}), ("g", {"index_name": "keys"}), ("p", {"index_name": "local"})):
        page = db.query_page(pk, **options)  # type: ignore[arg-type]
        assert [found["SK"] for found in page] == ["0", "2", "4", "6", "7", "8", "9"]
        assert (page.count, page.scanned_count) == (7, 10)
        first = db.query_page(pk, limit=2, **options)  # type: ignore[arg-type]
        assert (first.count, first.scanned_count) == (1, 2)
        assert first.last_evaluated_key is not None
        assert first.last_evaluated_key["SK"] == "1"
        assert all("ttl" not in found or not options for found in page)
        whole = db.query_page("p", index_name="local", select="ALL_ATTRIBUTES")
        assert [found.get("ttl") for found in whole][-3:] == [NOW + 7, None, NOW + 9]
    assert db.sweep() == 3
    assert db.query_page("p").scanned_count == 7


# -- beside writers -------------------------------------------------------------------------------


def test_segments_beside_a_writer(database: OpenDatabase) -> None:
    """Items that stay are found once each, whatever is put and deleted between them."""
    db = database(durability="relaxed")
    db._store._checkpointer.partition_bytes = 600
    stay = [{"PK": f"stay{n}", "SK": "s", "n": n} for n in range(200)]
    with db.batch_writer() as writer:
        for each in stay:
            writer.put_item(item=each)
    stop = threading.Event()
    rounds: list[int] = []

    def write() -> None:
        while not stop.is_set():
            n = len(rounds) % 300
            db.put_item(item={"PK": f"come{n}", "SK": "s", "filler": "x" * 50})
            db.delete_item(key={"PK": f"come{(n * 7) % 300}", "SK": "s"})
            rounds.append(n)

    thread = threading.Thread(target=write)
    thread.start()
    try:
        for total in itertools.cycle((1, 3, 8, 5)):
            found = [
                each["n"]
                for n in range(total)
                for each in items_of(db.scan_page, limit=9, segment=n, total_segments=total)
                if "n" in each
            ]
            assert sorted(found) == list(range(200))
            if len(rounds) > 600 or not thread.is_alive():
                break
    finally:
        stop.set()
        thread.join(60)
    assert len(rounds) > 600


# -- sizes ----------------------------------------------------------------------------------------


def number_size(value: Decimal) -> int:
    """Written out, two digits make a byte, from the point on; empty ones at both ends do not."""
    sign, point = ("-" if value < 0 else ""), f"{value.copy_abs():f}"
    whole, _, fraction = point.partition(".")
    whole = whole.zfill(len(whole) + len(whole) % 2)
    fraction += "0" * (len(fraction) % 2)
    digits = whole + fraction
    pairs = [digits[n : n + 2] for n in range(0, len(digits), 2)]
    while pairs and pairs[0] == "00":
        del pairs[0]
    while pairs and pairs[-1] == "00":
        del pairs[-1]
    return len(pairs) + 1 + len(sign if pairs else "")


def size_of(value: Any) -> int:
    if value is None or isinstance(value, bool):
        return 1
    if isinstance(value, str):
        return len(value.encode())
    if isinstance(value, bytes):
        return len(value)
    if isinstance(value, (int, Decimal)):
        return number_size(Decimal(value))
    if isinstance(value, set):
        return sum(map(size_of, value))
    if isinstance(value, list):
        return 3 + sum(1 + size_of(member) for member in value)
    return 3 + sum(1 + len(name.encode()) + size_of(member) for name, member in value.items())


numbers = st.integers(-(10**38) + 1, 10**38 - 1) | st.decimals(
    -(10**9), 10**9, places=6, allow_nan=False
)
scalars = st.text(max_size=9) | st.binary(max_size=9) | st.none() | st.booleans() | numbers
everything = st.recursive(
    scalars
    | st.sets(st.text(max_size=4), min_size=1, max_size=3)
    | st.sets(numbers, min_size=1, max_size=3),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(min_size=1, max_size=4), inner, max_size=4)
    ),
    max_leaves=8,
)
SIZES = {
    "": 0, "é": 2, "😀": 4, b"": 0, b"ab": 2, None: 1, True: 1, 0: 1, 7: 2, 99: 2, 100: 2, 101: 3,
    -1: 3, 10**37: 2, 123456: 4, Decimal("0.1"): 2, Decimal("1.5"): 3, Decimal("-0.0"): 1,
}  # fmt: skip


@pytest.mark.parametrize(("value", "size"), SIZES.items(), ids=map(repr, SIZES))
def test_sizes_of_values(value: Any, size: int) -> None:
    assert item_size({"name": value}) == 4 + size
    assert item_size({"é": [value]}) == 2 + 3 + 1 + size
    assert item_size({"a": {"bc": value}}) == 1 + 3 + 1 + 2 + size


@given(st.dictionaries(st.text(min_size=1, max_size=5), everything, min_size=1, max_size=5))
@settings(deadline=None, database=None, max_examples=60)
def test_sizes(found: dict[str, Any]) -> None:
    expected = sum(len(name.encode()) + size_of(value) for name, value in found.items())
    assert item_size(found) == expected
    stored = decode_item(encode_item(found))
    assert item_size(stored) == expected
