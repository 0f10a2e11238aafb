"""The batch writer for asyncio: many writes in one commit."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from types import TracebackType
from typing import Any, Final, Self

from dynafile.aio.handle import AsyncHandle
from dynafile.aio.kinds import Kind
from dynafile.aio.serial import SerialTwin, Turns
from dynafile.aio.twin import twin
from dynafile.errors import InvalidArgument, InvalidKey
from dynafile.table.batch import BatchWriter

_PUT: Final = {"item"}


@twin(BatchWriter)
class AsyncBatchWriter(SerialTwin):
    """What a :class:`BatchWriter` is, in an ``async with`` block."""

    def __init__(self, handle: AsyncHandle[Any], options: dict[str, Any]) -> None:
        super().__init__(Turns(handle), self._begun)
        self._options = options
        self._writer: BatchWriter | None = None

    def _begun(self) -> BatchWriter:
        if self._writer is None:
            raise InvalidArgument(
                "a batch writer is used in an async with block: "
                "`async with db.batch_writer() as batch:`"
            )
        return self._writer

    async def _call(self, kind: Kind, name: str, args: Any, named: Any) -> Any:
        if name != "put_item" or args or named.keys() != _PUT:
            return await super()._call(kind, name, args, named)
        crew = self._turns.handle._ready()
        try:
            full = await self._turns.call_here(partial(self._put_here, named["item"]))
        except InvalidKey:
            return await super()._call(kind, name, args, named)
        if full:
            await super()._call(kind, "flush", (), {})
        await crew.answer()
        return None

    def _put_here(self, item: Mapping[str, Any]) -> bool:
        return self._begun()._put_warm(item)

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
        writer = self._begun()
        end = partial(writer.__exit__, kind, error, trace)
        try:
            if kind is None:
                await self._turns.call(Kind.WRITE, end)
            else:
                await self._turns.call_here(end)
        finally:
            self._writer = None
