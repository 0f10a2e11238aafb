"""The API for asyncio: the same methods, awaited, and made of the same implementation."""

from __future__ import annotations

import asyncio
import gc
import inspect
import subprocess
import sys
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest
from api.worker import Worker

from dynafile import (
    Action,
    AsyncBatchWriter,
    AsyncDatabase,
    AsyncDynafile,
    AsyncTable,
    AsyncTransaction,
    Attr,
    Database,
    Dynafile,
    Event,
    GlobalIndex,
    Page,
    Transaction,
    aio,
    errors,
)
from dynafile.aio.kinds import KINDS, Kind
from dynafile.aio.twin import Twin, twin
from dynafile.table.batch import BatchWriter

if TYPE_CHECKING:
    from collections.abc import Coroutine
    from pathlib import Path


def run(main: Coroutine[Any, Any, Any]) -> Any:
    """Run to the end, where no thread of ours and no task may be left."""
    before = set(threading.enumerate())
    result = asyncio.run(main, debug=False)
    gc.collect()
    left = {t for t in threading.enumerate() if t.name.startswith("dynafile-async")} - before
    assert not left, left
    return result


def item(number: int, **attributes: Any) -> dict[str, Any]:
    return {"PK": "a", "SK": f"{number:05}", "n": number, **attributes}


# -- every name has a kind ------------------------------------------------------------------------


@pytest.mark.parametrize("cls", KINDS, ids=lambda cls: cls.__name__)
def test_every_public_name_has_a_kind(cls: type) -> None:
    """Whoever adds a method or property to the API says here what it is for asyncio."""
    public = {
        name
        for name in dir(cls)
        if not name.startswith("_")
        and (callable(getattr(cls, name)) or isinstance(getattr(cls, name), property))
    }
    assert public == KINDS[cls].keys(), "dynafile/aio/kinds.py needs an entry for each"


TWINS = [AsyncBatchWriter, AsyncDatabase, AsyncDynafile, AsyncTable, AsyncTransaction]


@pytest.mark.parametrize("cls", [*TWINS, aio.AsyncTransactionItems])
def test_every_name_is_there(cls: Any) -> None:
    for name, kind in KINDS[cls._twin_of].items():
        made = inspect.getattr_static(cls, name)
        assert inspect.getdoc(made), name
        if kind is Kind.PLAIN:
            assert isinstance(made, property)
        elif kind in (Kind.READ, Kind.WRITE, Kind.LONG, Kind.TABLE, Kind.ASKED):
            assert inspect.iscoroutinefunction(made), name
        elif kind is Kind.ITEMS:
            assert inspect.isfunction(made)


def test_docstrings_and_signatures_carry_over() -> None:
    assert inspect.signature(AsyncTable.put_item) == inspect.signature(Dynafile.put_item)
    assert inspect.signature(AsyncDynafile) == inspect.signature(Dynafile)
    assert inspect.getdoc(AsyncTable.get_item) == inspect.getdoc(Dynafile.get_item)
    assert ">>>" not in (inspect.getdoc(AsyncTable.update_item) or "")
    assert AsyncDynafile.put_item.__qualname__ == "AsyncTable.put_item"


def test_a_method_that_serves_both_is_passed_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """What it returns can be iterated over either way, so nothing has to be awaited."""

    class Plain:
        def both(self, start: int, *, step: int = 1) -> range:
            """Return what serves both."""
            return range(start, 10, step)

    monkeypatch.setitem(KINDS, Plain, {"both": Kind.PASSED})  # type: ignore[arg-type]

    @twin(Plain)
    class Async(Twin):
        async def _call(self, kind: Kind, name: str, args: Any, named: Any) -> Any:
            raise AssertionError

        def _iterate(self, name: str, args: Any, named: Any) -> Any:
            raise AssertionError

        def _now(self, name: str) -> Any:
            return getattr(Plain(), name)

    assert Async().both(4, step=2) == range(4, 10, 2)  # type: ignore[attr-defined]
    assert inspect.getdoc(Async.both) == "Return what serves both."  # type: ignore[attr-defined]


# -- one table ------------------------------------------------------------------------------------


