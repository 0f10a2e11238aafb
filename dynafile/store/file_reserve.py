"""A reserve file: blocks of the disk that nobody else gets while the file has them."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable
from typing import Final

from dynafile.errors import StorageError

HEAD: Final = b"Room that Dynafile keeps for deletes and checkpoints on a full disk.\n"
_FLAGS: Final = os.O_RDWR | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
_CANNOT: Final = frozenset({errno.EOPNOTSUPP, errno.ENOTSUP, errno.EINVAL, errno.ENOSYS})


class FileReserve:
    """Room that is held by a file of that size, and given up by making it shorter.

    It need not survive a power cut, so nothing is synced; whoever opens the store holds it again.
    A file of somebody else's that has the name is left alone, and then there is no reserve.
    """

    def __init__(self, path: str, translated: Callable[[OSError, str], StorageError]) -> None:
        self._path = path
        self._translated = translated

    def size(self) -> int:
        """Return how many bytes are held."""
        try:
            descriptor = os.open(self._path, _FLAGS)
            try:
                return max(0, _held_by(descriptor))
            finally:
                os.close(descriptor)
        except OSError:
            return 0  # it is missing, or of no use

    def resize(self, size: int) -> None:
        """Hold so many bytes, or fewer than before; raises DiskFull, and holds what it held."""
        try:
            descriptor = os.open(self._path, _FLAGS | os.O_CREAT, 0o666)
            try:
                held = _held_by(descriptor)
                if held > size:
                    os.ftruncate(descriptor, size)
                elif 0 <= held < size:
                    _grow(descriptor, held, size)
            finally:
                os.close(descriptor)
        except OSError as error:
            raise self._translated(error, self._path) from error


def _held_by(descriptor: int) -> int:
    """Return the size of our file; -1: it is somebody else's."""
    found = os.fstat(descriptor)
    if not stat.S_ISREG(found.st_mode):
        return -1
    return found.st_size if os.read(descriptor, len(HEAD)) == HEAD[: found.st_size] else -1


def _grow(descriptor: int, held: int, size: int) -> None:
    try:
        if held < len(HEAD):
            os.lseek(descriptor, 0, os.SEEK_SET)
            _write(descriptor, HEAD)
            held = len(HEAD)
        _allocate(descriptor, held, size)
    except OSError:
        os.ftruncate(descriptor, held)  # gives blocks back that lie past the end, too
        raise


def _allocate(descriptor: int, held: int, size: int) -> None:
    try:
        os.posix_fallocate(descriptor, held, size - held)
    except (AttributeError, OSError) as error:
        if isinstance(error, OSError) and error.errno not in _CANNOT:
            raise
        os.lseek(descriptor, held, os.SEEK_SET)
        # Not zeros, which a file system may store in no room at all.
        _write(descriptor, os.urandom(size - held))


def _write(descriptor: int, data: bytes) -> None:
    while data:
        data = data[os.write(descriptor, data) :]
