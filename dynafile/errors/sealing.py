"""Errors of fields that are encrypted end to end. No text of them holds a key or a value."""

from __future__ import annotations

from dynafile.errors.requests import ValidationError
from dynafile.errors.root import DynafileError

__all__ = [
    "InvalidSealing",
    "NotSealed",
    "SealMalformed",
    "SealTampered",
    "SealedElsewhere",
    "SealedFieldQuery",
    "SealingError",
    "UnknownSealingKey",
    "WrongSealingKey",
]


class SealingError(DynafileError):
    """Base of what sealing and opening raise. ``path`` and ``field`` say where, where known."""

    path: tuple[str, ...] = ()
    field: str | None = None


class InvalidSealing(SealingError, ValidationError):
    """A declaration, a key or a value that cannot be sealed; nothing was encrypted."""


class SealedFieldQuery(InvalidSealing):
    """A query that would need what a sealed field holds; ``==`` works where it is searchable."""


class NotSealed(SealingError):
    """A plain value where a sealed one belongs: written without the sealer, or put there since."""


class UnknownSealingKey(SealingError, LookupError):
    """A value that was sealed with a key, or for recipients, of which none is here.

    ``keys`` are the ids that would open it.
    """

    keys: tuple[str, ...] = ()


class WrongSealingKey(SealingError):
    """The key of this id, or this passphrase, is not the one that was used then."""


class SealedElsewhere(SealingError):
    """A value that was sealed for another document or field, and moved or copied here."""


class SealTampered(SealingError, ValueError):
    """A sealed value that was changed since it was sealed."""


class SealMalformed(SealTampered):
    """What is no sealed value of a version that is known: cut off, or never one."""
