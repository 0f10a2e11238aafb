"""The journal: the segments of the append-only log, and where in them an LSN lies."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable, Iterator
from functools import partial
from typing import Final

from dynafile.errors import CorruptFile, DiskFull
from dynafile.store.format import (
    SEGMENT_HEADER_BYTES,
    Record,
    check_segment_header,
    decode_record,
    encode_segment_header,
    next_record_after,
    zeros_only,
)
from dynafile.store.holes import read_whole
from dynafile.store.names import parse_segment_name, segment_name
from dynafile.store.position import GENERATION
from dynafile.store.reserve import Reserve
from dynafile.store.volume import Volume

LEAST_ROOM: Final = 64 * 1024
LARGE_READ: Final = 1024 * 1024
MOST_ROOM: Final = 1024 * 1024
"""A segment keeps zeros ahead of its end: a sync that does not change a file's size is a third
cheaper."""
LITTLE_ROOM: Final = 4 * 1024
"""The same on a full disk."""

_log = logging.getLogger("dynafile")


class Journal:
    """The journal as one process follows it.

    The segment at hand is the one that holds the replica's LSN, for reading and for appending: who
    appends has first read to the end. Reading happens under the replica's mutex, writing under the
    writer's lock; both change ``segment`` only under the mutex.
    """

    def __init__(self, volume: Volume, store_id: bytes) -> None:
        self._volume = volume
        self._store_id = store_id
        self.words = volume.share()
        self.segment = 0
        self._name = ""
        self._next: int | None = None
        self._room = 0  # the segment's length as far as this process knows; it may be longer
        self._generation = self.words[GENERATION]
        self.synced = 0
        self.checkpoint = 0
        self.reserve = Reserve(volume)

    def create(self, base: int) -> None:
        """Make an empty segment, durably."""
        data = encode_segment_header(self._store_id, base)
        name = segment_name(base)
        self._volume.forget(name)
        try:
            self._volume.replace(name, data.ljust(LEAST_ROOM, b"\0"))
        except DiskFull:
            little = data.ljust(LITTLE_ROOM, b"\0")
            self.reserve.spend(partial(self._volume.replace, name, little))

    def move(self, base: int) -> None:
        """Go to the segment that begins at ``base``; raises FileNotFoundError where it is gone."""
        name = segment_name(base)
        header = self._volume.read(name, 0, SEGMENT_HEADER_BYTES)
        check_segment_header(header, self._store_id, base, self._path(name))
        if self._name and self._name != name:
            self._volume.forget(self._name)
        self.segment, self._name, self._room = base, name, 0
        self._next = None

    def follow(self, base: int) -> None:
        """Note that the segment at hand ends at ``base``, where the next one begins.

        The move itself waits until something is read or written there, so that a record which is
        applied once more after an interruption is still found.
        """
        self._next = base

    @property
    def last(self) -> int:
        """Where the newest segment begins that the journal has come to."""
        return self.segment if self._next is None else self._next

    def _come_to(self, lsn: int) -> None:
        if self._next is not None and lsn >= self._next:
            self.move(self._next)

    def _reopen(self) -> None:
        """Let go of a segment that somebody replaced by a copy."""
        self._generation = self.words[GENERATION]
        self._volume.forget(self._name)
        self._room = 0

    def _path(self, name: str) -> str:
        return f"{self._volume.root}/{name}"

    def _offset(self, lsn: int) -> int:
        return SEGMENT_HEADER_BYTES + lsn - self.segment

    # -- reading --------------------------------------------------------------------------------

    def read(self, lsn: int, stop: int) -> Iterator[Record]:
        """Yield the published records from ``lsn`` up to ``stop``.

        Raises FileNotFoundError where a segment is gone, CorruptFile where a record is damaged.
        """
        if self.words[GENERATION] != self._generation:
            self._reopen()
        while lsn < stop:
            self._come_to(lsn)
            base = lsn
            # A damaged ``stop`` may be anywhere; what is read is bounded by the file.
            if stop - base < LARGE_READ:
                data = self._volume.read(self._name, self._offset(base), stop - base)
            else:
                data = read_whole(self._volume, self._name, self._offset(base))
            while lsn < stop and lsn != self._next:
                record = decode_record(data, lsn - base, lsn)
                if record is None:
                    raise self._damaged(lsn)
                lsn = record.end
                yield record

    def replay(self, lsn: int, known: int) -> Iterator[Record]:
        """Yield every whole record from ``lsn``, and judge what comes after the last one.

        ``known`` is the highest LSN that something besides the records proves to be on disk. Damage
        below it, or below what a record says was synced, raises CorruptFile; above it is the torn
        end of a crash, which :meth:`cut` removes. To be called under the writer's lock, or
        read-only.
        """
        while True:
            self._come_to(lsn)
            base = lsn
            data = read_whole(self._volume, self._name, self._offset(base))
            while (record := decode_record(data, lsn - base, lsn)) is not None:
                lsn = record.end
                known = max(known, record.synced)
                yield record
            if lsn != self._next:
                break
            if not self._volume.read_only:
                # Who began the next segment may have died before it synced this one, and what is
                # acknowledged from there on is worth nothing without it.
                self.sync(lsn)
        if not zeros_only(data[lsn - base :]):
            later = next_record_after(data, lsn - base, base)
            if later is not None:
                known = max(known, later[1])
        if lsn < known:
            raise self._damaged(lsn)

    def _damaged(self, lsn: int) -> CorruptFile:
        path, offset = self._path(self._name), self._offset(lsn)
        return CorruptFile(
            f"{path} is damaged at offset {offset} (LSN {lsn}), before a place that was known to "
            "be "
            f"on disk, so commits that were acknowledged are lost. `dynafile check` lists what is "
            "wrong; restore a backup, or save what is left with `dynafile repair`",
            path=path,
            offset=offset,
        )

    # -- writing, under the writer's lock --------------------------------------------------------

    def cut(self, end: int) -> int:
        """Put zeros over whatever lies past ``end``; return how many bytes did."""
        self._come_to(end)
        if self.words[GENERATION] != self._generation:
            self._reopen()
        offset = self._offset(end)
        rest = self._volume.read(self._name, offset)
        self._room = offset + len(rest)
        if zeros_only(rest):
            return 0
        self._volume.write(self._name, offset, bytes(len(rest)))
        torn = len(rest.rstrip(b"\0"))
        _log.warning(
            "%s: cut %d bytes at offset %d that were written but never acknowledged",
            self._path(self._name),
            torn,
            offset,
        )
        return torn

    def remove_later(self, end: int) -> None:
        """Remove segments that begin past ``end``, durably.

        Whoever made one died, or failed, before a record said that it is the next; what is
        appended now may pass its beginning, and who reads the history would look for it there.
        """
        bases = map(parse_segment_name, self._volume.list("journal"))
        later = [segment_name(base) for base in bases if base is not None and base > end]
        for name in later:
            self._volume.remove(name)
        if later:
            self._volume.sync("journal")

    def append(self, lsn: int, data: bytes, *, frees: bool = False) -> None:
        """Write records at ``lsn``: not durable before :meth:`sync`, not visible before END.

        Raises DiskFull. ``frees``: they may take room that is held for what frees room.
        """
        if self._next is not None:
            self._come_to(lsn)
        if self.words[GENERATION] != self._generation:
            self._reopen()  # or the record would go into a file that has lost its name
        offset = SEGMENT_HEADER_BYTES + lsn - self.segment
        stop = offset + len(data)
        if stop > self._room:
            # Another process may have made room since; zeros over its records would be the end of
            # them.
            self._room += len(self._volume.read(self._name, self._room))
            if stop > self._room:
                if frees:
                    room = LITTLE_ROOM
                else:
                    self.reserve.refill(lsn - self.checkpoint)
                    room = min(MOST_ROOM, max(LEAST_ROOM, self._room))
                data += bytes(room - stop % room)
            self._volume.write(self._name, offset, data)
            self._room = max(self._room, offset + len(data))
        else:
            self._volume.write(self._name, offset, data)

    def append_at_last(self, lsn: int, data: bytes) -> None:
        """Append in the room that is held on a full disk; raises DiskFull where that is used up."""
        self.reserve.spend(partial(self.append, lsn, data, frees=True))

    def make_room(self, lsn: int, checkpoint: Callable[[], None]) -> bool:
        """Make a checkpoint on a full disk; False where that frees little, or was just tried."""
        return self.reserve.make_room(lsn, lsn - self.checkpoint, checkpoint)

    def sync(self, end: int) -> None:
        """Make the journal durable up to ``end``, the end of the segment at hand."""
        if self.synced < end:
            self._volume.sync(self._name)
            self.synced = end

    def newest(self, end: int) -> int:
        """Return where the segment begins that a record at ``end``, the journal's end, goes to."""
        return self._next if self._next is not None and end >= self._next else self.segment

    def sync_beside(self, end: int) -> Callable[[], None]:
        """Return what makes the journal durable up to ``end``, its end now, while others write.

        Called under the replica's mutex; what it returns needs neither that nor a lock.
        """
        name = self._name

        def sync() -> None:
            # Where the segment is gone, everything in it is in snapshots.
            with contextlib.suppress(FileNotFoundError):
                self._volume.sync_beside(name)
            if self.synced < end:
                self.synced = end

        return sync

    def renew(self, end: int) -> None:
        """Replace the segment by a copy: after a failed sync nobody knows what is on disk."""
        self._come_to(end)
        data = self._volume.read(self._name, 0, self._offset(end))
        self._volume.forget(self._name)
        renewed = data + bytes(LEAST_ROOM)
        self.reserve.spend(partial(self._volume.replace, self._name, renewed))
        # Around, because who forged the position may have put the highest number there.
        self.words[GENERATION] = self._generation = (self.words[GENERATION] + 1) % (1 << 64)
        self._room = 0
        self.synced = end
