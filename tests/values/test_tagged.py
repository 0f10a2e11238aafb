"""Items as JSON: every type there and back, whatever the names in them."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from dynafile.values.tagged import decoder, dumps

NAMES = st.sampled_from(["a", "$", "$$", "$set", "$$set", "$binary", "$other"]) | st.text()
SET_MEMBERS = (
    st.sets(st.text(), min_size=1)
    | st.sets(st.binary(), min_size=1)
    | st.sets(st.integers() | st.floats(allow_nan=False, allow_infinity=False), min_size=1)
    | st.sets(st.decimals(allow_nan=False, allow_infinity=False), min_size=1)
)
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.decimals(allow_nan=False, allow_infinity=False)
    | st.text()
    | st.binary()
    | st.dates()
    | st.times()
    | st.datetimes(timezones=st.none() | st.sampled_from([UTC, ZoneInfo("Europe/Paris")]))
    | st.uuids()
    | SET_MEMBERS
    | SET_MEMBERS.map(frozenset)
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.lists(inner, max_size=3).map(tuple)
        | st.dictionaries(NAMES, inner, max_size=3)
    ),
    max_leaves=8,
)


def kinds(value: object) -> object:
    """The types of a value and all within it: ``==`` takes 1 for 1.0 and True."""
    if isinstance(value, dict):
        return {name: kinds(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [type(value), *map(kinds, value)]
    if isinstance(value, set | frozenset):
        return type(value), {member: type(member) for member in value}
    return type(value)


@given(st.dictionaries(NAMES, VALUES, max_size=4))
@example({"$set": ["a"]})
@example({"a": {"$$decimal": "1"}})
@example({"a": {"$date": {"$time": 1}}})
@example({"a": 10**37, "b": 1e300, "c": -0.0, "d": Decimal("1.50"), "e": True})
def test_every_item_comes_back(item: dict[str, Any]) -> None:
    text = dumps(item)
    back = decoder().decode(text)
    assert back == item
    assert kinds(back) == kinds(item)
    assert "\n" not in text
    json.loads(text)


def test_a_moment_that_happens_twice_keeps_its_fold_and_zone() -> None:
    moment = datetime(2026, 10, 25, 2, 30, tzinfo=ZoneInfo("Europe/Paris"), fold=1)
    back = decoder().decode(dumps([moment]))[0]
    assert (back.fold, back.tzinfo.key, back.utcoffset()) == (1, "Europe/Paris", moment.utcoffset())


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (Decimal("1.50"), '{"$decimal":"1.50"}'),
        (b"\x00\x01", '{"$binary":"AAE="}'),
        ({"b", "a"}, '{"$set":["a","b"]}'),
        (frozenset({2, 1}), '{"$frozenset":[1,2]}'),
        ((1, "é"), '{"$tuple":[1,"é"]}'),
        (date(2026, 1, 31), '{"$date":"2026-01-31"}'),
        (time(12, 0), '{"$time":"12:00:00"}'),
        (datetime(2026, 1, 31, 12, tzinfo=UTC), '{"$datetime":"2026-01-31T12:00:00+00:00"}'),
        (UUID(int=1), '{"$uuid":"00000000-0000-0000-0000-000000000001"}'),
        ({"$ref": 1}, '{"$$ref":1}'),
        ({"$set": 1, "b": 2}, '{"$set":1,"b":2}'),
    ],
)
def test_the_documented_forms(value: object, text: str) -> None:
    assert dumps(value) == text
    assert decoder().decode(text) == value


@pytest.mark.parametrize(
    "text",
    [
        '{"$decimal": 1.5}',
        '{"$decimal": "abc"}',
        '{"$binary": "*"}',
        '{"$set": "abc"}',
        '{"$set": [[1]]}',
        '{"$tuple": {}}',
        '{"$date": "2026-02-31"}',
        '{"$datetime": 5}',
        '{"$time": "noon"}',
        '{"$uuid": "1"}',
        "NaN",
        "-Infinity",
        '{"a": Infinity}',
    ],
)
def test_what_cannot_be_is_a_value_error(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        decoder().decode(text)


def test_other_programs_names_stand_as_they_are() -> None:
    assert decoder().decode('{"$ref": "#/a"}') == {"$ref": "#/a"}
    assert decoder(tags=False).decode('{"$date": "x"}') == {"$date": "x"}


def test_numbers_are_exact_if_so_wished() -> None:
    assert kinds(decoder().decode("[1, 1.10]")) == [list, int, float]
    assert repr(decoder(decimal=True).decode("[1, 1.10]")) == "[1, Decimal('1.10')]"


def test_a_type_without_json_is_an_error() -> None:
    with pytest.raises(TypeError, match="complex"):
        dumps([1j])
