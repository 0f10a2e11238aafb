"""Promises of ``docs/guarantees.md`` that no other test is about."""

from __future__ import annotations

import os
import random
import shutil
import threading
import time
from itertools import pairwise
from pathlib import Path

import pytest
from store.simulated import PoweredVolume, WatchedVolume
from store.stores import SMALL, SPACE, abandon, contents, get, key, open_folder, open_on, pairs, put

from dynafile import Dynafile
from dynafile.errors import CommitOutcomeUnknown, InvalidPath, StorageError
from dynafile.store.format import FIRST_LSN, PUT, SEGMENT_HEADER_BYTES, records
from dynafile.store.memory_volume import MemoryVolume
from dynafile.store.names import segment_name

SECTOR = 64
"""Smaller than that of a disk, so that records of a test lie in several."""


def lose_sectors(volume: PoweredVolume, rng: random.Random) -> None:
    """Cut the power; of what was not synced, some sectors are on the disk, and others are not."""
    written = {name: bytes(data) for name, data in volume.files.items()}
    volume.power_cut()
    for name, data in volume.files.items():
        newer = written[name]
        data.extend(bytes(len(newer) - len(data)))
        for at in range(0, len(newer), SECTOR):
            if rng.random() < 0.5:
                data[at : at + SECTOR] = newer[at : at + SECTOR]


@pytest.mark.parametrize("seed", range(40))
def test_a_power_cut_leaves_a_beginning_of_the_history(seed: int) -> None:
    """Relaxed commits, synced now and then: what is left is every commit up to some moment."""
    rng = random.Random(seed)
    volume = PoweredVolume()
    store = open_on(volume, **SMALL)
    history: list[dict[bytes, bytes]] = [{}]
    synced = 0
    for step in range(rng.randrange(5, 120)):
        changes = [(key(rng.randrange(30)), b"%d" % step * 20) for _ in range(rng.randrange(1, 4))]
        durable = rng.random() < 0.05
        put(store, *changes, durable=durable)
        history.append({**history[-1], **dict(changes)})
        if not durable and rng.random() < 0.05:
            store.flush()
            durable = True
        if durable:
            synced = len(history) - 1
    abandon(store)
    lose_sectors(volume, rng)
    store = open_on(volume, **SMALL)
    assert contents(store) in history[synced:]
    store.check(list)
    store.close()


def test_nobody_sees_a_durable_commit_before_it_is_synced() -> None:
    """Neither another process nor another thread of this one."""
    inner = MemoryVolume()
    witness = open_on(WatchedVolume(inner))
    seen: list[bytes | None] = []

    def look(_: int, call: str, name: str) -> None:
        if call == "sync" and name.startswith("journal/"):
            thread = threading.Thread(target=lambda: seen.append(get(store, key(1))))
            thread.start()
            thread.join()
            seen.append(get(witness, key(1)))

    volume = WatchedVolume(inner)
    store = open_on(volume)
    put(store, (key(1), b"old"))
    volume.hook = look
    put(store, (key(1), b"new"))
    volume.hook = None
    assert seen == [b"old", b"old"]
    assert get(witness, key(1)) == get(store, key(1)) == b"new"
    witness.close()
    store.close()


def test_all_processes_see_one_order(tmp_path: Path) -> None:
    """Two write, two read: what the readers see are moments of one history."""
    stores = [open_folder(tmp_path / "db") for _ in range(4)]
    put(stores[0], (b"a", b"%06d" % 0), (b"b", b"%06d" % 0))
    moments: list[list[tuple[bytes, ...]]] = [[], []]
    stop, deadline = threading.Event(), time.monotonic() + 60

    def write(index: int, name: bytes) -> None:
        step = 0
        while not stop.is_set():
            step += 1
            put(stores[index], (name, b"%06d" % step), durable=False)

    def read(index: int) -> None:
        while len(set(moments[index])) < 50 and time.monotonic() < deadline:
            # One chunk of a range is one moment.
            moments[index].append(tuple(value for _, value in pairs(stores[2 + index])))

    writers = [threading.Thread(target=write, args=(n, b"ab"[n : n + 1])) for n in range(2)]
    readers = [threading.Thread(target=read, args=(n,)) for n in range(2)]
    for thread in [*writers, *readers]:
        thread.start()
    for thread in readers:
        thread.join()
    stop.set()
    for thread in writers:
        thread.join()
    assert all(len(set(seen)) >= 50 for seen in moments)
    together = sorted({*moments[0], *moments[1]}, key=lambda moment: sum(map(int, moment)))
    for history in (*moments, together):
        for one, two in pairwise(history):
            assert all(x <= y for x, y in zip(one, two, strict=True)), (one, two)
    for store in stores:
        store.close()


