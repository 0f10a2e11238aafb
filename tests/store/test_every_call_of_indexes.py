"""Each writing call of an index's life is a place to die: added, filled beside commits, dropped.

After each death the next opening completes what was begun; each index then has an entry for each
item and none besides, and every acknowledged write is there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from store.simulated import WRITING, Killed, PoweredVolume, WatchedVolume, dying
from store.stores import abandon

from dynafile import GlobalIndex, Include, LocalIndex
from dynafile.errors import DiskFull, DynafileError
from dynafile.store import builder
from dynafile.store.registry import open_volume
from dynafile.store.store import Options, Store
from dynafile.table.backfill import Backfill
from dynafile.table.checking import check_table
from dynafile.table.definition import Definition
from dynafile.table.index_changes import add_indexes, drop_index
from dynafile.table.table import Table
from dynafile.table_options import TableOptions

if TYPE_CHECKING:
    from dynafile.store.volume import Volume

OPTIONS = Options(partition_bytes=2000, checkpoint_bytes=8000)
LONG_ENOUGH = 12
"""So many calls in a row fail: the reserve is given up in fewer steps."""
Model = dict[str, dict[str, Any]]


@pytest.fixture(autouse=True)
def _small_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(builder, "STEP_BYTES", 4000)


def item(number: int, place: int, size: int = 150) -> dict[str, Any]:
    return {
        "PK": f"p{number % 5}",
        "SK": f"{number:03}",
        "G": f"g{place % 3}",
        "N": place,
        "x": "x" * size,
    }


class Life:
    """What a process does to the table; ``model`` follows what was acknowledged."""

    def __init__(self, volume: Volume, *, durable: bool = True, options: Options = OPTIONS) -> None:
        self.model: Model = {}
        self.under_way: Model = {}
        self.store: Store | None = None
        self._volume = volume
        self._durable = durable
        self._options = options
        self._turn = 0

    def live(self) -> None:
        schema = TableOptions("/db", None, "SK", None, None, None, "table").schema
        self.store = store = open_volume(self._volume, self._options, schema)
        self.table = Table(store, "table", durable=self._durable, decoder_budget=0)
        self.commit([item(n, n) for n in range(24)], [])
        add_indexes(store, "table", {"first": GlobalIndex("G", "N")}, "here")
        Backfill(store, "table", self.meanwhile).run()
        self.commit([item(7, 99)], [])
        drop_index(store, "table", "first")
        self.commit([item(8, 98)], [])
        again = {
            "first": GlobalIndex("N", "G", Include("x")),
            "second": LocalIndex("N", "KEYS_ONLY"),
        }
        add_indexes(store, "table", again, "here")
        Backfill(store, "table", self.meanwhile).run()
        self.commit([item(9, 97)], ["010"])
        store.close()

    def meanwhile(self, name: str, done: int, total: int) -> None:
        """Commit between two steps: an item that is new, one that moves, one that goes."""
        self._turn += 1
        turn = self._turn
        self.commit(
            [item(24 + turn, turn), item(turn * 11 % 24, turn + 3)], [f"{turn * 7 % 24:03}"]
        )

    def commit(self, puts: list[dict[str, Any]], deletes: list[str]) -> None:
        after = dict(self.model)
        after.update((put["SK"], put) for put in puts)
        schema = self.table.schema
        writes = [self.table.put_of(put) for put in puts]
        for sk in deletes:
            after.pop(sk, None)
            writes.append(self.table.delete_of(item(int(sk), 0)))
        self.under_way = after
        self.table.write(writes, schema)
        self.model = after


def writing_calls() -> int:
    volume = WatchedVolume(PoweredVolume())
    life = Life(volume)
    life.live()
    assert_whole(volume.inner, [life.model])
    return sum(volume.counts[kind] for kind in WRITING)


def assert_whole(volume: Volume, models: list[Model]) -> None:
    schema = TableOptions("/db", None, "SK", None, None, None, "table").schema
    store = open_volume(volume, OPTIONS, schema)
    check(store)
    Backfill(store, "table").run()
    definition = check(store)
    table = Table(store, "table", durable=True, decoder_budget=0)
    found = {
        one["SK"]: one for one in table.read((b"", None), None, None, reverse=False, keep=False)
    }
    assert found in models
    for name in definition.indexes:
        index = table.index(name)
        read = table.read((b"", None), None, None, reverse=False, keep=False, index=index)
        assert sorted(one["SK"] for one in read) == sorted(found)
    store.check(lambda: check_table(store, definition))
    folders = {folder.split("/")[0] for folder in store.schema.keyspaces.values()}
    assert {name for name in volume.list("") if name.startswith("_gsi-")} <= folders
    store.close()


def check(store: Store) -> Definition:
    definition = Definition.from_json(store.schema.tables["table"])
    store.check(lambda: check_table(store, definition))
    return definition


@pytest.mark.parametrize("part", [0.0, 0.5], ids=["before", "torn"])
def test_dying_at_each_call(part: float) -> None:
    calls = writing_calls()
    assert calls > 100
    for last in range(1, calls + 1, 1 if part == 0 else 11):
        inner = PoweredVolume()
        life = Life(dying(inner, last, part=part))
        with pytest.raises(Killed):
            life.live()
        if life.store is not None:
            abandon(life.store)
        without_power = copy_of(inner)
        without_power.power_cut()
        for volume in (inner, without_power):
            assert_whole(volume, [life.model, life.under_way])


def copy_of(volume: PoweredVolume) -> PoweredVolume:
    copied = PoweredVolume()
    copied.files = {name: bytearray(data) for name, data in volume.files.items()}
    copied.synced = dict(volume.synced)
    return copied


def test_an_error_at_each_call() -> None:
    """A disk that is full for a moment: the call at hand fails, and the next opening completes."""
    failed = 0
    for last in range(1, writing_calls() + 1, 4):
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
        assert_whole(inner, [life.model, life.under_way])
    assert failed > 10


def test_a_relaxed_clear_that_a_power_cut_takes_back() -> None:
    """``meta.json`` said that the index was complete, as it is for an empty table; but the record
    that emptied the table was not synced, and the items came back without their entries."""
    inner = PoweredVolume()
    life = Life(inner, durable=False, options=Options())

    def clear(name: str, done: int, total: int) -> None:
        life.table.clear()
        raise Killed

    life.meanwhile = clear  # type: ignore[method-assign]
    with pytest.raises(Killed):
        life.live()
    assert life.store is not None
    abandon(life.store)
    inner.power_cut()
    assert_whole(inner, [{}, life.model])
