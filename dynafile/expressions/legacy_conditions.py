"""The conditions of ``Expected``, ``QueryFilter``, ``ScanFilter`` and ``KeyConditions``, to nodes.

They mean what the same conditions mean in an expression: ``NE`` is ``<>``, true of an attribute
that is missing or of another type; ``NULL`` and ``NOT_NULL`` are ``attribute_not_exists`` and
``attribute_exists``, and have nothing to do with the type NULL; ``NOT_CONTAINS`` is the contrary of
``contains``, true also of an attribute that is missing, which the guide leaves open. They are
narrower in what they take: which types, how many values, all of one type.
See https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/
LegacyConditionalParameters.Conditions.html.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from msgspec import Struct

from dynafile.errors import InvalidArgument, ValidationError
from dynafile.expressions.attributes import Attr
from dynafile.expressions.comparison import ORDERED_KINDS, attribute_type, kind_of, relate
from dynafile.expressions.key_conditions import KeyTerm
from dynafile.expressions.legacy_names import (
    INVALID,
    Parts,
    check_attribute,
    enum_error,
    take_value,
)
from dynafile.expressions.literals import take_literal
from dynafile.expressions.nodes import (
    BeginsWith,
    Between,
    Comparison,
    Condition,
    Contains,
    Exists,
    Literal,
    Membership,
    Not,
)

__all__ = ["OPERATORS", "expected_terms", "filter_terms", "legacy_key_terms"]

_SCALARS: Final = ORDERED_KINDS | {"UUID"}
_TEXTS: Final = frozenset({"S", "B"})

Maker = Callable[..., Condition]


class Operator(Struct, frozen=True):
    """A comparison operator: how many values it takes, of which kinds, and what it says.

    ``make`` makes the condition of an attribute and the values. ``kinds`` is None where any will
    do, ``most`` where there is no bound. ``key`` is what it is called in a key condition, None for
    an operator that no key condition has.
    """

    least: int
    most: int | None
    kinds: frozenset[str] | None
    make: Maker
    key: str | None = None


def _comparison(symbol: str) -> Maker:
    return lambda attribute, value: Comparison(symbol, attribute, value)


def _range(symbol: str) -> Operator:
    return Operator(1, 1, ORDERED_KINDS, _comparison(symbol), symbol)


OPERATORS: Final[dict[str, Operator]] = {
    "IN": Operator(1, None, _SCALARS, lambda attribute, *values: Membership(attribute, values)),
    "NULL": Operator(0, 0, None, lambda attribute: Exists(attribute, expected=False)),
    "BETWEEN": Operator(2, 2, ORDERED_KINDS, Between, "BETWEEN"),
    "LT": _range("<"),
    "NOT_CONTAINS": Operator(
        1, 1, _SCALARS, lambda attribute, value: Not(Contains(attribute, value))
    ),
    "EQ": Operator(1, 1, None, _comparison("="), "="),
    "GT": _range(">"),
    "NOT_NULL": Operator(0, 0, None, Exists),
    "NE": Operator(1, 1, None, _comparison("<>")),
    "LE": _range("<="),
    "BEGINS_WITH": Operator(1, 1, _TEXTS, BeginsWith, "begins_with"),
    "GE": _range(">="),
    "CONTAINS": Operator(1, 1, _SCALARS, Contains),
}
"""By name, in the order in which DynamoDB's message lists them."""


def expected_terms(given: Parts) -> list[Condition]:
    """Return the conditions of ``Expected``. Raises ``ValidationError``, in DynamoDB's words."""
    return [_expected(name, parts) for name, parts in given.items()]


def filter_terms(parameter: str, given: Parts) -> list[Condition]:
    """Return the conditions of ``QueryFilter`` or ``ScanFilter``, named by ``parameter``."""
    return [_filtered(parameter, name, parts) for name, parts in given.items()]


