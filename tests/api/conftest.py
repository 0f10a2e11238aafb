"""A clock that tests turn, a second process, and a count of what reaches the operating system."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

import pytest
from api.worker import Worker

from dynafile import Database

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from dynafile import Dynafile

NOW = 1_700_000_000.0


@dataclass
class Clock:
    """What ``time.time()`` returns."""

    now: float = NOW

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """A clock that stands still until the test turns it."""
    clock = Clock()
    monkeypatch.setattr(time, "time", clock)
    return clock


class OpenTables(Protocol):
    """Opens a ``Database`` in the test's folder; options are those of ``Database``."""

    def __call__(self, path: str | Path | None = None, **options: Any) -> Database: ...


@pytest.fixture
def tables(tmp_path: Path) -> Iterator[OpenTables]:
    """Open databases of many tables that are verified after the test, closed or not."""
    handles: list[Database] = []
    folders: dict[Path, None] = {}

    def open_tables(path: str | Path | None = None, **options: Any) -> Database:
        where = tmp_path / "db" if path is None else path
        db = Database(where, **options)
        handles.append(db)
        if where != ":memory:":
            folders[tmp_path / where] = None
        return db

    yield open_tables
    for db in handles:
        if not db.closed:
            db.check()
            db.close()
    for folder in folders:
        if folder.exists():
            with Database(folder, read_only=True) as db:
                db.check()


class StartWorker(Protocol):
    """Starts a process with the database opened in it, as a ``Database`` if ``many``."""

    def __call__(self, path: object, *, many: bool = False, **options: Any) -> Worker: ...


@pytest.fixture
def worker() -> Iterator[StartWorker]:
    """Start processes that are stopped after the test."""
    started: list[Worker] = []

    def start(path: object, *, many: bool = False, **options: Any) -> Worker:
        process = Worker()
        started.append(process)
        return process.open_tables(path, **options) if many else process.open(path, **options)

    yield start
    for process in started:
        process.stop()


@dataclass
class Work:
    """Calls of a volume by method, and the names of the files they were for."""

    calls: list[tuple[str, str]] = field(default_factory=list)

    def count(self, method: str, start: str = "") -> int:
        return sum(name == method and file.startswith(start) for name, file in self.calls)


@pytest.fixture
def watch(monkeypatch: pytest.MonkeyPatch) -> Callable[[Dynafile], Work]:
    """Count what a database asks of the operating system from now on."""

    def watch(db: Dynafile) -> Work:
        work = Work()
        volume = db._store.volume
        for method in ("read", "write", "sync", "sync_beside", "replace", "list", "remove"):
            real = getattr(volume, method)
            kind = method.removesuffix("_beside")

            def counting(
                name: str, *args: Any, _real: Any = real, _kind: str = kind, **kwargs: Any
            ) -> Any:
                work.calls.append((_kind, name))
                return _real(name, *args, **kwargs)

            monkeypatch.setattr(volume, method, counting)
        return work

    return watch
