"""The history: which commits are kept, for how long, and what is read of them after crashes."""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest
from msgspec.structs import replace
from store.simulated import Killed, PoweredVolume, WatchedVolume, dying, until
from store.stores import SPACE, abandon, contents, key, open_folder

from dynafile.errors import CheckFailed, CorruptFile, DiskFull, ForeignFile, StorageError
from dynafile.store.format import (
    CHANGE,
    PUT,
    SEGMENT_HEADER_BYTES,
    Operation,
    Record,
    encode_segment_header,
)
from dynafile.store.history import (
    Forgotten,
    MemoryHistory,
    NoCommit,
    forgets,
    segments,
    superfluous,
)
from dynafile.store.memory_volume import MemoryVolume
from dynafile.store.names import segment_name
from dynafile.store.registry import open_store, open_volume
from dynafile.store.schema import Retention, Schema
from dynafile.store.store import Options, Store

if TYPE_CHECKING:
    from pathlib import Path

    from dynafile.store.volume import Volume

DAY = 86_400
SMALL: dict[str, int] = {"partition_bytes": 2000, "checkpoint_bytes": 4000}


class Clock:
    def __init__(self) -> None:
        self.now = 1_700_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def kept(retention: Retention | None) -> Any:
    def schema(stored: Schema | None) -> Schema:
        return stored or Schema(
            keyspaces={SPACE: "_partitions"}, next_keyspace=2, retention=retention
        )

    return schema


def opened(
    volume: Volume | None,
    clock: Clock | None = None,
    retention: Retention | None = Retention(DAY),  # noqa: B008
    **options: Any,
) -> Store:
    """A store that keeps its history; None: in memory."""
    more = {**SMALL, **options} if clock is None else {**SMALL, "clock": clock, **options}
    if volume is None:
        return open_store(None, Options(**more), kept(retention))
    return open_volume(volume, Options(**more), kept(retention))


def write(store: Store, number: int, size: int = 100) -> None:
    noted: list[Operation] = [
        (PUT, SPACE, key(number), b"%06d" % number + b"x" * size),
        (CHANGE, SPACE, key(number), b"%06d" % number),
    ]
    store.commit(noted, store.schema.version)


def changes(records: Iterator[Record]) -> list[int]:
    return [
        int(value)
        for record in records
        for kind, _, _, value in record.operations
        if kind == CHANGE
    ]


def everything(store: Store) -> list[int]:
    end = store.published()
    return changes(store.history.read(store.history.oldest(end, 0), end))


def bases(store: Store) -> list[int]:
    return segments(store.volume)


def keep(store: Store, retention: Retention | None) -> None:
    def change(schema: Schema) -> Schema:
        return replace(schema, version=schema.version + 1, retention=retention)

    store.change_schema(change)


# -- what is kept -----------------------------------------------------------------------------------


def test_what_need_not_be_kept() -> None:
    now = 1_000_000_000
    by_time, by_size = Retention(100), Retention(100, 5000)
    assert not forgets(by_time, now - 100_000_000, 1 << 40, now)
    assert forgets(by_time, now - 100_000_001, 0, now)
    assert not forgets(by_size, now, 5000, now)
    assert forgets(by_size, now, 5001, now)
    assert forgets(by_size, now - 100_000_001, 0, now)


@pytest.mark.parametrize("memory", [True, False])
def test_commits_across_checkpoints(memory: bool, clock: Clock) -> None:
    """All of them, in order, from any of them on, however often the journal began a new segment."""
    store = opened(None if memory else MemoryVolume(), clock)
    for number in range(300):
        write(store, number)
        if number % 50 == 0:
            store.checkpoint()
    if not memory:
        assert len(bases(store)) > 5
    assert everything(store) == list(range(300))
    end = store.published()
    places = [record.lsn for record in store.history.read(store.history.oldest(end, 0), end)]
    for place in random.Random(1).sample(places, 20):
        found = [record.lsn for record in store.history.read(place, end)]
        assert found == [each for each in places if each >= place]
        short = [record.lsn for record in store.history.read(place, places[-1])]
        assert short == found[:-1]
    assert list(store.history.read(end, end)) == []
    times = [record.time for record in store.history.read(places[0], end)]
    assert times == sorted(times)
    store.close()


def test_large_commits() -> None:
    """Longer than what is read at a time."""
    store = opened(MemoryVolume(), checkpoint_bytes=1 << 30)
    for number in range(6):
        write(store, number, size=(number % 3) * 1_500_000)
    store.checkpoint()
    write(store, 6)
    assert everything(store) == list(range(7))
    store.close()


def test_nothing_is_kept_for_nobody(clock: Clock) -> None:
    store = opened(MemoryVolume(), clock, None)
    for number in range(300):
        write(store, number)
    assert len(bases(store)) <= 2
    assert everything(store) != list(range(300))
    with pytest.raises(Forgotten):
        next(store.history.read(1, store.published()))
    store.close()


