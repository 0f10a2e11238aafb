"""The backfill: an index that is added to a table with items, while others read and write.

Where a test says what happens "meanwhile", it happens in the callback that hears of the progress:
between two steps, with nothing left to chance. Threads and processes come on top of that.
"""

from __future__ import annotations

import functools
import random
import subprocess
import sys
import threading
from typing import TYPE_CHECKING, Any

import pytest
from store.stores import together

from dynafile import Action, Dynafile, GlobalIndex, Include, LocalIndex
from dynafile.errors import (
    DiskFull,
    IndexNotReady,
    InvalidArgument,
    KeyTypeMismatch,
    SchemaMismatch,
)
from dynafile.store import builder, descriptors
from dynafile.store.store import Options

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from api.conftest import Clock, StartWorker
    from conftest import OpenDatabase

BY_TIME = GlobalIndex("G", "N")
SMALL = {"partition_bytes": 4000, "checkpoint_bytes": 50_000}
Item = dict[str, Any]
COUNT = 400


@pytest.fixture(autouse=True)
def _small_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(builder, "STEP_BYTES", 8000)
    monkeypatch.setattr(builder, "MEMORY_STEP", 40)
    monkeypatch.setattr("dynafile.store_options.Options", functools.partial(Options, **SMALL))


@pytest.fixture(params=["memory", "files"])
def db(request: pytest.FixtureRequest, database: OpenDatabase) -> Dynafile:
    return filled(database(":memory:" if request.param == "memory" else None, ttl_attribute="ttl"))


def item(number: int, **more: Any) -> Item:
    place = {"G": "ghi"[number % 3], "N": number, "x": "x" * 60}
    return {"PK": f"{number % 7}", "SK": f"{number:04}", **place, **more}


def filled(db: Dynafile) -> Dynafile:
    db.execute_batch(Action("PUT", item(n)) for n in range(COUNT))
    return db


def assert_complete(db: Dynafile, name: str = "by-time") -> None:
    """The index has the items that have its keys, in its order, and no other."""
    db.check()
    assert db.wait_for_indexes(60)
    whole = [found for found in db.scan() if {"G", "N"} <= found.keys()]
    for group in "ghi":
        expected = sorted(found["N"] for found in whole if found["G"] == group)
        assert [found["N"] for found in db.query(group, index=name)] == expected
    assert len(list(db.scan(index=name))) == len(whole)


class Meanwhile:
    """Calls a function at each progress but the last."""

    def __init__(self, work: Callable[[int], object]) -> None:
        self.work = work
        self.seen: list[tuple[str, int, int]] = []

    def __call__(self, name: str, done: int, total: int) -> None:
        self.seen.append((name, done, total))
        if done < total:
            self.work(len(self.seen))


def test_progress(db: Dynafile) -> None:
    heard = Meanwhile(lambda _: None)
    db.add_index("by-time", BY_TIME, progress=heard)
    done = [seen[1] for seen in heard.seen]
    assert {(name, total) for name, _, total in heard.seen} == {("by-time", COUNT)}
    assert done == sorted(done)
    assert done[-1] == COUNT
    # As many steps as there are to hear of; the end comes at the end.
    assert len(set(done)) > 5
    assert_complete(db)


def test_all_kinds_at_once(db: Dynafile) -> None:
    db.add_index("by-time", BY_TIME)
    db.add_index("local", LocalIndex("N", "KEYS_ONLY"))
    db.add_index("pair", GlobalIndex(("G", "PK"), ("N", "SK"), Include("x")))
    assert_complete(db)
    assert [found["N"] for found in db.query("3", index="local")] == list(range(3, COUNT, 7))
    assert [found["N"] for found in db.query(("g", "3"), index="pair", sk=3)] == [3]
    db.check()


