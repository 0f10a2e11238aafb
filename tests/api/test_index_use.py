"""Secondary indexes: what a query of them gives, whatever is done to the table."""

from __future__ import annotations

import threading
from collections import defaultdict
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dynafile import (
    Action,
    Attr,
    Dynafile,
    Event,
    GlobalIndex,
    Include,
    LocalIndex,
    begins_with,
    between,
    gt,
    gte,
    lt,
    lte,
)
from dynafile.errors import CheckFailed, IndexNotFound, KeyTypeMismatch, SchemaMismatch
from dynafile.table.reader import MANY

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from api.conftest import Clock, StartWorker
    from conftest import OpenDatabase

BY_TIME = GlobalIndex("G", "N")
Item = dict[str, Any]


@pytest.fixture(params=["memory", "files"])
def opened(request: pytest.FixtureRequest, database: OpenDatabase) -> Callable[..., Dynafile]:
    where = ":memory:" if request.param == "memory" else None
    return lambda **options: database(where, **options)


def item(number: int, group: Any = "g", place: Any = None, **more: Any) -> Item:
    place = number if place is None else place
    return {"PK": f"p{number % 3}", "SK": f"{number:04}", "G": group, "N": place, **more}


def numbers(items: Any) -> list[int]:
    return [int(found["SK"]) for found in items]


def by(index: str, db: Dynafile, group: Any = "g", **options: Any) -> list[int]:
    return numbers(db.query(group, index=index, **options))


# -- reading --------------------------------------------------------------------------------------


def test_in_the_order_of_the_sort_key(opened: Callable[..., Dynafile]) -> None:
    db = opened(indexes={"by-time": BY_TIME})
    for n in (5, 1, 9, 3, 7):
        db.put_item(item=item(n))
    assert by("by-time", db) == [1, 3, 5, 7, 9]
    assert by("by-time", db, scan_index_forward=False) == [9, 7, 5, 3, 1]
    assert by("by-time", db, limit=2) == [1, 3]
    assert by("by-time", db, limit=2, scan_index_forward=False) == [9, 7]
    assert by("by-time", db, filter=Attr("PK").eq("p0"), limit=1) == [3]
    assert by("by-time", db, filter=lambda found: found["N"] > 4) == [5, 7, 9]
    assert by("by-time", db, filter="N > 4") == [5, 7, 9]
    for condition, found in [
        (5, [5]), (lt(5), [1, 3]), (lte(5), [1, 3, 5]), (gt(5), [7, 9]), (gte(5), [5, 7, 9]),
        (between(3, 7), [3, 5, 7]), (between(6, 6), []), (6, []),
    ]:  # fmt: skip
        assert by("by-time", db, sk=condition) == found
        assert by("by-time", db, sk=condition, scan_index_forward=False) == found[::-1]
    assert sorted(numbers(db.scan(index="by-time"))) == [1, 3, 5, 7, 9]
    assert by("by-time", db, "another") == []
    segments = [numbers(db.scan(index="by-time", segment=s, total_segments=4)) for s in range(4)]
    assert sorted(n for segment in segments for n in segment) == [1, 3, 5, 7, 9]


def test_a_local_index(opened: Callable[..., Dynafile]) -> None:
    db = opened(indexes={"by-date": LocalIndex("date")})
    for n, date in enumerate(["2024-03", "2023-01", "2024-01", "2023-07"]):
        db.put_item(item={"PK": "p", "SK": f"{n}", "date": date})
    db.put_item(item={"PK": "other", "SK": "9", "date": "2024-02"})
    db.put_item(item={"PK": "p", "SK": "without"})
    assert by("by-date", db, "p") == [1, 3, 2, 0]
    assert by("by-date", db, "p", sk=begins_with("2024")) == [2, 0]
    assert by("by-date", db, "p", starts_with="2023") == [1, 3]
    assert len(list(db.query("p"))) == 5


