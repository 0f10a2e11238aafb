"""The view: what a commit is prepared against, under the lock."""

from __future__ import annotations

from dynafile.store.format import CLEAR, DELETE, PUT, Operation
from dynafile.store.partition_map import Keyspace
from dynafile.store.replica import MOST_READ, Replica


class View:
    """What a commit is prepared against: the replica, and the commits before it in its group."""

    def __init__(self, replica: Replica) -> None:
        self._replica = replica
        self._changed: dict[tuple[int, bytes], bytes | None] = {}
        self._cleared: set[int] = set()
        self.schema = replica.schema

    def get(self, keyspace: Keyspace, key: bytes) -> bytes | None:
        """Return the value at ``key``."""
        place = (keyspace.id, key)
        if place in self._changed:
            return self._changed[place]
        return None if keyspace.id in self._cleared else self._replica.get_as_it_is(keyspace, key)

    def get_warm(self, keyspace: Keyspace, key: bytes) -> bytes | None:
        """Return the value at ``key``; raises Cold where a file would have to be read."""
        if not self._changed and not self._cleared:
            return self._replica.get_warm(keyspace, key)
        place = (keyspace.id, key)
        if place in self._changed:
            return self._changed[place]
        return None if keyspace.id in self._cleared else self._replica.get_warm(keyspace, key)

    def range(
        self, keyspace: Keyspace, low: bytes, high: bytes | None
    ) -> list[tuple[bytes, bytes]]:
        """Return the entries of [low, high) in order."""
        found: dict[bytes, bytes] = {}
        at: bytes | None = None if keyspace.id in self._cleared else low
        while at is not None and (high is None or at < high):
            keys, values, at = self._replica.read_range(
                keyspace, at, high, MOST_READ, as_it_is=True
            )
            found.update(zip(keys, values, strict=True))
        for (number, key), value in self._changed.items():
            if number == keyspace.id and low <= key and (high is None or key < high):
                if value is None:
                    found.pop(key, None)
                else:
                    found[key] = value
        return sorted(found.items())

    def written(self, keyspace: Keyspace) -> list[bytes]:
        """Return the keys that the commits before this one in its group wrote or deleted."""
        return [key for number, key in self._changed if number == keyspace.id]

    def note(self, operations: list[Operation]) -> None:
        """Let later commits of the group see these operations."""
        for kind, number, key, value in operations:
            if kind == PUT:
                self._changed[number, key] = value
            elif kind == DELETE:
                self._changed[number, key] = None
            elif kind == CLEAR:
                self._cleared.add(number)
                for place in [place for place in self._changed if place[0] == number]:
                    del self._changed[place]
