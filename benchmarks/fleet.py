"""The fleet: the processes in which contenders hold flights, and what each of them is asked."""

from __future__ import annotations

import itertools
import json
import shutil
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import flights
from contenders import Durability, Key
from matrix import CANNOT, QUERY, Row
from measuring import Sizes
from operations import OLD

WORKER: Final = Path(__file__).with_name("worker.py")
_MOST: Final = 2_000
_MOST_PUTS: Final = 400
_NEW: Final = 10_000
_SLOW: Final = 4.0
"""Seconds after which a load is not made again."""

Figures = dict[str, float]


class Worker:
    """A contender's process, which runs one of the scripts that ``serve``."""

    def __init__(self, python: Path, *arguments: object, script: Path = WORKER) -> None:
        self._process = subprocess.Popen(
            [python, script, *map(str, arguments)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            encoding="utf-8",
        )

    def ask(self, job: str, **more: Any) -> Figures:
        """Have a job done; the worker says on stderr what went wrong."""
        process = self._process
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(json.dumps({"job": job, **more}) + "\n")
        process.stdin.flush()
        line = process.stdout.readline()
        assert line, f"the worker ended with {process.wait()} instead of an answer to {job}"
        figures: Figures = json.loads(line)
        return figures

    def stop(self) -> None:
        """End the process, once it has nothing more to do."""
        process = self._process
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.close()
        process.wait()
        process.stdout.close()


@dataclass(frozen=True)
class Place:
    """A contender with so many items."""

    name: str
    count: int


class Fleet:
    """Workers by contender and size, started when they are first asked."""

    def __init__(self, folder: Path, sizes: Sizes, old_python: Path) -> None:
        folder.mkdir()
        self._folder = folder
        self._sizes = sizes
        self._old_python = old_python
        self._items = folder / "flights"
        flights.keep(self._items, max(sizes.flights.values()) + _NEW)
        self._keys: list[Key] = [
            (item["PK"], item["SK"]) for item in next(flights.kept_chunks(self._items))
        ]
        self._numbers = itertools.count(1)
        self._loads: dict[Place, list[Figures]] = {}
        self._reopenings: Counter[Place] = Counter()
        self._folders: dict[Place, Path] = {}
        self._workers: dict[Place, Worker] = {}
        self._ones: dict[tuple[Row, Place], float] = {}

    def present(self, name: str) -> bool:
        """Say whether what a contender needs is there."""
        return name != OLD or self._old_python.exists()

    def items(self, count: int) -> int:
        """Return how many items there really are: fewer in a small run."""
        return self._sizes.flights[count]

    def _worker(self, place: Place) -> Worker:
        python = self._old_python if place.name == OLD else Path(sys.executable)
        folder, items = self._folders[place], self.items(place.count)
        return Worker(python, place.name, folder, self._items, items)

    # -- fresh processes ------------------------------------------------------------------------

    def load(self, place: Place) -> Figures | None:
        """Load a new store in a new process; its figures.

        None where it was loaded often enough: a store that takes long is loaded once.
        """
        made = self._loads.setdefault(place, [])
        if made and (made[0]["batch-close"] > _SLOW or len(made) >= self._sizes.processes):
            return None
        if place in self._folders:
            shutil.rmtree(self._folders[place])
        self._folders[place] = self._folder / f"{next(self._numbers)}"
        worker = self._worker(place)
        made.append(worker.ask("load"))
        worker.stop()
        return made[-1]

    def loads(self, place: Place) -> list[Figures]:
        """Return the figures of all loads so far, of one if there was none."""
        if place not in self._loads:
            self.load(place)
        return self._loads[place]

    def reopen(self, place: Place) -> float | None:
        """Open the store in a new process; the seconds until it has returned an item.

        None where it was opened often enough.
        """
        self._reopenings[place] += 1
        if self._reopenings[place] > self._sizes.processes:
            return None
        self.loads(place)
        worker = self._worker(place)
        number = next(self._numbers) % min(len(self._keys), self.items(place.count))
        pk, sk = self._keys[number]
        seconds = worker.ask("reopen", pk=pk, sk=sk)["seconds"]
        worker.stop()
        return seconds

    # -- stores that stay open ------------------------------------------------------------------

    def _open(self, place: Place, durability: Durability) -> Worker:
        self.loads(place)
        worker = self._workers.get(place)
        if worker is None:
            worker = self._workers[place] = self._worker(place)
            worker.ask("open", durability=durability)
            worker.ask("check", query=(QUERY.name, place.name) not in CANNOT)
        worker.ask("open", durability=durability)
        return worker

    def one(self, row: Row, place: Place, durability: Durability) -> float:
        """Return the seconds that the first operation took: who is too slow is left out."""
        if (row, place) not in self._ones:
            self._ones[row, place] = self._run(row, place, 1, durability)
        return self._ones[row, place]

    def run(self, row: Row, place: Place, durability: Durability) -> float:
        """Make a round of as many operations as the first one suggests; the seconds of each."""
        one = self.one(row, place, durability)
        if row.per_item:
            return self._run(row, place, 1, durability) / self.items(place.count)
        most = _MOST_PUTS if row.name.startswith("put") else _MOST
        count = max(1, min(most, int(self._sizes.round_seconds / one)))
        return self._run(row, place, count, durability) / count

    def _run(self, row: Row, place: Place, count: int, durability: Durability) -> float:
        worker = self._open(place, durability)
        seed = next(self._numbers)
        return worker.ask("run", operation=row.name, count=count, seed=seed)["seconds"]

    def stop(self) -> None:
        """Close all stores and end all processes."""
        for worker in self._workers.values():
            worker.ask("close")
            worker.stop()
