"""The API for asyncio, used wrongly: clear errors, and nothing harmed."""

from __future__ import annotations

import asyncio
import re
import threading
from typing import TYPE_CHECKING, Any

import pytest

import dynafile
from dynafile import AsyncDatabase, AsyncDynafile, errors

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

KEY = {"PK": "a", "SK": "b"}


async def scanned(db: AsyncDynafile) -> list[dict[str, Any]]:
    return [item async for item in db.scan()]


async def batched(db: AsyncDynafile) -> None:
    async with db.batch_writer() as batch:
        await batch.put_item(item=KEY)


async def transacted(db: AsyncDynafile) -> None:
    async with db.transaction() as tx:
        await tx.get_item(key=KEY)


USES: list[Callable[[AsyncDynafile], Awaitable[Any]]] = [
    lambda db: db.get_item(key=KEY),
    lambda db: db.put_item(item=KEY),
    lambda db: db.count(),
    lambda db: db.pk_type(),
    lambda db: db.add_stream_listener(print),
    lambda db: db.wait_for_indexes(),
    lambda db: db.check(),
    scanned,
    batched,
    transacted,
]


@pytest.mark.parametrize("use", USES)
def test_not_open_closed_and_of_another_loop(
    tmp_path: Path, use: Callable[[AsyncDynafile], Awaitable[Any]]
) -> None:
    db = AsyncDynafile(tmp_path / "db")

    async def first() -> None:
        with pytest.raises(errors.HandleNotOpen, match="async with"):
            await use(db)
        await db.__aenter__()
        await use(db)

    async def second() -> None:
        with pytest.raises(errors.HandleOfAnotherLoop, match="another event loop"):
            await use(db)

    async def in_another_thread() -> None:
        thread = threading.Thread(target=lambda: asyncio.run(second()))
        thread.start()
        await asyncio.to_thread(thread.join)
        with pytest.raises(errors.HandleOfAnotherLoop):
            await asyncio.to_thread(lambda: asyncio.run(db.close()))

    with asyncio.Runner() as runner:
        runner.run(first())
        runner.run(in_another_thread())
        runner.run(db.close())
        with pytest.raises(errors.HandleClosed, match="open it again"):
            runner.run(_awaited(use(db)))


async def _awaited(awaitable: Awaitable[Any]) -> Any:
    return await awaitable


def test_a_handle_whose_loop_is_gone_can_be_closed(tmp_path: Path) -> None:
    async def opened() -> AsyncDynafile:
        return await AsyncDynafile.open(tmp_path / "db")

    db = asyncio.run(opened())

    async def other() -> None:
        with pytest.raises(errors.HandleOfAnotherLoop):
            await db.count()
        await db.close()

    asyncio.run(other())
    assert db.closed
    assert not [t for t in threading.enumerate() if t.name.startswith("dynafile-async")]


def test_what_cannot_be_awaited_says_what_to_do(tmp_path: Path) -> None:
    async def main() -> None:
        async with AsyncDynafile(tmp_path / "db") as db:
            with pytest.raises(TypeError, match=re.escape("await db.count()")):
                len(db)  # type: ignore[arg-type]
            with pytest.raises(TypeError, match="async with"), db:  # type: ignore[attr-defined]
                pass
            assert db
        async with AsyncDatabase(":memory:") as db2:
            with pytest.raises(TypeError, match=re.escape("await db.tables()")):
                list(db2)  # type: ignore[call-overload]
            with pytest.raises(TypeError, match=re.escape("in await db.tables()")):
                "orders" in db2  # type: ignore[operator]  # noqa: B015

    asyncio.run(main())


def test_arguments_are_refused_as_without_asyncio(tmp_path: Path) -> None:
    async def main() -> None:
        with pytest.raises(TypeError, match="nonsense"):
            AsyncDynafile(tmp_path / "db", nonsense=1)  # type: ignore[call-arg]
        with pytest.raises(errors.InvalidArgument):
            await AsyncDynafile.open(tmp_path / "db", durability="perhaps")  # type: ignore[arg-type]
        assert not (tmp_path / "db").exists()
        async with AsyncDynafile(tmp_path / "db") as db:
            with pytest.raises(errors.MissingKey):
                await db.put_item(item={"PK": "a"})
            with pytest.raises(TypeError, match="nonsense"):
                await db.put_item(nonsense=1)  # type: ignore[call-arg]
            with pytest.raises(errors.InvalidArgument, match="limit"):
                await anext(db.query("a", limit=0))
            for timeout in (-1, "1", True, float("nan")):
                with pytest.raises(errors.InvalidArgument, match="timeout"):
                    await db.wait_for_indexes(timeout=timeout)  # type: ignore[arg-type]
            with pytest.raises(errors.InvalidArgument, match="attempts"):
                await db.run_transaction(_nothing, attempts=0)
            with pytest.raises(errors.InvalidArgument, match="async def"):
                await db.run_transaction(lambda tx: 7)  # type: ignore[arg-type,return-value]
            assert await db.count() == 0

    asyncio.run(main())


async def _nothing(tx: object) -> None: ...


def test_blocks_that_are_none(tmp_path: Path) -> None:
    async def main() -> None:
        async with AsyncDynafile(tmp_path / "db") as db:
            with pytest.raises(errors.InvalidArgument, match="async with db.batch_writer"):
                await db.batch_writer().put_item(item=KEY)
            tx = db.transaction()
            with pytest.raises(errors.InvalidArgument, match="async with db.transaction"):
                await tx.get_item(key=KEY)
            async with tx:
                pass
            with pytest.raises(errors.InvalidArgument, match="used once"):
                await tx.__aenter__()
            async with db.batch_writer() as batch:
                with pytest.raises(errors.InvalidArgument, match="in use"):
                    await batch.__aenter__()

    asyncio.run(main())


def test_opening_twice_at_once(tmp_path: Path) -> None:
    async def main() -> None:
        db = AsyncDynafile(tmp_path / "db")
        calls = (db.__aenter__(), db.__aenter__(), db.get_item(key=KEY))
        opened, *refused = await asyncio.gather(*calls, return_exceptions=True)
        assert opened is db
        assert [type(error) for error in refused] == [errors.HandleNotOpen] * 2
        await db.put_item(item=KEY)
        await db.close()

    asyncio.run(main())


def test_an_opening_that_failed_can_be_tried_again(tmp_path: Path) -> None:
    path = tmp_path / "db"
    path.write_text("a file")

    async def main() -> None:
        db = AsyncDynafile(path)
        with pytest.raises(errors.InvalidPath):
            await db.__aenter__()
        path.unlink()
        async with db:
            await db.put_item(item=KEY)

    asyncio.run(main())


def test_a_name_that_is_not_there() -> None:
    with pytest.raises(AttributeError, match="AsyncNothing"):
        dynafile.AsyncNothing  # type: ignore[attr-defined]  # noqa: B018
