"""Opening a store: what its folder may be, and the making of a new one."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Final

from dynafile.errors import (
    CorruptFile,
    ForeignFile,
    InvalidPath,
    NotConverted,
    PathNotWritable,
)
from dynafile.store.descriptors import make_folders
from dynafile.store.filesystem import refuse_network_file_system
from dynafile.store.format import FIRST_LSN, Checkpoint, encode_checkpoint
from dynafile.store.history import segments
from dynafile.store.holes import hole_in, read_to_hole, read_whole
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
)
from dynafile.store.os_errors import translated
from dynafile.store.position import POSITION_BYTES
from dynafile.store.schema import Meta, Schema
from dynafile.store.volume import Volume

OUR_NAMES: Final = (CHECKPOINT_NAME, RESERVE_NAME, "journal", "runs", "tables", "_partitions")
"""Names that only a store may have; a folder that has one of them and no ``meta.json`` is somebody
else's."""
_LOCK_HEAD: Final = b"The writer's lock of Dynafile"
_LOCK_BYTES: Final = 128
_FIRST_BYTES: Final = 1024 * 1024


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
                "read_only=True to make one",
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
            "mode or owner, or choose another path",
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
            data = file.read(_FIRST_BYTES if size < 0 else size)
            if size >= 0 or len(data) < _FIRST_BYTES:
                return data
            data, hole = read_to_hole(lambda at, most: (file.seek(at), file.read(most))[1])
    except PermissionError as error:
        raise PathNotWritable(
            f"{path} cannot be read by this user: change its mode or owner", path=path
        ) from error
    if hole is not None:
        del data  # or the error would hold it
        raise hole_in(path, hole)
    return data


def _foreign(path: str) -> ForeignFile:
    return ForeignFile(
        f"{path} has a name that Dynafile uses and was not written by it: choose another folder, "
        f"or move it away",
        path=path,
    )


def create(volume: Volume, schema: Callable[[Schema | None], Schema]) -> None:
    """Make what a new store needs, where it is missing. Called under the lock.

    ``meta.json`` comes first and the checkpoint last, so that a store whose making was interrupted
    is told from a damaged one: it has no records and no partitions.
    """
    try:
        data = read_whole(volume, META_NAME)
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
    if is_used(volume, meta):
        raise CorruptFile(
            f"{volume.root}/{CHECKPOINT_NAME} is missing, and the store is not empty: restore the "
            f"file from a backup, or save what is left with `dynafile repair`",
            path=f"{volume.root}/{CHECKPOINT_NAME}",
            offset=0,
        )
    Journal(volume, meta.store_id).create(FIRST_LSN)
    first_checkpoint = Checkpoint(FIRST_LSN, FIRST_LSN, FIRST_LSN, 0)
    volume.replace(CHECKPOINT_NAME, encode_checkpoint(meta.store_id, first_checkpoint))


def is_used(volume: Volume, meta: Meta) -> bool:
    """Say whether a store has records or partitions; the making of others was interrupted."""
    folders = meta.schema.keyspaces.values()
    names = [name for folder in folders for name in volume.list(folder)]
    bases = segments(volume)
    if bases not in ([], [FIRST_LSN]) or any(map(parse_partition_directory, names)):
        return True
    if not bases:
        return False
    journal = Journal(volume, meta.store_id)
    journal.move(FIRST_LSN)
    return any(True for _ in journal.replay(FIRST_LSN, 0))
