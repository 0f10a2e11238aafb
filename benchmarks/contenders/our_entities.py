"""Entities of Dynafile: the name is an alias, and the age has an index."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from people import Fields

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


class OurEntities:
    """A database with its default options, which are durable."""

    def __init__(self, folder: Path) -> None:
        self._db = Database.init(path=folder)
        # The first use of a type has its indexes made; the others make theirs here, too.
        Person.load(1)
        Club.load(1)

    def create(self, people: Iterable[Fields]) -> None:
        with self._db.transaction():
            for fields in people:
                Person(**fields)

    def load(self, ids: Iterable[int]) -> Any:
        person = None
        for id_ in ids:
            person = Person[id_]
        return person

    def by_name(self, names: Iterable[str]) -> Any:
        person = None
        for name in names:
            person = Person[name]
        return person

    def find(self, ages: Iterable[int]) -> list[Any]:
        found: list[Person] = []
        for age in ages:
            found = Person.find({"age": age})
        return found

    def club(self) -> Any:
        return Club(title="A club")

    def join(self, club: Any, people: Sequence[Any]) -> None:
        with self._db.transaction():
            for person in people:
                club.members.add(person)

    def join_singly(self, club: Any, people: Sequence[Any]) -> None:
        for person in people:
            club.members.add(person)

    def members(self, club: Any) -> int:
        return len(club.members)

    def close(self) -> None:
        self._db.close()
