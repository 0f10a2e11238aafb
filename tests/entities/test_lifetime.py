"""Databases and objects over time: opened twice, closed, forked, shared, and with a great many links."""

from __future__ import annotations

import gc
import json
import os
import threading
from typing import TYPE_CHECKING, Any

import pytest
from entities.conftest import Home
from entities.people import Hound, Human, Kitten, state

from dynafile.entities import Database, Entity, MemoryStorage, String
from dynafile.entities.table_backend import TableSession
from dynafile.errors import (
    DatabaseAlreadyOpen,
    DynafileError,
    EntityConflict,
    EntityDeleted,
    HandleClosed,
    InvalidArgument,
    InvalidEntity,
)

if TYPE_CHECKING:
    from pathlib import Path


def test_one_database_for_all_until_it_is_closed(tmp_path: Path) -> None:
    with pytest.raises(InvalidArgument, match=r"Database\.init"):
        Database.get_instance()
    db = Database.init(path=tmp_path / "a")
    for path in ("a", "b"):
        with pytest.raises(DatabaseAlreadyOpen):
            Database.init(path=tmp_path / path)
    assert not (tmp_path / "b").exists()
    seen: list[Any] = []
    thread = threading.Thread(target=lambda: seen.append(Database.get_instance()))
    thread.start()
    thread.join()
    assert seen == [db]
    db.close()
    db.close()
    Database.init(path=tmp_path / "a").close()


