"""Counted work of a store of objects: what each operation of it costs, whatever the store.

Another store is counted by giving ``count_objects`` its name, and what watches it: of a store on a
server that counts requests.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any, Final, Protocol

from documents import PER_FOLDER, document, folder_of, key_of

_OBJECTS: Final = 200
_TREE: Final = 1_000
_OPERATIONS: Final = 100

Counts = dict[str, dict[str, float]]


class Work(Protocol):
    """What was asked of a store while it was watched."""

    def per(self, operations: int) -> dict[str, float]:
        """Return the counts of one of so many operations."""


Watched = Callable[[], AbstractContextManager[Work]]


def count_objects(store: str, db: Any, watched: Watched) -> Counts:
    """Do some of everything with an empty store; the work of each operation, by store and name."""
    rng = random.Random(7)
    products = {key_of(number): document(number, rng) for number in range(_OBJECTS)}
    keys, versions = [*products], [*products.values()]
    counts: Counts = {}

    def note(operation: str, operations: int, work: Callable[[int], object]) -> None:
        with watched() as watching:
            for each in range(operations):
                work(each)
        counts[f"objects in {store}, {operation}"] = watching.per(operations)

    note("set", _OBJECTS, lambda each: db.set(keys[each], versions[each]))
    note("set again", _OPERATIONS, lambda each: db.set(keys[each], versions[each + 1]))
    deep = [f"/a/b{each:03d}/c/d/e" for each in range(_OPERATIONS)]
    note("set at depth 4", _OPERATIONS, lambda each: db.set(deep[each], versions[each]))
    note("get", _OPERATIONS, lambda each: db.read(keys[each], reload=True))
    note("exists", _OPERATIONS, lambda each: db.exists(keys[each]))
    note("ls of 100", 1, lambda _: _listed(db, folder_of(0), PER_FOLDER))
    note("delete", _OPERATIONS, lambda each: db.delete(keys[each]))
    tree = {f"/tree/{each:04d}": each for each in range(_TREE)}
    note("set_many of 1,000", 1, lambda _: db.set_many(tree))
    note("rm_tree of 1,000", 1, lambda _: db.rm_tree("/tree"))
    return counts


def _listed(db: Any, folder: str, count: int) -> None:
    assert len(db.ls(folder)) == count
