"""Dumps that come back whole: beside others who write, and with what the class does not declare."""

from __future__ import annotations

import datetime as dt
import json
import threading
import time
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from entities.people import Human
from entities.second import Second

from dynafile.entities import Database, Entity, Integer, MemoryStorage, String, database
from dynafile.entities.contents import JSON, Bytes
from dynafile.entities.moments import DateTime
from dynafile.entities.properties import Decimal as Exact
from dynafile.errors import InvalidEntity, TransactionConflict

if TYPE_CHECKING:
    from pathlib import Path

    from entities.conftest import Home

RICH = {
    "label": "a",
    "photo": b"\x00\xff",
    "seen": dt.datetime(2026, 1, 2, tzinfo=dt.UTC),
    "price": Decimal("1.50"),
    "tags": {"": [1, None], "$set": ["x"]},
    "rank": 7,
}


def rich(version: int = 1, migrate: Any = None) -> Any:
    """Declare the type Crate with all its fields."""

    class Crate(Entity):
        __alias__ = "label"
        __version__ = version
        label = String()
        photo = Bytes()
        seen = DateTime(indexed=True)
        price = Exact()
        tags = JSON()
        rank = Integer(indexed=True, default=1)

        @classmethod
        def migrate(cls, obj: dict[str, Any], from_version: int, to_version: int) -> dict[str, Any]:
            assert from_version < to_version
            return obj if migrate is None else migrate(obj)

    return Crate


def poor() -> Any:
    """Declare the type Crate as an older program knows it."""

    class Crate(Entity):
        __alias__ = "label"
        label = String()

    return Crate


def values(crate: Any) -> dict[str, Any]:
    return {name: getattr(crate, name) for name in RICH}


def another(home: Home) -> Database:
    """An empty database of the kind that a home has."""
    return Database(
        **({"db_storage": MemoryStorage()} if home.db.table is None else {"path": ":memory:"})
    )


def test_what_the_class_does_not_declare_comes_back(lasting: Home) -> None:
    """It was left out; an older program's dump of a newer one's database was not whole."""
    rich()(**RICH)
    lasting.reopen()
    assert poor()["1"].label == "a"
    text = lasting.db.dump_json()
    with another(lasting) as other:
        other.load_json(text)
        other.load_json(text.replace('"1"', '"2"').replace('"a"', '"b"'))
        assert poor()["b"]._id == "2"
        again = other.dump_json()
        assert json.loads(again)["Crate"]["1"] == json.loads(text)["Crate"]["1"]
    other.close()
    crates = rich()
    with another(lasting) as other:
        other.load_json(again)
        assert values(crates["1"]) == RICH
        assert values(crates["b"]) == {**RICH, "label": "b"}
        assert [one._id for one in crates.where(rank=7)] == ["1", "2"]
        assert "_unknown" not in other.dump_json()
    other.close()


def test_a_newer_version_is_given_what_the_older_did_not_declare(lasting: Home) -> None:
    rich()(**RICH)
    lasting.reopen()
    poor()
    text = lasting.db.dump_json()
    given: list[dict[str, Any]] = []

    def migrate(obj: dict[str, Any]) -> dict[str, Any]:
        given.append(obj)
        return {**obj, "rank": obj["rank"] + 1}

    crates = rich(2, migrate)
    with another(lasting) as other:
        other.load_json(text)
        assert crates["1"].rank == 8
        assert [one.label for one in crates.where(rank=8)] == ["a"]
        assert crates.find({"rank": 7}) == []
    other.close()
    (obj,) = given
    assert obj["label"] == "a"
    assert not any(name.startswith("N.") for name in obj)


@pytest.mark.parametrize(
    "unknown",
    [
        [],
        "x",
        {"$decimal": 5},
        {"a": {"$binary": "?"}},
        {"_revision": 1},
        {"_stamp": []},
        {"_version": "9"},
        {"rank": "seven"},
        {"photo": 5},
        {"tags": "{", "rank": []},
    ],
    ids=str,
)
def test_what_cannot_be_unknown_is_refused(home: Home, unknown: object) -> None:
    crates = rich()
    record = {"label": "a", "_links": {}, "__version__": 1, "_unknown": unknown}
    with pytest.raises(InvalidEntity, match="Crate|must be"):
        home.db.load_json(json.dumps({"Crate": {"1": record}}))
    assert crates.count() == 0


