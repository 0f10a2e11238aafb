"""The placeholders of a request: ``ExpressionAttributeNames`` and ``ExpressionAttributeValues``."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, TypeAlias

from dynafile.errors import InvalidArgument, InvalidName, ValidationError
from dynafile.expressions.comparison import kind_of
from dynafile.expressions.lexer import PLACEHOLDER

__all__ = [
    "NAMES",
    "VALUES",
    "Kinds",
    "check_names",
    "check_unused",
    "check_values",
    "take_values",
]

NAMES: Final = "ExpressionAttributeNames"
VALUES: Final = "ExpressionAttributeValues"

Kinds: TypeAlias = tuple[str | None, ...]
"""What ``kind_of`` says of each of the values that an expression uses."""

_SIGNS = {NAMES: "#", VALUES: ":"}

_KINDS: Final[dict[type, str]] = {
    str: "S",
    int: "N",
    bytes: "B",
    bool: "BOOL",
    type(None): "NULL",
}
"""The kinds of what ``take_literal`` keeps as it is."""


# Placeholders that were seen to be well-formed, so that they are not looked at with each request.
_known: dict[str, set[str]] = {NAMES: set(), VALUES: set()}
_MAX_KNOWN = 4096


def check_names(names: Any) -> None:
    """Refuse names that are no mapping from well-formed placeholders to names.

    Raises ``ValidationError``, in DynamoDB's words where it has any.
    """
    if not names or type(names) is not dict or not _known[NAMES].issuperset(names):
        _check_keys(NAMES, names)
    for placeholder, name in names.items():
        if type(name) is str and name:
            continue
        if not isinstance(name, str):
            raise InvalidArgument(
                f"{NAMES} maps placeholders to names, and {placeholder} is {name!r}"
            )
        if not name:
            raise InvalidName(
                f"{NAMES} contains invalid value: Empty attribute name for key {placeholder}",
                name=name,
            )


def check_values(values: Any) -> None:
    """Refuse values that are no mapping from well-formed placeholders.

    Raises ``ValidationError``, in DynamoDB's words where it has any.
    """
    if not values or type(values) is not dict or not _known[VALUES].issuperset(values):
        _check_keys(VALUES, values)


def _check_keys(parameter: str, given: Any) -> None:
    if not isinstance(given, Mapping):
        raise InvalidArgument(f"{parameter} is a mapping, not {given!r}")
    if not given:
        raise ValidationError(f"{parameter} must not be empty")
    for key in given:
        if not isinstance(key, str):
            raise InvalidArgument(f"a key of {parameter} is a str, not {key!r}")
        if not key.startswith(_SIGNS[parameter]) or not PLACEHOLDER.fullmatch(key):
            raise ValidationError(f'{parameter} contains invalid key: Syntax error; key: "{key}"')
    if len(_known[parameter]) < _MAX_KNOWN:
        _known[parameter].update(given)


def take_values(
    placeholders: Iterable[str], given: Mapping[str, Any], take: Callable[[Any], Any]
) -> tuple[list[Any], Kinds]:
    """Return the values of placeholders as ``take`` gives them, and the kind of each.

    Raises ``KeyError`` with a placeholder that was not given, and what ``take`` raises with the
    placeholder in the message.
    """
    values = []
    kinds = []
    for placeholder in placeholders:
        value = given[placeholder]
        kind = _KINDS.get(type(value))
        if kind is None:
            try:
                value = take(value)
            except ValidationError as error:
                message = f"{VALUES} contains invalid value: {error} for key {placeholder}"
                error.message = message
                error.args = (message,)
                raise
            kind = kind_of(value)
        values.append(value)
        kinds.append(kind)
    return values, tuple(kinds)


def check_unused(parameter: str, given: Iterable[str], used: Iterable[str]) -> None:
    """Refuse placeholders that no expression used. Raises ``ValidationError``."""
    known = set(used)
    unused = [key for key in given if key not in known]
    if unused:
        raise ValidationError(
            f"Value provided in {parameter} unused in expressions: keys: {{{', '.join(unused)}}}"
        )