@pytest.mark.parametrize("memory", [True, False])
def test_as_long_as_is_wanted(memory: bool, clock: Clock) -> None:
    store = opened(None if memory else MemoryVolume(), clock, Retention(100))
    for number in range(200):
        clock.now += 1
        write(store, number)
    found = everything(store)
    assert found == list(range(found[0], 200))
    assert found[-100:] == list(range(100, 200))
    assert len(found) < 160  # in files a segment goes as a whole
    with pytest.raises(Forgotten):
        next(store.history.read(1, store.published()))
    clock.now += 1000
    write(store, 200)
    store.checkpoint()
    write(store, 201)
    store.checkpoint()
    assert len(everything(store)) < 40
    store.close()


@pytest.mark.parametrize("memory", [True, False])
def test_as_much_as_is_wanted(memory: bool, clock: Clock) -> None:
    store = opened(None if memory else MemoryVolume(), clock, Retention(DAY, 20_000))
    for number in range(600):
        write(store, number)
    found = everything(store)
    assert found == list(range(found[0], 600))
    begin = store.history.oldest(store.published(), 0)
    size = store.history.size(begin, store.published())
    assert 14_000 < size < 50_000  # the rest is in segments that go as a whole
    store.close()


def test_who_follows_in_memory_does_not_go_through_what_is_kept(clock: Clock) -> None:
    """Each read began at the oldest commit, so a day of them made every record slower to read."""
    store = opened(None, clock, Retention(DAY))
    for number in range(3000):
        write(store, number)
    gone_through = 0

    class Counting(deque[Any]):
        def __iter__(self) -> Iterator[Any]:
            nonlocal gone_through
            for each in super().__iter__():
                gone_through += 1
                yield each

    assert isinstance(store.history, MemoryHistory)
    store.history._kept = Counting(store.history._kept)
    gone_through = 0
    end = store.published()
    last = list(store.history.read(end - 1, end))
    assert [record.lsn for record in last] == [end - 1]
    assert gone_through < 10
    assert everything(store) == list(range(3000))
    store.close()


@pytest.mark.parametrize("memory", [True, False])
def test_when_the_last_stream_has_ended(memory: bool, clock: Clock) -> None:
    """In memory everything was kept on, and for ever, after the last stream was disabled."""
    store = opened(None if memory else MemoryVolume(), clock)
    for number in range(200):
        write(store, number)
    until = int((clock.now + 100) * 1_000_000)
    keep(store, Retention(DAY, None, until))
    write(store, 200)
    store.checkpoint()
    assert everything(store) == list(range(201))
    clock.now += 101
    for number in range(201, 204):
        write(store, number)
        store.checkpoint()
    assert everything(store) in ([], [203])
    if memory:
        assert store.replica.history is not None
        assert len(store.replica.history._kept) == 0
    else:
        assert len(bases(store)) <= 2
    keep(store, Retention(DAY))
    write(store, 204)
    assert everything(store)[-1] == 204
    keep(store, None)
    write(store, 205)
    assert store.replica.history is None
    store.checkpoint()
    assert everything(store) in ([], [205])
    store.close()


def test_opening_keeps_what_is_kept(clock: Clock) -> None:
    volume = MemoryVolume()
    count = 0
    for _ in range(5):
        store = opened(volume, clock)
        assert everything(store) == list(range(count))
        for _ in range(40):
            write(store, count)
            count += 1
        store.close()
    store = opened(volume, clock)
    assert everything(store) == list(range(count))
    assert len(contents(store)) == count
    store.check(list)
    store.close()


def test_a_reader_whose_segment_goes(clock: Clock) -> None:
    """It gets what it has read, and then learns that the rest of the segment is gone."""
    store = opened(MemoryVolume(), clock, Retention(10))
    for number in range(20):
        write(store, number)
    reading = store.history.read(store.history.oldest(store.published(), 0), store.published())
    assert next(reading).lsn
    clock.now += 100
    for number in range(20, 80):
        write(store, number)
        if number % 20 == 0:
            clock.now += 100
            store.checkpoint()
    with pytest.raises(Forgotten):
        list(store.history.read(1, store.published()))
    list(reading)  # what it had in memory
    store.close()


# -- what is not there ------------------------------------------------------------------------------


def test_places_where_no_commit_begins() -> None:
    store = opened(MemoryVolume())
    for number in range(30):
        write(store, number)
    store.checkpoint()
    write(store, 30)
    end = store.published()
    places = {record.lsn for record in store.history.read(store.history.oldest(end, 0), end)}
    for lsn in range(min(places), end):
        if lsn not in places:
            with pytest.raises(NoCommit):
                next(store.history.read(lsn, end))
    store.close()


