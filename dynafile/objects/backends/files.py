"""``files://tmp/x``: a file an object, in the folder ``/tmp/x``, as KYDB has it.

A file is replaced as a whole, synced before it has its name. No symbolic link below the folder is
followed: each folder is opened from the one that it is in.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from secrets import token_hex
from typing import TYPE_CHECKING, Final

from dynafile.errors import (
    DiskFull,
    FolderNotEmpty,
    IndexNotSupported,
    InvalidObjectKey,
    NotSupportedByStore,
    PathNotWritable,
    StorageError,
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
from dynafile.objects.paths import HALF, ROOT, child, split

if TYPE_CHECKING:
    from dynafile.objects.configuration import Settings
    from dynafile.objects.urls import Single

__all__ = ["FilesBackend", "identity", "open_backend"]

_INTO: Final = os.O_RDONLY | getattr(os, "O_DIRECTORY", 0) | getattr(os, "O_NOFOLLOW", 0)
_READ: Final = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
_MAKE: Final = os.O_WRONLY | os.O_CREAT | os.O_EXCL
_NOT_THERE: Final = (errno.ENOENT,)
_NO_FOLDER: Final = (errno.ENOTDIR, errno.ELOOP)


def identity(place: Single, settings: Settings) -> str:
    """Return what is the same for all URLs of one store."""
    return f"/{place.name.strip('/')}"


def open_backend(place: Single, settings: Settings) -> FilesBackend:
    """Take a folder, which need not be there; it is made with the first object."""
    if os.open not in os.supports_dir_fd:
        raise NotSupportedByStore(
            "files:// needs to open folders one from the other, which this system cannot do: use "
            "dynafile://"
        )
    names = place.name.strip("/").split("/")
    if "" in names or "." in names or ".." in names:
        raise InvalidObjectKey(f"{place.url!r}: a folder has no empty name, '.' or '..' in it")
    return FilesBackend(identity(place, settings))


class FilesBackend(Backend):
    """Files in a folder, one an object; safe for processes, the last writer wins."""

    def __init__(self, root: str) -> None:
        self.root: Final = root
        self.features = Features()

    def read(self, path: str, known: str | None = None) -> Stored | Unchanged | None:
        """Return an object, None if there is none; UNCHANGED if it is of the version ``known``."""
        folder, name = split(path)
        with self._failing(path), self._folder(folder) as parent:
            if parent is None:
                return None
            try:
                file = os.open(name, _READ, dir_fd=parent)
            except OSError as error:
                if error.errno in _NOT_THERE:
                    return None
                raise
            try:
                status = os.fstat(file)
                if not stat.S_ISREG(status.st_mode):
                    return None
                version = _version(status)
                if version == known:
                    return UNCHANGED
                return Stored(_whole(file), version)
            finally:
                os.close(file)

    def kind(self, path: str) -> Kind | None:
        """Return what a path is; None if nothing is there."""
        if path == ROOT:
            return Kind.FOLDER
        folder, name = split(path)
        with self._failing(path), self._folder(folder) as parent:
            status = None if parent is None else _look(parent, name)
        if status is None:
            return None
        if stat.S_ISDIR(status.st_mode):
            return Kind.FOLDER
        return Kind.OBJECT if stat.S_ISREG(status.st_mode) else None

    def write(self, path: str, data: bytes, options: WriteOptions) -> str:
        """Write an object, with the folders that it is in, and return its version."""
        folder, name = split(path)
        half = f"{HALF}{token_hex(8)}"
        with self._failing(path), self._folder(folder, make=True) as parent:
            assert parent is not None
            status = _look(parent, name)
            if status is not None and not stat.S_ISREG(status.st_mode):
                if stat.S_ISDIR(status.st_mode):
                    raise is_a_folder(path)
                raise _strange(path)
            file = os.open(half, _MAKE, 0o666, dir_fd=parent)
            try:
                try:
                    _write_all(file, data)
                    os.fsync(file)
                    version = _version(os.fstat(file))
                finally:
                    os.close(file)
                try:
                    os.rename(half, name, src_dir_fd=parent, dst_dir_fd=parent)
                except IsADirectoryError:
                    raise is_a_folder(path) from None
            except BaseException:
                os.unlink(half, dir_fd=parent)
                raise
            os.fsync(parent)
            return version

    def delete(self, path: str, if_match: str | AnyVersion = ANY_VERSION) -> None:
        """Delete an object; raises ObjectNotFound if there is none."""
        folder, name = split(path)
        with self._failing(path), self._folder(folder) as parent:
            status = None if parent is None else _look(parent, name)
            if parent is None or status is None or stat.S_ISDIR(status.st_mode):
                raise no_object(path)
            try:
                os.unlink(name, dir_fd=parent)
            except FileNotFoundError:
                raise no_object(path) from None
            os.fsync(parent)

    def make_folder(self, path: str) -> None:
        """Make a folder and those that it is in; raises PathTaken where an object is in the way."""
        with self._failing(path), self._folder(path, make=True):
            pass

    def remove_folder(self, path: str) -> None:
        """Remove an empty folder; raises ObjectNotFound or FolderNotEmpty."""
        folder, name = split(path)
        with self._failing(path), self._folder(folder) as parent:
            status = None if parent is None else _look(parent, name)
            if parent is None or status is None or not stat.S_ISDIR(status.st_mode):
                raise no_folder(path)
            self._forget_halves(parent, name)
            try:
                os.rmdir(name, dir_fd=parent)
            except OSError as error:
                if error.errno in (errno.ENOTEMPTY, errno.EEXIST):
                    raise FolderNotEmpty(f"Directory {path} is not empty", key=path) from None
                raise
            os.fsync(parent)

    def remove_tree(self, path: str, progress: Progress) -> None:
        """Remove a folder and all below it; links are removed, and not followed."""
        if path == ROOT:
            with self._failing(path), self._folder(ROOT) as root:
                if root is not None:
                    _empty(root, progress)
            return
        folder, name = split(path)
        with self._failing(path), self._folder(folder) as parent:
            status = None if parent is None else _look(parent, name)
            if parent is None or status is None or not stat.S_ISDIR(status.st_mode):
                raise no_folder(path)
            _remove_folder(parent, name, progress)

    def list(self, path: str, page_size: int) -> Iterator[Name]:
        """Yield what is in a folder, in order; links and devices are nothing of the store's."""
        with self._failing(path), self._folder(path) as folder:
            names = [] if folder is None else list(_names(folder))
        if not names and path != ROOT and self.kind(path) is Kind.OBJECT:
            raise is_an_object(path)
        return iter(sorted(names))

    def entries(self, path: str, order: Order) -> Iterator[Entry]:
        """Yield the objects of a folder by time, which is the file's; all are looked at."""
        if order.index != MTIME:
            raise IndexNotSupported(
                f"files have no index {order.index!r}: files:// supports by('mtime') only"
            )
        found = []
        with self._failing(path), self._folder(path) as folder:
            for name, is_folder in () if folder is None else _names(folder):
                status = None if is_folder or folder is None else _look(folder, name)
                if status is not None:
                    time = status.st_mtime_ns
                    found.append(Entry(name, time, time, time))
        return order.arranged(found)

    @contextmanager
    def _folder(self, path: str, *, make: bool = False) -> Iterator[int | None]:
        """Open a folder, from the root on; None if it is not there."""
        if make:
            self._make_root()
        here = _opened(self.root)
        at = ROOT
        try:
            for name in path[1:].split("/") if path != ROOT else ():
                if here is None:
                    break
                at = child(at, name)
                below = self._below(here, name, at, make=make)
                os.close(here)
                here = below
            yield here
        finally:
            if here is not None:
                os.close(here)

    def _below(self, folder: int, name: str, at: str, *, make: bool) -> int | None:
        while True:
            try:
                return os.open(name, _INTO, dir_fd=folder)
            except OSError as error:
                if error.errno in _NO_FOLDER:
                    status = _look(folder, name)
                    if status is not None and stat.S_ISLNK(status.st_mode):
                        raise _strange(at) from None
                    if make:
                        raise is_an_object(at) from None
                    return None
                if error.errno not in _NOT_THERE:
                    raise
                if not make:
                    return None
            try:
                os.mkdir(name, dir_fd=folder)
                os.fsync(folder)
            except FileExistsError:
                pass  # somebody else has made it

    def _make_root(self) -> None:
        try:
            os.makedirs(self.root, exist_ok=True)
        except (FileExistsError, NotADirectoryError):
            raise is_an_object(self.root) from None

    def _forget_halves(self, parent: int, name: str) -> None:
        folder = self._below(parent, name, name, make=False)
        if folder is None:
            return
        try:
            names = os.listdir(folder)
            if all(each.startswith(HALF) for each in names):
                for each in names:
                    os.unlink(each, dir_fd=folder)
        finally:
            os.close(folder)

    @contextmanager
    def _failing(self, path: str) -> Iterator[None]:
        try:
            yield
        except StorageError:
            raise
        except OSError as error:
            where = f"{self.root}{path}"
            if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
                raise PathNotWritable(f"{where}: {error.strerror}", path=where) from error
            if error.errno in (errno.ENOSPC, errno.EDQUOT):
                message = f"{where} was not written: the disk is full; make room and write it again"
                raise DiskFull(message, path=where) from error
            raise StorageError(f"{where}: {error.strerror}", path=where) from error


