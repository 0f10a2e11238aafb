"""The legacy parameters of requests: boto3's shapes, in either spelling, beside expressions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from msgspec import Struct

from dynafile.errors import ValidationError
from dynafile.expressions import (
    ConditionExpression,
    KeyCondition,
    Projection,
    Update,
    legacy_condition,
    legacy_filter,
    legacy_key_condition,
    legacy_projection,
    legacy_update,
    refuse_mixture,
)
from dynafile.nested import fields

_CONDITION: Final = ("AttributeValueList", "ComparisonOperator")
_EXPECTED: Final = ("Value", "Exists", *_CONDITION)
_UPDATE: Final = ("Value", "Action")


def expected_of(given: Any, operator: Any) -> ConditionExpression | None:
    """Return the condition of ``expected=`` and ``conditional_operator=``; None for none."""
    return legacy_condition(_by_attribute("Expected", given, _EXPECTED), operator)


def updates_of(given: Any) -> Update:
    """Return the update of ``attribute_updates=``. Raises ValidationError kinds."""
    return legacy_update(_by_attribute("AttributeUpdates", given, _UPDATE))


class LegacyRead(Struct, frozen=True, kw_only=True):
    """The legacy parameters of a query or scan."""

    key_conditions: Any = None
    filter: Any = None
    parameter: str = "QueryFilter"
    """What DynamoDB calls ``filter``: ``ScanFilter`` of a scan."""
    conditional_operator: Any = None
    attributes_to_get: Any = None

    def refuse_mixture(self, expressions: Mapping[str, Any]) -> None:
        """Refuse expressions beside these; they are in the order of DynamoDB's message."""
        legacy = {
            "AttributesToGet": self.attributes_to_get,
            self.parameter: self.filter,
            "ConditionalOperator": self.conditional_operator,
            "KeyConditions": self.key_conditions,
        }
        refuse_mixture(legacy, expressions)

    def condition(self) -> ConditionExpression | None:
        """Return the condition of the filter; None for none."""
        given = _by_attribute(self.parameter, self.filter, _CONDITION)
        return legacy_filter(self.parameter, given, self.conditional_operator)

    def key_condition(self) -> KeyCondition | None:
        """Return the key conditions; None if none were given."""
        if self.key_conditions is None:
            return None
        given = _by_attribute("KeyConditions", self.key_conditions, _CONDITION)
        return legacy_key_condition(given)

    def projection(self) -> Projection | None:
        """Return the projection on the attributes to get; None if none were given."""
        if self.attributes_to_get is None:
            return None
        return legacy_projection(self.attributes_to_get)


def legacy_read(
    parameter: str,
    filter: Any,
    conditional_operator: Any,
    attributes_to_get: Any,
    key_conditions: Any = None,
) -> LegacyRead | None:
    """Return the legacy parameters of a read; None, at no cost, if none were given."""
    if (
        filter is None
        and conditional_operator is None
        and attributes_to_get is None
        and key_conditions is None
    ):
        return None
    return LegacyRead(
        key_conditions=key_conditions,
        filter=filter,
        parameter=parameter,
        conditional_operator=conditional_operator,
        attributes_to_get=attributes_to_get,
    )


def _by_attribute(
    parameter: str, given: Any, names: tuple[str, ...]
) -> Mapping[str, Mapping[str, Any]]:
    if given is None:
        return {}
    if not isinstance(given, Mapping):
        raise ValidationError(f"{parameter} must be a dict by attribute names, not {given!r}")
    return {
        name: fields(parts, f"{parameter} of {name!r}", (), names) for name, parts in given.items()
    }