def test_what_a_table_does(tmp_path: Path) -> None:
    async def main() -> None:
        async with AsyncDynafile(tmp_path / "db", ttl_attribute="ttl") as db:
            assert await db.put_item(item=item(1)) is None
            assert await db.get_item(key=item(1)) == item(1)
            assert await db.get_item(key=item(2)) is None
            got = await db.get_item(key=item(1), return_consumed_capacity="TOTAL")
            assert (got.item, got.consumed_capacity.capacity_units) == (item(1), 0.5)
            updated = await db.update_item(
                key={"PK": "a", "SK": "00001"},
                update_expression="SET n = n + :one",
                expression_attribute_values={":one": 1},
                return_values="ALL_NEW",
            )
            assert updated is not None
            assert updated.attributes["n"] == 2
            await db.execute_batch([Action("PUT", item(number)) for number in range(10)])
            assert await db.count() == 10
            assert [i["n"] async for i in db.query("a", limit=3)] == [0, 1, 2]
            assert [i["n"] async for i in db.scan(filter=Attr("n").gt(7))] == [8, 9]
            page = await db.query_page("a", limit=4)
            assert isinstance(page, Page)
            assert page.last_evaluated_key == {"PK": "a", "SK": "00003"}
            assert len(await db.batch_get_item(keys=[item(1), item(2), item(99)])) == 2
            await db.delete_item(key=item(1))
            assert (await db.describe()).item_count == 9
            assert (db.pk_attribute, db.sk_attribute, db.ttl_attribute) == ("PK", "SK", "ttl")
            assert (await db.pk_type(), await db.sk_type()) == ("S", "S")
            assert (db.table_name, db.durability, db.read_only) == ("db-table", "durable", False)
            assert db.path == str(tmp_path / "db")
            assert await db.sweep() == 0
            await db.check()
            await db.clear()
            assert await db.count() == 0
            assert db
            assert not db.closed
        assert db.closed
        assert repr(db) == f"<closed AsyncDynafile {str(tmp_path / 'db')!r}>"

    run(main())


def test_three_ways_to_open(tmp_path: Path) -> None:
    async def main() -> None:
        db = await AsyncDynafile.open(tmp_path / "db", sk_attribute=None)
        await db.put_item(item={"PK": "a"})
        await db.close()
        await db.close()
        awaited = await AsyncDynafile(tmp_path / "db")
        async with awaited as same:
            assert same is awaited
            assert await same.get_item(key={"PK": "a"}) == {"PK": "a"}
        assert awaited.closed
        async with await AsyncDatabase.open(tmp_path / "db") as database:
            assert await database.tables() == ("db-table",)

    run(main())


def test_what_was_written_is_what_others_read(tmp_path: Path) -> None:
    """It is one implementation: the same files, and both kinds of handles beside one another."""

    async def main() -> None:
        async with AsyncDynafile(tmp_path / "db") as db:
            with Dynafile(tmp_path / "db") as other:
                await db.put_item(item=item(1))
                assert other.get_item(key=item(1)) == item(1)
                other.put_item(item=item(2))
                assert await db.get_item(key=item(2)) == item(2)

    run(main())


