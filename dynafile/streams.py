"""A handle on a table: its stream of changes, and who listens to its own writes."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from typing import Any, Final, Self

from dynafile.errors import HandleClosed, InvalidArgument, ReadOnlyDatabase
from dynafile.expressions import parse_filter
from dynafile.indexed_handle import IndexedHandle
from dynafile.request_checks import check_seconds
from dynafile.table.consumer_names import (
    StreamConsumer,
    check_consumer_name,
    consumers_of,
    drop_consumer,
)
from dynafile.table.consumers import Consumer
from dynafile.table.events import EventListener
from dynafile.table.stream_reader import StreamReader
from dynafile.table.stream_record import Position, StreamRecord

SHORTEST_PAUSE: Final = 0.0005
LONGEST_PAUSE: Final = 0.005
"""Who follows looks for a new commit so often: one comparison with a mapped word."""

KeyPrefix = str | bytes | tuple[Any, str | bytes]
Wanted = Callable[[Mapping[str, Any]], object]


class Stream:
    """The records of a table's stream, one after the other: an iterator, and an async iterator.

    It ends when there is no more (``follow=False``), when nothing came for ``timeout`` seconds, and
    when the stream was disabled and is read to its end; iterated again, it goes on. Close it, or
    use it in a ``with`` block, so that others get what a named consumer did not acknowledge. For
    one thread at a time.
    """

    def __init__(
        self,
        source: Consumer | _Source,
        reader: StreamReader,
        check_open: Callable[[], None],
        *,
        follow: bool,
        timeout: float | None,
    ) -> None:
        self._source = source
        self._reader = reader
        self._check_open = check_open
        self._follow = follow
        self._timeout = timeout
        self._waiting: deque[StreamRecord] = deque()
        """Records that were taken and not given yet."""
        self._taking = threading.Lock()
        self._closed = False

    def __iter__(self) -> Iterator[StreamRecord]:
        return self

    def __next__(self) -> StreamRecord:
        if not self._waiting:
            for pause in self._pauses():
                time.sleep(pause)
            if not self._waiting:
                raise StopIteration
        return self._waiting.popleft()

    def _pauses(self) -> Iterator[float]:
        """Take records; until there are some, or no more are to come, yield how long to wait."""
        deadline = None if self._timeout is None else time.monotonic() + self._timeout
        pause = SHORTEST_PAUSE
        while True:
            self._refuse_closed()
            ended = self._reader.ended
            with self._taking:  # a cancelled coroutine leaves a thread that is still at it
                if not self._waiting:
                    self._waiting.extend(self._source.take())
            self._refuse_closed()
            if self._waiting or not self._follow or ended:
                return
            if deadline is not None and time.monotonic() >= deadline:
                return
            yield pause
            pause = min(2 * pause, LONGEST_PAUSE)

    def _refuse_closed(self) -> None:
        if self._closed:
            self._waiting.clear()
            raise HandleClosed("the stream was closed: call stream() again to read on")
        self._check_open()

    def __aiter__(self) -> AsyncIterator[StreamRecord]:
        return self

    async def __anext__(self) -> StreamRecord:
        if not self._waiting:
            # Who is in a coroutine has it; our import would take a fifth longer for it.
            import asyncio

            pauses = self._pauses()
            while (pause := await asyncio.to_thread(next, pauses, None)) is not None:
                await asyncio.sleep(pause)
            if not self._waiting:
                raise StopAsyncIteration
        return self._waiting.popleft()

    def close(self) -> None:
        """Read no more; twice is fine."""
        if not self._closed:
            self._closed = True
            self._waiting.clear()
            self._source.close()

    @property
    def closed(self) -> bool:
        """Whether it was closed."""
        return self._closed

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        import asyncio

        await asyncio.to_thread(self.close)


class _Source:
    """What gives all records of a stream, from a place on."""

    def __init__(
        self, reader: StreamReader, place: Position, wanted: Callable[[StreamRecord], object] | None
    ) -> None:
        self._reader = reader
        self._place = place
        self._wanted = wanted

    def take(self) -> list[StreamRecord]:
        """Return the next records, none where there are none yet."""
        while True:
            found, place = self._reader.read(self._place)
            wanted = found if self._wanted is None else list(filter(self._wanted, found))
            self._place = place  # not before: a filter that raises is asked again
            if wanted or not found:
                return wanted

    def close(self) -> None:
        """Do nothing: nobody knows of who only reads."""


class Streaming(IndexedHandle):
    """What a handle does about changes."""

    def stream(
        self,
        start: str | None = None,
        *,
        after: str | None = None,
        name: str | None = None,
        follow: bool = True,
        timeout: float | None = None,
        filter: Any = None,
        key_prefix: KeyPrefix | None = None,
    ) -> Stream:
        """Return the changes of the table's items, whoever makes them, in the order of the commits.

        :param start: ``"TRIM_HORIZON"``, the default: from the oldest record that is kept;
            ``"LATEST"``: what comes from now on; a sequence number: that record and what follows.
        :param after: a sequence number: what follows it, but not that record.
        :param name: of a consumer, whose acknowledgements (``record.ack()``) are kept: who comes
            with the same name goes on there, and several at a time share the records. Then
            ``start`` is where it begins when it is new.
        :param follow: False to end where the stream ends now, instead of waiting for more.
        :param timeout: end when nothing came for so many seconds; None: wait for ever.
        :param filter: as that of a scan; it looks at the new image, or at the old one where the
            item is gone.
        :param key_prefix: what the partition key begins with; or a partition key, and what the sort
            key begins with.

        Needs a stream that is declared: ``stream=True`` when the table is opened or made. Raises
        StreamNotEnabled, InvalidSequenceNumber; TrimmedDataAccess, also while it is read, where
        records were lost because the reader was behind the retention. Cost: the journal is read
        from the place on; a commit for each lot of records, where there is a ``name``.

        >>> from dynafile import Dynafile
        >>> with Dynafile(":memory:", stream=True) as db:
        ...     db.put_item(item={"PK": "user#1", "SK": "profile", "name": "Bob"})
        ...     for record in db.stream(follow=False):
        ...         print(record.event_name, record.keys)
        INSERT {'PK': 'user#1', 'SK': 'profile'}
        """
        return self._begin_stream(
            None,
            start,
            after=after,
            name=name,
            follow=follow,
            timeout=timeout,
            filter=filter,
            key_prefix=key_prefix,
        )

    def _begin_stream(
        self,
        from_now: int | None,
        start: str | None,
        *,
        after: str | None,
        name: str | None,
        follow: bool,
        timeout: float | None,
        filter: Any,
        key_prefix: KeyPrefix | None,
    ) -> Stream:
        """Return a stream; ``from_now`` is the LSN that LATEST means, None: the end now."""
        self._check_open()
        wanted = _of_record(self._wanted(filter, key_prefix))
        check_seconds(timeout, "timeout")
        if after is not None and (start is not None or name is not None):
            raise InvalidArgument("give after, or start and name, not both")
        store, table = self._store, self._table
        reader = StreamReader(store, table.name, table.number, from_now)
        source: Consumer | _Source
        if name is not None:
            check_consumer_name(name)
            if self._read_only:
                raise ReadOnlyDatabase(
                    f"{self._path} was opened with read_only=True, and a consumer's name is "
                    "something to write: open it without, or read the stream without name="
                )
            durable = self._durability == "durable"
            number = table.number or 0
            source = Consumer(store, reader, number, name, start, wanted=wanted, durable=durable)
        elif after is not None:
            lsn, place = reader.place_of_record(after)
            source = _Source(reader, (lsn, place + 1), wanted)
        else:
            given = "TRIM_HORIZON" if start is None else start
            source = _Source(reader, reader.place_of(given), wanted)
        stream = Stream(source, reader, self._check_open, follow=follow, timeout=timeout)
        self._readers.add(stream)
        return stream

    def stream_consumers(self) -> dict[str, StreamConsumer]:
        """Return the consumers of the table's stream by name, and how far each of them is."""
        self._check_open()
        return consumers_of(self._store, self._table.number or 0)

    def drop_stream_consumer(self, name: str) -> None:
        """Forget a consumer and what it acknowledged; no error where there is none."""
        self._check_open()
        self._check_writable(f"drop_stream_consumer({name!r})")
        durable = self._durability == "durable"
        number = self._table.number or 0
        drop_consumer(self._store, number, check_consumer_name(name), durable=durable)

    # -- listening ------------------------------------------------------------------------------

    def add_stream_listener(
        self,
        listener: EventListener,
        *,
        filter: Any = None,
        key_prefix: KeyPrefix | None = None,
    ) -> None:
        """Call ``listener(event)`` after each write of this handle.

        :param filter: as that of a scan; it looks at the item as it is now, or was.
        :param key_prefix: what the partition key begins with; or a partition key, and what the sort
            key begins with.

        It is called in the thread that wrote, after the commit and before the call returns, in the
        order of the commits; it may write itself, and hears of that afterwards. One that raises is
        logged (logger ``dynafile``) and stops nobody. It needs no declared stream.
        """
        self._check_open()
        self._table.add_listener(listener, self._wanted(filter, key_prefix))

    def remove_stream_listener(self, listener: EventListener) -> None:
        """Stop calling ``listener``; raises InvalidArgument where it was not added."""
        self._check_open()
        self._table.remove_listener(listener)

    def _wanted(self, filter: Any, key_prefix: KeyPrefix | None) -> Wanted | None:
        test = parse_filter(filter)
        if key_prefix is None:
            return test  # type: ignore[return-value]
        has_prefix = _prefix_test(key_prefix, self.pk_attribute, self.sk_attribute)
        if test is None:
            return has_prefix
        return lambda item: has_prefix(item) and test(dict(item))


def _of_record(wanted: Wanted | None) -> Callable[[StreamRecord], object] | None:
    if wanted is None:
        return None
    return lambda record: wanted(record.item or record.keys)


def _prefix_test(prefix: Any, pk: str, sk: str | None) -> Wanted:
    """Return a test of whether an item's key begins as it should."""
    if isinstance(prefix, (str, bytes)):
        return lambda item: isinstance(item[pk], type(prefix)) and item[pk].startswith(prefix)
    if type(prefix) is not tuple or len(prefix) != 2 or type(prefix[1]) not in (str, bytes):
        raise InvalidArgument(
            "key_prefix is what the partition key begins with, text or bytes, or a tuple of a "
            f"partition key and what the sort key begins with, not {prefix!r}"
        )
    if sk is None:
        raise InvalidArgument(f"the table has no sort key, so key_prefix is one string: {prefix!r}")
    value, start = prefix
    return lambda item: (
        item[pk] == value and isinstance(item[sk], type(start)) and item[sk].startswith(start)
    )