def test_equal_keys_come_in_the_order_of_the_items(opened: Callable[..., Dynafile]) -> None:
    db = opened(indexes={"by-group": GlobalIndex("G"), "by-time": BY_TIME})
    for n in (8, 2, 5, 0, 4):
        db.put_item(item=item(n, place=1))
    once = by("by-group", db)
    assert sorted(once) == [0, 2, 4, 5, 8]
    assert by("by-time", db) == once
    db.delete_item(key=item(4))
    db.put_item(item=item(4, place=1))
    db.put_item(item=item(2, place=1, x="changed"))
    assert by("by-group", db) == by("by-time", db) == once
    assert by("by-group", db, scan_index_forward=False) == once[::-1]


def test_projections(opened: Callable[..., Dynafile]) -> None:
    whole = item(1, a=1, b={"c": [1, {2, 3}, Decimal("1.5")], "d": b"x"}, other=None)
    db = opened(
        indexes={
            "all": BY_TIME,
            "keys": GlobalIndex("G", "N", "KEYS_ONLY"),
            "some": GlobalIndex("G", "N", Include("b", "nowhere")),
            "local": LocalIndex("N", Include("a")),
        }
    )
    db.put_item(item=whole)
    keys = {name: whole[name] for name in ("PK", "SK", "G", "N")}
    assert list(db.query("g", index="all")) == [whole]
    assert list(db.query("g", index="keys")) == list(db.scan(index="keys")) == [keys]
    assert list(db.query("g", index="some")) == [{**keys, "b": whole["b"]}]
    assert list(db.query("p1", index="local")) == [{"PK": "p1", "SK": "0001", "N": 1, "a": 1}]
    # A local index reads the item for what a filter needs beyond that, as DynamoDB does.
    found = list(db.query("p1", index="local", filter=Attr("other").eq(None) & Attr("a").eq(1)))
    assert found == [{"PK": "p1", "SK": "0001", "N": 1, "a": 1}]
    assert list(db.query("p1", index="local", filter=Attr("b").not_exists())) == []


def test_sparse(opened: Callable[..., Dynafile]) -> None:
    db = opened(indexes={"by-time": BY_TIME})
    db.put_item(item={"PK": "p", "SK": "0001", "G": "g"})
    db.put_item(item={"PK": "p", "SK": "0002", "N": 1})
    db.put_item(item={"PK": "p", "SK": "0003", "G": "g", "N": 1})
    assert by("by-time", db) == [3]
    db.put_item(item={"PK": "p", "SK": "0001", "G": "g", "N": 0})
    db.put_item(item={"PK": "p", "SK": "0003", "G": "g"})
    assert by("by-time", db) == [1]


def test_what_was_read_is_the_callers(opened: Callable[..., Dynafile]) -> None:
    db = opened(indexes={"by-time": BY_TIME})
    db.put_item(item=item(1, a=[1]))
    for _ in range(3):
        found = next(db.query("g", index="by-time"))
        assert found["a"] == [1]
        found["a"].append(2)
        found.clear()


@pytest.mark.parametrize(
    "keys",
    [
        [-(10**30), -5, -1.5, Decimal("-1e-100"), 0, Decimal("1e-100"), 0.25, 1, 10**30],
        [b"\0", b"\0\0", b"\0\1", b"\1", b"a", b"a\0", b"\xff", b"\xff\xff"],
        ["\0", "\0\0", "A", "a", "a\0", "ab", "é", "日本", "\U0001f600"],
    ],
    ids=["numbers", "bytes", "text"],
)
def test_key_types(keys: list[Any], opened: Callable[..., Dynafile]) -> None:
    db = opened(indexes={"by-time": BY_TIME, "by-n": GlobalIndex("N")})
    for n in [3, 0, *range(len(keys))]:
        db.put_item(item=item(n, place=keys[n]))
    everything = list(range(len(keys)))
    assert by("by-time", db) == everything
    for n in everything:
        assert by("by-n", db, keys[n]) == by("by-time", db, sk=keys[n]) == [n]
        assert by("by-time", db, sk=lt(keys[n])) == everything[:n]
        assert by("by-time", db, sk=gte(keys[n])) == everything[n:]


