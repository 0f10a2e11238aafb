"""A volume on the local file system."""

from __future__ import annotations

import contextlib
import errno
import itertools
import mmap
import os
import shutil
import stat
from collections.abc import Sequence
from typing import IO, Any, Final

from atomicwrites import AtomicWriter, atomic_write

from dynafile.errors import InvalidPath, StorageError, StoreFailed
from dynafile.store.descriptors import read_at, sync_descriptor, sync_folder, write_all
from dynafile.store.durable_folders import Folders
from dynafile.store.file_claim import FileClaim
from dynafile.store.file_lock import FileLock
from dynafile.store.file_reserve import FileReserve
from dynafile.store.file_scratch import FileScratch
from dynafile.store.names import LOCK_NAME, RESERVE_NAME, claim_name, half_made_name
from dynafile.store.os_errors import translated
from dynafile.store.position import POSITION_BYTES

# Without O_NONBLOCK a pipe in the place of a file would be waited for.
_NO_FOLLOW: Final = sum(getattr(os, name, 0) for name in ("O_NOFOLLOW", "O_NONBLOCK", "O_BINARY"))

_numbers = itertools.count()


def _half_made(folder: str) -> str:
    return os.path.join(folder, half_made_name(os.getpid(), next(_numbers)))


class _Writer(AtomicWriter):  # type: ignore[misc] # atomicwrites ships no types
    """atomicwrites, with a temporary file that has the modes of the user's umask, in ``tmp/``."""

    def get_fileobject(self, dir: str, **_: Any) -> IO[bytes]:  # noqa: A002 - its name
        name = _half_made(dir)
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | _NO_FOLLOW
        return open(name, "wb", opener=lambda path, _: os.open(path, flags, 0o666))


