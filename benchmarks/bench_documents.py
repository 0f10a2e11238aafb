"""Documents: a user of 0.5 KB by key and by field, beside Montybase 0.1.6, TinyDB and montydb.

A process each, at 10,000 documents. Of ours 1,000,000 are written once, and held against 10,000;
and those who listen are told of writes.
"""

from __future__ import annotations

import itertools
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, Final

import pytest
from contenders import in_turns
from fleet import Figures, Worker
from measuring import Measure, Sizes
from operations import (
    BY_SOCKET,
    COPIED,
    CROWD,
    LISTENERS,
    MONTYBASE,
    MONTYDB,
    OF_10000,
    OTHER_PROCESS,
    OURS,
    OURS_RELAXED,
    SAVED,
    TINYDB,
    TINYDB_CACHING,
    WATCHES,
)
from stores import Shown, Stores
from users import PER_TEAM

SCRIPT: Final = Path(__file__).with_name("document_worker.py")
LISTENING: Final = Path(__file__).with_name("listener_worker.py")
CROWDING: Final = Path(__file__).with_name("crowd_worker.py")

IN_MEMORY: Final = (MONTYBASE, TINYDB_CACHING)
"""Who writes its file sooner or later."""
WRITERS: Final = (
    OURS,
    OURS_RELAXED,
    *IN_MEMORY,
    *(name + SAVED for name in IN_MEMORY),
    TINYDB,
    MONTYDB,
)
READERS: Final = (OURS, *IN_MEMORY, TINYDB, MONTYDB)
GETTERS: Final = (*READERS, *(name + COPIED for name in IN_MEMORY))
SLOW: Final = frozenset({TINYDB, MONTYDB, *(name + SAVED for name in IN_MEMORY)})
"""Who takes tens of milliseconds for each operation, and so makes one a round."""
TURNS: Final = 4
ROUNDS: Final = 6
SLOW_ROUNDS: Final = 2
SCALE_TURNS: Final = 4
WARMUPS: Final = 3
RATE: Final = 200.0

_seeds = itertools.count(1)


class Workers(Stores):
    """A process for each contender, which has documents of its own."""

    script = SCRIPT
    holds = "documents"

    def stocked(self, name: str) -> Worker:
        """Return a contender's process; it has been stocked, opened again, and checked."""
        return self._stocked(self._sizes.documents, name.removesuffix(SAVED).removesuffix(COPIED))

    def _large(self, count: int) -> Worker:
        return self._new(OURS_RELAXED, f"of-{count}")

    def run(self, job: str, name: str, count: int, **more: Any) -> float:
        """Have a contender make a round of operations; the seconds of each."""
        worker = self.stocked(name)
        count = 1 if name in SLOW else count
        if name.endswith(SAVED):
            more["saved"] = True
        return worker.ask(job, count=count, **more)["seconds"] / count

    # -- many -----------------------------------------------------------------------------------

    def filled(self, count: int) -> Worker:
        """Return a new process that has open a database with so many documents."""
        self.fill(count)
        worker = self._large(count)
        worker.ask("opened", count=count)
        return worker

    # -- listeners ------------------------------------------------------------------------------

    def listening(self, place: str) -> Worker:
        """Return a new process with those who listen, or who write what is listened to."""
        return Worker(Path(sys.executable), self._folder / place, script=LISTENING)

    def crowd(self, place: str) -> Worker:
        """Return a new process with those who listen to a server, which is another one."""
        return Worker(Path(sys.executable), self._folder / place, script=CROWDING)


@pytest.fixture(scope="module")
def workers(
    folder: Path, sizes: Sizes, shown: Shown, request: pytest.FixtureRequest
) -> Iterator[Workers]:
    pythons = {
        MONTYBASE: Path(request.config.getoption("--montybase-python")),
        MONTYDB: Path(request.config.getoption("--montydb-python")),
    }
    workers = Workers(folder / "documents", sizes, pythons, shown)
    yield workers
    workers.stop()


