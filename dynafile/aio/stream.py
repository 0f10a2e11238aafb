"""Streams for asyncio: records to be awaited, and acknowledged, off the loop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Any, Self

from dynafile.aio.handle import AsyncHandle
from dynafile.aio.job import Cancel
from dynafile.aio.kinds import Kind
from dynafile.aio.transaction import AsyncTransaction
from dynafile.aio.twin import PlainTwin, Twin, twin
from dynafile.errors import HandleClosed, InvalidArgument
from dynafile.streams import Stream
from dynafile.table.stream_record import StreamRecord


@twin(StreamRecord)
class AsyncStreamRecord(PlainTwin):
    """A :class:`StreamRecord`, whose acknowledgement is awaited."""

    def __init__(self, handle: AsyncHandle[Any], record: StreamRecord) -> None:
        self._handle = handle
        self._record = record

    def _now(self, name: str) -> Any:
        return getattr(self._record, name)

    async def ack(self, transaction: AsyncTransaction | None = None) -> None:
        """Acknowledge this record, and all that its consumer was given before it.

        :param transaction: a transaction of the same database, with which it happens or does not.

        Only for records of a named stream. One commit. Raises AcknowledgementRefused where it was
        acknowledged already, or its consumer was closed, and another may have it by now.
        """
        if transaction is None:
            handle = self._handle
            await handle._in_thread(handle._lane(Kind.WRITE), self._record.ack)
            return
        if not isinstance(transaction, AsyncTransaction):
            raise InvalidArgument(
                f"ack takes a transaction of db.transaction(), not {transaction!r:.80}"
            )
        begun = transaction._begun()
        await transaction._turns.call(Kind.READ, partial(self._record.ack, begun))

    def __repr__(self) -> str:
        return repr(self._record)


@twin(Stream)
class AsyncStream(Twin):
    """A :class:`Stream` for ``async for``; close it, or use it in an ``async with`` block."""

    def __init__(self, handle: AsyncHandle[Any], begin: Callable[[], Stream]) -> None:
        self._handle = handle
        self._begin = begin
        self._stream: Stream | None = None
        self._reading = asyncio.Lock()
        self._over = False

    async def _in_thread(self, kind: Kind, work: Callable[[], Any]) -> Any:
        handle = self._handle
        return await handle._in_thread(handle._lane(kind), work, Cancel.SETTLE)

    def _open(self) -> None:
        """Begin to read; in a thread, and kept also if the task is cancelled that asked for it."""
        if self._stream is None:
            self._stream = self._begin()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> AsyncStreamRecord:
        async with self._reading:
            if self._over:
                raise HandleClosed("the stream was closed: call stream() again to read on")
            if self._stream is None:
                await self._in_thread(Kind.WRITE, self._open)
            stream = self._stream
            assert stream is not None
            if not stream._waiting:
                pauses = stream._pauses()
                look = partial(next, pauses, None)
                while (pause := await self._in_thread(Kind.READ, look)) is not None:
                    await asyncio.sleep(pause)
                if not stream._waiting:
                    raise StopAsyncIteration
            return AsyncStreamRecord(self._handle, stream._waiting.popleft())

    async def close(self) -> None:
        """Read no more; twice is fine."""
        self._over = True
        if self._stream is not None and not self._stream.closed and not self._handle.closed:
            await self._in_thread(Kind.WRITE, self._stream.close)

    @property
    def closed(self) -> bool:
        """Whether it was closed."""
        return self._over or self._handle.closed

    async def __aenter__(self) -> Self:
        if self._stream is None and not self._over:
            await self._in_thread(Kind.WRITE, self._open)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()
