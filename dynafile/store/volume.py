"""The one seam between the store and the operating system."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from dynafile.errors import ReadOnlyDatabase


class Lock(Protocol):
    """The writer's lock: exclusive among processes, held by one thread of ours at a time."""

    def acquire(self, timeout: float) -> None:
        """Take the lock, waiting in turn for up to ``timeout`` seconds.

        Raises :class:`~dynafile.errors.LockTimeout` with the holder's pid.
        """

    def release(self) -> None:
        """Let go of the lock; harmless where it is not held."""

    def contended(self) -> bool:
        """Say whether another process is waiting for the lock."""


class Claim(Protocol):
    """A named lock for work that takes long, beside the writer's, such as a conversion.

    Exclusive among processes and among the threads of one, and gone with its process.
    """

    def acquire(self, timeout: float) -> None:
        """Take the claim, trying for up to ``timeout`` seconds; 0: try once.

        Raises :class:`~dynafile.errors.LockTimeout` with the holder's pid, where it is known.
        """

    def release(self) -> None:
        """Let go of the claim; harmless where it is not held."""


class NoLock:
    """The lock of a volume that is only read: nobody takes it."""

    def acquire(self, timeout: float) -> None:
        """Refuse: a store that is only read has nothing to lock."""
        raise ReadOnlyDatabase(
            "this store was opened with read_only=True: open it without, to write"
        )

    def release(self) -> None:
        """Do nothing."""

    def contended(self) -> bool:
        """Say that nobody waits."""
        return False


class Scratch(Protocol):
    """A file without a name, for what memory should not hold."""

    def append(self, data: bytes) -> int:
        """Add to the end; return the offset at which that begins."""

    def read(self, offset: int, size: int) -> bytes:
        """Return bytes from an offset."""

    def close(self) -> None:
        """Give the space back."""


class HeldRoom(Protocol):
    """Room on the disk that is held so that nobody else gets it."""

    def size(self) -> int:
        """Return how many bytes are held."""

    def resize(self, size: int) -> None:
        """Hold so many bytes; raises DiskFull and leaves it as it was. Fewer can always be held."""


class Volume(Protocol):
    """Files by name, relative to one folder, with forward slashes.

    Local files, memory and the crash simulator of the tests implement it; nothing else on the
    floors of the store, the tables and the models reaches a file. A missing file raises
    ``FileNotFoundError``; other failures raise :class:`~dynafile.errors.StorageError` kinds.
    """

    root: str
    """What messages call the folder."""
    read_only: bool

    def read(self, name: str, offset: int = 0, size: int = -1) -> bytes:
        """Return up to ``size`` bytes from ``offset``; -1: to the end of the file."""

    def read_apart(self, name: str, offset: int, size: int) -> bytes:
        """Do what :meth:`read` does, beside threads that :meth:`forget` the file meanwhile."""

    def write(self, name: str, offset: int, data: bytes) -> None:
        """Write in place, extending the file or making it; not durable before :meth:`sync`."""

    def sync(self, name: str) -> None:
        """Make what was written to the file durable."""

    def sync_beside(self, name: str) -> None:
        """Do what :meth:`sync` does for a file that others write to meanwhile.

        To be called without the writer's lock. What was written before the call is durable after.
        """

    def replace(self, name: str, data: bytes) -> None:
        """Make a file with this content, or replace the one there, atomically and durably.

        Missing folders are made; when the call returns, the file, its name and its folders are on
        disk.
        """

    def replace_all(self, files: Sequence[tuple[str, bytes]]) -> None:
        """Do what :meth:`replace` does for several files, which shares most of the waiting.

        Each is replaced atomically; after a crash some may be and others not.
        """

    def make(self, folder: str) -> None:
        """Make a folder, and those above it; harmless where it is there. Not durable."""

    def fill(self, files: Sequence[tuple[str, bytes]]) -> None:
        """Put new files into folders that :meth:`make` made, all of it durable at the end.

        For files that nobody reads yet: after a crash there may be parts of them. Raises
        ``FileNotFoundError`` where a folder was removed since, and does not make it again.
        """

    def scratch(self) -> Scratch:
        """Return an empty file without a name, which is gone with its process."""

    def reserve(self) -> HeldRoom:
        """Return the room that the folder holds, a new object each time."""

    def list(self, folder: str) -> list[str]:
        """Return the names in a folder, unsorted; none where the folder is missing."""

    def remove(self, name: str) -> None:
        """Remove a file, or a folder with what is in it; harmless where it is missing."""

    def take_away(self, name: str) -> str:
        """Move a folder out of the way, however much is in it; :meth:`remove` what this returns.

        When the call returns that is durable, so what was in it may go in any order. Removing it
        takes time and needs no lock. Who opens the store next does what was left of it.
        """

    def lock(self) -> Lock:
        """Return the lock of the folder, the same object each time."""

    def claim(self, name: str) -> Claim:
        """Return a claim of the folder, a new object each time; equal names exclude each other."""

    def share(self) -> memoryview:
        """Return the words of the ``position`` file, shared by all processes (format ``Q``).

        A volume opened for reading gives a read-only view, or zeros where the file is missing.
        """

    def removed(self) -> bool:
        """Say whether the folder that was opened is gone, or another one is in its place."""

    def is_within(self, name: str) -> bool:
        """Say whether no link, in the place of it or of a folder above it, leads out of here."""

    def forget(self, name: str) -> None:
        """Drop what is held open of a file, so that the next use opens it again."""

    def close(self) -> None:
        """Let go of all that is held open. The view that :meth:`share` gave becomes useless."""
