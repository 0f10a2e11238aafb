"""The audit log: what was changed, when, by whom, and from what to what."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Literal

from msgspec import Struct, ValidationError, convert, to_builtins

from dynafile.entities.backend import Item
from dynafile.entities.layout import Reference
from dynafile.errors import InvalidEntity

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
            "before": _text(self.before),
            "after": _text(self.after),
        }


def stored_entry(number: int, given: Item) -> Item:
    """Return the item of an entry that :func:`fields_of` read; raises InvalidEntity for others."""
    try:
        entry = convert({**given, "number": number}, _Stored)
    except ValidationError as error:
        raise InvalidEntity(f"this is no entry of an audit log: {error}: {given!r}") from error
    return {**to_builtins(entry), "before": _text(entry.before), "after": _text(entry.after)}


def fields_of(item: Item) -> Item:
    """Read a stored item: the fields are JSON, which says more than a table can."""
    return {**item, "before": _parsed(item["before"]), "after": _parsed(item["after"])}


def _text(fields: dict[str, Any] | None) -> str | None:
    return None if fields is None else json.dumps(fields)


def _parsed(text: str | None) -> Any:
    return None if text is None else json.loads(text)


class _Stored(Struct, frozen=True, forbid_unknown_fields=True):
    number: int
    operation: Literal["save", "delete"]
    time: int
    user: str
    entity: str
    before: dict[str, Any] | None
    after: dict[str, Any] | None


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
