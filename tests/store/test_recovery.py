"""Opening what a crash left, or what somebody took a part of away."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from store.simulated import Killed, PoweredVolume, WatchedVolume, dying
from store.stores import (
    SMALL,
    SPACE,
    abandon,
    apply_to,
    assert_holds,
    contents,
    get,
    key,
    open_folder,
    open_on,
    put,
)

from dynafile.errors import CorruptFile
from dynafile.store.format import (
    CLEAR,
    FIRST_LSN,
    PUT,
    SCHEMA,
    SEGMENT_HEADER_BYTES,
    Operation,
)
from dynafile.store.memory_volume import MemoryVolume
from dynafile.store.names import is_half_made, partition_directory, segment_name
from dynafile.store.position import BOOT, END
from dynafile.store.schema import Schema
from dynafile.store.store import Store
from dynafile.store.volume import Volume

SPREAD: list[Operation] = [(PUT, SPACE, key(n), b"spread" * 10) for n in range(60)]
GROWTH: list[Operation] = [
    *((PUT, SPACE, key(7, f"{n:04d}"), b"grown" * 12) for n in range(400)),
    *((PUT, SPACE, key(n), b"touched") for n in range(0, 60, 3)),
]
"""An item collection that needs more partitions than a split makes, in a table that is touched too."""


def grow(volume: Volume, options: dict[str, int]) -> Store:
    """Make partitions whose records are gone, for only these are read from the folders' names."""
    store = open_on(volume, **options)
    store.commit(SPREAD, 1)
    store.checkpoint()
    store.commit(SPREAD[:1], 1)
    store.checkpoint()
    store.commit(GROWTH, 1)
    return store


def grown() -> dict[bytes, bytes]:
    model: dict[bytes, bytes] = {}
    apply_to(model, SPREAD + GROWTH)
    return model


LAZY = {"partition_bytes": 2000}


def calls_of_growing() -> tuple[int, int]:
    """The number of the writing call at which the second checkpoint begins, and of the last."""
    volume = WatchedVolume(MemoryVolume())
    store = grow(volume, LAZY)
    first = sum(volume.counts[kind] for kind in ("write", "sync", "replace", "remove"))
    store.checkpoint()
    last = sum(volume.counts[kind] for kind in ("write", "sync", "replace", "remove"))
    abandon(store)
    return first, last


def test_dying_while_a_partition_is_split_again_and_again() -> None:
    """What is not folded yet is kept, whatever folders are gone when the journal is replayed.

    The map that the replay begins with has holes where folders were replaced. The operations of a
    hole were taken by its left neighbour, and went when that was folded or replaced in its turn:
    acknowledged writes were gone from every read, and from the files with the next checkpoint.
    """
    first, last = calls_of_growing()
    assert last - first > 45
    lost = grown()
    for chosen in range(first + 1, last + 1):
        inner = MemoryVolume()
        store = grow(dying(inner, chosen), LAZY)
        with pytest.raises(Killed):
            store.checkpoint()
        abandon(store)
        store = open_on(inner, **LAZY)
        assert contents(store) == lost, f"after call {chosen}"
        if chosen % 5 == 0:
            store.checkpoint()
            assert_holds(store, lost)
        abandon(store)
    assert len(lost) > 400


def test_dying_twice() -> None:
    """Whoever recovers dies as well, while it brings the checkpoint to an end."""
    first, last = calls_of_growing()
    model = grown()
    for chosen in range(first + 1, last + 1, 17):
        for again in (3, 10, 40, 90):
            inner = MemoryVolume()
            store = grow(dying(inner, chosen), LAZY)
            with pytest.raises(Killed):
                store.checkpoint()
            abandon(store)
            store = None
            try:
                store = open_on(dying(inner, again), **LAZY)
                store.checkpoint()
            except Killed:
                pass
            if store is not None:
                abandon(store)
            store = open_on(inner, **LAZY)
            assert contents(store) == model, (chosen, again)
            abandon(store)


def test_a_reader_starts_over_in_the_middle_of_a_checkpoint() -> None:
    """The same holes, in the map of a process that lists the folders while another splits them."""
    first, last = calls_of_growing()
    model = grown()
    for chosen in range(first + 1, last + 1, 3):
        inner = MemoryVolume()
        store = grow(dying(inner, chosen), LAZY)
        with pytest.raises(Killed):
            store.checkpoint()
        reader = open_on(WatchedVolume(inner), read_only=True)
        reader.replica.reload()
        assert contents(reader) == model
        abandon(reader)
        abandon(store)


