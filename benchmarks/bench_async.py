"""asyncio: durable puts, awaited by one task or by 64 at once."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import data
import pytest
from contenders import in_turns
from data import Item
from measuring import Measure, Sizes
from operations import ONE_TASK, OURS

from dynafile import AsyncDynafile

TASKS: Final = 64
TURNS: Final = 6


class Loop:
    """A loop that stands still between the rounds, with a table that was opened in it."""

    def __init__(self, folder: Path) -> None:
        self._runner = asyncio.Runner()
        self._db = self._runner.run(AsyncDynafile.open(folder / "async"))

    def put(self, items: list[Item], tasks: int) -> None:
        """Put items, each awaited by one of so many tasks."""
        self._runner.run(self._put(items, tasks))

    async def _put(self, items: list[Item], tasks: int) -> None:
        waiting = iter(items)

        async def work() -> None:
            for item in waiting:
                await self._db.put_item(item=item)

        async with asyncio.TaskGroup() as group:
            for _ in range(tasks):
                group.create_task(work())

    def close(self) -> None:
        self._runner.run(self._db.close())
        self._runner.close()


@pytest.fixture(scope="module")
def loop(folder: Path, items: list[Item]) -> Iterator[Loop]:
    loop = Loop(folder)
    loop.put(items, TASKS)
    yield loop
    loop.close()


@pytest.mark.parametrize("name", in_turns((OURS, ONE_TASK), TURNS))
def test_put(name: str, loop: Loop, sizes: Sizes, measure: Measure) -> None:
    versions = data.new_versions(sizes.items)
    tasks = TASKS if name == OURS else 1

    def prepare() -> tuple[list[Item], int]:
        return [next(versions) for _ in range(sizes.puts)], tasks

    measure("put-async", name, loop.put, prepare=prepare, operations=sizes.puts, rounds=8, warmup=1)
