"""Objects by path: reading and writing a dict of 1 KB, beside KYDB on files and diskcache.

A process each. A store of 1,000,000 objects is filled once, and is held against one of 1,000.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Final

import pytest
from contenders import in_turns
from documents import PER_FOLDER
from fleet import Worker
from measuring import Measure, Sizes
from operations import BEFORE_OPENING, DISKCACHE, KYDB, OF_1000, OURS
from stores import Shown, Stores

SCRIPT: Final = Path(__file__).with_name("object_worker.py")
CONTENDERS: Final = (OURS, KYDB, DISKCACHE)
TURNS: Final = 6
ROUNDS: Final = 8
SCALE_TURNS: Final = 6
FEW: Final = 1_000

_seeds = itertools.count(1)


class Workers(Stores):
    """A process for each contender and durability, which has products of its own."""

    script = SCRIPT
    holds = "objects"

    def stocked(self, name: str, durability: str = "relaxed") -> Worker:
        """Return a contender's process; it has been stocked, opened again, checked and read."""
        return self._stocked(self._sizes.objects, name, durability)

    def _large(self, count: int) -> Worker:
        return self._new(OURS, f"of-{count}", "relaxed")

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

    def filled(self, count: int) -> Worker:
        """Return a new process that has open a store with so many objects; 0: a new one."""
        if count:
            self.fill(count)
        return self._large(count)


@pytest.fixture(scope="module")
def workers(
    folder: Path, sizes: Sizes, shown: Shown, request: pytest.FixtureRequest
) -> Iterator[Workers]:
    pythons = {KYDB: Path(request.config.getoption("--kydb-python"))}
    workers = Workers(folder / "objects", sizes, pythons, shown)
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
