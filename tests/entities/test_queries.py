"""Queries against a plain list, with an index and without; and that an index is all that is read."""

from __future__ import annotations

import datetime as dt
import decimal
import enum
import itertools
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest
from entities.conftest import Home
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

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
    String,
    Time,
)
from dynafile.errors import DuplicateEntity, DynafileError, InvalidEntity

if TYPE_CHECKING:
    from pathlib import Path

UTC = dt.UTC


class Color(enum.Enum):
    RED = 3
    GREEN = 1
    BLUE = 2


class Row(Entity):
    """One field of each kind with an index, and one without."""

    whole = Integer(indexed=True)
    number = Float(indexed=True)
    exact = Decimal(indexed=True)
    text = String(indexed=True)
    raw = Bytes(indexed=True)
    flag = Boolean(indexed=True)
    at = DateTime(indexed=True)
    day = Date(indexed=True)
    hour = Time(indexed=True)
    color = Enumeration(Color, indexed=True)
    plain_whole = Integer()
    plain_number = Float()
    plain_exact = Decimal()
    plain_text = String()
    plain_raw = Bytes()
    plain_flag = Boolean()
    plain_at = DateTime()
    plain_day = Date()
    plain_hour = Time()
    plain_color = Enumeration(Color)


class Under(Row):
    """Is found with the others."""


class Value:
    """Makes values of a field, and says how they are ordered."""

    def __init__(self, values: st.SearchStrategy[Any], order: Any = lambda value: value) -> None:
        self.values = values
        self.order = order


def in_utc(value: dt.datetime) -> str:
    utc = value if value.tzinfo is None else value.astimezone(UTC)
    return utc.isoformat(timespec="microseconds")


ZONES = st.sampled_from([None, UTC, dt.timezone(dt.timedelta(hours=5, minutes=30))])
MOMENTS = st.datetimes(dt.datetime(1970, 1, 1), dt.datetime(2100, 1, 1), timezones=ZONES)
FLOATS = st.one_of(st.sampled_from([0.0, 1.5, -1.5, 1e100, 1e-100]), st.floats(-1e9, 1e9, width=32))
KINDS = {
    "whole": Value(st.integers(-3, 3) | st.integers(-(10**30), 10**30)),
    "number": Value(FLOATS.filter(lambda value: value == 0 or abs(value) > 1e-100)),
    "exact": Value(st.decimals(-100, 100, places=2)),
    "text": Value(st.text("ab\0é😀 ", max_size=3) | st.just("a" * 1023)),
    "raw": Value(st.binary(max_size=3)),
    "flag": Value(st.booleans()),
    "at": Value(MOMENTS, in_utc),
    "day": Value(st.dates(dt.date(1, 1, 1))),
    "hour": Value(st.times()),
    "color": Value(st.sampled_from(Color), lambda color: color.name),
}
ORDERED = {
    "lt": lambda one, other: one < other,
    "lte": lambda one, other: one <= other,
    "gt": lambda one, other: one > other,
    "gte": lambda one, other: one >= other,
}
SLOW = settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


def fits(value: Any, operator: str, asked: Any, order: Any) -> bool:
    if operator in ("eq", "ne"):
        return bool((value == asked) == (operator == "eq"))
    if operator == "in":
        return value in asked
    return value is not None and bool(ORDERED[operator](order(value), order(asked)))


def expected(rows: list[Any], field: str, order: Any, *, backwards: bool) -> list[Any]:
    """Sort as order_by does: those without a value last, and in the order of their ids."""
    there = sorted((one for one in rows if getattr(one, field) is not None),
                   key=lambda one: order(getattr(one, field)))  # fmt: skip
    if backwards:
        there.reverse()
    return there + [one for one in rows if getattr(one, field) is None]


