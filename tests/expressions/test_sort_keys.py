"""Sort key conditions."""

from __future__ import annotations

import copy
import enum
import pickle
from decimal import Decimal

import pytest

from dynafile.errors import InvalidArgument, InvalidNumber, UnsupportedType, ValidationError
from dynafile.expressions import (
    Attr,
    Key,
    SortKeyCondition,
    begins_with,
    between,
    eq,
    gt,
    gte,
    key_condition,
    lt,
    lte,
)


class Colour(enum.StrEnum):
    RED = "red"


@pytest.mark.parametrize(
    ("condition", "named", "operator", "values"),
    [
        (eq("a"), Key("SK").eq("a"), "=", ("a",)),
        (lt(1), Key("SK").lt(1), "<", (1,)),
        (lte(1.5), Key("SK").lte(1.5), "<=", (1.5,)),
        (gt(b"a"), Key("SK").gt(b"a"), ">", (b"a",)),
        (gte(Decimal(1)), Key("SK").gte(Decimal(1)), ">=", (Decimal(1),)),
        (between("a", "b"), Key("SK").between("a", "b"), "BETWEEN", ("a", "b")),
        (between(1, 1.0), Key("SK").between(1, 1.0), "BETWEEN", (1, 1.0)),
        (begins_with("a"), Key("SK").begins_with("a"), "begins_with", ("a",)),
        (begins_with(""), Key("SK").begins_with(""), "begins_with", ("",)),
        (eq(Colour.RED), Key("SK").eq("red"), "=", ("red",)),
        (eq(bytearray(b"a")), Key("SK").eq(b"a"), "=", (b"a",)),
    ],
)
def test_what_a_condition_is(condition, named, operator, values):
    assert condition.operator == operator
    assert condition.values == values
    assert list(map(type, condition.values)) == list(map(type, values))
    assert condition.attribute is None
    assert named.attribute == "SK"
    assert condition != named
    assert key_condition(condition, "SK") == key_condition(named, "SK") == named
    assert eval(repr(condition)) == condition
    assert eval(repr(named)) == named
    assert copy.deepcopy(named) == named == pickle.loads(pickle.dumps(named))
    assert hash(condition) == hash(SortKeyCondition(operator, values))
    with pytest.raises(AttributeError):
        condition.operator = "<>"


@pytest.mark.parametrize("value", ["a", b"a", 1, 1.5, Decimal("0.1"), Colour.RED])
def test_a_plain_value_means_equal(value):
    assert key_condition(value, "SK") == Key("SK").eq(value)


@pytest.mark.parametrize(
    ("build", "error"),
    [
        (lambda: eq(None), InvalidArgument),
        (lambda: between(None, 1), InvalidArgument),
        (lambda: between("a", None), InvalidArgument),
        (lambda: begins_with(None), InvalidArgument),
        (lambda: Key("SK").lt(None), InvalidArgument),
        (lambda: lt(True), UnsupportedType),
        (lambda: lt([1]), UnsupportedType),
        (lambda: eq({"a"}), UnsupportedType),
        (lambda: eq(object()), UnsupportedType),
        (lambda: eq(1j), UnsupportedType),
        (lambda: gt(float("nan")), InvalidNumber),
        (lambda: gt(Decimal("inf")), InvalidNumber),
        (lambda: gt(Attr("a")), InvalidArgument),
        (lambda: gt(Key("a")), InvalidArgument),
        (lambda: gt(lt(1)), InvalidArgument),
        (lambda: between(2, 1), ValidationError),
        (lambda: between("b", "a"), ValidationError),
        (lambda: between(b"b", b"a"), ValidationError),
        (lambda: between(Decimal("0.2"), 0.1), ValidationError),
        (lambda: between("1", 2), ValidationError),
        (lambda: between("a", b"b"), ValidationError),
        (lambda: begins_with(1), ValidationError),
        (lambda: SortKeyCondition("<>", (1,)), InvalidArgument),
        (lambda: SortKeyCondition("=", (1, 2)), InvalidArgument),
        (lambda: SortKeyCondition("BETWEEN", (1,)), InvalidArgument),
        (lambda: SortKeyCondition("BETWEEN", (2, 1)), ValidationError),
        (lambda: Key(""), InvalidArgument),
        (lambda: Key(5), InvalidArgument),
        (lambda: key_condition(None, "SK"), InvalidArgument),
        (lambda: key_condition(True, "SK"), UnsupportedType),
        (lambda: key_condition(["a"], "SK"), UnsupportedType),
        (lambda: key_condition({"SK": "a"}, "SK"), UnsupportedType),
        (lambda: key_condition(len, "SK"), InvalidArgument),
        (lambda: key_condition(Key("SK"), "SK"), InvalidArgument),
        (lambda: key_condition(Attr("SK"), "SK"), InvalidArgument),
        (lambda: key_condition(Attr("SK").size(), "SK"), InvalidArgument),
        (lambda: key_condition(Key("PK").eq("a"), "SK"), InvalidArgument),
        (lambda: key_condition(Attr("SK").eq("a"), "SK"), InvalidArgument),
        (lambda: key_condition(Attr("SK").ne("a"), "SK"), InvalidArgument),
        (lambda: key_condition(Attr("SK").is_in(["a"]), "SK"), InvalidArgument),
        (lambda: key_condition(Key("SK").gt("a") & Key("SK").lt("b"), "SK"), InvalidArgument),
        (lambda: key_condition(Key("SK").gt("a") | Key("SK").lt("b"), "SK"), InvalidArgument),
        (lambda: key_condition(~Key("SK").gt("a"), "SK"), InvalidArgument),
    ],
)
def test_what_cannot_be_a_sort_key_condition_is_refused(build, error):
    with pytest.raises(error) as caught:
        build()
    assert type(caught.value) is error


def test_between_refuses_in_the_words_of_dynamodb():
    with pytest.raises(
        ValidationError,
        match="Invalid KeyConditionExpression: The BETWEEN operator requires upper bound to be "
        "greater than or equal to lower bound; lower bound operand: AttributeValue: "
        r"\{S:b\}, upper bound operand: AttributeValue: \{S:a\}",
    ):
        between("b", "a")
    with pytest.raises(ValidationError, match="requires same data type"):
        between("b", 1)
    with pytest.raises(ValidationError, match="begins_with, operand type: N"):
        begins_with(1)


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        (Key("PK").eq("a"), "partition key is an argument of its own"),
        (Key("SK").gt("a") & Key("SK").lt("b"), r"between\(a, b\)"),
        (Attr("SK").ne("a"), r"use Key\('SK'\)"),
        (Key("SK"), r"Key\('SK'\) is no condition"),
        (None, "eq was given None|was given None"),
    ],
)
def test_a_refusal_says_what_to_do(spec, words):
    with pytest.raises(InvalidArgument, match=words):
        key_condition(spec, "SK")


def test_the_name_of_a_key_is_never_a_path():
    assert Key("a.b").name == "a.b"
    assert Key("a.b").lt(1).attribute == "a.b"


def test_a_sort_key_condition_has_no_truth():
    with pytest.raises(TypeError, match="combine conditions"):
        bool(lt(1))
