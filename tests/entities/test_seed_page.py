"""Kybra Simple DB: its page runs as written, with the import changed, and does what it says.

The snippets are the page's, line for line. Where the page contradicts the package it describes, or
itself, the test says so: what ``serialize`` gives for relations, and the two ``load_some`` lines.
"""

from __future__ import annotations

import builtins
import json
import re
import sys
from types import ModuleType
from typing import TYPE_CHECKING, Any

import pytest

from dynafile import entities
from dynafile.errors import DynafileError

if TYPE_CHECKING:
    from entities.conftest import Home

# What the snippets of the page take as imported.
GIVEN = """
from pprint import pprint
from dynafile.entities import *
"""

DEFINE = """
from dynafile.entities import (
    Database, Entity, String, Integer,
    OneToOne, OneToMany, ManyToOne, ManyToMany, TimestampedMixin
)

class Person(Entity, TimestampedMixin):
    __alias__ = "name"  # Use `name` as the alias field for lookup by `name`
    name = String(min_length=2, max_length=50)
    age = Integer(min_value=0, max_value=120)
    friends = ManyToMany("Person", "friends")
    mother = ManyToOne("Person", "children")
    children = OneToMany("Person", "mother")
    spouse = OneToOne("Person", "spouse")
"""

CREATE = """
# Create and save an object
john = Person(name="John", age=30)
"""

UPDATE = """
# Update an object's property
john.age = 33 # Type checking and validation happens automatically
"""

LOOK_UP = """
# use the `_id` property to load an entity with the [] operator
Person(name="Peter")
peter = Person["Peter"]
"""

DELETE = """
# Delete an object
peter.delete()
"""

RELATE = """
# Create relationships
alice = Person(name="Alice")
eva = Person(name="Eva")
john.mother = alice
assert john in alice.children
eva.friends = [alice]
assert alice in eva.friends
assert eva in alice.friends
"""

SERIALIZE = """
print(alice.serialize()) # Prints the dictionary representation of an object
"""

# The page prints 'children': '1', 'friends': '4'. No version of the package does: a to-many relation
# is a list, and what it names is the alias where the type has one.
SERIALIZED = (
    "{'timestamp_created': TIME, 'timestamp_updated': TIME, 'creator': 'system', "
    "'updater': 'system', 'owner': 'system', '_type': 'Person', '_id': '3', 'name': 'Alice', "
    "'age': None, 'children': ['John'], 'friends': ['Eva']}\n"
)

COUNT = """
assert Person.count() == 3
assert Person.max_id() == 4
assert Person.instances() == [john, alice, eva]
"""

# The page has load_some(0, 2) == [john, alice] and load_some(2, 2) == [eva], which the package
# refuses and denies: the first argument is an id, from 1.
LOAD_SOME = """
# Cursor-based pagination
assert Person.load_some(1, 2) == [john, alice]
assert Person.load_some(2, 2) == [alice, eva]
assert Person.load_some(4, 2) == [eva]
"""

DUMP = """
# Retrieve database contents in JSON format
print(Database.get_instance().dump_json(pretty=True))
"""

AUDIT = """
# Audit log
audit_records = Database.get_instance().get_audit(id_from=0, id_to=5)
pprint(audit_records['0'])
"""

AUDITED = """
['save',
 MILLISECONDS,
 'Person@1',
 {'_id': '1',
  '_type': 'Person',
  'age': 30,
  'creator': 'system',
  'name': 'John',
  'owner': 'system',
  'timestamp_created': TIME,
  'timestamp_updated': TIME,
  'updater': 'system'}]
""".lstrip()

APP_MODELS = """
class User(Entity):
    __namespace__ = "app"
    name = String()
    role = String()
"""

ADMIN_MODELS = """
class User(Entity):
    __namespace__ = "admin"
    name = String()
    permissions = String()
"""

NAMESPACES = """
from app.models import User as AppUser
from admin.models import User as AdminUser

app_user = AppUser(name="Alice", role="developer") # Stored as "app::User"
admin_user = AdminUser(name="Bob", permissions="all") # Stored as "admin::User"

# Each namespace has isolated ID sequences and storage
assert app_user._id == "1"
assert admin_user._id == "1"
"""

