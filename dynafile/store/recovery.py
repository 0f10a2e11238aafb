"""Recovery: the state of a store from its files, whatever a crash left of them."""

from __future__ import annotations

import contextlib
import time
from typing import Final

from dynafile.errors import CorruptFile, DiskFull, InvalidPath, StorageError
from dynafile.store.filesystem import boot_number
from dynafile.store.follower import HASTY_RELOADS, RELOADS, read_state
from dynafile.store.history import proven
from dynafile.store.holes import read_whole
from dynafile.store.journal import Journal
from dynafile.store.names import CHECKPOINT_NAME, META_NAME
from dynafile.store.opening import is_used
from dynafile.store.position import BOOT, BUSY, END, FIRST_SLOT, SLOTS, SUSPECT
from dynafile.store.replica import Replica
from dynafile.store.schema import Meta
from dynafile.store.strays import empty_tmp, stray_folders
from dynafile.store.volume import Volume

_PAUSE_SECONDS: Final = 0.002
_LONGEST_PAUSE_SECONDS: Final = 0.1


def open_for_writing(volume: Volume, cache_size: int, *, trusted: bool) -> tuple[Replica, Journal]:
    """Replay past the checkpoint, cut the torn end, publish the end. Under the lock."""
    replica, journal = _start(volume, cache_size, trusted=trusted)
    stored = replica.schema.version
    words, boot = volume.share(), boot_number()
    alive = boot != 0 and words[BOOT] == boot
    if alive and words[SUSPECT]:
        journal_end = words[END]
        _replay(replica, journal, stop=journal_end)
        journal.renew(replica.lsn)
    else:
        known = words[END] if alive else 0
        try:
            known = max(known, replica.checkpoint.synced, proven(volume))
            _replay(replica, journal, known=known)
            journal.cut(replica.lsn)
            journal.synced = 0
            journal.sync(replica.lsn)
        except StorageError as error:
            if alive and not isinstance(error, CorruptFile):
                # The kernel drops what it could not write: nobody may adopt it from its cache.
                words[SUSPECT] = 1
            raise
    _check_first(replica)
    journal.remove_later(replica.lsn)
    if replica.schema.version != stored:
        # The next checkpoint takes the record away that says so.
        volume.replace(META_NAME, Meta(replica.store_id, replica.schema).encode())
    if not alive:
        for slot in range(FIRST_SLOT, FIRST_SLOT + SLOTS):
            words[slot] = 0
    with contextlib.suppress(DiskFull):
        journal.reserve.refill(replica.lsn - journal.checkpoint)
    words[SUSPECT] = words[BUSY] = 0
    words[END] = replica.lsn
    words[BOOT] = boot  # after END, which a reader believes on the same boot
    empty_tmp(volume, replica.schema)
    for name in stray_folders(volume, replica.schema):
        volume.remove(name)
    return replica, journal


def _check_first(replica: Replica) -> None:
    """Raise CorruptFile where folders are gone that the checkpoint lists, or the first one is."""
    for number, keyspace in replica.keyspaces.items():
        parts = keyspace.partitions()
        if parts[0].id == 0 and keyspace.by_id:
            raise _missing(replica.volume, f"{keyspace.directory}/{'0' * 16}-*")
        for held, floor in replica.held.get(number, {}).items():
            part = keyspace.by_id.get(held)
            if part is None:
                raise _missing(replica.volume, f"{keyspace.directory}/*-{held:x}")
            part.floor = max(part.floor, floor)


