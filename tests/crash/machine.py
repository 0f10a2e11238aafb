"""A machine that is simulated below the local volume: its disk, its processes, and how they end.

``LocalVolume`` runs as it is. What it calls, of ``os``, ``mmap``, ``shutil`` and the locks, is
replaced, for paths below ``PREFIX``; all other paths go to the system. So what is proven is what
the volume does, and not what a model of it would.
"""

from __future__ import annotations

import contextlib
import errno
import random
import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, Final, Self
from unittest import mock

import atomicwrites
from crash.calls import FIRST_DESCRIPTOR, PREFIX, FakeClaim, FakeLock, FakeMmap, FakeOs
from crash.disk import Disk

from dynafile import store_options
from dynafile.database_handle import DatabaseHandle
from dynafile.errors import HandleClosed
from dynafile.handle import TableHandle
from dynafile.store import (
    builder,
    checkpointer,
    descriptors,
    durable_folders,
    journal,
    local_volume,
    opening,
    recovery,
    registry,
)
from dynafile.store.memory_volume import MemoryReserve, MemoryScratch
from dynafile.store.store import Options, Store

SMALL: Final = {"partition_bytes": 1500, "checkpoint_bytes": 3000}
"""Options under which some fifty items are several partitions, and some checkpoints."""
NOW: Final = 1_700_000_000.0


class Killed(BaseException):
    """The process died. No ``except Exception`` may see it."""


class Machine:
    """A disk, what is open, who holds which lock; ``boot`` is another number after each start."""

    def __init__(self, disk: Disk | None = None, boot: int = 1) -> None:
        self.disk = disk or Disk()
        self.boot = boot
        self.now = NOW
        self.open: dict[int, int] = {}
        self.next_descriptor = FIRST_DESCRIPTOR
        self.mapped: dict[int, bytearray] = {}
        self.holders: dict[str, object] = {}
        self.processes: list[Process] = []
        self.hook: Callable[[str], None] | None = None
        """Called before each call that changes the disk."""

    def clock(self) -> float:
        self.now += 0.001
        return self.now

    # -- what the disk is told ------------------------------------------------------------------

    def do(self, *op: Any) -> None:
        self.note_words()
        if self.hook is not None:
            self.hook(op[0])
        self.disk.do(*op)

    def make(self, path: str, kind: str) -> int:
        """Make a file or a folder; return its number."""
        number = self.disk.newest + 1
        self.do("make", *self.parent(path), number, kind)
        return number

    def map(self, number: int, size: int) -> bytearray:
        """Return a file as it is in memory."""
        if number not in self.mapped:
            self.disk.do("map", number, size)
            mapped = self.disk.file(number).mapped
            assert mapped is not None
            self.mapped[number] = mapped
        return self.mapped[number]

    def note_words(self) -> None:
        """Log what the mapped files hold now, where that is not what they held."""
        for number, mapped in self.mapped.items():
            seen, content = self.disk.file(number).seen, bytes(mapped)
            if not seen or seen[-1] != content:
                self.disk.do("words", number, content)

    def mark(self, *what: Any) -> None:
        self.note_words()
        self.disk.mark(*what)

    # -- paths ----------------------------------------------------------------------------------

    def find(self, path: str) -> int | None:
        return self.disk.find(path.removeprefix(PREFIX))

    def node(self, path: str) -> int:
        number = self.find(path)
        if number is None:
            raise FileNotFoundError(errno.ENOENT, "No such file or directory", path)
        return number

    def parent(self, path: str) -> tuple[int, str]:
        above, _, name = path.rstrip("/").rpartition("/")
        return self.node(above), name

    def descriptor(self, number: int) -> int:
        self.next_descriptor += 1
        self.open[self.next_descriptor] = number
        return self.next_descriptor

    def opened(self, descriptor: int) -> int:
        try:
            return self.open[descriptor]
        except KeyError:
            raise OSError(errno.EBADF, "Bad file descriptor") from None

    # -- running --------------------------------------------------------------------------------

    @contextlib.contextmanager
    def running(self, **options: int) -> Iterator[None]:
        """Put the machine below the store, whose options are small ones, and stop its threads."""
        fake = FakeOs(self)
        opens = fake.open_file
        with contextlib.ExitStack() as patches:

            def put(where: Any, **values: Any) -> None:
                patches.enter_context(mock.patch.multiple(where, **values))

            put(local_volume, os=fake, mmap=FakeMmap(self), shutil=fake, sync_descriptor=fake.fsync,
                FileLock=partial(FakeLock, self), FileClaim=partial(FakeClaim, self),
                FileScratch=lambda *_: MemoryScratch(), FileReserve=lambda *_: MemoryReserve())  # fmt: skip
            patches.enter_context(mock.patch.object(local_volume, "open", opens, create=True))
            patches.enter_context(mock.patch.object(opening, "open", opens, create=True))
            put(atomicwrites, os=fake, _proper_fsync=fake.fsync)
            put(opening, os=fake, refuse_network_file_system=lambda _: None)
            put(recovery, _LONGEST_PAUSE_SECONDS=0, boot_number=lambda: self.boot)
            # What a store calls itself is to be the same in each run.
            fake.urandom = random.Random(1).randbytes
            put(registry, os=fake)
            put(durable_folders, os=fake)
            put(descriptors, os=fake, _read_once=fake.pread, write_at=fake.pwrite,
                sync_descriptor=fake.fsync)  # fmt: skip
            put(store_options, Options=partial(Options, **{**SMALL, **options}))
            put(journal, LEAST_ROOM=1024, MOST_ROOM=4096)
            put(builder, STEP_BYTES=3000)
            # What takes its time, or a thread, is done at once, so that each run is like the other.
            put(checkpointer, PAUSE_SECONDS=1e9)
            put(Store, keep_flushed=lambda _: None)
            put(DatabaseHandle, _build_in_background=_build_at_once)
            put(TableHandle, _fill_indexes=_filling_at_once(TableHandle._fill_indexes))
            patches.enter_context(mock.patch.object(time, "time", self.clock))
            try:
                with Process(self):
                    yield
            finally:
                for process in self.processes:
                    process.die()


def _filling_at_once(fill: Callable[..., None]) -> Callable[..., None]:
    def at_once(handle: TableHandle, *, wait: bool, progress: Any) -> None:
        fill(handle, wait=True, progress=progress)

    return at_once


def _build_at_once(database: Any, table: Any, progress: Any = None) -> None:
    table._fill_indexes(wait=True, progress=progress)
    table.close()


class Process:
    """The stores that one process has open; used in a ``with`` block, it is the one that runs."""

    def __init__(self, machine: Machine) -> None:
        self.stores: dict[Any, Store] = {}
        self._machine = machine
        self._outer: dict[Any, Store] | None = None
        machine.processes.append(self)

    def __enter__(self) -> Self:
        self._outer, registry._open = registry._open, self.stores
        return self

    def __exit__(self, *_: object) -> None:
        assert self._outer is not None
        registry._open = self._outer

    def die(self) -> None:
        """End as a process that is killed does: nothing is synced, folded or noted."""
        for store in self.stores.values():
            store.replica.shut(HandleClosed("this process was killed by a test"))
            store.close()
        self.stores.clear()
