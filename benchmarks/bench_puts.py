"""Writes: one by one, durable and relaxed, and a batch as one commit.

Single puts go to a table that holds the items, in turn a new version of one and a new one. Batches
go to an empty table.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from contenders import Contender, Durability, in_turns, open_contender
from data import Item, writes
from measuring import Measure, Sizes
from operations import (
    APPEND,
    APPEND_IN_PLACE,
    LMDB,
    LMDB_MAPPED,
    OURS,
    SQLITE,
    SQLITE_MSGSPEC,
)

from dynafile import Dynafile

DURABLE_TURNS = 12
RELAXED_TURNS = 6
BATCH_TURNS = 4

Stocked = Callable[[str, Durability], Contender]
_sync = getattr(os, "fdatasync", os.fsync)
_seeds = itertools.count(1)
_folders = itertools.count()


class Append:
    """What a durable put cannot do without: a write of the journal's bytes, and a sync."""

    def __init__(self, path: Path, extra: int, *, room: int = 0) -> None:
        self._extra = extra
        self._descriptor = os.open(path, os.O_WRONLY | os.O_CREAT)
        os.write(self._descriptor, bytes(room))
        os.fsync(self._descriptor)
        os.lseek(self._descriptor, 0, os.SEEK_SET)

    def record(self, item: Item) -> bytes:
        return msgspec.msgpack.encode(item) + bytes(self._extra)

    def put(self, record: bytes) -> None:
        os.write(self._descriptor, record)
        _sync(self._descriptor)

    def close(self) -> None:
        os.close(self._descriptor)


@pytest.fixture(scope="session")
def appends(folder: Path, items: list[Item], sizes: Sizes) -> Iterator[dict[str, Append]]:
    with Dynafile(folder / "one", durability="relaxed") as db:
        db.put_item(item=items[0])
        before = db.describe().journal_bytes
        db.put_item(item=items[0])
        record = db.describe().journal_bytes - before
    extra = record - len(msgspec.msgpack.encode(items[0]))
    room = record * 2 * sizes.durable_rounds * DURABLE_TURNS
    made = {
        APPEND: Append(folder / "append", extra),
        APPEND_IN_PLACE: Append(folder / "append-in-place", extra, room=room),
    }
    yield made
    for append in made.values():
        append.close()


@pytest.mark.parametrize(
    "name", in_turns((OURS, APPEND, APPEND_IN_PLACE, SQLITE, LMDB), DURABLE_TURNS)
)
def test_put_durable(
    name: str,
    stocked: Stocked,
    appends: dict[str, Append],
    sizes: Sizes,
    measure: Measure,
) -> None:
    made = iter(writes(sizes.durable_rounds + 2, sizes.items, next(_seeds)))
    if name in appends:
        append = appends[name]
        target: Callable[[Any], None] = append.put

        def prepare() -> tuple[Any]:
            return (append.record(next(made)),)
    else:
        target = stocked(name, "durable").put

        def prepare() -> tuple[Any]:
            return ((next(made),),)

    measure("put-durable", name, target, prepare=prepare, rounds=sizes.durable_rounds, warmup=2)


@pytest.mark.parametrize(
    "name", in_turns((OURS, LMDB, LMDB_MAPPED, SQLITE, SQLITE_MSGSPEC), RELAXED_TURNS)
)
def test_put_relaxed(name: str, stocked: Stocked, sizes: Sizes, measure: Measure) -> None:
    measure(
        "put-relaxed",
        name,
        stocked(name, "relaxed").put,
        prepare=lambda: (writes(sizes.puts, sizes.items, next(_seeds)),),
        operations=sizes.puts,
        rounds=8,
        warmup=1,
    )


@pytest.mark.parametrize("name", in_turns((OURS, LMDB, SQLITE), 2))
def test_put_sustained(name: str, stocked: Stocked, sizes: Sizes, measure: Measure) -> None:
    """So many puts that what each store puts off is in the time too: checkpoints and the like."""
    measure(
        "put-sustained",
        name,
        stocked(name, "relaxed").put,
        prepare=lambda: (writes(sizes.sustained_puts, sizes.items, next(_seeds)),),
        operations=sizes.sustained_puts,
        rounds=sizes.sustained_rounds,
    )


class Batch:
    """Loads of a new, empty store each."""

    def __init__(self, name: str, folder: Path, items: list[Item]) -> None:
        self._name = name
        self._folder = folder
        self._items = items
        self._last: Contender | None = None

    def prepare(self) -> tuple[Contender, list[Item]]:
        self.close()
        place = self._folder / f"batch-{next(_folders)}"
        self._last = open_contender(self._name, place, "durable")
        return self._last, self._items

    def close(self) -> None:
        if self._last is not None:
            self._last.close()
            self._last = None


def _load(contender: Contender, items: Iterable[Item]) -> None:
    contender.load(items)


def _load_and_close(contender: Contender, items: Iterable[Item]) -> None:
    contender.load(items)
    contender.close()


@pytest.mark.parametrize("name", in_turns((OURS, SQLITE, SQLITE_MSGSPEC, LMDB), BATCH_TURNS))
def test_batch(name: str, folder: Path, items: list[Item], measure: Measure) -> None:
    batch = Batch(name, folder, items)
    measure("batch", name, _load, prepare=batch.prepare, operations=len(items), rounds=3)
    batch.close()


@pytest.mark.parametrize("name", in_turns((OURS, SQLITE, LMDB), BATCH_TURNS))
def test_batch_and_close(name: str, folder: Path, items: list[Item], measure: Measure) -> None:
    """With what each store leaves for its closing."""
    batch = Batch(name, folder, items)
    measure("batch-close", name, _load_and_close, prepare=batch.prepare, operations=len(items))
    batch.close()
