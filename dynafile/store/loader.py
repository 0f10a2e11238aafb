"""The loader: partitions from their snapshots into memory, as the maps ask for them."""

from __future__ import annotations

import threading
import weakref
from abc import ABC, abstractmethod
from typing import Final, Protocol

from dynafile.errors import CorruptFile, HandleUnusable, StoreFailed
from dynafile.store.cache import Cache
from dynafile.store.format import (
    Checkpoint,
    SnapshotHeader,
    decode_snapshot_header,
    snapshot_header_bytes,
)
from dynafile.store.holes import read_whole
from dynafile.store.journal import Journal
from dynafile.store.partition import Partition, memory_cost, overlay
from dynafile.store.partition_map import Keyspace
from dynafile.store.position import END
from dynafile.store.schema import Schema
from dynafile.store.snapshot import Entries, load_snapshot
from dynafile.store.volume import Volume

HEADER_READ: Final = 512
"""Bytes that hold a snapshot's header, unless its keys are very long."""
UNUSABLE: Final = -1
"""The LSN of a replica that must not be read; it never equals a position."""


class SchemaWatcher(Protocol):
    """Somebody whose reads depend on the schema."""

    def schema_changed(self, schema: Schema) -> None:
        """Take what matters of a new schema. Called with the mutex held, so it must not wait."""