def _opened(root: str) -> int | None:
    try:
        return os.open(root, os.O_RDONLY | getattr(os, "O_DIRECTORY", 0))
    except FileNotFoundError:
        return None
    except NotADirectoryError:
        raise is_an_object(root) from None


def _look(folder: int, name: str) -> os.stat_result | None:
    try:
        return os.stat(name, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        return None


def _version(status: os.stat_result) -> str:
    return f"{status.st_mtime_ns:x}-{status.st_size:x}-{status.st_ino:x}"


def _whole(file: int) -> bytes:
    parts = []
    while part := os.read(file, 1 << 20):
        parts.append(part)
    return parts[0] if len(parts) == 1 else b"".join(parts)


def _write_all(file: int, data: bytes) -> None:
    left = memoryview(data)
    while left:
        left = left[os.write(file, left) :]


def _names(folder: int) -> Iterator[Name]:
    with os.scandir(folder) as found:
        for entry in found:
            try:
                entry.name.encode()
            except UnicodeEncodeError:  # bytes that are no UTF-8: nothing that a key could name
                continue
            if entry.is_dir(follow_symlinks=False):
                yield Name(entry.name, True)
            elif entry.is_file(follow_symlinks=False):
                yield Name(entry.name, False)


def _empty(folder: int, progress: Progress) -> None:
    with os.scandir(folder) as found:
        entries = [(entry.name, entry.is_dir(follow_symlinks=False)) for entry in found]
    for name, is_folder in entries:
        if is_folder:
            # Not through _remove_folder: half the depth of calls, where a path has 500 names.
            below = os.open(name, _INTO, dir_fd=folder)
            try:
                _empty(below, progress)
            finally:
                os.close(below)
            os.rmdir(name, dir_fd=folder)
            continue
        try:
            os.unlink(name, dir_fd=folder)
        except FileNotFoundError:
            continue
        progress(1)


def _remove_folder(parent: int, name: str, progress: Progress) -> None:
    folder = os.open(name, _INTO, dir_fd=parent)
    try:
        _empty(folder, progress)
    finally:
        os.close(folder)
    os.rmdir(name, dir_fd=parent)


def _strange(path: str) -> InvalidObjectKey:
    return InvalidObjectKey(
        f"{path} is a symbolic link, or no file: it leads out of the store, and is not followed",
        key=path,
    )