def _rounds(name: str) -> int:
    return SLOW_ROUNDS if name in SLOW else ROUNDS


# -- one document ---------------------------------------------------------------------------------


@pytest.mark.parametrize("name", in_turns(WRITERS, TURNS))
@pytest.mark.parametrize("job", ["set", "update", "delete"])
def test_write(job: str, name: str, workers: Workers, sizes: Sizes, measure: Measure) -> None:
    def tell() -> float:
        return workers.run(job, name, sizes.document_writes, seed=next(_seeds))

    workers.stocked(name)
    measure.told(f"documents-{job}", name, tell, rounds=_rounds(name), warmup=1)


@pytest.mark.parametrize("name", in_turns(GETTERS, TURNS))
def test_get(name: str, workers: Workers, sizes: Sizes, measure: Measure) -> None:
    job = "get_copied" if name.endswith(COPIED) else "get"

    def tell() -> float:
        return workers.run(job, name, sizes.gets, seed=next(_seeds))

    workers.stocked(name)
    measure.told("documents-get", name, tell, rounds=_rounds(name), warmup=1)


# -- finding --------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", in_turns(READERS, TURNS))
@pytest.mark.parametrize("field", ["team", "desk"])
def test_where(field: str, name: str, workers: Workers, sizes: Sizes, measure: Measure) -> None:
    count = sizes.wheres if field == "team" else sizes.scans

    def tell() -> float:
        return workers.run("where", name, count, field=field, seed=next(_seeds))

    workers.stocked(name)
    group = "documents-where" if field == "team" else "documents-where-unindexed"
    measure.told(group, name, tell, rounds=_rounds(name), warmup=1)


@pytest.mark.parametrize("name", in_turns(READERS, TURNS))
def test_count(name: str, workers: Workers, sizes: Sizes, measure: Measure) -> None:
    def tell() -> float:
        return workers.run("count", name, sizes.scans)

    workers.stocked(name)
    measure.told("documents-count", name, tell, rounds=_rounds(name), warmup=1)


# -- one of many ----------------------------------------------------------------------------------


def test_fill(workers: Workers, sizes: Sizes, measure: Measure) -> None:
    figures = workers.fill(sizes.many_documents)
    measure.told("documents-fill", OURS, lambda: figures["seconds"] / sizes.many_documents)


@pytest.fixture(scope="module")
def of_sizes(workers: Workers, sizes: Sizes) -> Iterator[dict[str, Worker]]:
    """Processes that have the large and the small database open."""
    opened = {
        OURS: workers.filled(sizes.many_documents),
        OF_10000: workers.filled(sizes.documents),
    }
    yield opened
    for worker in opened.values():
        worker.stop()


@pytest.mark.parametrize("name", in_turns((OURS, OF_10000), SCALE_TURNS))
@pytest.mark.parametrize("job", ["get", "set", "where"])
def test_among_many(
    job: str, name: str, of_sizes: dict[str, Worker], sizes: Sizes, measure: Measure
) -> None:
    """Of those that are asked for again and again, as many of the large one as of the small one."""
    there = sizes.many_documents if name == OURS else sizes.documents
    first = (there - sizes.documents) // (2 * PER_TEAM) * PER_TEAM
    tell = partial(_ask, of_sizes[name], job, sizes, first=first, among=sizes.documents)
    measure.told(f"documents-{job}-among", name, tell, rounds=ROUNDS, warmup=WARMUPS)


@pytest.mark.parametrize("job", ["get", "set", "where"])
def test_all_over(job: str, of_sizes: dict[str, Worker], sizes: Sizes, measure: Measure) -> None:
    tell = partial(_ask, of_sizes[OURS], job, sizes, first=0, among=sizes.many_documents)
    measure.told(f"documents-{job}-all-over", OURS, tell, rounds=ROUNDS)


def _ask(worker: Worker, job: str, sizes: Sizes, **of: int) -> float:
    counts = {"get": sizes.gets, "set": sizes.document_writes, "where": sizes.wheres}
    more: dict[str, Any] = {"field": "team"} if job == "where" else {}
    seconds = worker.ask(job, count=counts[job], seed=next(_seeds), **of, **more)["seconds"]
    return seconds / counts[job]


