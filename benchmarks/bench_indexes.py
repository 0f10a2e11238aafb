"""Secondary indexes: what they cost a put, a query by one, and building one beside a writer."""

from __future__ import annotations

import json
import random
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Final, NamedTuple

import data
import pytest
from contenders import in_turns
from contenders.ours import Ours
from data import PER_COLLECTION, Item
from measuring import Measure, Sizes, run_python
from operations import GIVING_OLD, NO_INDEX, OF_TABLE, OURS

from dynafile import Dynafile, Event, GlobalIndex

CHILD: Final = Path(__file__).with_name("child.py")
TURNS: Final = 6
BY_CITY: Final = GlobalIndex(pk="city", sk="placed")
BY_STATUS: Final = GlobalIndex(pk="status", sk="total")
BY_CUSTOMER: Final = GlobalIndex(pk="customer", sk="number")
BACKFILLS: Final = 5
PAUSE_SECONDS: Final = 0.0005

_rng = random.Random(5)


class Beside(NamedTuple):
    """A backfill beside a writer: seconds an item, and the longest that a put took."""

    seconds: float
    longest_wait: float


# -- a put ----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def written(folder: Path, items: list[Item]) -> Iterator[dict[str, Ours]]:
    """Tables with the orders: one with two indexes, one that tells of old items, one of neither."""
    tables = {
        OURS: Ours(
            folder / "indexed", "relaxed", indexes={"by-city": BY_CITY, "by-status": BY_STATUS}
        ),
        GIVING_OLD: Ours(folder / "told", "relaxed"),
        NO_INDEX: Ours(folder / "untold", "relaxed"),
    }
    old: list[Item | None] = [None]

    def take(event: Event) -> None:
        old[0] = event.old

    tables[GIVING_OLD].db.add_stream_listener(take)
    for table in tables.values():
        table.load(items)
    yield tables
    assert old[0] is not None
    for table in tables.values():
        table.close()


@pytest.mark.parametrize("name", in_turns((OURS, GIVING_OLD, NO_INDEX), TURNS))
def test_put(name: str, written: dict[str, Ours], sizes: Sizes, measure: Measure) -> None:
    """Overwrites that change the keys of both indexes: two entries go, and two come."""

    def prepare() -> tuple[list[Item]]:
        numbers = [_rng.randrange(sizes.items) for _ in range(sizes.puts)]
        return ([data.order(n // PER_COLLECTION, n % PER_COLLECTION, _rng) for n in numbers],)

    measure(
        "put-indexed",
        name,
        written[name].put,
        prepare=prepare,
        operations=sizes.puts,
        rounds=8,
        warmup=1,
    )


# -- a query --------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def read(folder: Path, items: list[Item]) -> Iterator[Dynafile]:
    """A table with an index that has the order of the table itself."""
    loading = Ours(folder / "read", "relaxed", indexes={"by-customer": BY_CUSTOMER})
    loading.load([{**item, "customer": item["PK"], "number": item["SK"]} for item in items])
    loading.close()
    with Dynafile(folder / "read") as db:
        pk = items[0]["PK"]
        assert list(db.query(pk, index="by-customer")) == list(db.query(pk))
        yield db


@pytest.mark.parametrize("name", in_turns((OURS, OF_TABLE), TURNS))
def test_query(
    name: str, read: Dynafile, items: list[Item], sizes: Sizes, measure: Measure
) -> None:
    """The ten orders of a customer, from the index and from the table."""
    index = "by-customer" if name == OURS else None
    pks = sorted({item["PK"] for item in items})

    def query(pks: list[str]) -> None:
        for pk in pks:
            list(read.query(pk, index=index))

    query(pks)
    measure(
        "query-index",
        name,
        query,
        prepare=lambda: (_rng.sample(pks, sizes.queries),),
        operations=sizes.queries,
        rounds=10,
        warmup=1,
    )


# -- a backfill -----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def filled(
    folder: Path, sizes: Sizes, shown: Callable[[], AbstractContextManager[None]]
) -> Iterator[Dynafile]:
    """A table that gets its index when it has its items."""
    with shown():
        print(f"\nbuilding a table of {sizes.indexed:,} orders to be indexed", file=sys.stderr)
        arguments = ("build", str(folder / "filled"), str(sizes.indexed), str(PER_COLLECTION))
        run_python(str(CHILD), *arguments)
    with Dynafile(folder / "filled", durability="relaxed") as db:
        assert len(db) == sizes.indexed
        yield db


def _backfill(db: Dynafile, count: int) -> float:
    """Add an index; return the seconds an item that it took."""
    started = time.perf_counter()
    db.add_index("by-city", BY_CITY)
    return (time.perf_counter() - started) / count


def _drop(db: Dynafile, count: int) -> None:
    """See that the index is whole, and drop it."""
    (index,) = db.describe().indexes
    assert index.entry_count == count
    db.drop_index("by-city")


def test_backfill(filled: Dynafile, sizes: Sizes, measure: Measure) -> None:
    def tell() -> float:
        seconds = _backfill(filled, sizes.indexed)
        _drop(filled, sizes.indexed)
        return seconds

    measure.told("backfill", OURS, tell, rounds=BACKFILLS)


@pytest.fixture(scope="module")
def beside_process(filled: Dynafile, folder: Path, sizes: Sizes) -> list[Beside]:
    """Backfills while another process puts."""
    return [_beside_process(filled, folder / "filled", sizes.indexed) for _ in range(BACKFILLS)]


def _beside_process(db: Dynafile, folder: Path, count: int) -> Beside:
    command = [sys.executable, str(CHILD), "wait", str(folder), str(count), str(PER_COLLECTION)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, encoding="utf-8"
    ) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == "ready\n"
        seconds = _backfill(db, count)
        figures = json.loads(child.communicate()[0])
    assert figures["puts"]
    _drop(db, count)
    return Beside(seconds, figures["longest"])


@pytest.mark.parametrize("turn", range(BACKFILLS))
def test_backfill_beside(turn: int, beside_process: list[Beside], measure: Measure) -> None:
    measure.told("backfill-beside", OURS, lambda: beside_process[turn].seconds)


@pytest.mark.parametrize("turn", range(BACKFILLS))
def test_wait_of_process(turn: int, beside_process: list[Beside], measure: Measure) -> None:
    measure.told("backfill-wait", OURS, lambda: beside_process[turn].longest_wait)


def test_wait_of_thread(filled: Dynafile, sizes: Sizes, measure: Measure) -> None:
    measure.told(
        "backfill-wait-thread",
        OURS,
        lambda: _longest_beside(filled, sizes.indexed),
        rounds=BACKFILLS,
    )


def _longest_beside(db: Dynafile, count: int) -> float:
    """Return the longest put of a thread beside a backfill."""
    waits: list[float] = []
    stop = threading.Event()

    def write() -> None:
        for item in data.new_versions(count):
            if stop.wait(PAUSE_SECONDS):
                return
            started = time.perf_counter()
            db.put_item(item=item)
            waits.append(time.perf_counter() - started)

    thread = threading.Thread(target=write)
    thread.start()
    try:
        _backfill(db, count)
    finally:
        stop.set()
        thread.join()
    _drop(db, count)
    return max(waits)
