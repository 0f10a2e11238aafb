"""Kinds: what becomes of each method and property of the API for asyncio.

Whatever is added to the API needs an entry here, and nothing else: the classes are made by it when
they are imported, and their types by ``docs/async_stub.py``. A test sees to it.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import Final

from dynafile.database import Database, Dynafile
from dynafile.streams import Stream
from dynafile.table.batch import BatchWriter
from dynafile.table.stream_record import StreamRecord
from dynafile.table_api import Table
from dynafile.transactions import Transaction, TransactionItems


class Kind(Enum):
    """What a name is for asyncio; the value is how the reference says it."""

    PLAIN = "as it is: a property that looks at nothing but the handle"
    PASSED = "as it is: what it returns serves both"
    READ = "awaited"
    WRITE = "awaited; cancelled, it is made or not, and over when the cancellation is raised"
    LONG = "awaited; cancelled after it has begun, it goes on"
    TABLE = "awaited, and returns an `AsyncTable`"
    ASKED = "a method that is awaited, and no property"
    ITEMS = "for `async for`"
    OWN = "as described here"


_PLAIN: Final = ("path", "durability", "read_only")
_TRANSACTIONS: Final[Mapping[str, Kind]] = {
    "transact_write_items": Kind.WRITE,
    "transact_get_items": Kind.READ,
    "transaction": Kind.OWN,
    "run_transaction": Kind.OWN,
}

_STATEMENTS: Final[Mapping[str, Kind]] = {
    "execute_statement": Kind.WRITE,
    "batch_execute_statement": Kind.WRITE,
    "execute_transaction": Kind.WRITE,
    "explain": Kind.READ,
}

TABLE: Final[Mapping[str, Kind]] = {
    **dict.fromkeys(_PLAIN, Kind.PLAIN),
    "table_name": Kind.OWN,
    "pk_attribute": Kind.PLAIN,
    "sk_attribute": Kind.PLAIN,
    "ttl_attribute": Kind.PLAIN,
    "pk_type": Kind.ASKED,
    "sk_type": Kind.ASKED,
    "indexes": Kind.ASKED,
    "get_item": Kind.READ,
    "batch_get_item": Kind.READ,
    "query": Kind.ITEMS,
    "query_page": Kind.READ,
    "scan": Kind.ITEMS,
    "scan_page": Kind.READ,
    "put_item": Kind.WRITE,
    "delete_item": Kind.WRITE,
    "update_item": Kind.WRITE,
    "batch_writer": Kind.OWN,
    "execute_batch": Kind.WRITE,
    "clear": Kind.WRITE,
    "sweep": Kind.WRITE,
    **_TRANSACTIONS,
    **_STATEMENTS,
    "stream": Kind.OWN,
    "stream_consumers": Kind.READ,
    "drop_stream_consumer": Kind.WRITE,
    "add_stream_listener": Kind.OWN,
    "remove_stream_listener": Kind.OWN,
    "add_index": Kind.LONG,
    "drop_index": Kind.WRITE,
    "wait_for_indexes": Kind.OWN,
    "describe": Kind.READ,
    "check": Kind.LONG,
    "closed": Kind.OWN,
    "close": Kind.OWN,
}

DATABASE: Final[Mapping[str, Kind]] = {
    **dict.fromkeys(_PLAIN, Kind.PLAIN),
    "table": Kind.OWN,
    "tables": Kind.ASKED,
    "list_tables": Kind.READ,
    "create_table": Kind.TABLE,
    "describe_table": Kind.READ,
    "update_table": Kind.LONG,
    "delete_table": Kind.WRITE,
    "update_time_to_live": Kind.LONG,
    "describe_time_to_live": Kind.READ,
    "tag_resource": Kind.WRITE,
    "untag_resource": Kind.WRITE,
    "list_tags_of_resource": Kind.READ,
    "batch_write_item": Kind.WRITE,
    "batch_get_item": Kind.READ,
    **_TRANSACTIONS,
    **_STATEMENTS,
    "list_streams": Kind.READ,
    "describe_stream": Kind.READ,
    "get_shard_iterator": Kind.READ,
    "get_records": Kind.READ,
    "check": Kind.LONG,
    "closed": Kind.OWN,
    "close": Kind.OWN,
}

BATCH_WRITER: Final[Mapping[str, Kind]] = {
    "put_item": Kind.WRITE,
    "delete_item": Kind.WRITE,
    "flush": Kind.WRITE,
}

TRANSACTION_ITEMS: Final[Mapping[str, Kind]] = {
    "get_item": Kind.READ,
    "put_item": Kind.READ,
    "delete_item": Kind.READ,
    "update_item": Kind.READ,
    "condition_check": Kind.READ,
    "query": Kind.ITEMS,
    "scan": Kind.ITEMS,
}
"""Nothing is written before the transaction ends; until then a put only looks."""

TRANSACTION: Final[Mapping[str, Kind]] = {
    **TRANSACTION_ITEMS,
    "table": Kind.OWN,
    "is_stale": Kind.OWN,
}

STREAM: Final[Mapping[str, Kind]] = {"close": Kind.OWN, "closed": Kind.OWN}

STREAM_RECORD: Final[Mapping[str, Kind]] = {
    **dict.fromkeys(
        (
            "event_name",
            "sequence_number",
            "keys",
            "new_image",
            "old_image",
            "item",
            "approximate_creation_time",
            "user_identity",
            "stream_view_type",
            "size_bytes",
        ),
        Kind.PLAIN,
    ),
    "ack": Kind.OWN,
}

KINDS: Final[Mapping[type, Mapping[str, Kind]]] = {
    Table: TABLE,
    Dynafile: TABLE,
    Database: DATABASE,
    BatchWriter: BATCH_WRITER,
    TransactionItems: TRANSACTION_ITEMS,
    Transaction: TRANSACTION,
    Stream: STREAM,
    StreamRecord: STREAM_RECORD,
}
