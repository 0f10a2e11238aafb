"""The expressions of one request: text or builders, with their placeholders, to callables."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dynafile.errors import InvalidArgument, ValidationError
from dynafile.expressions import boto3_conditions
from dynafile.expressions.closures import Filter
from dynafile.expressions.compiler import compile_condition
from dynafile.expressions.key_conditions import KeyCondition, key_terms
from dynafile.expressions.languages import (
    CONDITIONS,
    KEY_CONDITIONS,
    PROJECTIONS,
    UPDATES,
    Text,
)
from dynafile.expressions.needs import names_in_condition
from dynafile.expressions.nodes import Condition
from dynafile.expressions.placeholders import NAMES, VALUES, check_names, check_unused, check_values
from dynafile.expressions.projections import Projection
from dynafile.expressions.updates import Update

__all__ = ["ConditionExpression", "Expressions"]

_NONE: Mapping[str, Any] = {}


class ConditionExpression:
    """A condition on an item: a ``ConditionExpression`` or ``FilterExpression``.

    ``test`` is a callable from an item to bool; ``attributes`` names the top-level attributes
    that it looks at.
    """

    __slots__ = ("attributes", "test")

    def __init__(self, attributes: frozenset[str], test: Filter) -> None:
        self.attributes = attributes
        self.test = test


class Expressions:
    """The expressions of one request, with the placeholders that they share.

    ``names`` and ``values`` are DynamoDB's ``ExpressionAttributeNames`` and
    ``ExpressionAttributeValues``; the values are Python's. Each method raises ``ExpressionError``
    for text that does not parse and ``ValidationError`` for what DynamoDB refuses, in its words,
    before any item is looked at. A value that no attribute can hold raises what it raises in an
    item, such as ``UnsupportedType``. Preparing an expression whose text was prepared before
    takes microseconds.

    >>> request = Expressions({"#s": "status"}, {":open": "open", ":low": 10})
    >>> condition = request.condition("#s = :open AND amount > :low", "FilterExpression")
    >>> request.finish()
    >>> condition.test({"status": "open", "amount": 11}), condition.test({"status": "open"})
    (True, False)
    """

    __slots__ = ("_names", "_used", "_values")

    def __init__(self, names: Mapping[str, str] | None, values: Mapping[str, Any] | None) -> None:
        if names is not None:
            check_names(names)
        if values is not None:
            check_values(values)
        self._names = _plain(names)
        self._values = _plain(values)
        # A builder has no text: its parameter stands for it.
        self._used: list[Text[Any] | str] = []

    def condition(
        self, expression: Any, parameter: str = "ConditionExpression"
    ) -> ConditionExpression:
        """Return the condition that an expression stands for.

        ``expression`` is DynamoDB's text, or a condition of ``Attr`` or of boto3. ``parameter``
        is the name of the parameter that it came in, for messages.
        """
        if not isinstance(expression, str):
            built = _built(expression, parameter)
            self._used.append(parameter)
            return ConditionExpression(names_in_condition(built), compile_condition(built))
        text, (attributes, maker), values = CONDITIONS.prepare(
            parameter, expression, self._names, self._values
        )
        self._used.append(text)
        return ConditionExpression(attributes, maker(values))

    def projection(self, expression: str) -> Projection:
        """Return the projection that a ``ProjectionExpression`` stands for."""
        parameter = "ProjectionExpression"
        text, plan, _ = PROJECTIONS.prepare(
            parameter, _text(expression, parameter), self._names, _NONE
        )
        self._used.append(text)
        return plan

    def update(self, expression: str) -> Update:
        """Return the update that an ``UpdateExpression`` stands for."""
        parameter = "UpdateExpression"
        text, plan, values = UPDATES.prepare(
            parameter, _text(expression, parameter), self._names, self._values
        )
        self._used.append(text)
        return Update(plan, values)

    def key_condition(self, expression: Any) -> KeyCondition:
        """Return the key conditions that an expression stands for.

        ``expression`` is a ``KeyConditionExpression``, or conditions of ``Key`` or ``Attr``, or of
        boto3, joined by ``&``.
        """
        parameter = "KeyConditionExpression"
        if not isinstance(expression, str):
            self._used.append(parameter)
            return KeyCondition(key_terms(_built(expression, parameter)))
        text, terms, values = KEY_CONDITIONS.prepare(
            parameter, expression, self._names, self._values
        )
        self._used.append(text)
        return KeyCondition(terms, values)

    def finish(self, *parameters: str) -> None:
        """Refuse placeholders that no expression used; to be called after all expressions.

        ``parameters`` names those parameters of the operation that could have used values, for
        the message that there are values and none of these. Raises ``ValidationError``.
        """
        used = self._used
        if len(used) == 1 and type(used[0]) is Text:
            # All that an expression uses is there, so that equal numbers say that it uses all.
            text = used[0]
            if len(text.names) == len(self._names) and len(text.values) == len(self._values):
                return
        if self._names is not _NONE:
            if not used:
                raise ValidationError(f"{NAMES} can only be specified when using expressions")
            check_unused(NAMES, self._names, [text.names for text in used if type(text) is Text])
        if self._values is not _NONE:
            if all(_is_projection(text) for text in used):
                verb = "is" if len(parameters) == 1 else "are"
                missing = f": {' and '.join(parameters)} {verb} null" if parameters else ""
                raise ValidationError(
                    f"{VALUES} can only be specified when using expressions{missing}"
                )
            check_unused(VALUES, self._values, [text.values for text in used if type(text) is Text])


def _is_projection(text: Text[Any] | str) -> bool:
    return type(text) is Text and text.parsed.parameter == "ProjectionExpression"


def _plain(given: Mapping[str, Any] | None) -> Mapping[str, Any]:
    if type(given) is dict:
        return given
    return _NONE if given is None else dict(given)  # a defaultdict would make what it lacks


def _text(expression: Any, parameter: str) -> str:
    if isinstance(expression, str):
        return expression
    raise InvalidArgument(f"{parameter} is a str, not {expression!r}")


def _built(expression: Any, parameter: str) -> Condition:
    if isinstance(expression, Condition):
        return expression
    if boto3_conditions.is_condition(expression):
        return boto3_conditions.from_boto3(expression)
    raise InvalidArgument(
        f"{parameter} is a str, or a condition such as Attr('age').gte(18), not {expression!r}"
    )
