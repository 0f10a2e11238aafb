"""Salvage: what can still be read of a damaged store, and how sure it is.

Nothing is taken but from a record or a snapshot whose checksum is right. Operations are absolute,
so for each key the newest one that is found counts, be it in a snapshot or in the journal. It is
*certain* if every commit after it could be read; otherwise one of those that could not may have
changed the key once more.
"""

from __future__ import annotations

import struct
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator
from typing import Final, NamedTuple

from dynafile.errors import CorruptFile, ForeignFile, StorageError
from dynafile.store.filesystem import boot_number
from dynafile.store.format import (
    CHECKPOINT,
    CHECKPOINT_BYTES,
    CLEAR,
    DELETE,
    FIRST_LSN,
    FOLD,
    PUT,
    REPLACE,
    SCHEMA,
    Checkpoint,
    Record,
    SnapshotHeader,
    decode_checkpoint,
    decode_numbers,
    decode_pieces,
)
from dynafile.store.history import proven, segments
from dynafile.store.holes import read_whole
from dynafile.store.journal_remains import Damage, Gap, JournalRemains
from dynafile.store.names import CHECKPOINT_NAME, META_NAME, segment_name
from dynafile.store.position import BOOT, END, SUSPECT
from dynafile.store.schema import MISSHAPEN, Inventory, Meta, Schema
from dynafile.store.snapshot_remains import SnapshotRemains, Stretch, Unreadable, stretch_of
from dynafile.store.volume import Volume

_STORE_ID_IN: Final = {"segment": slice(16, 32), "snapshot": slice(23, 39)}


class Saved(NamedTuple):
    """An entry that could be read."""

    key: bytes
    value: bytes
    certain: bool
    """Whether no commit that cannot be read may have changed it."""


class LostRange(NamedTuple):
    """Keys whose newest snapshot is lost: of them there is what the journal and old ones tell."""

    begin: bytes
    end: bytes | None
    """The first key past it; None: it has no end."""
    entries: int | None
    """How many entries the snapshot had, where its header can be read."""


