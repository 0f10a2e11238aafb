"""The feed: what was done to documents, read once for all of a process who listen.

It follows the stream of the table in one thread, which begins with the first who listens, and keeps
the newest events. Who listens holds a position in them; one that falls out at the end reads the
stream by itself, from where it was, until it is among the newest again. So nobody makes a writer
wait, and nothing grows with how slow somebody is.
"""

from __future__ import annotations

import logging
import threading
import time
from bisect import bisect_right
from collections.abc import Iterator
from itertools import islice
from typing import Any, Final, Protocol

from msgspec import Struct

from dynafile import Stream, StreamRecord, Table
from dynafile.documents.comparing import are_equal
from dynafile.documents.layout import DATA, MARK, PK, SK, TIME, group_of
from dynafile.documents.paths import Path
from dynafile.documents.values import decode
from dynafile.errors import DynafileError, HandleClosed, HandleUnusable, TrimmedDataAccess

__all__ = ["Event", "Feed", "Listener", "commit_of", "event_of"]

_MOST_EVENTS: Final = 8192
_MOST_BYTES: Final = 16 << 20
_SHORTEST_PAUSE: Final = 0.0005
_LONGEST_PAUSE: Final = 0.01
_IDLE_SECONDS: Final = 5.0
"""When nobody has listened for so long, the feed stops reading."""
_COMMIT_DIGITS: Final = 20

_log: Final = logging.getLogger("dynafile")


class Event(Struct):
    """What a commit did to one document, which is shared by all who listen."""

    position: str
    path: Path
    topics: tuple[str, str, str]
    """The document, its collection, and the partition of the group, to which some listen."""
    old: bytes | None
    new: bytes | None
    _old_value: Any = None
    _new_value: Any = None
    _same: bool | None = None

    @property
    def old_value(self) -> Any:
        """The document before, to look at only; None: it was not there."""
        if self._old_value is None and self.old is not None:
            self._old_value = decode(self.old)
        return self._old_value

    @property
    def new_value(self) -> Any:
        """The document after, to look at only; None: it is gone."""
        if self._new_value is None and self.new is not None:
            self._new_value = decode(self.new)
        return self._new_value

    @property
    def is_same(self) -> bool:
        """Whether the document was there before and is there after, with an equal value."""
        if self._same is None:
            there = self.old is not None and self.new is not None
            self._same = there and are_equal(self.old_value, self.new_value)
        return self._same

    @property
    def size(self) -> int:
        """About how many bytes it takes."""
        return 200 + len(self.old or b"") + len(self.new or b"")


def commit_of(position: str) -> str:
    """Return the part of a position that is the same for all of a commit."""
    return position[:_COMMIT_DIGITS]


def event_of(record: StreamRecord) -> Event | None:
    """Return what a record says of a document; None: it speaks of something else."""
    keys = record.keys
    collection, id_ = keys[PK], keys[SK]
    if collection[0] == "/":
        return None
    old, new = record.old_image, record.new_image
    if (old is not None and TIME not in old) or (new is not None and TIME not in new):
        return None
    return Event(
        record.sequence_number,
        (*collection.split("/"), id_),
        (f"{collection}/{id_}", collection, group_of(collection)),
        None if old is None else old[DATA],
        None if new is None else new[DATA],
    )


def _position_of(event: Event) -> str:
    return event.position


class Listener(Protocol):
    """Who is to know of events."""

    topic: str
    """One of :attr:`Event.topics`, of which it hears."""

    def notice(self, number: int, before: str) -> None:
        """Hear of an event, and the position before it; called with the feed's mutex held."""

    def begin_again(self) -> None:
        """Hear that events were lost; called with the feed's mutex held."""

    def wake(self) -> None:
        """Look for news; called without a lock."""


