"""What users of Kybra Simple DB know beyond its page, and what it gets wrong, which is right here.

A docstring that begins with "The seed" says what Kybra Simple DB 0.6.2 does instead.
"""

from __future__ import annotations

import asyncio
import gc
import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

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
    SystemTime,
    TimestampedMixin,
)
from dynafile.entities.context import get_caller_id, set_caller_id
from dynafile.errors import DynafileError

if TYPE_CHECKING:
    from pathlib import Path

NOON = 1_744_138_342_934


class Member(Entity):
    __alias__ = "name"
    name = String(min_length=2, max_length=20)
    age = Integer(min_value=0, default=18)
    score = Float(max_value=1.0)
    active = Boolean()
    friends = ManyToMany("Member", "friends")
    boss = ManyToOne("Member", "reports")
    reports = OneToMany("Member", "boss")
    partner = OneToOne("Member", "partner")


class Folder(Entity, TimestampedMixin):
    title = String()
    notes = OneToMany(["Note", "Sketch"], "folder")


class Note(Entity, TimestampedMixin):
    text = String()
    folder = ManyToOne("Folder", "notes")


class Sketch(Entity, TimestampedMixin):
    size = Integer()
    folder = ManyToOne("Folder", "notes")


class Watched(Entity, TimestampedMixin):
    """Its hook notes what it is called with, and does what the test says."""

    name = String(default="nobody")
    slug = String()
    above = ManyToOne("Watched", "below")
    below = OneToMany("Watched", "above")

    calls: list[tuple[Any, ...]] = []  # noqa: RUF012 - one list for all tests, emptied by `watched`
    answer: Any = True

    @staticmethod
    def on_event(entity: Any, field_name: Any, old: Any, new: Any, action: str) -> Any:
        Watched.calls.append((field_name, old, new, action))
        answer = Watched.answer
        return answer(entity, field_name, new) if callable(answer) else answer


@pytest.fixture
def watched() -> Iterator[type[Watched]]:
    Watched.calls.clear()
    yield Watched
    Watched.answer = True


@contextmanager
def refused(kind: type[Exception] | tuple[type[Exception], ...]) -> Iterator[None]:
    """Expect an error of the kind that is an error of Dynafile also."""
    with pytest.raises(kind) as caught:
        yield
    assert isinstance(caught.value, DynafileError)


def four() -> dict[str, Member]:
    return {name[0].lower(): Member(name=name) for name in ("Ann", "Bob", "Cid", "Dan")}


def links() -> set[str]:
    """Return the relations between members, after comparing both ends of each."""
    members = Member.instances()
    found = set()
    for one in members:
        for other in one.friends:
            assert one in other.friends
            found.add("-friends-".join(sorted([one.name, other.name])))
        if one.partner is not None:
            assert one.partner.partner is one
            found.add("-partner-".join(sorted([one.name, one.partner.name])))
        for report in one.reports:
            assert report.boss is one
        if one.boss is not None:
            assert one in one.boss.reports
            found.add(f"{one.name}-boss-{one.boss.name}")
        assert len(one.reports) == len(list(one.reports))
    return found


# Statements over the members a, b, c and d, and the relations that they leave.
LINKS = [
    ("a.partner = b", {"Ann-partner-Bob"}),
    ("a.partner = 'Dan'", {"Ann-partner-Dan"}),
    ("a.partner = '2'", {"Ann-partner-Bob"}),
    ("a.partner = 2", {"Ann-partner-Bob"}),
    ("a.partner = None", set()),
    ("a.partner = b; a.partner = b", {"Ann-partner-Bob"}),
    ("a.partner = b; b.partner = None", set()),
    ("a.partner = b; c.partner = b", {"Bob-partner-Cid"}),
    ("a.partner = b; c.partner = d; a.partner = d", {"Ann-partner-Dan"}),
    ("a.partner = b; b.delete()", set()),
    ("a.boss = b; c.boss = 'Bob'", {"Ann-boss-Bob", "Cid-boss-Bob"}),
    ("a.boss = b; a.boss = c", {"Ann-boss-Cid"}),
    ("a.boss = b; a.boss = None", set()),
    ("a.boss = b; b.delete()", set()),
    ("a.boss = b; a.delete()", set()),
    ("b.reports = [a, a, 'Cid']", {"Ann-boss-Bob", "Cid-boss-Bob"}),
    ("b.reports = [a]; c.reports = [a]", {"Ann-boss-Cid"}),
    ("b.reports = [a, d]; b.reports = [c, d]", {"Cid-boss-Bob", "Dan-boss-Bob"}),
    ("b.reports = [a, c]; d.reports.add('Ann')", {"Ann-boss-Dan", "Cid-boss-Bob"}),
    ("b.reports = [a, c]; b.reports.remove('Ann')", {"Cid-boss-Bob"}),
    ("b.reports = [a, c]; b.reports.remove(d)", {"Ann-boss-Bob", "Cid-boss-Bob"}),
    ("b.reports = [a, c]; b.reports = ()", set()),
    ("b.reports = [a, c]; b.delete()", set()),
    ("a.friends = [b, c]", {"Ann-friends-Bob", "Ann-friends-Cid"}),
    ("a.friends = b", {"Ann-friends-Bob"}),
    ("a.friends = 'Bob'", {"Ann-friends-Bob"}),
    ("a.friends.add(b); a.friends.add('2'); b.friends.add('Ann')", {"Ann-friends-Bob"}),
    ("a.friends = [b, c]; a.friends = [c, d]", {"Ann-friends-Cid", "Ann-friends-Dan"}),
    ("a.friends = [b, c]; b.friends.remove(a)", {"Ann-friends-Cid"}),
    ("a.friends = [b, c]; a.friends = []", set()),
    ("a.friends = [b, c]; b.delete()", {"Ann-friends-Cid"}),
]


