"""Commits: the groups of threads, conditions, schemas, and the time of a commit."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from itertools import pairwise

import pytest
from store.interrupts import at_chance
from store.simulated import WatchedVolume
from store.stores import (
    SPACE,
    abandon,
    assert_holds,
    contents,
    engines,
    get,
    key,
    on_volume,
    open_on,
    put,
    space,
    together,
    waiting,
)

from dynafile.errors import StorageError
from dynafile.store.format import CLEAR, DELETE, PUT, SCHEMA, Operation
from dynafile.store.memory_volume import MemoryVolume
from dynafile.store.schema import Schema
from dynafile.store.store import Store
from dynafile.store.view import View
from dynafile.store.writer import SchemaChanged


@engines
def test_a_commit_that_comes_while_others_are_made(make: Callable[[], Store]) -> None:
    """At every chance in a commit that leads a group, a commit of another thread comes.

    Between looking at the queue and emptying it, it was thrown away. Its thread was told that an
    interruption had left the outcome unknown, and there had been none.
    """
    step, more = 0, True
    while more:
        step += 1
        store = make()
        errors: list[BaseException] = []
        came: list[threading.Thread] = []

        def write(store: Store = store, errors: list[BaseException] = errors) -> None:
            try:
                put(store, (key(2), b"second"))
            except BaseException as error:
                errors.append(error)

        def come(store: Store = store, came: list[threading.Thread] = came) -> None:
            before = waiting(store)
            came.append(threading.Thread(target=write, daemon=True))
            came[0].start()
            while came[0].is_alive() and waiting(store) <= before:
                time.sleep(0)

        first = [(PUT, SPACE, key(1), b"first")]
        more = at_chance(lambda: store.commit([], 1, lambda view: first), step, come)
        for thread in came:
            thread.join(10)
            assert not thread.is_alive()
        assert not errors
        assert contents(store) == {key(1): b"first", **({key(2): b"second"} if more else {})}
        store.close()
    assert step > 20


def test_threads_share_syncs() -> None:
    """While one syncs the others gather, and the next sync is for all of them.

    A thread that went on writing took the lock again before those that had waited were awake to
    see that their commits were made; so nobody gathered, and each commit had a sync of its own.
    """
    volume = WatchedVolume(MemoryVolume())
    store = open_on(volume)
    volume.forget_calls()

    def slow(number: int, call: str, name: str) -> None:
        if call == "sync":
            time.sleep(0.005)

    volume.hook = slow
    threads, each = 8, 20

    def write(index: int) -> Callable[[], None]:
        def work() -> None:
            for n in range(each):
                put(store, (key(n, f"{index}"), b"value"))
                assert get(store, key(n, f"{index}")) == b"value"

        return work

    together(*map(write, range(threads)))
    assert len(contents(store)) == threads * each
    assert volume.counts["sync"] <= threads * each / 2
    assert volume.counts["write"] <= volume.counts["sync"] + 1
    volume.hook = None
    store.close()


def test_one_durable_commit_syncs_its_group() -> None:
    volume = WatchedVolume(MemoryVolume())
    store = open_on(volume)
    volume.forget_calls()
    finished = []

    def write(number: int) -> None:
        put(store, (key(number), b"value"), durable=number == 2)
        finished.append(number)

    threads = [threading.Thread(target=write, args=(n,)) for n in range(4)]
    with store._writer.mutex:
        for n, thread in enumerate(threads):
            thread.start()
            while waiting(store) <= n:
                assert thread.is_alive()
    for thread in threads:
        thread.join()
    assert sorted(finished) == [0, 1, 2, 3]
    assert (volume.counts["write"], volume.counts["sync"]) == (1, 1)
    assert len(contents(store)) == 4
    store.close()


@engines
def test_commits_of_several_callers_are_made_each_by_itself(make: Callable[[], Store]) -> None:
    """Beside threads that commit too; those that another schema refuses were not made."""
    store = make()

    def put_many(index: int) -> Callable[[], None]:
        def work() -> None:
            for n in range(10):
                commits = [[(PUT, SPACE, key(n, f"{index}-{m}"), b"value")] for m in range(5)]
                assert store.commit_each(commits, 1, True) == [None] * 5
                put(store, (key(n, f"{index}"), b"alone"))
                assert get(store, key(n, f"{index}-4")) == b"value"

        return work

    together(*map(put_many, range(6)))
    assert len(contents(store)) == 6 * 10 * 6
    lsn = store.replica.lsn
    refused = store.commit_each([[(PUT, SPACE, key(1), b"late")]] * 3, 7, True)
    assert [type(error) for error in refused] == [SchemaChanged] * 3
    assert store.replica.lsn == lsn
    store.close()


def test_commits_of_several_callers_are_one_sync_and_a_record_each() -> None:
    volume = WatchedVolume(MemoryVolume())
    store = open_on(volume)
    put(store, (key(0), b"value"))
    volume.forget_calls()
    before = store.replica.lsn
    store.commit_each([[(PUT, SPACE, key(n), b"value")] for n in range(50)], 1, True)
    assert (volume.counts["write"], volume.counts["sync"]) == (1, 1)
    assert store._journal is not None
    assert len(list(store._journal.read(before, store.replica.lsn))) == 50
    store.close()


def test_commits_of_several_callers_that_are_interrupted() -> None:
    """At every chance in them; each is made or not, and the queue goes on."""
    step, more = 0, True
    while more:
        step += 1
        store = on_volume()
        commits: list[list[Operation]] = [[(PUT, SPACE, key(n), b"value")] for n in range(3)]

        def interrupt() -> None:
            raise KeyboardInterrupt

        try:
            more = at_chance(
                lambda store=store, commits=commits: store.commit_each(commits, 1, True),  # type: ignore[misc]
                step,
                interrupt,
            )
        except KeyboardInterrupt:
            pass
        put(store, (key(9), b"after"))
        assert contents(store) in (
            {key(9): b"after"},
            {**{key(n): b"value" for n in range(3)}, key(9): b"after"},
        )
        assert waiting(store) == 0
        store.close()
    assert step > 20


@engines
def test_a_group_is_prepared_in_order(make: Callable[[], Store]) -> None:
    """Each commit's condition sees those before it in its group."""
    store = make()
    results = {}

    def add_if_absent(view: View) -> list[Operation]:
        if view.get(space(store), key(1)) is not None:
            raise KeyError("it is there")
        return [(PUT, SPACE, key(1), b"first")]

    def clear(view: View) -> list[Operation]:
        assert view.get(space(store), key(1)) == b"first"
        assert view.get(space(store), key(9)) == b"before"
        return [(CLEAR, SPACE, b"", b"")]

    def after(view: View) -> list[Operation]:
        assert view.get(space(store), key(1)) is None
        assert view.get(space(store), key(9)) is None
        return [(PUT, SPACE, key(2), b"after")]

    def remove(view: View) -> list[Operation]:
        assert view.get(space(store), key(2)) == b"after"
        return [(DELETE, SPACE, key(2), b""), (PUT, SPACE, key(3), b"last")]

    put(store, (key(9), b"before"))
    prepares = [add_if_absent, add_if_absent, clear, after, remove, lambda view: []]

    def commit(index: int) -> None:
        try:
            store.commit([], 1, prepares[index])
            results[index] = "made"
        except KeyError:
            results[index] = "refused"

    threads = [threading.Thread(target=commit, args=(n,)) for n in range(len(prepares))]
    with store._writer.mutex:
        for n, thread in enumerate(threads):
            thread.start()
            while waiting(store) <= n:
                assert thread.is_alive()
    for thread in threads:
        thread.join()
    assert results == {0: "made", 1: "refused", 2: "made", 3: "made", 4: "made", 5: "made"}
    assert contents(store) == {key(3): b"last"}
    store.close()


