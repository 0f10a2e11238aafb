"""The cache: which partitions stay in memory."""

from __future__ import annotations

from typing import Final

from dynafile.store.partition import Partition

RECOUNT_SHARE: Final = 8
"""All is counted again when this share of what is loaded was loaded since: eight looks a load."""


class Cache:
    """Loaded partitions, let go when they take more than a budget: a clock, which is nearly LRU.

    A read marks its partition; the hand passes over a marked one once. Rejected: a linked list in
    order of use, which would cost every read a lock. Guarded by the replica's mutex.
    """

    def __init__(self, budget: int) -> None:
        self.budget = budget
        self._loaded: list[Partition] = []
        self._hand = 0
        self._used = 0
        self._since_count = 0

    def add(self, part: Partition) -> None:
        """Take a partition that was just loaded, and let others go while over budget."""
        self._loaded.append(part)
        part.used = True
        self._used += part.cost
        self._since_count += 1
        if self._since_count * RECOUNT_SHARE >= len(self._loaded):
            self._count()
        if self._used > self.budget:
            self._evict(part)

    def _count(self) -> None:
        """Add up again what is loaded: partitions grow as they are written to, and get replaced."""
        self._loaded = [part for part in self._loaded if part.entries is not None]
        self._used = sum(part.cost for part in self._loaded)
        self._since_count = 0

    def _evict(self, keep: Partition) -> None:
        loaded = self._loaded
        turns = 2 * len(loaded)
        while self._used > self.budget and len(loaded) > 1 and turns > 0:
            turns -= 1
            self._hand %= len(loaded)
            part = loaded[self._hand]
            if part is keep:
                self._hand += 1
            elif part.used:
                part.used = False
                self._hand += 1
            else:
                self._used -= part.cost
                part.entries = part.order = None
                # The order of a clock does not matter, so the gap is filled from the end.
                loaded[self._hand] = loaded[-1]
                loaded.pop()

    def used(self) -> int:
        """Return the bytes that loaded partitions take, roughly."""
        self._count()
        return self._used

    def clear(self) -> None:
        """Let everything go."""
        for part in self._loaded:
            part.entries = part.order = None
        self._loaded.clear()
        self._used = 0
