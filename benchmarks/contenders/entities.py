"""Who keeps entities: Dynafile's models, and others' that do the same work on the same people.

Each has a module of its own, which alone imports what it needs: Kybra Simple DB runs where nothing
else is installed. The loops stand inside the methods, so that what is timed is what a user would
write. Reads return the last thing read, for the check before the measurement.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, Final, Protocol, cast

from operations import KYBRA, OURS, PEEWEE
from people import Fields

_MODULES: Final = {
    OURS: ("our_entities", "OurEntities"),
    PEEWEE: ("peewee_entities", "PeeweeEntities"),
    KYBRA: ("kybra_entities", "KybraEntities"),
}


class EntityContender(Protocol):
    """A database of people, who have the ids 1, 2 and so on, and of clubs, which people join."""

    def create(self, people: Iterable[Fields]) -> None:
        """Create people, in one durable transaction."""

    def load(self, ids: Iterable[int]) -> Any:
        """Load people by their ids."""

    def by_name(self, names: Iterable[str]) -> Any:
        """Load people by their names, which are unique."""

    def find(self, ages: Iterable[int]) -> list[Any]:
        """Find people by their ages, by an index where there are any."""

    def club(self) -> Any:
        """Create a club that has no members."""

    def join(self, club: Any, people: Sequence[Any]) -> None:
        """Make people members of a club, in one durable transaction."""

    def join_singly(self, club: Any, people: Sequence[Any]) -> None:
        """The same, each as a durable transaction of its own."""

    def members(self, club: Any) -> int:
        """Count the members of a club."""

    def close(self) -> None:
        """Close the database."""


def open_entities(name: str, folder: Path) -> EntityContender:
    """Open a contender on its own folder, which there need not be yet."""
    module, kind = _MODULES[name]
    loaded = importlib.import_module(f"contenders.{module}")
    make = cast(Callable[[Path], EntityContender], getattr(loaded, kind))
    return make(folder)
