"""The engine of an embedded database: documents in a table of a folder, or of memory."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import lru_cache, partial
from types import TracebackType
from typing import Any, Final, Literal

from dynafile import Dynafile, StreamOptions, Transaction
from dynafile.documents.access import TableRecords
from dynafile.documents.changing import Changes, NeedsRange
from dynafile.documents.checking import Checked, check_change
from dynafile.documents.engine import Element, Engine, Lookout, Plan, Subscription, Unit
from dynafile.documents.feed import Feed
from dynafile.documents.filters import MISSING
from dynafile.documents.finding import Finder, documents_in
from dynafile.documents.ids import Ids
from dynafile.documents.indexing import declare_index, declared_indexes
from dynafile.documents.layout import ACCESS, FORMAT, NEWEST, SK, TIME, TOP, VERSION, document_key
from dynafile.documents.lookouts import EmbeddedLookout, Lookouts
from dynafile.documents.paths import FieldPath, Path, is_document, path_text
from dynafile.documents.planning import plan_of
from dynafile.documents.requests import Aggregate, Change, Query, Target
from dynafile.documents.resolving import contents, field_in, field_value
from dynafile.documents.units import EmbeddedUnit, unit_of
from dynafile.documents.watching import EmbeddedSubscription
from dynafile.errors import InvalidDocumentArgument, NewerFormat
from dynafile.locked import Items, run_locked

__all__ = ["EmbeddedEngine", "open_engine", "server_time"]

_ATTEMPTS: Final = 1000
_MEMORY: Final = ":memory:"
_MOST_LOCKED: Final = 20
"""So many changes are made under the writer's lock; more are a transaction."""

_STREAM: Final = StreamOptions(max_bytes=64 << 20)
"""Who listens can be so far behind: 24 hours, and so much of the journal."""


def open_engine(
    path: str,
    *,
    durability: Literal["durable", "relaxed"],
    ids: Ids,
    cache_size: int | None = None,
) -> EmbeddedEngine:
    """Open the documents in a folder, which is made, or in memory."""
    options: dict[str, Any] = {} if cache_size is None else {"cache_size": cache_size}
    keys: dict[str, Any] = {
        "pk_attribute": "PK",
        "sk_attribute": "SK",
        "pk_type": "S",
        "sk_type": "S",
    }
    if path == _MEMORY:
        return EmbeddedEngine(_with_stream(path, durability, **keys, **options), ids)
    # A table of something else is refused before anything is declared in it.
    with Dynafile(path, **keys, **options) as plain:
        if plain.get_item(key=FORMAT) != {**FORMAT, VERSION: NEWEST}:
            plain.run_transaction(partial(_claim, path), attempts=_ATTEMPTS)
        return EmbeddedEngine(_with_stream(path, durability, **keys, **options), ids)


def _with_stream(path: str, durability: Literal["durable", "relaxed"], **options: Any) -> Dynafile:
    return Dynafile(path, durability=durability, stream=_STREAM, **options)


def _claim(path: str, transaction: Transaction) -> None:
    """Make an empty table one of documents; refuse one that is something else."""
    found = transaction.get_item(key=FORMAT)
    if found is None:
        if next(transaction.scan(limit=1), None) is not None:
            raise InvalidDocumentArgument(
                f"the table in {path} is not empty, and none of documents: choose another folder"
            )
        transaction.put_item(item={**FORMAT, VERSION: NEWEST})
    elif found[VERSION] != NEWEST:
        raise NewerFormat(
            f"the documents in {path} were written by a newer release, in the format "
            f"{found[VERSION]}: open them with that"
        )


def server_time(now: int) -> str:
    """Return nanoseconds since 1970 as what SERVER_TIMESTAMP stands for.

    >>> server_time(1_000_000_000)
    '1970-01-01T00:00:01.000000Z'
    """
    seconds, rest = divmod(now // 1000, 1_000_000)
    return f"{_second(seconds)}.{rest:06}Z"


@lru_cache(maxsize=4)
def _second(seconds: int) -> str:
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}"


