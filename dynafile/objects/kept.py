"""What a store keeps of what it has read: objects of classes, by identity.

Nothing kept is believed: it is compared by version with what the store has now. A cache context
adds a layer that is dropped with it.
"""

from __future__ import annotations

from collections import OrderedDict
from contextvars import ContextVar
from threading import Lock
from typing import Any, Final, NamedTuple
from weakref import WeakValueDictionary, ref

__all__ = ["Kept", "KeptObjects", "Scope", "entered", "left"]

MOST_HELD: Final = 10_000
"""So many objects are kept alive; beyond these an object is kept while somebody else has it."""


class Kept(NamedTuple):
    """An object, and the version that it was read or written as."""

    value: Any
    version: str


class _Layer:
    """Objects by path: the latest are held, and the others as long as their users hold them."""

    def __init__(self) -> None:
        self._held: OrderedDict[str, Any] = OrderedDict()
        self._alive: WeakValueDictionary[str, Any] = WeakValueDictionary()
        self._versions: dict[str, str] = {}
        self._lock = Lock()

    def get(self, path: str) -> Kept | None:
        version = self._versions.get(path)
        value = None if version is None else self._alive.get(path)
        if version is None or value is None or self._versions.get(path) != version:
            return None
        return Kept(value, version)

    def put(self, path: str, value: Any, version: str) -> None:
        with self._lock:
            # The version first and last: who reads in between finds nothing, or what fits.
            self._versions.pop(path, None)
            self._alive[path] = value
            self._held.pop(path, None)
            self._held[path] = value
            self._versions[path] = version
            if len(self._held) > MOST_HELD:
                self._held.popitem(last=False)
                if len(self._versions) > 2 * max(MOST_HELD, len(self._alive)):
                    self._versions = {
                        each: self._versions[each]
                        for each in list(self._alive)
                        if each in self._versions
                    }

    def forget(self, path: str | None) -> None:
        with self._lock:
            for kept in (self._versions, self._alive, self._held):
                if path is None:
                    kept.clear()
                else:
                    kept.pop(path, None)


class Scope:
    """A cache context of one store: a layer above what the store keeps."""

    def __init__(self, owner: KeptObjects) -> None:
        self.owner: Final = ref(owner)
        self.layer: Final = _Layer()


_SCOPES: ContextVar[tuple[Scope, ...]] = ContextVar("_SCOPES", default=())
"""The cache contexts that are open, in this thread or task."""


class KeptObjects:
    """What one store keeps; the layers of its open cache contexts lie above it."""

    def __init__(self) -> None:
        self._layer = _Layer()

    def _layers(self) -> list[_Layer]:
        scopes = _SCOPES.get()
        inner = [scope.layer for scope in reversed(scopes) if scope.owner() is self]
        return [*inner, self._layer]

    def get(self, path: str) -> Kept | None:
        """Return what is kept of a path, the innermost first."""
        if not _SCOPES.get():
            return self._layer.get(path)
        found = (layer.get(path) for layer in self._layers())
        return next((kept for kept in found if kept is not None), None)

    def put(self, path: str, value: Any, version: str) -> None:
        """Keep an object, in the innermost cache context."""
        self._layers()[0].put(path, value, version)

    def forget(self, path: str | None = None) -> None:
        """Forget what is kept of a path, or everything, in every layer."""
        for layer in self._layers():
            layer.forget(path)


def entered(owners: list[KeptObjects]) -> Any:
    """Open a cache context of stores, and return what ``left`` takes."""
    return _SCOPES.set((*_SCOPES.get(), *map(Scope, owners)))


def left(token: Any) -> None:
    """Close a cache context, and forget what was read in it."""
    _SCOPES.reset(token)
