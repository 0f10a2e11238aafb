"""``fsspec+<protocol>://...``: a file an object, on any file system that fsspec knows.

A folder is a real one where the file system has real ones. Where it has none (object stores), a
folder is there while something is in it, and an empty one has an empty file as its marker, named as
KYDB's: ``.folder-b`` beside it.

What is promised is what the file system promises. Where moving a file is a rename, an object is
written under another name (``.half-...``) and moved to its place, else written in one call; whether
a reader can see half of that, and what a crash leaves of it, is up to the file system, and nothing
is synced. There are no conditions: the last writer wins, and what another process puts in the way
of a write in the same moment is not seen. Symbolic links are followed: ``files://`` does not.
"""

from __future__ import annotations

import errno
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from secrets import token_hex
from typing import TYPE_CHECKING, Any, Final, TypeVar

from xxhash import xxh3_128_hexdigest

from dynafile.errors import (
    DiskFull,
    DynafileError,
    FolderNotEmpty,
    IndexNotSupported,
    InvalidObjectKey,
    InvalidObjectURL,
    MissingExtra,
    NotSupportedByStore,
    StoreNotReachable,
)
from dynafile.objects.backend import (
    ANY_VERSION,
    MTIME,
    UNCHANGED,
    AnyVersion,
    Backend,
    Entry,
    Features,
    Kind,
    Name,
    Order,
    Progress,
    Stored,
    Unchanged,
    WriteOptions,
    is_a_folder,
    is_an_object,
    no_folder,
    no_object,
)
from dynafile.objects.backends.claims import Claims
from dynafile.objects.paths import HALF, MARKER, ROOT, ancestors, child, split

if TYPE_CHECKING:
    from dynafile.objects.configuration import Settings
    from dynafile.objects.urls import Single

__all__ = ["FsspecBackend", "identity", "open_backend"]

_THREADS: Final = 16
_NOT_THERE: Final = (FileNotFoundError, NotADirectoryError)
_TIMES: Final = ("mtime", "LastModified", "last_modified", "modified", "updated", "created")

T = TypeVar("T")


def identity(place: Single, settings: Settings) -> tuple[str, str]:
    """Return what is the same for all URLs of one store."""
    return place.scheme, place.name.rstrip("/")


def open_backend(place: Single, settings: Settings) -> FsspecBackend:
    """Make the file system, whose options fsspec's own configuration has; raises MissingExtra."""
    try:
        import fsspec
    except ImportError:
        message = "fsspec+...:// needs fsspec; pip install 'dynafile[fsspec]'"
        raise MissingExtra(message, extra="fsspec") from None
    protocol = place.scheme.partition("+")[2]
    names = place.name.strip("/").split("/")
    if "" in names or "." in names or ".." in names or "::" in place.name:
        message = f"{place.url!r}: a folder has no empty name, '.', '..' or '::' in it"
        raise InvalidObjectURL(message, url=place.url)
    try:
        fsspec.get_filesystem_class(protocol)
    except ImportError as error:
        message = f"{protocol}:// needs another package: {error}; pip install it beside fsspec"
        raise MissingExtra(message, extra="fsspec") from error
    except ValueError:
        message = f"{place.url!r}: fsspec knows no protocol {protocol!r}"
        raise InvalidObjectURL(message, url=place.url) from None
    try:
        # A listing that is kept would hide what others write.
        system, root = fsspec.core.url_to_fs(
            f"{protocol}://{place.name}", use_listings_cache=False, skip_instance_cache=True
        )
    except Exception as error:  # whatever the packages of the protocols raise
        message = f"{protocol}:// cannot be opened: {type(error).__name__}: {error}"
        raise StoreNotReachable(message) from error
    renames = type(system).mv is not fsspec.AbstractFileSystem.mv
    return FsspecBackend(system, root.rstrip("/"), renames=renames)


