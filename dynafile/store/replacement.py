"""A replacement: new partitions for the place of one, whose files are written beside writers."""

from __future__ import annotations

import contextlib
from bisect import bisect_right
from collections.abc import Callable
from typing import Final, NamedTuple

from dynafile.errors import StorageError
from dynafile.store.format import (
    RECORD_HEADER_BYTES,
    REPLACE,
    Piece,
    SnapshotHeader,
    encode_numbers,
    encode_pieces,
)
from dynafile.store.journal import Journal
from dynafile.store.partition import Partition, memory_cost, overlay
from dynafile.store.partition_map import Keyspace
from dynafile.store.replica import Replica
from dynafile.store.snapshot import Entries, dump_snapshot
from dynafile.store.writer import SchemaChanged, Writer

IDS_A_RECORD: Final = RECORD_HEADER_BYTES
"""A record without operations is so long, and takes so many LSNs; nobody else has them as ids."""

Hold = Callable[[Callable[[], None]], None]
"""Runs work under the writer's lock, with the replica at the end of the journal."""


class Outdated(Exception):
    """The partition was folded, split, joined or cleared meanwhile: look at it again."""


class Moment(NamedTuple):
    """A partition as it was at one LSN, copied."""

    keyspace: Keyspace
    part: Partition
    end: bytes | None
    lsn: int
    entries: dict[bytes, bytes]
    since: int
    """The LSN of the oldest pending operation; ``lsn`` where there is none."""
    pending: frozenset[bytes]
    """The keys that had pending operations."""
    source: dict[bytes, bytes | None]
    """The dict of the pending operations itself. Whatever takes operations out of it, as a fold
    does, puts another in its place."""


class New(NamedTuple):
    """A partition to come: where it begins, and what its snapshot holds of all before an LSN."""

    begin: bytes
    entries: Entries
    lsn: int
    cost: int


def moment_of(replica: Replica, keyspace: Keyspace, part: Partition, entries: Entries) -> Moment:
    """Copy a loaded partition, the next one being resolved. With the replica's mutex held."""
    return Moment(
        keyspace,
        part,
        keyspace.end_of(part),
        replica.lsn,
        dict(entries),
        part.since if part.pending else replica.lsn,
        frozenset(part.pending),
        part.pending,
    )


def new_partition(old: Moment, begin: bytes, entries: Entries) -> New:
    """Return a partition with everything that an old one had, and more."""
    return New(begin, entries, old.lsn, memory_cost(entries))


def remainder(old: Moment, begin: bytes) -> New:
    """Return a partition with what an old one had from ``begin`` on.

    What is pending there stays so and is not written: there may be much of it, each time again.
    """
    kept = {
        key: value for key, value in old.entries.items() if key >= begin and key not in old.pending
    }
    entries = Entries(kept)
    return New(begin, entries, old.since, memory_cost(entries))