class Feed:
    """The newest events, in the order of the commits; each has a number, from 0 on."""

    def __init__(self, table: Table) -> None:
        self._table = table
        self.mutex = threading.RLock()
        self._stream: Stream | None = None
        self._thread: threading.Thread | None = None
        self._wake = threading.Event()
        self._events: list[Event] = []
        self._base = 0
        """The number of the first of the events that are kept."""
        self._bytes = 0
        self.position = ""
        """Of the last record that was read."""
        self._floor = ""
        """The events after this position are kept."""
        self._listeners: dict[str, dict[Listener, None]] = {}
        """By topic."""
        self.closed = False

    # -- listening ------------------------------------------------------------------------------

    def join(self, listener: Listener) -> None:
        """Have a listener hear of events from now on."""
        with self.mutex:
            self._check_open()
            if self._stream is None:
                self._begin()
            self._listeners.setdefault(listener.topic, {})[listener] = None
            if self._thread is None:
                self._thread = threading.Thread(
                    target=self._follow, name="dynafile documents", daemon=True
                )
                self._thread.start()

    def leave(self, listener: Listener) -> None:
        """Have a listener hear no more."""
        with self.mutex:
            some = self._listeners.get(listener.topic)
            if some is not None:
                some.pop(listener, None)
                if not some:
                    del self._listeners[listener.topic]

    def _begin(self) -> None:
        """Begin to read where the journal ends, which a mark makes a place that has a number."""
        self._stream = self._table.stream("LATEST", follow=False)
        self.position = ""
        while not self.position:  # a mark of the same time as another's is no change
            self._table.put_item(item={**MARK, TIME: time.time_ns()})
            for record in self._stream:
                self.position = self._floor = record.sequence_number

    # -- events ---------------------------------------------------------------------------------

    @property
    def end(self) -> int:
        """The number of the next event."""
        return self._base + len(self._events)

    def events(self, number: int) -> Iterator[Event]:
        """Yield the events from a number on; with the mutex held."""
        return islice(self._events, number - self._base, None)

    def keeps(self, number: int) -> bool:
        """Say whether the event of a number is still kept."""
        return number >= self._base

    def after(self, position: str) -> int | None:
        """Return the number of the first event after a position, None where it is not kept."""
        if position < self._floor:
            return None
        return self._base + bisect_right(self._events, position, key=_position_of)

    def pump(self) -> bool:
        """Take what there is of new events; return whether there was anything."""
        with self.mutex:
            self._check_open()
            if self._stream is None:
                return False
            woken: set[Listener] = set()
            try:
                some = self._read(woken)
            except TrimmedDataAccess:
                some = True
                self._start_over(woken)
        for listener in woken:
            listener.wake()
        return some

    def _read(self, woken: set[Listener]) -> bool:
        assert self._stream is not None
        some = False
        for record in self._stream:
            some, before = True, self.position
            self.position = record.sequence_number
            event = event_of(record)
            if event is None:
                continue
            number = self.end
            self._events.append(event)
            self._bytes += event.size
            for topic in event.topics:
                for listener in self._listeners.get(topic, ()):
                    listener.notice(number, before)
                    woken.add(listener)
        if len(self._events) > _MOST_EVENTS or self._bytes > _MOST_BYTES:
            self._trim()
        return some

    def _trim(self) -> None:
        """Forget the older half of the events, but never within a commit."""
        count = len(self._events) // 2
        last = self._events[count - 1]
        while count < len(self._events):
            if commit_of(self._events[count].position) != commit_of(last.position):
                break
            last = self._events[count]
            count += 1
        self._bytes -= sum(event.size for event in self._events[:count])
        del self._events[:count]
        self._base += count
        self._floor = last.position

    def _start_over(self, woken: set[Listener]) -> None:
        """Go on from now, as what was to be read is lost; all who listen begin anew."""
        assert self._stream is not None
        self._stream.close()
        self._forget()
        self._begin()
        for listener in self._all():
            listener.begin_again()
            woken.add(listener)

    # -- the thread -----------------------------------------------------------------------------

    def wake(self) -> None:
        """Look for events now: somebody of this process has written."""
        if self._thread is not None:
            self._wake.set()

    def _follow(self) -> None:
        pause, heard = _SHORTEST_PAUSE, time.monotonic()
        while not self.closed:
            self._wake.clear()
            if self._listeners:
                heard = time.monotonic()
            elif time.monotonic() > heard + _IDLE_SECONDS and self._stopped():
                return
            try:
                some = self.pump()
            except HandleUnusable:
                break
            except DynafileError:
                _log.exception("the changes of documents cannot be read; trying again")
                some, pause = False, 1.0
            pause = _SHORTEST_PAUSE if some else min(2 * pause, _LONGEST_PAUSE)
            self._wake.wait(pause)

    def _stopped(self) -> bool:
        """Stop reading, unless somebody has come meanwhile."""
        with self.mutex:
            if self._listeners or self.closed:
                return False
            if self._stream is not None:
                self._stream.close()
            self._forget()
            self._stream = self._thread = None
            return True

    def _forget(self) -> None:
        self._base = self.end
        self._events, self._bytes = [], 0

    def _all(self) -> list[Listener]:
        return [listener for some in self._listeners.values() for listener in some]

    def close(self) -> None:
        """End it, and all who listen."""
        with self.mutex:
            if self.closed:
                return
            self.closed = True
            listeners, thread = self._all(), self._thread
            self._listeners.clear()
            if self._stream is not None:
                self._stream.close()
        self._wake.set()
        for listener in listeners:
            listener.wake()
        if thread is not None and thread is not threading.current_thread():
            thread.join()

    def _check_open(self) -> None:
        if self.closed:
            raise HandleClosed("the database of documents was closed: open it again")
