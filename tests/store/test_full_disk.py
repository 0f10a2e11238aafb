"""A full disk: writes fail whole, and reads, deletes and checkpoints go on, until there is room."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from store.simulated import BudgetVolume
from store.stores import abandon, assert_holds, delete, key, open_folder, open_on, put

from dynafile.errors import DiskFull
from dynafile.store.file_reserve import HEAD
from dynafile.store.reserve import RESERVE_BYTES

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from dynafile.store.store import Store

MIB = 1 << 20
SOME = 1000
"""Bytes of a value."""

Model = dict[bytes, bytes]


def fill(store: Store, model: Model, start: int = 0) -> int:
    """Put items until the disk is full, as fully as it goes; return how many there were."""
    number = start
    while True:
        pair = (key(number), os.urandom(SOME))
        try:
            put(store, pair, durable=False)
        except DiskFull:
            return number - start
        model.update([pair])
        number += 1


def assert_recovers(store: Store, model: Model) -> None:
    """Delete, one by one, until a put succeeds again; nobody asks for a checkpoint."""
    deleted = 0
    for k in sorted(model):
        if deleted >= len(model) // 2:
            break
        delete(store, k, durable=False)
        deleted += 1
    for k in sorted(model)[:deleted]:
        del model[k]
    assert_holds(store, model)
    store.checkpoint()
    pair = (key(1, "after"), bytes(SOME))
    put(store, pair)
    model.update([pair])
    assert_holds(store, model)


@pytest.mark.parametrize(
    ("budget", "small"),
    [(2 * MIB, False), (5 * MIB, False), (12 * MIB, False), (2 * MIB, True), (4 * MIB, True)],
)
def test_deletes_and_checkpoints_on_a_full_disk(budget: int, small: bool) -> None:
    """Whatever is in snapshots and whatever only in the journal when the disk fills up."""
    options = {"partition_bytes": 20_000, "checkpoint_bytes": 100_000} if small else {}
    volume = BudgetVolume(budget)
    store = open_on(volume, **options)
    model: Model = {}
    assert fill(store, model) > budget // SOME // 8
    assert_holds(store, model)
    assert volume.held >= RESERVE_BYTES // 2
    for _ in range(3):
        assert_recovers(store, model)
        assert volume.held >= RESERVE_BYTES, "the room was not held again"
        assert fill(store, model, start=10_000) > 50
    store.close()
    store = open_on(volume, **options)
    assert_holds(store, model)
    assert_recovers(store, model)
    store.close()


def test_others_take_all_that_is_left() -> None:
    """Somebody else's file takes each block that we free, for as long as the disk is full."""
    volume = BudgetVolume(20 * MIB)
    store = open_on(volume)
    model = {key(number): os.urandom(SOME) for number in range(3000)}
    put(store, *model.items())
    store.checkpoint()
    volume.budget -= volume.room()
    more: Model = {}
    fill(store, more, start=5000)
    model |= more
    with pytest.raises(DiskFull, match="Delete items"):
        put(store, (key(9999), bytes(2 * MIB)))
    assert_holds(store, model)
    for k in sorted(model)[:2500]:
        delete(store, k)
        del model[k]
    delete(store, *sorted(model)[:200])
    for k in sorted(model)[:200]:
        del model[k]
    volume.budget -= max(0, volume.room())
    store.checkpoint()
    assert_holds(store, model)
    assert volume.room() > 0
    abandon(store)
    store = open_on(volume)
    put(store, (key(0, "again"), bytes(SOME)))
    assert_holds(store, {**model, key(0, "again"): bytes(SOME)})
    store.close()


def test_puts_do_not_take_what_deletes_were_given() -> None:
    """Deletes and puts in turns: each delete succeeds, and puts do not until there is room."""
    volume = BudgetVolume(3 * MIB)
    store = open_on(volume)
    model: Model = {}
    fill(store, model)
    refused = 0
    for number, k in enumerate(sorted(model)[:400]):
        delete(store, k, durable=False)
        del model[k]
        pair = (key(20_000 + number), os.urandom(SOME))
        try:
            put(store, pair, durable=False)
            model.update([pair])
        except DiskFull:
            refused += 1
    assert refused
    assert_holds(store, model)
    store.close()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 8 MiB, where this user may mount one."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", str(folder)]
    try:
        subprocess.run(mount, check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("mounting needs more rights than this user has")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


@pytest.mark.skipif(sys.platform != "linux", reason="it mounts a tmpfs")
def test_a_real_full_disk(small_disk: Path) -> None:
    store = open_folder(small_disk / "db")
    model: Model = {}
    assert fill(store, model) > 1000
    filler = small_disk / "filler"
    take_all(filler)
    assert_holds(store, model)
    for k in sorted(model)[: len(model) // 2]:
        delete(store, k, durable=False)
        del model[k]
    store.checkpoint()
    assert_holds(store, model)
    store.close()
    take_all(filler)
    store = open_folder(small_disk / "db")
    assert_holds(store, model)
    for k in sorted(model)[:100]:
        delete(store, k)
        del model[k]
    store.checkpoint()
    assert_holds(store, model)
    filler.unlink()
    put(store, (key(3, "after"), bytes(SOME)))
    store.close()
    assert (small_disk / "db" / "reserve").stat().st_size >= RESERVE_BYTES


def take_all(filler: Path) -> None:
    """Write until the disk has no byte left."""
    with filler.open("ab", buffering=0) as file:
        size = MIB
        while size:
            try:
                if file.write(bytes(size)) < size:
                    size //= 2
            except OSError:
                size //= 2


def test_a_file_of_somebody_else_that_has_the_name(tmp_path: Path) -> None:
    """It is left as it is; the store does without a reserve."""
    store = open_folder(tmp_path / "db")
    store.close()
    reserve = tmp_path / "db" / "reserve"
    assert reserve.read_bytes()[: len(HEAD)] == HEAD
    assert reserve.stat().st_size == RESERVE_BYTES
    reserve.write_bytes(b"the caretaker's notes")
    store = open_folder(tmp_path / "db")
    model = {key(number): bytes(SOME) for number in range(300)}
    put(store, *model.items())
    store.checkpoint()
    assert_holds(store, model)
    store.close()
    assert reserve.read_bytes() == b"the caretaker's notes"


def test_the_reserve_has_blocks_and_the_modes_of_the_umask(tmp_path: Path) -> None:
    store = open_folder(tmp_path / "db")
    try:
        found = (tmp_path / "db" / "reserve").stat()
        assert found.st_size >= RESERVE_BYTES
        if sys.platform == "linux":
            assert found.st_blocks * 512 >= RESERVE_BYTES
            assert found.st_mode == (tmp_path / "db" / "meta.json").stat().st_mode
    finally:
        store.close()
