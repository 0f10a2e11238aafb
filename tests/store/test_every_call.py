"""Each call that writes is a place to die, to be interrupted, or to fail.

One workload, with splits, merges, checkpoints and segments that come and go, is run again for each
writing call it makes, and something happens there. After that the store holds every acknowledged
commit, and the one under way wholly or not at all.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from store.simulated import Killed, PoweredVolume, WatchedVolume, dying
from store.stores import SMALL, SPACE, abandon, apply_to, assert_holds, contents, key, open_on

from dynafile.errors import CommitOutcomeUnknown, DiskFull, StorageError, StoreFailed
from dynafile.store.format import CLEAR, DELETE, PUT, Operation
from dynafile.store.memory_volume import MemoryVolume
from dynafile.store.store import Store
from dynafile.store.volume import Volume

Model = dict[bytes, bytes]


def commits() -> Iterator[list[Operation]]:
    """What the workload commits: growth, an item collection that is cut, deletion, growth again."""
    for step in range(12):
        yield [(PUT, SPACE, key(n), b"%d" % step * 40) for n in range(step * 5, step * 5 + 5)]
    collection = key(7)
    for step in range(10):
        yield [(PUT, SPACE, collection + b"%04d" % n, b"c" * 90) for n in range(step, 60, 10)]
    for start in range(0, 60, 6):
        yield [(DELETE, SPACE, key(n), b"") for n in range(start, start + 6)]
    yield [(PUT, SPACE, key(1), b"again"), (DELETE, SPACE, collection + b"0003", b"")]
    yield [(CLEAR, SPACE, b"", b"")]
    for step in range(4):
        yield [(PUT, SPACE, key(n), b"last" * 30) for n in range(step * 8, step * 8 + 8)]


def work(store: Store, model: Model) -> Model:
    """Run the workload; ``model`` follows what was acknowledged. Returns what was under way."""
    for operations in commits():
        under_way = dict(model)
        apply_to(under_way, operations)
        try:
            store.commit(operations, 1)
        except BaseException:
            model["under way"] = under_way  # type: ignore[index, assignment]
            raise
        apply_to(model, operations)
    return model


def writing_calls() -> int:
    volume = WatchedVolume(MemoryVolume())
    store = open_on(volume, **SMALL)
    assert_holds(store, work(store, {}))
    store.close()
    return sum(volume.counts[kind] for kind in ("write", "sync", "replace", "remove"))


CALLS = writing_calls()


def assert_kept(volume: Volume, acknowledged: Model, under_way: Model | None) -> None:
    store = open_on(volume, **SMALL)
    found = contents(store)
    assert found in (acknowledged, under_way)
    assert_holds(store, found)
    store.close()


def test_the_workload_is_worth_it() -> None:
    assert CALLS > 150


@pytest.mark.parametrize("part", [0.0, 0.5], ids=["before", "torn"])
@pytest.mark.parametrize("cut", [False, True], ids=["killed", "power"])
def test_dying_at_each_call(cut: bool, part: float) -> None:
    for last in range(1, CALLS + 1, 1 if part == 0 else 3):
        inner = PoweredVolume()
        model: Model = {}
        store = None
        try:
            store = open_on(dying(inner, last, part=part), **SMALL)
            work(store, model)
            store.close()
        except Killed:
            pass
        if store is not None:
            abandon(store)
        under_way = model.pop("under way", None)  # type: ignore[call-overload]
        if cut:
            inner.power_cut()
        assert_kept(inner, model, under_way)


def test_another_process_takes_over_where_one_died() -> None:
    for last in range(1, CALLS + 1, 2):
        inner = MemoryVolume()
        witness = open_on(WatchedVolume(inner), **SMALL)
        model: Model = {}
        store = None
        try:
            store = open_on(dying(inner, last), **SMALL)
            work(store, model)
            store.close()
        except Killed:
            pass
        if store is not None:
            abandon(store)
        under_way = model.pop("under way", model)  # type: ignore[call-overload]
        assert contents(witness) in (model, under_way)
        more: list[Operation] = [(PUT, SPACE, b"by another", b"hand")]
        witness.commit(more, 1)
        apply_to(model, more)
        apply_to(under_way, more)
        found = contents(witness)
        assert found in (model, under_way)
        assert_holds(witness, found)
        witness.close()
        assert_kept(inner, found, None)


@pytest.mark.parametrize("error", [KeyboardInterrupt, DiskFull], ids=["interrupt", "full"])
def test_an_exception_at_each_call(error: type[BaseException]) -> None:
    for chosen in range(1, CALLS + 1, 2):

        def hook(number: int, call: str, name: str, chosen: int = chosen) -> None:
            if number == chosen and call != "sync":
                raise error("at a call that a test chose")

        inner = MemoryVolume()
        volume = WatchedVolume(inner)
        store = open_on(volume, **SMALL)
        volume.forget_calls()
        volume.hook = hook
        model: Model = {}
        try:
            work(store, model)
        except (KeyboardInterrupt, DiskFull):
            under_way = model.pop("under way")  # type: ignore[call-overload]
            acknowledged, model = model, contents(store)
            assert model in (under_way, acknowledged)
        volume.hook = None
        more: list[Operation] = [(PUT, SPACE, b"after", b"wards")]
        store.commit(more, 1)
        apply_to(model, more)
        assert_holds(store, model)
        store.close()
        assert_kept(inner, model, None)


def test_a_failed_sync_is_not_hidden() -> None:
    failures = 0
    for chosen in range(1, CALLS + 1):

        def hook(number: int, call: str, name: str, chosen: int = chosen) -> None:
            if number == chosen and call == "sync" and name.startswith("journal/"):
                raise StorageError("the disk said no", path=name)

        inner = MemoryVolume()
        volume = WatchedVolume(inner)
        store = open_on(volume, **SMALL)
        witness = open_on(WatchedVolume(inner), **SMALL)
        volume.forget_calls()
        volume.hook = hook
        model: Model = {}
        try:
            work(store, model)
            store.close()
        except (CommitOutcomeUnknown, StoreFailed):
            # The second where the sync was a checkpoint's: its commit was durable before.
            failures += 1
            under_way = model.pop("under way")  # type: ignore[call-overload]
            with pytest.raises(StoreFailed):
                store.commit([(PUT, SPACE, b"k", b"v")], 1)
            with pytest.raises(StoreFailed):
                contents(store)
            abandon(store)
            assert contents(witness) in (model, under_way)
            witness.commit([(PUT, SPACE, b"by another", b"hand")], 1)
            model = contents(witness)
            assert model.pop(b"by another") == b"hand"
        else:
            model = contents(witness)
        witness.close()
        store = open_on(inner, **SMALL)
        found = contents(store)
        found.pop(b"by another", None)
        assert found == model
        store.close()
    assert failures > 20
