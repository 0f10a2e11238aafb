"""A handle on a folder of tables: how it is opened, which tables it has, and how it ends."""

from __future__ import annotations

import os
import threading
import weakref
from collections.abc import Iterator
from typing import Final, Literal, Self

from msgspec import Struct

from dynafile.constraints import resource_name, whole_number
from dynafile.errors import HandleClosed, ReadOnlyDatabase
from dynafile.store.registry import release_store, share_store
from dynafile.store.schema import Schema
from dynafile.store.store import DEFAULT_CACHE_SIZE, DEFAULT_LOCK_TIMEOUT
from dynafile.store_options import MEMORY, Durability, check_durability, path_of, store_options
from dynafile.table.backfill import Progress
from dynafile.table.checking import check_table
from dynafile.table.definition import Definition, definition_in
from dynafile.table.opening import open_database_store
from dynafile.table.table_changes import check_keyspaces
from dynafile.table.ttl_changes import complete_ttl
from dynafile.table_api import Table

MOST_LISTED: Final = 100
"""So many names are on a page."""


class TablePage(Struct, frozen=True):
    """A page of the names of tables, in the order of their bytes."""

    table_names: tuple[str, ...]
    last_evaluated_table_name: str | None
    """Where the next page begins, as its ``exclusive_start_table_name``; None: there is none."""

    def __iter__(self) -> Iterator[str]:
        return iter(self.table_names)

    def __len__(self) -> int:
        return len(self.table_names)


