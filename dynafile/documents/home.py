"""The database as references and queries know it."""

from __future__ import annotations

from typing import Protocol

from dynafile.documents.engine import Engine

__all__ = ["Home"]


class Home(Protocol):
    """A database of documents; :class:`Montybase` is one."""

    name: str

    @property
    def engine(self) -> Engine:
        """What executes its requests."""
