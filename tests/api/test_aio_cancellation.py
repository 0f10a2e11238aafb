"""Tasks that are cancelled: what they were doing is done or not done, and the handle goes on."""

from __future__ import annotations

import asyncio
import gc
import random
import threading
from typing import TYPE_CHECKING, Any

import pytest

from dynafile import AsyncDynafile, AsyncTransaction, Database, Dynafile, GlobalIndex, errors
from dynafile.aio.crew import WRITERS

if TYPE_CHECKING:
    from pathlib import Path

ROUNDS = 150


def value(number: int) -> dict[str, Any]:
    """An item that is whole if its parts agree."""
    return {"PK": f"p{number % 7}", "SK": f"{number:06}", "a": number, "b": [number] * 3}


def whole(item: dict[str, Any]) -> bool:
    return item["b"] == [item["a"]] * 3


def one_of(db: AsyncDynafile, rng: random.Random, number: int) -> Any:
    """An operation of a kind that chance picks; each writes the pair of ``number`` or neither."""
    pair = [value(number) | {"SK": f"{number:06}{end}"} for end in "xy"]

    async def put() -> None:
        await db.put_item(item=value(number))

    async def batch() -> None:
        async with db.batch_writer() as writer:
            for item in pair:
                await writer.put_item(item=item)

    async def transaction(tx: AsyncTransaction) -> None:
        await tx.get_item(key={"PK": "counter", "SK": "-"})
        for item in pair:
            await tx.put_item(item=item)

    async def read() -> None:
        async for item in db.query(f"p{number % 7}"):
            assert whole(item)

    choices = (put, put, batch, lambda: db.run_transaction(transaction), read, db.count)
    return rng.choice(choices)()


@pytest.mark.parametrize("seed", range(4))
def test_cancelled_at_random(tmp_path: Path, seed: int) -> None:
    """Many rounds: nothing half, no thread and no task left, and the handle goes on."""
    rng = random.Random(seed)
    options: Any = {"indexes": {"by-a": GlobalIndex(pk="a")}} if seed % 2 else {}

    async def main() -> None:
        async with AsyncDynafile(tmp_path / "db", **options) as db:
            for round_ in range(ROUNDS):
                numbers = range(round_ * 20, round_ * 20 + rng.randrange(1, 20))
                tasks = {asyncio.ensure_future(one_of(db, rng, n)): n for n in numbers}
                for _ in range(rng.randrange(3)):
                    await asyncio.sleep(rng.choice((0, 0, 0.0003, 0.002)))
                for task in tasks:
                    if rng.random() < 0.7:
                        task.cancel()
                await asyncio.wait(tasks)
                for task in tasks:
                    assert task.cancelled() or task.exception() is None
            await db.put_item(item=value(999_999))
            await db.check()
        assert len(asyncio.all_tasks()) == 1

    asyncio.run(main())
    with Dynafile(tmp_path / "db") as db:
        db.check()
        found = {(item["PK"], item["SK"]) for item in db.scan() if whole(item)}
        assert len(found) == len(db)
        for pk, sk in found:
            if sk[-1] in "xy":
                assert {(pk, sk[:-1] + "x"), (pk, sk[:-1] + "y")} <= found
        assert value(999_999) in list(db.scan())
    assert not [t for t in threading.enumerate() if t.name.startswith("dynafile-async")]


def test_a_cancelled_put_is_over_when_the_cancellation_is_raised(tmp_path: Path) -> None:
    """What was read right after it stays so: nothing is written behind the task's back."""

    async def main() -> None:
        async with AsyncDynafile(tmp_path / "db") as db:
            await db.put_item(item=value(0))
            for number in range(1, 200):
                task = asyncio.create_task(db.put_item(item=value(number)))
                for _ in range(number % 4):
                    await asyncio.sleep(0)
                if number % 3 == 0:
                    await asyncio.sleep(0.0002)
                task.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await task
                    raise asyncio.CancelledError
                first = await db.get_item(key=value(number))
                await asyncio.sleep(0)
                assert await db.get_item(key=value(number)) == first

    asyncio.run(main())