@pytest.fixture(scope="module", params=["memory", "storage"])
def shared(request: pytest.FixtureRequest) -> Iterator[Database]:
    where: Any = {"path": ":memory:"} if request.param == "memory" else {}
    db = Database(**where) if where else Database(db_storage=MemoryStorage())
    yield db
    db.close()


@pytest.mark.parametrize("field", KINDS)
@SLOW
@given(data=st.data())
def test_like_a_list(shared: Database, field: str, data: st.DataObject) -> None:
    kind = KINDS[field]
    optional = st.none() | kind.values
    values = data.draw(st.lists(st.tuples(optional, st.sampled_from([Row, Under])), max_size=12))
    operator = data.draw(st.sampled_from(["eq", "ne", "in", *ORDERED]))
    asked: Any = data.draw(kind.values)
    asked = data.draw(st.lists(kind.values, max_size=3)) if operator == "in" else asked
    most = data.draw(st.none() | st.integers(0, 6))
    backwards, name = (
        data.draw(st.booleans()),
        data.draw(st.sampled_from([field, f"plain_{field}"])),
    )
    inside = data.draw(st.booleans())
    shared.clear()
    with shared:
        block = shared.transaction() if inside and shared.table is not None else shared
        with block:
            rows = [cls(**{field: value, f"plain_{field}": value}) for value, cls in values]
            rows.sort(key=lambda one: type(one) is Under)
            for one in rows[::4]:
                one.delete()
            rows = [one for number, one in enumerate(rows) if number % 4]
            assert list(Row.where()) == Row.instances() == rows
            found = [one for one in rows if fits(getattr(one, field), operator, asked, kind.order)]
            query = Row.where(**{f"{name}__{operator}": asked})
            assert query.all() == found
            assert query.count() == len(found)
            assert query.first() is (found[0] if found else None)
            if operator == "eq":
                assert Row.find({name: asked}) == found
            ordered = query.order_by(("-" if backwards else "") + name)
            there = expected(found, field, kind.order, backwards=backwards)
            assert ordered.all() == there
            if most is not None:
                assert ordered.limit(most).all() == there[:most]
            everything = Row.where().order_by(("-" if backwards else "") + name)
            assert everything.all() == expected(rows, field, kind.order, backwards=backwards)
            none = [one for one in rows if getattr(one, field) is None]
            assert Row.where(**{name: None}).all() == none


def test_text_and_bytes_contain_and_begin(home: Home) -> None:
    rows = [Row(text=text, raw=None if text is None else text.encode())
            for text in ("abc", "bc", "", None, "é")]  # fmt: skip
    for part in ("", "b", "a", "é"):
        has = [one for one in rows if one.text is not None and part in one.text]
        begins = [one for one in has if one.text.startswith(part)]
        assert Row.where(text__contains=part).all() == has
        assert Row.where(raw__contains=part.encode()).all() == has
        assert Row.where(text__startswith=part).all() == begins
        assert Row.where(raw__startswith=part.encode()).all() == begins


class Named(Entity):
    __alias__ = "name"
    name = String()
    size = Integer()


class NamedToo(Named):
    """Has aliases of its own."""


def test_an_alias_is_looked_up(home: Home) -> None:
    made = [kind(name=name, size=size) for size, name in enumerate(["a", "b", None, ""])
            for kind in (Named, NamedToo)]  # fmt: skip
    for name in ("a", "b", "", "zz", "x" * 5000):
        fit = [one for one in made if one.name == name]
        assert Named.find({"name": name}) == fit
        assert Named.where(name=name).order_by("-size").count() == len(fit)
        assert Named.where(name=name, size=0).all() == [one for one in fit if one.size == 0]
        assert str(Named.where(name=name).explain()) == "looks the alias 'name' up"
    assert Named.where(name=None).all() == made[4:6]
    assert "reads all" in str(Named.where(name=None).explain())
    made[0].name = "c"
    assert Named.where(name="a").all() == [made[1]]


class Loose(Entity):
    data = JSON()
    first__name = String()


