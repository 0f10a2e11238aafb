"""Properties: what each kind takes, refuses, stores and gives back."""

from __future__ import annotations

import datetime as dt
import decimal
import enum
import json
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from entities.conftest import Home

from dynafile import Dynafile
from dynafile.entities import (
    JSON,
    Boolean,
    Bytes,
    Database,
    Date,
    DateTime,
    Decimal,
    Entity,
    Enumeration,
    Float,
    Integer,
    MemoryStorage,
    OneToMany,
    Property,
    String,
    Time,
    TimestampedMixin,
)
from dynafile.errors import DynafileError, InvalidEntity

UTC = dt.UTC
BERLIN = ZoneInfo("Europe/Berlin")
D = decimal.Decimal


class Size(enum.Enum):
    SMALL = 1
    LARGE = "l"


class Level(enum.IntEnum):
    LOW = 1


class Mood(enum.StrEnum):
    GOOD = "good"


class All(Entity):
    text = String()
    whole = Integer()
    number = Float()
    flag = Boolean()
    exact = Decimal()
    raw = Bytes()
    data = JSON()
    at = DateTime()
    day = Date()
    hour = Time()
    size = Enumeration(Size)


class Indexed(Entity):
    __alias__ = "nick"
    nick = String()
    text = String(indexed=True)
    whole = Integer(indexed=True)
    number = Float(indexed=True)
    exact = Decimal(indexed=True)
    raw = Bytes(indexed=True)
    at = DateTime(indexed=True)
    size = Enumeration(Size, indexed=True)


KEPT: list[tuple[str, Any]] = [
    ("text", ""), ("text", "é😀\0\n"), ("text", "x" * 100_000),
    ("whole", 0), ("whole", -1), ("whole", 10**37), ("whole", -(10**38) + 1), ("whole", 10**100),
    ("number", 0.0), ("number", 0.1), ("number", -1e125), ("number", 1e-130), ("number", 1 / 3),
    ("flag", True), ("flag", False),
    ("exact", D("1.10")), ("exact", D("-0.00")), ("exact", D("9" * 38)), ("exact", D("1E+125")),
    ("raw", b""), ("raw", bytes(range(256))),
    ("data", {}), ("data", []), ("data", ""), ("data", 0), ("data", False),
    ("data", {"": [1, 1.0, True, None, {"é": "\ud800"}], "big": 10**60, "small": 1e-300}),
    ("data", json.loads("[" * 60 + "]" * 60)),
    ("at", dt.datetime(1, 1, 1)), ("at", dt.datetime(9999, 12, 31, 23, 59, 59, 999999)),
    ("at", dt.datetime(2020, 1, 1, 12, tzinfo=UTC)),
    ("at", dt.datetime(2020, 1, 1, tzinfo=dt.timezone(dt.timedelta(hours=-3, minutes=-30)))),
    ("day", dt.date(1, 1, 1)), ("day", dt.date(9999, 12, 31)),
    ("hour", dt.time()), ("hour", dt.time(23, 59, 59, 999999)),
    ("size", Size.SMALL), ("size", Size.LARGE),
]  # fmt: skip


def exactly(value: Any) -> str:
    """Tell 1 from True and 1.0, and an hour here from the same one elsewhere."""
    return f"{type(value).__name__} {value.isoformat() if hasattr(value, 'isoformat') else value!r}"


@pytest.mark.parametrize(("field", "value"), KEPT, ids=lambda value: ascii(value)[:30])
def test_what_is_set_comes_back(home: Home, field: str, value: Any) -> None:
    """JSON with empty names, large numbers or many levels was more than a table takes."""
    one = All(**{field: value})
    other = All()
    setattr(other, field, value)
    dumped, given = home.db.dump_json(), one.serialize()
    assert json.loads(json.dumps(given)) == given
    copy = All.deserialize({**given, "_id": "copy"})
    for each in (one, other, copy):
        assert exactly(getattr(each, field)) == exactly(value)
    if home.db.dump_json() != dumped:  # a memory forgets
        after = [entry.after for entry in home.db.audit()]
        assert after[0] is not None
        assert after[0][field] == given[field]
    with Database(path=":memory:", audit_enabled=True) as db:
        db.load_json(dumped)
        assert exactly(getattr(All["1"], field)) == exactly(value)
        entry = next(db.audit())
        assert entry.after is not None
        assert entry.after[field] == given[field]
    db.close()