def test_a_timeout_withdraws_what_has_not_begun(tmp_path: Path) -> None:
    async def main() -> None:
        async with AsyncDynafile(tmp_path / "db", lock_timeout=0.3) as db:
            await db.put_item(item=value(0))
            with db._opened()._store._writer.mutex:
                stuck = [asyncio.create_task(db.put_item(item=value(n))) for n in range(WRITERS)]
                await asyncio.sleep(0.05)
                with pytest.raises(TimeoutError):
                    async with asyncio.timeout(0.05):
                        await db.put_item(item=value(500))
            await asyncio.gather(*stuck)
            assert await db.get_item(key=value(500)) is None
            assert await db.count() == WRITERS

    asyncio.run(main())


def test_a_group_of_which_one_fails(tmp_path: Path) -> None:
    async def main() -> None:
        async with AsyncDynafile(tmp_path / "db") as db:
            with pytest.raises(ExceptionGroup) as raised:
                async with asyncio.TaskGroup() as group:
                    for number in range(50):
                        group.create_task(db.put_item(item=value(number)))
                    group.create_task(db.put_item(item={"PK": "a", "SK": "b", "c": object()}))
            assert [type(error) for error in raised.value.exceptions] == [errors.UnsupportedType]
            await db.check()
            assert await db.get_item(key={"PK": "a", "SK": "b"}) is None

    asyncio.run(main())


def test_an_iteration_goes_on_after_a_cancellation(tmp_path: Path) -> None:
    """The fetch of a cancelled task is not lost: the next one finds what it brought."""

    async def main() -> None:
        async with AsyncDynafile(tmp_path / "db") as db:
            async with db.batch_writer() as writer:
                for number in range(2000):
                    await writer.put_item(item=value(number))
            found, items = [], db.scan()
            rng = random.Random(5)
            while True:
                task = asyncio.ensure_future(anext(items, None))
                if rng.random() < 0.3:
                    await asyncio.sleep(rng.choice((0, 0.0002)))
                    task.cancel()
                try:
                    item = await task
                except asyncio.CancelledError:
                    continue
                if item is None:
                    break
                found.append(item["a"])
            assert sorted(found) == list(range(2000))

    asyncio.run(main())


def test_a_cancelled_opening_leaves_nothing_open(tmp_path: Path) -> None:
    async def main() -> None:
        for attempt in range(40):
            task = asyncio.create_task(AsyncDynafile.open(tmp_path / "db"))
            await asyncio.sleep(random.Random(attempt).choice((0, 0.001, 0.004)))
            if task.done():
                await (await task).close()
                continue
            task.cancel()
            try:
                await (await task).close()
            except asyncio.CancelledError:
                pass
        with Database(tmp_path / "db") as other:
            assert other._store.users == 1

    asyncio.run(main())
    gc.collect()
    assert not [t for t in threading.enumerate() if t.name.startswith("dynafile-async")]


def test_a_cancelled_closing_closes(tmp_path: Path) -> None:
    async def main() -> None:
        db = await AsyncDynafile.open(tmp_path / "db")
        puts = [asyncio.create_task(db.put_item(item=value(n))) for n in range(200)]
        await asyncio.sleep(0)
        closing = asyncio.create_task(db.close())
        again = asyncio.create_task(db.close())
        await asyncio.sleep(0)
        closing.cancel()
        with pytest.raises(asyncio.CancelledError):
            await closing
        await again
        assert db.closed
        assert all(put.done() and put.exception() is None for put in puts)
        with Dynafile(tmp_path / "db") as other:
            assert (len(other), other._store.users) == (200, 1)

    asyncio.run(main())


def test_a_body_that_is_cancelled_writes_nothing(tmp_path: Path) -> None:
    async def main() -> None:
        async with AsyncDynafile(tmp_path / "db") as db:

            async def body(tx: AsyncTransaction) -> None:
                await tx.put_item(item=value(1))
                await asyncio.sleep(10)

            async def batch() -> None:
                async with db.batch_writer() as writer:
                    await writer.put_item(item=value(2))
                    await asyncio.sleep(10)

            for coroutine in (db.run_transaction(body), batch()):
                task = asyncio.create_task(coroutine)
                await asyncio.sleep(0.02)
                task.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await task
            assert await db.count() == 0

    asyncio.run(main())
