"""The calls that ``LocalVolume`` makes of the system, answered by a simulated machine."""

from __future__ import annotations

import errno
import io
import os
import stat
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, Final, Self

from crash.disk import Folder

from dynafile.errors import LockTimeout
from dynafile.store.position import HOLDER

if TYPE_CHECKING:
    from collections.abc import Callable

    from crash.machine import Machine

PREFIX: Final = "/simulated-disk"
"""Paths below it are the machine's; all others are the system's."""
FIRST_DESCRIPTOR: Final = 1 << 30


def ours(path: object) -> bool:
    return isinstance(path, str) and (path == PREFIX or path.startswith(f"{PREFIX}/"))


class FakePath:
    """``os.path``: what looks at a disk looks at the machine's."""

    def __init__(self, machine: Machine) -> None:
        self._machine = machine

    def __getattr__(self, name: str) -> Any:
        return getattr(os.path, name)

    def _is(self, path: str, kind: type | None, real: Callable[[str], bool]) -> bool:
        if not ours(path):
            return real(path)
        number = self._machine.find(path)
        node = None if number is None else self._machine.disk.nodes[number]
        return node is not None and (kind is None or isinstance(node, Folder) == (kind is Folder))

    def isdir(self, path: str) -> bool:
        return self._is(path, Folder, os.path.isdir)

    def isfile(self, path: str) -> bool:
        return self._is(path, bytes, os.path.isfile)

    def exists(self, path: str) -> bool:
        return self._is(path, None, os.path.exists)

    lexists = exists

    def islink(self, path: str) -> bool:
        return not ours(path) and os.path.islink(path)

    def getsize(self, path: str) -> int:
        if not ours(path):
            return os.path.getsize(path)
        return len(self._machine.disk.file(self._machine.node(path)).content())


class FakeOs:
    """``os`` and ``shutil``."""

    def __init__(self, machine: Machine) -> None:
        self._machine = machine
        self.path = FakePath(machine)

    def __getattr__(self, name: str) -> Any:
        return getattr(os, name)

    # -- descriptors ----------------------------------------------------------------------------

    def open(self, path: str, flags: int, mode: int = 0o777) -> int:
        machine = self._machine
        if not ours(path):
            return os.open(path, flags, mode)
        number = machine.find(path)
        if number is None:
            if not flags & os.O_CREAT:
                raise FileNotFoundError(errno.ENOENT, "No such file or directory", path)
            number = machine.make(path, "file")
        elif flags & os.O_TRUNC:
            assert not machine.disk.file(number).data, "nothing of ours shortens a file"
        return machine.descriptor(number)

    def close(self, descriptor: int) -> None:
        if descriptor < FIRST_DESCRIPTOR:
            os.close(descriptor)
        else:
            self._machine.opened(descriptor)
            del self._machine.open[descriptor]

    def pread(self, descriptor: int, size: int, offset: int) -> bytes:
        if descriptor < FIRST_DESCRIPTOR:
            return os.pread(descriptor, size, offset)
        data = self._machine.disk.file(self._machine.opened(descriptor)).content()
        return data[offset : offset + size]

    def pwrite(self, descriptor: int, data: bytes, offset: int) -> int:
        if descriptor < FIRST_DESCRIPTOR:
            return os.pwrite(descriptor, data, offset)
        self._machine.do("write", self._machine.opened(descriptor), offset, bytes(data))
        return len(data)

    def write(self, descriptor: int, data: bytes) -> int:
        if descriptor < FIRST_DESCRIPTOR:
            return os.write(descriptor, data)
        return self.pwrite(descriptor, data, self.fstat(descriptor).st_size)

    def fsync(self, descriptor: int) -> None:
        if descriptor < FIRST_DESCRIPTOR:
            os.fsync(descriptor)
        else:
            self._machine.do("sync", self._machine.opened(descriptor))

    fdatasync = fsync

    def ftruncate(self, descriptor: int, size: int) -> None:
        if descriptor < FIRST_DESCRIPTOR:
            os.ftruncate(descriptor, size)
            return
        before = self.fstat(descriptor).st_size
        assert size >= before, "nothing of ours shortens a file"
        self.pwrite(descriptor, bytes(size - before), before)

    def posix_fallocate(self, descriptor: int, offset: int, size: int) -> None:
        if descriptor < FIRST_DESCRIPTOR:
            os.posix_fallocate(descriptor, offset, size)

    def fstat(self, descriptor: int) -> Any:
        if descriptor < FIRST_DESCRIPTOR:
            return os.fstat(descriptor)
        return self._stat(self._machine.opened(descriptor))

    # -- names ----------------------------------------------------------------------------------

    def stat(self, path: str) -> Any:
        return self._stat(self._machine.node(path)) if ours(path) else os.stat(path)

    lstat = stat

    def _stat(self, number: int) -> Any:
        node = self._machine.disk.nodes[number]
        is_folder = isinstance(node, Folder)
        size = 0 if isinstance(node, Folder) else len(node.content())
        mode = stat.S_IFDIR if is_folder else stat.S_IFREG
        mode |= 0o755
        return SimpleNamespace(st_ino=number, st_dev=-1, st_nlink=1, st_size=size, st_mode=mode)

    def access(self, path: str, mode: int) -> bool:
        return self.path.exists(path) if ours(path) else os.access(path, mode)

    def listdir(self, path: str) -> list[str]:
        if not ours(path):
            return os.listdir(path)
        node = self._machine.disk.nodes[self._machine.node(path)]
        if not isinstance(node, Folder):
            raise NotADirectoryError(errno.ENOTDIR, "Not a directory", path)
        return list(node.names)

    def scandir(self, path: str) -> Any:
        if not ours(path):
            return os.scandir(path)
        return _Scan(
            [_Entry(name, self.path.isdir(f"{path}/{name}")) for name in self.listdir(path)]
        )

    def mkdir(self, path: str, mode: int = 0o777) -> None:
        if not ours(path):
            os.mkdir(path, mode)
            return
        if self.path.exists(path):
            raise FileExistsError(errno.EEXIST, "File exists", path)
        self._machine.make(path, "folder")

    def makedirs(self, path: str, exist_ok: bool = False) -> None:
        if not ours(path):
            os.makedirs(path, exist_ok=exist_ok)
            return
        if self.path.isdir(path):
            return
        self.makedirs(path.rpartition("/")[0])
        self.mkdir(path)

    def rename(self, path: str, new: str) -> None:
        if not ours(path):
            os.rename(path, new)
            return
        machine = self._machine
        machine.node(path)
        machine.do("rename", *machine.parent(path), *machine.parent(new))

    def unlink(self, path: str) -> None:
        if not ours(path):
            os.unlink(path)
            return
        machine = self._machine
        machine.node(path)
        machine.do("remove", *machine.parent(path))

    def rmdir(self, path: str) -> None:
        if not ours(path):
            os.rmdir(path)
            return
        if self.listdir(path):
            raise OSError(errno.ENOTEMPTY, "Directory not empty", path)
        self._machine.do("remove", *self._machine.parent(path))

    def rmtree(self, path: str) -> None:
        for name in self.listdir(path):
            below = f"{path}/{name}"
            if self.path.isdir(below):
                self.rmtree(below)
            else:
                self.unlink(below)
        self._machine.do("remove", *self._machine.parent(path))

    # -- files ----------------------------------------------------------------------------------

    def open_file(self, path: str, mode: str = "r", **options: Any) -> Any:
        """``open``, as far as it is called: to read bytes, and to write a file anew."""
        if not ours(path):
            return open(path, mode, **options)
        if mode == "rb":
            return io.BytesIO(self._machine.disk.file(self._machine.node(path)).content())
        assert mode == "wb"
        return _Written(self, path, options["opener"](path, 0))


