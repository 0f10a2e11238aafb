"""Streams: what a declared one costs a put, how fast it is read, how late a follower is."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import data
import pytest
from contenders import in_turns
from contenders.ours import Ours
from data import PER_COLLECTION, Item
from measuring import Measure, Sizes
from operations import NO_STREAM, OURS

from dynafile import Dynafile

CHILD: Final = Path(__file__).with_name("child.py")
TURNS: Final = 6
FOLLOWED: Final = 5
LATE_SHARE: Final = 0.99


@pytest.fixture(scope="module")
def written(folder: Path, items: list[Item]) -> Iterator[dict[tuple[str, str], Ours]]:
    """Tables with the orders, durable and relaxed, with a stream and without."""
    tables = {}
    for durability in ("durable", "relaxed"):
        with_stream = Ours(folder / f"stream-{durability}", durability, stream=True)
        tables[OURS, durability] = with_stream
        tables[NO_STREAM, durability] = Ours(folder / f"no-stream-{durability}", durability)
    for table in tables.values():
        table.load(items)
    yield tables
    for table in tables.values():
        table.close()


@pytest.mark.parametrize("durability", ["durable", "relaxed"])
@pytest.mark.parametrize("name", in_turns((OURS, NO_STREAM), TURNS))
def test_put(
    name: str,
    durability: str,
    written: dict[tuple[str, str], Ours],
    sizes: Sizes,
    measure: Measure,
) -> None:
    """Overwrites, each a record with both images where there is a stream."""
    versions = data.new_versions(sizes.items)
    measure(
        f"stream-put-{durability}",
        name,
        written[name, durability].put,
        prepare=lambda: ([next(versions) for _ in range(sizes.puts)],),
        operations=sizes.puts,
        rounds=8,
        warmup=1,
    )


def test_read(folder: Path, sizes: Sizes, measure: Measure) -> None:
    """All records of a stream, with the total of each new image."""
    with Dynafile(folder / "streamed", stream=True, durability="relaxed") as db:
        for item in data.orders(sizes.filtered):
            db.put_item(item=item)

        def read() -> None:
            count = 0
            for record in db.stream(follow=False):
                assert record.new_image is not None
                count += record.new_image["total"] >= 0
            assert count == sizes.filtered

        measure(
            "stream-read",
            OURS,
            read,
            operations=sizes.filtered,
            rounds=sizes.sustained_rounds,
            warmup=1,
        )


def test_delay(folder: Path, sizes: Sizes, measure: Measure) -> None:
    """How long after a durable put of another process has returned a follower sees its record."""
    with Dynafile(folder / "followed", stream=True):
        pass
    measure.told(
        "stream-delay",
        OURS,
        lambda: _delay(folder / "followed", sizes.followed),
        rounds=FOLLOWED,
    )


def _delay(folder: Path, count: int) -> float:
    command = [sys.executable, str(CHILD), "stamp", str(folder), str(count), str(PER_COLLECTION)]
    with Dynafile(folder) as db, db.stream("LATEST") as records:
        seen: list[float] = []
        with subprocess.Popen(command, stdout=subprocess.PIPE, encoding="utf-8") as child:
            assert child.stdout is not None
            for _, record in zip(range(count), records, strict=False):
                assert record.keys["SK"] == f"{len(seen):09d}"
                seen.append(time.monotonic())
            done: list[float] = json.loads(child.stdout.read())["done"]
    late = sorted(at - returned for at, returned in zip(seen, done, strict=True))
    return max(0.0, late[int(len(late) * LATE_SHARE)])
