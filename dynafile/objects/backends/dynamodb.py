"""``dynamodb://table/base``: objects in a table of DynamoDB's, in the layout of KYDB.

================== ================================================================================
attribute          in the item of an object
================== ================================================================================
``path`` (S)       ``/a/b/c``; the partition key, there is no sort key
``folder`` (S)     ``/a/b/``
``contents`` (B)   the object
``mtime`` (N)      ns since 1970 of the last write by the writer's clock, and more than before
``ctime`` (N)      of the first write
``ttl`` (N)        seconds since 1970 from which it is gone, if it expires
``rank`` (N)       its value in the index ``rank``, likewise for other indexes
others             stay as they are when it is written again
================== ================================================================================

A folder ``/a/b`` is an item too, of the path ``/a/.folder-b`` and without times. The index
``folder-index`` (partition key ``folder``, sort key ``path``) has what is in a folder,
``folder-time-index`` (sort key ``mtime``) by time, and ``folder-rank-index`` by another index.
``create_table`` makes a table so; a table of KYDB's does, and KYDB may use it at the same time.

A read is one consistent request, a write two (``dynamodb_writes``); a new object costs a
transaction, which DynamoDB counts twice. What has expired is hidden at once and deleted by DynamoDB
later; listings show it until then if the index does not project ``ttl``, as KYDB's do not. Indexes
are eventually consistent: an ``ls`` within about a second of a write may not have it yet, and an
``rm_tree`` may miss it.

A write is in the table whole or not at all, with its folders. If ``rm_tree`` dies, some objects are
gone and their folders are still there, to be removed again. While a folder is being removed
somebody may write into it: ``rmdir`` looks, by a consistent read of what the index shows, before
and after, and puts the folder back, which for that moment is in no listing. What the index did not
show then is there for who reads it, and its folder is in no listing until something is written
below it again. (If each new object checked the marker of its folder this could not be, but all who
write into one folder would wait for one another: DynamoDB refuses transactions that meet.)
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from dynafile.errors import (
    FolderNotEmpty,
    InvalidObjectURL,
    ObjectNotFound,
)
from dynafile.objects.backend import (
    ANY_VERSION,
    MTIME,
    UNCHANGED,
    AnyVersion,
    Backend,
    BackendTransaction,
    Entry,
    Features,
    Kind,
    Name,
    Order,
    Progress,
    Stored,
    Unchanged,
    WriteOptions,
    check_version,
    is_an_object,
    no_folder,
    no_object,
)
from dynafile.objects.backends.dynamodb_index import FOLDER_INDEX, FolderIndexes, index_of
from dynafile.objects.backends.dynamodb_items import (
    CONTENTS,
    CTIME,
    FOLDER,
    MAX_OBJECT_BYTES,
    MTIME_ATTRIBUTE,
    PATH,
    TTL,
    Request,
    add_times,
    delete_marker,
    delete_object,
    index_values,
    is_expired,
    marker_of,
    stored,
)
from dynafile.objects.backends.dynamodb_table import (
    ATTEMPTS,
    ConditionFailed,
    Conflict,
    TableRequests,
    concurrently,
    make_client,
    pause,
)
from dynafile.objects.backends.dynamodb_transactions import TableTransaction
from dynafile.objects.backends.dynamodb_writes import ObjectWriter
from dynafile.objects.paths import MARKER, ROOT, child
from dynafile.objects.queries import checked_index

if TYPE_CHECKING:
    from dynafile.objects.configuration import Settings
    from dynafile.objects.urls import Single

__all__ = ["DynamoDBBackend", "create_table", "identity", "open_backend"]

_OBJECT: Final = (CONTENTS, MTIME_ATTRIBUTE, TTL)
_AT_ONCE: Final = 100
_NAME: Final = re.compile(r"[A-Za-z0-9_.-]{3,255}")


def identity(place: Single, settings: Settings) -> tuple[str, str | None, str | None, bool]:
    """Return what is the same for all URLs of one store."""
    return (place.name, *_where(place, settings), settings.configuration.timed)


def open_backend(place: Single, settings: Settings) -> DynamoDBBackend:
    """Make a client, which asks for nothing yet; raises MissingExtra."""
    client = make_client(*_where(place, settings))
    if _NAME.fullmatch(place.name) is None:
        client.close()
        raise InvalidObjectURL(
            f"{place.url!r}: a table of DynamoDB has 3 to 255 letters, digits, '_', '.' and '-'",
            url=place.url,
        )
    table = TableRequests(client, place.name)
    return DynamoDBBackend(table, timed=settings.configuration.timed)


def create_table(
    name: str,
    *,
    indexes: Iterable[str] = (),
    region: str | None = None,
    endpoint_url: str | None = None,
) -> None:
    """Make a table for ``connect("dynamodb://name")``, paid by request, and wait until it is there.

    :param indexes: names of indexes for ``folder(...).by(name)``, 18 at most; others can be added
        to the table later.

    What expires is deleted by DynamoDB too. Raises ResourceInUse if there is a table of this name.
    """
    names = list(checked_index(dict.fromkeys(indexes)))
    sorts = {FOLDER_INDEX: PATH, **{index_of(each): each for each in (MTIME, *names)}}
    kinds = {PATH: "S", FOLDER: "S", **dict.fromkeys((MTIME_ATTRIBUTE, *names), "N")}
    table = TableRequests(make_client(region, endpoint_url), name)
    try:
        table.call(
            "create_table",
            TableName=name,
            BillingMode="PAY_PER_REQUEST",
            KeySchema=[{"AttributeName": PATH, "KeyType": "HASH"}],
            AttributeDefinitions=[
                {"AttributeName": each, "AttributeType": kind} for each, kind in kinds.items()
            ],
            GlobalSecondaryIndexes=[_index(each, sort) for each, sort in sorts.items()],
        )
        table.wait("table_exists")
        table.call(
            "update_time_to_live",
            TableName=name,
            TimeToLiveSpecification={"Enabled": True, "AttributeName": TTL},
        )
    finally:
        table.close()


class DynamoDBBackend(Backend):
    """Objects in a table of DynamoDB; safe for threads and processes, and for KYDB beside it."""

    def __init__(
        self, table: TableRequests, *, timed: bool = True, clock: Callable[[], int] = time.time_ns
    ) -> None:
        """Use a table; without ``timed`` objects are written without times."""
        self.features = Features(
            index=True,
            ordered=True,
            expiry=True,
            conditions=True,
            transactions=True,
            remote=True,
            max_bytes=MAX_OBJECT_BYTES,
        )
        self._table = table
        self._timed = timed
        self._clock = clock
        self._writer = ObjectWriter(table, timed=timed, clock=clock)
        self._indexes = FolderIndexes(table, clock)

    def read(self, path: str, known: str | None = None) -> Stored | Unchanged | None:
        """Return an object, None if there is none; UNCHANGED if it is of the version ``known``."""
        item = self._table.get(path, _OBJECT)
        if item is None or is_expired(item, self._clock):
            return None
        found = stored(item, path)
        return UNCHANGED if found.version == known else found

    def read_many(self, paths: Sequence[str]) -> dict[str, Stored]:
        """Return those objects that are there, by path, a hundred a request."""
        found = self._table.get_many(paths, _OBJECT)
        return {
            path: stored(item, path)
            for path, item in found.items()
            if not is_expired(item, self._clock)
        }

    def kind(self, path: str) -> Kind | None:
        """Return what a path is; None if nothing is there."""
        if path == ROOT:
            return Kind.FOLDER
        found = self._table.get_many([path, marker_of(path)], (TTL,))
        if path in found and not is_expired(found[path], self._clock):
            return Kind.OBJECT
        return Kind.FOLDER if marker_of(path) in found else None

    def write(self, path: str, data: bytes, options: WriteOptions) -> str:
        """Write an object, with the folders that it is in, and return its version."""
        return self._writer.write({path: data}, options)[path]

    def write_many(self, objects: Mapping[str, bytes], options: WriteOptions) -> dict[str, str]:
        """Write several objects: all or none of some forty, that many at a time of more."""
        return self._writer.write(objects, options) if objects else {}

    def delete(self, path: str, if_match: str | AnyVersion = ANY_VERSION) -> None:
        """Delete an object; raises ObjectNotFound if there is none."""
        for attempt in range(ATTEMPTS):
            item = None
            if if_match is not ANY_VERSION:
                item = self._table.get(path, _OBJECT)
                if item is None or is_expired(item, self._clock):
                    raise no_object(path)
                check_version(path, stored(item, path).version, if_match)
            try:
                return self._table.write(delete_object(path, self._clock(), item))
            except ConditionFailed:
                if item is None:
                    raise no_object(path) from None
            except Conflict:
                pass
            pause(attempt)
        raise self._table.unreachable_for_long(f"deleting {path}")

    def make_folder(self, path: str) -> None:
        """Make a folder and those that it is in; raises PathTaken where an object is in the way."""
        self._writer.make_folder(path)

    def remove_folder(self, path: str) -> None:
        """Remove an empty folder; raises ObjectNotFound or FolderNotEmpty."""
        self._check_folder(path)
        self._check_empty(path)
        self._remove_marker(path)

    def remove_tree(self, path: str, progress: Progress) -> None:
        """Remove a folder and all below it: objects first, then folders, the innermost first."""
        if path != ROOT:
            self._check_folder(path)
        self._empty(path, progress)
        there = path != ROOT
        while there:
            try:
                self._remove_marker(path)
                there = False
            except FolderNotEmpty:  # somebody has written into it meanwhile
                self._empty(path, progress)
            except ObjectNotFound:  # somebody else has removed it
                there = False

    def list(self, path: str, page_size: int) -> Iterator[Name]:
        """Yield what is in a folder, in order, from pages that grow from ``page_size`` on."""
        names = self._indexes.names(path, page_size)
        first = next(names, None)
        if first is not None:
            yield first
            yield from names
        elif path != ROOT and self.kind(path) is Kind.OBJECT:
            raise is_an_object(path)

    def entries(self, path: str, order: Order) -> Iterator[Entry]:
        """Yield the objects of a folder in the order of an index."""
        return self._indexes.entries(path, order)

    def index_values(self, path: str) -> dict[str, int]:
        """Return an object's index values by name: all of its numbers that are nothing else."""
        item = self._table.get(path, ())
        return {} if item is None or is_expired(item, self._clock) else index_values(item)

    def reindex(self, path: str) -> int:
        """Give times, all the same, to the objects of a folder that have none; return how many."""
        now = self._clock()
        paths = list(self._indexes.untimed(path))
        return sum(concurrently(lambda path: self._add_times(path, now), paths))

    @contextmanager
    def transaction(self) -> Iterator[BackendTransaction]:
        """Begin what is written at the end of the ``with`` block by one request, all or nothing."""
        transaction = TableTransaction(self._table, timed=self._timed, clock=self._clock)
        yield transaction
        transaction.commit()

    def close(self) -> None:
        """Close the connections."""
        self._table.close()

    def _add_times(self, path: str, now: int) -> int:
        try:
            self._table.write(add_times(path, now))
        except Conflict:  # somebody has written it, with times, or deleted it
            return 0
        return 1

    def _check_folder(self, path: str) -> None:
        if self._table.get(marker_of(path), (PATH,)) is None:
            raise no_folder(path)

    def _check_empty(self, path: str) -> None:
        # The index may show what was deleted just now.
        for page in self._indexes.paths(path, _AT_ONCE):
            found = self._table.get_many(page, (TTL,))
            if not all(is_expired(item, self._clock) for item in found.values()):
                raise FolderNotEmpty(f"Directory {path} is not empty", key=path)

    def _remove_marker(self, path: str) -> None:
        for attempt in range(ATTEMPTS):
            try:
                self._table.write(delete_marker(path))
                break
            except ConditionFailed:
                raise no_folder(path) from None
            except Conflict:
                pause(attempt)
        else:
            raise self._table.unreachable_for_long(f"removing the folder {path}")
        try:
            self._check_empty(path)
        except FolderNotEmpty:
            self._writer.make_folder(path)
            raise

    def _empty(self, path: str, progress: Progress) -> None:
        levels = [[path]]
        while levels[-1]:
            below = []
            for folder in levels[-1]:
                for page in self._indexes.paths(folder):
                    names = [(each, each.rpartition("/")[2]) for each in page]
                    objects = [each for each, name in names if not name.startswith(MARKER)]
                    self._table.delete_many(objects)
                    if objects:
                        progress(len(objects))
                    below += [
                        child(folder, name[len(MARKER) :])
                        for _, name in names
                        if name.startswith(MARKER)
                    ]
            levels.append(below)
        for level in reversed(levels[1:]):
            self._table.delete_many([marker_of(folder) for folder in level])


def _where(place: Single, settings: Settings) -> tuple[str | None, str | None]:
    configuration = settings.configuration
    region = place.option("region") or configuration.region
    return region, place.option("endpoint_url") or configuration.endpoint_url


def _index(name: str, sort: str) -> Request:
    shown = [each for each in (MTIME_ATTRIBUTE, CTIME, TTL) if each != sort]
    return {
        "IndexName": name,
        "KeySchema": [
            {"AttributeName": FOLDER, "KeyType": "HASH"},
            {"AttributeName": sort, "KeyType": "RANGE"},
        ],
        "Projection": {"ProjectionType": "INCLUDE", "NonKeyAttributes": shown},
    }
