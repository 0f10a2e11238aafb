"""Entities as dictionaries of what JSON can say."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from dynafile.entities.layout import Reference
from dynafile.entities.records import Record
from dynafile.entities.system_time import SystemTime
from dynafile.entities.types import EntityType


def plain(
    info: EntityType, id_: str, record: Record, link: Callable[[Reference], str]
) -> dict[str, Any]:
    """Return the fields of a record, and its to-one relations, where there are any.

    ``link`` gives what stands for an entity at the other end.
    """
    found: dict[str, Any] = {}
    if record.stamp is not None:
        stamp = record.stamp
        found["timestamp_created"] = SystemTime.format_timestamp(stamp.created)
        found["timestamp_updated"] = SystemTime.format_timestamp(stamp.updated)
        found |= {"creator": stamp.creator, "updater": stamp.updater, "owner": stamp.owner}
    found |= {"_type": info.name, "_id": id_}
    for name, field in info.properties.items():
        value = record.values[name]
        found[name] = None if value is None else field.to_json(value)
    for name in sorted(info.relations):
        target = record.values.get(name)
        if target is not None:
            found[name] = link(target)
    return found


STAMPED = ("timestamp_created", "timestamp_updated", "creator", "updater", "owner")
"""What a record says of times and users, and nobody sets."""
