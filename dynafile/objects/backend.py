"""What a store of objects stands on: bytes by path, in folders.

A backend knows paths (``paths``), bytes and integers; values, classes, base paths and caches are
above it. Every backend gives the same results and the same errors, which one suite of tests asks of
all. What it cannot do it says in its ``Features``, and is not asked to.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from enum import Enum
from typing import Final, NamedTuple

from msgspec import Struct

from dynafile.errors import NotSupportedByStore, ObjectNotFound, PathTaken, VersionMismatch
from dynafile.objects.paths import ROOT, ancestors

__all__ = [
    "ANY_VERSION",
    "MTIME",
    "UNCHANGED",
    "Backend",
    "BackendTransaction",
    "Entry",
    "Features",
    "Kind",
    "Name",
    "Order",
    "Progress",
    "Stored",
    "Unchanged",
    "WriteOptions",
    "check_version",
    "is_a_folder",
    "is_an_object",
    "no_folder",
    "no_object",
]

MTIME: Final = "mtime"
"""The index of the times of the last writes."""

Progress = Callable[[int], object]
"""Called with the number of objects that were dealt with since it was called last."""


class Kind(Enum):
    """What a path is."""

    OBJECT = "object"
    FOLDER = "folder"


class Unchanged(Enum):
    """Says that an object is still of the version that the caller has."""

    UNCHANGED = "unchanged"


UNCHANGED: Final = Unchanged.UNCHANGED


class AnyVersion(Enum):
    """Says that a write does not depend on the version that is there."""

    ANY_VERSION = "any version"


ANY_VERSION: Final = AnyVersion.ANY_VERSION


class Stored(Struct, frozen=True):
    """The bytes of an object, and the version that they are."""

    data: bytes
    version: str


class Name(NamedTuple):
    """What is in a folder."""

    name: str
    is_folder: bool


@dataclass(frozen=True, slots=True)
class Entry:
    """An object of a folder as a folder query sees it; times are ns since 1970, 0 if unknown."""

    key: str
    mtime: int
    ctime: int
    index_value: int | None = None


@dataclass(frozen=True, slots=True)
class Order:
    """A range of an index of a folder; both bounds are within."""

    index: str = MTIME
    descending: bool = False
    since: int | None = None
    until: int | None = None
    limit: int | None = None
    allow_scan: bool = False

    def holds(self, value: int) -> bool:
        """Tell whether a value of the index is within the bounds."""
        return (self.since is None or value >= self.since) and (
            self.until is None or value <= self.until
        )

    def arranged(self, entries: Iterable[Entry]) -> Iterator[Entry]:
        """Sort entries in memory, ties by name, and leave out those beyond the bounds."""
        found = [each for each in entries if self.holds(each.index_value or 0)]
        found.sort(key=lambda entry: (entry.index_value or 0, entry.key), reverse=self.descending)
        return iter(found if self.limit is None else found[: self.limit])


@dataclass(frozen=True, slots=True)
class WriteOptions:
    """How an object is written.

    ``index`` has values by name of an index; None takes one away, and what is not named stays.
    ``if_match`` is the version that must be there, None for no object at all; ``ttl`` is seconds.
    """

    index: Mapping[str, int | None] = field(default_factory=dict)
    if_match: str | AnyVersion | None = ANY_VERSION
    ttl: float | None = None


@dataclass(frozen=True, slots=True)
class Features:
    """What a backend can do."""

    index: bool = False
    """Keeps index values of its users."""
    ordered: bool = False
    """Answers folder queries without reading the whole folder."""
    expiry: bool = False
    """Objects may have a time to live."""
    conditions: bool = False
    """``if_match`` is honoured, against writers in other processes too."""
    transactions: bool = False
    """Several objects are written all or none."""
    writable: bool = True
    lists: bool = True
    """Tells what is in a folder."""
    remote: bool = False
    """A read costs a request: what was read is kept and asked for again only if it has changed."""
    max_bytes: int | None = None
    """The largest object, in bytes."""


class BackendTransaction(ABC):
    """Reads and writes that count together, or not at all.

    What was read must be so still when it ends, or it raises TransactionConflict.
    """

    @abstractmethod
    def read(self, path: str) -> Stored | None:
        """Return an object as the transaction sees it, or None."""

    @abstractmethod
    def write(self, path: str, data: bytes, options: WriteOptions) -> str:
        """Write an object, as ``Backend.write`` does."""

    @abstractmethod
    def delete(self, path: str, if_match: str | AnyVersion = ANY_VERSION) -> None:
        """Delete an object, as ``Backend.delete`` does."""


class Backend(ABC):
    """Bytes by path, in folders. Safe for threads; other processes may use the same store.

    A folder is made with the first object in it and stays when the last one goes. No path is an
    object and a folder at once. Methods that write do all of it or nothing, but for those that say
    otherwise.
    """

    features: Features
    forks: bool = True
    """A forked child may use what its parent opened, or is told further down that it may not.

    Where it may not, a connection would be shared with the parent, or a lock be that of a thread
    which is not there.
    """

    @abstractmethod
    def read(self, path: str, known: str | None = None) -> Stored | Unchanged | None:
        """Return an object, or None; UNCHANGED may stand for the version ``known``."""

    def read_many(self, paths: Sequence[str]) -> dict[str, Stored]:
        """Return those objects that are there, by path."""
        found = {}
        for path in paths:
            stored = self.read(path)
            if isinstance(stored, Stored):
                found[path] = stored
        return found

    @abstractmethod
    def kind(self, path: str) -> Kind | None:
        """Return what a path is, without reading it, or None; the root is a folder."""

    @abstractmethod
    def write(self, path: str, data: bytes, options: WriteOptions) -> str:
        """Write an object, with the folders that it is in, and return its version.

        Raises PathTaken where the path is a folder, or an object is where one of its folders would
        have to be; VersionMismatch if the condition does not hold.
        """

    def write_many(self, objects: Mapping[str, bytes], options: WriteOptions) -> dict[str, str]:
        """Write several objects, and return their versions; all or none where it can be."""
        for path in objects:
            if self.kind(path) is Kind.FOLDER:
                raise is_a_folder(path)
        for folder in dict.fromkeys(each for path in objects for each in ancestors(path)):
            if self.kind(folder) is Kind.OBJECT:
                raise is_an_object(folder)
        return {path: self.write(path, data, options) for path, data in objects.items()}

    @abstractmethod
    def delete(self, path: str, if_match: str | AnyVersion = ANY_VERSION) -> None:
        """Delete an object; raises ObjectNotFound if there is none. Its folders stay."""

    @abstractmethod
    def make_folder(self, path: str) -> None:
        """Make a folder and those that it is in; raises PathTaken where an object is in the way."""

    @abstractmethod
    def remove_folder(self, path: str) -> None:
        """Remove an empty folder; raises ObjectNotFound or FolderNotEmpty."""

    @abstractmethod
    def remove_tree(self, path: str, progress: Progress) -> None:
        """Remove a folder and all below it, of the root only what is below; not at once.

        Raises ObjectNotFound where there is no folder; the root is always there.
        """

    @abstractmethod
    def list(self, path: str, page_size: int) -> Iterator[Name]:
        """Yield what is in a folder by name, nothing if there is none; PathTaken for an object."""

    @abstractmethod
    def entries(self, path: str, order: Order) -> Iterator[Entry]:
        """Yield the objects of a folder in the order of an index; raises IndexNotSupported."""

    def index_values(self, path: str) -> dict[str, int]:
        """Return an object's index values by name, the times not among them; none if it is gone."""
        return {}

    def reindex(self, path: str) -> int:
        """Give times to the objects of a folder that have none, and return how many had none."""
        return 0

    def transaction(self) -> AbstractContextManager[BackendTransaction]:
        """Begin what is written at the end of the ``with`` block, all or nothing."""
        raise NotSupportedByStore("this store has no transactions: use if_match, one by one")

    def close(self) -> None:  # noqa: B027 - not all have something to let go of
        """Let go of it."""