@pytest.mark.parametrize(("statements", "expected"), LINKS)
def test_both_ends_of_a_relation_agree(lasting: Home, statements: str, expected: set[str]) -> None:
    """The seed cannot set None, corrupts what it moves, leaves dangling ends and loads none of them."""
    exec(statements, dict(four()))
    assert links() == expected
    lasting.reopen()
    assert links() == expected


REFUSED_LINKS = [
    ("a.partner = [b]", ValueError),
    ("a.partner = 'Zed'", ValueError),
    ("a.partner = 1.5", TypeError),
    ("a.partner = folder", TypeError),
    ("a.boss = [c]", ValueError),
    ("a.boss = 'Zed'", ValueError),
    ("a.boss = a", ValueError),
    ("b.boss = a", ValueError),
    ("b.boss = d; d.boss = a", ValueError),
    ("a.reports.add(b)", ValueError),
    ("a.reports = c", TypeError),
    ("a.reports = [c, 'Zed']", ValueError),
    ("a.friends = 1.5", TypeError),
    ("a.friends = [d, 'Zed']", ValueError),
    ("a.friends = [d, folder]", TypeError),
    ("a.friends.add(None)", TypeError),
    ("a.friends.add(folder)", TypeError),
    ("a.friends.add('Zed')", ValueError),
]


@pytest.mark.parametrize(("statements", "kind"), REFUSED_LINKS)
def test_a_refused_relation_changes_nothing(
    home: Home, statements: str, kind: type[Exception]
) -> None:
    members = {**four(), "folder": Folder(title="papers")}
    exec("a.boss = b; a.partner = c; a.friends = [b, c]", members)
    *allowed, last = statements.split("; ")
    exec("; ".join(allowed), members)
    before, stored = links(), home.db.dump_json()
    with refused(kind):
        exec(last, members)
    assert links() == before
    assert home.db.dump_json() == stored


def test_relations_are_given_at_creation(home: Home) -> None:
    members = four()
    Member(name="Eve", boss=members["a"], friends=["Bob"], partner="3", reports=[])
    assert links() == {"Eve-boss-Ann", "Bob-friends-Eve", "Cid-partner-Eve"}
    Member(name="Fay", boss=None)
    with refused(ValueError):
        Member(name="Gus", friends=["Bob", "Zed"])
    assert Member["Gus"] is None
    assert len(Member["Bob"].friends) == 1


def test_a_relation_of_several_types_keeps_them_apart(lasting: Home) -> None:
    """The seed names both ends by their ids, which are equal, and loads neither."""
    folder = Folder(title="papers")
    folder.notes = [Note(text="a"), Sketch(size=1)]
    assert folder.serialize()["notes"] == ["1", "1"]
    lasting.reopen()
    assert [(one._type, one._id) for one in Folder["1"].notes] == [("Note", "1"), ("Sketch", "1")]
    assert Sketch["1"].folder is Note["1"].folder is Folder["1"]


def test_a_subclass_is_related_as_its_base_is(home: Home) -> None:
    """The seed takes the name of the class only."""

    class Diary(Note):
        day = Integer()

    folder = Folder(title="papers")
    Diary(day=1).folder = folder
    assert [one._type for one in folder.notes] == ["Diary"]


def test_a_relation_list_is_a_view(home: Home) -> None:
    a, b, c, d = four().values()
    friends = a.friends
    assert (len(friends), bool(friends), list(friends)) == (0, False, [])
    a.friends = [d, b]
    friends.add(c)
    assert (len(friends), bool(friends)) == (3, True)
    assert {one.name for one in friends} == {"Bob", "Cid", "Dan"}
    assert b in friends
    assert a not in friends
    assert 5 not in friends


def test_iterating_a_relation_list_survives_its_changes(home: Home) -> None:
    """The seed skips every other one."""
    a, *others = four().values()
    a.friends = others
    for other in a.friends:
        a.friends.remove(other)
    assert len(a.friends) == 0


