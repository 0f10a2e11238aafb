"""Objects by path: reading and writing a dict of 1 KB, beside KYDB on files and diskcache.

A process each. A store of 1,000,000 objects is filled once, and is held against one of 1,000.
"""

from __future__ import annotations

import itertools
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path
from typing import Final

import pytest
from contenders import in_turns
from documents import PER_FOLDER
from fleet import Figures, Worker
from measuring import Measure, Sizes
from operations import BEFORE_OPENING, DISKCACHE, KYDB, OF_1000, OURS

SCRIPT: Final = Path(__file__).with_name("object_worker.py")
CONTENDERS: Final = (OURS, KYDB, DISKCACHE)
TURNS: Final = 6
ROUNDS: Final = 8
SCALE_TURNS: Final = 6
FEW: Final = 1_000

_seeds = itertools.count(1)

Shown = Callable[[], AbstractContextManager[None]]


class Workers:
    """A process for each contender and durability, which has products of its own."""

    def __init__(self, folder: Path, sizes: Sizes, kydb_python: Path, shown: Shown) -> None:
        self._folder = folder
        self._sizes = sizes
        self._kydb_python = kydb_python
        self._shown = shown
        self._filled: dict[int, Figures] = {}
        self._workers: dict[tuple[str, str], Worker] = {}

    def stocked(self, name: str, durability: str = "relaxed") -> Worker:
        """Return a contender's process; it has been stocked, opened again, checked and read."""
        if name == KYDB and not self._kydb_python.exists():
            pytest.skip(f"there is no environment with {name}: `make bench` makes one")
        place = name, durability
        if place not in self._workers:
            worker = self._workers[place] = self._new(name, f"{len(self._workers)}", durability)
            worker.ask("stock", count=self._sizes.objects)
        return self._workers[place]

    def _new(self, name: str, place: str, durability: str = "relaxed") -> Worker:
        python = self._kydb_python if name == KYDB else Path(sys.executable)
        return Worker(python, name, self._folder / place, durability, script=SCRIPT)

    def get(self, worker: Worker) -> float:
        """Make a round of reads; the seconds of each."""
        count = self._sizes.gets
        asked = {"count": count, "there": self._sizes.objects, "seed": next(_seeds)}
        return worker.ask("get", **asked)["seconds"] / count

    def set(self, worker: Worker) -> float:
        """Make a round of writes; the seconds of each."""
        count = self._sizes.sets
        asked = {"count": count, "there": self._sizes.objects, "seed": next(_seeds)}
        return worker.ask("set", **asked)["seconds"] / count

    def get_kept(self, worker: Worker) -> float:
        """Make a round of reads of an object that is kept; the seconds of each."""
        return worker.ask("get_kept", count=self._sizes.gets)["seconds"] / self._sizes.gets

    def fill(self, count: int) -> Figures:
        """Fill a store of ours with so many objects, once, in a process that ends then."""
        if count not in self._filled:
            with self._shown():
                print(f"\nfilling a store with {count:,} objects", file=sys.stderr)
                worker = self._new(OURS, f"of-{count}")
                self._filled[count] = worker.ask("fill", count=count)
                worker.stop()
        return self._filled[count]

    def filled(self, count: int) -> Worker:
        """Return a new process that has open a store with so many objects; 0: a new one."""
        if count:
            self.fill(count)
        return self._new(OURS, f"of-{count}")

    def stop(self) -> None:
        """End all processes; nobody will open their stores again, so that none is closed."""
        for worker in self._workers.values():
            worker.stop()


@pytest.fixture(scope="module")
def workers(
    folder: Path, sizes: Sizes, shown: Shown, request: pytest.FixtureRequest
) -> Iterator[Workers]:
    (folder / "objects").mkdir()
    python = Path(request.config.getoption("--kydb-python"))
    workers = Workers(folder / "objects", sizes, python, shown)
    yield workers
    workers.stop()


# -- one object -----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", in_turns(CONTENDERS, TURNS))
def test_get(name: str, workers: Workers, measure: Measure) -> None:
    worker = workers.stocked(name)
    measure.told("objects-get", name, partial(workers.get, worker), rounds=ROUNDS, warmup=1)


