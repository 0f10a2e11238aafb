"""What the parser makes of a statement: its structure, with places for parameters."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

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


@dataclass(frozen=True, slots=True)
class Clause:
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


@dataclass(frozen=True, slots=True)
class Order:
    """A term of ORDER BY."""

    attribute: str
    descending: bool
    position: int


@dataclass(frozen=True, slots=True)
class Select:
    """A SELECT; without ``paths`` of all attributes."""

    table: str
    index: str | None
    paths: tuple[Path, ...] | None
    where: Clause | None
    order: tuple[Order, ...]


@dataclass(frozen=True, slots=True)
class Insert:
    """An INSERT of one item."""

    table: str
    item: Value


@dataclass(frozen=True, slots=True)
class Update:
    """An UPDATE of one item."""

    table: str
    actions: Clause
    where: Clause
    returning: str | None


@dataclass(frozen=True, slots=True)
class Delete:
    """A DELETE of one item."""

    table: str
    where: Clause
    returning: str | None


@dataclass(frozen=True, slots=True)
class Exists:
    """A condition on an item, in a transaction."""

    select: Select


Body: TypeAlias = Select | Insert | Update | Delete | Exists


@dataclass(frozen=True, slots=True)
class Statement:
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
