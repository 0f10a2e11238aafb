"""A system whose calls fail: below the local volume, one call of a run, with an error of choice."""

from __future__ import annotations

import contextlib
import errno
import io
import os
import threading
from collections import Counter
from typing import TYPE_CHECKING, Any

import atomicwrites

from dynafile.store import descriptors, local_volume

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import pytest

SHORT = -1
"""In the place of an error's number: a write that writes a part, and says so."""

BY_PATH = ("open", "mkdir", "rename", "unlink", "rmdir", "listdir")
BY_DESCRIPTOR = ("fstat", "ftruncate", "posix_fallocate", "pread")


class FailingSystem:
    """Counts the calls that concern a folder; the one with the number ``chosen`` fails.

    ``kinds``: the names of calls that count. A failed sync has not synced. Calls of all threads
    count, so a run in which several are at work is not the same each time.
    """

    def __init__(self, folder: str, kinds: frozenset[str] | None = None) -> None:
        self.folder = folder
        self.chosen = 0
        self.error = errno.EIO
        self.kinds = kinds
        self.calls: Counter[str] = Counter()
        self.failed: str | None = None
        self._count = 0
        self._mutex = threading.Lock()

    @property
    def count(self) -> int:
        return self._count

    def fail(self, chosen: int, error: int) -> None:
        """Let a call fail, by its number from now on."""
        self._count = 0
        self.chosen, self.error, self.failed = chosen, error, None

    def _is_chosen(self, kind: str) -> bool:
        if self.kinds is not None and kind not in self.kinds:
            return False
        with self._mutex:
            self._count += 1
            self.calls[kind] += 1
            if self._count != self.chosen:
                return False
            self.failed = kind
            return True

    def _raise(self, kind: str, path: object = None) -> None:
        number = errno.EIO if self.error == SHORT else self.error
        raise OSError(number, os.strerror(number), f"{kind} of {path}")

    # -- the calls ------------------------------------------------------------------------------

    def _by_path(self, kind: str, real: Callable[..., Any]) -> Callable[..., Any]:
        def call(path: Any, *args: Any, **kwargs: Any) -> Any:
            ours = "dir_fd" in kwargs or (isinstance(path, str) and path.startswith(self.folder))
            if ours and self._is_chosen(kind):
                self._raise(kind, path)
            return real(path, *args, **kwargs)

        return call

    def _by_descriptor(self, kind: str, real: Callable[..., Any]) -> Callable[..., Any]:
        def call(descriptor: int, *args: Any, **kwargs: Any) -> Any:
            if self._is_chosen(kind):
                self._raise(kind, descriptor)
            return real(descriptor, *args, **kwargs)

        return call

    def _sync(self, descriptor: int) -> None:
        # The real one is left out: these tests are not about power cuts, and it takes long.
        if self._is_chosen("sync"):
            self._raise("sync", descriptor)

    def _write_at(self, descriptor: int, data: bytes, offset: int) -> int:
        if self._is_chosen("write"):
            if self.error == SHORT:
                return os.pwrite(descriptor, data[: len(data) // 2], offset)
            os.pwrite(descriptor, data[: len(data) // 2], offset)
            self._raise("write", descriptor)
        return os.pwrite(descriptor, data, offset)

    def _open(self, *args: Any, opener: Any) -> io.BufferedWriter:
        system = self

        class Raw(io.FileIO):
            def write(self, data: Any) -> int | None:
                if system._is_chosen("write"):
                    if system.error == errno.EINTR:
                        system._raise(
                            "write", self.name
                        )  # nothing is written then: it is tried again
                    part = super().write(bytes(data)[: len(data) // 2])
                    if system.error == SHORT:
                        return part
                    system._raise("write", self.name)
                return super().write(data)

        return io.BufferedWriter(Raw(*args, opener=opener))

    @contextlib.contextmanager
    def installed(self, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
        """Put it in the place of the real one."""
        with monkeypatch.context() as patch:
            for kind in BY_PATH:
                patch.setattr(os, kind, self._by_path(kind, getattr(os, kind)))
            for kind in BY_DESCRIPTOR:
                patch.setattr(os, kind, self._by_descriptor(kind, getattr(os, kind)))
            patch.setattr(descriptors, "_read_once", os.pread)
            patch.setattr(descriptors, "write_at", self._write_at)
            patch.setattr(descriptors, "sync_descriptor", self._sync)
            patch.setattr(local_volume, "sync_descriptor", self._sync)
            patch.setattr(local_volume, "open", self._open, raising=False)
            patch.setattr(atomicwrites, "_proper_fsync", self._sync)
            yield
