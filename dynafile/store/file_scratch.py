"""A scratch file: space on disk that is given back when its process ends, however it ends."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable

from dynafile.errors import StorageError


class FileScratch:
    """A file that has no name, or loses it at once."""

    def __init__(self, folder: str, translated: Callable[[OSError, str], StorageError]) -> None:
        self._folder = folder
        self._translated = translated
        try:
            self._file = tempfile.TemporaryFile(dir=folder, buffering=0)  # noqa: SIM115
        except OSError as error:
            raise translated(error, folder) from error
        self._end = 0

    def append(self, data: bytes) -> int:
        """Add to the end; return the offset at which that begins."""
        offset, view = self._end, memoryview(data)
        try:
            self._file.seek(offset)
            while view:
                view = view[self._file.write(view) or 0 :]
        except OSError as error:
            raise self._translated(error, self._folder) from error
        self._end += len(data)
        return offset

    def read(self, offset: int, size: int) -> bytes:
        """Return bytes from an offset."""
        try:
            self._file.seek(offset, os.SEEK_SET)
            data = self._file.read(size)
            while len(data) < size and (more := self._file.read(size - len(data))):
                data += more
        except OSError as error:
            raise self._translated(error, self._folder) from error
        return data

    def close(self) -> None:
        """Give the space back."""
        self._file.close()
