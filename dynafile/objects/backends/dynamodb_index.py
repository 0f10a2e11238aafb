"""The indexes of KYDB's table in DynamoDB: listings of folders, and folder queries.

DynamoDB answers from an index what was so a moment ago: what was written, or deleted, within the
last second may be missing, or still be there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from heapq import merge
from itertools import chain, count, groupby, islice, repeat
from threading import Lock
from typing import Final

from dynafile.errors import IndexNotSupported, StoreNotReachable
from dynafile.objects.backend import MTIME, Entry, Name, Order
from dynafile.objects.backends.dynamodb_items import (
    CTIME,
    FOLDER,
    MTIME_ATTRIBUTE,
    PATH,
    TTL,
    Item,
    Request,
    folder_of,
    is_expired,
    number,
    projection,
)
from dynafile.objects.backends.dynamodb_table import NoIndex, TableRequests
from dynafile.objects.paths import MARKER

__all__ = ["FOLDER_INDEX", "FolderIndexes", "index_of"]

FOLDER_INDEX: Final = "folder-index"

_AFTER_MARKERS: Final = MARKER[:-1] + chr(ord(MARKER[-1]) + 1)
_LARGEST_PAGE: Final = 1 << 20
_MOST: Final = 10**38 - 1
"""What a number of DynamoDB holds."""

_COMPARED: Final = {
    (":low",): ">= :low",
    (":high",): "<= :high",
    (":low", ":high"): "BETWEEN :low AND :high",
}


def index_of(name: str) -> str:
    """Return the name of the table's index that has a folder in the order of an index of ours."""
    return "folder-time-index" if name == MTIME else f"folder-{name}-index"


@dataclass(frozen=True, slots=True)
class _Index:
    name: str
    sort: str | None
    projected: frozenset[str] | None
    """None for all attributes."""

    def has(self, attribute: str) -> bool:
        return self.projected is None or attribute in self.projected

    @staticmethod
    def described(table: Request, index: Request) -> _Index:
        keys = {each["AttributeName"] for each in (*table["KeySchema"], *index["KeySchema"])}
        sort = [each["AttributeName"] for each in index["KeySchema"] if each["KeyType"] == "RANGE"]
        shown = index["Projection"]
        projected = None
        if shown.get("ProjectionType") != "ALL":
            projected = frozenset(keys | set(shown.get("NonKeyAttributes", ())))
        return _Index(index["IndexName"], sort[0] if sort else None, projected)

    @staticmethod
    def assumed(name: str) -> _Index:
        """Return an index as KYDB's manual makes it, for those who may not describe the table."""
        return _Index(name, None, frozenset({PATH, FOLDER, MTIME_ATTRIBUTE, CTIME}))