HOOKS = """
from dynafile.entities import Entity, String, ACTION_MODIFY

class User(Entity):
    name = String()
    email = String()

    @staticmethod
    def on_event(entity, field_name, old_value, new_value, action):
        # Validate email format
        if field_name == "email" and "@" not in new_value:
            return False, None # Reject invalid email

        # Auto-capitalize names
        if field_name == "name":
            return True, new_value.upper()

        return True, new_value

user = User(name="alice", email="alice@example.com")
assert user.name == "ALICE" # Auto-capitalized
"""

ACCESS = """
from dynafile.entities import Database, Entity, String, ACTION_MODIFY, ACTION_DELETE
from dynafile.entities.mixins import TimestampedMixin
from dynafile.entities.context import get_caller_id

class Document(Entity, TimestampedMixin):
    title = String()

    @staticmethod
    def on_event(entity, field_name, old_value, new_value, action):
        caller = get_caller_id()

        # Only owner can modify or delete
        if action in (ACTION_MODIFY, ACTION_DELETE):
            if entity._owner != caller:
                return False, None

        return True, new_value

db = Database.get_instance()

# Alice creates a document
with db.as_user("alice"):
    doc = Document(title="My Doc") # Owner: alice
"""

TRESPASS = """
# Bob cannot modify Alice's document
with db.as_user("bob"):
    doc.title = "Hacked" # Raises ValueError
"""

REFERENCE = {
    "entities": """
        Database Entity String Integer Float Boolean OneToOne OneToMany ManyToOne ManyToMany
        TimestampedMixin ACTION_CREATE ACTION_MODIFY ACTION_DELETE Storage MemoryStorage SystemTime
    """,
    "entities.context": "get_caller_id set_caller_id",
    "entities.mixins": "TimestampedMixin",
}


class Page:
    """The page as a program: snippets run in the order of the page, over one set of names."""

    def __init__(self) -> None:
        self.names: dict[str, Any] = {"__name__": "page"}
        self.run(GIVEN)

    def run(self, *snippets: str) -> None:
        for snippet in snippets:
            exec(snippet, self.names)

    def __getitem__(self, name: str) -> Any:
        return self.names[name]


@pytest.fixture
def page(home: Home) -> Page:
    return Page()


@pytest.fixture
def related(page: Page) -> Page:
    """The page up to its relations."""
    page.run(DEFINE, CREATE, UPDATE, LOOK_UP, DELETE, RELATE)
    return page


def timeless(text: str) -> str:
    """Put words in the place of times."""
    text = re.sub(r"'\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3}'", "TIME", text)
    return re.sub(r"\b\d{13}\b", "MILLISECONDS", text)


def test_storage_is_the_map_that_was_given() -> None:
    """``Database.init(db_storage=storage)``, where the page's storage is a canister's stable map."""
    storage = entities.MemoryStorage()
    db = entities.Database.init(db_storage=storage)
    try:
        assert db is entities.Database.get_instance()
        Page().run(DEFINE, CREATE)
        assert list(storage.keys())
    finally:
        db.close()


def test_objects_are_created_and_saved(page: Page) -> None:
    page.run(DEFINE, CREATE)
    john, people = page["john"], page["Person"]
    assert (john._type, john._id, john.name, john.age) == ("Person", "1", "John", 30)
    assert people["1"] is people[1] is people["John"] is people["name", "John"] is john


@pytest.mark.parametrize(
    ("field", "value", "kind"),
    [
        ("age", "old", TypeError),
        ("age", True, TypeError),
        ("age", -1, ValueError),
        ("age", 121, ValueError),
        ("name", 7, TypeError),
        ("name", "J", ValueError),
        ("name", "J" * 51, ValueError),
    ],
)
def test_types_are_checked_automatically(
    page: Page, field: str, value: object, kind: type[Exception]
) -> None:
    page.run(DEFINE, CREATE, UPDATE)
    john = page["john"]
    with pytest.raises(kind) as refused:
        setattr(john, field, value)
    assert isinstance(refused.value, DynafileError)
    assert (john.name, john.age) == ("John", 33)


def test_objects_are_found_by_alias_and_deleted(page: Page) -> None:
    page.run(DEFINE, CREATE, UPDATE, LOOK_UP)
    people = page["Person"]
    assert page["peter"].name == "Peter"
    assert people[page["peter"]._id] is page["peter"]
    page.run(DELETE)
    assert people["Peter"] is None
    assert people["2"] is None
    assert people.count() == 1


