"""Update expressions: the item that an update makes of another, and what it refuses to make."""

from __future__ import annotations

import copy
import math
from datetime import date
from decimal import Context, Decimal, localcontext
from fractions import Fraction
from uuid import UUID

import pytest
from expressions.values import NUMBERS, VALUES
from hypothesis import given
from hypothesis import strategies as st

from dynafile.errors import InvalidNumber, ValidationError
from dynafile.expressions import Expressions
from dynafile.expressions.comparison import exact_number
from dynafile.values.numbers import number_fault

MISSING_OPERAND = "The provided expression refers to an attribute that does not exist in the item"
WRONG_TYPE = "An operand in the update expression has an incorrect data type"
WRONG_PATH = "The document path provided in the update expression is invalid for update"
OVERFLOW = (
    "Number overflow. Attempting to store a number with magnitude larger than supported range"
)
UNDERFLOW = (
    "Number underflow. Attempting to store a number with magnitude smaller than supported range"
)
DIGITS = "Attempting to store more than 38 significant digits in a Number"


def update(text, **values):
    """Prepare an update; ``v=1`` is the value of ``:v``, and ``#name`` stands for ``name``."""
    names = {
        word: word[1:]
        for word in text.replace(".", " ").replace(",", " ").split()
        if word[0] == "#"
    }
    request = Expressions(names or None, {f":{name}": v for name, v in values.items()} or None)
    prepared = request.update(text)
    request.finish()
    return prepared


def outcome(text, item, **values):
    """The item after an update; the item before it must stay as it was."""
    before = copy.deepcopy(item)
    after = update(text, **values).apply(item)
    assert item == before
    return after


SET = [
    ("SET a = :v", {}, 1, {"a": 1}),
    ("SET a = :v", {"a": 2, "b": 3}, 1, {"a": 1, "b": 3}),
    ("set a=:v", {}, None, {"a": None}),
    ("SET a = b", {"b": [1]}, None, {"a": [1], "b": [1]}),
    ("SET a = b, b = a", {"a": 1, "b": 2}, None, {"a": 2, "b": 1}),
    ("SET a.b = :v", {"a": {}}, 1, {"a": {"b": 1}}),
    ("SET a.b = :v", {"a": {"b": 0, "c": 2}}, 1, {"a": {"b": 1, "c": 2}}),
    ("SET a.b.c = :v, a.x = :v", {"a": {"b": {}}}, 1, {"a": {"b": {"c": 1}, "x": 1}}),
    ("SET a.#b = :v", {"a": {}}, 1, {"a": {"b": 1}}),
    ("SET a[0] = :v", {"a": [5, 6]}, 1, {"a": [1, 6]}),
    ("SET a[2] = :v", {"a": [5, 6]}, 1, {"a": [5, 6, 1]}),
    ("SET a[99] = :v", {"a": []}, 1, {"a": [1]}),
    ("SET a[9] = b, a[5] = :v", {"a": [0], "b": 2}, 1, {"a": [0, 1, 2], "b": 2}),
    ("SET a[1].b[0] = :v", {"a": [0, {"b": [0]}]}, 1, {"a": [0, {"b": [1]}]}),
    ("SET a[0] = :v", {"a": (5, 6)}, 1, {"a": (1, 6)}),
    ("SET a[0][1] = :v", {"a": [(5, 6)]}, 1, {"a": [(5, 1)]}),
    ("SET a[0] = a[1], a[1] = a[0]", {"a": [5, 6]}, None, {"a": [6, 5]}),
    ("SET a.b = c, c = a.b", {"a": {"b": 1}, "c": 2}, None, {"a": {"b": 2}, "c": 1}),
    ("SET a = :v", {}, (1, {"x"}), {"a": (1, {"x"})}),
    ("SET a = (b)", {"b": 1}, None, {"a": 1, "b": 1}),
    ("SET a = a + :v", {"a": 1}, 2, {"a": 3}),
    ("SET a = :v - a", {"a": 1}, 2, {"a": 1}),
    ("SET a = a-:v", {"a": 1}, 2, {"a": -1}),
    ("SET a = b + c", {"b": 1, "c": 2}, None, {"a": 3, "b": 1, "c": 2}),
    ("SET a = (b + c) - :v", {"b": 1, "c": 2}, 5, {"a": -2, "b": 1, "c": 2}),
    ("SET a = b.c[0] + :v", {"b": {"c": [1]}}, 2, {"a": 3, "b": {"c": [1]}}),
    ("SET a = if_not_exists(a, :v)", {}, 1, {"a": 1}),
    ("SET a = if_not_exists(a, :v)", {"a": None}, 1, {"a": None}),
    ("SET a = if_not_exists(b, :v)", {"b": 2}, 1, {"a": 2, "b": 2}),
    ("SET a = if_not_exists(b.c, d)", {"d": 2}, None, {"a": 2, "d": 2}),
    ("SET a = if_not_exists(a, :v) + :v", {}, 1, {"a": 2}),
    ("SET a = :v + if_not_exists(a, :v)", {"a": 5}, 1, {"a": 6}),
    ("SET a = if_not_exists(a, if_not_exists(b, :v))", {}, 1, {"a": 1}),
    ("SET a = list_append(a, :v)", {"a": [1]}, [2], {"a": [1, 2]}),
    ("SET a = list_append(:v, a)", {"a": [1]}, [2], {"a": [2, 1]}),
    ("SET a = list_append(a, b)", {"a": [1], "b": [2]}, None, {"a": [1, 2], "b": [2]}),
    ("SET a = list_append(if_not_exists(a, :v), :v)", {}, [1], {"a": [1, 1]}),
    ("SET a = list_append(list_append(a, :v), a)", {"a": [1]}, [2], {"a": [1, 2, 1]}),
    ("SET a = list_append(a, :v)", {"a": (1,)}, (2,), {"a": (1, 2)}),
    ("SET a = list_append(a, :v)", {"a": (1,)}, [2], {"a": [1, 2]}),
]

