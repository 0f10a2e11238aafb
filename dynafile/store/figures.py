"""Figures: how large a keyspace and its store are."""

from __future__ import annotations

from msgspec import Struct

from dynafile.store.filesystem import folder_bytes
from dynafile.store.partition_map import Keyspace
from dynafile.store.replica import Replica


class Figures(Struct, frozen=True, kw_only=True):
    """Sizes, in bytes but for ``partitions``."""

    partitions: int
    snapshot_bytes: int
    journal_bytes: int
    disk_bytes: int


def figures_of(replica: Replica, keyspace: Keyspace) -> Figures:
    """Return the figures. Cost: the header of each partition is read."""
    with replica.mutex:
        partitions = list(keyspace.partitions())
    sizes = []
    for part in partitions:
        with replica.mutex:  # not throughout: others wait for it
            sizes.append(replica.snapshot_bytes(keyspace, part) if part.id else 0)
    memory = replica.journal is None
    return Figures(
        partitions=len(partitions),
        snapshot_bytes=sum(sizes),
        journal_bytes=0 if memory else replica.lsn - replica.checkpoint.lsn,
        disk_bytes=0 if memory else folder_bytes(replica.volume.root),
    )
