"""Histories that threads play, and their checker: could they have been made one after the other?

It looks for the moments at which they took effect as Wing and Gong do (Testing and Verifying Concurrent
Objects, 1993), with Lowe's memory of what it has tried (Testing for Linearizability, 2017).
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Any

from api.worker import Played

Play = Callable[[Any, str, list[str], int], list[Played]]
"""Does so many operations on items of the places, as its name draws them; returns what came of it."""


def played_in_threads(
    play: Play, db: Any, names: str, places: list[str], count: int
) -> list[Played]:
    """Play in a thread for each name; they take turns within operations, not after many of them.

    They begin together, and need so many operations that a busy machine cannot run them in a row:
    250 in memory are over before it has looked at another thread.
    """
    played: list[Played] = []
    failures: list[BaseException] = []
    together = threading.Barrier(len(names))

    def work(name: str) -> None:
        try:
            together.wait(60)
            played.extend(play(db, name, places, count))
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=work, args=(name,)) for name in names]
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
    finally:
        sys.setswitchinterval(before)
    assert not failures
    assert not any(thread.is_alive() for thread in threads)
    return played


@dataclass(frozen=True)
class Operation:
    """One operation: when it began and ended, what was asked, and what came of it."""

    begin: int
    end: int
    name: str
    asked: tuple[Any, ...] = ()
    result: Any = None


After = Callable[[Operation, Any], tuple[bool, Any]]
"""Says whether an operation could have had its result in a state, and what it makes of the state."""


def is_linearizable(history: list[Operation], start: Hashable, after: After) -> bool:
    """Say whether the operations can be put into an order, beginning with the state ``start``.

    An operation may come next if none of those left was over before it began.
    """
    operations = sorted(history, key=lambda operation: operation.begin)
    whole = (1 << len(operations)) - 1
    tried: set[tuple[int, Any]] = {(0, start)}
    ways: list[tuple[int, Any]] = [(0, start)]
    while ways:
        done, state = ways.pop()
        if done == whole:
            return True
        soonest: float = float("inf")
        at = (~done & (done + 1)).bit_length() - 1  # the first that is left
        while at < len(operations) and operations[at].begin <= soonest:
            if not done >> at & 1:
                soonest = min(soonest, operations[at].end)
                possible, new = after(operations[at], state)
                way = (done | 1 << at, new)
                if possible and way not in tried:
                    tried.add(way)
                    ways.append(way)
            at += 1
    return False
