"""Reads of a warm table: by key, by item collection, and all of it."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest
from contenders import Contender, Durability, in_turns
from data import Item
from measuring import Measure, Sizes
from operations import LMDB, OURS, OURS_UNREMEMBERED, SQLITE, SQLITE_MSGSPEC

READERS = (OURS, LMDB, SQLITE, SQLITE_MSGSPEC, OURS_UNREMEMBERED)
TURNS = 10
ROUNDS = 10

Stocked = Callable[[str, Durability], Contender]
every_reader = pytest.mark.parametrize("name", in_turns(READERS, TURNS))

_rng = random.Random(4)


@every_reader
def test_get(
    name: str, stocked: Stocked, items: list[Item], sizes: Sizes, measure: Measure
) -> None:
    contender = stocked(name, "durable")
    keys = [(item["PK"], item["SK"]) for item in items]
    contender.get(keys)
    measure(
        "get",
        name,
        contender.get,
        prepare=lambda: (_rng.sample(keys, sizes.reads),),
        operations=sizes.reads,
        rounds=ROUNDS,
        warmup=1,
    )


@every_reader
def test_query(
    name: str, stocked: Stocked, items: list[Item], sizes: Sizes, measure: Measure
) -> None:
    contender = stocked(name, "durable")
    pks = sorted({item["PK"] for item in items})
    contender.query(pks)
    measure(
        "query",
        name,
        contender.query,
        prepare=lambda: (_rng.sample(pks, sizes.queries),),
        operations=sizes.queries,
        rounds=ROUNDS,
        warmup=1,
    )


@pytest.mark.parametrize("name", in_turns(READERS[:-1], TURNS))
def test_scan(name: str, stocked: Stocked, items: list[Item], measure: Measure) -> None:
    contender = stocked(name, "durable")
    measure("scan", name, contender.scan, operations=len(items), rounds=5, warmup=1)
