"""Opening a store: making a new one, and recovering what a crash left of an old one."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable
from typing import Final

from dynafile.errors import (
    CorruptFile,
    DiskFull,
    ForeignFile,
    InvalidPath,
    NotConverted,
    PathNotWritable,
    StorageError,
)
from dynafile.store.descriptors import make_folders
from dynafile.store.filesystem import boot_number, refuse_network_file_system
from dynafile.store.follower import HASTY_RELOADS, RELOADS, read_state
from dynafile.store.format import (
    FIRST_LSN,
    Checkpoint,
    encode_checkpoint,
)
from dynafile.store.journal import Journal
from dynafile.store.names import (
    CHECKPOINT_NAME,
    LOCK_NAME,
    META_NAME,
    POSITION_NAME,
    RESERVE_NAME,
    is_half_made,
    is_old_folder,
    parse_partition_directory,
    parse_segment_name,
)
from dynafile.store.os_errors import translated
from dynafile.store.position import (
    BOOT,
    BUSY,
    END,
    FIRST_SLOT,
    POSITION_BYTES,
    SLOTS,
    SUSPECT,
)
from dynafile.store.replica import Replica
from dynafile.store.schema import Meta, Schema
from dynafile.store.strays import stray_folders
from dynafile.store.volume import Volume

OUR_NAMES: Final = (CHECKPOINT_NAME, RESERVE_NAME, "journal", "runs", "tables", "_partitions")
"""Names that only a store may have; a folder that has one of them and no ``meta.json`` is somebody
else's."""
_PAUSE_SECONDS: Final = 0.002
_LONGEST_PAUSE_SECONDS: Final = 0.1
_LOCK_HEAD: Final = b"The writer's lock of Dynafile"
_LOCK_BYTES: Final = 128


class Unconverted(Exception):
    """The folder is one of 0.1.3's, or its conversion is under way; the table's floor sees to it.

    Never seen by the user.
    """


def prepare_folder(path: str, *, read_only: bool) -> bool:
    """Look at a path before anything is written; return whether a store is there.

    Raises InvalidPath, PathNotWritable, NetworkFileSystem, ForeignFile; NotConverted or Unconverted
    for what 0.1.3 wrote.
    """
    if os.path.lexists(path) and not os.path.isdir(path):
        raise InvalidPath(
            f"{path} is a file, and a database is a folder: choose another path", path=path
        )
    if not os.path.isdir(path):
        if read_only:
            raise InvalidPath(
                f"there is no database at {path}: check the path, or open it without "
                "read_only=True "
                f"to make one",
                path=path,
            )
        _refuse_unmakeable(path)
        return False
    refuse_network_file_system(path)
    if not read_only and not os.access(path, os.W_OK | os.X_OK):
        raise PathNotWritable(
            f"{path} is not writable by this user: change its mode or owner, or open it with "
            f"read_only=True",
            path=path,
        )
    _refuse_foreign(path)
    if os.path.isfile(f"{path}/{META_NAME}"):
        return True
    if _is_old(path):
        if read_only:
            raise NotConverted(
                f"{path} was written by dynafile 0.1.3: open it once without read_only=True, with "
                f"the pk_attribute, sk_attribute and ttl_attribute that it was used with; that "
                f"converts it",
                path=path,
            )
        raise Unconverted
    if read_only:
        raise InvalidPath(
            f"there is no database in {path}: check the path, or open it without read_only=True to "
            f"make one",
            path=path,
        )
    return False


def make_folder(path: str) -> None:
    """Make a folder and those above it, durably; raises PathNotWritable."""
    try:
        make_folders(os.path.abspath(path))
    except OSError as error:
        meant = translated(error, path)
        if not isinstance(meant, (InvalidPath, PathNotWritable)):
            raise meant from error
        raise PathNotWritable(
            f"{path} cannot be made ({error.strerror}): choose another path", path=path
        ) from error


def _refuse_unmakeable(path: str) -> None:
    parent = os.path.abspath(path)
    while not os.path.lexists(parent):
        parent = os.path.dirname(parent)
    if not os.path.isdir(parent):
        raise InvalidPath(
            f"{path} cannot be made, because {parent} is a file: choose another path", path=path
        )
    if not os.access(parent, os.W_OK | os.X_OK):
        raise PathNotWritable(
            f"{path} cannot be made, because {parent} is not writable by this user: change its "
            "mode "
            f"or owner, or choose another path",
            path=path,
        )
    refuse_network_file_system(parent)


def _refuse_foreign(path: str) -> None:
    meta = f"{path}/{META_NAME}"
    if os.path.isfile(meta):
        Meta.decode(_beginning(meta), meta)
        return
    if os.path.lexists(meta):
        raise _foreign(meta)
    for name in OUR_NAMES:
        if os.path.lexists(f"{path}/{name}") and not (name == "_partitions" and _is_old(path)):
            raise _foreign(f"{path}/{name}")
    _refuse_foreign_file(f"{path}/{LOCK_NAME}", _LOCK_HEAD, _LOCK_BYTES)
    # Where the making was interrupted, the position is there before meta.json, and unused.
    _refuse_foreign_file(f"{path}/{POSITION_NAME}", bytes(8), POSITION_BYTES)
    half_made = f"{path}/tmp"
    if os.path.lexists(half_made) and not (
        os.path.isdir(half_made) and all(map(is_half_made, os.listdir(half_made)))
    ):
        raise _foreign(half_made)


def _is_old(path: str) -> bool:
    folder = f"{path}/_partitions"
    if not os.path.isdir(folder) or not is_old_folder(os.listdir(folder)):
        return False
    with os.scandir(folder) as entries:
        return all(entry.is_dir() or entry.name.startswith(".") for entry in entries)


