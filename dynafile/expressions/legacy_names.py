"""What the legacy parameters have in common: attributes by name, values, words of refusals."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, TypeAlias

from dynafile.errors import InvalidArgument, InvalidName, ValidationError

__all__ = ["INVALID", "Parts", "check_attribute", "enum_error", "take_value"]

INVALID: Final = "One or more parameter values were invalid: "

Parts: TypeAlias = Mapping[str, Mapping[str, Any]]
"""What is said of each attribute: boto3's names to what was given for them."""


def check_attribute(parameter: str, name: Any) -> str:
    """Return the name of an attribute as a plain str; refuse what is none."""
    if not isinstance(name, str):
        raise InvalidArgument(f"{parameter} names attributes by str, and {name!r} is none")
    if not name:
        raise InvalidName(f"{INVALID}{parameter} has an empty attribute name", name=name)
    return str.__str__(name)


def enum_error(value: Any, where: str, allowed: Sequence[str]) -> ValidationError:
    """Return DynamoDB's error for a word that is not one of those allowed, or is None."""
    if value is None:
        problem, rule = "Value null", "Member must not be null"
    else:
        problem = f"Value '{value}'"
        rule = f"Member must satisfy enum value set: [{', '.join(allowed)}]"
    return ValidationError(
        f"1 validation error detected: {problem} at '{where}' failed to satisfy constraint: {rule}"
    )


def take_value(parameter: str, name: str, value: Any, take: Callable[[Any], Any]) -> Any:
    """Return a value as ``take`` does; what it raises says which attribute the value is for."""
    try:
        return take(value)
    except ValidationError as error:
        message = f"{parameter} contains invalid value for attribute {name}: {error}"
        error.message = message
        error.args = (message,)
        raise
