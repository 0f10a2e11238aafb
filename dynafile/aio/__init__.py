"""The API for asyncio, made of the other one: nothing in it makes an event loop wait."""

from __future__ import annotations

from dynafile.aio.batch import AsyncBatchWriter
from dynafile.aio.database import AsyncDatabase
from dynafile.aio.stream import AsyncStream, AsyncStreamRecord
from dynafile.aio.table import AsyncDynafile, AsyncTable
from dynafile.aio.transaction import AsyncTransaction, AsyncTransactionItems

__all__ = [
    "AsyncBatchWriter",
    "AsyncDatabase",
    "AsyncDynafile",
    "AsyncStream",
    "AsyncStreamRecord",
    "AsyncTable",
    "AsyncTransaction",
    "AsyncTransactionItems",
]
