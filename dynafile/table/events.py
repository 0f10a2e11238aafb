"""Events: what listeners hear, and the order in which they hear it."""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Any, NamedTuple

from dynafile.values import decode_item

_log = logging.getLogger("dynafile")


class ActionType(StrEnum):
    """What was done to an item; equal to the strings ``"PUT"`` and ``"DELETE"``."""

    PUT = "PUT"
    DELETE = "DELETE"


class Action(NamedTuple):
    """A write for ``execute_batch``: ``data`` is the whole item of a PUT, the key of a DELETE."""

    op: ActionType | str
    data: dict[str, Any]


class Event(NamedTuple):
    """A committed write: ``new`` is None after a DELETE, ``old`` where nothing was."""

    action: ActionType
    new: dict[str, Any] | None
    old: dict[str, Any] | None


EventListener = Callable[[Event], object]
"""What :meth:`Table.add_stream_listener` takes; what it returns is not looked at."""

Wanted = Callable[[Mapping[str, Any]], object]
"""Whether a listener wants to hear of a write, by the item as it is now, or was."""

Change = tuple[bytes | None, bytes | None]
"""The encoded item after and before a write."""


class Ticket:
    """The events of one commit, and a lock that is let go of when its turn has come."""

    __slots__ = ("changes", "turn")

    def __init__(self, changes: list[Change]) -> None:
        self.changes = changes
        self.turn = threading.Lock()
        self.turn.acquire()


class Dispatcher:
    """Tells listeners of commits in their order, each in the thread that wrote it.

    A commit draws a ticket while the store's lock orders it; when it returns, its thread waits for
    the tickets before, then calls the listeners, with no lock held. A write from inside a listener
    draws a ticket too and returns at once; its events follow when the listeners are through with
    the one at hand. A listener must not wait for another thread's write, which would wait for the
    listener.
    """

    def __init__(self) -> None:
        self._listeners: tuple[tuple[EventListener, Wanted | None], ...] = ()
        self._mutex = threading.Lock()
        self._tickets: deque[Ticket] = deque()
        self._own = threading.local()

    def __bool__(self) -> bool:
        return bool(self._listeners)

    def connect(self, listener: EventListener, wanted: Wanted | None = None) -> None:
        """Add a listener; one that is added twice hears twice."""
        self._listeners += ((listener, wanted),)

    def remove(self, listener: EventListener) -> None:
        """Remove a listener; raises ValueError where it is not connected."""
        place = [each for each, _ in self._listeners].index(listener)
        self._listeners = self._listeners[:place] + self._listeners[place + 1 :]

    def draw(self, changes: list[Change]) -> Ticket:
        """Take a place in the order of commits. Called under the store's lock."""
        ticket = Ticket(changes)
        with self._mutex:
            self._tickets.append(ticket)
            self._call_next()
        return ticket

    def cancel(self, ticket: Ticket) -> None:
        """Give a place in the order back: its events were delivered, or its commit was not made."""
        with self._mutex:
            if ticket in self._tickets:
                self._tickets.remove(ticket)
            self._call_next()

    def _call_next(self) -> None:
        """Wake the thread whose turn it is, and no other; with the mutex held."""
        if self._tickets and self._tickets[0].turn.locked():
            self._tickets[0].turn.release()

    def deliver(self, ticket: Ticket) -> None:
        """Call the listeners for a commit, in turn; from inside a listener: leave it for later."""
        later: deque[Ticket] | None = getattr(self._own, "later", None)
        if later is not None:
            later.append(ticket)
            return
        later = self._own.later = deque([ticket])
        try:
            while later:
                self._deliver_in_turn(later.popleft())
        finally:
            for left in later:
                self.cancel(left)
            self._own.later = None

    def _deliver_in_turn(self, ticket: Ticket) -> None:
        try:
            ticket.turn.acquire()  # for good: who calls the next one may let go of it again
            for new, old in ticket.changes:
                for listener, wanted in self._listeners:
                    _call(listener, wanted, new, old)
        finally:
            self.cancel(ticket)


def _call(
    listener: EventListener, wanted: Wanted | None, new: bytes | None, old: bytes | None
) -> None:
    # Each listener gets items of its own, so that none sees what another did to them.
    event = Event(
        ActionType.DELETE if new is None else ActionType.PUT,
        None if new is None else decode_item(new),
        None if old is None else decode_item(old),
    )
    try:
        if wanted is None or wanted(event.new or event.old or {}):
            listener(event)
    except Exception:  # noqa: BLE001 - a listener stops nobody
        _log.exception("the listener %r raised on %s; the write stands", listener, event.action)
