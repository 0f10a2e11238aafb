"""Storages: maps of strings to strings, such as a canister's stable map."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from typing import Protocol

from dynafile.errors import InvalidEntityType


class StringMap(Protocol):
    """What a storage must have; it need not inherit from :class:`Storage`."""

    def insert(self, key: str, value: str, /) -> object:
        """Put a value at a key, whether or not there is one."""

    def get(self, key: str, /) -> str | None:
        """Return the value at a key, or None."""

    def remove(self, key: str, /) -> object:
        """Take the value at a key away."""

    def items(self) -> Iterable[tuple[str, str]]:
        """Return keys with values."""

    def keys(self) -> Iterable[str]:
        """Return the keys."""

    def __contains__(self, key: str, /) -> bool:
        """Say whether there is a value at a key."""


class Storage(ABC):
    """A base for storages of your own."""

    @abstractmethod
    def insert(self, key: str, value: str) -> object:
        """Put a value at a key, whether or not there is one."""

    @abstractmethod
    def get(self, key: str) -> str | None:
        """Return the value at a key, or None."""

    @abstractmethod
    def remove(self, key: str) -> object:
        """Take the value at a key away; raises KeyError where there is none."""

    @abstractmethod
    def items(self) -> Iterator[tuple[str, str]]:
        """Yield keys with values."""

    @abstractmethod
    def keys(self) -> Iterator[str]:
        """Yield the keys."""

    @abstractmethod
    def __contains__(self, key: str) -> bool:
        """Say whether there is a value at a key."""


class MemoryStorage(Storage):
    """A storage in memory, gone with the process."""

    def __init__(self) -> None:
        self._values: dict[str, str] = {}

    def insert(self, key: str, value: str) -> None:
        """Put a value at a key, whether or not there is one."""
        self._values[key] = value

    def get(self, key: str) -> str | None:
        """Return the value at a key, or None."""
        return self._values.get(key)

    def remove(self, key: str) -> None:
        """Take the value at a key away; raises KeyError where there is none."""
        if key not in self._values:
            raise KeyError(f"Key {key!r} not found in storage")
        del self._values[key]

    def items(self) -> Iterator[tuple[str, str]]:
        """Yield keys with values."""
        return iter(self._values.items())

    def keys(self) -> Iterator[str]:
        """Yield the keys."""
        return iter(self._values)

    def __contains__(self, key: str) -> bool:
        """Say whether there is a value at a key."""
        return key in self._values


_NEEDED = ("insert", "get", "remove", "items", "keys", "__contains__")


def check_storage(storage: object, name: str) -> None:
    """Raise InvalidEntityType unless an object has what a storage must have."""
    missing = [each for each in _NEEDED if not callable(getattr(storage, each, None))]
    if missing:
        raise InvalidEntityType(
            f"{name} is a map of strings with insert, get, remove, items, keys and __contains__; "
            f"{type(storage).__name__} lacks {', '.join(missing)}"
        )
