"""The map of a keyspace: which partition holds a key."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable
from itertools import pairwise

from dynafile.store.names import partition_directory
from dynafile.store.partition import Partition


class Keyspace:
    """One ordered map, cut into partitions: a table's items, or an index's entries.

    ``layout`` is replaced as a whole, under the replica's mutex; readers take it once and need no
    lock.
    """

    __slots__ = ("by_id", "directory", "dropped", "id", "layout", "proof", "refusal")

    def __init__(self, number: int, directory: str) -> None:
        self.id = number
        self.directory = directory
        """The folder that holds the partitions' folders, relative to the store."""
        self.dropped = False
        """Whether the schema has it no more; what is read of it then means nothing."""
        self.refusal: Callable[[], Exception] | None = None
        """What to raise where it is read after it was dropped; None: it reads as empty."""
        self.proof: Callable[[bytes, bytes], str | None] | None = None
        """For a folder from a stranger: says what is wrong with an entry, None if nothing is."""
        self.layout: tuple[list[bytes], list[Partition]] = ([], [])
        self.by_id: dict[int, Partition] = {}
        """The partitions that have a folder, by their ids."""
        self.reset([])

    def reset(self, partitions: list[Partition]) -> None:
        """Take these partitions, and an empty one at the beginning where that is missing."""
        parts = sorted(partitions, key=lambda part: part.begin)
        if not parts or parts[0].begin:
            parts.insert(0, Partition(0, b"", resolved=True))
        self.layout = ([part.begin for part in parts], parts)
        self.by_id = {part.id: part for part in parts if part.id}

    def partitions(self) -> list[Partition]:
        """Return the partitions in order."""
        return self.layout[1]

    def candidate(self, key: bytes) -> Partition:
        """Return the partition that holds ``key``, if it is resolved; else the next to resolve."""
        begins, parts = self.layout
        return parts[bisect_right(begins, key) - 1]

    def last(self) -> Partition:
        """Return the last partition."""
        return self.layout[1][-1]

    def before(self, key: bytes) -> Partition:
        """Return the candidate for the keys just below ``key``, which is not the empty key."""
        begins, parts = self.layout
        return parts[bisect_left(begins, key) - 1]

    def end_of(self, part: Partition) -> bytes | None:
        """Return where a resolved partition ends, the next being resolved; None: nowhere."""
        begins, parts = self.layout
        index = bisect_right(begins, part.begin)
        return begins[index] if index < len(parts) else None

    def next_of(self, part: Partition) -> Partition | None:
        """Return the partition after a resolved one."""
        begins, parts = self.layout
        index = bisect_right(begins, part.begin)
        return parts[index] if index < len(parts) else None

    def settle(self, part: Partition, begin: bytes) -> None:
        """Note the true beginning of a partition."""
        begins, parts = self.layout
        index = parts.index(part, max(0, bisect_left(begins, part.begin)))
        part.begin = begins[index] = begin
        part.resolved = True

    def replace(self, old: list[Partition], new: list[Partition]) -> None:
        """Let neighbouring partitions go, and others take their place."""
        begins, parts = list(self.layout[0]), list(self.layout[1])
        for part in old:
            index = parts.index(part, bisect_left(begins, part.begin))
            del begins[index], parts[index]
            self.by_id.pop(part.id, None)
        at = bisect_left(begins, new[0].begin)
        if new[0].begin != b"" and not at:
            raise ValueError("a record leaves keys to no partition")
        come = [part.begin for part in new]
        if any(b <= a for a, b in pairwise([*come, *begins[at : at + 1]])):
            raise ValueError("a record gives keys to two partitions")
        begins[at:at] = come
        parts[at:at] = new
        self.by_id.update({part.id: part for part in new if part.id})
        self.layout = (begins, parts)

    def unresolved(self, hashes: set[bytes]) -> list[Partition]:
        """Return the unresolved partitions that may begin at one of these hashes (of 8 bytes)."""
        begins, parts = self.layout
        found: list[Partition] = []
        for value in hashes:
            low = value.rstrip(b"\0")
            for index in range(bisect_left(begins, low), bisect_right(begins, value + b"\xff")):
                part = parts[index]
                if not part.resolved and part.begin == low:
                    found.append(part)
        return found

    def path(self, part: Partition) -> str:
        """Return the name of a partition's folder."""
        return f"{self.directory}/{partition_directory(part.begin, part.id)}"

    def file(self, part: Partition) -> str:
        """Return the name of a partition's snapshot."""
        return f"{self.path(part)}/data.pickle"
