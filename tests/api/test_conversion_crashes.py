"""Conversions that die: at each call of the volume, and by SIGKILL at random moments.

After each of them the next opening has every item, and until then the originals are whole unless
every item is durable.
"""

from __future__ import annotations

import random
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

import pytest
from api.old_folders import old_files, sample, write_files
from store.simulated import WRITING, Killed, PoweredVolume, WatchedVolume, dying, until

from dynafile import Dynafile
from dynafile.errors import DiskFull, DynafileError
from dynafile.store.registry import open_volume
from dynafile.store.store import Options, Store
from dynafile.table import conversion
from dynafile.table.checking import check_table
from dynafile.table.conversion import convert, remove_originals
from dynafile.table.conversion_state import state_of
from dynafile.table.definition import Definition
from dynafile.table.table import Table
from dynafile.table_options import TableOptions

if TYPE_CHECKING:
    from pathlib import Path

    from dynafile.store.volume import Volume

LATER = 100_000_000_000
ITEMS = [item | {"expires": LATER + n % 3} for n, item in enumerate(sample(60, 6))]
OLD = old_files(ITEMS)
OPTIONS = Options(partition_bytes=2000, checkpoint_bytes=4000)
"""Under which those items are several partitions and some checkpoints."""


def schema_of(ttl: str | None) -> Any:
    return TableOptions("/db", None, "SK", ttl, None, None, None).schema


def work(volume: Volume, ttl: str | None) -> None:
    """What the opening of a folder does, on a volume."""
    convert(volume, OPTIONS, schema_of(ttl))
    store = open_volume(volume, OPTIONS, schema_of(ttl))
    try:
        remove_originals(store)
    finally:
        store.close()


def old_volume() -> PoweredVolume:
    volume = PoweredVolume()
    for name, data in OLD.items():
        volume.replace(name, data)
    return volume


def originals(volume: PoweredVolume) -> dict[str, bytes]:
    return {name: bytes(data) for name, data in volume.files.items() if name in OLD}


def writing_calls(ttl: str | None) -> int:
    volume = WatchedVolume(old_volume())
    work(volume, ttl)
    return sum(volume.counts[kind] for kind in WRITING)


def assert_kept(inner: PoweredVolume, ttl: str | None) -> None:
    """The originals are there as long as items could be missing; the next opening has them all."""
    if "meta.json" not in inner.files:
        assert originals(inner) == OLD
    else:
        store = open_volume(inner, OPTIONS, schema_of(ttl))
        if state_of(store.schema) == conversion.WRITING:
            assert originals(inner) == OLD
        else:
            assert_whole(store)
        store.close()
    work(inner, ttl)
    assert originals(inner) == {}
    store = open_volume(inner, OPTIONS, schema_of(ttl))
    assert state_of(store.schema) is None
    assert_whole(store)
    store.close()


def assert_whole(store: Store) -> None:
    (value,) = store.schema.tables.values()
    definition = Definition.from_json(value)
    table = Table(store, definition.name, durable=True, decoder_budget=0)
    found = list(table.read((b"", None), None, None, reverse=False, keep=False))
    assert sorted(found, key=lambda item: item["SK"]) == ITEMS
    store.check(lambda: check_table(store, definition))


@pytest.fixture(autouse=True)
def _small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(conversion, "BATCH_ITEMS", 7)


@pytest.mark.parametrize("ttl", [None, "expires"])
@pytest.mark.parametrize("cut", [False, True], ids=["killed", "power"])
@pytest.mark.parametrize("part", [0.0, 0.5], ids=["before", "torn"])
def test_dying_at_each_call(cut: bool, part: float, ttl: str | None) -> None:
    calls = writing_calls(ttl)
    assert calls > 60
    for last in range(1, calls + 1, 1 if part == 0 else 3):
        inner = old_volume()
        with pytest.raises(Killed):
            work(dying(inner, last, part=part), ttl)
        if cut:
            inner.power_cut()
        assert_kept(inner, ttl)


def test_dying_again_and_again() -> None:
    """Each attempt gets one call further than the one before."""
    inner = old_volume()
    for last in range(1, writing_calls(None) * 2, 3):
        try:
            work(dying(inner, last), None)
        except Killed:
            continue
        break
    assert_kept(inner, None)


def test_an_error_at_each_call() -> None:
    """A disk that is full for a moment: refused or put off, and done at the next opening."""
    refused = 0
    for last in range(1, writing_calls(None) + 1):
        inner = old_volume()
        volume = WatchedVolume(inner)
        count = iter(range(1, 1 << 30))
        volume.hook = until(DiskFull("full"), lambda *_: next(count) == last)
        try:
            work(volume, None)
        except DynafileError:
            refused += 1
        assert_kept(inner, None)
    assert refused > 20


CHILD = """
import sys
from dynafile import Dynafile
print("ready", flush=True)
Dynafile(sys.argv[1]).close()
print("done", flush=True)
"""


def test_killed_at_random(tmp_path: Path) -> None:
    items = [item | {"PK": f"user#{n % 150}"} for n, item in enumerate(sample(2000))]
    files = old_files(items)
    chance = random.Random(7)
    longest = 0.3
    for number in range(4):
        folder = write_files(tmp_path / f"{number}", files)
        for _ in range(2):  # the second takes over what the first left, and dies too
            kill_a_conversion(folder, chance.uniform(0, longest))
        with Dynafile(folder) as db:
            assert sorted(db.scan(), key=lambda item: item["SK"]) == items
            db.check()
        assert not [path for path in (folder / "_partitions").iterdir() if len(path.name) == 64]


def kill_a_conversion(folder: Path, seconds: float) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", CHILD, str(folder)], stdout=subprocess.PIPE
    ) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == b"ready\n"
        time.sleep(seconds)
        child.kill()