def test_json_is_looked_into(home: Home) -> None:
    made = [Loose(data=data) for data in ([1, "a"], {"a": 1}, "cat", 5, None)]
    assert Loose.where(data__contains="a").all() == made[:3]
    assert Loose.where(data={"a": 1}).all() == [made[1]]


def test_a_name_with_two_underscores_is_a_field(home: Home) -> None:
    """It was taken for an operator."""
    one = Loose(first__name="Ann")
    assert Loose.where(first__name="Ann").all() == [one]
    assert Loose.where(first__name__startswith="A").first() is one
    assert Loose.find({"first__name": "Ann"}) == [one]


@pytest.mark.parametrize(
    "conditions",
    [
        {"nope": 1},
        {"whole__near": 1},
        {"whole__contains": 1},
        {"whole__startswith": "1"},
        {"flag__startswith": True},
        {"text__contains": 1},
        {"raw__startswith": "a"},
        {"text__startswith": b"a"},
        {"color__contains": "R"},
        {"whole": "1"},
        {"whole": True},
        {"whole__gt": None},
        {"whole__in": 5},
        {"text__in": "abc"},
        {"color": "PINK"},
        {"number__lt": float("nan")},
        {"exact__lt": decimal.Decimal("NaN")},
        {"_id": "1"},
    ],
    ids=str,
)
def test_what_cannot_be_asked(home: Home, conditions: dict[str, Any]) -> None:
    Row(whole=1, text="a", raw=b"a", flag=True, color=Color.RED, number=1, exact=1)
    with pytest.raises(ValueError, match=".") as caught:
        Row.where(**conditions).all()
    assert isinstance(caught.value, DynafileError)


@pytest.mark.parametrize(
    ("conditions", "count"),
    [
        ({"whole__lt": 10**50}, 1),
        ({"whole__gt": -(10**200)}, 1),
        ({"whole": 10**50}, 0),
        ({"number__lt": float("inf")}, 1),
        ({"number__gt": float("-inf")}, 1),
        ({"number__lte": 1e300}, 1),
        ({"exact__lt": decimal.Decimal("1E+200")}, 1),
        ({"text__lt": "b" * 5000}, 1),
        ({"text__gt": "b" * 5000}, 0),
        ({"text": "b" * 5000}, 0),
        ({"raw__gt": b"b" * 5000}, 0),
    ],
    ids=lambda value: str(value)[:30],
)
def test_bounds_past_what_an_index_holds(home: Home, conditions: Any, count: int) -> None:
    Row(whole=5, number=5, exact=5, text="a", raw=b"a")
    assert Row.where(**conditions).count() == count


# -- which index, and no scan ---------------------------------------------------------------------


def test_explain_says_when_an_index_serves(tabular: Home) -> None:
    serves = Row.where(whole__gt=3).explain()
    assert (serves.index, serves.sorts, serves.types) == ("whole", False, ("Row", "Under"))
    assert Row.where(whole__gt=3).order_by("text").explain().sorts
    assert Row.where(whole__gt=3, text="a").explain().index == "text"
    assert Row.where().order_by("-day").explain().index == "day"
    for query in (Row.where(plain_whole=3), Row.where().order_by("plain_whole")):
        assert query.explain().index is None
        assert "declare 'plain_whole' with indexed=True" in str(query.explain())
    for query in (Row.where(), Row.where(whole__ne=3), Row.where(whole__in=[3])):
        assert query.explain().index is None
    assert "indexed=True" not in str(Loose.where(data=1).explain())


def test_explain_says_that_a_storage_has_none() -> None:
    with Database(db_storage=MemoryStorage()) as db:
        assert "storage of strings has no indexes" in str(Row.where(whole=3).explain())
    db.close()