def legacy_key_terms(given: Parts) -> list[KeyTerm]:
    """Return the conditions of ``KeyConditions``. Raises ``ValidationError``."""
    parameter = "KeyConditions"
    if not given:
        raise ValidationError("Conditions can be of length 1 or 2 only")
    terms = []
    for attribute, parts in given.items():
        name = check_attribute(parameter, attribute)
        operator, values = _operation(parameter, name, parts)
        if operator.key is None:
            raise ValidationError("Attempted conditional constraint is not an indexable operation")
        terms.append(KeyTerm(name, operator.key, values))
    if sum(term.operator != "=" for term in terms) > 1:
        raise ValidationError("Query key condition not supported")
    return terms


def _filtered(parameter: str, attribute: Any, parts: Mapping[str, Any]) -> Condition:
    name = check_attribute(parameter, attribute)
    operator, values = _operation(parameter, name, parts)
    return operator.make(Attr((name,)), *values)


def _expected(attribute: Any, parts: Mapping[str, Any]) -> Condition:
    parameter = "Expected"
    name = check_attribute(parameter, attribute)

    def refuse(reason: str) -> ValidationError:
        return ValidationError(f"{INVALID}{reason} for Attribute: {name}")

    word, exists = parts.get("ComparisonOperator"), parts.get("Exists")
    if exists is not None and type(exists) is not bool:
        raise InvalidArgument(f"Exists of {name} in Expected is True or False, not {exists!r}")
    if word is not None:
        _operator(parameter, name, word)
    if "Value" in parts and "AttributeValueList" in parts:
        raise refuse("Value and AttributeValueList cannot be used together")
    if word is not None:
        if exists is not None:
            raise refuse("Exists and ComparisonOperator cannot be used together")
        if "Value" in parts:
            parts = {"ComparisonOperator": word, "AttributeValueList": [parts["Value"]]}
        elif "AttributeValueList" not in parts and OPERATORS[word].least:
            raise refuse(
                f"Value or AttributeValueList must be used with ComparisonOperator: {word}"
            )
        return _filtered(parameter, name, parts)
    if "AttributeValueList" in parts:
        raise refuse("AttributeValueList can only be used with a ComparisonOperator")
    if exists is False:
        if "Value" in parts:
            raise refuse("Value cannot be used when Exists is false")
        return Exists(Attr((name,)), expected=False)
    if "Value" not in parts:
        raise refuse(f"Value must be provided when Exists is {'true' if exists else 'null'}")
    equal = {"ComparisonOperator": "EQ", "AttributeValueList": [parts["Value"]]}
    return _filtered(parameter, name, equal)


def _operation(
    parameter: str, name: str, parts: Mapping[str, Any]
) -> tuple[Operator, tuple[Literal, ...]]:
    word = parts.get("ComparisonOperator")
    operator = _operator(parameter, name, word)
    given = parts.get("AttributeValueList")
    if given is None:
        given = ()
    elif not isinstance(given, (list, tuple)):
        raise InvalidArgument(
            f"AttributeValueList of {name} in {parameter} is a list of values, not {given!r}"
        )
    values = [take_value(parameter, name, value, take_literal) for value in given]
    if len(values) < operator.least or (operator.most is not None and len(values) > operator.most):
        raise ValidationError(
            f"{INVALID}Invalid number of argument(s) for the {word} ComparisonOperator"
        )
    _check_kinds(str(word), operator, values)
    return operator, tuple(map(Literal, values))


def _operator(parameter: str, name: str, word: Any) -> Operator:
    operator = OPERATORS.get(word) if isinstance(word, str) else None
    if operator is None:
        where = f"{parameter[0].lower()}{parameter[1:]}.{name}.member.comparisonOperator"
        raise enum_error(word, where, tuple(OPERATORS))
    return operator


def _check_kinds(word: str, operator: Operator, values: Sequence[Any]) -> None:
    for value in values:
        if operator.kinds is not None and kind_of(value) not in operator.kinds:
            raise ValidationError(
                f"{INVALID}ComparisonOperator {word} is not valid for {attribute_type(value)} "
                "AttributeValue type"
            )
    if len(set(map(attribute_type, values))) > 1:
        raise ValidationError(
            f"{INVALID}AttributeValues inside AttributeValueList must be of same type"
        )
    if word == "BETWEEN" and relate(">", *values):
        raise ValidationError(
            "The BETWEEN condition was provided a range where the lower bound is greater than the "
            "upper bound"
        )
