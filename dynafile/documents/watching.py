"""Listening to an embedded database: a position in the feed, or behind it in the stream."""

from __future__ import annotations

import re
import threading
from collections.abc import Sequence
from itertools import groupby
from typing import Any, Final

from msgspec.structs import replace

from dynafile import Stream, Table
from dynafile.documents.engine import DocumentChange
from dynafile.documents.feed import Event, Feed, commit_of, event_of
from dynafile.documents.finding import Finder
from dynafile.documents.layout import group_of
from dynafile.documents.paths import is_document, path_text
from dynafile.documents.requests import Query, Target
from dynafile.documents.telling import Told, view_of
from dynafile.documents.waking import WokenSubscription
from dynafile.errors import (
    HandleUnusable,
    InvalidDocumentArgument,
    InvalidDocumentArgumentType,
    InvalidSequenceNumber,
    TrimmedDataAccess,
)

__all__ = ["EmbeddedSubscription"]

_POSITION: Final = re.compile(r"(\d{30})(?:\+(\d{1,9}))?", re.ASCII)
_AT_ONCE: Final = 256


class EmbeddedSubscription(WokenSubscription):
    """Who listens to a query, at a position of its own.

    It is in one of three places: before the state, which it is to be told; behind, reading the
    stream by itself; or with the feed, where ``_next`` is the number of the first event that it
    has not looked at, or None where it has seen all.
    """

    def __init__(self, table: Table, feed: Feed, target: Target, since: str | None) -> None:
        """Begin with the state, or after a position; raises InvalidDocumentArgument."""
        super().__init__()
        query = target if isinstance(target, Query) else Query(path=target)
        self._table = table
        self._feed = feed
        self._query = query
        self._document = not isinstance(target, Query) and is_document(target)
        self._view = view_of(query)
        self.topic = group_of(query.path[0]) if query.group else path_text(query.path)
        self._taking = threading.Lock()
        self._closed = False
        self._told_state = False
        self._next: int | None = None
        self._position = ""
        self._skip = 0
        self._stream: Stream | None = None
        self._held: Event | None = None
        if since is not None:
            self._go_on(since)
        feed.join(self)

    def _go_on(self, since: str) -> None:
        """Begin behind the feed, after a position; from the state where that cannot be."""
        if not isinstance(since, str):
            raise InvalidDocumentArgumentType(
                f"since is the position of a change, a str, not {since!r:.80}"
            )
        match = _POSITION.fullmatch(since)
        if match is None:
            raise InvalidDocumentArgument(
                f"since is the position of a change, as in change.position, not {since!r:.80}"
            )
        if self._query.limit is not None:
            return  # which documents it had is not known any more
        try:
            self._stream = self._table.stream(after=match[1], follow=False)
        except TrimmedDataAccess:
            return
        except InvalidSequenceNumber as error:
            raise InvalidDocumentArgument(
                f"since={since!r:.80} is no position of this database: leave it out to begin with "
                "the state"
            ) from error
        self._position, self._skip = match[1], int(match[2] or 0)
        self._told_state = True

    # -- what the feed calls --------------------------------------------------------------------

    def notice(self, number: int, before: str) -> None:
        """Hear of an event; called with the feed's mutex held."""
        if self._next is None:
            self._next = number
            if self._stream is None and self._told_state:
                self._position = before

    def begin_again(self) -> None:
        """Hear that events were lost; called with the feed's mutex held."""
        self._told_state = False

    # -- taking ---------------------------------------------------------------------------------

    @property
    def blocks(self) -> bool:
        """Whether :meth:`take` may wait for the disk."""
        return not self._told_state or self._stream is not None

    def take(self) -> list[DocumentChange]:
        """Return the changes that are there."""
        with self._taking:
            if self._ready.is_set():
                self._ready.clear()
            try:
                while not self.closed:
                    if not self._told_state:
                        return [self._state()]
                    if self._stream is None:
                        found, more = self._from_feed()
                    else:
                        found, more = self._from_stream()
                    if found or not more:
                        return found
            except HandleUnusable:
                self._closed = True
            return []

    def _state(self) -> DocumentChange:
        """Read the state as it is at a position, and go on from there with the feed."""
        feed, finder = self._feed, Finder(self._table)
        while True:
            feed.pump()
            with feed.mutex:
                first = feed.end
            found = list(finder.matching(replace(self._query, limit=None)))
            feed.pump()
            with feed.mutex:
                if not feed.keeps(first):
                    continue  # so much was written meanwhile
                since = [e for e in feed.events(first) if self.topic in e.topics]
                documents = self._view.begin(found, since)
                self._position, self._next, self._told_state = feed.position, None, True
            self._close_stream()
            break
        value: Any
        if self._document:
            value = documents[0].value if documents else None
        elif self._query.group:
            value = {path_text(element.path): element.value for element in documents}
        else:
            value = {element.path[-1]: element.value for element in documents}
        at = self._query.path[0] if self._query.group else path_text(self._query.path)
        return DocumentChange("state", None, at, value, self._position)

    def _from_feed(self) -> tuple[list[DocumentChange], bool]:
        """Return what is to be told of the next events, and whether there may be more."""
        feed = self._feed
        with feed.mutex:
            if self._next is None:
                return [], False
            if not feed.keeps(self._next):
                return self._fall_behind()
            events: list[Event] = []
            for event in feed.events(self._next):
                if len(events) >= _AT_ONCE and _is_new(event, events[-1]):
                    break
                events.append(event)
                self._next += 1
            more = self._next < feed.end
            before = self._position
            self._position = events[-1].position
            if not more:
                self._next = None
        return self._told(events, before), more

    def _fall_behind(self) -> tuple[list[DocumentChange], bool]:
        """Read the stream by itself from where it is, as the feed has forgotten that."""
        try:
            self._stream = self._table.stream(after=self._position, follow=False)
        except TrimmedDataAccess:
            self._told_state = False
        return [], True

    def _from_stream(self) -> tuple[list[DocumentChange], bool]:
        assert self._stream is not None
        events, self._held = [] if self._held is None else [self._held], None
        before, ended = self._position, True
        try:
            for record in self._stream:
                self._position = record.sequence_number
                event = event_of(record)
                if event is None:
                    continue
                if len(events) >= _AT_ONCE and _is_new(event, events[-1]):
                    self._held, ended = event, False
                    self._position = events[-1].position
                    break
                events.append(event)
        except TrimmedDataAccess:
            self._told_state = False
            return [], True
        if ended:
            self._join_feed()
        return self._told(events, before), True

    def _join_feed(self) -> None:
        """Go on with the feed, if it has what comes next."""
        self._feed.pump()
        with self._feed.mutex:
            number = self._feed.after(self._position)
            if number is not None:
                self._close_stream()
                self._next = number if number < self._feed.end else None

    def _close_stream(self) -> None:
        if self._stream is not None:
            self._stream.close()
            self._stream = self._held = None

    # -- telling --------------------------------------------------------------------------------

    def _told(self, events: Sequence[Event], before: str) -> list[DocumentChange]:
        """Return what is to be told of events, commit by commit."""
        if len(events) == 1:  # as most are
            told = self._view.after(events) if self.topic in events[0].topics else []
            return self._changes(told, before, events[0].position)
        found: list[DocumentChange] = []
        for _, commit in groupby(events, lambda event: commit_of(event.position)):
            whole = list(commit)
            told = self._view.after([event for event in whole if self.topic in event.topics])
            last = whole[-1].position
            found += self._changes(told, before, last)
            before = last
        return found

    def _changes(self, told: Sequence[Told], before: str, last: str) -> list[DocumentChange]:
        """Return the changes of a commit; who goes on after one of them is told those that follow.

        Those before the last are placed by how many of them come after the commit before.
        """
        skip, self._skip = (self._skip, 0) if told else (0, self._skip)
        found = []
        for number, each in enumerate(told, 1):
            position = last if number == len(told) else f"{before}+{number}"
            if number > skip:
                path = each.path
                change = DocumentChange(each.type, path[-1], path_text(path), each.value, position)
                found.append(change)
        return found

    # -- ending ---------------------------------------------------------------------------------

    @property
    def closed(self) -> bool:
        """Whether it was closed, or its database was."""
        return self._closed or self._feed.closed

    def close(self) -> None:
        """Listen no more."""
        if not self._closed:
            self._closed = True
            self._feed.leave(self)
            self.wake()


def _is_new(event: Event, other: Event) -> bool:
    """Say whether an event is of another commit than one before it."""
    return commit_of(event.position) != commit_of(other.position)
