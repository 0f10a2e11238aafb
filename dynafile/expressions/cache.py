"""A bounded cache whose lookups take no lock."""

from __future__ import annotations

import threading
from typing import Generic, TypeVar

__all__ = ["Cache"]

Key = TypeVar("Key")
Value = TypeVar("Value")


class Cache(Generic[Key, Value]):
    """Keeps the last entries that were used, at most twice ``size`` of them.

    There are two generations. When the young one is full it becomes the old one, which is given
    up; an entry that is found in the old one moves to the young one. ``young.get`` finds most of
    what there is at the cost of a dictionary lookup; ``get`` finds the rest. Threads that miss at
    once each make the entry, and the last one stays.
    """

    __slots__ = ("_lock", "_old", "_size", "young")

    def __init__(self, size: int) -> None:
        self._size = size
        self.young: dict[Key, Value] = {}
        self._old: dict[Key, Value] = {}
        self._lock = threading.Lock()

    def get(self, key: Key) -> Value | None:
        """Return what was put under a key; None if nothing was, or it has been given up."""
        value = self.young.get(key)
        if value is None:
            value = self._old.get(key)
            if value is not None:
                self.put(key, value)
        return value

    def put(self, key: Key, value: Value) -> None:
        """Keep a value, which must not be None, under a key."""
        with self._lock:
            if len(self.young) >= self._size and key not in self.young:
                self._old = self.young
                self.young = {}
            self.young[key] = value

    def __len__(self) -> int:
        return len(self.young.keys() | self._old.keys())
