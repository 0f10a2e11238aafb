"""The store's check of itself: everything that must be true of files, maps and memory."""

from __future__ import annotations

from dynafile.errors import CorruptFile, StorageError
from dynafile.store.format import SnapshotHeader
from dynafile.store.names import parse_partition_directory
from dynafile.store.partition import overlay
from dynafile.store.partition_map import Keyspace
from dynafile.store.replica import Replica
from dynafile.store.snapshot import Entries, load_snapshot


def check_store(replica: Replica) -> list[str]:
    """Return what is wrong with a store, one sentence each.

    To be called with nobody writing. Snapshots are read from disk and held against their exact
    grammar; that the journal parses to its end was shown by the replay and by following it.
    """
    problems: list[str] = []
    for keyspace in replica.keyspaces.values():
        problems += _check_map(replica, keyspace)
        problems += _check_partitions(replica, keyspace)
    return problems


def _check_map(replica: Replica, keyspace: Keyspace) -> list[str]:
    problems: list[str] = []
    begins, parts = keyspace.layout
    if begins != [part.begin for part in parts]:
        problems.append(f"{keyspace.directory}: the map and its partitions disagree")
    if begins != sorted(set(begins)) or (begins and begins[0]):
        problems.append(f"{keyspace.directory}: the map does not cover every key once")
    known = {part.id for part in parts}
    for name in replica.volume.list(keyspace.directory):
        parsed = parse_partition_directory(name)
        if parsed is not None and parsed[1] not in known and parsed[1] < replica.checkpoint.lsn:
            problems.append(f"{keyspace.directory}/{name}: a folder that no partition has")
    return problems


def _check_partitions(replica: Replica, keyspace: Keyspace) -> list[str]:
    problems: list[str] = []
    for part in list(keyspace.partitions()):
        file = keyspace.file(part)
        path = f"{replica.volume.root}/{file}"
        entries = Entries()
        if part.id:
            try:
                data = replica.volume.read(file)
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
