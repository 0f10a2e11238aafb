"""Entities in maps of strings, each item a JSON text."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator

from sortedcontainers import SortedSet

from dynafile.entities.backend import Backend, IndexRange, Item, Pair, Session, no_index
from dynafile.entities.layout import AUDIT, entities, id_key, id_of
from dynafile.entities.storage import StringMap
from dynafile.errors import InvalidArgument, InvalidEntity

_ENTITY = entities("")
_KYBRA = "_system@"
_LAST = "\U0010ffff"

Place = tuple[str, str]
"""Partition key and sort key."""


def text_key(pk: str, sk: str) -> str:
    """Return the key in a map: ``Person@1`` for an entity, a JSON list of both keys for the rest.

    >>> text_key("entity#Person", "#011"), text_key("entity.types", "Person")
    ('Person@1', '["entity.types","Person"]')
    """
    if pk.startswith(_ENTITY):
        return f"{pk[len(_ENTITY) :]}@{id_of(sk)}"
    return json.dumps([pk, sk], ensure_ascii=False, separators=(",", ":"))


def place_of(key: str) -> Place:
    """Return what :func:`text_key` made a key of; raises ValueError for others."""
    if key.startswith("["):
        pk, sk = json.loads(key)
        return pk, sk
    type_, at, name = key.partition("@")
    if not at or not name:
        raise ValueError(key)
    return entities(type_), id_key(name)


class MapBackend(Backend):
    """One map, or two: the second for the audit log.

    The keys are read once, at the beginning: nobody else may write to the maps meanwhile. One
    thread at a time changes them: a session has the lock until it is over. A map has no
    transactions: where the process dies in the middle of a change, a part of it may be there.
    """

    has_transactions = False

    def __init__(self, storage: StringMap, audit: StringMap | None) -> None:
        self._storage = storage
        self._audit = storage if audit is None else audit
        self.lock = threading.RLock()
        self._places: SortedSet[Place] = SortedSet()
        for each in (self._storage, self._audit):
            self._places.update(map(_checked_place, each.keys()))

    def _map(self, pk: str) -> StringMap:
        return self._audit if pk == AUDIT else self._storage

    def get(self, pk: str, sk: str) -> Item | None:
        """Return an item, or None."""
        text = self._map(pk).get(text_key(pk, sk))
        return None if text is None else _read(text, pk, sk)

    def places(self, pk: str, after: str | None) -> list[Place]:
        """Return the places of a partition that are past ``after``."""
        low = (pk, "" if after is None else after)
        with self.lock:
            return list(self._places.irange(low, (pk, _LAST), (after is None, True)))

    def range(self, pk: str, after: str | None = None) -> Iterator[Pair]:
        """Yield the items of a partition in the order of their sort keys, those past ``after``."""
        for _, sk in self.places(pk, after):
            item = self.get(pk, sk)
            if item is not None:
                yield sk, item

    def index_range(self, pk: str, wanted: IndexRange) -> Iterator[Pair]:
        """There are no indexes."""
        raise no_index(wanted.attribute)

    def session(self) -> Session:
        """Begin to write."""
        return MapSession(self)

    def partitions(self) -> Iterator[tuple[str, str, Item]]:
        """Yield everything: partition key, sort key and attributes."""
        with self.lock:
            places = list(self._places)
        for pk, sk in places:
            item = self.get(pk, sk)
            if item is not None:
                yield pk, sk, item

    def clear(self) -> None:
        """Remove everything that is the entities'."""
        with self.lock:
            for pk, sk in list(self._places):
                self.write(pk, sk, None)

    def write(self, pk: str, sk: str, text: str | None) -> None:
        """Write an item's text, or take it away."""
        key = text_key(pk, sk)
        target = self._map(pk)
        if text is not None:
            target.insert(key, text)
            self._places.add((pk, sk))
        else:
            if key in target:
                target.remove(key)
            self._places.discard((pk, sk))

    def text(self, pk: str, sk: str) -> str | None:
        """Return an item's text, or None."""
        return self._map(pk).get(text_key(pk, sk))

    def indexes(self) -> frozenset[str]:
        """Return none."""
        return frozenset()

    def ensure_index(self, attribute: str, kind: str) -> None:
        """Do nothing: who asks finds that there is none."""

    def close(self) -> None:
        """Let go of the maps."""


class MapSession(Session):
    """Writes that wait, over what is in the maps."""

    def __init__(self, backend: MapBackend) -> None:
        self._backend = backend
        self._mine: dict[Place, Item | None] = {}
        self._has_lock = backend.lock.acquire()

    def get(self, pk: str, sk: str) -> Item | None:
        """Return an item, or None."""
        if (pk, sk) in self._mine:
            return _copy(self._mine[pk, sk])
        return self._backend.get(pk, sk)

    def range(self, pk: str, after: str | None = None) -> Iterator[Pair]:
        """Yield the items of a partition in the order of their sort keys, those past ``after``."""
        mine = {place for place in self._mine if place[0] == pk and place[1] > (after or "")}
        for _, sk in sorted(mine.union(self._backend.places(pk, after))):
            item = self.get(pk, sk)
            if item is not None:
                yield sk, item

    def index_range(self, pk: str, wanted: IndexRange) -> Iterator[Pair]:
        """There are no indexes."""
        raise no_index(wanted.attribute)

    def put(self, pk: str, sk: str, item: Item) -> None:
        """Put an item."""
        self._mine[pk, sk] = item

    def delete(self, pk: str, sk: str) -> None:
        """Delete an item, which need not be there."""
        self._mine[pk, sk] = None

    def commit(self) -> None:
        """Make the writes; where the map refuses one, those before it are taken back."""
        texts = {place: _text(item) for place, item in self._mine.items()}
        done: list[tuple[Place, str | None]] = []
        try:
            for place, text in texts.items():
                done.append((place, self._backend.text(*place)))
                self._backend.write(*place, text)
        except BaseException:
            for place, before in reversed(done):
                self._backend.write(*place, before)
            raise
        self.abandon()

    def abandon(self) -> None:
        """Forget the writes, and let others write."""
        self._mine.clear()
        if self._has_lock:
            self._has_lock = False
            self._backend.lock.release()


def _text(item: Item | None) -> str | None:
    return None if item is None else json.dumps(item, ensure_ascii=False)


def _copy(item: Item | None) -> Item | None:
    return None if item is None else dict(item)


def _read(text: str, pk: str, sk: str) -> Item:
    try:
        item = json.loads(text)
    except ValueError as error:
        raise InvalidEntity(
            f"the storage has no JSON at {text_key(pk, sk)!r}, but {text[:50]!r}: somebody else "
            "wrote it"
        ) from error
    if not isinstance(item, dict):
        raise InvalidEntity(f"the storage has no object at {text_key(pk, sk)!r}, but {text[:50]!r}")
    return item


def _checked_place(key: str) -> Place:
    if key.startswith(_KYBRA):
        raise InvalidArgument(
            "this storage was written by Kybra Simple DB, which keeps relations and times in "
            "another way: give its raw_dump_json() to load_kybra_json() of a new database"
        )
    try:
        return place_of(key)
    except ValueError as error:
        raise InvalidArgument(
            f"the storage has {key!r}, which is nothing of ours: give entities a map of their own"
        ) from error
