"""Callbacks are called by a few threads: in order, and nobody waits for one that takes long."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from documents.conftest import WITHIN, Told

from dynafile import documents
from dynafile.documents.calling import Turns

if TYPE_CHECKING:
    from collections.abc import Callable

doc = documents.doc

MANY = 200


def threads() -> int:
    return sum(each.name == "dynafile listener" for each in threading.enumerate())


def wait_until(holds: Callable[[], object]) -> None:
    deadline = time.monotonic() + WITHIN
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.002)


class Counted:
    """Somebody who counts what is there at each turn, and fails where two turns come together."""

    def __init__(self, turn: Callable[[], object] = lambda: None) -> None:
        self._in_turn = threading.Lock()
        self._turn = turn
        self.there = 0
        self.seen = 0
        self.together = False
        self.turns = Turns(self._take)

    def _take(self) -> None:
        if not self._in_turn.acquire(blocking=False):
            self.together = True
            return
        self.seen = self.there
        self._turn()
        self._in_turn.release()

    def add(self) -> None:
        self.there += 1
        self.turns.ask()


def test_turns_come_one_by_one_and_one_after_the_last_that_was_asked() -> None:
    rng = random.Random(1)
    slow = [Counted(lambda: time.sleep(rng.random() / 500)) for _ in range(5)]
    all_ = [*slow, *(Counted() for _ in range(45))]

    def ask(seed: int) -> None:
        order = random.Random(seed)
        for _ in range(400):
            order.choice(all_).turns.ask()

    askers = [threading.Thread(target=ask, args=(seed,)) for seed in range(4)]
    for asker in askers:
        asker.start()
    for _ in range(100):
        for each in all_:
            each.add()
    for asker in askers:
        asker.join()
    wait_until(lambda: all(each.seen == each.there for each in all_))
    assert not any(each.together for each in all_)


@pytest.mark.parametrize("count", [1, 3, MANY])
def test_those_that_block_delay_nobody(count: int) -> None:
    go_on = threading.Event()
    blocked = [Counted(go_on.wait) for _ in range(count)]
    others = [Counted() for _ in range(MANY)]
    try:
        for _ in range(3):
            for each in (*blocked, *others):
                each.add()
            wait_until(lambda: all(each.seen == each.there for each in others))
        wait_until(lambda: all(each.seen for each in blocked))
        assert {each.seen for each in blocked} == {1}
    finally:
        go_on.set()
    wait_until(lambda: all(each.seen == 3 for each in blocked))
    assert not any(each.together for each in blocked)


def test_those_that_wait_for_each_other_are_called_together() -> None:
    barrier = threading.Barrier(MANY)
    together = [Counted(lambda: barrier.wait(WITHIN)) for _ in range(MANY)]
    for each in together:
        each.add()
    wait_until(lambda: all(each.seen for each in together))
    assert not barrier.broken


def test_threads_end_that_are_not_needed_any_more() -> None:
    go_on = threading.Event()
    blocked = [Counted(go_on.wait) for _ in range(50)]
    for each in blocked:
        each.add()
    wait_until(lambda: all(each.seen for each in blocked))
    assert threads() >= 50
    go_on.set()
    wait_until(lambda: threads() <= 4)


def test_one_that_is_waited_for_is_not_in_its_turn() -> None:
    begun, ended = threading.Event(), []

    def turn() -> None:
        begun.set()
        time.sleep(0.05)
        ended.append(True)
        counted.turns.wait()  # from within it waits for nothing

    counted = Counted(turn)
    counted.turns.wait()  # nor where there is none
    counted.add()
    assert begun.wait(WITHIN)
    counted.turns.wait()
    assert ended


# -- those who listen -----------------------------------------------------------------------------


def test_a_callback_that_blocks_keeps_no_other_from_being_told(db: documents.Montybase) -> None:
    users, go_on = doc(db, "users"), threading.Event()
    slow, told = Told(), [Told() for _ in range(MANY)]

    def block(change: Any) -> None:
        go_on.wait()
        slow(change)

    watches = [users.on_snapshot(block) for _ in range(5)]
    watches += [users.on_snapshot(each) for each in told]
    for number in range(10):
        users.append("x").set({"n": number})
        told[-1].wait_for_changes(number + 2)
    for each in told:
        each.wait_for_changes(11)
    assert not slow.changes
    go_on.set()
    slow.wait_for_changes(5 * 11)
    for watch in watches:
        watch.unsubscribe()
    assert [change.value for change in told[0].changes[1:]] == [{"n": n} for n in range(10)]


def test_a_callback_that_wants_to_exit_ends_itself_alone(
    db: documents.Montybase, caplog: pytest.LogCaptureFixture
) -> None:
    def leave(change: Any) -> None:
        raise SystemExit

    users, told = doc(db, "users"), Told()
    leaving, watch = users.on_snapshot(leave), users.on_snapshot(told)
    told.wait_for_changes(1)
    for number in range(3):
        users.append("x").set({"n": number})
        told.wait_for_changes(number + 2)
    assert caplog.text.count("is told no more") == 1
    leaving.unsubscribe()
    watch.unsubscribe()


FORKED = """
import os, sys, threading
from dynafile.documents import Montybase, doc

def told(path):
    came = threading.Event()
    with Montybase(path) as db, doc(db, "a").on_snapshot(lambda change: came.set()):
        return came.wait(20)

assert told(sys.argv[1])
child = os.fork()
if child == 0:
    os._exit(0 if told(sys.argv[2]) else 1)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the system has no fork")
def test_a_forked_child_has_threads_of_its_own(tmp_path: Path) -> None:
    command = [sys.executable, "-W", "ignore", "-c", FORKED, tmp_path / "one", tmp_path / "other"]
    subprocess.run(command, check=True, timeout=3 * WITHIN)
