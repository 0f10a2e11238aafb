"""What the parsers make of an expression's text: its structure, with placeholders as written.

A step of a path that begins with ``#`` is a placeholder for a name.
"""

from __future__ import annotations

from typing import Any, TypeAlias

from msgspec import Struct

from dynafile.expressions.paths import Path

__all__ = ["Action", "Call", "Operation", "Parsed", "PathText", "Placeholder", "Syntax"]


class PathText(Struct, frozen=True):
    """A document path."""

    steps: Path


class Placeholder(Struct, frozen=True):
    """A value, by its placeholder, colon included."""

    name: str


class Call(Struct, frozen=True):
    """A function with its operands."""

    function: str
    operands: tuple[Syntax, ...]


class Operation(Struct, frozen=True):
    """An operator with its operands: a comparison, ``AND``, ``OR``, ``NOT``, ``+`` or ``-``."""

    operator: str
    operands: tuple[Syntax, ...]


Syntax: TypeAlias = PathText | Placeholder | Call | Operation


class Action(Struct, frozen=True):
    """What an update does to a path: ``clause`` is SET, REMOVE, ADD or DELETE."""

    clause: str
    path: PathText
    operand: Syntax | None = None


class Parsed(Struct, frozen=True):
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
