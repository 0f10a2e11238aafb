"""Descriptors of files and folders: read and written at an offset, and synced."""

from __future__ import annotations

import contextlib
import os
import sys
from typing import Final

if sys.platform == "darwin":
    import fcntl

    def sync_descriptor(descriptor: int) -> None:
        """Make what was written durable."""
        # fsync on macOS leaves the data in the drive's cache.
        fcntl.fcntl(descriptor, fcntl.F_FULLFSYNC)
else:
    sync_descriptor = getattr(os, "fdatasync", os.fsync)

if sys.platform != "win32":
    _read_once = os.pread
    write_at = os.pwrite
else:

    def _read_once(descriptor: int, size: int, offset: int) -> bytes:
        os.lseek(descriptor, offset, os.SEEK_SET)
        return os.read(descriptor, size)

    def write_at(descriptor: int, data: bytes, offset: int) -> int:
        """Write at an offset; return how many bytes were written."""
        os.lseek(descriptor, offset, os.SEEK_SET)
        return os.write(descriptor, data)


MOST_AT_ONCE: Final = 1024 * 1024
"""Reads of more than that ask first how long the file is."""


def read_at(descriptor: int, offset: int, size: int) -> bytes:
    """Return up to ``size`` bytes from an offset; -1: to the end of the file."""
    if size < 0 or size > MOST_AT_ONCE:
        # Memory for all of it is taken before it is known how much there is.
        left = max(0, os.fstat(descriptor).st_size - offset)
        size = left if size < 0 else min(size, left)
    data = _read_once(descriptor, size, offset)
    while len(data) < size:
        more = _read_once(descriptor, size - len(data), offset + len(data))
        if not more:
            break
        data += more
    return data


def write_all(descriptor: int, data: bytes, offset: int) -> None:
    """Write all of the data at an offset."""
    written = write_at(descriptor, data, offset)
    while written < len(data):
        written += write_at(descriptor, data[written:], offset + written)


def sync_folder(path: str) -> None:
    """Make the names in a folder durable, where the system lets one do that."""
    if sys.platform != "win32":
        descriptor = os.open(path or ".", os.O_RDONLY)
        try:
            sync_descriptor(descriptor)
        finally:
            os.close(descriptor)


def make_folders(path: str) -> None:
    """Make a folder, and those above it that are missing; their names are durable then.

    So is that of a folder that is there already: who made it may have died before its sync.
    """
    changed = [os.path.dirname(path)]
    while not os.path.isdir(changed[-1]) and os.path.dirname(changed[-1]) != changed[-1]:
        changed.append(os.path.dirname(changed[-1]))
    os.makedirs(path, exist_ok=True)
    for folder in changed:
        with contextlib.suppress(PermissionError):  # a folder that we may pass and not look into
            sync_folder(folder)
