"""Who is measured: Dynafile, and peers that do the same work on the same items.

Each has a module of its own, which alone imports what it needs: a process that measures one must
not hold the others in memory, and dynafile 0.1.3 runs where nothing else is installed. All have the
same methods, and the loops stand inside them, so that what is timed is what a user would write.
Every contender is given keys as two strings and makes of them what it needs; every one decodes what
it reads into a dict of the caller's own. Reads return the last thing read, for the check before the
measurement.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, Final, Literal, Protocol, cast

from operations import (
    DISKCACHE,
    LMDB,
    LMDB_MAPPED,
    OLD,
    OURS,
    OURS_UNREMEMBERED,
    SQLITE,
    SQLITE_MSGSPEC,
    TINYDB,
    TINYDB_CACHING,
)

Item = dict[str, Any]
Key = tuple[str, str]
Durability = Literal["durable", "relaxed"]

_MODULES: Final = {
    OURS: ("ours", "Ours"),
    OURS_UNREMEMBERED: ("ours", "OursUnremembered"),
    SQLITE: ("sqlite", "Sqlite"),
    SQLITE_MSGSPEC: ("sqlite", "SqliteMsgspec"),
    LMDB: ("lmdb_msgspec", "Lmdb"),
    LMDB_MAPPED: ("lmdb_msgspec", "LmdbMapped"),
    DISKCACHE: ("disk_cache", "DiskCache"),
    TINYDB: ("tiny_db", "TinyDocuments"),
    TINYDB_CACHING: ("tiny_db", "TinyDocumentsCaching"),
    OLD: ("old_dynafile", "OldDynafile"),
}


class Contender(Protocol):
    """A store of items."""

    def load(self, items: Iterable[Item]) -> None:
        """Put items, as one commit."""

    def put(self, items: Iterable[Item]) -> None:
        """Put items, each a commit of its own."""

    def get(self, keys: Iterable[Key]) -> Item | None:
        """Read items by their keys."""

    def query(self, pks: Iterable[str]) -> list[Item]:
        """Read item collections, each in the order of its sort keys."""

    def scan(self) -> Item | None:
        """Read everything."""

    def filter(self, attribute: str, above: float) -> list[Item]:
        """Read the items with an attribute above a number, in any order."""

    def close(self) -> None:
        """Close the store."""


def open_contender(name: str, folder: Path, durability: Durability) -> Contender:
    """Open a contender on its own folder."""
    module, kind = _MODULES[name]
    loaded = importlib.import_module(f"{__name__}.{module}")
    make = cast(Callable[[Path, Durability], Contender], getattr(loaded, kind))
    return make(folder, durability)


def in_turns(contenders: Sequence[str], turns: int) -> list[str]:
    """Return contenders so many times, each time in another order, so that none is always first."""
    return [
        contenders[(turn + place) % len(contenders)]
        for turn in range(turns)
        for place in range(len(contenders))
    ]