class EmbeddedEngine(Engine):
    """Executes requests on a table."""

    def __init__(self, table: Dynafile, ids: Ids, clock: Callable[[], int] = time.time_ns) -> None:
        self._table = table
        self._get = table.get_item
        self._new_id = ids
        self._clock = clock
        self._mutex = threading.Lock()
        self._last = 0
        self._feed = Feed(table)
        self._lookouts = Lookouts(table, self._feed)

    # -- reading --------------------------------------------------------------------------------

    def _source(self) -> Dynafile | Transaction:
        unit = unit_of(self._table)
        return self._table if unit is None else unit.transaction

    def get(self, path: Path) -> Any:
        """Return what is at a path; see :meth:`Engine.get`."""
        source = self._source()
        if len(path) == 2:
            item = source.get_item(key={"PK": path[0], "SK": path[1]})
            return None if item is None else contents(item)
        if not path:
            tops = [item[SK] for item in source.query(TOP)]
            found = {name: self._whole(source, name) for name in tops}
            return {name: documents for name, documents in found.items() if documents}
        field = field_in(source.get_item, path)
        if field is not None:
            value = field_value(source.get_item, field)
            return None if value is MISSING else value
        if not is_document(path):
            return self._whole(source, path_text(path))
        item = source.get_item(key=document_key(path))
        return None if item is None else contents(item)

    def _whole(self, source: Dynafile | Transaction, collection: str) -> dict[str, Any]:
        return {element.path[-1]: element.value for element in documents_in(source, collection)}

    def exists(self, target: Target) -> bool:
        """Say whether there is something at a path, or a query finds anything."""
        source = self._source()
        if isinstance(target, Query):
            return self._finder(target).exists(target)
        path = target
        if not path:
            return bool(self.get(path))
        field = field_in(source.get_item, path)
        if field is not None:
            return field_value(source.get_item, field) is not MISSING
        if is_document(path):
            return source.get_item(key=document_key(path)) is not None
        return next(iter(source.query(path_text(path), limit=1)), None) is not None

    def last_update(self, path: Path) -> str | None:
        """Return a token of a document's last write."""
        if not is_document(path):
            raise InvalidDocumentArgument(
                f"last_update is of a document, and {path_text(path)} is a collection"
            )
        item = self._source().get_item(key=document_key(path))
        return None if item is None else str(item[TIME])

    def run(self, query: Query) -> list[Element]:
        """Return what a query finds, in its order."""
        return self._finder(query).run(query)

    def _finder(self, query: Query) -> Finder:
        """Return what executes a query; refuses a query of a field."""
        source = self._source()
        if not query.group:
            field = field_in(source.get_item, query.path)
            if field is not None:
                at = path_text(query.path)
                raise InvalidDocumentArgument(
                    f"{at} is a field of the document {path_text(field.document)}: only a "
                    "collection or a document is queried, listed or listened to"
                )
        return Finder(source)

    def aggregate(self, query: Query, kind: Aggregate, field: FieldPath = ()) -> Any:
        """Return a number of what a query finds."""
        return self._finder(query).aggregate(query, kind, field)

    def explain(self, query: Query) -> Plan:
        """Say how a query would be executed."""
        return plan_of(query, Finder(self._source()).indexed(query))

    # -- writing --------------------------------------------------------------------------------

    def commit(self, changes: Sequence[Change]) -> list[Any]:
        """Make changes in their order, all or none; return what each returns."""
        now = self._now()
        text = server_time(now)
        checked = [self._checked(change, text) for change in changes]
        unit = unit_of(self._table)
        if unit is not None:
            return unit.make(Changes(unit.transaction, now, unit.most), checked)
        body = partial(_make, checked, now)
        made = self._write(body, len(changes))
        self._feed.wake()
        return made

    def _now(self) -> int:
        """Return the time in nanoseconds, another each time."""
        with self._mutex:
            self._last = now = max(self._clock(), self._last + 1)
        return now

    def _write(self, body: Callable[[Items], list[Any]], count: int) -> list[Any]:
        if count <= _MOST_LOCKED:
            try:
                return run_locked(self._table, body)
            except NeedsRange:
                pass
        return self._table.run_transaction(body, attempts=_ATTEMPTS)

    def _checked(self, change: Change, text: str) -> Checked:
        checked = check_change(change, text)
        if change.key is None and change.kind in ("set", "add") and not is_document(change.path):
            checked.new_id = self._new_id()
        return checked

    def new_id(self) -> str:
        """Return an id for a new document."""
        return self._new_id()

    def transaction(self) -> Unit:
        """Return a transaction."""
        return _WakingUnit(self._table, self._feed)

    # -- indexes --------------------------------------------------------------------------------

    def declare_index(self, collection: str, fields: Sequence[FieldPath]) -> None:
        """Have indexes by fields for all collections of a name."""
        if unit_of(self._table) is not None:
            raise InvalidDocumentArgument(
                "an index is not declared inside of a transaction: it is filled in many steps"
            )
        declare_index(self._table, collection, fields)

    def indexes(self) -> dict[str, list[str]]:
        """Return the fields that have an index, by the name of the collection."""
        return declared_indexes(self._source())

    # -- listening ------------------------------------------------------------------------------

    def watch(self, target: Target, since: str | None = None) -> Subscription:
        """Listen to a document, a collection or a query."""
        self._finder(target if isinstance(target, Query) else Query(path=target))
        return EmbeddedSubscription(self._table, self._feed, target, since)

    def records(self) -> TableRecords:
        """Return where the keys and users of the database are kept: in its table."""
        return TableRecords(self._table, ACCESS)

    def lookout(self, wake: Callable[[], None]) -> Lookout:
        """Return what hears of changes of single documents."""
        return EmbeddedLookout(self._lookouts, wake)

    def close(self) -> None:
        """Let go of the table; ends all who listen."""
        self._feed.close()
        self._table.close()


class _WakingUnit(EmbeddedUnit):
    """A transaction that tells those who listen at its end."""

    def __init__(self, table: Dynafile, feed: Feed) -> None:
        super().__init__(table)
        self._feed = feed

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        super().__exit__(kind, error, trace)
        if kind is None:
            self._feed.wake()


def _make(changes: Sequence[Checked], now: int, items: Items) -> list[Any]:
    making = Changes(items, now)
    return [making.make(change) for change in changes]
