"""The rows of a listing of a store of objects."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from dynafile.cli.failures import Failure
from dynafile.errors import IndexNotSupported, InvalidObjectKey, NotSupportedByStore, PathTaken

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dynafile.objects import Entry, ObjectStore

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def listed(
    store: ObjectStore, folder: str, *, long: bool, recursive: bool
) -> Iterator[dict[str, Any]]:
    """Yield a row for each name: its ``kind``, and with ``long`` when it was made and changed."""
    from dynafile.objects.paths import folder_path, split

    top = folder_path(folder)
    cut = 1 if top == "/" else len(top) + 1
    times = _Times(store)
    empty = True
    try:
        for path, is_folder in _steps(store, top, recursive):
            empty = False
            name = f"{path[cut:]}/" if is_folder else path[cut:]
            row = {"name": name, "kind": "folder" if is_folder else "object"}
            if long and not is_folder:
                row |= times.of(*split(path))
            yield row
    except PathTaken as error:
        raise Failure(
            f"{error.message}: it has nothing to list", hint="`dynafile objects get` prints it"
        ) from None
    if empty and not store.is_dir(top):
        raise Failure(f"there is no folder {top} in {store.url}")


def _steps(store: ObjectStore, top: str, recursive: bool) -> Iterator[tuple[str, bool]]:
    from dynafile.objects.paths import child
    from dynafile.objects.walking import walk

    if recursive:
        for step in walk(store, top):
            yield step.path, step.is_folder
        return
    for name in store.list_dir(top, page_size=1000):
        yield child(top, name.rstrip("/")), name.endswith("/")


class _Times:
    """When objects were made and changed, read a folder at a time."""

    def __init__(self, store: ObjectStore) -> None:
        self._store = store
        self._levels: dict[str, dict[str, Entry]] = {}

    def of(self, folder: str, name: str) -> dict[str, str]:
        """Return the times of an object as a row has them; none where the store knows none."""
        if folder not in self._levels:
            # A listing comes back to the folders that this one is in, and to no other.
            above = {each: found for each, found in self._levels.items() if _holds(each, folder)}
            self._levels = above | {folder: self._entries(folder)}
        entry = self._levels[folder].get(name)
        if entry is None or not entry.mtime:
            return {}
        return {"modified": _iso(entry.mtime), "created": _iso(entry.ctime)}

    def _entries(self, folder: str) -> dict[str, Entry]:
        try:
            found = self._store.folder(folder, allow_scan=True).entries()
            return {entry.key: entry for entry in found}
        except (IndexNotSupported, NotSupportedByStore, InvalidObjectKey):
            return {}


def _holds(folder: str, other: str) -> bool:
    return folder == "/" or other.startswith(f"{folder}/")


def _iso(nanoseconds: int) -> str:
    return (_EPOCH + timedelta(microseconds=nanoseconds // 1000)).isoformat()
