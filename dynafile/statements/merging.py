"""Several partitions side by side, in the order of their sort keys."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterator
from operator import itemgetter
from typing import Any, Final

from msgspec import Struct

from dynafile.expressions.key_conditions import KeyTerm
from dynafile.expressions.nodes import Literal
from dynafile.read_requests import Reading
from dynafile.statements.plans import Access
from dynafile.statements.tokens import Place
from dynafile.table.keys import Range
from dynafile.table.pages import PAGE_BYTES
from dynafile.values import MAX_SORT_KEY_BYTES, encode_key_value, item_size

_CHUNK: Final = 32
"""So many items of each partition are read ahead."""

Entry = tuple[bytes, int, dict[str, Any]]
"""Encoded sort key, number of the partition, item."""


class Merged(Struct):
    """A page of several partitions."""

    items: list[dict[str, Any]]
    size: int
    fetched: int
    place: Place | None
    """Where the next page begins."""


def merged_page(
    access: Access,
    reading: Reading,
    wanted: Callable[[dict[str, Any]], object] | None,
    limit: int | None,
    place: Place | None,
) -> Merged:
    """Return a page, of at most ``limit`` items that were looked at, or 1 MB of them.

    Items with equal sort keys come in the order of the partitions.
    """
    found = Merged([], 0, 0, None)
    streams = [
        _stream(access, reading, number, _bounds(access, number, place), place, found)
        for number in range(len(access.keys.partitions))
    ]
    merged = heapq.merge(*streams, key=itemgetter(0), reverse=access.descending)
    for scanned, (_, number, item) in enumerate(merged, 1):
        found.size += item_size(item)
        if wanted is None or wanted(item):
            found.items.append(item)
        if scanned == limit or found.size >= PAGE_BYTES:
            names = (*reading.table.definition.key_attributes, *_index_names(reading))
            found.place = Place(number, {name: item[name] for name in names})
            break
    return found


def _index_names(reading: Reading) -> tuple[str, ...]:
    return () if reading.index is None else reading.index.attributes


def _bounds(access: Access, number: int, place: Place | None) -> Range:
    """Return what of a partition comes after a place; equal sort keys go by the partitions."""
    keys = access.keys
    partition = keys.partitions[number]
    if place is None or place.key is None or number == place.partition:
        return keys.range_of(partition)
    name = keys.sk_names[0]
    operator = "<" if access.descending else ">"
    if number > place.partition:
        operator += "="
    return keys.range_of(partition, KeyTerm(name, operator, (Literal(place.key[name]),)))


def _stream(
    access: Access,
    reading: Reading,
    number: int,
    bounds: Range,
    place: Place | None,
    found: Merged,
) -> Iterator[Entry]:
    table, index = reading.table, reading.index
    name = access.keys.sk_names[0]
    start = None
    if place is not None and place.partition == number and place.key is not None:
        start = table.start_of(place.key, bounds, index)
    while True:
        page = table.page(
            bounds,
            None,
            _CHUNK,
            reverse=access.descending,
            start=start,
            index=index,
            whole=reading.whole,
        )
        found.fetched += page.fetched_units
        for item in page.items:
            yield (
                encode_key_value(item[name], attribute=name, limit=MAX_SORT_KEY_BYTES),
                number,
                item,
            )
        if page.last_key is None:
            return
        start = table.start_of(page.last_key, bounds, index)