def test_no_key_comes_in_as_unknown(tabular: Home) -> None:
    crates, table = poor(), tabular.db.table
    assert table is not None
    record = {"label": "a", "_links": {}, "__version__": 1, "_unknown": {table.pk_attribute: "x"}}
    with pytest.raises(InvalidEntity, match="cannot have"):
        tabular.db.load_json(json.dumps({"Crate": {"1": record}}))
    assert crates.count() == 0


def test_a_storage_of_strings_says_what_it_cannot_have() -> None:
    with Database(path=":memory:") as source:
        rich()(**RICH)
        crates = poor()
        text = source.dump_json()
    source.close()
    with Database(db_storage=MemoryStorage()) as other:
        with pytest.raises(InvalidEntity, match="load it into a table"):
            other.load_json(text)
        assert crates.count() == 0
    other.close()


# -- beside others --------------------------------------------------------------------------------

CHURN = """
import itertools, random, time
def churn(seconds):
    chance, end = random.Random(1), time.monotonic() + seconds
    for number in itertools.count():
        if time.monotonic() > end:
            return number
        one = Human(name=str(number), friends=Human.instances()[-2:])
        if chance.random() < 0.4:
            chance.choice(Human.instances()).delete()
        time.sleep(chance.choice([0, 0, 0, 0.05]))
"""


def assert_whole(text: str) -> None:
    """It can be loaded, and has both ends of each link."""
    with Database(path=":memory:") as copy:
        copy.load_json(text)
        humans = Human.instances()
        assert Human.count() == len(humans)
        assert all(one in other.friends for one in humans for other in one.friends)
        assert len(list(copy.audit())) >= len(humans)
    copy.close()
    stored = json.loads(text).get("Human", {})
    ends = {
        (f"Human@{id_}", end)
        for id_, one in stored.items()
        for end in one["_links"].get("friends", ())
    }
    assert ends == {(other, one) for one, other in ends}


def test_a_dump_is_of_one_moment(tmp_path: Path) -> None:
    """It had one end of a link and not the other, or an entity without its entry in the audit log."""
    with Second(tmp_path / "db", audit_enabled=True) as second:
        second(CHURN)
        with Database(path=tmp_path / "db", audit_enabled=True) as db:
            second.send("churn(2)")
            texts = set()
            end = time.monotonic() + 2
            while time.monotonic() < end:
                texts.add(db.dump_json())
            assert second.receive() > 20
        db.close()
    for text in texts:
        assert_whole(text)
    assert len(texts) > 5


def test_a_dump_of_a_storage_is_of_one_moment() -> None:
    with Database(db_storage=MemoryStorage(), db_audit=MemoryStorage()) as db:
        names = {"Human": Human}
        exec(CHURN, names)

        def work() -> None:
            with db:
                names["churn"](0.5)  # type: ignore[operator]

        thread = threading.Thread(target=work)
        thread.start()
        texts = set()
        while thread.is_alive():
            texts.add(db.dump_json())
        thread.join()
    db.close()
    for text in texts:
        assert_whole(text)
    assert len(texts) > 5


def test_where_others_never_cease_to_write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "ATTEMPTS", 3)
    with Second(tmp_path / "db") as second, Database(path=tmp_path / "db") as db:
        dumps = 0

        class Busy(String):
            """Whose values have something written by another process whenever they are dumped."""

            def to_json(self, value: str) -> str:
                nonlocal dumps
                dumps += 1
                second("Human(name='another')" if dumps == 1 else "Human['another'].delete()")
                second("Human(name='another')")
                return value

        class Sign(Entity):
            text = Busy()

        Sign(text="x")
        dumps = 0
        Human(name="Ann")
        with pytest.raises(TransactionConflict):
            db.dump_json()
        assert dumps == 3
    db.close()
