"""Partitions: how they are cut and joined, and found again by the names of their folders."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sortedcontainers import SortedDict
from store.simulated import WatchedVolume
from store.stores import (
    SPACE,
    abandon,
    assert_holds,
    contents,
    delete,
    get,
    key,
    open_on,
    pairs,
    put,
    space,
)

from dynafile.errors import CorruptFile
from dynafile.store.memory_volume import MemoryVolume
from dynafile.store.partition import Partition, cut_points, pieces_of, separator, size
from dynafile.store.partition_map import Keyspace
from dynafile.store.store import Store

SMALL = {"partition_bytes": 2000}
COLLECTION = {key(5, f"{n:04d}"): b"%d" % n * 20 for n in range(200)}
OTHERS = {key(n): b"other" * 8 for n in range(10, 60)}
HASHED = st.builds(
    lambda number, tail: key(number) + tail, st.integers(0, 5), st.binary(max_size=6)
)


@given(st.dictionaries(HASHED, st.binary(max_size=60), max_size=80), st.integers(100, 900))
def test_cutting(model: dict[bytes, bytes], target: int) -> None:
    entries = SortedDict(model)
    points, more = cut_points(entries, target, 4)
    assert len(points) <= 4
    pieces = pieces_of(entries, points)
    assert [pair for piece in pieces for pair in piece.items()] == list(entries.items())
    for point, left, right in zip(points, pieces, pieces[1:], strict=False):
        assert left.keys()[-1] < point <= right.keys()[0]
        assert len(point) >= 8
        if left.keys()[-1][:8] != right.keys()[0][:8]:
            assert point == right.keys()[0][:8], "an item collection is cut without need"
    largest = max((size(SortedDict([pair])) for pair in model.items()), default=0)
    for piece in pieces if not more else pieces[:-1]:
        assert size(piece) <= 2 * target + 2 * largest or len({k[:8] for k in piece}) == 1
    if more:
        assert len(points) == 4


@given(st.binary(min_size=8, max_size=20), st.binary(min_size=8, max_size=20))
def test_separators(one: bytes, two: bytes) -> None:
    left, right = sorted((one, two))
    if left != right:
        point = separator(left, right)
        assert left < point <= right
        assert right.startswith(point)


def split(volume: MemoryVolume) -> Store:
    """A store with an item collection in many partitions, and others around it, in the files."""
    store = open_on(volume, **SMALL)
    put(store, *COLLECTION.items(), *OTHERS.items())
    store.checkpoint()
    put(store, (key(10), b"changed"))
    store.checkpoint()  # the folders' names alone tell of the partitions from here on
    return store


MODEL = {**COLLECTION, **OTHERS, key(10): b"changed"}


def begins(store: Store) -> list[bytes]:
    return [part.begin for part in space(store).partitions()]


def test_an_item_collection_is_cut() -> None:
    store = split(MemoryVolume())
    inside = [begin for begin in begins(store) if begin[:8] == key(5)]
    assert len(inside) > 8
    assert all(len(begin) > 8 for begin in inside[1:])
    for part in space(store).partitions():
        assert size(store.replica.entries_at(space(store), part.begin)[1]) <= 3 * 2000
    assert_holds(store, MODEL)
    store.close()


def test_a_split_of_more_pieces_than_one_turn_makes() -> None:
    store = open_on(MemoryVolume(), partition_bytes=300)
    put(store, *MODEL.items())
    store.checkpoint()
    assert len(begins(store)) > 60
    assert_holds(store, MODEL)
    store.close()


def test_beginnings_are_read_when_they_are_needed() -> None:
    """Opening reads no header but those of one item collection's partitions."""
    inner = MemoryVolume()
    split(inner).close()
    volume = WatchedVolume(inner)
    store = open_on(volume, **SMALL)
    folders = [name for name in volume.list("_partitions") if name.startswith(key(5).hex())]
    assert len(volume.calls("read", "_partitions/")) == len(folders) > 8
    volume.forget_calls()
    assert get(store, key(20)) == OTHERS[key(20)]
    assert len(volume.calls("read", "_partitions/")) <= 3  # it, its neighbour's header, its own
    assert contents(store) == MODEL
    store.close()


@pytest.mark.parametrize("reverse", [False, True])
def test_ranges_over_partitions_that_are_not_resolved(reverse: bool) -> None:
    """From every key to every other, in a store that was just opened."""
    inner = MemoryVolume()
    split(inner).close()
    marks = sorted([b"", *list(MODEL)[::17], key(5), key(5) + b"\xff", b"\xff" * 9])
    for index, low in enumerate(marks):
        for high in (*marks[index:], None):
            store = open_on(inner, **SMALL)
            wanted = sorted(
                pair
                for pair in MODEL.items()
                if low <= pair[0] and (high is None or pair[0] < high)
            )
            found = pairs(store, low, high, reverse=reverse, limit=5)
            assert found == (wanted[::-1] if reverse else wanted)
            abandon(store)


