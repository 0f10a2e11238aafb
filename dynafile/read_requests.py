"""Requests to read a range of a table or an index: which part, which items, what of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from enum import Enum
from typing import Any, Final

from msgspec import Struct

from dynafile.capacity import NONE, check_level, consumed_by_read, read_units
from dynafile.errors import InvalidArgument, ValidationError
from dynafile.expressions import (
    ConditionExpression,
    Expressions,
    KeyCondition,
    Projection,
    filter_attributes,
    legacy_projection,
    parse_filter,
    refuse_mixture,
)
from dynafile.key_ranges import bound_range, index_range, table_range
from dynafile.legacy_requests import LegacyRead
from dynafile.request_checks import SELECTS, check_at_least, check_enum
from dynafile.results import Page
from dynafile.table.definition import GLOBAL
from dynafile.table.index import Index
from dynafile.table.keys import Range, segment_range
from dynafile.table.reader import Filter
from dynafile.table.writer import TableWriter


class Unset(Enum):
    """The type of :data:`UNSET`."""

    UNSET = "not given"

    def __repr__(self) -> str:
        return f"<{self.value}>"


UNSET: Final = Unset.UNSET
"""No partition key was given; None is one that is refused."""


def projection_of(
    expression: str | None, names: Mapping[str, str] | None, attributes_to_get: Any = None
) -> Projection | None:
    """Return the projection of a read by key, or None; raises ValidationError kinds."""
    if attributes_to_get is not None:
        legacy = {"AttributesToGet": attributes_to_get}
        refuse_mixture(legacy, {"ProjectionExpression": expression})
    expressions = Expressions(names, None)
    projection = None if expression is None else expressions.projection(expression)
    expressions.finish()
    return projection if attributes_to_get is None else legacy_projection(attributes_to_get)


class ReadRequest(Struct, frozen=True, kw_only=True):
    """The arguments that queries and scans share, in iterators and in pages."""

    index: str | None = None
    filter: Any = None
    """What ``filter=`` takes, or a filter expression."""
    filter_expression: Any = None
    projection: str | None = None
    names: Mapping[str, str] | None = None
    values: Mapping[str, Any] | None = None
    select: str | None = None
    consistent: bool = False
    capacity: str = NONE
    legacy: LegacyRead | None = None

    def query(
        self, table: TableWriter, pk: Any, starts_with: Any, sk: Any, condition: Any
    ) -> Reading:
        """Return what a query reads."""
        legacy = self._legacy(condition)
        key_conditions = None if legacy is None else legacy.key_conditions
        if condition is None and key_conditions is None and pk is UNSET:
            raise ValidationError(
                "Either the KeyConditions or KeyConditionExpression parameter must be specified in "
                "the request."
            )
        by_arguments = not (pk is UNSET and starts_with is None and sk is None)
        if by_arguments and not (condition is None and key_conditions is None):
            other = "key_conditions" if condition is None else "key_condition_expression"
            raise InvalidArgument(
                f"give the key condition as pk=, sk= and starts_with=, or as {other}=, not both"
            )
        expressions = self._expressions()
        index = self._index(table)
        parsed: KeyCondition | None = None
        if condition is not None:
            parsed = expressions.key_condition(condition)
        elif legacy is not None:
            parsed = legacy.key_condition()
        reading = self._reading(table, index, expressions)
        if parsed is not None:
            reading.bounds = bound_range(table.keys if index is None else index, parsed)
        elif index is None:
            reading.bounds = table_range(table.keys, pk, starts_with, sk)
        else:
            reading.bounds = index_range(index, pk, starts_with, sk)
        keys = table.definition.key_attributes if index is None else index.attributes
        self._check_key_filter(reading, keys)
        return reading

    def scan(self, table: TableWriter, segment: int | None, total_segments: int | None) -> Reading:
        """Return what a scan reads."""
        if total_segments is not None and segment is None:
            raise ValidationError(
                "The Segment parameter is required but was not present in the request when "
                "parameter TotalSegments is present"
            )
        if segment is not None and total_segments is None:
            raise ValidationError(
                "The TotalSegments parameter is required but was not present in the request when "
                "Segment parameter is present"
            )
        self._legacy(None)
        expressions = self._expressions()
        reading = self._reading(table, self._index(table), expressions)
        if segment is not None and total_segments is not None:
            reading.bounds = segment_range(segment, total_segments)
        return reading

    def _legacy(self, condition: Any) -> LegacyRead | None:
        """Return the legacy parameters; refuse them beside expressions."""
        if self.legacy is not None:
            self.legacy.refuse_mixture(
                {
                    "ProjectionExpression": self.projection,
                    "FilterExpression": self.filter_expression,
                    "KeyConditionExpression": condition,
                }
            )
        return self.legacy

    def _expressions(self) -> Expressions:
        check_level(self.capacity)
        if self.select is not None:
            check_enum(self.select, "select", SELECTS)
        return Expressions(self.names, self.values)

    def _index(self, table: TableWriter) -> Index | None:
        index = None if self.index is None else table.index(self.index)
        if index is not None and self.consistent and index.definition.kind == GLOBAL:
            raise ValidationError("Consistent reads are not supported on global secondary indexes")
        return index

    def _reading(
        self, table: TableWriter, index: Index | None, expressions: Expressions
    ) -> Reading:
        wanted, needed = parse_filter(self.filter), filter_attributes(self.filter)
        if self.filter_expression is not None:
            if self.filter is not None:
                raise InvalidArgument("give filter or filter_expression, not both")
            parsed = expressions.condition(self.filter_expression, "FilterExpression")
            wanted, needed = parsed.test, parsed.attributes
        projection = None
        if self.projection is not None:
            projection = expressions.projection(self.projection)
        if self.legacy is not None:
            found = self._legacy_filter(self.legacy)
            if found is not None:
                wanted, needed = found.test, found.attributes
            projection = self.legacy.projection()
        expressions.finish("FilterExpression")
        self._check_select(index, projection)
        return Reading(
            table=table,
            index=index,
            wanted=wanted,
            needed=needed,
            projection=projection,
            whole=self._reads_whole(index, projection, needed),
            request=self,
        )

    def _legacy_filter(self, legacy: LegacyRead) -> ConditionExpression | None:
        if self.filter is not None and legacy.filter is not None:
            name = "query_filter" if legacy.parameter == "QueryFilter" else "scan_filter"
            raise InvalidArgument(f"give filter or {name}, not both")
        return legacy.condition()

    def _reads_whole(
        self, index: Index | None, projection: Projection | None, needed: frozenset[str] | None
    ) -> bool:
        """Say whether items are fetched from the table, for what a local index does not project.

        Raises ValidationError where a global index would have to.
        """
        if index is None or index.projected is None:
            return False
        asked = projection.attributes if projection is not None else frozenset[str]()
        lacking = index.lacking(asked | (needed or frozenset()))
        return bool(lacking) or self.select == "ALL_ATTRIBUTES"

    def _check_select(self, index: Index | None, projection: Projection | None) -> None:
        select = self.select
        if projection is not None and select not in (None, "SPECIFIC_ATTRIBUTES"):
            given = "AttributesToGet" if self.projection is None else "ProjectionExpression"
            raise ValidationError(
                f"Cannot specify the {given} when choosing to get "
                f"{'only the Count' if select == 'COUNT' else select}"
            )
        if select == "SPECIFIC_ATTRIBUTES" and projection is None:
            raise ValidationError(
                "Must specify the AttributesToGet or ProjectionExpression when choosing to get "
                "SPECIFIC_ATTRIBUTES"
            )
        if select == "ALL_PROJECTED_ATTRIBUTES" and index is None:
            raise ValidationError(
                "ALL_PROJECTED_ATTRIBUTES can be used only when Querying using an IndexName"
            )
        if index is None or index.projected is None or index.definition.kind != GLOBAL:
            return
        if select == "ALL_ATTRIBUTES":
            raise ValidationError(
                "One or more parameter values were invalid: Select type ALL_ATTRIBUTES is not "
                f"supported for global secondary index {index.name} because its projection "
                "type is not ALL"
            )

    def _check_key_filter(self, reading: Reading, keys: tuple[str, ...]) -> None:
        if self.filter_expression is not None:
            parameter = "Filter Expression"
        elif self.legacy is not None and self.legacy.filter is not None:
            parameter = self.legacy.parameter
        else:
            return
        for name in keys:
            if name in (reading.needed or ()):
                raise ValidationError(
                    f"{parameter} can only contain non-primary key attributes: Primary key "
                    f"attribute: {name}"
                )


class Reading(Struct, kw_only=True):
    """A query or scan that was checked: what it reads, and what it gives of that."""

    table: TableWriter
    index: Index | None
    wanted: Filter | None
    needed: frozenset[str] | None
    projection: Projection | None
    whole: bool
    """Whether whole items are fetched for the entries of a local index."""
    request: ReadRequest
    bounds: Range = (b"", None)

    def items(self, limit: int | None, *, reverse: bool, keep: bool) -> Iterator[dict[str, Any]]:
        """Yield the items, up to ``limit`` that pass the filter."""
        if self.request.select is not None or self.whole:
            return self._by_pages(limit, reverse=reverse)
        items = self.table.read(
            self.bounds,
            self.wanted,
            limit,
            reverse=reverse,
            keep=keep,
            index=self.index,
            needed=self.needed,
        )
        return items if self.projection is None else map(self.projection.apply, items)

    def _by_pages(self, limit: int | None, *, reverse: bool) -> Iterator[dict[str, Any]]:
        start: Mapping[str, Any] | None = None
        while True:
            page = self.page(None, start, reverse=reverse)
            for item in page.items:
                yield item
                limit = None if limit is None else limit - 1
                if limit == 0:
                    return
            if page.last_evaluated_key is None:
                return
            start = page.last_evaluated_key

    def page(self, limit: int | None, start: Mapping[str, Any] | None, *, reverse: bool) -> Page:
        """Return a page: what was asked for of at most ``limit`` items, or 1 MB of them."""
        check_at_least(limit, "limit", 1)
        table, request = self.table, self.request
        begin = None if start is None else table.start_of(start, self.bounds, self.index)
        found = table.page(
            self.bounds,
            self.wanted,
            limit,
            reverse=reverse,
            start=begin,
            index=self.index,
            whole=self.whole,
        )
        items = found.items
        if self.projection is not None:
            items = list(map(self.projection.apply, items))
        elif self.whole and request.select != "ALL_ATTRIBUTES" and self.index is not None:
            items = [self.index.projection_of(item) for item in items]
        units = read_units(found.size, consistent=request.consistent)
        fetched = found.fetched_units * (1.0 if request.consistent else 0.5)
        return Page(
            items=[] if request.select == "COUNT" else items,
            count=len(items),
            scanned_count=found.scanned,
            last_evaluated_key=found.last_key,
            consumed_capacity=consumed_by_read(
                table,
                request.capacity,
                units,
                None if self.index is None else self.index.name,
                fetched,
            ),
        )
