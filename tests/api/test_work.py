"""Counted work: what an operation asks of the operating system, where wall-clock proves nothing."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from dynafile import Action
from dynafile.store.format import FIRST_LSN, PUT, SEGMENT_HEADER_BYTES, Record, records

if TYPE_CHECKING:
    from collections.abc import Callable

    from api.conftest import StartWorker, Work
    from conftest import OpenDatabase

    from dynafile import Dynafile

ITEM = {"PK": "a", "SK": "1", "n": 1, "x": "x" * 200}


def journal(db: Dynafile) -> list[Record]:
    """Every record of a database that made no checkpoint yet."""
    (path,) = (Path(db.path) / "journal").iterdir()
    return list(records(path.read_bytes(), SEGMENT_HEADER_BYTES, FIRST_LSN))


@pytest.mark.parametrize(("durability", "syncs"), [("durable", 1), ("relaxed", 0)])
def test_a_put(
    durability: str,
    syncs: int,
    database: OpenDatabase,
    watch: Callable[[Dynafile], Work],
) -> None:
    db = database(durability=durability)
    db.put_item(item=ITEM)
    db._store.flush()
    flusher, db._store._flusher = db._store._flusher, None
    if flusher is not None:
        flusher.stop()
    work = watch(db)
    before = journal(db)
    for write in (
        lambda: db.put_item(item={**ITEM, "SK": "2"}),
        lambda: db.put_item(item=ITEM),
        lambda: db.delete_item(key=ITEM),
        lambda: db.execute_batch(Action("PUT", {**ITEM, "SK": f"{n}"}) for n in range(50)),
    ):
        work.calls.clear()
        write()
        assert (work.count("write", "journal/"), work.count("sync", "journal/")) == (1, syncs)
        assert len(work.calls) == 1 + syncs
    added = journal(db)[len(before) :]
    assert [len(record.operations) for record in added] == [1, 1, 1, 50]
    assert added[0].operations[0][0] == PUT


def test_a_batch_is_one_record(database: OpenDatabase, watch: Callable[[Dynafile], Work]) -> None:
    db = database()
    db.put_item(item=ITEM)
    work = watch(db)
    with db.batch_writer() as writer:
        for n in range(5000):
            writer.put_item(item={"PK": f"{n}", "SK": "1"})
    assert (work.count("write"), work.count("sync"), work.count("replace")) == (1, 1, 0)
    assert len(journal(db)[-1].operations) == 5000


def test_a_listener_costs_no_write(
    database: OpenDatabase, watch: Callable[[Dynafile], Work]
) -> None:
    db = database()
    db.put_item(item=ITEM)
    db.add_stream_listener(lambda event: None)
    work = watch(db)
    db.put_item(item=ITEM)
    assert (work.count("write"), work.count("sync"), len(work.calls)) == (1, 1, 2)


def test_deleting_nothing_is_no_rewrite(
    database: OpenDatabase, watch: Callable[[Dynafile], Work]
) -> None:
    db = database()
    db.put_item(item=ITEM)
    work = watch(db)
    db.delete_item(key={"PK": "missing", "SK": "1"})
    assert work.count("write") <= 1


def test_warm_reads(database: OpenDatabase, watch: Callable[[Dynafile], Work]) -> None:
    db = database()
    db.execute_batch(Action("PUT", {**ITEM, "SK": f"{n}"}) for n in range(100))
    db._store.checkpoint()
    list(db.scan())
    work = watch(db)
    for _ in range(3):
        db.get_item(key=ITEM)
        list(db.query("a"))
        list(db.query("a", starts_with="1", scan_index_forward=False))
        list(db.scan())
        db.batch_get_item(keys=[ITEM, ITEM])
        len(db)
    assert work.calls == []


def cold(db: Dynafile) -> int:
    """Cut a table of 2,000 items into partitions, none of them in memory; return their number."""
    db.execute_batch(Action("PUT", {**ITEM, "PK": f"{n}"}) for n in range(2000))
    db._store.checkpoint()
    db._store.replica.cache.clear()
    count = db.describe().partition_count
    assert count > 4
    return count


def test_cold_reads(database: OpenDatabase, watch: Callable[[Dynafile], Work]) -> None:
    db = database()
    count = cold(db)
    work = watch(db)
    db.get_item(key={**ITEM, "PK": "5"})
    loaded = {file for method, file in work.calls if method == "read"}
    assert len(loaded) <= 2  # the partition, and perhaps the header of its neighbour
    db.get_item(key={**ITEM, "PK": "5"})
    work.calls.clear()
    list(db.query("5"))
    assert work.calls == []
    list(db.scan())
    assert {file for method, file in work.calls} <= {
        f"_partitions/{path.parent.name}/data.pickle" for path in Path(db.path).rglob("data.pickle")
    }
    assert len(work.calls) <= 2 * count


def test_a_blind_put_loads_nothing(
    database: OpenDatabase, watch: Callable[[Dynafile], Work]
) -> None:
    db = database()
    cold(db)
    db.put_item(item={**ITEM, "PK": "5"})
    db._store.replica.cache.clear()
    work = watch(db)
    for n in range(50):
        db.put_item(item={**ITEM, "PK": f"{n}"})
    assert work.count("write") == work.count("sync") == 50
    # Where a partition begins may have to be read from its header, once; its entries need not be.
    assert all(part.entries is None for part in db._table._items.partitions())


def test_a_checkpoint_rewrites_what_is_pending(
    database: OpenDatabase, watch: Callable[[Dynafile], Work]
) -> None:
    db = database()
    cold(db)
    for pks in (["5"], ["5", "1234"], []):
        for pk in pks:
            db.put_item(item={**ITEM, "PK": pk, "new": len(pks)})
        changed = {id(part) for part in db._table._items.partitions() if part.pending}
        work = watch(db)
        db._store.checkpoint()
        assert work.count("replace", "_partitions/") == len(changed) <= len(pks)
        assert work.count("remove", "_partitions/") == 0


def test_a_put_into_a_large_collection_writes_no_more(database: OpenDatabase) -> None:
    """It costs an append, and never a rewrite of its partition."""
    db = database()
    sizes = []
    for count in (10, 1000, 5000):
        db.execute_batch(Action("PUT", {**ITEM, "SK": f"{n}"}) for n in range(count))
        before = db.describe().journal_bytes
        db.put_item(item={**ITEM, "SK": "new"})
        sizes.append(db.describe().journal_bytes - before)
    assert len(set(sizes)) == 1
    assert sizes[0] < 500


def test_reading_what_another_process_wrote(
    database: OpenDatabase, watch: Callable[[Dynafile], Work], worker: StartWorker
) -> None:
    """One read of the journal brings all of it."""
    db = database()
    db.put_item(item=ITEM)
    worker(db.path).call("puts", "p", "other", 100)
    work = watch(db)
    assert len(list(db.query("p"))) == 100
    assert [method for method, _ in work.calls] == ["read"]
    list(db.query("p"))
    assert len(work.calls) == 1


STRACED = """
    import os, sys
    from dynafile import Dynafile
    db = Dynafile(sys.argv[1])
    keys = [{"PK": "p", "SK": f"{n}"} for n in range(100)]
    for key in keys:
        db.put_item(item=key)
    def mark(name):
        try:
            os.stat(f"/mark-{name}")
        except FileNotFoundError:
            pass
    for key in keys:
        db.get_item(key=key)
    mark("get")
    for _ in range(10):
        for key in keys:
            db.get_item(key=key)
    mark("put")
    for key in keys:
        db.put_item(item=key)
    mark("batch")
    with db.batch_writer() as writer:
        for key in keys:
            writer.put_item(item=key)
    mark("end")
    db.close()
