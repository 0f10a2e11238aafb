"""What goes in comes back as it was, and belongs to whoever has it."""

from __future__ import annotations

import copy
import math
from collections import OrderedDict, defaultdict
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from types import MappingProxyType
from typing import TYPE_CHECKING, Any
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest

from dynafile import Action, Event
from dynafile.errors import MissingKey

if TYPE_CHECKING:
    from conftest import OpenDatabase

    from dynafile import Dynafile

KEY = {"PK": "p", "SK": "s"}

VALUES: list[Any] = [
    "", "text", "é日😀\0", "x" * 100_000,
    0, 1, -1, 2**63, -(2**63), 2**64, -(2**64) - 1, 10**38 - 1, -(10**125),
    0.0, 1.0, -1.5, 0.1, 1e-130, 1e22, 9.9e125,
    Decimal(0), Decimal("1.00"), Decimal("-0.0"), Decimal("1E+3"), Decimal("0.1"), Decimal(10**37),
    b"", b"\0\xff", True, False, None,
    [], [1, "a", [None, {"x": [1.5]}]], {}, {"a": {"b": {"c": []}}}, {"": 1} and {"a.b": 1},
    (), (1, (2, [3])), ((),),
    {"a", "b"}, {1, 2.5, Decimal("3.25")}, {b"a", b""}, frozenset({"a"}), frozenset({1}),
    datetime(2024, 2, 29, 12, 30, 15, 123456), datetime(2024, 2, 29, tzinfo=UTC),
    datetime(2024, 2, 29, tzinfo=timezone(timedelta(hours=-3, minutes=-30))),
    datetime(2024, 10, 27, 2, 30, tzinfo=ZoneInfo("Europe/Berlin"), fold=1),
    date(1999, 12, 31), time(23, 59, 59, 999999), time(1, 2, tzinfo=UTC),
    UUID("12345678-1234-5678-1234-567812345678"),
]  # fmt: skip


def same(left: Any, right: Any) -> bool:
    """Equal, and of the same types all the way down."""
    if type(left) is not type(right):
        return False
    if isinstance(left, dict):
        return list(left) == list(right) and all(same(left[k], right[k]) for k in left)
    if isinstance(left, (list, tuple)):
        return len(left) == len(right) and all(map(same, left, right))
    if isinstance(left, (set, frozenset)):
        return sorted(map(repr, left)) == sorted(map(repr, right))
    if isinstance(left, float):
        return left == right and math.copysign(1, left) == math.copysign(1, right)
    if isinstance(left, (datetime, time)):
        return (left, left.fold, repr(left.tzinfo)) == (right, right.fold, repr(right.tzinfo))
    return repr(left) == repr(right)


def reads(db: Dynafile) -> list[dict[str, Any]]:
    """The one item, by each way of reading, each of them twice."""
    found: list[dict[str, Any]] = []
    for _ in range(2):
        item = db.get_item(key=KEY)
        assert item is not None
        found += [item, *db.query("p"), *db.scan(), *db.batch_get_item(keys=[KEY, KEY])]
    assert len(found) == 10
    return found


@pytest.mark.parametrize("where", ["files", "memory"])
def test_types_come_back_as_they_went_in(where: str, database: OpenDatabase) -> None:
    db = database(":memory:" if where == "memory" else None)
    everything = {**KEY, **{f"v{n}": value for n, value in enumerate(VALUES)}}
    db.put_item(item=everything)
    assert all(same(found, everything) for found in reads(db))
    with db.batch_writer() as writer:
        for n, value in enumerate(VALUES):
            writer.put_item(item={"PK": "each", "SK": f"{n:03}", "value": value})
    for found, value in zip(db.query("each"), VALUES, strict=True):
        assert same(found["value"], value), value
    if where == "files":
        db._store.checkpoint()
        db.close()
        db = database()
        for found, value in zip(db.query("each"), VALUES, strict=True):
            assert same(found["value"], value), value
        item = db.get_item(key=KEY)
        assert same(item, everything)


def test_events_have_the_same_types(database: OpenDatabase) -> None:
    db = database(":memory:")
    everything = {**KEY, **{f"v{n}": value for n, value in enumerate(VALUES)}}
    events: list[Event] = []
    db.add_stream_listener(events.append)
    db.put_item(item=everything)
    db.delete_item(key=KEY)
    assert same(events[0].new, everything)
    assert same(events[1].old, everything)


SHAPES: list[dict[str, Any]] = [
    {**KEY, "n": 1},
    {**KEY, "list": [1, 2], "map": {"a": 1}, "set": {1, 2}},
    {**KEY, "deep": [{"a": [1]}], "map": {"b": {"c": [1]}}},
    {**KEY, "tuple": ([1], {"x": 1}), "frozen": frozenset({1})},
    {**KEY, "times": [datetime(2024, 1, 1, tzinfo=UTC)], "time": time(1)},
]
"""Items that are kept decoded, kept with copies of their containers, and not kept."""