class Salvage:
    """A store as far as it can be read. Nothing is written.

    Raises CorruptFile where nothing tells its schema any more, NewerFormat, ForeignFile.
    """

    def __init__(self, volume: Volume) -> None:
        self._volume = volume
        self.damages: list[Damage] = []
        self._folds: dict[tuple[int, int], int] = {}
        self._came: dict[int, dict[int, bytes]] = {}
        """By keyspace: the partitions that REPLACE records made, and where they begin."""
        self._gone: dict[int, set[int]] = {}
        self._blank: dict[int, set[bytes]] = {}
        """Where partitions begin that never had a snapshot."""
        self._cleared: dict[int, int] = {}
        self._held: dict[int, dict[int, int]] = {}
        """The partitions that the last checkpoint lists, see ``Inventory``."""
        self._pending: dict[int, dict[bytes, tuple[int, bytes | None]]] = {}
        self._newest_schema = 0
        meta = self._read_meta()
        self.store_id = self._store_id() if meta is None else meta.store_id
        self.meta_is_whole = meta is not None
        self._schema = None if meta is None else meta.schema
        self._checkpoint = self._read_checkpoint()
        self._read_journal()
        if self._schema is None:
            raise self._without_schema()
        self.schema: Schema = self._schema
        self._note_lost_schema()
        self.snapshots = SnapshotRemains(volume, self.store_id)
        self.snapshots.survey(self.schema.keyspaces)
        self._stretches = {n: self.snapshots.stretches(n) for n in self.schema.keyspaces}
        for number in self.schema.keyspaces:
            self._judge(number)
        self._collect()

    # -- what the files say ---------------------------------------------------------------------

    def _read_meta(self) -> Meta | None:
        path = f"{self._volume.root}/{META_NAME}"
        try:
            return Meta.decode(read_whole(self._volume, META_NAME), path)
        except FileNotFoundError:
            self.damages.append(Damage(META_NAME, None, "it is missing"))
        except (CorruptFile, ForeignFile) as error:
            what = str(error).removeprefix(path).partition(": ")[0].strip()
            self.damages.append(Damage(META_NAME, getattr(error, "offset", 0), what))
        return None

    def _store_id(self) -> bytes:
        """Return the id that most files have, where ``meta.json`` cannot tell."""
        volume, votes = self._volume, Counter[bytes]()
        names = [(segment_name(base), _STORE_ID_IN["segment"]) for base in segments(volume)]
        names.append((CHECKPOINT_NAME, _STORE_ID_IN["segment"]))
        names += [
            (f"_partitions/{name}/data.pickle", _STORE_ID_IN["snapshot"])
            for name in volume.list("_partitions")
        ]
        for name, place in names:
            try:
                found = volume.read_apart(name, 0, place.stop)[place]
            except (FileNotFoundError, StorageError):
                continue
            if len(found) == 16:
                votes[found] += 1
        return votes.most_common(1)[0][0] if votes else bytes(16)

    def _read_checkpoint(self) -> Checkpoint:
        path = f"{self._volume.root}/{CHECKPOINT_NAME}"
        try:
            data = self._volume.read(CHECKPOINT_NAME, 0, CHECKPOINT_BYTES + 1)
            return decode_checkpoint(data, self.store_id, path)
        except FileNotFoundError:
            self.damages.append(Damage(CHECKPOINT_NAME, None, "it is missing"))
        except StorageError as error:
            if not isinstance(error, CorruptFile):
                raise
            self.damages.append(Damage(CHECKPOINT_NAME, error.offset, "it is damaged"))
        return Checkpoint(0, 0, 0, 0)

    def _read_journal(self) -> None:
        words, boot = self._volume.share(), boot_number()
        alive = boot != 0 and words[BOOT] == boot
        stop = words[END] if alive and words[SUSPECT] else None
        known = max(self._checkpoint.synced, words[END] if alive else 0, proven(self._volume))
        self._journal = JournalRemains(self._volume, self.store_id)
        self._begin = self._checkpoint.lsn
        self._journal.survey(self._begin, known, stop, self._visit)
        self.damages += self._journal.damages
        complete = self._journal.first == FIRST_LSN
        self._base = self._checkpoint.lsn or (FIRST_LSN if complete else 0)
        """Everything before this LSN is in the snapshots."""
        if self._base > self._begin:
            self._journal.assert_from(self._base)  # a record knew what the file no longer tells
        self._unknown_before = max((gap.end for gap in self._journal.gaps), default=0)
        if self._journal.first > FIRST_LSN:
            self._unknown_before = max(self._unknown_before, self._journal.first)

    @property
    def _live_before(self) -> int:
        """The folders of partitions with lower ids are in the maps, unless a record says otherwise.

        Where no checkpoint is left, the oldest segment was kept because of it.
        """
        return max(self._base, self._journal.first)

    def _visit(self, record: Record) -> None:
        """Take of a record what it says of schema and maps."""
        self._newest_schema = max(self._newest_schema, record.schema)
        try:
            for kind, number, key, value in record.operations:
                if kind == SCHEMA:
                    schema = Schema.decode(value)
                    if self._schema is None or schema.version > self._schema.version:
                        self._schema = schema
                elif kind == CHECKPOINT:
                    self._checkpointed(Checkpoint(*decode_numbers(key)), value)
                elif kind == FOLD:
                    self._folds[number, decode_numbers(key)[0]] = record.lsn
                elif kind == REPLACE:
                    self._replaced(number, decode_numbers(key), value)
                elif kind == CLEAR:
                    self._cleared[number] = record.lsn
                    self._held.pop(number, None)
                    for kept in (self._came, self._gone, self._blank):
                        kept.pop(number, None)
        except (*MISSHAPEN, struct.error) as error:
            what = (
                f"the record at LSN {record.lsn} has a right checksum and makes no sense: {error}"
            )
            self.damages.append(Damage("journal", None, what))

    def _checkpointed(self, checkpoint: Checkpoint, value: bytes) -> None:
        if checkpoint.lsn > self._checkpoint.lsn:
            self._checkpoint = checkpoint
        inventory = Inventory.decode(value)
        if inventory is not None:
            self._held = inventory.held
            for number, parts in inventory.held.items():
                for each, floor in parts.items():
                    self._folds[number, each] = max(floor, self._folds.get((number, each), 0))
            if self._schema is None or inventory.schema.version > self._schema.version:
                self._schema = inventory.schema

    def _replaced(self, keyspace: int, old: list[int], value: bytes) -> None:
        self._gone.setdefault(keyspace, set()).update(old)
        for piece in decode_pieces(value):
            if piece.id:
                self._came.setdefault(keyspace, {})[piece.id] = piece.begin
            else:
                self._blank.setdefault(keyspace, set()).add(piece.begin)

    def _note_lost_schema(self) -> None:
        if self._newest_schema > self.schema.version:
            what = (
                f"commits were made under version {self._newest_schema} of the schema, and the "
                f"newest that can be read is {self.schema.version}"
            )
            self.damages.append(Damage(META_NAME, None, what))
            self.meta_is_whole = False

    def _without_schema(self) -> CorruptFile:
        path = f"{self._volume.root}/{META_NAME}"
        return CorruptFile(
            f"{path} is damaged, and the journal has no copy of the schema that it held, so "
            "nothing says which tables and keys there are. Put a copy of it there from a backup "
            "or from an export of the folder, however old, and repair again",
            path=path,
            offset=0,
        )

    # -- what that comes to ---------------------------------------------------------------------

    def _judge(self, number: int) -> None:
        """List the damage to the snapshots of a keyspace that the store still needs."""
        folder = self.schema.keyspaces[number]
        unreadable = self.snapshots.unreadable.setdefault(number, [])
        for missing in self._missing(number):
            what = f"the snapshot of partition {missing:x} is missing"
            unreadable.append(Unreadable(missing, Damage(folder, None, what), None))
        self.damages += [each.damage for each in self._unreadable(number)]
        for each in self.snapshots.whole.get(number, ()):
            if self._is_stale(number, each.header.id, each.header.lsn):
                what = "it is older than the journal says it is: somebody put an old version there"
                self.damages.append(Damage(each.file, None, what))

    def _missing(self, number: int) -> list[int]:
        """Return the partitions that the journal tells of and that have no folder."""
        came, gone = self._came.get(number, {}), self._gone.get(number, set())
        folded: set[int] = set()
        if number not in self._cleared:
            folded = {each for keyspace, each in self._folds if keyspace == number}
        present = {each.header.id for each in self.snapshots.whole.get(number, ())}
        present |= {each.id for each in self.snapshots.unreadable.get(number, ())}
        return sorted((came.keys() | folded) - gone - present)

    def _unreadable(self, number: int) -> list[Unreadable]:
        """Return the partitions of a keyspace that belong to it and have no whole snapshot."""
        gone = self._gone.get(number, set())
        came = self._came.get(number, {})
        return [
            each
            for each in self.snapshots.unreadable.get(number, ())
            if each.id not in gone
            and (each.id in came or each.id < self._live_before)
            and not (number in self._cleared and each.id not in came)
        ]

    def _is_stale(self, keyspace: int, number: int, lsn: int) -> bool:
        return self._folds.get((keyspace, number), 0) > lsn

    def _known_from(self, number: int, stretch: Stretch) -> int | None:
        """Return an LSN before which everything about a stretch is known; None: there is none."""
        snapshot = stretch.snapshot
        cleared = self._cleared.get(number, 0)
        if snapshot is not None and snapshot.header.lsn > cleared:
            if self._is_stale(number, snapshot.header.id, snapshot.header.lsn):
                return snapshot.header.lsn
            return max(snapshot.header.lsn, self._base)
        if cleared:
            return cleared
        if self._journal.first == FIRST_LSN:
            return FIRST_LSN
        if stretch.begin in self._blank.get(number, ()):
            return self._base
        if self._unreadable(number) or self.snapshots.whole.get(number):
            return None
        return self._base

    def _is_lost(self, number: int, stretch: Stretch) -> bool:
        """Say whether something may have been in a stretch that nothing tells of."""
        known, snapshot = self._known_from(number, stretch), stretch.snapshot
        if known is None or snapshot is None:
            return known is None
        stale = self._is_stale(number, snapshot.header.id, snapshot.header.lsn)
        return stale and known < self._journal.first

    def _is_void(self, number: int, stretch: Stretch) -> bool:
        """Say whether a stretch's snapshot is of before the keyspace was cleared, or not there."""
        snapshot = stretch.snapshot
        return snapshot is None or snapshot.header.lsn <= self._cleared.get(number, 0)

    def _collect(self) -> None:
        """Keep what the journal has over the snapshots, in memory."""
        begins = {n: [each.begin for each in found] for n, found in self._stretches.items()}
        for record in self._journal.records():
            for kind, number, key, value in record.operations:
                if number not in self._stretches:
                    continue
                pending = self._pending.setdefault(number, {})
                if kind == CLEAR:
                    pending.clear()
                elif kind in (PUT, DELETE):
                    stretch = stretch_of(self._stretches[number], begins[number], key)
                    snapshot = stretch.snapshot
                    if self._is_void(number, stretch) or (
                        snapshot is not None and record.lsn >= snapshot.header.lsn
                    ):
                        pending[key] = (record.lsn, value if kind == PUT else None)

    # -- what there is --------------------------------------------------------------------------

    @property
    def gaps(self) -> list[Gap]:
        """The commits that cannot be read and that are not in snapshots, in order."""
        return [gap for gap in self._journal.gaps if gap.end > self._base]

    @property
    def old_gaps(self) -> list[Gap]:
        """Those that are in snapshots, so that only streams miss them."""
        return [gap for gap in self._journal.gaps if gap.end <= self._base]

    @property
    def cut(self) -> Damage | None:
        """The torn end of a crash, which is no loss."""
        return self._journal.cut

    def entries(self, keyspace: int) -> Iterator[Saved]:
        """Yield the entries of a keyspace that can be read, in order of their keys."""
        pending = self._pending.get(keyspace, {})
        keys = sorted(pending)
        for stretch in self._stretches[keyspace]:
            known = self._known_from(keyspace, stretch) or 0
            low = bisect_left(keys, stretch.begin)
            high = len(keys) if stretch.end is None else bisect_left(keys, stretch.end, low)
            found: dict[bytes, bytes] = {}
            if stretch.snapshot is not None and not self._is_void(keyspace, stretch):
                _, entries = self.snapshots.load(stretch.snapshot.file)
                inside = entries.irange(stretch.begin, stretch.end, (True, False))
                found = {key: entries[key] for key in inside}
            changed = {key: pending[key] for key in keys[low:high]}
            for key in sorted(found.keys() | changed.keys()):
                lsn, value = changed.get(key, (known, found.get(key)))
                if value is not None:
                    yield Saved(key, value, max(lsn, known) >= self._unknown_before)

    def lost_ranges(self, keyspace: int) -> list[LostRange]:
        """Return the ranges of a keyspace whose snapshots are lost."""
        lost = [
            LostRange(stretch.begin, stretch.end, None)
            for stretch in self._stretches[keyspace]
            if self._is_lost(keyspace, stretch)
        ]
        headers = self._lost_headers(keyspace)
        if len(lost) == 1 and headers:
            lost[0] = lost[0]._replace(entries=sum(header.entries for header in headers))
        return lost

    def _lost_headers(self, keyspace: int) -> list[SnapshotHeader]:
        """Return the headers of all snapshots that are lost; none where one is, or is old."""
        lost = [each.header for each in self._unreadable(keyspace)]
        found = [h for h in lost if h is not None and not self._is_stale(keyspace, h.id, h.lsn)]
        return found if len(found) == len(lost) else []

    def left_of(self, keyspace: int, lost: LostRange) -> int | None:
        """Return how many of the entries that a lost snapshot had the journal has too.

        None: something was put or deleted since, or commits since cannot be read.
        """
        headers = self._lost_headers(keyspace)
        since = max((header.lsn for header in headers), default=0)
        count = 0
        for key, (lsn, value) in self._pending.get(keyspace, {}).items():
            if lost.begin <= key and (lost.end is None or key < lost.end):
                if lsn >= since:
                    return None
                count += value is not None
        return count if headers and self._unknown_before <= max(since, self._base) else None

    def knows(self, keyspace: int, key: bytes) -> bool:
        """Say whether the journal tells what became of a key."""
        return key in self._pending.get(keyspace, {})
