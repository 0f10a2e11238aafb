"""What is measured, against whom, and with what target: the rows of the table.

Targets are ratios of medians of one run, ours to the peer's, or figures of their own where there is
no peer. Nothing fails on a figure: they depend on the machine, and the table tells.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

OURS: Final = "Dynafile"
OURS_UNREMEMBERED: Final = "Dynafile, each item decoded"
LMDB: Final = "LMDB with msgspec"
LMDB_MAPPED: Final = "LMDB with msgspec, writemap"
SQLITE: Final = "sqlite3"
SQLITE_MSGSPEC: Final = "sqlite3 with msgspec"
DISKCACHE: Final = "diskcache"
TINYDB: Final = "TinyDB"
TINYDB_CACHING: Final = "TinyDB, caching"
OLD: Final = "dynafile 0.1.3"
APPEND: Final = "append and fdatasync"
APPEND_IN_PLACE: Final = "the same into a file made ahead"
OF_1000: Final = "one of 1,000"
INTERPRETER: Final = "the interpreter's start"
GIVING_OLD: Final = "no index, the old item given to a listener"
NO_INDEX: Final = "no index"
OF_TABLE: Final = "the same query of the table"
GIVING_BACK: Final = "`put_item` that returns the old item"
IN_BATCH: Final = "a `batch_writer` of 10"
UNFILTERED: Final = "the same without the filter"
AT_BEGIN: Final = "the same at its begin"
NO_STREAM: Final = "no stream"
ONE_TASK: Final = "one task"
BEFORE_OPENING: Final = "the process before it opens"
PEEWEE: Final = "peewee on SQLite"
KYBRA: Final = "Kybra Simple DB"
KYDB: Final = "KYDB on files"
FEW_PEOPLE: Final = "one of 1,000"
NOBODY_THERE: Final = "the same into an empty database"
TEN_MEMBERS: Final = "to one with ten"
OURS_RELAXED: Final = "Dynafile, relaxed"
MONTYBASE: Final = "Montybase 0.1.6"
MONTYDB: Final = "montydb on SQLite"
SAVED: Final = ", and its file"
COPIED: Final = ", and a copy"
OF_10000: Final = "one of 10,000"
OTHER_PROCESS: Final = "the same, written by another process"
WATCHES: Final = "the same with `watch()`"
LISTENERS: Final = (1, 20, 200)
BY_SOCKET: Final = "the same by WebSocket"
CROWD: Final = 200


@dataclass(frozen=True, kw_only=True)
class Operation:
    """One operation: the group of its measurements, and what it is held against."""

    title: str
    group: str
    peers: Mapping[str, float | None] = field(default_factory=dict)
    """Names of peers with the highest ratio wanted; None: none was set."""
    limit: float | None = None
    """The highest figure wanted, in seconds or bytes."""
    ours: str = OURS
    statistic: str = "median"
    """``"mean"`` where what is rare must count, ``"longest"`` where one wait does."""


TARGETS: Final = (
    Operation(
        title="`get_item`, warm",
        group="get",
        peers={LMDB: 1.2, SQLITE: 0.35, SQLITE_MSGSPEC: None},
    ),
    Operation(
        title="`query` of 10 items",
        group="query",
        peers={LMDB: 0.6, SQLITE: 0.3, SQLITE_MSGSPEC: None},
    ),
    Operation(
        title="full `scan`, per item",
        group="scan",
        peers={LMDB: 1.4, SQLITE: None, SQLITE_MSGSPEC: None},
    ),
    Operation(
        title="durable `put_item`",
        group="put-durable",
        peers={APPEND: 1.6, APPEND_IN_PLACE: None, SQLITE: 1.3, LMDB: None},
    ),
    Operation(
        title="relaxed `put_item`",
        group="put-relaxed",
        peers={LMDB: 2.5, LMDB_MAPPED: None, SQLITE: 0.6, SQLITE_MSGSPEC: None},
    ),
    Operation(
        title="`batch_writer`, per item",
        group="batch",
        peers={SQLITE: 1.0, SQLITE_MSGSPEC: None, LMDB: None},
    ),
    Operation(
        title="relaxed `put_item` into an item collection of 1,000,000",
        group="put-collection",
        peers={OF_1000: 1.5},
    ),
    Operation(title="open a table of 1,000,000 items and get one", group="open", limit=0.150),
    Operation(
        title="memory for random gets on 1,000,000 items, `cache_size` 64 MiB",
        group="memory",
        peers={BEFORE_OPENING: None},
        limit=250 << 20,
    ),
    Operation(title="`import dynafile`", group="import", peers={INTERPRETER: None}, limit=0.080),
)

FURTHER: Final = (
    Operation(
        title="`get_item`, warm, nothing remembered decoded",
        group="get",
        ours=OURS_UNREMEMBERED,
        peers={LMDB: None, SQLITE: None},
    ),
    Operation(
        title="`query` of 10 items, nothing remembered decoded",
        group="query",
        ours=OURS_UNREMEMBERED,
        peers={LMDB: None, SQLITE: None},
    ),
    Operation(
        title="relaxed `put_item`, mean of 200,000 with checkpoints",
        group="put-sustained",
        peers={LMDB: None, SQLITE: None},
        statistic="mean",
    ),
    Operation(
        title="`batch_writer` and `close`, per item",
        group="batch-close",
        peers={SQLITE: None, LMDB: None},
    ),
    Operation(
        title="the same into a collection of 1,000,000, mean of 400,000",
        group="put-collection-sustained",
        peers={OF_1000: None},
        statistic="mean",
    ),
    Operation(title="open a table of one collection of 1,000,000", group="open-collection"),
    Operation(
        title="open 1,000,000 items after 150,000 random puts and a kill", group="open-journal"
    ),
    Operation(title="close 1,000,000 items after 150,000 random puts", group="close"),
    Operation(title="random `get_item` on 1,000,000 items, `cache_size` 64 MiB", group="get-cold"),
    Operation(title="build a table of 1,000,000 items, per item", group="build"),
)

INDEXES: Final = (
    Operation(
        title="relaxed overwrite with two indexes, both keys changed",
        group="put-indexed",
        peers={GIVING_OLD: 3.0, NO_INDEX: None},
    ),
    Operation(
        title="`query` of 10 items by an index with projection ALL",
        group="query-index",
        peers={OF_TABLE: 1.3},
    ),
    Operation(title="backfill of 300,000 items, per item", group="backfill", limit=20e-6),
    Operation(title="the same beside a process that puts", group="backfill-beside"),
    Operation(
        title="the longest put of that process",
        group="backfill-wait",
        statistic="longest",
        limit=0.050,
    ),
    Operation(
        title="the longest put of a thread of the process that backfills",
        group="backfill-wait-thread",
        statistic="longest",
        limit=0.050,
    ),
)
"""Secondary indexes: what ``bench_indexes.py`` measures."""

DATA_PLANE: Final = (
    Operation(
        title="`update_item` with a condition, relaxed",
        group="update",
        peers={GIVING_BACK: 2.0},
    ),
    Operation(title="a cached expression, before it is evaluated", group="expression", limit=3e-6),
    Operation(
        title="`transact_write_items` of 10 puts, relaxed",
        group="transaction",
        peers={IN_BATCH: 1.5},
    ),
    Operation(
        title="scan of 100,000 with a filter expression of two terms, per item",
        group="filter",
        peers={UNFILTERED: 1.6, SQLITE: 1.0},
    ),
    Operation(
        title="`query_page` of 10 items in the middle of a collection of 1,000,000",
        group="page",
        peers={AT_BEGIN: 1.1},
    ),
)
"""DynamoDB's data plane: what ``bench_data_plane.py`` measures."""

