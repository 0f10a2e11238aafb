"""Lines: those who listen to the same share what is worked out for one of them.

Each begins with a subscription of its own, which tells it the state. With the first change that the
others know too it goes over to what one subscription takes for all. Who falls out of what is kept
there goes on with one of its own again, from where it was. Who has been told all, and whose
connection takes it, is written the same bytes in one step with the others; only the rest is woken.
So a change costs each little more than being sent, and nothing grows with how slow somebody is.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Hashable, Sequence
from typing import Final

from dynafile.documents.engine import DocumentChange
from dynafile.documents.requests import Query, Target
from dynafile.documents.served.listening import Encoded, Listening
from dynafile.errors import DynafileError

__all__ = ["Line", "Member", "can_share"]

_MOST: Final = 1024
_MOST_BYTES: Final = 4 << 20
_AT_ONCE: Final = 256
_LONG: Final = 3600.0
_MOST_WRITTEN: Final = 64 << 10
"""More bytes of changes are not written directly, so that no connection has to hold many."""

Make = Callable[[Sequence[DocumentChange]], bytes]
Write = Callable[[bytes], bool]
Begin = Callable[[str | None], Awaitable[Listening]]


def can_share(target: Target) -> bool:
    """Say whether who goes on at a position is told what others are: not with a limit."""
    return not isinstance(target, Query) or target.limit is None


class Line:
    """Those who listen to one target, in one loop."""

    def __init__(self, begin: Begin, encoded: Encoded) -> None:
        self.begin = begin
        self._encoded = encoded
        self.members: set[Member] = set()
        self._source: Listening | None = None
        self._starting = False
        self._task: asyncio.Task[None] | None = None
        self._changes: list[DocumentChange] = []
        self._sizes: list[int] = []
        self._bytes = 0
        self._first = 0
        """The number of the first change that is kept."""
        self._numbers: dict[str, int] = {}
        """By the position after which it is, the number of a change."""

    @property
    def end(self) -> int:
        """The number of the next change."""
        return self._first + len(self._changes)

    def number_after(self, position: str) -> int | None:
        """Return the number of the change after a position; None: it is not one of these."""
        return None if self._source is None else self._numbers.get(position)

    async def start(self, position: str) -> None:
        """Take for all from a position on, if there are others and nothing is taken yet."""
        if self._source is not None or self._starting or len(self.members) < 2:
            return
        self._starting = True
        try:
            source = await self.begin(position)
        except DynafileError:
            return  # each goes on with its own
        finally:
            self._starting = False
        if not self.members:
            source.close()
            return
        self._first, self._changes, self._sizes, self._bytes = self.end, [], [], 0
        self._numbers = {position: self._first}
        self._source = source
        self._task = asyncio.create_task(self._take(source))

    def keeps(self, number: int) -> bool:
        """Say whether the changes from a number on are here."""
        return self._source is not None and number >= self._first

    def changes(self, number: int) -> list[DocumentChange]:
        """Return some of the changes from a number on."""
        at = number - self._first
        return self._changes[at : at + _AT_ONCE]

    async def _take(self, source: Listening) -> None:
        try:
            while (found := await source.take(_LONG)) is not None:
                if found and found[0].type == "state":
                    break  # what came between is lost, which each is told by itself
                first = self.end
                for change in found:
                    self._keep(change)
                self._tell(first, found, sum(self._sizes[-len(found) :]))
        except DynafileError:
            pass  # each is told by itself
        finally:
            source.close()
            if self._source is source:
                self._source = None
            self._wake()

    def _keep(self, change: DocumentChange) -> None:
        self._changes.append(change)
        self._numbers[change.position] = self.end
        self._sizes.append(len(self._encoded.json(change)))
        self._bytes += self._sizes[-1]
        if len(self._changes) > _MOST or self._bytes > _MOST_BYTES:
            count = len(self._changes) // 2 + 1
            self._bytes -= sum(self._sizes[:count])
            del self._changes[:count], self._sizes[:count]
            self._first += count
            self._numbers = {p: n for p, n in self._numbers.items() if n >= self._first}

    def _wake(self) -> None:
        for member in self.members:
            member.ready.set()

    def _tell(self, number: int, changes: Sequence[DocumentChange], size: int) -> None:
        """Write changes, of which the first has a number, to those who wait for it; wake others."""
        if size > _MOST_WRITTEN:
            self._wake()
            return
        made: dict[Hashable, bytes] = {}
        for member in self.members:
            if not member.written(number, changes, made):
                member.ready.set()

    def leave(self, member: Member) -> None:
        """Forget a member; without any, nothing is taken."""
        self.members.discard(member)
        if not self.members and self._source is not None:
            self._source.close()
            self._source = None


class Member:
    """Somebody who listens on a line; used as a :class:`Listening` is."""

    def __init__(self, line: Line, own: Listening, left: Callable[[], None]) -> None:
        self._line = line
        self._own: Listening | None = own
        self._left = left
        self._next = 0
        self._position = ""
        self._closed = False
        self._waits = False
        self._direct: tuple[Hashable, Make, Write] | None = None
        self.ready = asyncio.Event()
        line.members.add(self)

    async def take(self, timeout: float) -> list[DocumentChange] | None:
        """Return what is new; an empty list after the timeout; None when it was closed."""
        while not self._closed:
            if self._own is not None and not self._goes_over(self._own):
                found = await self._own.take(timeout)
                if found:
                    self._position = found[-1].position
                    if found[-1].type != "state":
                        await self._line.start(self._position)
                return found
            self.ready.clear()
            if not self._line.keeps(self._next):
                self._own = own = await self._line.begin(self._position)
                if self._left_meanwhile():
                    own.close()
                continue
            found = self._line.changes(self._next)
            if found:
                self._next += len(found)
                self._position = found[-1].position
                return found
            self._waits = True
            try:
                async with asyncio.timeout(timeout):
                    await self.ready.wait()
            except TimeoutError:
                return []
            finally:
                self._waits = False
        return None

    def write_by(self, kind: Hashable, make: Make, write: Write) -> None:
        """Have changes written without being taken, while :meth:`take` would wait for them.

        :param kind: ``make`` of all members with the same makes the same bytes of changes.
        :param write: returns False where it cannot write now; then they are taken.
        """
        self._direct = kind, make, write

    def written(
        self, number: int, changes: Sequence[DocumentChange], made: dict[Hashable, bytes]
    ) -> bool:
        """Write changes, the first of which has a number, if that is what this waits for."""
        if not self._waits or self._next != number or self._direct is None or self.ready.is_set():
            return False
        kind, make, write = self._direct
        data = made.get(kind)
        if data is None:
            data = made[kind] = make(changes)
        if not write(data):
            return False
        self._next += len(changes)
        self._position = changes[-1].position
        return True

    def _left_meanwhile(self) -> bool:
        return self._closed

    def _goes_over(self, own: Listening) -> bool:
        """Go over to what is taken for all, if that is known to go on where this is."""
        number = self._line.number_after(self._position)
        if number is None or not self._line.keeps(number):
            return False
        self._next, self._own = number, None
        own.close()
        return True

    def close(self) -> None:
        """Listen no more, which ends who takes."""
        if self._closed:
            return
        self._closed = True
        self.ready.set()
        if self._own is not None:
            self._own.close()
        self._line.leave(self)
        self._left()