REMOVE = [
    ("REMOVE a", {"a": 1, "b": 2}, None, {"b": 2}),
    ("REMOVE a", {}, None, {}),
    ("REMOVE a.b, c", {"a": {"b": 1}, "c": 1}, None, {"a": {}}),
    ("REMOVE a.x", {"a": {"b": 1}}, None, {"a": {"b": 1}}),
    ("REMOVE a[0]", {"a": [1, 2, 3]}, None, {"a": [2, 3]}),
    ("REMOVE a[1], a[0]", {"a": [1, 2, 3]}, None, {"a": [3]}),
    ("REMOVE a[0], a[1], a[2]", {"a": [1, 2, 3]}, None, {"a": []}),
    ("REMOVE a[3]", {"a": [1, 2, 3]}, None, {"a": [1, 2, 3]}),
    ("REMOVE a[0].b", {"a": [{"b": 1, "c": 2}]}, None, {"a": [{"c": 2}]}),
    ("REMOVE a[1]", {"a": (1, 2, 3)}, None, {"a": (1, 3)}),
    ("REMOVE a[0] SET a[1] = :v, a[7] = :v", {"a": [1, 2, 3]}, 9, {"a": [9, 3, 9]}),
    ("REMOVE a SET b = a", {"a": 1}, None, {"b": 1}),
]

ADD = [
    ("ADD a :v", {}, 5, {"a": 5}),
    ("ADD a :v", {"a": 1}, 5, {"a": 6}),
    ("ADD a :v", {"a": 1}, -5, {"a": -4}),
    ("ADD a.b :v", {"a": {}}, 5, {"a": {"b": 5}}),
    ("ADD a[0] :v", {"a": [1]}, 5, {"a": [6]}),
    ("ADD a[3] :v", {"a": [1]}, 5, {"a": [1, 5]}),
    ("ADD a :v, b :v", {"a": 1}, 5, {"a": 6, "b": 5}),
    ("ADD a :v", {}, {"x"}, {"a": {"x"}}),
    ("ADD a :v", {"a": {"x"}}, {"x", "y"}, {"a": {"x", "y"}}),
    ("ADD a :v", {"a": {b"x"}}, {b"y"}, {"a": {b"x", b"y"}}),
    ("ADD a :v", {"a": {1, 2.5}}, {Decimal("2.50"), 3}, {"a": {1, 2.5, 3}}),
    ("ADD a :v", {"a": {0.1}}, {Decimal("0.1")}, {"a": {0.1}}),
    ("ADD a :v", {"a": frozenset({1})}, {2}, {"a": frozenset({1, 2})}),
]

