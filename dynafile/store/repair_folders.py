"""The two folders of a repair: the damaged one, held still, and the new one, which comes whole."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from filelock import lock_descriptor, unlock_descriptor

from dynafile.errors import InvalidPath, LockTimeout, NotConverted, PathNotWritable, StorageError
from dynafile.store.local_volume import LocalVolume
from dynafile.store.names import CHECKPOINT_NAME, LOCK_NAME, META_NAME, is_old_folder
from dynafile.store.position import HOLDER
from dynafile.store.strange_volume import StrangeVolume

_SIGNS: Final = (META_NAME, CHECKPOINT_NAME, "journal", "tables", "_partitions")
_POLL_SECONDS: Final = 0.01


@contextmanager
def damaged_folder(path: str, lock_timeout: float) -> Iterator[tuple[LocalVolume, bool]]:
    """Open a folder for reading, and keep others from writing; whether that succeeded is second.

    Nothing in it is changed, so a lock that is not there is not made. Raises InvalidPath,
    NotConverted, and LockTimeout while somebody writes.
    """
    _require_store(path)
    volume = StrangeVolume(os.path.realpath(path), read_only=True)
    descriptor = -1
    try:
        flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
        descriptor = os.open(f"{path}/{LOCK_NAME}", flags)
    except OSError:
        pass
    try:
        if descriptor >= 0:
            _lock(descriptor, volume, path, lock_timeout)
        yield volume, descriptor >= 0
    finally:
        volume.close()
        if descriptor >= 0:
            unlock_descriptor(descriptor)
            os.close(descriptor)


def _lock(descriptor: int, volume: LocalVolume, path: str, timeout: float) -> None:
    deadline = time.monotonic() + timeout
    while not lock_descriptor(descriptor, blocking=False):
        if time.monotonic() > deadline:
            pid = volume.share()[HOLDER] or None
            raise LockTimeout(
                f"{path} is being written by process {pid or '(unknown)'}: end it, and repair then",
                path=path,
                pid=pid,
            )
        time.sleep(_POLL_SECONDS)


def _require_store(path: str) -> None:
    if not os.path.isdir(path):
        what = "is a file" if os.path.lexists(path) else "does not exist"
        raise InvalidPath(f"{path} {what}: name the folder of a database", path=path)
    partitions = f"{path}/_partitions"
    here = [name for name in _SIGNS if os.path.lexists(f"{path}/{name}")]
    if not here:
        raise InvalidPath(
            f"there is no database in {path}, nor anything of one: check the path", path=path
        )
    names = os.listdir(partitions) if os.path.isdir(partitions) else []
    if here == ["_partitions"] and is_old_folder(names):
        raise NotConverted(
            f"{path} was written by dynafile 0.1.3, whose folders have nothing to repair by: "
            "open it once with Dynafile(...) and the attributes that it was used with, which "
            "converts it or lists what cannot be read",
            path=path,
        )


def check_target(into: str, path: str) -> None:
    """Raise InvalidPath unless ``into`` is missing or empty, and outside of ``path``."""
    new, old = os.path.realpath(into), os.path.realpath(path)
    if new == old or new.startswith(old + os.sep) or old.startswith(new + os.sep):
        raise InvalidPath(
            f"{into} and {path} are one folder, or one is in the other: choose a new folder beside "
            "it",
            path=into,
        )
    if not os.path.lexists(into):
        return
    if not os.path.isdir(into):
        raise InvalidPath(f"{into} is a file: choose a new folder", path=into)
    if os.listdir(into):
        raise InvalidPath(f"{into} is not empty: choose a new folder", path=into)


@contextmanager
def new_folder(into: str) -> Iterator[str]:
    """Give a folder beside ``into`` that gets its name when the block ends, and else is removed.

    Whoever is killed meanwhile leaves it under its other name, so that no half passes for a whole.
    """
    target = os.path.realpath(into)
    half = f"{target}.half-{os.getpid()}"
    try:
        os.makedirs(half)
    except OSError as error:
        raise PathNotWritable(
            f"{into} cannot be made ({error.strerror}): choose another folder", path=into
        ) from error
    try:
        yield half
        try:
            if os.path.isdir(target):
                os.rmdir(target)  # empty, or it is not ours to replace
            os.rename(half, target)
        except OSError as error:
            raise StorageError(f"{into}: {error.strerror}", path=into, errno=error.errno) from error
        parent = LocalVolume(os.path.dirname(target))
        parent.sync("")
    except BaseException:
        shutil.rmtree(half, ignore_errors=True)
        raise
