"""Writes to Redis, as the script is asked for them: on one server all of one at once."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from hashlib import sha1
from math import ceil
from typing import Any, Final

from dynafile.errors import CorruptObject, FolderNotEmpty, TransactionConflict
from dynafile.objects.backend import (
    ANY_VERSION,
    AnyVersion,
    WriteOptions,
    check_version,
    is_a_folder,
    is_an_object,
    no_folder,
    no_object,
)
from dynafile.objects.backends.redis_layout import (
    Layout,
    entry,
    in_folder,
    kydb_layout,
    way_to,
)
from dynafile.objects.backends.redis_line import Line
from dynafile.objects.paths import ROOT, child, split

__all__ = ["Change", "Emptied", "ServerWrites", "Writes", "version_of"]

_AT_ONCE: Final = 500


def version_of(data: bytes) -> str:
    """Return the version that bytes are: their SHA-1, which Redis can compute, and their length."""
    return f"{sha1(data, usedforsecurity=False).hexdigest()}-{len(data):x}"


@dataclass(frozen=True, slots=True)
class Change:
    """What is done at once: versions that must be so still, deletes, and writes."""

    reads: Mapping[str, str | None] = field(default_factory=dict)
    deletes: Mapping[str, str | AnyVersion] = field(default_factory=dict)
    folders: Iterable[str] = ()
    puts: Mapping[str, tuple[bytes, WriteOptions]] = field(default_factory=dict)
    lenient: bool = False
    """What is deleted need not be there."""

    @property
    def safe(self) -> bool:
        """Doing it twice is as doing it once."""
        if self.reads or self.deletes:
            return False
        return all(options.if_match is ANY_VERSION for _, options in self.puts.values())


@dataclass(frozen=True, slots=True)
class Emptied:
    """What is left of a folder whose objects are removed."""

    below: list[str]
    gone: bool


class Writes(ABC):
    """How a change is made; ``clock`` gives ns since 1970, and None stands for no times."""

    def __init__(self, line: Line, layout: Layout, clock: Callable[[], int] | None) -> None:
        self.line: Final = line
        self.layout: Final = layout
        self.clock: Final = clock

    @abstractmethod
    def write(self, path: str, data: bytes, options: WriteOptions) -> None:
        """Write an object, with the folders that it is in."""

    @abstractmethod
    def write_many(self, objects: Mapping[str, bytes], options: WriteOptions) -> None:
        """Write objects; none if one of them is refused."""

    @abstractmethod
    def make_folder(self, path: str) -> None:
        """Make a folder, and those that it is in."""

    @abstractmethod
    def remove_folder(self, path: str) -> None:
        """Remove an empty folder."""

    def delete(self, path: str, if_match: str | AnyVersion) -> None:
        """Delete an object."""
        self.change(Change(deletes={path: if_match}), in_folder(self.layout, path))

    def empty(self, path: str, progress: Callable[[int], object]) -> Emptied:
        """Remove the objects of a folder, and say which folders are in it."""
        request: dict[str, Any] = {"ask": "empty", "folder": self.layout(path), "count": _AT_ONCE}
        request |= self._leaving(path)
        below: dict[str, None] = {}
        gone = False
        cursor = b"0"
        while True:
            reply = self.line.ask(
                {**request, "cursor": cursor.decode()}, request["folder"]["names"]
            )
            cursor, names, count, gone = reply
            below |= dict.fromkeys(child(path, _folder_name(path, name)) for name in names)
            if count:
                progress(count)
            if cursor == b"0":
                return Emptied(list(below), bool(gone))

    def change(self, change: Change, key: str, **more: Any) -> Any:
        """Make a change, in whose slot a key is; raises what refuses it."""
        request, data = self._asked(change)
        reply = self.line.ask({**request, **more}, key, *data, safe=change.safe)
        return self._checked(change, reply)

    def _leaving(self, path: str) -> dict[str, Any]:
        return {}

    def _asked(self, change: Change) -> tuple[dict[str, Any], list[bytes]]:
        layout = self.layout
        request = {
            "ask": "write",
            "reads": [
                {"at": in_folder(layout, path), "version": version or False}
                for path, version in change.reads.items()
            ],
            "deletes": [
                {**entry(layout, path), **_condition(match), "lenient": change.lenient}
                for path, match in change.deletes.items()
            ],
            "folders": [entry(layout, path) for path in change.folders],
            "puts": [self._put(path, options) for path, (_, options) in change.puts.items()],
        }
        return request, [data for data, _ in change.puts.values()]

    def _put(self, path: str, options: WriteOptions) -> dict[str, Any]:
        index = [
            [name, False if value is None else str(value)] for name, value in options.index.items()
        ]
        put = {**entry(self.layout, path), **_condition(options.if_match), "index": index}
        if options.ttl is not None:
            put["ttl"] = ceil(options.ttl * 1000)
        if self.clock is not None:
            put["now"] = str(self.clock())
        return put

    def _checked(self, change: Change, reply: Any) -> Any:
        if not isinstance(reply, list):
            return reply
        what, number, *more = reply
        found = more[0].decode() if more and more[0] is not None else None
        if what == b"conflict":
            path = list(change.reads)[number - 1]
            raise TransactionConflict(f"{path} was written or deleted meanwhile: run it again")
        if what == b"nothing":
            raise no_object(list(change.deletes)[number - 1])
        if what == b"object":
            raise is_an_object(list(change.folders)[number - 1])
        if what == b"folder":
            raise is_a_folder(list(change.puts)[number - 1])
        matches = change.puts or change.deletes
        path = list(matches)[number - 1]
        wanted = matches[path]
        check_version(path, found, wanted[1].if_match if isinstance(wanted, tuple) else wanted)
        raise AssertionError("unreachable")


class ServerWrites(Writes):
    """Writes to one server: every change is made at once, and none is half made."""

    def __init__(self, line: Line, clock: Callable[[], int] | None) -> None:
        super().__init__(line, kydb_layout, clock)

    def write(self, path: str, data: bytes, options: WriteOptions) -> None:
        """Write an object, with the folders that it is in."""
        self.change(Change(folders=way_to(split(path)[0]), puts={path: (data, options)}), path)

    def write_many(self, objects: Mapping[str, bytes], options: WriteOptions) -> None:
        """Write objects, all or none."""
        self.commit(Change(puts={path: (data, options) for path, data in objects.items()}))

    def commit(self, change: Change) -> None:
        """Make a change, and the folders that what is written needs."""
        folders = dict.fromkeys(split(path)[0] for path in change.puts)
        needed = dict.fromkeys(each for folder in folders for each in way_to(folder))
        whole = Change(change.reads, change.deletes, list(needed), change.puts, change.lenient)
        self.change(whole, next(iter({**change.puts, **change.deletes, **change.reads})))

    def make_folder(self, path: str) -> None:
        """Make a folder, and those that it is in."""
        self.change(Change(folders=way_to(path)), path)

    def remove_folder(self, path: str) -> None:
        """Remove an empty folder."""
        request = {"ask": "rmdir", "folder": self.layout(path), **self._leaving(path)}
        reply = self.line.ask(request, path, safe=False)
        if reply == b"nothing":
            raise no_folder(path)
        if reply == b"full":
            raise full(path)

    def _leaving(self, path: str) -> dict[str, Any]:
        if path == ROOT:
            return {}
        parent, name = split(path)
        return {"parent": self.layout(parent), "name": name}


def full(path: str) -> FolderNotEmpty:
    """Return the error of removing a folder that holds something."""
    return FolderNotEmpty(f"Directory {path} is not empty", key=path)


def _folder_name(path: str, name: bytes) -> str:
    try:
        return name.decode()
    except UnicodeDecodeError:
        message = f"{path} has a folder whose name {name!r} is no UTF-8: somebody else has made it"
        raise CorruptObject(message, key=path) from None


def _condition(match: str | AnyVersion | None) -> dict[str, Any]:
    if match is ANY_VERSION:
        return {}
    return {"match": match or False}