def spoil(value: Any) -> None:
    if isinstance(value, dict):
        for inner in value.values():
            spoil(inner)
        value.clear()
        value["spoilt"] = True
    elif isinstance(value, list):
        for inner in value:
            spoil(inner)
        value.append("spoilt")
    elif isinstance(value, set):
        value.add("spoilt")
    elif isinstance(value, tuple):
        for inner in value:
            spoil(inner)


@pytest.mark.parametrize("shape", SHAPES, ids=[", ".join(list(shape)[2:]) for shape in SHAPES])
@pytest.mark.parametrize("ttl", [None, "ttl"])
def test_what_was_read_is_the_callers(
    shape: dict[str, Any], ttl: str | None, database: OpenDatabase
) -> None:
    db = database(":memory:", ttl_attribute=ttl)
    db.put_item(item=copy.deepcopy(shape))
    for _ in range(2):
        found = reads(db)
        for at, one in enumerate(found):
            assert same(one, shape)
            spoil(one)
            assert all(same(other, shape) for other in found[at + 1 :])
    list(db.scan(filter=lambda item: spoil(item)))  # a filter gets no more than that
    db.query("p", filter=lambda item: item.clear())
    assert all(same(found, shape) for found in reads(db))


@pytest.mark.parametrize("shape", SHAPES, ids=[", ".join(list(shape)[2:]) for shape in SHAPES])
def test_what_was_given_stays_the_callers(shape: dict[str, Any], database: OpenDatabase) -> None:
    db = database(":memory:")
    given = copy.deepcopy(shape)
    db.put_item(item=given)
    assert same(given, shape)
    spoil(given)
    assert all(same(found, shape) for found in reads(db))
    action = Action("PUT", copy.deepcopy(shape))
    db.execute_batch([action])
    spoil(action.data)
    assert all(same(found, shape) for found in reads(db))
    key = {**KEY, "more": [1]}
    db.get_item(key=key)
    db.batch_get_item(keys=[key])
    db.delete_item(key=key)
    assert key == {**KEY, "more": [1]}


class Letters(Mapping[str, Any]):
    """A mapping that is no dict."""

    def __getitem__(self, name: str) -> Any:
        if name not in ("PK", "SK", "n"):
            raise KeyError(name)
        return name.lower()

    def __iter__(self) -> Iterator[str]:
        return iter(("PK", "SK", "n"))

    def __len__(self) -> int:
        return 3


@pytest.mark.parametrize(
    "mapping",
    [Letters(), OrderedDict(Letters()), MappingProxyType(dict(Letters())),
     defaultdict(list, Letters())],
    ids=lambda mapping: type(mapping).__name__,
)  # fmt: skip
def test_mappings_come_back_as_dicts(mapping: Mapping[str, Any], database: OpenDatabase) -> None:
    db = database(":memory:")
    db.put_item(item=mapping)
    assert db.get_item(key=mapping) == {"PK": "pk", "SK": "sk", "n": "n"}
    assert type(db.get_item(key=mapping)) is dict
    with db.batch_writer() as writer:
        writer.put_item(item=mapping)
        writer.delete_item(key=mapping)
    assert len(db) == 0


def test_a_defaultdict_invents_no_key(database: OpenDatabase) -> None:
    """It was stored under a key that it made up, and that its item did not have."""
    db = database(":memory:")
    item: defaultdict[str, Any] = defaultdict(lambda: "invented", {"SK": "s"})
    with pytest.raises(MissingKey):
        db.put_item(item=item)
    with pytest.raises(MissingKey), db.batch_writer() as writer:
        writer.put_item(item=item)
    assert (dict(item), len(db)) == ({"SK": "s"}, 0)


def test_the_order_of_attributes_stays(database: OpenDatabase) -> None:
    db = database(":memory:")
    item = {"z": 1, "SK": "s", "a": 2, "PK": "p", "m": {"z": 1, "a": 2}}
    db.put_item(item=item)
    for found in reads(db):
        assert (list(found), list(found["m"])) == (list(item), ["z", "a"])


def test_a_put_replaces_the_whole_item(database: OpenDatabase) -> None:
    db = database()
    db.put_item(item={**KEY, "a": 1, "b": 2})
    db.put_item(item={**KEY, "b": 3})
    assert db.get_item(key=KEY) == {**KEY, "b": 3}


def test_one_object_in_many_places(database: OpenDatabase) -> None:
    shared = [1]
    db = database(":memory:")
    db.put_item(item={**KEY, "a": shared, "b": {"c": shared}})
    found = db.get_item(key=KEY)
    assert found == {**KEY, "a": [1], "b": {"c": [1]}}
    assert found["a"] is not found["b"]["c"]
