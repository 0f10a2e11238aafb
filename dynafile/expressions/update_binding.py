"""Actions of a parsed update expression to getters, with the checks that need types."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from dynafile.errors import ValidationError
from dynafile.expressions import update_functions
from dynafile.expressions.binding import Binder
from dynafile.expressions.paths import MISSING, Getter, Item, Path, path_getter
from dynafile.expressions.syntax import Action, Call, Operation, PathText, Placeholder, Syntax
from dynafile.expressions.templates import Values
from dynafile.expressions.updates import GetterMaker, UpdatePlan

__all__ = ["update_plan"]

_ADDED: Final = frozenset({"N", "SS", "NS", "BS"})
_DELETED: Final = frozenset({"SS", "NS", "BS"})

_LONG_NAMES: Final = {
    "B": "BINARY",
    "N": "NUMBER",
    "BOOL": "BOOLEAN",
    "NULL": "NULL",
    "L": "LIST",
    "M": "MAP",
    "SS": "STRING_SET",
    "NS": "NUMBER_SET",
    "BS": "BINARY_SET",
}
"""Types as the errors of ADD and DELETE call them; all others are strings."""

_OPERATORS: Final[dict[str, Callable[[Any, Any], Any]]] = {
    "+": update_functions.add,
    "-": update_functions.subtract,
    "list_append": update_functions.append,
}


def update_plan(binder: Binder, actions: tuple[Action, ...]) -> UpdatePlan:
    """Return what the actions do. Raises ``ValidationError``, in DynamoDB's words."""
    paths = [binder.path(action.path) for action in actions]
    makers = [
        _action_maker(binder, action, path) for action, path in zip(actions, paths, strict=True)
    ]
    removed = {
        path for action, path in zip(actions, paths, strict=True) if action.clause == "REMOVE"
    }
    return UpdatePlan(paths, makers, removed)


def _action_maker(binder: Binder, action: Action, path: Path) -> GetterMaker:
    operand = action.operand
    if operand is None:
        return lambda _values: _nothing
    if action.clause == "SET":
        return _operand_maker(binder, operand)
    assert isinstance(operand, Placeholder)
    parameter = binder.value(operand)
    if parameter.kind not in (_ADDED if action.clause == "ADD" else _DELETED):
        kind = _LONG_NAMES.get(parameter.kind or "", "STRING")
        binder.refuse(
            f"Incorrect operand type for operator or function; operator: {action.clause}, "
            f"operand type: {kind}, typeSet: ALLOWED_FOR_{action.clause}_OPERAND"
        )
    change = update_functions.total if action.clause == "ADD" else update_functions.difference
    index, get = parameter.index, path_getter(path)

    def maker(values: Values) -> Getter:
        value = values[index]
        return lambda item: change(get(item), value)

    return maker


def _nothing(_item: Item) -> Any:
    return MISSING


def _operand_maker(binder: Binder, operand: Syntax) -> GetterMaker:
    if isinstance(operand, Placeholder):
        index = binder.value(operand).index
        return lambda values: _constant(values[index])
    if isinstance(operand, PathText):
        getter = _present(binder.path(operand))
        return lambda _values: getter
    if isinstance(operand, Operation):
        return _two(binder, operand.operator, operand.operands, "N")
    if operand.function == "list_append":
        return _two(binder, operand.function, operand.operands, "L")
    return _if_not_exists(binder, operand)


def _constant(value: Any) -> Getter:
    return lambda _item: value


def _present(path: Path) -> Getter:
    get = path_getter(path)

    def getter(item: Item) -> Any:
        value = get(item)
        if value is MISSING:
            raise ValidationError(
                "The provided expression refers to an attribute that does not exist in the item"
            )
        return value

    return getter


def _two(binder: Binder, operator: str, operands: tuple[Syntax, ...], kind: str) -> GetterMaker:
    for operand in operands:
        actual = _static_kind(binder, operand)
        if actual is not None and actual != kind:
            binder.refuse_kind(operator, actual)
    function = _OPERATORS[operator]
    left, right = operands
    left_maker = _operand_maker(binder, left)
    if isinstance(right, Placeholder):
        index = binder.value(right).index

        def with_value(values: Values) -> Getter:
            first, value = left_maker(values), values[index]
            return lambda item: function(first(item), value)

        return with_value
    right_maker = _operand_maker(binder, right)

    def with_both(values: Values) -> Getter:
        first, second = left_maker(values), right_maker(values)
        return lambda item: function(first(item), second(item))

    return with_both


def _if_not_exists(binder: Binder, call: Call) -> GetterMaker:
    path, otherwise = call.operands
    get = path_getter(binder.required_path(call.function, path))
    maker = _operand_maker(binder, otherwise)

    def with_value(values: Values) -> Getter:
        other = maker(values)

        def getter(item: Item) -> Any:
            value = get(item)
            return other(item) if value is MISSING else value

        return getter

    return with_value


def _static_kind(binder: Binder, operand: Syntax) -> str | None:
    if isinstance(operand, Placeholder):
        return binder.value(operand).kind
    if isinstance(operand, Operation):
        return "N"
    if isinstance(operand, Call) and operand.function == "list_append":
        return "L"
    return None
