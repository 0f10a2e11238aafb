"""Reads while others write: what an iterator yields, and what one moment is."""

from __future__ import annotations

import random
import sys
import threading
import time
from collections.abc import Callable

import pytest
from store.simulated import WatchedVolume
from store.stores import (
    SMALL,
    delete,
    engines,
    get,
    key,
    open_on,
    pairs,
    put,
    space,
    together,
)

from dynafile.store.follower import BULK
from dynafile.store.loader import HEADER_READ
from dynafile.store.memory_volume import MemoryVolume
from dynafile.store.store import Store
from dynafile.store.view import View


@engines
@pytest.mark.parametrize("reverse", [False, True])
def test_an_iterator_beside_its_own_writes(make: Callable[[], Store], reverse: bool) -> None:
    """What is there throughout comes exactly once, whatever happens between two chunks."""
    for limit in (1, 7, 100):
        store = make()
        stay = {key(n): b"stay" * 9 for n in range(0, 150, 2)}
        put(store, *stay.items())
        rnd = random.Random(limit)
        found: list[bytes] = []
        for keys, _ in store.range(space(store), b"", None, reverse=reverse, limit=limit):
            found += keys
            k = key(rnd.randrange(75) * 2 + 1)
            put(store, (k, b"come" * 9), (key(rnd.randrange(75) * 2), b"stay" * 9))
            if rnd.random() < 0.5:
                delete(store, k)
            if rnd.random() < 0.2:
                store.checkpoint()
        assert len(found) == len(set(found))
        assert stay.keys() <= set(found)
        assert found == sorted(found, reverse=reverse)
        store.close()


@engines
def test_ranges_beside_threads_that_write(make: Callable[[], Store]) -> None:
    store = make()
    stay = {key(n): b"stay" for n in range(0, 400, 2)}
    put(store, *stay.items())
    stop = threading.Event()

    def write(seed: int) -> Callable[[], None]:
        def work() -> None:
            rnd = random.Random(seed)
            while not stop.is_set():
                k = key(rnd.randrange(200) * 2 + 1)
                if rnd.random() < 0.5:
                    put(store, (k, b"x" * 40), durable=False)
                else:
                    delete(store, k, durable=False)

        return work

    def read() -> None:
        try:
            for turn in range(60):
                found = pairs(store, reverse=bool(turn % 2), limit=(1, 30, 600)[turn % 3])
                keys = [k for k, _ in found]
                assert keys == sorted(set(keys), reverse=bool(turn % 2))
                assert {pair for pair in found if pair[1] == b"stay"} == set(stay.items())
                for k in list(stay)[turn::60]:
                    assert get(store, k) == b"stay"
        finally:
            stop.set()

    together(read, write(1), write(2))
    store.check(list)
    store.close()


@engines
def test_a_batch_is_seen_whole(make: Callable[[], Store]) -> None:
    """A chunk of a range is one moment: all of a commit, or nothing."""
    store = make()
    names = [key(n) for n in range(BULK - 1)]  # more would be put into the dict in one step
    put(store, *((k, b"0") for k in names))
    stop = threading.Event()
    seen = set()

    def write() -> None:
        step = 0
        while not stop.is_set():
            step += 1
            put(store, *((k, b"%d" % step) for k in names), durable=False)

    def read() -> None:
        try:
            last, deadline = -1, time.monotonic() + 30
            while len(seen) < 100 and time.monotonic() < deadline:
                (chunk,) = store.range(space(store), b"", None, limit=100)
                assert len(set(chunk[1])) == 1
                assert last <= int(chunk[1][0])
                last = int(chunk[1][0])
                seen.add(last)
        finally:
            stop.set()

    store.replica.cache.budget = 1 << 30
    if store.replica.journal is not None:
        store._checkpointer.partition_bytes = 1 << 30  # type: ignore[union-attr]
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)  # so that a thread is stopped in the middle of a read or a commit
    try:
        together(read, write)
    finally:
        sys.setswitchinterval(interval)
    assert len(seen) == 100
    store.close()


def test_an_iterator_in_another_process() -> None:
    inner = MemoryVolume()
    writer, reader = open_on(WatchedVolume(inner), **SMALL), open_on(WatchedVolume(inner), **SMALL)
    stay = {key(n): b"stay" * 9 for n in range(100)}
    put(writer, *stay.items())
    found: list[bytes] = []
    for turn, (keys, _) in enumerate(reader.range(space(reader), b"", None, limit=3)):
        found += keys
        put(writer, *((key(200 + turn, f"{n}"), b"come" * 9) for n in range(9)))
        if turn % 3 == 0:
            writer.checkpoint()
    assert len(found) == len(set(found))
    assert stay.keys() <= set(found)
    reader.close()
    writer.close()


def test_a_snapshot_that_is_newer_than_its_reader() -> None:
    """A partition that is loaded may have been folded since, with commits that the reader has not
    applied; what it has in memory of others is brought to that moment before anybody looks."""
    inner = MemoryVolume()
    writer = open_on(WatchedVolume(inner), **SMALL)
    names = [key(n) for n in range(200)]
    put(writer, *((k, b"old" * 20) for k in names))
    writer.checkpoint()
    volume = WatchedVolume(inner)
    reader = open_on(volume, **SMALL)
    warm = names[0]
    assert get(reader, warm) == b"old" * 20
    cold = next(k for k in names if space(reader).candidate(k).entries is None)
    real, news = volume.read, 0

    def read(name: str, offset: int = 0, size: int = -1) -> bytes:
        nonlocal news
        if name.endswith("data.pickle") and size != HEADER_READ and not news:
            news += 1
            put(writer, (warm, b"new"), (cold, b"new"))
            writer.checkpoint()
        return real(name, offset, size)

    volume.read = read  # type: ignore[method-assign]
    found: list[bytes | None] = []

    def look(view: View) -> None:
        found[:] = [view.get(space(reader), k) for k in (cold, warm)]

    reader.look(look)
    assert news
    assert found in ([b"new", b"new"], [b"old" * 20, b"old" * 20])
    reader.close()
    writer.close()
