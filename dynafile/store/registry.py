"""The registry: one store object a folder in a process, and how it is opened and let go."""

from __future__ import annotations

import atexit
import logging
import os
import threading
import weakref
from collections.abc import Callable

from dynafile.errors import DynafileError, HandleForked
from dynafile.store.memory_volume import MemoryVolume
from dynafile.store.opening import create, make_folder, prepare_folder
from dynafile.store.recovery import open_for_reading, open_for_writing
from dynafile.store.replica import Replica
from dynafile.store.schema import Schema
from dynafile.store.store import Options, Store
from dynafile.store.volume import Volume

_log = logging.getLogger("dynafile")
_open: dict[tuple[str, bool], Store] = {}
# Reentrant, because a handle may be collected, and so closed, while this thread opens another.
_opening = threading.RLock()
_stores: weakref.WeakSet[Store] = weakref.WeakSet()
_volumes: weakref.WeakSet[Volume] = weakref.WeakSet()
"""Of all stores, and of those that are being opened."""


def open_store(
    path: str | None, options: Options, schema: Callable[[Schema | None], Schema]
) -> Store:
    """Open the store in a folder, or a new one in memory for None.

    ``schema`` is called with what is stored, None for a new store, and returns what to create, or
    raises; for a store that exists its result is ignored.
    """
    if path is None:
        volume = MemoryVolume()
        replica = Replica(volume, None, bytes(16), cache_size=1 << 62, trusted=True)
        replica.start_empty(schema(None))
        in_memory = Store(volume, replica, None, options)
        _stores.add(in_memory)
        return in_memory
    with _opening:
        key = (os.path.realpath(path), options.read_only)
        store = _open.get(key)
        if store is not None and store.volume.removed():
            # Its handles must not go on acknowledging writes to files that have no name.
            store.replica.fail("its folder was removed or replaced while it was open")
        if store is not None and store.replica.unusable is None:
            schema(store.schema)
            store.users += 1
            return store
        store = _open_folder(path, options, schema)
        store.key = key
        _open[key] = store
        return store


def _open_folder(path: str, options: Options, schema: Callable[[Schema | None], Schema]) -> Store:
    exists = prepare_folder(path, read_only=options.read_only)
    if not exists:
        wanted = schema(None)  # refuses before anything is made
        make_folder(path)
    # Imported late: with what it needs it would be half of the time that our import takes.
    from dynafile.store.local_volume import LocalVolume
    from dynafile.store.strange_volume import StrangeVolume

    kind = LocalVolume if options.trusted else StrangeVolume
    # The folder must stay the one that was opened when the process changes its directory.
    volume = kind(os.path.realpath(path), read_only=options.read_only)

    def agreed(stored: Schema | None) -> Schema:
        # Another process may have made it meanwhile, with other options.
        return wanted if stored is None and not exists else schema(stored)

    return open_volume(volume, options, agreed)


def open_volume(
    volume: Volume, options: Options, schema: Callable[[Schema | None], Schema]
) -> Store:
    """Open the store on a volume."""
    _volumes.add(volume)
    try:
        if options.read_only:
            replica, journal = open_for_reading(volume, options.cache_size, trusted=options.trusted)
            schema(replica.schema)
        else:
            lock = volume.lock()
            lock.acquire(options.lock_timeout)
            try:
                create(volume, schema)
                replica, journal = open_for_writing(
                    volume, options.cache_size, trusted=options.trusted
                )
                schema(replica.schema)
            finally:
                lock.release()
        store = Store(volume, replica, journal, options)
        _stores.add(store)
        return store
    except BaseException:
        volume.close()
        raise


def share_store(store: Store) -> None:
    """Take one more use of a store that somebody has open."""
    with _opening:
        store.users += 1


def release_store(store: Store) -> None:
    """Give up one use of a store; the last one closes it."""
    with _opening:
        store.users -= 1
        if store.users > 0:
            return
        if store.key is not None and _open.get(store.key) is store:
            del _open[store.key]
    # Not under _opening: closing waits for threads that may be waiting for it (a handle that is
    # collected there is released there).
    store.close()


@atexit.register
def _close_all() -> None:
    """Close what a program left open, while everything that closing needs is still there."""
    for store in list(_open.values()):
        try:
            store.close()
        except DynafileError as error:
            _log.warning("%s: not closed cleanly, nothing is lost: %s", store.volume.root, error)


def _after_fork_in_child() -> None:
    """Make the parent's stores unusable in the child, and let go of the inherited lock."""
    global _opening
    _opening = threading.RLock()
    _open.clear()
    for store in _stores:
        store.replica.mutex = threading.RLock()  # a thread of the parent may hold the old one
        store.replica.shut(HandleForked(_forked(store)))
    for volume in _volumes:
        volume.close()


def _forked(store: Store) -> str:
    root = store.volume.root
    opened = (
        f"the database {root} was opened by the parent of this process, and a fork cannot share"
    )
    if root == ":memory:":
        return (
            f"{opened} what is in memory: open a database in a folder, or give the child its items"
        )
    return f"{opened} it: open it again in the child"


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork_in_child)