@engines
def test_a_counter(make: Callable[[], Store]) -> None:
    """Conditional commits of threads lose no update."""
    store = make()

    def increment(view: View) -> list[Operation]:
        value = int(view.get(space(store), key(1)) or 0)
        return [(PUT, SPACE, key(1), b"%d" % (value + 1))]

    def work() -> None:
        for _ in range(200):
            store.commit([], 1, increment, False)

    together(*[work] * 4)
    assert get(store, key(1)) == b"800"
    store.close()


@engines
def test_a_condition_that_fails_writes_nothing(make: Callable[[], Store]) -> None:
    store = make()

    def refuse(view: View) -> list[Operation]:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        store.commit([], 1, refuse)
    assert_holds(store, {})
    put(store, (key(1), b"value"))
    assert_holds(store, {key(1): b"value"})
    store.close()


@engines
def test_an_older_schema_is_refused(make: Callable[[], Store]) -> None:
    store = make()
    newer = Schema(version=2, keyspaces={SPACE: "_partitions", 2: "other"}, next_keyspace=3)
    store.commit([(SCHEMA, 0, b"", newer.encode())], 1)
    for prepare in (None, lambda view: [(PUT, SPACE, key(1), b"old")]):
        with pytest.raises(SchemaChanged):
            store.commit([(PUT, SPACE, key(1), b"old")], 1, prepare)
    store.commit([(PUT, 2, key(1), b"new")], 2)
    assert store.schema == newer
    assert store.get(store.keyspace(2), key(1)) == b"new"
    assert contents(store) == {}
    store.close()