def test_one_number_is_one_key(opened: Callable[..., Dynafile]) -> None:
    db = opened(indexes={"by-n": GlobalIndex("N")})
    for n, number in enumerate([1, 1.0, Decimal("1.00")]):
        db.put_item(item=item(n, place=number))
    for number in (1, 1.0, Decimal(1)):
        assert sorted(by("by-n", db, number)) == [0, 1, 2]


short = st.sampled_from([0, 1, 2, Decimal("0.5"), -1])
words = st.sampled_from(["a", "a\0", "ab", "b"])
rows = st.lists(st.tuples(words, short, words, short), max_size=25)


@settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(rows, short, words, short)
def test_several_attributes_against_a_list(
    rows: list[tuple[Any, ...]], number: Any, word: str, bound: Any
) -> None:
    """The naive model: a sorted list, looked through from one end to the other."""
    several = GlobalIndex(("A", "B"), ("C", "D"))
    with Dynafile(":memory:", indexes={"several": several}, sk_type="N") as db:
        for n, row in enumerate(rows):
            db.put_item(item={"PK": "p", "SK": n, **dict(zip("ABCD", row, strict=True))})
        model = sorted(
            (row[2], row[3], n) for n, row in enumerate(rows) if row[:2] == ("a", number)
        )

        def read(sk: Any = None, **more: Any) -> list[int]:
            found = db.query(("a", number), index="several", sk=sk, **more)
            return [one["SK"] for one in found]

        assert read() == [n for *_, n in model]
        assert read(scan_index_forward=False) == [n for *_, n in model][::-1]
        assert read(starts_with="a") == [n for c, _, n in model if c.startswith("a")]
        assert read(word) == read((word,)) == [n for c, _, n in model if c == word]
        assert read(gt(word)) == [n for c, _, n in model if c > word]
        assert read((word, bound)) == [n for c, d, n in model if (c, d) == (word, bound)]
        assert read((word, lte(bound))) == [n for c, d, n in model if c == word and d <= bound]
        assert read((word, between(-1, bound))) == [
            n for c, d, n in model if c == word and -1 <= d <= bound
        ]
        db.check()


# -- writing --------------------------------------------------------------------------------------


def test_put_overwrite_move_delete(opened: Callable[..., Dynafile]) -> None:
    db = opened(indexes={"by-time": BY_TIME, "local": LocalIndex("N", "KEYS_ONLY")})
    db.put_item(item=item(1))
    db.put_item(item=item(1, x="other"))
    assert list(db.query("g", index="by-time")) == [item(1, x="other")]
    db.put_item(item=item(1, place=7))
    assert [found["N"] for found in db.query("p1", index="local")] == [7]
    db.put_item(item=item(1, group="h"))
    assert (by("by-time", db), by("by-time", db, "h")) == ([], [1])
    db.delete_item(key=item(1))
    db.delete_item(key=item(1))
    assert list(db.scan(index="by-time")) == list(db.scan(index="local")) == []
    db.check()


def test_a_batch_that_touches_an_item_again_and_again(opened: Callable[..., Dynafile]) -> None:
    db = opened(indexes={"by-time": BY_TIME})
    db.put_item(item=item(1))
    db.execute_batch(
        [
            Action("PUT", item(1, "h")), Action("DELETE", item(1)), Action("PUT", item(1, "g", 5)),
            Action("PUT", item(1, "g", 6)), Action("PUT", item(2)), Action("DELETE", item(2)),
            Action("PUT", item(1, "g", 5)),
        ]
    )  # fmt: skip
    assert list(db.scan(index="by-time")) == [item(1, "g", 5)]
    with db.batch_writer(flush_items=2) as writer:
        for n in range(7):
            writer.put_item(item=item(3, place=n))
        writer.delete_item(key=item(1))
    assert list(db.scan(index="by-time")) == [item(3, place=6)]
    with pytest.raises(ZeroDivisionError), db.batch_writer() as writer:
        writer.put_item(item=item(4))
        writer.put_item(item=1 / 0)  # type: ignore[arg-type]
    assert by("by-time", db) == [3]
    db.check()


