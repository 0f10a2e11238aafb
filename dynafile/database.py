"""``Database`` and ``Dynafile``: a folder of tables, and a folder that is one table."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any, Literal

from dynafile.constraints import resource_name
from dynafile.creation import new_table
from dynafile.data_plane import DataPlane
from dynafile.descriptions import TableDescription
from dynafile.errors import ReadOnlyDatabase, ResourceNotFound, ValidationError
from dynafile.resource_settings import ResourceSettings
from dynafile.settings_request import Tags
from dynafile.store.registry import release_store
from dynafile.store.store import DEFAULT_CACHE_SIZE, DEFAULT_LOCK_TIMEOUT, Store
from dynafile.store_options import MEMORY, check_durability, path_of, store_options
from dynafile.stream_operations import StreamOperations
from dynafile.table.backfill import Progress
from dynafile.table.definition import definition_in
from dynafile.table.index_changes import add_indexes, with_indexes
from dynafile.table.index_options import Index, check_indexes
from dynafile.table.opening import open_table_store
from dynafile.table.stream_options import StreamOptions, stream_options
from dynafile.table.table_changes import alter_table, create_table, declare_stream, delete_table
from dynafile.table.ttl_changes import complete_ttl
from dynafile.table.writer import TableWriter
from dynafile.table_api import Table
from dynafile.table_options import AS_STORED, AsStored, TableOptions
from dynafile.update_request import UPDATABLE, TableUpdate
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
        stream: bool | str | StreamOptions | None = None,
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
            exact grammar and their tables, so that they cannot exhaust memory either, and no link
            in it is followed.
        :param indexes: secondary indexes by name, each a GlobalIndex or a LocalIndex; those that
            the table has not yet are added and filled from its items. None: as stored.
        :param stream: True, a view type such as ``"NEW_IMAGE"``, or StreamOptions: a stream of its
            changes, declared where the table has none; see :meth:`Table.stream`. None or False: as
            stored; :meth:`Database.update_table` ends one.
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
            stream_options(stream),
        )
        store = open_table_store(None if folder == MEMORY else folder, options, wanted.schema)
        try:
            name = wanted.table_in(store.schema)
            super().__init__(
                store, name, path=folder, durability=durability, cache_size=options.cache_size
            )
            self._complete(wanted, wait=wait, progress=progress)
        except BaseException:
            self._closed = True
            release_store(store)
            raise

    def _complete(self, wanted: TableOptions, *, wait: bool, progress: Progress | None) -> None:
        """Add what the options declare and the table does not have yet."""
        new = wanted.new_indexes(self._table.definition)
        if self._read_only:
            if wanted.lacks_stream(self._table.definition):
                raise ReadOnlyDatabase(
                    f"the table in {self._path} has no stream, and it is opened with "
                    "read_only=True: open it without, to declare one"
                )
            if new:
                raise ReadOnlyDatabase(
                    f"the table in {self._path} has no index {', '.join(map(repr, new))}, and it is"
                    " opened with read_only=True: open it without, to add it"
                )
            return
        where = f"the table in {self._path}"
        # Refuses before anything is written.
        name, number = self._table.name, self._table.number
        if wanted.lacks_stream(self._table.definition):
            declare_stream(self._store, name, wanted.stream)
        with_indexes(self._store.schema, name, new, where, empty=False, items=number)
        self._table.declare_types(wanted.pk_type, wanted.sk_type)
        complete_ttl(self._store, name)
        add_indexes(self._store, name, new, where, number)
        self._fill_indexes(wait=wait, progress=progress)

    def __repr__(self) -> str:
        state = "closed " if self._closed else ""
        return f"<{state}{type(self).__name__} {self._path!r}>"


class Database(ResourceSettings, DataPlane, StreamOperations):
    """Tables in a folder, in one store: with one journal, one lock, and transactions over them.

    Making tables: :meth:`create_table`, :meth:`update_table`, :meth:`delete_table`,
    :meth:`update_time_to_live`, :meth:`tag_resource`, :meth:`untag_resource`.
    Items of several tables: :meth:`batch_write_item`, :meth:`batch_get_item`,
    :meth:`transact_write_items`, :meth:`transact_get_items`, :meth:`transaction`,
    :meth:`run_transaction`.
    Streams: :meth:`list_streams`, :meth:`describe_stream`, :meth:`get_shard_iterator`,
    :meth:`get_records`; or :meth:`Table.stream`.
    Looking: :meth:`table`, :attr:`tables`, :meth:`list_tables`, :meth:`describe_table`,
    :meth:`describe_time_to_live`, :meth:`list_tags_of_resource`, :meth:`check`.

    A folder that :class:`Dynafile` made opens too: it is a database of one table, and may get more.

    >>> with Database(":memory:") as db:
    ...     orders = db.create_table("orders", "customer", "date")
    ...     orders.put_item(item={"customer": "Bob", "date": "2026-01-31", "total": 12})
    ...     [list(db), len(db.table("orders"))]
    [['orders'], 1]
    """

    def _table_named(self, name: str | None) -> TableWriter:
        self._check_open()
        if name is None:
            raise ValidationError("Missing required parameter: 'TableName': name one of the tables")
        table = self._used.get(name)
        with suppress(ResourceNotFound):  # a later one may have its name
            if table is not None and not table.closed:
                definition_in(self._store.schema, name, table._table.number)
                return table._table
        table = self._used[name] = self._handle(resource_name(name, "TableName"))
        return table._table

    def _store_open(self) -> tuple[Store, bool]:
        self._check_open()
        return self._store, self._durability == "durable"

    # -- tables -----------------------------------------------------------------------------------

    def create_table(
        self,
        name: str | None = None,
        pk_attribute: str | None = None,
        sk_attribute: str | AsStored | None = AS_STORED,
        ttl_attribute: str | None = None,
        *,
        pk_type: str | type | None = None,
        sk_type: str | type | None = None,
        indexes: Mapping[str, Index] | None = None,
        stream: bool | str | StreamOptions | None = None,
        table_name: str | None = None,
        key_schema: Sequence[Mapping[str, str]] | None = None,
        attribute_definitions: Sequence[Mapping[str, str]] | None = None,
        global_secondary_indexes: Sequence[Mapping[str, Any]] | None = None,
        local_secondary_indexes: Sequence[Mapping[str, Any]] | None = None,
        billing_mode: str | None = None,
        provisioned_throughput: Mapping[str, int] | None = None,
        stream_specification: Mapping[str, Any] | None = None,
        sse_specification: Mapping[str, Any] | None = None,
        tags: Tags | None = None,
        table_class: str | None = None,
        deletion_protection_enabled: bool = False,
    ) -> Table:
        """Make a table, and return a handle on it. It can be used at once.

        In short, with the options of :class:`Dynafile`:

        :param name: 3 to 255 characters out of a-z, A-Z, 0-9, underscore, dot and dash.
        :param pk_attribute: the partition key; by default ``"PK"``.
        :param sk_attribute: the sort key, by default ``"SK"``; None for a table without one.
        :param ttl_attribute: the attribute that holds when an item expires.
        :param pk_type: ``"S"``, ``"N"`` or ``"B"``, or ``str``, ``int``, ``bytes``; by default the
            type of the first item's.
        :param sk_type: likewise.
        :param indexes: secondary indexes by name, each a GlobalIndex or a LocalIndex.
        :param stream: True, a view type such as ``"KEYS_ONLY"``, or StreamOptions.

        Or with boto3's fields:

        :param table_name: the name.
        :param key_schema: ``[{"AttributeName": "PK", "KeyType": "HASH"}, ...]``.
        :param attribute_definitions: ``[{"AttributeName": "PK", "AttributeType": "S"}, ...]``.
        :param global_secondary_indexes: a list of IndexName, KeySchema (up to four HASH and four
            RANGE elements), Projection, and ProvisionedThroughput where the table is provisioned.
        :param local_secondary_indexes: likewise.
        :param stream_specification: ``{"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"}``.

        Both take these, which are stored and described, and change nothing here: ``billing_mode``
        (without it, as ``provisioned_throughput`` says), ``provisioned_throughput``,
        ``table_class``, ``sse_specification`` and ``tags``. ``deletion_protection_enabled`` makes
        :meth:`delete_table` refuse.

        Cost: one record in the journal, and ``meta.json``. Raises ResourceInUse where there is such
        a table, and ValidationError kinds, in DynamoDB's words where it has any; then nothing was
        written. See
        https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_CreateTable.html.
        """
        given = {key: value for key, value in locals().items() if key != "self"}
        self._check_writable("create_table()")
        definition, declared = new_table(given, int(time.time() * 1_000_000))
        create_table(self._store, definition, declared)
        return self._handle(definition.name)

    def describe_table(self, name: str) -> TableDescription:
        """Return what a table is and how large; raises ResourceNotFound.

        Cost: the headers of all its partitions are read.
        """
        self._check_open()
        with self.table(name) as table:
            return table.describe()

    def update_table(
        self,
        name: str,
        *,
        attribute_definitions: Sequence[Mapping[str, str]] | None = None,
        global_secondary_index_updates: Sequence[Mapping[str, Any]] | None = None,
        billing_mode: str | None = None,
        provisioned_throughput: Mapping[str, int] | None = None,
        stream_specification: Mapping[str, Any] | None = None,
        sse_specification: Mapping[str, Any] | None = None,
        table_class: str | None = None,
        deletion_protection_enabled: bool | None = None,
        wait: bool = True,
        progress: Progress | None = None,
    ) -> TableDescription:
        """Change a table while others use it, all or nothing; return what it is then.

        :param global_secondary_index_updates: ``[{"Create": {...}}]``, whose keys are in
            ``attribute_definitions``; ``[{"Delete": {"IndexName": ...}}]``; or new throughput by
            ``"Update"``. One index a call is made or deleted.
        :param wait: False to return before an index is filled; :meth:`describe_table` says
            CREATING until then.
        :param progress: is called with an index's name, the items done, and how many there are.

        The others are as for :meth:`create_table`. Raises ResourceNotFound for a table or an index
        that is not there, LimitExceeded, and ValidationError kinds.
        """
        given = {key: value for key, value in locals().items() if key in UPDATABLE}
        self._check_writable("update_table()")
        self._definition(name)
        update = TableUpdate.parse(given)
        alter_table(self._store, name, update.altered, update.new_indexes(), update.delete)
        if update.create is not None:
            table = self._handle(name)
            if wait:
                table._fill_indexes(wait=True, progress=progress)
            else:
                self._build_in_background(table, progress)
        return self.describe_table(name)

    def delete_table(self, name: str) -> None:
        """Delete a table with its items and indexes, and give the disk space back.

        Handles on it raise ResourceNotFound from then on, in other processes too, even if another
        table of its name is made. Raises ResourceNotFound, and ValidationError where the table is
        protected against it.
        """
        self._check_writable("delete_table()")
        self._definition(name)
        delete_table(self._store, name)
        self._used.pop(name, None)
