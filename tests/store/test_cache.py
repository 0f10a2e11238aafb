"""The cache: partitions come when they are read, and go when there are too many."""

from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st
from store.simulated import WatchedVolume
from store.stores import assert_holds, contents, delete, get, key, open_on, put, space

from dynafile.store.cache import RECOUNT_SHARE, Cache
from dynafile.store.memory_volume import MemoryVolume
from dynafile.store.partition import Partition, memory_cost
from dynafile.store.snapshot import Entries
from dynafile.store.store import Store

MODEL = {key(n): b"%d" % n * 30 for n in range(400)}
BUDGET = 20_000


def loaded(store: Store) -> list[Partition]:
    return [part for part in space(store).partitions() if part.entries is not None]


def test_the_budget_is_obeyed() -> None:
    volume = WatchedVolume(MemoryVolume())
    store = open_on(volume, partition_bytes=2000, cache_size=BUDGET)
    put(store, *MODEL.items())
    store.checkpoint()
    parts = space(store).partitions()
    assert len(parts) > 20
    rnd = random.Random(1)
    largest = 0
    for k in rnd.choices(list(MODEL), k=800):
        assert get(store, k) == MODEL[k]
        cost = sum(part.cost for part in loaded(store))
        largest = max(largest, cost)
        assert cost == store.replica.cache.used()
    assert BUDGET / 2 < largest <= BUDGET
    assert 1 < len(loaded(store)) < len(parts) / 2
    assert contents(store) == MODEL
    store.close()


def test_one_partition_over_the_budget_is_served() -> None:
    store = open_on(MemoryVolume(), cache_size=1)
    put(store, *MODEL.items())
    store.checkpoint()
    assert_holds(store, MODEL)
    assert len(loaded(store)) == 1
    store.close()


def test_pending_operations_survive_eviction() -> None:
    """What is let go is the snapshot's; what was written since is put over it again."""
    volume = WatchedVolume(MemoryVolume())
    store = open_on(volume, partition_bytes=2000, cache_size=BUDGET)
    put(store, *MODEL.items())
    store.checkpoint()
    model = dict(MODEL)
    rnd = random.Random(2)
    for k in rnd.choices(list(MODEL), k=200):
        if k in model and rnd.random() < 0.4:
            delete(store, k)
            del model[k]
        else:
            put(store, (k, b"new"))
            model[k] = b"new"
    volume.forget_calls()
    assert_holds(store, model)
    assert volume.calls("read", "_partitions/")
    store.close()


def test_a_partition_in_use_stays() -> None:
    """The hand passes over what was read since it came by; what was not goes first."""
    store = open_on(MemoryVolume(), partition_bytes=2000, cache_size=BUDGET)
    put(store, *MODEL.items())
    store.checkpoint()
    hot = key(0)
    get(store, hot)
    part = space(store).candidate(hot)
    let_go = 0
    for k in MODEL:
        get(store, k)
        let_go += part.entries is None
        get(store, hot)
    assert let_go < len(MODEL) / 40
    store.close()


def test_what_a_range_reads_goes_as_well() -> None:
    store = open_on(MemoryVolume(), partition_bytes=2000, cache_size=BUDGET)
    put(store, *MODEL.items())
    store.checkpoint()
    assert contents(store) == MODEL
    assert sum(part.cost for part in loaded(store)) <= BUDGET
    store.close()


def test_partitions_that_were_replaced_are_not_kept() -> None:
    """Their entries stayed in memory, counted, until the hand came by."""
    store = open_on(MemoryVolume(), partition_bytes=2000)
    put(store, *MODEL.items())
    whole = space(store).partitions()[0]
    contents(store)
    store.checkpoint()
    assert whole not in space(store).partitions()
    assert whole.entries is None
    assert store.replica.cache.used() == sum(part.cost for part in loaded(store))
    store.close()


CHANGES = st.lists(
    st.dictionaries(
        st.binary(min_size=1, max_size=1), st.none() | st.binary(max_size=9), max_size=9
    ),
    max_size=9,
)


@given(CHANGES)
def test_what_a_partition_costs(changes: list[dict[bytes, bytes | None]]) -> None:
    """The cost that is kept up to date is the one that counting gives.

    A key that was written again and again cost more with each put, until its partition and others
    had to go.
    """
    one, many = (Partition(number, b"", resolved=True) for number in (1, 2))
    one.entries, many.entries = Entries(), Entries()
    for change in changes:
        many.apply(change, 1)
        for k, value in change.items():
            if value is None:
                one.delete(k, 1)
            else:
                one.put(k, value, 1)
        assert one.entries == many.entries
        assert one.cost == many.cost == memory_cost(one.entries)


def test_partitions_that_grow_are_noticed() -> None:
    """While others are loaded: the cache does not see it when a partition is written to."""
    cache = Cache(100_000)
    parts = []
    for number in range(64):
        part = Partition(number, b"", resolved=True)
        part.entries = Entries()
        part.put(b"", b"", 1)
        cache.add(part)
        parts.append(part)
    for part in parts:
        part.put(b"", bytes(3000), 2)
    for number in range(64, 80):
        part = Partition(number, b"", resolved=True)
        part.entries = Entries()
        cache.add(part)
    assert cache.used() <= 100_000


def test_a_load_looks_at_few_partitions() -> None:
    """Each of those that come when the cache is full made it count all that it had."""
    looks = 0

    class Watched(Partition):
        @property
        def cost(self) -> int:  # type: ignore[override]
            nonlocal looks
            looks += 1
            return 1

        @cost.setter
        def cost(self, value: int) -> None:
            pass

    cache = Cache(1000)
    for number in range(3000):
        part = Watched(number, b"", resolved=True)
        part.entries = Entries()
        cache.add(part)
    assert cache.used() <= 1000
    assert looks < 3000 * 2 * RECOUNT_SHARE


def test_the_clock() -> None:
    cache = Cache(100)
    parts = []
    for number in range(1, 5):
        part = Partition(number, b"%d" % number, resolved=True)
        part.entries, part.cost = Entries(), 30
        cache.add(part)
        parts.append(part)
    # The fourth was too many; all had been used, so the hand went round once and took the first.
    assert [part.entries is None for part in parts] == [True, False, False, False]
    assert cache.used() == 90
    parts[1].used = True
    extra = Partition(5, b"5", resolved=True)
    extra.entries, extra.cost = Entries(), 30
    cache.add(extra)
    assert parts[1].entries is not None
    assert extra.entries is not None
    assert cache.used() <= 100
    cache.clear()
    assert cache.used() == 0
    assert all(part.entries is None for part in (*parts, extra))
