"""Scans, segments, batch_get_item, clear, len, and what iterators see while others write."""

from __future__ import annotations

import threading
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest

from dynafile import Action, Dynafile
from dynafile.errors import InvalidArgument, KeyTypeMismatch, MissingKey

if TYPE_CHECKING:
    from api.conftest import StartWorker
    from conftest import OpenDatabase


def fill(db: Dynafile, collections: int, size: int = 3) -> list[tuple[str, int]]:
    keys = [(f"p{pk}", sk) for pk in range(collections) for sk in range(size)]
    db.execute_batch(Action("PUT", {"PK": pk, "SK": sk, "x": "x" * 20}) for pk, sk in keys)
    return keys


def key_of(item: dict[str, Any]) -> tuple[str, int]:
    return item["PK"], item["SK"]


def split(db: Dynafile, partition_bytes: int = 2000) -> None:
    """Cut a table into small partitions, on disk and not in memory."""
    checkpointer = db._store._checkpointer
    assert checkpointer is not None
    checkpointer.partition_bytes = partition_bytes
    db._store.checkpoint()
    assert db.describe().partition_count > 10
    db._store.replica.cache.clear()


def test_a_scan_yields_collections_together_and_in_order(database: OpenDatabase) -> None:
    db = database()
    keys = fill(db, 200)
    for _ in range(2):
        found = [key_of(item) for item in db.scan()]
        assert sorted(found) == sorted(keys)
        assert [sk for _, sk in found] == [0, 1, 2] * 200
        assert len({pk for pk, _ in found[::3]}) == 200
        split(db)


@pytest.mark.parametrize("total", [1, 2, 3, 7, 64, 1000])
def test_segments_cover_each_item_once(total: int, database: OpenDatabase) -> None:
    db = database()
    keys = fill(db, 300)
    for _ in range(2):
        found = Counter(
            key_of(item)
            for segment in range(total)
            for item in db.scan(segment=segment, total_segments=total)
        )
        assert found == Counter(keys)
        split(db)


def test_segments_are_even(database: OpenDatabase) -> None:
    db = database(":memory:", sk_attribute=None)
    db.execute_batch(Action("PUT", {"PK": f"user#{n}"}) for n in range(20_000))
    sizes = [len(list(db.scan(segment=n, total_segments=8))) for n in range(8)]
    assert sum(sizes) == 20_000
    assert max(sizes) < 1.1 * min(sizes)  # of 2,500: a twentieth of a standard deviation is 47


