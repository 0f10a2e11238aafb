"""Requests: what is done to documents, as plain data that an engine executes.

References and queries make them, batches and transactions collect them, and they can be sent
elsewhere: nothing in them knows a database.
"""

from __future__ import annotations

from typing import Any, Final, Literal, TypeAlias

from msgspec import UNSET, Struct

from dynafile.documents.paths import FieldPath, Path, field_text, path_text

__all__ = [
    "OPERATORS",
    "Aggregate",
    "Change",
    "ChangeKind",
    "Cursor",
    "Order",
    "Query",
    "Target",
    "Where",
]

ChangeKind: TypeAlias = Literal["set", "add", "update", "delete"]
Aggregate: TypeAlias = Literal["count", "sum", "average"]

OPERATORS: Final = (
    "==",
    "!=",
    "<",
    "<=",
    ">",
    ">=",
    "in",
    "not-in",
    "array-contains",
    "array-contains-any",
)


class Change(Struct, frozen=True, kw_only=True):
    """One change, of a document, a collection or a field."""

    kind: ChangeKind
    path: Path
    value: Any = UNSET
    """What is written, with transforms; of a deletion what the deleted documents match."""
    key: str | None = None
    """The id of the document, where the path is a collection."""
    exists: bool | None = None
    last_update: str | None = None


class Where(Struct, frozen=True):
    """A condition on a field."""

    field: FieldPath
    op: str
    value: Any

    def __str__(self) -> str:
        return f"{field_text(self.field)} {self.op} {self.value!r}"


class Order(Struct, frozen=True):
    """A field by which documents are ordered."""

    field: FieldPath
    descending: bool = False

    def __str__(self) -> str:
        return field_text(self.field) + (" descending" if self.descending else "")


class Cursor(Struct, frozen=True):
    """A place in the order of a query: values in the order of its fields, and maybe an id."""

    values: tuple[Any, ...]
    last: Path | None = None
    """Of the document: its id, or its path in a group of collections."""


class Query(Struct, frozen=True, kw_only=True):
    """Documents of a collection, of a group of collections, or the document at a path."""

    path: Path
    group: bool = False
    """Whether ``path`` is the one name of all the collections that are meant."""
    wheres: tuple[Where, ...] = ()
    orders: tuple[Order, ...] = ()
    start_at: Cursor | None = None
    start_after: Cursor | None = None
    end_at: Cursor | None = None
    end_before: Cursor | None = None
    limit: int | None = None

    def __str__(self) -> str:
        return f"the collections {self.path[0]!r}" if self.group else path_text(self.path)


Target: TypeAlias = Path | Query
"""What can be watched."""
