"""Entities: creating, loading, finding and linking them, beside peewee and Kybra Simple DB.

A process each. The order of the tests is that of the work: databases are made anew by those that
create, and the last one is read, and then written to, by those that follow.
"""

from __future__ import annotations

import itertools
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Final

import pytest
from contenders import in_turns
from fleet import Worker
from measuring import Measure, Sizes
from operations import FEW_PEOPLE, KYBRA, NOBODY_THERE, OURS, PEEWEE, TEN_MEMBERS

SCRIPT: Final = Path(__file__).with_name("entity_worker.py")
CONTENDERS: Final = (OURS, PEEWEE, KYBRA)
CREATE_TURNS: Final = 3
READ_TURNS: Final = 6
READ_ROUNDS: Final = 5
FIND_TURNS: Final = 4
LINK_TURNS: Final = 6
LINK_ROUNDS: Final = 4
SLOW: Final = 4.0
"""Seconds after which a contender does not do it again."""
TEN: Final = 10

_seeds = itertools.count(1)


class Workers:
    """A process for each contender, and beside it what was made there."""

    def __init__(self, folder: Path, sizes: Sizes, kybra_python: Path) -> None:
        self._folder = folder
        self._sizes = sizes
        self._kybra_python = kybra_python
        self._workers: dict[str, Worker] = {}
        self._seconds: dict[str, list[float]] = {}
        self._stocked: set[str] = set()
        self._clubs: dict[str, int] = {}

    def present(self, name: str) -> bool:
        """Say whether what a contender needs is there."""
        return name != KYBRA or self._kybra_python.exists()

    def worker(self, name: str, place: str = "people") -> Worker:
        """Return a contender's process, one for each place; a new one has an empty database."""
        key = f"{name}, {place}"
        if key not in self._workers:
            python = self._kybra_python if name == KYBRA else Path(sys.executable)
            folder = self._folder / f"{len(self._workers)}"
            worker = self._workers[key] = Worker(python, name, folder, script=SCRIPT)
            worker.ask("new")
        return self._workers[key]

    def create(self, name: str) -> float | None:
        """Create all people in a new database; the seconds, None where it takes too long to."""
        made = self._seconds.setdefault(name, [])
        if made and made[0] > SLOW:
            return None
        worker = self.worker(name)
        worker.ask("new")
        made.append(worker.ask("create", count=self._sizes.people)["seconds"])
        self._stocked.discard(name)
        return made[-1]

    def stocked(self, name: str) -> Worker:
        """Return the process of a contender that has all people, was opened again and checked."""
        worker = self.worker(name)
        if name not in self._seconds:
            self.create(name)
        if name not in self._stocked:
            worker.ask("reopen")
            worker.ask("check")
            for operation in ("load", "name", "find"):
                self.read(name, operation)
            self._stocked.add(name)
        return worker

    def read(self, name: str, operation: str) -> float:
        """Make a round of loads or finds; the seconds of each."""
        count = self._sizes.finds if operation == "find" else self._sizes.loads
        if operation == "find" and name == KYBRA:
            count = 1  # which looks at everything
        asked = {"operation": operation, "count": count, "seed": next(_seeds)}
        return self.worker(name).ask("read", **asked)["seconds"] / count

    def join(self, name: str, *, singly: bool) -> float:
        """Add links to the large club of a contender, or to one with ten; the seconds of each."""
        worker = self.stocked(OURS if name == TEN_MEMBERS else name)
        if name == TEN_MEMBERS or name not in self._clubs:
            members = TEN if name == TEN_MEMBERS else self._sizes.members
            self._clubs[name] = int(worker.ask("club", members=members)["club"])
        club, count = self._clubs[name], self._sizes.joins
        return worker.ask("join", club=club, count=count, singly=singly)["seconds"] / count

    def stop(self) -> None:
        """End all processes; nobody will open their databases again, so that none is closed."""
        for worker in self._workers.values():
            worker.stop()


@pytest.fixture(scope="module")
def workers(folder: Path, sizes: Sizes, request: pytest.FixtureRequest) -> Iterator[Workers]:
    (folder / "entities").mkdir()
    python = Path(request.config.getoption("--kybra-python"))
    workers = Workers(folder / "entities", sizes, python)
    yield workers
    workers.stop()


def who(workers: Workers, name: str) -> str:
    if not workers.present(name):
        pytest.skip(f"there is no environment with {name}: `make bench` makes one")
    return name


# -- creating -------------------------------------------------------------------------------------


def _create_new(worker: Worker, count: int) -> float:
    """Create so many people in a new database; the seconds of each."""
    worker.ask("new")
    return worker.ask("create", count=count)["seconds"] / count


@pytest.mark.parametrize("name", in_turns(CONTENDERS, CREATE_TURNS))
def test_create_few(name: str, workers: Workers, sizes: Sizes, measure: Measure) -> None:
    worker, count = workers.worker(who(workers, name)), sizes.few_people
    tell = partial(_create_new, worker, count)
    measure.told("entities-create-few", name, tell, rounds=2)


@pytest.mark.parametrize("name", in_turns(CONTENDERS, CREATE_TURNS))
def test_create(name: str, workers: Workers, sizes: Sizes, measure: Measure) -> None:
    seconds = workers.create(who(workers, name))
    each = None if seconds is None else seconds / sizes.people
    measure.once("entities-create", name, each)


@pytest.mark.parametrize("name", in_turns((FEW_PEOPLE, OURS), 1))
def test_create_many(name: str, workers: Workers, sizes: Sizes, measure: Measure) -> None:
    """Once, because it takes long; the database that it makes is the next one's."""
    worker = workers.worker(OURS, "many" if name == OURS else "few")
    count = sizes.many_people if name == OURS else sizes.few_people
    rounds = 1 if name == OURS else 8
    tell = partial(_create_new, worker, count)
    measure.told("entities-create-many", name, tell, rounds=rounds)


@pytest.mark.parametrize("name", in_turns((OURS, NOBODY_THERE), CREATE_TURNS))
def test_create_beside(name: str, workers: Workers, sizes: Sizes, measure: Measure) -> None:
    worker, count = workers.worker(OURS, "many" if name == OURS else "few"), sizes.few_people

    def tell() -> float:
        if name == NOBODY_THERE:
            worker.ask("new")
        return worker.ask("create", count=count)["seconds"] / count

    measure.told("entities-create-beside", name, tell, rounds=3)


# -- reading --------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", in_turns(CONTENDERS, READ_TURNS))
@pytest.mark.parametrize("operation", ["load", "name"])
def test_load(operation: str, name: str, workers: Workers, measure: Measure) -> None:
    workers.stocked(who(workers, name))
    tell = partial(workers.read, name, operation)
    measure.told(f"entities-{operation}", name, tell, rounds=READ_ROUNDS)


@pytest.mark.parametrize("name", in_turns(CONTENDERS, FIND_TURNS))
def test_find(name: str, workers: Workers, measure: Measure) -> None:
    workers.stocked(who(workers, name))
    rounds = 1 if name == KYBRA else READ_ROUNDS
    measure.told("entities-find", name, partial(workers.read, name, "find"), rounds=rounds)


# -- linking --------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", in_turns((OURS, TEN_MEMBERS, PEEWEE), LINK_TURNS))
@pytest.mark.parametrize("singly", [False, True])
def test_link(singly: bool, name: str, workers: Workers, measure: Measure) -> None:
    group = "entities-link-durable" if singly else "entities-link"
    tell = partial(workers.join, name, singly=singly)
    measure.told(group, name, tell, rounds=LINK_ROUNDS)
