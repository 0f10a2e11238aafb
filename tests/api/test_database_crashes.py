"""Each writing call in the life of a database of tables is a place to die.

Tables are made, written, given TTL, deleted, and made again under their names. After each death the
next opening finds each table whole or not there, what was acknowledged in it and nothing of an
earlier table of its name, and no folder of a table that is gone.
"""

from __future__ import annotations

import random
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from store.simulated import WRITING, Killed, PoweredVolume, WatchedVolume, dying
from store.stores import abandon

from dynafile import Database, GlobalIndex
from dynafile.errors import DiskFull, DynafileError
from dynafile.store.registry import open_volume
from dynafile.store.schema import Schema
from dynafile.store.store import Options, Store
from dynafile.table.backfill import Backfill
from dynafile.table.checking import check_table
from dynafile.table.definition import Definition, definition_in
from dynafile.table.table import Table
from dynafile.table.table_changes import check_keyspaces, create_table, delete_table
from dynafile.table.ttl_changes import complete_ttl, disable_ttl, enable_ttl

if TYPE_CHECKING:
    from api.conftest import OpenTables

    from dynafile.store.volume import Volume

OPTIONS = Options(partition_bytes=2000, checkpoint_bytes=8000)
LONG_ENOUGH = 12
"""So many calls in a row fail: the reserve is given up in fewer steps."""
KEYS = {"pk_attribute": "PK", "sk_attribute": "SK"}
INDEXES = {"by-g": GlobalIndex("G"), "keys": GlobalIndex("G", projection="KEYS_ONLY")}
Model = dict[str, dict[str, dict[str, Any]]]
"""Items by sort key, by table."""


def nothing(stored: Schema | None) -> Schema:
    return stored or Schema()


def item(table: str, number: int) -> dict[str, Any]:
    return {
        "PK": f"p{number % 3}", "SK": f"{number:03}", "G": f"g{number % 2}", "of": table,
        "ttl": 4_000_000_000, "x": "x" * 150,
    }  # fmt: skip


class Life:
    """What a process does; ``models`` are what may be there: before a call, and after it."""

    def __init__(self, volume: Volume) -> None:
        self.models: list[Model] = [{}]
        self.store: Store | None = None
        self._volume = volume

    def live(self) -> None:
        self.store = open_volume(self._volume, OPTIONS, nothing)
        self.create("orders", "first", indexed=True)
        self.put("orders", "first", range(30))
        self.create("Orders", "other", indexed=False)
        self.put("Orders", "other", range(20))
        self.delete("orders")
        self.create("orders", "second", indexed=True)
        self.put("orders", "second", range(10, 40))
        self.during(self.models[-1], lambda store: enable_ttl(store, "orders", "ttl"))
        self.fill()
        self.put("orders", "second", range(5))
        self.during(self.models[-1], lambda store: disable_ttl(store, "orders", "ttl"))
        self.fill()
        self.delete("Orders")
        self.put("orders", "second", range(5, 10))
        self.delete("orders")
        assert self.store is not None
        self.store.close()

    def during(self, after: Model, work: Any) -> None:
        self.models = [self.models[-1], after]
        work(self.store)
        self.models = [after]

    def create(self, name: str, of: str, *, indexed: bool) -> None:
        definition = Definition(name=name, **KEYS)  # type: ignore[arg-type]
        indexes = INDEXES if indexed else {}
        after = {**self.models[-1], name: {}}
        self.during(after, lambda store: create_table(store, definition, indexes))

    def delete(self, name: str) -> None:
        after = {n: items for n, items in self.models[-1].items() if n != name}
        self.during(after, lambda store: delete_table(store, name))

    def put(self, name: str, of: str, numbers: range) -> None:
        for low in range(numbers.start, numbers.stop, 10):
            items = [item(of, n) for n in range(low, min(low + 10, numbers.stop))]
            before = self.models[-1]
            after = {**before, name: {**before[name], **{each["SK"]: each for each in items}}}
            self.during(after, lambda store, items=items: put(store, name, items))

    def fill(self) -> None:
        assert self.store is not None
        Backfill(self.store, "orders").run()


def put(store: Store, name: str, items: list[dict[str, Any]]) -> None:
    table = Table(store, name, durable=True, decoder_budget=0)
    table.write([table.put_of(each) for each in items], table.schema)


def assert_whole(volume: Volume, models: list[Model]) -> None:
    store = open_volume(volume, OPTIONS, nothing)
    check(store)
    assert_no_strays(volume, store)
    found = contents(store)
    assert found in models
    for name in store.schema.tables:
        complete_ttl(store, name)
        Backfill(store, name).run()
        table = Table(store, name, durable=True, decoder_budget=0)
        for index in table.definition.indexes:
            read = table.read(
                (b"", None), None, None, reverse=False, keep=False, index=table.index(index)
            )
            assert sorted(each["SK"] for each in read) == sorted(found[name])
    check(store)
    # And it goes on from there.
    if "orders" in found:
        delete_table(store, "orders")
    create_table(store, Definition(name="orders", **KEYS), INDEXES)  # type: ignore[arg-type]
    put(store, "orders", [item("last", 1)])
    store.checkpoint()
    assert contents(store)["orders"] == {"001": item("last", 1)}
    check(store)
    assert_no_strays(volume, store)
    store.close()


