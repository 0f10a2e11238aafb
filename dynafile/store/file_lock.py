"""The writer's lock on an open descriptor: exclusive among processes, and fair."""

from __future__ import annotations

import os
import random
import sys
import threading
import time
from collections.abc import Callable

from filelock import lock_descriptor, unlock_descriptor

from dynafile.errors import LockTimeout
from dynafile.store.position import FIRST_SLOT, HOLDER, SLOTS, WAITING

_block_on: Callable[[int], None] | None = None
"""Takes the lock when the kernel gives it; None where there is only polling."""

if sys.platform != "win32":
    from fcntl import LOCK_EX, flock

    def _flock(descriptor: int) -> None:
        flock(descriptor, LOCK_EX)

    _block_on = _flock

_HANDOVER_SECONDS = 0.0005
_ANNOUNCE_SECONDS = 0.01
_NOBODY = bytes(SLOTS * 8)


class FileLock:
    """A lock on one open descriptor, with the pids of holder and waiters in shared words.

    An uncontended acquire and release cost two system calls. A waiter blocks in ``flock`` in a
    thread of its own, so that a deadline can end the wait and the kernel wakes it at once; where
    there is no ``flock`` it polls every millisecond with jitter. A process that lets go while
    others wait steps back until one of them has it: without that it would win each race against a
    sleeper.

    One thread of the process uses the lock at a time (the committer's mutex sees to that).
    """

    def __init__(self, descriptor: int, words: memoryview, path: str) -> None:
        self._descriptor = descriptor
        self._words = words
        self._slots = words.cast("B")[FIRST_SLOT * 8 :]
        self._path = path
        self._pid = os.getpid()
        self._slot = FIRST_SLOT + self._pid % SLOTS
        self._waiter: _Waiter | None = None

    def acquire(self, timeout: float) -> None:
        """Take the lock; raises :class:`LockTimeout` after ``timeout`` seconds."""
        if self._waiter is not None or not lock_descriptor(self._descriptor, blocking=False):
            self._announce()
            try:
                self._wait(timeout)
            finally:
                self._words[self._slot] = 0
        self._words[HOLDER] = self._pid

    def release(self) -> None:
        """Let go of the lock, and let a waiting process have it before we can take it again."""
        waiter = self._waiter
        if waiter is not None and not waiter.give_up():
            self._waiter = None  # an exception left it there; what it locked is let go of here
        unlock_descriptor(self._descriptor)
        if self._words[WAITING]:
            self._step_back()

    def close(self) -> None:
        """Forget the descriptor: it is about to be closed, and its number may be used again."""
        self._descriptor = -1
        if self._waiter is not None and self._pid == os.getpid():
            self._waiter.close()

    def contended(self) -> bool:
        """Say whether another process is waiting."""
        return bool(self._words[WAITING])

    def _announce(self) -> None:
        """Say that we are waiting, in the order in which :meth:`_step_back` looks."""
        self._words[self._slot] = self._pid
        self._words[WAITING] = 1

    def _step_back(self) -> None:
        deadline = time.perf_counter() + _HANDOVER_SECONDS
        while self._words[HOLDER] == self._pid:
            if time.perf_counter() > deadline:
                # Nobody came: the waiters are dead, or too slow to be waited for.
                self._slots[:] = _NOBODY
                break
            time.sleep(0.00002)
        self._words[WAITING] = 0
        if self._slots != _NOBODY:
            self._words[WAITING] = 1

    def _wait(self, timeout: float) -> None:
        if timeout <= 0 and self._waiter is None:
            raise self._timed_out(timeout)
        if _block_on is None:
            self._poll(timeout)
            return
        # A wait given up earlier may still be queued in the kernel; its lock would be the same lock
        # as ours, so it is taken up again and never left beside a new one.
        waiter = self._waiter
        if waiter is None or not waiter.claim():
            waiter = self._waiter = _Waiter(self._descriptor, _block_on)
        if not waiter.wait(timeout, self._announce):
            raise self._timed_out(timeout)
        self._waiter = None

    def _poll(self, timeout: float) -> None:
        deadline = time.perf_counter() + timeout
        while not lock_descriptor(self._descriptor, blocking=False):
            if time.perf_counter() > deadline:
                raise self._timed_out(timeout)
            time.sleep(random.uniform(0.0002, 0.001))

    def _timed_out(self, timeout: float) -> LockTimeout:
        pid = self._words[HOLDER] or None
        return LockTimeout(
            f"{self._path} is locked by process {pid or '(unknown)'} for over {timeout:g} "
            f"seconds: let it finish or end it, or open with a longer lock_timeout",
            path=self._path,
            pid=pid,
        )


class _Waiter:
    """One blocking ``flock`` in a thread, that can be given up and claimed again."""

    def __init__(self, descriptor: int, block_on: Callable[[int], None]) -> None:
        self._descriptor = descriptor
        self._block_on = block_on
        self._mutex = threading.Lock()
        self._ended = threading.Event()
        self._claimed = True
        self._closed = False
        self._held = False
        self._failed: OSError | None = None
        self._begun = False
        self._thread = threading.Thread(target=self._block, name="dynafile-lock", daemon=True)

    def claim(self) -> bool:
        """Take a given-up wait up again; False where it ended without a lock, or never began."""
        with self._mutex:
            pending = not self._ended.is_set() and self._thread.is_alive()
            self._claimed = self._claimed or pending
            return self._held or pending

    def wait(self, timeout: float, announce: Callable[[], None]) -> bool:
        """Wait until the lock is ours; False after ``timeout``, and it is let go when it comes.

        ``announce`` is called now and then: who lets go may take a slow waiter for a dead one.
        """
        deadline = time.monotonic() + timeout
        try:
            if not self._begun:
                self._begun = True
                self._thread.start()
            while not self._ended.wait(min(_ANNOUNCE_SECONDS, deadline - time.monotonic())):
                if time.monotonic() >= deadline and self.give_up():
                    return False
                announce()
        except BaseException:
            if not self.give_up() and self._held:
                unlock_descriptor(self._descriptor)
                self._held = False
            raise
        if self._failed is not None:
            raise self._failed
        return True

    def give_up(self) -> bool:
        """Return False where the wait had ended before it could be given up."""
        with self._mutex:
            if self._ended.is_set():
                return False
            self._claimed = False
            return True

    def close(self) -> None:
        """Touch the descriptor no more: it is closed, and with it the lock that may come goes."""
        with self._mutex:
            self._closed = True

    def _block(self) -> None:
        try:
            self._block_on(self._descriptor)
        except OSError as error:
            self._failed = error
        with self._mutex:
            if self._failed is None:
                if self._claimed:
                    self._held = True
                elif not self._closed:
                    unlock_descriptor(self._descriptor)
            self._ended.set()
