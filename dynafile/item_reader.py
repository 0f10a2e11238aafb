"""A handle on a table: how its items are read."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Literal, overload

from dynafile.capacity import NONE, check_level, consumed_by_read, read_units
from dynafile.errors import InvalidArgument
from dynafile.expressions import filter_attributes, parse_filter
from dynafile.indexed_handle import IndexedHandle
from dynafile.key_ranges import index_range, table_range
from dynafile.legacy_requests import legacy_read
from dynafile.read_requests import UNSET, ReadRequest, projection_of
from dynafile.results import GetResult, Page
from dynafile.values import item_size


class ItemReader(IndexedHandle):
    """What a handle does to read items."""

    @overload
    def get_item(
        self,
        *,
        key: Mapping[str, Any],
        projection_expression: str | None = None,
        expression_attribute_names: Mapping[str, str] | None = None,
        consistent_read: bool = False,
        return_consumed_capacity: Literal["NONE"] = "NONE",
        attributes_to_get: Sequence[str] | None = None,
    ) -> dict[str, Any] | None: ...
    @overload
    def get_item(
        self,
        *,
        key: Mapping[str, Any],
        projection_expression: str | None = None,
        expression_attribute_names: Mapping[str, str] | None = None,
        consistent_read: bool = False,
        return_consumed_capacity: Literal["TOTAL", "INDEXES"],
        attributes_to_get: Sequence[str] | None = None,
    ) -> GetResult: ...
    def get_item(
        self,
        *,
        key: Mapping[str, Any],
        projection_expression: str | None = None,
        expression_attribute_names: Mapping[str, str] | None = None,
        consistent_read: bool = False,
        return_consumed_capacity: str = NONE,
        attributes_to_get: Sequence[str] | None = None,
    ) -> dict[str, Any] | GetResult | None:
        """Return the item with this key, or None.

        :param key: holds the key attributes; others in it are ignored.
        :param projection_expression: the attributes to return, by document path.
        :param expression_attribute_names: what ``#name`` stands for in it.
        :param consistent_read: every read is consistent; True doubles what it would have consumed.
        :param return_consumed_capacity: with ``"TOTAL"`` or ``"INDEXES"`` a :class:`GetResult` is
            returned, which has the item and what reading it would have consumed.
        :param attributes_to_get: DynamoDB's older way to say ``projection_expression``: a list of
            top-level attributes.

        Cost: none in system calls where the partition is in memory; else one file is read.
        """
        if self._closed:
            self._refuse_closed()
        if (
            projection_expression is None
            and expression_attribute_names is None
            and return_consumed_capacity == NONE
            and attributes_to_get is None
        ):
            return self._table.get_item(key)
        check_level(return_consumed_capacity)
        projection = projection_of(
            projection_expression, expression_attribute_names, attributes_to_get
        )
        item = self._table.get_item(key)
        units = read_units(item_size(item or {}), consistent=consistent_read)
        if item is not None and projection is not None:
            item = projection.apply(item)
        if return_consumed_capacity == NONE:
            return item
        return GetResult(
            item=item,
            consumed_capacity=consumed_by_read(self._table, return_consumed_capacity, units),
        )

    def batch_get_item(self, *, keys: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
        """Return the items with these keys, in the order of the keys, without those missing."""
        self._check_open()
        return self._table.batch_get_item(keys)

    def query(
        self,
        pk: Any = UNSET,
        *,
        index: str | None = None,
        starts_with: str | bytes | None = None,
        sk: Any = None,
        scan_index_forward: bool = True,
        limit: int | None = None,
        filter: Any = None,
        _filter: Any = None,
        index_name: str | None = None,
        key_condition_expression: Any = None,
        filter_expression: Any = None,
        projection_expression: str | None = None,
        expression_attribute_names: Mapping[str, str] | None = None,
        expression_attribute_values: Mapping[str, Any] | None = None,
        consistent_read: bool = False,
        key_conditions: Mapping[str, Any] | None = None,
        query_filter: Mapping[str, Any] | None = None,
        conditional_operator: str | None = None,
        attributes_to_get: Sequence[str] | None = None,
    ) -> Iterator[dict[str, Any]]:
        """Yield the items with one partition key in the order of their sort keys.

        :param pk: the partition key's value; a tuple for an index with several attributes.
        :param index: a secondary index to query in the place of the table; its items hold what it
            projects. ``index_name`` is the same.
        :param starts_with: only sort keys that begin so.
        :param sk: a condition on the sort key: ``between(a, b)``, ``begins_with(p)``, ``lt(x)``,
            ``lte(x)``, ``gt(x)``, ``gte(x)``, ``eq(x)``, the same of ``Key("SK")``, or a value to
            be equal to. For an index with several sort key attributes a tuple: values for the
            first ones, and a condition on the next.
        :param scan_index_forward: False for the reverse order.
        :param limit: yield at most so many items.
        :param filter: a callable, an ``Attr(...)`` condition, or a string for ``filtration``.
        :param key_condition_expression: DynamoDB's way to say ``pk`` and ``sk``; boto3's
            ``Key(...)`` conditions too.
        :param filter_expression: DynamoDB's way to say ``filter``.
        :param projection_expression: the attributes to return, by document path.
        :param expression_attribute_names: what ``#name`` stands for in expressions.
        :param expression_attribute_values: what ``:name`` stands for.
        :param consistent_read: every read is consistent; True is refused for a global index, as
            DynamoDB does.
        :param key_conditions: DynamoDB's older way to say ``key_condition_expression``: by
            attribute ``{"ComparisonOperator": "EQ", "AttributeValueList": ["a"]}``.
        :param query_filter: its older way to say ``filter_expression``, in that form.
        :param conditional_operator: ``"AND"``, or ``"OR"`` if one condition of it is enough.
        :param attributes_to_get: its older way to say ``projection_expression``: a list of
            top-level attributes.

        An item that is there throughout is yielded exactly once, while others write. It reads on by
        itself; :meth:`query_page` gives pages.
        Cost: a range of the partitions' maps, no scan; of a local index with a filter on what it
        does not project, the items too. Raises IndexNotFound, IndexNotReady, InvalidKey kinds, and
        ValidationError kinds, such as a filter that needs what a global index does not project.
        """
        if self._closed:
            self._refuse_closed()
        if limit is not None:
            _check_limit(limit)
        legacy = legacy_read(
            "QueryFilter", query_filter, conditional_operator, attributes_to_get, key_conditions
        )
        if (
            index_name is not None
            or key_condition_expression is not None
            or filter_expression is not None
            or projection_expression is not None
            or expression_attribute_names is not None
            or expression_attribute_values is not None
            or consistent_read
            or pk is UNSET
            or legacy is not None
        ):
            request = ReadRequest(
                index=_one_of(index, index_name),
                filter=_one_filter(filter, _filter),
                filter_expression=filter_expression,
                projection=projection_expression,
                names=expression_attribute_names,
                values=expression_attribute_values,
                consistent=consistent_read,
                legacy=legacy,
            )
            reading = request.query(self._table, pk, starts_with, sk, key_condition_expression)
            return reading.items(limit, reverse=not scan_index_forward, keep=True)
        plain = filter if _filter is None else _one_filter(filter, _filter)
        reverse = not scan_index_forward
        if index is not None:
            return self._query_index(index, pk, starts_with, sk, plain, limit, reverse)
        bounds = table_range(self._table.keys, pk, starts_with, sk)
        wanted = None if plain is None else parse_filter(plain)
        return self._table.read(bounds, wanted, limit, reverse=reverse, keep=True)

    def _query_index(
        self,
        name: str,
        pk: Any,
        starts_with: str | bytes | None,
        sk: Any,
        filter: Any,
        limit: int | None,
        reverse: bool,
    ) -> Iterator[dict[str, Any]]:
        index = self._table.index(name)
        return self._table.read(
            index_range(index, pk, starts_with, sk),
            parse_filter(filter),
            limit,
            reverse=reverse,
            keep=True,
            index=index,
            needed=filter_attributes(filter),
        )

    def query_page(
        self,
        pk: Any = UNSET,
        *,
        index_name: str | None = None,
        starts_with: str | bytes | None = None,
        sk: Any = None,
        key_condition_expression: Any = None,
        filter_expression: Any = None,
        projection_expression: str | None = None,
        expression_attribute_names: Mapping[str, str] | None = None,
        expression_attribute_values: Mapping[str, Any] | None = None,
        limit: int | None = None,
        exclusive_start_key: Mapping[str, Any] | None = None,
        select: str | None = None,
        scan_index_forward: bool = True,
        consistent_read: bool = False,
        return_consumed_capacity: str = NONE,
        filter: Any = None,
        key_conditions: Mapping[str, Any] | None = None,
        query_filter: Mapping[str, Any] | None = None,
        conditional_operator: str | None = None,
        attributes_to_get: Sequence[str] | None = None,
    ) -> Page:
        """Return one page of a query: at most 1 MB of items, as DynamoDB's Query does.

        :param limit: look at no more items than this, before the filter.
        :param exclusive_start_key: the ``last_evaluated_key`` of the page before.
        :param select: ``"ALL_ATTRIBUTES"``, ``"ALL_PROJECTED_ATTRIBUTES"``,
            ``"SPECIFIC_ATTRIBUTES"`` or ``"COUNT"``.

        Other parameters and errors are as of :meth:`query`. Cost: what is on the page, wherever in
        its collection it begins.
        """
        self._check_open()
        request = ReadRequest(
            index=index_name,
            filter=filter,
            filter_expression=filter_expression,
            projection=projection_expression,
            names=expression_attribute_names,
            values=expression_attribute_values,
            select=select,
            consistent=consistent_read,
            capacity=return_consumed_capacity,
            legacy=legacy_read(
                "QueryFilter", query_filter, conditional_operator, attributes_to_get, key_conditions
            ),
        )
        reading = request.query(self._table, pk, starts_with, sk, key_condition_expression)
        return reading.page(limit, exclusive_start_key, reverse=not scan_index_forward)

    def scan(
        self,
        _filter: Any = None,
        *,
        index: str | None = None,
        filter: Any = None,
        segment: int | None = None,
        total_segments: int | None = None,
        limit: int | None = None,
        index_name: str | None = None,
        filter_expression: Any = None,
        projection_expression: str | None = None,
        expression_attribute_names: Mapping[str, str] | None = None,
        expression_attribute_values: Mapping[str, Any] | None = None,
        consistent_read: bool = False,
        scan_filter: Mapping[str, Any] | None = None,
        conditional_operator: str | None = None,
        attributes_to_get: Sequence[str] | None = None,
    ) -> Iterator[dict[str, Any]]:
        """Yield all items, those of one partition key together and in the order of their sort keys.

        ``segment`` and ``total_segments`` yield one share of the table: the segments divide the
        hash space evenly and together cover each item once. Other parameters are as in
        :meth:`query`, and ``scan_filter`` as ``query_filter`` there; an index has only the items
        with its key attributes.

        An item that is there throughout is yielded exactly once, while others write.
        """
        self._check_open()
        if (segment is None) != (total_segments is None):
            raise InvalidArgument("segment and total_segments go together")
        _check_limit(limit)
        request = ReadRequest(
            index=_one_of(index, index_name),
            filter=_one_filter(filter, _filter),
            filter_expression=filter_expression,
            projection=projection_expression,
            names=expression_attribute_names,
            values=expression_attribute_values,
            consistent=consistent_read,
            legacy=legacy_read("ScanFilter", scan_filter, conditional_operator, attributes_to_get),
        )
        reading = request.scan(self._table, segment, total_segments)
        return reading.items(limit, reverse=False, keep=False)

    def scan_page(
        self,
        *,
        index_name: str | None = None,
        filter_expression: Any = None,
        projection_expression: str | None = None,
        expression_attribute_names: Mapping[str, str] | None = None,
        expression_attribute_values: Mapping[str, Any] | None = None,
        limit: int | None = None,
        exclusive_start_key: Mapping[str, Any] | None = None,
        select: str | None = None,
        segment: int | None = None,
        total_segments: int | None = None,
        consistent_read: bool = False,
        return_consumed_capacity: str = NONE,
        filter: Any = None,
        scan_filter: Mapping[str, Any] | None = None,
        conditional_operator: str | None = None,
        attributes_to_get: Sequence[str] | None = None,
    ) -> Page:
        """Return one page of a scan, as DynamoDB's Scan does; parameters as of query_page."""
        self._check_open()
        request = ReadRequest(
            index=index_name,
            filter=filter,
            filter_expression=filter_expression,
            projection=projection_expression,
            names=expression_attribute_names,
            values=expression_attribute_values,
            select=select,
            consistent=consistent_read,
            capacity=return_consumed_capacity,
            legacy=legacy_read("ScanFilter", scan_filter, conditional_operator, attributes_to_get),
        )
        reading = request.scan(self._table, segment, total_segments)
        return reading.page(limit, exclusive_start_key, reverse=False)


def _one_of(index: str | None, index_name: str | None) -> str | None:
    if index is not None and index_name is not None:
        raise InvalidArgument("give index or index_name, not both: they are the same")
    return index if index is not None else index_name


def _one_filter(plain: Any, underscored: Any) -> Any:
    if plain is not None and underscored is not None:
        raise InvalidArgument("give filter or _filter, not both: they are the same")
    return plain if plain is not None else underscored


def _check_limit(limit: int | None) -> None:
    if limit is not None and (type(limit) is not int or limit < 1):
        raise InvalidArgument(f"limit must be an int of at least 1, or None, not {limit!r}")
