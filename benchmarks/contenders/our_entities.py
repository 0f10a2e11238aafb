"""Entities of Dynafile: the name is an alias, and the age has an index."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from people import Fields

from contenders.kybra_api import KybraApi
from dynafile.entities import (
    Boolean,
    Database,
    Entity,
    Float,
    Integer,
    ManyToMany,
    String,
)


class Person(Entity):
    """Somebody."""

    __alias__ = "name"
    name = String()
    age = Integer(indexed=True)
    score = Float()
    active = Boolean()
    city = String()
    note = String()
    clubs: ManyToMany[Club] = ManyToMany("Club", "members")


class Club(Entity):
    """What people join."""

    title = String()
    members: ManyToMany[Person] = ManyToMany("Person", "clubs")


class OurEntities(KybraApi):
    """A database with its default options, which are durable."""

    def __init__(self, folder: Path) -> None:
        super().__init__(Person, Club)
        self._db = Database.init(path=folder)
        # The first use of a type has its indexes made; the others make theirs here, too.
        Person.load(1)
        Club.load(1)

    def create(self, people: Iterable[Fields]) -> None:
        with self._db.transaction():
            for fields in people:
                Person(**fields)

    def join(self, club: Any, people: Sequence[Any]) -> None:
        with self._db.transaction():
            self.join_singly(club, people)

    def close(self) -> None:
        self._db.close()
