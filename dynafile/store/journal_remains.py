"""The remains of a journal: the records that are whole, and what cannot be read between them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

from dynafile.errors import CorruptFile, StorageError
from dynafile.store.format import (
    SEGMENT_HEADER_BYTES,
    Record,
    check_segment_header,
    next_record_after,
    records,
    zeros_only,
)
from dynafile.store.history import rotates_to, segments
from dynafile.store.holes import read_apart_to_hole
from dynafile.store.names import segment_name
from dynafile.store.volume import Volume


class Damage(NamedTuple):
    """A place that cannot be used."""

    file: str
    """Relative to the folder."""
    offset: int | None
    """In bytes; None: it is about the file as a whole."""
    what: str


class Gap(NamedTuple):
    """Commits that cannot be read."""

    begin: int
    """The LSN of the first."""
    end: int
    """The LSN after the last, as far as that is known."""
    file: str
    offset: int
    after: int
    """The time of the commit before, in microseconds since 1970; 0: there is none."""
    before: int
    """The time of the commit that comes next; 0: there is none."""


class _Run(NamedTuple):
    """Records that follow one another without a gap, in one segment."""

    base: int
    begin: int
    end: int


class JournalRemains:
    """What can be read of a journal, whatever happened to its files.

    A record vouches for itself: its checksum covers its LSN, and that is its place. So what comes
    behind damage is found again, and a segment whose header is damaged is read all the same.
    """

    def __init__(self, volume: Volume, store_id: bytes) -> None:
        self._volume = volume
        self._store_id = store_id
        self._runs: list[_Run] = []
        self._stop: int | None = None
        self._time = 0
        self._open: Gap | None = None
        self.first = 0
        """The LSN from which on there are segments; 0: there are none."""
        self.known = 0
        """The journal was on the disk up to this LSN, for all that is known."""
        self.gaps: list[Gap] = []
        self.damages: list[Damage] = []
        self.cut: Damage | None = None
        """Bytes at the end that no commit was ever known to be in, as a crash leaves them."""

    def assert_from(self, lsn: int) -> None:
        """Note that there must be records from this LSN on."""
        if self.first > lsn:
            self.gaps.insert(0, Gap(lsn, self.first, segment_name(lsn), 0, 0, 0))

    def survey(
        self, begin: int, known: int, stop: int | None, visit: Callable[[Record], None]
    ) -> None:
        """Read everything once, and find the gaps.

        :param begin: an LSN from which on there must be records; 0: not known.
        :param known: the journal was synced up to here.
        :param stop: where it ends at the latest; None: not known.
        :param visit: is called with each record, in order.
        """
        self.known, self._stop = known, stop
        bases = segments(self._volume)
        self.first = bases[0] if bases else 0
        lsn = begin if not bases or bases[0] > begin > 0 else bases[0]
        rotated, missing = False, True
        file, offset = segment_name(lsn), 0
        for base in bases:
            data = self._read(base)
            if base < lsn or not (rotated or base == lsn or _has_records(data, base)):
                continue  # made by a process that died before it said so
            if base > lsn:
                self._gap(lsn, base, file, offset)
            lsn, rotated = self._segment(base, data, visit)
            missing = rotated and lsn not in bases
            file, offset = segment_name(base), SEGMENT_HEADER_BYTES + lsn - base
            if rotated:
                file, offset = segment_name(lsn), 0
        if missing or lsn < self.known:
            # A segment that is there, if only its header, tells how far the journal has come.
            self._gap(lsn, max(lsn + 1, self.known, *bases), file, offset)
        elif stop is None:
            self._look_behind(file, offset)

    def records(self) -> Iterator[Record]:
        """Yield the whole records that the survey found, in order."""
        for run in self._runs:
            data = self._read(run.base, silent=True)
            for record in records(data, SEGMENT_HEADER_BYTES + run.begin - run.base, run.begin):
                if record.lsn >= run.end:
                    break
                yield record

    def _read(self, base: int, *, silent: bool = False) -> bytes:
        name = segment_name(base)
        try:
            data, hole = read_apart_to_hole(self._volume, name)
        except (FileNotFoundError, StorageError) as error:
            if not silent:
                self.damages.append(Damage(name, None, f"it cannot be read ({error})"))
            return b""
        if not silent and hole is not None:
            self.damages.append(Damage(name, hole, "a hole; what is behind it was not looked at"))
        if not silent:
            try:
                path = f"{self._volume.root}/{name}"
                check_segment_header(data, self._store_id, base, path)
            except CorruptFile as error:
                self.damages.append(Damage(name, error.offset, "its header is damaged"))
        return data

    def _segment(self, base: int, data: bytes, visit: Callable[[Record], None]) -> tuple[int, bool]:
        """Read a segment; return where its records end, and whether that is the end of it."""
        name, shift = segment_name(base), base - SEGMENT_HEADER_BYTES
        lsn = base
        while True:
            begin = lsn
            for record in records(data, lsn - shift, lsn):
                if self._stop is not None and record.lsn >= self._stop:
                    break
                self._note(record)
                visit(record)
                lsn = record.end
                following = rotates_to(record)
                if following is not None:
                    self._runs.append(_Run(base, begin, lsn))
                    return following, True
            if begin < lsn:
                self._runs.append(_Run(base, begin, lsn))
            if zeros_only(data[lsn - shift :]):
                return lsn, False
            later = next_record_after(data, lsn - shift, shift)
            if later is None:
                return lsn, False
            self._gap(lsn, shift + later[0], name, lsn - shift)
            lsn = shift + later[0]

    def _note(self, record: Record) -> None:
        self.known = max(self.known, record.synced)
        self._time = record.time
        if self._open is not None:
            self.gaps[-1] = self._open._replace(before=record.time)
            self._open = None

    def _gap(self, begin: int, end: int, file: str, offset: int) -> None:
        gap = Gap(begin, end, file, offset, self._time, 0)
        if self._open is not None and self._open.end == begin:
            gap = self._open._replace(end=end)  # no record came between
            self.gaps.pop()
        else:
            what = f"the commits from LSN {begin} on cannot be read"
            self.damages.append(Damage(file, offset, what))
        self._open = gap
        self.gaps.append(gap)

    def _look_behind(self, file: str, offset: int) -> None:
        """Note what was written after the last record."""
        rest = read_apart_to_hole(self._volume, file)[0][offset:].rstrip(b"\0") if offset else b""
        if rest:
            what = f"{len(rest)} bytes that were written and never known to be on the disk"
            self.cut = Damage(file, offset, what)


def _has_records(data: bytes, base: int) -> bool:
    return next_record_after(data, 0, base - SEGMENT_HEADER_BYTES) is not None
