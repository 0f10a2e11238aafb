"""The checkpointer: moves pending operations into snapshots, a little with each commit."""

from __future__ import annotations

import contextlib
import time
from collections import deque
from typing import Final

from dynafile.errors import DiskFull
from dynafile.store.format import (
    CHECKPOINT,
    FOLD,
    REPLACE,
    ROTATE,
    ROTATE_BYTES,
    Checkpoint,
    Piece,
    SnapshotHeader,
    encode_checkpoint,
    encode_numbers,
    encode_pieces,
)
from dynafile.store.history import segments, superfluous
from dynafile.store.journal import Journal
from dynafile.store.names import (
    CHECKPOINT_NAME,
    parse_partition_directory,
    segment_name,
)
from dynafile.store.partition import (
    Partition,
    cut_points,
    memory_cost,
    pieces_of,
    size,
)
from dynafile.store.partition_map import Keyspace
from dynafile.store.replica import Replica
from dynafile.store.reserve import work_off
from dynafile.store.schema import Inventory
from dynafile.store.snapshot import Entries, dump_snapshot, load_snapshot
from dynafile.store.writer import Writer

PARTITION_BYTES: Final = 128 * 1024
"""A partition that is larger when it is folded is split."""
PIECE_SHARE: Final = 0.6
"""How full the pieces of a split are, so that they can grow."""
MOST_PIECES: Final = 16
"""A split makes at most this many partitions at a time; the rest waits its turn."""
CHECKPOINT_BYTES: Final = 16 * 1024 * 1024
"""The journal past the checkpoint that starts the next one: what is replayed in about a tenth of a
second."""
LARGE_SHARE: Final = 4
MOST_CHECKPOINT_BYTES: Final = 64 * 1024 * 1024
"""A large table checkpoints when the journal is this share of it, up to so many bytes: a checkpoint
folds nearly every partition of it, for a few puts each. Sorted runs will make this unnecessary."""
PAUSE_SECONDS: Final = 0.03
"""What a commit spends on folding, at the most; a large one, at the most what comes next."""
PAUSE_SECONDS_A_BYTE: Final = 0.5e-6
"""A commit of 1 MiB may spend half a second: who loads much pays for it, or the journal runs away.
"""


