"""Copies of objects and of folders, from any store to any other."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from functools import partial
from os.path import realpath
from typing import Any, Final, NamedTuple

from dynafile.errors import (
    DynafileError,
    InvalidObjectArgument,
    ObjectNotFound,
    PathTaken,
    VersionMismatch,
)
from dynafile.objects.backend import (
    ANY_VERSION,
    Kind,
    Progress,
    WriteOptions,
    is_a_folder,
    is_an_object,
)
from dynafile.objects.caching import CacheStore
from dynafile.objects.class_map import CLASS_MAP
from dynafile.objects.paths import ROOT, child, folder_path, key_path, split, under
from dynafile.objects.primitives import Found
from dynafile.objects.store import ObjectStore
from dynafile.objects.union import UnionStore
from dynafile.objects.urls import Place, Single, United, parse
from dynafile.objects.walking import walk
from dynafile.objects.writing import path_to_write

__all__ = ["copy", "stored_value"]

_AT_ONCE: Final = 16
_WAITING: Final = 16
"""So many more objects are listed ahead of those that are being copied."""


def copy(
    source: ObjectStore,
    target: ObjectStore,
    source_path: str,
    target_path: str,
    *,
    recursive: bool = False,
    overwrite: bool = True,
    system: bool = False,
    progress: Progress | None = None,
) -> int:
    """Copy an object, or a folder with all below it, and return how many objects were copied.

    :param target_path: what the copy is called; of an object, a folder with a slash behind: there
        it keeps its name. What is in a folder is added to what is in the folder of this name.
    :param recursive: copy a folder too; empty ones in it also.
    :param overwrite: replace objects that are there; without it they are left as they are.
    :param system: with ``/`` copied to ``/``: the class map too; with an object: allow names that
        begin with a dot, which are left out of folders.
    :param progress: called with the number of objects that were dealt with since it was called
        last.

    Values are written as they are read, in what the target's connection writes, and objects of
    declared classes without their classes being imported. Index values go with them where both
    stores keep them; those of other names that the object has in the target stay, as with ``set``.
    Times of writes and times to live do not go along. Sixteen objects at a time are copied where
    one of the stores is remote; never more values than that are held.

    It is not done at once: each object is whole or not there, those that were copied before an
    error stay, and the error says which object it is about. Raises ObjectNotFound; PathTaken for
    a folder without ``recursive``, or where an object is in the way of a folder or the reverse;
    InvalidObjectArgument for a copy of a folder into itself, or into one that it is in; and what
    reading and writing raises.

    >>> from dynafile.objects import connect
    >>> with connect("memory://here") as here, connect("memory://there") as there:
    ...     here.set_many({"/books/1": "Emma", "/books/old/2": "Persuasion"})
    ...     copy(here, there, "/books", "/shelf", recursive=True)
    ...     there.ls("/shelf")
    2
    ['1', 'old/']
    """
    source._check_open()
    target._check_open()
    path = folder_path(source_path)
    kind = Kind.FOLDER if path == ROOT else source._kind(path)
    if kind is None:
        raise ObjectNotFound(f"there is no object and no folder {path} in {source.url}", key=path)
    folder_path(target_path)
    work = _Work(source, target, overwrite)
    if kind is Kind.FOLDER:
        if not recursive:
            message = f"{path} is a folder: recursive=True copies it with all that is below it"
            raise PathTaken(message, key=path)
        return _copy_folder(work, path, target_path, system, progress or _unheard)
    if source_path.endswith("/"):
        raise is_an_object(path)
    into = f"{target_path}{split(path)[1]}" if target_path[-1:] in ("", "/") else target_path
    into = target._path_to_write(into, system)
    _check_apart(source, path, target, into)
    done = work.copy_object(path, into)
    if progress is not None:
        progress(done.dealt_with)
    return done.copied


def _unheard(_count: int) -> None:
    return None


def stored_value(store: ObjectStore, key: str) -> Any:
    """Return what is stored now, an object of a declared class as its ObjectState.

    No class is imported. Raises what ``store.read`` raises.
    """
    path = key_path(key)
    found = _fetched(store, path)
    if found is None:
        raise ObjectNotFound(f"there is no object {path} in {store.url}", key=path)
    return found.value


def _fetched(store: ObjectStore, path: str) -> Found | None:
    found = store._fetch(path, None, reload=True)
    return found if isinstance(found, Found) else None


class _Done(NamedTuple):
    """How many objects a step dealt with, and how many of them it copied."""

    dealt_with: int
    copied: int


_LEFT: Final = _Done(1, 0)
_COPIED: Final = _Done(1, 1)
_FOLDER: Final = _Done(0, 0)

_Task = Callable[[], _Done]


@dataclass(frozen=True, slots=True)
class _Work:
    """What is copied from where to where, an object or an empty folder at a time."""

    source: ObjectStore
    target: ObjectStore
    overwrite: bool

    def copy_object(self, path: str, into: str) -> _Done:
        """Copy an object, unless it is gone by now, or there and not to be overwritten."""
        try:
            return self._copy_object(path, into)
        except DynafileError as error:
            _name(error, path)
            raise

    def make_folder(self, path: str, into: str) -> _Done:
        """Make an empty folder in the target."""
        try:
            self.target._make_folder(folder_path(into))
        except DynafileError as error:
            _name(error, path)
            raise
        return _FOLDER

    def _copy_object(self, path: str, into: str) -> _Done:
        key_path(into)  # a listing may have names that no key has, which could lead elsewhere
        if not self.overwrite:
            there = self.target._kind(into)
            if there is Kind.OBJECT:
                return _LEFT
            if there is Kind.FOLDER:
                raise is_a_folder(into)
        found = _fetched(self.source, path)
        if found is None:
            return _LEFT
        features = self.target.features
        options = WriteOptions(
            self.source._index_values(path) if features.index else {},
            ANY_VERSION if self.overwrite or not features.conditions else None,
        )
        try:
            self.target._store(into, found.value, options)
        except VersionMismatch:  # somebody has written it meanwhile
            return _LEFT
        return _COPIED


def _copy_folder(work: _Work, path: str, target_path: str, system: bool, progress: Progress) -> int:
    into = path_to_write(folder_path(target_path), system_obj=False)
    if system and (path, into) != (ROOT, ROOT):
        raise InvalidObjectArgument("the class map is copied with / to / only: leave system out")
    _check_apart(work.source, path, work.target, into)
    if into != ROOT:
        work.make_folder(path, into)
    copied = 0

    def report(done: _Done) -> None:
        nonlocal copied
        copied += done.copied
        if done.dealt_with:
            progress(done.dealt_with)

    tasks = _tasks(work, path, into, system)
    if any(map(_is_remote, (work.source, work.target))):
        _run_concurrently(tasks, report)
    else:
        for task in tasks:
            report(task())
    return copied


def _tasks(work: _Work, path: str, into: str, system: bool) -> Iterator[_Task]:
    if system and work.source._kind(CLASS_MAP) is Kind.OBJECT:
        yield partial(work.copy_object, CLASS_MAP, CLASS_MAP)
    cut = 1 if path == ROOT else len(path) + 1
    for step in walk(work.source, path):
        copied_to = child(into, step.path[cut:])
        if not step.is_folder:
            yield partial(work.copy_object, step.path, copied_to)
        elif step.is_empty:
            yield partial(work.make_folder, step.path, copied_to)


def _run_concurrently(tasks: Iterator[_Task], report: Callable[[_Done], None]) -> None:
    pool = ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="dynafile-copy")
    running: set[Future[_Done]] = set()

    def settle(most: int) -> None:
        while len(running) > most:
            for each in wait(running, return_when=FIRST_COMPLETED).done:
                running.discard(each)
                report(each.result())

    try:
        for task in tasks:
            running.add(pool.submit(task))
            settle(_AT_ONCE + _WAITING)
        settle(0)
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
        for each in running:  # after an error: those that were under way, which stay
            if not each.cancelled() and each.exception() is None:
                report(each.result())


def _name(error: DynafileError, path: str) -> None:
    error.message = f"{path} was not copied: {error.explanation}"
    error.__dict__.pop("__notes__", None)


def _is_remote(store: ObjectStore) -> bool:
    if isinstance(store, UnionStore):
        return any(map(_is_remote, store.dbs))
    if isinstance(store, CacheStore):
        return _is_remote(store.cache_db) or _is_remote(store.persist_db)
    return store.features.remote


# Where a path really is: stores of other URLs may see the same data.


def _check_apart(source: ObjectStore, path: str, target: ObjectStore, into: str) -> None:
    read, written = parse(source.url), parse(target.url)
    # Where one of several stores is the other, the same path is no mistake: it flattens a union,
    # or fills a cache, and what is written is not listed a second time.
    alone = isinstance(read, Single) and isinstance(written, Single)
    if isinstance(written, United):
        written = written.places[0]
    for home, ours in _homes(read, path):
        for other, theirs in _homes(written, into):
            if home != other:
                continue
            if ours == theirs and alone:
                message = f"{path} would be copied onto itself: name another target"
                raise InvalidObjectArgument(message)
            if _is_within(ours, theirs) or _is_within(theirs, ours):
                raise InvalidObjectArgument(
                    f"{path} and {into} are in one store, and one is within the other: copy it to "
                    "a folder apart"
                )


def _homes(place: Place, path: str) -> Iterator[tuple[Any, str]]:
    """Yield each store that a place stands for, and the path in it from its root."""
    if not isinstance(place, Single):
        parts = place.places if isinstance(place, United) else (place.cache, place.persist)
        for part in parts:
            yield from _homes(part, path)
    elif place.scheme == "dynafile":
        yield (place.scheme, realpath(place.name)), under(place.base, path)
    elif place.scheme == "files":
        yield place.scheme, under(realpath(f"/{place.name.strip('/')}"), path)
    elif place.scheme in ("fsspec+file", "fsspec+local"):
        yield "files", under(realpath(place.name), path)
    elif place.scheme.startswith("fsspec+"):
        yield place.scheme, under(f"/{place.name.strip('/')}", path)
    else:
        ways = tuple(each for each in place.options if each[0] not in ("base", "expire"))
        yield (place.scheme, place.name, ways), under(place.base, path)


def _is_within(path: str, folder: str) -> bool:
    return path != folder and (folder == ROOT or path.startswith(f"{folder}/"))
