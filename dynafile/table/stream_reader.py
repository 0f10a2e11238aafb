"""Reading a table's stream: the records from a place on, in the order of the commits."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Final

from dynafile.errors import (
    CorruptFile,
    InvalidSequenceNumber,
    StreamNotEnabled,
    TrimmedDataAccess,
)
from dynafile.store.format import CHANGE, Record
from dynafile.store.history import Forgotten, NoCommit, forgets
from dynafile.store.names import segment_name
from dynafile.store.schema import Retention
from dynafile.store.store import Store
from dynafile.table.definition import definition_in
from dynafile.table.keys import KeySchema
from dynafile.table.stream_options import retention_of
from dynafile.table.stream_record import (
    Position,
    StreamRecord,
    parse_sequence_number,
    record_of,
    sequence_number,
)

TRIM_HORIZON: Final = "TRIM_HORIZON"
LATEST: Final = "LATEST"
BEGIN: Final = (0, 0)
"""The place at which a stream begins, whatever the oldest record is."""
BATCH: Final = 256
"""So many records are taken at a time, or those of one commit."""
_MICROSECONDS: Final = 1_000_000


class StreamReader:
    """The records of one table. Never writes, takes no lock, and may be one of many.

    Commits that are too old are no longer read, although the segment that they are in may still be
    there: what one can read does not depend on when the journal was cleaned.
    """

    def __init__(
        self, store: Store, table: str, number: int | None, from_now: int | None = None
    ) -> None:
        """Raise StreamNotEnabled where the table has had no stream within its retention.

        ``from_now``: the LSN that LATEST means, where that was found out before; else the end.
        """
        definition = definition_in(store.schema, table, number)
        retention = retention_of(definition.settings)
        if retention is None or is_over(retention):
            raise StreamNotEnabled(
                f"the table {table!r} has no stream: open it with stream=True, or declare one by "
                "update_table(); what was written before that is in no stream",
                table=table,
            )
        self._store = store
        self._table = table
        self._number = definition.items
        self._retention = retention
        self._label = definition.settings.stream_label or 0
        self._begun = definition.settings.stream_begun or 0
        self._from_now = from_now
        self._keys = KeySchema(definition)
        self._recent: Record | None = None
        """The commit of which a single record was read last: often the next one is in it too."""

    @property
    def seconds(self) -> int:
        """How long records are kept."""
        return self._retention.seconds

    @property
    def ended(self) -> bool:
        """Whether the stream was disabled, or is no more: nothing comes after what is there.

        One that was declared anew since is another stream.
        """
        stored = self._stored()
        settings = {} if stored is None else stored.get("settings", {})
        return settings.get("stream") is None or settings.get("stream_begun", 0) != self._begun

    def _stored(self) -> dict[str, Any] | None:
        """Return what the schema says of the table now; None: it was deleted."""
        stored: dict[str, Any] | None = self._store.schema.tables.get(self._table)
        return stored if stored is not None and stored["items"] == self._number else None

    # -- places ---------------------------------------------------------------------------------

    def latest(self) -> Position:
        """Return the place after the last commit."""
        return self._store.published() if self._from_now is None else self._from_now, 0

    def _oldest(self) -> Position:
        """Return a place at or before the oldest record that can be read, and not far from it."""
        end, size = self._store.published(), self._retention.size
        oldest = self._store.history.oldest(end, self._limit(), size)
        return max(oldest, self._begun), 0

    def place_of(self, start: object) -> Position:
        """Return the place of ``"TRIM_HORIZON"``, ``"LATEST"`` or a sequence number.

        Raises InvalidSequenceNumber where no record has it, TrimmedDataAccess where it is gone.
        """
        if start == LATEST:
            return self.latest()
        if start == TRIM_HORIZON:
            return BEGIN
        try:
            return self.place_of_record(start)
        except InvalidSequenceNumber as error:
            error.add_note(
                f"{error}. It is neither {TRIM_HORIZON!r}, the oldest record, nor {LATEST!r}, what "
                "comes from now on"
            )
            raise

    def place_of_record(self, number: object) -> Position:
        """Return the place of a sequence number; raises as :meth:`place_of` does."""
        place = parse_sequence_number(number)
        if not self._is_record(place):
            raise InvalidSequenceNumber(
                f"no record of the stream of {self._table!r} has the sequence number {number}: it "
                "is of another stream, or was made up",
                sequence_number=str(number),
            )
        return place

    def _is_record(self, place: Position) -> bool:
        end = self._store.published()
        if place[0] >= end:
            return False
        try:
            record = next(self._store.history.read(place[0], end))
        except NoCommit:
            return False
        except Forgotten:
            raise self._trimmed(place) from None
        operations = record.operations
        if place[1] >= len(operations) or operations[place[1]][:2] != (CHANGE, self._number):
            return False
        if self._is_forgotten(record, end):
            raise self._trimmed(place)
        return True

    # -- records --------------------------------------------------------------------------------

    def record_at(self, place: Position) -> StreamRecord:
        """Return the record at a place; raises TrimmedDataAccess where it is gone."""
        if self._recent is None or self._recent.lsn != place[0]:
            try:
                self._recent = next(self._store.history.read(place[0], self._store.published()))
            except Forgotten:
                raise self._trimmed(place) from None
            except NoCommit as error:
                raise error.damage from None
        return record_of(self._recent, place[1], self._keys)

    def oldest(self) -> StreamRecord | None:
        """Return the oldest record that can be read."""
        found, _ = self.read(BEGIN, most=1)
        return found[0] if found else None

    def newest(self) -> StreamRecord | None:
        """Return the last record. Cost: the stream is read."""
        newest, place = None, BEGIN
        while (read := self.read(place))[0]:
            newest, place = read[0][-1], read[1]
        return newest

    def read(self, place: Position, most: int = BATCH) -> tuple[list[StreamRecord], Position]:
        """Return the records from ``place`` on that are there, and the place after them.

        About ``most`` of them: those of one commit are never parted. Raises TrimmedDataAccess where
        records from that place on are no longer kept; from BEGIN, those are passed over. Raises
        CorruptFile where the next commit is damaged.
        """
        end = self._store.published()
        lsn, first = place
        if lsn >= end:
            return [], place
        if place == BEGIN:
            lsn = self._oldest()[0]
        found: list[StreamRecord] = []
        keys, number = self._keys, self._number
        try:
            for record in self._store.history.read(lsn, end):
                lsn = record.end
                if found and len(record.operations) == 2:
                    # Most are a put and what it changed; this is places_of() for them.
                    kind, space, _, _ = record.operations[1]
                    if kind == CHANGE and space == number:
                        found.append(record_of(record, 1, keys))
                        if len(found) >= most:
                            break
                    continue
                places = places_of(record, number)
                if first:
                    places = [each for each in places if each >= first]
                    first = 0
                if not places:
                    continue
                if not found and self._is_forgotten(record, end):
                    if place != BEGIN:
                        raise self._trimmed((record.lsn, places[0]))
                    continue
                found.extend([record_of(record, each, keys) for each in places])
                if len(found) >= most:
                    break
        except Forgotten:
            if place == BEGIN and not found:
                if self._oldest()[0] <= lsn:
                    raise self._missing(lsn) from None
                return self.read(place, most)  # the segment went between two calls
            if not found and self._stored() is None:
                return [], (end, 0)  # nothing is kept for a table that was deleted
            if not found:
                raise self._trimmed((lsn, first)) from None
        except NoCommit as error:
            raise error.damage from None
        except CorruptFile:
            if not found:
                raise  # otherwise when what comes before it was read
        return found, (lsn, 0)

    # -- retention ------------------------------------------------------------------------------

    def _limit(self) -> int:
        """Return the time before which nothing can be read, in microseconds."""
        now = int(time.time() * _MICROSECONDS)
        return max(now - self._retention.seconds * _MICROSECONDS, self._label)

    def _is_forgotten(self, record: Record, end: int) -> bool:
        if record.lsn < self._begun:
            return True
        size = 0
        if self._retention.size is not None:
            size = self._store.history.size(record.lsn, end)
        return forgets(self._retention, record.time, size, int(time.time() * _MICROSECONDS))

    def _missing(self, lsn: int) -> CorruptFile:
        path = f"{self._store.volume.root}/{segment_name(lsn)}"
        return CorruptFile(
            f"{path} is missing, and what comes before it is there: put the file back from a "
            "backup, or go on with start='LATEST'; the items are not affected",
            path=path,
            offset=0,
        )

    def _trimmed(self, place: Position) -> TrimmedDataAccess:
        first = self.oldest()
        oldest = None if first is None else first.sequence_number
        seconds, size = self._retention.seconds, self._retention.size
        kept = f"{seconds / 3600:g} hours" if seconds >= 3600 else f"{seconds} seconds"
        if size is not None:
            kept += f" and {size} bytes of the journal"
        requested = sequence_number(place)
        until = datetime.fromtimestamp(self._limit() / _MICROSECONDS, UTC)
        lost = f"up to {oldest}, which is the oldest now," if oldest else "up to now"
        return TrimmedDataAccess(
            f"the records of {self._table!r} from {requested} {lost} are lost: the stream keeps "
            f"{kept}, which is back to {until:%Y-%m-%d %H:%M:%S} UTC. Go on with "
            "start='TRIM_HORIZON', or declare the stream with a longer retention",
            requested=requested,
            oldest=oldest,
        )


def places_of(record: Record, number: int) -> Sequence[int]:
    """Return which operations of a commit speak of changes in a keyspace."""
    operations = record.operations
    return [
        place
        for place, operation in enumerate(operations)
        if operation[0] == CHANGE and operation[1] == number
    ]


def is_over(retention: Retention) -> bool:
    """Say whether a stream has ended, and for longer than its records are kept."""
    return retention.until is not None and time.time() * _MICROSECONDS > retention.until