def test_what_happens_meanwhile(db: Dynafile) -> None:
    """New items, deleted ones, moved ones, back and forth, and batches, at each step."""

    def write(turn: int) -> None:
        db.put_item(item=item(COUNT + turn))
        db.delete_item(key=item(turn * 13 % COUNT))
        db.put_item(item=item(turn * 17 % COUNT, G="moved"))
        moved = turn * 19 % COUNT
        db.execute_batch(
            [
                Action("PUT", item(moved, G="h")),
                Action("DELETE", item(moved)),
                Action("PUT", item(moved)),
            ]
        )
        db.put_item(item={"PK": "1", "SK": item(turn * 7 % COUNT)["SK"]})
        db.put_item(item=item(turn * 23 % COUNT, y="no key changed"))
        with pytest.raises(IndexNotReady):
            db.query("g", index="by-time")
        assert len(list(db.scan())) == len(db)

    heard = Meanwhile(write)
    db.add_index("by-time", BY_TIME, progress=heard)
    assert len(heard.seen) > 5
    assert_complete(db)


@pytest.mark.parametrize("when", [1, 4])
def test_cleared_meanwhile(when: int, db: Dynafile) -> None:
    def clear(turn: int) -> None:
        if turn == when:
            db.clear()
            db.put_item(item=item(5))

    db.add_index("by-time", BY_TIME, progress=Meanwhile(clear))
    assert [found["N"] for found in db.scan(index="by-time")] == [5]
    assert_complete(db)


@pytest.mark.parametrize("when", [1, 4])
@pytest.mark.parametrize("again", [False, True])
def test_dropped_meanwhile(again: bool, when: int, db: Dynafile) -> None:
    def drop(turn: int) -> None:
        if turn == when:
            db.drop_index("by-time")
            if again:
                db.add_index("by-time", GlobalIndex("G", "N", "KEYS_ONLY"), wait=False)

    db.add_index("by-time", BY_TIME, progress=Meanwhile(drop))
    assert db.wait_for_indexes(60)
    assert list(db.indexes) == ["by-time"] * again
    if again:
        assert_complete(db)
        assert "x" not in next(db.scan(index="by-time"))
    db.check()


def test_swept_meanwhile(db: Dynafile, clock: Clock) -> None:
    db.execute_batch(Action("PUT", item(n, ttl=clock.now + n)) for n in range(0, COUNT, 2))

    def sweep(turn: int) -> None:
        clock.now += 20
        db.sweep()

    db.add_index("by-time", BY_TIME, progress=Meanwhile(sweep))
    assert_complete(db)
    assert db.sweep() == 0


def test_skipped(db: Dynafile) -> None:
    """What does not fit is left out and counted; the majority decides the type."""
    for n, bad in enumerate(["text", b"bytes", None, [1], {"a": 1}, True, ""]):
        db.put_item(item=item(n, N=bad))
    db.put_item(item={"PK": "1", "SK": "sparse", "G": "g"})
    db.add_index("by-time", BY_TIME)
    (described,) = db.describe().indexes
    assert (described.skipped_count, described.entry_count) == (7, COUNT - 7)
    db.check()
    with pytest.raises(KeyTypeMismatch):
        db.put_item(item=item(0, N="text"))
    db.put_item(item=item(0))
    db.delete_item(key=item(2))
    assert len(list(db.scan(index="by-time"))) == COUNT - 6
    db.check()


def test_a_type_that_was_declared_beats_the_majority(db: Dynafile) -> None:
    db.put_item(item=item(1, N="text"))
    db.add_index("by-time", GlobalIndex("G", "N", sk_type="S"))
    assert [found["N"] for found in db.scan(index="by-time")] == ["text"]
    assert db.describe().indexes[0].skipped_count == COUNT - 1
    db.check()


def test_a_writer_tells_the_type_first(db: Dynafile) -> None:
    """Its item is in the index from its commit on, so what has been there before gives way."""

    def write(turn: int) -> None:
        if turn == 1:
            db.put_item(item=item(1, N="text"))

    db.add_index("by-time", BY_TIME, progress=Meanwhile(write))
    assert [found["N"] for found in db.scan(index="by-time")] == ["text"]
    # One of them was read before it was written to.
    assert db.describe().indexes[0].skipped_count in (COUNT - 1, COUNT)
    db.check()


