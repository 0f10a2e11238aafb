"""Indexes that come and go: the schema changes that add, finish and drop them."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec.structs import replace

from dynafile.errors import IndexNotFound
from dynafile.store.names import home_of
from dynafile.store.schema import Schema
from dynafile.store.store import Store
from dynafile.table.definition import LOCAL, Definition, IndexDefinition, definition_in
from dynafile.table.folders import index_folder
from dynafile.table.index_options import Index, check_same_index, define


def with_indexes(
    schema: Schema,
    table: str,
    indexes: Mapping[str, Index],
    where: str,
    *,
    empty: bool,
    items: int | None = None,
) -> Schema:
    """Return a schema in which a table has these indexes, and those that it has already.

    ``empty``: the table is new, so that nothing has to be filled in. ``items``: as for
    :func:`definition_in`. Raises SchemaMismatch where an index of the same name is defined
    otherwise, and what :func:`define` does.
    """
    definition = definition_in(schema, table, items)
    home = home_of(schema.keyspaces[definition.items])
    keyspaces, number = dict(schema.keyspaces), schema.next_keyspace
    for name, index in indexes.items():
        if name in definition.indexes:
            check_same_index(definition, name, index, where)
            continue
        numbers = (number, None if empty else number + 1)
        definition = define(definition, name, index, numbers)
        local = definition.indexes[name].kind == LOCAL
        folder = index_folder(home, name, number, keyspaces.values(), local=local)
        keyspaces[number] = f"{folder}/_partitions"
        if not empty:
            keyspaces[number + 1] = f"{folder}/_gone"
        number += 1 if empty else 2
    if number == schema.next_keyspace:
        return schema
    return _changed(schema, definition, keyspaces, number)


def add_indexes(
    store: Store,
    table: str,
    indexes: Mapping[str, Index],
    where: str,
    items: int | None = None,
) -> None:
    """Declare indexes that a table does not have yet; they are filled by a backfill."""

    def change(schema: Schema) -> Schema:
        return with_indexes(schema, table, indexes, where, empty=False, items=items)

    if change(store.schema) is not store.schema:
        store.change_schema(change)


def drop_index(store: Store, table: str, name: str, items: int | None = None) -> None:
    """Drop an index, and give its disk space back. Raises IndexNotFound."""

    def change(schema: Schema) -> Schema:
        definition = definition_in(schema, table, items)
        if name not in definition.indexes:
            names = ", ".join(map(repr, definition.indexes)) or "none"
            raise IndexNotFound(
                f"the table {table!r} has no index {name!r} to drop: it has {names}", index=name
            )
        return without_index(schema, definition, name)

    store.change_schema(change)


def without_index(schema: Schema, definition: Definition, name: str) -> Schema:
    """Return a schema in which a table has an index less."""
    index = definition.indexes[name]
    gone = {index.entries, index.gone}
    keyspaces = {n: folder for n, folder in schema.keyspaces.items() if n not in gone}
    return _changed(schema, definition.without_index(name), keyspaces)


def learn_types(store: Store, table: str, index: IndexDefinition, types: Mapping[str, str]) -> None:
    """Store the types that a backfill found for keys of an index, where nobody was faster."""

    def change(schema: Schema) -> Schema:
        definition = definition_in(schema, table)
        if definition.indexes.get(index.name) != index:
            return schema
        learnt = definition.with_index_types(types)
        return schema if learnt == definition else _changed(schema, learnt)

    if types:
        store.change_schema(change)


def finish(store: Store, table: str, index: IndexDefinition, skipped: int) -> None:
    """Declare an index complete: every item has its entry."""

    def change(schema: Schema) -> Schema:
        definition = definition_in(schema, table)
        if definition.indexes.get(index.name) != index:
            return schema  # dropped meanwhile, or complete because the table was cleared
        return finished(schema, definition, {index.name: skipped})

    store.change_schema(change)


def finished(schema: Schema, definition: Definition, skipped: Mapping[str, int]) -> Schema:
    """Return a schema in which indexes are complete; ``skipped`` names them."""
    keyspaces = dict(schema.keyspaces)
    for name, count in skipped.items():
        index = definition.indexes[name]
        if index.gone is not None:
            del keyspaces[index.gone]
        definition = definition.with_index(replace(index, gone=None, skipped=count))
    return _changed(schema, definition, keyspaces)


def _changed(
    schema: Schema,
    definition: Definition,
    keyspaces: dict[int, str] | None = None,
    next_keyspace: int | None = None,
) -> Schema:
    return replace(
        schema,
        version=schema.version + 1,
        keyspaces=schema.keyspaces if keyspaces is None else keyspaces,
        next_keyspace=next_keyspace or schema.next_keyspace,
        tables={**schema.tables, definition.name: definition.to_json()},
    )