STREAMS: Final = (
    Operation(
        title="durable overwrite with a stream of both images",
        group="stream-put-durable",
        peers={NO_STREAM: 1.5},
    ),
    Operation(
        title="relaxed overwrite with a stream of both images",
        group="stream-put-relaxed",
        peers={NO_STREAM: None},
    ),
    Operation(
        title="reading 100,000 records and their new images, per record",
        group="stream-read",
        limit=5e-6,
    ),
    Operation(
        title="how late a follower sees 99 % of 2,000 durable puts a second of another process",
        group="stream-delay",
        limit=0.020,
    ),
)
"""Streams: what ``bench_streams.py`` measures."""

ASYNCIO: Final = (
    Operation(
        title="durable `put_item`, awaited by 64 tasks at once, per item",
        group="put-async",
        peers={ONE_TASK: 0.25},
    ),
)
"""asyncio: what ``bench_async.py`` measures."""

ENTITIES: Final = (
    Operation(
        title="create 20,000 entities in a transaction, per entity",
        group="entities-create",
        peers={PEEWEE: 1.43, KYBRA: None},
    ),
    Operation(
        title="create 1,000 in a transaction, per entity",
        group="entities-create-few",
        peers={PEEWEE: None, KYBRA: None},
    ),
    Operation(
        title="create 100,000 in a transaction, per entity",
        group="entities-create-many",
        peers={FEW_PEOPLE: 1.5},
    ),
    Operation(
        title="create 1,000 beside 100,000 that are there, per entity",
        group="entities-create-beside",
        peers={NOBODY_THERE: 1.25},
    ),
    Operation(
        title="load by id, warm",
        group="entities-load",
        peers={PEEWEE: 1.0, KYBRA: None},
    ),
    Operation(
        title="look up by a unique name",
        group="entities-name",
        peers={PEEWEE: None, KYBRA: None},
    ),
    Operation(
        title="`find` of 200 by an indexed field",
        group="entities-find",
        peers={PEEWEE: 1.0, KYBRA: None},
    ),
    Operation(
        title="add a link to an entity with 10,000, in a transaction of 100",
        group="entities-link",
        peers={TEN_MEMBERS: 1.1, PEEWEE: None},
    ),
    Operation(
        title="the same, each a durable transaction",
        group="entities-link-durable",
        peers={TEN_MEMBERS: 1.1, PEEWEE: None},
    ),
)
"""Entities: what ``bench_entities.py`` measures. 0.7 × a rate is 1.43 × the time."""

