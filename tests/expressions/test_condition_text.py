"""Condition and filter expressions as text: what they mean, and that they mean what ``Attr`` does."""

from __future__ import annotations

import inspect
import random
import sys
from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

import pytest
from expressions import boto3_shapes
from expressions.values import VALUES
from hypothesis import given
from hypothesis import strategies as st

from dynafile.errors import ExpressionError, InvalidArgument, ValidationError
from dynafile.expressions import Attr, Condition, Expressions, Key, Size, lt, parse_filter
from dynafile.expressions.binding import Binder
from dynafile.expressions.comparison import kind_of
from dynafile.expressions.condition_parser import ConditionParser
from dynafile.expressions.languages import condition_template
from dynafile.expressions.nodes import (
    And,
    AttributeType,
    BeginsWith,
    Between,
    Comparison,
    Contains,
    Exists,
    Literal,
    Membership,
    Not,
    Or,
)
from dynafile.expressions.reserved_words import RESERVED_WORDS
from dynafile.expressions.templates import fill

ITEM = {
    "n": 5,
    "f": 0.1,
    "d": Decimal("1.50"),
    "s": "hello",
    "b": b"\x01\xff",
    "t": True,
    "z": None,
    "l": [1, "a", [3]],
    "m": {"x": 1, "y": [-1, {"k": "deep"}], "x.y": 2},
    "ss": {"red", "green"},
    "ns": {1, 2.5},
    "two": (1, 2),
    "born": date(2024, 5, 1),
    "id": UUID(int=7),
    "twin": 5.0,
    "first.name": "Ada",
    "name": "reserved",
    "prefix": "hel",
    "five": 5,
}
NAMES = {"#n": "name", "#f": "first.name", "#x": "x.y", "#m": "m"}
VALUES_GIVEN = {
    ":zero": 0,
    ":one": 1,
    ":two": 2,
    ":five": 5,
    ":six": 6,
    ":exact": Decimal("0.1"),
    ":hello": "hello",
    ":he": "he",
    ":a": "a",
    ":red": "red",
    ":N": "N",
    ":S": "S",
    ":L": "L",
    ":NULL": "NULL",
    ":true": True,
    ":null": None,
    ":pair": [1, 2],
    ":blob": bytearray(b"\x01\xff"),
    ":half": 2.5,
    ":numbers": {Decimal("2.5"), 1.0},
    ":day": datetime(2024, 5, 1),
    ":id": UUID(int=7),
    ":x": "x",
}

TRUE = """
n = :five
:five = n
n = twin
n <> :six
n<:six
:six>n
n <= :five
n >= :five AND n <= :five
f = :exact
s = :hello
b = :blob
t = :true
z = :null
two = :pair
ns = :numbers
born = :day
id = :id
n BETWEEN :one AND :six
n between five and :six
:two BETWEEN :one AND n
n BETWEEN :five AND :five AND s = :hello
n IN (:one, :five)
n in (s, five)
:five IN (n)
absent <> :one
s <> :one
NOT absent = :one
NOT s < :one
attribute_exists(z)
attribute_not_exists(absent)
attribute_not_exists(m.absent)
attribute_exists(m.y[1].k)
attribute_exists(l[2][0])
attribute_not_exists(l[3])
attribute_type(n, :N)
attribute_type(s, :S)
attribute_type(two, :L)
attribute_type(z, :NULL)
attribute_type(born, :S)
NOT attribute_type(absent, :S)
begins_with(s, :he)
begins_with(s, prefix)
begins_with(:hello, prefix)
contains(s, :he)
contains(s, prefix)
contains(ss, :red)
contains(ns, :half)
contains(l, :one)
contains(:hello, prefix)
NOT contains(m, :x)
size(s) = :five
size(s) = n
size(:hello) = n
:five = size(s)
size(ss) < size(l)
size(l) BETWEEN :one AND n
size(m) IN (size(l), :one)
NOT size(n) = :one
NOT size(absent) <> size(absent) OR n = :five
#n <> :x
#f <> :x
m.#x = :two
#m.#x = :two
m.x = :one
m.y[1].k <> :x
m.y [ 1 ] . k <> :x
(n) = (:five)
(size(s)) = (n)
(n = :five)
(n = :six OR (s = :hello AND t = :true))
n = :six OR n = :five AND s = :hello
(n = :six OR n = :five) AND s = :hello
NOT n = :six AND s = :hello
NOT (n = :six AND s = :hello)
NOT NOT n = :five
n = :five AND NOT (n = :six) AND NOT s = :he
:five = :five
:five < :six
NOT :five BETWEEN :six AND :six
""".strip().splitlines()

