"""Findings: what is at a path, where that is no document."""

from __future__ import annotations

from typing import Any

from msgspec import Struct

from dynafile.documents.engine import Element
from dynafile.documents.paths import Path

__all__ = ["FieldFound", "Listing", "Tree"]


class FieldFound(Struct, frozen=True):
    """A field of a document."""

    path: Path
    value: Any


class Listing(Struct, frozen=True):
    """Documents of a collection, in the order of their ids."""

    elements: list[Element]
    next: str | None
    """The id after which there is more."""


class Tree(Struct, frozen=True):
    """All that there is."""

    value: dict[str, Any]
