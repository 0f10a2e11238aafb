"""The journal: torn ends, damage, room ahead, segments, and several who follow it."""

from __future__ import annotations

import logging
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st
from store.simulated import PoweredVolume, WatchedVolume
from store.stores import SPACE, put, schema

from dynafile.errors import CorruptFile
from dynafile.store import journal as journal_module
from dynafile.store.format import (
    FIRST_LSN,
    PUT,
    RECORD_MAGIC,
    ROTATE,
    SEGMENT_HEADER_BYTES,
    Operation,
    Record,
    decode_record,
    encode_numbers,
    encode_record,
    next_record_after,
)
from dynafile.store.journal import LEAST_ROOM, MOST_ROOM, Journal
from dynafile.store.memory_volume import MemoryVolume
from dynafile.store.names import parse_segment_name, segment_name
from dynafile.store.registry import open_volume
from dynafile.store.store import Options
from dynafile.store.volume import Volume

STORE_ID = bytes(range(16))
FIRST = segment_name(FIRST_LSN)


def new_journal(volume: Volume, base: int = FIRST_LSN) -> Journal:
    journal = Journal(volume, STORE_ID)
    journal.create(base)
    journal.move(base)
    return journal


def follower_of(volume: Volume) -> Journal:
    """A journal object as another process has it."""
    journal = Journal(volume, STORE_ID)
    journal.move(FIRST_LSN)
    return journal


def record(lsn: int, value: bytes, synced: int = 0) -> bytes:
    return encode_record(lsn, synced, 0, 1, [(PUT, SPACE, b"k", value)])


def append(journal: Journal, *values: bytes, lsn: int = FIRST_LSN, synced: int = 0) -> int:
    """Append a record a value; returns the end."""
    for value in values:
        data = record(lsn, value, synced)
        journal.append(lsn, data)
        lsn += len(data)
    return lsn


def values(records: list[Record]) -> list[bytes]:
    return [operation[3] for one in records for operation in one.operations]


def offset(lsn: int) -> int:
    return SEGMENT_HEADER_BYTES + lsn - FIRST_LSN


def test_what_was_appended_is_read() -> None:
    volume = MemoryVolume()
    journal = new_journal(volume)
    end = append(journal, b"one", b"two", b"three")
    assert values(list(follower_of(volume).read(FIRST_LSN, end))) == [b"one", b"two", b"three"]
    assert values(list(journal.replay(FIRST_LSN, end))) == [b"one", b"two", b"three"]
    assert journal.cut(end) == 0


def test_reading_stops_at_the_published_end() -> None:
    volume = MemoryVolume()
    journal = new_journal(volume)
    middle = append(journal, b"published")
    append(journal, b"not yet", lsn=middle)
    assert values(list(follower_of(volume).read(FIRST_LSN, middle))) == [b"published"]


def test_a_torn_end_is_cut_and_reported(caplog: pytest.LogCaptureFixture) -> None:
    """At each byte of the last record."""
    whole = len(record(FIRST_LSN, b"torn"))
    for length in range(1, whole):
        caplog.clear()
        volume = MemoryVolume()
        journal = new_journal(volume)
        end = append(journal, b"kept")
        volume.write(FIRST, offset(end), record(end, b"torn")[:length])
        assert values(list(journal.replay(FIRST_LSN, end))) == [b"kept"]
        torn = journal.cut(end)
        assert 0 < torn <= length
        assert not volume.read(FIRST, offset(end)).strip(b"\0")
        (message,) = [r.getMessage() for r in caplog.records if r.levelno == logging.WARNING]
        assert f"cut {torn} bytes at offset {offset(end)}" in message
        assert FIRST in message
        # Nothing of it comes back when a record of the same length takes the place.
        assert append(journal, b"next", lsn=end) == end + whole
        assert values(list(journal.replay(FIRST_LSN, end))) == [b"kept", b"next"]


def test_damage_below_what_is_known_to_be_synced_is_an_error() -> None:
    """Known from the checkpoint, from the published end, or from a later record."""
    for known_from_record in (False, True):
        volume = MemoryVolume()
        journal = new_journal(volume)
        first = append(journal, b"one")
        second = append(journal, b"two", lsn=first)
        end = append(journal, b"three", lsn=second, synced=second if known_from_record else 0)
        volume.files[FIRST][offset(first) + 20] ^= 1
        with pytest.raises(CorruptFile, match="dynafile check") as caught:
            list(journal.replay(FIRST_LSN, 0 if known_from_record else end))
        assert caught.value.path == f":memory:/{FIRST}"
        assert caught.value.offset == offset(first)
        with pytest.raises(CorruptFile):
            list(follower_of(volume).read(FIRST_LSN, end))


