"""Readers and writers in several processes on one table, with everything under way that there is.

``run`` starts processes that put, count, grow and shrink the table, add and drop an index, follow
the stream, read, and are killed; and one that watches. Each holds what it sees against what the
others have said in shared memory: an acknowledgement is written there after the call has returned,
and what was synced before it is published. Whatever is wrong ends up in the error that ``run``
raises.

    python tests/crash/processes.py [seconds [seed]]
"""

from __future__ import annotations

import contextlib
import json
import multiprocessing
import os
import random
import sys
import tempfile
import time
import traceback
from typing import TYPE_CHECKING, Any, Final

from dynafile import Action, Attr, Dynafile, GlobalIndex, StreamOptions
from dynafile.errors import ConditionalCheckFailed, TrimmedDataAccess

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from multiprocessing.process import BaseProcess

WRITERS: Final = 4
READERS: Final = 2
INCREMENTS: Final = 5000
"""What each writer adds to the counter in a run of minutes."""
FAIR_SECONDS: Final = 0.1
"""No writer is to wait for longer."""
END_SECONDS: Final = 120
"""How long after its time a process may take to come to an end, before it counts as a deadlock."""

ACKNOWLEDGED, SYNCED, STOP, AT_WORK = 0, WRITERS, 2 * WRITERS, 2 * WRITERS + 1
WORDS: Final = AT_WORK + 1
"""Shared words: the numbers of each writer's last acknowledged put, and of its last synced one;
whether all are to stop; and how often the process that is to be killed has written."""

Shared = Any
Figures = dict[str, Any]


@contextlib.contextmanager
def opened(path: str, **options: Any) -> Iterator[Dynafile]:
    """Open the table, with partitions and checkpoints so small that they come all the time."""
    with Dynafile(path, **options) as db:
        checkpointer = db._store._checkpointer
        if checkpointer is not None:
            checkpointer.partition_bytes, checkpointer.checkpoint_bytes = 16_000, 250_000
        yield db


# -- writers --------------------------------------------------------------------------------------


def write(path: str, shared: Shared, number: int, seed: int, least: int) -> Figures:
    """Put the next number, add to the counter, change a collection of its own; in turns."""
    rng = random.Random(seed)
    waits: list[float] = []
    increments = puts = in_time = 0
    with opened(path) as db:
        sync = SyncWatch(db)
        mine: dict[int, Any] = {}
        while not shared[STOP] or increments < least:
            started = time.perf_counter()
            puts += 1
            sync.then = lambda puts=puts: shared.__setitem__(SYNCED + number, puts)
            db.put_item(item={"PK": f"latest{number}", "SK": 0, "n": puts, "G": "latest"})
            shared[ACKNOWLEDGED + number] = puts
            sync.then = None
            if not shared[STOP]:
                waits.append(time.perf_counter() - started)
                in_time = puts
            increments += increment(db)
            change(db, rng, number, mine)
            if puts % 20 == 0:
                found = {item["SK"]: item["v"] for item in db.query(f"own{number}")}
                assert found == mine, f"writer {number} finds another collection than it left"
        found = {item["SK"]: item["v"] for item in db.query(f"own{number}")}
        assert found == mine, f"writer {number} finds another collection than it left"
    return {
        "puts": puts,
        "in_time": [in_time],
        "increments": increments,
        "waits": waits,
        "longest_sync": sync.longest,
    }


class SyncWatch:
    """Watches a handle's syncs of the journal: how long they take, and that they come first."""

    def __init__(self, db: Dynafile) -> None:
        self.longest = 0.0
        self.then: Callable[[], None] | None = None
        journal = db._store._journal
        assert journal is not None
        self._real = journal.sync
        journal.sync = self._sync  # type: ignore[method-assign]

    def _sync(self, end: int) -> None:
        started = time.perf_counter()
        self._real(end)
        self.longest = max(self.longest, time.perf_counter() - started)
        if self.then is not None:
            self.then()


def increment(db: Dynafile) -> int:
    """Add 1 to the counter by a conditional write; return 1."""
    key = {"PK": "counter", "SK": 0}
    while True:
        found = db.get_item(key=key)
        assert found is not None
        n = found["n"]
        with contextlib.suppress(ConditionalCheckFailed):
            db.put_item(item={**key, "n": n + 1}, condition_expression=Attr("n").eq(n))
            return 1


def change(db: Dynafile, rng: random.Random, number: int, mine: dict[int, Any]) -> None:
    """Let a collection grow and shrink: its partitions split, and merge again."""
    if len(mine) > 600:
        gone = [sk for sk in mine if sk % 8]
        db.execute_batch(Action("DELETE", {"PK": f"own{number}", "SK": sk}) for sk in gone)
        for sk in gone:
            del mine[sk]
        return
    new = {rng.randrange(10_000): rng.randbytes(rng.randrange(400)) for _ in range(4)}
    db.execute_batch(
        Action("PUT", {"PK": f"own{number}", "SK": sk, "v": v, "G": f"g{sk % 5}"})
        for sk, v in new.items()
    )
    mine.update(new)


