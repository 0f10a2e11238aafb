"""Checks of the arguments of calls, in DynamoDB's words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from dynafile.errors import InvalidArgument, ValidationError

RETURN_VALUES: Final = ("ALL_NEW", "UPDATED_OLD", "ALL_OLD", "NONE", "UPDATED_NEW")
ON_FAILURE: Final = ("ALL_OLD", "NONE")
METRICS: Final = ("SIZE", "NONE")
SELECTS: Final = ("SPECIFIC_ATTRIBUTES", "COUNT", "ALL_ATTRIBUTES", "ALL_PROJECTED_ATTRIBUTES")


def check_enum(value: object, name: str, allowed: Sequence[str]) -> None:
    """Raise ValidationError unless a value is one of those allowed; ``name`` is in camel case."""
    if value not in allowed:
        raise ValidationError(
            f"1 validation error detected: Value '{value}' at '{name}' failed to satisfy "
            f"constraint: Member must satisfy enum value set: [{', '.join(allowed)}]"
        )


def check_at_least(value: Any, name: str, least: int) -> None:
    """Raise ValidationError unless a number is None or at least so large."""
    if value is None:
        return
    if type(value) is not int:
        raise ValidationError(f"{name} must be an int, not {value!r}")
    if value < least:
        raise ValidationError(
            f"1 validation error detected: Value '{value}' at '{name}' failed to satisfy "
            f"constraint: Member must have value greater than or equal to {least}"
        )


def check_seconds(value: Any, name: str) -> None:
    """Raise InvalidArgument unless a number of seconds is None or at least 0."""
    if value is None:
        return
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not value >= 0:
        raise InvalidArgument(f"{name} must be a number of at least 0, or None: {value!r}")
