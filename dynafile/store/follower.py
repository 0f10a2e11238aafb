"""The follower: what snapshots and journal say up to an LSN, in memory, and how it keeps up."""

from __future__ import annotations

import struct
from bisect import bisect_left
from typing import Final

from dynafile.errors import CorruptFile, HandleUnusable, StoreFailed
from dynafile.store.format import (
    CHANGE,
    CHECKPOINT,
    CHECKPOINT_BYTES,
    CLEAR,
    DELETE,
    FOLD,
    PUT,
    REPLACE,
    ROTATE,
    SCHEMA,
    Checkpoint,
    Operation,
    decode_checkpoint,
    decode_numbers,
    decode_pieces,
)
from dynafile.store.holes import read_whole
from dynafile.store.loader import UNUSABLE, Loader
from dynafile.store.names import CHECKPOINT_NAME, META_NAME, parse_partition_directory
from dynafile.store.partition import Partition
from dynafile.store.partition_map import Keyspace
from dynafile.store.position import BOOT, END
from dynafile.store.schema import MISSHAPEN, Inventory, Meta, Schema
from dynafile.store.volume import Volume

BULK: Final = 32
"""From this many operations on, a record is applied partition by partition."""
MAX_LSN: Final = 1 << 62
"""Files have no offsets past that."""
RELOADS: Final = 50
HASTY_RELOADS: Final = 3
"""After so many attempts that somebody's splits made void, all headers are read before the journal
is, which takes longer than looking at the few that it needs, and leaves less time for the next."""


