"""How values compare, and that the prepared tests of literals say the same."""

from __future__ import annotations

import decimal
from datetime import UTC, date, datetime, time
from decimal import Decimal
from uuid import UUID

import pytest
from expressions.values import NUMBERS, SCALARS, VALUES, ZONE
from hypothesis import given, settings
from hypothesis import strategies as st

from dynafile.expressions.comparison import (
    RELATIONS,
    attribute_type,
    contains,
    differ,
    equal,
    exact_number,
    kind_of,
    relate,
    size_of,
)
from dynafile.expressions.literals import (
    containment_test,
    difference_test,
    equality_test,
    member_test,
    order_test,
    take_literal,
)
from dynafile.expressions.paths import MISSING

NAIVE = datetime(2024, 5, 1)
AWARE = datetime(2024, 5, 1, tzinfo=UTC)

EQUAL = [
    (1, 1.0),
    (1, Decimal("1.00")),
    (0.1, Decimal("0.1")),
    (0, -0.0),
    (10**23, 1e23),
    ("a", "a"),
    (b"a", b"a"),
    (None, None),
    (True, True),
    ([1, "a"], (Decimal(1), "a")),
    ({"a": [1]}, {"a": [1.0]}),
    ({1, 2}, frozenset({Decimal(1), 2.0})),
    ({0.1}, {Decimal("0.1")}),
    ({"a"}, frozenset({"a"})),
    (date(2024, 5, 1), NAIVE),
    (AWARE, datetime(2024, 5, 1, 2, tzinfo=ZONE)),
    (UUID(int=1), UUID(int=1)),
]

DIFFERENT = [
    (1, 2),
    (2**53 + 1, float(2**53)),
    (0.1 + 0.2, Decimal("0.3")),
    ("a", "A"),
    ("é", "e\N{COMBINING ACUTE ACCENT}"),
    (True, False),
    ([1, 2], [2, 1]),
    ([1], [1, 2]),
    ([1], ["1"]),
    ([1], [True]),
    ({"a": 1}, {"a": 1, "b": 2}),
    ({"a": 1}, {"b": 1}),
    ({1}, {1, 2}),
    (date(2024, 5, 1), datetime(2024, 5, 1, 1)),
    (time(12), time(13)),
    (UUID(int=1), UUID(int=2)),
]

INCOMPARABLE = [
    (1, True),
    (0, False),
    (1, "1"),
    ("a", b"a"),
    (None, False),
    (None, MISSING),
    (MISSING, MISSING),
    ([], {}),
    ([1], {1}),
    ({1}, {"1"}),
    ({b"a"}, {"a"}),
    (NAIVE, AWARE),
    (time(12), time(12, tzinfo=UTC)),
    (date(2024, 5, 1), "2024-05-01"),
    (UUID(int=1), str(UUID(int=1))),
    (object(), object()),
    (1j, 1j),
]

ASCENDING = [
    (1, 2),
    (-1, 0.5),
    (0.1, Decimal("0.11")),
    (Decimal("0.3"), 0.1 + 0.2),
    (float(2**53), 2**53 + 1),
    (2**53 + 3, float(2**53 + 4)),
    (Decimal("0.09999999999999999999"), 0.1),
    (0.1, Decimal("0.10000000000000000001")),
    ("", "a"),
    ("Z", "a"),
    ("a", "ä"),
    # UTF-16 order has these the other way round.
    ("\uffff", "\U00010000"),
    (b"\x7f", b"\x80"),
    (b"a", b"aa"),
    (date(2024, 5, 1), datetime(2024, 5, 1, 1)),
    (AWARE, datetime(2024, 5, 1, 3, tzinfo=ZONE)),
    (time(1), time(2)),
]

UNORDERED = [
    *INCOMPARABLE,
    (True, False),
    (None, None),
    ([1], [2]),
    ({"a": 1}, {"a": 2}),
    ({1}, {1, 2}),
    (UUID(int=1), UUID(int=2)),
]


@pytest.mark.parametrize(("left", "right"), EQUAL)
def test_equal_values(left, right):
    assert equal(left, right)
    assert equal(right, left)
    assert not differ(left, right)


@pytest.mark.parametrize(("left", "right"), DIFFERENT)
def test_different_values_of_one_kind(left, right):
    assert not equal(left, right)
    assert not equal(right, left)
    assert differ(left, right)
    assert differ(right, left)


@pytest.mark.parametrize(("left", "right"), INCOMPARABLE)
def test_values_that_cannot_be_compared_are_neither_equal_nor_different(left, right):
    for first, second in ((left, right), (right, left)):
        assert not equal(first, second)
        assert not differ(first, second)


@pytest.mark.parametrize(("left", "right"), ASCENDING)
def test_order(left, right):
    assert relate("<", left, right)
    assert relate("<=", left, right)
    assert relate("<=", left, left)
    assert relate(">", right, left)
    assert relate(">=", right, left)
    assert not relate("<", right, left)
    assert not relate("<", left, left)
    assert not relate(">=", left, right)


@pytest.mark.parametrize(("left", "right"), UNORDERED)
@pytest.mark.parametrize("symbol", RELATIONS)
def test_no_order(symbol, left, right):
    assert not relate(symbol, left, right)
    assert not relate(symbol, right, left)