def test_segments_by_threads_and_with_everything_else(database: OpenDatabase) -> None:
    db = database()
    keys = fill(db, 100)
    split(db)
    found: list[dict[str, Any]] = []

    def read(segment: int) -> None:
        found.extend(db.scan("SK > 0", segment=segment, total_segments=4))

    threads = [threading.Thread(target=read, args=(segment,)) for segment in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(map(key_of, found)) == sorted(key for key in keys if key[1] > 0)
    assert len(list(db.scan(segment=1, total_segments=4, limit=5))) == 5


def test_segments_that_make_no_sense(database: OpenDatabase) -> None:
    db = database(":memory:")
    for wrong in (
        {"segment": 0},
        {"total_segments": 4},
        {"segment": 4, "total_segments": 4},
        {"segment": -1, "total_segments": 4},
        {"segment": 0, "total_segments": 0},
        {"segment": 0, "total_segments": 1_000_001},
        {"segment": 0.0, "total_segments": 1},
        {"segment": "0", "total_segments": 1},
        {"segment": True, "total_segments": 2},
        {"limit": 0},
    ):
        with pytest.raises(InvalidArgument):
            db.scan(**wrong)  # type: ignore[arg-type]


def test_batch_get_item(database: OpenDatabase) -> None:
    db = database()
    keys = fill(db, 20)
    split(db, 300)
    wanted = [{"PK": pk, "SK": sk, "more": 1} for pk, sk in reversed(keys)]
    missing = [{"PK": "p1", "SK": 99}, {"PK": "q", "SK": 0}]
    asked = [missing[0], *wanted[:30], missing[1], *wanted[30:], wanted[0]]
    found = db.batch_get_item(keys=iter(asked))
    assert [key_of(item) for item in found] == [*reversed(keys), keys[-1]]
    assert found[0] is not found[-1]
    assert db.batch_get_item(keys=[]) == []
    assert type(found) is list
    with pytest.raises(MissingKey):
        db.batch_get_item(keys=[wanted[0], {"PK": "p1"}])
    with pytest.raises(KeyTypeMismatch):
        db.batch_get_item(keys=[{"PK": "p1", "SK": "0"}])


def test_clear(database: OpenDatabase, worker: StartWorker) -> None:
    db = database()
    fill(db, 50)
    split(db)
    other = worker(db.path)
    assert other.call("len") == 150
    db.clear()
    assert (len(db), list(db.scan()), list(db.query("p1"))) == (0, [], [])
    assert (other.call("len"), other.call("scan")) == (0, [])
    db.clear()
    db.put_item(item={"PK": "p1", "SK": 1})
    assert (len(db), other.call("scan")) == (1, [{"PK": "p1", "SK": 1}])
    db.check()
    db._store.checkpoint()
    other.call("clear")
    assert len(db) == 0
    db.close()
    db = database()
    assert (len(db), db.pk_type, db.sk_type) == (0, "S", "N")


def test_len_is_exact(database: OpenDatabase) -> None:
    db = database()
    expected: set[tuple[str, int]] = set()
    assert (len(db), bool(db)) == (0, True)
    for step in range(6):
        for n in range(40):
            pk, sk = f"p{n * step % 7}", n * (step + 1) % 50
            if (n + step) % 3:
                db.put_item(item={"PK": pk, "SK": sk})
                expected.add((pk, sk))
            else:
                db.delete_item(key={"PK": pk, "SK": sk})
                expected.discard((pk, sk))
        assert len(db) == len(expected)
        db._store.checkpoint()
        assert len(db) == len(expected)
        db._store.replica.cache.clear()
        assert len(db) == db.describe().item_count == len(expected)
        if step % 2:
            db.close()
            db = database()
            assert len(db) == len(expected)


@pytest.mark.parametrize("reader", ["scan", "query", "reverse", "segments"])
def test_iterators_while_threads_write(reader: str, database: OpenDatabase) -> None:
    """Items that are there throughout are seen exactly once; others at most once, and whole."""
    db = database(durability="relaxed")
    checkpointer = db._store._checkpointer
    assert checkpointer is not None
    checkpointer.partition_bytes, checkpointer.checkpoint_bytes = 4000, 30_000  # many splits
    stable = [f"{n:05}" for n in range(0, 3000, 3)]
    db.execute_batch(Action("PUT", {"PK": "p", "SK": sk, "n": 0}) for sk in stable)
    stop = threading.Event()

    def write(offset: int) -> None:
        n = 0
        while not stop.is_set():
            n += 1
            sk = f"{n * 37 % 1000 * 3 + offset:05}"
            if n % 5 < 3:
                db.put_item(item={"PK": "p", "SK": sk, "n": n, "x": "x" * (n % 100)})
            else:
                db.delete_item(key={"PK": "p", "SK": sk})
            if n % 10 == 0:  # a stable one is overwritten: it is there throughout
                db.put_item(item={"PK": "p", "SK": stable[n % 1000], "n": n})

    writers = [threading.Thread(target=write, args=(offset,)) for offset in (1, 2)]
    for writer in writers:
        writer.start()
    try:
        for _ in range(12):
            if reader == "scan":
                found = [item["SK"] for item in db.scan()]
            elif reader == "segments":
                parts = [db.scan(segment=s, total_segments=3) for s in range(3)]
                found = [item["SK"] for part in parts for item in part]
            else:
                backward = reader == "reverse"
                found = [i["SK"] for i in db.query("p", scan_index_forward=not backward)]
                assert found == sorted(found, reverse=backward)
            counts = Counter(found)
            assert max(counts.values()) == 1
            assert all(counts[sk] == 1 for sk in stable)
    finally:
        stop.set()
        for thread in writers:
            thread.join()
    assert db.describe().partition_count > 10


def test_an_iterator_over_what_its_loop_changes(database: OpenDatabase) -> None:
    """Deleting, moving and adding items from inside a loop over them."""
    db = database()
    keys = fill(db, 400)
    for item in db.scan():
        db.delete_item(key=item)
    assert len(db) == 0
    fill(db, 400)
    seen = Counter[tuple[str, int]]()
    for item in db.scan():
        if "moved" not in item:
            seen[key_of(item)] += 1
            db.delete_item(key=item)
            db.put_item(item={**item, "PK": f"{item['PK']}'", "moved": True})
    assert seen == Counter(keys)
    assert len(db) == len(keys)


def test_iterators_that_are_left(database: OpenDatabase) -> None:
    """They hold nothing: others write, clear, and close the database."""
    db = database()
    fill(db, 300)
    left = [db.scan(), db.query("p1"), db.scan(filter="SK == 1")]
    for iterator in left:
        assert next(iterator)
    db.clear()
    fill(db, 1)
    db.close()
    del left
    assert len(database()) == 3


def test_an_iterator_over_a_partition_that_goes(
    database: OpenDatabase, worker: StartWorker
) -> None:
    """Another process replaces the snapshots that an iterator has still to read."""
    db = database()
    keys = fill(db, 300)
    split(db)
    iterator = db.scan()
    found = [key_of(next(iterator))]
    other = worker(db.path)
    other.call("execute_batch", [Action("PUT", {"PK": pk, "SK": sk}) for pk, sk in keys])
    other.call("checkpoint")
    other.stop()
    found += [key_of(item) for item in iterator]
    assert Counter(found) == Counter(keys)
