"""Who keeps objects by path: Dynafile's store of objects, KYDB 1.1.0 on files, and diskcache.

Each has a module of its own, which alone imports what it needs: KYDB runs where nothing else is
installed. The loops stand inside the methods, so that what is timed is what a user would write.
Reads return the last thing read, for the check before the measurement.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Final, Literal, Protocol, cast

from operations import DISKCACHE, KYDB, OURS

Durability = Literal["durable", "relaxed"]

_MODULES: Final = {
    OURS: ("our_objects", "OurObjects"),
    KYDB: ("kydb_objects", "KydbObjects"),
    DISKCACHE: ("diskcache_objects", "DiskcacheObjects"),
}


class ObjectContender(Protocol):
    """A store of objects by path."""

    def set(self, pairs: Iterable[tuple[str, Any]]) -> None:
        """Write objects, one by one."""

    def get(self, keys: Iterable[str]) -> Any:
        """Read objects from the store, and not from what is kept of them."""

    def get_kept(self, count: int) -> Any:
        """Read one object of a class so many times, which is kept in memory."""

    def close(self) -> None:
        """Close the store."""


def contender_of(name: str) -> Callable[[Path, Durability], ObjectContender]:
    """Return what opens a contender on its own folder, which there need not be yet."""
    module, kind = _MODULES[name]
    loaded = importlib.import_module(f"contenders.{module}")
    return cast(Callable[[Path, Durability], ObjectContender], getattr(loaded, kind))
