"""Expressions that DynamoDB refuses, before it looks at an item: the table of ``refusals``."""

from __future__ import annotations

from collections import defaultdict
from types import MappingProxyType

import pytest
from expressions.refusals import REFUSALS

from dynafile.errors import ExpressionError, ValidationError
from dynafile.expressions import Expressions


def prepare(parameter, expression, names=None, values=None):
    request = Expressions(names, values)
    if parameter == "UpdateExpression":
        prepared = request.update(expression)
    elif parameter == "ProjectionExpression":
        prepared = request.projection(expression)
    elif parameter == "KeyConditionExpression":
        prepared = request.key_condition(expression)
    else:
        prepared = request.condition(expression, parameter)
    request.finish()
    return prepared


@pytest.mark.parametrize(
    ("parameter", "expression", "names", "values", "error", "message"),
    [
        pytest.param(*row, id=f"{kind}-{row[0][0]}-{str(row[1])[:40]}")
        for kind, rows in REFUSALS.items()
        for row in rows
    ],
)
@pytest.mark.parametrize("time", ["first", "again"])
def test_refusals(parameter, expression, names, values, error, message, time):
    with pytest.raises(ValidationError) as caught:
        prepare(parameter, expression, names, values)
    assert caught.value.message == str(caught.value) == message.replace("{}", parameter)
    assert type(caught.value) is error
    if error is ExpressionError:
        assert caught.value.expression == expression
        assert caught.value.position in range(len(expression) + 1)


@pytest.mark.parametrize(
    ("expression", "position"),
    [("a x b", 2), ("a = ", 4), ("", 0), ("a = :v AND (b", 13), ("  @", 2), ("NOT " * 101, 404)],
)
def test_the_position_is_where_the_text_stops_fitting(expression, position):
    with pytest.raises(ExpressionError) as caught:
        prepare("ConditionExpression", expression, None, {":v": 1})
    assert caught.value.position == position


def test_placeholders_without_expressions():
    for request, message in [
        (
            Expressions({"#a": "a"}, None),
            "ExpressionAttributeNames can only be specified when using expressions",
        ),
        (
            Expressions(None, {":a": 1}),
            "ExpressionAttributeValues can only be specified when using expressions",
        ),
    ]:
        with pytest.raises(ValidationError) as caught:
            request.finish()
        assert caught.value.message == message
    for parameters, tail in [
        (["ConditionExpression"], ": ConditionExpression is null"),
        (
            ["UpdateExpression", "ConditionExpression"],
            ": UpdateExpression and ConditionExpression are null",
        ),
        ([], ""),
    ]:
        request = Expressions(None, {":a": 1})
        request.projection("a")
        with pytest.raises(ValidationError) as caught:
            request.finish(*parameters)
        assert caught.value.message.endswith(f"only be specified when using expressions{tail}")


def test_placeholders_are_shared_by_the_expressions_of_a_request():
    request = Expressions({"#a": "a", "#b": "b"}, {":v": 1, ":w": 2})
    request.update("SET #a = :v")
    with pytest.raises(ValidationError):
        request.finish()
    request.condition("#b = :w")
    request.finish()
    Expressions(None, None).finish()


def test_placeholders_are_looked_up_and_not_made():
    names, values = defaultdict(lambda: "made"), defaultdict(lambda: 1)
    names["#a"], values[":a"] = "a", 1
    request = Expressions(MappingProxyType(names), values)
    assert request.condition("#a = :a").test({"a": 1})
    for text in ("#b = :a", "#a = :b"):
        with pytest.raises(ValidationError, match="is not defined"):
            request.condition(text)
    assert set(names) == {"#a"}
    assert set(values) == {":a"}
