"""Batches: one block is one commit, in order, whole or not at all."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest

from dynafile import Action, Event
from dynafile.errors import (
    DynafileError,
    HandleClosed,
    InvalidArgument,
    MissingKey,
    ReadOnlyDatabase,
    UnsupportedType,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from api.conftest import StartWorker, Work
    from conftest import OpenDatabase

    from dynafile import Dynafile


def items(count: int, **more: Any) -> list[dict[str, Any]]:
    return [{"PK": f"p{n % 7}", "SK": f"{n:05}", **more} for n in range(count)]


def test_a_block_is_one_commit(
    database: OpenDatabase, watch: Callable[[Dynafile], Work], worker: StartWorker
) -> None:
    db = database()
    db.put_item(item={"PK": "a", "SK": "old"})
    other = worker(db.path, read_only=True)
    work = watch(db)
    with db.batch_writer() as writer:
        for item in items(1000):
            writer.put_item(item=item)
        writer.delete_item(key={"PK": "a", "SK": "old"})
        assert work.calls == []
        assert len(db) == other.call("len") == 1
        assert db.get_item(key=items(4)[3]) is None
    assert work.calls == [("write", work.calls[0][1]), ("sync", work.calls[0][1])]
    assert len(db) == other.call("len") == 1000
    assert other.call("batch_get_item", keys=items(1000)) == items(1000)


def test_keys_in_any_order(database: OpenDatabase) -> None:
    """0.1.3 grouped only neighbours by partition key, so that the writes of the first group were lost."""
    db = database()
    with db.batch_writer() as writer:
        for n, pk in enumerate("abacabad"):
            writer.put_item(item={"PK": pk, "SK": f"{n}", "n": n})
    assert [i["n"] for i in db.query("a")] == [0, 2, 4, 6]
    assert len(db) == 8
    db.execute_batch(Action("PUT", {"PK": pk, "SK": f"{n}", "n": n}) for n, pk in enumerate("xyx"))
    assert [i["n"] for i in db.query("x")] == [0, 2]


@pytest.mark.parametrize("stage", ["memory", "blind", "heard", "expiring"])
def test_writes_keep_their_order(stage: str, database: OpenDatabase) -> None:
    """The last write of a key wins, whether it is a put or a delete."""
    db = database(":memory:" if stage == "memory" else None,
                  ttl_attribute="ttl" if stage == "expiring" else None)  # fmt: skip
    db.put_item(item={"PK": "a", "SK": "0", "n": 0})
    events: list[Event] = []
    if stage == "heard":
        db.add_stream_listener(events.append)
    with db.batch_writer() as writer:
        for n in range(1, 50):
            writer.put_item(item={"PK": "a", "SK": "0", "n": n})
            writer.put_item(item={"PK": "b", "SK": "0", "n": n})
            writer.delete_item(key={"PK": "b", "SK": "0"})
            writer.delete_item(key={"PK": "c", "SK": "0"})
            writer.put_item(item={"PK": "c", "SK": "0", "n": n})
    assert db.get_item(key={"PK": "a", "SK": "0"}) == {"PK": "a", "SK": "0", "n": 49}
    assert list(db.query("b")) == []
    assert [i["n"] for i in db.query("c")] == [49]
    if stage == "heard":
        olds = [e.old and e.old["n"] for e in events if (e.new or e.old or {})["PK"] == "a"]
        assert olds == list(range(49))


def test_nothing_is_written_if_the_body_raises(database: OpenDatabase) -> None:
    db = database()
    db.put_item(item={"PK": "a", "SK": "1"})
    journal = db.describe().journal_bytes
    for error in (RuntimeError, KeyboardInterrupt, GeneratorExit):
        with pytest.raises(error), db.batch_writer() as writer:
            writer.put_item(item={"PK": "a", "SK": "2"})
            writer.delete_item(key={"PK": "a", "SK": "1"})
            raise error
    assert list(db.scan()) == [{"PK": "a", "SK": "1"}]
    assert db.describe().journal_bytes == journal


def test_a_bad_write_raises_at_once_and_ends_the_block(database: OpenDatabase) -> None:
    db = database()
    reached = []
    with pytest.raises(UnsupportedType), db.batch_writer() as writer:
        writer.put_item(item={"PK": "a", "SK": "1"})
        writer.put_item(item={"PK": "a", "SK": "2", "x": object()})
        reached.append(True)
    assert (len(db), reached) == (0, [])
    with db.batch_writer() as writer:  # one that is caught takes only itself away
        writer.put_item(item={"PK": "a", "SK": "1"})
        with pytest.raises(MissingKey):
            writer.put_item(item={"PK": "a"})
        with pytest.raises(MissingKey):
            writer.delete_item(key={"SK": "a"})
    assert list(db.scan()) == [{"PK": "a", "SK": "1"}]
    with pytest.raises(MissingKey):
        db.execute_batch([Action("PUT", {"PK": "b", "SK": "1"}), Action("DELETE", {"PK": "b"})])
    assert len(db) == 1


def test_a_database_in_the_block_commits_at_once(
    database: OpenDatabase, worker: StartWorker
) -> None:
    db = database()
    other = worker(db.path, read_only=True)
    with pytest.raises(RuntimeError), db.batch_writer() as writer:
        writer.put_item(item={"PK": "inside", "SK": "1"})
        db.put_item(item={"PK": "outside", "SK": "1"})
        assert other.call("scan") == [{"PK": "outside", "SK": "1"}]
        raise RuntimeError
    assert list(db.scan()) == [{"PK": "outside", "SK": "1"}]


def test_an_item_is_taken_when_it_is_put(database: OpenDatabase) -> None:
    db = database()
    item: dict[str, Any] = {"PK": "a", "SK": "1", "list": [1, {"x": 1}], "n": 0}
    with db.batch_writer() as writer:
        writer.put_item(item=item)
        item["n"] = 1
        item["list"].append(2)
        item["list"][1]["x"] = 2
        item["SK"] = "2"
        writer.put_item(item=item)
        item.clear()
    first, second = db.query("a")
    assert first == {"PK": "a", "SK": "1", "list": [1, {"x": 1}], "n": 0}
    assert second == {"PK": "a", "SK": "2", "list": [1, {"x": 2}, 2], "n": 1}


def test_flush_items(database: OpenDatabase, watch: Callable[[Dynafile], Work]) -> None:
    db = database()
    db.put_item(item={"PK": "types", "SK": "known"})
    work = watch(db)
    with pytest.raises(RuntimeError), db.batch_writer(flush_items=10) as writer:
        for n, item in enumerate(items(25)):
            writer.put_item(item=item)
            assert len(db) == 1 + (n + 1) // 10 * 10
        raise RuntimeError
    assert len(db) == 21  # what was flushed stays
    assert (work.count("write", "journal/"), work.count("sync", "journal/")) == (2, 2)
    with db.batch_writer(flush_items=1) as writer:
        writer.delete_item(key={"PK": "types", "SK": "known"})
        assert len(db) == 20
    with db.batch_writer(flush_items=10) as writer:
        for item in items(25):
            writer.put_item(item=item)
    assert len(db) == 25


def test_flush_seconds(database: OpenDatabase, monkeypatch: pytest.MonkeyPatch) -> None:
    db = database(":memory:")
    now = 100.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    seen = []
    with db.batch_writer(flush_seconds=2) as writer:
        for n in range(6):
            writer.put_item(item={"PK": "a", "SK": n})
            seen.append(len(db))
            now += 1.0
    assert seen == [0, 0, 3, 3, 5, 5]  # whoever comes late takes along those that wait
    assert len(db) == 6


def test_flush_can_be_called(database: OpenDatabase) -> None:
    db = database()
    with db.batch_writer() as writer:
        writer.put_item(item={"PK": "a", "SK": "1"})
        writer.flush()
        assert len(db) == 1
        writer.put_item(item={"PK": "a", "SK": "2"})
    writer.flush()  # nothing to do
    assert len(db) == 2
    with pytest.raises(InvalidArgument, match="with block"):
        writer.put_item(item={"PK": "a", "SK": "3"})


def test_a_writer_is_for_a_block(database: OpenDatabase) -> None:
    db = database()
    writer = db.batch_writer()
    with pytest.raises(InvalidArgument, match="with block"):
        writer.put_item(item={"PK": "a", "SK": "1"})
    with writer:
        writer.put_item(item={"PK": "a", "SK": "1"})
        with pytest.raises(InvalidArgument, match="in use"):
            writer.__enter__()
    with pytest.raises(InvalidArgument, match="with block"):
        writer.delete_item(key={"PK": "a", "SK": "1"})
    with writer:  # once more, from nothing
        pass
    assert len(db) == 1
    for wrong in (0, -1, "x", True, float("nan")):
        for option in ("flush_items", "flush_seconds"):
            with pytest.raises(InvalidArgument, match=option):
                db.batch_writer(**{option: wrong})  # type: ignore[arg-type]


def test_blocks_within_blocks(database: OpenDatabase) -> None:
    """Each writer has its own; 0.1.3 let the outer one's be lost."""
    db = database()
    with db.batch_writer() as outer:
        outer.put_item(item={"PK": "a", "SK": "outer"})
        with db.batch_writer() as inner:
            inner.put_item(item={"PK": "a", "SK": "inner"})
        assert [i["SK"] for i in db.query("a")] == ["inner"]
        outer.delete_item(key={"PK": "a", "SK": "inner"})
    assert [i["SK"] for i in db.query("a")] == ["outer"]


