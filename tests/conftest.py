"""What all tests share: databases that are checked and closed when the test is over."""

from __future__ import annotations

import gc
from typing import TYPE_CHECKING, Any, Protocol

import pytest

from dynafile import Dynafile

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def pytest_collection_finish() -> None:
    """Spare the tests that collect garbage a walk over ten thousand tests, which are none."""
    gc.collect()
    gc.freeze()


class OpenDatabase(Protocol):
    """Opens a database in the test's folder; options are those of ``Dynafile``."""

    def __call__(self, path: str | Path | None = None, **options: Any) -> Dynafile: ...


@pytest.fixture
def database(tmp_path: Path) -> Iterator[OpenDatabase]:
    """Open databases that are verified after the test, also those that it closed itself."""
    handles: list[Dynafile] = []
    folders: dict[Path, None] = {}

    def open_database(path: str | Path | None = None, **options: Any) -> Dynafile:
        where = tmp_path / "db" if path is None else path
        db = Dynafile(where, **options)
        handles.append(db)
        if where != ":memory:":
            folders[tmp_path / where] = None
        return db

    yield open_database
    for db in handles:
        if not db.closed:
            db.check()
            db.close()
    for folder in folders:
        if folder.exists():
            with Dynafile(folder, read_only=True) as db:
                db.check()
