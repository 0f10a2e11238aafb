"""Plans: what a statement comes to on its table, and in which order a SELECT gives items."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from msgspec import Struct

from dynafile.errors import ValidationError
from dynafile.expressions import Condition
from dynafile.partiql import (
    Clause,
    Delete,
    Exists,
    Insert,
    Order,
    Select,
    Statement,
    Update,
    bind_condition,
    bind_item,
    bind_update,
    condition_text,
    statement_error,
)
from dynafile.statements.key_selection import (
    KeySelection,
    joined,
    partition_of,
    pk_names,
    select_keys,
    sk_names,
    take_key,
)
from dynafile.statements.results import Operation, StatementPlan
from dynafile.table.writer import TableWriter


class Access(Struct):
    """How a SELECT gets at its items: its keys, and the order in which it reads them."""

    keys: KeySelection
    descending: bool = False
    merged: bool = False
    """Whether several partitions are read side by side, in the order of the sort key."""

    @property
    def operation(self) -> Operation:
        """The operation of DynamoDB's that it comes to."""
        if not self.keys.partitions:
            return "Scan"
        one = self.keys.is_whole_key and len(self.keys.partitions) == 1
        return "GetItem" if one else "Query"


def access_of(
    statement: Statement, select: Select, table: TableWriter, parameters: Sequence[Any]
) -> Access:
    """Return how a SELECT gets at its items.

    Raises IndexNotFound, and ValidationError kinds: for conditions, keys, and ORDER BY.
    """
    keys = table.keys if select.index is None else table.index(select.index)
    condition = None if select.where is None else bind_condition(select.where, parameters)
    access = Access(select_keys(keys, condition))
    if select.order:
        _put_in_order(statement, select, access)
    return access


def _put_in_order(statement: Statement, select: Select, access: Access) -> None:
    keys = access.keys
    if select.where is None:
        raise ValidationError("Must have WHERE clause in the statement when using ORDER BY clause.")
    partition, sort = pk_names(keys.keys), sk_names(keys.keys)
    for term in select.order:
        if term.attribute not in (*partition, *sort):
            raise ValidationError(
                f"Variable reference {term.attribute} in ORDER BY clause must be part of the "
                "primary key"
            )
    if not keys.partitions:
        raise ValidationError(
            "Must have at least one non-optional hash key condition in WHERE clause when using "
            "ORDER BY clause."
        )
    by_sort = [term for term in select.order if term.attribute in sort]
    access.descending = _direction(statement, by_sort, sort)
    if len(keys.partitions) == 1:
        return
    for term in select.order:
        if term.attribute in partition:
            keys.partitions.sort(key=lambda values: partition_of(keys.keys, values))
            if term.descending:
                keys.partitions.reverse()
            break
    access.merged = select.order[0].attribute in sort
    if access.merged and len(sort) > 1:
        raise statement_error(
            statement.text,
            select.order[0].position,
            "a sort key of several attributes orders the items of one partition key, and not of "
            "several",
        )


def _direction(statement: Statement, terms: list[Order], names: tuple[str, ...]) -> bool:
    """Return whether the sort key is descending; of several attributes all or none is."""
    for term, name in zip(terms, names, strict=False):
        if term.attribute != name or term.descending != terms[0].descending:
            reason = f"ORDER BY takes {', '.join(names)} in this order, all ASC or all DESC"
            raise statement_error(statement.text, term.position, reason)
    return bool(terms) and terms[0].descending


def plan_of(statement: Statement, table: TableWriter, parameters: Sequence[Any]) -> StatementPlan:
    """Return what a statement does. Raises what doing it would, as far as no item is needed."""
    body = statement.body
    if isinstance(body, Select):
        access = access_of(statement, body, table, parameters)
        return StatementPlan(
            operation=access.operation,
            table=table.name,
            index=body.index,
            key_condition=_text(access.keys.used),
            filter=_text(access.keys.rest),
            descending=access.descending,
        )
    if isinstance(body, Insert):
        table.put_of(bind_item(body, parameters))
        return StatementPlan(operation="PutItem", table=table.name)
    if isinstance(body, Update):
        bind_update(body.actions, parameters).check_keys(table.definition.key_attributes)
        return _keyed("UpdateItem", table, body.where, parameters)
    if isinstance(body, Delete):
        return _keyed("DeleteItem", table, body.where, parameters)
    plan = _keyed("ConditionCheck", table, where_of_exists(body), parameters)
    if plan.condition is None:
        raise no_condition()
    return plan


def where_of_exists(exists: Exists) -> Clause:
    """Return the condition of an EXISTS; raises ValidationError where it is about no one item."""
    select = exists.select
    if select.where is None or select.index is not None or select.order:
        raise no_condition()
    return select.where


def no_condition() -> ValidationError:
    """Return the error for an EXISTS that is no condition on one item."""
    return ValidationError(
        "EXISTS takes a SELECT with the key of one item of a table, and another condition"
    )


def _keyed(
    operation: Operation, table: TableWriter, where: Clause, parameters: Sequence[Any]
) -> StatementPlan:
    key, used, rest = take_key(table.keys, bind_condition(where, parameters))
    table.key_of(key)
    return StatementPlan(
        operation=operation, table=table.name, key_condition=_text(used), condition=_text(rest)
    )


def _text(conditions: Sequence[Condition]) -> str | None:
    condition = joined(conditions)
    return None if condition is None else condition_text(condition)