def open_for_reading(volume: Volume, cache_size: int, *, trusted: bool) -> tuple[Replica, Journal]:
    """Start from the checkpoint and follow what is published: no lock, no cut, no cleaning.

    Where the machine has restarted since anybody wrote, nothing says what was published, so every
    whole record counts, as it would for a writer.
    """
    before: tuple[str, int, int] | None = None
    for attempt in range(RELOADS):
        words, boot = volume.share(), boot_number()
        alive = boot != 0 and words[BOOT] == boot
        found = (words[BOOT], words[END])  # before the journal is read
        try:
            settled = attempt >= HASTY_RELOADS
            replica, journal = _start(volume, cache_size, trusted=trusted, settled=settled)
            if alive:
                _replay(replica, journal, stop=words[END])
            else:
                known = max(replica.checkpoint.synced, proven(volume))
                _replay(replica, journal, known=known)
                replica.asleep = found
            _check_first(replica)
            return replica, journal
        except FileNotFoundError as error:
            # A checkpoint came between two reads; on a busy machine many do, so let some pass.
            missing = (_name_in(error, volume), *found)
            if missing == before and not _is_unfinished(volume, missing[0]):
                raise _missing(volume, missing[0]) from error  # and nobody wrote meanwhile
            before = missing
            time.sleep(min(attempt * _PAUSE_SECONDS, _LONGEST_PAUSE_SECONDS))
        except CorruptFile:
            if alive or words[BOOT] != boot:
                raise
            # A writer came meanwhile; what looked damaged was half written.
    if CHECKPOINT_NAME not in volume.list(""):
        raise InvalidPath(
            f"there is no database in {volume.root} yet, its making was interrupted: open it once "
            f"without read_only=True, which completes it",
            path=volume.root,
        )
    raise StorageError(
        f"{volume.root}: its files keep vanishing while they are read; try again", path=volume.root
    )


def _is_unfinished(volume: Volume, missing: str) -> bool:
    """Say whether a file is missing because the store's making is under way, or was interrupted."""
    if missing != CHECKPOINT_NAME:
        return False
    return not is_used(
        volume, Meta.decode(read_whole(volume, META_NAME), f"{volume.root}/{META_NAME}")
    )


def _start(
    volume: Volume, cache_size: int, *, trusted: bool, settled: bool = False
) -> tuple[Replica, Journal]:
    path = f"{volume.root}/{META_NAME}"
    meta = Meta.decode(read_whole(volume, META_NAME), path)
    journal = Journal(volume, meta.store_id)
    replica = Replica(volume, journal, meta.store_id, cache_size=cache_size, trusted=trusted)
    try:
        replica.start(*read_state(volume, meta.store_id), settled=settled)
    except FileNotFoundError as error:
        if volume.read_only:
            raise
        raise _missing(volume, _name_in(error, volume)) from error
    return replica, journal


def _replay(replica: Replica, journal: Journal, *, known: int = 0, stop: int | None = None) -> None:
    if stop is None:
        records = journal.replay(replica.lsn, known)
    else:
        records = journal.read(replica.lsn, stop)
    schema = 0
    with replica.mutex:
        try:
            for record in records:
                replica.apply(record.operations, record.end, record.time)
                journal.synced = max(journal.synced, record.synced)
                schema = max(schema, record.schema)
        except FileNotFoundError as error:
            if replica.volume.read_only:
                raise
            raise _missing(replica.volume, _name_in(error, replica.volume)) from error
        replica.whole = True
    if schema > replica.schema.version:
        # Before anybody takes the folders away that it does not name.
        path = f"{replica.volume.root}/{META_NAME}"
        raise CorruptFile(
            f"{path} has version {replica.schema.version} of the schema, and commits were made "
            f"under version {schema}: an old file was put there. Restore the newest, or save what "
            "is left with `dynafile repair`",
            path=path,
            offset=0,
        )


def _name_in(error: FileNotFoundError, volume: Volume) -> str:
    return str(error.filename or error).removeprefix(f"{volume.root}/")


def _missing(volume: Volume, name: str) -> CorruptFile:
    return CorruptFile(
        f"{volume.root}/{name} is missing: restore it from a backup, or save what is left with "
        "`dynafile repair`",
        path=f"{volume.root}/{name}",
        offset=0,
    )
