"""The store's check of itself: everything that must be true of files, maps and memory."""

from __future__ import annotations

from typing import Final

from dynafile.errors import CorruptFile, StorageError
from dynafile.store.follower import read_state
from dynafile.store.format import SnapshotHeader
from dynafile.store.history import Forgotten, JournalHistory, NoCommit, segments, superfluous
from dynafile.store.holes import read_whole
from dynafile.store.journal import Journal
from dynafile.store.names import META_NAME
from dynafile.store.partition import overlay
from dynafile.store.partition_map import Keyspace
from dynafile.store.position import END
from dynafile.store.replica import Replica
from dynafile.store.snapshot import Entries, load_snapshot

ATTEMPTS: Final = 20


def check_store(replica: Replica) -> list[str]:
    """Return what is wrong with a store, one sentence each.

    Snapshots are read from disk and held against their exact grammar; then everything is read once
    more as who opens the store now would, journal included, and compared. While somebody writes,
    which only who reads without the lock can meet, it is done again.
    """
    for _ in range(ATTEMPTS):
        with replica.mutex:
            before = replica.lsn
            problems = _problems(replica)
            replica.catch_up()
            if not problems or replica.lsn == before:
                break
    return problems


def _problems(replica: Replica) -> list[str]:
    problems: list[str] = []
    for keyspace in replica.keyspaces.values():
        problems += _check_map(keyspace)
        problems += _check_partitions(replica, keyspace)
    if replica.journal is not None and not problems:
        try:
            problems += _check_reopening(replica)
            problems += _check_history(replica)
        except (FileNotFoundError, StorageError) as error:
            problems.append(f"{replica.volume.root} cannot be opened again: {error}")
    return problems


def _check_history(replica: Replica) -> list[str]:
    """Read the segments that are kept for streams: the state no longer needs them."""
    volume, (lsn, segment, *_) = replica.volume, replica.checkpoint
    gone = superfluous(volume, segment, replica.lsn, replica.schema.retention, replica.time)
    base = min((base for base in segments(volume) if base not in gone), default=lsn)
    try:
        for _ in JournalHistory(volume, replica.store_id).read(base, lsn):
            pass
    except CorruptFile as error:
        return [str(error)]
    except NoCommit as error:
        return [str(error.damage)]
    except Forgotten:
        return [f"{volume.root}/journal: one of the segments that streams are read from is missing"]
    return []


def _check_reopening(replica: Replica) -> list[str]:
    """Compare what the files say with what this process believes."""
    volume, store_id = replica.volume, replica.store_id
    journal = Journal(volume, store_id)
    fresh = Replica(volume, journal, store_id, cache_size=0, trusted=False)
    fresh.start(*read_state(volume, store_id))
    for record in journal.read(fresh.lsn, replica.lsn):
        fresh.apply(record.operations, record.end, record.time)
    fresh.whole = True
    fresh.words = memoryview(bytearray(replica.words)).cast("Q")  # so that it reads no further
    fresh.words[END] = fresh.lsn
    if fresh.schema != replica.schema:
        return [f"{volume.root}: {META_NAME} and the journal give another schema than memory"]
    problems: list[str] = []
    for number, keyspace in replica.keyspaces.items():
        other = fresh.keyspaces[number]
        for part in keyspace.partitions():
            twin, entries = fresh.entries_at(other, part.begin)
            if (twin.id, twin.begin) != (part.id, part.begin):
                problems.append(f"{keyspace.path(part)}: the files give its place to another")
            elif dict(entries) != dict(replica.entries_at(keyspace, part.begin)[1]):
                problems.append(f"{keyspace.path(part)}: snapshot and journal give other entries")
        if len(other.partitions()) != len(keyspace.partitions()):
            problems.append(f"{keyspace.directory}: the files give another number of partitions")
    return problems


def _check_map(keyspace: Keyspace) -> list[str]:
    problems: list[str] = []
    begins, parts = keyspace.layout
    if begins != [part.begin for part in parts]:
        problems.append(f"{keyspace.directory}: the map and its partitions disagree")
    if begins != sorted(set(begins)) or (begins and begins[0]):
        problems.append(f"{keyspace.directory}: the map does not cover every key once")
    return problems


def _check_partitions(replica: Replica, keyspace: Keyspace) -> list[str]:
    problems: list[str] = []
    for part in list(keyspace.partitions()):
        file = keyspace.file(part)
        path = f"{replica.volume.root}/{file}"
        entries = Entries()
        if part.id:
            try:
                data = read_whole(replica.volume, file)
                header, entries = load_snapshot(data, replica.store_id, path, trusted=False)
            except FileNotFoundError:
                problems.append(f"{path} is missing")
                continue
            except CorruptFile as error:
                problems.append(str(error))
                continue
            problems += _check_header(replica, keyspace, header, path)
            begin, end = header.begin, header.end
            if entries and (entries.keys()[0] < begin or (end and entries.keys()[-1] >= end)):
                problems.append(f"{path}: it holds keys outside its range")
        overlay(entries, part.pending)
        if part.entries is not None and dict(part.entries) != dict(entries):
            problems.append(f"{path}: memory and disk disagree")
    return problems


def _check_header(
    replica: Replica, keyspace: Keyspace, header: SnapshotHeader, path: str
) -> list[str]:
    problems: list[str] = []
    with replica.mutex:
        try:
            part, _ = replica.entries_at(keyspace, header.begin)
        except StorageError as error:
            return [str(error)]
        end = keyspace.end_of(part)
    if part.id != header.id or part.begin != header.begin or end != header.end:
        problems.append(f"{path}: the map gives it another range than its header")
    if header.lsn > replica.lsn:
        problems.append(f"{path}: it is newer than the journal")
    return problems
