"""Constraints: what boto3 and DynamoDB refuse of a request's fields one by one, in their words.

A path says where a field is in a request, as boto3 does: ``KeySchema[0].AttributeName``.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import Any, Final

from dynafile.errors import InvalidArgument, InvalidName

NAME_PATTERN: Final = "[a-zA-Z0-9_.-]+"
_NAME: Final = re.compile(NAME_PATTERN)
_LONGEST_SHOWN: Final = 80


def structure(
    value: object, path: str, required: Collection[str], optional: Collection[str] = ()
) -> Mapping[str, Any]:
    """Return a dict that has what is required, and nothing that is neither."""
    if not isinstance(value, Mapping):
        raise _wrong_type(value, path, "a dict")
    known = [*required, *optional]
    for name in required:
        if value.get(name) is None:
            raise InvalidArgument(f'Missing required parameter in {path}: "{name}"')
    for name in value:
        if name not in known:
            raise InvalidArgument(
                f'Unknown parameter in {path}: "{name}", must be one of: {", ".join(known)}'
            )
    return value


def elements(value: object, path: str, least: int = 0, most: int | None = None) -> list[Any]:
    """Return a list of so many elements."""
    if not isinstance(value, (list, tuple)):
        raise _wrong_type(value, path, "a list")
    check_length(value, path, least, most)
    return list(value)


def text(value: object, path: str, least: int = 0, most: int | None = None) -> str:
    """Return a string of so many characters."""
    if not isinstance(value, str):
        raise _wrong_type(value, path, "a str")
    check_length(value, path, least, most)
    return value


def flag(value: object, path: str) -> bool:
    """Return True or False."""
    if not isinstance(value, bool):
        raise _wrong_type(value, path, "a bool")
    return value


def whole_number(value: object, path: str, least: int, most: int | None = None) -> int:
    """Return an int in a range."""
    if type(value) is not int:
        raise _wrong_type(value, path, "an int")
    if value < least:
        raise _unsatisfied(value, path, f"have value greater than or equal to {least}")
    if most is not None and value > most:
        raise _unsatisfied(value, path, f"have value less than or equal to {most}")
    return value


def one_of(value: object, path: str, choices: Collection[str]) -> str:
    """Return one of the strings that there are to choose from."""
    chosen = text(value, path)
    if chosen not in choices:
        raise _unsatisfied(chosen, path, f"satisfy enum value set: [{', '.join(choices)}]")
    return chosen


def resource_name(value: object, path: str) -> str:
    """Return the name of a table or an index; raises InvalidName."""
    if not isinstance(value, str):
        raise InvalidName(_wrong_type(value, path, "a str").message, name=str(value))
    if not _NAME.fullmatch(value):
        why = f"satisfy regular expression pattern: {NAME_PATTERN}"
    elif len(value) < 3:
        why = "have length greater than or equal to 3"
    elif len(value) > 255:
        why = "have length less than or equal to 255"
    else:
        return value
    raise InvalidName(_unsatisfied(value, path, why).message, name=value)


def check_length(value: Any, path: str, least: int, most: int | None) -> None:
    """Raise InvalidArgument unless a list or a string is as long as it may be."""
    if len(value) < least:
        raise _unsatisfied(value, path, f"have length greater than or equal to {least}")
    if most is not None and len(value) > most:
        raise _unsatisfied(value, path, f"have length less than or equal to {most}")


def invalid(what: str) -> InvalidArgument:
    """Return DynamoDB's refusal of values that do not fit together."""
    return InvalidArgument(f"One or more parameter values were invalid: {what}")


def _unsatisfied(value: object, path: str, constraint: str) -> InvalidArgument:
    shown = str(value).encode("utf-8", "backslashreplace").decode()
    if len(shown) > _LONGEST_SHOWN:
        shown = f"{shown[:_LONGEST_SHOWN]}..."
    return InvalidArgument(
        f"1 validation error detected: Value '{shown}' at '{_as_the_service_says(path)}' failed to "
        f"satisfy constraint: Member must {constraint}"
    )


def _wrong_type(value: object, path: str, wanted: str) -> InvalidArgument:
    shown = repr(value)[:_LONGEST_SHOWN]
    return InvalidArgument(
        f"Invalid type for parameter {path}: it is {wanted}, not {shown}, {type(value)}"
    )


def _as_the_service_says(path: str) -> str:
    """Turn ``KeySchema[0].KeyType`` into ``keySchema.1.member.keyType``."""
    parts = [f"{part[:1].lower()}{part[1:]}" for part in path.split(".")]
    return re.sub(r"\[(\d+)\]", lambda n: f".{int(n[1]) + 1}.member", ".".join(parts))
