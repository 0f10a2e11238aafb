"""What the parsers make of an expression's text: its structure, with placeholders as written.

A step of a path that begins with ``#`` is a placeholder for a name.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias

from dynafile.expressions.paths import Path

__all__ = ["Action", "Call", "Operation", "Parsed", "PathText", "Placeholder", "Syntax"]


@dataclass(frozen=True, slots=True)
class PathText:
    """A document path."""

    steps: Path


@dataclass(frozen=True, slots=True)
class Placeholder:
    """A value, by its placeholder, colon included."""

    name: str


@dataclass(frozen=True, slots=True)
class Call:
    """A function with its operands."""

    function: str
    operands: tuple[Syntax, ...]


@dataclass(frozen=True, slots=True)
class Operation:
    """An operator with its operands: a comparison, ``AND``, ``OR``, ``NOT``, ``+`` or ``-``."""

    operator: str
    operands: tuple[Syntax, ...]


Syntax: TypeAlias = PathText | Placeholder | Call | Operation


@dataclass(frozen=True, slots=True)
class Action:
    """What an update does to a path: ``clause`` is SET, REMOVE, ADD or DELETE."""

    clause: str
    path: PathText
    operand: Syntax | None = None


@dataclass(frozen=True, slots=True)
class Parsed:
    """An expression that parses.

    ``tree`` is a condition's ``Syntax``, or a tuple of ``PathText`` or ``Action``. ``names`` and
    ``values`` are the placeholders in it, each once. ``pinned`` are those of ``values`` whose
    value, not only its type, is part of what is checked.
    """

    parameter: str
    text: str
    tree: Any
    names: tuple[str, ...]
    values: tuple[str, ...]
    pinned: tuple[str, ...]