@pytest.mark.parametrize("name", in_turns(CONTENDERS, TURNS))
def test_set(name: str, workers: Workers, measure: Measure) -> None:
    worker = workers.stocked(name)
    measure.told("objects-set", name, partial(workers.set, worker), rounds=ROUNDS, warmup=1)


@pytest.mark.parametrize("name", in_turns((OURS, KYDB), TURNS))
def test_set_durable(name: str, workers: Workers, measure: Measure) -> None:
    worker = workers.stocked(name, "durable")
    measure.told("objects-set-durable", name, partial(workers.set, worker), rounds=ROUNDS)


@pytest.mark.parametrize("name", in_turns((OURS, KYDB), TURNS))
def test_get_kept(name: str, workers: Workers, measure: Measure) -> None:
    worker = workers.stocked(name)
    tell = partial(workers.get_kept, worker)
    measure.told("objects-get-kept", name, tell, rounds=ROUNDS, warmup=1)


# -- one of many ----------------------------------------------------------------------------------


def test_fill(workers: Workers, sizes: Sizes, measure: Measure) -> None:
    figures = workers.fill(sizes.many_objects)
    measure.told("objects-fill", OURS, lambda: figures["seconds"] / sizes.many_objects)


def test_memory(workers: Workers, sizes: Sizes, measure: Measure) -> None:
    worker = workers.filled(sizes.many_objects)
    figures = worker.ask("memory", count=sizes.random_gets, there=sizes.many_objects)
    worker.stop()
    measure.told("objects-memory", OURS, lambda: figures["peak"], unit="B")


def test_memory_before(workers: Workers, measure: Measure) -> None:
    worker = workers.filled(0)
    figures = worker.ask("memory", count=0, there=1)
    worker.stop()
    measure.told("objects-memory", BEFORE_OPENING, lambda: figures["before"], unit="B")


@pytest.fixture(scope="module")
def of_sizes(workers: Workers, sizes: Sizes) -> Iterator[dict[str, Worker]]:
    """Processes that have the large and the small store open."""
    opened = {OURS: workers.filled(sizes.many_objects), OF_1000: workers.filled(FEW)}
    yield opened
    for worker in opened.values():
        worker.stop()


def _middle(name: str, sizes: Sizes) -> int:
    """Return the first number of a folder in the middle of a store."""
    count = sizes.many_objects if name == OURS else FEW
    return count // (2 * PER_FOLDER) * PER_FOLDER


@pytest.mark.parametrize("name", in_turns((OURS, OF_1000), SCALE_TURNS))
def test_ls(name: str, of_sizes: dict[str, Worker], sizes: Sizes, measure: Measure) -> None:
    worker, number, count = of_sizes[name], _middle(name, sizes), sizes.listings

    def tell() -> float:
        return worker.ask("ls", number=number, count=count)["seconds"] / count

    measure.told("objects-ls", name, tell, rounds=ROUNDS, warmup=1)


@pytest.mark.parametrize("name", in_turns((OURS, OF_1000), SCALE_TURNS))
def test_set_into(name: str, of_sizes: dict[str, Worker], sizes: Sizes, measure: Measure) -> None:
    worker, count = of_sizes[name], sizes.sets
    asked = {"count": count, "first": _middle(name, sizes), "there": PER_FOLDER}

    def tell() -> float:
        return worker.ask("overwrite", **asked, seed=next(_seeds))["seconds"] / count

    measure.told("objects-set-into", name, tell, rounds=ROUNDS, warmup=1)


def test_set_all_over(of_sizes: dict[str, Worker], sizes: Sizes, measure: Measure) -> None:
    worker, count = of_sizes[OURS], sizes.sets
    asked = {"count": count, "first": 0, "there": sizes.many_objects}

    def tell() -> float:
        return worker.ask("overwrite", **asked, seed=next(_seeds))["seconds"] / count

    measure.told("objects-set-all-over", OURS, tell, rounds=ROUNDS)
