"""The guard: what reading a stranger's bytes may not do, and how it is noticed.

It may not run code, write outside the folder that it was given, or take memory out of proportion to
what it reads. The first two are seen by an audit hook, which nothing can pass by.
"""

from __future__ import annotations

import logging
import os
import sys
import tracemalloc
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

PER_BYTE: Final = 400
"""Bytes of memory a byte of input: an empty key and value are two bytes of a pickle, and in memory
two objects, an entry of a dict, and one of a list."""
ALLOWANCE: Final = 24 << 20
"""What opening a database takes, however small it is, and what one read of a hole does."""

_FORBIDDEN: Final = (
    "os.system",
    "os.exec",
    "os.posix_spawn",
    "os.spawn",
    "os.fork",
    "subprocess.Popen",
    "socket.connect",
    "pickle.find_class",  # ours asks nobody else
)
_CHANGES: Final = {
    "os.remove": 1,
    "os.rename": 2,
    "os.mkdir": 1,
    "os.rmdir": 1,
    "os.link": 2,
    "os.symlink": 2,
    "os.truncate": 1,
    "os.chmod": 1,
    "os.chown": 1,
    "shutil.rmtree": 1,
}
"""Events that change a name, and how many of their first arguments are paths."""
_WRITING: Final = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC


class Escaped(BaseException):
    """A reader did what it may not do; no error of ours, and nothing that catches those sees it."""


class _Guard:
    """What is forbidden at the moment; None: nothing is."""

    def __init__(self) -> None:
        self.inside: tuple[str, ...] | None = None
        self.escaped: str | None = None

    def hook(self, event: str, arguments: tuple[Any, ...]) -> None:
        if self.inside is None:
            return
        if event in _FORBIDDEN:
            self.refuse(f"{event}{arguments!r:.200}")
        elif event == "open":
            path, _, flags = arguments
            if flags & _WRITING and isinstance(path, (str, bytes)):
                self.check(path, event)
        elif event in _CHANGES:
            for path in arguments[: _CHANGES[event]]:
                if isinstance(path, (str, bytes)):
                    self.check(path, event)

    def check(self, path: str | bytes, event: str) -> None:
        """Refuse a path that leads outside, also by a link in the place of a folder above it."""
        name = os.fsdecode(path)
        parent = os.path.realpath(os.path.dirname(name) or ".")
        full = os.path.join(parent, os.path.basename(name))
        if not any(full == root or full.startswith(root + "/") for root in self.inside or ()):
            if not os.path.isabs(name):
                return  # shutil.rmtree works by descriptors, relative to a folder that was checked
            self.refuse(f"{event} of {name}")

    def refuse(self, what: str) -> None:
        self.escaped = what
        raise Escaped(what)


_guard = _Guard()
sys.addaudithook(_guard.hook)


@contextmanager
def guarded(*folders: str) -> Iterator[None]:
    """Raise Escaped where the block runs code, or changes anything outside of these folders."""
    _guard.inside, _guard.escaped = tuple(map(os.path.realpath, folders)), None
    disabled = logging.root.manager.disable
    logging.disable(logging.CRITICAL)  # each torn end is told, and there are millions
    try:
        yield
    finally:
        logging.disable(disabled)
        _guard.inside = None
    if _guard.escaped is not None:  # somebody caught it
        raise Escaped(_guard.escaped)


@contextmanager
def measured(data: bytes) -> Iterator[None]:
    """Raise Escaped where the block takes more memory than so many bytes deserve."""
    tracemalloc.start()
    try:
        yield
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    most = ALLOWANCE + PER_BYTE * len(data)
    if peak > most:
        raise Escaped(f"{len(data)} bytes took {peak} bytes of memory, over {most}")
