"""Keyspaces of the store's own: of no table, made when they are first needed."""

from __future__ import annotations

from typing import Final

from msgspec.structs import replace

from dynafile.store.partition_map import Keyspace
from dynafile.store.schema import Schema
from dynafile.store.store import Store

TOKENS_FOLDER: Final = "_tokens/_partitions"
CONSUMERS_FOLDER: Final = "_consumers/_partitions"
OWN_FOLDERS: Final = (TOKENS_FOLDER, CONSUMERS_FOLDER)


def own_keyspace(store: Store, folder: str) -> Keyspace:
    """Return the keyspace in one of the store's own folders, made durably where it is missing."""

    def change(schema: Schema) -> Schema:
        if folder in schema.keyspaces.values():
            return schema
        number = schema.next_keyspace
        return replace(
            schema,
            version=schema.version + 1,
            keyspaces={**schema.keyspaces, number: folder},
            next_keyspace=number + 1,
        )

    while (space := find_own_keyspace(store, folder)) is None:
        store.change_schema(change)
    return space


def find_own_keyspace(store: Store, folder: str) -> Keyspace | None:
    """Return the keyspace in one of the store's own folders, where it is there."""
    for number, each in store.schema.keyspaces.items():
        if each == folder:
            return store.keyspace(number)
    return None
