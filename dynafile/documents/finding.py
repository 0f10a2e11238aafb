"""Finding documents: by an index, or by looking at all of a collection."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import groupby, islice
from sys import maxsize
from typing import Any

from dynafile import Table, Transaction, between, gt, lt
from dynafile.documents.engine import Element
from dynafile.documents.filters import Filter, value_at
from dynafile.documents.layout import (
    FIELDS,
    INDEXES,
    PK,
    SK,
    TIME,
    UNFILLED,
    Item,
    document_key,
    entry_id,
    group_of,
    index_of,
    is_exact,
)
from dynafile.documents.narrowing import Read, reader_of
from dynafile.documents.paths import FieldPath, Path, is_document, parse_field, path_text
from dynafile.documents.planning import Choice, choose
from dynafile.documents.requests import Aggregate, Query
from dynafile.documents.resolving import contents
from dynafile.documents.totals import average_of, sum_of

__all__ = ["Finder", "aggregated", "documents_in"]


def documents_in(source: Table | Transaction, collection: str) -> Iterator[Element]:
    """Yield the documents of a collection in the order of their ids."""
    path = tuple(collection.split("/"))
    for item in source.query(collection):
        yield Element((*path, item[SK]), contents(item), str(item[TIME]))


def aggregated(found: Iterable[Element], kind: Aggregate, field: FieldPath) -> Any:
    """Return the number of documents, or the sum or average of the numbers in a field of them."""
    if kind == "count":
        return sum(1 for _ in found)
    values = (value_at(element.value, field) for element in found)
    numbers = [each for each in values if type(each) in (int, float)]
    if kind == "sum":
        return sum_of(numbers)
    return average_of(numbers)


class Finder:
    """Executes queries on a table, or inside a transaction."""

    def __init__(self, source: Table | Transaction) -> None:
        self._source = source

    # -- queries --------------------------------------------------------------------------------

    def run(self, query: Query) -> list[Element]:
        """Return what a query finds, in its order and up to its limit."""
        wanted = Filter(query)
        if query.limit is not None and not query.orders and not query.group:
            choice = self._choice(query)
            if choice is None:
                return list(islice(self._accepted(query, wanted), min(query.limit, maxsize)))
        found = list(self._accepted(query, wanted, ends_early=True))
        found.sort(key=lambda element: wanted.place(element.path, element.value))
        return found if query.limit is None else found[: query.limit]

    def matching(self, query: Query) -> Iterator[Element]:
        """Yield all that a query wants, in any order, whatever its limit."""
        return self._accepted(query, Filter(query))

    def exists(self, query: Query) -> bool:
        """Say whether a query finds anything."""
        wanted = Filter(query)
        return next(self._accepted(query, wanted, reader_of(wanted.fields)), None) is not None

    def aggregate(self, query: Query, kind: Aggregate, field: FieldPath) -> Any:
        """Return the number of what a query finds, or the sum or average of the numbers in it."""
        found: Iterable[Element]
        if query.limit is None:
            wanted = Filter(query)
            looked_at = wanted.fields if kind == "count" else [*wanted.fields, field]
            found = self._accepted(query, wanted, reader_of(looked_at))
        else:
            found = self.run(query)
        return aggregated(found, kind, field)

    def indexed(self, query: Query) -> list[FieldPath]:
        """Return the fields that a query's collections have a complete index by."""
        if is_document(query.path) and not query.group:
            return []
        item = self._source.get_item(key={PK: INDEXES, SK: query.path[-1]})
        if item is None:
            return []
        filling = set(item.get(UNFILLED, ()))
        return [parse_field(field) for field in item[FIELDS] if field not in filling]

    # -- where documents come from --------------------------------------------------------------

    def _choice(self, query: Query) -> Choice | None:
        return choose(query, self.indexed(query)) if query.wheres or query.orders else None

    def _accepted(
        self, query: Query, wanted: Filter, read: Read = contents, *, ends_early: bool = False
    ) -> Iterator[Element]:
        """Yield what a query wants, as ``read`` reads it.

        With ``ends_early`` that is maybe no more than is within its limit.
        """
        if is_document(query.path) and not query.group:
            yield from self._document(query.path, wanted)
            return
        choice = self._choice(query)
        for collection in self._collections(query):
            if choice is None:
                yield from self._looked_through(query, collection, wanted, read)
            elif ends_early and query.orders and query.orders[0].field == choice.field:
                yield from self._in_order(query, choice, wanted, collection)
            else:
                found = self._entries(collection, choice, reverse=False)
                yield from self._looked_up(collection, found, wanted, set(), read)

    def _collections(self, query: Query) -> list[str]:
        if not query.group:
            return [path_text(query.path)]
        return [item[SK] for item in self._source.query(group_of(query.path[0]))]

    def _document(self, path: Path, wanted: Filter) -> Iterator[Element]:
        item = self._source.get_item(key=document_key(path))
        if item is not None and wanted.accepts(path, value := contents(item)):
            yield Element(path, value, str(item[TIME]))

    def _looked_through(
        self, query: Query, collection: str, wanted: Filter, read: Read
    ) -> Iterator[Element]:
        """Yield the documents of a collection that are wanted, of which others are not decoded."""
        path = tuple(collection.split("/"))
        look = reader_of(wanted.fields) if read is contents and query.wheres else read
        for item in self._whole(query, collection):
            here = (*path, item[SK])
            value = look(item)
            if wanted.accepts(here, value):
                yield Element(here, value if look is read else read(item), str(item[TIME]))

    def _whole(self, query: Query, collection: str) -> Iterable[Item]:
        """Return the items of a collection, from the id of a cursor on where there is one."""
        after, before = query.start_after, query.end_before
        condition: Any = None
        if not query.orders and not query.group:
            if after is not None and after.last is not None:
                condition = gt(after.last[0])
            elif before is not None and before.last is not None:
                condition = lt(before.last[0])
        return self._source.query(collection, sk=condition)

    def _entries(self, collection: str, choice: Choice, *, reverse: bool) -> Iterator[Item]:
        index = index_of(collection, choice.field)
        for span in reversed(choice.spans) if reverse else choice.spans:
            forward = not reverse
            if span.high:
                bounds = between(span.low, span.high)
                yield from self._source.query(index, sk=bounds, scan_index_forward=forward)
            else:
                yield from self._source.query(
                    index, starts_with=span.low, scan_index_forward=forward
                )

    def _looked_up(
        self,
        collection: str,
        entries: Iterable[Item],
        wanted: Filter,
        seen: set[str],
        read: Read = contents,
    ) -> Iterator[Element]:
        """Yield the documents of entries that are wanted: each once, as it is now."""
        path = tuple(collection.split("/"))
        get = self._source.get_item
        for entry in entries:
            id_ = entry_id(entry)
            if id_ in seen:
                continue  # it was written while the index was read
            seen.add(id_)
            item = get(key={PK: collection, SK: id_})
            if item is not None:
                here, value = (*path, id_), read(item)
                if wanted.accepts(here, value):
                    yield Element(here, value, str(item[TIME]))

    def _in_order(
        self, query: Query, choice: Choice, wanted: Filter, collection: str
    ) -> Iterator[Element]:
        """Yield documents along the index of the first order, until the limit is surely reached.

        Entries of one value may be in another order than their documents, by further orders or
        where not all of the value is in the key: those are taken together.
        """
        count, seen, limit = 0, set[str](), query.limit
        by_one = len(query.orders) == 1
        entries = self._entries(collection, choice, reverse=query.orders[0].descending)
        for _, same in groupby(entries, lambda entry: entry[SK].rpartition("\0")[0]):
            in_order = True
            for entry in same:
                in_order = in_order and by_one and is_exact(entry)
                for element in self._looked_up(collection, (entry,), wanted, seen):
                    count += 1
                    yield element
                if in_order and limit is not None and count >= limit:
                    return
            if limit is not None and count >= limit:
                return