class DatabaseHandle:
    """What a database is before one changes its tables."""

    def __init__(
        self,
        path: str | os.PathLike[str] = ".",
        *,
        durability: Literal["durable", "relaxed"] = "durable",
        read_only: bool = False,
        cache_size: int = DEFAULT_CACHE_SIZE,
        lock_timeout: float = DEFAULT_LOCK_TIMEOUT,
        trusted: bool = True,
    ) -> None:
        """Open the tables in a folder, or make one that has none yet.

        :param path: the folder; ``":memory:"`` for tables without files.
        :param durability: of the tables that do not say otherwise. ``"durable"``: a write that
            returned is on the disk. ``"relaxed"``: a power cut may take back the last second; a
            crash of the process takes back nothing.
        :param read_only: take no lock and write nothing; follows what others write.
        :param cache_size: bytes of memory for loaded partitions of all tables; the first handle of
            a process decides.
        :param lock_timeout: seconds to wait for another process that writes.
        :param trusted: False for a folder from a stranger: its files are checked against their
            exact grammar and their tables, so that they cannot exhaust memory either, and no link
            in it is followed.

        Raises InvalidPath, PathNotWritable, ForeignFile, NetworkFileSystem, NewerFormat,
        CorruptFile, LockTimeout, InvalidArgument; NotConverted for a folder of dynafile 0.1.3,
        which :class:`Dynafile` converts.
        """
        self._closed = True
        check_durability(durability)
        options = store_options(
            read_only=read_only, cache_size=cache_size, lock_timeout=lock_timeout, trusted=trusted
        )
        self._path = path_of(path)
        self._durability = durability
        self._read_only = read_only
        self._handles: weakref.WeakSet[Table] = weakref.WeakSet()
        self._builders: dict[str, Table] = {}
        """Handles whose indexes are being filled in the background."""
        self._used: dict[str, Table] = {}
        """Handles for what is done to items of several tables."""
        self._mutex = threading.Lock()
        self._store = open_database_store(None if self._path == MEMORY else self._path, options)
        self._closed = False
        try:
            self._go_on_building()
        except BaseException:
            self.close()
            raise

    def _go_on_building(self) -> None:
        """Complete in the background what an earlier process left unfinished."""
        if self._read_only:
            return
        schema = self._store.schema
        for name in schema.tables:
            definition = definition_in(schema, name)
            if definition.expiry_partial:
                complete_ttl(self._store, name)
            if any(index.building for index in definition.indexes.values()):
                self._build_in_background(self._handle(name))

    def _build_in_background(self, table: Table, progress: Progress | None = None) -> None:
        with self._mutex:
            earlier = self._builders.pop(table.table_name, None)
            self._builders[table.table_name] = table
        if earlier is not None:
            earlier.close()
        table._fill_indexes(wait=False, progress=progress)

    # -- what there is --------------------------------------------------------------------------

    def table(self, name: str, *, durability: Durability | None = None) -> Table:
        """Return a handle on a table, a new one each time. It may be closed, and need not be.

        :param durability: ``"durable"`` or ``"relaxed"``; by default the database's.

        Raises ResourceNotFound where there is no such table; so does the handle when the table is
        deleted later, even if another one of its name was made since.
        """
        self._check_open()
        check_durability(self._durability if durability is None else durability)
        resource_name(name, "TableName")
        return self._handle(name, durability)

    def _handle(self, name: str, durability: Durability | None = None) -> Table:
        share_store(self._store)
        try:
            kind = self._durability if durability is None else durability
            table = Table(self._store, name, path=self._path, durability=kind)
        except BaseException:
            release_store(self._store)
            raise
        with self._mutex:
            self._handles.add(table)
        return table

    @property
    def tables(self) -> tuple[str, ...]:
        """The names of the tables, in the order of their bytes."""
        return tuple(sorted(self._schema().tables))  # names are ASCII

    def list_tables(
        self, limit: int | None = None, exclusive_start_table_name: str | None = None
    ) -> TablePage:
        """Return a page of the names of the tables, in the order of their bytes.

        :param limit: at most so many names, up to 100; by default 100.
        :param exclusive_start_table_name: only names after this one, which need not be there: the
            ``last_evaluated_table_name`` of the page before.
        """
        most = MOST_LISTED if limit is None else whole_number(limit, "Limit", 1, MOST_LISTED)
        after = exclusive_start_table_name
        if after is not None:
            resource_name(after, "ExclusiveStartTableName")
        names = tuple(name for name in self.tables if after is None or name > after)
        page = names[:most]
        return TablePage(page, page[-1] if len(names) > most else None)

    def __iter__(self) -> Iterator[str]:
        return iter(self.tables)

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and name in self._schema().tables

    def __len__(self) -> int:
        return len(self._schema().tables)

    def __bool__(self) -> bool:
        """Return True: a database without tables is still a database."""
        return True

    def _schema(self) -> Schema:
        self._check_open()
        return self._store.schema

    def _definition(self, name: str) -> Definition:
        schema = self._schema()
        return definition_in(schema, resource_name(name, "TableName"))

    def check(self) -> None:
        """Verify every invariant of files, maps, and all tables; raises CheckFailed with a list.

        Reads everything. Other processes that write wait meanwhile.
        """
        self._check_open()
        self._store.check(self._problems)

    def _problems(self) -> list[str]:
        schema = self._store.schema
        problems = check_keyspaces(schema)
        for name in [] if problems else schema.tables:
            found = check_table(self._store, definition_in(schema, name))
            problems += [f"{name}: {problem}" for problem in found]
        return problems

    # -- what it is -----------------------------------------------------------------------------

    @property
    def path(self) -> str:
        """The folder, as it was given."""
        return self._path

    @property
    def durability(self) -> str:
        """``"durable"`` or ``"relaxed"``: that of tables which do not say otherwise."""
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
        """Close this handle and the tables that it gave; twice is fine.

        The last handle of the process on the folder tidies up.
        """
        with self._mutex:
            if self._closed:
                return
            self._closed = True
            tables = [*self._handles, *self._builders.values()]
            self._builders.clear()
        for table in tables:
            table.close()
        release_store(self._store)

    def __enter__(self) -> Self:
        self._check_open()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __del__(self) -> None:
        # Tables that were taken from it go on: `Database(path).table("orders")` is fine.
        if not getattr(self, "_closed", True):
            self._closed = True
            for table in self._builders.values():
                table.close()
            release_store(self._store)

    def _check_open(self) -> None:
        if self._closed:
            raise HandleClosed(f"the database {self._path} was closed: open it again to use it")

    def _check_writable(self, call: str) -> None:
        self._check_open()
        if self._read_only:
            raise ReadOnlyDatabase(
                f"{self._path} was opened with read_only=True: open it without, for {call}"
            )
