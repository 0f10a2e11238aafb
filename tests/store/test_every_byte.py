"""Each byte of each kind of file, flipped and cut off: an error, or it carries nothing."""

from __future__ import annotations

import collections
import io
import os
import pickle
import pickletools
import struct
from collections.abc import Callable
from pathlib import Path

import pytest
from sortedcontainers import SortedDict
from store.stores import SMALL, SPACE, abandon, contents, key, open_on, put
from xxhash import xxh3_64_intdigest

from dynafile.errors import CorruptFile, ForeignFile, NewerFormat, StorageError
from dynafile.store.format import SnapshotHeader, encode_snapshot
from dynafile.store.memory_volume import MemoryVolume
from dynafile.store.names import partition_directory
from dynafile.store.snapshot import check_grammar, load_snapshot

STORE_ID = bytes(16)
REFUSALS = (CorruptFile, ForeignFile, NewerFormat)


def sample() -> tuple[MemoryVolume, dict[bytes, bytes]]:
    """A store with one snapshot, and commits in the journal past its checkpoint, closed cleanly."""
    volume = MemoryVolume()
    store = open_on(volume)
    put(store, *((key(n), b"snapshot %d" % n) for n in range(5)))
    store.checkpoint()
    for n in range(4, 8):
        put(store, (key(n), b"journal %d" % n))
    model = contents(store)
    store._tidy = lambda: store._checkpointer.mark_clean()  # type: ignore[method-assign, union-attr]
    store.close()
    return volume, model


def copy_of(volume: MemoryVolume) -> MemoryVolume:
    """The same files after a restart of the machine: the shared words are gone."""
    other = MemoryVolume()
    other.files = {name: bytearray(data) for name, data in volume.files.items()}
    return other


def assert_refused_or_whole(volume: MemoryVolume, model: dict[bytes, bytes], where: str) -> bool:
    """Return True where opening or reading raised an error that names the file."""
    error: StorageError | None = None
    try:
        store = open_on(volume)
    except REFUSALS as refusal:
        error = refusal
    else:
        try:
            assert contents(store) == model, where
        except CorruptFile as refusal:
            error = refusal
        store.close()
    if error is not None:
        assert error.path, where
        assert isinstance(getattr(error, "offset", 0), int), where
    return error is not None


VOLUME, MODEL = sample()
NAMES = sorted(VOLUME.files)


@pytest.mark.parametrize("name", NAMES)
def test_each_byte_flipped(name: str) -> None:
    used = len(bytes(VOLUME.files[name]).rstrip(b"\0"))
    refused = 0
    for offset in range(used):
        volume = copy_of(VOLUME)
        volume.files[name][offset] ^= 0x15
        refused += assert_refused_or_whole(volume, MODEL, f"{name} at {offset}")
    # What is let through is the journal before the checkpoint, and white space or names in JSON.
    assert refused > used * 0.5


@pytest.mark.parametrize("name", NAMES)
def test_each_truncation(name: str) -> None:
    used = len(bytes(VOLUME.files[name]).rstrip(b"\0"))
    for length in range(used):
        volume = copy_of(VOLUME)
        del volume.files[name][length:]
        whole = name == "meta.json" and length == used - 1  # the line's end
        assert assert_refused_or_whole(volume, MODEL, f"{name} cut at {length}") or whole


@pytest.mark.parametrize("name", NAMES)
def test_each_file_missing(name: str) -> None:
    volume = copy_of(VOLUME)
    del volume.files[name]
    assert assert_refused_or_whole(volume, MODEL, name)


def test_the_torn_end_of_a_crash_is_cut(caplog: pytest.LogCaptureFixture) -> None:
    """Past what is known to be synced, damage cannot be told from a crash, and is reported."""
    volume = MemoryVolume()
    store = open_on(volume)
    put(store, (key(1), b"kept"))
    put(store, (key(2), b"torn"), durable=False)
    end = store.replica.lsn
    abandon(store)
    segment = next(name for name in volume.files if name.startswith("journal/"))
    volume.files[segment][64 + end - 3] ^= 1
    other = open_on(copy_of(volume))
    assert contents(other) == {key(1): b"kept"}
    assert "cut" in caplog.text
    other.check(list)
    other.close()


