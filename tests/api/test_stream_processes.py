"""Streams among processes: who follows sees what others write, and consumers may be killed."""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from store.stores import together

from dynafile import Database, Dynafile
from dynafile.errors import HandleClosed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from api.conftest import OpenTables, StartWorker
    from conftest import OpenDatabase

    from dynafile import Stream

LONG = 30
"""Seconds after which a test has hung."""


# -- following --------------------------------------------------------------------------------------


def test_what_other_processes_write_arrives(database: OpenDatabase, worker: StartWorker) -> None:
    """In the order of the commits, each once; one that reads only sees the same."""
    db = database(stream=True)
    writers = [worker(db.path) for _ in range(2)]
    with Dynafile(db.path, read_only=True) as reader:
        streams = [db.stream(timeout=LONG), reader.stream(timeout=LONG)]
        for number, process in enumerate(writers):
            process.send("puts", f"p{number}", "name", 200)
        found = [[next(stream) for _ in range(400)] for stream in streams]
        for process in writers:
            process.receive()
        numbers = [each.sequence_number for each in found[0]]
        assert numbers == sorted(set(numbers))
        assert numbers == [each.sequence_number for each in found[1]]
        for pk in ("p0", "p1"):
            mine = [each for each in found[0] if each.keys["PK"] == pk]
            assert [(each.new_image or {})["number"] for each in mine] == list(range(200))


