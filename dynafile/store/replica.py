"""The replica: the store as one process reads it."""

from __future__ import annotations

from bisect import bisect_right
from typing import Final

from dynafile.store.follower import Follower
from dynafile.store.format import Operation, snapshot_header_length
from dynafile.store.history import MemoryHistory
from dynafile.store.partition import Partition
from dynafile.store.partition_map import Keyspace
from dynafile.store.position import END

MOST_READ: Final = 512
"""How many entries a range read copies at a time, at the most."""


class Cold(Exception):
    """What was asked for takes a lock or a system call."""


class Replica(Follower):
    """Reads of keys, ranges and sizes, each at the newest published LSN."""

    history: MemoryHistory | None = None
    """Of a store in memory, what its schema wants to be kept of the commits."""

    def apply_in_memory(self, operations: list[Operation], time: int) -> None:
        """Make a commit in a store without a journal. Called with the mutex held."""
        start = self.lsn
        self.words[END] = end = start + 1
        self.apply(operations, end, time)
        if self.schema.retention is None:
            self.history = None
        else:
            if self.history is None:
                self.history = MemoryHistory(self.mutex)
            self.history.note(start, time, operations, self.schema.retention)

    def get(self, keyspace: Keyspace, key: bytes) -> bytes | None:
        """Return the value at ``key``. Warm, it costs no system call and takes no lock."""
        if self.words[END] != self.lsn:
            self.catch_up()
        begins, parts = keyspace.layout
        part = parts[bisect_right(begins, key) - 1]
        entries = part.entries
        if entries is None:
            return self._get_cold(keyspace, key)
        part.used = True
        return entries.get(key)  # type: ignore[no-any-return]

    def get_warm(self, keyspace: Keyspace, key: bytes) -> bytes | None:
        """Return the value at ``key``; raises Cold where :meth:`get` could have to wait."""
        if self.words[END] != self.lsn:
            raise Cold
        begins, parts = keyspace.layout
        part = parts[bisect_right(begins, key) - 1]
        entries = part.entries
        if entries is None:
            raise Cold
        part.used = True
        return entries.get(key)  # type: ignore[no-any-return]

    def get_as_it_is(self, keyspace: Keyspace, key: bytes) -> bytes | None:
        """Return the value at ``key`` without looking for what was published since.

        To be called where nothing must come in between: under the lock, or with the mutex held.
        """
        begins, parts = keyspace.layout
        part = parts[bisect_right(begins, key) - 1]
        entries = part.entries
        if entries is None:
            return self._get_cold(keyspace, key)
        part.used = True
        return entries.get(key)  # type: ignore[no-any-return]

    def _get_cold(self, keyspace: Keyspace, key: bytes) -> bytes | None:
        with self.mutex:
            return self.entries_at(keyspace, key)[1].get(key)  # type: ignore[no-any-return]

    def read_range(
        self,
        keyspace: Keyspace,
        low: bytes,
        high: bytes | None,
        limit: int,
        *,
        as_it_is: bool = False,
    ) -> tuple[list[bytes], list[bytes], bytes | None]:
        """Return keys and values of the range [low, high) that lie in the partition of ``low``.

        At most ``limit`` of them; the third result is where to go on, None at the end. They are
        copied under the mutex: a SortedDict read beside a writer is wrong now and then.
        ``as_it_is``: do not look for what was published since, see :meth:`get_as_it_is`.
        """
        limit = min(limit, MOST_READ)
        with self.mutex:
            if not as_it_is and self.words[END] != self.lsn:
                self.catch_up()
            begins, parts = keyspace.layout
            index = bisect_right(begins, low)
            part = parts[index - 1]
            entries = part.entries
            if entries is None or not part.resolved:
                part, entries = self.entries_at(keyspace, low)
                begins, parts = keyspace.layout
                index = bisect_right(begins, part.begin)
            part.used = True
            keys = part.keys_between(low, high, limit)
            values = list(map(entries.__getitem__, keys))
            if len(keys) == limit:
                return keys, values, keys[-1] + b"\0"
            if index == len(parts) or (high is not None and begins[index] >= high):
                return keys, values, None
            # An unresolved neighbour begins at or after its lower bound; the map settles it when
            # asked.
            return keys, values, begins[index]

    def read_range_backward(
        self, keyspace: Keyspace, low: bytes, high: bytes | None, limit: int
    ) -> tuple[list[bytes], list[bytes], bytes | None]:
        """Return what :meth:`read_range` does from the end of [low, high) downwards."""
        limit = min(limit, MOST_READ)
        with self.mutex:
            if self.words[END] != self.lsn:
                self.catch_up()
            part, entries = self.entries_below(keyspace, high)
            keys = part.keys_below(low, high, limit)
            values = list(map(entries.__getitem__, keys))
            if len(keys) == limit:
                return keys, values, keys[-1] if keys[-1] > low else None
            return keys, values, part.begin if part.begin > low else None

    def count(self, keyspace: Keyspace) -> int:
        """Return the number of entries: from the headers, and from what has pending operations."""
        with self.mutex:
            if self.words[END] != self.lsn:
                self.catch_up()
            while True:
                lsn, total = self.lsn, 0
                for part in keyspace.partitions():
                    if part.entries is not None:
                        total += len(part.entries)
                    elif part.pending or part.id == 0:
                        total += len(self._load(keyspace, part) or ())
                    else:
                        total += self._count_in_header(keyspace, part)
                if lsn == self.lsn:
                    return total

    def count_in_passing(self, keyspace: Keyspace) -> int:
        """Return about what :meth:`count` does: one partition at a time, nobody waits long."""
        total = 0
        for part in list(keyspace.partitions()):
            with self.mutex:
                if part.entries is not None:
                    total += len(part.entries)
                elif part.id == 0:
                    total += len(part.pending)
                else:
                    total += self._count_in_header(keyspace, part)
        return total

    def _count_in_header(self, keyspace: Keyspace, part: Partition) -> int:
        header = self._header(keyspace, part)
        return header[0] if header else 0

    def snapshot_bytes(self, keyspace: Keyspace, part: Partition) -> int:
        """Return the size of a partition's file, from its header."""
        try:
            header = self._read_header(keyspace, part)
        except FileNotFoundError:
            return 0  # replaced meanwhile
        return snapshot_header_length(header) + header.payload_length