@pytest.mark.parametrize("where", ["first", "middle", "header"])
def test_damage(where: str, clock: Clock) -> None:
    """Said with path and offset, after what comes before it; opening and the items do not mind.

    Where it was the very first commit of a reading, an error of our own came out.
    """
    volume = MemoryVolume()
    store = opened(volume, clock)
    for number in range(100):
        write(store, number)
    store.checkpoint()
    end = store.published()
    all_ = list(store.history.read(store.history.oldest(end, 0), end))
    base = bases(store)[0]
    victim = all_[0 if where == "first" else 10]
    offset = 3 if where == "header" else SEGMENT_HEADER_BYTES + victim.lsn - base + 12
    volume.files[segment_name(base)][offset] ^= 0x10
    again = opened(volume, clock)
    for each in (store, again):
        reading = each.history.read(all_[0].lsn, end)
        if where == "header":
            with pytest.raises((CorruptFile, ForeignFile)):
                next(reading)
            continue
        found = []
        with pytest.raises((CorruptFile, NoCommit)) as caught:
            found += [record.lsn for record in reading]
        error = caught.value.damage if isinstance(caught.value, NoCommit) else caught.value
        assert isinstance(error, CorruptFile)
        assert error.path == f"{volume.root}/{segment_name(base)}"
        assert error.offset == SEGMENT_HEADER_BYTES + victim.lsn - base
        assert "the items are not affected" in str(error)
        later = all_[all_.index(victim) + 1]
        assert [record.lsn for record in each.history.read(later.lsn, end)] == [
            record.lsn for record in all_[all_.index(victim) + 1 :]
        ]
        assert len(contents(each)) == 100
        with pytest.raises(
            CheckFailed, match=f"offset {error.offset} .*the items are not affected"
        ):
            each.check(list)
    abandon(again)
    store.close()


# -- segments that were made and never begun --------------------------------------------------------


def is_new_segment(call: str, name: str) -> bool:
    return call == "replace" and name.startswith("journal/")


@pytest.mark.parametrize("how", ["killed", "failed"])
def test_a_segment_that_was_never_begun(how: str, clock: Clock) -> None:
    """A checkpoint died, or failed, after it had made a segment and before it began it.

    Later commits went into the segment before, past where the new one was to begin; the history
    looked for them in the new one. And nothing older was ever removed any more.
    """
    inner = MemoryVolume()
    volume = WatchedVolume(inner)
    store = opened(volume, clock, Retention(100), checkpoint_bytes=1 << 30)
    write(store, 0)
    made = False

    def hook(number: int, call: str, name: str) -> None:
        nonlocal made
        if made and call == "write":
            raise Killed if how == "killed" else DiskFull("full", path=name)
        made = made or is_new_segment(call, name)

    volume.hook = hook
    with pytest.raises((Killed, StorageError)):
        store.checkpoint()
    volume.hook = None
    if how == "killed":
        assert len(bases(store)) == 2
        abandon(store)
        store = opened(inner, clock, checkpoint_bytes=1 << 30)
    assert len(bases(store)) == 1, "nobody leads to the other one, and it is gone"
    for number in range(1, 40):
        write(store, number)
    assert everything(store) == list(range(40))
    end = store.published()
    places = [record.lsn for record in store.history.read(store.history.oldest(end, 0), end)]
    for place in places:
        assert next(store.history.read(place, end)).lsn == place
    store.checkpoint()
    for number in range(40, 50):
        write(store, number)
    assert everything(store) == list(range(50))
    for _ in range(3):
        clock.now += 200
        write(store, 50)
        store.checkpoint()
    assert len(bases(store)) <= 2
    store.close()


@pytest.mark.parametrize("removed", [0, 3])
def test_a_segment_that_was_never_begun_comes_back(removed: int, clock: Clock) -> None:
    """Opening removed it, and a power cut took that back when those with its commits had gone."""
    store = opened(MemoryVolume(), clock, Retention(100), checkpoint_bytes=1 << 30)
    for number in range(10):
        write(store, number)
        if number % 2:
            store.checkpoint()
    before = bases(store)
    end = store.published()
    places = [record.lsn for record in store.history.read(before[0], end)]
    begins = before[max(removed - 1, 0)]
    blank = next(lsn for lsn in places if lsn > begins and lsn not in before)
    data = encode_segment_header(store.replica.store_id, blank) + bytes(1000)
    store.volume.replace(segment_name(blank), data)
    for base in before[:removed]:
        store.volume.remove(segment_name(base))
    assert everything(store) == list(range(10))[2 * removed :]
    store.check(list)
    clock.now += 200
    write(store, 10)
    store.checkpoint()
    assert blank not in bases(store)
    store.check(list)
    store.close()