@pytest.mark.parametrize(
    ("there", "kind"),
    [("nowhere", None), ("one", OneToOne("Left", "other")), ("one", ManyToMany("Left", "other"))],
)
def test_a_reverse_that_does_not_match_is_refused_with_the_class(there: str, kind: Any) -> None:
    """The seed says so when the relation is first set."""

    class Left(Entity):
        other = ManyToOne("Right", there)

    with refused((TypeError, ValueError)):
        type("Right", (Entity,), {} if kind is None else {"one": kind})


BAD_VALUES = [
    ("name", 5, TypeError),
    ("name", b"Zoe", TypeError),
    ("name", "Z", ValueError),
    ("name", "Z" * 21, ValueError),
    ("age", True, TypeError),
    ("age", 1.5, TypeError),
    ("age", -1, ValueError),
    ("score", "high", TypeError),
    ("score", True, TypeError),
    ("score", 1.5, ValueError),
    ("score", float("nan"), ValueError),
    ("active", 1, TypeError),
]


@pytest.mark.parametrize(("field", "value", "kind"), BAD_VALUES)
def test_a_bad_value_changes_nothing(
    home: Home, field: str, value: object, kind: type[Exception]
) -> None:
    """The seed takes True for an Integer, refuses 5 for a Float, and stores what is not a number."""
    ann = Member(name="Ann", age=30, score=0.5, active=True)
    before, stored = ann.serialize(), home.db.dump_json()
    with refused(kind):
        setattr(ann, field, value)
    assert ann.serialize() == before
    assert home.db.dump_json() == stored


@pytest.mark.parametrize(("field", "value", "kind"), BAD_VALUES)
def test_a_refused_creation_leaves_no_ghost(
    home: Home, field: str, value: object, kind: type[Exception]
) -> None:
    """The seed counts and lists what it refused."""
    ann = Member(name="Ann")
    with refused(kind):
        Member(**{"boss": ann, "name": "Zoe", field: value})
    assert (Member.count(), Member.instances(), list(ann.reports)) == (1, [ann], [])
    assert Member["Zoe"] is None


def test_an_unknown_field_is_refused(home: Home) -> None:
    """The seed keeps it as an attribute."""
    with refused((TypeError, ValueError)):
        Member(name="Ann", nickname="A")
    with refused((TypeError, ValueError)):
        Member.deserialize({"_type": "Member", "name": "Ann", "nickname": "A"})
    assert Member.count() == 0


def test_values_and_defaults(home: Home) -> None:
    ann = Member(name="Ann", score=1)
    assert (ann.age, ann.active, ann.partner) == (18, None, None)
    assert isinstance(ann.score, float)
    ann.age = None
    assert ann.age is None
    assert isinstance(Member.age, Integer)


def test_ids_are_never_used_again(lasting: Home) -> None:
    assert [one._id for one in four().values()] == ["1", "2", "3", "4"]
    Member["4"].delete()
    assert (Member.max_id(), Member.count()) == (4, 3)
    lasting.reopen()
    assert (Member.max_id(), Member.count()) == (4, 3)
    assert Member(name="Eve")._id == "5"


def test_own_ids(lasting: Home) -> None:
    """The seed keeps 20 as an int, and does not list an id that is no number."""
    assert Member(_id="10", name="Ann")._id == "10"
    assert Member(name="Bob")._id == "11"
    assert Member(_id=20, name="Cid")._id == "20"
    assert Member(_id="x@y", name="Dan")._id == "x@y"
    for taken in ("10", 11, "x@y"):
        with refused(ValueError):
            Member(_id=taken, name="Eve")
    lasting.reopen()
    assert {one._id for one in Member.instances()} == {"10", "11", "20", "x@y"}
    assert Member["x@y"].name == "Dan"
    assert (Member.count(), Member.max_id()) == (4, 20)
    assert Member["Eve"] is None


def test_lookup_takes_the_id_first(home: Home) -> None:
    ann, bob = Member(_id="Bob", name="Ann"), Member(name="Bob")
    assert Member["Bob"] is ann
    assert Member["name", "Bob"] is bob
    assert Member.load("Bob") is ann
    assert Member.load("Ann") is None
    for absent in ("Zed", 99, ("name", "Zed")):
        assert Member[absent] is None


def test_an_alias_moves_with_its_value(lasting: Home) -> None:
    """The seed keeps the old one, and gives an alias to whoever asked last."""
    ann, bob = Member(name="Ann"), Member(name="Bob")
    ann.name = "An@a"
    assert Member["Ann"] is None
    assert Member["An@a"] is ann
    with refused(ValueError):
        bob.name = "An@a"
    with refused(ValueError):
        Member(name="Bob")
    bob.name = "Bob"
    assert bob.name == "Bob"
    bob.delete()
    ann.name = "Bob"
    assert Member["Bob"] is ann
    ann.name = None
    assert Member["Bob"] is None
    lasting.reopen()
    assert Member["Bob"] is Member["An@a"] is None
    assert Member.count() == 1