def test_a_wrong_type_is_refused_whole(opened: Callable[..., Dynafile]) -> None:
    db = opened(indexes={"by-time": BY_TIME})
    db.put_item(item=item(1))
    for bad in ("text", b"bytes", None, [1], True, {"a": 1}):
        with pytest.raises(KeyTypeMismatch, match="'by-time' cannot take the item.*'N'"):
            db.execute_batch([Action("PUT", item(2)), Action("PUT", {**item(3), "N": bad})])
    assert numbers(db.scan()) == by("by-time", db) == [1]


def test_clear(opened: Callable[..., Dynafile]) -> None:
    db = opened(indexes={"by-time": BY_TIME, "local": LocalIndex("N")})
    db.execute_batch(Action("PUT", item(n)) for n in range(50))
    events: list[Event] = []
    db.add_stream_listener(events.append)
    db.clear()
    assert list(db.scan(index="by-time")) == list(db.query("p1", index="local")) == []
    assert len(events) == 50
    db.put_item(item=item(3))
    assert by("by-time", db) == [3]
    db.check()


def test_listeners_see_both(opened: Callable[..., Dynafile]) -> None:
    """Who hears of a write finds it in the index; and what a listener writes is indexed too."""
    db = opened(indexes={"by-time": BY_TIME})
    seen: list[tuple[Any, list[int]]] = []

    def listen(event: Event) -> None:
        number = event.new["N"] if event.new else None
        seen.append((number, by("by-time", db)))
        if number == 1:
            db.put_item(item=item(2))

    db.add_stream_listener(listen)
    db.put_item(item=item(1))
    db.delete_item(key=item(1))
    assert seen == [(1, [1]), (2, [1, 2]), (None, [2])]


def test_expiry(opened: Callable[..., Dynafile], clock: Clock) -> None:
    indexes = {
        "by-time": BY_TIME,
        "keys": GlobalIndex("G", "N", "KEYS_ONLY"),
        "local": LocalIndex("N", "KEYS_ONLY"),
    }
    db = opened(ttl_attribute="ttl", indexes=indexes)
    db.execute_batch(Action("PUT", item(n, ttl=clock.now + n)) for n in range(0, 30, 3))
    clock.now += 10.5
    left = list(range(12, 30, 3))
    assert by("by-time", db) == by("keys", db) == by("local", db, "p0") == left
    assert by("keys", db, limit=2) == by("by-time", db, limit=2) == left[:2]
    assert all("ttl" not in found for found in db.scan(index="keys"))
    assert by("local", db, "p0", filter=Attr("ttl").exists()) == left
    assert all("ttl" not in f for f in db.query("p0", index="local", filter=Attr("ttl").exists()))
    db.check()
    assert db.sweep() == 4
    assert {d.entry_count for d in db.describe().indexes} == {6}
    db.put_item(item=item(12, ttl=clock.now - 1, place=99))
    assert by("by-time", db) == by("keys", db) == left[1:]
    db.check()


def test_a_reader_never_sees_one_without_the_other(database: OpenDatabase) -> None:
    """Two items change places in one commit: at any moment each group has just one of them."""
    db = database(
        indexes={"by-time": GlobalIndex("G", projection=Include("other"))}, durability="relaxed"
    )
    stop = threading.Event()
    wrong: list[Any] = []

    def swap() -> None:
        for turn in range(300):
            groups = ("g", "h") if turn % 2 else ("h", "g")
            db.execute_batch(Action("PUT", item(n, groups[n])) for n in (0, 1))
        stop.set()

    db.execute_batch(Action("PUT", item(n, "gh"[n])) for n in (0, 1))
    writer = threading.Thread(target=swap)
    writer.start()
    try:
        while not stop.is_set():
            for group in "gh":
                found = by("by-time", db, group)
                if len(found) != 1:
                    wrong.append(found)
    finally:
        writer.join()
    assert wrong == []


