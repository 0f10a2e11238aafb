"""The table's check of itself: keys that fit their items, and what is in each index."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from typing import Final

from dynafile.errors import DynafileError
from dynafile.store.sorter import Sorter
from dynafile.store.store import Store
from dynafile.table.definition import Definition
from dynafile.table.expiry import expiry_key, expiry_of
from dynafile.table.index import Entry, EntryMaker, Index
from dynafile.table.keys import KeySchema
from dynafile.values import check_item

_CHUNK: Final = 1 << 20
MOST_LISTED: Final = 20
"""Problems of one index that are listed; more would say nothing more."""


def check_table(store: Store, definition: Definition) -> list[str]:
    """Return what is wrong with a table, one sentence each. To be called with nobody writing.

    Cost: every item and every entry is read once, and sorted on disk where memory is short.
    """
    problems: list[str] = []
    keys = KeySchema(definition)
    indexes = [Index(definition, index) for index in definition.indexes.values()]
    maker = EntryMaker(definition, indexes)
    with ExitStack() as stack:
        expiring, *sorters = [stack.enter_context(Sorter(store.volume)) for _ in (0, *indexes)]
        for key, raw in _pairs(store, definition.items):
            try:
                item = check_item(raw)
                if keys.key(item) != key:
                    problems.append(f"the item at {key.hex()} has another key than its place")
            except (DynafileError, ValueError, TypeError) as error:
                problems.append(f"the item at {key.hex()} is not valid: {error}")
                continue
            if definition.ttl_attribute is not None:
                expiry = expiry_of(item, definition.ttl_attribute)
                if expiry is not None:
                    expiring.add(expiry_key(expiry, key), b"")
            for sorter, entry in zip(sorters, maker.of_old(raw, key), strict=True):
                if entry is not None:
                    sorter.add(*entry)
        if definition.expiry is not None:
            found = _pairs(store, definition.expiry)
            partial = definition.expiry_partial
            problems += _compare("by expiry", expiring.sorted(), found, partial=partial)
        for index, sorter in zip(indexes, sorters, strict=True):
            found = _pairs(store, index.entries)
            building = index.definition.building
            problems += _compare(repr(index.name), sorter.sorted(), found, partial=building)
    return problems


def _pairs(store: Store, keyspace: int) -> Iterator[Entry]:
    for keys, values in store.range(store.keyspace(keyspace), b"", None, limit=_CHUNK):
        yield from zip(keys, values, strict=True)


def _compare(
    name: str, expected: Iterator[Entry], found: Iterator[Entry], *, partial: bool = False
) -> list[str]:
    """Compare two sorted runs of entries; ``partial``: what is expected may still be missing."""
    problems: list[str] = []
    want, have = next(expected, None), next(found, None)
    while (want is not None or have is not None) and len(problems) < MOST_LISTED:
        if have is None or (want is not None and want[0] < have[0]):
            assert want is not None
            if not partial:
                problems.append(f"the index {name} lacks {want[0].hex()}")
            want = next(expected, None)
        elif want is None or have[0] < want[0]:
            problems.append(f"the index {name} has {have[0].hex()} for no item")
            have = next(found, None)
        else:
            if want[1] != have[1]:
                problems.append(
                    f"the index {name} has another value than its item at {want[0].hex()}"
                )
            want, have = next(expected, None), next(found, None)
    return problems