class Checkpointer:
    """Folds partitions with pending operations until everything before a target is in snapshots.

    A checkpoint begins with a new segment of the journal, and its first LSN is the target; when
    every partition that was pending then has been folded, by this process or another, the target
    becomes the checkpoint and the older segments go. All of it happens under the writer's lock.
    """

    def __init__(
        self,
        replica: Replica,
        journal: Journal,
        writer: Writer,
        *,
        checkpoint_bytes: int = CHECKPOINT_BYTES,
        partition_bytes: int = PARTITION_BYTES,
    ) -> None:
        self._replica = replica
        self._journal = journal
        self._writer = writer
        self._volume = replica.volume
        self.checkpoint_bytes = checkpoint_bytes
        self.partition_bytes = partition_bytes
        self._target: Checkpoint | None = None
        self._todo: deque[tuple[Keyspace, Partition]] = deque()
        self._planned = 0
        self._share = checkpoint_bytes
        self._credit = 0.0

    def after_commit(self, written: int) -> int:
        """Begin a checkpoint that is due, or do the share of it that ``written`` bytes call for."""
        replica = self._replica
        past = replica.lsn - replica.checkpoint.lsn
        if self._journal.reserve.low:
            self.complete()  # deletes have used up most of what they may take of a full disk
        if self._target is None:
            due = self._due()
            if past < due:
                return replica.checkpoint.lsn + due
            self._begin()
        self._credit += self._planned * written / self._share
        pause = max(PAUSE_SECONDS, PAUSE_SECONDS_A_BYTE * written)
        deadline = time.perf_counter() + pause
        while self._todo and self._credit >= 1:
            self._credit -= self._step()
            if time.perf_counter() > deadline:
                break
        if not self._todo:
            self._finish()
        return 0

    def _due(self) -> int:
        """Return how long the journal past the checkpoint may get, by the size of the tables."""
        parts = sum(len(space.partitions()) for space in self._replica.keyspaces.values())
        size = int(parts * self.partition_bytes * PIECE_SHARE)
        return max(self.checkpoint_bytes, min(size // LARGE_SHARE, MOST_CHECKPOINT_BYTES))

    def complete(self) -> None:
        """Bring everything that is pending into snapshots now."""
        if not self.pending(self._replica.lsn):
            return
        try:
            self._begin()
            while self._target is not None:
                work_off(self._todo, self._step)
                self._finish()
        finally:
            self._journal.reserve.low = False  # one attempt; the next delete may ask for another

    def pending(self, before: int) -> list[tuple[Keyspace, Partition]]:
        """Return the partitions that have pending operations from before an LSN."""
        return [
            (keyspace, part)
            for keyspace in self._replica.keyspaces.values()
            for part in keyspace.partitions()
            if part.pending and part.since < before
        ]

    # -- one checkpoint ---------------------------------------------------------------------------

    def _begin(self) -> None:
        """Start a new segment; what lies before it is what the checkpoint covers."""
        replica = self._replica
        if self._volume.removed():
            raise replica.fail("its folder was removed or replaced while it was open")
        # So that a segment, by being there, tells how far the journal is on disk.
        self._writer.sync_through(replica.lsn)
        base = replica.lsn + ROTATE_BYTES
        for begun in segments(self._volume):
            if begun > self._journal.last:
                self._volume.remove(segment_name(begun))  # its maker died, or failed, at this point
        self._journal.create(base)
        try:
            self._writer.structure((ROTATE, 0, encode_numbers([base]), b""))
        except DiskFull:
            self._journal.remove_later(replica.lsn)
            raise
        assert replica.lsn == base
        self._target = Checkpoint(base, base, base, replica.time)
        self._todo = deque(self.pending(base))
        self._planned = len(self._todo)
        self._share = self._due() // 2
        self._credit = 0.0

    def _step(self) -> int:
        """Fold the next partition that still needs it; return how many folds that took."""
        assert self._target is not None
        keyspace, part = self._todo.popleft()
        if not part.pending or part.since >= self._target.lsn:
            return 0
        if keyspace.candidate(part.begin) is not part:
            return 0  # split or cleared meanwhile, by another process
        return self._fold(keyspace, part)

    def _finish(self) -> None:
        """Make the target the checkpoint, and remove what it makes superfluous."""
        target = self._target
        assert target is not None
        self._todo.extend(self.pending(target.lsn))
        if self._todo:
            return  # a split of another process left something
        self._target = None
        if target.lsn <= self._replica.checkpoint.lsn:
            return
        self._remove_strays(target.lsn)
        if self._writer.meta_version != self._replica.schema.version:
            self._writer.write_meta()
        self._note(target)
        replica, now = self._replica, self._writer.now()
        held = {
            number: {part.id: part.floor for part in keyspace.by_id.values()}
            for number, keyspace in replica.keyspaces.items()
        }
        inventory = Inventory(replica.schema, held).encode()
        self._writer.structure((CHECKPOINT, 0, encode_numbers(target), inventory), durable=False)
        retention = replica.schema.retention
        for base in superfluous(self._volume, target.segment, replica.lsn, retention, now):
            self._volume.remove(segment_name(base))
        with contextlib.suppress(DiskFull):
            self._journal.reserve.refill(replica.lsn - target.lsn)

    def _note(self, checkpoint: Checkpoint) -> None:
        data = encode_checkpoint(self._replica.store_id, checkpoint)
        self._journal.reserve.replace(self._volume, CHECKPOINT_NAME, data)

    def _remove_strays(self, before: int) -> None:
        """Remove folders with an id below an LSN that the maps do not name, durably.

        The checkpoint takes away the record that says a folder was replaced, and who opens the
        store takes an older folder for a partition; so none may be left, nor come back after a
        crash. Those past it may be there for a record that somebody is going to write.
        """
        for keyspace in self._replica.keyspaces.values():
            # Their names and not their ids: a torn end of the journal may have given an id to one
            # partition, and what came after it to another.
            known = {keyspace.path(part) for part in keyspace.partitions()}
            for name in self._volume.list(keyspace.directory):
                path = f"{keyspace.directory}/{name}"
                parsed = parse_partition_directory(name)
                if parsed is not None and parsed[1] < before and path not in known:
                    self._volume.remove(path)
            if self._volume.list(keyspace.directory):
                self._volume.sync(keyspace.directory)

    def mark_clean(self) -> None:
        """Note how far the journal is on disk, so that damage to it is no torn end."""
        old = self._replica.checkpoint
        new = old._replace(synced=self._journal.synced)
        if new.synced > old.synced:
            self._note(new)

    # -- one partition ----------------------------------------------------------------------------

    def _fold(self, keyspace: Keyspace, part: Partition) -> int:
        """Write what a partition holds into snapshots, and say so in the journal."""
        replica = self._replica
        # No snapshot holds an operation that the journal could still lose.
        self._writer.sync_through(replica.lsn)
        with replica.mutex:
            owner, entries = replica.entries_at(keyspace, part.begin)
        assert owner is part
        if not entries and len(keyspace.partitions()) > 1 and self._merge(keyspace, part):
            return 2
        if size(entries) <= self.partition_bytes:
            if part.id:
                end = keyspace.end_of(part)
                file = self._file(keyspace, part.id, part.begin, end, entries, replica.lsn)
                self._write(keyspace, [file], [part])
                self._writer.structure((FOLD, keyspace.id, encode_numbers([part.id]), b""))
            else:
                self._replace(keyspace, [part], [part.begin], [entries])
            return 1
        return self._split(keyspace, part, entries)

    def _split(self, keyspace: Keyspace, part: Partition, entries: Entries) -> int:
        target = int(self.partition_bytes * PIECE_SHARE)
        points, more = cut_points(entries, target, MOST_PIECES)
        pieces = pieces_of(entries, points)
        begins = [part.begin, *points]
        self._replace(keyspace, [part], begins, pieces, rest=more)
        if more:
            self._todo.append((keyspace, keyspace.candidate(points[-1])))
            self._planned += MOST_PIECES
        return len(begins)

    def _merge(self, keyspace: Keyspace, part: Partition) -> bool:
        """Join an empty partition with a neighbour; False where none is fit for it."""
        replica = self._replica
        with replica.mutex:
            if part.begin:
                left = replica.entries_below(keyspace, part.begin)[0]
            else:
                left = part
            right = keyspace.next_of(left)
            if right is None:
                return False
            right = replica.entries_at(keyspace, right.begin)[0]
            other = left if right is part else right
            entries = replica.entries_at(keyspace, other.begin)[1]
        if right is not part and left is not part:
            return False
        if other.id == 0 or size(entries) > self.partition_bytes:
            return False
        self._replace(keyspace, [left, right], [left.begin], [entries])
        return True

    def _replace(
        self,
        keyspace: Keyspace,
        old: list[Partition],
        begins: list[bytes],
        pieces: list[Entries],
        *,
        rest: bool = False,
    ) -> None:
        """Write new partitions, put them into the map, and remove the folders of the old ones.

        With ``rest`` the last piece is not folded: it keeps its pending operations over what its
        old snapshot had, or over nothing where it had none.
        """
        replica = self._replica
        last = old[-1]
        end = keyspace.end_of(last)
        first = replica.lsn
        made: list[Piece] = []
        files: list[tuple[str, bytes]] = []
        for index, (begin, entries) in enumerate(zip(begins, pieces, strict=True)):
            number = first + index
            stop = begins[index + 1] if index + 1 < len(begins) else end
            if not rest or index < len(begins) - 1:
                files.append(self._file(keyspace, number, begin, stop, entries, first))
                made.append(Piece(number, first, True, begin))
            elif last.id == 0:
                made.append(Piece(0, 0, False, begin))
            else:
                file, lsn = self._rest(keyspace, last, number, begin, stop)
                files.append(file)
                made.append(Piece(number, lsn, False, begin))
        self._write(keyspace, files, old)
        numbers = encode_numbers(part.id for part in old)
        # The new ids are LSNs inside the record that makes them, so they are never used again.
        assert len(numbers) + len(encode_pieces(made)) >= len(made)
        self._writer.structure((REPLACE, keyspace.id, numbers, encode_pieces(made)))
        self._keep_warm(keyspace, made, pieces)
        for part in old:
            if part.id:
                self._volume.remove(keyspace.path(part))

    def _write(
        self, keyspace: Keyspace, files: list[tuple[str, bytes]], old: list[Partition]
    ) -> None:
        """Write the snapshots that come in the place of those of ``old``."""

        def before() -> int:
            return sum(self._replica.snapshot_bytes(keyspace, part) for part in old if part.id)

        self._journal.reserve.replace_all(self._volume, files, before)

    def _file(
        self,
        keyspace: Keyspace,
        number: int,
        begin: bytes,
        end: bytes | None,
        entries: Entries,
        lsn: int,
    ) -> tuple[str, bytes]:
        """Return name and content of a snapshot."""
        store_id = self._replica.store_id
        header = SnapshotHeader(keyspace.id, number, lsn, len(entries), 0, 0, begin, end)
        name = keyspace.file(Partition(number, begin, resolved=True))
        return name, dump_snapshot(store_id, header, entries)

    def _rest(
        self, keyspace: Keyspace, old: Partition, number: int, begin: bytes, end: bytes | None
    ) -> tuple[tuple[str, bytes], int]:
        """Return a snapshot of what an old one has from ``begin`` on, and its LSN."""
        replica = self._replica
        name = keyspace.file(old)
        path = f"{self._volume.root}/{name}"
        data = self._volume.read(name)
        header, before = load_snapshot(data, replica.store_id, path, trusted=replica.trusted)
        kept = Entries((key, before[key]) for key in before.irange(begin))
        return self._file(keyspace, number, begin, end, kept, header.lsn), header.lsn

    def _keep_warm(self, keyspace: Keyspace, made: list[Piece], pieces: list[Entries]) -> None:
        """Give the new partitions their entries, which are in memory anyway."""
        replica = self._replica
        with replica.mutex:
            for piece, entries in zip(made, pieces, strict=True):
                part = keyspace.candidate(piece.begin)
                if (
                    piece.folded
                    and part.id == piece.id
                    and part.begin == piece.begin
                    and part.entries is None
                ):
                    part.entries = entries
                    part.order = None
                    part.cost = memory_cost(entries)
                    replica.cache.add(part)
