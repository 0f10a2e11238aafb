"""``Table``: what one does with the items of a table."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from dynafile.descriptions import IndexDescription, TableDescription
from dynafile.errors import InvalidArgument
from dynafile.expressions import filter_attributes, parse_filter
from dynafile.indexed_handle import IndexedHandle
from dynafile.key_ranges import index_range, table_range
from dynafile.table.batch import BatchWriter
from dynafile.table.checking import check_table
from dynafile.table.definition import Definition, IndexDefinition
from dynafile.table.events import Action, ActionType, EventListener
from dynafile.table.index_options import declared
from dynafile.table.keys import segment_range
from dynafile.table.reader import Filter


class Table(IndexedHandle):
    """A table: items by partition key and sort key, shared by threads and processes.

    Reading: :meth:`get_item`, :meth:`batch_get_item`, :meth:`query`, :meth:`scan`, ``len(table)``.
    Writing: :meth:`put_item`, :meth:`delete_item`, :meth:`batch_writer`, :meth:`execute_batch`,
    :meth:`clear`, :meth:`sweep`.
    Listening: :meth:`add_stream_listener`, :meth:`remove_stream_listener`.
    Indexes: :meth:`add_index`, :meth:`drop_index`, :meth:`wait_for_indexes`, :attr:`indexes`.
    Looking: :meth:`describe`, :meth:`check`.

    >>> from dynafile import Dynafile
    >>> with Dynafile(":memory:") as db:
    ...     db.put_item(item={"PK": "user#1", "SK": "profile", "name": "Bob"})
    ...     db.get_item(key={"PK": "user#1", "SK": "profile"})
    {'PK': 'user#1', 'SK': 'profile', 'name': 'Bob'}
    """

    # -- writing --------------------------------------------------------------------------------

    def put_item(self, *, item: Mapping[str, Any]) -> None:
        """Write an item, in the place of any with the same key.

        Cost: one record in the journal; one sync where the handle is durable. Raises
        ValidationError kinds before anything is written, ReadOnlyDatabase, LockTimeout, DiskFull.
        """
        if self._closed:
            self._refuse_closed()
        self._table.put_item(item)

    def delete_item(self, *, key: Mapping[str, Any]) -> None:
        """Delete the item with this key; no error where there is none.

        ``key`` holds the key attributes; others in it are ignored. Costs and errors as
        :meth:`put_item`.
        """
        if self._closed:
            self._refuse_closed()
        self._table.delete_item(key)

    def batch_writer(
        self, *, flush_items: int | None = None, flush_seconds: float | None = None
    ) -> BatchWriter:
        """Return a writer whose ``with`` block is one commit.

        Its ``put_item(item=)`` and ``delete_item(key=)`` take effect together when the block ends;
        if its body raises, none does. ``flush_items`` commits each time so many writes were
        collected, ``flush_seconds`` each time so many seconds have passed.

        >>> from dynafile import Dynafile
        >>> with Dynafile(":memory:") as db:
        ...     with db.batch_writer() as writer:
        ...         writer.put_item(item={"PK": "a", "SK": "1"})
        ...         writer.put_item(item={"PK": "a", "SK": "2"})
        ...     len(db)
        2
        """
        self._check_open()
        return BatchWriter(self._table, flush_items, flush_seconds, self._check_open)

    def execute_batch(self, actions: Iterable[Action]) -> None:
        """Commit puts and deletes as one, in their order.

        An :class:`Action` is an op, ``"PUT"`` or ``"DELETE"``, and the item or key.
        """
        self._check_open()
        schema = self._table.schema
        writes = []
        for action in actions:
            try:
                op, data = action
            except (TypeError, ValueError):
                raise InvalidArgument(f"an action is Action(op, data), not {action!r}") from None
            if op == ActionType.PUT:
                writes.append(self._table.put_of(data))
            elif op == ActionType.DELETE:
                writes.append(self._table.delete_of(data))
            else:
                raise InvalidArgument(f"an action's op is 'PUT' or 'DELETE', not {op!r}")
        self._table.write(writes, schema)

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

    # -- reading --------------------------------------------------------------------------------

    def get_item(self, *, key: Mapping[str, Any]) -> dict[str, Any] | None:
        """Return the item with this key, or None.

        ``key`` holds the key attributes; others in it are ignored. Cost: none in system calls where
        the partition is in memory; else one file is read.
        """
        if self._closed:
            self._refuse_closed()
        return self._table.get_item(key)

    def batch_get_item(self, *, keys: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
        """Return the items with these keys, in the order of the keys, without those missing."""
        self._check_open()
        return self._table.batch_get_item(keys)

    def query(
        self,
        pk: Any,
        *,
        index: str | None = None,
        starts_with: str | bytes | None = None,
        sk: Any = None,
        scan_index_forward: bool = True,
        limit: int | None = None,
        filter: Any = None,
        _filter: Any = None,
    ) -> Iterator[dict[str, Any]]:
        """Yield the items with this partition key in the order of their sort keys.

        :param pk: the partition key's value; a tuple for an index with several attributes.
        :param index: a secondary index to query in the place of the table; its items hold what it
            projects.
        :param starts_with: only sort keys that begin so.
        :param sk: a condition on the sort key: ``between(a, b)``, ``begins_with(p)``, ``lt(x)``,
            ``lte(x)``, ``gt(x)``, ``gte(x)``, ``eq(x)``, the same of ``Key("SK")``, or a value to
            be equal to. For an index with several sort key attributes a tuple: values for the
            first ones, and a condition on the next.
        :param scan_index_forward: False for the reverse order.
        :param limit: yield at most so many items.
        :param filter: a callable, an ``Attr(...)`` condition, or a string for ``filtration``.

        An item that is there throughout is yielded exactly once, while others write.
        Cost: a range of the partitions' maps, no scan; of a local index with a filter on what it
        does not project, the items too. Raises IndexNotFound, IndexNotReady, InvalidKey kinds, and
        InvalidArgument where the filter needs what a global index does not project.
        """
        if self._closed:
            self._refuse_closed()
        table = self._table
        wanted = None if filter is None and _filter is None else _filter_of(filter, _filter)
        if limit is not None:
            _check_limit(limit)
        if index is None:
            bounds = table_range(table.keys, pk, starts_with, sk)
            return table.read(bounds, wanted, limit, reverse=not scan_index_forward, keep=True)
        found = table.index(index)
        return table.read(
            index_range(found, pk, starts_with, sk),
            wanted,
            limit,
            reverse=not scan_index_forward,
            keep=True,
            index=found,
            needed=_needed(filter, _filter),
        )

    def scan(
        self,
        _filter: Any = None,
        *,
        index: str | None = None,
        filter: Any = None,
        segment: int | None = None,
        total_segments: int | None = None,
        limit: int | None = None,
    ) -> Iterator[dict[str, Any]]:
        """Yield all items, those of one partition key together and in the order of their sort keys.

        ``segment`` and ``total_segments`` yield one share of the table: the segments divide the
        hash space evenly and together cover each item once. ``index``, ``limit`` and ``filter`` are
        as in :meth:`query`; an index has only the items with its key attributes.

        An item that is there throughout is yielded exactly once, while others write.
        """
        self._check_open()
        if (segment is None) != (total_segments is None):
            raise InvalidArgument("segment and total_segments go together")
        bounds: tuple[bytes, bytes | None] = (b"", None)
        if segment is not None and total_segments is not None:
            bounds = segment_range(segment, total_segments)
        wanted = _filter_of(filter, _filter)
        _check_limit(limit)
        if index is None:
            return self._table.read(bounds, wanted, limit, reverse=False, keep=False)
        found = self._table.index(index)
        needed = _needed(filter, _filter)
        return self._table.read(
            bounds, wanted, limit, reverse=False, keep=False, index=found, needed=needed
        )

    def __len__(self) -> int:
        """Return the exact number of items; expired ones do not count."""
        self._check_open()
        return self._table.count()

    def __bool__(self) -> bool:
        """Return True: an empty table is still a table."""
        return True

    # -- listening ------------------------------------------------------------------------------

    def add_stream_listener(self, listener: EventListener) -> None:
        """Call ``listener(event)`` after each write of this handle.

        It is called in the thread that wrote, after the commit and before the call returns, in the
        order of the commits; it may write itself, and hears of that afterwards. One that raises is
        logged (logger ``dynafile``) and stops nobody.
        """
        self._check_open()
        self._table.add_listener(listener)

    def remove_stream_listener(self, listener: EventListener) -> None:
        """Stop calling ``listener``; raises InvalidArgument where it was not added."""
        self._check_open()
        self._table.remove_listener(listener)

    # -- looking --------------------------------------------------------------------------------

    def describe(self) -> TableDescription:
        """Return what the table is and how large. Cost: the headers of all partitions are read."""
        self._check_open()
        definition = self._definition()
        figures = self._store.figures(self._store.keyspace(definition.items))
        return TableDescription(
            table_name=definition.name,
            path=self._path,
            pk_attribute=definition.pk_attribute,
            pk_type=definition.pk_type,
            sk_attribute=definition.sk_attribute,
            sk_type=definition.sk_type,
            ttl_attribute=definition.ttl_attribute,
            item_count=len(self),
            partition_count=figures.partitions,
            snapshot_bytes=figures.snapshot_bytes,
            journal_bytes=figures.journal_bytes,
            disk_bytes=figures.disk_bytes,
            indexes=tuple(
                described
                for index in definition.indexes.values()
                if (described := self._describe_index(definition, index)) is not None
            ),
        )

    def _describe_index(
        self, table: Definition, definition: IndexDefinition
    ) -> IndexDescription | None:
        space = self._store.replica.keyspaces.get(definition.entries)
        if space is None:
            return None  # dropped meanwhile, by another thread or process
        figures = self._store.figures(space)
        return IndexDescription(
            name=definition.name,
            index=declared(definition),
            status="CREATING" if definition.building else "ACTIVE",
            entry_count=self._store.count(space),
            skipped_count=definition.skipped,
            types={name: table.type_of(name) for name in (*definition.pk, *definition.sk)},
            partition_count=figures.partitions,
            snapshot_bytes=figures.snapshot_bytes,
        )

    def check(self) -> None:
        """Verify every invariant of files, maps and items; raises CheckFailed with what is wrong.

        Reads the whole table. Other processes that write wait meanwhile.
        """
        self._check_open()
        self._store.check(lambda: check_table(self._store, self._definition()))


def _filter_of(plain: Any, underscored: Any) -> Filter | None:
    if plain is not None and underscored is not None:
        raise InvalidArgument("give filter or _filter, not both: they are the same")
    return parse_filter(plain if plain is not None else underscored)


def _needed(plain: Any, underscored: Any) -> frozenset[str] | None:
    return filter_attributes(plain if plain is not None else underscored)


def _check_limit(limit: int | None) -> None:
    if limit is not None and (type(limit) is not int or limit < 1):
        raise InvalidArgument(f"limit must be an int of at least 1, or None, not {limit!r}")
