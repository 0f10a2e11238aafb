"""The API: ``Dynafile``, one table in a folder."""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal, Self

from dynafile.errors import HandleClosed, InvalidArgument
from dynafile.expressions import SortKeyCondition, key_condition, parse_filter
from dynafile.store.store import DEFAULT_CACHE_SIZE, DEFAULT_LOCK_TIMEOUT, Options, open_store
from dynafile.table.batch import BatchWriter
from dynafile.table.checking import check_table
from dynafile.table.definition import Definition
from dynafile.table.events import Action, ActionType, EventListener
from dynafile.table.keys import segment_range
from dynafile.table.reader import Filter
from dynafile.table.table import Table
from dynafile.table_options import AS_STORED, MEMORY, AsStored, TableOptions
from dynafile.values import parse_key_type

_DECODED_SHARE: Final = 8
_MOST_DECODED: Final = 64 * 1024 * 1024


_CLOSED: Final = "the database {} was closed: open it again to use it"


@dataclass(frozen=True, kw_only=True)
class TableDescription:
    """What :meth:`Dynafile.describe` tells. Sizes are in bytes."""

    table_name: str
    path: str
    pk_attribute: str
    pk_type: str | None
    """``S``, ``N`` or ``B``; None while nothing was written."""
    sk_attribute: str | None
    sk_type: str | None
    ttl_attribute: str | None
    item_count: int
    """Items that are not expired."""
    partition_count: int
    snapshot_bytes: int
    """The partitions' files."""
    journal_bytes: int
    """The journal past the checkpoint: what the next opening replays."""
    disk_bytes: int
    """Everything in the folder."""