DELETE = [
    ("DELETE a :v", {"a": {"x", "y"}}, {"x", "z"}, {"a": {"y"}}),
    ("DELETE a :v", {"a": {"x"}}, {"x"}, {}),
    ("DELETE a :v", {}, {"x"}, {}),
    ("DELETE a.b :v", {"a": {"b": {1, 2}}}, {1.0}, {"a": {"b": {2}}}),
    ("DELETE a.b :v", {"a": {"b": {1}}}, {Decimal(1)}, {"a": {}}),
    ("DELETE a[0] :v", {"a": [{"x"}, 2]}, {"x"}, {"a": [2]}),
    ("DELETE a :v", {"a": {0.1, 2}}, {Decimal("0.1")}, {"a": {2}}),
    ("DELETE a :v", {"a": frozenset({1, 2})}, {1}, {"a": frozenset({2})}),
]


@pytest.mark.parametrize(("text", "item", "value", "expected"), [*SET, *REMOVE, *ADD, *DELETE])
def test_outcomes(text, item, value, expected):
    given = {"v": value} if ":v" in text else {}
    after = outcome(text, item, **given)
    assert after == expected
    assert {name: type(value) for name, value in after.items()} == {
        name: type(value) for name, value in expected.items()
    }


def test_all_clauses_together_see_the_item_as_it_was():
    text = (
        "ADD n :one DELETE tags :gone REMOVE l[0] SET #total = n + :one, #first = l[0], m.k = tags"
    )
    item = {"n": 1, "tags": {"a", "b"}, "l": ["x", "y"], "m": {}}
    assert outcome(text, item, one=1, gone={"a"}) == {
        "n": 2,
        "tags": {"b"},
        "l": ["y"],
        "m": {"k": {"a", "b"}},
        "total": 2,
        "first": "x",
    }


@pytest.mark.parametrize(
    ("text", "item", "value", "message"),
    [
        ("SET a = b", {}, None, MISSING_OPERAND),
        ("SET a = b.c", {"b": {}}, None, MISSING_OPERAND),
        ("SET a = b[3]", {"b": [1]}, None, MISSING_OPERAND),
        ("SET a = b + :v", {}, 1, MISSING_OPERAND),
        ("SET a = list_append(a, :v)", {}, [1], MISSING_OPERAND),
        ("SET a = if_not_exists(a, b)", {}, None, MISSING_OPERAND),
        ("SET a = a + :v", {"a": "1"}, 1, WRONG_TYPE),
        ("SET a = :v - a", {"a": None}, 1, WRONG_TYPE),
        ("SET a = a + :v", {"a": True}, 1, WRONG_TYPE),
        ("SET a = a + a", {"a": {1}}, None, WRONG_TYPE),
        ("SET a = list_append(a, :v)", {"a": "x"}, [1], WRONG_TYPE),
        ("SET a = list_append(a, :v)", {"a": {1}}, [1], WRONG_TYPE),
        ("SET a = if_not_exists(a, :v) + :v", {"a": "x"}, 1, WRONG_TYPE),
        ("ADD a :v", {"a": "1"}, 1, WRONG_TYPE),
        ("ADD a :v", {"a": {1}}, 1, WRONG_TYPE),
        ("ADD a :v", {"a": 1}, {1}, WRONG_TYPE),
        ("ADD a :v", {"a": {1}}, {"1"}, WRONG_TYPE),
        ("ADD a :v", {"a": [1]}, {1}, WRONG_TYPE),
        ("DELETE a :v", {"a": 1}, {1}, WRONG_TYPE),
        ("DELETE a :v", {"a": {1}}, {"1"}, WRONG_TYPE),
        ("DELETE a :v", {"a": [1]}, {1}, WRONG_TYPE),
        ("SET a.b = :v", {}, 1, WRONG_PATH),
        ("SET a.b = :v", {"a": 1}, 1, WRONG_PATH),
        ("SET a.b = :v", {"a": [1]}, 1, WRONG_PATH),
        ("SET a[0] = :v", {}, 1, WRONG_PATH),
        ("SET a[0] = :v", {"a": {}}, 1, WRONG_PATH),
        ("SET a[0] = :v", {"a": "text"}, 1, WRONG_PATH),
        ("SET a[1].b = :v", {"a": [{}]}, 1, WRONG_PATH),
        ("SET a.b.c = :v", {"a": {}}, 1, WRONG_PATH),
        ("REMOVE a.b", {}, None, WRONG_PATH),
        ("REMOVE a[0]", {"a": {"x": 1}}, None, WRONG_PATH),
        ("ADD a.b :v", {}, 1, WRONG_PATH),
        ("DELETE a.b :v", {}, {1}, WRONG_PATH),
    ],
)
def test_refused_of_an_item(text, item, value, message):
    prepared = update(text, **({"v": value} if ":v" in text else {}))
    with pytest.raises(ValidationError) as caught:
        prepared.apply(item)
    assert caught.value.message == message
    assert type(caught.value) is ValidationError