def test_a_late_thread_does_not_undo_what_another_has_seen(database: OpenDatabase) -> None:
    """A thread that had read the schema, and slept before it took it, put an old one in the place
    of the newer that another had taken: a commit under way then left the index out."""
    db = database()
    table, store = db._table, db._store
    old = store.schema
    db.put_item(item=item(0))
    db.add_index("by-time", BY_TIME)
    real = store.commit

    def late(*args: Any, **options: Any) -> None:
        table._take(old)
        real(*args, **options)

    store.commit = late  # type: ignore[method-assign]
    db.put_item(item=item(1))
    db.delete_item(key=item(0))
    store.commit = real  # type: ignore[method-assign]
    assert by("by-time", db) == [1]
    db.check()


# -- indexes that come and go ---------------------------------------------------------------------


def test_as_stored(database: OpenDatabase) -> None:
    indexes = {"by-time": BY_TIME, "local": LocalIndex("N", Include("b", "a"))}
    database(indexes=indexes).close()
    db = database()
    assert dict(db.indexes) == indexes
    db.put_item(item=item(1))
    database(indexes={"by-time": BY_TIME})
    database(indexes={"by-time": GlobalIndex(("G",), ("N",))})
    for other in (
        GlobalIndex("G"), GlobalIndex("N", "G"), GlobalIndex("G", "N", "KEYS_ONLY"), LocalIndex("N"),
        GlobalIndex("G", "N", sk_type="S"),
    ):  # fmt: skip
        with pytest.raises(SchemaMismatch, match="'by-time'.*drop_index"):
            database(indexes={"by-time": other})
        with pytest.raises(SchemaMismatch, match="'by-time'"):
            db.add_index("by-time", other)
    db.add_index("by-time", BY_TIME)
    assert dict(db.indexes) == indexes


def test_the_folders(database: OpenDatabase, tmp_path: Path) -> None:
    db = database(indexes={"by-time": BY_TIME, "local": LocalIndex("N")})
    db.execute_batch(Action("PUT", item(n)) for n in range(100))
    db._store.checkpoint()
    for folder in ("_gsi-by-time", "_lsi-local"):
        assert list((tmp_path / "db" / folder).rglob("data.pickle"))
    db.drop_index("by-time")
    assert not (tmp_path / "db" / "_gsi-by-time").exists()
    with pytest.raises(IndexNotFound, match="no index 'by-time'.*'local'"):
        db.query("g", index="by-time")
    with pytest.raises(IndexNotFound):
        db.drop_index("by-time")


def test_dropped_and_added_again_as_another(opened: Callable[..., Dynafile]) -> None:
    """The type that its key had stayed with the table: the name could not be used for another."""
    db = opened(indexes={"by-time": GlobalIndex("G", pk_type="S")})
    db.put_item(item=item(1))
    db.drop_index("by-time")
    db.put_item(item=item(2, group=5))
    db.add_index("by-time", GlobalIndex("G", "N", "KEYS_ONLY", pk_type="N"))
    assert by("by-time", db, 5) == [2]
    assert db.describe().indexes[0].skipped_count == 1
    db.add_index("other", GlobalIndex("G"))
    db.drop_index("by-time")
    with pytest.raises(KeyTypeMismatch):  # the other one still needs it
        db.put_item(item=item(3))
    db.check()


def test_what_was_dropped_refuses_nothing(database: OpenDatabase) -> None:
    """An item was held against the indexes that the handle had known before, and refused."""
    db, other = database(indexes={"by-time": BY_TIME}), database()
    db.put_item(item=item(0))
    other.put_item(item=item(1))
    db.drop_index("by-time")
    db.put_item(item=item(2, place="text"))
    other.execute_batch([Action("PUT", item(3, place="text"))])
    assert numbers(sorted(db.scan(), key=lambda found: found["SK"])) == [0, 1, 2, 3]