def test_soon(database: OpenDatabase, worker: StartWorker) -> None:
    """A record arrives within milliseconds; the bound is for machines that do other things."""
    db = database(stream=True)
    other = worker(db.path)
    delays = []
    with db.stream(timeout=LONG) as stream:
        for number in range(20):
            time.sleep(0.02)  # so that it waits as long as it ever does between two looks
            other.call("put_item", item={"PK": "p", "SK": number})
            begin = time.monotonic()
            next(stream)
            delays.append(time.monotonic() - begin)
    assert sorted(delays)[len(delays) // 2] < 0.02, delays


@pytest.mark.skipif(sys.platform == "win32", reason="there is no getrusage")
def test_who_waits_costs_little(database: OpenDatabase) -> None:
    """About one comparison in five milliseconds; a named one looks for the others now and then."""
    db = database(stream=True)
    db.put_item(item={"PK": "p", "SK": 1})
    for name in (None, "mailer"):
        with db.stream(name=name, timeout=1) as stream:
            next(stream)
            begin = time.process_time()
            assert list(stream) == []
            assert time.process_time() - begin < 0.3


def test_async_for(database: OpenDatabase, worker: StartWorker) -> None:
    """The loop goes on meanwhile; several read beside each other; what was cancelled goes on."""
    db = database(stream=True)
    other = worker(db.path)
    ticks = 0

    async def tick() -> None:
        nonlocal ticks
        while True:
            ticks += 1
            await asyncio.sleep(0.01)

    async def read(stream: Stream) -> list[int]:
        async with stream:
            found = []
            async for record in stream:
                found.append(int(record.keys["SK"].rpartition("#")[2]))
                if len(found) == 100:
                    break
        assert stream.closed
        return found

    async def main() -> None:
        ticking = asyncio.create_task(tick())
        readers = [asyncio.create_task(read(db.stream(timeout=LONG))) for _ in range(3)]
        named = asyncio.create_task(read(db.stream(name="mailer", timeout=LONG)))
        await asyncio.sleep(0.1)
        before = ticks
        other.send("puts", "p", "name", 100)
        for found in await asyncio.gather(*readers, named):
            assert found == list(range(100))
        other.receive()
        assert ticks > before
        async for record in db.stream(follow=False):
            assert record.keys["PK"] == "p"
        assert [record async for record in db.stream(start="LATEST", timeout=0.05)] == []
        ticking.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await ticking

    asyncio.run(main())


def test_a_cancelled_coroutine_loses_and_repeats_nothing(database: OpenDatabase) -> None:
    """It left a thread that took records beside the next one, and both took the same."""
    db = database(stream=True)

    async def main() -> None:
        stream = db.stream()
        found: list[int] = []
        writer = asyncio.create_task(asyncio.to_thread(write))
        while len(found) < 300:
            with contextlib.suppress(asyncio.TimeoutError):
                found.append((await asyncio.wait_for(anext(stream), 0.0005)).keys["SK"])
        await writer
        assert found == list(range(300))

    def write() -> None:
        for number in range(300):
            db.put_item(item={"PK": "p", "SK": number})

    asyncio.run(main())


@pytest.mark.parametrize("name", [None, "mailer"])
@pytest.mark.parametrize("what", ["stream", "handle"])
def test_closed_by_another_thread(what: str, name: str | None, database: OpenDatabase) -> None:
    """Who waits is told so at once."""
    db = database(stream=True)
    for _ in range(5):
        handle = Dynafile(db.path)
        stream = handle.stream(name=name)
        waiting = threading.Event()

        def wait(stream: Stream = stream, waiting: threading.Event = waiting) -> None:
            waiting.set()
            with pytest.raises(HandleClosed):
                next(stream)

        def close(
            stream: Stream = stream, handle: Dynafile = handle, waiting: threading.Event = waiting
        ) -> None:
            assert waiting.wait(LONG)
            time.sleep(random.random() / 100)
            (stream if what == "stream" else handle).close()

        together(wait, close)
        handle.close()
    if name is not None:
        assert db.stream_consumers()[name].members == 0


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
def test_interrupted_while_it_waits(database: OpenDatabase) -> None:
    db = database(stream=True)
    with db.stream(name="mailer") as stream:
        timer = threading.Timer(0.3, lambda: os.kill(os.getpid(), signal.SIGINT))
        timer.start()
        with pytest.raises(KeyboardInterrupt):
            next(stream)
        timer.join()
        db.put_item(item={"PK": "p", "SK": 1})
        assert next(stream).keys["SK"] == 1


# -- consumers --------------------------------------------------------------------------------------

CONSUMER = """
import os, sys
from dynafile import Database

def consume(path, way):
    with Database(path) as db:
        jobs, done = db.table("jobs"), db.table("done")
        for record in jobs.stream(name=way):
            key = {"PK": way, "SK": record.new_image["n"]}
            if way == "exactly":
                with db.transaction() as tx:
                    table = tx.table("done")
                    before = table.get_item(key=key)
                    table.put_item(item={**key, "times": before["times"] + 1 if before else 1,
                                         "pid": os.getpid()})
                    record.ack(transaction=tx)
            else:
                done.update_item(
                    key=key, update_expression="ADD times :one SET pid = :pid",
                    expression_attribute_values={":one": 1, ":pid": os.getpid()},
                )
                record.ack()

for line in sys.stdin:
    child = os.fork()
    if child == 0:
        try:
            consume(sys.argv[1], sys.argv[2])
        finally:
            os._exit(1)
    print(child, flush=True)
    print(os.waitpid(child, 0)[1], flush=True)
"""


class Consumers:
    """A process that makes consumers, one after the other. Forked: to start each would take long."""

    def __init__(self, path: str, way: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", CONSUMER, path, way],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._in, self._out = self._process.stdin, self._process.stdout

    def start(self) -> int:
        self._in.write("\n")
        self._in.flush()
        return int(self._out.readline())

    def kill(self, pid: int) -> None:
        os.kill(pid, signal.SIGKILL)
        assert int(self._out.readline()) == signal.SIGKILL, "it ended by itself"

    def stop(self) -> None:
        self._in.close()
        self._out.close()
        self._process.wait(LONG)


@pytest.fixture
def consumers() -> Iterator[Callable[[str, str], Consumers]]:
    started: list[Consumers] = []

    def start(path: str, way: str) -> Consumers:
        started.append(Consumers(path, way))
        return started[-1]

    yield start
    for each in started:
        each.stop()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")
@pytest.mark.parametrize(("way", "width"), [("least", 1), ("exactly", 1), ("exactly", 2)])
def test_killed_a_hundred_times(
    way: str, width: int, tables: OpenTables, consumers: Callable[[str, str], Consumers]
) -> None:
    """Each record is processed at least once; with the acknowledgement in the transaction, once."""
    rng = random.Random(width)
    db = tables()
    jobs, done = db.create_table(name="jobs", stream=True), db.create_table(name="done")
    checkpointer = db._store._checkpointer
    assert checkpointer is not None
    checkpointer.checkpoint_bytes, checkpointer.partition_bytes = 50_000, 5_000
    made = 0

    def produce(count: int) -> None:
        nonlocal made
        with jobs.batch_writer() as writer:
            for _ in range(count):
                writer.put_item(item={"PK": f"{made % 5}", "SK": "job", "n": made})
                made += 1

    makers = [consumers(db.path, way) for _ in range(width)]
    produce(50)
    # How long one takes to open and to be through with something: a busy machine takes longer.
    begun = time.monotonic()
    first = makers[0].start()
    while not len(done):
        time.sleep(0.005)
        assert time.monotonic() < begun + LONG
    longest = min(max(0.06, 1.5 * (time.monotonic() - begun)), 0.25)
    makers[0].kill(first)
    for _ in range(100 // width):
        running = [maker.start() for maker in makers]
        produce(rng.randrange(8))
        time.sleep(rng.random() * longest)
        for maker, pid in zip(makers, running, strict=True):
            maker.kill(pid)
    last = [maker.start() for maker in makers]
    deadline = time.monotonic() + LONG
    while len(done) < made or db.table("jobs").stream_consumers()[way].unacknowledged:
        time.sleep(0.02)
        assert time.monotonic() < deadline, db.table("jobs").stream_consumers()
    for maker, pid in zip(makers, last, strict=True):
        maker.kill(pid)
    results = list(done.query(way))
    assert [each["SK"] for each in results] == list(range(made))
    times = {each["times"] for each in results}
    assert times == {1} if way == "exactly" else min(times) == 1
    assert len({each["pid"] for each in results}) > 5  # they did die in the middle of it
    # Also the files of those that died before they were members.
    with jobs.stream(name=way, follow=False) as stream:
        assert list(stream) == []
        produce(1)
        assert len(list(stream)) == 1
        assert jobs.stream_consumers()[way].members == 1
    left = [each.name for each in Path(db.path).iterdir() if each.name.startswith("claim-")]
    assert left == []
    db.check()


def test_processes_share_the_records(tables: OpenTables, worker: StartWorker) -> None:
    """Both get some, each record is one's, and the records of an item come in their order."""
    db = tables()
    jobs = db.create_table(name="jobs", stream=True)
    done = db.create_table(name="done")
    done.close()
    others = [worker(db.path, many=True) for _ in range(2)]
    count = 300
    for number, other in enumerate(others):
        other.take("jobs")
        other.send("consume", "jobs", "done", "mailer", f"worker{number}")
    deadline = time.monotonic() + LONG
    while (told := jobs.stream_consumers().get("mailer")) is None or told.members < 2:
        time.sleep(0.01)
        assert time.monotonic() < deadline
    for n in range(count):
        jobs.put_item(item={"PK": f"{n % 7}", "SK": "job", "n": n})
    shares = [other.receive() for other in others]
    assert sum(shares) == count
    assert min(shares) > count // 20, shares
    with db.table("done") as table:
        results = list(table.scan())
    assert len(results) == count
    for item in range(7):
        at = sorted(
            (each["at"], each["n"]) for each in results if each["n"] % 7 == item
        )  # fmt: skip
        assert [n for _, n in at] == list(range(item, count, 7))


def test_many_tables_are_followed_at_once(tables: OpenTables, worker: StartWorker) -> None:
    db = tables()
    names = [f"table{number}" for number in range(4)]
    for name in names:
        db.create_table(name=name, stream=True).close()
    other = worker(db.path, many=True)
    streams: dict[str, Any] = {}
    handles: list[Any] = [db.table(name) for name in names]
    for name, handle in zip(names, handles, strict=True):
        streams[name] = handle.stream(timeout=LONG)
        other.take(name)
    for number in range(20):
        for name in names:
            other.on(name, "put_item", item={"PK": name, "SK": number})
    for name in names:
        found = [next(streams[name]).keys for _ in range(20)]
        assert found == [{"PK": name, "SK": number} for number in range(20)]
    other.call("delete_table", "table0")
    with Database(db.path) as again:
        assert "table0" not in again
    assert list(streams["table0"]) == []