class Follower(Loader):
    """Keeps up with what this and other processes commit, by applying the journal's records."""

    # -- following the journal ------------------------------------------------------------------

    def catch_up(self) -> None:
        """Apply what was published since; raises what makes the handle unusable."""
        with self.mutex:
            if self.unusable is not None:
                raise self.unusable.with_traceback(None)  # or it would grow with each call
            if self.journal is None or (self.asleep is not None and self._still_asleep()):
                return
            end = self.words[END]
            if self.lsn == UNUSABLE:
                self.reload()  # an exception left it half changed
                return
            if end < self.lsn:
                raise self.fail("the journal is shorter than it was; somebody restored or cut it")
            try:
                for record in self.journal.read(self.lsn, end):
                    self.apply(record.operations, record.end, record.time)
            except FileNotFoundError:
                self.reload()

    def _still_asleep(self) -> bool:
        """Say whether the words are those of before the machine's start, which mean nothing."""
        assert self.journal is not None
        self.words = self.journal.words = self.volume.share()
        if (self.words[BOOT], self.words[END]) == self.asleep:
            return True
        self.asleep = None
        return self.words[END] == self.lsn

    def reload(self) -> None:
        """Start over at the newest checkpoint: this process fell behind the oldest segment."""
        journal = self.journal
        assert journal is not None
        for attempt in range(RELOADS):
            try:
                state = read_state(self.volume, self.store_id)
                self.start(*state, settled=attempt >= HASTY_RELOADS)
                for record in journal.read(self.lsn, self.words[END]):
                    self.apply(record.operations, record.end, record.time)
            except FileNotFoundError:
                continue  # yet another checkpoint came
            self.whole = True
            return
        raise self.fail("its files keep vanishing while they are read")

    def apply(self, operations: list[Operation], end: int, time: int) -> None:
        """Apply one record. Called with the mutex held.

        When an exception comes in between (a signal, no memory), everything is read from the files
        again before anybody looks. In memory there are none; there the record is applied once more,
        which does what applying it once does.
        """
        try:
            if len(operations) == 1:
                self._apply_one(operations[0])
            elif len(operations) < BULK:
                for operation in operations:
                    self._apply_one(operation)
            else:
                self._apply_bulk(operations)
            self.time = time
            self.lsn = end
            if self.unusable is not None:
                self.lsn = UNUSABLE  # shut meanwhile, by another thread
        except BaseException as error:
            self._rebuild(operations, end, time)
            if isinstance(error, (*MISSHAPEN, AssertionError, struct.error)):
                raise self._inapplicable(end, error) from error
            raise

    def _rebuild(self, operations: list[Operation], end: int, time: int) -> None:
        if self.journal is not None:
            self.lsn = UNUSABLE
            return
        self.cache.clear()  # a SortedDict may be half changed; the pending operations are dicts
        for operation in operations:
            self._apply_one(operation)
        self.lsn, self.time = end, time

    def _inapplicable(self, end: int, error: Exception) -> CorruptFile:
        path = self.volume.root
        return CorruptFile(
            f"{path}: the record of the journal that ends at LSN {end} has a right checksum and "
            f"cannot be applied ({error}), so somebody forged it; restore a backup, or save what "
            "is left with `dynafile repair`",
            path=path,
            offset=end,
        )

    def _apply_one(self, operation: Operation) -> None:
        kind, number, key, value = operation
        keyspace = self.keyspaces.get(number)
        if keyspace is None:
            # Not of a keyspace, or of one that a later record drops: the schema of a replay is the
            # newest.
            self._apply_to_store(kind, key, value)
        elif kind in (PUT, DELETE):
            part = keyspace.candidate(key)
            if not part.resolved:
                part = self._owner(keyspace, key)
            if kind == PUT:
                part.put(key, value, self.lsn)
            else:
                part.delete(key, self.lsn)
        elif kind == CLEAR:
            for part in keyspace.partitions():
                part.entries = part.order = None
            keyspace.reset([])
            self.held.pop(number, None)
        elif kind == FOLD:
            self._fold(keyspace, decode_numbers(key)[0])
        elif kind == REPLACE:
            self._replace(keyspace, decode_numbers(key), value)

    def _apply_to_store(self, kind: int, key: bytes, value: bytes) -> None:
        if kind == SCHEMA:
            schema = Schema.decode(value)
            if schema.version > self.schema.version:
                self.set_schema(schema)
        elif kind == ROTATE:
            assert self.journal is not None
            self.journal.follow(decode_numbers(key)[0])
        elif kind == CHECKPOINT:
            assert self.journal is not None
            checkpoint = Checkpoint(*decode_numbers(key))
            # A clean close notes more in the file than the record knew.
            synced = max(checkpoint.synced, self.checkpoint.synced)
            self.checkpoint = checkpoint._replace(synced=synced)
            # One that somebody forged does not make the journal past it longer than it is.
            self.journal.checkpoint = max(self.journal.checkpoint, self.checkpoint.lsn)
            if not self.whole:
                inventory = Inventory.decode(value)
                self.held = {} if inventory is None else inventory.held

    def _apply_bulk(self, operations: list[Operation]) -> None:
        run: dict[int, dict[bytes, bytes | None]] = {}
        for operation in operations:
            kind, number, key, value = operation
            if kind == PUT:
                run.setdefault(number, {})[key] = value
            elif kind == DELETE:
                run.setdefault(number, {})[key] = None
            elif kind != CHANGE:
                self._apply_changes(run)
                run = {}
                self._apply_one(operation)
        self._apply_changes(run)

    def _apply_changes(self, run: dict[int, dict[bytes, bytes | None]]) -> None:
        for number, changes in run.items():
            keyspace = self.keyspaces.get(number)
            if keyspace is None:
                continue
            keys = sorted(changes)
            at = 0
            while at < len(keys):
                part = self._owner(keyspace, keys[at])
                following = keyspace.next_of(part)
                if following is not None and not following.resolved:
                    self._read_header(keyspace, following)
                stop = len(keys) if following is None else bisect_left(keys, following.begin, at)
                part.apply({key: changes[key] for key in keys[at:stop]}, self.lsn)
                at = stop

    def _owner(self, keyspace: Keyspace, key: bytes) -> Partition:
        """Return the partition of a key without loading it.

        Raises FileNotFoundError where a record that comes later replaced it: then only starting
        over tells where it began.
        """
        while not (part := keyspace.candidate(key)).resolved:
            self._read_header(keyspace, part)
        return part

    def _fold(self, keyspace: Keyspace, number: int) -> None:
        part = keyspace.by_id.get(number)
        if part is not None:
            part.floor = self.lsn
        # While the map may have holes, a partition may hold what belongs to the hole on its right;
        # what it keeps for no need does no harm, because operations are absolute.
        if part is not None and self.whole:
            part.pending = {}

    def _replace(self, keyspace: Keyspace, numbers: list[int], value: bytes) -> None:
        pieces = decode_pieces(value)
        if pieces[0].id in keyspace.by_id:
            return  # applied before
        for part in keyspace.unresolved({piece.begin[:8].ljust(8, b"\0") for piece in pieces}):
            # Cut inside an item collection: the hash in its name no longer tells its place.
            self._read_header(keyspace, part)
        for number in numbers:
            self.held.get(keyspace.id, {}).pop(number, None)
        begins = [piece.begin for piece in pieces]
        old = [keyspace.by_id[number] for number in numbers if number in keyspace.by_id]
        for begin in begins:
            part = keyspace.candidate(begin)
            if part.id == 0 and part.begin == begin:
                old.append(part)
        new = [Partition(piece.id, piece.begin, resolved=True) for piece in pieces]
        for part, piece in zip(new, pieces, strict=True):
            part.floor = piece.lsn
        takers = list(old)
        if begins[0] and not self.whole:
            # The map that a replay starts from has a hole where folders were replaced since; what
            # fell into the hole was taken by its left neighbour, and belongs to the new partitions,
            # or to those that a later record puts into the next hole.
            left = keyspace.before(begins[0])
            if left not in old:
                takers.append(left)
        for part in takers:
            moved = {key: value for key, value in part.pending.items() if key >= begins[0]}
            if moved and part not in old:
                part.pending = {key: part.pending[key] for key in part.pending.keys() - moved}
            part.entries = part.order = None
            for index, piece in enumerate(pieces):
                last = index == len(pieces) - 1
                # Only the last one can have a hole on its right.
                if piece.folded and (self.whole or not last):
                    continue
                low, high = begins[index], None if last else begins[index + 1]
                kept = {
                    key: value
                    for key, value in moved.items()
                    if low <= key and (high is None or key < high)
                }
                new[index].take(kept, part.since)
        keyspace.replace(old, new)

    # -- beginning ------------------------------------------------------------------------------

    def set_schema(self, schema: Schema) -> None:
        """Take a schema: keyspaces come and go, those that stay keep their objects."""
        for number, folder in schema.keyspaces.items():
            if number not in self.keyspaces:
                self.keyspaces[number] = Keyspace(number, folder)
        for number in set(self.keyspaces) - set(schema.keyspaces):
            if number >= schema.next_keyspace:
                continue  # of a newer schema, whose record is still to be read again
            gone = self.keyspaces.pop(number)
            gone.dropped = True
            for part in gone.partitions():
                part.entries = part.order = None  # the memory, which the cache would keep a while
            gone.reset([])
        self.schema = schema
        for watcher in list(self.watchers):
            watcher.schema_changed(schema)

    def list_partitions(self, keyspace: Keyspace, *, settled: bool = False) -> None:
        """Read a keyspace's map from the names of its folders; ``settled``: and from all headers.

        A folder whose id is at or past the checkpoint is there only if a record says so; the replay
        tells.
        """
        found: list[Partition] = []
        for name in self.volume.list(keyspace.directory):
            parsed = parse_partition_directory(name)
            if parsed is not None and parsed[1] < self.checkpoint.lsn:
                begin, number = parsed
                found.append(Partition(number, begin.rstrip(b"\0"), resolved=False))
        keyspace.reset(found)
        hashes: dict[bytes, int] = {}
        for part in found:
            hashes[part.begin] = hashes.get(part.begin, 0) + 1
        for part in found:
            if settled or hashes[part.begin] > 1:
                # Cut inside an item collection: only the headers tell their order.
                self._read_header(keyspace, part)
        keyspace.reset(found)

    def start(self, schema: Schema, checkpoint: Checkpoint, *, settled: bool = False) -> None:
        """Begin at a checkpoint: no pending operations, and the maps from the folders.

        The maps may have holes, until ``whole`` is set when the journal has been read to its end.
        """
        self.lsn = UNUSABLE  # an exception from here on makes the next reader start over
        self.whole = False
        self.held = {}
        self.cache.clear()
        self.keyspaces_reset(schema)
        if self.journal is not None:
            self.journal.move(checkpoint.segment)
            self.journal.checkpoint = checkpoint.lsn
        self.checkpoint = checkpoint
        for keyspace in self.keyspaces.values():
            self.list_partitions(keyspace, settled=settled)
        self.time = checkpoint.time
        self.lsn = checkpoint.lsn

    def start_empty(self, schema: Schema) -> None:
        """Begin with nothing, for a store in memory."""
        self.keyspaces_reset(schema)
        self.lsn = self.words[END] = 0

    def keyspaces_reset(self, schema: Schema) -> None:
        """Take a schema and empty every keyspace."""
        self.set_schema(schema)
        for keyspace in self.keyspaces.values():
            keyspace.reset([])

    def fail(self, why: str) -> StoreFailed:
        """Make the replica unusable, and return the error that says so."""
        error = StoreFailed(
            f"{self.volume.root}: {why}. Close this database and open it again",
            path=self.volume.root,
        )
        self.shut(error)
        return error

    def shut(self, error: HandleUnusable | StoreFailed) -> None:
        """Make every later read and write raise ``error``."""
        self.unusable = error
        self.lsn = UNUSABLE


def read_state(volume: Volume, store_id: bytes) -> tuple[Schema, Checkpoint]:
    """Return schema and checkpoint; raises CorruptFile where they are of another store."""
    # In this order: the checkpoint takes the records of older schemas away, and whoever writes one
    # writes the schema first.
    data = volume.read(CHECKPOINT_NAME, 0, CHECKPOINT_BYTES + 1)
    path = f"{volume.root}/{META_NAME}"
    meta = Meta.decode(read_whole(volume, META_NAME), path)
    if meta.store_id != store_id:
        raise _corrupt(path, "another store was put in the place of the one that was opened")
    path = f"{volume.root}/{CHECKPOINT_NAME}"
    checkpoint = decode_checkpoint(data, store_id, path)
    if not 0 < checkpoint.segment <= checkpoint.lsn < MAX_LSN:
        raise _corrupt(path, "it names a place where no journal is")
    return meta.schema, checkpoint


def _corrupt(path: str, what: str) -> CorruptFile:
    return CorruptFile(
        f"{path}: {what}. Run `dynafile check` on the folder; restore a backup, or save what is "
        "left with `dynafile repair`",
        path=path,
        offset=0,
    )
