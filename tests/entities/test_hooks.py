"""Hooks and owners: what is asked, in which order, and what stays when somebody says no."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar

import pytest
from entities.conftest import Home

from dynafile.entities import (
    Entity,
    Integer,
    ManyToMany,
    ManyToOne,
    OneToMany,
    OneToOne,
    String,
    TimestampedMixin,
)
from dynafile.errors import DynafileError, EntityDeleted, HookRejected, InvalidEntity, NotPermitted

Call = tuple[str, str | None, Any, Any, str]


class Asked(Entity):
    """Notes what its hook is asked, and answers as the test says."""

    __alias__ = "name"
    name = String()
    size = Integer(default=1)
    log = String()
    partner: OneToOne[Any] = OneToOne("Asked", "partner")
    above: ManyToOne[Any] = ManyToOne("Asked", "below")
    below: OneToMany[Any] = OneToMany("Asked", "above")
    peers: ManyToMany[Any] = ManyToMany("Asked", "peers")

    calls: ClassVar[list[Call]] = []
    answer: ClassVar[Any] = None

    def on_event(self, field_name: str | None, old: Any, new: Any, action: str) -> Any:
        shown = [each.name if isinstance(each, Asked) else each for each in (old, new)]
        Asked.calls.append((str(self.name), field_name, *shown, action))
        answer = Asked.answer
        return True if answer is None else answer(self, field_name, old, new, action)


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    Asked.calls.clear()
    yield
    Asked.answer = None


def asked() -> list[Call]:
    found = list(Asked.calls)
    Asked.calls.clear()
    return found


def test_who_is_asked_what(home: Home) -> None:
    ann = Asked(name="Ann", size=2)
    assert asked() == [
        ("None", "name", None, "Ann", "create"),
        ("Ann", "size", 1, 2, "create"),
    ]
    bob, cid = Asked(name="Bob"), Asked(name="Cid")
    asked()
    ann.size = 2
    assert asked() == [("Ann", "size", 2, 2, "modify")]
    ann.partner = bob
    assert asked() == [
        ("Ann", "partner", None, "Bob", "modify"),
        ("Bob", "partner", None, "Ann", "modify"),
    ]
    cid.partner = bob  # takes him from Ann
    assert asked() == [
        ("Cid", "partner", None, "Bob", "modify"),
        ("Bob", "partner", "Ann", "Cid", "modify"),
        ("Ann", "partner", "Bob", None, "modify"),
    ]
    ann.below.add(bob)
    assert asked() == [
        ("Ann", "below", None, "Bob", "modify"),
        ("Bob", "above", None, "Ann", "modify"),
    ]
    ann.below.add(bob)  # is there already
    assert asked() == []
    ann.peers = [bob]
    asked()
    ann.peers = [cid]
    assert asked() == [
        ("Ann", "peers", "Bob", None, "modify"),
        ("Bob", "peers", "Ann", None, "modify"),
        ("Ann", "peers", None, "Cid", "modify"),
        ("Cid", "peers", None, "Ann", "modify"),
    ]
    ann.delete()
    assert asked() == [("Ann", None, "Ann", None, "delete")]


def test_looking_asks_nobody(lasting: Home) -> None:
    Asked(name="Ann", size=3)
    lasting.reopen()
    asked()
    assert Asked["Ann"] is Asked["1"]
    assert [one.size for one in Asked.instances()] == [3]
    assert lasting.db.dump_json()
    assert asked() == []


def whole() -> str:
    """Return all that there is, but for what grows with each try."""
    return str([one.serialize() for one in Asked.instances()])


CHANGES = {
    "property": lambda ann, bob: setattr(ann, "size", 9),
    "alias": lambda ann, bob: setattr(ann, "name", "Zoe"),
    "one": lambda ann, bob: setattr(ann, "partner", bob),
    "none": lambda ann, bob: setattr(ann, "above", None),
    "many": lambda ann, bob: setattr(ann, "peers", [bob]),
    "add": lambda ann, bob: ann.below.add(bob),
    "remove": lambda ann, bob: ann.peers.remove(Asked["Cid"]),
    "delete": lambda ann, bob: ann.delete(),
    "create": lambda ann, bob: Asked(name="New", peers=[ann, bob], above=ann),
    "merge": lambda ann, bob: Asked.deserialize(
        {"_type": "Asked", "_id": "1", "size": 3, "log": "x"}
    ),
}


@pytest.mark.parametrize("inside", [False, True], ids=["alone", "in a transaction"])
@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("way", ["no", "raises", "wrong", "none"])
def test_a_refusal_changes_nothing(home: Home, change: str, way: str, inside: bool) -> None:
    """Whichever of the calls refuses, also one of the other end."""
    for after in range(4):
        if home.db.table is not None or not inside:
            Asked.answer = None
            home.db.clear()
            refuse(home, change, way, after, inside=inside)


def refuse(home: Home, change: str, way: str, after: int, *, inside: bool) -> None:
    ann, bob, cid = Asked(name="Ann"), Asked(name="Bob"), Asked(name="Cid")
    ann.above, ann.peers, bob.partner = cid, [cid], cid
    before, audit = whole(), len(home.db.get_audit())
    asked()

    def answer(*_: Any) -> Any:
        if len(Asked.calls) <= after:
            return True
        if way == "raises":
            raise KeyError("oh")
        return {"no": False, "wrong": "yes", "none": None}[way]

    Asked.answer = answer
    try:
        if inside:
            with home.db.transaction():
                try:
                    CHANGES[change](ann, bob)
                except DynafileError:
                    assert whole() == before
                    raise
        else:
            CHANGES[change](ann, bob)
    except DynafileError as error:
        kinds = (NotPermitted,) if change == "delete" else (HookRejected, InvalidEntity)
        assert isinstance(error, (*kinds, TypeError))  # a TypeError where it answered no bool
        if way == "raises":
            assert isinstance(error.__cause__, KeyError)
        assert whole() == before
        assert len(home.db.get_audit()) == audit
        assert Asked.count() == 3
        assert Asked["Ann"] is ann
        assert Asked["Zoe"] is None
    else:
        assert len(asked()) <= after


def test_a_hook_changes_more_in_the_same_commit(home: Home) -> None:
    def answer(entity: Asked, field: str | None, old: Any, new: Any, action: str) -> Any:
        if field == "size":
            entity.log = f"{old}->{new}"
            entity.peers.add(Asked["Bob"])
            return True, new * 10
        return True

    ann, bob = Asked(name="Ann"), Asked(name="Bob")
    Asked.answer = answer
    ann.size = 5
    assert (ann.size, ann.log, list(bob.peers)) == (50, "1->5", [ann])
    with pytest.raises(TypeError):
        ann.size = "x"
    assert (ann.size, ann.log) == (50, "1->5")
    cid = Asked(name="Cid", size=2)
    assert (cid.size, cid.log, list(cid.peers)) == (20, "1->2", [bob])


def test_a_hook_that_deletes_what_is_changed(home: Home) -> None:
    ann = Asked(name="Ann")
    Asked.answer = lambda entity, field, *_: entity.delete() is None if field == "size" else True
    with pytest.raises(EntityDeleted):
        ann.size = 5
    assert (Asked.count(), Asked["Ann"], ann.size) == (1, ann, 1)
    with pytest.raises(EntityDeleted):
        Asked(name="Bob", size=5)
    assert (Asked.count(), Asked["Bob"]) == (1, None)


# -- owners ---------------------------------------------------------------------------------------


class Owned(Entity, TimestampedMixin):
    name = String()
    readers = String(default="")
    inside: ManyToOne[Any] = ManyToOne("Owned", "parts")
    parts: OneToMany[Any] = OneToMany("Owned", "inside")
    twin: OneToOne[Any] = OneToOne("Owned", "twin")

    def may_change(self, caller_id: str) -> bool:
        return caller_id in self.readers.split()


def test_only_the_owner_or_who_the_rule_names(lasting: Home) -> None:
    with lasting.db.as_user("ann"):
        Owned(name="a", readers="bob")
    one = Owned["1"]
    lasting.reopen()
    one = Owned["1"]
    assert one is not None
    for change in (lambda: setattr(one, "name", "x"), one.delete, lambda: one.set_owner("me")):
        with lasting.db.as_user("cid"), pytest.raises(PermissionError) as caught:
            change()
        assert isinstance(caught.value, NotPermitted)
        assert caught.value.owner == "ann"
    with lasting.db.as_user("bob"):
        one.name = "b"
        assert (one._owner, one._updater, one._creator) == ("ann", "bob", "ann")
        one.readers = ""  # the rule was asked before that
        with pytest.raises(PermissionError):
            one.readers = "bob"
    with lasting.db.as_user("ann"):
        for wrong in (None, 5, ""):
            with pytest.raises(ValueError, match="user"):
                one.set_owner(wrong)  # type: ignore[arg-type]
        one.set_owner("cid")
        with pytest.raises(PermissionError):
            one.set_owner("ann")
    lasting.reopen()
    found = Owned["1"]
    assert found is not None
    assert found.check_ownership("cid")
    with lasting.db.as_user("cid"):
        found.delete()
    assert Owned.count() == 0


def test_a_rule_that_fails_permits_nothing(home: Home) -> None:
    with home.db.as_user("ann"):
        one = Owned(name="a", readers=None)  # None.split() in the rule
    with home.db.as_user("bob"), pytest.raises(PermissionError) as caught:
        one.name = "b"
    assert isinstance(caught.value.__cause__, AttributeError)
    assert one.name == "a"


def test_a_link_takes_from_nobody_what_is_his(home: Home) -> None:
    with home.db.as_user("ann"):
        folder, note = Owned(name="folder"), Owned(name="note")
        twin, other = Owned(name="twin"), Owned(name="other")
        twin.twin = other
    with home.db.as_user("bob"):
        mine = Owned(name="mine")
        mine.inside = folder
        for change in (
            lambda: setattr(mine, "twin", other),
            lambda: mine.parts.add(note),
            lambda: setattr(note, "inside", mine),
            lambda: folder.parts.remove(mine),
        ):
            with pytest.raises(PermissionError):
                change()
    assert (twin.twin, mine.twin, note.inside, list(mine.parts)) == (other, None, None, [])
    assert list(folder.parts) == [mine]


MEDDLING = {
    "partner": lambda ann, bob: setattr(ann, "partner", bob),
    "above": lambda ann, bob: setattr(ann, "above", bob),
    "below": lambda ann, bob: ann.below.add(bob),
    "peers": lambda ann, bob: ann.peers.add(bob),
    "set": lambda ann, bob: setattr(ann, "peers", [bob]),
    "part": lambda ann, bob: ann.peers.remove(Asked["Cid"]),
    "none": lambda ann, bob: setattr(ann, "partner", None),
}


@pytest.mark.parametrize("change", MEDDLING)
def test_ends_agree_whatever_hooks_do(home: Home, change: str) -> None:
    """What a hook did to the same relation was overwritten at one end, or counted twice."""
    for meddle in MEDDLING:
        for at in range(4):
            Asked.answer = None
            home.db.clear()
            interfere(change, meddle, at)


def interfere(change: str, meddle: str, at: int) -> None:
    ann, bob, cid, dan = (Asked(name=name) for name in ("Ann", "Bob", "Cid", "Dan"))
    ann.partner, ann.peers, bob.partner = cid, [cid, dan], dan
    ann.above = cid
    asked()
    count = 0

    def answer(*_: Any) -> bool:
        nonlocal count
        count += 1
        if count == at + 1:
            MEDDLING[meddle](ann, dan if meddle in ("partner", "above") else bob)
        return True

    Asked.answer = answer
    try:
        MEDDLING[change](ann, bob)
    except InvalidEntity as error:
        assert "above itself" in str(error)
    for one in (ann, bob, cid, dan):
        assert one.partner is None or one.partner.partner is one
        assert one.above is None or one in one.above.below
        assert all(other.above is one for other in one.below)
        assert all(one in other.peers for other in one.peers)
        assert (len(one.below), len(one.peers)) == (len(list(one.below)), len(list(one.peers)))


def test_a_move_is_one_entry_for_each(home: Home) -> None:
    """There were two of who was moved, the first of them with no link at all."""
    ann, bob, cid = Asked(name="Ann"), Asked(name="Bob"), Asked(name="Cid")
    ann.partner = bob
    before = len(home.db.get_audit())
    ann.partner = cid
    entries = list(home.db.audit())[before:]
    assert sorted(entry.entity for entry in entries) == ["Asked@1", "Asked@2", "Asked@3"]
    (mine,) = [entry for entry in entries if entry.entity == "Asked@1"]
    assert mine.before is not None
    assert mine.after is not None
    assert (mine.before["partner"], mine.after["partner"]) == ("Asked@2", "Asked@3")
