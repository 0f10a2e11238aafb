"""Key condition expressions: the item collection and the range that a query reads."""

from __future__ import annotations

import pytest
from expressions import boto3_shapes

from dynafile.errors import InvalidArgument, UnsupportedType, ValidationError
from dynafile.expressions import Attr, Expressions, Key, between

GIVEN = {":p": "p", ":q": "q", ":one": 1, ":two": 2, ":s": "s", ":t": "t", ":b": b"x"}
SUPPORT = "Query key condition not supported"


def key_condition(text, names=None):
    given = {value: GIVEN[value] for value in GIVEN if value in text.replace(")", " ").split()}
    request = Expressions(names, given or None)
    prepared = request.key_condition(text)
    request.finish()
    return prepared


@pytest.mark.parametrize(
    ("text", "equals", "rest"),
    [
        ("PK = :p", {"PK": "p"}, None),
        (":p = PK", {"PK": "p"}, None),
        ("PK = :p AND SK = :one", {"PK": "p", "SK": 1}, None),
        ("SK > :one and PK = :p", {"PK": "p"}, Key("SK").gt(1)),
        ("PK = :p AND :one < SK", {"PK": "p"}, Key("SK").gt(1)),
        ("PK = :p AND SK < :one", {"PK": "p"}, Key("SK").lt(1)),
        ("PK = :p AND SK <= :one", {"PK": "p"}, Key("SK").lte(1)),
        ("PK = :p AND SK >= :b", {"PK": "p"}, Key("SK").gte(b"x")),
        ("PK = :p AND SK BETWEEN :s AND :t", {"PK": "p"}, Key("SK").between("s", "t")),
        ("PK = :p AND begins_with( SK, :s )", {"PK": "p"}, Key("SK").begins_with("s")),
        ("( PK = :p ) AND ( SK > :s )", {"PK": "p"}, Key("SK").gt("s")),
        (
            "a = :p AND b = :q AND c = :one AND d > :two",
            {"a": "p", "b": "q", "c": 1},
            Key("d").gt(2),
        ),
    ],
)
def test_what_is_said(text, equals, rest):
    prepared = key_condition(text)
    assert prepared.equals == equals
    assert prepared.range == rest


def test_names_stand_for_whole_names():
    prepared = key_condition("#p = :p AND #s > :s", {"#p": "the.pk", "#s": "status"})
    assert prepared.equals == {"the.pk": "p"}
    assert prepared.range == Key("status").gt("s")


@pytest.mark.parametrize(
    ("text", "pk", "sk", "bound"),
    [
        ("PK = :p", ["PK"], ["SK"], (("p",), (), None)),
        ("PK = :p", ["PK"], [], (("p",), (), None)),
        ("PK = :p AND SK = :s", ["PK"], ["SK"], (("p",), ("s",), None)),
        ("SK > :s AND PK = :p", ["PK"], ["SK"], (("p",), (), Key("SK").gt("s"))),
        ("b = :q AND a = :p", ["a", "b"], ["c"], (("p", "q"), (), None)),
        ("b = :q AND a = :p AND c = :one", ["a", "b"], ["c", "d"], (("p", "q"), (1,), None)),
        (
            "a = :p AND d < :two AND c = :one",
            ["a"],
            ["c", "d", "e"],
            (("p",), (1,), Key("d").lt(2)),
        ),
    ],
)
def test_what_it_says_of_a_key(text, pk, sk, bound):
    assert key_condition(text).bind(pk, sk) == bound


def missed(name):
    return f"Query condition missed key schema element: {name}"


@pytest.mark.parametrize(
    ("text", "pk", "sk", "message"),
    [
        ("SK = :s", ["PK"], ["SK"], missed("PK")),
        ("PK > :p", ["PK"], ["SK"], SUPPORT),
        ("begins_with( PK, :p )", ["PK"], ["SK"], SUPPORT),
        ("PK = :p AND x = :s", ["PK"], ["SK"], missed("SK")),
        ("PK = :p AND x > :s", ["PK"], ["SK"], missed("SK")),
        ("PK = :p AND x = :s", ["PK"], [], SUPPORT),
        ("PK = :p AND x > :s", ["PK"], [], SUPPORT),
        (
            "PK = :p AND SK = :s AND x = :t",
            ["PK"],
            ["SK"],
            "Conditions can be of length 1 or 2 only",
        ),
        (
            "PK = :p AND SK = :s AND x > :t",
            ["PK"],
            ["SK"],
            "Conditions can be of length 1 or 2 only",
        ),
        ("a = :p", ["a", "b"], ["c"], missed("b")),
        ("a = :p AND b > :q", ["a", "b"], ["c"], SUPPORT),
        ("a = :p AND d = :q", ["a"], ["c", "d"], missed("c")),
        ("a = :p AND d > :q", ["a"], ["c", "d"], missed("c")),
        ("a = :p AND c > :q AND d = :s", ["a"], ["c", "d"], missed("c")),
        ("a = :p AND c = :q AND d = :s AND x = :t", ["a"], ["c", "d"], SUPPORT),
    ],
)
def test_what_does_not_fit_a_key(text, pk, sk, message):
    prepared = key_condition(text)
    with pytest.raises(ValidationError) as caught:
        prepared.bind(pk, sk)
    assert caught.value.message == message


@pytest.mark.parametrize("source", [Key, Attr, boto3_shapes.Key, boto3_shapes.Attr])
def test_builders_are_taken_where_text_is(source):
    request = Expressions(None, None)
    assert request.key_condition(source("PK").eq("p")).equals == {"PK": "p"}
    prepared = request.key_condition(source("PK").eq("p") & source("SK").between("a", "b"))
    assert prepared.equals == {"PK": "p"}
    assert prepared.range == Key("SK").between("a", "b")
    with pytest.raises(ValidationError, match="KeyConditionExpression: OR"):
        request.key_condition(source("PK").eq("p") | source("SK").eq("b"))
    with pytest.raises(ValidationError, match="KeyConditionExpression: NOT"):
        request.key_condition(~source("PK").eq("p"))
    with pytest.raises(ValidationError, match="only contain one condition per key"):
        request.key_condition(source("PK").eq("p") & source("PK").gt("b"))


def test_what_is_no_key_condition():
    request = Expressions(None, {":v": [1], ":d": None})
    for spec in (None, 5, Key("PK"), lambda: None):
        with pytest.raises(InvalidArgument):
            request.key_condition(spec)
    with pytest.raises(ValidationError, match="No key attribute specified"):
        request.key_condition(between("a", "b"))
    with pytest.raises(ValidationError, match="operator: >, operand type: L"):
        request.key_condition("PK = :v AND SK > :v")
    with pytest.raises(UnsupportedType):
        Expressions(None, {":v": object()}).key_condition("PK = :v")
    assert request.key_condition("PK = :v").equals == {"PK": [1]}