class LocalVolume:
    """Files below one folder, with descriptors of the journal's segments kept open.

    The folder itself must exist. Thread safety: a descriptor is opened once and closed by
    :meth:`forget` and :meth:`close`, which the store calls under its lock.
    """

    def __init__(self, root: str, *, read_only: bool = False) -> None:
        self.root = root
        self.read_only = read_only
        self._descriptors: dict[str, int] = {}
        self._folders = Folders(root)
        self._lock: FileLock | None = None
        self._words: memoryview | None = None

    def _path(self, name: str) -> str:
        return f"{self.root}/{name}"

    def _descriptor(self, name: str) -> int:
        descriptor = self._descriptors.get(name)
        if descriptor is None:
            flags = os.O_RDONLY if self.read_only else os.O_RDWR
            try:
                descriptor = os.open(self._path(name), flags | _NO_FOLLOW)
            except FileNotFoundError:
                raise
            except OSError as error:
                raise translated(error, self._path(name)) from error
            kept = self._descriptors.setdefault(name, descriptor)
            if kept != descriptor:
                os.close(descriptor)  # another thread was faster
            return kept
        return descriptor

    def read(self, name: str, offset: int = 0, size: int = -1) -> bytes:
        """Return up to ``size`` bytes from ``offset``; segments of the journal stay open."""
        if not name.startswith("journal/"):
            return self.read_apart(name, offset, size)
        try:
            return read_at(self._descriptor(name), offset, size)
        except FileNotFoundError:
            raise
        except OSError as error:
            raise translated(error, self._path(name)) from error

    def read_apart(self, name: str, offset: int, size: int) -> bytes:
        """Return up to ``size`` bytes from ``offset``, through a descriptor of its own."""
        try:
            descriptor = os.open(self._path(name), os.O_RDONLY | _NO_FOLLOW)
            try:
                return read_at(descriptor, offset, size)
            finally:
                os.close(descriptor)
        except FileNotFoundError:
            raise
        except OSError as error:
            raise translated(error, self._path(name)) from error

    def write(self, name: str, offset: int, data: bytes) -> None:
        """Write in place; makes the file where it is missing."""
        try:
            descriptor = self._descriptors.get(name)
            if descriptor is None:
                descriptor = self._open_for_write(name)
            write_all(descriptor, data, offset)
        except StorageError:
            raise
        except OSError as error:
            raise translated(error, self._path(name)) from error

    def _open_for_write(self, name: str) -> int:
        try:
            return self._descriptor(name)
        except FileNotFoundError:
            self._make(name)
            return self._descriptor(name)

    def _make(self, name: str) -> None:
        folder = os.path.dirname(name)
        self._folders.make(folder)
        flags = os.O_RDWR | os.O_CREAT | _NO_FOLLOW
        os.close(os.open(self._path(name), flags, 0o666))
        sync_folder(self._path(folder))

    def sync(self, name: str) -> None:
        """Make a file that :meth:`write` wrote durable, or the names in a folder."""
        try:
            if name.startswith("journal/"):
                sync_descriptor(self._descriptor(name))
                self._refuse_removed()
            else:
                sync_folder(self._path(name))
        except FileNotFoundError:
            raise
        except OSError as error:
            if error.errno == errno.EBADF and name not in self._descriptors:
                return  # a reading thread moved on from the segment, which was synced at its end
            raise translated(error, self._path(name)) from error

    def sync_beside(self, name: str) -> None:
        """Sync a file of the journal while others write to it, or take its descriptor away.

        By a descriptor of its own: who writes may close or reopen theirs, and hears of an error of
        the disk by theirs although this call has heard of it.
        """
        try:
            descriptor = os.open(self._path(name), os.O_RDWR | _NO_FOLLOW)
            try:
                sync_descriptor(descriptor)
            finally:
                os.close(descriptor)
        except FileNotFoundError:
            self._refuse_removed()
            raise
        except OSError as error:
            raise translated(error, self._path(name)) from error
        self._refuse_removed()

    def replace(self, name: str, data: bytes) -> None:
        """Write to ``tmp/``, sync, rename, and sync the folder and those that were made for it."""
        self.replace_all([(name, data)])

    def replace_all(self, files: Sequence[tuple[str, bytes]]) -> None:
        """Write all before the first is synced: one wait for the disk serves most of them."""
        path = self.root
        try:
            # Where a file is, its folder was made durable before it.
            new = {os.path.dirname(name) for name, _ in files if not self._is_there(name)}
            self._folders.make("tmp", *sorted(new))
            with contextlib.ExitStack() as written:
                for name, data in files:
                    path = self._path(name)
                    file = written.enter_context(
                        atomic_write(
                            path,
                            writer_cls=_Writer,
                            mode="wb",
                            overwrite=True,
                            dir=self._path("tmp"),
                        )
                    )
                    file.write(data)
                    file.flush()
        except OSError as error:
            raise translated(error, path) from error

    def _is_there(self, name: str) -> bool:
        return os.path.lexists(self._path(name))

    def make(self, folder: str) -> None:
        """Make a folder, and those above it; :meth:`fill` makes them durable."""
        try:
            self._folders.begin(folder)
        except OSError as error:
            raise translated(error, self._path(folder)) from error

    def fill(self, files: Sequence[tuple[str, bytes]]) -> None:
        """Write all before the first is synced, without the detour by ``tmp/``."""
        path = self.root
        try:
            with contextlib.ExitStack() as opened:
                descriptors = []
                for name, data in files:
                    path = self._path(name)
                    descriptor = _made_anew(path)
                    opened.callback(os.close, descriptor)
                    descriptors.append(descriptor)
                    write_all(descriptor, data, 0)
                for descriptor in descriptors:
                    sync_descriptor(descriptor)
            for path in {os.path.dirname(self._path(name)): None for name, _ in files}:
                sync_folder(path)
            self._folders.finish()
        except FileNotFoundError:
            raise
        except OSError as error:
            raise translated(error, path) from error

    def scratch(self) -> FileScratch:
        """Return a file without a name in ``tmp/``."""
        self._folders.make("tmp")
        return FileScratch(self._path("tmp"), translated)

    def reserve(self) -> FileReserve:
        """Return the room that the file ``reserve`` holds."""
        return FileReserve(self._path(RESERVE_NAME), translated)

    def list(self, folder: str) -> list[str]:
        """Return the names in a folder; none where it is missing."""
        try:
            return os.listdir(self._path(folder))
        except (FileNotFoundError, NotADirectoryError):
            return []
        except OSError as error:
            raise translated(error, self._path(folder)) from error

    def remove(self, name: str) -> None:
        """Remove a file or a folder; links are removed, never followed.

        A folder goes at once, by a rename into ``tmp/``: half of one would pass for a partition.
        """
        path = self._path(name)
        if os.path.isdir(path) and not os.path.islink(path):
            with contextlib.suppress(OSError):
                os.rmdir(path)  # where it is empty there is no half of it
                return
            if not name.startswith("tmp/"):
                path = self._path(self.take_away(name))
            self._remove_folder(path)
            return
        self.forget(name)
        try:
            os.unlink(path)
        except FileNotFoundError:
            pass
        except OSError as error:
            raise translated(error, path) from error

    def _remove_folder(self, path: str) -> None:
        while os.path.isdir(path):
            try:
                shutil.rmtree(path)
            except FileNotFoundError:
                continue  # another process is at it too, since it has opened the store
            except OSError as error:
                raise translated(error, path) from error

    def take_away(self, name: str) -> str:
        """Rename a folder into ``tmp/``, and sync where it was: it must not come back, by half."""
        path = self._path(name)
        self.forget(name)
        self._folders.make("tmp")
        half = _half_made(self._path("tmp"))
        try:
            os.rename(path, half)
            self._folders.forget(name)
            sync_folder(os.path.dirname(path))
        except FileNotFoundError:
            pass
        except OSError as error:
            raise translated(error, path) from error
        return f"tmp/{os.path.basename(half)}"

    def lock(self) -> FileLock:
        """Return the lock on the file ``lock``, which is made where it is missing."""
        if self._lock is None:
            path = self._path("lock")
            try:
                flags = os.O_RDWR | os.O_CREAT | _NO_FOLLOW
                descriptor = self._descriptors[LOCK_NAME] = os.open(path, flags, 0o666)
                if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                    raise OSError(errno.ENXIO, os.strerror(errno.ENXIO))
                if os.fstat(descriptor).st_size == 0:
                    os.write(descriptor, LOCK_TEXT)
            except OSError as error:
                raise translated(error, path) from error
            self._lock = FileLock(descriptor, self.share(), self.root)
        return self._lock

    def claim(self, name: str) -> FileClaim:
        """Return a claim on a file of its own, which is there while somebody holds it."""
        if os.path.basename(name) != name:
            raise InvalidPath(f"{name!r} is no name of a claim", path=self.root)
        return FileClaim(self._path(claim_name(name)), name, translated)

    def share(self) -> memoryview:
        """Map the file ``position``.

        Where it is missing and the volume is read-only: zeros, and the next call looks again.
        """
        if self._words is None:
            path = self._path("position")
            try:
                self._words = self._map(path)
            except FileNotFoundError:
                # Not kept: a writer may make the file.
                return memoryview(bytes(POSITION_BYTES)).cast("Q")
            except OSError as error:
                raise translated(error, path) from error
        return self._words

    def _map(self, path: str) -> memoryview:
        if self.read_only:
            descriptor = os.open(path, os.O_RDONLY | _NO_FOLLOW)
        else:
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | _NO_FOLLOW, 0o666)
        try:
            size = os.fstat(descriptor).st_size
            if size < POSITION_BYTES and not self.read_only:
                os.ftruncate(descriptor, POSITION_BYTES)
                if hasattr(os, "posix_fallocate"):
                    # A full disk shall be an error here, and not a SIGBUS at the first write.
                    os.posix_fallocate(descriptor, 0, POSITION_BYTES)
            elif size < POSITION_BYTES:
                raise FileNotFoundError(path)
            access = mmap.ACCESS_READ if self.read_only else mmap.ACCESS_WRITE
            return memoryview(mmap.mmap(descriptor, POSITION_BYTES, access=access)).cast("Q")
        finally:
            os.close(descriptor)

    def removed(self) -> bool:
        """Say whether somebody removed or replaced the folder since its lock was opened."""
        descriptor = self._descriptors.get(LOCK_NAME)
        if descriptor is None:
            return False
        try:
            return not os.path.samestat(os.fstat(descriptor), os.stat(self._path(LOCK_NAME)))
        except OSError:
            return True

    def is_within(self, name: str) -> bool:
        """Say whether no link leads to it."""
        root = os.path.realpath(self.root)
        return os.path.realpath(f"{root}/{name}") == f"{root}/{name}"

    def _refuse_removed(self) -> None:
        """Raise StoreFailed where nobody will find again what was synced."""
        # A microsecond beside a sync. The path is asked only when the file has no name left: that
        # takes three, and there may be file systems that count no links.
        descriptor = self._descriptors.get(LOCK_NAME)
        if descriptor is not None and not os.fstat(descriptor).st_nlink and self.removed():
            raise StoreFailed(
                f"{self.root}: its folder was removed or replaced while it was open, so this write "
                f"is lost. Close this database and open it again",
                path=self.root,
            )

    def forget(self, name: str) -> None:
        """Close the descriptor kept for a file."""
        descriptor = self._descriptors.pop(name, None)
        if descriptor is not None:
            os.close(descriptor)

    def close(self) -> None:
        """Close every descriptor; with the lock's goes the lock."""
        if self._lock is not None:
            self._lock.close()
        self._lock = None
        for name in list(self._descriptors):
            self.forget(name)


LOCK_TEXT: Final = b"The writer's lock of Dynafile; its holder's pid is in the file position.\n"


def _made_anew(path: str) -> int:
    """Open an empty file, in the place of one that a dead process may have left."""
    with contextlib.suppress(FileNotFoundError):
        os.unlink(path)
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | _NO_FOLLOW, 0o666)
