"""The laws of the store, broken one by one: the crashes show each of them.

If one of these fails, the crash tests have become blind for that law.
"""

from __future__ import annotations

import random
import sys
from contextlib import ExitStack
from typing import TYPE_CHECKING
from unittest import mock

import pytest
from crash.disk import File
from crash.explorer import Explorer, Found
from crash.lives import Expiring, Items, Tables, Turns
from crash.mutants import MUTANTS, Mutant
from crash.takeover import calls_of, take_over

from dynafile.store.format import (
    CHECKPOINT,
    RECORD_HEADER_BYTES,
    SEGMENT_HEADER_BYTES,
)
from dynafile.store.names import parse_segment_name
from dynafile.store.position import END

if TYPE_CHECKING:
    from crash.disk import Disk
    from crash.life import Life

SHARE = 0.3
SEEDS = (6, 7)
WAITING: tuple[type[Life], ...] = (Items, Turns, Expiring)
"""Lives in which all that is published waits for the disk. Acknowledgements of records do not."""


def broken(mutant: Mutant) -> ExitStack:
    """Put a mutant in the place of the real function, wherever that was imported."""
    real, function = getattr(mutant.owner, mutant.name), mutant.function()
    patches = ExitStack()
    patches.enter_context(mock.patch.object(mutant.owner, mutant.name, function))
    for name, module in list(sys.modules.items()):
        if name.startswith("dynafile") and vars(module).get(mutant.name) is real:
            patches.enter_context(mock.patch.object(module, mutant.name, function))
    return patches


def hunt(mutant: Mutant) -> None:
    """Crash until the law that is broken shows; a mutant that cannot even live has shown it."""
    for kind in mutant.kinds:
        for seed in SEEDS:
            if mutant.beside:
                for dies_at in range(1, 1500, 7):
                    take_over(kind, seed, dies_at)
                continue
            explorer = Explorer(kind, seed)
            share = 1 if mutant.plan else SHARE
            explorer.crash_everywhere(random.Random(seed), share, plan=mutant.plan)
            if kind in WAITING:
                assert_published_is_durable(explorer)


@pytest.mark.parametrize("mutant", MUTANTS, ids=str)
def test_a_broken_law_shows(mutant: Mutant) -> None:
    with broken(mutant), pytest.raises(Exception) as caught:  # noqa: PT011 - how it shows differs
        hunt(mutant)
    assert not isinstance(caught.value, (NameError, SyntaxError)), "the mutant is no program"


@pytest.mark.parametrize("kind", WAITING)
def test_published_means_durable(kind: type[Life]) -> None:
    """At no moment can a reader see what a power cut at that moment could take."""
    assert_published_is_durable(Explorer(kind, 5))


def assert_published_is_durable(explorer: Explorer) -> None:
    for place, disk, _ in explorer.moments():
        folder = disk.find("/home/shop/journal")
        end = published(disk)
        if folder is None or not end:
            continue
        for name, number in disk.folder(folder).names.items():
            base = parse_segment_name(name)
            assert base is not None
            for _, offset, data in disk.file(number).unsynced:
                first = data[RECORD_HEADER_BYTES : RECORD_HEADER_BYTES + 1]
                if first == bytes([CHECKPOINT]):
                    continue  # says nothing that the files do not say
                assert base + offset - SEGMENT_HEADER_BYTES >= end, f"published early, at {place}"


def published(disk: Disk) -> int:
    """Return what ``position`` says is the end of the journal; 0 where nothing does."""
    number = disk.find("/home/shop/position")
    node = None if number is None else disk.nodes[number]
    if not isinstance(node, File) or node.mapped is None:
        return 0
    return memoryview(node.mapped).cast("Q")[END]


def test_a_process_takes_over_where_one_died() -> None:
    """It has the database open, and in memory what it was; it sees each commit whole or not at all,
    goes on, and a power cut takes nothing of what was acknowledged."""
    calls = calls_of(Tables, 6)
    for dies_at in range(1, calls, 20):
        take_over(Tables, 6, dies_at)


@pytest.mark.parametrize(
    ("kind", "plan"),
    dict.fromkeys((each.kinds[0], each.plan) for each in MUTANTS if each.plan),
    ids=lambda each: each.__name__ if isinstance(each, type) else ", ".join(each),
)
def test_the_laws_hold(kind: type[Life], plan: tuple[str, ...]) -> None:
    """What the mutants are hunted with finds nothing in the store as it is."""
    Explorer(kind, SEEDS[0]).crash_everywhere(random.Random(3), 0.2, plan=plan)


def test_crashes_that_find_something_say_how_to_do_it_again() -> None:
    mutant = next(mutant for mutant in MUTANTS if mutant.law == "acknowledged means synced")
    with broken(mutant):
        explorer = Explorer(Items, 6)
        with pytest.raises(Found) as caught:
            explorer.crash_everywhere(random.Random(6), SHARE)
        place, number = str(caught.value).rpartition("(")[2].rstrip(")").split(", ")
        with pytest.raises(Found) as again:
            explorer.crash_again(int(place), int(number))
    assert str(again.value) == str(caught.value)
