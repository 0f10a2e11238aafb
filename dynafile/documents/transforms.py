"""Transforms: values that are worked out from what a document has when it is written."""

from __future__ import annotations

from typing import Any, Final

from msgspec import Struct

__all__ = [
    "DELETE_FIELD",
    "SERVER_TIMESTAMP",
    "ArrayRemove",
    "ArrayUnion",
    "DeleteField",
    "Increment",
    "ServerTimestamp",
    "Transform",
]


class Transform(Struct, frozen=True):
    """What a field is to become, said by what it is."""


class Increment(Transform, frozen=True):
    """Add a number to a field; where it is missing, it becomes the number.

    >>> from dynafile.documents import Increment, Montybase, doc
    >>> with Montybase(":memory:") as db:
    ...     ann = doc(db, "users", "ann")
    ...     _ = ann.set({"score": 100})
    ...     _ = ann.update({"score": Increment(20)})
    ...     ann.get()
    {'score': 120}
    """

    by: Any = 1


class ArrayUnion(Transform, frozen=True):
    """Append those of some values that an array does not have yet."""

    values: Any


class ArrayRemove(Transform, frozen=True):
    """Remove all that equals one of some values from an array."""

    values: Any


class ServerTimestamp(Transform, frozen=True):
    """The time of the commit, as text; see :data:`SERVER_TIMESTAMP`."""

    def __repr__(self) -> str:
        return "SERVER_TIMESTAMP"


class DeleteField(Transform, frozen=True):
    """No field any more; see :data:`DELETE_FIELD`."""

    def __repr__(self) -> str:
        return "DELETE_FIELD"


SERVER_TIMESTAMP: Final = ServerTimestamp()
"""In a value that is set, added or updated: the time of the commit, as text in UTC."""

DELETE_FIELD: Final = DeleteField()
"""As the value of a field in ``update``: the field is deleted."""
