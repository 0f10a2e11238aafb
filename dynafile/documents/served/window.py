"""The window: of what may be seen of a query, as many documents as its limit says, in its order."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Sequence
from typing import Any

from dynafile.documents.comparing import are_equal
from dynafile.documents.engine import DocumentChange
from dynafile.documents.filters import Filter
from dynafile.documents.paths import Path
from dynafile.documents.requests import Query

__all__ = ["Window"]


class Window:
    """Keeps all documents of a query, as each that leaves its limit lets another one in."""

    def __init__(self, query: Query) -> None:
        assert query.limit is not None
        self._limit = query.limit
        self._place = Filter(query).place
        self._places: list[tuple[Any, Path]] = []
        self._kept: dict[Path, tuple[Any, Any]] = {}
        self._shown: dict[Path, Any] = {}

    def begin(self, documents: dict[Path, Any]) -> dict[Path, Any]:
        """Take all documents; return those that are shown, in their order."""
        self._kept = {path: (self._place(path, value), value) for path, value in documents.items()}
        self._places = sorted((place, path) for path, (place, _) in self._kept.items())
        self._shown = self._now()
        return self._shown

    def after(self, changes: Sequence[DocumentChange]) -> list[DocumentChange]:
        """Take the changes of a commit; return what changes of what is shown."""
        for change in changes:
            path = tuple(change.path.split("/"))
            if path in self._kept:
                known = self._kept.pop(path)[0], path
                del self._places[bisect_left(self._places, known)]
            if change.type != "removed":
                place = self._place(path, change.value)
                self._kept[path] = place, change.value
                insort(self._places, (place, path))
        before, now = self._shown, self._now()
        self._shown = now
        position = changes[-1].position

        def told(kind: Any, path: Path, value: Any) -> DocumentChange:
            return DocumentChange(kind, path[-1], "/".join(path), value, position)

        found = [told("removed", path, value) for path, value in before.items() if path not in now]
        found += [told("added", path, value) for path, value in now.items() if path not in before]
        found += [
            told("modified", path, value)
            for path, value in now.items()
            if path in before and not are_equal(before[path], value)
        ]
        return found

    def _now(self) -> dict[Path, Any]:
        return {path: self._kept[path][1] for _, path in self._places[: self._limit]}
