"""Databases of documents that are opened, opened again as after a restart, and closed after the test."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import pytest

from dynafile import documents

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

WITHIN = 20.0
"""Seconds that a test waits for what comes at once on a machine that is not busy."""


class Home:
    """Where the documents of a test live: the options of ``Montybase``, and what they opened."""

    def __init__(self, **options: Any) -> None:
        self._options = options
        self._opened: list[documents.Montybase] = []
        self.db = self.another()

    def another(self) -> documents.Montybase:
        """Open it once more, beside those that are open."""
        self._opened.append(documents.Montybase(**self._options))
        return self._opened[-1]

    def reopen(self) -> documents.Montybase:
        """Close the database and open it again."""
        self.close()
        self.db = self.another()
        return self.db

    def restart(self) -> documents.Montybase:
        """Close the database and open it again, unless it is in memory and would be gone."""
        return self.db if self._options["path"] == ":memory:" else self.reopen()

    def close(self) -> None:
        while self._opened:
            self._opened.pop().close()


class Told:
    """A listener that keeps what it is told, and what the documents are by that."""

    def __init__(self) -> None:
        self.changes: list[Any] = []
        self.documents: dict[str, Any] = {}
        self._came = threading.Condition()

    def __call__(self, change: Any) -> None:
        with self._came:
            self.changes.append(change)
            fold(self.documents, change)
            self._came.notify_all()

    @property
    def words(self) -> list[tuple[Any, ...]]:
        return [word(change) for change in self.changes]

    def wait(self, holds: Callable[[Told], Any]) -> None:
        """Wait until it holds; fails with what was told where it does not come to that."""
        with self._came:
            assert self._came.wait_for(lambda: holds(self), WITHIN), self.words

    def wait_for_changes(self, count: int) -> None:
        self.wait(lambda told: len(told.changes) >= count)


def word(change: Any) -> tuple[Any, ...]:
    """Say a change in short: the state as ``("state", value)``, others with the document's id."""
    if change.type == "state":
        return ("state", change.value)
    return (change.type, change.id, change.value)


def fold(documents: dict[str, Any], change: Any) -> None:
    """Bring documents up to a change, which must fit them: nothing was missed, nothing came twice."""
    if change.type == "state":
        assert not documents
        documents.update(change.value)
    elif change.type == "added":
        assert change.id not in documents, change
        documents[change.id] = change.value
    elif change.type == "modified":
        assert documents[change.id] != change.value, change
        documents[change.id] = change.value
    else:
        assert change.type == "removed", change
        assert documents.pop(change.id) == change.value, change


def home_of(kind: str, folder: Path) -> Home:
    where: dict[str, Any] = {"folder": folder / "db", "memory": ":memory:"}
    return Home(path=where[kind])


@pytest.fixture(params=["folder", "memory"])
def home(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Home]:
    """A database of each kind."""
    home = home_of(request.param, tmp_path)
    yield home
    home.close()


@pytest.fixture
def db(home: Home) -> documents.Montybase:
    """A database of each kind, for tests that do not open it again."""
    return home.db


@pytest.fixture
def lasting(tmp_path: Path) -> Iterator[Home]:
    """A database that can be opened again, and more than once at a time."""
    home = home_of("folder", tmp_path)
    yield home
    home.close()