def test_damage_that_may_be_a_crash_is_the_end() -> None:
    """Where the record behind the damage was written before anything was synced."""
    volume = MemoryVolume()
    journal = new_journal(volume)
    first = append(journal, b"one")
    append(journal, b"two", b"three", lsn=first, synced=first)
    volume.files[FIRST][offset(first) + 20] ^= 1
    assert values(list(journal.replay(FIRST_LSN, first))) == [b"one"]


def test_room_is_zeros_and_grows_in_steps() -> None:
    volume = WatchedVolume(MemoryVolume())
    journal = new_journal(volume)
    assert len(volume.read(FIRST)) == LEAST_ROOM
    lsn, lengths = FIRST_LSN, set()
    while lsn < 3 * MOST_ROOM:
        lsn = append(journal, bytes(20_000), lsn=lsn)
        data = volume.read(FIRST)
        assert not data[offset(lsn) :].strip(b"\0")
        lengths.add(len(data))
    assert all(length % LEAST_ROOM == 0 for length in lengths)
    assert len(lengths) < 10
    assert max(lengths) <= offset(lsn) + MOST_ROOM


def test_room_made_by_another_process_is_seen() -> None:
    """Zeros over what another appended would be the end of it."""
    volume = MemoryVolume()
    ours = new_journal(volume)
    theirs = follower_of(volume)
    end = append(ours, b"small")
    list(theirs.read(FIRST_LSN, end))
    later = append(theirs, bytes(3 * LEAST_ROOM), b"theirs", lsn=end)
    list(ours.read(end, later))
    final = append(ours, b"ours", lsn=later)
    assert values(list(follower_of(volume).read(FIRST_LSN, final)))[2:] == [b"theirs", b"ours"]


def rotate(journal: Journal, lsn: int) -> int:
    """Begin a segment, as a checkpoint does; the caller follows it as applying the record does."""
    operations: list[Operation] = [(ROTATE, 0, encode_numbers([0]), b"")]
    base = lsn + len(encode_record(lsn, 0, 0, 1, operations))
    operations = [(ROTATE, 0, encode_numbers([base]), b"")]
    journal.create(base)
    journal.append(lsn, encode_record(lsn, 0, 0, 1, operations))
    return base


def test_segments_follow_one_another() -> None:
    volume = MemoryVolume()
    journal = new_journal(volume)
    base = rotate(journal, append(journal, b"old"))
    journal.follow(base)
    end = append(journal, b"new", lsn=base)
    assert sorted(volume.list("journal")) == [
        name.partition("/")[2] for name in (FIRST, segment_name(base))
    ]
    for read in ("read", "replay"):
        other = follower_of(volume)
        found = []
        for one in other.read(FIRST_LSN, end) if read == "read" else other.replay(FIRST_LSN, end):
            found.append(one)
            if one.operations[0][0] == ROTATE:
                other.follow(base)
        assert values(found) == [b"old", b"", b"new"]
        assert other.segment == base


def test_taking_over_syncs_the_segment_that_ended() -> None:
    """A process died between the record that begins a segment and its sync.

    Whoever took over synced the new segment alone. A power cut then took the end of the old one
    away, and with it every commit in the new one, acknowledged or not.
    """
    volume = PoweredVolume()
    journal = new_journal(volume)
    base = rotate(journal, append(journal, b"old"))
    other = follower_of(volume)
    for one in other.replay(FIRST_LSN, 0):
        if one.operations[0][0] == ROTATE:
            other.follow(base)
    end = append(other, b"acknowledged", lsn=base)
    other.sync(end)
    volume.power_cut()
    after = follower_of(volume)
    found = []
    for one in after.replay(FIRST_LSN, 0):
        found.append(one)
        if one.operations[0][0] == ROTATE:
            after.follow(base)
    assert values(found) == [b"old", b"", b"acknowledged"]


def test_a_sync_that_is_not_needed_is_not_made() -> None:
    volume = WatchedVolume(MemoryVolume())
    journal = new_journal(volume)
    end = append(journal, b"one")
    journal.sync(end)
    journal.sync(end)
    assert volume.calls("sync") == [FIRST]


