"""The matrix: which contenders do which operations on how many items, and which cannot."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from operations import DISKCACHE, LMDB, OLD, OURS, SQLITE_MSGSPEC, TINYDB, TINYDB_CACHING

CONTENDERS: Final = (OURS, SQLITE_MSGSPEC, LMDB, DISKCACHE, TINYDB, TINYDB_CACHING, OLD)
COUNTS: Final = (1_000, 20_000, 300_000)
SHOWN_FIRST: Final = 20_000
"""What stands for the whole where there is little room."""


@dataclass(frozen=True, kw_only=True)
class Row:
    """An operation of the matrix."""

    name: str
    title: str
    unit: str = "s"
    per_item: bool = False
    slowest: float = 1.0
    """Seconds that one operation may take; past that it is left out, with the time that one took.

    A pass over all items is one operation.
    """


PUT_DURABLE: Final = Row(name="put-durable", title="put, durable")
PUT_RELAXED: Final = Row(name="put-relaxed", title="put, relaxed")
BATCH: Final = Row(name="batch", title="batch, durable, per item", per_item=True)
BATCH_CLOSE: Final = Row(name="batch-close", title="batch and close, per item", per_item=True)
GET: Final = Row(name="get", title="get")
QUERY: Final = Row(name="query", title="query of an item collection")
SCAN: Final = Row(name="scan", title="scan, per item", per_item=True, slowest=15.0)
FILTER: Final = Row(name="filter", title="filter, per item", per_item=True, slowest=15.0)
REOPEN: Final = Row(name="reopen", title="reopen and get one")
DISK: Final = Row(name="disk", title="disk, per item", unit="B", per_item=True)
MEMORY: Final = Row(name="memory", title="resident memory, at most", unit="B")

ROWS: Final = (
    PUT_DURABLE,
    PUT_RELAXED,
    BATCH,
    BATCH_CLOSE,
    GET,
    QUERY,
    SCAN,
    FILTER,
    REOPEN,
    DISK,
    MEMORY,
)

CANNOT: Final = {
    (PUT_DURABLE.name, TINYDB_CACHING): "cannot: keeps puts in memory",
    (BATCH.name, TINYDB_CACHING): "cannot: keeps puts in memory",
    (PUT_RELAXED.name, TINYDB): "cannot: always syncs",
    (PUT_RELAXED.name, OLD): "cannot: always syncs",
    (QUERY.name, DISKCACHE): "cannot: no ranges of keys",
}
"""What a contender does not have."""


def group(row: Row, count: int) -> str:
    """Return what the measurements of an operation on so many items are filed under."""
    return f"flights-{row.name}-{count}"


def able(row: Row) -> tuple[str, ...]:
    """Return the contenders that can do an operation."""
    return tuple(name for name in CONTENDERS if (row.name, name) not in CANNOT)


def places() -> list[tuple[str, str]]:
    """Return the group and the contender of everything that a whole run has measured."""
    return [(group(row, count), name) for row in ROWS for count in COUNTS for name in able(row)]