def test_a_query_reads_what_it_gives(tabular: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(300):
        Row(whole=number, text=str(number % 7))
    read = itertools.count()
    table = tabular.db.table
    assert table is not None
    kind = type(table)
    query = kind.query

    def counted(self: Any, *args: Any, **kwargs: Any) -> Iterator[Any]:
        for item in query(self, *args, **kwargs):
            next(read)
            yield item

    def refuse(*_: Any, **__: Any) -> Any:
        raise AssertionError("a scan")

    monkeypatch.setattr(kind, "query", counted)
    monkeypatch.setattr(kind, "scan", refuse)

    def items(run: Any) -> int:
        before = next(read)
        run()
        return next(read) - before - 1

    assert items(lambda: Row.find({"whole": 5})) == 1
    assert items(lambda: Row["whole", 5]) == 1
    assert items(lambda: Row.where(whole__gte=100, whole__lt=110).all()) == 11  # both bounds are in
    assert items(lambda: Row.where(whole__gt=100).order_by("whole").limit(5).all()) <= 6
    assert items(lambda: Row.where().order_by("-whole").limit(3).all()) <= 3
    assert items(lambda: Row.where(text="3").count()) == len(range(3, 300, 7))
    assert items(Row.count) == 0
    assert items(Row.max_id) == 0
    assert items(lambda: Row["5"]) == 0
    assert items(lambda: Row.load_some(10, 5)) <= 6


def test_who_is_changed_on_the_way_comes_once(tabular: Home) -> None:
    """One that moved on in the index came again and again."""
    for number in range(100):
        Row(whole=number)
    seen = []
    for one in Row.where(whole__gte=0).order_by("whole"):
        seen.append(one)
        one.whole += 1000
        assert len(seen) <= 100
    assert len(set(seen)) == 100


# -- declared later -------------------------------------------------------------------------------


def declare(version: int = 1, derived: Any = None, **fields: Any) -> type[Any]:
    """Declare the type anew, as a later program would."""
    kind = type("Later", (Entity,), {"__version__": version, **fields})
    if derived is not None:
        type("LaterStill", (kind,), derived)
    return kind


def test_an_index_that_is_declared_later_has_what_was_there(tmp_path: Path) -> None:
    """Entities that were there before were not found by it."""
    home = Home(path=tmp_path / "db")
    old = declare(age=Integer())
    for number in range(450):
        old(age=number % 10)
    old(age=None)
    home.reopen()
    new = declare(age=Integer(indexed=True))
    assert new.where(age=3).explain().index == "age"
    assert new.where(age=3).count() == 45
    new(age=3)
    assert new.where().order_by("-age").count() == 452
    home.reopen()
    assert new.where(age=3).count() == 46
    home.close()


def test_another_type_that_has_the_index_already_is_not_taken_for_this_one(tabular: Home) -> None:
    first = type("First", (Entity,), {"age": Integer(indexed=True)})
    first(age=1)
    old = declare(age=Integer())
    old(age=1)
    tabular.db._coders.clear()
    new = declare(age=Integer(indexed=True))
    assert new.where(age=1).count() == 1


def test_an_alias_that_is_declared_later_finds_what_was_there(lasting: Home) -> None:
    """Entities that were there before were not found by it, and two could have the same."""
    old = declare(name=String(), mail=String())
    made = [old(name=f"n{number}", mail=f"m{number}") for number in range(450)]
    made.append(old())
    lasting.reopen()
    new = declare(name=String(), mail=String(), __alias__="name")
    assert new["n449"]._id == "450"
    assert new.find({"name": "n3"}) == [new["4"]]
    lasting.reopen()
    last = declare(name=String(), mail=String(), __alias__="mail")
    assert (last["n3"], last["m3"]._id) == (None, "4")
    with pytest.raises(DuplicateEntity):
        last(mail="m3")
    last(name="n3")
    lasting.reopen()
    with pytest.raises(DuplicateEntity, match="Later@4 and Later@452 both have 'n3'"):
        declare(name=String(), mail=String(), __alias__="name").instances()
    lasting.reopen()
    assert declare(name=String(), mail=String(), __alias__="mail")["m3"]._id == "4"


def test_a_program_without_the_index_keeps_it_right(tmp_path: Path) -> None:
    """It left the old value in the index, under which the entity was not found any more."""
    home = Home(path=tmp_path / "db")
    new = declare(age=Integer(indexed=True))
    for _ in range(2):
        new(age=1)
    home.reopen()
    old = declare(age=Integer())
    for one in old.instances():
        one.age = 2
    old(age=2)
    home.reopen()
    new = declare(age=Integer(indexed=True))
    assert (new.where(age=1).count(), new.where(age=2).count()) == (0, 3)
    home.reopen()
    declare(name=String()).instances()  # no such field: nobody keeps it up
    home.reopen()
    new = declare(age=Integer(indexed=True), name=String())
    assert new.where(age=2).count() == 3
    home.close()


def test_a_new_version_is_indexed_as_it_migrates(tmp_path: Path) -> None:
    home = Home(path=tmp_path / "db")
    declare(age=Integer(indexed=True))(age=1)
    home.reopen()

    def migrate(cls: Any, obj: dict[str, Any], from_version: int, to_version: int) -> Any:
        return {**obj, "age": obj["age"] * 100}

    new = declare(2, age=Integer(indexed=True), migrate=classmethod(migrate))
    assert new.where(age=100).count() == 1
    assert new.where(age=1).count() == 0
    home.close()


def test_what_is_too_long_for_an_index_is_refused(tabular: Home) -> None:
    declare(text=String())(text="x" * 2000)
    with pytest.raises(InvalidEntity, match="Later@1: text is too long for an index"):
        declare(text=String(indexed=True)).where(text="x").all()


def test_a_derived_type_without_the_index_is_found_too(tabular: Home) -> None:
    """The index of the base was read for it, which does not have it."""
    base = declare(age=Integer(indexed=True), derived={"age": Integer()})
    (derived,) = base.__subclasses__()
    made = [base(age=1), derived(age=1)]
    assert base.where(age=1).all() == made
    assert base.where(age=1).explain().index is None


def test_names_of_any_script_have_indexes(tabular: Home) -> None:
    """The name of an index is ASCII, and this one's was not."""
    kind = type("Größe", (Entity,), {"höhe": Integer(indexed=True)})
    one = kind(höhe=3)
    assert kind.where(höhe=3).all() == [one]
    assert kind.where(höhe=3).explain().index == "höhe"


def test_moments_with_and_without_a_zone_are_ordered_together(home: Home) -> None:
    """Python does not compare them, so a query raised its TypeError."""
    noon = dt.datetime(2020, 1, 1, 12)
    made = [Row(at=noon.replace(tzinfo=UTC), plain_at=noon.replace(tzinfo=UTC)),
            Row(at=noon - dt.timedelta(1), plain_at=noon - dt.timedelta(1))]  # fmt: skip
    for field in ("at", "plain_at"):
        assert Row.where().order_by(field).all() == made[::-1]
        assert Row.where(**{f"{field}__gte": noon}).all() == made[:1]


def test_a_table_that_is_given_keeps_its_other_items(tmp_path: Path) -> None:
    """Partitions had names such as ``type`` and ``audit``, which others may have too."""
    others = [{"PK": pk, "SK": "x", "v": 1} for pk in ("type", "audit", "alias#a", "links#b", "u")]
    with Dynafile(tmp_path / "db") as table:
        for item in others:
            table.put_item(item=item)
        with Database(table=table, audit_enabled=True) as db:
            Row(whole=1)
            assert "Row@1" in db.raw_dump_json()
            assert "alias#a" not in db.raw_dump_json() + db.dump_json()
            db.clear()
            assert Row.count() == 0
        db.close()
        assert sorted(map(str, table.scan())) == sorted(map(str, others))
