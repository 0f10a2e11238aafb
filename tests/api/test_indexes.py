"""Secondary indexes: what they hold, how they are read, added, filled and dropped."""

from __future__ import annotations

import json
import random
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from store.simulated import Killed, PoweredVolume, dying

from dynafile import Attr, Dynafile, GlobalIndex, Include, LocalIndex, between, errors, gt
from dynafile.store.registry import open_volume
from dynafile.store.store import Options
from dynafile.table.backfill import Backfill
from dynafile.table.checking import check_table
from dynafile.table.definition import definition_in
from dynafile.table.index_changes import add_indexes, drop_index
from dynafile.table.table import Table
from dynafile.table_options import AS_STORED, TableOptions

if TYPE_CHECKING:
    from collections.abc import Iterator

    from api.conftest import Clock, StartWorker

    from dynafile.store.volume import Volume

BY_TIME = GlobalIndex(pk="G", sk="N")


@pytest.fixture(params=["files", "memory"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return ":memory:" if request.param == "memory" else str(tmp_path / "db")


@pytest.fixture
def db(place: str) -> Iterator[Dynafile]:
    indexes = {
        "by-time": BY_TIME,
        "by-date": LocalIndex(sk="date", projection="KEYS_ONLY"),
        "by-both": GlobalIndex(pk=("G", "H"), sk=("N", "date"), projection=Include("x")),
    }
    with Dynafile(place, indexes=indexes) as db:
        yield db
        db.check()


def item(n: int, **more: Any) -> dict[str, Any]:
    return {"PK": f"p{n % 3}", "SK": f"s{n:04}", "G": "g", "N": -n, **more}


def test_an_index_is_a_second_order(db: Dynafile) -> None:
    for n in range(10):
        db.put_item(item=item(n))
    assert [found["N"] for found in db.query("g", index="by-time")] == list(range(-9, 1))
    backward = db.query("g", index="by-time", sk=between(-5, -2), scan_index_forward=False, limit=2)
    assert [found["N"] for found in backward] == [-2, -3]
    filtered = db.query("g", index="by-time", filter=Attr("SK").lt("s0003"))
    assert [found["SK"] for found in filtered] == ["s0002", "s0001", "s0000"]
    assert len(list(db.scan(index="by-time"))) == 10
    assert list(db.query("other", index="by-time")) == []


def test_each_write_keeps_the_indexes(db: Dynafile) -> None:
    def found() -> list[str]:
        return [i["SK"] for i in db.query("g", index="by-time")]

    db.put_item(item=item(1))
    db.put_item(item=item(2))
    db.put_item(item=item(1, N=-9))
    assert found() == ["s0001", "s0002"]
    db.put_item(item={"PK": "p1", "SK": "s0001", "G": "g"})
    assert found() == ["s0002"]
    with db.batch_writer() as writer:
        writer.put_item(item=item(3))
        writer.put_item(item=item(3, N=5))
        writer.delete_item(key=item(2))
    assert found() == ["s0003"]
    db.check()
    db.clear()
    assert found() == []


def test_projections(db: Dynafile) -> None:
    whole = item(1, date="2020-01-01", H="h", x=1, y=2)
    db.put_item(item=whole)
    (by_time,) = db.query("g", index="by-time")
    (by_date,) = db.query("p1", index="by-date")
    (by_both,) = db.query(("g", "h"), index="by-both")
    assert by_time == whole
    assert by_date == {"PK": "p1", "SK": "s0001", "date": "2020-01-01"}
    assert by_both == {name: whole[name] for name in whole if name != "y"}
    # A local index looks at the item for what it does not project, a global one refuses.
    assert list(db.query("p1", index="by-date", filter="y == 2")) == [by_date]
    assert list(db.query("p1", index="by-date", filter="y == 3")) == []
    with pytest.raises(errors.InvalidArgument, match=r"does not project \[y\]"):
        db.query(("g", "h"), index="by-both", filter=Attr("y").eq(2))


def test_keys_of_several_attributes(db: Dynafile) -> None:
    for n in range(6):
        db.put_item(item=item(n, H="h", N=n // 3, date=f"d{n}"))
    query = db.query(("g", "h"), index="by-both", sk=(1, gt("d3")))
    assert [found["date"] for found in query] == ["d4", "d5"]
    assert len(list(db.query(("g", "h"), index="by-both", sk=1))) == 3
    for pk, sk in (
        ("g", None),
        (("g", "h", "i"), None),
        (("g", "h"), (gt(1), "d")),
        (("g", "h"), (1, "d", 2)),
    ):
        with pytest.raises(errors.InvalidArgument):
            db.query(pk, index="by-both", sk=sk)


@pytest.mark.parametrize("value", [None, "", [1], True, b"", {"a": 1}, "x"])
def test_a_key_that_does_not_fit_is_refused(db: Dynafile, value: Any) -> None:
    db.put_item(item=item(1))
    with pytest.raises(errors.InvalidKey, match="by-time"):
        db.put_item(item=item(2, N=value))
    assert db.get_item(key=item(2)) is None


def test_ttl_holds_in_indexes(tmp_path: Path, clock: Clock) -> None:
    indexes = {"keys": GlobalIndex(pk="G", projection="KEYS_ONLY"), "all": BY_TIME}
    with Dynafile(tmp_path / "db", ttl_attribute="ttl", indexes=indexes) as db:
        db.put_item(item=item(1, ttl=clock.now + 10))
        db.put_item(item=item(2))
        assert "ttl" not in next(db.query("g", index="keys"))
        assert len(list(db.query("g", index="all"))) == 2
        clock.now += 20
        for name in indexes:
            assert [found["SK"] for found in db.query("g", index=name)] == ["s0002"]
        assert db.sweep() == 1
        db.check()


BAD = {
    "short": ({"ab": BY_TIME}, errors.InvalidName),
    "long": ({"a" * 256: BY_TIME}, errors.InvalidName),
    "slash": ({"a/bc": BY_TIME}, errors.InvalidName),
    "no index": ({"abc": "G"}, errors.InvalidArgument),
    "no dict": (BY_TIME, errors.InvalidArgument),
    "21 global": ({f"i{n:02}": BY_TIME for n in range(21)}, errors.InvalidArgument),
    "6 local": ({f"i{n:02}": LocalIndex("d") for n in range(6)}, errors.InvalidArgument),
    "other type": ({"abc": GlobalIndex("G", pk_type="S"), "def": GlobalIndex("G", pk_type="N")}, errors.SchemaMismatch),
}  # fmt: skip


@pytest.mark.parametrize(("indexes", "error"), BAD.values(), ids=BAD.keys())
def test_declarations_that_are_refused(
    tmp_path: Path, indexes: Any, error: type[Exception]
) -> None:
    with pytest.raises(error):
        Dynafile(tmp_path / "db", indexes=indexes)
    assert not (tmp_path / "db").exists()


def test_declarations_that_mean_nothing() -> None:
    for make in (
        lambda: GlobalIndex(pk=""), lambda: GlobalIndex(pk=("a",) * 2), lambda: GlobalIndex("a", "a"),
        lambda: GlobalIndex(pk=("a", "b", "c", "d", "e")), lambda: LocalIndex(sk=()), Include,
        lambda: GlobalIndex("a", projection="SOME"), lambda: GlobalIndex("a", pk_type="BOOL"),
        lambda: GlobalIndex("a", pk_type=list), lambda: GlobalIndex(("a", "b"), pk_type=("S",)),
    ):  # fmt: skip
        with pytest.raises(errors.ValidationError):
            make()
    with pytest.raises(errors.InvalidArgument, match="no sort key"):
        Dynafile(":memory:", sk_attribute=None, indexes={"abc": LocalIndex("d")})


def test_queries_that_are_refused(db: Dynafile) -> None:
    db.put_item(item=item(1))
    with pytest.raises(errors.IndexNotFound, match="by-time"):
        db.query("g", index="nope")
    with pytest.raises(errors.KeyTypeMismatch):
        db.query(1, index="by-time")
    with pytest.raises(errors.KeyTypeMismatch):
        db.query("g", index="by-time", sk="text")


def test_as_stored_and_otherwise(tmp_path: Path) -> None:
    with Dynafile(tmp_path / "db", indexes={"by-time": BY_TIME}) as db:
        db.put_item(item=item(1))
    with pytest.raises(errors.SchemaMismatch, match="by-time"):
        Dynafile(tmp_path / "db", indexes={"by-time": GlobalIndex(pk="G")})
    with Dynafile(tmp_path / "db") as db:
        assert db.indexes == {"by-time": BY_TIME}
    with Dynafile(tmp_path / "db", read_only=True) as db:
        assert len(list(db.query("g", index="by-time"))) == 1
    with pytest.raises(errors.ReadOnlyDatabase):
        Dynafile(tmp_path / "db", read_only=True, indexes={"new": BY_TIME})


def test_an_index_is_added_filled_and_dropped(place: str) -> None:
    with Dynafile(place) as db:
        with db.batch_writer() as writer:
            for n in range(3000):
                writer.put_item(item=item(n, x="x" * 100))
            writer.put_item(item={"PK": "p", "SK": "text", "G": "g", "N": "text"})
            writer.put_item(item={"PK": "p", "SK": "list", "G": "g", "N": [1]})
            writer.put_item(item={"PK": "p", "SK": "none", "N": 1})
        heard: list[tuple[int, int]] = []
        db.add_index(
            "by-time", BY_TIME, progress=lambda _, done, total: heard.append((done, total))
        )
        assert heard == sorted(heard)
        assert heard[-1] == (3003, 3003)
        (told,) = db.describe().indexes
        assert (told.status, told.entry_count, told.skipped_count) == ("ACTIVE", 3000, 2)
        assert [i["N"] for i in db.query("g", index="by-time")] == list(range(-2999, 1))
        db.check()
        db.drop_index("by-time")
        with pytest.raises(errors.IndexNotFound):
            db.query("g", index="by-time")
        with pytest.raises(errors.IndexNotFound):
            db.drop_index("by-time")
        assert place == ":memory:" or not list(Path(place).glob("_gsi-*"))
        db.add_index("by-time", GlobalIndex(pk="PK", sk="N"))
        assert len(list(db.query("p0", index="by-time"))) == 1000
        db.check()


def test_a_backfill_beside_writers(tmp_path: Path, worker: StartWorker) -> None:
    """Threads, and a process that opened the table before, write and delete all along."""
    with Dynafile(tmp_path / "db", durability="relaxed") as db:
        with db.batch_writer() as writer:
            for n in range(4000):
                writer.put_item(item=item(n))
        other = worker(tmp_path / "db")
        stop = threading.Event()

        def change() -> None:
            draw = random.Random(1)
            while not stop.is_set():
                n = draw.randrange(4000)
                if draw.random() < 0.3:
                    db.delete_item(key=item(n))
                else:
                    db.put_item(item=item(n, G=draw.choice("gh"), N=draw.randrange(9)))

        thread = threading.Thread(target=change)
        thread.start()
        try:
            db.add_index("by-time", BY_TIME, wait=False)
            for n in range(50):
                other.call("put_item", item=item(n, G="other"))
            assert db.wait_for_indexes()
        finally:
            stop.set()
            thread.join()
        db.check()
        items = [i for i in db.scan() if i["G"] == "g"]
        assert len(list(db.query("g", index="by-time"))) == len(items)


def test_not_before_it_is_complete(tmp_path: Path) -> None:
    with Dynafile(tmp_path / "db") as db:
        with db.batch_writer() as writer:
            for n in range(500):
                writer.put_item(item=item(n))
        go = threading.Event()
        db.add_index("by-time", BY_TIME, wait=False, progress=lambda *_: go.wait(60))
        with pytest.raises(errors.IndexNotReady):
            db.query("g", index="by-time")
        assert db.describe().indexes[0].status == "CREATING"
        assert not db.wait_for_indexes(timeout=0)
        db.put_item(item=item(1000))
        db.check()
        go.set()
        assert db.wait_for_indexes()
        assert len(list(db.query("g", index="by-time"))) == 501


def test_cleared_or_dropped_while_it_is_built(tmp_path: Path) -> None:
    for n, change in enumerate(
        (Dynafile.clear, lambda db: db.drop_index("by-time"), Dynafile.close)
    ):
        with Dynafile(tmp_path / str(n)) as db:
            with db.batch_writer() as writer:
                for number in range(500):
                    writer.put_item(item=item(number))
            reached, go = threading.Event(), threading.Event()

            def progress(*_: object) -> None:
                reached.set()
                go.wait(60)

            db.add_index("by-time", BY_TIME, wait=False, progress=progress)
            assert reached.wait(60)
            threading.Timer(0.01, go.set).start()
            change(db)
        with Dynafile(tmp_path / str(n)) as db:
            db.check()
            assert not any(told.status == "CREATING" for told in db.describe().indexes)


OPTIONS = Options(checkpoint_bytes=2000, partition_bytes=600, clock=lambda: 1e9)


def on(volume: Volume) -> Any:
    wanted = TableOptions(":memory:", None, AS_STORED, None, None, None, "table")
    return open_volume(volume, OPTIONS, wanted.schema)


def filled() -> PoweredVolume:
    volume = PoweredVolume()
    store = on(volume)
    table = Table(store, "table", durable=True, decoder_budget=0)
    for n in range(0, 40, 8):
        table.write([table.put_of(item(k)) for k in range(n, n + 8)], table.schema)
    store.close()
    return volume


def add_and_drop(volume: Volume) -> None:
    """An index is added with writes around it, dropped, and added again as another."""
    store = on(volume)
    try:
        table = Table(store, "table", durable=True, decoder_budget=0)
        for index in (BY_TIME, GlobalIndex(pk="PK", sk="N", projection="KEYS_ONLY")):
            add_indexes(store, "table", {"by-time": index}, "here")
            table.put_item(item(3, N=77))
            table.delete_item(item(5))
            Backfill(store, "table").run()
            table.put_item(item(50))
            drop_index(store, "table", "by-time")
    finally:
        if store.replica.unusable is None and not isinstance(sys.exc_info()[1], Killed):
            store.close()


@pytest.mark.parametrize("power", [False, True], ids=["process", "power"])
def test_dying_at_each_call_of_a_backfill(power: bool) -> None:
    last = 1
    while True:
        volume = filled()
        try:
            add_and_drop(dying(volume, last))
        except Killed:
            pass
        else:
            break
        if power:
            volume.power_cut()
        store = on(volume)
        Backfill(store, "table").run()
        definition = definition_in(store.schema, "table")
        assert not any(index.building for index in definition.indexes.values())
        assert not check_table(store, definition)
        store.check(list)
        table = Table(store, "table", durable=True, decoder_budget=0)
        assert len(list(table.read((b"", None), None, None, reverse=False, keep=False))) >= 39
        folders = {name for name in volume.list("") if name.startswith("_gsi-")}
        assert folders == {"_gsi-by-time" for _ in definition.indexes}
        store.close()
        last += 1
    assert last > 40


CHILD = """
import sys
from dynafile import Dynafile, GlobalIndex
print("go", flush=True)
with Dynafile(sys.argv[1], indexes={"by-time": GlobalIndex(pk="G", sk="N")}) as db:
    print("done", flush=True)
"""


def test_killed_while_it_fills(tmp_path: Path) -> None:
    with Dynafile(tmp_path / "db", durability="relaxed") as db, db.batch_writer() as writer:
        for n in range(20_000):
            writer.put_item(item=item(n))
    draw = random.Random(7)
    for _ in range(4):
        with subprocess.Popen(
            [sys.executable, "-c", CHILD, str(tmp_path / "db")], stdout=subprocess.PIPE, text=True
        ) as child:
            assert child.stdout is not None
            child.stdout.readline()
            try:
                child.wait(draw.uniform(0.01, 0.25))
            except subprocess.TimeoutExpired:
                child.send_signal(signal.SIGKILL)
    with Dynafile(tmp_path / "db", indexes={"by-time": BY_TIME}) as db:
        assert len(list(db.query("g", index="by-time"))) == 20_000
        db.check()
    assert json.loads((tmp_path / "db" / "meta.json").read_text())["schema"]["tables"]
