"""The processes that are killed: a writer that prints what was acknowledged, readers of what they saw.

``python victims.py write PATH NUMBER`` does the operations from a number on, each a commit, and prints
each number when its commit has returned. ``python victims.py read PATH`` prints the highest number
that it has seen, whenever that is a new one.
"""

from __future__ import annotations

import itertools
import random
import sys
import time
from functools import partial
from typing import Any

from dynafile import Database, GlobalIndex, store_options
from dynafile.store.store import Options

SMALL = {"partition_bytes": 3000, "checkpoint_bytes": 12_000}
"""Options under which splits, checkpoints and segments come and go all the time."""
PLACES = 150
"""So many keys; a later operation takes the place of an earlier one."""
BATCH = 5
Model = dict[str, dict[tuple[str, str], dict[str, Any]]]


def say(what: object) -> None:
    """Print a line at once."""
    sys.stdout.write(f"{what}\n")
    sys.stdout.flush()


def small() -> None:
    """Open databases with small partitions from now on."""
    store_options.Options = partial(Options, **SMALL)  # type: ignore[misc, assignment]


def create(path: str) -> Database:
    """Open the database, and make what is missing in it."""
    db = Database(path)
    if "main" not in db:
        db.create_table("main", indexes={"by-g": GlobalIndex("G", "n")}, stream=True)
    if "side" not in db:
        db.create_table("side")
    return db


def items_of(number: int) -> dict[str, list[dict[str, Any]]]:
    """What an operation puts, by table; see :func:`gone_of` for what it deletes."""
    text = "x" * (number * 37 % 160)
    place = number % PLACES
    item = {
        "PK": f"p{place % 5}",
        "SK": f"{place:04}",
        "G": f"g{number % 3}",
        "n": number,
        "t": text,
    }
    if number % 3 == 0:
        return {"main": [item]}
    if number % 3 == 1:
        batch = [{"PK": "batch", "SK": f"{n}", "G": "b", "n": number} for n in range(BATCH)]
        return {"main": [*batch, item]}
    return {"main": [item], "side": [{"PK": "count", "SK": "all", "n": number}, item]}


def gone_of(number: int) -> list[tuple[str, str]]:
    """The keys that an operation deletes from the table ``side``."""
    if number % 3 != 2 or number % 4:
        return []
    place = (number - 30) % PLACES
    return [(f"p{place % 5}", f"{place:04}")]


def apply(model: Model, number: int) -> None:
    """Do an operation to dictionaries."""
    for name, items in items_of(number).items():
        model[name].update({(item["PK"], item["SK"]): item for item in items})
    for key in gone_of(number):
        model["side"].pop(key, None)


def write(path: str, number: int) -> None:
    """Do the operations from a number on."""
    db = create(path)
    main = db.table("main")
    say("ready")
    for each in itertools.count(number):
        items = items_of(each)
        if each % 3 == 0:
            main.put_item(item=items["main"][0])
        elif each % 3 == 1:
            with main.batch_writer() as batch:
                for item in items["main"]:
                    batch.put_item(item=item)
        else:
            with db.transaction() as tx:
                for name, there in items.items():
                    for item in there:
                        tx.table(name).put_item(item=item)
                for pk, sk in gone_of(each):
                    tx.table("side").delete_item(key={"PK": pk, "SK": sk})
        say(each)


def read(path: str) -> None:
    """Read at random, and print what is new."""
    db = Database(path, read_only=True)
    main, side = db.table("main"), db.table("side")
    rng = random.Random()
    highest = -1
    say("ready")
    while True:
        time.sleep(0.001)
        place = rng.randrange(PLACES)
        key = {"PK": f"p{place % 5}", "SK": f"{place:04}"}
        seen = [main.get_item(key=key), side.get_item(key={"PK": "count", "SK": "all"})]
        if rng.random() < 0.2:
            batch = list(main.query("batch"))
            if len({item["n"] for item in batch}) > 1 or len(batch) not in (0, BATCH):
                say(f"half a batch: {batch}")
            seen += batch
        if rng.random() < 0.05:
            seen += main.query(f"g{rng.randrange(3)}", index="by-g")
        newest = max((item["n"] for item in seen if item), default=-1)
        if newest > highest:
            highest = newest
            say(highest)


if __name__ == "__main__":
    small()
    if sys.argv[1] == "write":
        write(sys.argv[2], int(sys.argv[3]))
    else:
        read(sys.argv[2])
