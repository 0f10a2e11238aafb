"""The sorter: pairs of bytes in the order of their keys, more of them than memory should hold."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterator
from typing import Final, Self

from msgspec.msgpack import Decoder, Encoder

from dynafile.store.volume import Scratch, Volume

Pair = tuple[bytes, bytes]

RUN_PAIRS: Final = 8192
"""Sorting keeps Python's lock, and other threads wait: a run is sorted in some milliseconds."""
MEMORY_BYTES: Final = 64 * 1024 * 1024
PAIR_OVERHEAD: Final = 150
BLOCK_PAIRS: Final = 64
UNINTERRUPTED: Final = 32
"""So many pairs take some tenths of a millisecond; then others are given way to."""
BLOCK_BYTES: Final = 256 * 1024
"""What is read of each run on disk at a time: so many pairs, or fewer that are this large."""

_encode = Encoder().encode
_decode = Decoder(list[bytes]).decode


class Sorter:
    """Takes pairs in any order, each key once, and gives them back sorted.

    Sorted runs stay in memory up to a budget; then they are merged into one run on disk, in a file
    without a name, which is gone with the process whatever happens to it.

    >>> from dynafile.store.memory_volume import MemoryVolume
    >>> with Sorter(MemoryVolume()) as sorter:
    ...     sorter.add(b"b", b"2")
    ...     sorter.add(b"a", b"1")
    ...     list(sorter.sorted())
    [(b'a', b'1'), (b'b', b'2')]
    """

    def __init__(
        self,
        volume: Volume,
        memory_bytes: int = MEMORY_BYTES,
        *,
        give_way: Callable[[], None] | None = None,
    ) -> None:
        self._volume = volume
        self._memory_bytes = memory_bytes
        self._give_way = give_way
        # Dicts of bytes, and not lists of tuples: the garbage collector need not walk through them.
        self._run: dict[bytes, bytes] = {}
        self._runs: list[tuple[list[bytes], dict[bytes, bytes]]] = []
        self._used = 0
        self._file: Scratch | None = None
        self._spilled: list[list[tuple[int, int]]] = []
        """Offsets and sizes of the blocks of each run on disk."""

    def add(self, key: bytes, value: bytes) -> None:
        """Take one pair."""
        self._run[key] = value
        self._used += len(key) + len(value) + PAIR_OVERHEAD
        full = self._used > self._memory_bytes
        if full or len(self._run) >= RUN_PAIRS:
            self._end_run()
        if full:
            self._spill()

    def sorted(self) -> Iterator[Pair]:
        """Yield all pairs in the order of their keys. Nothing can be added any more."""
        self._end_run()
        return heapq.merge(*self._in_memory(), *map(self._read, self._spilled))

    def _in_memory(self) -> list[Iterator[Pair]]:
        return [zip(keys, map(run.__getitem__, keys), strict=True) for keys, run in self._runs]

    def _end_run(self) -> None:
        if self._run:
            self._runs.append((sorted(self._run), self._run))
            self._run = {}

    def _spill(self) -> None:
        if self._file is None:
            self._file = self._volume.scratch()
        merged = heapq.merge(*self._in_memory())
        blocks: list[tuple[int, int]] = []
        while block := _block_of(merged):
            data = _encode(block)
            blocks.append((self._file.append(data), len(data)))
            if self._give_way is not None:
                self._give_way()
        self._spilled.append(blocks)
        self._runs.clear()
        self._used = 0

    def _read(self, blocks: list[tuple[int, int]]) -> Iterator[Pair]:
        assert self._file is not None
        for offset, size in blocks:
            flat = iter(_decode(self._file.read(offset, size)))
            yield from zip(flat, flat, strict=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Give memory and disk back."""
        self._runs.clear()
        self._run.clear()
        if self._file is not None:
            self._file.close()


def _block_of(pairs: Iterator[Pair]) -> list[bytes]:
    """Take the keys and values of the next block, one after the other."""
    block: list[bytes] = []
    left = BLOCK_BYTES
    for key, value in pairs:
        block += key, value
        left -= len(key) + len(value)
        if left <= 0 or len(block) >= 2 * BLOCK_PAIRS:
            break
    return block
