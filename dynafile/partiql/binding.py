"""Statements with their parameters: to the conditions, updates and items of ``expressions``."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from dynafile.errors import ValidationError
from dynafile.expressions.binding import Binder
from dynafile.expressions.comparison import kind_of
from dynafile.expressions.languages import condition_template
from dynafile.expressions.literals import take_literal, take_stored
from dynafile.expressions.nodes import Condition
from dynafile.expressions.syntax import Parsed
from dynafile.expressions.templates import fill
from dynafile.expressions.update_binding import update_plan
from dynafile.expressions.updates import Update
from dynafile.partiql.literals import fill_value
from dynafile.partiql.syntax import Clause, Insert, Statement

__all__ = ["bind_condition", "bind_item", "bind_update", "check_parameters"]


def check_parameters(statement: Statement, parameters: object) -> Sequence[Any]:
    """Return the parameters of a request, of which there must be as many as question marks.

    Raises ``ValidationError``, in DynamoDB's words.
    """
    given: Sequence[Any] = ()
    if parameters is not None:
        if not isinstance(parameters, (list, tuple)):
            raise ValidationError(f"parameters is a list of values, not {parameters!r}")
        if not parameters:
            raise ValidationError(
                "1 validation error detected: Value '[]' at 'parameters' failed to satisfy "
                "constraint: Member must have length greater than or equal to 1"
            )
        given = parameters
    if len(given) != statement.parameters:
        error = ValidationError("Number of parameters in request and statement don't match.")
        error.add_note(
            f"the statement has {statement.parameters} question marks, and there are {len(given)} "
            "parameters: give one for each"
        )
        raise error
    return given


def bind_condition(clause: Clause, parameters: Sequence[Any]) -> Condition:
    """Return the condition of a WHERE. Raises ``ValidationError`` kinds."""
    binder, values = _binder(clause, parameters, take_literal)
    condition: Condition = fill(condition_template(binder, clause.tree), values)
    return condition


def bind_update(clause: Clause, parameters: Sequence[Any]) -> Update:
    """Return what an UPDATE changes. Raises ``ValidationError`` kinds."""
    binder, values = _binder(clause, parameters, take_stored)
    return Update(update_plan(binder, clause.tree), values)


def bind_item(insert: Insert, parameters: Sequence[Any]) -> Mapping[str, Any]:
    """Return the item of an INSERT. Raises ``ValidationError`` where it is none."""
    item = fill_value(insert.item, parameters)
    if not isinstance(item, Mapping):
        raise ValidationError(f"the item of an INSERT is a map, not {item!r:.80}")
    return item


def _binder(
    clause: Clause, parameters: Sequence[Any], take: Callable[[Any], Any]
) -> tuple[Binder, list[Any]]:
    values = [take(fill_value(slot, parameters)) for slot in clause.slots]
    names = tuple(f":{number}" for number in range(len(values)))
    parsed = Parsed(clause.label, "", clause.tree, (), names, clause.pinned)
    # What is no str is refused for its type, whatever its value.
    pinned = [value if type(value) is str else None for value in map(_at(values), clause.pinned)]
    return Binder(parsed, clause.names, list(map(kind_of, values)), pinned), values


def _at(values: Sequence[Any]) -> Callable[[str], Any]:
    return lambda placeholder: values[int(placeholder[1:])]