def check_version(path: str, found: str | None, wanted: str | AnyVersion | None) -> None:
    """Raise VersionMismatch unless the version that is there is the one that a write depends on."""
    if wanted is ANY_VERSION or found == wanted:
        return
    if wanted is None:
        message = f"{path} is there already, in version {found}, and if_match=None wants no object"
    elif found is None:
        message = f"{path} is not there, and if_match wants it in version {wanted}"
    else:
        message = f"{path} is in version {found} by now, and if_match wants {wanted}: read it again"
    raise VersionMismatch(message, version=found)


def is_a_folder(path: str) -> PathTaken:
    """Return the error of an object where a folder is."""
    return PathTaken(f"{path} is a folder, so no object can have this key", key=path)


def is_an_object(path: str) -> PathTaken:
    """Return the error of a folder where an object is."""
    return PathTaken(f"{path} is an object, so it cannot be a folder", key=path)


def no_object(path: str) -> ObjectNotFound:
    """Return the error of an object that is to be deleted and is not there."""
    return ObjectNotFound(f"Cannot delete non-existence: {path}", key=path)


def no_folder(path: str) -> ObjectNotFound:
    """Return the error of a folder that is not there."""
    return ObjectNotFound(f"Directory does not exist: {path} is not a directory", key=path)


def not_supported(what: str) -> NotSupportedByStore:
    """Return the error of what a store cannot do."""
    return NotSupportedByStore(what)


def root_stays(path: str) -> ObjectNotFound:
    """Return the error of removing the root."""
    assert path == ROOT
    return ObjectNotFound(
        "/ is the root of the store, which stays; rm_tree('/') empties it", key=path
    )
