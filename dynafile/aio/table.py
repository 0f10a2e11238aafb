"""``AsyncTable`` and ``AsyncDynafile``: a table, for programs with asyncio."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from typing import Any, ClassVar, Final, Self

from dynafile.aio.batch import AsyncBatchWriter
from dynafile.aio.handle import AsyncHandle
from dynafile.aio.job import Cancel
from dynafile.aio.kinds import Kind
from dynafile.aio.listeners import LoopListener
from dynafile.aio.puts import PlainPut
from dynafile.aio.stream import AsyncStream
from dynafile.aio.transactional import AsyncTransactional
from dynafile.aio.twin import twin
from dynafile.database import Dynafile
from dynafile.request_checks import check_seconds
from dynafile.store.position import END
from dynafile.store.replica import Cold
from dynafile.streams import KeyPrefix
from dynafile.table.events import EventListener
from dynafile.table_api import Table

_FIRST_LOOK: Final = 0.005
_LAST_LOOK: Final = 0.1


@twin(Table)
class AsyncTable(AsyncTransactional[Table]):
    """A :class:`Table` whose methods are awaited, and never make the event loop wait.

    That of a database is opened when it is awaited or first used.
    """

    def __init__(
        self,
        opener: Callable[[], Table],
        shown: str,
        above: AsyncHandle[Any] | None = None,
        name: str | None = None,
    ) -> None:
        super().__init__(opener, shown, above)
        self._name = name

    async def _call(self, kind: Kind, name: str, args: Any, named: Any) -> Any:
        table = self._handle
        if table is not None and len(named) == 1 and not args and not table.closed:
            crew = self._ready()
            if name == "put_item" and "item" in named:
                return await self._in_thread(crew.puts, PlainPut(table, named["item"]))
            if name == "get_item" and "key" in named:
                with suppress(Cold):
                    item = table._table.get_item_warm(named["key"])
                    await crew.answer()
                    return item
        return await super()._call(kind, name, args, named)

    @property
    def table_name(self) -> str:
        """The table's name."""
        return str(self._now("table_name")) if self._name is None else self._name

    # -- writing --------------------------------------------------------------------------------

    def batch_writer(
        self,
        *,
        flush_items: int | None = None,
        flush_seconds: float | None = None,
        overwrite_by_pkeys: Sequence[str] | None = None,
    ) -> AsyncBatchWriter:
        """Return a writer whose ``async with`` block is one commit; options as of a table's."""
        self._ready()
        options = {
            "flush_items": flush_items,
            "flush_seconds": flush_seconds,
            "overwrite_by_pkeys": overwrite_by_pkeys,
        }
        return AsyncBatchWriter(self, options)

    # -- changes --------------------------------------------------------------------------------

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
    ) -> AsyncStream:
        """Return the changes of the table's items for ``async for``; see :meth:`Table.stream`.

        It is begun by ``async with``, or by the first iteration; what is refused is refused then.
        """
        self._ready()
        handle = self._handle
        # A word in memory, so nothing waits; what the task writes next comes after it.
        from_now = None if handle is None else handle._store.replica.words[END]
        options = {
            "start": start,
            "after": after,
            "name": name,
            "follow": follow,
            "timeout": timeout,
            "filter": filter,
            "key_prefix": key_prefix,
        }
        begin = partial(self._do, Kind.READ, "_begin_stream", (from_now,), options)
        return AsyncStream(self, begin)

    # -- listening ------------------------------------------------------------------------------

    async def add_stream_listener(
        self,
        listener: EventListener,
        *,
        filter: Any = None,
        key_prefix: KeyPrefix | None = None,
    ) -> None:
        """Call ``listener(event)`` in the loop after each write of this handle, in their order.

        ``filter`` and ``key_prefix`` are as those of :meth:`Table.add_stream_listener`.
        A plain function is called before the task that wrote goes on. A coroutine function is
        awaited with one event after the other; nobody waits for it but :meth:`close`. What it
        writes while the handle is closing is refused. One that raises is logged (logger
        ``dynafile``) and stops nobody.
        """
        hearing = LoopListener(listener, self._ready().post)
        options = {"filter": filter, "key_prefix": key_prefix}
        await self._call(Kind.WRITE, "add_stream_listener", (hearing,), options)
        self._listeners.append(hearing)
        if self._above is not None:
            self._above._listeners.append(hearing)

    async def remove_stream_listener(self, listener: EventListener) -> None:
        """Stop calling ``listener``; raises InvalidArgument where it was not added."""
        found = [hearing for hearing in self._listeners if hearing.listener == listener]
        removed: Any = found[0] if found else listener
        await self._call(Kind.WRITE, "remove_stream_listener", (removed,), {})
        removed.when_through(partial(self._forget, removed))

    def _forget(self, hearing: LoopListener) -> None:
        for handle in (self, self._above):
            if handle is not None and hearing in handle._listeners:
                handle._listeners.remove(hearing)

    # -- indexes --------------------------------------------------------------------------------

    async def wait_for_indexes(self, timeout: float | None = None) -> bool:
        """Wait until every index is complete; return whether they are, after ``timeout`` seconds.

        Only for what this handle builds, opened or asked with ``wait=False``. Raises what made the
        backfill stop.
        """
        check_seconds(timeout, "timeout")
        loop = self._ready().loop
        deadline = None if timeout is None else loop.time() + timeout
        pause = _FIRST_LOOK
        look = partial(self._do, Kind.READ, "wait_for_indexes", (0,), {})
        while not await self._in_thread(self._lane(Kind.READ), look, Cancel.ABANDON):
            if deadline is not None:
                pause = min(pause, deadline - loop.time())
                if pause <= 0:
                    return False
            await asyncio.sleep(pause)
            pause = min(2 * pause, _LAST_LOOK)
        return True


class AsyncDynafile(AsyncTable):
    """A :class:`Dynafile` whose methods are awaited, and never make the event loop wait.

    It is opened by ``async with``, or by ``await AsyncDynafile.open(...)``, and belongs to the
    event loop in which it was opened.

    >>> import asyncio
    >>> async def main():
    ...     async with AsyncDynafile(":memory:") as db:
    ...         await db.put_item(item={"PK": "user#1", "SK": "order#7", "total": 12})
    ...         return [item["total"] async for item in db.query("user#1")]
    >>> asyncio.run(main())
    [12]
    """

    __signature__: ClassVar = inspect.signature(Dynafile)

    def __init__(self, *args: Any, **options: Any) -> None:
        """Take the arguments of :class:`Dynafile`; nothing is opened yet."""
        shown = _shown(self.__signature__.bind(*args, **options))
        super().__init__(partial(self._new, args, options), shown)

    def _new(self, args: tuple[Any, ...], options: dict[str, Any]) -> Dynafile:
        progress = options.get("progress")
        if progress is not None:
            options = {**options, "progress": self._in_loop(progress)}
        return Dynafile(*args, **options)

    @classmethod
    async def open(cls, *args: Any, **options: Any) -> Self:
        """Open the table in a folder, or make it; the arguments are those of :class:`Dynafile`."""
        return await cls(*args, **options)


def _shown(arguments: inspect.BoundArguments) -> str:
    arguments.apply_defaults()
    return repr(str(arguments.arguments["path"]))
