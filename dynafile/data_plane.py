"""A handle on many tables: what is done to items of several of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from dynafile.batches import BatchGetResult, BatchWriteResult, batch_get, batch_write
from dynafile.capacity import NONE
from dynafile.statements.handle import Statements


class DataPlane(Statements):
    """What a database does with items: batches, statements and transactions over its tables."""

    def batch_write_item(
        self,
        *,
        request_items: Mapping[str, Iterable[Mapping[str, Any]]],
        return_consumed_capacity: str = NONE,
        return_item_collection_metrics: str = NONE,
    ) -> BatchWriteResult:
        """Make up to 25 puts and deletes. Unlike in DynamoDB all of them are one commit.

        :param request_items: by table lists of dicts with ``PutRequest`` (``Item``) or
            ``DeleteRequest`` (``Key``); or the same names in snake_case. Values are Python's.

        Raises ResourceNotFound, and ValidationError kinds. :meth:`Table.batch_writer` has no limit.
        """
        store, durable = self._store_open()
        return batch_write(
            store,
            self._table_named,
            request_items,
            durable=durable,
            capacity=return_consumed_capacity,
            metrics=return_item_collection_metrics,
        )

    def batch_get_item(
        self,
        *,
        request_items: Mapping[str, Mapping[str, Any]],
        return_consumed_capacity: str = NONE,
    ) -> BatchGetResult:
        """Return up to 100 items by their keys.

        :param request_items: by table dicts with ``Keys``, ``ProjectionExpression``,
            ``ExpressionAttributeNames``, ``AttributesToGet`` and ``ConsistentRead``, or the same in
            snake_case.

        Keys of what would be over 16 MB come back as ``unprocessed_keys``. Raises ResourceNotFound,
        and ValidationError kinds.
        """
        self._store_open()
        return batch_get(self._table_named, request_items, capacity=return_consumed_capacity)