def test_superfluous_segments(clock: Clock) -> None:
    store = opened(MemoryVolume(), clock)
    times = []
    for number in range(5):
        clock.now += 100
        times.append(int(clock.now * 1_000_000))
        write(store, number)
        store.checkpoint()
    found, end = bases(store), store.published()
    target, now = store.replica.checkpoint.segment, times[-1]
    assert found[-1] == target

    def gone(retention: Retention | None, at: int = now) -> list[int]:
        return superfluous(store.volume, target, end, retention, at)

    assert gone(None) == found[:-1]
    assert gone(Retention(DAY)) == []
    assert gone(Retention(DAY, None, now)) == []
    assert gone(Retention(DAY, None, now - 1)) == found[:-1]
    assert gone(Retention(1), now + 1_000_001) == found[:-1]
    assert gone(Retention(DAY, 1)) == found[:-1]
    for count in range(1, 5):
        assert gone(Retention(DAY, end - found[count] - 1))[:count] == found[:count]
        assert found[count] not in gone(Retention(DAY, end - found[count] + 1))[count - 1 :]
    store.close()


# -- crashes ----------------------------------------------------------------------------------------


def life(store: Store, clock: Clock, acknowledged: list[int]) -> None:
    for number in range(60):
        clock.now += 1
        write(store, number)
        acknowledged.append(number)
        if number % 25 == 20:
            store.checkpoint()
    store.close()


def writing_calls() -> int:
    volume = WatchedVolume(PoweredVolume())
    clock = Clock()
    life(opened(volume, clock, Retention(20)), clock, [])
    assert len(volume.calls("remove", "journal/")) > 1
    return sum(volume.counts[kind] for kind in ("write", "sync", "replace", "remove"))


@pytest.mark.parametrize("part", [0.0, 0.5], ids=["before", "torn"])
@pytest.mark.parametrize("cut", [False, True], ids=["killed", "power"])
def test_dying_at_each_call(cut: bool, part: float) -> None:
    """What was acknowledged and is wanted is in the history, in order, and the rest wholly or not.

    It goes on from there: what another writes comes after it, and is read after it.
    """
    calls = writing_calls()
    assert calls > 150
    for last in range(1, calls + 1, 1 if part == 0 else 3):
        inner, clock = PoweredVolume(), Clock()
        acknowledged: list[int] = []
        store = None
        try:
            store = opened(dying(inner, last, part=part), clock, Retention(20))
            life(store, clock, acknowledged)
        except Killed:
            pass
        if store is not None:
            abandon(store)
        if cut:
            inner.power_cut()
        store = opened(inner, clock, Retention(20))
        found = everything(store)
        first = found[0] if found else 0
        assert found == list(range(first, first + len(found)))
        assert set(acknowledged[-20:]) <= set(found)
        assert set(found) - set(acknowledged) <= {len(acknowledged)}
        for number in range(100, 130):
            write(store, number)
        again = everything(store)
        assert again == (found + list(range(100, 130)))[-len(again) :]
        assert set(acknowledged[-20:]) <= set(again)
        store.checkpoint()
        write(store, 130)
        again = everything(store)
        assert again == (found + list(range(100, 131)))[-len(again) :]
        assert len(again) > 30
        assert len(contents(store)) >= len(acknowledged) + 31
        store.check(list)
        abandon(store)


def test_a_disk_that_is_full_at_each_call() -> None:
    calls = writing_calls()
    for last in range(1, calls + 1, 2):
        inner, clock = PoweredVolume(), Clock()
        volume = WatchedVolume(inner, until(DiskFull("full", path="x"), lambda *_: True))
        volume.hook = None
        acknowledged: list[int] = []
        try:
            store = opened(volume, clock, Retention(20))
        except StorageError:
            continue
        at = sum(volume.counts[kind] for kind in ("write", "sync", "replace", "remove"))

        def full(number: int, call: str, name: str, at: int = at + last) -> None:
            if number == at and call != "sync":
                raise DiskFull("full", path=name)

        volume.hook = full
        for number in range(60):
            clock.now += 1
            try:
                write(store, number)
            except StorageError:
                continue
            acknowledged.append(number)
        found = everything(store)
        assert found == acknowledged[-len(found) :]
        assert len(found) >= 20
        store.close()


def test_another_process_reads_while_one_writes(tmp_path: Path) -> None:
    """Two stores on one folder, as two processes have them: the same history in both."""
    one, two = (open_folder(tmp_path / "db", **SMALL) for _ in range(2))
    keep(one, Retention(DAY))
    first = one.published()
    for number in range(60):
        write((one, two)[number % 2], number)
        end = two.published()
        assert changes(two.history.read(first, end)) == list(range(number + 1))
    assert changes(one.history.read(first, one.published())) == list(range(60))
    one.close()
    two.close()
