"""The builder: puts sorted entries into a keyspace, partition by partition, beside its writers."""

from __future__ import annotations

import contextlib
from bisect import bisect_left
from collections.abc import Callable, Iterator
from itertools import islice
from typing import Final, Protocol

from dynafile.store.format import PUT, Operation
from dynafile.store.group import Prepare
from dynafile.store.journal import Journal
from dynafile.store.partition import ENTRY_OVERHEAD, cut_points, pieces_of
from dynafile.store.partition_map import Keyspace
from dynafile.store.position import END
from dynafile.store.replacement import (
    Hold,
    Moment,
    Outdated,
    Replacement,
    moment_of,
    new_partition,
    remainder,
)
from dynafile.store.replica import MOST_READ, Replica
from dynafile.store.snapshot import Entries
from dynafile.store.sorter import UNINTERRUPTED
from dynafile.store.view import View
from dynafile.store.writer import SchemaChanged, Writer

Pair = tuple[bytes, bytes]

STEP_BYTES: Final = 1024 * 1024
"""What a step takes at a time: some partitions, which share their waiting for the disk."""
BUILT_SHARE: Final = 0.85
"""How full partitions are where a whole keyspace is built in order."""
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
        self,
        replica: Replica,
        journal: Journal,
        writer: Writer,
        keyspace: Keyspace,
        gone: Keyspace,
        *,
        partition_bytes: int,
        hold: Hold,
        give_way: Callable[[], None],
    ) -> None:
        self._replica = replica
        self._journal = journal
        self._writer = writer
        self._keyspace = keyspace
        self._gone = gone
        self._piece_bytes = int(partition_bytes * BUILT_SHARE)
        self._hold = hold
        self._give_way = give_way
        self._step_bytes = max(STEP_BYTES, 2 * partition_bytes)
        self._left: Taken = {}
        self._last = False

    @property
    def left(self) -> int:
        """How many entries of the last step the next one begins with."""
        return len(self._left)

    def take(self, entries: Iterator[Pair]) -> Taken:
        """Return the entries of the next step, with those that the last one left; none: done."""
        taken, self._left = self._left, {}
        size = self._step_bytes
        for key, value in entries:
            taken[key] = value
            size -= len(key) + len(value) + ENTRY_OVERHEAD
            if not len(taken) % UNINTERRUPTED:
                self._give_way()
            if size <= 0:
                break
        else:
            self._last = True
        return taken

    def step(self, taken: Taken) -> None:
        """Merge some entries. Called with no lock held; raises SchemaChanged."""
        at, keys = 0, list(taken)
        while at < len(keys):
            with contextlib.suppress(Outdated):  # somebody split or folded it: once more
                at = self._merge(taken, keys, at)

    def _merge(self, taken: Taken, keys: list[bytes], at: int) -> int:
        """Merge what belongs to one partition; return where to go on."""
        old, stop, gone = self._look(keys, at)
        fresh = {
            key: taken[key] for key in keys[at:stop] if key not in old.entries and key not in gone
        }
        if not fresh:
            return stop
        self._give_way()
        merged = Entries(old.entries)
        merged.update(fresh)
        self._give_way()
        points, _ = cut_points(merged, self._piece_bytes, len(merged))
        more = stop == len(keys) and not self._last
        if more:
            points = [point for point in points if point <= keys[-1]]
            if not points:
                self._left = {key: taken[key] for key in keys[at:]}
                self._step_bytes *= 2
                return stop
        self._give_way()
        pieces = pieces_of(merged, points)
        news = [
            new_partition(old, begin, entries)
            for begin, entries in zip([old.part.begin, *points], pieces, strict=True)
        ]
        if more:
            # What is left gets a snapshot too, even if it is empty: without one only the journal
            # would know where the piece before it ends, and a checkpoint would take that away.
            news[-1] = remainder(old, points[-1])
        self._give_way()
        Replacement(self._replica, self._journal, self._writer, old, news).make(self._hold)
        if more:
            self._left = {key: taken[key] for key in keys[bisect_left(keys, points[-1], at) :]}
        return stop

    def _look(self, keys: list[bytes], at: int) -> tuple[Moment, int, set[bytes]]:
        """Return a partition, how many of the keys are before its end, and which of them are gone.

        All as of one LSN.
        """
        replica, keyspace = self._replica, self._keyspace
        with replica.mutex:
            if replica.words[END] != replica.lsn:
                replica.catch_up()
            while True:
                if keyspace.dropped or self._gone.dropped:
                    raise SchemaChanged
                lsn = replica.lsn
                part, entries = replica.entries_at(keyspace, keys[at])
                following = keyspace.next_of(part)
                if following is not None and not following.resolved:
                    replica.entries_at(keyspace, following.begin)
                    continue  # now it is known where it begins
                stop = len(keys)
                if following is not None:
                    stop = bisect_left(keys, following.begin, at)
                gone = self._gone_between(keys[at], keys[stop - 1])
                if lsn == replica.lsn:  # else a partition was loaded that is newer than the rest
                    return moment_of(replica, keyspace, part, entries), stop, gone

    def _gone_between(self, low: bytes, high: bytes) -> set[bytes]:
        found: set[bytes] = set()
        bound: bytes | None = low
        while bound is not None:
            keys, _, bound = self._replica.read_range(
                self._gone, bound, high + b"\0", MOST_READ, as_it_is=True
            )
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
