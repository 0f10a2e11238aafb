"""Kybra Simple DB, in memory: it has no storage on a disk, no transactions and no indexes.

It lives in an environment of its own, with nothing else in it but what it needs.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path
from typing import Any

from people import Fields

with redirect_stdout(StringIO()):  # it says there that it runs outside of its blockchain
    from kybra_simple_db import (
        Boolean,
        Database,
        Entity,
        Float,
        Integer,
        ManyToMany,
        MemoryStorage,
        String,
    )
    from kybra_simple_logging import disable_logging


class Person(Entity):  # type: ignore[misc]
    """Somebody."""

    __alias__ = "name"
    name = String()
    age = Integer()
    score = Float()
    active = Boolean()
    city = String()
    note = String()
    clubs = ManyToMany("Club", "members")


class Club(Entity):  # type: ignore[misc]
    """What people join."""

    title = String()
    members = ManyToMany("Person", "clubs")


# It is looked up in by its metaclass, which has no types.
_people: Any = Person
_storages: dict[Path, Any] = {}


class KybraEntities:
    """A database without its audit and its log; what it stores, this process keeps."""

    def __init__(self, folder: Path) -> None:
        disable_logging()
        # Nothing closes one: its own tests begin anew like this.
        Database._instance = None
        Entity._context.clear()
        storage = _storages.setdefault(folder, MemoryStorage())
        Database.init(audit_enabled=False, db_storage=storage)

    def create(self, people: Iterable[Fields]) -> None:
        for fields in people:
            Person(**fields)

    def load(self, ids: Iterable[int]) -> Any:
        person = None
        for id_ in ids:
            person = _people[id_]
        return person

    def by_name(self, names: Iterable[str]) -> Any:
        person = None
        for name in names:
            person = _people[name]
        return person

    def find(self, ages: Iterable[int]) -> list[Any]:
        found: list[Any] = []
        for age in ages:
            found = Person.find({"age": age})
        return found

    def club(self) -> Any:
        return Club(title="A club")

    def join(self, club: Any, people: Sequence[Any]) -> None:
        for person in people:
            club.members.add(person)

    def join_singly(self, club: Any, people: Sequence[Any]) -> None:
        self.join(club, people)

    def members(self, club: Any) -> int:
        return len(club.members)

    def close(self) -> None:
        """Do nothing: it holds nothing open."""