def test_dropped_in_the_middle_of_a_read(opened: Callable[..., Dynafile]) -> None:
    """The error named the folder in the place of the index."""
    db = opened(indexes={"by-time": BY_TIME, "local": LocalIndex("N", "KEYS_ONLY")})
    db.execute_batch(Action("PUT", item(n)) for n in range(1500))
    reads = [
        db.query("g", index="by-time"), db.query("g", index="by-time", scan_index_forward=False),
        db.scan(index="by-time"), db.query("g", index="by-time"),
    ]  # fmt: skip
    for read in reads[:3]:
        next(read)
    through = db.query("p1", index="local", filter=Attr("x").not_exists())
    next(through)
    db.drop_index("by-time")
    db.add_index("by-time", GlobalIndex("N"))
    for read in reads:
        with pytest.raises(
            IndexNotFound, match="'by-time' was dropped while it was read"
        ) as caught:
            list(read)
        assert caught.value.index == "by-time"
    db.drop_index("local")
    with pytest.raises(IndexNotFound, match="'local' was dropped"):
        list(through)
    assert len(list(db.query(7, index="by-time"))) == 1


def test_dropped_by_another_process_in_the_middle_of_a_read(
    database: OpenDatabase, worker: StartWorker
) -> None:
    db = database(indexes={"by-time": BY_TIME})
    db.execute_batch(Action("PUT", item(n)) for n in range(3000))
    db._store.checkpoint()
    db.close()
    reader = database(read_only=True)
    reads = [reader.query("g", index="by-time"), reader.scan(index="by-time")]
    for read in reads:
        next(read)
    other = worker(db.path)
    other.call("drop_index", "by-time")
    other.call("add_index", "by-time", GlobalIndex("N"))
    for read in reads:
        with pytest.raises(IndexNotFound):
            list(read)
    assert numbers(reader.query(7, index="by-time")) == [7]


