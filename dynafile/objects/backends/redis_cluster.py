"""Writes to a cluster of Redis, where the folders on the way to an object are in other slots.

What is in one folder is in one slot, so that an object is written with its index entries at once.
That a folder is one is written in the folder that it is in, before anything is put into it: a
process that dies between the two leaves an empty folder, at worst.

A folder is removed from the one that it is in when it is empty, and put back if it is not empty
any more. Who has written into an empty folder looks whether it is still in the one that it is in,
and puts it back too. A process that dies in the middle of that, while another one is in the
middle of its own, can leave a folder that is not listed: its objects are read, and it is listed
again once a process writes into it for the first time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Final

from dynafile.errors import PathTaken
from dynafile.objects.backend import (
    ANY_VERSION,
    Kind,
    WriteOptions,
    check_version,
    is_a_folder,
    is_an_object,
    no_folder,
)
from dynafile.objects.backends.redis_layout import clustered, entry, way_to
from dynafile.objects.backends.redis_line import Line
from dynafile.objects.backends.redis_writes import Change, Writes, full, version_of
from dynafile.objects.paths import ROOT, split

__all__ = ["ClusterWrites", "kind_of"]

_MOST_KNOWN: Final = 10_000
_FIRST: Final = b"first"


class ClusterWrites(Writes):
    """Writes to a cluster: a request, or one to look, one a missing folder, and one to write."""

    def __init__(self, line: Line, clock: Callable[[], int] | None) -> None:
        super().__init__(line, clustered, clock)
        self._known = {ROOT}
        """Folders that this process has seen in the folder that they are in."""

    def write(self, path: str, data: bytes, options: WriteOptions) -> None:
        """Write an object, with the folders that it is in."""
        folder, _ = split(path)
        change = Change(puts={path: (data, options)})
        if folder == ROOT:
            self._change_in(folder, change)
        elif folder not in self._known or self._change_in(folder, change, believed=True):
            missing = self._missing(way_to(folder))
            if missing and options.if_match not in (None, ANY_VERSION):
                check_version(path, None, options.if_match)
            self._make(missing)
            if self._change_in(folder, change):
                self._settle(way_to(folder), {path: data})
            self._know(folder)

    def write_many(self, objects: Mapping[str, bytes], options: WriteOptions) -> None:
        """Write objects, at once those of a folder; none if one is refused at first sight."""
        folders: dict[str, dict[str, tuple[bytes, WriteOptions]]] = {}
        for path, data in objects.items():
            folders.setdefault(split(path)[0], {})[path] = (data, options)
        way = dict.fromkeys(each for folder in folders for each in way_to(folder))
        kinds = self._kinds([*objects, *way])
        for path in objects:
            if kinds[path] is Kind.FOLDER:
                raise is_a_folder(path)
        self._make(self._of(kinds, way))
        changes = [Change(puts=puts) for puts in folders.values()]
        requests = []
        for folder, change in zip(folders, changes, strict=True):
            request, data_of = self._asked(change)
            keys = self.layout(folder)
            requests.append(({**request, "within": keys}, keys["names"], data_of))
        replies = self.line.ask_many(requests)
        if _FIRST in [self._checked(*each) for each in zip(changes, replies, strict=True)]:
            self._settle(list(way), objects)

    def make_folder(self, path: str) -> None:
        """Make a folder, and those that it is in."""
        way = way_to(path)
        missing = self._missing(way)
        if missing:
            self._make(missing)
            self._settle(way, {})

    def remove_folder(self, path: str) -> None:
        """Remove an empty folder."""
        keys = self.layout(path)
        request = {"ask": "vacant", "folder": keys}
        if self.line.ask(request, keys["names"]) == b"full":
            raise full(path)
        left = self._leave(path)
        if self.line.ask(request, keys["names"]) == b"full":
            self._make([path])
            raise full(path)
        if not left:
            raise no_folder(path)

    def _change_in(self, folder: str, change: Change, *, believed: bool = False) -> bool:
        # Tells that the folder was empty; where it is only believed in, nothing is done then.
        keys = self.layout(folder)
        reply = self.change(change, keys["names"], within=keys, believed=believed)
        return bool(reply == _FIRST)

    def _settle(self, way: list[str], written: Mapping[str, bytes]) -> None:
        # Who has removed a folder on the way, before it was written into, was right to: it is made
        # again. Where an object is in its place by now, what was written there is taken back.
        try:
            while missing := self._missing(way):
                self._make(missing)
        except PathTaken as error:
            lost = f"{error.key}/"
            for path, data in written.items():
                if path.startswith(lost):
                    change = Change(deletes={path: version_of(data)}, lenient=True)
                    self._change_in(split(path)[0], change)
            for path in reversed(way):
                if path.startswith(lost):
                    self._leave(path)
            raise

    def _leave(self, path: str) -> bool:
        parent, name = split(path)
        keys = self.layout(parent)
        request = {"ask": "leave", "parent": keys, "name": name}
        return bool(self.line.ask(request, keys["names"], safe=False) == 1)

    def _missing(self, way: list[str]) -> list[str]:
        return self._of(self._kinds(way), way)

    def _of(self, kinds: Mapping[str, Kind | None], way: Iterable[str]) -> list[str]:
        for path in way:
            if kinds[path] is Kind.OBJECT:
                raise is_an_object(path)
        return [path for path in way if kinds[path] is None]

    def _kinds(self, paths: list[str]) -> dict[str, Kind | None]:
        requests = []
        for path in paths:
            asked = entry(self.layout, path)
            requests.append(({"ask": "kind", **asked}, asked["folder"]["names"], ()))
        replies = self.line.ask_many(requests) if requests else ()
        return {path: kind_of(reply) for path, reply in zip(paths, replies, strict=True)}

    def _make(self, folders: Iterable[str]) -> None:
        # The outermost first, one after the other: what is in a folder that is none would show once
        # it is made.
        for path in folders:
            parent = split(path)[0]
            self._change_in(parent, Change(folders=[path]))

    def _know(self, folder: str) -> None:
        if len(self._known) >= _MOST_KNOWN:
            self._known = {ROOT}
        self._known.add(folder)


def kind_of(reply: bytes | None) -> Kind | None:
    """Return what the script says that a path is; what is not of a store counts as an object."""
    if reply is None:
        return None
    return Kind.FOLDER if reply == b"folder" else Kind.OBJECT