class Loader(ABC):
    """The state of the store in one process, and how partitions get into memory.

    ``mutex`` guards everything that changes. Two things need no mutex: comparing ``lsn`` with the
    published end, and ``entries.get`` of the partition that the layout names. Nothing here writes a
    file.
    """

    def __init__(
        self,
        volume: Volume,
        journal: Journal | None,
        store_id: bytes,
        *,
        cache_size: int,
        trusted: bool,
    ) -> None:
        self.volume = volume
        self.journal = journal
        self.store_id = store_id
        self.trusted = trusted
        self.mutex = threading.RLock()
        self.words = volume.share()
        self.cache = Cache(cache_size)
        self.lsn = UNUSABLE
        self.asleep: tuple[int, int] | None = None
        """BOOT and END as a reader found them, while nobody wrote since the machine started."""
        self.unusable: HandleUnusable | StoreFailed | None = None
        self.keyspaces: dict[int, Keyspace] = {}
        self.schema = Schema()
        self.watchers: weakref.WeakSet[SchemaWatcher] = weakref.WeakSet()
        self.checkpoint = Checkpoint(0, 0, 0, 0)
        self.time = 0
        self.whole = True
        """False while the maps may have holes, where folders were replaced since the checkpoint."""
        self.held: dict[int, dict[int, int]] = {}
        """What the last checkpoint says that there must be, see ``Inventory``; for a replay."""

    @abstractmethod
    def catch_up(self) -> None:
        """Apply what was published since."""

    def entries_at(self, keyspace: Keyspace, key: bytes) -> tuple[Partition, Entries]:
        """Return the partition that holds ``key``, loaded. To be called with the mutex held."""
        while True:
            part = self._resolved(keyspace, keyspace.candidate(key))
            if part is not None and part is keyspace.candidate(key):
                entries = part.entries if part.entries is not None else self._load(keyspace, part)
                if entries is not None:
                    part.used = True
                    return part, entries

    def entries_below(self, keyspace: Keyspace, high: bytes | None) -> tuple[Partition, Entries]:
        """Return the partition that holds the keys just below ``high``, loaded."""
        while True:
            part = keyspace.last() if high is None else keyspace.before(high)
            if self._resolved(keyspace, part) is None:
                continue
            if part is not (keyspace.last() if high is None else keyspace.before(high)):
                continue
            entries = part.entries if part.entries is not None else self._load(keyspace, part)
            if entries is not None:
                part.used = True
                return part, entries

    def _resolved(self, keyspace: Keyspace, part: Partition) -> Partition | None:
        """Read where a partition truly begins; None where the map changed meanwhile."""
        if not part.resolved and self._header(keyspace, part) is None:
            return None
        return part

    def _header(self, keyspace: Keyspace, part: Partition) -> tuple[int, int] | None:
        """Return count and LSN of a snapshot's header; None: the map changed, read it again."""
        try:
            header = self._read_header(keyspace, part)
        except FileNotFoundError:
            self._missing(keyspace, part)
            return None
        return header.entries, header.lsn

    def _read_header(self, keyspace: Keyspace, part: Partition) -> SnapshotHeader:
        """Read a snapshot's header, and settle with it where the partition begins."""
        name = keyspace.file(part)
        path = f"{self.volume.root}/{name}"
        data = self.volume.read(name, 0, HEADER_READ)
        if len(data) == HEADER_READ and snapshot_header_bytes(data) > HEADER_READ:
            data = self.volume.read(name, 0, snapshot_header_bytes(data))
        header, _ = decode_snapshot_header(data, self.store_id, path)
        self._check_range(keyspace, part, header, path)
        return header

    def _check_range(
        self, keyspace: Keyspace, part: Partition, header: SnapshotHeader, path: str
    ) -> None:
        first = keyspace.partitions()[0] is part
        if header.keyspace != keyspace.id or header.id != part.id or (first and header.begin):
            raise _corrupt(path, "the snapshot belongs to another partition")
        if header.lsn < part.floor:
            raise _corrupt(path, "the snapshot is older than the journal says it is")
        if not part.resolved:
            keyspace.settle(part, header.begin)
        elif part.begin != header.begin:
            raise _corrupt(path, "the snapshot begins at another key than the map says")

    def _load(self, keyspace: Keyspace, part: Partition) -> Entries | None:
        """Load a partition; None where the map changed meanwhile. Called with the mutex held."""
        if keyspace.dropped and keyspace.refusal is not None:
            raise keyspace.refusal()
        lsn = 0
        if part.id == 0:
            entries = Entries()
        else:
            name = keyspace.file(part)
            path = f"{self.volume.root}/{name}"
            try:
                data = read_whole(self.volume, name)
            except FileNotFoundError:
                self._missing(keyspace, part)
                return None
            header, entries = load_snapshot(data, self.store_id, path, trusted=self.trusted)
            self._check_range(keyspace, part, header, path)
            following = keyspace.next_of(part)
            if following is not None and self._resolved(keyspace, following) is None:
                return None
            if keyspace.end_of(part) != header.end:
                raise _corrupt(path, "the snapshot ends at another key than the map says")
            lsn = header.lsn
        overlay(entries, part.pending)
        if keyspace.proof is not None:
            self._prove(keyspace, part, entries)
        part.entries = entries
        part.order = None
        part.cost = memory_cost(entries)
        self.cache.add(part)
        if lsn > self.lsn:
            # Another process folded it meanwhile. Operations are absolute, so applying those it
            # holds again does no harm, as long as all of them are applied before anybody looks.
            if self.words[END] < lsn:
                raise _corrupt(
                    f"{self.volume.root}/{keyspace.file(part)}", "it is newer than the journal"
                )
            self.catch_up()
            return part.entries
        return entries

    def _prove(self, keyspace: Keyspace, part: Partition, entries: Entries) -> None:
        """Hold what a stranger put here against what the floors above put here."""
        assert keyspace.proof is not None
        for key, value in entries.items():
            wrong = keyspace.proof(key, value)
            if wrong is not None:
                raise _corrupt(
                    f"{self.volume.root}/{keyspace.file(part)}",
                    f"the entry at {key.hex():.80} was not written by Dynafile: {wrong}",
                )

    def _missing(self, keyspace: Keyspace, part: Partition) -> None:
        """Find out why a snapshot is not there: the map moved on, or it is lost."""
        before = self.lsn
        self.catch_up()
        if self.lsn == before and part in keyspace.partitions():
            raise _corrupt(f"{self.volume.root}/{keyspace.file(part)}", "the snapshot is missing")


def _corrupt(path: str, what: str) -> CorruptFile:
    return CorruptFile(
        f"{path}: {what}. Run `dynafile check` on the folder; restore a backup, or save what is "
        "left with `dynafile repair`",
        path=path,
        offset=0,
    )
