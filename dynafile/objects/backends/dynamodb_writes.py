"""What a write of objects, or of a folder, depends on in DynamoDB, and the requests that it takes.

Request 1 looks, in one consistent read, at the object, at whether its path is a folder, and at each
folder that it is in: whether it is one, and whether an object is in its place. Request 2 writes. An
object that is there is updated on condition that it still is. All else is one transaction: the
object, that its path is no folder, the markers that are missing, and that no object is in their
place. A transaction that somebody got in the way of has done nothing, and is decided anew.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from typing import Final

from dynafile.objects.backend import (
    ANY_VERSION,
    WriteOptions,
    check_version,
    is_a_folder,
    is_an_object,
)
from dynafile.objects.backends.dynamodb_items import (
    CONTENTS,
    MTIME_ATTRIBUTE,
    TTL,
    Item,
    Request,
    Written,
    as_it_was,
    check_index,
    is_expired,
    marker_of,
    not_there,
    number,
    put_marker,
    stored,
)
from dynafile.objects.backends.dynamodb_table import (
    ATTEMPTS,
    Conflict,
    TableRequests,
    concurrently,
    pause,
)
from dynafile.objects.paths import ancestors

__all__ = ["ObjectWriter", "looked_at", "missing_folders"]

_AT_ONCE: Final = 40
_BYTES_AT_ONCE: Final = 3 << 20
_REQUESTS_AT_ONCE: Final = 100
"""A transaction has 100 writes and conditions, and 4 MB."""


@dataclass(slots=True)
class _Plan:
    folders: list[Request] = field(default_factory=list)
    objects: list[Request] = field(default_factory=list)
    versions: dict[str, str] = field(default_factory=dict)
    depends: bool = False
    """The transaction depends on more than the one item that is written."""


class ObjectWriter:
    """Writes objects and folders."""

    def __init__(self, table: TableRequests, *, timed: bool, clock: Callable[[], int]) -> None:
        self._table = table
        self._timed = timed
        self._clock = clock

    def write(self, objects: Mapping[str, bytes], options: WriteOptions) -> dict[str, str]:
        """Write objects and return their versions; all or none of some forty with 3 MB in all.

        More are checked first, all of them; then as many are written at a time.
        """
        check_index(options)
        for path, data in objects.items():
            Written(path, data, options, self._clock(), self._timed).check_size()
        groups = _groups(objects)
        if len(groups) == 1:
            return self._write_group(groups[0], options)
        self._plan(objects, options)
        versions: dict[str, str] = {}
        for written in concurrently(lambda group: self._write_group(group, options), groups):
            versions |= written
        return versions

    def make_folder(self, path: str) -> None:
        """Make a folder, and those that it is in."""
        folders = [path, *ancestors(path)]
        for attempt in range(ATTEMPTS):
            found = self._table.get_many(looked_at(folders), (TTL,))
            try:
                self._together(missing_folders(found, folders, self._clock))
            except Conflict:
                pause(attempt)
            else:
                return
        raise self._table.unreachable_for_long(f"making the folder {path}")

    def _write_group(self, objects: Mapping[str, bytes], options: WriteOptions) -> dict[str, str]:
        for attempt in range(ATTEMPTS):
            plan = self._plan(objects, options)
            try:
                if len(plan.folders) + len(plan.objects) > _REQUESTS_AT_ONCE:
                    self._together(plan.folders)
                    plan.folders = []
                requests = plan.folders + plan.objects
                if len(requests) == 1 and not plan.depends:
                    self._table.write(requests[0])
                else:
                    self._together(requests)
            except Conflict:
                pause(attempt)
            else:
                return plan.versions
        raise self._table.unreachable_for_long(f"writing {next(iter(objects))}")

    def _together(self, requests: Sequence[Request]) -> None:
        # Folders come in pairs of marker and condition, the outermost first: what is cut off by a
        # crash is a whole folder.
        for start in range(0, len(requests), _REQUESTS_AT_ONCE):
            self._table.write_together(requests[start : start + _REQUESTS_AT_ONCE])

    def _plan(self, objects: Mapping[str, bytes], options: WriteOptions) -> _Plan:
        folders = list(dict.fromkeys(folder for path in objects for folder in ancestors(path)))
        conditional = options.if_match is not ANY_VERSION
        attributes = (MTIME_ATTRIBUTE, TTL, *((CONTENTS,) if conditional else ()))
        found = self._table.get_many(
            [*objects, *map(marker_of, objects), *looked_at(folders)], attributes
        )
        plan = _Plan(missing_folders(found, folders, self._clock), depends=conditional)
        for path, data in objects.items():
            old = found.get(path)
            if old is not None and is_expired(old, self._clock):
                old = None
            if old is None and marker_of(path) in found:
                raise is_a_folder(path)
            if conditional:
                version = None if old is None else stored(old, path).version
                check_version(path, version, options.if_match)
            time = self._clock()
            if old is not None:
                time = max(time, (number(old, MTIME_ATTRIBUTE) or 0) + 1)
            written = Written(path, data, options, time, self._timed)
            plan.versions[path] = written.version(old)
            if old is None:
                plan.objects += written.new(), not_there(marker_of(path))
            else:
                plan.objects.append(written.changed(old, exactly=conditional))
        return plan


def missing_folders(
    found: Mapping[str, Item],
    folders: Iterable[str],
    clock: Callable[[], int],
    gone: AbstractSet[str] = frozenset(),
) -> list[Request]:
    """Return the writes of the folders that are missing, the outermost first.

    Each is on condition that no object is in its place, but for those that are ``gone`` by then.
    """
    requests: list[Request] = []
    for folder in sorted(folders, key=len):
        if marker_of(folder) in found:
            continue
        if folder not in gone:
            old = found.get(folder)
            if old is not None and not is_expired(old, clock):
                raise is_an_object(folder)
            requests.append(as_it_was(folder, None, clock()))
        requests.append(put_marker(folder))
    return requests


def looked_at(folders: Iterable[str]) -> list[str]:
    """Return the paths of the items that say what these folders are."""
    return [path for folder in folders for path in (folder, marker_of(folder))]


def _groups(objects: Mapping[str, bytes]) -> list[dict[str, bytes]]:
    groups: list[dict[str, bytes]] = [{}]
    size = 0
    for path, data in objects.items():
        if groups[-1] and (len(groups[-1]) == _AT_ONCE or size + len(data) > _BYTES_AT_ONCE):
            groups.append({})
            size = 0
        groups[-1][path] = data
        size += len(data)
    return groups