class _Entry:
    def __init__(self, name: str, is_folder: bool) -> None:
        self.name = name
        self.is_dir = lambda: is_folder


class _Scan(list[_Entry]):
    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass


class _Written:
    """A file that is being written, through a buffer that keeps everything until it is flushed."""

    def __init__(self, fake: FakeOs, name: str, descriptor: int) -> None:
        self.name = name
        self._fake = fake
        self._descriptor = descriptor
        self._waiting = b""

    def write(self, data: bytes) -> int:
        self._waiting += data
        return len(data)

    def flush(self) -> None:
        waiting, self._waiting = self._waiting, b""
        if waiting:
            self._fake.write(self._descriptor, waiting)

    def fileno(self) -> int:
        return self._descriptor

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        try:
            self.flush()
        finally:
            self._fake.close(self._descriptor)


class FakeMmap:
    """``mmap``: a file's memory is one for all who map it."""

    ACCESS_READ = 1
    ACCESS_WRITE = 2

    def __init__(self, machine: Machine) -> None:
        self._machine = machine

    def mmap(self, descriptor: int, size: int, access: int) -> bytearray:
        return self._machine.map(self._machine.opened(descriptor), size)


class FakeLock:
    """The writer's lock, exclusive among the processes of a machine."""

    def __init__(self, machine: Machine, descriptor: int, words: memoryview, path: str) -> None:
        self._holders = machine.holders
        self._key = f"lock of {machine.opened(descriptor)}"
        self._words = words
        self._path = path

    def acquire(self, timeout: float) -> None:
        if self._holders.setdefault(self._key, self) is not self:
            raise LockTimeout(f"{self._path} is locked by another process of the machine")
        self._words[HOLDER] = os.getpid()

    def release(self) -> None:
        if self._holders.get(self._key) is self:
            del self._holders[self._key]

    close = release

    def contended(self) -> bool:
        return False


class FakeClaim:
    """A claim, with the file that is there while somebody has it, or died with it."""

    def __init__(self, machine: Machine, path: str, work: str, _: object) -> None:
        self._machine = machine
        self._path = path
        self._work = work

    def acquire(self, timeout: float) -> None:
        machine = self._machine
        if machine.find(self._path) is None:
            machine.make(self._path, "file")
        if machine.holders.setdefault(self._path, self) is not self:
            raise LockTimeout(f"another process of the machine is at the {self._work}")

    def release(self) -> None:
        machine = self._machine
        if machine.holders.get(self._path) is self:
            machine.do("remove", *machine.parent(self._path))
            del machine.holders[self._path]
