"""A claim on a file: a named lock for work that takes long, which dies with its process."""

from __future__ import annotations

import contextlib
import os
import random
import time
import weakref
from collections.abc import Callable
from typing import Final

from filelock import lock_descriptor, unlock_descriptor

from dynafile.errors import LockTimeout, StorageError

_FLAGS: Final = os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
_held: weakref.WeakSet[FileClaim] = weakref.WeakSet()


class FileClaim:
    """A lock on a file of its own, that is there while somebody has the lock.

    Each object has a descriptor of its own, so that two of them exclude one another within a
    process too. The file goes before the lock does; so a lock on a file that is no longer at its
    path is none, and who got one tries again. A file that a dead process left is locked by nobody.
    """

    def __init__(
        self, path: str, work: str, translated: Callable[[OSError, str], StorageError]
    ) -> None:
        self._path = path
        self._work = work
        self._translated = translated
        self._descriptor = -1

    def acquire(self, timeout: float) -> None:
        """Take the claim, trying for ``timeout`` seconds, 0: once; raises LockTimeout."""
        deadline = time.monotonic() + timeout
        try:
            while not self._take():
                if time.monotonic() >= deadline:
                    raise self._timed_out(timeout)
                time.sleep(random.uniform(0.005, 0.02))
        except StorageError:
            raise
        except OSError as error:
            raise self._translated(error, self._path) from error

    def _take(self) -> bool:
        while True:
            descriptor = os.open(self._path, _FLAGS, 0o666)
            try:
                if not lock_descriptor(descriptor, blocking=False):
                    return False
                if self._names(descriptor):
                    os.ftruncate(descriptor, 0)
                    os.write(descriptor, b"%d\n" % os.getpid())
                    self._descriptor, descriptor = descriptor, -1
                    _held.add(self)
                    return True
            finally:
                if descriptor >= 0:
                    os.close(descriptor)

    def _names(self, descriptor: int) -> bool:
        """Say whether the path still names the file that is open here."""
        try:
            return os.path.samestat(os.fstat(descriptor), os.stat(self._path))
        except FileNotFoundError:
            return False

    def release(self) -> None:
        """Let go of the claim; harmless where it is not held."""
        descriptor, self._descriptor = self._descriptor, -1
        if descriptor < 0:
            return
        _held.discard(self)
        try:
            with contextlib.suppress(OSError):  # Windows removes no file that is open
                if self._names(descriptor):
                    os.unlink(self._path)
            # By name: a fork that has not got to its own code yet has the descriptor too.
            unlock_descriptor(descriptor)
        finally:
            os.close(descriptor)

    def forget(self) -> None:
        """Close what a fork inherited, and leave the lock to the parent."""
        descriptor, self._descriptor = self._descriptor, -1
        if descriptor >= 0:
            os.close(descriptor)

    def _timed_out(self, timeout: float) -> LockTimeout:
        pid = self._holder()
        return LockTimeout(
            f"{os.path.dirname(self._path)}: process {pid or '(unknown)'} has been at the "
            f"{self._work} for over {timeout:g} seconds: let it finish or end it, or open with a "
            f"longer lock_timeout",
            path=self._path,
            pid=pid,
        )

    def _holder(self) -> int | None:
        try:
            with open(self._path, "rb") as file:
                return int(file.read(20))
        except (OSError, ValueError):  # Windows lets nobody read what is locked
            return None


def _after_fork_in_child() -> None:
    for claim in list(_held):
        claim.forget()
    _held.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork_in_child)
