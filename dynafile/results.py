"""What calls return beside items: results of writes, pages, and what they consumed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from msgspec import Struct, field


class Capacity(Struct, frozen=True, kw_only=True):
    """Capacity units, of a table or an index."""

    capacity_units: float = 0.0


class ConsumedCapacity(Struct, frozen=True, kw_only=True):
    """What an operation would have consumed of DynamoDB's capacity.

    A read unit is 4 KiB read strongly consistent, or twice that; a write unit is 1 KiB. With
    ``"TOTAL"`` only the sum is given, with ``"INDEXES"`` also its parts. See
    https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/CapacityUnitCalculations.html.
    """

    table_name: str
    capacity_units: float
    table: Capacity | None = None
    local_secondary_indexes: Mapping[str, Capacity] = field(default_factory=dict)
    global_secondary_indexes: Mapping[str, Capacity] = field(default_factory=dict)


class ItemCollectionMetrics(Struct, frozen=True, kw_only=True):
    """How large the item collection is that was written to; of tables with local indexes."""

    item_collection_key: dict[str, Any]
    size_estimate_range_gb: tuple[float, float]
    """A lower and an upper bound in gigabytes."""


class WriteResult(Struct, frozen=True, kw_only=True):
    """What a write gives that was asked for something."""

    attributes: dict[str, Any] | None = None
    """The attributes that ``return_values`` asks for; None where there are none."""
    consumed_capacity: ConsumedCapacity | None = None
    item_collection_metrics: ItemCollectionMetrics | None = None


class GetResult(Struct, frozen=True, kw_only=True):
    """What ``get_item`` gives where it was asked for the capacity too."""

    item: dict[str, Any] | None
    consumed_capacity: ConsumedCapacity | None = None


class Page(Struct, frozen=True, kw_only=True):
    """One page of a query or scan; iterating over it gives its items."""

    items: list[dict[str, Any]]
    """Empty where ``select="COUNT"`` asked for the number only."""
    count: int
    """Items that passed the filter."""
    scanned_count: int
    """Items that were looked at."""
    last_evaluated_key: dict[str, Any] | None = None
    """The ``exclusive_start_key`` of the next page; None: this is the last one."""
    consumed_capacity: ConsumedCapacity | None = None

    def __iter__(self) -> Iterator[dict[str, Any]]:
        return iter(self.items)

    def __len__(self) -> int:
        return len(self.items)
