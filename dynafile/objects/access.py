"""How values and objects of classes are read and written, above what stores differ in."""

from __future__ import annotations

from typing import Any, Final

from dynafile.errors import HandleClosed, HandleForked, InvalidObjectKey
from dynafile.objects.backend import UNCHANGED, WriteOptions
from dynafile.objects.class_map import CLASS_MAP, Classes
from dynafile.objects.codec import ObjectState
from dynafile.objects.kept import KeptObjects
from dynafile.objects.primitives import Found, Primitives
from dynafile.objects.queries import GONE
from dynafile.objects.stored_objects import DbObj, key_of, load_object, state_of

__all__ = ["Access"]

_PLAIN_TYPES: Final = frozenset({dict, list, str, int, float, bool, bytes, tuple, type(None)})
"""What is certainly no object of a class."""


class Access(Primitives):
    """Reads and writes by path; an object of a class is kept, and made anew when it has changed."""

    def __init__(self, url: str) -> None:
        self.url: Final = url
        self.closed = False
        self._forks = True
        self._forked = False
        self._kept = KeptObjects()
        self._classes = Classes(lambda known: self._fetch(CLASS_MAP, known, reload=False))

    def _shut_in_child(self) -> None:
        """Refuse what a forked child asks for, where it would use a connection of its parent's."""
        if not self._forks:
            self.closed = self._forked = True

    def _check_open(self) -> None:
        if self._forked:
            raise HandleForked(
                f"{self.url} was connected to by the parent of this process, and a fork cannot "
                "share the connection: connect again in the child"
            )
        if self.closed:
            raise HandleClosed(f"{self.url} was closed; connect() opens it anew")

    def _read(self, path: str, reload: bool) -> Any:
        kept = None if reload else self._kept.get(path)
        found = self._fetch(path, None if kept is None else kept.version, reload=reload)
        if isinstance(found, Found):
            value = found.value
            return value if type(value) is not ObjectState else self._value_of(path, found)
        if found is UNCHANGED and kept is not None:
            return kept.value
        self._kept.forget(path)
        return GONE

    def _value_of(self, path: str, found: Found) -> Any:
        value = self._made(path, found)
        if type(found.value) is ObjectState:
            self._kept.put(path, value, found.version)
        return value

    def _made(self, path: str, found: Found) -> Any:
        if type(found.value) is not ObjectState:
            return found.value
        name, data = found.value
        store: Any = self  # which is an ObjectStore, the class above this one
        return load_object(self._classes.load(name, self.url), store, name, path, data)

    def _state_to_write(self, path: str, value: Any) -> Any:
        if not isinstance(value, DbObj):
            return value
        if key_of(value) != path:
            raise InvalidObjectKey(
                f"the object is that of {key_of(value)}, and cannot be written at {path}", key=path
            )
        return state_of(value)

    def _write(self, path: str, value: Any, options: WriteOptions) -> None:
        if self.closed:
            self._check_open()
        state = value if type(value) in _PLAIN_TYPES else self._state_to_write(path, value)
        try:
            version = self._store(path, state, options)
        except BaseException:
            if not isinstance(value, DbObj):
                self._kept.forget(path)
            raise
        self._wrote(path, value, version)

    def _wrote(self, path: str, value: Any, version: str) -> None:
        if isinstance(value, DbObj):
            self._kept.put(path, value, version)
