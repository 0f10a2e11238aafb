"""Opening the store of a table: what 0.1.3 wrote is converted first, or waited for."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from typing import Final

from dynafile.errors import CorruptFile, LockTimeout, NotConverted
from dynafile.store.names import META_NAME
from dynafile.store.opening import Unconverted
from dynafile.store.registry import open_store, release_store
from dynafile.store.schema import Schema
from dynafile.store.store import Options, Store
from dynafile.table.conversion_state import REMOVING, WRITING, state_of
from dynafile.table.proofs import Prover
from dynafile.table.table_changes import check_keyspaces

_POLL_SECONDS: Final = 0.05


def open_table_store(
    path: str | None, options: Options, schema: Callable[[Schema | None], Schema]
) -> Store:
    """Open the store of a table, converting what 0.1.3 left in the folder; see ``open_store``.

    While another process converts it is waited for, up to ``lock_timeout``. Raises
    ConversionRefused, NotConverted and LockTimeout beside what opening raises.
    """

    def whole(stored: Schema | None) -> Schema:
        wanted = schema(stored)
        if stored is not None and state_of(stored) == WRITING:
            raise Unconverted
        return wanted

    deadline = time.monotonic() + options.lock_timeout
    while True:
        try:
            store = open_store(path, options, whole)
            break
        except Unconverted:
            if options.read_only:
                _wait(path, options, deadline)
                continue
        _convert_folder(str(path), options, schema)
    return _without_originals(_proven(store, path))


def _proven(store: Store, path: str | None) -> Store:
    """Return a store whose entries are held against its tables, where it is a stranger's."""
    if store.options.trusted or path is None:
        return store
    try:
        _check_tables(store.schema, f"{path}/{META_NAME}")
        with store.replica.mutex:
            if not store.provers:
                Prover(store)
    except BaseException:
        release_store(store)
        raise
    return store


def _without_originals(store: Store) -> Store:
    """Return a store from which what 0.1.3 wrote is removed, where it is converted."""
    try:
        if not store.options.read_only and state_of(store.schema) == REMOVING:
            from dynafile.table.conversion import remove_originals

            remove_originals(store)
    except BaseException:
        release_store(store)
        raise
    return store


def open_database_store(path: str | None, options: Options) -> Store:
    """Open the store of many tables, or make one that has none yet.

    Raises NotConverted for a folder of 0.1.3: its conversion needs to know its keys.
    """

    def whole(stored: Schema | None) -> Schema:
        if stored is None:
            return Schema()
        if state_of(stored) == WRITING:
            raise Unconverted
        _check_tables(stored, f"{path}/{META_NAME}")
        return stored

    try:
        store = open_store(path, options, whole)
    except Unconverted:
        raise NotConverted(
            f"{path} was written by dynafile 0.1.3, and is not converted yet: open it once with "
            f"Dynafile({path!r}, ...) and the pk_attribute, sk_attribute and ttl_attribute that it "
            "was used with",
            path=path,
        ) from None
    return _without_originals(_proven(store, path))


def _check_tables(stored: Schema, path: str) -> None:
    """Raise CorruptFile where the tables are not as they should be."""
    try:
        problems = check_keyspaces(stored)
    except TypeError as error:
        problems = [f"one of its tables is not as it should be, {error}"]
    if problems:
        raise CorruptFile(
            f"{path} was damaged or changed by hand ({problems[0]}): restore it from a "
            "backup, or save what is left with `dynafile repair`",
            path=path,
            offset=0,
        )


def _wait(path: str | None, options: Options, deadline: float) -> None:
    if time.monotonic() >= deadline:
        raise LockTimeout(
            f"{path} is being converted from dynafile 0.1.3 for over {options.lock_timeout:g} "
            f"seconds, or that was interrupted: let it finish, or open the folder once without "
            f"read_only=True",
            path=path,
        )
    time.sleep(_POLL_SECONDS)


def _convert_folder(path: str, options: Options, schema: Callable[[Schema | None], Schema]) -> None:
    # Imported late: few who open a folder have one to convert.
    from dynafile.store.local_volume import LocalVolume
    from dynafile.table.conversion import convert

    volume = LocalVolume(os.path.realpath(path))
    try:
        convert(volume, options, schema)
    finally:
        volume.close()