def test_one_record_is_one_object(lasting: Home) -> None:
    ann = Member(name="Ann")
    bob = Member(name="Bob", boss=ann)
    assert Member["1"] is Member.load("1") is Member.find({"name": "Ann"})[0] is bob.boss is ann
    lasting.reopen()
    loaded = Member["Ann"]
    assert loaded is Member["2"].boss is Member.instances()[0]
    assert loaded == loaded
    assert loaded != Member["2"]
    assert len({loaded, Member["1"]}) == 1


def test_instances_find_and_load_some(home: Home) -> None:
    members = [Member(name=f"Member {number}", age=number % 3) for number in range(1, 14)]
    members[1].delete()
    del members[1]
    assert Member.instances() == members
    assert Member.find({}) == members
    assert Member.find({"age": 1, "name": "Member 4"}) == [Member["4"]]
    assert Member.find({"age": 7}) == []
    assert Member.load_some(1) == members[:10]
    assert Member.load_some(2, 2) == members[1:3]
    assert Member.load_some(14, 5) == []
    for wrong in ((0, 2), (-1, 2), (1, 0)):
        with refused(ValueError):
            Member.load_some(*wrong)


def test_instances_have_those_of_subclasses(lasting: Home) -> None:
    class Shape(Entity):
        size = Integer()

    class Circle(Shape):
        radius = Integer()

    shape, circle = Shape(size=1), Circle(size=1, radius=2)
    assert (shape._id, circle._id, circle._type) == ("1", "1", "Circle")
    assert Shape.instances() == Shape.find({"size": 1}) == [shape, circle]
    assert Circle.instances() == [circle]
    assert list(circle.serialize()) == ["_type", "_id", "size", "radius"]
    lasting.reopen()
    assert [one._type for one in Shape.instances()] == ["Shape", "Circle"]


def test_deleting_twice_is_refused(home: Home) -> None:
    """The seed raises the KeyError of its storage, and saves what was deleted when it is changed."""
    ann = Member(name="Ann")
    ann.delete()
    with pytest.raises(DynafileError):
        ann.delete()
    with pytest.raises(DynafileError):
        ann.age = 3
    assert (Member.count(), Member["1"]) == (0, None)


def test_serialize_names_what_is_related(home: Home) -> None:
    a, b, c, _ = four().values()
    a.boss, a.friends, c.name = b, [b, c], None
    assert a.serialize() == {
        "_type": "Member",
        "_id": "1",
        "name": "Ann",
        "age": 18,
        "score": None,
        "active": None,
        "friends": ["Bob", "3"],
        "boss": "Bob",
    }
    assert b.serialize()["reports"] == ["Ann"]
    assert "boss" not in b.serialize()


def test_what_serialize_names_is_found_by_that_name(home: Home) -> None:
    """The seed gives an alias that is another's id, and on the next load relates that other."""
    Member(_id="Bob", name="Zoe")
    bob = Member(name="Bob")
    ann = Member(name="Ann", friends=[bob], boss=bob)
    (friend,) = ann.serialize()["friends"]
    assert Member[friend] is Member[ann.serialize()["boss"]] is bob


DESERIALIZED = [
    ({"_type": "Member", "_id": "1", "age": 5}, "1", "Ann", 5),
    ({"_type": "Member", "name": "Ann", "age": 6}, "1", "Ann", 6),
    ({"_type": "Member", "_id": "1", "name": "Anna"}, "1", "Anna", 30),
    ({"_type": "Member", "_id": "9", "name": "New"}, "9", "New", 18),
    ({"_type": "Member", "name": "New", "boss": "Ann"}, "2", "New", 18),
]


@pytest.mark.parametrize("base", [Member, Entity])
@pytest.mark.parametrize(("data", "entity_id", "name", "age"), DESERIALIZED)
def test_deserialize_updates_or_creates(
    home: Home, base: type[Entity], data: dict[str, Any], entity_id: str, name: str, age: int
) -> None:
    ann = Member(name="Ann", age=30)
    found: Any = base.deserialize(data)
    assert (found._id, found.name, found.age) == (entity_id, name, age)
    assert (found is ann) == (entity_id == "1")
    assert Member[name] is found
    assert Member.count() == (1 if found is ann else 2)
    assert list(ann.reports) == ([found] if "boss" in data else [])


def test_what_was_serialized_is_deserialized(home: Home) -> None:
    a, b, c, d = four().values()
    a.boss, a.friends, a.partner = b, [c, d], c
    before, data = links(), a.serialize()
    a.boss, a.friends, a.partner, a.age = None, [], None, 99
    assert Member.deserialize(data) is a
    assert (links(), a.age) == (before, 18)


