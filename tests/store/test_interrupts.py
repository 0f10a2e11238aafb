"""Ctrl-C at any moment: the store stays usable, and a commit is there wholly or not at all."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest
from store.interrupts import finishes, interrupt
from store.simulated import PoweredVolume
from store.stores import (
    SPACE,
    abandon,
    assert_holds,
    contents,
    key,
    open_folder,
    open_on,
    put,
    schema,
)

from dynafile.errors import CommitOutcomeUnknown
from dynafile.store.format import CLEAR, DELETE, PUT, Operation
from dynafile.store.registry import open_store
from dynafile.store.store import Options

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from dynafile.store.store import Store

BEFORE = {key(number): b"before" for number in range(8)}
MANY = {key(number, "x"): bytes(60) for number in range(60)}


def one(number: int) -> list[Operation]:
    return [(PUT, SPACE, key(number), b"after")]


def several(number: int) -> list[Operation]:
    return [*one(number), (DELETE, SPACE, key(1), b""), (PUT, SPACE, key(101), b"new")]


def everything(number: int) -> list[Operation]:
    return [(CLEAR, SPACE, b"", b""), *((PUT, SPACE, k, v) for k, v in MANY.items())]


def outcome(operations: list[Operation]) -> dict[bytes, bytes]:
    after = dict(BEFORE)
    for kind, _, k, value in operations:
        if kind == PUT:
            after[k] = value
        elif kind == DELETE:
            after.pop(k, None)
        else:
            after.clear()
    return after


def memory() -> Store:
    return open_store(None, Options(), schema)


def on_volume() -> Store:
    return open_on(PoweredVolume(), partition_bytes=500, checkpoint_bytes=600)


def assert_usable(store: Store, model: dict[bytes, bytes]) -> None:
    """Read and write from another thread, which no mutex that was left locked may stop."""
    finishes(lambda: assert_holds(store, model))
    finishes(lambda: put(store, (key(7, "next"), b"next")))
    finishes(lambda: assert_holds(store, {**model, key(7, "next"): b"next"}))


@pytest.mark.parametrize("make", [memory, on_volume])
@pytest.mark.parametrize("operations", [one(0), several(0), everything(0)], ids=["1", "3", "61"])
@pytest.mark.parametrize("queued", [False, True], ids=["alone", "queued"])
def test_interrupted_commit(
    make: Callable[[], Store], operations: list[Operation], queued: bool
) -> None:
    """At every chance in a commit, with the checkpoint and the splits that it brings about."""
    prepare = (lambda _: operations) if queued else None
    outcomes = [BEFORE, outcome(operations)]
    step = 1
    while True:
        store = make()
        put(store, *BEFORE.items())
        more = interrupt(lambda store=store: store.commit(operations, 1, prepare), step)  # type: ignore[misc]
        found = finishes(lambda store=store: contents(store))  # type: ignore[misc]
        assert found in outcomes, f"half a commit after step {step}"
        assert_usable(store, found)
        if not more:
            assert found == outcomes[1]
            finishes(store.close)
            break
        if store.replica.journal is not None and step % 5 == 0:
            volume = store.volume
            abandon(store)
            store = open_on(volume)
            assert_holds(store, {**found, key(7, "next"): b"next"})
        finishes(store.close)
        step += 1
    assert step > 20


def test_interrupted_commit_to_files(tmp_path: Path) -> None:
    """The same over the file lock and real descriptors."""
    store = open_folder(tmp_path / "db")
    put(store, *BEFORE.items())
    model = dict(BEFORE)
    step = 1
    while True:
        k, value = key(step % 8), b"%d" % step
        more = interrupt(lambda k=k, value=value: put(store, (k, value), durable=False), step)  # type: ignore[misc]
        found = finishes(lambda: contents(store))
        assert found in (model, {**model, k: value})
        model = found
        finishes(lambda: put(store, (key(9), b""), durable=False))
        model[key(9)] = b""
        if not more:
            break
        step += 1
    other = open_folder(tmp_path / "db")  # nobody holds the lock
    assert_holds(other, model)
    other.close()
    finishes(lambda: assert_holds(store, model))
    finishes(store.close)
    assert step > 50


def test_interrupted_checkpoint() -> None:
    step, stride = 1, 7
    while True:
        volume = PoweredVolume()
        store = open_on(volume, partition_bytes=500)
        put(store, *BEFORE.items())
        put(store, *MANY.items())
        model = {**BEFORE, **MANY}
        more = interrupt(store.checkpoint, step)
        assert_usable(store, model)
        model[key(7, "next")] = b"next"
        abandon(store)
        again = open_on(volume)
        assert_holds(again, model)
        again.close()
        if not more:
            break
        step += stride
    assert step > 100 * stride


def test_interrupted_catching_up() -> None:
    """A reader that is interrupted while it reads the map again must not serve half of one.

    It took the maps, emptied for a start, for those of the LSN it had before, gave empty answers,
    and its next checkpoint removed every folder that they did not name.
    """
    volume = PoweredVolume()
    writer = open_on(volume, partition_bytes=500)
    put(writer, *MANY.items())
    writer.checkpoint()
    model = dict(MANY)
    step = 1
    while True:
        reader = open_on(volume, partition_bytes=500)
        for number in range(3):
            model[key(step, f"{number}")] = b"more"
            put(writer, (key(step, f"{number}"), b"more"))
            writer.checkpoint()  # the reader falls behind the oldest segment
        more = interrupt(lambda reader=reader: contents(reader) and None, step)  # type: ignore[misc]
        assert finishes(lambda reader=reader: contents(reader)) == model  # type: ignore[misc]
        finishes(reader.checkpoint)
        finishes(reader.close)
        if not more:
            break
        step += 1 if step < 60 else 23
    assert_holds(writer, model)
    writer.close()
    assert step > 100


def test_interrupted_leader(tmp_path: Path) -> None:
    """The commits of the threads that wait behind an interrupted one end with an answer.

    A commit that its leader had taken out of the queue and not begun was neither made nor refused,
    and its thread was told that all is well.
    """
    step = 1
    while True:
        store = open_on(PoweredVolume())
        put(store, *BEFORE.items())
        model = dict(BEFORE)
        begun, answers = threading.Event(), {}

        def follow(number: int, store: Store = store, answers: dict[int, object] = answers) -> None:
            begun.wait()
            try:
                put(store, (key(number, "thread"), b""))
                answers[number] = True
            except CommitOutcomeUnknown:
                answers[number] = None

        def lead(store: Store = store) -> None:
            def prepare(_: object) -> list[Operation]:
                begun.set()
                return one(0)

            store.commit([], 1, prepare)

        threads = [threading.Thread(target=follow, args=(number,)) for number in range(2)]
        for thread in threads:
            thread.start()
        queue = store._writer._queue
        with store._writer.mutex:
            begun.set()
            while len(queue) < 2:
                pass
        more = interrupt(lead, step)
        for thread in threads:
            thread.join(10)
            assert not thread.is_alive()
        found = finishes(lambda store=store: contents(store))  # type: ignore[misc]
        for number, answer in answers.items():
            if answer:
                assert found.pop(key(number, "thread"), None) == b""
            else:
                found.pop(key(number, "thread"), None)
        assert len(answers) == 2
        assert found in (model, {**model, key(0): b"after"})
        finishes(store.close)
        if not more:
            break
        step += 1
