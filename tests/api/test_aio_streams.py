"""Streams in programs with asyncio: followed, shared, acknowledged, cancelled."""

from __future__ import annotations

import asyncio
import random
from typing import TYPE_CHECKING, Any

import pytest
from api.test_aio import item, run

from dynafile import AsyncDatabase, AsyncDynafile, AsyncStreamRecord, Attr, Dynafile, errors

if TYPE_CHECKING:
    from pathlib import Path


def test_a_task_follows_what_others_write(tmp_path: Path) -> None:
    async def main() -> None:
        async with AsyncDynafile(tmp_path / "db", stream=True) as db:
            await db.put_item(item=item(0))
            stream = db.stream("LATEST", timeout=20)
            await db.put_item(item=item(1))  # after the call, so it is part of the stream
            following = asyncio.create_task(_take(stream, 4))
            with Dynafile(tmp_path / "db") as other:
                await asyncio.to_thread(other.put_item, item=item(2))
            await db.update_item(
                key={"PK": "a", "SK": "00002"}, update_expression="SET #more = :one",
                expression_attribute_names={"#more": "more"},
                expression_attribute_values={":one": 1},
            )  # fmt: skip
            await db.delete_item(key={"PK": "a", "SK": "00001"})
            records = await following
            assert [(r.event_name, r.keys["SK"]) for r in records] == [
                ("INSERT", "00001"), ("INSERT", "00002"),
                ("MODIFY", "00002"), ("REMOVE", "00001"),
            ]  # fmt: skip
            assert records[2].new_image == item(2, more=1)
            assert records[2].old_image == item(2)

    run(main())


async def _take(stream: Any, count: int) -> list[AsyncStreamRecord]:
    found: list[AsyncStreamRecord] = []
    async for record in stream:
        found.append(record)
        if len(found) == count:
            break
    return found


def test_a_handle_without_asyncio_can_be_followed_too() -> None:
    async def main() -> None:
        with Dynafile(":memory:", stream=True) as db:

            async def write() -> None:
                for number in range(3):
                    await asyncio.sleep(0.01)
                    db.put_item(item=item(number))

            writing = asyncio.create_task(write())
            async with db.stream(timeout=20) as stream:
                numbers = []
                async for record in stream:
                    assert record.new_image is not None
                    numbers.append(record.new_image["n"])
                    if len(numbers) == 3:
                        break
            await writing
            assert numbers == [0, 1, 2]

    run(main())


@pytest.mark.parametrize("where", ["files", "memory"])
def test_tasks_share_a_name(where: str, tmp_path: Path) -> None:
    """Each record is given once, and both tasks get some."""

    async def main() -> None:
        path = ":memory:" if where == "memory" else tmp_path / "db"
        async with AsyncDynafile(path, stream=True, durability="relaxed") as db:
            for number in range(60):
                await db.put_item(item=item(number))
            got: dict[str, list[int]] = {"one": [], "two": []}

            async def work(name: str) -> None:
                async with db.stream(name="workers", timeout=0.3) as stream:
                    async for record in stream:
                        assert record.new_image is not None
                        got[name].append(record.new_image["n"])
                        await asyncio.sleep(0.001)
                        await record.ack()

            await asyncio.gather(work("one"), work("two"))
            assert sorted(got["one"] + got["two"]) == list(range(60))
            assert got["one"]
            assert got["two"]
            (consumer,) = (await db.stream_consumers()).values()
            assert (consumer.unacknowledged, consumer.members) == (0, 0)
            await db.drop_stream_consumer("workers")
            assert await db.stream_consumers() == {}
            await db.check()

    run(main())


