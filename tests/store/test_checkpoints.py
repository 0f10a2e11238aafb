"""Checkpoints: what they write, in which order, and how often; counted, not timed."""

from __future__ import annotations

import pytest
from store.simulated import PoweredVolume, WatchedVolume
from store.stores import (
    SMALL,
    SPACE,
    abandon,
    assert_holds,
    contents,
    delete,
    get,
    key,
    open_on,
    put,
    space,
)

from dynafile.errors import DiskFull
from dynafile.store.format import (
    FOLD,
    PUT,
    REPLACE,
    SEGMENT_HEADER_BYTES,
    decode_checkpoint,
    decode_numbers,
    decode_pieces,
    decode_snapshot_header,
    encode_segment_header,
    records,
)
from dynafile.store.memory_volume import MemoryVolume
from dynafile.store.names import parse_segment_name
from dynafile.store.store import Store

MODEL = {key(n): b"%d" % n * 30 for n in range(200)}


def filled(volume: WatchedVolume, **options: int) -> Store:
    """A store of many partitions with nothing pending, and no call counted."""
    store = open_on(volume, **{"partition_bytes": 2000, **options})
    put(store, *MODEL.items())
    store.checkpoint()
    assert len(space(store).partitions()) > 10
    volume.forget_calls()
    return store


# -- counted work ---------------------------------------------------------------------------------


@pytest.mark.parametrize("durable", [True, False], ids=["durable", "relaxed"])
def test_a_commit_is_one_write_and_one_sync_or_none(durable: bool) -> None:
    volume = WatchedVolume(MemoryVolume())
    store = filled(volume)
    for step in range(10):
        put(store, (key(step), b"value"), durable=durable)
        put(store, *((key(n), b"value") for n in range(40)), durable=durable)
        delete(store, key(step), key(step + 1), durable=durable)
    assert volume.counts == {"write": 30, "sync": 30} if durable else {"write": 30}
    assert set(volume.calls("write")) == {f"journal/{store.replica.checkpoint.segment:016x}.log"}
    store.close()


def test_a_warm_read_makes_no_call() -> None:
    volume = WatchedVolume(MemoryVolume())
    store = filled(volume)
    contents(store)
    volume.forget_calls()
    assert contents(store) == MODEL
    assert get(store, key(1)) == MODEL[key(1)]
    assert get(store, key(1000)) is None
    assert store.count(space(store)) == 200
    assert not volume.log
    store.close()


def test_a_blind_put_loads_nothing() -> None:
    inner = MemoryVolume()
    filled(WatchedVolume(inner)).close()
    volume = WatchedVolume(inner)
    store = open_on(volume, partition_bytes=2000)
    volume.forget_calls()
    for n in range(20):
        put(store, (key(n), b"value"))
    assert not any(part.entries for part in space(store).partitions())
    assert len(set(volume.calls("read", "_partitions/"))) == len(
        volume.calls("read", "_partitions/")
    ), "a header is read once"
    store.close()


def test_counting_reads_headers_only() -> None:
    inner = MemoryVolume()
    filled(WatchedVolume(inner)).close()
    store = open_on(WatchedVolume(inner))
    assert store.count(space(store)) == 200
    assert not any(part.entries for part in space(store).partitions())
    put(store, (key(3), b"there"), (key(999), b"new"))
    assert store.count(space(store)) == 201
    assert sum(part.entries is not None for part in space(store).partitions()) <= 2
    store.close()


def test_a_checkpoint_rewrites_only_what_has_pending_operations() -> None:
    volume = WatchedVolume(MemoryVolume())
    store = filled(volume)
    touched = set()
    for n in (3, 70, 150):
        put(store, (key(n), b"changed"))
        touched.add(space(store).file(space(store).candidate(key(n))))
    volume.forget_calls()
    store.checkpoint()
    assert len(touched) == 3
    assert set(volume.calls("replace", "_partitions/")) == touched
    assert volume.counts["replace"] == 3 + 2  # a new segment, and the checkpoint
    assert volume.calls("remove") == ["journal/" + min(volume.calls("remove"))[8:]]
    assert_holds(store, {**MODEL, **{key(n): b"changed" for n in (3, 70, 150)}})
    store.close()


