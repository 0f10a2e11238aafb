"""The objects of a type that somebody has, one for each record."""

from __future__ import annotations

from typing import Any, Final
from weakref import ref

_LEAST: Final = 1000


class ObjectsInUse:
    """Objects by their ids, which are not kept alive.

    A WeakValueDictionary would do; it runs Python whenever an object comes or goes, which is a good
    part of what it takes to read one. Here those that are gone are taken out when they are many.
    """

    def __init__(self) -> None:
        self._refs: dict[str, ref[Any]] = {}
        self._most = _LEAST

    def get(self, id_: str) -> Any:
        """Return the object of an id, or None."""
        found = self._refs.get(id_)
        return None if found is None else found()

    def keep(self, id_: str, entity: Any) -> None:
        """Have this one for its id."""
        self._refs[id_] = ref(entity)
        if len(self._refs) > self._most:
            self._refs = {key: each for key, each in self._refs.items() if each() is not None}
            self._most = max(_LEAST, 2 * len(self._refs))

    def clear(self) -> list[Any]:
        """Forget all; return those that somebody has."""
        found = [entity for each in self._refs.values() if (entity := each()) is not None]
        self._refs = {}
        return found