def test_described_while_it_is_dropped(
    database: OpenDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    """KeyError, out of the store, where another thread or process dropped the index meanwhile."""
    db, other = database(indexes={"by-time": BY_TIME}), database()
    real = db._store.figures

    def figures(space: Any) -> Any:
        if "by-time" in other.indexes:
            other.drop_index("by-time")
        return real(space)

    monkeypatch.setattr(db._store, "figures", figures)
    assert db.describe().indexes == ()


def test_second_handles_and_processes_that_were_there_before(
    database: OpenDatabase, worker: StartWorker
) -> None:
    """They write blindly until then; from the next write on they keep the index, too."""
    db, second, reader = database(), database(), database(read_only=True)
    db.put_item(item=item(1))
    process, process_reader = worker(db.path), worker(db.path, read_only=True)
    for n, each in enumerate((second, process)):
        write = (
            each.put_item
            if isinstance(each, Dynafile)
            else lambda item: process.call("put_item", item=item)
        )
        write(item=item(10 + n))
    with second.batch_writer() as writer:
        writer.put_item(item=item(20))
        db.add_index("by-time", BY_TIME)
        writer.put_item(item=item(21))
    process.call("put_item", item=item(30))
    process.call("delete_item", key=item(10))
    with pytest.raises(KeyTypeMismatch):
        process.call("put_item", item=item(31, place="text"))
    expected = [1, 11, 20, 21, 30]
    assert by("by-time", db) == by("by-time", second) == by("by-time", reader) == expected
    for each in (process, process_reader):
        assert numbers(each.call("query", "g", index="by-time")) == expected
    process.call("drop_index", "by-time")
    for handle in (db, reader):
        with pytest.raises(IndexNotFound):
            handle.query("g", index="by-time")
    second.put_item(item=item(40, place="text"))
    db.check()


def test_names(database: OpenDatabase) -> None:
    names = [
        "x" * 255,
        "x" * 254 + "y",
        "...",
        "a..",
        "a--",
        "abc",
        "ABC",
        "Abc",
        "_gsi-abc",
        "a.b-c_d",
    ]
    db = database(indexes=dict.fromkeys(names, BY_TIME))
    db.execute_batch(Action("PUT", item(n)) for n in range(20))
    db.add_index("_lsi-" + "z" * 250, LocalIndex("N"))
    assert all(by(name, db) == list(range(20)) for name in names)
    db.close()
    db = database()
    assert all(by(name, db) == list(range(20)) for name in names)
    db.drop_index("x" * 255)
    db.drop_index("ABC")
    assert by("x" * 254 + "y", db) == by("abc", db) == list(range(20))
    folders = [folder.lower() for folder in db._store.schema.keyspaces.values()]
    assert len(set(folders)) == len(folders)


def test_a_name_that_is_another_ones_folder(database: OpenDatabase) -> None:
    """Two names that differ by case get folders with a number; and that was another index's name.
    Both wrote to one folder, and each took the other's partitions for its own."""
    indexes = {"abc": GlobalIndex("G"), "Abc-4": GlobalIndex("N"), "Abc": BY_TIME}
    db = database(indexes=indexes)
    db.execute_batch(Action("PUT", item(n)) for n in range(20))
    db.close()
    db = database()
    assert [len(list(db.scan(index=name))) for name in indexes] == [20, 20, 20]


def test_folders_of_others_stay(database: OpenDatabase, tmp_path: Path) -> None:
    """Whatever began with ``_gsi-`` or ``_lsi-`` was removed at opening, whoever had made it."""
    (tmp_path / "db" / "_gsi-mine").mkdir(parents=True)
    (tmp_path / "db" / "_gsi-mine" / "notes.txt").write_text("mine")
    (tmp_path / "db" / "_lsi-list").write_text("mine")
    db = database(indexes={"mine": BY_TIME})
    db.put_item(item=item(1))
    db._store.checkpoint()
    db.close()
    db = database()
    assert by("mine", db) == [1]
    db.drop_index("mine")
    database(":memory:")
    assert (tmp_path / "db" / "_gsi-mine" / "notes.txt").read_text() == "mine"
    assert not (tmp_path / "db" / "_gsi-mine" / "_partitions").exists()
    assert (tmp_path / "db" / "_lsi-list").read_text() == "mine"


@pytest.mark.parametrize("wrong", ["more", "less", "other"])
def test_check_finds_what_is_wrong(wrong: str, tmp_path: Path) -> None:
    with Dynafile(tmp_path / "db", indexes={"by-time": BY_TIME}) as db:
        db.execute_batch(Action("PUT", item(n)) for n in range(10))
        db.check()
        index = db._table.index("by-time").entries
        chunks = db._store.range(db._store.keyspace(index), b"", None, limit=MANY)
        key = next(keys[3] for keys, _ in chunks)
        operation: Any = {
            "more": (1, index, key + b"x", b"\x80"),
            "less": (2, index, key, b""),
            "other": (1, index, key, b"\x80"),
        }[wrong]
        db._store.commit([operation], db._store.schema.version)
        message = {"more": "for no item", "less": "lacks", "other": "another value"}[wrong]
        with pytest.raises(CheckFailed, match=f"the index 'by-time'.*{message}") as caught:
            db.check()
        assert len(caught.value.problems) == 1


def test_random_work_against_a_model(opened: Callable[..., Dynafile]) -> None:
    import random

    rng = random.Random(5)
    db = opened(indexes={"by-time": BY_TIME, "local": LocalIndex(("N", "G"))})
    model: dict[int, Item] = {}
    for _ in range(150):
        actions = []
        for _ in range(rng.randrange(1, 5)):
            n = rng.randrange(40)
            if rng.random() < 0.3:
                actions.append(Action("DELETE", item(n)))
                model.pop(n, None)
            else:
                one = item(n, rng.choice("gh"), rng.randrange(6))
                if rng.random() < 0.2:
                    del one[rng.choice("GN")]
                actions.append(Action("PUT", one))
                model[n] = one
        db.execute_batch(actions)
    groups: dict[str, list[Any]] = defaultdict(list)
    for one in model.values():
        if {"G", "N"} <= one.keys():
            groups[one["G"]].append(one["N"])
            groups[one["PK"]].append((one["N"], one["G"]))
    for group, places in groups.items():
        index, names = ("local", "NG") if group.startswith("p") else ("by-time", "N")
        found = [tuple(i[name] for name in names) for i in db.query(group, index=index)]
        assert [f if len(f) > 1 else f[0] for f in found] == sorted(places)
    db.check()