def test_another_process_learns_of_a_schema() -> None:
    inner = MemoryVolume()
    one, two = open_on(WatchedVolume(inner)), open_on(WatchedVolume(inner))
    newer = Schema(version=2, keyspaces={2: "other"}, next_keyspace=3)
    put(one, (key(1), b"value"))
    one.commit([(SCHEMA, 0, b"", newer.encode())], 1)
    with pytest.raises(SchemaChanged):
        put(two, (key(2), b"value"))
    assert two.schema == newer
    two.commit([(PUT, 2, key(2), b"value")], 2)
    assert one.get(one.keyspace(2), key(2)) == b"value"
    one.close()
    two.close()
    again = open_on(inner)
    assert again.schema == newer
    again.close()


def test_time_does_not_go_back() -> None:
    now = [100.0]
    inner = MemoryVolume()
    store = open_on(inner, clock=lambda: now[0])
    times = []
    for value in (100.0, 50.0, 101.5, 0.0):
        now[0] = value
        put(store, (key(1), b"value"))
        times.append(store.replica.time)
    assert times == [100_000_000, 100_000_000, 101_500_000, 101_500_000]
    store.checkpoint()
    store.close()
    store = open_on(inner, clock=lambda: 1.0)
    put(store, (key(1), b"value"))
    assert store.replica.time >= 101_500_000
    store.close()


def test_ends_of_records_follow_one_another() -> None:
    store = on_volume()
    ends = []
    for n in range(50):
        put(store, (key(n), b"v" * n))
        ends.append(store.replica.lsn)
    assert all(one < two for one, two in pairwise(ends))
    store.close()


def test_a_commit_that_was_refused_is_adopted_by_nobody() -> None:
    """The disk took all of it and reported an error all the same: it was said not to be made."""
    inner = MemoryVolume()
    volume = WatchedVolume(inner)
    store = open_on(volume)
    put(store, (key(1), b"before"))
    real = volume.write

    def write(name: str, offset: int, data: bytes) -> None:
        real(name, offset, data)
        if b"refused" in data:
            raise StorageError("the disk said no, and had done it", path=name)

    volume.write = write  # type: ignore[method-assign]
    with pytest.raises(StorageError):
        put(store, (key(2), b"refused"))
    abandon(store)
    store = open_on(inner)
    assert contents(store) == {key(1): b"before"}
    store.close()
