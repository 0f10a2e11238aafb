"""Conversion: how a folder that dynafile 0.1.3 wrote becomes a store, in its place.

The originals stay where they are, beside the new partitions, until every item is durable. The
table's definition says how far it is, see ``conversion_state``.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable
from typing import Any, Final

from msgspec.structs import replace

from dynafile.errors import LockTimeout, NotConverted, StorageError
from dynafile.store.format import SCHEMA
from dynafile.store.names import META_NAME, is_old_folder
from dynafile.store.registry import open_volume
from dynafile.store.schema import Meta, Schema
from dynafile.store.store import Options, Store
from dynafile.store.volume import Volume
from dynafile.store.writer import SchemaChanged
from dynafile.table.conversion_state import REMOVING, WRITING, state_of
from dynafile.table.definition import Definition
from dynafile.table.old_table import FOLDER, OldTable, Survey, items_in_order
from dynafile.table.table import Table
from dynafile.table.write import Write

CLAIM: Final = "conversion"
BATCH_ITEMS: Final = 1000
BATCH_BYTES: Final = 4 * 1024 * 1024

_log = logging.getLogger("dynafile")


def convert(volume: Volume, options: Options, schema: Callable[[Schema | None], Schema]) -> None:
    """Convert what 0.1.3 left in a volume, or go on where that was interrupted.

    When it returns every item is durable; the originals are still there. Does nothing where there
    is nothing to convert, or somebody else has done it meanwhile.
    """
    claim = volume.claim(CLAIM)
    claim.acquire(options.lock_timeout)
    try:
        stored = _stored(volume)
        if stored is None and is_old_folder(volume.list(FOLDER)):
            _refuse_distrust(volume, options)
            _begin(volume, options, _without_indexes(schema(None)))
        elif stored is not None and state_of(stored) == WRITING:
            _refuse_distrust(volume, options)
            _log.info("%s: an interrupted conversion is begun again", volume.root)
            _write(volume, options, schema(stored), None)
    finally:
        claim.release()


def _begin(volume: Volume, options: Options, wanted: Schema) -> None:
    """Look at everything before anything is written."""
    _log.info("%s: what dynafile 0.1.3 wrote is read and checked", volume.root)
    survey, definition = OldTable(volume).survey(_definition(wanted))
    _write(volume, options, _with(wanted, replace(definition, conversion=WRITING)), survey)


def _write(volume: Volume, options: Options, wanted: Schema, survey: Survey | None) -> None:
    """Make the store where it is missing, write every item anew, and say that all is durable."""
    old = OldTable(volume)
    store = open_volume(volume, options, lambda stored: stored or wanted)
    try:
        definition = _definition(store.schema)
        if definition.conversion != WRITING:
            return  # meta.json was behind the journal
        if survey is None:
            survey, _ = old.survey(definition)
        _log.info(
            "%s: converting %d items in %d partitions of dynafile 0.1.3",
            volume.root, survey.items, len(survey.order),
        )  # fmt: skip
        started = time.monotonic()
        table = Table(store, definition.name, durable=True, decoder_budget=0)
        table.clear()  # what an interrupted conversion wrote
        _put_all(table, items_in_order(old, survey))
        store.checkpoint()
        _mark(store, REMOVING)
        seconds = time.monotonic() - started
        _log.info("%s: converted %d items in %.1f s", volume.root, survey.items, seconds)
    finally:
        store.close()


def _put_all(table: Table, items: Iterable[Any]) -> None:
    writes: list[Write] = []
    size = 0
    for item in items:
        write = table.put_of(item)
        writes.append(write)
        size += len(write.raw or b"")
        if len(writes) >= BATCH_ITEMS or size >= BATCH_BYTES:
            table.write(writes, table.schema)
            writes, size = [], 0
    table.write(writes, table.schema)


def remove_originals(store: Store) -> None:
    """Remove what 0.1.3 wrote, where a conversion has left it behind and nobody else is at it."""
    if store.options.read_only or state_of(store.schema) != REMOVING:
        return
    claim = store.volume.claim(CLAIM)
    try:
        claim.acquire(0)
    except LockTimeout:
        return
    try:
        OldTable(store.volume).remove()
        _mark(store, None)
    except StorageError as error:
        _log.warning(
            "%s: what dynafile 0.1.3 wrote is converted and could not be removed; the next opening "
            "tries again: %s",
            store.volume.root, error,
        )  # fmt: skip
    finally:
        claim.release()


def _mark(store: Store, state: str | None) -> None:
    """Say durably how far the conversion is."""
    while True:
        schema = store.schema
        new = _with(schema, replace(_definition(schema), conversion=state))
        new = replace(new, version=schema.version + 1)
        try:
            store.commit([(SCHEMA, 0, b"", new.encode())], schema.version)
        except SchemaChanged:
            continue
        return


def _definition(schema: Schema) -> Definition:
    """Return the table that is converted: the only one, unless others were made beside it since."""
    tables = [Definition.from_json(table) for table in schema.tables.values()]
    return min(tables, key=lambda table: table.conversion is None)


def _with(schema: Schema, definition: Definition) -> Schema:
    return replace(schema, tables={**schema.tables, definition.name: definition.to_json()})


def _without_indexes(schema: Schema) -> Schema:
    """Leave indexes for later: a backfill skips what does not fit them, and a write is refused."""
    definition = _definition(schema)
    numbers = {index.entries for index in definition.indexes.values()}
    keyspaces = {n: folder for n, folder in schema.keyspaces.items() if n not in numbers}
    return _with(
        replace(schema, keyspaces=keyspaces), replace(definition, indexes={}, index_types={})
    )


def _stored(volume: Volume) -> Schema | None:
    try:
        data = volume.read(META_NAME)
    except FileNotFoundError:
        return None
    return Meta.decode(data, f"{volume.root}/{META_NAME}").schema


def _refuse_distrust(volume: Volume, options: Options) -> None:
    if not options.trusted:
        raise NotConverted(
            f"{volume.root} was written by dynafile 0.1.3, whose files can exhaust memory if they "
            f"are forged, and was opened with trusted=False: open it once without, if you trust it",
            path=volume.root,
        )
