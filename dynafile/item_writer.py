"""A handle on a table: how its items are written."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from dynafile.capacity import NONE
from dynafile.errors import InvalidArgument
from dynafile.indexed_handle import IndexedHandle
from dynafile.results import WriteResult
from dynafile.table.batch import BatchWriter
from dynafile.table.events import Action, ActionType
from dynafile.write_requests import NOTHING_ASKED, WriteRequest


class ItemWriter(IndexedHandle):
    """What a handle does to write items."""

    def put_item(
        self,
        *,
        item: Mapping[str, Any],
        condition_expression: Any = None,
        expression_attribute_names: Mapping[str, str] | None = None,
        expression_attribute_values: Mapping[str, Any] | None = None,
        return_values: str = NONE,
        return_values_on_condition_check_failure: str = NONE,
        return_consumed_capacity: str = NONE,
        return_item_collection_metrics: str = NONE,
        expected: Mapping[str, Any] | None = None,
        conditional_operator: str | None = None,
    ) -> WriteResult | None:
        """Write an item, in the place of any with the same key.

        :param condition_expression: what must hold of the item that is there: an expression, or an
            ``Attr(...)`` condition.
        :param expression_attribute_names: what ``#name`` stands for in expressions.
        :param expression_attribute_values: what ``:name`` stands for.
        :param return_values: ``"ALL_OLD"`` for the item that was replaced.
        :param return_values_on_condition_check_failure: ``"ALL_OLD"`` for the item that is there,
            as ``item`` of the error.
        :param return_consumed_capacity: ``"TOTAL"`` or ``"INDEXES"``.
        :param return_item_collection_metrics: ``"SIZE"``.
        :param expected: DynamoDB's older way to say ``condition_expression``: by attribute
            ``{"ComparisonOperator": "GE", "AttributeValueList": [18]}``, ``{"Value": 18}`` or
            ``{"Exists": False}``.
        :param conditional_operator: ``"AND"``, or ``"OR"`` if one of these is enough.

        Returns None unless it was asked for something. Cost: one record in the journal; one sync
        where the handle is durable. Raises ConditionalCheckFailed where the condition does not
        hold; ValidationError kinds before anything is written, ReadOnlyDatabase, LockTimeout,
        DiskFull.
        """
        if self._closed:
            self._refuse_closed()
        asked = (
            condition_expression,
            expression_attribute_names,
            expression_attribute_values,
            return_values,
            return_values_on_condition_check_failure,
            return_consumed_capacity,
            return_item_collection_metrics,
            expected,
            conditional_operator,
        )
        if asked == NOTHING_ASKED:
            self._table.put_item(item)
            return None
        return WriteRequest(*asked).put(self._table, item)

    def delete_item(
        self,
        *,
        key: Mapping[str, Any],
        condition_expression: Any = None,
        expression_attribute_names: Mapping[str, str] | None = None,
        expression_attribute_values: Mapping[str, Any] | None = None,
        return_values: str = NONE,
        return_values_on_condition_check_failure: str = NONE,
        return_consumed_capacity: str = NONE,
        return_item_collection_metrics: str = NONE,
        expected: Mapping[str, Any] | None = None,
        conditional_operator: str | None = None,
    ) -> WriteResult | None:
        """Delete the item with this key; no error where there is none.

        ``key`` holds the key attributes; others in it are ignored. Parameters, costs and errors are
        as of :meth:`put_item`.
        """
        if self._closed:
            self._refuse_closed()
        asked = (
            condition_expression,
            expression_attribute_names,
            expression_attribute_values,
            return_values,
            return_values_on_condition_check_failure,
            return_consumed_capacity,
            return_item_collection_metrics,
            expected,
            conditional_operator,
        )
        if asked == NOTHING_ASKED:
            self._table.delete_item(key)
            return None
        return WriteRequest(*asked).delete(self._table, key)

    def update_item(
        self,
        *,
        key: Mapping[str, Any],
        update_expression: str | None = None,
        condition_expression: Any = None,
        expression_attribute_names: Mapping[str, str] | None = None,
        expression_attribute_values: Mapping[str, Any] | None = None,
        return_values: str = NONE,
        return_values_on_condition_check_failure: str = NONE,
        return_consumed_capacity: str = NONE,
        return_item_collection_metrics: str = NONE,
        attribute_updates: Mapping[str, Any] | None = None,
        expected: Mapping[str, Any] | None = None,
        conditional_operator: str | None = None,
    ) -> WriteResult | None:
        """Change attributes of the item with this key; where there is none, one is made.

        :param key: the key attributes, and no others.
        :param update_expression: ``SET``, ``REMOVE``, ``ADD`` and ``DELETE``, as DynamoDB has them.
        :param return_values: ``"ALL_OLD"``, ``"UPDATED_OLD"``, ``"ALL_NEW"`` or ``"UPDATED_NEW"``:
            the item, or the attributes that the expression names, before or after.
        :param attribute_updates: DynamoDB's older way to say ``update_expression``: by attribute
            ``{"Action": "ADD", "Value": 1}``, where the action is ``"PUT"``, ``"ADD"`` or
            ``"DELETE"``. One that only deletes makes no item.

        It looks at the item and writes it under one lock, so no other write comes in between. Other
        parameters, costs and errors are as of :meth:`put_item`.

        >>> from dynafile import Dynafile
        >>> with Dynafile(":memory:") as db:
        ...     db.put_item(item={"PK": "page", "SK": "/", "views": 41})
        ...     result = db.update_item(
        ...         key={"PK": "page", "SK": "/"},
        ...         update_expression="ADD #v :one",
        ...         expression_attribute_names={"#v": "views"},
        ...         expression_attribute_values={":one": 1},
        ...         return_values="UPDATED_NEW",
        ...     )
        ...     result.attributes
        {'views': 42}
        """
        self._check_open()
        asked = (
            condition_expression,
            expression_attribute_names,
            expression_attribute_values,
            return_values,
            return_values_on_condition_check_failure,
            return_consumed_capacity,
            return_item_collection_metrics,
            expected,
            conditional_operator,
        )
        request = WriteRequest(*asked)
        return request.update(self._table, key, update_expression, attribute_updates)

    def batch_writer(
        self,
        *,
        flush_items: int | None = None,
        flush_seconds: float | None = None,
        overwrite_by_pkeys: Sequence[str] | None = None,
    ) -> BatchWriter:
        """Return a writer whose ``with`` block is one commit.

        Its ``put_item(item=)`` and ``delete_item(key=)`` take effect together when the block ends;
        if its body raises, none does. ``flush_items`` commits each time so many writes were
        collected, ``flush_seconds`` each time so many seconds have passed. Of writes that have the
        same values of the attributes ``overwrite_by_pkeys``, only the last is made.

        >>> from dynafile import Dynafile
        >>> with Dynafile(":memory:") as db:
        ...     with db.batch_writer() as writer:
        ...         writer.put_item(item={"PK": "a", "SK": "1"})
        ...         writer.put_item(item={"PK": "a", "SK": "2"})
        ...     len(db)
        2
        """
        self._check_open()
        return BatchWriter(
            self._table, flush_items, flush_seconds, self._check_open, overwrite_by_pkeys
        )

    def execute_batch(self, actions: Iterable[Action]) -> None:
        """Commit puts and deletes as one, in their order.

        An :class:`Action` is an op, ``"PUT"`` or ``"DELETE"``, and the item or key.
        """
        self._check_open()
        schema = self._table.schema
        writes = []
        for action in actions:
            try:
                op, data = action
            except (TypeError, ValueError):
                raise InvalidArgument(f"an action is Action(op, data), not {action!r}") from None
            if op == ActionType.PUT:
                writes.append(self._table.put_of(data))
            elif op == ActionType.DELETE:
                writes.append(self._table.delete_of(data))
            else:
                raise InvalidArgument(f"an action's op is 'PUT' or 'DELETE', not {op!r}")
        self._table.write(writes, schema)
