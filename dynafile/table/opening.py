"""Opening the store of a table: what 0.1.3 wrote is converted first, or waited for."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from typing import Final

from dynafile.errors import LockTimeout
from dynafile.store.opening import Unconverted
from dynafile.store.registry import open_store, release_store
from dynafile.store.schema import Schema
from dynafile.store.store import Options, Store
from dynafile.table.conversion_state import REMOVING, WRITING, state_of

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
    try:
        if not options.read_only and state_of(store.schema) == REMOVING:
            from dynafile.table.conversion import remove_originals

            remove_originals(store)
    except BaseException:
        release_store(store)
        raise
    return store


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
