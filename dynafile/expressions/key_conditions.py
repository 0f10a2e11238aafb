"""Key conditions: which item collection a query reads, and which range of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NoReturn

from msgspec import Struct

from dynafile.errors import ValidationError
from dynafile.expressions.attributes import Attr, Size
from dynafile.expressions.comparison import FLIPPED
from dynafile.expressions.nodes import (
    And,
    AttributeType,
    BeginsWith,
    Between,
    Comparison,
    Condition,
    Contains,
    Exists,
    Literal,
    Membership,
    Not,
    Operand,
    Or,
)
from dynafile.expressions.sort_keys import SortKeyCondition
from dynafile.expressions.templates import Parameter, Values

__all__ = ["KeyCondition", "KeyTerm", "key_terms"]

_INVALID = "Invalid condition in KeyConditionExpression: "


class KeyTerm(Struct, frozen=True):
    """A condition on one key attribute; each operand is a ``Literal`` or a ``Parameter``."""

    attribute: str
    operator: str
    operands: tuple[Operand, ...]


class KeyCondition:
    """The key conditions of a query.

    ``equals`` maps attributes to the values that they must equal; ``range`` is the one condition
    of another kind, or None. See https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/
    Query.KeyConditionExpressions.html.
    """

    __slots__ = ("equals", "range")

    def __init__(self, terms: Sequence[KeyTerm], values: Values = ()) -> None:
        self.equals: dict[str, Any] = {}
        self.range: SortKeyCondition | None = None
        for term in terms:
            given = tuple(_value(operand, values) for operand in term.operands)
            if term.operator == "=":
                self.equals[term.attribute] = given[0]
            else:
                self.range = SortKeyCondition(term.operator, given, term.attribute)

    def bind(
        self, pk_names: Sequence[str], sk_names: Sequence[str]
    ) -> tuple[tuple[Any, ...], tuple[Any, ...], SortKeyCondition | None]:
        """Return what the conditions say of a key.

        That is the values of its partition key attributes, the values of its leading sort key
        attributes, and the condition on the one after these, or None.

        Every partition key attribute needs an equality. Sort key attributes are named from left
        to right without a gap, and only the last may have another condition. Raises
        ``ValidationError`` for anything else.
        """
        count = len(self.equals) + (self.range is not None)
        if count > 2 and len(pk_names) == 1 and len(sk_names) <= 1:
            raise ValidationError("Conditions can be of length 1 or 2 only")
        for name in pk_names:
            if name not in self.equals:
                if self.range is not None and self.range.attribute == name:
                    raise ValidationError("Query key condition not supported")
                raise _missed(name)
        leading: list[Any] = []
        for name in sk_names:
            if name not in self.equals:
                break
            leading.append(self.equals[name])
        following = sk_names[len(leading)] if len(leading) < len(sk_names) else None
        beyond = self.range is not None and self.range.attribute != following
        if beyond or len(self.equals) > len(pk_names) + len(leading):
            if following is not None:
                raise _missed(following)
            raise ValidationError("Query key condition not supported")
        return tuple(self.equals[name] for name in pk_names), tuple(leading), self.range


def _missed(name: str) -> ValidationError:
    return ValidationError(f"Query condition missed key schema element: {name}")


def _value(operand: Operand, values: Values) -> Any:
    if isinstance(operand, Parameter):
        return operand.of(values)
    assert isinstance(operand, Literal)
    return operand.value


def key_terms(condition: Condition) -> tuple[KeyTerm, ...]:
    """Return the conditions that a key condition joins, at most one an attribute.

    Raises ``ValidationError``, in DynamoDB's words, for what a key condition cannot say.
    """
    terms = tuple(_terms(condition))
    if len({term.attribute for term in terms}) < len(terms):
        raise ValidationError("KeyConditionExpressions must only contain one condition per key")
    if sum(term.operator != "=" for term in terms) > 1:
        raise ValidationError("Query key condition not supported")
    return terms


def _terms(condition: Condition) -> Iterator[KeyTerm]:
    if isinstance(condition, And):
        for term in condition.conditions:
            yield from _terms(term)
    elif isinstance(condition, SortKeyCondition):
        if condition.attribute is None:
            raise ValidationError(f"{_INVALID}No key attribute specified")
        literals = tuple(map(Literal, condition.values))
        yield KeyTerm(condition.attribute, condition.operator, literals)
    elif isinstance(condition, Comparison) and condition.operator != "<>":
        left, right, operator = condition.left, condition.right, condition.operator
        if isinstance(right, Attr) and not isinstance(left, (Attr, Size)):
            left, right, operator = right, left, FLIPPED[operator]
        yield _term(operator, left, (right,))
    elif isinstance(condition, Between):
        yield _term("BETWEEN", condition.operand, (condition.low, condition.high))
    elif isinstance(condition, BeginsWith):
        yield _term("begins_with", condition.operand, (condition.prefix,))
    else:
        _refuse_operator(condition)


def _term(operator: str, key: Operand, operands: tuple[Operand, ...]) -> KeyTerm:
    everything = (key, *operands)
    if any(isinstance(operand, Size) or _sized(operand) for operand in everything):
        raise ValidationError("KeyConditionExpressions cannot contain nested operations")
    names = [operand for operand in everything if isinstance(operand, Attr)]
    if len(names) > 1:
        raise ValidationError(f"{_INVALID}Multiple attribute names used in one condition")
    if not names:
        raise ValidationError(f"{_INVALID}No key attribute specified")
    if not isinstance(key, Attr):
        raise ValidationError(
            f"{_INVALID}{operator} operator must have the key attribute as its first operand"
        )
    if len(key.path) > 1:
        raise ValidationError("KeyConditionExpressions cannot have conditions on nested attributes")
    return KeyTerm(str(key.path[0]), operator, operands)


def _sized(operand: Operand) -> bool:
    return isinstance(operand, Parameter) and operand.sized


def _refuse_operator(condition: Condition) -> NoReturn:
    if isinstance(condition, Exists):
        name = "attribute_exists" if condition.expected else "attribute_not_exists"
    elif isinstance(condition, Comparison):
        name = condition.operator
    else:
        name = _REFUSED[type(condition)]
    raise ValidationError(f"Invalid operator used in KeyConditionExpression: {name}")


_REFUSED: dict[type[Condition], str] = {
    Or: "OR",
    Not: "NOT",
    Membership: "IN",
    Contains: "contains",
    AttributeType: "attribute_type",
}
