"""Conditions that stand alone: their language, and that only what is certain makes one true."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dynafile.conditions import MAX_CONDITION, read_condition
from dynafile.errors import ExpressionError

VALUES: dict[str, Any] = {
    "a": 1,
    "b": 1.0,
    "s": "text",
    "t": True,
    "f": False,
    "n": None,
    "l": [1, "x", {"y": 2}],
    "m": {"in": {"order": "yes"}, "two words": 2, "a": 1, "none": None},
}


def holds(text: str, values: Any = None) -> bool:
    condition, end = read_condition(text)
    assert end == len(text)
    return condition.holds(VALUES if values is None else values)


@pytest.mark.parametrize(
    "text",
    [
        "a = 1",
        "a = b",
        "a = 1.0 AND b = 1",
        "a <> 2",
        "a < 2 AND a <= 1 AND a > -1 AND a >= 1.0",
        "a BETWEEN 0 AND 1",
        "a IN (5, b)",
        "a IN [5, 1]",
        "s = 'text'",
        "s <> 'it''s'",
        "begins_with(s, 'te')",
        "contains(s, 'ex')",
        "contains(l, 'x')",
        "contains(l, 1.0)",
        "size(l) = 3",
        "size(s) > size(l)",
        "attribute_exists(n)",
        "attribute_not_exists(x)",
        "attribute_not_exists(x.y.z)",
        "attribute_type(n, 'NULL')",
        "attribute_type(m, 'M') AND attribute_type(l, 'L') AND attribute_type(t, 'BOOL')",
        "n = null",
        "m.in.order = 'yes'",
        "m['two words'] = 2",
        'm."two words" = 2',
        "l[2].y = 2",
        "l[0] = 1",
        "t",
        "NOT f",
        "true",
        "NOT false",
        "t AND NOT f",
        "(((t)))",
        "f OR t AND t",
        "a = 1 // comment\n AND /* another; one { */ t",
        "not a = 2 and t Or f",
        "NOT NOT t",
        "a != 2",
        "1 = a",
        "a = 1e0",
        "a = 1.",
    ],
)
def test_it_holds(text: str) -> None:
    assert holds(text)


@pytest.mark.parametrize(
    "text",
    [
        "x",
        "NOT x",
        "a",
        "s",
        "x = 1",
        "NOT x = 1",
        "x <> 1",
        "NOT x <> 1",
        "x <> null",
        "x = null",
        "x = y",
        "NOT x = y",
        "x <> y",
        "n.x <> null",
        "s < 5",
        "NOT s < 5",
        "NOT (s < 5)",
        "NOT s BETWEEN 1 AND 2",
        "NOT x BETWEEN 1 AND 2",
        "NOT x IN (1, 2)",
        "NOT a IN (x, 5)",
        "NOT begins_with(x, 'a')",
        "NOT begins_with(a, 'a')",
        "NOT begins_with(s, x)",
        "NOT contains(x, 1)",
        "NOT contains(a, 1)",
        "NOT contains(l, x)",
        "NOT attribute_type(x, 'S')",
        "NOT size(x) = 1",
        "size(x) <> 1",
        "size(a) <> 1",
        "NOT attribute_exists(a)",
        "NOT (t OR x)",
        "NOT (x OR f)",
        "NOT (t AND x)",
        "t = 1",
        "l = 1",
        "m.in.order.x = 'yes'",
        "s[0] = 't'",
        "false",
    ],
)
def test_it_does_not_hold(text: str) -> None:
    assert not holds(text)


@pytest.mark.parametrize(
    "text",
    [
        "NOT a = 2",
        "NOT a <> 1",
        "NOT a < 1",
        "NOT a >= 2",
        "NOT a BETWEEN 2 AND 3",
        "NOT a IN (2, 's')",
        "NOT s = 5",
        "s <> 5",
        "NOT begins_with(s, 'x')",
        "NOT contains(l, 'z')",
        "NOT contains(s, 'z')",
        "NOT attribute_type(a, 'S')",
        "NOT attribute_exists(x)",
        "NOT (f AND x)",
        "NOT (x AND f)",
        "t OR x",
        "x OR t",
        "NOT (f OR NOT t)",
        "n <> 5",
        "m.none <> 'x'",
    ],
)
def test_denials_of_what_is_there(text: str) -> None:
    assert holds(text)


def test_it_ends_before_a_semicolon_or_brace() -> None:
    for rest in ("; more", "}", "{ x", ""):
        condition, end = read_condition(f"if a = 1 {rest}", 2)
        assert condition.text == "a = 1"
        assert end == 9
        assert condition.names == (("a", 3),)


def test_operands_of_the_readers_own() -> None:
    operands = re.compile(r"get\([^)]*\)")
    condition, _ = read_condition("get(/x).a = 1 AND b", operands=operands)
    assert condition.names == (("get(/x)", 0), ("b", 18))
    assert condition.holds({"get(/x)": {"a": 1}, "b": True})
    with pytest.raises(ExpressionError, match="expected a name after the dot"):
        read_condition("a.get(/x) = 1", operands=operands)


def test_what_takes_longer_for_longer_values_is_counted() -> None:
    for text, count in {
        "a = 'x' AND b > c": 1,
        "a = b": 1,
        "contains(a, 'x') OR NOT contains(a, b)": 2,
        "a IN (b, c)": 2,
        "a IN (1, 2)": 0,
        "size(a) > 5 AND attribute_exists(b)": 0,
        "a = [1]": 1,
    }.items():
        assert read_condition(text)[0].scans == count, text


BAD = {
    "": (0, "expected an attribute or a value, not the end"),
    "a == 1": (2, "equality is written ="),
    "a && b": (2, "write AND"),
    "a || b": (2, "write OR"),
    "!a": (0, "write NOT"),
    "a = ": (4, "expected an attribute or a value"),
    "a = 'x": (4, "a text that does not end"),
    "a = 'x\n'": (4, "a text that does not end"),
    'a = "x': (4, "a quoted name that does not end"),
    "a = 1 b": (6, "expected AND, OR or the end of the condition, not 'b'"),
    "a = 1)": (5, "expected AND, OR or the end of the condition"),
    "(a = 1": (6, "expected )"),
    "a = 1 -- b": (6, "expected AND, OR or the end"),
    "a /* b": (2, "a comment that does not end"),
    "5": (0, "expected a condition"),
    "'a'": (0, "expected a condition"),
    "null": (0, "expected a condition"),
    "size(a)": (0, "expected a condition"),
    "a AND size(b)": (6, "expected a condition"),
    "foo(a)": (0, "there is no function foo"),
    "contains(a)": (0, "contains takes 2 operands, not 1"),
    "begins_with(a, 5)": (0, "operand type: N"),
    "attribute_type(a, 'X')": (0, "Invalid attribute type name"),
    "attribute_type(a, b)": (0, "attribute_type"),
    "attribute_exists('a')": (0, "requires a document path"),
    "a BETWEEN 5 AND 3": (0, "upper bound"),
    "a BETWEEN 1 AND 'x'": (0, "same data type"),
    "a BETWEEN 1": (11, "expected AND"),
    "a = a": (0, "must be distinct"),
    "a < true": (0, "operand type: BOOL"),
    "a IN 5": (5, "expected a list"),
    "a IN ()": (6, "expected an attribute or a value"),
    "a IN (" + ",".join(["1"] * 101) + ")": (208, "IN takes up to 100 values"),
    "a = 1e99999999999999999999": (4, "out of range"),
    "a = " + "9" * 39: (4, "39 significant digits"),
    "a[99999999999]": (2, "the list index is too large"),
    "a[-1]": (2, "expected a list index"),
    "a.": (2, "expected a name after the dot"),
    "a.5": (1, "expected AND, OR or the end"),
    "a..b": (2, "expected a name after the dot"),
    "in = 1": (0, 'as a name it is written "in"'),
    '"" = 1': (0, "must not be empty"),
    "a = ?": (4, "unexpected '?'"),
    "a = \x00": (4, "unexpected '\\x00'"),
    "a = é": (4, "unexpected 'é'"),
    "a + 1 = 2": (2, "no arithmetic"),
    "a LIKE 'x'": (2, "expected AND, OR or the end of the condition, not 'LIKE'"),
    "a IS MISSING": (2, "expected AND, OR"),
    "(" * 200 + "a" + ")" * 200: (101, "nested over 100 levels"),
    "NOT " * 200 + "a": (800, "nested over 100 levels"),
    "a." * 40 + "a": (0, "too many nesting elements"),
    "a = '" + "x" * MAX_CONDITION + "'": (0, "at most 4096 characters"),
    "a OR " * 1000 + "a": (0, "at most 4096 characters"),
}


@pytest.mark.parametrize("text", BAD, ids=lambda text: text[:30])
def test_bad_conditions(text: str) -> None:
    position, reason = BAD[text]
    with pytest.raises(ExpressionError) as caught:
        read_condition(text)
    assert reason in caught.value.message
    assert caught.value.position == position


# -- against another way to say what is certain ---------------------------------------------------

leaves = st.sampled_from(["t", "f", "x", "a = 1", "s < 5", "x <> 1", "a <> 2", "true", "false"])
KNOWN = {
    "t": True,
    "f": False,
    "x": None,
    "a = 1": True,
    "s < 5": None,
    "x <> 1": None,
    "a <> 2": True,
    "true": True,
    "false": False,
}
Tree = Any
trees: st.SearchStrategy[Tree] = st.recursive(
    leaves,
    lambda inner: (
        st.tuples(st.just("NOT"), inner) | st.tuples(st.sampled_from(["AND", "OR"]), inner, inner)
    ),
    max_leaves=20,
)


def written(tree: Tree) -> str:
    if isinstance(tree, str):
        return tree
    if tree[0] == "NOT":
        return f"NOT ({written(tree[1])})"
    return f"({written(tree[1])}) {tree[0]} ({written(tree[2])})"


def known(tree: Tree) -> bool | None:
    """True, false, or None for what nobody knows: Kleene's logic."""
    if isinstance(tree, str):
        return KNOWN[tree]
    if tree[0] == "NOT":
        inner = known(tree[1])
        return None if inner is None else not inner
    pair = {known(tree[1]), known(tree[2])}
    decisive = tree[0] == "OR"
    if decisive in pair:
        return decisive
    return None if None in pair else not decisive


@settings(max_examples=300, deadline=None)
@given(trees)
def test_it_is_the_logic_of_three_values(tree: Tree) -> None:
    assert holds(written(tree)) is (known(tree) is True)


@settings(max_examples=300, deadline=None)
@given(
    st.text(max_size=80)
    | st.lists(
        st.sampled_from(
            ["a", "b.c", "(", ")", "=", "<>", "AND", "OR", "NOT", "IN", "[", "]", ",", "'x'", "1",
             "1e9", "contains", "size", "true", "null", "BETWEEN", ".", "-", '"q"', "//", "/*"]
        ),
        max_size=20,
    ).map(" ".join),
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=3),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abc"), inner),
        max_leaves=8,
    ),
)  # fmt: skip
def test_any_text(text: str, value: Any) -> None:
    """It is refused with a position, or says true or false of any values."""
    try:
        condition, end = read_condition(text)
    except ExpressionError as error:
        assert error.position is not None
        assert 0 <= error.position <= len(text)
        return
    assert 0 <= end <= len(text)
    for values in ({}, {"a": value, "b": {"c": value}}):
        assert condition.holds(values) in (True, False)