def test_a_checkpoint_of_nothing_writes_nothing() -> None:
    volume = WatchedVolume(MemoryVolume())
    store = filled(volume)
    store.checkpoint()
    assert get(store, key(1)) == MODEL[key(1)]
    store.checkpoint()
    assert not volume.counts["write"] + volume.counts["replace"] + volume.counts["sync"]
    store.close()


def test_closing_folds_a_little_and_leaves_much() -> None:
    volume = WatchedVolume(MemoryVolume())
    store = filled(volume)
    put(store, (key(3), b"changed"))
    store.close()
    assert volume.counts["replace"] >= 3
    volume.forget_calls()
    store = open_on(volume)
    assert not volume.counts["replace"] + volume.counts["write"]
    store.close()


# -- the order of things --------------------------------------------------------------------------


def journal_end(files: dict[str, bytes]) -> int:
    """How far the journal reaches in these files."""
    segments = {
        parse_segment_name(name[8:]): data
        for name, data in files.items()
        if name.startswith("journal/")
    }
    lsn = min(base for base in segments if base is not None)
    while lsn in segments:
        found = list(records(segments[lsn], SEGMENT_HEADER_BYTES, lsn))
        if not found:
            break
        lsn = found[-1].end
    return lsn


class Ordered(PoweredVolume):
    """Looks at each step of a checkpoint whether it may be taken."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[str] = []
        self.store_id = b""

    def replace(self, name: str, data: bytes) -> None:
        if name.startswith("_partitions/"):
            header, _ = decode_snapshot_header(data, data[23:39], name)
            assert header.lsn <= journal_end(self.synced), "a snapshot ran ahead of the journal"
            self.seen.append("snapshot")
        elif name == "checkpoint" and "checkpoint" in self.files:
            checkpoint = decode_checkpoint(data, data[16:32], name)
            assert checkpoint.synced <= journal_end(self.synced)
            assert checkpoint.lsn <= journal_end(self.synced)
            self.seen.append("checkpoint")
        super().replace(name, data)

    def sync(self, name: str) -> None:
        super().sync(name)
        if name.startswith("journal/"):
            self.check_records(name)

    def check_records(self, name: str) -> None:
        base = parse_segment_name(name[8:])
        assert base is not None
        folders = {folder.rpartition("-")[2] for folder in self.list("_partitions")}
        for record in list(records(self.synced[name], SEGMENT_HEADER_BYTES, base))[-1:]:
            for kind, _, numbers, value in record.operations:
                if kind == FOLD:
                    assert f"{decode_numbers(numbers)[0]:x}" in folders
                    self.seen.append("fold")
                elif kind == REPLACE:
                    made = {f"{piece.id:x}" for piece in decode_pieces(value) if piece.id}
                    assert made <= folders, "a record ran ahead of the files it tells of"
                    self.seen.append("replace")

    def remove(self, name: str) -> None:
        if name.startswith("journal/"):
            data = self.synced["checkpoint"]
            base = parse_segment_name(name[8:])
            assert base is not None
            assert base < decode_checkpoint(data, data[16:32], name).segment
            self.seen.append("segment")
        elif name.startswith("_partitions/"):
            number = int(name.rpartition("-")[2], 16)
            spoken_of = {
                gone
                for segment, data in self.synced.items()
                if segment.startswith("journal/")
                for record in records(
                    data, SEGMENT_HEADER_BYTES, parse_segment_name(segment[8:]) or 0
                )
                for kind, _, numbers, _ in record.operations
                if kind == REPLACE
                for gone in decode_numbers(numbers)
            }
            assert number in spoken_of, "a folder went before the record was on disk"
            self.seen.append("folder")
        super().remove(name)


@pytest.mark.parametrize("durable", [True, False], ids=["durable", "relaxed"])
def test_the_order_of_a_checkpoint(durable: bool) -> None:
    volume = Ordered()
    store = open_on(volume, **SMALL)
    model: dict[bytes, bytes] = {}
    for step in range(60):
        changes = {key(step * n % 80, f"{n}"): b"%d" % step * 20 for n in range(8)}
        put(store, *changes.items(), durable=durable)
        model |= changes
        gone = [k for k in model if k[0] % 9 == step % 9][:6]
        if gone:
            delete(store, *gone, durable=durable)
        for k in gone:
            del model[k]
    assert_holds(store, model)
    store.close()
    for step in ("snapshot", "checkpoint", "fold", "replace", "segment", "folder"):
        assert volume.seen.count(step) > 3, step


# -- a little with each commit --------------------------------------------------------------------


def test_the_work_is_spread_over_the_commits() -> None:
    volume = WatchedVolume(MemoryVolume())
    store = filled(volume, checkpoint_bytes=30_000)
    folds, model = [], dict(MODEL)
    for step in range(2000):
        volume.forget_calls()
        k = key(step % 200)
        put(store, (k, b"%d" % step * 5), durable=False)
        model[k] = b"%d" % step * 5
        folds.append(len(volume.calls("replace", "_partitions/")))
    assert max(folds) <= 2
    assert sum(folds) > 30
    past = store.replica.lsn - store.replica.checkpoint.lsn
    assert past < 2 * 30_000 + 10_000
    assert_holds(store, model)
    store.close()


def test_the_journal_stays_short_whatever_is_written() -> None:
    for large in (10, 3000):
        volume = MemoryVolume()
        store = open_on(volume, **SMALL)
        longest = 0
        for step in range(300):
            put(store, (key(step % 50), bytes([step % 251 + 1]) * large), durable=False)
            longest = max(longest, store.replica.lsn - store.replica.checkpoint.lsn)
        assert longest < 12_000 + 12 * large
        assert len(volume.list("journal")) <= 3
        store.close()


def test_a_checkpoint_that_another_process_brings_to_its_end() -> None:
    inner = MemoryVolume()
    one = filled(WatchedVolume(inner), checkpoint_bytes=20_000)
    two = open_on(WatchedVolume(inner), partition_bytes=2000, checkpoint_bytes=20_000)
    model, before = dict(MODEL), one.replica.checkpoint.lsn
    for step in range(800):
        store = (one, two)[step % 2 if step % 7 else 0]
        k = key(step % 200)
        put(store, (k, b"%d" % step), durable=False)
        model[k] = b"%d" % step
    for store in (one, two):
        assert_holds(store, model)
        assert store.replica.checkpoint.lsn > before + 20_000
    two.checkpoint()
    assert_holds(one, model)
    one.close()
    two.close()
    assert len(inner.list("journal")) == 1


def test_a_reader_that_fell_behind_starts_over() -> None:
    inner = MemoryVolume()
    writer = filled(WatchedVolume(inner))
    volume = WatchedVolume(inner)
    reader = open_on(volume, read_only=True)
    assert contents(reader) == MODEL
    model = dict(MODEL)
    for step in range(5):
        for n in range(20):
            put(writer, (key(n * step), b"%d" % step))
            model[key(n * step)] = b"%d" % step
        writer.checkpoint()
    assert contents(reader) == model
    assert_holds(reader, model)
    abandon(reader)
    writer.close()


def test_a_full_disk_puts_a_checkpoint_off(caplog: pytest.LogCaptureFixture) -> None:
    """The commits are made; reads go on; when there is room again the checkpoint comes."""
    volume = WatchedVolume(MemoryVolume())
    store = open_on(volume, **SMALL)
    full = True

    def hook(number: int, call: str, name: str) -> None:
        if full and call == "replace":
            raise DiskFull("no space left", path=name)

    volume.hook = hook
    model = {}
    for step in range(200):
        k, value = key(step % 60), b"%d" % step * 10
        put(store, (k, value))
        model[k] = value
    assert contents(store) == model
    assert "put off, nothing is lost" in caplog.text
    delete(store, key(2))
    del model[key(2)]
    full = False
    before = store.replica.checkpoint.lsn
    store.checkpoint()
    assert store.replica.checkpoint.lsn > before
    assert_holds(store, model)
    store.close()


def test_a_segment_is_named_by_its_first_lsn() -> None:
    volume = MemoryVolume()
    store = open_on(volume, **SMALL)
    for step in range(100):
        store.commit([(PUT, SPACE, key(step), b"v" * 50)], 1)
        for name in volume.list("journal"):
            base = parse_segment_name(name)
            assert base is not None
            head = encode_segment_header(store.replica.store_id, base)
            assert bytes(volume.files[f"journal/{name}"][:SEGMENT_HEADER_BYTES]) == head
    assert store.replica.checkpoint.segment > 1
    store.close()