@pytest.mark.parametrize(
    "data",
    [5, {}, {"_type": "Nothing"}, {"_type": "Folder"}, {"_type": "other::Member", "name": "Zoe"}],
)
def test_deserialize_refuses_what_is_not_of_the_type(home: Home, data: Any) -> None:
    with refused(ValueError):
        Member.deserialize(data)
    assert Member.count() == 0


def test_deserialize_changes_all_or_nothing(home: Home) -> None:
    """The seed keeps the first fields in memory, and never saves that object again."""
    ann = Member(name="Ann", age=30)
    with refused(TypeError):
        Member.deserialize({"_type": "Member", "_id": "1", "name": "Anna", "age": "old"})
    assert (ann.name, ann.age, Member["Anna"]) == ("Ann", 30, None)
    ann.age = 31
    assert json.loads(home.db.dump_json())["Member"]["1"]["age"] == 31


def test_hooks_are_called_with_what_changes(home: Home, watched: type[Watched]) -> None:
    """The seed calls none for relations."""
    top = watched(slug="top", name="Top")
    low = watched()
    low.name = "Low"
    low.above = top
    low.above = None
    low.delete()
    mine = [call for call in watched.calls if call[0] != "below"]
    assert mine == [
        ("slug", None, "top", "create"),
        ("name", "nobody", "Top", "create"),
        ("name", "nobody", "Low", "modify"),
        ("above", None, top, "modify"),
        ("above", top, None, "modify"),
        (None, low, None, "delete"),
    ]


ANSWERS = [
    (True, "Eve"),
    ((True, "Zoe"), "Zoe"),
    (lambda entity, field, new: (True, new.upper()), "EVE"),
    (False, ValueError),
    ((False, None), ValueError),
    ((False, "Zoe"), ValueError),
    ((True, 5), TypeError),
    (lambda entity, field, new: {}[field], (TypeError, ValueError)),
]


@pytest.mark.parametrize(("answer", "expected"), ANSWERS)
def test_hooks_allow_replace_and_refuse(
    lasting: Home, watched: type[Watched], answer: Any, expected: Any
) -> None:
    one = watched(name="Ann", slug="ann")
    stored = lasting.db.dump_json()
    watched.answer = answer
    if isinstance(expected, str):
        one.name = expected if answer is True else "Eve"
        assert one.name == expected
    else:
        with refused(expected):
            one.name = "Eve"
        assert one.name == "Ann"
        assert lasting.db.dump_json() == stored
        with refused(expected):
            watched(name="Eve")
        assert watched.instances() == [one]


def test_a_hook_may_refuse_a_relation(home: Home, watched: type[Watched]) -> None:
    top, other, low = watched(name="top"), watched(name="other"), watched(name="low")
    low.above = top
    watched.answer = lambda entity, field, new: field != "above"
    with refused(ValueError):
        low.above = other
    with refused(ValueError):
        low.above = None
    assert (low.above, list(top.below), list(other.below)) == (top, [low], [])


def test_a_hook_may_refuse_a_delete(home: Home, watched: type[Watched]) -> None:
    top, low = watched(), watched()
    low.above = top
    watched.answer = False
    with refused(PermissionError):
        top.delete()
    assert (watched.count(), watched["1"], low.above) == (2, top, top)


def test_what_a_hook_changes_goes_with_the_change(lasting: Home, watched: type[Watched]) -> None:
    def slugged(entity: Watched, field: str, new: Any) -> bool:
        if field == "name":
            entity.slug = new.lower()
        return new != "Eve"

    one = watched(name="Ann", slug="ann")
    watched.answer = slugged
    one.name = "Bob"
    assert one.slug == "bob"
    with refused(ValueError):
        one.name = "Eve"
    assert (one.name, one.slug) == ("Bob", "bob")
    lasting.reopen()
    assert (watched["1"].name, watched["1"].slug) == ("Bob", "bob")


def test_hooks_come_before_ownership(home: Home, watched: type[Watched]) -> None:
    with home.db.as_user("alice"):
        one = watched(name="Ann")
    with home.db.as_user("bob"):
        with refused(PermissionError):
            one.name = "Eve"
        watched.answer = False
        with refused(ValueError):
            one.name = "Eve"
    assert one.name == "Ann"


def test_loading_calls_no_hook_and_writes_nothing(lasting: Home, watched: type[Watched]) -> None:
    """The seed calls hooks with every field, takes the owner's place and saves what it loads."""
    low = watched(name="low", above=watched(name="top"))
    assert low.above._id == "1"
    stored, audit = lasting.db.raw_dump_json(), lasting.db.get_audit()
    watched.calls.clear()
    lasting.reopen()
    assert [one.name for one in watched.instances()] == ["top", "low"]
    assert watched["2"].above is watched["1"]
    assert watched.calls == []
    assert lasting.db.raw_dump_json() == stored
    assert lasting.db.get_audit() == audit


