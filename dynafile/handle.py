"""A handle on a table: how it is opened, what it says of itself, and how it ends."""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Mapping
from typing import Any, Final, Literal, Self

from dynafile.errors import HandleClosed, InvalidArgument, ReadOnlyDatabase
from dynafile.store.registry import release_store
from dynafile.store.store import DEFAULT_CACHE_SIZE, DEFAULT_LOCK_TIMEOUT, Options
from dynafile.table.backfill import Backfill, Progress
from dynafile.table.definition import Definition
from dynafile.table.index_changes import add_indexes, with_indexes
from dynafile.table.index_options import Index, check_indexes
from dynafile.table.opening import open_table_store
from dynafile.table.table import Table
from dynafile.table_options import AS_STORED, MEMORY, AsStored, TableOptions
from dynafile.values import parse_key_type

_DECODED_SHARE: Final = 8
_MOST_DECODED: Final = 64 * 1024 * 1024


class TableHandle:
    """What every handle on a table has: the store it shares, and a table of its own."""

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
        indexes: Mapping[str, Index] | None = None,
        wait: bool = True,
        progress: Progress | None = None,
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
        :param indexes: secondary indexes by name, each a GlobalIndex or a LocalIndex; those that
            the table has not yet are added and filled from its items. None: as stored.
        :param wait: False to return before such indexes are complete.
        :param progress: is called with an index's name, the items done, and how many there are.

        Raises SchemaMismatch, InvalidPath, PathNotWritable, ForeignFile, NetworkFileSystem,
        NewerFormat, CorruptFile, LockTimeout, and ValidationError kinds for the arguments. A folder
        of dynafile 0.1.3 is converted first; raises ConversionRefused, NotConverted.
        """
        self._closed = True
        self._backfill: Backfill | None = None
        if durability not in ("durable", "relaxed"):
            raise InvalidArgument(f"durability is 'durable' or 'relaxed', not {durability!r}")
        _check_positive(cache_size, "cache_size")
        _check_positive(lock_timeout, "lock_timeout", or_zero=True)
        given = check_indexes(indexes)
        self._path = _path_of(path)
        wanted = TableOptions(
            self._path,
            pk_attribute,
            sk_attribute,
            ttl_attribute,
            None if pk_type is None else parse_key_type(pk_type),
            None if sk_type is None else parse_key_type(sk_type),
            table_name,
            given,
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
        self._store = open_table_store(None if memory else self._path, options, wanted.schema)
        try:
            name = wanted.table_in(self._store.schema)
            budget = min(options.cache_size // _DECODED_SHARE, _MOST_DECODED)
            self._table = Table(
                self._store, name, durable=durability == "durable", decoder_budget=budget
            )
            self._complete(wanted, wait=wait, progress=progress)
        except BaseException:
            release_store(self._store)
            raise
        self._closed = False

    def _complete(self, wanted: TableOptions, *, wait: bool, progress: Progress | None) -> None:
        """Add what the options declare and the table does not have yet."""
        new = wanted.new_indexes(self._table.definition)
        if self._read_only:
            if new:
                raise ReadOnlyDatabase(
                    f"the table in {self._path} has no index {', '.join(map(repr, new))}, and it is"
                    " opened with read_only=True: open it without, to add it"
                )
            return
        where = f"the table in {self._path}"
        # Refuses before anything is written.
        with_indexes(self._store.schema, self._table.name, new, where, empty=False)
        self._table.declare_types(wanted.pk_type, wanted.sk_type)
        add_indexes(self._store, self._table.name, new, where)
        self._fill_indexes(wait=wait, progress=progress)

    def _fill_indexes(self, *, wait: bool, progress: Progress | None) -> None:
        """Build the indexes that are not complete, of this opening or left by one that ended."""
        self._table.refresh()
        if not any(index.building for index in self._table.definition.indexes.values()):
            return
        backfill = Backfill(self._store, self._table.name, progress)
        if wait:
            backfill.run()
            self._table.refresh()
            return
        if self._backfill is not None:
            self._backfill.stop()
        self._backfill = backfill
        backfill.start()

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
        return f"<{state}{type(self).__name__} {self._path!r}>"

    # -- the end --------------------------------------------------------------------------------

    def close(self) -> None:
        """Close this handle; the process's last one on the folder tidies up. Twice is fine."""
        if not self._closed:
            self._closed = True
            if self._backfill is not None:
                self._backfill.stop()
            release_store(self._store)

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
        raise HandleClosed(f"the database {self._path} was closed: open it again to use it")


def _check_positive(value: Any, name: str, *, or_zero: bool = False) -> None:
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if not number or not (value > 0 or (or_zero and value == 0)):
        least = "of at least 0" if or_zero else "above 0"
        raise InvalidArgument(f"{name} must be a number {least}, not {value!r}")


def _path_of(path: object) -> str:
    text = os.fspath(path) if isinstance(path, os.PathLike) else path
    if not isinstance(text, str):
        raise InvalidArgument(f"path is a str or a path object, not {path!r}")
    if "\0" in text:
        raise InvalidArgument(f"path has a zero byte, which no file system takes: {path!r}")
    return text or "."