def test_a_segment_that_was_replaced_is_opened_again() -> None:
    """Another process replaced the segment by a copy, after a failed sync, and published nothing.

    The next append went into the file that had lost its name, was synced there and acknowledged,
    and was gone.
    """

    class Descriptors(MemoryVolume):
        """Keeps files open by their first name, as descriptors do."""

        def __init__(self, inner: MemoryVolume) -> None:
            super().__init__()
            self.inner, self.open = inner, {}  # type: dict[str, bytearray]

        def _file(self, name: str) -> bytearray:
            return self.open.setdefault(name, self.inner.files[name])

        def read(self, name: str, start: int = 0, size: int = -1) -> bytes:
            file = self._file(name)
            return bytes(file[start:] if size < 0 else file[start : start + size])

        def write(self, name: str, start: int, data: bytes) -> None:
            self._file(name)[start : start + len(data)] = data

        def replace(self, name: str, data: bytes) -> None:
            self.inner.replace(name, data)

        def share(self) -> memoryview:
            return self.inner.share() if hasattr(self, "inner") else super().share()

        def forget(self, name: str) -> None:
            self.open.pop(name, None)

    inner = MemoryVolume()
    ours = new_journal(Descriptors(inner))
    theirs = Journal(Descriptors(inner), STORE_ID)
    theirs.move(FIRST_LSN)
    end = append(ours, b"one")
    theirs.renew(end)
    later = append(ours, b"two", lsn=end)
    assert values(list(theirs.read(FIRST_LSN, later))) == [b"one", b"two"]
    theirs.renew(later)
    assert ours.cut(later) == 0
    final = append(ours, b"three", lsn=later)
    assert values(list(theirs.read(later, final))) == [b"three"]


def test_renewing_keeps_what_was_published_and_nothing_else() -> None:
    volume = MemoryVolume()
    journal = new_journal(volume)
    end = append(journal, b"published")
    append(journal, b"doubtful", lsn=end)
    journal.renew(end)
    assert values(list(journal.replay(FIRST_LSN, end))) == [b"published"]
    assert journal.cut(end) == 0


def test_a_segment_of_another_store_or_name() -> None:
    volume = MemoryVolume()
    new_journal(volume)
    with pytest.raises(CorruptFile, match="another store") as caught:
        Journal(volume, bytes(16)).move(FIRST_LSN)
    assert caught.value.offset == 16
    volume.files[segment_name(77)] = volume.files[FIRST]
    with pytest.raises(CorruptFile, match="another segment"):
        Journal(volume, STORE_ID).move(77)
    with pytest.raises(FileNotFoundError):
        Journal(volume, STORE_ID).move(78)


def test_looking_behind_damage_is_quick() -> None:
    """A value full of what looks like records cost a checksum of all that follows for each."""
    lure = (RECORD_MAGIC + struct.pack("<IQ", 1 << 21, 0)) * (1 << 16)
    data = b"damage" + lure + bytes(1 << 21)
    calls = 0
    digest = journal_module.decode_record.__globals__["xxh3_64_intdigest"]

    def counted(body: memoryview) -> int:
        nonlocal calls
        calls += 1
        return int(digest(body))

    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(journal_module.decode_record.__globals__, "xxh3_64_intdigest", counted)
        assert next_record_after(data, 0, 1) is None
    assert calls < 10


@given(st.binary(max_size=300), st.integers(0, 40))
def test_no_bytes_are_mistaken_for_a_record(data: bytes, at: int) -> None:
    assert decode_record(data, at, FIRST_LSN) is None


def test_names_of_segments() -> None:
    assert parse_segment_name("0000000000000001.log") == 1
    for name in ("1.log", "0000000000000001", "0000000000000001.LOG", "000000000000000g.log", ""):
        assert parse_segment_name(name) is None


def test_other_peoples_files_in_the_journals_folder_stay() -> None:
    """A checkpoint removed whatever sorted before its segment."""
    volume = MemoryVolume()
    store = open_volume(volume, Options(), schema)
    for name in (".gitkeep", "0000000000000001", "000-notes.txt"):
        volume.files[f"journal/{name}"] = bytearray(b"precious")
    put(store, (b"12345678", b"value"))
    store.checkpoint()
    assert FIRST not in volume.files
    assert {name for name, data in volume.files.items() if data == b"precious"} == {
        "journal/.gitkeep",
        "journal/0000000000000001",
        "journal/000-notes.txt",
    }
    store.close()