def test_what_follows_a_death_survives_a_power_cut() -> None:
    """A process dies anywhere, another commits durably, and the power goes.

    Where the first died between the end of a segment and its sync, the second one's commits lay in
    a segment that nothing led to.
    """
    first, last = calls_of_growing()
    for chosen in range(first + 1, last + 1, 2):
        inner = PoweredVolume()
        store = grow(dying(inner, chosen), LAZY)
        witness = open_on(WatchedVolume(inner), **LAZY)
        with pytest.raises(Killed):
            store.checkpoint()
        abandon(store)
        put(witness, (key(999), b"durable"))
        abandon(witness)
        inner.power_cut()
        store = open_on(inner, **LAZY)
        assert contents(store) == {**grown(), key(999): b"durable"}, f"after call {chosen}"
        abandon(store)


def test_a_folder_goes_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A process died when it had removed a snapshot and not yet its folder.

    The folder passed for a partition, and the database could not be opened any more.
    """
    store = open_folder(tmp_path / "db", **LAZY)
    store.commit(SPREAD, 1)
    store.checkpoint()
    put(store, *((key(7, f"{n:04d}"), bytes(100)) for n in range(100)))

    def die(path: str) -> None:
        for file in Path(path).iterdir():
            file.unlink()
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(shutil, "rmtree", die)
        with pytest.raises(Killed):
            store.checkpoint()
    abandon(store)
    assert list((tmp_path / "db" / "tmp").iterdir())
    store = open_folder(tmp_path / "db", **LAZY)
    assert len(contents(store)) == 160
    assert not list((tmp_path / "db" / "tmp").iterdir())
    store.check(list)
    store.close()


def test_only_half_made_files_are_cleaned_away(tmp_path: Path) -> None:
    """Not what somebody else put into ``tmp``, and not without the lock."""
    path = tmp_path / "db"
    store = open_folder(path)
    put(store, (key(1), b"value"))
    store.close()
    theirs = {path / "tmp" / name for name in ("notes", "2026-11", "1-0", "1-x.half", "-.half")}
    ours = {path / "tmp" / "17-4.half", path / "tmp" / "1-0.half"}
    for file in theirs | ours:
        file.write_bytes(b"content")
    reader = open_folder(path, read_only=True)
    assert set((path / "tmp").iterdir()) == theirs | ours
    reader.close()
    store = open_folder(path)
    assert set((path / "tmp").iterdir()) == theirs
    store.close()
    assert is_half_made("17-4.half")


def test_a_missing_first_partition_is_an_error() -> None:
    """The last checkpoint lists all; the first was taken for empty, before it did."""
    volume = MemoryVolume()
    store = open_on(volume, **LAZY)
    store.commit(SPREAD, 1)
    store.checkpoint()
    store.commit(SPREAD[:1], 1)
    store.close()
    folders = sorted(volume.list("_partitions"))
    assert len(folders) > 3
    for folder in folders:
        other = MemoryVolume()
        other.files = dict(volume.files)
        other.remove(f"_partitions/{folder}")
        with pytest.raises(CorruptFile) as caught:
            contents(open_on(other))
        assert caught.value.path is not None
        gone = {f"{'0' * 16}-*", f"*-{folder.partition('-')[2]}"}
        assert any(name in caught.value.path for name in gone)
        with pytest.raises(CorruptFile):
            contents(open_on(other, read_only=True))


@pytest.mark.parametrize("lost", ["checkpoint", "both"])
def test_a_missing_checkpoint_of_a_store_with_partitions(lost: str) -> None:
    """With the journal gone too, it was taken for a store that was never finished, and emptied."""
    volume = MemoryVolume()
    store = open_on(volume, **LAZY)
    store.commit(SPREAD, 1)
    store.close()
    volume.remove("checkpoint")
    if lost == "both":
        volume.remove("journal")
    before = dict(volume.files)
    with pytest.raises(CorruptFile, match="checkpoint is missing") as caught:
        open_on(volume)
    assert caught.value.path == ":memory:/checkpoint"
    assert volume.files == before


def test_a_schema_that_changes_while_a_reader_opens() -> None:
    """The reader took the old schema and the checkpoint that had taken away the record of the new.

    It never saw the keyspace that was added, for as long as it was open.
    """
    inner = MemoryVolume()
    writer = open_on(WatchedVolume(inner))
    put(writer, (key(1), b"value"))
    newer = Schema(version=2, keyspaces={SPACE: "_partitions", 2: "_gsi-x/_partitions"})

    class Between(WatchedVolume):
        """Something happens between the reader's first file and its second."""

        def read(self, name: str, offset: int = 0, size: int = -1) -> bytes:
            data = super().read(name, offset, size)
            # The third: whose store it is, is read before.
            if len(self.calls("read")) == 2 and writer.schema.version == 1:
                writer.commit([(SCHEMA, 0, b"", newer.encode())], 1)
                writer.commit([(PUT, 2, key(1), b"entry")], 2)
                writer.checkpoint()
            return data

    between = Between(inner)
    between.read_only = True
    reader = open_on(between, read_only=True)
    assert reader.schema.version == 2
    assert reader.get(reader.keyspace(2), key(1)) == b"entry"
    reader.close()
    writer.close()