class FolderIndexes:
    """Lists and queries folders. The table is described once, and again if an index is missing."""

    def __init__(self, table: TableRequests, clock: Callable[[], int]) -> None:
        self._table = table
        self._clock = clock
        self._lock = Lock()
        self._known: dict[str, _Index] = {}
        self._may_describe = True

    def names(self, path: str, page_size: int) -> Iterator[Name]:
        """Yield what is in a folder, in order; without an index by path it is read whole first."""
        index = self._wanted_folder_index()
        if index.sort != PATH:
            yield from sorted(map(_name, self._rows(path, index, (PATH,))))
            return
        # The markers are in one place of the order, and before nearly all names of objects.
        sizes = (min(page_size << doubled, _LARGEST_PAGE) for doubled in count())
        names: Iterator[str] = map(_name_in_item, self._rows(path, index, (PATH,), sizes))
        before: list[Name] = []
        for name in names:
            if name >= _AFTER_MARKERS:
                names = chain([name], names)
                break
            before.append(_named(name))
        yield from merge(sorted(before), (Name(name, False) for name in names))

    def paths(self, path: str, page_size: int | None = None) -> Iterator[list[str]]:
        """Yield the paths of all items of a folder, page by page, markers and expired ones also."""
        parameters = self._condition(path, (PATH,))
        try:
            for page in self._table.pages(FOLDER_INDEX, repeat(page_size), parameters):
                yield [item[PATH]["S"] for item in page]
        except NoIndex:
            raise self._no_folder_index() from None

    def untimed(self, path: str) -> Iterator[str]:
        """Yield the paths of the objects of a folder that have no time."""
        index = self._wanted_folder_index()
        if index.has(MTIME_ATTRIBUTE):
            rows = self._rows(path, index, (PATH,), only="attribute_not_exists(#mtime)")
        else:
            rows = self._rows(path, index, (PATH, MTIME_ATTRIBUTE))
        for row in rows:
            if MTIME_ATTRIBUTE not in row and not _name(row).is_folder:
                yield row[PATH]["S"]

    def entries(self, path: str, order: Order) -> Iterator[Entry]:
        """Yield the objects of a folder in the order of an index."""
        index = self._index(index_of(order.index))
        if index is None:
            if not order.allow_scan:
                raise self._not_indexed(order.index)
            return order.arranged(self._scanned(path, order.index))
        found = self._indexed(path, order, index)
        if order.index == MTIME and order.holds(0):
            found = self._with_untimed(path, order, found)
        return islice(found, order.limit)

    def _with_untimed(self, path: str, order: Order, found: Iterator[Entry]) -> Iterator[Entry]:
        seen: set[str] = set()
        if order.descending:
            for entry in found:
                seen.add(entry.key)
                yield entry
        names = sorted(
            {path.rpartition("/")[2] for path in self.untimed(path)} - seen,
            reverse=order.descending,
        )
        yield from (Entry(name, 0, 0, 0) for name in names)
        if not order.descending:
            seen.update(names)
            yield from (entry for entry in found if entry.key not in seen)

    def _indexed(self, path: str, order: Order, index: _Index) -> Iterator[Entry]:
        # One more than wanted shows whether the last one's value ends there: equal ones are sorted.
        sizes = repeat(None) if order.limit is None else chain([order.limit + 1], repeat(None))
        wanted = tuple(dict.fromkeys((PATH, MTIME_ATTRIBUTE, CTIME, order.index)))
        rows = self._rows(path, index, wanted, sizes, order=order)
        try:
            for _, same in groupby(_entries(rows, order.index), lambda entry: entry.index_value):
                yield from sorted(same, key=lambda entry: entry.key, reverse=order.descending)
        except NoIndex:
            raise self._not_indexed(order.index) from None

    def _scanned(self, path: str, name: str) -> Iterator[Entry]:
        wanted = tuple(dict.fromkeys((PATH, MTIME_ATTRIBUTE, CTIME, name)))
        return _entries(self._rows(path, self._wanted_folder_index(), wanted), name)

    def _rows(
        self,
        path: str,
        index: _Index,
        wanted: tuple[str, ...],
        sizes: Iterable[int | None] = repeat(None),
        *,
        order: Order | None = None,
        only: str | None = None,
    ) -> Iterator[Item]:
        """Yield attributes of a folder's items; what the index lacks is read from the items."""
        shown = tuple(name for name in (*wanted, TTL) if index.has(name))
        parameters = self._condition(path, shown, order)
        if only is not None:
            parameters["FilterExpression"] = only
            parameters["ExpressionAttributeNames"]["#mtime"] = MTIME_ATTRIBUTE
        whole = all(map(index.has, wanted))
        for page in self._table.pages(index.name, sizes, parameters):
            for row in page if whole else self._completed(page, wanted):
                if not is_expired(row, self._clock):
                    yield row

    def _completed(self, page: list[Item], wanted: tuple[str, ...]) -> Iterator[Item]:
        paths = [row[PATH]["S"] for row in page if not _name(row).is_folder]
        attributes = (*(name for name in wanted if name != PATH), TTL)
        found = self._table.get_many(paths, attributes)
        return (found[path] for path in paths if path in found)

    def _condition(
        self, path: str, attributes: tuple[str, ...], order: Order | None = None
    ) -> Request:
        parameters = projection(attributes)
        names = parameters["ExpressionAttributeNames"]
        names["#folder"] = FOLDER
        values = {":folder": {"S": folder_of(path)}}
        condition = "#folder = :folder"
        if order is not None:
            parameters["ScanIndexForward"] = not order.descending
            bounds = {":low": order.since, ":high": order.until}
            given = {name: bound for name, bound in bounds.items() if bound is not None}
            if given:
                names["#index"] = order.index
                condition += f" AND #index {_COMPARED[tuple(given)]}"
            for name, bound in given.items():
                values[name] = {"N": str(max(-_MOST, min(bound, _MOST)))}
        return parameters | {
            "KeyConditionExpression": condition,
            "ExpressionAttributeValues": values,
        }

    def _index(self, name: str) -> _Index | None:
        with self._lock:
            if name not in self._known and self._may_describe:
                self._describe()
            if not self._may_describe:
                return _Index.assumed(name)
            return self._known.get(name)

    def _describe(self) -> None:
        try:
            table = self._table.call("describe_table", TableName=self._table.table)["Table"]
        except StoreNotReachable as error:
            if "AccessDenied" not in str(error):
                raise
            self._may_describe = False
            return
        self._known = {
            index["IndexName"]: _Index.described(table, index)
            for index in table.get("GlobalSecondaryIndexes", ())
            if index.get("IndexStatus", "ACTIVE") in ("ACTIVE", "UPDATING")
        }

    def _wanted_folder_index(self) -> _Index:
        index = self._index(FOLDER_INDEX)
        if index is None:
            raise self._no_folder_index()
        return index

    def _no_folder_index(self) -> IndexNotSupported:
        return IndexNotSupported(
            f"the DynamoDB table {self._table.table} has no index {FOLDER_INDEX}, which lists "
            "folders: add it (partition key folder, a string; sort key path, a string; projection "
            "INCLUDE mtime, ctime, ttl)"
        )

    def _not_indexed(self, name: str) -> IndexNotSupported:
        included = "ctime, ttl" if name == MTIME else "mtime, ctime, ttl"
        return IndexNotSupported(
            f"the DynamoDB table {self._table.table} has no index {index_of(name)}, so there is no "
            f"by({name!r}): add it (partition key folder, a string; sort key {name}, a number; "
            f"projection INCLUDE {included}), and it has what is written already; or pass "
            "allow_scan=True to read the whole folder and sort it"
        )


def _entries(rows: Iterable[Item], index: str) -> Iterator[Entry]:
    """Yield the objects among the items; those without a value of the index have none by it."""
    for row in rows:
        name, is_folder = _name(row)
        value = number(row, index)
        if value is None and index == MTIME:
            value = 0
        if not is_folder and value is not None:
            mtime = number(row, MTIME_ATTRIBUTE) or 0
            ctime = number(row, CTIME)
            yield Entry(name, mtime, mtime if ctime is None else ctime, value)


def _name(row: Item) -> Name:
    return _named(_name_in_item(row))


def _name_in_item(row: Item) -> str:
    name: str = row[PATH]["S"].rpartition("/")[2]
    return name


def _named(name: str) -> Name:
    if name.startswith(MARKER):
        return Name(name[len(MARKER) :], True)
    return Name(name, False)