_THREE_TIMES_AS_FAST: Final = 0.333
_TWICE_AS_FAST: Final = 0.5

OBJECTS: Final = (
    Operation(
        title="`db.read(key, reload=True)` of a dict of 1 KB",
        group="objects-get",
        peers={KYDB: _THREE_TIMES_AS_FAST, DISKCACHE: _TWICE_AS_FAST},
    ),
    Operation(
        title="`db[key] = value` of a dict of 1 KB, relaxed",
        group="objects-set",
        peers={KYDB: _THREE_TIMES_AS_FAST, DISKCACHE: _TWICE_AS_FAST},
    ),
    Operation(
        title="the same, durable; theirs syncs nothing",
        group="objects-set-durable",
        peers={KYDB: None},
    ),
    Operation(
        title="`db[key]` of an object of a class that is kept",
        group="objects-get-kept",
        peers={KYDB: None},
    ),
    Operation(
        title="`ls` of a folder of 100 objects in a store of 1,000,000",
        group="objects-ls",
        peers={OF_1000: 1.1},
    ),
    Operation(
        title="`db[key] = value` in that folder, relaxed",
        group="objects-set-into",
        peers={OF_1000: None},
    ),
    Operation(title="the same all over the 1,000,000", group="objects-set-all-over"),
    Operation(
        title="memory for 20,000 random reads and 200 `ls` on 1,000,000 objects",
        group="objects-memory",
        peers={BEFORE_OPENING: None},
    ),
    Operation(
        title="`set_many` of 1,000,000 objects and `close`, per object", group="objects-fill"
    ),
)
"""Objects by path: what ``bench_objects.py`` measures."""

_FIVE_TIMES_AS_FAST: Final = 0.2

_WRITTEN: Final = {
    MONTYBASE + SAVED: _FIVE_TIMES_AS_FAST,
    TINYDB_CACHING + SAVED: _FIVE_TIMES_AS_FAST,
    TINYDB: _FIVE_TIMES_AS_FAST,
    MONTYDB: _FIVE_TIMES_AS_FAST,
}
_ACKNOWLEDGED: Final = {MONTYBASE: None, TINYDB_CACHING: None}


def _writes(call: str, job: str) -> tuple[Operation, Operation]:
    """Return the rows of one kind of write: on the disk, and as far as who keeps it in memory."""
    return (
        Operation(
            title=f"{call}, on the disk when it returns", group=f"documents-{job}", peers=_WRITTEN
        ),
        Operation(
            title="the same, relaxed; theirs in memory",
            group=f"documents-{job}",
            ours=OURS_RELAXED,
            peers=_ACKNOWLEDGED,
        ),
    )