@pytest.mark.parametrize(("field", "value"), KEPT, ids=lambda value: ascii(value)[:30])
def test_what_is_set_comes_back_after_a_restart(lasting: Home, field: str, value: Any) -> None:
    All(**{field: value})
    lasting.reopen()
    assert exactly(getattr(All["1"], field)) == exactly(value)


REFUSED: list[tuple[str, Any, type[Exception]]] = [
    ("text", 1, TypeError), ("text", b"a", TypeError), ("text", "\ud800", ValueError),
    ("whole", True, TypeError), ("whole", 1.0, TypeError), ("whole", "1", TypeError),
    ("whole", 10**126, ValueError), ("whole", 10**38 + 1, ValueError),
    ("number", True, TypeError), ("number", "1", TypeError), ("number", float("nan"), ValueError),
    ("number", float("inf"), ValueError), ("number", 10**400, ValueError),
    ("number", 1e126, ValueError), ("number", 5e-324, ValueError), ("number", D(1), TypeError),
    ("flag", 1, TypeError), ("flag", "yes", TypeError),
    ("exact", 1.5, TypeError), ("exact", "1", TypeError), ("exact", D("NaN"), ValueError),
    ("exact", D("sNaN"), ValueError), ("exact", D("Infinity"), ValueError),
    ("exact", D("1E+126"), ValueError), ("exact", D("1E-131"), ValueError),
    ("exact", D("1." + "1" * 38), ValueError), ("exact", D("1E+999999"), ValueError),
    ("raw", "a", TypeError), ("raw", 5, TypeError),
    ("data", {1, 2}, TypeError), ("data", float("nan"), TypeError), ("data", b"a", TypeError),
    ("at", dt.date(2020, 1, 1), TypeError), ("at", "2020-01-01", TypeError),
    ("day", dt.datetime(2020, 1, 1), TypeError),
    ("hour", dt.time(12, tzinfo=UTC), ValueError),
    ("size", 1, TypeError), ("size", "HUGE", TypeError), ("size", Level.LOW, TypeError),
]  # fmt: skip


@pytest.mark.parametrize(("field", "value", "kind"), REFUSED, ids=lambda value: ascii(value)[:30])
def test_what_is_refused(home: Home, field: str, value: Any, kind: type[Exception]) -> None:
    """A table refused numbers and texts only when a transaction was at its end."""
    one = All()
    for change in (lambda: setattr(one, field, value), lambda: All(**{field: value})):
        with pytest.raises(kind) as caught:
            change()
        assert isinstance(caught.value, DynafileError)
        assert field in str(caught.value)
    assert getattr(one, field) is None
    assert All.count() == 1
    if home.db.table is not None:
        with home.db.transaction(), pytest.raises(kind):
            setattr(one, field, value)


@pytest.mark.parametrize(
    ("field", "longest"),
    [("text", "é" * 511), ("raw", b"x" * 1023), ("nick", "é" * 511)],
    ids=["text", "bytes", "alias"],
)
def test_a_key_has_1024_bytes(home: Home, field: str, longest: Any) -> None:
    one = Indexed(**{field: longest})
    with pytest.raises(InvalidEntity, match=f"{field} is .*at most 1023 bytes"):
        setattr(one, field, longest * 2)
    with pytest.raises(InvalidEntity, match=f"{field} is .*at most 1023 bytes"):
        Indexed(**{field: longest * 2})
    assert getattr(one, field) == longest
    assert Indexed.find({field: longest * 2}) == []
    assert Indexed[field, longest * 2] is None
    assert Indexed[field, longest] is one


