"""What one backend, a union and a cache differ in: how paths are read and written."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import Any

from msgspec import Struct

from dynafile.objects.backend import (
    AnyVersion,
    Entry,
    Features,
    Kind,
    Name,
    Order,
    Progress,
    Unchanged,
    WriteOptions,
)

__all__ = ["Found", "Primitives"]


class Found(Struct, frozen=True):
    """A value, or the state of an object, and the version that it is."""

    value: Any
    version: str


class Primitives(ABC):
    """Reads and writes by path, seen from the base path; a value may be an ObjectState."""

    features: Features

    @abstractmethod
    def _fetch(self, path: str, known: str | None, *, reload: bool) -> Found | Unchanged | None:
        """Read an object; UNCHANGED if it is of the version ``known``; with ``reload`` in full."""

    @abstractmethod
    def _fetch_many(self, paths: list[str]) -> dict[str, Found]: ...

    @abstractmethod
    def _store(self, path: str, value: Any, options: WriteOptions) -> str:
        """Write an object and return its version."""

    @abstractmethod
    def _store_many(self, values: dict[str, Any], options: WriteOptions) -> dict[str, str]: ...

    @abstractmethod
    def _remove(self, path: str, if_match: str | AnyVersion) -> None: ...

    @abstractmethod
    def _kind(self, path: str) -> Kind | None: ...

    @abstractmethod
    def _make_folder(self, path: str) -> None: ...

    @abstractmethod
    def _remove_folder(self, path: str) -> None: ...

    @abstractmethod
    def _remove_tree(self, path: str, progress: Progress) -> None: ...

    @abstractmethod
    def _list(self, path: str, page_size: int) -> Iterator[Name]: ...

    @abstractmethod
    def _entries(self, path: str, order: Order) -> Iterator[Entry]: ...

    @abstractmethod
    def _index_values(self, path: str) -> dict[str, int]: ...

    @abstractmethod
    def _reindex(self, path: str) -> int: ...

    def _version(self, path: str) -> str | None:
        """Return the version that a conditional write is held against."""
        found = self._fetch(path, None, reload=True)
        return found.version if isinstance(found, Found) else None

    def _refresh(self, path: str | None) -> None:  # noqa: B027 - not all keep bytes
        """Forget what is kept of stored bytes, of one path or of all."""
