"""The history: commits that were made, in their order, as far back as they are kept."""

from __future__ import annotations

import threading
from bisect import bisect_right
from collections import deque
from collections.abc import Iterator
from typing import Final, Protocol

from dynafile.errors import CorruptFile, DynafileError
from dynafile.store.format import (
    FRAME_BYTES,
    MAX_RECORD_BYTES,
    RECORD_HEADER_BYTES,
    RECORD_TIME_OFFSET,
    ROTATE,
    ROTATE_BYTES,
    SEGMENT_HEADER_BYTES,
    Operation,
    Record,
    check_segment_header,
    decode_record,
    zeros_only,
)
from dynafile.store.names import parse_segment_name, segment_name
from dynafile.store.schema import Retention
from dynafile.store.volume import Volume

READ_BYTES: Final = 1024 * 1024
MEMORY_RECORDS: Final = 256
"""So many commits are copied at a time in memory, where others wait for it."""
_MICROSECONDS: Final = 1_000_000


class Forgotten(Exception):
    """The commit is no longer kept."""


class NoCommit(Exception):
    """No commit begins at this LSN.

    ``damage`` is what to raise instead where one is known to begin there.
    """

    def __init__(self, damage: DynafileError) -> None:
        super().__init__()
        self.damage = damage


def rotates_to(record: Record) -> int | None:
    """Return where the segment begins that a ROTATE record leads to; None: it is none."""
    kind, _, key, _ = record.operations[0] if len(record.operations) == 1 else (0, 0, b"", b"")
    return int.from_bytes(key, "little") if kind == ROTATE and len(key) == 8 else None


class History(Protocol):
    """Commits by their LSN. Never seen by who only reads and writes items."""

    def read(self, lsn: int, stop: int) -> Iterator[Record]:
        """Yield the commits from ``lsn`` up to ``stop``, an LSN that is published.

        Raises Forgotten where a commit is no longer kept, NoCommit where none begins at ``lsn``.
        """

    def oldest(self, end: int, time: int, size: int | None = None) -> int:
        """Return where the oldest commits begin that are kept; ``end``: there are none.

        Those before ``time``, in microseconds, may be left out, and those before the last ``size``
        bytes.
        """

    def size(self, lsn: int, end: int) -> int:
        """Return how many bytes the commits from ``lsn`` to ``end`` take."""


def forgets(retention: Retention, time: int, size: int, now: int) -> bool:
    """Say whether a commit need not be kept.

    :param time: when it was made; ``now``: the time that it is; both in microseconds.
    :param size: bytes of it and of all that came after it.
    """
    if time < now - retention.seconds * _MICROSECONDS:
        return True
    return retention.size is not None and size > retention.size


class JournalHistory:
    """The history of a store on a volume: the segments of its journal, that are kept as long."""

    def __init__(self, volume: Volume, store_id: bytes) -> None:
        self._volume = volume
        self._store_id = store_id

    def _bases(self) -> list[int]:
        return segments(self._volume)

    def read(self, lsn: int, stop: int) -> Iterator[Record]:
        """Yield commits; see :class:`History`."""
        bases = self._bases()
        place = bisect_right(bases, lsn)
        if not place:
            raise Forgotten
        *older, base = bases[:place]
        if lsn < stop:
            self._check(base)
        first = True
        while lsn < stop:
            start, size = lsn, min(stop - lsn, READ_BYTES)
            data = self._read(base, start, size)
            while lsn < stop and (record := decode_record(data, lsn - start, lsn)) is not None:
                lsn = record.end
                first = False
                yield record
                following = rotates_to(record)
                if following is not None:
                    base = following
                    break
            if lsn == start:
                record = self._large(base, lsn, data)
                if record is None and first and older and zeros_only(data[:FRAME_BYTES]):
                    base = older.pop()  # who made the segment died before it began
                    continue
                if record is None:
                    damage = self._damaged(base, lsn)
                    raise NoCommit(damage) if first else damage
                lsn = record.end
                first = False
                yield record

    def _read(self, base: int, lsn: int, size: int) -> bytes:
        try:
            offset = SEGMENT_HEADER_BYTES + lsn - base
            return self._volume.read_apart(segment_name(base), offset, size)
        except FileNotFoundError:
            if min(self._bases(), default=base) < base:
                raise self._damaged(base, max(lsn, base)) from None  # the oldest go first
            raise Forgotten from None

    def _check(self, base: int) -> None:
        header = self._read(base, base - SEGMENT_HEADER_BYTES, SEGMENT_HEADER_BYTES)
        path = f"{self._volume.root}/{segment_name(base)}"
        check_segment_header(header, self._store_id, base, path)

    def _large(self, base: int, lsn: int, data: bytes) -> Record | None:
        """Return a record that is longer than what is read at a time."""
        length = int.from_bytes(data[4:8], "little")
        if FRAME_BYTES + length <= len(data) or length > MAX_RECORD_BYTES:
            return None
        return decode_record(self._read(base, lsn, FRAME_BYTES + length), 0, lsn)

    def _damaged(self, base: int, lsn: int) -> CorruptFile:
        path = f"{self._volume.root}/{segment_name(base)}"
        offset = SEGMENT_HEADER_BYTES + lsn - base
        return CorruptFile(
            f"{path} is damaged at offset {offset} (LSN {lsn}), so what the stream holds after it "
            f"cannot be read; the items are not affected. Go on with start='LATEST'",
            path=path,
            offset=offset,
        )

    def oldest(self, end: int, time: int, size: int | None = None) -> int:
        """Return where the oldest commits begin; see :class:`History`."""
        oldest: int | None = None
        for base in self._bases():
            begun = first_time(self._volume, base)
            if begun is None and is_blank(self._volume, base):
                continue
            is_left_out = size is not None and end - base > size
            if oldest is not None and (begun is None or (begun >= time and not is_left_out)):
                break
            oldest = base
        return end if oldest is None else min(oldest, end)

    def size(self, lsn: int, end: int) -> int:
        """Return the bytes from one LSN to another."""
        return end - lsn


