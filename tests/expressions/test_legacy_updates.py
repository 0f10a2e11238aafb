"""``AttributeUpdates``: the item that it makes of another, and what it refuses to make."""

from __future__ import annotations

import copy
from decimal import Decimal

import pytest
from expressions.values import VALUES
from hypothesis import given
from hypothesis import strategies as st

from dynafile.errors import InvalidNumber, ValidationError
from dynafile.expressions import Expressions, legacy_update
from dynafile.expressions.comparison import equal

MISMATCH = "Type mismatch for attribute to update"


def outcome(item, **updates):
    """The item after an update; the item before it must stay as it was."""
    before = copy.deepcopy(item)
    after = legacy_update(updates).apply(item)
    assert item == before
    return after


def put(value):
    return {"Value": value}


def add(value):
    return {"Action": "ADD", "Value": value}


def delete(*value):
    return {"Action": "DELETE", **({"Value": value[0]} if value else {})}


@pytest.mark.parametrize(
    ("old", "update", "new"),
    [
        ({}, put(1), {"a": 1}),
        ({"a": [1]}, put({"b": None}), {"a": {"b": None}}),
        ({"a": 1}, {"Action": "PUT", "Value": None}, {"a": None}),
        ({"a": 1, "b": 2}, put({3}), {"a": {3}, "b": 2}),
        ({}, add(1), {"a": 1}),
        ({"a": 41}, add(1), {"a": 42}),
        ({"a": 0.1}, add(0.2), {"a": 0.3}),
        ({"a": Decimal("1.5")}, add(-2), {"a": Decimal("-0.5")}),
        ({}, add({"x"}), {"a": {"x"}}),
        ({"a": {"x"}}, add({"y", "x"}), {"a": {"x", "y"}}),
        ({"a": {1}}, add({1.0, 2}), {"a": {1, 2}}),
        ({"a": {b"x"}}, add({b"y"}), {"a": {b"x", b"y"}}),
        ({}, add([1]), {"a": [1]}),
        ({"a": [2, "x"]}, add([1, 2]), {"a": [2, "x", 1, 2]}),
        ({"a": []}, add([]), {"a": []}),
        ({"a": (1,)}, add((2,)), {"a": (1, 2)}),
        ({"a": 1, "b": 2}, delete(), {"b": 2}),
        ({"b": 2}, delete(), {"b": 2}),
        ({"a": {"x", "y"}}, delete({"y", "z"}), {"a": {"x"}}),
        ({"a": {"x"}}, delete({"x"}), {}),
        ({"a": {1, 2}}, delete({Decimal("2.0")}), {"a": {1}}),
        ({}, delete({"x"}), {}),
    ],
)
def test_outcomes(old, update, new):
    assert outcome(old, a=update) == new


@pytest.mark.parametrize(
    ("old", "update"),
    [
        ("x", add(1)),
        (None, add(1)),
        (1, add({1})),
        ({1}, add(1)),
        ({"x"}, add({1})),
        ({1}, add([1])),
        ([1], add({1})),
        (True, add(1)),
        ({"b": 1}, add([1])),
        ([1], delete({1})),
        ({"x"}, delete({1})),
        (1, delete({1})),
    ],
)
def test_types_that_do_not_go_together(old, update):
    with pytest.raises(ValidationError) as caught:
        outcome({"a": old}, a=update)
    assert str(caught.value) == MISMATCH


def test_sums_that_no_attribute_can_hold():
    with pytest.raises(InvalidNumber, match="more than 38 significant digits"):
        outcome({"a": 10**37}, a=add(Decimal("0.11")))
    with pytest.raises(InvalidNumber, match="Number overflow"):
        outcome({"a": Decimal("9E+125")}, a=add(Decimal("9E+125")))


def test_several_attributes():
    updates = {"a": add(1), "b": delete(), "c": delete({"x"}), "d.e": put("new"), "f": add([3])}
    update = legacy_update(updates)
    old = {"a": 1, "b": 2, "c": {"x", "y"}, "f": [1]}
    new = update.apply(old)
    assert new == {"a": 2, "c": {"y"}, "d.e": "new", "f": [1, 3]}
    assert update.updated(old) == old
    assert update.updated(new, new=True) == new
    assert update.attributes == set(updates)
    update.check_keys({"x"})
    with pytest.raises(ValidationError, match="Cannot update attribute b. This attribute is part"):
        update.check_keys({"b"})


def test_what_only_takes_away_gives_the_same_item_where_there_is_nothing_to_take():
    item = {"key": 1}
    for updates in ({"a": delete()}, {"a": delete(), "b": delete({"x"})}):
        assert legacy_update(updates).apply(item) is item
        assert legacy_update(updates).apply({"key": 1, "a": 1}) == item
    for updates in ({}, {"a": delete(), "b": put(1)}):
        assert legacy_update(updates).apply(item) is not item


def test_what_is_put_is_a_copy_and_keeps_its_type():
    value = [1, {"x"}, (2,)]
    update = legacy_update({"a": put(value)})
    value[1].add("y")
    assert update.apply({}) == {"a": [1, {"x"}, (2,)]}


@given(old=VALUES, value=VALUES, clause=st.sampled_from(["SET", "ADD", "DELETE", "REMOVE"]))
def test_expressions_agree(old, value, clause):
    """Except that ADD also takes lists, and that errors have other words."""
    if clause == "ADD" and isinstance(value, (list, tuple)):
        return
    text = {"SET": "SET a = :v", "REMOVE": "REMOVE a"}.get(clause, f"{clause} a :v")
    parts = {"Action": {"SET": "PUT", "REMOVE": "DELETE"}.get(clause, clause)}
    if clause != "REMOVE":
        parts["Value"] = value
    for item in ({}, {"a": old}, {"a": value}):
        try:
            request = Expressions(None, None if clause == "REMOVE" else {":v": value})
            expected = request.update(text).apply(item)
        except ValidationError:
            with pytest.raises(ValidationError):
                legacy_update({"a": parts}).apply(item)
        else:
            assert equal(legacy_update({"a": parts}).apply(item), expected)
