"""Counted work: what Dynafile asks of its volume, which is the same on every machine.

``counted.py`` compares it with what is kept in ``counted.json``, and fails where it has become
more. ``counted.py --accept`` keeps it as it is now: for a change that is worth its price.
"""

from __future__ import annotations

import argparse
import json
import random
import shutil
import sys
import tempfile
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from contenders.our_entities import OurEntities, Person
from counted_objects import count_objects
from data import Item, key_of, order, orders
from people import people

from dynafile import Dynafile
from dynafile.objects import connect
from dynafile.store.local_volume import LocalVolume

BASELINE: Final = Path(__file__).with_name("counted.json")
TOLERANCE: Final = 0.02
"""How much more, as a share, is no regression: bytes depend a little on names and numbers."""

_ITEMS: Final = 2_000
_OPERATIONS: Final = 200
_PEOPLE: Final = 2_000
_MEMBERS: Final = (10, 1_000)
_JOINING: Final = 3
_METHODS: Final = ("read", "write", "sync", "sync_beside", "replace_all", "list", "remove")

Counts = dict[str, dict[str, float]]


class Work:
    """Calls of volumes, and the bytes that went through them."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()

    def note(self, method: str, data: bytes) -> None:
        """Count a call with what it wrote or returned."""
        self.counts["calls"] += 1
        if method in ("read", "sync", "replace"):
            self.counts[f"{method}s"] += 1
        if method == "sync_beside":
            self.counts["syncs"] += 1
        if method in ("write", "replace"):
            self.counts["bytes written"] += len(data)
        if method == "read":
            self.counts["bytes read"] += len(data)

    def per(self, operations: int) -> dict[str, float]:
        """Return the counts of an operation."""
        kinds = ("calls", "reads", "syncs", "replaces", "bytes read", "bytes written")
        return {kind: round(self.counts[kind] / operations, 3) for kind in kinds}


@contextmanager
def watched() -> Iterator[Work]:
    """Count what this thread asks of volumes in the block; other threads come when they like."""
    work = Work()
    thread = threading.get_ident()
    real = {method: getattr(LocalVolume, method) for method in _METHODS}

    def counting(method: str) -> Any:
        def call(self: LocalVolume, *arguments: Any) -> Any:
            returned = real[method](self, *arguments)
            if threading.get_ident() != thread:
                return returned
            if method == "replace_all":  # which replace() calls too
                for _, data in arguments[0]:
                    work.note("replace", data)
            else:
                written = arguments[-1] if method == "write" else b""
                work.note(method, returned if method == "read" else written)
            return returned

        return call

    for method in _METHODS:
        setattr(LocalVolume, method, counting(method))
    try:
        yield work
    finally:
        for method in _METHODS:
            setattr(LocalVolume, method, real[method])


def count(folder: Path) -> Counts:
    """Do some of everything in a folder; the work of each operation."""
    items = orders(_ITEMS)
    return {
        **_loading(folder, items),
        **_reading(folder, items),
        **_writing(folder),
        **_entities(folder / "entities"),
        **_objects(folder / "objects"),
    }


def _loading(folder: Path, items: list[Item]) -> Counts:
    counts: Counts = {}
    db = Dynafile(folder)
    with watched() as work, db.batch_writer() as writer:
        for item in items:
            writer.put_item(item=item)
    counts["batch, of 2,000"] = work.per(1)
    with watched() as work:
        db.close()
    counts["close, after a batch of 2,000"] = work.per(1)
    size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    counts["disk, per item"] = {"bytes": round(size / _ITEMS, 3)}
    return counts


def _reading(folder: Path, items: list[Item]) -> Counts:
    counts: Counts = {}
    keys = [{"PK": item["PK"], "SK": item["SK"]} for item in items[:_OPERATIONS]]
    with watched() as work:
        db = Dynafile(folder)
        db.get_item(key=keys[0])
    counts["open and get one"] = work.per(1)
    for state in ("cold", "warm"):
        with watched() as work:
            list(db.scan())
        counts[f"scan, {state}"] = work.per(1)
    for state in ("warm", "nothing cached"):
        with watched() as work:
            for key in keys:
                db.get_item(key=key)
        counts[f"get, {state}"] = work.per(_OPERATIONS)
        with watched() as work:
            for key in keys:
                list(db.query(key["PK"]))
        counts[f"query, {state}"] = work.per(_OPERATIONS)
        db.close()
        db = Dynafile(folder, cache_size=1)
    db.close()
    return counts


def _writing(folder: Path) -> Counts:
    counts: Counts = {}
    rng = random.Random(5)
    with Dynafile(folder) as db:
        with watched() as work:
            for _ in range(_OPERATIONS):
                db.put_item(item=_some_order(rng))
        counts["put, durable"] = work.per(_OPERATIONS)
        with watched() as work:
            for _ in range(_OPERATIONS):
                pk, sk = key_of(*divmod(rng.randrange(_ITEMS), 10))
                db.delete_item(key={"PK": pk, "SK": sk})
        counts["delete, durable"] = work.per(_OPERATIONS)
    db = Dynafile(folder, durability="relaxed")
    with watched() as work:
        for _ in range(_OPERATIONS):
            db.put_item(item=_some_order(rng))
    counts["put, relaxed"] = work.per(_OPERATIONS)
    with watched() as work:
        for _ in range(_ITEMS):
            db.put_item(item=_some_order(rng))
        db._store.checkpoint()
    counts["put all over, with a checkpoint each 2,000"] = work.per(_ITEMS)
    db.close()
    return counts


def _entities(folder: Path) -> Counts:
    """Create and link entities: a list of 1,000 links must be as little work as one of ten."""
    counts: Counts = {}
    ours = OurEntities(folder)
    with watched() as work:
        for fields in people(1, _OPERATIONS):
            Person(**fields)
    counts["create an entity"] = work.per(_OPERATIONS)
    made = people(_OPERATIONS + 1, _PEOPLE - _OPERATIONS)
    with watched() as work:
        ours.create(made)
    counts["create 1,800 entities, in a transaction"] = work.per(1)
    # Ids of four digits, so that all are as long.
    everybody = Person.load_some(1_000, 1_001)
    for members in _MEMBERS:
        clubs = [ours.club() for _ in range(_JOINING)]
        for club in clubs:
            ours.join(club, everybody[:members])
        with watched() as work:
            for club in clubs:
                club.members.add(everybody[-1])
        counts[f"add a link, to a list of {members:,}"] = work.per(_JOINING)
        assert all(len(club.members) == members + 1 for club in clubs)
    ours.close()
    return counts


def _objects(folder: Path) -> Counts:
    """Write, read and remove objects; stores on servers count requests in their own tests."""
    with connect(f"dynafile://{folder}") as db:
        for length in (1_100_000, 100_000):  # so that the journal has room ahead of all that comes
            db[f"/room/{length}"] = random.Random(length).randbytes(length)
        return count_objects("a folder", db, watched)


def _some_order(rng: random.Random) -> Item:
    return order(*divmod(rng.randrange(_ITEMS), 10), rng)


def more(now: Counts, before: Counts) -> list[str]:
    """Return in words what has become more than the tolerance allows, or is not counted."""
    found = []
    for operation, kinds in before.items():
        for kind, was in kinds.items():
            value = now.get(operation, {}).get(kind)
            if value is None:
                found.append(f"{operation}: {kind} are not counted any more")
            elif value > was * (1 + TOLERANCE):
                found.append(f"{operation}: {value:g} {kind}, and were {was:g}")
    return found


def baseline(path: Path = BASELINE) -> Counts:
    """Return what is kept."""
    counts: Counts = json.loads(path.read_text(encoding="utf-8"))
    return counts


def main() -> int:
    """Count, and compare or accept."""
    parser = argparse.ArgumentParser(description="Compare counted work with what is kept.")
    parser.add_argument("--accept", action="store_true", help="keep what is counted now")
    parser.add_argument("--baseline", type=Path, default=BASELINE, help="where it is kept")
    given = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="dynafile-"))
    try:
        now = count(folder / "table")
    finally:
        shutil.rmtree(folder)
    if given.accept:
        given.baseline.write_text(json.dumps(now, indent=1) + "\n", encoding="utf-8")
        print(f"{given.baseline.name} written")
        return 0
    found = more(now, baseline(given.baseline))
    print("\n".join(found) or "no more work than before")
    return int(bool(found))


if __name__ == "__main__":
    sys.exit(main())
