"""Errors of the model of entities."""

from __future__ import annotations

from dynafile.errors.outcomes import TransactionConflict
from dynafile.errors.requests import ValidationError
from dynafile.errors.root import DynafileError

__all__ = [
    "DatabaseAlreadyOpen",
    "DuplicateEntity",
    "EntityConflict",
    "EntityDeleted",
    "HookRejected",
    "InvalidEntity",
    "InvalidEntityType",
    "NotPermitted",
]


class InvalidEntity(ValidationError):
    """A type, a field, a relation or a dump of entities that is not valid; nothing was changed."""


class InvalidEntityType(InvalidEntity, TypeError):
    """A value of another type than the field or relation has, or a call with such an argument."""


class DuplicateEntity(InvalidEntity):
    """Another entity has this id or this alias."""


class HookRejected(InvalidEntity):
    """A hook refused a change, or failed; what it raised is the cause."""


class NotPermitted(DynafileError, PermissionError):
    """Only the owner may do this, or a hook refused a deletion. ``owner`` is who may."""

    owner: str | None = None


class EntityDeleted(DynafileError):
    """An entity that was deleted, or whose creation was undone, is used."""


class EntityConflict(TransactionConflict):
    """Somebody else has changed the entity since it was loaded; load it again and decide anew.

    ``type`` and ``id`` say which.
    """

    type: str | None = None
    id: str | None = None


class DatabaseAlreadyOpen(DynafileError, RuntimeError):
    """A database was initialised before; close it first."""