@pytest.mark.parametrize("cold", [False, True])
def test_only_the_owner_changes_and_deletes(lasting: Home, cold: bool) -> None:
    """The seed keeps a refused value in memory, lets anybody delete, and forgets owners on a load."""
    with lasting.db.as_user("alice"):
        note = Note(text="mine", folder=Folder(title="papers"))
    if cold:
        del note
        lasting.reopen()
        gc.collect()
    note, folder = Note["1"], Folder["1"]
    stored = lasting.db.dump_json()
    with lasting.db.as_user("bob"):
        with refused(PermissionError):
            note.text = "hacked"
        with refused(PermissionError):
            note.folder = None
        with refused(PermissionError):
            note.delete()
    assert (note.text, note.folder, list(folder.notes)) == ("mine", folder, [note])
    assert lasting.db.dump_json() == stored
    with lasting.db.as_user("alice"):
        note.text = "changed"
        note.delete()
    assert (Note.count(), len(folder.notes)) == (0, 0)


def test_ownership_is_handed_on(lasting: Home) -> None:
    """The seed writes a new owner at the next change only."""
    with lasting.db.as_user("alice"):
        note = Note(text="a")
        note.set_owner("bob")
    lasting.reopen()
    note = Note["1"]
    assert note.check_ownership("bob")
    assert not note.check_ownership("alice")
    with lasting.db.as_user("bob"):
        note.text = "b"
    assert (note._creator, note._updater, note._owner) == ("alice", "bob", "bob")


def test_times_are_kept_and_written_as_text(lasting: Home) -> None:
    time = SystemTime.get_instance()
    time.set_time(NOON)
    note = Note(text="a")
    time.advance_time(66)
    note.text = "b"
    lasting.reopen()
    note, found = Note["1"], Note["1"].serialize()
    assert (note._timestamp_created, note._timestamp_updated) == (NOON, NOON + 66)
    assert found["timestamp_created"] == note.timestamp_created == time.format_timestamp(NOON)
    assert found["timestamp_updated"] == note.timestamp_updated == time.format_timestamp(NOON + 66)
    assert re.fullmatch(r"2025-04-0\d \d\d:\d\d:22\.934", note.timestamp_created)
    assert list(found)[:7] == [
        "timestamp_created",
        "timestamp_updated",
        "creator",
        "updater",
        "owner",
        "_type",
        "_id",
    ]


def test_system_time() -> None:
    time = SystemTime.get_instance()
    assert SystemTime.get_instance() is time
    time.set_time(NOON)
    time.advance_time(66)
    assert time.get_time() == NOON + 66
    assert time.print() == SystemTime.format_timestamp(NOON + 66)
    assert SystemTime.format_timestamp(0) == "None"
    time.clear_time()
    assert time.get_time() > NOON


def test_the_mixin_may_come_first(home: Home) -> None:
    """The seed raises a TypeError."""

    class Stamped(TimestampedMixin, Entity):
        size = Integer()

    assert Stamped(size=1).serialize()["owner"] == "system"


def test_users_are_nested_and_given_back(home: Home) -> None:
    assert get_caller_id() == "system"
    with home.db.as_user("admin"):
        with pytest.raises(RuntimeError), home.db.as_user("alice"):
            assert get_caller_id() == "alice"
            raise RuntimeError
        assert get_caller_id() == "admin"
    assert get_caller_id() == "system"
    set_caller_id("bob")
    assert Note(text="a")._owner == "bob"


