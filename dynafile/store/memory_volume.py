"""A volume in memory: the store's own tests run on it, and so does the crash simulator."""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Sequence

from dynafile.errors import LockTimeout
from dynafile.store.position import POSITION_BYTES


class MemoryLock:
    """A lock among the threads of one process."""

    def __init__(self) -> None:
        self._mutex = threading.Lock()
        self._owner = 0

    def acquire(self, timeout: float) -> None:
        """Take the lock; raises :class:`LockTimeout` after ``timeout`` seconds."""
        if not self._mutex.acquire(timeout=timeout):
            raise LockTimeout("the memory volume is locked by another thread; let it finish")
        self._owner = threading.get_ident()

    def release(self) -> None:
        """Let go of the lock; harmless where it is not held."""
        # Without an owner it is ours: a signal came between taking it and saying so.
        if self._owner in (0, threading.get_ident()) and self._mutex.locked():
            self._owner = 0
            self._mutex.release()

    def contended(self) -> bool:
        """Say that nobody waits; threads queue elsewhere."""
        return False


class MemoryClaim:
    """A claim among the threads of one process."""

    def __init__(self, mutex: threading.Lock, work: str) -> None:
        self._mutex = mutex
        self._work = work
        self._held = False

    def acquire(self, timeout: float) -> None:
        """Take the claim; raises :class:`LockTimeout` after ``timeout`` seconds."""
        if not self._mutex.acquire(timeout=timeout):
            raise LockTimeout(f"another thread is at the {self._work}; let it finish")
        self._held = True

    def release(self) -> None:
        """Let go of the claim; harmless where it is not held."""
        if self._held:
            self._held = False
            self._mutex.release()


class MemoryScratch:
    """A file without a name, in memory."""

    def __init__(self) -> None:
        self._data = bytearray()

    def append(self, data: bytes) -> int:
        """Add to the end; return the offset at which that begins."""
        offset = len(self._data)
        self._data += data
        return offset

    def read(self, offset: int, size: int) -> bytes:
        """Return bytes from an offset."""
        return bytes(self._data[offset : offset + size])

    def close(self) -> None:
        """Forget everything."""
        self._data.clear()


class MemoryReserve:
    """Room in memory, of which there is always enough."""

    def __init__(self) -> None:
        self._size = 0

    def size(self) -> int:
        """Return how many bytes are held."""
        return self._size

    def resize(self, size: int) -> None:
        """Hold so many bytes."""
        self._size = size


class MemoryVolume:
    """Files in a dictionary."""

    def __init__(self) -> None:
        self.root = ":memory:"
        self.read_only = False
        self.files: dict[str, bytearray] = {}
        self.folders: set[str] = set()
        """Those that :meth:`make` made; others are there when something is in them."""
        self._lock = MemoryLock()
        self._reserve = MemoryReserve()
        self._claims: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)
        self._words = memoryview(bytearray(POSITION_BYTES)).cast("Q")

    def read(self, name: str, offset: int = 0, size: int = -1) -> bytes:
        """Return up to ``size`` bytes from ``offset``; -1: to the end."""
        if name not in self.files:
            raise FileNotFoundError(name)
        file = self.files[name]
        return bytes(file[offset:] if size < 0 else file[offset : offset + size])

    def read_apart(self, name: str, offset: int, size: int) -> bytes:
        """Return up to ``size`` bytes from ``offset``."""
        return self.read(name, offset, size)

    def write(self, name: str, offset: int, data: bytes) -> None:
        """Write in place, making the file where it is missing."""
        file = self.files.setdefault(name, bytearray())
        file.extend(bytes(max(0, offset - len(file))))
        file[offset : offset + len(data)] = data

    def sync(self, name: str) -> None:
        """Do nothing: what is in memory is as durable as it gets."""

    def sync_beside(self, name: str) -> None:
        """Do what :meth:`sync` does."""
        self.sync(name)

    def replace(self, name: str, data: bytes) -> None:
        """Replace the file's content."""
        self.files[name] = bytearray(data)

    def replace_all(self, files: Sequence[tuple[str, bytes]]) -> None:
        """Replace the content of several files."""
        for name, data in files:
            self.replace(name, data)

    def make(self, folder: str) -> None:
        """Make a folder."""
        self.folders.add(folder)

    def fill(self, files: Sequence[tuple[str, bytes]]) -> None:
        """Put files into folders that were made, and not removed since."""
        for name, data in files:
            if name.rpartition("/")[0] not in self.folders:
                raise FileNotFoundError(name)
            self.replace(name, data)

    def scratch(self) -> MemoryScratch:
        """Return a file in memory."""
        return MemoryScratch()

    def reserve(self) -> MemoryReserve:
        """Return what is held, which costs nothing."""
        return self._reserve

    def list(self, folder: str) -> list[str]:
        """Return the names in a folder."""
        head = folder.rstrip("/") + "/" if folder else ""
        names = [*self.files, *self.folders]
        below = (name[len(head) :] for name in names if name.startswith(head))
        return list({name.split("/")[0] for name in below})

    def remove(self, name: str) -> None:
        """Remove a file or a folder with what is in it."""
        for other in [*self.files, *self.folders]:
            if other == name or other.startswith(name + "/"):
                self.files.pop(other, None)
                self.folders.discard(other)

    def take_away(self, name: str) -> str:
        """Remove a folder, which costs next to nothing; there is nothing of the name left."""
        self.remove(name)
        return f"tmp/{name}"

    def lock(self) -> MemoryLock:
        """Return the one lock."""
        return self._lock

    def claim(self, name: str) -> MemoryClaim:
        """Return a claim on one of the mutexes, which are made as they are asked for."""
        return MemoryClaim(self._claims[name], name)

    def share(self) -> memoryview:
        """Return the words of the position."""
        return self._words

    def removed(self) -> bool:
        """Say no: nobody else can reach the memory."""
        return False

    def is_within(self, name: str) -> bool:
        """Say yes: there are no links."""
        return True

    def forget(self, name: str) -> None:
        """Do nothing: nothing is held open."""

    def close(self) -> None:
        """Do nothing: whoever holds the volume may open it again."""
