"""A table of 1,000,000 items: opening it, memory, and puts into an item collection of that size."""

from __future__ import annotations

import json
import random
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

import data
import pytest
from contenders import in_turns
from contenders.ours import Ours
from data import PER_COLLECTION, Item
from measuring import Measure, Sizes, run_python
from operations import AT_BEGIN, BEFORE_OPENING, OF_1000, OURS

CHILD = Path(__file__).with_name("child.py")
SMALL_COLLECTION = 1_000
TURNS = 6
PAGE = 10

_rng = random.Random(3)


@dataclass(frozen=True, kw_only=True)
class LargeTable:
    """A table on disk: how many items it has, and how many each item collection has of them."""

    folder: Path
    count: int
    per_collection: int
    figures: dict[str, float]

    def child(self, job: str, *more: str) -> dict[str, float]:
        """Do a job with it in a fresh process."""
        return _child(job, self.folder, self.count, self.per_collection, *more)


def _child(job: str, *arguments: object) -> dict[str, float]:
    figures: dict[str, float] = json.loads(run_python(str(CHILD), job, *map(str, arguments)))
    return figures


Shown = Callable[[], AbstractContextManager[None]]


def _build(folder: Path, count: int, per_collection: int, shown: Shown) -> LargeTable:
    with shown():
        collections = count // per_collection
        print(f"\nbuilding {collections:,} item collections of {per_collection:,}", file=sys.stderr)
        figures = _child("build", folder, count, per_collection)
    return LargeTable(folder=folder, count=count, per_collection=per_collection, figures=figures)


@pytest.fixture(scope="session")
def large(folder: Path, sizes: Sizes, shown: Shown) -> LargeTable:
    """Collections of ordinary size, 1,000,000 items in all."""
    return _build(folder / "large", sizes.large, PER_COLLECTION, shown)


@pytest.fixture(scope="session")
def one_collection(folder: Path, sizes: Sizes, shown: Shown) -> LargeTable:
    """All 1,000,000 items in one item collection."""
    return _build(folder / "collection", sizes.large, sizes.large, shown)


def test_build(large: LargeTable, measure: Measure) -> None:
    measure.told("build", OURS, lambda: large.figures["seconds"] / large.count)


def test_open(large: LargeTable, sizes: Sizes, measure: Measure) -> None:
    measure.told(
        "open", OURS, lambda: large.child("open")["seconds"], rounds=sizes.children, warmup=1
    )


def test_open_one_collection(one_collection: LargeTable, sizes: Sizes, measure: Measure) -> None:
    measure.told(
        "open-collection",
        OURS,
        lambda: one_collection.child("open")["seconds"],
        rounds=sizes.children,
        warmup=1,
    )


@pytest.fixture(scope="session")
def random_gets(large: LargeTable, sizes: Sizes) -> dict[str, float]:
    return large.child("memory", f"--count={sizes.random_gets}")


def test_memory(random_gets: dict[str, float], measure: Measure) -> None:
    measure.told("memory", OURS, lambda: random_gets["peak"], unit="B")


def test_memory_before(random_gets: dict[str, float], measure: Measure) -> None:
    measure.told("memory", BEFORE_OPENING, lambda: random_gets["before"], unit="B")


def test_random_gets(random_gets: dict[str, float], measure: Measure) -> None:
    measure.told("get-cold", OURS, lambda: random_gets["seconds"])


@pytest.fixture(scope="session")
def left(large: LargeTable, sizes: Sizes) -> LargeTable:
    """The large table as a killed process leaves it, with puts all over it in the journal."""
    large.child("put", f"--count={sizes.journal_puts}", "--leave")
    return large


def test_open_after_kill(left: LargeTable, sizes: Sizes, measure: Measure) -> None:
    measure.told(
        "open-journal",
        OURS,
        lambda: left.child("open", "--leave")["seconds"],
        rounds=sizes.children,
        warmup=1,
    )


def test_close(left: LargeTable, measure: Measure) -> None:
    measure.told("close", OURS, lambda: left.child("open")["closing"])


@pytest.fixture(scope="session")
def collections(folder: Path, one_collection: LargeTable) -> Iterator[dict[str, tuple[Ours, int]]]:
    """Two open tables with one item collection each, and the sizes of those."""
    small = Ours(folder / "small-collection", "relaxed")
    small.load(data.orders(SMALL_COLLECTION, SMALL_COLLECTION))
    small.close()
    opened = {
        OURS: (Ours(one_collection.folder, "relaxed"), one_collection.count),
        OF_1000: (Ours(folder / "small-collection", "relaxed"), SMALL_COLLECTION),
    }
    yield opened
    for ours, _ in opened.values():
        ours.close()


def _overwrites(count: int, size: int) -> list[Item]:
    return [data.order(0, _rng.randrange(size), _rng) for _ in range(count)]


@pytest.mark.parametrize("name", in_turns((OURS, OF_1000), TURNS))
def test_put_into_collection(
    name: str,
    collections: dict[str, tuple[Ours, int]],
    sizes: Sizes,
    measure: Measure,
) -> None:
    ours, size = collections[name]
    measure(
        "put-collection",
        name,
        ours.put,
        prepare=lambda: (_overwrites(sizes.puts, size),),
        operations=sizes.puts,
        rounds=8,
        warmup=1,
    )


@pytest.mark.parametrize("name", [OURS, OF_1000])
def test_put_into_collection_sustained(
    name: str, collections: dict[str, tuple[Ours, int]], sizes: Sizes, measure: Measure
) -> None:
    """So many puts that checkpoints are in the time too."""
    ours, size = collections[name]
    measure(
        "put-collection-sustained",
        name,
        ours.put,
        prepare=lambda: (_overwrites(sizes.sustained_puts, size),),
        operations=sizes.sustained_puts,
        rounds=sizes.sustained_rounds_large,
    )


def _pages(ours: Ours, starts: list[Item]) -> None:
    for start in starts:
        page = ours.db.query_page(start["PK"], limit=PAGE, exclusive_start_key=start)
        assert page.count == PAGE


@pytest.mark.parametrize("name", in_turns((OURS, AT_BEGIN), TURNS))
def test_page(
    name: str, collections: dict[str, tuple[Ours, int]], sizes: Sizes, measure: Measure
) -> None:
    """Pages of ten, from the middle of the collection on, and from its begin."""
    ours, size = collections[OURS]
    low = 0 if name == AT_BEGIN else size // 2
    span = min(1_000, size // 2 - PAGE - 1)

    def prepare() -> tuple[Ours, list[Item]]:
        numbers = [low + _rng.randrange(span) for _ in range(sizes.queries)]
        keys = [data.key_of(0, number) for number in numbers]
        return ours, [{"PK": pk, "SK": sk} for pk, sk in keys]

    measure("page", name, _pages, prepare=prepare, operations=sizes.queries, rounds=8, warmup=1)