def test_a_schema_change_is_recovered() -> None:
    """From the journal, when the process died before it wrote meta.json."""
    newer = Schema(version=2, keyspaces={SPACE: "_partitions", 2: "_gsi-x/_partitions"})
    inner = MemoryVolume()
    volume = WatchedVolume(inner)
    store = open_on(volume)

    def die(number: int, call: str, name: str) -> None:
        if name == "meta.json":
            raise Killed

    volume.hook = die
    with pytest.raises(Killed):
        store.commit([(SCHEMA, 0, b"", newer.encode()), (PUT, 2, key(2), b"entry")], 1)
    abandon(store)
    store = open_on(inner)
    assert store.schema == newer
    store.commit([(PUT, 2, key(3), b"entry")], 2)
    assert store.get(store.keyspace(2), key(3)) == b"entry"
    store.check(list)
    store.close()
    store = open_on(inner)
    assert store.schema == newer
    store.close()


def test_clearing_leaves_no_folder_for_a_partition() -> None:
    """The folders stay until the next checkpoint, and nobody takes them for anything."""
    volume = MemoryVolume()
    store = open_on(volume, **LAZY)
    store.commit(SPREAD, 1)
    store.checkpoint()
    folders = set(volume.list("_partitions"))
    store.commit([(CLEAR, SPACE, b"", b"")], 1)
    assert_holds(store, {})
    other = open_on(WatchedVolume(volume), **LAZY)
    assert_holds(other, {})
    put(other, (key(1), b"value"))
    other.checkpoint()
    assert not folders & set(volume.list("_partitions"))
    assert_holds(store, {key(1): b"value"})
    other.close()
    store.close()


def test_a_folder_of_a_split_that_was_never_recorded() -> None:
    """A process dies between making the folders and the record: they are void, and go."""
    volume = MemoryVolume()
    store = open_on(volume, **LAZY)
    store.commit(SPREAD, 1)
    store.checkpoint()
    stray = f"_partitions/{partition_directory(key(3), store.replica.lsn)}/data.pickle"
    volume.files[stray] = bytearray(b"half a snapshot")
    put(store, (key(1), b"changed"))
    abandon(store)
    store = open_on(volume, **LAZY)
    assert get(store, key(1)) == b"changed"
    store.check(list)
    store.checkpoint()
    assert stray not in volume.files
    store.close()


def test_the_end_that_another_start_of_the_machine_published_means_nothing() -> None:
    """Neither to a writer nor to a reader, whether it lies before or behind the true end."""
    for stale in (3, 1 << 40):
        for read_only in (False, True):
            volume = PoweredVolume()
            store = open_on(volume, **SMALL)
            store.commit(SPREAD, 1)
            abandon(store)
            volume.power_cut()
            volume.share()[END] = stale
            volume.share()[BOOT] = 5
            other = open_on(volume, read_only=read_only)
            assert len(contents(other)) == 60
            abandon(other)


def test_a_published_end_that_is_not_in_the_journal_is_an_error() -> None:
    """On the same start of the machine it says what was acknowledged."""
    volume = MemoryVolume()
    store = open_on(volume)
    put(store, (key(1), b"value"))
    abandon(store)
    volume.share()[END] += 10
    for read_only in (False, True):
        with pytest.raises(CorruptFile) as caught:
            open_on(volume, read_only=read_only)
        assert caught.value.path == ":memory:/journal/0000000000000001.log"
        assert caught.value.offset == 64 + store_end(volume) - 1


def store_end(volume: MemoryVolume) -> int:
    """Where the true end of the journal lies."""
    return len(bytes(volume.files["journal/0000000000000001.log"]).rstrip(b"\0")) - 63


def test_a_torn_end_is_left_by_who_only_reads() -> None:
    inner = MemoryVolume()
    store = open_on(inner)
    put(store, (key(1), b"whole"))
    end = store.replica.lsn
    put(store, (key(2), b"torn"))
    abandon(store)
    name = segment_name(FIRST_LSN)
    data = inner.files[name]
    data[SEGMENT_HEADER_BYTES + end - FIRST_LSN + 20] ^= 1
    inner.share()[BOOT] = inner.share()[END] = 0  # the machine was started anew
    before = bytes(data)
    reader = open_on(inner, read_only=True)
    assert contents(reader) == {key(1): b"whole"}
    assert bytes(inner.files[name]) == before
    reader.close()
    writer = open_on(inner)
    assert contents(writer) == {key(1): b"whole"}
    assert bytes(inner.files[name]) != before
    writer.close()
