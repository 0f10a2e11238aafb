"""Descriptions: what a table and its indexes tell of themselves."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from dynafile.table.index_options import GlobalIndex, LocalIndex


@dataclass(frozen=True, kw_only=True)
class IndexDescription:
    """What :meth:`Table.describe` tells of an index."""

    name: str
    index: GlobalIndex | LocalIndex
    """As it would be declared."""
    status: str
    """``ACTIVE``, or ``CREATING``: it is being filled, and cannot be read yet."""
    entry_count: int
    """Entries, those of items that are expired and not removed yet too."""
    skipped_count: int
    """Items that the backfill left out, because an attribute was of another type than the key's."""
    types: Mapping[str, str | None]
    """The types of its key attributes, ``S``, ``N`` or ``B``; None: not known yet."""
    partition_count: int
    snapshot_bytes: int


@dataclass(frozen=True, kw_only=True)
class TableDescription:
    """What :meth:`Table.describe` tells. Sizes are in bytes."""

    table_name: str
    path: str
    pk_attribute: str
    pk_type: str | None
    """``S``, ``N`` or ``B``; None while nothing was written."""
    sk_attribute: str | None
    sk_type: str | None
    ttl_attribute: str | None
    item_count: int
    """Items that are not expired."""
    partition_count: int
    snapshot_bytes: int
    """The partitions' files."""
    journal_bytes: int
    """The journal past the checkpoint: what the next opening replays."""
    disk_bytes: int
    """Everything in the folder."""
    indexes: tuple[IndexDescription, ...] = ()
