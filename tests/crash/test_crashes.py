"""Every write, sync and name of each life is a place to crash, to look, to go on, and crash again.

The suite takes a share of the places, always the same; ``make crash`` takes them all, again and
again, with a seed that it prints.
"""

from __future__ import annotations

import random

import pytest
from crash.disk import Disk
from crash.explorer import HOWS, Explorer
from crash.life import PATH
from crash.lives import ALL, Items, Life
from crash.machine import Machine

from dynafile import Dynafile

SEED = 6
PLACES = 230
"""About so many places of each life are crashed."""


@pytest.mark.parametrize("kind", ALL, ids=lambda kind: kind.__name__)
def test_crashes(kind: type[Life]) -> None:
    explorer = Explorer(kind, SEED)
    share = PLACES / len(explorer.places)
    explorer.crash_everywhere(random.Random(SEED), min(1, share), times=1 + (share > 1))
    assert explorer.counts["points"] > 250
    for how in HOWS:
        assert explorer.counts[how] > 25, explorer.counts
    assert explorer.counts["again"] > 45


def test_the_beginning() -> None:
    """A database that is being made is made, or can be made anew."""
    explorer = Explorer(Items, SEED)
    rng = random.Random(SEED)
    for place in list(explorer.places)[:40]:
        for _ in range(8):
            explorer.crash_again(place, rng.getrandbits(40))


def test_the_lives_are_worth_it() -> None:
    """Together they do everything that the store does to files."""
    done: set[str] = set()
    for kind in ALL:
        explorer = Explorer(kind, SEED)
        assert len(explorer.places) > 150, kind
        disk = explorer.life.before.copy()
        for op in explorer.log:
            if op[0] in ("rename", "remove"):
                done.add(f"{op[0]} {kind_of(disk, op)}")
            disk.redo(op)
    assert done >= {"rename partition", "rename segment", "rename snapshot", "rename checkpoint",
                    "rename meta", "rename keyspace", "remove segment"}  # fmt: skip


def kind_of(disk: Disk, op: tuple[object, ...]) -> str:
    """What a call that changes names is about, by the name that is new, or that goes."""
    name = str(op[-1])
    if op[0] == "rename" and name.endswith(".half"):
        return "keyspace" if str(op[2]) in ("_partitions", "_gone", "orders") else "partition"
    known = {"data.pickle": "snapshot", "checkpoint": "checkpoint", "meta.json": "meta"}
    return "segment" if name.endswith(".log") else known.get(name, "other")


def test_the_same_number_is_the_same_crash() -> None:
    """What a failure prints brings it back."""
    explorers = [Explorer(Items, 3) for _ in range(2)]
    assert [op[:2] for op in explorers[0].log] == [op[:2] for op in explorers[1].log]
    for number in range(60):
        place = sorted(explorers[0].places)[number * 7]
        for explorer in explorers:
            explorer.crash_again(place, number)
    assert explorers[0].counts == explorers[1].counts


@pytest.mark.parametrize("how", ["nothing", "everything", "ordered", "some"])
def test_the_harness_sees_a_lost_commit(how: str) -> None:
    """A disk that lies: syncs of the journal do nothing. What was acknowledged is lost."""
    machine = Machine()
    with machine.running():
        with Dynafile(PATH) as db:
            db.put_item(item={"PK": "a", "SK": "b"})
        log = [op for op in machine.disk.log if op[0] != "sync"]
    disk = Disk()
    disk.lay("/home")
    for op in log:
        disk.redo(op)
    left = disk.after_power_cut(random.Random(2), how)
    after = Machine(left, boot=2)
    with after.running():
        try:
            with Dynafile(PATH) as db:
                found = len(db)
        except Exception:
            found = 0
    assert found == (how == "everything")