def test_kinds_of_str_and_int_become_plain(home: Home) -> None:
    """A table does not take a StrEnum, and one was given back until the restart."""
    one = All(text=Mood.GOOD, whole=Level.LOW, number=Level.LOW, raw=bytearray(b"a"), size="LARGE")
    assert [type(one.text), type(one.whole), type(one.number)] == [str, int, float]
    assert (one.text, one.raw, one.size) == ("good", b"a", Size.LARGE)


@pytest.mark.parametrize(
    ("field", "before", "after"),
    [
        ("data", {"a": 1}, {"a": True}),
        ("data", [1], [1.0]),
        ("exact", D("1.0"), D("1.00")),
        ("at", dt.datetime(2020, 1, 1, 12, tzinfo=UTC),
         dt.datetime(2020, 1, 1, 14, tzinfo=dt.timezone(dt.timedelta(hours=2)))),
    ],
    ids=["bool", "float", "decimal", "zone"],
)  # fmt: skip
def test_what_python_calls_equal_is_a_change(
    lasting: Home, field: str, before: Any, after: Any
) -> None:
    """It was not stored, because == said that nothing had changed."""
    one = All(**{field: before})
    setattr(one, field, after)
    lasting.reopen()
    assert exactly(getattr(All["1"], field)) == exactly(after)


def test_what_is_read_of_json_is_a_copy(home: Home) -> None:
    """serialize() gave the entity's own lists, so that to change them changed it."""
    one = All(data={"a": [1]})
    one.data["a"].append(2)
    one.serialize()["data"]["a"].append(3)
    assert one.data == {"a": [1]}
    assert one.serialize()["data"] == {"a": [1]}


def test_a_zone_comes_back_as_its_offset_or_itself(lasting: Home) -> None:
    moment = dt.datetime(2020, 7, 1, 12, tzinfo=BERLIN)
    All(at=moment)
    lasting.reopen()
    found = All["1"]
    assert found is not None
    assert found.at == moment
    assert found.at.utcoffset() == dt.timedelta(hours=2)


def test_a_moment_that_has_no_utc_cannot_be_indexed(home: Home) -> None:
    """It raised OverflowError."""
    early = dt.datetime(1, 1, 1, tzinfo=dt.timezone(dt.timedelta(hours=1)))
    with pytest.raises(InvalidEntity, match="at"):
        Indexed(at=early)
    assert Indexed.where(at__gt=dt.datetime(2020, 1, 1)).count() == 0


class Defaults(Entity):
    name = String(default="nobody")
    tags = JSON(default=["a"])
    size = Enumeration(Size, default=Size.SMALL)
    score = Float(default=1)


def test_defaults_and_none(lasting: Home) -> None:
    one = Defaults()
    assert (one.name, one.tags, one.size, exactly(one.score)) == (
        "nobody", ["a"], Size.SMALL, "float 1.0",
    )  # fmt: skip
    one.tags.append("b")
    other = Defaults(name=None, tags=None, size=None, score=None)
    lasting.reopen()
    other, one = Defaults["2"], Defaults["1"]  # type: ignore[assignment]
    assert one.tags == ["a"]
    assert [getattr(other, name) for name in ("name", "tags", "size", "score")] == [None] * 4


def test_a_field_named_like_a_key_of_the_table(tmp_path: Any) -> None:
    kind = type("Keyed", (Entity,), {"PK": String(indexed=True), "SK": Integer(), "_id": None})
    del kind._id
    for options in ({"path": tmp_path / "db"}, {"db_storage": MemoryStorage()}):
        home = Home(**options)
        kind(PK="a", SK=5)
        home.reopen()
        assert (kind["1"].PK, kind["1"].SK) == ("a", 5)
        assert kind.where(PK="a").count() == 1
        home.close()
    options = {"pk_attribute": "name", "sk_attribute": "whole"}
    with Dynafile(tmp_path / "other", **options) as table, Database(table=table):
        one = All(text="x", whole=5)
        assert All["1"] is one
        assert Indexed(whole=3, nick="n").whole == 3
        assert Indexed.where(whole=3).count() == 1