def test_relations_have_two_ends(related: Page) -> None:
    john, alice, eva = related["john"], related["alice"], related["eva"]
    assert john.mother is alice
    assert list(alice.children) == [john]
    assert list(alice.friends) == [eva]
    assert list(eva.friends) == [alice]
    assert len(john.children) == 0
    assert alice.spouse is None


def test_serialize_prints(related: Page, capsys: pytest.CaptureFixture[str]) -> None:
    related.run(SERIALIZE)
    assert timeless(capsys.readouterr().out) == SERIALIZED
    assert related["john"].serialize()["mother"] == "Alice"


def test_objects_are_counted_and_listed(related: Page) -> None:
    related.run(COUNT)


def test_some_are_loaded_from_an_id_on(related: Page) -> None:
    related.run(LOAD_SOME)
    with pytest.raises(ValueError, match="from_id"):
        related["Person"].load_some(0, 2)


def test_dump_prints(related: Page, capsys: pytest.CaptureFixture[str]) -> None:
    related.run(DUMP)
    printed = capsys.readouterr().out
    assert printed.startswith('{\n  "')
    dumped = json.loads(printed)["Person"]
    assert list(dumped) == ["1", "3", "4"]
    for name in ("john", "alice", "eva"):
        entity = related[name]
        assert entity.serialize().items() <= dumped[entity._id].items()
    assert json.loads(related["Database"].get_instance().dump_json())["Person"] == dumped


def test_audit_prints(related: Page, capsys: pytest.CaptureFixture[str]) -> None:
    related.run(AUDIT)
    assert timeless(capsys.readouterr().out) == AUDITED
    assert list(related["audit_records"]) == ["0", "1", "2", "3", "4"]


def test_namespaces_are_apart(page: Page, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, source in {"app": APP_MODELS, "admin": ADMIN_MODELS}.items():
        models = ModuleType(f"{name}.models")
        exec(GIVEN + source, models.__dict__)
        monkeypatch.setitem(sys.modules, name, ModuleType(name))
        monkeypatch.setitem(sys.modules, f"{name}.models", models)
    page.run(NAMESPACES)
    assert page["app_user"]._type == "app::User"
    assert page["admin_user"]._type == "admin::User"
    assert page["app_user"] != page["admin_user"]
    assert page["AppUser"].instances() == [page["app_user"]]
    assert page["AdminUser"]["1"] is page["admin_user"]
    assert {"app::User", "admin::User"} <= json.loads(
        page["Database"].get_instance().dump_json()
    ).keys()


def test_hooks_change_and_reject(page: Page) -> None:
    page.run(HOOKS)
    user, users = page["user"], page["User"]
    user.name = "eva"
    assert user.name == "EVA"
    with pytest.raises(ValueError, match="email"):
        user.email = "nobody"
    assert user.email == "alice@example.com"
    with pytest.raises(ValueError, match="email"):
        users(name="bob", email="nobody")
    assert users.instances() == [user]
    assert users(name="bob").email is None


def test_only_the_owner_may_change(page: Page) -> None:
    page.run(ACCESS)
    doc, db = page["doc"], page["db"]
    assert doc._owner == "alice"
    with pytest.raises(ValueError, match="title"):
        page.run(TRESPASS)
    assert page["get_caller_id"]() == "system"
    assert doc.title == "My Doc"
    with db.as_user("bob"), pytest.raises(PermissionError):
        doc.delete()
    with db.as_user("alice"):
        doc.title = "Mine"
        assert page["Document"]["1"].title == "Mine"
        doc.delete()
    assert page["Document"].count() == 0


@pytest.mark.parametrize("module", REFERENCE)
def test_reference_names_are_there(module: str) -> None:
    found: dict[str, Any] = {}
    exec(f"from dynafile.{module} import {', '.join(REFERENCE[module].split())}", found)
    if module == "entities":
        everything: dict[str, Any] = {}
        exec("from dynafile.entities import *", everything)
        assert {*REFERENCE[module].split(), "EntityStore"} <= everything.keys()
        assert not (everything.keys() - {"__builtins__"}) & vars(builtins).keys()
    assert (entities.ACTION_CREATE, entities.ACTION_MODIFY, entities.ACTION_DELETE) == (
        "create",
        "modify",
        "delete",
    )
    assert entities.EntityStore is entities.Database