@pytest.mark.parametrize(("left", "right"), EQUAL + DIFFERENT + INCOMPARABLE + ASCENDING)
def test_prepared_tests_on_the_tables(left, right):
    for value, literal in ((left, right), (right, left), (left, left)):
        if kind_of(literal) is not None:
            check_prepared_tests(value, literal)


@given(left=NUMBERS, right=NUMBERS)
def test_numbers_compare_as_the_decimals_they_stand_for(left, right):
    exact_left, exact_right = Decimal(exact_number(left)), Decimal(exact_number(right))
    assert equal(left, right) == (exact_left == exact_right)
    for symbol, relation in RELATIONS.items():
        assert relate(symbol, left, right) == relation(exact_left, exact_right)


def check_prepared_tests(value, literal):
    literal = take_literal(literal)
    assert equality_test(literal)(value) == equal(value, literal)
    assert difference_test(literal)(value) == differ(value, literal)
    assert containment_test(literal)(value) == contains(value, literal)
    assert member_test([literal])(value) == equal(value, literal)
    for symbol in RELATIONS:
        assert order_test(symbol, literal)(value) == relate(symbol, value, literal)


@settings(max_examples=300)
@given(value=VALUES | st.just(MISSING), literal=VALUES)
def test_prepared_tests_say_what_the_general_functions_say(value, literal):
    check_prepared_tests(value, literal)


@settings(max_examples=300)
@given(value=NUMBERS, literal=NUMBERS)
def test_prepared_tests_of_numbers(value, literal):
    check_prepared_tests(value, literal)


@given(value=SCALARS, literals=st.lists(SCALARS, max_size=5))
def test_membership_is_equality_with_one_of_them(value, literals):
    assert member_test(literals)(value) == any(equal(value, literal) for literal in literals)


@given(value=NUMBERS, literal=NUMBERS)
def test_no_decimal_context_changes_a_comparison(value, literal):
    context = decimal.Context(prec=2, traps=[decimal.FloatOperation, decimal.Inexact])
    expected = relate("<", value, literal)
    with decimal.localcontext(context):
        assert relate("<", value, literal) == expected
        assert order_test("<", literal)(value) == expected


@pytest.mark.parametrize("value", [float("nan"), Decimal("nan"), float("inf"), Decimal("-inf")])
def test_numbers_that_no_table_stores_raise_nothing(value):
    for symbol in RELATIONS:
        for literal in (1, 0.1, Decimal("0.1"), 2**60):
            assert relate(symbol, value, literal) == order_test(symbol, literal)(value)


@pytest.mark.parametrize(
    ("value", "name"),
    [
        ("a", "S"),
        (1, "N"),
        (1.5, "N"),
        (Decimal(1), "N"),
        (b"", "B"),
        (True, "BOOL"),
        (None, "NULL"),
        ([], "L"),
        ((), "L"),
        ({}, "M"),
        ({"a"}, "SS"),
        (frozenset({1.5}), "NS"),
        ({b"a"}, "BS"),
        (AWARE, "S"),
        (date(2024, 5, 1), "S"),
        (time(12), "S"),
        (UUID(int=1), "S"),
        (MISSING, None),
        (object(), None),
        (set(), None),
    ],
)
def test_attribute_types(value, name):
    assert attribute_type(value) == name


@pytest.mark.parametrize(
    ("container", "member", "expected"),
    [
        ("hello", "ell", True),
        ("hello", "elk", False),
        ("hello", b"ell", False),
        ("1", 1, False),
        (b"hello", b"ell", True),
        (b"hello", 104, False),
        (["a", 1], "a", True),
        (["a", 1], Decimal("1.0"), True),
        (["a", 1], True, False),
        ([[3, 4]], [3, 4.0], True),
        (([1],), [1], True),
        ({1, 2}, 2.0, True),
        ({0.1}, Decimal("0.1"), True),
        ({"a"}, "b", False),
        ({"a": 1}, "a", False),
        (5, 5, False),
        (None, None, False),
        (MISSING, "a", False),
        ([None], None, True),
    ],
)
def test_contains(container, member, expected):
    assert contains(container, member) is expected
    assert containment_test(member)(container) is expected


@pytest.mark.parametrize(
    ("value", "size"),
    [
        ("hello", 5),
        ("", 0),
        # What DynamoDB answers: UTF-16 code units, neither bytes (6) nor characters (2).
        ("é\N{MUSICAL SYMBOL G CLEF}", 3),
        (b"\x00\xff", 2),
        ([1, 2, 3], 3),
        ((1,), 1),
        ({"a": {"b": 1, "c": 2}}, 1),
        ({1, 2}, 2),
        (frozenset({"a"}), 1),
        (5, None),
        (True, None),
        (None, None),
        (MISSING, None),
        (AWARE, None),
    ],
)
def test_size(value, size):
    assert size_of(value) == size


def test_kinds_tell_apart_what_has_an_offset():
    assert kind_of(NAIVE) == kind_of(date(2024, 5, 1)) == "MOMENT"
    assert kind_of(AWARE) == "MOMENT+"
    assert kind_of(time(1, tzinfo=UTC)) == "TIME+"