def test_items_in_chunks(tmp_path: Path) -> None:
    """No thread is asked for each item, the order holds, and an error comes in its place."""

    async def main() -> None:
        async with AsyncDynafile(tmp_path / "db") as db:
            async with db.batch_writer() as batch:
                for number in range(3000):
                    await batch.put_item(item=item(number))
            hops = []
            assert db._crew is not None
            submit = db._crew.reads.submit
            db._crew.reads.submit = lambda job: (hops.append(job), submit(job))[1]  # type: ignore[method-assign,func-returns-value]
            assert [i["n"] async for i in db.query("a")] == list(range(3000))
            assert len(hops) < 100
            backwards = db.query("a", scan_index_forward=False, limit=2)
            assert [i["n"] async for i in backwards] == [2999, 2998]

            seen = []
            with pytest.raises(ZeroDivisionError):
                async for found in db.scan(lambda i: 1 // (70 - i["n"]) is not None):
                    seen += [found["n"]]
            assert seen == list(range(70))

            rest = db.query("a")
            await anext(rest)
            await rest.aclose()  # type: ignore[attr-defined]
            with pytest.raises(StopAsyncIteration):
                await anext(rest)

    run(main())


def test_batches(tmp_path: Path) -> None:
    async def main() -> None:
        async with AsyncDynafile(tmp_path / "db") as db:
            async with db.batch_writer() as batch:
                await asyncio.gather(*(batch.put_item(item=item(1, v=v)) for v in range(20)))
                await batch.delete_item(key=item(7))
                assert await db.count() == 0
            assert (await db.get_item(key=item(1)))["v"] == 19  # in the order of the calls

            with pytest.raises(KeyError):
                async with db.batch_writer() as batch:
                    await batch.put_item(item=item(2))
                    raise KeyError
            assert await db.get_item(key=item(2)) is None

            async with db.batch_writer(flush_items=2) as batch:
                for number in range(10, 15):
                    await batch.put_item(item=item(number))
                assert await db.count() == 5
            assert await db.count() == 6

    run(main())


def test_transactions(tmp_path: Path) -> None:
    async def main() -> None:
        async with AsyncDynafile(tmp_path / "db") as db:
            await db.put_item(item=item(1))
            async with db.transaction() as tx:
                found = await tx.get_item(key=item(1))
                assert [i["n"] async for i in tx.query("a")] == [1]
                await tx.put_item(item={**found, "n": 5})
                assert (await db.get_item(key=item(1)))["n"] == 1
            assert (await db.get_item(key=item(1)))["n"] == 5

            with pytest.raises(errors.TransactionConflict):
                async with db.transaction() as tx:
                    await tx.get_item(key=item(1))
                    await db.put_item(item=item(1, by="another"))
                    await tx.put_item(item=item(2))
            assert await db.get_item(key=item(2)) is None

            async def add(tx: AsyncTransaction) -> int:
                now: int = (await tx.get_item(key=item(1)))["n"]
                await asyncio.sleep(0)
                await tx.put_item(item=item(1) | {"n": now + 1})
                return now + 1

            results = await asyncio.gather(*(db.run_transaction(add) for _ in range(20)))
            assert sorted(results) == list(range(2, 22))
            got = await db.transact_get_items(
                transact_items=[{"Get": {"Key": {"PK": "a", "SK": "00001"}}}]
            )
            assert [i["n"] for i in got] == [21]

    run(main())


def test_a_stale_exception_is_a_conflict(tmp_path: Path) -> None:
    """As in ``run_transaction`` without asyncio: what was raised on what has changed is retried."""
    tries = 0

    async def main() -> None:
        async with AsyncDynafile(tmp_path / "db") as db:
            await db.put_item(item=item(1))

            async def body(tx: AsyncTransaction) -> str:
                nonlocal tries
                tries += 1
                await tx.get_item(key=item(1))
                assert not await tx.is_stale()
                if tries == 1:
                    await db.put_item(item=item(1, changed=True))
                    assert await tx.is_stale()
                    raise KeyError("of a mixture")
                return "done"

            assert await db.run_transaction(body) == "done"
            with pytest.raises(errors.TransactionConflict):

                async def never(tx: AsyncTransaction) -> None:
                    await tx.get_item(key=item(1))
                    await db.put_item(item=item(1, at=time.perf_counter()))
                    await tx.put_item(item=item(3))

                await db.run_transaction(never, attempts=2)

    run(main())
    assert tries == 2


# -- many tables ----------------------------------------------------------------------------------


def test_a_database(tmp_path: Path) -> None:
    async def main() -> None:
        async with AsyncDatabase(tmp_path / "db") as db:
            orders = await db.create_table("orders", "customer", "date")
            assert isinstance(orders, AsyncTable)
            assert (orders.table_name, orders.pk_attribute) == ("orders", "customer")
            await db.create_table("customers", "email", None)
            assert await db.tables() == ("customers", "orders")
            assert await db.count() == 2
            assert (await db.list_tables(limit=1)).table_names == ("customers",)
            lazy = db.table("customers")  # opened when it is used
            await lazy.put_item(item={"email": "ada@example.org"})
            awaited = await db.table("customers", durability="relaxed")
            assert (awaited.sk_attribute, awaited.durability) == (None, "relaxed")
            assert await awaited.count() == 1
            async with db.transaction() as tx:
                customer = tx.table("customers")
                found = await customer.get_item(key={"email": "ada@example.org"})
                await customer.put_item(item={**found, "orders": 1})
                await tx.table("orders").put_item(item={"customer": "ada", "date": "2026"})
            assert await orders.count() == 1
            result = await db.batch_get_item(
                request_items={"orders": {"Keys": [{"customer": "ada", "date": "2026"}]}}
            )
            assert len(result.responses["orders"]) == 1
            async with db.table("orders") as closed:
                assert await closed.count() == 1
            with pytest.raises(errors.HandleClosed):
                await closed.count()
            assert await orders.count() == 1
            await db.update_table("orders", deletion_protection_enabled=True)
            assert (await db.describe_table("orders")).deletion_protection_enabled
            await db.delete_table("customers")
            with pytest.raises(errors.ResourceNotFound):
                await lazy.count()
            with pytest.raises(errors.ResourceNotFound):
                await db.table("customers")
            await db.check()
        with pytest.raises(errors.HandleClosed):
            await orders.count()

    run(main())


def test_indexes_with_progress(tmp_path: Path) -> None:
    async def main() -> None:
        heard: list[tuple[Any, ...]] = []

        def progress(*told: Any) -> None:
            asyncio.get_running_loop()  # it is called in the loop
            heard.append(told)

        async with AsyncDynafile(tmp_path / "db") as db:
            async with db.batch_writer() as batch:
                for number in range(500):
                    await batch.put_item(item=item(number))
            await db.add_index("by-n", GlobalIndex(pk="n"), progress=progress)
            await db.add_index("by-n-2", GlobalIndex(pk="n", sk="SK"), wait=False)
            assert await db.wait_for_indexes(timeout=20)
            assert list(await db.indexes()) == ["by-n", "by-n-2"]
            assert [i["n"] async for i in db.query(7, index="by-n-2")] == [7]
            await db.drop_index("by-n-2")
            assert heard[-1] == ("by-n", 500, 500)
        heard.clear()
        options: Any = {"indexes": {"more": GlobalIndex(pk="n")}, "progress": progress}
        async with AsyncDynafile(tmp_path / "db", **options) as db:
            assert heard[-1] == ("more", 500, 500)

    run(main())


# -- listeners ------------------------------------------------------------------------------------


def test_a_plain_listener_is_called_before_the_writer_goes_on(tmp_path: Path) -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        events: list[Event] = []

        def hear(event: Event) -> None:
            assert asyncio.get_running_loop() is loop
            events.append(event)

        async with AsyncDynafile(tmp_path / "db") as db:
            await db.add_stream_listener(hear)
            await db.put_item(item=item(1))
            assert events == [("PUT", item(1), None)]
            await asyncio.gather(*(db.put_item(item=item(2, v=v)) for v in range(100)))
            versions = [event.old["v"] for event in events[2:] if event.old]
            assert versions == [event.new["v"] for event in events[1:-1] if event.new]
            await db.remove_stream_listener(hear)
            assert not db._listeners
            await db.delete_item(key=item(1))
            assert len(events) == 101
            with pytest.raises(errors.InvalidArgument, match="is not a listener"):
                await db.remove_stream_listener(hear)
            with pytest.raises(errors.InvalidArgument, match="callable"):
                await db.add_stream_listener(7)  # type: ignore[arg-type]

    run(main())


def test_a_coroutine_listener_hears_one_after_the_other(tmp_path: Path) -> None:
    async def main() -> None:
        heard: list[int] = []
        at_once = 0

        async with AsyncDynafile(tmp_path / "db") as db:

            async def hear(event: Event) -> None:
                nonlocal at_once
                at_once += 1
                assert at_once == 1
                await asyncio.sleep(0.001)
                assert event.new is not None
                heard.append(event.new["n"])
                if event.new["n"] == 3:
                    await db.put_item(item=item(100))  # it may write, and hears of that later
                at_once -= 1

            await db.add_stream_listener(hear)
            for number in range(20):
                await db.put_item(item=item(number))
            while 100 not in heard:
                await asyncio.sleep(0.001)
            await db.put_item(item=item(200))
            await db.remove_stream_listener(hear)
            await db.put_item(item=item(300))
        assert heard[-1] == 200, "closing waits for it"
        assert sorted(heard) == [*range(20), 100, 200]

    run(main())


def test_a_listener_that_closes(tmp_path: Path) -> None:
    """Closing waits for listeners, and a listener that closes does not wait for itself."""

    async def main() -> None:
        for at_once in (False, True):
            heard = asyncio.Event()
            db = await AsyncDynafile.open(tmp_path / "db")

            async def hear(
                event: Event, db: AsyncDynafile = db, heard: asyncio.Event = heard
            ) -> None:
                heard.set()
                await asyncio.sleep(0.01)
                await db.close()

            await db.add_stream_listener(hear)
            async with asyncio.timeout(10):
                await db.put_item(item=item(1))
                if at_once:
                    await db.close()
                await heard.wait()
                await db.close()
            assert db.closed
            assert db._opened().closed

    run(main())


def test_a_listener_that_raises_is_logged(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        def plain(event: Event) -> None:
            raise KeyError("plain")

        async def coroutine(event: Event) -> None:
            raise KeyError("coroutine")

        async with AsyncDynafile(tmp_path / "db") as db:
            await db.add_stream_listener(plain)
            await db.add_stream_listener(coroutine)
            await db.put_item(item=item(1))
            await db.put_item(item=item(2))
            assert await db.count() == 2

    run(main())
    assert sum("the write stands" in record.message for record in caplog.records) == 4


# -- threads and syncs ----------------------------------------------------------------------------


def test_concurrent_puts_share_syncs(tmp_path: Path) -> None:
    async def main() -> None:
        async with AsyncDynafile(tmp_path / "db") as db:
            await db.put_item(item=item(0))
            volume = db._opened()._store.volume
            syncs, real = [], volume.sync
            volume.sync = lambda name: (syncs.append(name), real(name))[1]  # type: ignore[method-assign,func-returns-value]
            await asyncio.gather(*(db.put_item(item=item(number)) for number in range(1000)))
            assert len(syncs) < 100
            assert await db.count() == 1000

    run(main())


def test_what_is_in_memory_is_answered_in_the_loop(tmp_path: Path) -> None:
    """Without a thread and without a lock; what may have to wait is not."""

    async def main() -> None:
        async with AsyncDynafile(tmp_path / "db", ttl_attribute="ttl") as db:
            await db.put_item(item=item(1))
            await db.put_item(item=item(2, ttl=1))
            assert await db.get_item(key=item(1)) == item(1)
            store = db._opened()._store
            jobs: list[Any] = []
            assert db._crew is not None
            for lane in (db._crew.reads, db._crew.writes, db._crew.puts):
                submit = lane.submit
                lane.submit = lambda job, submit=submit: (jobs.append(job), submit(job))[1]  # type: ignore[method-assign,misc]
            others = 0

            async def other() -> None:
                nonlocal others
                while True:
                    others += 1
                    await asyncio.sleep(0)

            going = asyncio.create_task(other())
            async with db.batch_writer(flush_items=1000) as batch:
                del jobs[:]
                with Held(store.replica.mutex), Held(store._writer.mutex):
                    for _ in range(200):
                        assert await db.get_item(key=item(1)) == item(1)
                        assert await db.get_item(key=item(2)) is None
                        assert await db.get_item(key=item(3)) is None
                    for number in range(10, 210):
                        await batch.put_item(item=item(number))
                assert not jobs
            assert others > 20, "other tasks went on meanwhile"
            going.cancel()
            assert await db.count() == 201

            writer = Worker().open(tmp_path / "db")
            writer.call("put_item", item=item(1, by="another process"))
            del jobs[:]
            assert await db.get_item(key=item(1)) == item(1, by="another process")
            assert len(jobs) == 1
            writer.stop()
        async with AsyncDynafile(tmp_path / "db") as db:
            assert await db.get_item(key=item(3)) is None  # a cold partition

    run(main())


class Held:
    """A lock that another thread holds."""

    def __init__(self, lock: Any) -> None:
        self._lock = lock
        self._held, self._enough = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._hold)

    def _hold(self) -> None:
        with self._lock:
            self._held.set()
            self._enough.wait(20)

    def __enter__(self) -> None:
        self._thread.start()
        assert self._held.wait(20)

    def __exit__(self, *_: object) -> None:
        self._enough.set()
        self._thread.join()


async def outcome(call: Any, **named: Any) -> Any:
    """What a method gives or raises, of whichever kind of handle."""
    try:
        answer = call(**named)
        return await answer if inspect.isawaitable(answer) else answer
    except Exception as error:
        return type(error), str(error), getattr(error, "__notes__", None)


WRONG: list[Any] = [{}, {"PK": "a"}, {"PK": 1, "SK": "b"}, {"PK": "a", "SK": ""}, 7, None]


@pytest.mark.parametrize("wrong", [*WRONG, item(2, n="text"), item(2, n=[]), item(2, bad=object())])
def test_errors_are_those_of_a_table(tmp_path: Path, wrong: Any) -> None:
    """Whichever way a call takes: in the loop, in a thread, or together with others."""

    async def main() -> None:
        for number, indexes in enumerate(({}, {"by-n": GlobalIndex(pk="n")})):
            path = tmp_path / f"db{number}"
            with Dynafile(path, indexes=indexes) as plain:
                plain.put_item(item=item(1))
            async with AsyncDynafile(path) as db, db.batch_writer() as batch:
                with Dynafile(path) as plain, plain.batch_writer() as writer:
                    got = await outcome(db.get_item, key=wrong)
                    assert got == await outcome(plain.get_item, key=wrong)
                    expected = await outcome(plain.put_item, item=wrong)
                    puts = [outcome(db.put_item, item=given) for given in (wrong, item(5), wrong)]
                    assert await asyncio.gather(*puts) == [expected, None, expected]
                    refused = await outcome(batch.put_item, item=wrong)
                    assert refused == await outcome(writer.put_item, item=wrong)

    run(main())


def test_the_loop_goes_on_while_a_sync_and_a_load_take_long(tmp_path: Path) -> None:
    async def main() -> None:
        async with AsyncDynafile(tmp_path / "db") as db:
            await db.put_item(item=item(0))
        async with AsyncDynafile(tmp_path / "db") as db:
            volume = db._opened()._store.volume
            reads, syncs = volume.read, volume.sync

            def slow(real: Any) -> Any:
                def call(*args: Any) -> Any:
                    time.sleep(0.3)
                    return real(*args)

                return call

            for name, real in (("read", reads), ("sync", syncs)):
                setattr(volume, name, slow(real))
            longest = 0.0

            async def tick() -> None:
                nonlocal longest
                while True:
                    start = time.perf_counter()
                    await asyncio.sleep(0.001)
                    longest = max(longest, time.perf_counter() - start)

            ticking = asyncio.create_task(tick())
            assert await db.get_item(key=item(0)) == item(0)
            await db.put_item(item=item(1))
            assert [i["n"] async for i in db.query("a")] == [0, 1]
            async with db.transaction() as tx:
                await tx.put_item(item=item(2))
            async with db.batch_writer() as batch:
                await batch.put_item(item=item(3))
            await db.close()
            ticking.cancel()
            assert longest < 0.25

    run(main())


def test_reads_go_on_while_writes_wait_for_another_process(tmp_path: Path) -> None:
    async def main() -> None:
        async with AsyncDynafile(tmp_path / "db") as db:
            await db.put_item(item=item(0))
            writer = db._opened()._store._writer
            with writer.mutex:
                puts = [asyncio.create_task(db.put_item(item=item(n))) for n in range(200)]
                await asyncio.sleep(0.01)
                async with asyncio.timeout(5):
                    assert await db.get_item(key=item(0)) == item(0)
                assert not any(put.done() for put in puts)
            await asyncio.gather(*puts)
            assert await db.count() == 200

    run(main())


def test_a_program_that_does_not_close_ends(tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text(
        "import asyncio\n"
        "from dynafile import AsyncDynafile\n"
        "async def main():\n"
        "    global db, tasks\n"
        "    db = await AsyncDynafile.open('db')\n"
        "    await db.put_item(item={'PK': 'a', 'SK': 'b'})\n"
        "    tasks = [asyncio.create_task(db.put_item(item={'PK': 'a', 'SK': str(n)}))\n"
        "             for n in range(500)]\n"
        "    await asyncio.sleep(0.01)\n"
        "asyncio.run(main())\n"
        "print('done')\n"
    )
    done = subprocess.run(
        [sys.executable, "-W", "error", str(program)],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "done\n", "")
    with Dynafile(tmp_path / "db") as db:
        db.check()
        assert len(db) >= 1


def test_classes_that_a_twin_stands_for() -> None:
    assert AsyncBatchWriter._twin_of is BatchWriter  # type: ignore[attr-defined]
    assert AsyncTransaction._twin_of is Transaction  # type: ignore[attr-defined]
    assert AsyncDatabase._twin_of is Database  # type: ignore[attr-defined]