@pytest.mark.parametrize(
    ("left", "right", "total"),
    [
        (1, 2, 3),
        (10**37, -1, 10**37 - 1),
        (0.1, 0.2, 0.3),
        (0.1, 1, 1.1),
        (1, 2.0, 3.0),
        (0.5, -0.5, 0.0),
        (2**53, 1.0, Decimal(2**53 + 1)),
        (1e22, 1, Decimal(10000000000000000000001)),
        (1e16, 0.5, Decimal("10000000000000000.5")),
        (Decimal("1.10"), Decimal("2.20"), Decimal("3.30")),
        (Decimal("1.1"), 1, Decimal("2.1")),
        (Decimal("0.1"), 0.2, Decimal("0.3")),
        (Decimal("1E+37"), Decimal(1), Decimal(10000000000000000000000000000000000001)),
        (Decimal("9.9E+125"), Decimal("-9.9E+125"), Decimal(0)),
    ],
)
def test_sums_are_exact_and_keep_the_type(left, right, total):
    for text in ("SET a = a + :v", "ADD a :v"):
        result = outcome(text, {"a": left}, v=right)["a"]
        assert (result, type(result)) == (total, type(total))
    result = outcome("SET a = a - :v", {"a": left}, v=-right)["a"]
    assert (result, type(result)) == (total, type(total))


@pytest.mark.parametrize(
    ("left", "right", "message"),
    [
        (10**38 - 1, 10**38 - 1, DIGITS),
        (10**38, 1, DIGITS),
        (Decimal("1E+100"), 1, DIGITS),
        (1e100, 0.1, DIGITS),
        (Decimal("1E-130"), 1, DIGITS),
        (Decimal("9.9999999999999999999999999999999999999E+125"), Decimal("1E+125"), OVERFLOW),
        (9e125, 9e125, OVERFLOW),
        (-9 * 10**125, -9 * 10**125, OVERFLOW),
        (Decimal("1.1E-130"), Decimal("-1E-130"), UNDERFLOW),
        (1e77, 2e-311, DIGITS),
        (1, Decimal("1E-5000"), DIGITS),
        (1, Decimal("1E+5000"), DIGITS),
        (1, 10**200, OVERFLOW),
    ],
)
def test_sums_that_no_attribute_can_hold(left, right, message):
    for text in ("SET a = a + :v", "ADD a :v"):
        with pytest.raises(InvalidNumber) as caught:
            outcome(text, {"a": left}, v=right)
        assert caught.value.message == message