def test_threads_do_not_see_each_others_user(home: Home) -> None:
    """The seed has one user for all."""
    found: dict[str, str] = {}
    together = threading.Barrier(2, timeout=30)

    def write(user: str) -> None:
        with home.db.as_user(user):
            together.wait()
            found[user] = Note(text=user)._owner
            together.wait()

    threads = [threading.Thread(target=write, args=(user,)) for user in ("alice", "bob")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == {"alice": "alice", "bob": "bob"}


def test_tasks_do_not_see_each_others_user(home: Home) -> None:
    async def write(user: str) -> str:
        with home.db.as_user(user):
            await asyncio.sleep(0)
            return Note(text=user)._owner

    async def both() -> list[str]:
        return await asyncio.gather(write("alice"), write("bob"))

    assert asyncio.run(both()) == ["alice", "bob"]


def test_audit_is_numbered_and_appended(lasting: Home) -> None:
    """The seed starts at 0 again with each opening, and writes over what was there."""
    SystemTime.get_instance().set_time(NOON)
    folder = Folder(title="a")
    folder.title = "b"
    lasting.reopen()
    Folder["1"].delete()
    audit = lasting.db.get_audit()
    assert list(audit) == ["0", "1", "2"]
    assert [entry[:3] for entry in audit.values()] == [
        ["save", NOON, "Folder@1"],
        ["save", NOON, "Folder@1"],
        ["delete", NOON, "Folder@1"],
    ]
    assert [entry[3]["title"] for entry in audit.values()] == ["a", "b", "b"]
    json.dumps(audit)


@pytest.mark.parametrize(
    ("bounds", "ids"),
    [((), "01234"), ((1, 3), "12"), ((3,), "34"), ((0, 0), ""), ((None, 2), "01"), ((4, 99), "4")],
)
def test_audit_is_read_from_and_to(home: Home, bounds: tuple[Any, ...], ids: str) -> None:
    """The seed takes 0 for no bound, so that (0, 0) is everything."""
    for number in range(5):
        Folder(title=f"{number}")
    assert list(home.db.get_audit(*bounds)) == list(ids)


def test_a_refused_change_is_not_in_the_audit(home: Home) -> None:
    ann = Member(name="Ann")
    with refused(TypeError):
        ann.age = "old"
    with refused(ValueError):
        Member(name="Ann")
    bob = Member(name="Bob")
    audit = home.db.get_audit()
    assert [entry[2] for entry in audit.values()] == ["Member@1", f"Member@{bob._id}"]
    assert list(audit) == ["0", "1"]


def test_audit_by_entity_user_and_time(home: Home) -> None:
    SystemTime.get_instance().set_time(NOON)
    for user in ("alice", "bob"):
        with home.db.as_user(user):
            folder = Folder(title=user)
        SystemTime.get_instance().advance_time(1000)
    assert len(list(home.db.audit())) == 2
    assert len(list(home.db.audit(user="bob"))) == 1
    assert len(list(home.db.audit(entity=folder))) == 1
    assert len(list(home.db.audit(since=NOON + 1))) == 1


def test_without_audit_there_is_none(tmp_path: Path) -> None:
    db = Database.init(path=tmp_path / "db")
    try:
        Member(name="Ann")
        assert db.get_audit() == {}
    finally:
        db.close()


def test_a_second_init_waits_for_a_close(home: Home) -> None:
    with pytest.raises(DynafileError):
        Database.init(path=":memory:")
    assert Database.get_instance() is home.db
    home.reopen()
    assert Database.get_instance() is home.db


def test_databases_beside_each_other(tmp_path: Path) -> None:
    one, two = Database(path=tmp_path / "one"), Database(path=tmp_path / "two")
    with one:
        ann = Member(name="Ann")
        with two:
            assert Member.count() == 0
            bob = Member(name="Bob")
            assert (bob._id, Member.instances(), Member["Ann"]) == ("1", [bob], None)
        assert Member.instances() == [ann]
    one.close()
    two.close()


def test_an_entity_of_another_database_is_not_related(tmp_path: Path) -> None:
    one, two = Database(path=tmp_path / "one"), Database(path=":memory:")
    with one:
        ann = Member(name="Ann")
        with two:
            bob = Member(name="Bob")
            with refused(ValueError):
                bob.boss = ann
            assert bob.boss is None
        assert len(ann.reports) == 0
    one.close()
    two.close()


def test_an_empty_storage_is_a_storage(tmp_path: Path) -> None:
    """The seed takes a map that has a length, and the length 0, for none."""

    class Sized(MemoryStorage):
        def __len__(self) -> int:
            return len(list(self.keys()))

    storage = Sized()
    db = Database.init(db_storage=storage)
    try:
        Member(name="Ann")
        assert len(storage) > 0
    finally:
        db.close()


class StableMap:
    """What a canister's stable map is: these methods and no others, for strings and nothing else."""

    def __init__(self) -> None:
        self._kept: dict[str, str] = {}

    def insert(self, key: str, value: str) -> str | None:
        assert type(key) is type(value) is str
        self._kept[key], old = value, self._kept.get(key)
        return old

    def get(self, key: str) -> str | None:
        assert type(key) is str
        return self._kept.get(key)

    def remove(self, key: str) -> str | None:
        assert type(key) is str
        return self._kept.pop(key, None)

    def items(self) -> list[tuple[str, str]]:
        return list(self._kept.items())

    def keys(self) -> list[str]:
        return list(self._kept)

    def __contains__(self, key: str) -> bool:
        assert type(key) is str
        return key in self._kept


def test_any_map_of_strings_is_a_storage(watched: type[Watched]) -> None:
    home = Home(audit_enabled=True, db_storage=StableMap(), db_audit=StableMap())
    try:
        a, b, c, d = four().values()
        a.boss, a.friends, a.partner, c.name = b, [b, c], c, "Carol"
        d.delete()
        watched(name="Watched").delete()
        before = links()
        numbered = list(home.db.get_audit())
        home.reopen()
        assert links() == before
        assert list(home.db.get_audit()) == numbered == [f"{n}" for n in range(len(numbered))]
        assert (Member["Carol"]._id, Member["Cid"], Member(name="Eve")._id) == ("3", None, "5")
        assert len(watched.calls) == 2
        home.db.clear()
        assert (Member.count(), home.db.get_audit()) == (0, {})
    finally:
        home.close()


def test_storage_holds_strings(home: Home) -> None:
    storage = MemoryStorage()
    storage.insert("a", "1")
    assert (storage.get("a"), storage.get("b"), "a" in storage) == ("1", None, True)
    assert (list(storage.items()), list(storage.keys())) == ([("a", "1")], ["a"])
    storage.remove("a")
    with pytest.raises(KeyError):
        storage.remove("a")


def test_raw_dump_has_records_as_text(home: Home) -> None:
    Member(name="Ann", age=30)
    raw = json.loads(home.db.raw_dump_json(pretty=True))
    assert raw == json.loads(home.db.raw_dump_json())
    assert json.loads(raw["Member@1"])["age"] == 30


def test_a_dump_comes_back_whole(home: Home) -> None:
    """The seed has no way back, and drops what has an "@" in its id or alias."""
    with home.db.as_user("alice"):
        note = Note(text="a", folder=Folder(title="papers"))
    a, b, c, d = four().values()
    a.boss, a.friends, a.partner, c.name = b, [b, c], b, "c@c"
    d.delete()
    before, text = links(), home.db.dump_json()
    records = [one.serialize() for one in (note, a, b, c)]
    other = Database(path=":memory:")
    with other:
        other.load_json(text)
        assert links() == before
        loaded = [Note["1"], *Member.instances()]
        assert [one.serialize() for one in loaded] == records
        assert Member["c@c"]._id == "3"
        assert Member(name="Eve")._id == "5"
        with refused(PermissionError):
            Note["1"].text = "hacked"
    other.close()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "5",
        '{"Member": 5}',
        '{"Member": {"1": 5}}',
        '{"Nothing": {"1": {"_id": "1"}}}',
    ],
)
def test_what_is_no_dump_is_refused(home: Home, text: str) -> None:
    ann = Member(name="Ann")
    with refused((TypeError, ValueError)):
        home.db.load_json(text)
    assert Member.instances() == [ann]


