"""``AsyncDatabase``: a folder of tables, for programs with asyncio."""

from __future__ import annotations

import inspect
from functools import partial
from typing import Any, ClassVar, NoReturn, Self

from dynafile.aio.kinds import Kind
from dynafile.aio.table import AsyncTable
from dynafile.aio.transactional import AsyncTransactional
from dynafile.aio.twin import twin
from dynafile.database import Database
from dynafile.store_options import Durability
from dynafile.table_api import Table


@twin(Database)
class AsyncDatabase(AsyncTransactional[Database]):
    """A :class:`Database` whose methods are awaited, and never make the event loop wait.

    >>> import asyncio
    >>> async def main():
    ...     async with AsyncDatabase(":memory:") as db:
    ...         orders = await db.create_table("orders", "customer", "date")
    ...         await orders.put_item(item={"customer": "Bob", "date": "2026-01-31"})
    ...         return await db.tables(), await db.table("orders").count()
    >>> asyncio.run(main())
    (('orders',), 1)
    """

    __signature__: ClassVar = inspect.signature(Database)

    def __init__(self, *args: Any, **options: Any) -> None:
        """Take the arguments of :class:`Database`; nothing is opened yet."""
        arguments = self.__signature__.bind(*args, **options)
        arguments.apply_defaults()
        shown = repr(str(arguments.arguments["path"]))
        super().__init__(partial(Database, *args, **options), shown, None)

    @classmethod
    async def open(cls, *args: Any, **options: Any) -> Self:
        """Open the tables in a folder; the arguments are those of :class:`Database`."""
        return await cls(*args, **options)

    def table(self, name: str, *, durability: Durability | None = None) -> AsyncTable:
        """Return a handle on a table, a new one each time. It may be closed, and need not be.

        :param durability: ``"durable"`` or ``"relaxed"``; by default the database's.

        It is opened when it is awaited (``table = await db.table("orders")``) or first used, and
        that raises ResourceNotFound where there is no such table.
        """
        self._ready()

        def opener() -> Table:
            return self._opened().table(name, durability=durability)

        return AsyncTable(opener, f"{name!r} in {self._shown}", self, name)

    async def _call(self, kind: Kind, name: str, args: Any, named: Any) -> Any:
        result = await super()._call(kind, name, args, named)
        return self._adopted(result) if kind is Kind.TABLE else result

    def _adopted(self, handle: Table) -> AsyncTable:
        shown = f"{handle.table_name!r} in {self._shown}"
        table = AsyncTable(lambda: handle, shown, self, handle.table_name)
        table._handle = handle
        return table

    def __iter__(self) -> NoReturn:
        raise TypeError(f"{self!r} cannot be iterated over: use `for name in await db.tables()`")

    def __contains__(self, name: object) -> bool:
        raise TypeError(f"{self!r} cannot be searched: use `{name!r} in await db.tables()`")
