"""The builder: sorted entries get into a keyspace that others write to, whole after each step."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from store.simulated import Killed, PoweredVolume, WatchedVolume, until
from store.stores import SMALL, abandon, key

from dynafile.errors import CommitOutcomeUnknown, DiskFull, LockTimeout
from dynafile.store import builder
from dynafile.store.format import DELETE, PUT, Operation
from dynafile.store.memory_volume import MemoryVolume
from dynafile.store.registry import open_store, open_volume
from dynafile.store.schema import Schema
from dynafile.store.store import Options, Store
from dynafile.store.writer import SchemaChanged

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from dynafile.store.volume import Volume

ITEMS, ENTRIES, GONE = 1, 2, 3
SCHEMA = Schema(
    keyspaces={ITEMS: "_partitions", ENTRIES: "_gsi-x/_partitions", GONE: "_gsi-x/_gone"},
    next_keyspace=4,
)
MANY = [(key(n, "entry"), b"%d" % n * 20) for n in range(300)]
MANY.sort()


@pytest.fixture(autouse=True)
def _small_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(builder, "STEP_BYTES", 4000)
    monkeypatch.setattr(builder, "MEMORY_STEP", 20)


def opened(volume: Volume) -> Store:
    return open_volume(volume, Options(**SMALL), lambda stored: stored or SCHEMA)


def in_memory() -> Store:
    return open_store(None, Options(), lambda stored: stored or SCHEMA)


engines = pytest.mark.parametrize(
    "make", [lambda: opened(MemoryVolume()), in_memory], ids=["files", "memory"]
)


def commit(store: Store, *operations: Operation) -> None:
    store.commit(list(operations), store.schema.version)


def build(
    store: Store, pairs: list[tuple[bytes, bytes]], built: Callable[[int], None] = lambda _: None
) -> None:
    store.build(store.keyspace(ENTRIES), store.keyspace(GONE), iter(pairs), built)


def entries(store: Store) -> dict[bytes, bytes]:
    chunks = store.range(store.keyspace(ENTRIES), b"", None, limit=1000)
    found = [pair for keys, values in chunks for pair in zip(keys, values, strict=True)]
    assert found == sorted(dict(found).items())
    return dict(found)


@engines
def test_into_nothing(make: Callable[[], Store]) -> None:
    store = make()
    build(store, MANY)
    assert entries(store) == dict(MANY)
    store.check(list)
    store.close()


def test_the_pieces_are_full() -> None:
    store = opened(MemoryVolume())
    build(store, MANY)
    parts = len(store.keyspace(ENTRIES).partitions())
    size = sum(len(k) + len(v) + 64 for k, v in MANY)
    assert size / 2000 < parts < 1.7 * size / 2000
    store.close()


@engines
def test_each_entry_is_counted_once(make: Callable[[], Store]) -> None:
    """What a step had left for the next one was counted by both: progress came to its end early."""
    store = make()
    counts: list[int] = []
    build(store, MANY, counts.append)
    assert counts == sorted(counts)
    assert counts[-1] == len(MANY)
    assert len(set(counts)) > 5
    store.close()


@engines
@pytest.mark.parametrize("count", [0, 1, 2])
def test_few(count: int, make: Callable[[], Store]) -> None:
    store = make()
    build(store, MANY[:count])
    assert entries(store) == dict(MANY[:count])
    store.check(list)
    store.close()


@engines
def test_one_collection_and_large_entries(make: Callable[[], Store]) -> None:
    store = make()
    pairs = [(key(5) + b"%04d" % n, b"x" * (3000 if n % 50 == 0 else 40)) for n in range(200)]
    build(store, pairs)
    assert entries(store) == dict(pairs)
    store.check(list)
    store.close()


@engines
def test_the_writers_word_counts(make: Callable[[], Store]) -> None:
    """What writers put stays as they put it, and what they deleted is not brought back."""
    store = make()
    model = dict(MANY)
    for k, _ in MANY[::7]:
        commit(store, (PUT, ENTRIES, k, b"newer"))
        model[k] = b"newer"
    for k, _ in MANY[3::7]:
        commit(store, (DELETE, ENTRIES, k, b""), (PUT, GONE, k, b""))
        del model[k]
    for n in range(300, 360):
        commit(store, (PUT, ENTRIES, key(n), b"of an item that came later" * 3))
        model[key(n)] = b"of an item that came later" * 3
    store.checkpoint()
    build(store, MANY)
    assert entries(store) == model
    store.check(list)
    store.close()


@engines
def test_writers_between_steps(make: Callable[[], Store]) -> None:
    store = make()
    model = dict(MANY)
    step = 0

    def write(_: int) -> None:
        nonlocal step
        step += 1
        for n in range(step, 300, 37):
            k = MANY[n][0]
            if (n + step) % 2:
                commit(store, (PUT, ENTRIES, k, b"by step %d" % step))
                model[k] = b"by step %d" % step
            else:
                commit(store, (DELETE, ENTRIES, k, b""), (PUT, GONE, k, b""))
                model.pop(k, None)
        if step % 3 == 0:
            store.checkpoint()

    build(store, MANY, write)
    assert step > 5
    assert entries(store) == model
    store.check(list)
    store.close()


class Meanwhile(WatchedVolume):
    """Lets others write while the files of a step are written, when nobody holds the lock."""

    def __init__(self, inner: Volume) -> None:
        super().__init__(inner, self.look)
        self.others: Callable[[int], None] | None = None
        self.turn = 0

    def look(self, number: int, call: str, name: str) -> None:
        if call == "fill" and self.others is not None:
            self.turn += 1
            self.others(self.turn)


@pytest.mark.parametrize("by", ["thread", "process"])
@pytest.mark.parametrize("folds", [0, 1, 9], ids=["never", "once", "often"])
def test_writers_while_files_are_written(by: str, folds: int) -> None:
    """What is written after a step has looked at a partition stays pending in the new ones; where
    a checkpoint folded it meanwhile, the step is made once more."""
    files = MemoryVolume()
    volume = Meanwhile(files)
    store = opened(volume)
    other = store if by == "thread" else opened(files)
    model = dict(MANY)

    def write(turn: int) -> None:
        for n in range(turn % 37, 300, 37):
            k = MANY[n][0]
            if (n + turn) % 2:
                commit(other, (PUT, ENTRIES, k, b"in turn %d" % turn))
                model[k] = b"in turn %d" % turn
            else:
                commit(other, (DELETE, ENTRIES, k, b""), (PUT, GONE, k, b""))
                model.pop(k, None)
        if folds and not turn % 3 and turn // 3 <= folds:
            other.checkpoint()

    volume.others = write
    build(store, MANY)
    assert volume.turn > 15
    for each in {store, other}:
        assert entries(each) == model
        each.check(list)
    store.checkpoint()
    assert entries(other) == model
    _assert_no_strays(store)
    for each in {store, other}:
        each.close()


@pytest.mark.parametrize("begun", ["before", "after"])
def test_a_checkpoint_between_files_and_record(begun: str) -> None:
    """One that began after the folders were made removes them, so the record must not be written;
    one that began before lets them be."""
    files = MemoryVolume()
    volume = WatchedVolume(files)
    store, other = opened(volume), opened(files)
    checkpointer = other._checkpointer
    assert checkpointer is not None
    write_files = volume.fill
    turn = 0

    def begin() -> None:
        commit(other, (PUT, ITEMS, key(turn), b"so that there is something to fold"))
        other._writer.hold(checkpointer._begin, 1.0)

    def finish() -> None:
        while checkpointer._todo:
            checkpointer._step()
        checkpointer._finish()

    def fill(named: Sequence[tuple[str, bytes]]) -> None:
        nonlocal turn
        turn += 1
        write_files(named)
        if not turn % 3:
            if begun == "after":
                begin()
            store.follow()  # or it would find the segment gone, and read all maps again
            other._writer.hold(finish, 1.0)

    def between(_: int) -> None:
        if begun == "before" and turn % 3 == 2:
            begin()

    volume.fill = fill  # type: ignore[method-assign]
    build(store, MANY, between)
    steps = turn
    for each in (store, other):
        assert entries(each) == dict(MANY)
        each.check(list)
    assert steps >= 10
    other.close()
    store.close()


def test_writers_do_not_wait_for_the_disk() -> None:
    """A put of another process beside a backfill took 600 ms: a step held the writer's lock while
    its files were synced, and the journal before them."""
    files = MemoryVolume()
    volume = WatchedVolume(files)
    store, other = opened(volume), opened(files)
    held: list[str] = []

    def look(_: int, call: str, name: str) -> None:
        if call in ("fill", "sync", "remove"):
            try:
                volume.lock().acquire(0.0)
            except LockTimeout:
                held.append(name)
            else:
                volume.lock().release()

    def write(_: int) -> None:
        volume.hook = None
        commit(other, (PUT, ITEMS, key(1), b"so that there is something to sync"))
        volume.hook = look

    volume.hook = look
    build(store, MANY, write)
    volume.hook = None
    assert held == []
    assert volume.counts["fill"] > 20
    other.close()
    store.close()


@pytest.mark.parametrize("call", ["make", "fill", "sync"])
def test_nothing_is_left_of_a_step_that_failed(call: str) -> None:
    files = MemoryVolume()
    volume = WatchedVolume(files)
    store = opened(volume)
    full = DiskFull("the disk is full", path="x", errno=28)
    volume.hook = until(
        full, lambda kind, name: kind == call and len(store.keyspace(ENTRIES).by_id) > 3
    )
    commit(store, (PUT, ITEMS, key(1), b"so that there is something to sync"))
    if call == "sync":
        with pytest.raises(CommitOutcomeUnknown):
            build(store, MANY)
        abandon(store)
        store = opened(volume)
    else:
        with pytest.raises(DiskFull):
            build(store, MANY)
        _assert_no_strays(store)
    build(store, MANY)
    assert entries(store) == dict(MANY)
    store.check(list)
    store.close()


def test_folders_of_a_step_that_died_are_strays() -> None:
    """They are removed by the first checkpoint whose replay would begin past their ids."""
    for last in range(1, 20, 2):
        files = PoweredVolume()
        seen = 0

        def die(_: int, call: str, name: str, last: int = last) -> None:
            nonlocal seen
            seen += call == "fill"
            if seen >= last:
                raise Killed

        volume = WatchedVolume(files, die)
        dead = opened(volume)
        other = opened(files)  # it lives on, and is not recovered by an opening
        with pytest.raises(Killed):
            build(dead, MANY)
        abandon(dead)
        commit(other, (PUT, ITEMS, key(1), b"so that there is something to fold"))
        other.checkpoint()
        _assert_no_strays(other)
        other.check(list)
        build(other, MANY)
        assert entries(other) == dict(MANY)
        other.close()


def _assert_no_strays(store: Store) -> None:
    for number in (ITEMS, ENTRIES, GONE):
        keyspace = store.keyspace(number)
        names = {f"{keyspace.directory}/{name}" for name in store.volume.list(keyspace.directory)}
        assert names == {keyspace.path(part) for part in keyspace.by_id.values()}


@pytest.mark.parametrize("checkpoint", [False, True])
@pytest.mark.parametrize("cut", [False, True], ids=["killed", "power"])
def test_killed_after_any_step(cut: bool, checkpoint: bool) -> None:
    """A partition without a snapshot was left at the end of what was built. The checkpoint takes
    away the record that tells of it, so that the partition before it had another end than its
    header said: nobody could open the table's index any more."""
    for last in range(1, 9):
        volume = PoweredVolume()
        store = opened(volume)
        steps = 0

        def die(_: int, store: Store = store, last: int = last) -> None:
            nonlocal steps
            steps += 1
            if steps == last:
                if checkpoint:
                    commit(store, (PUT, ITEMS, key(1), b"so that there is something to fold"))
                    store.checkpoint()
                raise Killed

        with pytest.raises(Killed):
            build(store, MANY, die)
        before = entries(store)
        assert 0 < len(before) <= len(MANY)
        abandon(store)
        if cut:
            volume.power_cut()
        store = opened(volume)
        assert entries(store) == before
        store.check(list)
        build(store, MANY)  # whoever goes on begins again, and finds what is there
        assert entries(store) == dict(MANY)
        store.check(list)
        store.close()


