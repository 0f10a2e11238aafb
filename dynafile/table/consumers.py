"""Named consumers of a stream: who has which record, and how far all of them are.

What a name has to remember is in the store, see ``consumer_names``. So an acknowledgement is a
commit like any other, and can be part of one.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Final
from uuid import uuid4

from msgspec.structs import replace
from xxhash import xxh3_64_digest

from dynafile.errors import (
    AcknowledgementRefused,
    DynafileError,
    InvalidArgument,
    TrimmedDataAccess,
)
from dynafile.store.format import DELETE, PUT, Operation
from dynafile.store.store import Store
from dynafile.store.view import View
from dynafile.store.volume import Claim
from dynafile.table.consumer_names import (
    ConsumerState,
    Head,
    claim_of,
    commit_any,
    is_begun,
    is_gone,
    remove_left_claims,
)
from dynafile.table.own_keyspaces import CONSUMERS_FOLDER, own_keyspace
from dynafile.table.read_ahead import ReadAhead, Wanted
from dynafile.table.stream_reader import TRIM_HORIZON, StreamReader
from dynafile.table.stream_record import Position, StreamRecord, bind, key_of, place_of

MOST_TAKEN: Final = 64
"""A consumer that is alone takes up to so many records at a time, for ``TAKEN_SECONDS``."""
TAKEN_SECONDS: Final = 0.05
MOST_WAITING: Final = 256
"""Records that wait for an earlier one of their item, which another consumer is at."""
LOOK_SECONDS: Final = 0.1
"""How often a consumer looks whether the others are still there."""
NOTE_SECONDS: Final = 60.0
"""How often one that finds nothing for it notes how far it has looked, or four times in what the
stream keeps."""
_NOBODY: Final = bytes(16)

_log = logging.getLogger("dynafile")


class _Again(Exception):
    """Another consumer was faster."""


class Consumer:
    """One of those that share the work of a name.

    The records of an item are handed out in their order: one waits until those before it are
    acknowledged, if another consumer has them. A consumer that is gone, however it went, is known
    by its claim, which its process held; what it did not acknowledge goes to another.
    """

    def __init__(
        self,
        store: Store,
        reader: StreamReader,
        number: int,
        name: str,
        start: str | None,
        *,
        wanted: Wanted | None,
        durable: bool,
    ) -> None:
        """Take part. Raises InvalidArgument where the name was begun with another ``start``."""
        self.store = store
        self._reader = reader
        self._ahead = ReadAhead(reader, wanted)
        self._durable = durable
        self._claim: Claim | None = None
        if not is_begun(store, number, name):
            # Refuses before anything is written.
            reader.place_of(TRIM_HORIZON if start is None else start)
        if not durable:
            store.keep_flushed()
        self._state = ConsumerState(own_keyspace(store, CONSUMERS_FOLDER), number, name)
        self._id = uuid4().bytes
        self._dead: set[str] = set()
        self._looked = 0.0
        self._given: deque[Position] = deque()
        """What it was given and has not acknowledged, in that order."""
        self._kept: list[StreamRecord] = []
        """What it was given beside records that are lost."""
        self._mutex = threading.Lock()
        self._settled: Head | None = None
        """A head of this consumer alone, beside which all that was handed out is its own: others
        come, or take, by changing the head."""
        self._noted = time.monotonic()
        self._size = 1
        self._taken = 0.0
        remove_left_claims(store)
        claim = claim_of(store, self._id.hex())
        claim.acquire(store.options.lock_timeout)  # another may look for a moment whose it is
        try:
            self._commit(lambda view: self._joining(view, start))
        except BaseException:
            claim.release()
            raise
        self._claim = claim

    def _joining(self, view: View, start: str | None) -> list[Operation]:
        head = self._head(view)
        if head is None:
            begin = TRIM_HORIZON if start is None else start
            head = Head(begin, self._reader.place_of(begin))
        elif start not in (None, head.start):
            raise InvalidArgument(
                f"the consumer {self._state.name!r} was begun with start={head.start!r}, and is at "
                f"another place by now: leave start={start!r} out to go on there, choose another "
                f"name, or begin anew after drop_stream_consumer({self._state.name!r})"
            )
        return [self._put(replace(head, members=(*head.members, self._id.hex())))]

    # -- taking ---------------------------------------------------------------------------------

    def take(self) -> list[StreamRecord]:
        """Return records that are this consumer's now, none where there are none for it.

        First those that nobody has any more. Raises TrimmedDataAccess where records were lost.
        """
        self._pace()
        while True:
            self._look_after_others()
            head = self._stored()
            try:
                is_passing = self._ahead.look(head.at)
                orphans, chosen = self._take(head)
            except _Again:
                continue
            except TrimmedDataAccess as error:
                error.add_note(
                    f"the consumer {self._state.name!r} was behind for too long; to give up what "
                    f"is lost and begin anew: drop_stream_consumer({self._state.name!r})"
                )
                raise
            if is_passing and not orphans and not chosen and self._claim is not None:
                continue  # none for it does not mean that the stream ends here
            with self._mutex:
                self._given += [*orphans, *(place_of(record) for record in chosen)]
            records, self._kept = self._kept + self._found(orphans, chosen), []
            return records

    def _found(self, orphans: list[Position], chosen: list[StreamRecord]) -> list[StreamRecord]:
        """Return the records that are this consumer's now; raises where some are lost.

        Then the others are kept for the next call: they are this consumer's too.
        """
        found: list[StreamRecord] = []
        lost: TrimmedDataAccess | None = None
        for place in orphans:
            try:
                found.append(self._reader.record_at(place))
            except TrimmedDataAccess as error:
                lost = lost or error
        found += chosen
        for record in found:
            bind(record, self.acknowledge)
        if lost is not None:
            self._kept += found
            lost.add_note(
                f"it was handed out for {self._state.name!r}, and not acknowledged in time; who "
                "goes on reading, and acknowledges a later record, gives it up"
            )
            raise lost
        return found

    def _pace(self) -> None:
        """Find out how many records to take, by how long the last ones took."""
        now = time.monotonic()
        spent, self._taken = now - self._taken, now
        self._size = min(2 * self._size, MOST_TAKEN) if spent < TAKEN_SECONDS else 1

    def _take(self, head: Head) -> tuple[list[Position], list[StreamRecord]]:
        """Take where nobody has a record any more, and what comes next in the stream."""
        ahead, end = self._ahead.records, self._ahead.end
        if not ahead and not self._is_note_due(head, end) and not self._is_any_free(head):
            return [], []
        orphans: list[Position] = []
        chosen: list[StreamRecord] = []
        settled: Head | None = None

        def prepare(view: View) -> list[Operation]:
            nonlocal settled
            settled = None
            orphans.clear()
            chosen.clear()
            if self._head(view) != head:
                raise _Again
            members = self._living(head)
            is_alone = members == (self._id.hex(),)
            most = self._size if is_alone else 1
            operations, blocked = self._orphans(view, head, most, orphans)
            at = end
            for record in ahead:
                if len(orphans) + len(chosen) >= most or len(blocked) > MOST_WAITING:
                    at = place_of(record)
                    break
                item = _item(key_of(record))
                if item not in blocked:
                    chosen.append(record)
                owner = _NOBODY if item in blocked else self._id
                operations.append(self._entry(place_of(record), owner, item))
            if not operations and not self._is_note_due(head, at):
                return []
            self._noted = time.monotonic()
            following = Head(head.start, at, members)
            settled = following if is_alone and not blocked else None
            return [*operations, self._put(following)]

        self._commit(prepare, durable=False)
        self._settled = settled or self._settled
        return orphans, chosen

    def _living(self, head: Head) -> tuple[str, ...]:
        return tuple(each for each in head.members if each not in self._dead)

    def _is_any_free(self, head: Head) -> bool:
        """Look, without the lock, for a record that was handed out and can be ours."""
        if head == self._settled:
            return False
        chosen: list[Position] = []

        def look(view: View) -> None:
            chosen.clear()
            self._orphans(view, head, 1, chosen)

        self.store.look(look)
        return bool(chosen)

    def _is_note_due(self, head: Head, at: Position) -> bool:
        """Say whether to store how far it has looked, before the retention gets there."""
        often = min(NOTE_SECONDS, self._reader.seconds / 4)
        return at != head.at and time.monotonic() - self._noted > often

    def _orphans(
        self, view: View, head: Head, most: int, chosen: list[Position]
    ) -> tuple[list[Operation], set[bytes]]:
        """Choose what was handed out and nobody has, and return the items that others are at."""
        blocked: set[bytes] = set()
        operations: list[Operation] = []
        if head == self._settled:
            return operations, blocked  # looking through what is its own would be all that it does
        members = self._living(head)
        for entry, value in view.range(self._state.space, *self._state.entries):
            owner, item = value[:16], value[16:]
            if owner == self._id:
                continue
            if owner.hex() in members or item in blocked or len(chosen) >= most:
                blocked.add(item)
                continue
            place = self._state.position(entry)
            chosen.append(place)
            operations.append(self._entry(place, self._id, item))
        return operations, blocked

    def _look_after_others(self) -> None:
        """Find out which of the others are gone: their claims are free."""
        now = time.monotonic()
        if now - self._looked < LOOK_SECONDS:
            return
        self._looked = now
        for other in self._stored().members:
            is_known = other == self._id.hex() or other in self._dead
            if not is_known and is_gone(self.store, other):
                self._dead.add(other)

    # -- acknowledging --------------------------------------------------------------------------

    def acknowledge(self, record: StreamRecord, transaction: object) -> None:
        """Acknowledge a record and what was given before it; see :meth:`StreamRecord.ack`."""
        places = self._given_until(place_of(record))

        def prepare(view: View) -> list[Operation]:
            return self._acknowledging(view, record, places)

        if transaction is None:
            self._commit(prepare)
            with self._mutex:
                for place in places:  # another thread may have acknowledged some of them
                    if self._given and self._given[0] == place:
                        self._given.popleft()
            return
        also = getattr(transaction, "_also", None)
        if also is None:
            raise InvalidArgument(
                f"ack takes a transaction of db.transaction(), not {transaction!r:.80}"
            )
        also(self.store, prepare)

    def _given_until(self, position: Position) -> tuple[Position, ...]:
        with self._mutex:
            while self._given and self._is_gone(self._given[0]):
                self._given.popleft()  # acknowledged in a transaction
            places: list[Position] = []
            for place in self._given:
                places.append(place)
                if place == position:
                    return tuple(places)
        return ()

    def _is_gone(self, place: Position) -> bool:
        return self.store.get(self._state.space, self._state.entry(place)) is None

    def _acknowledging(
        self, view: View, record: StreamRecord, places: tuple[Position, ...]
    ) -> list[Operation]:
        space = self._state.space
        entries = [self._state.entry(place) for place in places]
        values = [view.get(space, entry) for entry in entries]
        mine = [value is not None and value[:16] == self._id for value in values]
        if self._claim is None or not mine or not mine[-1]:
            raise AcknowledgementRefused(
                f"the record {record.sequence_number} is not this consumer's to acknowledge: it "
                "was acknowledged already, by itself or with a later one, or the stream that gave "
                "it was closed",
                sequence_number=record.sequence_number,
            )
        return [
            (DELETE, space.id, entry, b"")
            for entry, is_mine in zip(entries, mine, strict=True)
            if is_mine
        ]

    # -- the end --------------------------------------------------------------------------------

    def close(self) -> None:
        """Leave, so that others get what was not acknowledged; twice is fine."""
        claim, self._claim = self._claim, None
        if claim is None:
            return
        try:
            self._commit(self._leaving, durable=False)
        except DynafileError as error:
            # Who is a member without a claim is taken for dead, which comes to the same.
            _log.info("the consumer %r left without saying so: %s", self._state.name, error)
        finally:
            claim.release()

    def __del__(self) -> None:
        """Leave what nobody closed and nobody can use any more.

        As one that died: a commit here might wait for the very thread that collects.
        """
        claim = getattr(self, "_claim", None)
        if claim is not None:
            claim.release()

    def _leaving(self, view: View) -> list[Operation]:
        head = self._head(view)
        if head is None:
            return []
        members = tuple(each for each in head.members if each != self._id.hex())
        # So that a place where nothing was for long is not taken for one where records were lost.
        return [self._put(replace(head, at=self._ahead.next(head.at), members=members))]

    # -- entries --------------------------------------------------------------------------------

    def _head(self, view: View) -> Head | None:
        raw = view.get(self._state.space, self._state.head)
        return None if raw is None else Head.decode(raw)

    def _stored(self) -> Head:
        raw = self.store.get(self._state.space, self._state.head)
        if raw is None:
            raise InvalidArgument(
                f"the consumer {self._state.name!r} was dropped: read the stream anew to begin it"
            )
        return Head.decode(raw)

    def _put(self, head: Head) -> Operation:
        return (PUT, self._state.space.id, self._state.head, head.encode())

    def _entry(self, place: Position, owner: bytes, item: bytes) -> Operation:
        return (PUT, self._state.space.id, self._state.entry(place), owner + item)

    def _commit(self, prepare: Callable[[View], list[Operation]], *, durable: bool = True) -> None:
        commit_any(self.store, prepare, durable=durable and self._durable)


def _item(key: bytes) -> bytes:
    return xxh3_64_digest(key)
