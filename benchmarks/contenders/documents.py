"""Who keeps documents: Dynafile's documents, Montybase 0.1.6, TinyDB, and montydb on SQLite.

Each has a module of its own, which alone imports what it needs: Montybase and montydb run where
nothing else is installed. The loops stand inside the methods, so that what is timed is what a user
would write. Reads return the last thing read, for the check before the measurement.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, Final, Protocol, cast

from operations import (
    MONTYBASE,
    MONTYDB,
    OURS,
    OURS_RELAXED,
    TINYDB,
    TINYDB_CACHING,
)
from users import User

_MODULES: Final = {
    OURS: ("our_documents", "OurDocuments"),
    OURS_RELAXED: ("our_documents", "OurDocumentsRelaxed"),
    MONTYBASE: ("montybase_documents", "MontybaseDocuments"),
    TINYDB: ("tinydb_documents", "TinydbDocuments"),
    TINYDB_CACHING: ("tinydb_documents", "TinydbDocumentsCaching"),
    MONTYDB: ("montydb_documents", "MontydbDocuments"),
}


class DocumentContender(Protocol):
    """A collection of documents by key."""

    def load(self, documents: Mapping[str, User]) -> None:
        """Write documents that are not there, as fast as it can."""

    def set(self, pairs: Iterable[tuple[str, User]]) -> None:
        """Write documents, one by one, whether they are there or not."""

    def update(self, keys: Iterable[str], score: float) -> None:
        """Set one field of documents, one by one."""

    def delete(self, keys: Iterable[str]) -> None:
        """Delete documents, one by one."""

    def get(self, keys: Iterable[str]) -> Any:
        """Read documents by their keys."""

    def where(self, field: str, values: Iterable[str]) -> list[User]:
        """Find documents by a field; there is an index by ``team``, if there are any."""

    def count(self, times: int) -> int:
        """Count the documents, so many times."""

    def save(self) -> None:
        """Have on the disk what was only acknowledged, as it does it itself sooner or later."""

    def close(self) -> None:
        """Close the database."""


def document_contender(name: str) -> Callable[[Path], DocumentContender]:
    """Return what opens a contender on its own folder, which there need not be yet."""
    module, kind = _MODULES[name]
    loaded = importlib.import_module(f"contenders.{module}")
    return cast(Callable[[Path], DocumentContender], getattr(loaded, kind))
