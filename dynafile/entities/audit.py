"""The audit log: what was changed, when, by whom, and from what to what."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, Final

from msgspec import Struct

from dynafile.entities.backend import Item
from dynafile.entities.layout import Reference

SAVE: Final = "save"
DELETE: Final = "delete"
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class Entry(Struct, frozen=True):
    """A change before it has its number."""

    operation: str
    time: int
    user: str
    entity: Reference
    before: dict[str, Any] | None
    after: dict[str, Any] | None

    def to_item(self, number: int) -> Item:
        """Return the item that is stored."""
        return {
            "number": number,
            "operation": self.operation,
            "time": self.time,
            "user": self.user,
            "entity": str(self.entity),
            "before": self.before,
            "after": self.after,
        }


class AuditEntry(Struct, frozen=True, kw_only=True):
    """A change of one entity."""

    number: int
    """From 0, without gaps."""
    operation: str
    """``"save"`` or ``"delete"``."""
    time: datetime
    """In UTC."""
    user: str
    entity: str
    """As ``Person@1``."""
    before: dict[str, Any] | None
    """Its fields and to-one relations before; None: it was created."""
    after: dict[str, Any] | None
    """What they are since; None: it was deleted."""


def entry_of(item: Item) -> AuditEntry:
    """Read a stored entry."""
    return AuditEntry(
        number=item["number"],
        operation=item["operation"],
        time=_EPOCH + timedelta(milliseconds=item["time"]),
        user=item["user"],
        entity=item["entity"],
        before=item["before"],
        after=item["after"],
    )


def seed_entry(item: Item) -> list[Any]:
    """Return an entry in the shape of Kybra Simple DB: operation, milliseconds, entity, fields."""
    fields = item["after"] if item["after"] is not None else item["before"]
    return [item["operation"], item["time"], item["entity"], fields]
