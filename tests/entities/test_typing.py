"""What a type checker knows of entities, in strict programs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from api.test_aio_types import checked

if TYPE_CHECKING:
    from pathlib import Path

PROGRAM = """
import datetime as dt
import decimal
import enum
from collections.abc import Iterator
from typing import Any, assert_type

from dynafile.entities import *
from dynafile.entities import (
    JSON, AuditEntry, Bytes, Date, DateTime, Decimal, Enumeration, Plan, Query, RelationList, Time,
)

class Color(enum.Enum):
    RED = 1

class Person(Entity, TimestampedMixin):
    __alias__ = "name"
    name = String(min_length=2, max_length=50)
    age = Integer(default=0, indexed=True)
    score = Float()
    active = Boolean(default=True)
    paid = Decimal()
    photo = Bytes()
    tags = JSON()
    seen = DateTime()
    born = Date()
    wakes = Time()
    color = Enumeration(Color)
    friends = ManyToMany["Person"]("Person", "friends")
    spouse = OneToOne["Person"]("Person", "spouse")
    cats = OneToMany["Cat"]("Cat", "keeper")
    anything = ManyToMany("Person", "anything")

class Cat(Entity):
    keeper = ManyToOne(Person, "cats")

    @staticmethod
    def on_event(entity: Any, field_name: str | None, old: Any, new: Any, action: str) -> bool:
        return action == ACTION_CREATE

def main(person: Person, cat: Cat) -> None:
    assert_type(person.name, str)
    assert_type(person.age, int)
    assert_type(person.score, float)
    assert_type(person.active, bool)
    assert_type(person.paid, decimal.Decimal)
    assert_type(person.photo, bytes)
    assert_type(person.tags, Any)
    assert_type(person.seen, dt.datetime)
    assert_type(person.born, dt.date)
    assert_type(person.wakes, dt.time)
    assert_type(person.color, Color)
    assert_type(Person.age, Integer)
    assert_type(person.friends, RelationList[Person])
    assert_type(person.anything, RelationList[Any])
    assert_type(list(person.friends), list[Person])
    assert_type(person.spouse, Person | None)
    assert_type(cat.keeper, Person | None)
    assert_type([each.keeper for each in person.cats], list[Person | None])
    assert_type(Person["1"], Person | None)
    assert_type(Person[1], Person | None)
    assert_type(Person["name", "Ann"], Person | None)
    assert_type(Person.load("1"), Person | None)
    assert_type(Person.where(age__gt=30).order_by("age").limit(3), Query[Person])
    assert_type(Person.where(age=3).first(), Person | None)
    assert_type(Person.where(age=3).all(), list[Person])
    assert_type(Person.where(age=3).explain(), Plan)
    assert_type([each for each in Person.where()], list[Person])
    assert_type(Person.find({"age": 3}), list[Person])
    assert_type(Person.instances(), list[Person])
    assert_type(Person.load_some(1, 2), list[Person])
    assert_type(Person.count(), int)
    assert_type(Person.new(name="Ann"), Person)
    assert_type(person._id, str)
    assert_type(person.timestamp_created, str)
    person.age = 3
    person.age = None
    person.spouse = None
    person.spouse = "Ann"
    person.friends = [person, "Bob"]
    person.friends.add("Bob")
    person.cats = [cat]
    cat.keeper = person
    person.friends.remove(person)
    assert_type(len(person.friends), int)
    person.set_owner("bob")

def store(db: Database) -> None:
    with Database.init(path="./db") as entered, db.as_user("ann"), db.transaction():
        assert_type(entered, Database)
    assert_type(db.audit(user="ann"), Iterator[AuditEntry])
    assert_type(db.get_audit(1, 2), dict[str, list[Any]])
    assert_type(db.run_transaction(lambda: 3), int)
    assert_type(db.dump_json(pretty=True), str)
    EntityStore(db_storage=MemoryStorage(), db_audit=MemoryStorage())
    SystemTime.get_instance().set_time(3)

def wrong(person: Person, cat: Cat) -> None:
    person.age = "3"  # E: assignment
    person.name = 3  # E: assignment
    cat.keeper.name  # E: union-attr
    Person["1"].name  # E: union-attr
    person.friends.add(3.5)  # E: arg-type
    Integer(default="x")  # E: arg-type
    person.spouse = 3.5  # E: assignment
    person.spouse = cat  # E: assignment
    person.cats = [person]  # E: list-item
    String(max_value=3)  # E: call-arg
    person.nope  # E: attr-defined
    Person.nope()  # E: attr-defined
    Person[1.5]  # E: index
"""


def test_mypy_knows_the_types(tmp_path: Path) -> None:
    lines = ["", *PROGRAM.splitlines()]
    expected = {
        (number + 1, line.split("# E: ")[1]) for number, line in enumerate(lines) if "# E: " in line
    }
    assert checked(tmp_path, PROGRAM) == expected
