"""What Kybra Simple DB 0.6.2 really wrote, imported: what comes over, and what is said to be odd.

The dumps are those of the programs that ``relations`` and ``namespaces`` tell of, in its own words.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from entities.conftest import Home

from dynafile.entities import (
    Boolean,
    Database,
    Entity,
    Float,
    Integer,
    ManyToMany,
    ManyToOne,
    MemoryStorage,
    OneToMany,
    OneToOne,
    String,
    TimestampedMixin,
)
from dynafile.errors import DynafileError

FIXTURES = Path(__file__).parents[1] / "fixtures" / "kybra"


def read(name: str) -> str:
    return (FIXTURES / f"{name}.json").read_text(encoding="utf-8")


def relations() -> tuple[Any, Any, Any]:
    """Alice made Ann, and 1, whose alias is Ann's id and whose mother is Ann.

    A second later Bob made himself and Cid, his spouse and friend, and his pets Tom, a Cat, and Rex,
    a Dog; both are the first of their types. A Cat, Kit, is nobody's.
    """

    class Person(Entity, TimestampedMixin):
        __alias__ = "name"
        name = String()
        age = Integer()
        mother = ManyToOne("Person", "children")
        children = OneToMany("Person", "mother")
        spouse = OneToOne("Person", "spouse")
        friends = ManyToMany("Person", "friends")
        pets = OneToMany(["Cat", "Dog"], "owner_of")

    class Cat(Entity):
        name = String()
        owner_of = ManyToOne("Person", "pets")

    class Dog(Entity):
        name = String()
        weight = Float()
        owner_of = ManyToOne("Person", "pets")

    return Person, Cat, Dog


def namespaces() -> tuple[Any, Any]:
    """Ann has DE1, and was renamed to Anna; Bob, of id b-1, has DE2 and is her best friend.

    Gone had DE3 and was deleted; so was the last user, of id 3. Ann has an attribute that is no field.
    """

    class User(Entity):
        __namespace__ = "app"
        __alias__ = "name"
        name = String()
        accounts = OneToMany("bank::Account", "holder")
        best = OneToOne("app::User", "best")

    class Account(Entity):
        __namespace__ = "bank"
        __alias__ = "number"
        number = String()
        open = Boolean(default=True)
        holder = ManyToOne("app::User", "accounts")

    return User, Account


def test_relations(home: Home) -> None:
    person, cat, dog = relations()
    found = home.db.load_kybra_json(read("relations"))
    assert found.odd == []
    ann, two, bob, cid = person.instances()
    assert [one.name for one in (ann, two, bob, cid)] == ["Ann", "1", "Bob", "Cid"]
    assert (ann.age, cid.age) == (50, None)
    assert person["1"] is ann  # an id comes first
    assert person["name", "1"] is two
    assert two.mother is ann
    assert list(ann.children) == [two]
    assert (bob.spouse, cid.spouse, ann.spouse) == (cid, bob, None)
    assert (list(bob.friends), list(cid.friends)) == ([cid], [bob])
    tom, kit, rex = cat["1"], cat["2"], dog["1"]
    assert list(bob.pets) == [tom, rex]
    assert (tom.owner_of, rex.owner_of, kit.owner_of) == (bob, bob, None)
    assert rex.weight == 3.5
    assert len(bob.pets) == 2
    assert (ann._owner, bob._creator, bob._updater) == ("alice", "bob", "bob")
    assert ann.timestamp_created == "2025-04-08 18:52:22.934"
    assert ann._timestamp_updated == 1744138343934
    assert (person.count(), cat.count(), dog.count()) == (4, 2, 1)
    assert (person()._id, cat()._id) == ("5", "3")


def test_what_was_imported_is_stored(lasting: Home) -> None:
    person, *_ = relations()
    lasting.db.load_kybra_json(read("relations"))
    before = lasting.db.dump_json()
    lasting.reopen()
    assert lasting.db.dump_json() == before
    with lasting.db.as_user("mallory"), pytest.raises(PermissionError):
        person["Ann"].age = 3
    with lasting.db.as_user("alice"):
        person["Ann"].age = 51


def test_times_are_of_the_zone_that_is_given(home: Home) -> None:
    person, *_ = relations()
    home.db.load_kybra_json(read("relations"), tz=ZoneInfo("Europe/Berlin"))
    assert person["Ann"]._timestamp_created == 1744138342934 - 2 * 3600 * 1000


def test_namespaces_old_names_and_links_to_nothing(home: Home) -> None:
    """A link by the name that somebody had before was dropped."""
    user, account = namespaces()
    found = home.db.load_kybra_json(read("namespaces"))
    assert sorted(found.odd) == [
        "app::User@1: 'extra' is no field of app::User, and was left out",
        "bank::Account@3.holder: there is no 'Gone'; the link was dropped",
    ]
    anna, bob = user["1"], user["b-1"]
    assert (anna.name, bob.name, user["Gone"], user["Ann"]) == ("Anna", "Bob", None, None)
    assert (anna.best, bob.best) == (bob, anna)
    assert [account[name].holder for name in ("DE1", "DE2", "DE3")] == [anna, bob, None]
    assert [one.number for one in anna.accounts] == ["DE1"]
    assert all(one.open is True for one in account.instances())
    assert (user.count(), user.max_id(), user()._id) == (2, 3, "4")


def test_an_import_that_fails_changes_nothing(home: Home) -> None:
    person, *_ = relations()
    raw = json.loads(read("relations"))
    person(name="Bob")
    for text in (
        read("relations"),
        json.dumps({**raw, "Nope@1": "{}"}),
        json.dumps({**raw, "Person@9": '{"name": 5}'}),
        json.dumps({"Person@9": {"name": "x"}}),
        json.dumps({"Person@9": "{"}),
        "[]",
        "",
    ):
        with pytest.raises(ValueError, match=".") as caught:
            home.db.load_kybra_json(text)
        assert isinstance(caught.value, DynafileError)
    assert [one.name for one in person.instances()] == ["Bob"]


def test_its_storage_is_not_taken_for_ours() -> None:
    storage = MemoryStorage()
    for key, value in json.loads(read("relations")).items():
        storage.insert(key, value)
    with pytest.raises(ValueError, match="load_kybra_json"):
        Database(db_storage=storage)
