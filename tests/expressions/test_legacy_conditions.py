"""The conditions of before expressions: what holds of which attribute, and that expressions agree."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from uuid import UUID

import pytest
from expressions.values import VALUES, shown
from hypothesis import given, settings
from hypothesis import strategies as st

from dynafile.errors import ValidationError
from dynafile.expressions import (
    Expressions,
    legacy_condition,
    legacy_filter,
    legacy_key_condition,
    legacy_projection,
)
from dynafile.expressions.legacy_conditions import OPERATORS

ITEMS = {
    "none": {},
    "S": {"a": "abc"},
    "S0": {"a": ""},
    "N": {"a": 5},
    "N9": {"a": Decimal("9.0")},
    "B": {"a": b"abc"},
    "BOOL": {"a": True},
    "NULL": {"a": None},
    "L": {"a": [5, "abc", b"abc", None]},
    "L0": {"a": []},
    "M": {"a": {"abc": 5}},
    "SS": {"a": {"abc", "abd"}},
    "NS": {"a": {5, 9}},
    "BS": {"a": {b"abc"}},
    "D": {"a": date(2024, 5, 1)},
}
"""An item for each type, and for what is in no type."""

ALL = set(ITEMS)

OUTCOMES = [
    ("EQ", ["abc"], "S"),
    ("EQ", [""], "S0"),
    ("EQ", [5.0], "N"),
    ("EQ", [9], "N9"),
    ("EQ", [1], ""),
    ("EQ", [b"abc"], "B"),
    ("EQ", [True], "BOOL"),
    ("EQ", [None], "NULL"),
    ("EQ", [[5, "abc", b"abc", None]], "L"),
    ("EQ", [[]], "L0"),
    ("EQ", [{"abc": 5}], "M"),
    ("EQ", [{"abd", "abc"}], "SS"),
    ("EQ", [{9, Decimal("5.0")}], "NS"),
    ("EQ", [{b"abc"}], "BS"),
    ("EQ", [date(2024, 5, 1)], "D"),
    ("NE", ["abc"], ALL - {"S"}),
    ("NE", [5], ALL - {"N"}),
    ("NE", [None], ALL - {"NULL"}),
    ("NE", [{"abc": 5}], ALL - {"M"}),
    ("NE", [{5, 9}], ALL - {"NS"}),
    ("LE", ["abc"], "S S0"),
    ("LE", [5], "N"),
    ("LE", [b"abd"], "B"),
    ("LT", ["abc"], "S0"),
    ("LT", [5.5], "N"),
    ("LT", [date(2024, 5, 2)], "D"),
    ("GE", ["abc"], "S"),
    ("GE", [Decimal(5)], "N N9"),
    ("GT", ["abb"], "S"),
    ("GT", [5], "N9"),
    ("GT", [b""], "B"),
    ("BETWEEN", ["", "b"], "S S0"),
    ("BETWEEN", [5, 9], "N N9"),
    ("BETWEEN", [5, 5], "N"),
    ("BETWEEN", [b"a", b"b"], "B"),
    ("NOT_NULL", [], ALL - {"none"}),
    ("NULL", [], "none"),
    ("CONTAINS", ["bc"], "S"),
    ("CONTAINS", ["abc"], "S L SS"),
    ("CONTAINS", [""], "S S0"),
    ("CONTAINS", [b"abc"], "B L BS"),
    ("CONTAINS", [5], "L NS"),
    ("NOT_CONTAINS", ["abc"], ALL - {"S", "L", "SS"}),
    ("NOT_CONTAINS", [5], ALL - {"L", "NS"}),
    ("BEGINS_WITH", ["ab"], "S"),
    ("BEGINS_WITH", [""], "S S0"),
    ("BEGINS_WITH", [b"ab"], "B"),
    ("IN", ["abc", "x"], "S"),
    ("IN", [1, 9.0, 5], "N N9"),
    ("IN", [b"abc"], "B"),
    ("IN", ["5"], ""),
]
"""An operator, its values, and the items of which it holds."""


def names(holds):
    return holds if isinstance(holds, set) else set(holds.split())


@pytest.mark.parametrize(
    ("operator", "values", "holds"), OUTCOMES, ids=[f"{row[0]}-{shown(row[1])}" for row in OUTCOMES]
)
def test_outcomes(operator, values, holds):
    parts = {"ComparisonOperator": operator, "AttributeValueList": values}
    for condition in (
        legacy_condition({"a": parts}),
        legacy_filter("ScanFilter", {"a": parts}),
        legacy_filter("QueryFilter", {"a": parts}),
    ):
        assert condition.attributes == {"a"}
        assert {name for name, item in ITEMS.items() if condition.test(item)} == names(holds)


def test_each_operator_has_an_outcome():
    assert {row[0] for row in OUTCOMES} == set(OPERATORS)
    assert set().union(*(names(row[2]) for row in OUTCOMES)) == ALL


@pytest.mark.parametrize(
    ("parts", "holds"),
    [
        ({"Value": "abc"}, "S"),
        ({"Value": None}, "NULL"),
        ({"Value": "abc", "Exists": True}, "S"),
        ({"Exists": False}, "none"),
        ({"ComparisonOperator": "GE", "Value": 5}, "N N9"),
        ({"ComparisonOperator": "NULL"}, "none"),
        ({"ComparisonOperator": "NOT_NULL", "AttributeValueList": []}, ALL - {"none"}),
    ],
)
def test_short_forms_of_expected(parts, holds):
    condition = legacy_condition({"a": parts})
    assert {name for name, item in ITEMS.items() if condition.test(item)} == names(holds)


def test_conditions_are_joined_by_and_unless_it_is_or():
    given = {"a": {"Value": 1}, "b": {"Value": 2}, "c": {"Exists": False}}
    items = [{"a": 1, "b": 2}, {"a": 1, "b": 2, "c": 3}, {"b": 2, "c": 3}, {"c": 3}]
    for operator, expected in [
        (None, [True, False, False, False]),
        ("AND", [True, False, False, False]),
        ("OR", [True, True, True, False]),
    ]:
        condition = legacy_condition(given, operator)
        assert condition.attributes == {"a", "b", "c"}
        assert [condition.test(item) for item in items] == expected


def test_no_conditions_are_no_condition():
    assert legacy_condition({}) is None
    assert legacy_filter("ScanFilter", {}) is None


def test_names_are_no_paths():
    condition = legacy_condition({"a.b[0]": {"Value": 1}, "#x": {"Value": 2}})
    assert condition.test({"a.b[0]": 1, "#x": 2})
    assert not condition.test({"a": {"b": [1]}, "#x": 2})
    assert legacy_projection(["a.b", "c"]).apply({"a.b": 1, "a": {"b": 2}, "c": 3}) == {
        "a.b": 1,
        "c": 3,
    }


def test_key_conditions():
    condition = legacy_key_condition(
        {
            "SK": {"ComparisonOperator": "BETWEEN", "AttributeValueList": [1, 2]},
            "PK": {"ComparisonOperator": "EQ", "AttributeValueList": ["a"]},
        }
    )
    pk, leading, last = condition.bind(("PK",), ("SK",))
    assert (pk, leading) == (("a",), ())
    assert (last.operator, last.values, last.attribute) == ("BETWEEN", (1, 2), "SK")


# -- expressions say the same ---------------------------------------------------------------------

TEXTS = {
    "EQ": "#a = :0",
    "NE": "#a <> :0",
    "LE": "#a <= :0",
    "LT": "#a < :0",
    "GE": "#a >= :0",
    "GT": "#a > :0",
    "NOT_NULL": "attribute_exists(#a)",
    "NULL": "attribute_not_exists(#a)",
    "CONTAINS": "contains(#a, :0)",
    "NOT_CONTAINS": "NOT contains(#a, :0)",
    "BEGINS_WITH": "begins_with(#a, :0)",
    "IN": "#a IN (:0, :1)",
    "BETWEEN": "#a BETWEEN :0 AND :1",
}
"""What each operator is called in an expression."""

COUNTS = {"NULL": 0, "NOT_NULL": 0, "IN": 2, "BETWEEN": 2}


@settings(max_examples=300)
@given(data=st.data(), operator=st.sampled_from(sorted(TEXTS)))
def test_expressions_agree(data, operator):
    """Whatever the values: where the legacy condition is taken, the expression is, and is equal."""
    values = [data.draw(VALUES) for _ in range(COUNTS.get(operator, 1))]
    parts = {"ComparisonOperator": operator, "AttributeValueList": values}
    try:
        legacy = legacy_condition({"a": parts})
    except ValidationError:
        return  # it takes fewer types than the expression
    request = Expressions({"#a": "a"}, {f":{n}": value for n, value in enumerate(values)} or None)
    condition = request.condition(TEXTS[operator])
    request.finish()
    assert legacy.attributes == condition.attributes == {"a"}
    others = data.draw(st.lists(VALUES, max_size=3))
    items = [{}, *({"a": value} for value in [*values, values, *others])]
    items += [{"a": [value]} for value in values]
    for item in items:
        assert legacy.test(item) == condition.test(item), item


def test_types_beyond_dynamodbs_are_strings_in_refusals():
    assert legacy_condition(
        {"a": {"ComparisonOperator": "IN", "AttributeValueList": [UUID(int=1)]}}
    )
    with pytest.raises(ValidationError, match="LT is not valid for S AttributeValue type"):
        legacy_condition({"a": {"ComparisonOperator": "LT", "Value": UUID(int=1)}})