def test_clear_leaves_nothing(home: Home) -> None:
    four()
    home.db.clear()
    assert (Member.count(), Member.instances(), Member["Ann"]) == (0, [], None)
    assert home.db.get_audit() == {}
    assert json.loads(home.db.dump_json()).get("Member", {}) == {}
    assert Member(name="Ann").name == "Ann"


def parcel(version: int, calls: list[Any]) -> Any:
    """Declare the type Parcel anew, in a version."""

    class Parcel(Entity):
        __version__ = version
        label = String()
        price = Float(default=0.0)

        @classmethod
        def migrate(cls, obj: dict[str, Any], from_version: int, to_version: int) -> dict[str, Any]:
            calls.append((obj["label"], from_version, to_version))
            return {**obj, "price": 1.5}

    return Parcel


def test_a_record_is_migrated_when_loaded(lasting: Home) -> None:
    """The seed writes what it migrated as it loads it."""
    calls: list[Any] = []
    parcel(1, calls)(label="a")
    stored = lasting.db.raw_dump_json()
    lasting.reopen()
    parcels = parcel(3, calls)
    loaded = parcels["1"]
    assert loaded.price == 1.5
    assert calls == [("a", 1, 3)]
    assert lasting.db.raw_dump_json() == stored
    loaded.label = "b"
    lasting.reopen()
    assert parcels["1"].price == 1.5
    assert len(calls) == 1


def test_a_record_of_a_newer_version_is_refused(lasting: Home) -> None:
    """The seed calls migrate with it, backwards, and marks it older."""
    calls: list[Any] = []
    parcel(3, calls)(label="a")
    lasting.reopen()
    parcels = parcel(1, calls)
    with refused(ValueError):
        parcels["1"]
    with refused(ValueError):
        parcels.deserialize({"_type": "Parcel", "__version__": 9, "label": "b"})
    assert calls == []


def test_a_transaction_is_done_or_undone(tabular: Home) -> None:
    ann = Member(name="Ann", age=30)
    before, audit = ann.serialize(), tabular.db.get_audit()
    with pytest.raises(RuntimeError), tabular.db.transaction():
        ann.name, ann.boss = "Anna", Member(name="Bob")
        raise RuntimeError
    assert (ann.serialize(), Member.instances()) == (before, [ann])
    assert (Member["Anna"], Member["Ann"], Member["Bob"]) == (None, ann, None)
    assert tabular.db.get_audit() == audit
    with tabular.db.transaction():
        ann.name, ann.boss = "Anna", Member(name="Bob")
    assert (links(), Member["Anna"]) == ({"Anna-boss-Bob"}, ann)


def test_a_storage_has_no_transactions_and_says_so() -> None:
    db = Database.init(db_storage=MemoryStorage())
    try:
        with pytest.raises(DynafileError), db.transaction():
            Member(name="Ann")
        assert Member.count() == 0
    finally:
        db.close()
