"""peewee on SQLite: the name is unique, the age has an index, and members are rows of a table."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Final

from peewee import (
    BooleanField,
    CharField,
    FloatField,
    IntegerField,
    ManyToManyField,
    Model,
    SqliteDatabase,
)
from people import Fields

# As its documents recommend, but for the synchronous that these leave off: FULL syncs each commit.
_PRAGMAS: Final = {
    "journal_mode": "wal",
    "cache_size": -64_000,
    "foreign_keys": 1,
    "synchronous": "full",
}
_database = SqliteDatabase(None)


class Person(Model):
    """Somebody."""

    name = CharField(unique=True)
    age = IntegerField(index=True)
    score = FloatField()
    active = BooleanField()
    city = CharField()
    note = CharField()

    class Meta:
        """Where they are."""

        database = _database


class Club(Model):
    """What people join."""

    title = CharField()
    members = ManyToManyField(Person, backref="clubs")

    class Meta:
        """Where they are."""

        database = _database


_Membership: Any = Club.members.get_through_model()  # type: ignore[no-untyped-call]


class PeeweeEntities:
    """A database of SQLite in WAL mode."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        _database.init(str(folder / "people.sqlite"), pragmas=_PRAGMAS)
        _database.connect()
        _database.create_tables([Person, Club, _Membership])

    def create(self, people: Iterable[Fields]) -> None:
        with _database.atomic():
            for fields in people:
                Person.create(**fields)

    def load(self, ids: Iterable[int]) -> Any:
        person = None
        for id_ in ids:
            person = Person.get_by_id(id_)
        return person

    def by_name(self, names: Iterable[str]) -> Any:
        person = None
        for name in names:
            person = Person.get(Person.name == name)
        return person

    def find(self, ages: Iterable[int]) -> list[Any]:
        found: list[Any] = []
        for age in ages:
            found = list(Person.select().where(Person.age == age))
        return found

    def club(self) -> Any:
        return Club.create(title="A club")

    def join(self, club: Any, people: Sequence[Any]) -> None:
        with _database.atomic():
            for person in people:
                club.members.add(person)

    def join_singly(self, club: Any, people: Sequence[Any]) -> None:
        for person in people:
            club.members.add(person)

    def members(self, club: Any) -> int:
        return int(club.members.count())

    def close(self) -> None:
        _database.close()
