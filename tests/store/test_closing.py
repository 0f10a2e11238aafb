"""The end of a store, and stores that leave nothing behind."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable

import pytest
from store.interrupts import finishes
from store.simulated import WatchedVolume
from store.stores import (
    SPACE,
    abandon,
    assert_holds,
    contents,
    delete,
    engines,
    get,
    key,
    memory,
    open_on,
    put,
    space,
)

from dynafile.errors import (
    CommitOutcomeUnknown,
    HandleClosed,
    HandleUnusable,
    StorageError,
    StoreFailed,
)
from dynafile.store.format import CLEAR, PUT
from dynafile.store.memory_volume import MemoryVolume
from dynafile.store.registry import release_store
from dynafile.store.store import Store


@engines
def test_closing_beside_threads_that_write_and_read(make: Callable[[], Store]) -> None:
    """They end with HandleClosed; nothing is written after that."""
    for _ in range(10):
        store = make()
        put(store, (key(0), b"value"))
        counts = [0, 0, 0]

        def write(
            index: int, store: Store = store, counts: list[int] = counts
        ) -> Callable[[], None]:
            def work() -> None:
                while True:
                    put(store, (key(index), b"%d" % (counts[index] + 1)), durable=False)
                    counts[index] += 1

            return work

        def read(store: Store = store, counts: list[int] = counts) -> None:
            while True:
                assert get(store, key(0)) is not None
                assert len(contents(store)) <= 3
                counts[2] += 1

        ended: list[type] = []

        def until_closed(work: Callable[[], None], ended: list[type] = ended) -> Callable[[], None]:
            def run() -> None:
                try:
                    work()
                except BaseException as error:
                    ended.append(type(error))

            return run

        threads = [
            threading.Thread(target=until_closed(work), daemon=True)
            for work in (write(0), write(1), read)
        ]
        for thread in threads:
            thread.start()
        while min(counts) < 3 and not ended:
            time.sleep(0.001)
        finishes(store.close)
        for thread in threads:
            thread.join(10)
        assert ended == [HandleClosed] * 3
        if store.replica.journal is not None:
            again = open_on(store.volume)
            for index in (0, 1):
                assert int(get(again, key(index)) or 0) in (counts[index], counts[index] + 1)
            again.check(list)
            again.close()


@engines
def test_use_after_close(make: Callable[[], Store]) -> None:
    store = make()
    put(store, (key(1), b"value"))
    iterator = store.range(space(store), b"", None, limit=1)
    next(iterator)
    store.close()
    for use in (
        lambda: get(store, key(1)),
        lambda: next(iterator),
        lambda: contents(store),
        lambda: store.count(space(store)),
        lambda: store.schema,
        lambda: put(store, (key(1), b"value")),
        lambda: store.commit([], 1, lambda view: [(PUT, SPACE, key(1), b"")]),
        lambda: store.check(list),
    ):
        with pytest.raises(HandleUnusable):
            use()
    store.close()


def test_a_handle_of_a_journal_that_was_cut_refuses() -> None:
    """Somebody put an older copy of the folder in the place of the one that is open."""
    inner = MemoryVolume()
    store = open_on(WatchedVolume(inner))
    put(store, (key(1), b"value"))
    inner.share()[0] -= 10
    for _ in range(2):
        with pytest.raises(StoreFailed, match="shorter than it was"):
            get(store, key(1))
    with pytest.raises(StoreFailed):
        put(store, (key(1), b"value"))
    abandon(store)


def test_a_store_in_memory_touches_no_file() -> None:
    store = memory()
    rnd, model = random.Random(3), {}
    for step in range(300):
        k = key(rnd.randrange(50))
        if rnd.random() < 0.6:
            put(store, (k, b"%d" % step))
            model[k] = b"%d" % step
        elif rnd.random() < 0.95:
            delete(store, k)
            model.pop(k, None)
        else:
            store.commit([(CLEAR, SPACE, b"", b"")], 1)
            model.clear()
    assert_holds(store, model)
    store.checkpoint()
    store.flush()
    assert isinstance(store.volume, MemoryVolume)
    assert not store.volume.files
    figures = store.figures(space(store))
    assert (figures.journal_bytes, figures.disk_bytes, figures.snapshot_bytes) == (0, 0, 0)
    release_store(store)
    with pytest.raises(HandleClosed):
        get(store, key(1))


def test_nobody_waits_for_the_flusher() -> None:
    """The sync of relaxed commits, once a second, kept every writer of the process waiting for as
    long as the disk took."""
    volume = WatchedVolume(MemoryVolume())
    store = open_on(volume)
    put(store, (key(1), b"before"), durable=False)

    def write(_: int, call: str, name: str) -> None:
        if call == "sync":
            volume.hook = None
            put(store, (key(2), b"while the disk works"), durable=False)

    volume.hook = write
    store.flush()
    assert get(store, key(2)) == b"while the disk works"
    volume.forget_calls()
    store.flush()  # what was written meanwhile is not taken for synced
    assert volume.counts["sync"] == 1
    store.flush()
    assert volume.counts["sync"] == 1
    store.close()


def test_a_failed_sync_of_the_flusher_lets_a_commit_come_to_its_end() -> None:
    volume = WatchedVolume(MemoryVolume())
    store = open_on(volume)
    put(store, (key(1), b"before"), durable=False)
    started, ended = threading.Event(), threading.Event()
    write = threading.Thread(target=lambda: put(store, (key(2), b"meanwhile"), durable=False))
    flush = threading.Thread(target=lambda: failing(store.flush))
    failed: list[Exception] = []

    def failing(act: Callable[[], None]) -> None:
        try:
            act()
        except CommitOutcomeUnknown as error:
            failed.append(error)
        ended.set()

    def look(_: int, call: str, name: str) -> None:
        if call == "write":  # in the middle of the commit
            started.set()
            flush.start()
            assert not ended.wait(0.2)
        elif call == "sync":
            raise StorageError("the disk failed", path=name, errno=5)

    volume.hook = look
    write.start()
    write.join()
    flush.join()
    volume.hook = None
    assert started.is_set()
    assert len(failed) == 1
    with pytest.raises(StoreFailed):
        get(store, key(2))
    abandon(store)
    store = open_on(volume)
    assert contents(store) == {key(1): b"before", key(2): b"meanwhile"}
    store.close()


def test_two_stores_in_memory_are_two() -> None:
    one, two = memory(), memory()
    put(one, (key(1), b"one"))
    assert get(two, key(1)) is None
    one.close()
    two.close()