def test_an_acknowledgement_in_a_transaction() -> None:
    async def main() -> None:
        async with AsyncDynafile(":memory:", stream=True) as db:
            await db.put_item(item=item(1))

            async def handle(*, fail: bool) -> list[int]:
                seen = []
                async with db.stream(name="m", follow=False, filter=Attr("PK").eq("a")) as stream:
                    async for record in stream:
                        assert record.new_image is not None
                        seen.append(record.new_image["n"])
                        try:
                            async with db.transaction() as tx:
                                await tx.put_item(item={"PK": "done", "SK": "1"})
                                await record.ack(tx)
                                if fail:
                                    raise KeyError
                        except KeyError:
                            pass
                return seen

            assert await handle(fail=True) == [1]
            assert await db.get_item(key={"PK": "done", "SK": "1"}) is None
            assert await handle(fail=False) == [1]
            assert await db.get_item(key={"PK": "done", "SK": "1"}) is not None
            assert await handle(fail=False) == []

    run(main())


def test_what_is_refused(tmp_path: Path) -> None:
    async def main() -> None:
        async with AsyncDynafile(":memory:") as plain:
            with pytest.raises(errors.StreamNotEnabled):
                async for _ in plain.stream():
                    pass
        async with AsyncDynafile(tmp_path / "db", stream=True) as db:
            await db.put_item(item=item(1))
            with pytest.raises(errors.InvalidSequenceNumber):
                await anext(db.stream("12"))
            (record,) = [record async for record in db.stream(follow=False)]
            with pytest.raises(errors.InvalidArgument, match="named stream"):
                await record.ack()
            async with db.stream(name="m", follow=False) as stream:
                record = await anext(stream)
                with pytest.raises(errors.InvalidArgument, match="transaction"):
                    await record.ack(object())  # type: ignore[arg-type]
                await record.ack()
                with pytest.raises(errors.AcknowledgementRefused):
                    await record.ack()
            with pytest.raises(errors.HandleClosed):
                await anext(stream)
            open_one = db.stream()
        with pytest.raises(errors.HandleClosed):
            await anext(open_one)
        assert open_one.closed

    run(main())


def test_cancelled_at_random(tmp_path: Path) -> None:
    """No record is lost, whenever the task that waits for it is cancelled."""
    rng = random.Random(7)

    async def main() -> None:
        async with AsyncDynafile(tmp_path / "db", stream=True, durability="relaxed") as db:
            seen: list[int] = []

            async def follow(stream: Any) -> None:
                async for record in stream:
                    seen.append(record.new_image["n"])
                    await record.ack()

            async with db.stream(name="m") as stream:
                for number in range(60):
                    task = asyncio.create_task(follow(stream))
                    await db.put_item(item=item(number))
                    await asyncio.sleep(rng.uniform(0, 0.008))
                    task.cancel()
                    await asyncio.gather(task, return_exceptions=True)
                    assert task.cancelled()
            async with db.stream(name="m", follow=False) as stream:
                async for record in stream:
                    seen.append(record.new_image["n"])  # type: ignore[index]
                    await record.ack()
            assert set(seen) == set(range(60))
            assert sorted(set(seen)) == list(dict.fromkeys(seen)), "in order, some of them twice"
            await db.check()

    run(main())


def test_tables_of_a_database() -> None:
    async def main() -> None:
        async with AsyncDatabase(":memory:") as db:
            orders = await db.create_table("orders", stream="NEW_IMAGE")
            await orders.put_item(item=item(1))
            arn = (await db.list_streams()).streams[0].stream_arn
            shard = (await db.describe_stream(stream_arn=arn)).shards[0].shard_id
            at = await db.get_shard_iterator(
                stream_arn=arn, shard_id=shard, shard_iterator_type="TRIM_HORIZON"
            )
            assert len((await db.get_records(shard_iterator=at)).records) == 1
            (record,) = [record async for record in db.table("orders").stream(follow=False)]
            assert record.stream_view_type == "NEW_IMAGE"
            assert record.size_bytes > 0

    run(main())


def test_statements() -> None:
    async def main() -> None:
        async with AsyncDatabase(":memory:") as db:
            await db.create_table("orders")
            await db.execute_statement(
                statement="INSERT INTO orders VALUE {'PK': 'a', 'SK': ?}", parameters=["1"]
            )
            found = await db.execute_statement(statement="SELECT * FROM orders WHERE PK = 'a'")
            assert found.items == [{"PK": "a", "SK": "1"}]
            assert (await db.explain("SELECT * FROM orders")).operation == "Scan"

    run(main())
