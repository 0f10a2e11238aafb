"""``Dynafile``: a folder that is one table."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Literal

from dynafile.errors import ReadOnlyDatabase
from dynafile.store.registry import release_store
from dynafile.store.store import DEFAULT_CACHE_SIZE, DEFAULT_LOCK_TIMEOUT
from dynafile.store_options import MEMORY, check_durability, path_of, store_options
from dynafile.table.backfill import Progress
from dynafile.table.index_changes import add_indexes, with_indexes
from dynafile.table.index_options import Index, check_indexes
from dynafile.table.opening import open_table_store
from dynafile.table_api import Table
from dynafile.table_options import AS_STORED, AsStored, TableOptions
from dynafile.values import parse_key_type


class Dynafile(Table):
    """A table in a folder: items by partition key and sort key, shared by threads and processes.

    Opening makes the folder where it is missing; an existing one is opened with the schema it was
    made with, and options that contradict it are refused. Close it, or use it in a ``with`` block.

    It does what every :class:`Table` does:

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
        check_durability(durability)
        options = store_options(
            read_only=read_only, cache_size=cache_size, lock_timeout=lock_timeout, trusted=trusted
        )
        given = check_indexes(indexes)
        folder = path_of(path)
        wanted = TableOptions(
            folder,
            pk_attribute,
            sk_attribute,
            ttl_attribute,
            None if pk_type is None else parse_key_type(pk_type),
            None if sk_type is None else parse_key_type(sk_type),
            table_name,
            given,
        )
        store = open_table_store(None if folder == MEMORY else folder, options, wanted.schema)
        try:
            name = wanted.table_in(store.schema)
            super().__init__(store, name, path=folder, durability=durability)
            self._complete(wanted, wait=wait, progress=progress)
        except BaseException:
            self._closed = True
            release_store(store)
            raise

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
