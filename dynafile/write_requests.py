"""Requests to write one item: expressions, options, and what they give back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from msgspec import Struct

from dynafile.capacity import NONE, check_level, consumed_by_writes
from dynafile.errors import InvalidKey, ValidationError
from dynafile.expressions import Expressions, Update, refuse_mixture
from dynafile.legacy_requests import expected_of, updates_of
from dynafile.request_checks import (
    METRICS,
    ON_FAILURE,
    RETURN_VALUES,
    check_enum,
)
from dynafile.results import ItemCollectionMetrics, WriteResult
from dynafile.table.definition import LOCAL
from dynafile.table.write import Test, Write
from dynafile.table.writer import TableWriter
from dynafile.values import decode_item

_GIB: Final = 1024**3
_PUT_RETURNS: Final = ("NONE", "ALL_OLD")


NOTHING_ASKED: Final = (None, None, None, NONE, NONE, NONE, NONE, None, None)
"""The arguments of a write that has no condition and returns nothing."""


class WriteRequest(Struct, frozen=True):
    """The arguments that put_item, delete_item and update_item share."""

    condition: Any = None
    names: Mapping[str, str] | None = None
    values: Mapping[str, Any] | None = None
    return_values: str = NONE
    on_failure: str = NONE
    capacity: str = NONE
    metrics: str = NONE
    expected: Any = None
    conditional_operator: Any = None

    def put(self, table: TableWriter, item: Mapping[str, Any]) -> WriteResult | None:
        """Put an item; raises ConditionalCheckFailed, and ValidationError kinds before."""
        self._check(_PUT_RETURNS)
        expressions = Expressions(self.names, self.values)
        schema = table.schema
        write = self._conditional(table.put_of(item), expressions)
        expressions.finish("ConditionExpression")
        return self._made(table, write, schema)

    def delete(self, table: TableWriter, key: Mapping[str, Any]) -> WriteResult | None:
        """Delete an item; raises as :meth:`put`."""
        self._check(_PUT_RETURNS)
        expressions = Expressions(self.names, self.values)
        schema = table.schema
        write = self._conditional(table.delete_of(key), expressions)
        expressions.finish("ConditionExpression")
        return self._made(table, write, schema)

    def update(
        self,
        table: TableWriter,
        key: Mapping[str, Any],
        expression: str | None,
        attribute_updates: Any = None,
    ) -> WriteResult | None:
        """Update an item; raises as :meth:`put`."""
        self._check(RETURN_VALUES, expression, attribute_updates)
        expressions = Expressions(self.names, self.values)
        schema = table.schema
        update = None if expression is None else expressions.update(expression)
        if attribute_updates is not None:
            update = updates_of(attribute_updates)
        write = update_of(table, key, update)
        self._conditional(write, expressions)
        expressions.finish("UpdateExpression", "ConditionExpression")
        return self._made(table, write, schema, update)

    def _check(
        self, allowed: tuple[str, ...], expression: str | None = None, attribute_updates: Any = None
    ) -> None:
        check_enum(self.return_values, "returnValues", RETURN_VALUES)
        check_enum(self.on_failure, "returnValuesOnConditionCheckFailure", ON_FAILURE)
        check_level(self.capacity)
        check_enum(self.metrics, "returnItemCollectionMetrics", METRICS)
        if self.return_values not in allowed:
            raise ValidationError("Return values set to invalid value")
        if (self.expected, self.conditional_operator, attribute_updates) == (None, None, None):
            return
        refuse_mixture(
            {
                "AttributeUpdates": attribute_updates,
                "Expected": self.expected,
                "ConditionalOperator": self.conditional_operator,
            },
            {"UpdateExpression": expression, "ConditionExpression": self.condition},
        )

    def _conditional(self, write: Write, expressions: Expressions) -> Write:
        test = None
        if self.condition is not None:
            test = expressions.condition(self.condition).test
        elif self.expected is not None or self.conditional_operator is not None:
            condition = expected_of(self.expected, self.conditional_operator)
            test = None if condition is None else condition.test
        return write.looking(test, gives_item=self.on_failure != NONE)

    def _made(
        self, table: TableWriter, write: Write, schema: Any, update: Update | None = None
    ) -> WriteResult | None:
        table.write([write], schema)
        asked = (self.return_values, self.capacity, self.metrics)
        if asked == (NONE, NONE, NONE):
            return None
        return WriteResult(
            attributes=self._attributes(write, update),
            consumed_capacity=consumed_by_writes(table, self.capacity, [write]),
            item_collection_metrics=collection_metrics(table, self.metrics, write),
        )

    def _attributes(self, write: Write, update: Update | None) -> dict[str, Any] | None:
        kind = self.return_values
        raw = write.old if kind.endswith("OLD") else write.raw
        if kind == NONE or raw is None:
            return None
        item = decode_item(raw)
        if kind.startswith("ALL"):
            return item
        if update is None:
            return None
        return update.updated(item, new=kind == "UPDATED_NEW") or None


def condition_of(
    condition: Any, names: Mapping[str, str] | None, values: Mapping[str, Any] | None
) -> Test | None:
    """Return the test of a condition that stands alone; raises ValidationError kinds."""
    if condition is None and names is None and values is None:
        return None
    expressions = Expressions(names, values)
    test = None if condition is None else expressions.condition(condition).test
    expressions.finish("ConditionExpression")
    return test


def update_of(table: TableWriter, key: Any, update: Update | None) -> Write:
    """Return the write of an update; without an expression it makes an item of the key."""
    check_update_key(table, key, update)
    return table.update_of(dict(key), dict if update is None else update.apply)


def check_update_key(table: TableWriter, key: Any, update: Update | None) -> None:
    """Raise ValidationError unless a key has just the key attributes, and the update none."""
    names = table.definition.key_attributes
    if not isinstance(key, Mapping) or set(key) != set(names):
        raise InvalidKey("The provided key element does not match the schema")
    if update is not None:
        update.check_keys(names)


def collection_metrics(
    table: TableWriter, metrics: str, write: Write
) -> ItemCollectionMetrics | None:
    """Return how large the collection is that was written to; None: no local index, not asked."""
    local = any(index.kind == LOCAL for index in table.definition.indexes.values())
    if metrics == NONE or not local:
        return None
    pk, size = table.collection_of(write.key)
    low = size / _GIB // 1
    return ItemCollectionMetrics(
        item_collection_key={table.definition.pk_attribute: pk},
        size_estimate_range_gb=(low, low + 1.0),
    )
