"""Volumes that fail, count, die, or lose power: what the tests put below a store."""

from __future__ import annotations

import errno
from collections import Counter
from typing import TYPE_CHECKING, Any

from dynafile.errors import DiskFull
from dynafile.store.memory_volume import MemoryVolume
from dynafile.store.position import POSITION_BYTES

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from dynafile.store.volume import Claim, HeldRoom, Lock, Scratch, Volume

WRITING = ("write", "sync", "replace", "make", "fill", "remove")
"""The calls that change something."""


class Killed(BaseException):
    """The process died. No ``except Exception`` may see it."""


class PoweredVolume(MemoryVolume):
    """Files in memory that know what was synced; :meth:`power_cut` forgets all else.

    Only the plainest outcome of a power cut: nothing that was not synced survives. Removals and
    renames are as durable as the volume's contract says.
    """

    def __init__(self) -> None:
        super().__init__()
        self.synced: dict[str, bytes] = {}

    def sync(self, name: str) -> None:
        if name in self.files:
            self.synced[name] = bytes(self.files[name])

    def replace(self, name: str, data: bytes) -> None:
        super().replace(name, data)
        self.synced[name] = data

    def remove(self, name: str) -> None:
        super().remove(name)
        for other in list(self.synced):
            if other == name or other.startswith(name + "/"):
                del self.synced[other]

    def power_cut(self) -> None:
        """Start the machine anew: memory is gone, the files are what was synced."""
        self.files = {name: bytearray(data) for name, data in self.synced.items()}
        self.folders.clear()
        self._words = memoryview(bytearray(POSITION_BYTES)).cast("Q")


class BudgetVolume(MemoryVolume):
    """A disk of so many bytes, which files take in blocks, as the reserve does."""

    BLOCK = 4096

    def __init__(self, budget: int) -> None:
        super().__init__()
        self.budget = budget
        self.held = 0

    def room(self) -> int:
        """How many bytes nobody has."""
        return self.budget - self._blocks(self.held) - sum(map(self._blocks, self._sizes()))

    def _sizes(self) -> list[int]:
        return [len(data) for data in self.files.values()]

    def _blocks(self, size: int) -> int:
        return -(-size // self.BLOCK) * self.BLOCK

    def _take(self, size: int, name: str) -> None:
        if size > self.room():
            raise DiskFull(f"{name}: the disk is full", path=name, errno=errno.ENOSPC)

    def write(self, name: str, offset: int, data: bytes) -> None:
        before = len(self.files.get(name, b""))
        self._take(self._blocks(max(before, offset + len(data))) - self._blocks(before), name)
        super().write(name, offset, data)

    def replace(self, name: str, data: bytes) -> None:
        self.replace_all([(name, data)])

    def replace_all(self, files: Sequence[tuple[str, bytes]]) -> None:
        # The new ones are whole before the old ones go.
        self._take(sum(self._blocks(len(data)) for _, data in files), files[0][0])
        for name, data in files:
            super().replace(name, data)

    def reserve(self) -> HeldRoom:  # type: ignore[override]
        return _HeldOf(self)


class _HeldOf:
    """What a volume with a budget holds."""

    def __init__(self, volume: BudgetVolume) -> None:
        self._volume = volume

    def size(self) -> int:
        return self._volume.held

    def resize(self, size: int) -> None:
        volume = self._volume
        volume._take(volume._blocks(size) - volume._blocks(volume.held), "reserve")
        volume.held = size


class WatchedVolume:
    """A volume that counts its calls, and asks a hook before each of those that write.

    The hook gets the call's number (from 1), its name and the file; what it raises, the call
    raises. Several may watch one volume: they are then different processes.
    """

    def __init__(self, inner: Volume, hook: Callable[[int, str, str], None] | None = None) -> None:
        self.inner = inner
        self.root = inner.root
        self.read_only = inner.read_only
        self.hook = hook
        self.counts: Counter[str] = Counter()
        self.log: list[tuple[str, str]] = []

    def _note(self, call: str, name: str) -> None:
        self.counts[call] += 1
        self.log.append((call, name))
        if self.hook is not None and call in WRITING:
            self.hook(sum(self.counts[kind] for kind in WRITING), call, name)

    def read(self, name: str, offset: int = 0, size: int = -1) -> bytes:
        self._note("read", name)
        return self.inner.read(name, offset, size)

    def read_apart(self, name: str, offset: int, size: int) -> bytes:
        self._note("read_apart", name)
        return self.inner.read_apart(name, offset, size)

    def write(self, name: str, offset: int, data: bytes) -> None:
        self._note("write", name)
        self.inner.write(name, offset, data)

    def sync(self, name: str) -> None:
        self._note("sync", name)
        self.inner.sync(name)

    def sync_beside(self, name: str) -> None:
        self._note("sync", name)
        self.inner.sync_beside(name)

    def replace(self, name: str, data: bytes) -> None:
        self._note("replace", name)
        self.inner.replace(name, data)

    def replace_all(self, files: Sequence[tuple[str, bytes]]) -> None:
        for name, data in files:
            self.replace(name, data)

    def make(self, folder: str) -> None:
        self._note("make", folder)
        self.inner.make(folder)

    def fill(self, files: Sequence[tuple[str, bytes]]) -> None:
        for file in files:
            self._note("fill", file[0])
            self.inner.fill([file])

    def scratch(self) -> Scratch:
        return self.inner.scratch()

    def reserve(self) -> HeldRoom:
        return self.inner.reserve()

    def list(self, folder: str) -> list[str]:
        self._note("list", folder)
        return self.inner.list(folder)

    def remove(self, name: str) -> None:
        self._note("remove", name)
        self.inner.remove(name)

    def take_away(self, name: str) -> str:
        self._note("remove", name)
        return self.inner.take_away(name)

    def lock(self) -> Lock:
        return self.inner.lock()

    def claim(self, name: str) -> Claim:
        return self.inner.claim(name)

    def share(self) -> memoryview:
        return self.inner.share()

    def removed(self) -> bool:
        return self.inner.removed()

    def is_within(self, name: str) -> bool:
        return self.inner.is_within(name)

    def forget(self, name: str) -> None:
        self.inner.forget(name)

    def close(self) -> None:
        self.inner.close()

    def calls(self, call: str, under: str = "") -> list[str]:
        """The files of the calls of one kind, in order, of those below a folder."""
        return [name for kind, name in self.log if kind == call and name.startswith(under)]

    def forget_calls(self) -> None:
        self.counts.clear()
        self.log.clear()


def dying(inner: Volume, last: int, *, part: float = 0.0) -> WatchedVolume:
    """A volume whose process dies at the writing call number ``last`` and makes no other.

    Of a write that is cut off, ``part`` is done before the death.
    """

    def die(number: int, call: str, name: str) -> None:
        if number >= last:
            raise Killed(number, call, name)

    volume = WatchedVolume(inner, die)
    if part:
        whole = volume.write

        def write(name: str, offset: int, data: bytes) -> None:
            if sum(volume.counts[kind] for kind in WRITING) + 1 == last:
                inner.write(name, offset, data[: int(len(data) * part)])
            whole(name, offset, data)

        volume.write = write  # type: ignore[method-assign]
    return volume


def until(
    error: BaseException, when: Callable[[str, str], bool]
) -> Callable[[Any, str, str], None]:
    """A hook that raises ``error`` at the first writing call that ``when`` picks, and only then."""
    done = False

    def hook(number: int, call: str, name: str) -> None:
        nonlocal done
        if not done and when(call, name):
            done = True
            raise error

    return hook