def test_an_empty_block_writes_nothing(
    database: OpenDatabase, watch: Callable[[Dynafile], Work]
) -> None:
    db = database()
    work = watch(db)
    with db.batch_writer():
        pass
    db.execute_batch([])
    assert work.calls == []


def test_a_writer_of_a_closed_database(database: OpenDatabase) -> None:
    """Where another handle had the folder open, the batch of a closed one was committed still."""
    db, second = database(), database()
    with pytest.raises(HandleClosed), db.batch_writer() as writer:
        writer.put_item(item={"PK": "a", "SK": "1"})
        db.close()
    assert len(second) == 0
    with pytest.raises(HandleClosed):
        db.batch_writer()


def test_a_writer_of_a_read_only_database(database: OpenDatabase) -> None:
    database().close()
    db = database(read_only=True)
    with pytest.raises(ReadOnlyDatabase), db.batch_writer() as writer:
        writer.put_item(item={"PK": "a", "SK": "1"})


def test_actions_that_are_none(database: OpenDatabase) -> None:
    db = database()
    for wrong in ([("put", {"PK": "a", "SK": "1"})], [{"op": "PUT", "data": {}, "x": 1}], [5],
                  [("PUT", {"PK": "a", "SK": "1"}, 1)], [("PUT", None)], ["PUT"]):  # fmt: skip
        with pytest.raises(DynafileError):
            db.execute_batch([Action("PUT", {"PK": "a", "SK": "0"}), *wrong])  # type: ignore[list-item]
    assert len(db) == 0


