"""Conditions of boto3, taken by their shape: those of boto3 itself too, where it is installed."""

from __future__ import annotations

import functools
import importlib
import importlib.util
import operator
from decimal import Decimal

import pytest
from expressions import boto3_shapes

from dynafile import expressions as ours
from dynafile.errors import ExpressionError, InvalidArgument, UnsupportedType, ValidationError
from dynafile.expressions import SortKeyCondition, key_condition, parse_filter
from dynafile.expressions.boto3_conditions import from_boto3

SOURCES = [boto3_shapes]
if importlib.util.find_spec("boto3") is not None:
    SOURCES.append(importlib.import_module("boto3.dynamodb.conditions"))

CONDITIONS = [
    lambda m: m.Attr("a").eq(1),
    lambda m: m.Attr("a.b[0]").eq({"x": [Decimal("1.5")]}),
    lambda m: m.Attr("a").ne("x"),
    lambda m: m.Attr("a").lt(1),
    lambda m: m.Attr("a").lte(b"x"),
    lambda m: m.Attr("a").gt("x"),
    lambda m: m.Attr("a").gte(m.Attr("b")),
    lambda m: m.Attr("a").between(1, 2),
    lambda m: m.Attr("a").is_in([1, "x", None]),
    lambda m: m.Attr("a").begins_with("x"),
    lambda m: m.Attr("a").contains("x"),
    lambda m: m.Attr("a").attribute_type("SS"),
    lambda m: m.Attr("a").exists(),
    lambda m: m.Attr("a").not_exists(),
    lambda m: m.Attr("a").size().gt(1),
    lambda m: m.Attr("a").size().between(1, 2),
    lambda m: m.Attr("a").eq(m.Attr("b").size()),
    lambda m: m.Attr("a").eq(1) & m.Attr("b").eq(2) & ~(m.Attr("c").eq(3) | m.Attr("d").exists()),
    lambda m: m.Attr("a").eq(1) | m.Attr("b").eq(2) & m.Attr("c").eq(3),
    lambda m: functools.reduce(operator.or_, (m.Attr("a").eq(n) for n in range(3000))),
    lambda m: functools.reduce(
        lambda done, n: m.Attr("a").eq(n) & done, range(300), m.Attr("b").exists()
    ),
]


@pytest.fixture(params=SOURCES, ids=lambda source: source.__name__)
def boto3(request):
    return request.param


@pytest.mark.parametrize("build", CONDITIONS)
def test_a_condition_of_boto3_is_the_same_as_ours(boto3, build):
    assert from_boto3(build(boto3)) == build(ours)


def test_a_filter_takes_a_condition_of_boto3(boto3):
    holds = parse_filter(boto3.Attr("age").gte(18) & ~boto3.Attr("tags").contains("blocked"))
    assert holds({"age": 20, "tags": {"a"}})
    assert not holds({"age": 20, "tags": {"blocked"}})
    assert parse_filter(boto3.Key("a").eq(1))({"a": 1.0})


@pytest.mark.parametrize(
    ("build", "error"),
    [
        (lambda m: parse_filter(m.Attr("a")), InvalidArgument),
        (lambda m: parse_filter(m.Key("a")), InvalidArgument),
        (lambda m: parse_filter(m.Attr("a").size()), InvalidArgument),
        (lambda m: parse_filter(m.Attr("a").eq(m.Attr("b").exists())), InvalidArgument),
        (lambda m: parse_filter(m.Attr("a").eq(object())), UnsupportedType),
        (lambda m: parse_filter(m.Attr("a").is_in("abc")), InvalidArgument),
        (lambda m: parse_filter(m.Attr("a").is_in([])), ValidationError),
        (lambda m: parse_filter(m.Attr("a").lt(True)), ValidationError),
        (lambda m: parse_filter(m.Attr("a..b").eq(1)), ExpressionError),
        (lambda m: key_condition(m.Attr("SK").eq(1), "SK"), InvalidArgument),
        (lambda m: key_condition(m.Attr("SK").ne(1), "SK"), InvalidArgument),
        (lambda m: key_condition(m.Attr("SK").size().eq(1), "SK"), InvalidArgument),
        (lambda m: key_condition(m.Key("PK").eq(1), "SK"), InvalidArgument),
        (lambda m: key_condition(m.Key("SK").eq(None), "SK"), InvalidArgument),
        (lambda m: key_condition(m.Key("SK").eq(m.Key("PK")), "SK"), UnsupportedType),
        (lambda m: key_condition(m.Key("PK").eq(1) & m.Key("SK").lt(2), "SK"), InvalidArgument),
        (lambda m: key_condition(~m.Key("SK").lt(2), "SK"), InvalidArgument),
        (lambda m: key_condition(m.Key("SK").between(2, 1), "SK"), ValidationError),
        (lambda m: key_condition(m.Key("SK"), "SK"), InvalidArgument),
    ],
)
def test_what_boto3_builds_and_we_cannot_take_is_refused(boto3, build, error):
    with pytest.raises(error) as caught:
        build(boto3)
    assert type(caught.value) is error


@pytest.mark.parametrize(
    "build",
    [
        lambda m: m.Key("SK").eq("x"),
        lambda m: m.Key("SK").lt(1),
        lambda m: m.Key("SK").lte(1),
        lambda m: m.Key("SK").gt(b"x"),
        lambda m: m.Key("SK").gte(Decimal("1.5")),
        lambda m: m.Key("SK").between("a", "b"),
        lambda m: m.Key("SK").begins_with("a"),
    ],
)
def test_a_key_condition_of_boto3_is_the_same_as_ours(boto3, build):
    condition = key_condition(build(boto3), "SK")
    assert condition == build(ours)
    assert type(condition) is SortKeyCondition


def test_nesting_has_a_limit(boto3):
    condition = boto3.Attr("a").exists()
    for _ in range(5000):
        condition = ~condition
    with pytest.raises(ExpressionError):
        parse_filter(condition)


@pytest.mark.parametrize(
    "expression",
    [
        None,
        {},
        {"operator": "="},
        {"operator": "=", "values": 5},
        {"operator": "=", "values": (boto3_shapes.Attr("a"),)},
        {"operator": "LIKE", "values": (boto3_shapes.Attr("a"), 1)},
        {"operator": "AND", "values": (1, 2)},
        {"operator": "attribute_exists", "values": (1,)},
    ],
)
def test_an_object_that_only_looks_like_a_condition_is_refused(expression):
    class Impostor:
        def get_expression(self):
            return expression

    with pytest.raises(InvalidArgument):
        parse_filter(Impostor())