FALSE = """
n = :six
n <> :five
n = s
absent = :one
absent < :one
absent = absent.x
s < :one
:one > s
n BETWEEN :six AND :six
s BETWEEN :one AND :two
n IN (:one, :two)
absent IN (:one)
attribute_exists(absent)
attribute_exists(s.x)
attribute_exists(s[0])
attribute_exists(m[0])
attribute_type(absent, :S)
begins_with(n, :he)
begins_with(s, five)
contains(n, :one)
contains(absent, :one)
size(n) < :six
size(absent) = :zero
n = :six OR n = :one
n = :five AND n = :six
NOT n = :five
NOT (n = :five OR n = :six)
NOT n = :six AND n = :six
:five = :six
""".strip().splitlines()


def condition(text, names=None, values=None, parameter="FilterExpression"):
    """Prepare a text with those placeholders that it uses."""
    if names is None:
        names = {name: NAMES[name] for name in NAMES if name in text} or None
    if values is None:
        parsed = ConditionParser(parameter, text).parse()
        values = {value: VALUES_GIVEN[value] for value in parsed.values} or None
    request = Expressions(names, values)
    prepared = request.condition(text, parameter)
    request.finish()
    return prepared


def negated(text):
    return f"NOT {text}" if text[0] + text[-1] == "()" else f"NOT ({text})"


@pytest.mark.parametrize("text", TRUE)
def test_true(text):
    assert condition(text).test(ITEM) is True
    assert condition(negated(text)).test(ITEM) is False


@pytest.mark.parametrize("text", FALSE)
def test_false(text):
    assert condition(text).test(ITEM) is False
    assert condition(negated(text)).test(ITEM) is True


@pytest.mark.parametrize(
    ("text", "attributes"),
    [
        ("n = :one", {"n"}),
        ("m.x = l[0] AND size(s) > :one", {"m", "l", "s"}),
        ("#n = :one OR NOT attribute_exists(#f)", {"name", "first.name"}),
        (":one IN (n, :two, five)", {"n", "five"}),
        (":one = :two", set()),
    ],
)
def test_attributes_are_what_a_condition_looks_at(text, attributes):
    assert condition(text).attributes == attributes


def test_keywords_have_any_case_and_functions_one():
    assert condition("n BeTween :one aNd :six Or nOt s iN (:a)").test(ITEM)
    with pytest.raises(ValidationError, match="Invalid function name; function: Contains"):
        condition("Contains(s, :he)")


def test_a_value_given_again_may_have_another_type():
    text = "n = :five"
    for value, expected in [
        (5, True),
        (5.0, True),
        (Decimal(5), True),
        ("5", False),
        (True, False),
    ]:
        assert condition(text, None, {":five": value}).test(ITEM) is expected
    for value in ({5}, [5], {"a": 5}, None, b"5", 5.5, date(2024, 1, 1)):
        assert condition(text, None, {":five": value}).test({"n": value}) is True


def test_a_name_given_again_may_be_another():
    for name in ("n", "five", "twin"):
        assert condition("#a = :five", {"#a": name}).test(ITEM)
        assert condition("#a = :five", {"#a": name}).attributes == {name}
    assert not condition("#a = :five", {"#a": "s"}).test(ITEM)


def test_a_type_name_given_again_may_be_another():
    text = "attribute_type(n, :t)"
    assert condition(text, None, {":t": "N"}).test(ITEM)
    assert not condition(text, None, {":t": "S"}).test(ITEM)
    with pytest.raises(ValidationError, match="type: n,"):
        condition(text, None, {":t": "n"})
    assert condition(text, None, {":t": "N"}).test(ITEM)


def test_a_caller_cannot_change_a_value_after_the_fact():
    value = [1, [2]]
    holds = condition("l = :l", None, {":l": value}).test
    value[1].append(3)
    assert holds({"l": [1, [2]]})