# -- those who watch ------------------------------------------------------------------------------


def read(path: str, shared: Shared, number: int, seed: int, least: int) -> Figures:
    """Read by every way; nothing is older than what was acknowledged, or newer than what is safe."""
    rng = random.Random(seed)
    reads = 0
    pairs: dict[int, int] = {}
    with opened(path, read_only=bool(number % 2)) as db:
        while not shared[STOP]:
            writer = rng.randrange(WRITERS)
            before = shared[ACKNOWLEDGED + writer]
            n = latest(db, rng, writer)
            after = shared[SYNCED + writer]
            assert n >= before, f"a stale read: {n}, when {before} was acknowledged"
            assert n <= after, f"a read of {n}, when {after} was synced: a crash could undo it"
            assert n >= pairs.get(writer, 0), "a read went back"
            pairs[writer] = n
            reads += 1
            if reads % 10 == 0:
                keys = [item["SK"] for item in db.query(f"own{writer}")]
                assert keys == sorted(set(keys)), "a range read is out of order, or has one twice"
    return {"reads": reads}


def latest(db: Dynafile, rng: random.Random, writer: int) -> int:
    key = {"PK": f"latest{writer}", "SK": 0}
    way = rng.randrange(3)
    if way == 0:
        found = db.get_item(key=key)
    elif way == 1:
        found = next(iter(db.query(key["PK"])), None)
    else:
        found = next((item for item in db.scan() if item["PK"] == key["PK"]), None)
    return int(found["n"]) if found else 0


def follow(path: str, shared: Shared, number: int, seed: int, least: int) -> Figures:
    """Follow the stream: each writer's puts come in their order, none twice and none missing."""
    seen: dict[str, int] = {}
    records = trimmed = 0
    with opened(path) as db:
        while not shared[STOP]:
            try:
                for record in db.stream("LATEST" if trimmed else None, timeout=0.5):
                    records += 1
                    new = record.new_image
                    if new is not None and (
                        new["PK"].startswith("latest") or new["PK"] == "counter"
                    ):
                        last = seen.get(new["PK"])
                        assert last is None or new["n"] == last + 1, f"{new} after {last}"
                        seen[new["PK"]] = new["n"]
                    if shared[STOP]:
                        break
                seen.clear()
            except TrimmedDataAccess:
                trimmed += 1  # too slow for the little that is kept here
                seen.clear()
    return {"records": records, "trimmed": trimmed}


def alter(path: str, shared: Shared, number: int, seed: int, least: int) -> Figures:
    """Add an index, hold it against the items, drop it; again and again."""
    rounds = 0
    with opened(path) as db:
        while not shared[STOP]:
            db.add_index("by-group", GlobalIndex("G", "SK"))
            before = [shared[ACKNOWLEDGED + writer] for writer in range(WRITERS)]
            found = {item["PK"]: item["n"] for item in db.query("latest", index="by-group")}
            for writer, n in enumerate(before):
                assert found.get(f"latest{writer}", 0) >= n, "the index has a stale entry"
            db.drop_index("by-group")
            rounds += 1
            time.sleep(0.05)
    return {"indexes": rounds}


def perish(path: str, shared: Shared, number: int, seed: int, least: int) -> Figures:
    """Put, until somebody kills this process, at whatever it is then."""
    rng = random.Random(seed)
    with opened(path) as db:
        while not shared[STOP]:
            items = [{"PK": "victim", "SK": rng.randrange(500), "v": "v" * 200} for _ in range(9)]
            db.execute_batch(Action("PUT", item) for item in items)
            shared[AT_WORK] += 1
    return {}


def kill(path: str, shared: Shared, number: int, seed: int, least: int) -> Figures:
    """Kill writers at random moments; the lock of each is free at once."""
    rng = random.Random(seed)
    context = multiprocessing.get_context("spawn")
    killed, waits = 0, []
    with opened(path) as db:
        while not shared[STOP]:
            victim = context.Process(target=perish, args=(path, shared, 0, rng.random(), 0))
            begun = shared[AT_WORK]
            victim.start()
            while shared[AT_WORK] == begun and victim.is_alive():
                time.sleep(0.01)
            time.sleep(rng.uniform(0.0, 0.3))
            victim.kill()
            started = time.perf_counter()
            db.put_item(item={"PK": "killer", "SK": killed})
            waits.append(time.perf_counter() - started)
            victim.join()
            killed += 1
    return {"killed": killed, "waits_after_kill": waits}


