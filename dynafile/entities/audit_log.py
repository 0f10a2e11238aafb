"""Reading the audit log."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from dynafile.entities.audit import AuditEntry, entry_of, fields_of, seed_entry
from dynafile.entities.backend import Item, Reading
from dynafile.entities.layout import AUDIT, AUDIT_LAST, Reference, audit_key
from dynafile.entities.types import EntityType
from dynafile.errors import InvalidEntity, InvalidEntityType


class AuditLog:
    """The entries of a database, by their numbers."""

    def __init__(self, reading: Reading) -> None:
        self._reading = reading

    def items(self, begin: int = 0) -> Iterator[Item]:
        """Yield the stored entries from a number on."""
        after = audit_key(begin - 1) if begin > 0 else None
        for key, item in self._reading.range(AUDIT, after):
            if key != AUDIT_LAST:
                yield fields_of(item)

    def between(self, begin: int | None, end: int | None) -> dict[str, list[Any]]:
        """Return the entries from one number up to another, in the shape of Kybra Simple DB."""
        for name, bound in (("id_from", begin), ("id_to", end)):
            if bound is not None and type(bound) is not int:
                raise InvalidEntityType(f"{name} is an int or None, not {bound!r}")
        found: dict[str, list[Any]] = {}
        for item in self.items(max(begin or 0, 0)):
            if end is not None and item["number"] >= end:
                break
            found[str(item["number"])] = seed_entry(item)
        return found

    def entries(
        self, entity: Any, user: str | None, since: int | datetime | None
    ) -> Iterator[AuditEntry]:
        """Yield the entries that fit; what is wrong with the arguments is raised at once."""
        wanted, begin = _name_of(entity), _milliseconds(since)
        if user is not None and not isinstance(user, str):
            raise InvalidEntityType(f"user is a str, not {user!r}")
        return (
            entry_of(item)
            for item in self.items()
            if wanted in (None, item["entity"])
            and user in (None, item["user"])
            and (begin is None or item["time"] >= begin)
        )


def _name_of(entity: Any) -> str | None:
    if entity is None or isinstance(entity, str):
        return entity
    info = getattr(type(entity), "_entity_type", None)
    if not isinstance(info, EntityType):
        raise InvalidEntityType(f"entity is an entity or a name as 'Person@1', not {entity!r}")
    return str(Reference(info.name, entity._id))


def _milliseconds(since: object) -> int | None:
    if isinstance(since, datetime):
        if since.tzinfo is None:
            raise InvalidEntity("since has no time zone: use datetime.now(UTC), or milliseconds")
        return int(since.timestamp() * 1000)
    if since is None or type(since) is int:
        return since
    raise InvalidEntityType(f"since is in milliseconds, or a datetime, not {since!r}")