def test_sums_do_not_depend_on_the_decimal_context():
    strict = Context(prec=1, Emax=9, Emin=-9)
    for signal in strict.traps:
        strict.traps[signal] = True
    with localcontext(strict):
        assert outcome("ADD a :v", {"a": Decimal("1.25")}, v=10**20) == {
            "a": Decimal("100000000000000000001.25")
        }
        assert outcome("SET a = a - :v", {"a": 0.3}, v=0.1) == {"a": 0.2}
        with pytest.raises(InvalidNumber, match="overflow"):
            outcome("ADD a :v", {"a": Decimal("-9E+125")}, v=Decimal("-9E+125"))


@given(left=NUMBERS, right=NUMBERS)
def test_any_sum_is_exact_or_refused(left, right):
    exact = Fraction(exact_number(left)) + Fraction(exact_number(right))
    try:
        result = outcome("SET a = a + :v", {"a": left}, v=right)["a"]
    except InvalidNumber:
        wide = Context(prec=999)
        assert number_fault(wide.add(*(Decimal(exact_number(each)) for each in (left, right))))
    else:
        assert Fraction(exact_number(result)) == exact
        assert math.isfinite(result)
        if int is type(left) is type(right):
            assert type(result) is int
        if Decimal in (type(left), type(right)):
            assert type(result) is Decimal


def test_values_are_stored_as_they_are_given():
    value = [(1, {"x"}), date(2024, 1, 1), UUID(int=1), frozenset({1}), {"k": (2,)}, b"x", 1.5]
    after = outcome("SET a = :v", {}, v=value)["a"]
    assert after == value
    assert list(map(type, after)) == list(map(type, value))
    value[4]["k"] = None
    assert after[4] == {"k": (2,)}


def test_paths_and_attributes_are_what_an_update_writes():
    prepared = update("SET a.b[0] = c, #x.y = :v REMOVE d ADD e :v DELETE f[1] :s", v=1, s={1})
    assert prepared.paths == (("a", "b", 0), ("x", "y"), ("d",), ("e",), ("f", 1))
    assert prepared.attributes == {"a", "x", "d", "e", "f"}


def test_updated_shows_the_written_paths_alone():
    prepared = update("SET a.b = :v, l[1] = :v, n = n + :v REMOVE d, l[0] ADD m.k :v", v=1)
    old = {"a": {"b": 0, "c": 0}, "l": [5, 6, 7], "n": 1, "d": 4, "m": {}, "other": 9}
    assert prepared.updated(old) == {"a": {"b": 0}, "l": [5, 6], "n": 1, "d": 4}
    new = prepared.apply(old)
    assert new == {"a": {"b": 1, "c": 0}, "l": [1, 7], "n": 2, "m": {"k": 1}, "other": 9}
    assert prepared.updated(new, new=True) == {"a": {"b": 1}, "l": [7], "n": 2, "m": {"k": 1}}


@pytest.mark.parametrize(
    ("text", "old", "updated_old", "updated_new"),
    [
        ("SET a = :v", {}, {}, {"a": 1}),
        ("SET a[9] = :v", {"a": [5]}, {}, {}),
        ("REMOVE a[0]", {"a": [5, 6]}, {"a": [5]}, {}),
        ("REMOVE a", {"a": 5}, {"a": 5}, {}),
        ("REMOVE a.b.c", {"a": {"b": {"c": 1, "d": 2}}}, {"a": {"b": {"c": 1}}}, {}),
        ("SET a.b[0].c = :v", {"a": {"b": [{}, 2]}}, {}, {"a": {"b": [{"c": 1}]}}),
        ("ADD a :v", {"a": 5, "b": 1}, {"a": 5}, {"a": 6}),
        ("SET a = list_append(a, b)", {"a": [1], "b": [2]}, {"a": [1]}, {"a": [1, 2]}),
    ],
)
def test_updated_old_and_updated_new(text, old, updated_old, updated_new):
    prepared = update(text, **({"v": 1} if ":v" in text else {}))
    assert prepared.updated(old) == updated_old
    assert prepared.updated(prepared.apply(old), new=True) == updated_new


