"""DynamoDB's parameters of the time before expressions, to what expressions give.

``Expected``, ``QueryFilter``, ``ScanFilter``, ``KeyConditions``, ``AttributeUpdates`` and
``AttributesToGet`` name top-level attributes only, dots and all. Each function takes a parameter as
boto3 has it, with Python's values, and returns the object that an expression in its place would
have given, so that nothing after it needs to know which of the two was asked for.

See https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/
LegacyConditionalParameters.html.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from dynafile.errors import InvalidArgument, ValidationError
from dynafile.expressions.compiler import compile_condition
from dynafile.expressions.key_conditions import KeyCondition
from dynafile.expressions.legacy_conditions import expected_terms, filter_terms, legacy_key_terms
from dynafile.expressions.legacy_names import INVALID, Parts, check_attribute, enum_error
from dynafile.expressions.legacy_updates import Removal, is_removal, legacy_plan
from dynafile.expressions.needs import names_in_condition
from dynafile.expressions.nodes import And, Condition, Or, junction
from dynafile.expressions.projections import Projection
from dynafile.expressions.request import ConditionExpression
from dynafile.expressions.updates import Update

__all__ = [
    "legacy_condition",
    "legacy_filter",
    "legacy_key_condition",
    "legacy_projection",
    "legacy_update",
    "refuse_mixture",
]

_JUNCTIONS: Final = ("OR", "AND")


def refuse_mixture(legacy: Mapping[str, Any], expressions: Mapping[str, Any]) -> None:
    """Refuse a request with parameters of both kinds. Raises ``ValidationError``.

    Both map the names of parameters, in the order of the message, to what was given for them.
    """
    old = [name for name, given in legacy.items() if given is not None]
    new = [name for name, given in expressions.items() if given is not None]
    if old and new:
        raise ValidationError(
            "Can not use both expression and non-expression parameters in the same request: "
            f"Non-expression parameters: {{{', '.join(old)}}} "
            f"Expression parameters: {{{', '.join(new)}}}"
        )


def legacy_condition(given: Parts, operator: Any = None) -> ConditionExpression | None:
    """Return the condition that ``Expected`` stands for; None if it has none.

    ``operator`` is the ``ConditionalOperator``. Raises ``ValidationError``, in DynamoDB's words.

    >>> condition = legacy_condition({"age": {"ComparisonOperator": "GE", "Value": 18}})
    >>> condition.test({"age": 18}), condition.test({})
    (True, False)
    """
    _check_operator(operator, given)
    return _joined(expected_terms(given), operator)


def legacy_filter(parameter: str, given: Parts, operator: Any = None) -> ConditionExpression | None:
    """Return the condition that ``QueryFilter`` or ``ScanFilter`` stands for; None for none."""
    _check_operator(operator, given)
    return _joined(filter_terms(parameter, given), operator)


def legacy_key_condition(given: Parts) -> KeyCondition:
    """Return the key conditions that ``KeyConditions`` stands for."""
    return KeyCondition(legacy_key_terms(given))


def legacy_update(given: Parts) -> Update:
    """Return the update that ``AttributeUpdates`` stands for."""
    plan = legacy_plan(given)
    return Removal(plan, ()) if is_removal(given) else Update(plan, ())


def legacy_projection(names: Any) -> Projection:
    """Return the projection that ``AttributesToGet`` stands for."""
    if not isinstance(names, (list, tuple)):
        raise InvalidArgument(f"AttributesToGet is a list of names, not {names!r}")
    if not names:
        raise ValidationError(
            "1 validation error detected: Value '[]' at 'attributesToGet' failed to satisfy "
            "constraint: Member must have length greater than or equal to 1"
        )
    seen: dict[str, None] = {}
    for given in names:
        name = check_attribute("AttributesToGet", given)
        if name in seen:
            raise ValidationError(f"{INVALID}Duplicate value in attribute name: {name}")
        seen[name] = None
    return Projection([(name,) for name in seen])


def _check_operator(operator: Any, given: Parts) -> None:
    if operator is None:
        return
    if not isinstance(operator, str) or operator not in _JUNCTIONS:
        raise enum_error(operator, "conditionalOperator", _JUNCTIONS)
    if not given:
        raise ValidationError("ConditionalOperator cannot be used without Filter or Expected")
    if len(given) == 1:
        raise ValidationError(
            "ConditionalOperator can only be used when Filter or Expected has two or more elements"
        )


def _joined(terms: list[Condition], operator: str | None) -> ConditionExpression | None:
    if not terms:
        return None
    condition = terms[0]
    if len(terms) > 1:
        condition = junction(Or, *terms) if operator == "OR" else junction(And, *terms)
    return ConditionExpression(names_in_condition(condition), compile_condition(condition))
