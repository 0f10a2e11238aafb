"""The builder: puts sorted entries into a keyspace, partition by partition, beside its writers."""

from __future__ import annotations

import time
from bisect import bisect_left
from collections.abc import Callable, Iterator
from itertools import islice
from typing import Final, Protocol

from dynafile.store.checkpointer import Checkpointer
from dynafile.store.format import PUT, Operation
from dynafile.store.group import Prepare
from dynafile.store.partition import ENTRY_OVERHEAD
from dynafile.store.partition_map import Keyspace
from dynafile.store.replica import MOST_READ, Replica
from dynafile.store.snapshot import Entries
from dynafile.store.sorter import UNINTERRUPTED
from dynafile.store.view import View
from dynafile.store.writer import SchemaChanged

Pair = tuple[bytes, bytes]

FIRST_STEP_BYTES: Final = 256 * 1024
MOST_STEP_BYTES: Final = 2 * 1024 * 1024
STEP_SECONDS: Final = 0.012
"""What a step is meant to take under the lock. A writer waits for one, now and then."""
MEMORY_STEP: Final = 512

Taken = dict[bytes, bytes]
"""Entries of a step, sorted. The garbage collector passes a dict of bytes by; a list of pairs would
have it walk through everything that the process holds, while writers wait.
"""


class Builder:
    """Merges entries that were derived from an older state into a keyspace that has writers.

    Whoever writes to the keyspace also notes in ``gone`` what it deletes there; so a key that is in
    neither has not been touched since, and what was derived for it still holds. Entries go into
    snapshots of new partitions at once, and not through the journal: one record a step says that
    they take the place of an old one, as for a split.
    """

    def __init__(
        self, replica: Replica, checkpointer: Checkpointer, keyspace: Keyspace, gone: Keyspace
    ) -> None:
        self._replica = replica
        self._checkpointer = checkpointer
        self._keyspace = keyspace
        self._gone = gone
        self._step_bytes = FIRST_STEP_BYTES
        self._left: Taken = {}
        self._last = False

    @property
    def left(self) -> int:
        """How many entries of the last step the next one begins with."""
        return len(self._left)

    def take(self, entries: Iterator[Pair], give_way: Callable[[], None]) -> Taken:
        """Return the entries of the next step, with those that the last one left; none: done."""
        taken, self._left = self._left, {}
        size = self._step_bytes
        for key, value in entries:
            taken[key] = value
            size -= len(key) + len(value) + ENTRY_OVERHEAD
            if not len(taken) % UNINTERRUPTED:
                give_way()
            if size <= 0:
                break
        else:
            self._last = True
        return taken

    def step(self, taken: Taken) -> None:
        """Merge some entries. Called under the writer's lock; raises SchemaChanged."""
        start = time.perf_counter()
        at, keys = 0, list(taken)
        while at < len(keys):
            at = self._merge(taken, keys, at)
        elapsed = max(time.perf_counter() - start, 1e-4)
        wanted = int(self._step_bytes * STEP_SECONDS / elapsed)
        least = 2 * self._checkpointer.partition_bytes
        self._step_bytes = max(least, min(wanted, 2 * self._step_bytes, MOST_STEP_BYTES))

    def _merge(self, taken: Taken, keys: list[bytes], at: int) -> int:
        """Merge what belongs to one partition; return where to go on."""
        replica, keyspace = self._replica, self._keyspace
        if keyspace.dropped or self._gone.dropped:
            raise SchemaChanged
        with replica.mutex:
            part, entries = replica.entries_at(keyspace, keys[at])
            following = keyspace.next_of(part)
            if following is not None and not following.resolved:
                replica.entries_at(keyspace, following.begin)
                return at  # now it is known where it begins
        stop = len(keys)
        if following is not None:
            stop = bisect_left(keys, following.begin, at)
        gone = self._gone_between(keys[at], keys[stop - 1])
        fresh = {key: taken[key] for key in keys[at:stop] if key not in entries and key not in gone}
        if not fresh:
            return stop
        merged = Entries(entries)
        merged.update(fresh)
        if stop < len(keys) or self._last:
            self._checkpointer.rebuild(keyspace, part, merged, through=None)
            return stop
        rest = self._checkpointer.rebuild(keyspace, part, merged, through=keys[-1])
        cut = at if rest is None else bisect_left(keys, rest, at)
        self._left = {key: taken[key] for key in keys[cut:]}
        if rest is None:
            self._step_bytes *= 2
        return stop

    def _gone_between(self, low: bytes, high: bytes) -> set[bytes]:
        found: set[bytes] = set()
        bound: bytes | None = low
        while bound is not None:
            keys, _, bound = self._replica.read_range(self._gone, bound, high + b"\0", MOST_READ)
            found.update(keys)
        return found


class CommitFunction(Protocol):
    """How a prepared commit is made; see :meth:`Writer.commit`."""

    def __call__(
        self,
        operations: list[Operation],
        prepare: Prepare | None,
        schema: int,
        lock_timeout: float,
        durable: bool,
    ) -> None:
        """Commit, or raise what refused it."""


def build_in_memory(
    replica: Replica,
    commit: CommitFunction,
    keyspace: Keyspace,
    gone: Keyspace,
    entries: Iterator[Pair],
    built: Callable[[int], None],
) -> None:
    """Do what the builder does for a store without files, by commits."""
    done = 0
    while pairs := list(islice(entries, MEMORY_STEP)):

        def prepare(view: View) -> list[Operation]:
            if keyspace.dropped or gone.dropped:
                raise SchemaChanged
            return [
                (PUT, keyspace.id, key, value)
                for key, value in pairs
                if view.get(keyspace, key) is None and view.get(gone, key) is None
            ]

        while True:
            try:
                commit([], prepare, replica.schema.version, 0.0, False)
            except SchemaChanged:
                if keyspace.dropped or gone.dropped:
                    raise
                continue  # another change; it does not concern these keyspaces
            break
        done += len(pairs)
        built(done)
