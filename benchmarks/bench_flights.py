"""The matrix: all contenders, a process each, on the flights of 2013 at three sizes.

The order of the tests is that of the work: stores are loaded by fresh processes, opened by fresh
processes, then read and at last written by processes that stay.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import flights
import matrix
import pytest
from contenders import Durability, in_turns
from fleet import Fleet, Place
from matrix import COUNTS, Row, able
from measuring import Measure, Sizes

TURNS = 3
ROUNDS = 4
SLOW = 0.3

every_size = pytest.mark.parametrize("count", COUNTS)


@pytest.fixture(scope="session")
def fleet(folder: Path, sizes: Sizes, request: pytest.FixtureRequest) -> Iterator[Fleet]:
    if not flights.installed():
        pytest.skip(f"needs the data of {flights.PACKAGE}: pip install --no-deps {flights.PACKAGE}")
    fleet = Fleet(folder / "fleet", sizes, Path(request.config.getoption("--old-python")))
    yield fleet
    fleet.stop()


def place_of(fleet: Fleet, name: str, count: int) -> Place:
    if not fleet.present(name):
        pytest.skip(f"there is no environment with {name}: `make bench` makes one")
    return Place(name, count)


@every_size
@pytest.mark.parametrize("name", in_turns(able(matrix.BATCH_CLOSE), TURNS))
def test_batch(name: str, count: int, fleet: Fleet, measure: Measure) -> None:
    figures = fleet.load(place_of(fleet, name, count))
    seconds = None if figures is None else figures["batch-close"] / fleet.items(count)
    measure.once(matrix.group(matrix.BATCH_CLOSE, count), name, seconds)


@every_size
@pytest.mark.parametrize(
    ("row", "name"),
    [(row, name) for row in (matrix.BATCH, matrix.DISK, matrix.MEMORY) for name in able(row)],
)
def test_what_loads_tell(row: Row, name: str, count: int, fleet: Fleet, measure: Measure) -> None:
    loads = fleet.loads(place_of(fleet, name, count))
    told = iter(loads)
    per = fleet.items(count) if row.per_item else 1
    group = matrix.group(row, count)
    measure.told(group, name, lambda: next(told)[row.name] / per, rounds=len(loads), unit=row.unit)


@every_size
@pytest.mark.parametrize("name", in_turns(able(matrix.REOPEN), TURNS))
def test_reopen(name: str, count: int, fleet: Fleet, measure: Measure) -> None:
    seconds = fleet.reopen(place_of(fleet, name, count))
    measure.once(matrix.group(matrix.REOPEN, count), name, seconds)


def in_rounds(
    row: Row, place: Place, fleet: Fleet, measure: Measure, durability: Durability = "durable"
) -> None:
    """Measure a turn of a contender; fewer rounds where each takes long."""
    group = matrix.group(row, place.count)
    one = fleet.one(row, place, durability)
    if one > row.slowest:
        measure.once(group, place.name, one, left_out=True)
        return
    rounds = 1 if one > SLOW else ROUNDS
    values = [fleet.run(row, place, durability) for _ in range(rounds)]
    told = iter(values)
    measure.told(group, place.name, lambda: next(told), rounds=len(values))


@every_size
@pytest.mark.parametrize("name", in_turns(able(matrix.GET), TURNS))
def test_get(name: str, count: int, fleet: Fleet, measure: Measure) -> None:
    in_rounds(matrix.GET, place_of(fleet, name, count), fleet, measure)


@every_size
@pytest.mark.parametrize("name", in_turns(able(matrix.QUERY), TURNS))
def test_query(name: str, count: int, fleet: Fleet, measure: Measure) -> None:
    in_rounds(matrix.QUERY, place_of(fleet, name, count), fleet, measure)


@every_size
@pytest.mark.parametrize("name", in_turns(able(matrix.SCAN), TURNS))
def test_scan(name: str, count: int, fleet: Fleet, measure: Measure) -> None:
    in_rounds(matrix.SCAN, place_of(fleet, name, count), fleet, measure)


@every_size
@pytest.mark.parametrize("name", in_turns(able(matrix.FILTER), TURNS))
def test_filter(name: str, count: int, fleet: Fleet, measure: Measure) -> None:
    in_rounds(matrix.FILTER, place_of(fleet, name, count), fleet, measure)


@every_size
@pytest.mark.parametrize("name", in_turns(able(matrix.PUT_DURABLE), TURNS))
def test_put_durable(name: str, count: int, fleet: Fleet, measure: Measure) -> None:
    in_rounds(matrix.PUT_DURABLE, place_of(fleet, name, count), fleet, measure)


@every_size
@pytest.mark.parametrize("name", in_turns(able(matrix.PUT_RELAXED), TURNS))
def test_put_relaxed(name: str, count: int, fleet: Fleet, measure: Measure) -> None:
    in_rounds(matrix.PUT_RELAXED, place_of(fleet, name, count), fleet, measure, "relaxed")