# -- at opening, and who else is there ------------------------------------------------------------


def test_opening_returns_when_it_is_done(database: OpenDatabase) -> None:
    filled(database()).close()
    heard = Meanwhile(lambda _: None)
    db = database(indexes={"by-time": BY_TIME}, progress=heard)
    assert heard.seen[-1] == ("by-time", COUNT, COUNT)
    assert_complete(db)


def test_without_waiting(database: OpenDatabase) -> None:
    filled(database()).close()
    may_go_on = threading.Event()
    db = database(indexes={"by-time": BY_TIME}, wait=False, progress=lambda *_: may_go_on.wait(60))
    with pytest.raises(IndexNotReady, match="wait_for_indexes"):
        db.query("g", index="by-time")
    assert not db.wait_for_indexes(0)
    for timeout in (-1, "1", True, float("nan")):
        with pytest.raises(InvalidArgument, match="timeout must be a number of at least 0"):
            db.wait_for_indexes(timeout)  # type: ignore[arg-type]
    db.put_item(item=item(COUNT))
    db.check()
    may_go_on.set()
    assert db.wait_for_indexes()
    assert_complete(db)


def test_closed_meanwhile(database: OpenDatabase) -> None:
    """Closing checkpoints what there is of the index; the next opening goes on."""
    filled(database()).close()
    for when in range(1, 9):
        reached, may_go_on = threading.Event(), threading.Event()
        heard = Meanwhile(lambda turn: turn == when and (reached.set(), may_go_on.wait(60)))
        db = database(indexes={"by-time": BY_TIME}, wait=False, progress=heard)
        assert reached.wait(60)
        db.put_item(item={"PK": "1", "SK": f"in no index {when}"})
        closing = threading.Thread(target=db.close)
        closing.start()
        may_go_on.set()
        closing.join(60)
        assert not closing.is_alive()
        with Dynafile(db.path, read_only=True) as reader:
            reader.check()
        db = database(wait=False)
        db.check()
        assert_complete(database())
        db.drop_index("by-time")
        db.close()


def test_what_stops_it_is_raised_by_who_waits(db: Dynafile) -> None:
    def fail(_: int) -> None:
        raise ZeroDivisionError

    db.add_index("by-time", BY_TIME, wait=False, progress=Meanwhile(fail))
    with pytest.raises(ZeroDivisionError):
        db.wait_for_indexes()
    with pytest.raises(IndexNotReady):
        db.query("g", index="by-time")
    db.add_index("by-time", BY_TIME)
    assert_complete(db)


def test_two_handles_and_two_threads(database: OpenDatabase) -> None:
    db = filled(database())
    other = database()
    together(
        lambda: db.add_index("by-time", BY_TIME),
        lambda: other.add_index("by-time", BY_TIME),
        lambda: other.add_index("local", LocalIndex("N")),
        lambda: database().close(),
    )
    assert_complete(db)
    assert_complete(other)


def test_a_disk_that_fills_up(database: OpenDatabase, monkeypatch: pytest.MonkeyPatch) -> None:
    """An error; then an opening, when there is room, that completes it."""
    filled(database()).close()
    real = descriptors.write_at
    for when in (1, 2, 5):
        heard = Meanwhile(
            lambda turn: turn == when and patch.setattr(descriptors, "write_at", full)
        )

        def full(descriptor: int, data: bytes, offset: int) -> int:
            if any(data) and len(data) > 1:
                raise OSError(28, "No space left on device")
            return real(descriptor, data, offset)

        with monkeypatch.context() as patch, pytest.raises(DiskFull, match="disk is full"):
            Dynafile(database().path, indexes={"by-time": BY_TIME}, progress=heard)
        db = database(wait=False)
        assert db.wait_for_indexes(60)  # or its thread could fill the next one, and hear nothing
        assert_complete(database())
        db.drop_index("by-time")