def test_keys_beside_a_cut() -> None:
    """A key between the hash in a folder's name and its true beginning is its left neighbour's."""
    inner = MemoryVolume()
    store = split(inner)
    cuts = [begin for begin in begins(store) if len(begin) > 8]
    store.close()
    model = dict(MODEL)
    for cut in cuts:
        store = open_on(inner, **SMALL)
        put(store, (cut[:8] + b"\0", b"low"), (cut[:-1], b"below"), (cut, b"at"))
        model |= {cut[:8] + b"\0": b"low", cut[:-1]: b"below", cut: b"at"}
        assert get(store, cut[:-1]) == b"below"
        assert contents(store) == model
        abandon(store)
    store = open_on(inner, **SMALL)
    assert_holds(store, model)
    store.close()


def test_many_changes_beside_cuts_at_once() -> None:
    """A record that is applied partition by partition, in a process that resolved none."""
    inner = MemoryVolume()
    writer = split(inner)
    reader = open_on(WatchedVolume(inner), **SMALL)
    changes = {cut + tail: b"new" for cut in begins(writer) for tail in (b"", b"\0", b"\xff")}
    put(writer, *changes.items())
    assert contents(reader) == {**MODEL, **changes}
    assert_holds(reader, {**MODEL, **changes})
    reader.close()
    writer.close()


def test_empty_neighbours_are_joined() -> None:
    volume = MemoryVolume()
    store = split(volume)
    many = len(begins(store))
    delete(store, *list(MODEL)[:-3])
    store.checkpoint()
    rest = dict(list(MODEL.items())[-3:])
    assert len(begins(store)) < many / 3
    assert_holds(store, rest)
    delete(store, *rest)
    store.checkpoint()
    for _ in range(5):
        put(store, (key(1), b"v"))
        delete(store, key(1))
        store.checkpoint()
    assert len(begins(store)) <= 2
    assert_holds(store, {})
    store.close()
    store = open_on(volume, **SMALL)
    assert_holds(store, {})
    store.close()


@pytest.mark.parametrize("seen", [False, True], ids=["unresolved", "loaded"])
def test_another_process_follows_splits_and_merges(seen: bool) -> None:
    inner = MemoryVolume()
    store = split(inner)
    other = open_on(WatchedVolume(inner), **SMALL)
    model = dict(MODEL)
    for step in range(6):
        if seen:
            assert contents(other) == model
        changes = {key(30 + step, f"{n}"): b"grow" * 10 for n in range(60)}
        put(store, *changes.items())
        gone = sorted(model)[step * 20 : step * 20 + 18]
        delete(store, *gone)
        model = {k: v for k, v in {**model, **changes}.items() if k not in set(gone)}
        store.checkpoint()
        if step % 2:
            assert get(other, key(31, "0")) == model.get(key(31, "0"))
    assert_holds(other, model)
    assert begins(other) == begins(store)
    other.close()
    store.close()


def test_ids_are_never_used_again() -> None:
    volume = WatchedVolume(MemoryVolume())
    store = open_on(volume, **SMALL)
    used: dict[str, bytes] = {}
    for step in range(8):
        put(store, *((key(step, f"{n}"), b"v" * 50) for n in range(50)))
        store.checkpoint()
        delete(store, *list(contents(store))[: 20 + step])
        store.checkpoint()
        for part in space(store).partitions():
            if part.id:
                assert used.setdefault(f"{part.id:x}", part.begin) == part.begin
    assert len(used) > 20
    store.close()


def test_the_snapshot_of_another_partition_is_refused() -> None:
    """Right in itself, and in the wrong folder."""
    volume = MemoryVolume()
    split(volume).close()
    names = sorted(name for name in volume.files if name.startswith("_partitions/"))
    for one, two in pairwise(names):
        other = MemoryVolume()
        other.files = dict(volume.files)
        other.files[one] = volume.files[two]
        with pytest.raises(CorruptFile) as caught:
            contents(open_on(other))
        assert str(caught.value.path).endswith("data.pickle")


def test_a_map_settles_a_beginning_among_others_with_one_hash() -> None:
    keyspace = Keyspace(SPACE, "_partitions")
    first, *others = [Partition(number, b"", resolved=False) for number in range(1, 5)]
    for part in others:
        part.begin = b"12345678"
    keyspace.reset([first, *others])
    for part, tail in zip(others, (b"c", b"a", b"b"), strict=True):
        keyspace.settle(part, b"12345678" + tail)
    keyspace.reset(keyspace.partitions())
    assert [part.begin[8:] for part in keyspace.partitions()] == [b"", b"a", b"b", b"c"]
    assert keyspace.candidate(b"12345678bb").begin == b"12345678b"
