"""The class map of a store: which class a name stands for, so that classes may move."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any, Final

from dynafile.errors import DbObjException, InvalidObjectArgument, InvalidObjectType
from dynafile.objects.backend import Unchanged
from dynafile.objects.primitives import Found
from dynafile.objects.stored_objects import DbObj

__all__ = ["CLASS_MAP", "Classes", "checked_class_map"]

CLASS_MAP: Final = "/.configs/objdb"
"""Where a store keeps its class map."""

_PARTS: Final = ("module_path", "class_name")


Map = dict[str, dict[str, str]]


class Classes:
    """The classes of a store by name; the class map is read anew when it has changed."""

    def __init__(self, fetch: Callable[[str | None], Found | Unchanged | None]) -> None:
        """Take the function that reads the class map, unless it is of the version it is given."""
        self._fetch = fetch
        self._known: tuple[str, Map] | None = None

    def load(self, name: str, url: str) -> type[DbObj]:
        """Return a class, whose module is imported; raises DbObjException."""
        known = self._known
        found = self._fetch(None if known is None else known[0])
        if isinstance(found, Found):
            known = self._known = (found.version, checked_class_map(found.value))
        elif found is None or known is None:
            raise DbObjException(
                f"Missing config file {CLASS_MAP}. Please ensure it exists in {url}: "
                "db.upload_objdb_config({...}) writes it"
            )
        return _loaded(name, known[1])


def checked_class_map(config: Any) -> Map:
    """Return a class map as it is stored; raises InvalidObjectType or InvalidObjectArgument."""
    if not isinstance(config, Mapping):
        raise InvalidObjectType(
            "the class map is a dict of {'module_path': ..., 'class_name': ...} by name, not "
            f"{type(config).__qualname__}"
        )
    return {name: _checked(name, entry) for name, entry in config.items()}


def _loaded(name: str, classes: Map) -> type[DbObj]:
    entry = classes.get(name)
    if entry is None:
        known = ", ".join(sorted(classes)) or "none"
        raise DbObjException(f"there is no class {name!r} in {CLASS_MAP}; it has: {known}")
    module_path, class_name = entry["module_path"], entry["class_name"]
    where = f"{module_path}.{class_name}, which {CLASS_MAP} names for {name!r},"
    try:
        found = getattr(import_module(module_path), class_name, None)
    except Exception as error:  # the module's own code, which may raise anything
        raise DbObjException(f"{where} cannot be imported: {error!r}") from error
    if not isinstance(found, type) or not issubclass(found, DbObj):
        what = "is not there" if found is None else "is no subclass of DbObj"
        raise DbObjException(f"{where} {what}: upload_objdb_config says where classes are")
    return found


def _checked(name: object, entry: object) -> dict[str, str]:
    if type(name) is not str or not name:
        raise InvalidObjectArgument(f"the name of a class is a string, not {name!r:.80}")
    if not isinstance(entry, Mapping):
        raise InvalidObjectArgument(
            f"config must have module_path and class_name, and {name} is {entry!r:.80}"
        )
    for part in _PARTS:
        if not isinstance(entry.get(part), str) or not entry[part]:
            raise InvalidObjectArgument(
                f"config must have module_path and class_name as strings, and {name!r} has {part}: "
                f"{entry.get(part)!r:.80}"
            )
    unknown = entry.keys() - {*_PARTS}
    if unknown:
        raise InvalidObjectArgument(f"{name!r} has {sorted(map(str, unknown))}, which is unknown")
    return {part: entry[part] for part in _PARTS}