def test_names_that_are_free(home: Home) -> None:
    kind = type("Free", (Entity,), {name: Integer() for name in ("items", "values", "owner", "id")})
    one = kind(items=1, values=2, owner=3, id=4)
    assert (one.items, one.values, one.owner, one.id) == (1, 2, 3, 4)
    assert kind.find({"owner": 3}) == [one]
    assert kind.deserialize({**one.serialize(), "owner": 7}) is one
    assert one.owner == 7


@pytest.mark.parametrize(
    "fields",
    [
        {"count": Integer()},
        {"find": String()},
        {"delete": Boolean()},
        {"serialize": OneToMany("Other", "x")},
        {"owner": String(), "mixed": True},
        {"timestamp_created": String(), "mixed": True},
        {"creator": String(), "mixed": True},
        {"_hidden": String()},
        {"on_event": String()},
        {"on_event": 5},
        {"__alias__": "nope"},
        {"__alias__": 5},
        {"__alias__": "data", "data": JSON()},
        {"__version__": 0},
        {"__version__": True},
        {"__namespace__": "a@b"},
        {"__namespace__": ""},
    ],
    ids=lambda fields: ", ".join(
        f"{name}: {value if isinstance(value, str | int) else type(value).__name__}"
        for name, value in fields.items()
    ),
)
def test_bad_declarations(fields: dict[str, Any]) -> None:
    """A field named count took the place of Entity.count, which could not be called any more."""
    fields = dict(fields)
    bases = (Entity, TimestampedMixin) if fields.pop("mixed", False) else (Entity,)
    with pytest.raises(InvalidEntity):
        type("Bad", bases, fields)
    with (
        Database(db_storage=MemoryStorage()),
        pytest.raises(InvalidEntity, match="Unknown entity type"),
    ):
        Entity.deserialize({"_type": "Bad"})


def test_one_property_is_one_field() -> None:
    """It had the name of the last, so that what was set of the first was the other's."""
    both: Any = String()
    with pytest.raises(InvalidEntity, match="'one'.*'two'|'two'.*'one'"):
        type("Bad", (Entity,), {"one": both, "two": both})
    base = type("Fine", (Entity,), {"name": String()})
    with pytest.raises(InvalidEntity, match="alike"):
        type("Bad", (base,), {"alike": base.name})
    assert base.name.name == "name"


@pytest.mark.parametrize(
    "declare",
    [
        lambda: String(min_length=5, max_length=2),
        lambda: String(max_length="5"),  # type: ignore[arg-type]
        lambda: Integer(min_value=1.5),  # type: ignore[arg-type]
        lambda: Integer(default="x"),  # type: ignore[arg-type]
        lambda: Integer(min_value=3, default=2),
        lambda: Float(max_value=True),
        lambda: Float(min_value=float("nan")),
        lambda: Decimal(default=1.5),  # type: ignore[arg-type]
        lambda: Boolean(default=1),  # type: ignore[arg-type]
        lambda: Enumeration(5),  # type: ignore[type-var]
        lambda: Enumeration(Size, default="HUGE"),  # type: ignore[arg-type]
        lambda: JSON(indexed=True),
        lambda: String(min_length=-1),
    ],
)
def test_bad_properties(declare: Any) -> None:
    with pytest.raises(InvalidEntity):
        declare()


class Even(Property[int]):
    """A property of a user's own."""

    wanted = "an even int"
    index_kind = "N"

    def check(self, value: object) -> int:
        if not isinstance(value, int) or value % 2:
            raise self._mismatch(value)
        return value

    def to_key(self, value: int) -> int:
        return value


class Numbered(Entity):
    number = Even(indexed=True)


def test_a_property_of_ones_own(home: Home) -> None:
    one = Numbered(number=4)
    with pytest.raises(TypeError, match="number must be an even int, not 3"):
        one.number = 3
    assert Numbered.where(number__gte=4).all() == [one]
