"""A disk that knows what was synced: files and folders as the kernel has them, and as a cut leaves.

It is a log of what was done to it. Replayed up to any place it is the disk of that moment, and from
there :meth:`Disk.after_power_cut` makes disks that a power cut may leave. The rules are POSIX's, and
harsher than those of the file systems that people use:

- What was written to a file since its last sync may be there or not, each write for itself, and
  each torn: at any byte, by sectors, or as zeros where it made the file longer.
- A name in a folder that was made, replaced or removed since the folder's last sync may be there as
  it was at any moment since, each name for itself. So a file that was renamed may have both names,
  or none. A name that is replaced by a rename is never missing in between.
- A synced file whose name was not is lost, and a name that was synced says nothing of the content.
- What is written through a mapping may be on the disk as it was at any moment.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, Final

SECTOR: Final = 512
ROOT: Final = 1
Op = tuple[Any, ...]
"""What was done: its name, the node, and the rest; see the methods named ``_do_...``."""


@dataclass
class File:
    """The bytes of a file, those that are safe, and what was written between the two."""

    data: bytes = b""
    safe: bytes = b""
    unsynced: list[tuple[int, int, bytes]] = field(default_factory=list)
    """Moments, offsets and bytes."""
    mapped: bytearray | None = None
    """What processes have in their memory of it, where one has mapped it."""
    seen: list[bytes] = field(default_factory=list)
    """Contents of a mapped file that the kernel may have written out."""

    def copy(self) -> File:
        mapped = None if self.mapped is None else bytearray(self.mapped)
        return File(self.data, self.safe, list(self.unsynced), mapped, list(self.seen))

    def content(self) -> bytes:
        return self.data if self.mapped is None else bytes(self.mapped)


@dataclass
class Folder:
    """The names in a folder, those that are safe, and what each name was since the last sync."""

    names: dict[str, int] = field(default_factory=dict)
    safe: dict[str, int] = field(default_factory=dict)
    unsynced: dict[str, list[tuple[int, int | None]]] = field(default_factory=dict)
    """Moments and nodes, the first what is safe."""

    def copy(self) -> Folder:
        unsynced = {name: list(values) for name, values in self.unsynced.items()}
        return Folder(dict(self.names), dict(self.safe), unsynced)

    def set(self, name: str, node: int | None, moment: int) -> None:
        self.unsynced.setdefault(name, [(0, self.names.get(name))]).append((moment, node))
        if node is None:
            self.names.pop(name, None)
        else:
            self.names[name] = node


@dataclass
class Chance:
    """What one power cut takes: what came after a moment, or anything, so or so likely."""

    rng: random.Random
    last: float | None
    """The last moment of which all is kept, where the file system keeps the order."""
    keep: float = 0.0
    tear: float = 0.0

    def writes(self, before: bytes, writes: list[tuple[int, int, bytes]]) -> bytes:
        data = bytearray(before)
        for moment, offset, new in writes:
            if self.last is not None:
                if moment <= self.last:
                    put(data, offset, new)
            elif self.rng.random() < self.tear:
                self._torn(data, offset, new)
            elif self.rng.random() < self.keep:
                put(data, offset, new)
        return bytes(data)

    def _torn(self, data: bytearray, offset: int, new: bytes) -> None:
        how, cut = self.rng.randrange(4), self.rng.randrange(len(new) + 1)
        if how == 0:
            put(data, offset, new[:cut])
        elif how == 1:
            put(data, offset + cut, new[cut:])
        elif how == 2 and offset + len(new) > len(data):
            grown = bytes(offset + len(new) - len(data))
            put(data, len(data), grown)
        else:
            first = SECTOR - offset % SECTOR
            edges = [0, *range(first, len(new), SECTOR), len(new)]
            for low, high in pairwise(edges):
                if self.rng.random() < 0.5:
                    put(data, offset + low, new[low:high])

    def names(self, folder: Folder) -> dict[str, int]:
        names = dict(folder.safe)
        for name, values in folder.unsynced.items():
            if self.last is not None:
                node = [node for moment, node in values if moment <= self.last][-1]
            elif self.rng.random() < self.keep:
                node = values[-1][1]
            else:
                node = self.rng.choice(values)[1]
            if node is None:
                names.pop(name, None)
            else:
                names[name] = node
        return names


def put(data: bytearray, offset: int, new: bytes) -> None:
    """Write into bytes as into a file: what lies between its end and the offset becomes zeros."""
    if offset > len(data):
        data += bytes(offset - len(data))
    data[offset : offset + len(new)] = new


class Disk:
    """Files and folders by number; ``log`` is what was done to them."""

    def __init__(self) -> None:
        self.nodes: dict[int, File | Folder] = {ROOT: Folder()}
        self.log: list[Op] = []
        self.newest = ROOT
        self.moment = 0

    def copy(self) -> Disk:
        """Return the disk as it is, with an empty log."""
        disk = Disk()
        disk.nodes = {number: node.copy() for number, node in self.nodes.items()}
        disk.newest, disk.moment = self.newest, self.moment
        return disk

    # -- what is done to it ---------------------------------------------------------------------

    def do(self, *op: Any) -> None:
        """Do something and note it."""
        self.log.append(op)
        self.redo(op)

    def redo(self, op: Op) -> None:
        """Do what another disk noted, and not note it."""
        self.moment += 1
        getattr(self, f"_do_{op[0]}")(*op[1:])

    def mark(self, *what: Any) -> None:
        """Note in the log something that is nothing to the disk."""
        self.log.append(("mark", *what))

    def _do_mark(self, *what: Any) -> None:
        pass

    def _do_make(self, folder: int, name: str, number: int, kind: str) -> None:
        self.newest = max(self.newest, number)
        self.nodes[number] = Folder() if kind == "folder" else File()
        self.folder(folder).set(name, number, self.moment)

    def _do_write(self, number: int, offset: int, new: bytes) -> None:
        file = self.file(number)
        data = bytearray(file.data)
        put(data, offset, new)
        file.data = bytes(data)
        file.unsynced.append((self.moment, offset, new))

    def _do_map(self, number: int, size: int) -> None:
        file = self.file(number)
        if file.mapped is None:
            file.mapped = bytearray(file.data.ljust(size, b"\0"))

    def _do_words(self, number: int, content: bytes) -> None:
        file = self.file(number)
        assert file.mapped is not None
        if not file.seen or file.seen[-1] != content:
            file.seen.append(content)
        file.mapped[:] = content

    def _do_sync(self, number: int) -> None:
        node = self.nodes[number]
        if isinstance(node, File):
            node.safe, node.unsynced = node.data, []
        else:
            node.safe, node.unsynced = dict(node.names), {}

    def _do_rename(self, folder: int, name: str, to: int, new: str) -> None:
        node = self.folder(folder).names[name]
        self.folder(to).set(new, node, self.moment)
        self.folder(folder).set(name, None, self.moment)

    def _do_remove(self, folder: int, name: str) -> None:
        self.folder(folder).set(name, None, self.moment)

    def lay(self, path: str, data: bytes | None = None) -> None:
        """Put a file there, safely, with the folders above it; without data a folder."""
        folder = ROOT
        *above, last = path.strip("/").split("/")
        for name in above if data is not None else [*above, last]:
            number = self.folder(folder).names.get(name)
            if number is None:
                number = self.newest + 1
                self.redo(("make", folder, name, number, "folder"))
                self.redo(("sync", folder))
            folder = number
        if data is not None:
            number = self.newest + 1
            for op in (("make", folder, last, number, "file"), ("write", number, 0, data)):
                self.redo(op)
            self.redo(("sync", number))
            self.redo(("sync", folder))

    # -- looking --------------------------------------------------------------------------------

    def file(self, number: int) -> File:
        node = self.nodes[number]
        assert isinstance(node, File)
        return node

    def folder(self, number: int) -> Folder:
        node = self.nodes[number]
        assert isinstance(node, Folder)
        return node

    def find(self, path: str) -> int | None:
        """Return the number of what a path names, with forward slashes; None: nothing."""
        number = ROOT
        for name in filter(None, path.split("/")):
            node = self.nodes[number]
            if not isinstance(node, Folder) or name not in node.names:
                return None
            number = node.names[name]
        return number

    def unsynced(self) -> int:
        """Return how many writes and names a power cut may take."""
        return sum(len(node.unsynced) for node in self.nodes.values())

    # -- what a power cut leaves ----------------------------------------------------------------

    def after_power_cut(self, rng: random.Random, how: str) -> Disk:
        """Return a disk on which all is safe that survived.

        ``how``: ``nothing`` of what was not synced survives; ``everything``; what was done up to
        some moment, ``ordered``; or ``some`` of it.
        """
        if how == "some":
            keep, tear = rng.choice([0.15, 0.5, 0.85]), rng.choice([0.0, 0.2, 0.6])
            chance = Chance(rng, None, keep, tear)
        elif how == "ordered":
            chance = Chance(rng, rng.choice(sorted({0, *self._moments()})))
        else:
            chance = Chance(rng, 0 if how == "nothing" else self.moment)
        disk = Disk()
        disk.newest = self.newest
        self._survive(ROOT, disk, chance, set())
        return disk

    def _moments(self) -> Iterator[int]:
        for node in self.nodes.values():
            if isinstance(node, File):
                yield from (moment for moment, _, _ in node.unsynced)
            else:
                for values in node.unsynced.values():
                    yield from (moment for moment, _ in values)

    def _survive(self, number: int, disk: Disk, chance: Chance, taken: set[int]) -> None:
        node = self.nodes[number]
        taken.add(number)
        if isinstance(node, File):
            data = self._content(node, chance)
            disk.nodes[number] = File(data, data)
            return
        names = chance.names(node)
        # A folder has one name: which of two it is that survived nobody can say.
        for name, below in sorted(names.items(), key=lambda _: chance.rng.random()):
            if below not in taken:
                self._survive(below, disk, chance, taken)
            elif isinstance(self.nodes[below], Folder):
                del names[name]
        disk.nodes[number] = Folder(names, dict(names))

    def _content(self, file: File, chance: Chance) -> bytes:
        if file.mapped is None:
            return chance.writes(file.safe, file.unsynced)
        return chance.rng.choice(
            [bytes(file.mapped), *file.seen[-20:], bytes(len(file.mapped)), b""]
        )
