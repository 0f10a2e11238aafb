"""Calling callbacks: a few threads for all who listen, and more while some callbacks take long.

A thread for each who listens was there before: where 200 hear of each write, most of the time went
into waking threads, and the last of them was told ten times as late.
"""

from __future__ import annotations

import os
import threading
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import Final

__all__ = ["Turns"]

_PATIENCE: Final = 0.01
"""Seconds after which it is looked whether those who wait for a turn wait for slow callbacks."""
_FEW: Final = 10
"""Callbacks are slow where a thread has ended fewer turns in that time: each takes over 1 ms."""
_SPARE: Final = 4
"""Threads that stay when there is nothing to do."""


class _Pool:
    """Gives turns in the order in which they are asked for.

    As a rule one thread does it. Another watches that turns end; where they take long, twice as
    many threads may give them, and so on, until nobody waits. So 200 callbacks that block begin
    within a tenth of a second, and delay nobody for longer; callbacks that are quick have one
    thread, as more of them would only take the interpreter's lock from each other.
    """

    def __init__(self) -> None:
        # Within either lock the garbage collector may run what closes somebody's subscription.
        self._mutex = threading.RLock()
        self._changed = threading.Condition(self._mutex)
        self._waiting: deque[Turns] = deque()
        self._threads = 0
        self._busy = 0
        """So many threads give turns."""
        self._most = 1
        """So many may."""
        self._ended = 0
        self._watched = False

    def add(self, turns: Turns) -> None:
        with self._mutex:
            if not self._threads:
                self._start()
            self._waiting.append(turns)
            if len(self._waiting) == 1 and not (self._busy == self._most and self._watched):
                self._changed.notify()

    def _start(self) -> None:
        thread = threading.Thread(target=self._work, name="dynafile listener", daemon=True)
        thread.start()
        self._threads += 1

    def _start_more(self, count: int) -> None:
        """Have so many threads in all, or as many as the system gives."""
        with suppress(RuntimeError):
            while self._threads < count:
                self._start()

    def _work(self) -> None:
        while (turns := self._first()) is not None:
            while turns is not None:
                turns.give()
                turns = self._next()

    def _next(self) -> Turns | None:
        """Return who is next; None: nobody waits, and this thread is not busy any more."""
        with self._mutex:
            self._ended += 1
            if self._waiting:
                return self._waiting.popleft()
            self._busy -= 1
            # Those that are busy may be stuck: another one is let in beside them.
            self._most = min(self._most, self._busy + 1)
            return None

    def _first(self) -> Turns | None:
        """Wait until this thread is to give a turn; return None where it is one too many."""
        with self._mutex:
            while not (self._waiting and self._busy < self._most):
                if self._threads - self._busy > _SPARE:
                    self._threads -= 1
                    self._changed.notify()  # it may have been this one that was to watch
                    return None
                if self._busy and not self._watched:
                    self._watch()
                else:
                    self._changed.wait()
            self._busy += 1
            self._start_more(self._busy + 1)
            turns = self._waiting.popleft()
            if self._waiting and not self._watched:
                self._changed.notify()
            return turns

    def _watch(self) -> None:
        """Look for a while whether turns end; with the lock held, which is let go meanwhile."""
        ended, self._watched = self._ended, True
        self._mutex.release()
        try:
            time.sleep(_PATIENCE)
        finally:
            self._mutex.acquire()
            self._watched = False
        if self._waiting and self._ended - ended < _FEW * self._busy:
            self._most = self._busy + min(self._busy, len(self._waiting))
            self._start_more(self._most + 1)
            self._changed.notify(self._most)


class Turns:
    """The turns of one who listens: never two at a time, and one after the last that was asked."""

    def __init__(self, turn: Callable[[], None]) -> None:
        """Have ``turn`` called, which raises nothing."""
        self._turn = turn
        self._mutex = threading.RLock()
        self._changed = threading.Condition(self._mutex)
        self._asked = False
        self._thread: threading.Thread | None = None
        """Which gives it its turn now."""

    def ask(self) -> None:
        """Ask for a turn, from any thread."""
        with self._mutex:
            if self._asked:
                return
            self._asked = True
            if self._thread is not None:
                return  # :meth:`give` looks for it
        _pool.add(self)

    def give(self) -> None:
        """Take the turn now."""
        with self._mutex:
            self._asked, self._thread = False, threading.current_thread()
        self._turn()
        with self._mutex:
            self._thread = None
            self._changed.notify_all()
            again = self._asked
        if again:
            _pool.add(self)

    def wait(self) -> None:
        """Wait until no turn is being taken, unless this is called from within it."""
        with self._mutex:
            while self._thread not in (None, threading.current_thread()):
                self._changed.wait()


_pool = _Pool()


def _begin_anew() -> None:
    """Forget the threads of the parent, which a forked child has not."""
    global _pool
    _pool = _Pool()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_begin_anew)
