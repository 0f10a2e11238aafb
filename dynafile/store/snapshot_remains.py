"""The remains of snapshots: those that are whole, and which of them knows the newest of a key."""

from __future__ import annotations

import heapq
from bisect import bisect_right
from collections.abc import Iterable
from typing import NamedTuple

from dynafile.errors import StorageError
from dynafile.store.format import (
    MAX_SNAPSHOT_HEADER_BYTES,
    SNAPSHOT_HEADER_OFFSET,
    SnapshotHeader,
    decode_snapshot_header,
)
from dynafile.store.holes import read_whole
from dynafile.store.journal_remains import Damage
from dynafile.store.names import parse_partition_directory
from dynafile.store.snapshot import Entries, load_snapshot
from dynafile.store.volume import Volume


class Snapshot(NamedTuple):
    """A snapshot that is whole."""

    file: str
    header: SnapshotHeader


class Unreadable(NamedTuple):
    """The folder of a partition whose snapshot is not."""

    id: int
    damage: Damage
    header: SnapshotHeader | None
    """What it says of itself, where that can be read."""


class Stretch(NamedTuple):
    """Keys that one snapshot knows best, or none."""

    begin: bytes
    end: bytes | None
    snapshot: Snapshot | None


class SnapshotRemains:
    """The snapshots of a store, each read and checked."""

    def __init__(self, volume: Volume, store_id: bytes) -> None:
        self._volume = volume
        self._store_id = store_id
        self.whole: dict[int, list[Snapshot]] = {}
        """By the keyspace that their headers name."""
        self.unreadable: dict[int, list[Unreadable]] = {}

    def survey(self, keyspaces: dict[int, str]) -> None:
        """Read all snapshots in the folders of these keyspaces."""
        for number, folder in keyspaces.items():
            for name in sorted(self._volume.list(folder)):
                parsed = parse_partition_directory(name)
                if parsed is not None:
                    self._look(number, f"{folder}/{name}/data.pickle", parsed[1])

    def _look(self, keyspace: int, file: str, number: int) -> None:
        try:
            header, _ = self.load(file)
        except (FileNotFoundError, StorageError) as error:
            offset = getattr(error, "offset", None)
            missing = isinstance(error, FileNotFoundError)
            what = "it is missing" if missing else _without_advice(str(error), file)
            damage = Damage(file, offset, what)
            lost = Unreadable(number, damage, self._header(file))
            self.unreadable.setdefault(keyspace, []).append(lost)
            return
        self.whole.setdefault(header.keyspace, []).append(Snapshot(file, header))
        if (header.keyspace, header.id) != (keyspace, number):
            what = f"it is the snapshot of partition {header.id:x} of keyspace {header.keyspace}"
            lost = Unreadable(number, Damage(file, 0, what), None)
            self.unreadable.setdefault(keyspace, []).append(lost)

    def load(self, file: str) -> tuple[SnapshotHeader, Entries]:
        """Return a snapshot, all of it checked."""
        data = read_whole(self._volume, file)
        return load_snapshot(data, self._store_id, f"{self._volume.root}/{file}", trusted=False)

    def _header(self, file: str) -> SnapshotHeader | None:
        try:
            data = self._volume.read(
                file, 0, SNAPSHOT_HEADER_OFFSET + MAX_SNAPSHOT_HEADER_BYTES + 1
            )
            return decode_snapshot_header(data, self._store_id, file)[0]
        except (FileNotFoundError, StorageError):
            return None

    def stretches(self, keyspace: int) -> list[Stretch]:
        """Return which snapshot knows the newest of each key, in order, over all keys.

        A snapshot holds every operation of its range before its LSN, whether or not the store has
        put another in its place since. So the one with the highest LSN knows best.
        """
        return cover(self.whole.get(keyspace, ()))


def cover(snapshots: Iterable[Snapshot]) -> list[Stretch]:
    """Divide all keys among snapshots; where several have a key, the newest gets it."""
    given = sorted(snapshots, key=lambda each: each.header.begin)
    cuts = {b"", *(each.header.begin for each in given)}
    cuts |= {each.header.end for each in given if each.header.end is not None}
    bounds: list[bytes | None] = [*sorted(cuts), None]
    heap: list[tuple[int, int]] = []
    found: list[Stretch] = []
    at = 0
    for place, begin in enumerate(bounds[:-1]):
        assert begin is not None
        while at < len(given) and given[at].header.begin <= begin:
            heapq.heappush(heap, (-given[at].header.lsn, at))
            at += 1
        while heap and _ends_before(given[heap[0][1]], begin):
            heapq.heappop(heap)
        best = given[heap[0][1]] if heap else None
        end = bounds[place + 1]
        if found and found[-1].snapshot is best:
            found[-1] = found[-1]._replace(end=end)
        else:
            found.append(Stretch(begin, end, best))
    return found


def stretch_of(stretches: list[Stretch], begins: list[bytes], key: bytes) -> Stretch:
    """Return the stretch that holds a key; ``begins`` are those of the stretches."""
    return stretches[bisect_right(begins, key) - 1]


def _ends_before(snapshot: Snapshot, key: bytes) -> bool:
    end = snapshot.header.end
    return end is not None and end <= key


def _without_advice(message: str, file: str) -> str:
    """Return what an error says of a file, without its path and what to do."""
    what = message.partition(f"{file}: ")[2] or message
    what = what.partition(". Run ")[0].partition(". It was ")[0]
    return what.partition(" (at offset ")[0]