def _live(count: int) -> tuple[Operation, Operation]:
    """Return the rows of so many who listen."""
    who = "a listener" if count == 1 else f"{count} listeners"
    return (
        Operation(
            title=f"from the return of a write until the callback, {who}, median",
            group=f"documents-live-median-{count}",
            peers={OTHER_PROCESS: None, WATCHES: None},
        ),
        Operation(
            title="the same, 95 of a hundred",
            group=f"documents-live-late-{count}",
            peers={OTHER_PROCESS: None, WATCHES: None},
            limit=0.025,
        ),
    )


def _served(own: bool) -> tuple[Operation, Operation]:
    """Return the rows of who listens to a server: all to all, or each to a document."""
    what = "a document each" if own else "all to all"
    group = f"documents-served-{'own' if own else 'all'}"
    return (
        Operation(
            title=f"served, {CROWD} listeners by events, {what}: from the answer to a write, "
            "95 of a hundred",
            group=f"{group}-late",
            peers={BY_SOCKET: None},
            limit=0.025,
        ),
        Operation(
            title="the same from the sending of a write",
            group=f"{group}-sent",
            peers={BY_SOCKET: None},
        ),
    )


DOCUMENTS: Final = (
    *_writes("`set` of a document of 0.5 KB", "set"),
    *_writes("`update` of a field", "update"),
    *_writes("`delete`", "delete"),
    Operation(
        title="`get` of a document, the caller's own",
        group="documents-get",
        peers={
            MONTYBASE + COPIED: _FIVE_TIMES_AS_FAST,
            TINYDB_CACHING + COPIED: _FIVE_TIMES_AS_FAST,
            TINYDB: _FIVE_TIMES_AS_FAST,
            MONTYDB: _FIVE_TIMES_AS_FAST,
        },
    ),
    Operation(
        title="the same; theirs the store's own, in memory",
        group="documents-get",
        peers=_ACKNOWLEDGED,
    ),
    Operation(
        title="`where` that finds 10 of 10,000 by an index; theirs without",
        group="documents-where",
        peers={
            MONTYBASE: _FIVE_TIMES_AS_FAST,
            TINYDB_CACHING: _FIVE_TIMES_AS_FAST,
            TINYDB: _FIVE_TIMES_AS_FAST,
            MONTYDB: _FIVE_TIMES_AS_FAST,
        },
    ),
    Operation(
        title="the same without an index",
        group="documents-where-unindexed",
        peers={MONTYBASE: None, TINYDB_CACHING: None, TINYDB: None, MONTYDB: None},
    ),
    Operation(
        title="`count` of 10,000",
        group="documents-count",
        peers={MONTYBASE: None, TINYDB_CACHING: None, TINYDB: None, MONTYDB: None},
    ),
    Operation(
        title="`get` of 10,000 that are in use among 1,000,000",
        group="documents-get-among",
        peers={OF_10000: 1.25},
    ),
    Operation(title="`set` of these, relaxed", group="documents-set-among", peers={OF_10000: 1.25}),
    Operation(
        title="`where` by an index, of these", group="documents-where-among", peers={OF_10000: 1.25}
    ),
    Operation(title="`get` all over the 1,000,000", group="documents-get-all-over"),
    Operation(title="`set` all over them, relaxed", group="documents-set-all-over"),
    Operation(title="`where` by an index, all over them", group="documents-where-all-over"),
    Operation(
        title="batches of 1,000 `set` that make them, and `close`, per document",
        group="documents-fill",
    ),
    *(row for count in LISTENERS for row in _live(count)),
    Operation(
        title="memory for 2,000 idle listeners by `on_snapshot`",
        group="documents-idle",
        peers={WATCHES: None},
        limit=100 << 20,
    ),
    *_served(own=False),
    *_served(own=True),
    Operation(
        title="memory of a server for 2,000 idle listeners by events",
        group="documents-served-idle",
        peers={BY_SOCKET: None},
        limit=100 << 20,
    ),
)
"""Documents: what ``bench_documents.py`` measures."""

EVERY: Final = (
    *TARGETS,
    *FURTHER,
    *INDEXES,
    *DATA_PLANE,
    *STREAMS,
    *ASYNCIO,
    *ENTITIES,
    *OBJECTS,
    *DOCUMENTS,
)
"""All rows."""