def test_an_item_and_its_index_entry_are_one_record(tmp_path: Path) -> None:
    with Dynafile(tmp_path / "db", ttl_attribute="ttl") as db:
        for ttl in (1 << 40, 1 << 41, None):
            db.put_item(item={"PK": "a", "SK": "1", "ttl": ttl})
        db.put_item(item={"PK": "a", "SK": "1", "ttl": 1 << 42})
        db.delete_item(key={"PK": "a", "SK": "1"})
        data = (tmp_path / "db" / segment_name(FIRST_LSN)).read_bytes()
    items, expiry = 1, 2
    touched = []
    for record in records(data, SEGMENT_HEADER_BYTES, FIRST_LSN):
        spaces = [operation[1] for operation in record.operations if operation[1]]
        touched.append((spaces.count(items), spaces.count(expiry)))
    assert touched == [(1, 1), (1, 2), (1, 1), (1, 1), (1, 1)]


@pytest.mark.skipif(
    not hasattr(os, "O_NOFOLLOW"), reason="links cannot be told when they are opened"
)
@pytest.mark.parametrize(
    "pattern", ["meta.json", "checkpoint", "lock", "position", "journal/*.log"]
)
def test_a_link_in_the_place_of_a_file_is_not_followed(pattern: str, tmp_path: Path) -> None:
    with Dynafile(tmp_path / "db") as db:
        db.put_item(item={"PK": "a", "SK": "1"})
    (link,) = (tmp_path / "db").glob(pattern)
    elsewhere = tmp_path / "elsewhere"
    shutil.move(link, elsewhere)
    link.symlink_to(elsewhere)
    before = elsewhere.read_bytes()
    with pytest.raises(InvalidPath) as caught:
        Dynafile(tmp_path / "db")
    assert str(caught.value.path) == str(link)
    assert elsewhere.read_bytes() == before


def test_a_link_in_the_place_of_a_snapshot_is_not_followed(tmp_path: Path) -> None:
    with Dynafile(tmp_path / "db") as db:
        db.put_item(item={"PK": "a", "SK": "1"})
    (link,) = (tmp_path / "db").glob("_partitions/*/data.pickle")
    shutil.move(link, tmp_path / "elsewhere")
    link.symlink_to(tmp_path / "elsewhere")
    with Dynafile(tmp_path / "db", read_only=True) as db, pytest.raises(InvalidPath):
        list(db.scan())


def test_the_power_cut_can_lose_something() -> None:
    """Without a sync there are seeds that lose all commits, and such that lose some."""
    left = set()
    for seed in range(20):
        volume = PoweredVolume()
        store = open_on(volume)
        for number in range(10):
            store.commit([(PUT, SPACE, key(number), b"v" * 50)], 1, None, False)
        abandon(store)
        lose_sectors(volume, random.Random(seed))
        left.add(len(contents(open_on(volume))))
    assert min(left) == 0
    assert len(left) > 1


def test_what_a_failed_sync_dropped_is_built_on_by_nobody() -> None:
    """A kernel drops what it could not write, shows it all the same, and says yes to the next sync.

    Another process would append behind it, and a power cut take away what that acknowledged.
    """
    volume = ForgetfulVolume()
    store, other = open_on(WatchedVolume(volume)), open_on(WatchedVolume(volume))
    put(store, (key(1), b"one"))
    volume.fails = True
    with pytest.raises(CommitOutcomeUnknown):
        put(store, (key(2), b"two"))
    put(other, (key(3), b"three"))
    abandon(store)
    abandon(other)
    volume.power_cut()
    store = open_on(volume)
    found = contents(store)
    assert found.pop(key(2), b"two") == b"two"
    assert found == {key(1): b"one", key(3): b"three"}
    store.close()


class ForgetfulVolume(PoweredVolume):
    """A disk of which one sync fails, and whose kernel forgets then what it was to write."""

    def __init__(self) -> None:
        super().__init__()
        self.fails = False
        self.dropped: dict[str, tuple[int, int]] = {}

    def replace(self, name: str, data: bytes) -> None:
        super().replace(name, data)
        self.dropped.pop(name, None)

    def sync(self, name: str) -> None:
        before = self.synced.get(name, b"")
        if self.fails:
            self.fails = False
            now = bytes(self.files[name])
            changed = [at for at, byte in enumerate(now) if before[at : at + 1] != bytes([byte])]
            self.dropped[name] = changed[0], changed[-1] + 1
            raise StorageError("Input/output error", path=name)
        super().sync(name)
        begin, end = self.dropped.get(name, (0, 0))
        kept = bytearray(self.synced.get(name, b""))
        kept[begin:end] = before[begin:end].ljust(end - begin, b"\0")
        self.synced[name] = bytes(kept)
