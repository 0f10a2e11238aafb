"""What the parser makes of a statement: its structure, with places for parameters."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, TypeAlias

from msgspec import Struct

from dynafile.expressions.paths import Path
from dynafile.partiql.literals import Value

__all__ = [
    "ALL_NEW",
    "ALL_OLD",
    "MODIFIED_NEW",
    "MODIFIED_OLD",
    "Body",
    "Clause",
    "Delete",
    "Exists",
    "Insert",
    "Order",
    "Select",
    "Statement",
    "Update",
]

ALL_OLD: Final = "ALL_OLD"
ALL_NEW: Final = "ALL_NEW"
MODIFIED_OLD: Final = "MODIFIED_OLD"
MODIFIED_NEW: Final = "MODIFIED_NEW"


class Clause(Struct, frozen=True):
    """A condition, or the changes of an UPDATE, in the form that ``expressions`` binds.

    ``tree`` is a ``Syntax``, or a tuple of ``Action``. Values are placeholders in it, ``:0`` and
    so on, which ``slots`` are for. ``pinned`` are those whose value is part of what is checked.
    ``names`` maps the steps of paths that look like placeholders to themselves.
    """

    label: str
    tree: Any
    slots: tuple[Value, ...]
    pinned: tuple[str, ...]
    names: Mapping[str, str]


class Order(Struct, frozen=True):
    """A term of ORDER BY."""

    attribute: str
    descending: bool
    position: int


class Select(Struct, frozen=True):
    """A SELECT; without ``paths`` of all attributes."""

    table: str
    index: str | None
    paths: tuple[Path, ...] | None
    where: Clause | None
    order: tuple[Order, ...]


class Insert(Struct, frozen=True):
    """An INSERT of one item."""

    table: str
    item: Value


class Update(Struct, frozen=True):
    """An UPDATE of one item."""

    table: str
    actions: Clause
    where: Clause
    returning: str | None


class Delete(Struct, frozen=True):
    """A DELETE of one item."""

    table: str
    where: Clause
    returning: str | None


class Exists(Struct, frozen=True):
    """A condition on an item, in a transaction."""

    select: Select


Body: TypeAlias = Select | Insert | Update | Delete | Exists


class Statement(Struct, frozen=True):
    """A statement that parses; ``parameters`` is how many question marks it has."""

    text: str
    body: Body
    parameters: int

    @property
    def table(self) -> str:
        """The table that it is about."""
        body = self.body
        return body.select.table if isinstance(body, Exists) else body.table

    @property
    def reads(self) -> bool:
        """Whether it is a SELECT; EXISTS goes with writes."""
        return isinstance(self.body, Select)