def test_writer_threads_and_processes(database: OpenDatabase, worker: StartWorker) -> None:
    db = filled(database(ttl_attribute="ttl", durability="relaxed"))
    workers = [worker(db.path, durability="relaxed") for _ in range(2)]
    for turn in range(2):
        for n, process in enumerate(workers):
            process.send("churn", f"process {n} {turn}", 300)
        started = threading.Event()
        thread = threading.Thread(target=churn, args=(db, f"thread {turn}", started))
        thread.start()
        assert started.wait(60)
        db.add_index("by-time", BY_TIME)
        thread.join()
        for process in workers:
            process.receive()
        assert_complete(db)
        for process in workers:
            assert len(process.call("query", "g", index="by-time")) == len(
                list(db.query("g", index="by-time"))
            )
        if turn == 0:
            db.drop_index("by-time")


def churn(db: Dynafile, name: str, started: threading.Event) -> None:
    from api import worker

    started.set()
    worker.churn(db, name, 300)


def test_two_processes_add_the_same_index(database: OpenDatabase, worker: StartWorker) -> None:
    db = filled(database())
    workers = [worker(db.path) for _ in range(2)]
    for process in workers:
        process.send("add_index", "by-time", BY_TIME)
    for process in workers:
        process.receive()
        assert len(process.call("query", "g", index="by-time")) == len(range(0, COUNT, 3))
    assert_complete(db)
    workers[0].send("add_index", "other", GlobalIndex("G"))
    workers[1].send("add_index", "other", GlobalIndex("G", "N"))
    results = []
    for process in workers:
        try:
            process.receive()
            results.append("added")
        except SchemaMismatch:
            results.append("refused")
    assert sorted(results) == ["added", "refused"]
    db.check()


CHILD = """
import functools, sys, threading
from dynafile import Dynafile, GlobalIndex, store_options
from dynafile.store import builder, descriptors
builder.STEP_BYTES = 8000
options = functools.partial(store_options.Options, partition_bytes=4000, checkpoint_bytes=20_000)
store_options.Options = options

ready = threading.Event()

def progress(name, done, total):
    ready.wait()
    db.put_item(item={"PK": "p", "SK": f"at {done} of {total}", "G": "g", "N": done})
    print(done, flush=True)

indexes = {"by-time": GlobalIndex("G", "N")}
db = Dynafile(sys.argv[1], indexes=indexes, wait=False, progress=progress)
ready.set()
db.wait_for_indexes()
"""


@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL")
def test_killed_at_random(database: OpenDatabase) -> None:
    """Killed again and again while it fills the index and writes; the last one completes it."""
    rng = random.Random(3)
    path = filled(database()).path
    for _ in range(2):
        for _ in range(3):
            kill_after(path, rng.randrange(1, 12))
            with Dynafile(path, read_only=True) as reader:
                reader.check()
        db = database()
        assert_complete(db)
        db.drop_index("by-time")
        db.close()


def kill_after(path: str, lines: int) -> None:
    command = [sys.executable, "-c", CHILD, path]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        for _ in range(lines):
            if child.stdout.readline() == b"":
                assert child.wait(60) == 0  # the one before it was done when it was killed
                break
        child.kill()


def test_an_old_folder_is_converted_first(database: OpenDatabase, tmp_path: Path) -> None:
    from api.old_folders import old_files, sample, write_files

    items = [one | {"G": "ghi"[n % 3], "N": n} for n, one in enumerate(sample(60, 6))]
    folder = write_files(tmp_path / "old", old_files(items))
    db = database(folder, indexes={"by-time": BY_TIME, "local": LocalIndex("N")})
    assert sorted(found["N"] for found in db.scan()) == list(range(60))
    assert_complete(db)


def test_nothing_to_do(database: OpenDatabase) -> None:
    db = database()
    db.add_index("by-time", BY_TIME)
    assert db.wait_for_indexes()
    assert list(db.scan(index="by-time")) == []
    with pytest.raises(InvalidArgument):
        db.add_index("too-many-names", GlobalIndex(tuple("abcde")))
    filled(db)
    assert_complete(db)
