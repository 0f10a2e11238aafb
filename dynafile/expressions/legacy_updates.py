"""``AttributeUpdates``: PUT, ADD and DELETE of top-level attributes, to an update.

They are SET, ADD, REMOVE and DELETE of an expression, with three differences: ADD also appends to
a list; ``DELETE`` is two things, by whether it has a value; and an update that only deletes makes
no item where there is none. See https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/
LegacyConditionalParameters.AttributeUpdates.html.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from dynafile.errors import ValidationError
from dynafile.expressions import update_functions
from dynafile.expressions.comparison import attribute_type, kind_of
from dynafile.expressions.legacy_names import (
    INVALID,
    Parts,
    check_attribute,
    enum_error,
    take_value,
)
from dynafile.expressions.literals import take_stored
from dynafile.expressions.paths import MISSING, Getter, Item, path_getter
from dynafile.expressions.updates import GetterMaker, Update, UpdatePlan

__all__ = ["Removal", "is_removal", "legacy_plan"]

ACTIONS: Final = ("ADD", "PUT", "DELETE")
_ADDED: Final = frozenset({"N", "SS", "NS", "BS", "L"})
_DELETED: Final = frozenset({"SS", "NS", "BS"})


class Removal(Update):
    """An update that only takes away: where there is no item it makes none."""

    __slots__ = ()

    def apply(self, item: Item) -> Item:
        """Return the item after the update: the very one that is given if that changes nothing.

        Raises ``ValidationError`` as any update does.
        """
        new = super().apply(item)
        return item if new == item else new


def is_removal(given: Parts) -> bool:
    """Say whether all actions of some ``AttributeUpdates`` are DELETE, and there are any."""
    return bool(given) and all(parts.get("Action") == "DELETE" for parts in given.values())


def legacy_plan(given: Parts) -> UpdatePlan:
    """Return what ``AttributeUpdates`` does. Raises ``ValidationError``, in DynamoDB's words."""
    makers: dict[str, GetterMaker] = {}
    for attribute, parts in given.items():
        name = check_attribute("AttributeUpdates", attribute)
        makers[name] = _always(_getter(name, parts))
    removed = [(name,) for name, parts in given.items() if "Value" not in parts]
    return UpdatePlan([(name,) for name in makers], list(makers.values()), removed)


def _always(getter: Getter) -> GetterMaker:
    return lambda _values: getter


def _getter(name: str, parts: Mapping[str, Any]) -> Getter:
    action = parts.get("Action", "PUT")
    if action not in ACTIONS:
        raise enum_error(action, f"attributeUpdates.{name}.member.action", ACTIONS)
    if "Value" not in parts:
        if action != "DELETE":
            raise ValidationError(
                f"{INVALID}Only DELETE action is allowed when no attribute value is specified"
            )
        return lambda _item: MISSING
    value = take_value("AttributeUpdates", name, parts["Value"], take_stored)
    if action == "PUT":
        return lambda _item: value
    kind, get = kind_of(value), path_getter((name,))
    if action == "ADD":
        if kind not in _ADDED:
            raise _unsupported("ADD action", value)
        return lambda item: _added(get(item), value)
    if kind not in _DELETED:
        raise _unsupported("DELETE action with value", value)
    return lambda item: _without(get(item), value)


def _unsupported(action: str, value: Any) -> ValidationError:
    return ValidationError(
        f"{INVALID}{action} is not supported for the type {attribute_type(value)}"
    )


def _added(value: Any, given: Any) -> Any:
    if value is MISSING:
        return given
    _check_types(value, given)
    if kind_of(given) == "L":
        return update_functions.append(value, given)
    return update_functions.total(value, given)


def _without(value: Any, given: Any) -> Any:
    if value is not MISSING:
        _check_types(value, given)
    return update_functions.difference(value, given)


def _check_types(value: Any, given: Any) -> None:
    if kind_of(value) != kind_of(given):
        raise ValidationError("Type mismatch for attribute to update")
