"""The batch writer for asyncio: many writes in one commit."""

from __future__ import annotations

from functools import partial
from types import TracebackType
from typing import Any, Self

from dynafile.aio.handle import AsyncHandle
from dynafile.aio.kinds import Kind
from dynafile.aio.serial import SerialTwin, Turns
from dynafile.aio.twin import twin
from dynafile.errors import InvalidArgument
from dynafile.table.batch import BatchWriter


@twin(BatchWriter)
class AsyncBatchWriter(SerialTwin):
    """What a :class:`BatchWriter` is, in an ``async with`` block."""

    def __init__(self, handle: AsyncHandle[Any], options: dict[str, Any]) -> None:
        super().__init__(Turns(handle))
        self._options = options
        self._writer: BatchWriter | None = None

    def _target(self) -> BatchWriter:
        if self._writer is None:
            raise InvalidArgument(
                "a batch writer is used in an async with block: "
                "`async with db.batch_writer() as batch:`"
            )
        return self._writer

    async def __aenter__(self) -> Self:
        if self._writer is not None:
            raise InvalidArgument("this batch writer is in use: make another with batch_writer()")
        self._writer = await self._turns.call(Kind.READ, self._begin)
        return self

    def _begin(self) -> BatchWriter:
        writer: BatchWriter = self._turns.handle._opened().batch_writer(**self._options)
        return writer.__enter__()

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        writer = self._target()
        end = partial(writer.__exit__, kind, error, trace)
        try:
            if kind is None:
                await self._turns.call(Kind.WRITE, end)
            else:
                await self._turns.call_here(end)
        finally:
            self._writer = None
