"""The placeholders of a request: ``ExpressionAttributeNames`` and ``ExpressionAttributeValues``."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from operator import itemgetter
from typing import Any, Final

from dynafile.errors import InvalidArgument, InvalidName, ValidationError
from dynafile.expressions.lexer import PLACEHOLDER

__all__ = [
    "NAMES",
    "VALUES",
    "check_names",
    "check_unused",
    "check_values",
    "reader",
    "take_values",
]

NAMES: Final = "ExpressionAttributeNames"
VALUES: Final = "ExpressionAttributeValues"

_SIGNS = {NAMES: "#", VALUES: ":"}

# Placeholders that were seen to be well-formed, so that they are not looked at with each request.
_known_names: set[str] = set()
_known_values: set[str] = set()
_MAX_KNOWN = 4096


def check_names(names: Any) -> None:
    """Refuse names that are no mapping from well-formed placeholders to names.

    Raises ``ValidationError``, in DynamoDB's words where it has any.
    """
    if type(names) is not dict or not names or not _known_names.issuperset(names):
        _check_keys(NAMES, names, _known_names)
    for name in names.values():
        if type(name) is not str or not name:
            _check_each_name(names)


def _check_each_name(names: Mapping[str, Any]) -> None:
    for placeholder, name in names.items():
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
    if type(values) is not dict or not values or not _known_values.issuperset(values):
        _check_keys(VALUES, values, _known_values)


def _check_keys(parameter: str, given: Any, known: set[str]) -> None:
    if not isinstance(given, Mapping):
        raise InvalidArgument(f"{parameter} is a mapping, not {given!r}")
    if not given:
        raise ValidationError(f"{parameter} must not be empty")
    for key in given:
        if not isinstance(key, str):
            raise InvalidArgument(f"a key of {parameter} is a str, not {key!r}")
        if not key.startswith(_SIGNS[parameter]) or not PLACEHOLDER.fullmatch(key):
            raise ValidationError(f'{parameter} contains invalid key: Syntax error; key: "{key}"')
    if len(known) < _MAX_KNOWN:
        known.update(given)


def reader(placeholders: Sequence[str]) -> Callable[[Mapping[str, Any]], tuple[Any, ...]]:
    """Return a function that gives what a mapping has for placeholders, as a tuple.

    It raises ``KeyError`` with the first placeholder that the mapping lacks.
    """
    if not placeholders:
        return lambda _given: ()
    if len(placeholders) == 1:
        only = placeholders[0]
        return lambda given: (given[only],)
    return itemgetter(*placeholders)


def take_values(
    placeholders: Iterable[str], values: Iterable[Any], take: Callable[[Any], Any]
) -> list[Any]:
    """Return values as ``take`` gives them.

    Raises what ``take`` raises, with the placeholder in the message.
    """
    taken = []
    for placeholder, value in zip(placeholders, values, strict=True):
        try:
            taken.append(take(value))
        except ValidationError as error:
            message = f"{VALUES} contains invalid value: {error} for key {placeholder}"
            error.message = message
            error.args = (message,)
            raise
    return taken


def check_unused(parameter: str, given: Mapping[str, Any], used: Sequence[Sequence[str]]) -> None:
    """Refuse placeholders that no expression used. Raises ``ValidationError``.

    ``used`` has those of each expression.
    """
    known = {placeholder for placeholders in used for placeholder in placeholders}
    unused = [key for key in given if key not in known]
    if unused:
        raise ValidationError(
            f"Value provided in {parameter} unused in expressions: keys: {{{', '.join(unused)}}}"
        )
