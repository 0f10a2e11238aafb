"""Groups of commits: those that wait together, and go to the journal with one sync."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Protocol

from dynafile.errors import InvalidArgument
from dynafile.store.format import MAX_RECORD_BYTES, Operation
from dynafile.store.view import View

Prepare = Callable[[View], list[Operation]]
"""Looks at the state under the lock and returns what to write; an exception refuses the commit."""


class Commit:
    """One commit that waits in a group."""

    __slots__ = ("done", "durable", "error", "lock_timeout", "operations", "prepare", "schema")

    def __init__(
        self,
        operations: list[Operation],
        prepare: Prepare | None,
        schema: int,
        lock_timeout: float,
        *,
        durable: bool,
    ) -> None:
        self.operations = operations
        self.prepare = prepare
        self.schema = schema
        self.lock_timeout = lock_timeout
        self.durable = durable
        self.error: BaseException | None = None
        self.done = False


class Group:
    """Commits that wait together, until one of their threads has the lock, and makes them all.

    Each group has a lock of its own, so that a thread whose commit is done does not wait for those
    that come later. Rejected: one lock for all. A thread that commits in a loop takes it again
    before those that it committed for have woken, and goes on alone, a sync for each commit.
    """

    __slots__ = ("commits", "lock")

    def __init__(self) -> None:
        self.commits: list[Commit] = []
        self.lock = threading.Lock()


class Maintenance(Protocol):
    """What the writer lets happen under the lock, beside commits."""

    def complete(self) -> None:
        """Make a checkpoint now."""

    def after_commit(self, written: int) -> int:
        """Do a little work for ``written`` bytes; return the LSN to be called at next."""


def too_large(size: int) -> InvalidArgument:
    """Return the error of a commit that no record can hold."""
    return InvalidArgument(
        f"a commit of {size} bytes is over the limit of {MAX_RECORD_BYTES}: split it, or give "
        f"batch_writer a flush_items="
    )