def test_builders_are_taken_where_text_is():
    request = Expressions(None, None)
    built = request.condition(Attr("n").eq(5) & Attr("m.x").lt(2))
    assert built.test(ITEM)
    assert built.attributes == {"n", "m"}
    assert request.condition(Key("n").eq(5)).test(ITEM)
    assert request.condition(boto3_shapes.Attr("n").gt(4)).test(ITEM)
    request.finish()
    for spec in (Attr("n"), None, lambda item: True, boto3_shapes.Attr("n")):
        with pytest.raises(InvalidArgument):
            request.condition(spec)
    with pytest.raises(InvalidArgument):
        request.condition(lt(5))


def test_reserved_words_are_all_there():
    assert len(RESERVED_WORDS) == 573
    assert all(word.isalpha() and word.isupper() for word in RESERVED_WORDS)
    assert {"ABORT", "NAME", "STATUS", "TTL", "ZONE"} <= RESERVED_WORDS


def test_long_runs_are_no_nesting():
    text = " OR ".join(["a=:v"] * 149 + ["n=:v"])
    assert condition(text, None, {":v": 5}).test(ITEM)
    text = " AND ".join(["n=:v"] * 150)
    assert condition(text, None, {":v": 5}).test(ITEM)
    inner = "n = :five"
    for level in range(95):
        inner = f"n = :five AND ({inner})" if level % 2 else f"n = :six OR ({inner})"
    assert condition(inner, None, {":five": 5, ":six": 6}).test(ITEM)


def test_the_deepest_expressions_leave_most_of_the_stack_to_others():
    inner = "n = :five"
    for level in range(99):
        inner = f"n = :five AND ({inner})" if level % 2 else f"n = :six OR ({inner})"
    depth = len(inspect.stack())
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(depth + 400)
    try:
        assert condition(inner, None, {":five": 5, ":six": 6}).test(ITEM)
    finally:
        sys.setrecursionlimit(limit)


ATTRIBUTES = st.lists(
    st.sampled_from(["a", "b", "status", "x.y", "_u", "größe", "Name9_", "#p", "AND"]),
    min_size=1,
    max_size=3,
).flatmap(lambda names: st.sampled_from([tuple(names), (names[0], 0, *names[1:]), (*names, 12)]))
ATTRS = ATTRIBUTES.map(Attr)
TEXTS = st.text(max_size=3) | st.binary(max_size=3)
ORDERED = st.integers(-9, 9) | st.floats(-9, 9) | TEXTS
LEFTS = ATTRS | ATTRS.map(Attr.size)
LEAVES = st.one_of(
    st.builds(lambda left, value: left.eq(value), LEFTS, VALUES),
    st.builds(lambda left, value: left.ne(value), LEFTS, VALUES),
    st.builds(
        lambda left, name, value: getattr(left, name)(value),
        LEFTS,
        st.sampled_from(["lt", "lte", "gt", "gte"]),
        ORDERED,
    ),
    st.builds(
        lambda left, ends: left.between(*sorted(ends)),
        LEFTS,
        st.lists(st.integers(-9, 9), min_size=2, max_size=2),
    ),
    st.builds(
        lambda left, values: left.is_in(values), LEFTS, st.lists(VALUES, min_size=1, max_size=4)
    ),
    st.builds(Attr.begins_with, ATTRS, TEXTS),
    st.builds(Attr.contains, ATTRS, VALUES),
    st.builds(Attr.exists, ATTRS),
    st.builds(Attr.not_exists, ATTRS),
    st.builds(Attr.attribute_type, ATTRS, st.sampled_from(["S", "N", "L", "SS"])),
)
TREES = st.recursive(
    LEAVES,
    lambda inner: (
        st.builds(lambda a, b: a & b, inner, inner)
        | st.builds(lambda a, b: a | b, inner, inner)
        | st.builds(lambda a: ~a, inner)
    ),
    max_leaves=8,
)


