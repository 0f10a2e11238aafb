"""What is done in a process of its own; figures are printed as JSON."""

from __future__ import annotations

import argparse
import json
import os
import random
import sys
import threading
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

from data import Item, key_of, new_versions, order, shuffled_orders
from memory import peak_bytes

from dynafile import Dynafile

CACHE_BYTES = 64 << 20
FLUSH_ITEMS = 10_000
PAUSE_SECONDS = 0.0005
PUTS_A_SECOND = 2_000


def build(folder: Path, count: int, per_collection: int) -> dict[str, float]:
    """Put so many orders into a new table, and close it."""
    started = time.perf_counter()
    with Dynafile(folder, durability="relaxed") as db:
        with db.batch_writer(flush_items=FLUSH_ITEMS) as writer:
            for item in _shown(shuffled_orders(count, per_collection), count):
                writer.put_item(item=item)
        _show(f"{count:,} items written, closing")
        written = time.perf_counter()
    closed = time.perf_counter()
    _show(f"{count:,} items in {closed - started:.0f} s\n")
    return {"seconds": closed - started, "closing": closed - written}


def _shown(items: Iterable[Item], count: int) -> Iterator[Item]:
    for index, item in enumerate(items):
        if index % 20_000 == 0:
            _show(f"{index / count:.0%} of {count:,} items")
        yield item


def _show(text: str) -> None:
    if sys.stderr.isatty():
        print(f"\r  {text:<40}", end="", file=sys.stderr, flush=True)


def open_and_get(folder: Path, count: int, per_collection: int) -> dict[str, float]:
    """Open the table, get one item, and close it."""
    pk, sk = key_of(*divmod(random.randrange(count), per_collection))
    started = time.perf_counter()
    db = Dynafile(folder)
    item = db.get_item(key={"PK": pk, "SK": sk})
    opened = time.perf_counter()
    assert item is not None
    assert item["SK"] == sk
    _leave_or_close(db, {"seconds": opened - started})
    return {"seconds": opened - started, "closing": time.perf_counter() - opened}


def put(folder: Path, count: int, per_collection: int, puts: int) -> dict[str, float]:
    """Put new versions of orders at random."""
    rng = random.Random(2)
    db = Dynafile(folder, durability="relaxed")
    for _ in range(puts):
        db.put_item(item=order(*divmod(rng.randrange(count), per_collection), rng))
    _leave_or_close(db, {})
    return {}


def wait(folder: Path, count: int) -> dict[str, float]:
    """Put new versions of orders, one each half millisecond, until stdin ends: the longest put."""
    ended = threading.Event()

    def follow() -> None:
        sys.stdin.read()
        ended.set()

    threading.Thread(target=follow, daemon=True).start()
    longest, puts = 0.0, 0
    with Dynafile(folder, durability="relaxed", wait=False) as db:
        print("ready", flush=True)
        for item in new_versions(count):
            if ended.wait(PAUSE_SECONDS):
                break
            started = time.perf_counter()
            db.put_item(item=item)
            longest = max(longest, time.perf_counter() - started)
            puts += 1
    return {"longest": longest, "puts": puts}


def stamp(folder: Path, count: int) -> dict[str, list[float]]:
    """Put durably at a steady rate; return when each put had returned, on the system's clock."""
    done: list[float] = []
    with Dynafile(folder) as db:
        begun = time.monotonic()
        for number in range(count):
            time.sleep(max(0.0, begun + number / PUTS_A_SECOND - time.monotonic()))
            key = {"PK": f"order#{number % 50}", "SK": f"{number:09d}"}
            db.put_item(item={**key, "at": time.time_ns()})  # or nothing would change
            done.append(time.monotonic())
    return {"done": done}


def memory(folder: Path, count: int, per_collection: int, gets: int) -> dict[str, float]:
    """Get items at random with a small cache; the peak of memory, and how long a get takes."""
    before = peak_bytes()
    db = Dynafile(folder, cache_size=CACHE_BYTES)
    rng = random.Random(1)
    started = time.perf_counter()
    for _ in range(gets):
        pk, sk = key_of(*divmod(rng.randrange(count), per_collection))
        assert db.get_item(key={"PK": pk, "SK": sk}) is not None
    seconds = (time.perf_counter() - started) / gets
    peak = peak_bytes()
    db.close()
    return {"peak": peak, "before": before, "seconds": seconds}


def _leave_or_close(db: Dynafile, figures: dict[str, float]) -> None:
    """Close the table; with ``--leave`` print the figures and end as a kill would."""
    if "--leave" in sys.argv:
        print(json.dumps(figures), flush=True)
        os._exit(0)
    db.close()


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("job", choices=("build", "put", "open", "memory", "wait", "stamp"))
    parser.add_argument("folder", type=Path)
    parser.add_argument("items", type=int)
    parser.add_argument("per_collection", type=int)
    parser.add_argument("--count", type=int, default=0, help="puts or gets")
    parser.add_argument("--leave", action="store_true", help="do not close the table")
    given = parser.parse_args()
    table = (given.folder, given.items, given.per_collection)
    if given.job == "build":
        figures = build(*table)
    elif given.job == "put":
        figures = put(*table, given.count)
    elif given.job == "open":
        figures = open_and_get(*table)
    elif given.job == "wait":
        figures = wait(given.folder, given.items)
    elif given.job == "stamp":
        json.dump(stamp(given.folder, given.items), sys.stdout)
        return
    else:
        figures = memory(*table, given.count)
    json.dump(figures, sys.stdout)


if __name__ == "__main__":
    main()