def contents(store: Store) -> Model:
    found: Model = {}
    for name in store.schema.tables:
        table = Table(store, name, durable=True, decoder_budget=0)
        items = table.read((b"", None), None, None, reverse=False, keep=False)
        found[name] = {each["SK"]: each for each in items}
    return found


def check(store: Store) -> None:
    def problems() -> list[str]:
        schema = store.schema
        found = check_keyspaces(schema)
        for name in schema.tables:
            found += check_table(store, definition_in(schema, name))
        return found

    store.check(problems)


def assert_no_strays(volume: Volume, store: Store) -> None:
    kept = {folder.split("/")[1] for folder in store.schema.keyspaces.values()}
    assert set(volume.list("tables")) <= kept
    assert not volume.list("tmp")


def writing_calls() -> int:
    volume = WatchedVolume(PoweredVolume())
    life = Life(volume)
    life.live()
    assert life.models == [{}]
    assert_whole(volume.inner, life.models)
    return sum(volume.counts[kind] for kind in WRITING)


@pytest.mark.parametrize("part", [0.0, 0.5], ids=["before", "torn"])
def test_dying_at_each_call(part: float) -> None:
    calls = writing_calls()
    assert calls > 150
    for last in range(1, calls + 1, 1 if part == 0 else 7):
        inner = PoweredVolume()
        life = Life(dying(inner, last, part=part))
        with pytest.raises(Killed):
            life.live()
        if life.store is not None:
            abandon(life.store)
        without_power = PoweredVolume()
        without_power.files = {name: bytearray(data) for name, data in inner.files.items()}
        without_power.synced = dict(inner.synced)
        without_power.power_cut()
        for volume in (inner, without_power):
            assert_whole(volume, life.models)


def test_an_error_at_each_call() -> None:
    """A disk that is full for a moment: the call at hand fails, or what follows a commit does."""
    failed = 0
    for last in range(1, writing_calls() + 1, 3):
        inner = PoweredVolume()

        def full(number: int, call: str, name: str, last: int = last) -> None:
            if last <= number < last + LONG_ENOUGH and call != "sync":
                raise DiskFull("the disk is full", path=name)

        life = Life(WatchedVolume(inner, full))
        try:
            life.live()
        except DynafileError:
            failed += 1
            if life.store is not None:
                life.store.close()
        assert_whole(inner, life.models)
    assert failed > 5  # the others found room in the reserve


def test_what_a_dead_process_left_is_nobodys() -> None:
    """It died between dropping a table and removing its files; one that was open makes another."""
    inner = PoweredVolume()
    first, second = (open_volume(WatchedVolume(inner), OPTIONS, nothing) for _ in range(2))
    definition = Definition(name="orders", **KEYS)  # type: ignore[arg-type]
    create_table(first, definition, INDEXES)
    for low in range(0, 50, 10):
        put(first, "orders", [item("old", n) for n in range(low, low + 10)])
    first.checkpoint()
    assert isinstance(first.volume, WatchedVolume)

    def die(number: int, call: str, name: str) -> None:
        if call == "remove":
            raise Killed

    first.volume.hook = die
    with pytest.raises(Killed):
        delete_table(first, "orders")
    abandon(first)
    assert len(inner.list("tables/orders/_partitions")) > 1
    assert second.schema.tables == {}
    create_table(second, definition, INDEXES)
    put(second, "orders", [item("new", 1)])
    assert contents(second) == {"orders": {"001": item("new", 1)}}
    abandon(second)
    assert_whole(inner, [{"orders": {"001": item("new", 1)}}])


CHILD = """
import itertools, sys
from dynafile import Database, GlobalIndex
from dynafile.errors import ResourceInUse, ResourceNotFound

db = Database(sys.argv[1])
print("open", flush=True)
for n in itertools.count(int(sys.argv[2])):
    name = f"table-{n % 3}"
    try:
        table = db.create_table(name, indexes={"by-g": GlobalIndex("G")})
        with table.batch_writer() as writer:
            for m in range(50):
                writer.put_item(item={"PK": f"p{m}", "SK": name, "G": "g", "round": n})
        if n % 4 == 0:
            db._store.checkpoint()
    except (ResourceInUse, ResourceNotFound):
        pass
    try:
        db.delete_table(f"table-{(n + 1) % 3}")
    except ResourceNotFound:
        pass
    print(n, flush=True)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL")
def test_killed_at_random(tables: OpenTables) -> None:
    """Two processes make and delete the same tables, and are killed again and again."""
    rng = random.Random(5)
    path = tables().path
    for round_ in range(6):
        children = [
            subprocess.Popen(
                [sys.executable, "-c", CHILD, path, str(start)], stdout=subprocess.PIPE
            )
            for start in range(2)
        ]
        for child in children:
            assert child.stdout is not None
            for _ in range(rng.randrange(1, 25)):
                assert child.stdout.readline() != b"", "it ended by itself"
            child.send_signal(signal.SIGKILL)
        for child in children:
            assert child.wait(60) == -signal.SIGKILL
            assert child.stdout is not None
            child.stdout.close()
        with Database(path) as db:
            db.check()
            for name in db:
                items = list(db.table(name).scan())
                assert len(items) in (0, 50), (round_, name)
                assert len({each["round"] for each in items}) <= 1
                assert len(list(db.table(name).query("g", index="by-g"))) == len(items)
    with Database(path) as db:
        for name in db:
            db.delete_table(name)
        assert list((Path(path) / "tables").iterdir()) == []
