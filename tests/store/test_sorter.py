"""The sorter: pairs in order, whatever does not fit in memory lies in a file without a name."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dynafile.errors import DiskFull
from dynafile.store import file_scratch, sorter
from dynafile.store.local_volume import LocalVolume
from dynafile.store.memory_volume import MemoryScratch, MemoryVolume
from dynafile.store.sorter import Sorter

if TYPE_CHECKING:
    from pathlib import Path


class CountingVolume(MemoryVolume):
    """A volume whose scratch file notes the sizes of what is appended to it."""

    def __init__(self) -> None:
        super().__init__()
        self.appended: list[int] = []

    def scratch(self) -> MemoryScratch:
        appended = self.appended

        class Counting(MemoryScratch):
            def append(self, data: bytes) -> int:
                appended.append(len(data))
                return super().append(data)

        return Counting()


@pytest.mark.parametrize("budget", [1000, 20_000, 100_000, 1 << 30])
@pytest.mark.parametrize("count", [0, 1, 999, 1000, 1001, 5000])
def test_any_order_in_sorted_out(count: int, budget: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sorter, "RUN_PAIRS", 1000)
    pairs = [(b"%08d" % n, b"value %d" % n) for n in range(count)]
    mixed = random.Random(count).sample(pairs, count)
    volume = CountingVolume()
    with Sorter(volume, budget) as found:
        for pair in mixed:
            found.add(*pair)
        assert list(found.sorted()) == pairs
    assert bool(volume.appended) == (budget < count * 165)


@settings(max_examples=60, deadline=None)
@given(st.dictionaries(st.binary(), st.binary()), st.integers(0, 2000))
def test_as_a_dict_is_sorted(pairs: dict[bytes, bytes], budget: int) -> None:
    with Sorter(MemoryVolume(), budget) as found:
        for pair in pairs.items():
            found.add(*pair)
        assert list(found.sorted()) == sorted(pairs.items())


def test_large_values_stay_within_the_budget() -> None:
    """Memory was looked at after 8,192 pairs only, which may be items of 16 MiB each."""
    volume = CountingVolume()
    with Sorter(volume, 300_000) as found:
        for n in range(40):
            found.add(b"%02d" % n, b"x" * 100_000)
            assert found._used <= 300_000
        assert volume.appended
        # What is read back at a time is little, too: each run on disk has one block in memory.
        assert max(volume.appended) < 2 * sorter.BLOCK_BYTES
        assert [key for key, _ in found.sorted()] == [b"%02d" % n for n in range(40)]


def test_on_disk_without_a_name(tmp_path: Path) -> None:
    volume = LocalVolume(str(tmp_path))
    try:
        with Sorter(volume, 1000) as found:
            for n in range(500, 0, -1):
                found.add(b"%03d" % n, b"x" * 50)
            assert next(found.sorted()) == (b"001", b"x" * 50)
            assert [path for path in tmp_path.rglob("*") if path.is_file()] == []
    finally:
        volume.close()


def test_a_full_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Full:
        def __init__(self, **_: object) -> None: ...
        def seek(self, _: int) -> None: ...
        def write(self, _: object) -> int:
            raise OSError(28, "No space left on device")

        def close(self) -> None: ...

    monkeypatch.setattr(file_scratch.tempfile, "TemporaryFile", Full)
    volume = LocalVolume(str(tmp_path))
    try:
        with Sorter(volume, 100) as found, pytest.raises(DiskFull):
            for n in range(10):
                found.add(b"%d" % n, b"x" * 100)
    finally:
        volume.close()
