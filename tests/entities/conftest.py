"""Databases of entities that are opened, opened again as after a restart, and closed after the test."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from dynafile.entities import Database, MemoryStorage, SystemTime
from dynafile.entities.context import set_caller_id

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class Home:
    """Where the entities of a test live: the options of ``Database.init``, and what they opened."""

    def __init__(self, **options: Any) -> None:
        self._options = options
        self.db = Database.init(**options)

    def reopen(self) -> Database:
        """Close the database and open it again; entities are loaded anew from now on."""
        self.close()
        self.db = Database.init(**self._options)
        return self.db

    def close(self) -> None:
        self.db.close()


def home_of(kind: str, folder: Path) -> Home:
    where: dict[str, Any] = {"path": folder / "db"}
    if kind == "memory":
        where = {"path": ":memory:"}
    if kind == "storage":
        where = {"db_storage": MemoryStorage(), "db_audit": MemoryStorage()}
    return Home(audit_enabled=True, **where)


@pytest.fixture(params=["files", "memory", "storage"])
def home(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Home]:
    """A database of each kind."""
    home = home_of(request.param, tmp_path)
    yield home
    home.close()


@pytest.fixture(params=["files", "storage"])
def lasting(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Home]:
    """A database of each kind that can be opened again."""
    home = home_of(request.param, tmp_path)
    yield home
    home.close()


@pytest.fixture(params=["files", "memory"])
def tabular(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Home]:
    """A database of each kind that stands on a table."""
    home = home_of(request.param, tmp_path)
    yield home
    home.close()


@pytest.fixture(autouse=True)
def neutral() -> Iterator[None]:
    """Give time and user back, whatever the test made of them."""
    yield
    SystemTime.get_instance().clear_time()
    set_caller_id("system")