# -- the run --------------------------------------------------------------------------------------


def _enter(
    work: Callable[..., Figures],
    path: str,
    shared: Shared,
    place: tuple[int, int, int],
    begin: Any,
    answers: Any,
) -> None:
    """What each process begins with: do the work, and send what came of it."""
    number, seed, least = place
    try:
        begin.wait(END_SECONDS)
        answers.put((work.__name__, number, work(path, shared, number, seed, least), None))
    except BaseException:
        shared[STOP] = 1
        answers.put((work.__name__, number, {}, traceback.format_exc()))


def run(seconds: float, seed: int, path: str | None = None) -> Figures:
    """Run all for so many seconds; return figures, or raise AssertionError with what was wrong.

    Times in the figures are in milliseconds. ``least_share`` is how much of what the quickest writer
    did the slowest one did, while all of them wrote. ``over_100_ms`` are the puts that took longer than
    that, and ``over_100_ms_beside_syncs`` those that did although one takes the longest sync of the
    run away from them: a disk or a machine that stops for a moment stops all.
    """
    if path is None:
        with tempfile.TemporaryDirectory() as folder:
            return run(seconds, seed, f"{folder}/db")
    least = INCREMENTS if seconds >= 60 else 30
    options = StreamOptions(max_bytes=3_000_000 if seconds >= 60 else 400_000)
    with opened(path, stream=options) as db:
        db.put_item(item={"PK": "counter", "SK": 0, "n": 0})
    context = multiprocessing.get_context("spawn")
    shared = context.RawArray("Q", WORDS)
    answers = context.Queue()
    works = [write] * WRITERS + [read] * READERS + [follow, alter, kill]
    begin = context.Barrier(len(works) + 1)
    started: list[BaseProcess] = []
    for place, work in enumerate(works):
        where = (place % WRITERS if work is write else place, seed * 1000 + place, least)
        process = context.Process(target=_enter, args=(work, path, shared, where, begin, answers))
        process.start()
        started.append(process)
    begin.wait(END_SECONDS)
    _wait(seconds, shared)
    shared[STOP] = 1
    found = _gather(answers, len(started), END_SECONDS + seconds)
    for process in started:
        process.join(END_SECONDS)
        if process.is_alive():
            process.kill()
            raise AssertionError("a process does not end")
    return _judge(path, found)


def _wait(seconds: float, shared: Shared) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end and not shared[STOP]:
        time.sleep(0.05)


def _gather(answers: Any, count: int, seconds: float) -> list[tuple[str, int, Figures]]:
    found, wrong = [], []
    for _ in range(count):
        try:
            name, number, figures, error = answers.get(timeout=seconds)
        except Exception as late:
            raise AssertionError(f"a deadlock: {count - len(found)} processes wait") from late
        if error is not None:
            wrong.append(f"{name} {number}: {error}")
        found.append((name, number, figures))
    assert not wrong, "\n".join(wrong)
    return found


def _judge(path: str, found: list[tuple[str, int, Figures]]) -> Figures:
    total: dict[str, Any] = {}
    waits: list[float] = []
    after_kill: list[float] = []
    shares: list[int] = []
    longest_sync = 0.0
    for _, _, figures in found:
        waits += figures.pop("waits", [])
        shares += figures.pop("in_time", [])
        after_kill += figures.pop("waits_after_kill", [])
        longest_sync = max(longest_sync, figures.pop("longest_sync", 0.0))
        for name, value in figures.items():
            total[name] = total.get(name, 0) + value
    with opened(path) as db:
        db.check()
        counter = db.get_item(key={"PK": "counter", "SK": 0})
        assert counter is not None
        assert counter["n"] == total["increments"], f"{counter['n']} of {total['increments']}"
        assert len(list(db.query("killer"))) == total["killed"]
        total["segments"] = len(os.listdir(f"{path}/journal"))
        total["commits_end"] = db._store.published()
        total["partitions"] = db.describe().partition_count
    waits.sort()
    total |= {
        "least_share": round(min(shares) / max(shares), 2),
        "median_put": round(waits[len(waits) // 2] * 1000, 2),
        "longest_put": round(waits[-1] * 1000, 1),
        "longest_sync": round(longest_sync * 1000, 1),
        "longest_put_after_a_kill": round(max(after_kill, default=0.0) * 1000, 1),
        "over_100_ms": sum(wait > FAIR_SECONDS for wait in waits),
        "over_100_ms_beside_syncs": sum(wait > FAIR_SECONDS + longest_sync for wait in waits),
    }
    return total


if __name__ == "__main__":
    given = sys.argv[1:]
    figures = run(float(given[0]) if given else 10, int(given[1]) if given[1:] else 1)
    sys.stdout.write(json.dumps(figures, indent=2) + "\n")