# -- listening ------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def delays(workers: Workers, sizes: Sizes) -> Callable[[str, int], list[Figures]]:
    """Return what measures how late so many who listen are told, once, by whom they are written."""
    made: dict[tuple[str, int], list[Figures]] = {}

    def measured(name: str, count: int) -> list[Figures]:
        if (name, count) not in made:
            place = f"live-{len(made)}"
            listening = workers.listening(place)
            writing = workers.listening(place) if name == OTHER_PROCESS else listening
            listening.ask("listen", count=count, asynchronous=name == WATCHES)
            made[name, count] = [
                _late(listening, writing, sizes.live_writes) for _ in range(sizes.live_rounds)
            ]
            for worker in {listening, writing}:
                worker.stop()
        return made[name, count]

    return measured


def _late(listening: Worker, writing: Worker, writes: int) -> Figures:
    returned: Any = writing.ask("write", count=writes, rate=RATE)["at"]
    return listening.ask("told", at=returned)


@pytest.mark.parametrize("count", LISTENERS)
@pytest.mark.parametrize("name", [OURS, OTHER_PROCESS, WATCHES])
@pytest.mark.parametrize("share", ["median", "late"])
def test_live(
    share: str,
    name: str,
    count: int,
    delays: Callable[[str, int], list[Figures]],
    measure: Measure,
) -> None:
    rounds = iter(delays(name, count))
    tell = lambda: next(rounds)[share]  # noqa: E731
    measure.told(f"documents-live-{share}-{count}", name, tell, rounds=len(delays(name, count)))


@pytest.mark.parametrize("name", [OURS, WATCHES])
def test_idle(name: str, workers: Workers, sizes: Sizes, measure: Measure) -> None:
    worker = workers.listening(f"idle-{name == OURS}")
    worker.ask("stock", count=sizes.idle)
    taken = worker.ask("idle", count=sizes.idle, asynchronous=name == WATCHES)["bytes"]
    worker.stop()
    measure.told("documents-idle", name, lambda: taken, unit="B")


# -- served ---------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def served_delays(workers: Workers, sizes: Sizes) -> Callable[[str, bool], list[Figures]]:
    """Return what measures how late a crowd hears from a server, once, by what it is connected."""
    made: dict[tuple[str, bool], list[Figures]] = {}

    def measured(name: str, own: bool) -> list[Figures]:
        if (name, own) not in made:
            crowd = workers.crowd(f"served-{len(made)}")
            crowd.ask("listen", count=min(CROWD, sizes.idle), socket=name == BY_SOCKET, own=own)
            crowd.ask("write", count=sizes.live_writes, rate=RATE)
            made[name, own] = [
                crowd.ask("write", count=sizes.live_writes, rate=RATE)
                for _ in range(sizes.live_rounds)
            ]
            crowd.stop()
        return made[name, own]

    return measured


@pytest.mark.parametrize("own", [False, True])
@pytest.mark.parametrize("name", [OURS, BY_SOCKET])
@pytest.mark.parametrize("share", ["late", "sent"])
def test_served(
    share: str,
    name: str,
    own: bool,
    served_delays: Callable[[str, bool], list[Figures]],
    measure: Measure,
) -> None:
    found = served_delays(name, own)
    rounds = iter(found)
    group = f"documents-served-{'own' if own else 'all'}-{share}"
    measure.told(group, name, lambda: next(rounds)[share], rounds=len(found))


@pytest.mark.parametrize("name", [OURS, BY_SOCKET])
def test_served_idle(name: str, workers: Workers, sizes: Sizes, measure: Measure) -> None:
    crowd = workers.crowd(f"served-idle-{name == OURS}")
    taken = crowd.ask("idle", count=sizes.idle, socket=name == BY_SOCKET)["bytes"]
    crowd.stop()
    measure.told("documents-served-idle", name, lambda: taken, unit="B")
