"""Each writing call in the life of a stream is a place to die, by a signal or a power cut.

A table is written, a consumer takes its records and notes each in another table, in the commit that
acknowledges it. After each death the acknowledged commits' records are in the stream, whole and in
order, and whoever comes next under the consumer's name leaves each of them noted exactly once.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest
from msgspec.structs import replace
from store.simulated import WRITING, Killed, PoweredVolume, WatchedVolume, dying
from store.stores import abandon

from dynafile import StreamOptions
from dynafile.store.format import PUT, Operation
from dynafile.store.registry import open_volume
from dynafile.store.schema import Schema
from dynafile.store.store import Options, Store
from dynafile.store.view import View
from dynafile.table.consumers import Consumer
from dynafile.table.definition import Definition
from dynafile.table.settings import Settings
from dynafile.table.stream_options import with_stream
from dynafile.table.stream_reader import BEGIN, StreamReader
from dynafile.table.stream_record import StreamRecord, key_of
from dynafile.table.table import Table
from dynafile.table.table_changes import create_table

if TYPE_CHECKING:
    from dynafile.store.volume import Volume

OPTIONS = Options(partition_bytes=2000, checkpoint_bytes=6000)
PAIRS = 24


def nothing(stored: Schema | None) -> Schema:
    return stored or Schema()


def define(store: Store) -> None:
    jobs = Definition(name="jobs", pk_attribute="PK", sk_attribute="SK")
    settings = with_stream(Settings(), StreamOptions(), 0)
    create_table(store, replace(jobs, settings=settings), {})
    create_table(store, Definition(name="done", pk_attribute="PK", sk_attribute="SK"), {})


class Effect:
    """A transaction that has nothing but an effect: to count that a record was processed."""

    def __init__(self, store: Store, done: Table) -> None:
        self._store = store
        self._done = done

    def _also(self, store: Store, operations: Callable[[View], list[Operation]]) -> None:
        assert store is self._store

        def prepare(view: View) -> list[Operation]:
            return [*operations(view), *self._noted(view)]

        store.commit([], store.schema.version, prepare)

    def process(self, record: StreamRecord) -> None:
        self._key = key_of(record)
        record.ack(transaction=self)

    def _noted(self, view: View) -> list[Operation]:
        space = self._done._items
        times = int(view.get(space, self._key) or b"0")
        return [(PUT, space.id, self._key, b"%d" % (times + 1))]


class Life:
    """What the process does; ``pairs`` were acknowledged, each of two items in one commit."""

    def __init__(self, volume: Volume) -> None:
        self._volume = volume
        self.store: Store | None = None
        self.pairs = 0

    def live(self) -> None:
        self.store = store = open_volume(self._volume, OPTIONS, nothing)
        define(store)
        jobs = Table(store, "jobs", durable=True, decoder_budget=0)
        for step in range(PAIRS // 6):
            for _ in range(6):
                put_pair(jobs, self.pairs)
                self.pairs += 1
            process(store, most=8)
            if step % 2:
                store.checkpoint()
        store.close()


def put_pair(jobs: Table, pair: int) -> None:
    items = [{"PK": f"{pair}", "SK": half, "x": "x" * 150} for half in "ab"]
    jobs.write([jobs.put_of(each) for each in items], jobs.schema)


def process(store: Store, most: int = 1 << 30) -> None:
    done = Table(store, "done", durable=True, decoder_budget=0)
    reader = StreamReader(store, "jobs", None)
    consumer = Consumer(store, reader, 1, "mailer", None, wanted=None, durable=True)
    effect = Effect(store, done)
    while most > 0 and (taken := consumer.take()):
        for record in taken:
            effect.process(record)
            most -= 1
    consumer.close()


def stream_of(store: Store) -> list[tuple[str, str]]:
    reader = StreamReader(store, "jobs", None)
    found: list[StreamRecord] = []
    place = BEGIN
    while True:
        some, place = reader.read(place, most=7)
        if not some:
            break
        found += some
    numbers = [each.sequence_number for each in found]
    assert numbers == sorted(set(numbers))
    for each in found:
        assert each.event_name == "INSERT"
        assert each.new_image == {**each.keys, "x": "x" * 150}
    return [(each.keys["PK"], each.keys["SK"]) for each in found]


def times(store: Store) -> dict[bytes, int]:
    done = Table(store, "done", durable=True, decoder_budget=0)
    chunks = store.range(done._items, b"", None, limit=1000)
    return {
        key: int(value) for keys, values in chunks for key, value in zip(keys, values, strict=True)
    }


def assert_whole(volume: PoweredVolume, pairs: int) -> None:
    volume._claims.clear()  # they die with their process
    store = open_volume(volume, OPTIONS, nothing)
    store.check(list)
    if set(store.schema.tables) != {"jobs", "done"}:
        assert pairs == 0
        store.close()
        return
    found = stream_of(store)
    whole = len(found) // 2
    assert whole in (pairs, pairs + 1)
    assert found == [(f"{pair}", half) for pair in range(whole) for half in "ab"]
    jobs = Table(store, "jobs", durable=True, decoder_budget=0)
    for pair in range(whole, whole + 5):
        put_pair(jobs, pair)
    process(store)
    assert len(stream_of(store)) == 2 * whole + 10
    counted = times(store)
    assert len(counted) == 2 * whole + 10
    assert set(counted.values()) == {1}
    store.checkpoint()
    assert len(stream_of(store)) == 2 * whole + 10
    store.check(list)
    store.close()


def writing_calls() -> int:
    inner = PoweredVolume()
    volume = WatchedVolume(inner)
    life = Life(volume)
    life.live()
    assert life.pairs == PAIRS
    assert_whole(inner, life.pairs)
    return sum(volume.counts[kind] for kind in WRITING)


@pytest.mark.parametrize("part", [0.0, 0.5], ids=["before", "torn"])
def test_dying_at_each_call(part: float) -> None:
    calls = writing_calls()
    assert calls > 150
    for last in range(1, calls + 1, 1 if part == 0 else 5):
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
            assert_whole(volume, life.pairs)
