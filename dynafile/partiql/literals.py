"""Values in statements: literals, and the places where parameters go."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any, TypeAlias

from msgspec import Struct

from dynafile.errors import InvalidSet, ValidationError

__all__ = ["Constant", "ListOf", "MapOf", "Marker", "SetOf", "Value", "fill_value"]


class Constant(Struct, frozen=True):
    """A string, a number, true, false or null."""

    value: str | int | Decimal | bool | None


class Marker(Struct, frozen=True):
    """A question mark: the parameter of that number, from 0."""

    index: int


class ListOf(Struct, frozen=True):
    """A list: ``[1, 'a', ?]``."""

    members: tuple[Value, ...]


class SetOf(Struct, frozen=True):
    """A set: ``<<1, 2>>``."""

    members: tuple[Value, ...]


class MapOf(Struct, frozen=True):
    """A map: ``{'a': 1}``; what is ``MISSING`` was left out."""

    members: tuple[tuple[str, Value], ...]


Value: TypeAlias = Constant | Marker | ListOf | SetOf | MapOf

_MEMBERS = (str, bytes, int, float, Decimal)


def fill_value(value: Value, parameters: Sequence[Any]) -> Any:
    """Return the value that a literal stands for with these parameters.

    Raises ``ValidationError`` kinds for what no set holds; all else is checked where it is used.
    """
    if isinstance(value, Constant):
        return value.value
    if isinstance(value, Marker):
        return parameters[value.index]
    if isinstance(value, ListOf):
        return [fill_value(member, parameters) for member in value.members]
    if isinstance(value, SetOf):
        return _set([fill_value(member, parameters) for member in value.members])
    return {name: fill_value(member, parameters) for name, member in value.members}


def _set(members: list[Any]) -> set[Any]:
    if not members:
        raise InvalidSet("a set holds strings, numbers or bytes, one kind, and is not empty")
    for member in members:
        if isinstance(member, bool) or not isinstance(member, _MEMBERS):
            raise InvalidSet(
                f"a set holds strings, numbers or bytes, one kind, and not {member!r}: a list "
                "holds anything"
            )
    found = set(members)
    if len(found) < len(members):
        shown = ", ".join(map(str, members))
        raise ValidationError(
            "One or more parameter values were invalid: Input collection "
            f"[{shown}] contains duplicates."
        )
    return found
