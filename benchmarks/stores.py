"""Stores of a model: a process for each contender, and stores of ours that are filled once."""

from __future__ import annotations

import sys
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import ClassVar

import pytest
from fleet import Figures, Worker
from measuring import Sizes

Shown = Callable[[], AbstractContextManager[None]]


class Stores(ABC):
    """Contenders with a folder each; some are in an environment of their own."""

    script: ClassVar[Path]
    """What a contender's process runs."""
    holds: ClassVar[str]
    """What is in the stores."""

    def __init__(
        self, folder: Path, sizes: Sizes, pythons: Mapping[str, Path], shown: Shown
    ) -> None:
        folder.mkdir()
        self._folder = folder
        self._sizes = sizes
        self._pythons = pythons
        self._shown = shown
        self._filled: dict[int, Figures] = {}
        self._workers: dict[tuple[str, ...], Worker] = {}

    def _stocked(self, count: int, name: str, *more: str) -> Worker:
        """Return a contender's process, which was told at its begin to write so many."""
        if not self._python(name).exists():
            pytest.skip(f"there is no environment with {name}: `make bench` makes one")
        if (name, *more) not in self._workers:
            worker = self._new(name, f"{len(self._workers)}", *more)
            self._workers[name, *more] = worker
            worker.ask("stock", count=count)
        return self._workers[name, *more]

    def _python(self, name: str) -> Path:
        return self._pythons.get(name, Path(sys.executable))

    def _new(self, name: str, place: str, *more: str) -> Worker:
        return Worker(self._python(name), name, self._folder / place, *more, script=self.script)

    @abstractmethod
    def _large(self, count: int) -> Worker:
        """Return a new process of ours with the store of so many, which may not be there yet."""

    def fill(self, count: int) -> Figures:
        """Fill a store of ours with so many, once, in a process that ends then."""
        if count not in self._filled:
            with self._shown():
                print(f"\nfilling a store with {count:,} {self.holds}", file=sys.stderr)
                worker = self._large(count)
                self._filled[count] = worker.ask("fill", count=count)
                worker.stop()
        return self._filled[count]

    def stop(self) -> None:
        """End all processes; nobody will open their stores again, so that none is closed."""
        for worker in self._workers.values():
            worker.stop()
