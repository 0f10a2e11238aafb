"""Reading ahead: what was read of a stream and is to be handed out next."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from dynafile.table.stream_reader import StreamReader
from dynafile.table.stream_record import Position, StreamRecord, place_of

Wanted = Callable[[StreamRecord], object]


class ReadAhead:
    """What was read of the stream, and not looked at by all consumers of the name.

    Others move the place that all share; what was read is used from there on, and not read again.
    """

    def __init__(self, reader: StreamReader, wanted: Wanted | None) -> None:
        """Read what ``reader`` gives; a ``wanted`` that raises is asked again."""
        self._reader = reader
        self._wanted = wanted
        self.records: deque[StreamRecord] = deque()
        """Those that are wanted from the place on that was looked at last."""
        self._begin: Position | None = None
        self.end: Position = (0, 0)
        """The place after what was read."""

    def look(self, place: Position) -> bool:
        """Have the records from a place on; read some where there are none.

        Return whether none of those that were read is wanted: there may be more after them.
        """
        if self._begin is None or not self._begin <= place <= self.end:
            self.records.clear()
            self.end = place
        self._begin = place
        while self.records and place_of(self.records[0]) < place:
            self.records.popleft()
        if self.records:
            return False
        found, end = self._reader.read(self.end)
        # Which may raise, and is asked again.
        wanted = found if self._wanted is None else list(filter(self._wanted, found))
        self.records.extend(wanted)
        self.end = end
        return bool(found) and not wanted

    def next(self, place: Position) -> Position:
        """Return the place of the next record that is wanted from a place on, as far as known."""
        if self._begin is None or not self._begin <= place <= self.end:
            return place
        known = tuple(self.records)  # at once: another thread may close the stream
        return next((place_of(each) for each in known if place_of(each) >= place), self.end)
