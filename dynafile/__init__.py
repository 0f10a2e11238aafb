"""Dynafile: a DynamoDB-like table engine that lives in a folder.

>>> from dynafile import Dynafile
>>> with Dynafile(path=":memory:") as db:
...     db.put_item(item={"PK": "user#1", "SK": "order#7", "total": 12})
...     [item["total"] for item in db.query("user#1", starts_with="order#")]
[12]
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

from dynafile import errors
from dynafile.batches import BatchGetResult, BatchWriteResult
from dynafile.database import Database, Dynafile
from dynafile.database_handle import TablePage
from dynafile.descriptions import IndexDescription, TableDescription
from dynafile.errors import DynafileError
from dynafile.expressions import Attr, Key, begins_with, between, eq, gt, gte, lt, lte
from dynafile.results import (
    Capacity,
    ConsumedCapacity,
    GetResult,
    ItemCollectionMetrics,
    Page,
    WriteResult,
)
from dynafile.statements.results import (
    BatchStatementResult,
    StatementFailure,
    StatementPlan,
    StatementResponse,
    StatementResult,
    StatementTransactionResult,
)
from dynafile.stream_operations import (
    Shard,
    StreamDescription,
    StreamList,
    StreamRecords,
    StreamSummary,
)
from dynafile.streams import Stream
from dynafile.table.batch import BatchWriter
from dynafile.table.consumer_names import StreamConsumer
from dynafile.table.events import Action, ActionType, Event, EventListener
from dynafile.table.index_options import GlobalIndex, Include, LocalIndex
from dynafile.table.stream_options import StreamOptions
from dynafile.table.stream_record import StreamRecord, UserIdentity
from dynafile.table.together import CancellationReason
from dynafile.table_api import Table
from dynafile.transact import TransactGetResult, TransactWriteResult
from dynafile.transactions import Transaction

if TYPE_CHECKING:
    from dynafile.aio import (
        AsyncBatchWriter,
        AsyncDatabase,
        AsyncDynafile,
        AsyncStream,
        AsyncStreamRecord,
        AsyncTable,
        AsyncTransaction,
    )
    from dynafile.repairing import RepairedTable, RepairReport, UnreadableCommits, repair
    from dynafile.store.journal_remains import Damage
    from dynafile.store.salvage import LostRange

__version__ = "1.0.0a1"

__all__ = [
    "Action",
    "ActionType",
    "AsyncBatchWriter",
    "AsyncDatabase",
    "AsyncDynafile",
    "AsyncStream",
    "AsyncStreamRecord",
    "AsyncTable",
    "AsyncTransaction",
    "Attr",
    "BatchGetResult",
    "BatchStatementResult",
    "BatchWriteResult",
    "BatchWriter",
    "CancellationReason",
    "Capacity",
    "ConsumedCapacity",
    "Damage",
    "Database",
    "Dynafile",
    "DynafileError",
    "Event",
    "EventListener",
    "GetResult",
    "GlobalIndex",
    "Include",
    "IndexDescription",
    "ItemCollectionMetrics",
    "Key",
    "LocalIndex",
    "LostRange",
    "Page",
    "RepairReport",
    "RepairedTable",
    "Shard",
    "StatementFailure",
    "StatementPlan",
    "StatementResponse",
    "StatementResult",
    "StatementTransactionResult",
    "Stream",
    "StreamConsumer",
    "StreamDescription",
    "StreamList",
    "StreamOptions",
    "StreamRecord",
    "StreamRecords",
    "StreamSummary",
    "Table",
    "TableDescription",
    "TablePage",
    "TransactGetResult",
    "TransactWriteResult",
    "Transaction",
    "UnreadableCommits",
    "UserIdentity",
    "WriteResult",
    "begins_with",
    "between",
    "eq",
    "errors",
    "gt",
    "gte",
    "lt",
    "lte",
    "repair",
]


_REPAIRING = {
    "Damage": "dynafile.store.journal_remains",
    "LostRange": "dynafile.store.salvage",
    "RepairReport": "dynafile.repairing",
    "RepairedTable": "dynafile.repairing",
    "UnreadableCommits": "dynafile.repairing",
    "repair": "dynafile.repairing",
}


def __getattr__(name: str) -> object:
    """Import what few need when it is first asked for, because that takes long."""
    if name in __all__ and name.startswith("Async"):
        return getattr(importlib.import_module("dynafile.aio"), name)
    if name in _REPAIRING:
        return getattr(importlib.import_module(_REPAIRING[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
