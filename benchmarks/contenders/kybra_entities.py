"""Kybra Simple DB, in memory: it has no storage on a disk, no transactions and no indexes.

It lives in an environment of its own, with nothing else in it but what it needs.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path
from typing import Any

from people import Fields

from contenders.kybra_api import KybraApi

with redirect_stdout(StringIO()):  # it says there that it runs outside of its blockchain
    from kybra_simple_db import (
        Boolean,
        Database,
        Entity,
        Float,
        Integer,
        ManyToMany,
        MemoryStorage,
        String,
    )
    from kybra_simple_logging import disable_logging


class Person(Entity):  # type: ignore[misc]
    """Somebody."""

    __alias__ = "name"
    name = String()
    age = Integer()
    score = Float()
    active = Boolean()
    city = String()
    note = String()
    clubs = ManyToMany("Club", "members")


class Club(Entity):  # type: ignore[misc]
    """What people join."""

    title = String()
    members = ManyToMany("Person", "clubs")


_storages: dict[Path, Any] = {}


class KybraEntities(KybraApi):
    """A database without its audit and its log; what it stores, this process keeps."""

    def __init__(self, folder: Path) -> None:
        super().__init__(Person, Club)
        disable_logging()
        # Nothing closes one: its own tests begin anew like this.
        Database._instance = None
        Entity._context.clear()
        storage = _storages.setdefault(folder, MemoryStorage())
        Database.init(audit_enabled=False, db_storage=storage)

    def create(self, people: Iterable[Fields]) -> None:
        for fields in people:
            Person(**fields)

    def join(self, club: Any, people: Sequence[Any]) -> None:
        self.join_singly(club, people)

    def close(self) -> None:
        """Do nothing: it holds nothing open."""