def _refuse_foreign_file(path: str, head: bytes, most: int) -> None:
    """Raise ForeignFile unless a file is missing, or has up to ``most`` bytes that begin as ours.

    A power cut in the making of a store leaves zeros where bytes had not reached the disk.
    """
    if not os.path.lexists(path):
        return
    if not os.path.isfile(path) or os.path.getsize(path) > most:
        raise _foreign(path)
    found = _beginning(path, len(head))
    if any(byte not in (0, wanted) for byte, wanted in zip(found, head, strict=False)):
        raise _foreign(path)


def _beginning(path: str, size: int = -1) -> bytes:
    try:
        with open(path, "rb") as file:
            return file.read(size)
    except PermissionError as error:
        raise PathNotWritable(
            f"{path} cannot be read by this user: change its mode or owner", path=path
        ) from error


def _foreign(path: str) -> ForeignFile:
    return ForeignFile(
        f"{path} has a name that Dynafile uses and was not written by it: choose another "
        "folder, "
        f"or move it away",
        path=path,
    )


def create(volume: Volume, schema: Callable[[Schema | None], Schema]) -> None:
    """Make what a new store needs, where it is missing. Called under the lock.

    ``meta.json`` comes first and the checkpoint last, so that a store whose making was interrupted
    is told from a damaged one: it has no records and no partitions.
    """
    try:
        data = volume.read(META_NAME)
    except FileNotFoundError:
        meta = Meta(os.urandom(16), schema(None))
        volume.replace(META_NAME, meta.encode())
    else:
        meta = Meta.decode(data, f"{volume.root}/{META_NAME}")
    try:
        volume.read(CHECKPOINT_NAME, 0, 1)
    except FileNotFoundError:
        _finish_creation(volume, meta)


def _finish_creation(volume: Volume, meta: Meta) -> None:
    bases = [base for base in map(parse_segment_name, volume.list("journal")) if base is not None]
    folders = meta.schema.keyspaces.values()
    names = [name for folder in folders for name in volume.list(folder)]
    used = bases not in ([], [FIRST_LSN]) or any(map(parse_partition_directory, names))
    journal = Journal(volume, meta.store_id)
    if bases and not used:
        journal.move(FIRST_LSN)
        used = any(True for _ in journal.replay(FIRST_LSN, 0))
    if used:
        raise CorruptFile(
            f"{volume.root}/{CHECKPOINT_NAME} is missing, and the store is not empty: restore the "
            f"file from a backup",
            path=f"{volume.root}/{CHECKPOINT_NAME}",
            offset=0,
        )
    journal.create(FIRST_LSN)
    first_checkpoint = Checkpoint(FIRST_LSN, FIRST_LSN, FIRST_LSN, 0)
    volume.replace(CHECKPOINT_NAME, encode_checkpoint(meta.store_id, first_checkpoint))


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
            _replay(replica, journal, known=max(known, replica.checkpoint.synced))
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
        journal.reserve.refill(replica.lsn - replica.checkpoint.lsn)
    words[SUSPECT] = words[BUSY] = 0
    words[END] = replica.lsn
    words[BOOT] = boot  # after END, which a reader believes on the same boot
    _empty_tmp(volume, replica.schema)
    for name in stray_folders(volume, replica.schema):
        volume.remove(name)
    return replica, journal


def _empty_tmp(volume: Volume, schema: Schema) -> None:
    """Remove what was half made or taken away; under the lock."""
    names = [f"tmp/{name}" for name in volume.list("tmp") if is_half_made(name)]
    if any(map(volume.list, names)):
        # Who took a folder away may have died before its sync; it must not come back by half.
        for folder in schema.keyspaces.values():
            for place in (folder, os.path.dirname(folder)):
                if not place or volume.list(place):
                    volume.sync(place)
    for name in names:
        volume.remove(name)


def _check_first(replica: Replica) -> None:
    """Raise CorruptFile where the folder of a first partition is gone; others miss a neighbour."""
    for keyspace in replica.keyspaces.values():
        parts = keyspace.partitions()
        if parts[0].id == 0 and keyspace.by_id:
            raise _missing(replica.volume, f"{keyspace.directory}/{'0' * 16}-*")


def open_for_reading(volume: Volume, cache_size: int, *, trusted: bool) -> tuple[Replica, Journal]:
    """Start from the checkpoint and follow what is published: no lock, no cut, no cleaning.

    Where the machine has restarted since anybody wrote, nothing says what was published, so every
    whole record counts, as it would for a writer.
    """
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
                _replay(replica, journal, known=replica.checkpoint.synced)
                replica.asleep = found
            _check_first(replica)
            return replica, journal
        except FileNotFoundError:
            # A checkpoint came between two reads; on a busy machine many do, so let some pass.
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


def _start(
    volume: Volume, cache_size: int, *, trusted: bool, settled: bool = False
) -> tuple[Replica, Journal]:
    path = f"{volume.root}/{META_NAME}"
    meta = Meta.decode(volume.read(META_NAME), path)
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
    with replica.mutex:
        try:
            for record in records:
                replica.apply(record.operations, record.end, record.time)
                journal.synced = max(journal.synced, record.synced)
        except FileNotFoundError as error:
            if replica.volume.read_only:
                raise
            raise _missing(replica.volume, _name_in(error, replica.volume)) from error
        replica.whole = True


def _name_in(error: FileNotFoundError, volume: Volume) -> str:
    return str(error.filename or error).removeprefix(f"{volume.root}/")


def _missing(volume: Volume, name: str) -> CorruptFile:
    return CorruptFile(
        f"{volume.root}/{name} is missing: restore it from a backup",
        path=f"{volume.root}/{name}",
        offset=0,
    )