@engines
def test_dropped_meanwhile(make: Callable[[], Store]) -> None:
    store = make()

    def drop(_: int) -> None:
        schema = Schema(
            version=store.schema.version + 1, keyspaces={ITEMS: "_partitions"}, next_keyspace=4
        )
        store.change_schema(lambda _: schema)

    spaces = store.keyspace(ENTRIES), store.keyspace(GONE)
    with pytest.raises(SchemaChanged):
        store.build(*spaces, iter(MANY), drop)
    store.check(list)
    assert not isinstance(store.volume, MemoryVolume) or store.volume.list("_gsi-x") == []
    store.close()


numbers = st.sets(st.integers(0, 99))


@settings(max_examples=40, deadline=None)
@given(numbers, numbers, numbers, st.booleans())
def test_against_a_dict(read: set[int], written: set[int], gone: set[int], fold: bool) -> None:
    store = opened(MemoryVolume())
    for n in written:
        commit(store, (PUT, ENTRIES, key(n % 9, f"{n:03}"), b"w" * n))
    for n in gone - written:
        commit(store, (PUT, GONE, key(n % 9, f"{n:03}"), b""))
    if fold:
        store.checkpoint()
    build(store, sorted((key(n % 9, f"{n:03}"), b"r" * 60) for n in read))
    model = {key(n % 9, f"{n:03}"): b"r" * 60 for n in read - gone}
    model |= {key(n % 9, f"{n:03}"): b"w" * n for n in written}
    assert entries(store) == model
    store.check(list)
    store.close()