def test_key_attributes_cannot_be_written():
    for text in ("SET PK = :v", "SET PK.a = :v", "ADD PK :v"):
        prepared = update(text, v=1)
        prepared.check_keys(["SK", "x"])
        with pytest.raises(ValidationError) as caught:
            prepared.check_keys(("PK", "SK"))
        assert caught.value.message == (
            "One or more parameter values were invalid: Cannot update attribute PK. "
            "This attribute is part of the key"
        )


def test_what_is_not_written_is_shared_and_what_is_written_is_not():
    item = {"a": {"b": {"c": 1}, "x": [1]}, "o": [1]}
    after = update("SET a.b.c = :v", v=2).apply(item)
    assert after["o"] is item["o"]
    assert after["a"]["x"] is item["a"]["x"]
    assert after["a"] is not item["a"]
    assert item["a"]["b"] == {"c": 1}


NAMES = ["a", "b", "c"]
PATHS = st.builds(
    lambda name, steps: name + "".join(steps),
    st.sampled_from(NAMES),
    st.lists(st.sampled_from([".a", ".b", "[0]", "[1]", "[5]"]), max_size=2),
)
OPERANDS = st.recursive(
    PATHS | st.sampled_from([":v", ":w", ":l"]),
    lambda inner: (
        st.builds("if_not_exists({}, {})".format, PATHS, inner)
        | st.builds("list_append({}, {})".format, inner, inner)
        | st.builds("({} {} {})".format, inner, st.sampled_from("+-"), inner)
    ),
    max_leaves=4,
)
CLAUSES = {
    "SET": st.builds("{} = {}".format, PATHS, OPERANDS),
    "REMOVE": PATHS,
    "ADD": st.builds("{} {}".format, PATHS, st.sampled_from([":v", ":w"])),
    "DELETE": st.builds("{} {}".format, PATHS, st.sampled_from([":v", ":w"])),
}
UPDATES = st.lists(st.sampled_from(sorted(CLAUSES)), unique=True, min_size=1).flatmap(
    lambda clauses: st.tuples(
        *(
            st.lists(CLAUSES[clause], min_size=1, max_size=3)
            .map(", ".join)
            .map(f"{clause} ".__add__)
            for clause in clauses
        )
    ).map(" ".join)
)
ITEMS = st.dictionaries(st.sampled_from(NAMES), VALUES | st.recursive(
    st.integers(0, 9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES), inner),
    max_leaves=6,
))  # fmt: skip


@given(text=UPDATES, item=ITEMS, value=VALUES, other=NUMBERS)
def test_an_update_never_changes_its_argument(text, item, value, other):
    before = copy.deepcopy(item)
    request = Expressions(None, {":v": value, ":w": other, ":l": [value]})
    try:
        prepared = request.update(text)
        after = prepared.apply(item)
    except ValidationError:
        pass
    else:
        assert set(before) ^ set(after) <= prepared.attributes
        assert prepared.apply(item) == after
        for name in set(before) - prepared.attributes:
            assert after[name] is item[name]
    assert item == before


@given(
    members=st.lists(st.integers(0, 99), max_size=5),
    written=st.dictionaries(st.integers(0, 9), st.integers(100, 199), max_size=4),
    removed=st.sets(st.integers(0, 9), max_size=4),
    kind=st.sampled_from([list, tuple]),
)
def test_indexes_are_those_of_the_list_before_the_update(members, written, removed, kind):
    removed -= written.keys()
    clauses = {
        "SET": [f"l[{index}] = :v{index}" for index in written],
        "REMOVE": [f"l[{index}]" for index in removed],
    }
    text = " ".join(
        f"{clause} {', '.join(actions)}" for clause, actions in clauses.items() if actions
    )
    if text:
        after = outcome(
            text, {"l": kind(members)}, **{f"v{index}": v for index, v in written.items()}
        )
        kept = [written.get(i, member) for i, member in enumerate(members) if i not in removed]
        appended = [written[index] for index in sorted(written) if index >= len(members)]
        assert after == {"l": kind(kept + appended)}