def forged(payload: bytes, count: int = 1) -> bytes:
    """A snapshot with right lengths and checksums around any pickle."""
    header = SnapshotHeader(SPACE, 1, 1, count, 0, 0, b"", None)
    return encode_snapshot(STORE_ID, header, payload)


class Evil:
    def __init__(self, call: Callable[..., object], *arguments: object) -> None:
        self.call, self.arguments = call, arguments

    def __reduce__(self) -> tuple[Callable[..., object], tuple[object, ...]]:
        return self.call, self.arguments


BOMB = "a memo that is too large"
HOSTILE = {
    "system": pickle.dumps(Evil(os.system, "echo owned > owned")),
    "eval": pickle.dumps(Evil(eval, "1")),
    "another class": pickle.dumps(Evil(collections.OrderedDict)),
    "a plain dict": pickle.dumps({b"a": b"b"}),
    "text for bytes": pickle.dumps(SortedDict({"a": "b"})),
    "ints for bytes": pickle.dumps(SortedDict({b"a": 1})),
    "a key function": pickle.dumps(SortedDict(len, {b"a": b"b"})),
    "nine bytes for gigabytes": b"\x80\x05\x8e" + struct.pack("<Q", 1 << 35)[:6],
    BOMB: b"\x80\x05Nr\xff\xff\xff\x7f.",
    "nothing": b"",
    "cut": pickle.dumps(SortedDict({b"a": b"b"}))[:-1],
    "a persistent id": b"\x80\x05Nq\x00Q.",
}


@pytest.mark.parametrize(
    ("name", "trusted"),
    # A bomb for memory is what trusted=False is for.
    [
        (name, trusted)
        for name in HOSTILE
        for trusted in (True, False)
        if not (trusted and name == BOMB)
    ],
)
def test_hostile_pickles_are_refused(
    name: str, trusted: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(CorruptFile) as caught:
        load_snapshot(forged(HOSTILE[name]), STORE_ID, "data.pickle", trusted=trusted)
    assert caught.value.path == "data.pickle"
    assert not list(tmp_path.iterdir())


def test_what_we_write_has_the_grammar() -> None:
    for size in (0, 1, 2, 300, 2000):
        payload = pickle.dumps(SortedDict({b"%d" % n: b"v" * n for n in range(size)}), protocol=5)
        check_grammar(payload)
    same = b"one object, twice"
    check_grammar(pickle.dumps(SortedDict({b"a": same, b"b": same}), protocol=5))


def test_a_snapshot_is_a_pickle_from_its_first_byte() -> None:
    entries = SortedDict({b"a": b"1", b"b": b"2"})
    data = forged(pickle.dumps(entries, protocol=5), 2)
    loaded = pickle.load(io.BytesIO(data))
    assert type(loaded) is SortedDict
    assert loaded == entries
    assert next(iter(pickletools.genops(data)))[0].name == "PROTO"


def test_a_newer_format_is_refused() -> None:
    volume = copy_of(VOLUME)
    checkpoint = bytearray(volume.files["checkpoint"])
    checkpoint[8:10] = struct.pack("<H", 2)
    checkpoint[-8:] = struct.pack("<Q", xxh3_64_intdigest(bytes(checkpoint[:-8])))
    volume.files["checkpoint"] = checkpoint
    with pytest.raises(NewerFormat) as caught:
        open_on(volume)
    assert caught.value.version == 2
    assert "pip install -U dynafile" in str(caught.value)


def test_partitions_are_named_by_hash_and_id() -> None:
    volume = MemoryVolume()
    store = open_on(volume, **SMALL)
    put(store, *((key(n), b"x" * 60) for n in range(100)))
    store.checkpoint()
    parts = store.keyspace(SPACE).partitions()
    assert len(parts) > 3
    folders = {name.split("/")[1] for name in volume.files if name.startswith("_partitions/")}
    assert folders == {partition_directory(part.begin, part.id) for part in parts}
    assert len({part.id for part in parts}) == len(parts)
    store.close()
