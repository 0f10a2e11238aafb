"""What those who listen are told of a commit: which documents came, changed, and went."""

from __future__ import annotations

from abc import ABC, abstractmethod
from bisect import bisect_left, insort
from collections.abc import Iterable, Sequence
from typing import Any, Final

from msgspec import Struct

from dynafile.documents.comparing import are_equal
from dynafile.documents.engine import ChangeType, Element
from dynafile.documents.feed import Event
from dynafile.documents.filters import Filter
from dynafile.documents.paths import Path
from dynafile.documents.requests import Query
from dynafile.documents.values import decode, encode

__all__ = ["Told", "View", "view_of"]


class Told(Struct):
    """A document that came, changed or went, and its bytes; of one that went those it had."""

    type: ChangeType
    path: Path
    data: bytes

    @property
    def value(self) -> Any:
        """The document, a new one each time."""
        return decode(self.data)


_ORDER: Final = {"removed": 0, "added": 1, "modified": 2}


class View(ABC):
    """A query as somebody sees it who listens to it."""

    def __init__(self, query: Query) -> None:
        self._query = query
        self._filter = Filter(query)

    @abstractmethod
    def begin(self, found: Iterable[Element], since: Sequence[Event]) -> list[Element]:
        """Take the documents that a query wants, as they were read, and the events meanwhile.

        Returns what it finds after those.
        """

    @abstractmethod
    def after(self, events: Sequence[Event]) -> list[Told]:
        """Return what is to be told of the events of one commit."""

    def _patched(self, found: Iterable[Element], since: Sequence[Event]) -> dict[Path, Element]:
        """Bring what was read up to the last of the events.

        Each event has all of a document, so that it does not matter which of them the read saw.
        """
        documents = {element.path: element for element in found}
        for event in since:
            path = event.path
            documents.pop(path, None)
            if event.new is not None and self._filter.accepts(path, event.new_value):
                documents[path] = Element(path, decode(event.new))
        return documents

    def _sorted(self, documents: dict[Path, Element]) -> list[Element]:
        place = self._filter.place
        return sorted(documents.values(), key=lambda element: place(element.path, element.value))


class _Stateless(View):
    """A query without a limit: an event tells by itself whether a document belongs to it."""

    def begin(self, found: Iterable[Element], since: Sequence[Event]) -> list[Element]:
        return self._sorted(self._patched(found, since))

    def after(self, events: Sequence[Event]) -> list[Told]:
        accepts = self._filter.accepts
        told = []
        for event in events:
            path = event.path
            was = event.old is not None and accepts(path, event.old_value)
            if event.new is not None and accepts(path, event.new_value):
                if not was:
                    told.append(Told("added", path, event.new))
                elif not event.is_same:
                    told.append(Told("modified", path, event.new))
            elif was and event.old is not None:
                told.append(Told("removed", path, event.old))
        if len(told) > 1:
            told.sort(key=lambda each: _ORDER[each.type])
        return told


class _Window(View):
    """A query with a limit: what leaves it lets another document in, so that all are kept."""

    def __init__(self, query: Query) -> None:
        super().__init__(query)
        assert query.limit is not None
        self._limit = query.limit
        self._places: list[tuple[Any, Path]] = []
        self._kept: dict[Path, tuple[Any, bytes]] = {}
        self._shown: dict[Path, bytes] = {}

    def begin(self, found: Iterable[Element], since: Sequence[Event]) -> list[Element]:
        documents = self._sorted(self._patched(found, since))
        place = self._filter.place
        self._kept = {
            element.path: (place(element.path, element.value), encode(element.value, ""))
            for element in documents
        }
        self._places = [(self._kept[element.path][0], element.path) for element in documents]
        self._shown = self._window()
        return documents[: self._limit]

    def _window(self) -> dict[Path, bytes]:
        return {path: self._kept[path][1] for _, path in self._places[: self._limit]}

    def after(self, events: Sequence[Event]) -> list[Told]:
        for event in events:
            path = event.path
            if path in self._kept:
                known = self._kept.pop(path)[0], path
                del self._places[bisect_left(self._places, known)]
            if event.new is not None and self._filter.accepts(path, event.new_value):
                place = self._filter.place(path, event.new_value)
                self._kept[path] = place, event.new
                insort(self._places, (place, path))
        before, now = self._shown, self._window()
        self._shown = now
        told = [Told("removed", path, data) for path, data in before.items() if path not in now]
        told += [Told("added", path, data) for path, data in now.items() if path not in before]
        for path, data in now.items():
            old = before.get(path)
            if old is not None and old != data and not are_equal(decode(old), decode(data)):
                told.append(Told("modified", path, data))
        return told


def view_of(query: Query) -> View:
    """Return what looks at a query for somebody who listens."""
    return _Stateless(query) if query.limit is None else _Window(query)
