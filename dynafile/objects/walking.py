"""What is below a folder of a store, one after the other, as it is listed."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from typing import Final, NamedTuple

from dynafile.objects.backend import Name
from dynafile.objects.paths import child
from dynafile.objects.store import ObjectStore

__all__ = ["Step", "walk"]

_PAGE: Final = 1000


class Step(NamedTuple):
    """An object or a folder, by its path."""

    path: str
    is_folder: bool
    is_empty: bool = False
    """A folder that nothing is in."""


def walk(store: ObjectStore, folder: str) -> Iterator[Step]:
    """Yield all that is below a folder, each folder before what is in it; the system's left out.

    What is held is a page of the listing of each folder on the way down. What others change
    meanwhile is found or not. Names are as the store has them: a stranger's may be no valid key.
    """
    levels = [(folder, _names(store, folder))]
    while levels:
        path, names = levels[-1]
        name = next(names, None)
        if name is None:
            levels.pop()
            continue
        below = child(path, name.name)
        if not name.is_folder:
            yield Step(below, False)
            continue
        inner = _names(store, below)
        first = next(inner, None)
        yield Step(below, True, first is None)
        if first is not None:
            levels.append((below, chain([first], inner)))


def _names(store: ObjectStore, folder: str) -> Iterator[Name]:
    return (name for name in store._list(folder, _PAGE) if name.name[:1] != ".")
