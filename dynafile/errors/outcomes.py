"""Errors of requests that were valid, and could not be done as things are."""

from __future__ import annotations

from typing import Any

from dynafile.errors.root import DynafileError

__all__ = [
    "ConditionalCheckFailed",
    "DuplicateItem",
    "ExpiredIterator",
    "IdempotentParameterMismatch",
    "LimitExceeded",
    "ResourceInUse",
    "ResourceNotFound",
    "TransactionCanceled",
    "TransactionConflict",
    "TrimmedDataAccess",
]


class TrimmedDataAccess(DynafileError, LookupError):
    """Records are lost from ``requested`` on; ``oldest`` is the first that can still be read."""

    requested: str = ""
    oldest: str | None = None


class ExpiredIterator(DynafileError):
    """A shard iterator of a stream is over 15 minutes old."""


class ConditionalCheckFailed(DynafileError):
    """The condition of a write did not hold. ``item`` is the item as it was, where asked for."""

    item: dict[str, Any] | None = None


class DuplicateItem(DynafileError):
    """An INSERT of an item whose key another one has; nothing was written.

    ``item`` is the item that is there, where that was asked for.
    """

    item: dict[str, Any] | None = None


class TransactionCanceled(DynafileError):
    """A transaction that was not made, nothing of it.

    ``reasons`` has one for each of its actions, in their order: ``code``, such as ``None`` or
    ``ConditionalCheckFailed``, ``message``, and ``item``, where it was asked for.
    """

    reasons: tuple[Any, ...] = ()


class TransactionConflict(DynafileError):
    """What a transaction read has changed before it was committed; run it again."""


class IdempotentParameterMismatch(DynafileError):
    """A client request token that was used for another request within the last ten minutes."""


class ResourceNotFound(DynafileError, LookupError):
    """There is no table of this name, or it was deleted. ``resource`` is the name."""

    resource: str | None = None


class ResourceInUse(DynafileError):
    """A table that cannot be made, because there is one of its name. ``resource`` is the name."""

    resource: str | None = None


class LimitExceeded(DynafileError):
    """More at once than DynamoDB takes, such as two indexes in one call."""
