"""A partition: one range of a keyspace, in memory and on disk."""

from __future__ import annotations

from bisect import bisect_left
from itertools import chain, islice, pairwise
from typing import Final

from dynafile.store.snapshot import Entries

ENTRY_OVERHEAD: Final = 64
"""What an entry costs besides its bytes, in the size that a partition splits at."""
MOST_LISTED: Final = 2000
"""A range of a partition with more entries walks the SortedDict; listing its keys would cost too
much."""
MEMORY_OVERHEAD: Final = 190
"""What an entry costs besides its bytes in memory: two bytes objects, its place in dict and list.
"""


class Partition:
    """The range from ``begin`` to the next partition's.

    Entries are always what the snapshot says, changed by the pending operations; so they can be
    dropped and loaded again at any time. Guarded by the replica's mutex, except that
    ``entries.get`` of one key and the setting of ``used`` need none.
    """

    __slots__ = (
        "begin",
        "cost",
        "entries",
        "floor",
        "id",
        "order",
        "pending",
        "resolved",
        "since",
        "used",
    )

    def __init__(self, number: int, begin: bytes, *, resolved: bool) -> None:
        self.id = number
        """The LSN of the record that made it; 0: it has no snapshot, and its pending operations are
        all."""
        self.begin = begin
        """The first key of the range; while not ``resolved`` a lower bound, the hash in the
        folder's name."""
        self.resolved = resolved
        self.entries: Entries | None = None
        self.pending: dict[bytes, bytes | None] = {}
        self.since = 0
        """The LSN of the oldest pending operation, where there is one."""
        self.order: list[bytes] | None = None
        """The keys of ``entries`` in order, while no key came or went since they were listed."""
        self.cost = 0
        """The bytes that ``entries`` take in memory, as :func:`memory_cost` has them."""
        self.used = False
        self.floor = 0
        """The journal says that the snapshot holds everything before this LSN."""

    def keys_between(self, low: bytes, high: bytes | None, limit: int) -> list[bytes]:
        """Return up to ``limit`` keys of [low, high), in order. The partition is loaded."""
        entries = self.entries
        assert entries is not None
        if len(entries) > MOST_LISTED:
            return list(islice(entries.irange(low, high, (True, False)), limit))
        order = self.order
        if order is None:
            order = self.order = list(entries)
        start = bisect_left(order, low)
        stop = len(order) if high is None else bisect_left(order, high, start)
        return order[start : min(stop, start + limit)]

    def keys_below(self, low: bytes, high: bytes | None, limit: int) -> list[bytes]:
        """Return up to ``limit`` keys of [low, high) in reverse order. The partition is loaded."""
        entries = self.entries
        assert entries is not None
        return list(islice(entries.irange(low, high, (True, False), reverse=True), limit))

    def put(self, key: bytes, value: bytes, lsn: int) -> None:
        """Apply a put of the record at ``lsn``."""
        if not self.pending:
            self.since = lsn
        self.pending[key] = value
        entries = self.entries
        if entries is not None:
            old = entries.get(key)
            entries[key] = value
            if old is None:
                self.order = None
                self.cost += len(key) + len(value) + MEMORY_OVERHEAD
            else:
                self.cost += len(value) - len(old)

    def delete(self, key: bytes, lsn: int) -> None:
        """Apply a delete; harmless where the key is not there."""
        if not self.pending:
            self.since = lsn
        self.pending[key] = None
        if self.entries is not None:
            self.order = None
            old = self.entries.pop(key, None)
            if old is not None:
                self.cost -= len(key) + len(old) + MEMORY_OVERHEAD

    def take(self, pending: dict[bytes, bytes | None], since: int) -> None:
        """Take over pending operations, the oldest of them of the record at ``since``."""
        if pending:
            self.since = min(self.since, since) if self.pending else since
            self.pending.update(pending)

    def apply(self, changes: dict[bytes, bytes | None], lsn: int) -> None:
        """Apply many changes at once, the last one for each key."""
        if not self.pending:
            self.since = lsn
        self.pending.update(changes)
        if self.entries is not None:
            self.order = None
            added = _added_cost(self.entries, changes)
            overlay(self.entries, changes)
            self.cost += added


def overlay(entries: Entries, changes: dict[bytes, bytes | None]) -> None:
    """Change entries by pending operations."""
    puts: dict[bytes, bytes] = {}
    for key, value in changes.items():
        if value is None:
            entries.pop(key, None)
        else:
            puts[key] = value
    if puts:
        entries.update(puts)


def memory_cost(entries: Entries) -> int:
    """Return the bytes that entries take in memory, roughly."""
    return payload_bytes(entries) + MEMORY_OVERHEAD * len(entries)


def _added_cost(entries: Entries, changes: dict[bytes, bytes | None]) -> int:
    """Return by how much changes will change what entries take in memory."""
    added = 0
    for key, value in changes.items():
        old = entries.get(key)
        if old is not None:
            added -= len(key) + len(old) + MEMORY_OVERHEAD
        if value is not None:
            added += len(key) + len(value) + MEMORY_OVERHEAD
    return added


def payload_bytes(entries: Entries) -> int:
    """Return the bytes of all keys and values."""
    return sum(map(len, chain(dict.keys(entries), dict.values(entries))))


def size(entries: Entries) -> int:
    """Return the size by which a partition splits: keys, values, and an overhead an entry."""
    return payload_bytes(entries) + ENTRY_OVERHEAD * len(entries)


def cut_points(entries: Entries, target: int, most: int) -> tuple[list[bytes], bool]:
    """Choose where to cut entries into pieces of about ``target`` bytes.

    An item collection, whose keys begin with one hash, is cut only where it is larger than a piece.
    Returns the beginnings of the pieces after the first, at most ``most`` of them, and whether what
    lies after the last is still larger than one piece.
    """
    points: list[bytes] = []
    filled = 0
    previous = b""
    for key, value in entries.items():
        if filled >= target and (key[:8] != previous[:8] or filled >= 2 * target):
            if len(points) == most:
                return points, True
            points.append(separator(previous, key))
            filled = 0
        filled += len(key) + len(value) + ENTRY_OVERHEAD
        previous = key
    return points, False


def separator(left: bytes, right: bytes) -> bytes:
    """Return the shortest key, of at least a hash, that is above ``left`` and at most ``right``.

    Where the hash differs the separator is the hash, so that an item collection is not cut without
    need.
    """
    length = 8
    while left[:length] == right[:length]:
        length += 1
    return right[:length]


def pieces_of(entries: Entries, points: list[bytes]) -> list[Entries]:
    """Cut entries at the given keys."""
    keys = list(entries)
    bounds = [0, *(bisect_left(keys, point) for point in points), len(keys)]
    return [
        Entries((key, entries[key]) for key in keys[start:stop]) for start, stop in pairwise(bounds)
    ]