def test_threads_share_a_writer(database: OpenDatabase) -> None:
    db = database()
    with db.batch_writer(flush_items=7) as writer:

        def put(name: str) -> None:
            for n in range(200):
                writer.put_item(item={"PK": name, "SK": n})

        threads = [threading.Thread(target=put, args=(name,)) for name in "abcd"]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert len(db) == 800


KILLED = """
import os, signal, sys
from dynafile import Dynafile
path, when = sys.argv[1:]
db = Dynafile(path)
db.put_item(item={"PK": "before", "SK": "0"})
with db.batch_writer() as writer:
    for n in range(500):
        writer.put_item(item={"PK": "abc"[n % 3], "SK": f"{n}"})
    writer.delete_item(key={"PK": "before", "SK": "0"})
    if when == "inside":
        os.kill(os.getpid(), signal.SIGKILL)
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL")
@pytest.mark.parametrize(("when", "expected"), [("inside", 1), ("after", 500)])
def test_a_process_killed(when: str, expected: int, database: OpenDatabase, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-P", "-c", KILLED, str(tmp_path / "db"), when], timeout=60, check=False
    )
    assert done.returncode == -9
    db = database()
    assert len(db) == len(list(db.scan())) == expected


def test_a_large_batch(database: OpenDatabase) -> None:
    db = database()
    with db.batch_writer() as writer:
        for item in items(20_000, text="x" * 50):
            writer.put_item(item=item)
    assert len(db) == 20_000
    db.close()
    assert len(database()) == 20_000
