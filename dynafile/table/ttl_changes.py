"""TTL that comes and goes: the schema changes that enable and disable it, and what they entail."""

from __future__ import annotations

from typing import Final

from msgspec.structs import replace

from dynafile.errors import InvalidArgument
from dynafile.store.format import PUT, Operation
from dynafile.store.names import home_of
from dynafile.store.partition_map import Keyspace
from dynafile.store.schema import Schema
from dynafile.store.store import Store
from dynafile.store.view import View
from dynafile.store.writer import SchemaChanged
from dynafile.table.definition import ALL, LOCAL, Definition, definition_in, table_not_found
from dynafile.table.expiry import expiry_key, expiry_of
from dynafile.table.folders import expiry_folder, index_folder
from dynafile.table.reader import MANY
from dynafile.table.table_changes import alter_table
from dynafile.values import decode_item

_STEP: Final = 500
"""Items in one commit of the filling; writers go on between two of them."""


def enable_ttl(store: Store, table: str, attribute: str) -> None:
    """Let items expire; returns when the index by expiry is complete."""

    def change(schema: Schema) -> Schema:
        definition = definition_in(schema, table)
        if definition.ttl_attribute == attribute:
            raise InvalidArgument("TimeToLive is already enabled")
        if definition.ttl_attribute is not None:
            raise _another(definition)
        if attribute in definition.key_attributes:
            raise InvalidArgument(
                f"the TTL attribute {attribute!r} is a key attribute: use another attribute"
            )
        number = schema.next_keyspace
        folder = expiry_folder(home_of(schema.keyspaces[definition.items]))
        wider = replace(
            schema, keyspaces={**schema.keyspaces, number: folder}, next_keyspace=number + 1
        )
        partial = replace(definition, ttl_attribute=attribute, expiry=number, expiry_partial=True)
        return _with_indexes_anew(wider, partial, attribute)

    store.change_schema(change)
    complete_ttl(store, table)


def disable_ttl(store: Store, table: str, attribute: str) -> None:
    """Let no item expire any more; those that are expired and not removed yet are seen again."""

    def change(schema: Schema) -> Schema:
        definition = definition_in(schema, table)
        if definition.ttl_attribute is None:
            raise InvalidArgument("TimeToLive is already disabled")
        if definition.ttl_attribute != attribute:
            raise _another(definition)
        gone = definition.expiry
        narrower = replace(
            schema, keyspaces={n: each for n, each in schema.keyspaces.items() if n != gone}
        )
        without = replace(definition, ttl_attribute=None, expiry=None, expiry_partial=False)
        return _with_indexes_anew(narrower, without, attribute)

    store.change_schema(change)


def complete_ttl(store: Store, table: str) -> None:
    """Put the entries of items that were there before into the index by expiry.

    Each step looks at its items once more under the lock, and enters what they are then; whoever
    writes one has entered it. So it does no harm if two processes do it, or one does it again.
    """
    definition = definition_in(store.schema, table)
    if not definition.expiry_partial:
        return
    try:
        items = store.keyspace(definition.items)
    except SchemaChanged:
        raise table_not_found(table) from None  # deleted meanwhile
    keys: list[bytes] = []
    attribute = str(definition.ttl_attribute)
    for found, raws in store.range(items, b"", None, limit=MANY):
        for key, raw in zip(found, raws, strict=True):
            if expiry_of(decode_item(raw), attribute) is not None:
                keys.append(key)
            if len(keys) >= _STEP and not _enter(store, definition, items, keys):
                return
    if _enter(store, definition, items, keys):
        alter_table(store, table, lambda now: _completed(now, definition))


def _enter(store: Store, definition: Definition, items: Keyspace, keys: list[bytes]) -> bool:
    """Enter some items, and forget their keys; False where TTL was disabled meanwhile."""
    attribute, number = str(definition.ttl_attribute), definition.expiry
    assert number is not None

    def prepare(view: View) -> list[Operation]:
        operations: list[Operation] = []
        for key in keys:
            raw = view.get(items, key)
            expiry = None if raw is None else expiry_of(decode_item(raw), attribute)
            if expiry is not None:
                operations.append((PUT, number, expiry_key(expiry, key), b""))
        return operations

    while keys:
        schema = store.schema
        if definition_in(schema, definition.name, definition.items).expiry != number:
            return False
        try:
            store.commit([], schema.version, prepare)
        except SchemaChanged:
            continue
        keys.clear()
    return True


def _completed(now: Definition, definition: Definition) -> Definition:
    return replace(now, expiry_partial=False) if now.expiry == definition.expiry else now


def _with_indexes_anew(schema: Schema, definition: Definition, attribute: str) -> Schema:
    """Take a definition, and begin those indexes anew whose entries change with it.

    An entry always carries the TTL attribute, also where the index does not project it.
    """
    keyspaces, number = dict(schema.keyspaces), schema.next_keyspace
    home = home_of(keyspaces[definition.items])
    for index in definition.indexes.values():
        shown = {*definition.key_attributes, *index.pk, *index.sk, *index.include}
        if index.projection == ALL or attribute in shown:
            continue
        local = index.kind == LOCAL
        folder = index_folder(home, index.name, number, keyspaces.values(), local=local)
        for old in (index.entries, index.gone):
            keyspaces.pop(old or 0, None)
        keyspaces[number] = f"{folder}/_partitions"
        keyspaces[number + 1] = f"{folder}/_gone"
        definition = definition.with_index(
            replace(index, entries=number, gone=number + 1, skipped=0)
        )
        number += 2
    return Schema(
        version=schema.version + 1,
        keyspaces=keyspaces,
        next_keyspace=number,
        tables={**schema.tables, definition.name: definition.to_json()},
    )


def _another(definition: Definition) -> InvalidArgument:
    return InvalidArgument(
        "TimeToLive is active on a different AttributeName: current AttributeName is "
        f"{definition.ttl_attribute}"
    )
