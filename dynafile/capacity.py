"""Capacity units: what DynamoDB would charge for an operation."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from dynafile.request_checks import check_enum
from dynafile.results import Capacity, ConsumedCapacity
from dynafile.table.definition import GLOBAL
from dynafile.table.index import Entry, Index
from dynafile.table.write import Write
from dynafile.table.writer import TableWriter
from dynafile.values import decode_item, item_size

READ_UNIT_BYTES: Final = 4096
WRITE_UNIT_BYTES: Final = 1024
NONE: Final = "NONE"
INDEXES: Final = "INDEXES"
_LEVELS: Final = (INDEXES, "TOTAL", NONE)


def check_level(level: object) -> None:
    """Raise ValidationError unless ``return_consumed_capacity`` may be this."""
    check_enum(level, "returnConsumedCapacity", _LEVELS)


def read_units(size: int, *, consistent: bool) -> float:
    """Return the read units of so many bytes; reading nothing costs as much as a little."""
    units = max(1, -(-size // READ_UNIT_BYTES))
    return float(units) if consistent else units / 2


def write_units(size: int) -> float:
    """Return the write units of so many bytes."""
    return float(max(1, -(-size // WRITE_UNIT_BYTES)))


def consumed_by_read(
    table: TableWriter, level: str, units: float, index: str | None = None, fetched: float = 0.0
) -> ConsumedCapacity | None:
    """Return what a read consumed; ``units`` of the index if one is named, else of the table."""
    if level == NONE:
        return None
    parts = {} if index is None else {index: units}
    return _consumed(table, level, fetched if index is not None else units, parts)


def consumed_by_writes(
    table: TableWriter, level: str, writes: Iterable[Write], factor: float = 1.0
) -> ConsumedCapacity | None:
    """Return what writes that were made consumed; a transaction's cost twice as much."""
    if level == NONE:
        return None
    own, parts = 0.0, dict[str, float]()
    for write in writes:
        sizes = [item_size(decode_item(raw)) for raw in (write.old, write.raw) if raw is not None]
        own += factor * write_units(max(sizes, default=0))
        if write.check:
            continue
        for index, old, new in table.entries_of(write):
            units = factor * _entry_units(index, old, new)
            if units:
                parts[index.name] = parts.get(index.name, 0.0) + units
    return _consumed(table, level, own, parts)


def _entry_units(index: Index, old: Entry | None, new: Entry | None) -> float:
    if old == new:
        return 0.0
    shown = [None if entry is None else index.shown(entry[1]) for entry in (old, new)]
    units = [write_units(item_size(decode_item(raw))) for raw in shown if raw is not None]
    if old is None or new is None or old[0] != new[0]:
        return sum(units)
    return max(units) if shown[0] != shown[1] else 0.0


def _consumed(
    table: TableWriter, level: str, own: float, parts: Mapping[str, float]
) -> ConsumedCapacity:
    total = own + sum(parts.values())
    if level != INDEXES:
        return ConsumedCapacity(table_name=table.name, capacity_units=total)
    indexes = table.definition.indexes
    kinds: tuple[dict[str, Capacity], dict[str, Capacity]] = ({}, {})
    for name, units in parts.items():
        index = indexes.get(name)
        kinds[index is not None and index.kind == GLOBAL][name] = Capacity(capacity_units=units)
    return ConsumedCapacity(
        table_name=table.name,
        capacity_units=total,
        table=Capacity(capacity_units=own),
        local_secondary_indexes=kinds[0],
        global_secondary_indexes=kinds[1],
    )