class FsspecBackend(Backend):
    """Files in a folder of a file system; on those that are asynchronous, many are read at once."""

    def __init__(self, system: Any, root: str, *, renames: bool) -> None:
        """Use a folder of a file system; ``renames`` where its ``mv`` is not a copy."""
        self.features = Features(remote=True)
        self.system: Any = system
        self.root: Final = root
        self._renames = renames
        self._claims = Claims()
        self._real: bool | None = None
        """Whether an empty folder lasts; None until one was made."""
        self._pool = ThreadPoolExecutor(_THREADS) if system.async_impl else None

    def read(self, path: str, known: str | None = None) -> Stored | Unchanged | None:
        """Return an object, None if there is none; its version is a digest of its bytes."""
        try:
            with self._failing(path):
                data = bytes(self.system.cat_file(self._where(path)))
        except (*_NOT_THERE, IsADirectoryError):
            return None
        version = xxh3_128_hexdigest(data)
        return UNCHANGED if version == known else Stored(data, version)

    def read_many(self, paths: Sequence[str]) -> dict[str, Stored]:
        """Return those objects that are there, by path."""
        found = zip(paths, self._each(self.read, paths), strict=True)
        return {path: stored for path, stored in found if isinstance(stored, Stored)}

    def kind(self, path: str) -> Kind | None:
        """Return what a path is; None if nothing is there."""
        if path == ROOT:
            return Kind.FOLDER
        try:
            with self._failing(path):
                kind = self.system.info(self._where(path))["type"]
        except _NOT_THERE:
            return Kind.FOLDER if self._marked(path) else None
        if kind == "directory":
            return Kind.FOLDER
        return Kind.OBJECT if kind == "file" else None

    def write(self, path: str, data: bytes, options: WriteOptions) -> str:
        """Write an object, with the folders that it is in, and return its version."""
        with self._claims.of([path]), self._failing(path):
            if self.kind(path) is Kind.FOLDER:
                raise is_a_folder(path)
            self._make(split(path)[0], mark=False)
            self._put(path, data)
        return xxh3_128_hexdigest(data)

    def write_many(self, objects: Mapping[str, bytes], options: WriteOptions) -> dict[str, str]:
        """Write several objects; none if one of the paths is taken."""
        for path, kind in zip(objects, self._each(self.kind, [*objects]), strict=True):
            if kind is Kind.FOLDER:
                raise is_a_folder(path)
        for folder in dict.fromkeys(split(path)[0] for path in objects):
            self._check_folders(folder)
        versions = self._each(lambda path: self.write(path, objects[path], options), [*objects])
        return dict(zip(objects, versions, strict=True))

    def delete(self, path: str, if_match: str | AnyVersion = ANY_VERSION) -> None:
        """Delete an object; raises ObjectNotFound if there is none."""
        if self.kind(path) is not Kind.OBJECT:
            raise no_object(path)
        with self._keeping(split(path)[0]), self._failing(path):
            try:
                self.system.rm_file(self._where(path))
            except _NOT_THERE:
                raise no_object(path) from None

    def make_folder(self, path: str) -> None:
        """Make a folder and those that it is in; raises PathTaken where an object is in the way."""
        with self._claims.of([], [path]), self._failing(path):
            self._make(path, mark=True)

    def remove_folder(self, path: str) -> None:
        """Remove an empty folder; raises ObjectNotFound or FolderNotEmpty."""
        if self.kind(path) is not Kind.FOLDER:
            raise no_folder(path)
        found = self._names(path)
        if any(not name.startswith(HALF) for name in found):
            raise FolderNotEmpty(f"Directory {path} is not empty", key=path)
        with self._keeping(split(path)[0]):
            for name in found:
                self.system.rm_file(self._where(child(path, name)))
            self._remove_folder(path)

    def remove_tree(self, path: str, progress: Progress) -> None:
        """Remove a folder and all below it, file by file."""
        if path != ROOT and self.kind(path) is not Kind.FOLDER:
            raise no_folder(path)
        if path == ROOT:
            self._empty(path, progress)
            return
        with self._keeping(split(path)[0]):
            self._empty(path, progress)
            self._remove_folder(path)

    def list(self, path: str, page_size: int) -> Iterator[Name]:
        """Yield what is in a folder, in order; it is read at once."""
        found = {Name(name, each["type"] == "directory") for name, each in self._content(path)}
        return iter(sorted(found))

    def entries(self, path: str, order: Order) -> Iterator[Entry]:
        """Yield the objects of a folder by time, where the file system tells it."""
        if order.index != MTIME:
            raise IndexNotSupported(
                f"files have no index {order.index!r}: fsspec+...:// supports by('mtime') only"
            )
        found = []
        for name, each in self._content(path):
            if each["type"] == "file":
                time = _time(each)
                found.append(Entry(name, time, time, time))
        return order.arranged(found)

    def close(self) -> None:
        """Let go of the threads."""
        if self._pool is not None:
            self._pool.shutdown()

    def _where(self, path: str) -> str:
        return self.root if path == ROOT else f"{self.root}{path}"

    def _marker(self, folder: str) -> str:
        parent, name = split(folder)
        return self._where(child(parent, MARKER + name))

    def _marked(self, folder: str) -> bool:
        if self._real:
            return False
        with self._failing(folder):
            return bool(self.system.exists(self._marker(folder)))

    def _content(self, path: str) -> Sequence[tuple[str, dict[str, Any]]]:
        """Return what is in a folder by name, markers as the folders that they mark."""
        found = []
        for name, each in self._names(path).items():
            if name.startswith(MARKER):
                found.append((name[len(MARKER) :], {"type": "directory"}))
            elif each["type"] in ("file", "directory") and not name.startswith(HALF):
                found.append((name, each))
        if not found and path != ROOT and self.kind(path) is Kind.OBJECT:
            raise is_an_object(path)
        return found

    def _names(self, path: str) -> dict[str, dict[str, Any]]:
        where = self._where(path)
        try:
            with self._failing(path):
                listed = self.system.ls(where, detail=True)
        except _NOT_THERE:
            return {}
        names = {each["name"].rstrip("/"): each for each in listed}
        names.pop(where, None)  # a file, or what some object stores have for the folder itself
        return {name.rpartition("/")[2]: each for name, each in names.items()}

    def _check_folders(self, folder: str) -> Kind | None:
        """Raise PathTaken if a folder, or one that it is in, is an object; return what it is."""
        if folder == ROOT:
            return Kind.FOLDER
        kind = first = self.kind(folder)
        for each in [folder, *ancestors(folder)]:
            if each != folder:
                kind = self.kind(each)
            if kind is Kind.OBJECT:
                raise is_an_object(each)
            if kind is Kind.FOLDER:
                break
        return first

    def _make(self, folder: str, *, mark: bool) -> None:
        if self._check_folders(folder) is Kind.FOLDER and folder != ROOT:
            return
        where = self._where(folder)
        self.system.makedirs(where, exist_ok=True)
        if folder == ROOT or self._real:
            return
        if self._real is None:
            self._real = bool(self.system.isdir(where))
        if mark and not self._real:
            self._put_marker(folder)

    def _put_marker(self, folder: str) -> None:
        self.system.pipe_file(self._marker(folder), b"")

    def _put(self, path: str, data: bytes) -> None:
        where = self._where(path)
        if not self._renames:
            self.system.pipe_file(where, data)
            return
        half = self._where(child(split(path)[0], f"{HALF}{token_hex(8)}"))
        try:
            self.system.pipe_file(half, data)
            self.system.mv(half, where)
        except BaseException:
            if self.system.exists(half):
                self.system.rm_file(half)
            raise

    @contextmanager
    def _keeping(self, folder: str) -> Iterator[None]:
        """Keep a folder of which the last thing may be removed."""
        if folder != ROOT and self._real is False and len(self._names(folder)) < 3:
            self._put_marker(folder)
        with self._failing(folder):
            yield
            if folder != ROOT and self._real is None and not self._names(folder):
                self._real = bool(self.system.isdir(self._where(folder)))
                if not self._real:
                    self._put_marker(folder)

    def _empty(self, path: str, progress: Progress) -> None:
        for name, each in self._names(path).items():
            below = child(path, name)
            with self._failing(below):
                if each["type"] == "directory":
                    self._empty(below, progress)
                    if self.system.isdir(self._where(below)):
                        self.system.rmdir(self._where(below))
                    continue
                try:
                    self.system.rm_file(self._where(below))
                except _NOT_THERE:
                    continue
            if not name.startswith((MARKER, HALF)):
                progress(1)

    def _remove_folder(self, path: str) -> None:
        where = self._where(path)
        with self._failing(path):
            if self.system.isdir(where):
                self.system.rmdir(where)
            if self._marked(path):
                self.system.rm_file(self._marker(path))

    def _each(self, call: Callable[[str], T], paths: Sequence[str]) -> Sequence[T]:
        if self._pool is None:
            return [call(path) for path in paths]
        return [*self._pool.map(call, paths)]

    @contextmanager
    def _failing(self, path: str) -> Iterator[None]:
        where = self._where(path)
        try:
            yield
        except (DynafileError, *_NOT_THERE, IsADirectoryError):
            raise
        except NotImplementedError as error:
            message = f"{where}: this file system cannot do that: it may be read-only"
            raise NotSupportedByStore(message) from error
        except Exception as error:  # whatever the packages of the protocols raise
            code = getattr(error, "errno", None)
            if code in (errno.ENOSPC, errno.EDQUOT):
                message = f"{where} was not written: the disk is full; make room, write it again"
                raise DiskFull(message, path=where) from error
            if code == errno.ENAMETOOLONG:
                raise InvalidObjectKey(
                    f"{path} is too long for the file system", key=path
                ) from error
            raise StoreNotReachable(
                f"{where}: the file system failed: {type(error).__name__}: {error}; check that it "
                "is there and what you are allowed to do, and try again"
            ) from error


def _time(info: Mapping[str, Any]) -> int:
    for name in _TIMES:
        time = info.get(name)
        if isinstance(time, datetime):
            time = time if time.tzinfo is not None else time.replace(tzinfo=UTC)
            since = time - datetime(1970, 1, 1, tzinfo=UTC)
            return (since.days * 86_400 + since.seconds) * 10**9 + since.microseconds * 1000
        if isinstance(time, int | float):
            return int(time * 1_000_000_000)
    return 0