class Replacement:
    """Puts partitions in the place of one, and lets nobody wait for the disk.

    Under the writer's lock it takes ids and makes folders; with no lock it writes and syncs the
    files; under the lock again it appends the record that puts them into the map. What others wrote
    meanwhile stays pending in those of the new partitions whose snapshots lack it.

    A folder is made under the lock, with an id in the newest segment: so no checkpoint is written
    that would pass it off as a partition before the record says that it is one. The next one
    removes it as a stray; the record is not written after that, and what was begun is given up.
    """

    def __init__(
        self, replica: Replica, journal: Journal, writer: Writer, old: Moment, news: list[New]
    ) -> None:
        self._replica = replica
        self._journal = journal
        self._writer = writer
        self._old = old
        self._news = news
        self._parts: list[Partition] = []
        self._recorded = False

    def make(self, hold: Hold) -> None:
        """Do it. Raises Outdated or SchemaChanged where that was not possible any more."""
        volume, old = self._replica.volume, self._old
        # No snapshot holds an operation that the journal could still lose.
        self._writer.sync_beside()
        try:
            hold(self._announce)
            volume.fill(self._files())
            hold(self._record)
        except (FileNotFoundError, Outdated):
            self._withdraw()
            raise Outdated from None
        except Exception:
            self._withdraw()
            raise
        self._writer.sync_beside()
        if old.part.id:
            # Now that no power cut takes back what makes it superfluous.
            volume.remove(old.keyspace.path(old.part))

    def _announce(self) -> None:
        """Take ids, and make folders that nobody looks into yet. Under the lock."""
        replica, keyspace = self._replica, self._old.keyspace
        self._look()
        first, count = replica.lsn, len(self._news)
        self._writer.write([[]] * -(-count // IDS_A_RECORD), durable=False)
        assert replica.lsn - first >= count
        for number, new in enumerate(self._news, first):
            part = Partition(number, new.begin, resolved=True)
            self._parts.append(part)
            replica.volume.make(keyspace.path(part))

    def _files(self) -> list[tuple[str, bytes]]:
        replica, (keyspace, _, end, *_) = self._replica, self._old
        ends = [*(new.begin for new in self._news[1:]), end]
        files: list[tuple[str, bytes]] = []
        for part, new, stop in zip(self._parts, self._news, ends, strict=True):
            header = SnapshotHeader(
                keyspace.id, part.id, new.lsn, len(new.entries), 0, 0, part.begin, stop
            )
            data = dump_snapshot(replica.store_id, header, new.entries)
            files.append((keyspace.file(part), data))
        return files

    def _record(self) -> None:
        """Append the record, as who makes a split does. Under the lock."""
        keyspace, part = self._old.keyspace, self._old.part
        self._look()
        if self._parts[0].id < self._journal.newest(self._replica.lsn):
            raise Outdated
        complete = self._complete()
        pieces = [
            Piece(part.id, new.lsn, folded, part.begin)
            for part, new, folded in zip(self._parts, self._news, complete, strict=True)
        ]
        self._recorded = True
        self._writer.structure(
            (REPLACE, keyspace.id, encode_numbers([part.id]), encode_pieces(pieces)), durable=False
        )
        self._keep_warm()

    def _look(self) -> None:
        """Raise Outdated unless all that came since the moment is pending in the partition."""
        keyspace, part, end, *_ = self._old
        if keyspace.dropped:
            raise SchemaChanged
        if (
            keyspace.candidate(part.begin) is not part
            or part.pending is not self._old.source
            or keyspace.end_of(part) != end
        ):
            raise Outdated

    def _complete(self) -> list[bool]:
        """Say of each new partition whether its snapshot holds what is pending in its range."""
        begins = [new.begin for new in self._news]
        last = begins[-1]
        complete = [True] * len(begins)
        for key, value in self._old.part.pending.items():
            if key >= last:
                complete[-1] = complete[-1] and self._news[-1].entries.get(key) == value
            else:
                index = bisect_right(begins, key) - 1
                if self._news[index].entries.get(key) != value:
                    complete[index] = False
        return complete

    def _keep_warm(self) -> None:
        """Give the new partitions their entries, which are in memory anyway.

        Not where most of them are pending: they are put in order when they are needed.
        """
        replica, keyspace = self._replica, self._old.keyspace
        with replica.mutex:
            for made, new in zip(self._parts, self._news, strict=True):
                part = keyspace.by_id.get(made.id)
                if part is not None and len(part.pending) <= len(new.entries):
                    overlay(new.entries, part.pending)
                    part.entries = new.entries
                    part.order = None
                    part.cost = memory_cost(new.entries) if part.pending else new.cost
                    replica.cache.add(part)

    def _withdraw(self) -> None:
        """Remove the folders, unless the record may stand in the journal."""
        if self._recorded:
            return
        for part in self._parts:
            with contextlib.suppress(StorageError):  # the next checkpoint removes it
                self._replica.volume.remove(self._old.keyspace.path(part))