def test_an_init_that_fails_leaves_the_way_free(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    for options in ({"path": tmp_path / "file"}, {"db_storage": {}}, {"path": "a", "table": 5}):
        with pytest.raises((DynafileError, OSError)):
            Database.init(**options)
    Database.init(path=":memory:").close()


def test_two_databases_on_one_folder_in_one_process(tmp_path: Path) -> None:
    one, other = Database(path=tmp_path / "db"), Database(path=tmp_path / "db")
    with one:
        mine = Human(name="Ann", age=1)
    with other:
        theirs = Human["Ann"]
        assert theirs is not None
        assert theirs is not mine
        assert theirs == mine
        theirs.age = 2
        with pytest.raises(InvalidEntity, match="another database"):
            Human(friends=[mine])
    with pytest.raises(EntityConflict):
        mine.age = 3
    with one:
        assert Human["Ann"] is mine
        mine.age = 3
        assert mine.friends.add("Ann") is None
    one.close()
    with other:
        assert [each.age for each in Human.instances()] == [3]
    other.close()


def test_objects_of_a_closed_database_can_be_read(lasting: Home) -> None:
    ann = Human(name="Ann", age=1)
    ann.boss = Human(name="Bob")
    block = lasting.db.transaction() if lasting.db.table is not None else None
    lasting.db.close()
    assert (ann.name, repr(ann)) == ("Ann", "Human('1', name='Ann')")
    for use in (
        lambda: setattr(ann, "age", 2),
        ann.delete,
        lambda: ann.friends.add(ann),
        lambda: list(ann.friends),
        lambda: ann.boss,
        ann.serialize,
        lasting.db.transaction,
        lasting.db.dump_json,
        lasting.db.raw_dump_json,
        lasting.db.get_audit,
        lasting.db.clear,
        lasting.db.__enter__,
    ):
        with pytest.raises(HandleClosed):
            use()
    if block is not None:
        with pytest.raises(HandleClosed), block:
            pass
    with pytest.raises(InvalidArgument):
        Human(name="Bob")
    lasting.reopen()
    assert Human["Ann"] is not ann
    with pytest.raises(HandleClosed):
        ann.age = 2
    assert Human["Ann"].age == 1  # type: ignore[union-attr]


def test_what_was_deleted(home: Home) -> None:
    ann, bob = Human(name="Ann"), Human(name="Bob")
    ann.friends = [bob]
    ann.delete()
    for use in (
        lambda: setattr(ann, "age", 2),
        ann.delete,
        lambda: ann.friends.add(bob),
        lambda: bob.friends.add(ann),
        lambda: setattr(bob, "spouse", ann),
    ):
        with pytest.raises(EntityDeleted):
            use()
    assert ann not in bob.friends
    assert (len(bob.friends), Human.count(), Human["Ann"]) == (0, 1, None)
    home.db.clear()
    with pytest.raises(EntityDeleted):
        bob.age = 2
    assert (Human(name="Ann")._id, Human.count()) == ("1", 1)


def test_objects_are_let_go(home: Home) -> None:
    for number in range(50):
        Human(name=str(number)).friends.add("0")
    gc.collect()
    assert home.db.coder(Human._entity_type).objects.clear() == []
    assert [one.name for one in Human.load_some(50)] == ["49"]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_child_cannot_use_its_parents_database(tmp_path: Path) -> None:
    home = Home(path=tmp_path / "db")
    ann = Human(name="Ann", age=1)
    child = os.fork()
    if child == 0:
        result = 1
        try:
            ann.age = 2
        except DynafileError:
            result = 0
        finally:
            os._exit(result)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    ann.age = 3
    home.close()


IDS = ["🐈", "a@b", "a b", "#1", "0", "-1", "007", "x" * 900, "é" * 400, "9" * 120, "entity#x", "["]


def test_ids_and_names_of_all_kinds(lasting: Home) -> None:
    hub = Human(name="hub 👩‍👩‍👧")
    for id_ in IDS:
        human = Human(_id=id_, name=f"name of {id_}", friends=[hub])
        Hound(_id=id_, keeper=human)
    lasting.reopen()
    found = Human["hub 👩‍👩‍👧"]
    assert found is not None
    assert {one._id for one in found.friends} == set(IDS)
    for id_ in IDS:
        one = Human[id_]
        assert one is not None
        assert Human[f"name of {id_}"] is one
        assert [pet._id for pet in one.pets] == [id_]
    text, before = lasting.db.dump_json(), state()
    with Database(db_storage=MemoryStorage()) as other:
        other.load_json(text)
        assert state() == before
    other.close()
    for one in Human.instances():
        one.delete()
    assert (Human.count(), len(Hound.instances())) == (0, len(IDS))


@pytest.mark.parametrize("id_", ["x" * 1100, "é" * 600, "\ud800", "", True, 1.5, b"x"], ids=ascii)
def test_ids_that_cannot_be(home: Home, id_: Any) -> None:
    with pytest.raises(InvalidEntity, match="_id"):
        Human(_id=id_)
    if isinstance(id_, str):
        assert Human[id_] is None
        assert Human["name", id_] is None
        assert Human.load(id_) is None
    assert Human.count() == 0


def test_a_type_whose_name_begins_with_an_underscore(lasting: Home) -> None:
    """A dump left it out when it was loaded."""
    kind = type("_Hidden", (Entity,), {"name": String()})
    kind(name="x")
    text = lasting.db.dump_json()
    lasting.reopen()
    assert kind["1"].name == "x"
    with Database(path=":memory:") as db:
        db.load_json(text)
        assert kind["1"].name == "x"
    db.close()
    with pytest.raises(InvalidEntity, match="_system"):
        type("_system", (Entity,), {})


@pytest.mark.parametrize(
    "entry",
    [{}, {"operation": "save"}, {"number": 0, "operation": "x", "time": 1, "user": "a",
     "entity": "Human@1", "before": None, "after": None}, {"operation": "save", "time": "1",
     "user": "a", "entity": "Human@1", "before": None, "after": {}}],
)  # fmt: skip
def test_an_audit_log_that_is_none_is_not_loaded(home: Home, entry: dict[str, Any]) -> None:
    """It was stored as it was, and get_audit() could not be read any more."""
    with pytest.raises(InvalidEntity, match="audit"):
        home.db.load_json(json.dumps({"_system": {"last": {}, "audit": [entry]}}))
    assert home.db.get_audit() == {}


class Full(MemoryStorage):
    """Takes so many values more, as a canister's memory may."""

    left = 10_000

    def insert(self, key: str, value: str) -> None:
        if self.left == 0:
            raise MemoryError("it is full")
        self.left -= 1
        super().insert(key, value)


def test_a_storage_that_is_full_keeps_what_it_had() -> None:
    storage = Full()
    with Database(db_storage=storage, audit_enabled=True) as db:
        ann = Human(name="Ann")
        before = dict(storage.items()), state()
        for left in range(5):
            storage.left = left
            with pytest.raises(MemoryError):
                Human(name="Bob", friends=[ann])
            storage.left = 10_000
            assert (dict(storage.items()), state()) == before
        assert Human(name="Bob")._id == "2"
    db.close()


# -- many links -----------------------------------------------------------------------------------


def test_many_links(tmp_path: Path) -> None:
    """Adding costs the same, len reads one item, and iteration reads by the page."""
    home = Home(path=tmp_path / "db")
    hub = Human(name="hub")

    work = 0

    def counting(method: Any) -> Any:
        def counted(*args: Any) -> Any:
            nonlocal work
            work += 1
            return method(*args)

        return counted

    def added(count: int) -> float:
        before = work
        with home.db.transaction():
            for _ in range(count):
                Hound(keeper=hub)
        return (work - before) / count

    with pytest.MonkeyPatch.context() as patch:
        for name in ("get", "put", "delete", "range"):
            patch.setattr(TableSession, name, counting(getattr(TableSession, name)))
        first = added(25)
        for _ in range(3):
            added(3334)
        assert added(23) <= first + 1
    assert len(hub.pets) == 10_050
    table = home.db.table
    assert table is not None
    read: list[str] = []
    kind, query = type(table), type(table).query

    def counted(self: Any, *args: Any, **kwargs: Any) -> Any:
        for item in query(self, *args, **kwargs):
            read.append(item["SK"])
            yield item

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(kind, "query", counted)
        assert len(hub.pets) == 10_050
        assert Hound["7"] in hub.pets
        assert Kitten() not in hub.pets
        assert read == []
        assert next(iter(hub.pets)) is Hound["1"]
        assert len(read) <= 501
    assert sum(1 for _ in hub.pets) == 10_050
    for number, pet in enumerate(hub.pets):
        if number < 1200:
            hub.pets.remove(pet)
    assert len(hub.pets) == 8850
    hub.delete()
    assert Hound.count() == 10_050
    assert Hound["5000"].keeper is None  # type: ignore[union-attr]
    assert Human.count() == 0
    home.close()
