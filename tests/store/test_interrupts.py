"""Ctrl-C at any moment: the store stays usable, and a commit is there wholly or not at all."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

import pytest
from store.interrupts import finishes, interrupt
from store.simulated import PoweredVolume, WatchedVolume
from store.stores import (
    SPACE,
    abandon,
    assert_holds,
    contents,
    get,
    key,
    memory,
    open_folder,
    open_on,
    put,
    waiting,
)

from dynafile.errors import CommitOutcomeUnknown, DiskFull
from dynafile.store.format import CLEAR, DELETE, PUT, Operation

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
        if store.replica.journal is not None and step % 2:
            # Who opens it next must not adopt what nobody here can see.
            volume = store.volume
            abandon(store)
            store = open_on(volume)
            assert contents(store) == found, f"another outcome in the journal after step {step}"
        assert_usable(store, found)
        if not more:
            assert found == outcomes[1]
            finishes(store.close)
            break
        finishes(store.close)
        step += 1 if step < 100 else 17
    assert step > 20


def test_interrupted_commit_to_files(tmp_path: Path) -> None:
    """The same over the file lock and real descriptors; afterwards nobody holds the lock."""
    store = open_folder(tmp_path / "db")
    other = open_folder(tmp_path / "db", lock_timeout=0.05)
    put(store, *BEFORE.items())
    model = dict(BEFORE)
    step = 1
    while True:
        k, value = key(step % 8), b"%d" % step
        more = interrupt(lambda k=k, value=value: put(store, (k, value), durable=False), step)  # type: ignore[misc]
        found = finishes(lambda: contents(store))
        assert found in (model, {**model, k: value})
        model = {**found, key(9): b"%d" % step}
        put(other, (key(9), b"%d" % step), durable=False)
        if not more:
            break
        step += 1
    finishes(lambda: assert_holds(store, model))
    finishes(lambda: assert_holds(other, model))
    finishes(store.close)
    finishes(other.close)
    assert step > 30


def test_interrupted_checkpoint() -> None:
    step, stride = 1, 11
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
    assert step > 50 * stride


def test_interrupted_catching_up() -> None:
    """A reader that is interrupted while it reads the map again must not serve half of one.

    It took maps that were just emptied, and filled again in part, for those of its LSN, gave empty
    answers, and its next checkpoint removed every folder that they did not name.
    """
    inner = PoweredVolume()
    volume = WatchedVolume(inner)
    writer = open_on(volume, partition_bytes=500)
    put(writer, *MANY.items())
    writer.checkpoint()
    # From here on the newest checkpoint is an old one, and partitions are replaced again and again.
    volume.hook = lambda number, call, name: fail_checkpoint(call, name)
    model = dict(MANY)
    step = 1
    while True:
        reader = open_on(inner, partition_bytes=500)  # it knows no partition's true beginning
        for number in range(3):
            k = key(number, f"{step}")
            model[k] = bytes(300)
            put(writer, (k, bytes(300)))
            with pytest.raises(DiskFull):
                writer.checkpoint()
        more = interrupt(lambda reader=reader: get(reader, b"\xff" * 9), step)  # type: ignore[misc]
        assert finishes(lambda reader=reader: contents(reader)) == model  # type: ignore[misc]
        finishes(lambda reader=reader: reader.check(list))  # type: ignore[misc]
        abandon(reader)
        if not more:
            break
        step += 9
    assert_holds(writer, model)
    abandon(writer)
    assert step > 100


def test_interrupted_starting_over() -> None:
    """Of a reader that slept while checkpoints took the segment away where it was."""
    inner = PoweredVolume()
    writer = open_on(WatchedVolume(inner), partition_bytes=500)
    put(writer, *MANY.items())
    model = dict(MANY)
    step, stride, more = 1, 5, True
    while more:
        reader = open_on(WatchedVolume(inner), partition_bytes=500)
        for number in range(2):
            model[key(number)] = b"%d" % step
            put(writer, (key(number), b"%d" % step))
            writer.checkpoint()
        more = interrupt(lambda reader=reader: get(reader, b"\xff" * 9), step)  # type: ignore[misc]
        assert finishes(lambda reader=reader: contents(reader)) == model  # type: ignore[misc]
        finishes(lambda reader=reader: reader.check(list))  # type: ignore[misc]
        abandon(reader)
        step += stride
    writer.close()
    assert step > 20 * stride


def fail_checkpoint(call: str, name: str) -> None:
    if call == "replace" and name == "checkpoint":
        raise DiskFull("full", path=name)


def test_interrupted_leader() -> None:
    """The commits of the threads that wait behind an interrupted one end with an answer.

    A commit that its leader had taken out of the queue and not begun was neither made nor refused,
    and its thread was told that all is well.
    """
    step, more = 0, True
    while more:
        step += 1
        store = open_on(PoweredVolume())
        put(store, *BEFORE.items())
        held, over = threading.Event(), threading.Event()
        answers: dict[int, bool] = {}

        def follow(number: int, store: Store = store, answers: dict[int, bool] = answers) -> None:
            try:
                put(store, (key(number, "thread"), b""))
                answers[number] = True
            except CommitOutcomeUnknown:
                answers[number] = False

        followers = [threading.Thread(target=follow, args=(number,)) for number in range(2)]

        def gather(
            store: Store = store,
            held: threading.Event = held,
            over: threading.Event = over,
            followers: list[threading.Thread] = followers,
        ) -> None:
            """Let the leader wait until the others wait behind it."""
            with store._writer.mutex:
                held.set()
                while not waiting(store) and not over.is_set():
                    time.sleep(0)
                for thread in followers:
                    thread.start()
                while waiting(store) < (2 if over.is_set() else 3):
                    time.sleep(0)

        helper = threading.Thread(target=gather)
        helper.start()
        held.wait()
        more = interrupt(lambda store=store: store.commit([], 1, lambda view: one(0)), step)  # type: ignore[misc]
        over.set()
        for thread in (helper, *followers):
            thread.join(10)
            assert not thread.is_alive()
        found = finishes(lambda store=store: contents(store))  # type: ignore[misc]
        assert len(answers) == 2
        for number, made in answers.items():
            there = found.pop(key(number, "thread"), None)
            assert there == b"" or not made
            assert made or more
        assert found in (BEFORE, {**BEFORE, key(0): b"after"})
        finishes(store.close)
    assert step > 40
