"""``Table``: what one does with the items of a table."""

from __future__ import annotations

from dynafile.descriptions import TableDescription, describe_table
from dynafile.errors import ResourceNotFound
from dynafile.item_reader import ItemReader
from dynafile.item_writer import ItemWriter
from dynafile.statements.handle import Statements
from dynafile.store.store import Store
from dynafile.streams import Streaming
from dynafile.table.checking import check_table
from dynafile.table.writer import TableWriter


class Table(ItemReader, ItemWriter, Streaming, Statements):
    """A table: items by partition key and sort key, shared by threads and processes.

    Reading: :meth:`get_item`, :meth:`batch_get_item`, :meth:`query`, :meth:`scan`,
    :meth:`query_page`, :meth:`scan_page`, ``len(table)``.
    Writing: :meth:`put_item`, :meth:`update_item`, :meth:`delete_item`, :meth:`batch_writer`,
    :meth:`execute_batch`, :meth:`clear`, :meth:`sweep`.
    Transactions: :meth:`transaction`, :meth:`run_transaction`, :meth:`transact_write_items`,
    :meth:`transact_get_items`.
    Changes: :meth:`stream`, :meth:`stream_consumers`, :meth:`drop_stream_consumer`,
    :meth:`add_stream_listener`, :meth:`remove_stream_listener`.
    PartiQL: :meth:`execute_statement`, :meth:`batch_execute_statement`,
    :meth:`execute_transaction`, :meth:`explain`.
    Indexes: :meth:`add_index`, :meth:`drop_index`, :meth:`wait_for_indexes`, :attr:`indexes`.
    Looking: :meth:`describe`, :meth:`check`.

    >>> from dynafile import Dynafile
    >>> with Dynafile(":memory:") as db:
    ...     db.put_item(item={"PK": "user#1", "SK": "profile", "name": "Bob"})
    ...     db.get_item(key={"PK": "user#1", "SK": "profile"})
    {'PK': 'user#1', 'SK': 'profile', 'name': 'Bob'}
    """

    # -- writing --------------------------------------------------------------------------------

    def _table_named(self, name: str | None) -> TableWriter:
        if name not in (None, self._table.name):
            raise ResourceNotFound(
                f"Requested resource not found: Table: {name} not found", resource=str(name)
            )
        return self._table

    def _store_open(self) -> tuple[Store, bool]:
        self._check_open()
        return self._store, self._durability == "durable"

    def clear(self) -> None:
        """Remove every item, in one commit; the schema stays. Listeners hear of each item."""
        self._check_open()
        self._table.clear()

    def sweep(self) -> int:
        """Remove the items that are expired now, each a DELETE for listeners; return how many.

        Reads never see an expired item, swept or not; writes sweep some each time. Nothing is
        removed when the clock is over ten years from the last commit's.
        """
        self._check_open()
        return self._table.sweep()

    # -- counting -------------------------------------------------------------------------------

    def __len__(self) -> int:
        """Return the exact number of items; expired ones do not count."""
        self._check_open()
        return self._table.count()

    def __bool__(self) -> bool:
        """Return True: an empty table is still a table."""
        return True

    # -- looking --------------------------------------------------------------------------------

    def describe(self) -> TableDescription:
        """Return what the table is and how large. Cost: the headers of all partitions are read."""
        self._check_open()
        return describe_table(self._store, self._definition(), self._path, len(self))

    def check(self) -> None:
        """Verify every invariant of files, maps and items; raises CheckFailed with what is wrong.

        Reads the whole table. Other processes that write wait meanwhile.
        """
        self._check_open()
        self._store.check(lambda: check_table(self._store, self._definition()))