class Dynafile:
    """A table in a folder: items by partition key and sort key, shared by threads and processes.

    Opening makes the folder where it is missing; an existing one is opened with the schema it was
    made with, and options that contradict it are refused. Close it, or use it in a ``with`` block.

    Reading: :meth:`get_item`, :meth:`batch_get_item`, :meth:`query`, :meth:`scan`, ``len(db)``.
    Writing: :meth:`put_item`, :meth:`delete_item`, :meth:`batch_writer`, :meth:`execute_batch`,
    :meth:`clear`, :meth:`sweep`.
    Listening: :meth:`add_stream_listener`, :meth:`remove_stream_listener`.
    Looking: :meth:`describe`, :meth:`check`.

    >>> with Dynafile(":memory:") as db:
    ...     db.put_item(item={"PK": "user#1", "SK": "profile", "name": "Bob"})
    ...     db.get_item(key={"PK": "user#1", "SK": "profile"})
    {'PK': 'user#1', 'SK': 'profile', 'name': 'Bob'}
    """

    def __init__(
        self,
        path: str | os.PathLike[str] = ".",
        pk_attribute: str | None = None,
        sk_attribute: str | AsStored | None = AS_STORED,
        ttl_attribute: str | None = None,
        *,
        pk_type: str | type | None = None,
        sk_type: str | type | None = None,
        table_name: str | None = None,
        durability: Literal["durable", "relaxed"] = "durable",
        read_only: bool = False,
        cache_size: int = DEFAULT_CACHE_SIZE,
        lock_timeout: float = DEFAULT_LOCK_TIMEOUT,
        trusted: bool = True,
    ) -> None:
        """Open the table in a folder, or make it.

        :param path: the folder; ``":memory:"`` for a table without files.
        :param pk_attribute: the partition key; by default as stored, ``"PK"`` for a new table.
        :param sk_attribute: the sort key; None for a table without one; by default as stored,
            ``"SK"`` for a new table.
        :param ttl_attribute: the attribute that holds when an item expires, in seconds since 1970;
            by default as stored, none for a new table.
        :param pk_type: ``"S"``, ``"N"`` or ``"B"``, or ``str``, ``int``, ``bytes``; by default as
            stored, and for a new table the type of the first item's.
        :param sk_type: likewise.
        :param table_name: by default as stored, and for a new table the folder's name made valid.
        :param durability: ``"durable"``: a write that returned is on the disk. ``"relaxed"``: a
            power cut may take back the last second; a crash of the process takes back nothing.
        :param read_only: take no lock and write nothing; follows what others write.
        :param cache_size: bytes of memory for loaded partitions; the first handle of a process
            decides.
        :param lock_timeout: seconds to wait for another process that writes.
        :param trusted: False for a folder from a stranger: its files are checked against their
            exact grammar, so that they cannot exhaust memory either.

        Raises SchemaMismatch, InvalidPath, PathNotWritable, ForeignFile, NetworkFileSystem,
        NewerFormat, CorruptFile, LockTimeout, and ValidationError kinds for the arguments.
        """
        self._closed = True
        if durability not in ("durable", "relaxed"):
            raise InvalidArgument(f"durability is 'durable' or 'relaxed', not {durability!r}")
        _check_positive(cache_size, "cache_size")
        _check_positive(lock_timeout, "lock_timeout", or_zero=True)
        self._path = _path_of(path)
        wanted = TableOptions(
            self._path,
            pk_attribute,
            sk_attribute,
            ttl_attribute,
            None if pk_type is None else parse_key_type(pk_type),
            None if sk_type is None else parse_key_type(sk_type),
            table_name,
        )
        options = Options(
            read_only=read_only,
            cache_size=int(min(cache_size, sys.maxsize)),
            lock_timeout=min(lock_timeout, threading.TIMEOUT_MAX),
            trusted=trusted,
            clock=lambda: time.time(),  # looked up each time, for tests that replace it
        )
        self._durability = durability
        self._read_only = read_only
        memory = self._path == MEMORY
        self._store = open_store(None if memory else self._path, options, wanted.schema)
        try:
            name = wanted.table_in(self._store.schema)
            budget = min(options.cache_size // _DECODED_SHARE, _MOST_DECODED)
            self._table = Table(
                self._store, name, durable=durability == "durable", decoder_budget=budget
            )
            if not read_only:
                self._table.declare_types(wanted.pk_type, wanted.sk_type)
        except BaseException:
            self._store.release()
            raise
        self._closed = False

    # -- what it is -----------------------------------------------------------------------------

    @property
    def path(self) -> str:
        """The folder, as it was given."""
        return self._path

    @property
    def pk_attribute(self) -> str:
        """The name of the partition key."""
        return self._table.definition.pk_attribute

    @property
    def sk_attribute(self) -> str | None:
        """The name of the sort key; None: the table has none."""
        return self._table.definition.sk_attribute

    @property
    def ttl_attribute(self) -> str | None:
        """The attribute that holds when an item expires; None: none."""
        return self._table.definition.ttl_attribute

    @property
    def pk_type(self) -> str | None:
        """The partition key's type, ``S``, ``N`` or ``B``; None while nothing was written."""
        return self._definition().pk_type

    @property
    def sk_type(self) -> str | None:
        """The sort key's type, ``S``, ``N`` or ``B``; None while not known, or without one."""
        return self._definition().sk_type

    def _definition(self) -> Definition:
        self._check_open()
        return Definition.from_json(self._store.schema.tables[self._table.name])

    @property
    def table_name(self) -> str:
        """The table's name."""
        return self._table.name

    @property
    def durability(self) -> str:
        """``"durable"`` or ``"relaxed"``, as this handle was opened."""
        return self._durability

    @property
    def read_only(self) -> bool:
        """Whether this handle only reads."""
        return self._read_only

    @property
    def closed(self) -> bool:
        """Whether this handle was closed."""
        return self._closed

    def __repr__(self) -> str:
        state = "closed " if self._closed else ""
        return f"<{state}Dynafile {self._path!r}>"

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
        starts_with: str | bytes | None = None,
        sk: Any = None,
        scan_index_forward: bool = True,
        limit: int | None = None,
        filter: Any = None,
        _filter: Any = None,
    ) -> Iterator[dict[str, Any]]:
        """Yield the items with this partition key in the order of their sort keys.

        :param starts_with: only sort keys that begin so.
        :param sk: a condition on the sort key: ``between(a, b)``, ``begins_with(p)``, ``lt(x)``,
            ``lte(x)``, ``gt(x)``, ``gte(x)``, ``eq(x)``, the same of ``Key("SK")``, or a value to
            be equal to.
        :param scan_index_forward: False for the reverse order.
        :param limit: yield at most so many items.
        :param filter: a callable, an ``Attr(...)`` condition, or a string for ``filtration``.

        An item that is there throughout is yielded exactly once, while others write.
        Cost: a range of the partitions' maps, no scan.
        """
        if self._closed:
            self._refuse_closed()
        table = self._table
        keys = table.keys
        if sk is not None:
            if starts_with is not None:
                raise InvalidArgument("give starts_with or sk, not both")
            if keys.sk is None:
                raise InvalidArgument(f"the table has no sort key, so a query takes no sk={sk!r}")
            condition: SortKeyCondition = key_condition(sk, keys.sk)
            bounds = keys.condition(pk, condition.operator, condition.values)
        elif starts_with is not None and starts_with != "":
            bounds = keys.starts_with(pk, starts_with)
        else:
            bounds = keys.whole(pk)
        wanted = None if filter is None and _filter is None else _filter_of(filter, _filter)
        if limit is not None:
            _check_limit(limit)
        return table.read(bounds, wanted, limit, reverse=not scan_index_forward, keep=True)

    def scan(
        self,
        _filter: Any = None,
        *,
        filter: Any = None,
        segment: int | None = None,
        total_segments: int | None = None,
        limit: int | None = None,
    ) -> Iterator[dict[str, Any]]:
        """Yield all items, those of one partition key together and in the order of their sort keys.

        ``segment`` and ``total_segments`` yield one share of the table: the segments divide the
        hash space evenly and together cover each item once. ``limit`` and ``filter`` are as in
        :meth:`query`.

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
        return self._table.read(bounds, wanted, limit, reverse=False, keep=False)

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
        )

    def check(self) -> None:
        """Verify every invariant of files, maps and items; raises CheckFailed with what is wrong.

        Reads the whole table. Other processes that write wait meanwhile.
        """
        self._check_open()
        self._store.check(lambda: check_table(self._store, self._table.definition))

    # -- the end --------------------------------------------------------------------------------

    def close(self) -> None:
        """Close this handle; the process's last one on the folder tidies up. Twice is fine."""
        if not self._closed:
            self._closed = True
            self._store.release()

    def __enter__(self) -> Self:
        self._check_open()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __del__(self) -> None:
        if not getattr(self, "_closed", True):
            self.close()

    def _check_open(self) -> None:
        if self._closed:
            self._refuse_closed()

    def _refuse_closed(self) -> None:
        raise HandleClosed(_CLOSED.format(self._path))


def _filter_of(plain: Any, underscored: Any) -> Filter | None:
    if plain is not None and underscored is not None:
        raise InvalidArgument("give filter or _filter, not both: they are the same")
    return parse_filter(plain if plain is not None else underscored)


def _path_of(path: object) -> str:
    text = os.fspath(path) if isinstance(path, os.PathLike) else path
    if not isinstance(text, str):
        raise InvalidArgument(f"path is a str or a path object, not {path!r}")
    if "\0" in text:
        raise InvalidArgument(f"path has a zero byte, which no file system takes: {path!r}")
    return text or "."


def _check_limit(limit: int | None) -> None:
    if limit is not None and (type(limit) is not int or limit < 1):
        raise InvalidArgument(f"limit must be an int of at least 1, or None, not {limit!r}")


def _check_positive(value: Any, name: str, *, or_zero: bool = False) -> None:
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if not number or not (value > 0 or (or_zero and value == 0)):
        least = "of at least 0" if or_zero else "above 0"
        raise InvalidArgument(f"{name} must be a number {least}, not {value!r}")


__all__ = ["AS_STORED", "AsStored", "Dynafile", "TableDescription"]