"""


def can_trace() -> bool:
    try:
        done = subprocess.run(["strace", "true"], capture_output=True, timeout=30, check=False)
    except OSError:
        return False
    return done.returncode == 0


@pytest.mark.skipif(shutil.which("strace") is None or not can_trace(), reason="no strace here")
def test_system_calls(tmp_path: Path) -> None:
    out = tmp_path / "calls"
    subprocess.run(
        ["strace", "-qq", "-o", out, sys.executable, "-P", "-c", textwrap.dedent(STRACED),
         tmp_path / "db"],
        timeout=120, check=True,
    )  # fmt: skip
    parts: dict[str, list[str]] = {"": []}
    name = ""
    for line in out.read_text(errors="replace").splitlines():
        mark = re.search(r'"/mark-(\w+)"', line)
        if mark:
            name = mark[1]
            parts[name] = []
        else:
            parts[name].append(re.match(r"\w*", line)[0])  # type: ignore[index]
    assert len(parts["get"]) <= 1000  # at most one a get
    assert len(parts["get"]) < 20  # in fact none, but for what Python itself may do
    syncs = sum("sync" in call for call in parts["put"])
    writes = sum(call.startswith("pwrite") for call in parts["put"])
    assert (writes, syncs) == (100, 100)
    assert len(parts["put"]) <= 5 * 100  # besides these, the lock is taken and let go
    assert sum("sync" in call for call in parts["batch"]) == 1
    assert sum(call.startswith("pwrite") for call in parts["batch"]) == 1