class MemoryHistory:
    """The history of a store in memory."""

    def __init__(self, mutex: threading.RLock) -> None:
        self._mutex = mutex
        self._kept: deque[tuple[Record, int]] = deque()
        self._written = 0

    def note(self, lsn: int, time: int, operations: list[Operation], retention: Retention) -> None:
        """Keep a commit, and forget those that need not be. Called with the mutex held."""
        kept = self._kept
        if retention.until is not None and time > retention.until:
            kept.clear()
            return
        if kept and kept[-1][0].end != lsn:
            kept.clear()  # nothing was kept in between
        before, self._written = self._written, self._written + _size_of(operations)
        kept.append((Record(lsn, lsn, time, 0, operations, lsn + 1), before))
        while forgets(retention, kept[0][0].time, self._written - kept[0][1], time):
            kept.popleft()
            if not kept:
                return

    def read(self, lsn: int, stop: int) -> Iterator[Record]:
        """Yield commits; see :class:`History`."""
        while lsn < stop:
            with self._mutex:
                first = self._kept[0][0].lsn if self._kept else stop
                if lsn < first:
                    raise Forgotten
                at = lsn - first
                end = min(at + min(stop - lsn, MEMORY_RECORDS), len(self._kept))
                # By their places: a deque finds those near either end at once, where who follows
                # is, and iterating over it would begin at the oldest.
                part = [self._kept[place][0] for place in range(at, end)]
            if not part:
                raise Forgotten  # nothing was kept from there on
            yield from part
            lsn = part[-1].end

    def oldest(self, end: int, time: int, size: int | None = None) -> int:
        """Return where the oldest commits begin; see :class:`History`."""
        with self._mutex:
            return min(self._kept[0][0].lsn, end) if self._kept else end

    def size(self, lsn: int, end: int) -> int:
        """Return the bytes of keys and values, and of what frames them."""
        with self._mutex:
            if not self._kept:
                return 0
            place = lsn - self._kept[0][0].lsn
            if place >= len(self._kept):
                return 0
            return self._written - self._kept[max(place, 0)][1]


def _size_of(operations: list[Operation]) -> int:
    return RECORD_HEADER_BYTES + sum(len(key) + len(value) for _, _, key, value in operations)


def segments(volume: Volume) -> list[int]:
    """Return the first LSNs of the segments of a journal, in order."""
    found = map(parse_segment_name, volume.list("journal"))
    return sorted(base for base in found if base is not None)


def proven(volume: Volume) -> int:
    """Return an LSN up to which the journal is on disk, because its segments are there.

    A new segment is made when all before the record that leads to it has been synced.
    """
    return max(segments(volume), default=ROTATE_BYTES) - ROTATE_BYTES


def first_time(volume: Volume, base: int) -> int | None:
    """Return the commit time of the first record of a segment; None: it has none, or is gone."""
    try:
        name = segment_name(base)
        data = volume.read_apart(name, SEGMENT_HEADER_BYTES + RECORD_TIME_OFFSET, 8)
    except FileNotFoundError:
        return None
    return int.from_bytes(data, "little") or None


def superfluous(
    volume: Volume, target: int, end: int, retention: Retention | None, now: int
) -> list[int]:
    """Return the segments before ``target`` that need not be kept, oldest first.

    ``end`` is the end of the journal, ``now`` the time in microseconds.
    """
    before = [base for base in segments(volume) if base <= target]
    if retention is None or (retention.until is not None and now > retention.until):
        return [base for base in before if base < target]
    gone: list[int] = []
    oldest: int | None = None
    for base in before:
        time = first_time(volume, base)
        if time is None and base < target and is_blank(volume, base):
            gone.append(base)
            continue
        if oldest is not None:
            if time is None or not forgets(retention, time, end - base, now):
                break
            gone.append(oldest)
        oldest = base
    return gone


def is_blank(volume: Volume, base: int) -> bool:
    """Say whether a segment has no records: who made it died before it began.

    Its removal may be undone by a power cut, long after the segments that have its LSNs are gone.
    """
    try:
        return zeros_only(volume.read_apart(segment_name(base), SEGMENT_HEADER_BYTES, -1))
    except FileNotFoundError:
        return False