class Renderer:
    """Writes a condition as text, with placeholders where needed and in random case and space."""

    def __init__(self, seed):
        self.random = random.Random(seed)
        self.names = {}
        self.values = {}

    def word(self, text):
        return "".join(self.random.choice([c.upper(), c.lower()]) for c in text)

    def space(self):
        return self.random.choice(["", " ", "\n"])

    def node(self, node, outer=0):
        if isinstance(node, (And, Or)):
            precedence = 2 if isinstance(node, And) else 1
            joint = f" {self.word('and' if precedence == 2 else 'or')} "
            text = joint.join(self.node(term, precedence) for term in node.conditions)
            return f"({text})" if precedence < outer else text
        if isinstance(node, Not):
            text = f"{self.word('not')} {self.node(node.condition, 3)}"
            return f"({text})" if self.random.random() < 0.1 else text
        return self.leaf(node)

    def leaf(self, node):
        space = self.space()
        if isinstance(node, Comparison):
            return (
                f"{self.operand(node.left)}{space}{node.operator}{space}{self.operand(node.right)}"
            )
        if isinstance(node, Between):
            ends = f" {self.word('and')} ".join(map(self.operand, (node.low, node.high)))
            return f"{self.operand(node.operand)} {self.word('between')} {ends}"
        if isinstance(node, Membership):
            members = f"{space},".join(map(self.operand, node.values))
            return f"{self.operand(node.operand)} {self.word('in')}{space}({members})"
        if isinstance(node, BeginsWith):
            return f"begins_with({self.operand(node.operand)},{self.operand(node.prefix)})"
        if isinstance(node, Contains):
            return f"contains{space}({self.operand(node.operand)}, {self.operand(node.member)})"
        if isinstance(node, Exists):
            function = "attribute_exists" if node.expected else "attribute_not_exists"
            return f"{function}({space}{self.operand(node.attribute)})"
        assert isinstance(node, AttributeType)
        return f"attribute_type({self.operand(node.operand)}, {self.operand(Literal(node.name))})"

    def operand(self, operand):
        if isinstance(operand, Size):
            return f"size({self.operand(operand.attribute)})"
        if isinstance(operand, Attr):
            first, *steps = operand.path
            return self.name(first) + "".join(
                f"[{step}]" if isinstance(step, int) else f".{self.name(step)}" for step in steps
            )
        placeholder = f":v{len(self.values)}"
        self.values[placeholder] = operand.value
        return placeholder

    def name(self, name):
        bare = name.isidentifier() and name.isascii() and name[0] != "_"
        if bare and name.upper() not in RESERVED_WORDS and self.random.random() < 0.7:
            return name
        placeholder = f"#n{len(self.names)}"
        self.names[placeholder] = name
        return placeholder


def parsed_back(text, names, values):
    """The condition that a text with placeholders is, with the values filled in."""
    parsed = ConditionParser("ConditionExpression", text).parse()
    given = [values[placeholder] for placeholder in parsed.values]
    pinned = [values[placeholder] for placeholder in parsed.pinned]
    binder = Binder(parsed, names, list(map(kind_of, given)), pinned)
    return fill(condition_template(binder, parsed.tree), given)


@given(
    tree=TREES,
    seed=st.integers(0, 1000),
    item=st.dictionaries(st.sampled_from(["a", "b", "status"]), VALUES),
)
def test_text_is_the_condition_that_attr_builds(tree, seed, item):
    renderer = Renderer(seed)
    text = renderer.node(tree)
    names, values = renderer.names, renderer.values
    assert isinstance(tree, Condition)
    assert parsed_back(text, names, values) == tree
    request = Expressions(names or None, values or None)
    prepared = request.condition(text)
    request.finish()
    assert prepared.test(item) is bool(parse_filter(tree)(item))
    assert prepared.attributes == request.condition(tree).attributes


WORDS = """
a b.c x[0] #n :v :w :t and or not between in size contains begins_with attribute_exists attribute_type
if_not_exists list_append set remove add delete name é _ 12 ( ) [ ] . , = <> < <= > >= + - ' " @ # :
"""
PIECES = st.sampled_from(WORDS.split())
ANY_TEXT = (
    st.lists(PIECES, max_size=12).map(" ".join)
    | st.lists(PIECES, max_size=12).map("".join)
    | st.text(max_size=20)
    | st.sampled_from(
        ["(", "not ", "(not ", "a.", "a[0]", "size(", "set a=(", "a,", "\ud800"]
    ).flatmap(lambda piece: st.integers(0, 2000).map(lambda count: piece * count))
)


@given(text=ANY_TEXT, value=VALUES)
def test_any_text_is_an_expression_or_a_validation_error(text, value):
    request = Expressions({"#n": "n"}, {":v": value, ":w": 1, ":t": "S"})
    for prepare in (request.condition, request.key_condition, request.projection, request.update):
        try:
            prepared = prepare(text)
        except ExpressionError as error:
            assert error.expression == text
            assert error.position in range(len(text) + 1)
        except ValidationError:
            pass
        else:
            if prepare == request.condition:
                assert prepared.test({"a": 1, "b": {"c": [1]}}) in (True, False)
