"""Tables that come and go: the schema changes that create, alter and delete them."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping

from msgspec.structs import replace

from dynafile.errors import ResourceInUse, ValidationError
from dynafile.store.schema import Schema
from dynafile.store.store import Store
from dynafile.table.consumer_names import drop_consumers
from dynafile.table.definition import Definition, definition_in
from dynafile.table.folders import expiry_folder, items_folder, table_home
from dynafile.table.index_changes import with_indexes, without_index
from dynafile.table.index_options import Index
from dynafile.table.own_keyspaces import OWN_FOLDERS
from dynafile.table.stream_options import StreamOptions, with_retention, with_stream


def with_table(schema: Schema, definition: Definition, indexes: Mapping[str, Index]) -> Schema:
    """Return a schema with one table more, whose keyspaces are made here.

    Raises ResourceInUse where there is a table of its name, and what its indexes are refused with.
    """
    if definition.name in schema.tables:
        raise ResourceInUse(f"Table already exists: {definition.name}", resource=definition.name)
    number = schema.next_keyspace
    keyspaces = dict(schema.keyspaces)
    home = table_home(definition.name, number, keyspaces.values())
    keyspaces[number] = items_folder(home)
    definition = replace(definition, items=number)
    if definition.ttl_attribute is not None:
        number += 1
        keyspaces[number] = expiry_folder(home)
        definition = replace(definition, expiry=number)
    made = replace(
        schema,
        version=schema.version + 1,
        keyspaces=keyspaces,
        next_keyspace=number + 1,
        tables={**schema.tables, definition.name: definition.to_json()},
    )
    where = f"the table {definition.name!r}"
    indexed = with_indexes(made, definition.name, indexes, where, empty=True)
    return with_retention(replace(indexed, version=schema.version + 1), _now())


def create_table(store: Store, definition: Definition, indexes: Mapping[str, Index]) -> None:
    """Make a table; raises ResourceInUse where somebody else has, perhaps just now."""
    store.change_schema(lambda schema: with_table(schema, definition, indexes))


def delete_table(store: Store, name: str) -> None:
    """Drop a table with its indexes, and give the disk space back.

    Raises ResourceNotFound, and ValidationError where it is protected.
    """
    dropped: list[int] = []

    def change(schema: Schema) -> Schema:
        definition = definition_in(schema, name)
        if definition.settings.protected:
            raise ValidationError(
                "Resource cannot be deleted as it is currently protected against deletion. Disable "
                "deletion protection first."
            )
        gone = definition.keyspaces
        dropped[:] = [definition.items]
        return with_retention(
            replace(
                schema,
                version=schema.version + 1,
                keyspaces={n: folder for n, folder in schema.keyspaces.items() if n not in gone},
                tables={n: table for n, table in schema.tables.items() if n != name},
            ),
            _now(),
        )

    store.change_schema(change)
    for number in dropped:
        drop_consumers(store, number)


def alter_table(
    store: Store,
    name: str,
    alter: Callable[[Definition], Definition],
    create: Mapping[str, Index] | None = None,
    delete: str | None = None,
) -> None:
    """Change what is said of a table, add indexes that are to be filled, drop one; all or nothing.

    ``alter`` leaves keyspaces as they are, and may raise. Raises ResourceNotFound.
    """

    def change(schema: Schema) -> Schema:
        definition = definition_in(schema, name)
        altered = _with_beginning(store, definition, alter(definition))
        new = schema
        if altered != definition:
            new = replace(schema, tables={**schema.tables, name: altered.to_json()})
        if create:
            new = with_indexes(new, name, create, f"the table {name!r}", empty=False)
        if delete is not None:
            new = without_index(new, definition_in(new, name), delete)
        if new is schema:
            return schema
        return with_retention(replace(new, version=schema.version + 1), _now())

    store.change_schema(change)


def _with_beginning(store: Store, before: Definition, after: Definition) -> Definition:
    """Note where in the journal a stream begins that is declared anew. Called under the lock.

    Rejected: the time alone. A clock that was set back would let in what an earlier stream had.
    """
    if after.settings.stream is None or before.settings.stream is not None:
        return after
    return replace(after, settings=replace(after.settings, stream_begun=store.replica.lsn))


def declare_stream(store: Store, name: str, stream: StreamOptions | None) -> None:
    """Give a table a stream, where it has none yet."""

    def alter(definition: Definition) -> Definition:
        settings = definition.settings
        if settings.stream is None:
            settings = with_stream(settings, stream, _now())
        return replace(definition, settings=settings)

    alter_table(store, name, alter)


def _now() -> int:
    return int(time.time() * 1_000_000)


def check_keyspaces(schema: Schema) -> list[str]:
    """Return what is wrong with how tables and keyspaces go together, one sentence each."""
    problems: list[str] = []
    owners: dict[int, str] = {}
    for name in schema.tables:
        definition = definition_in(schema, name)
        if definition.name != name:
            problems.append(f"the table {name!r} says that it is {definition.name!r}")
        for number in definition.keyspaces:
            if number not in schema.keyspaces:
                problems.append(f"the table {name!r} has a keyspace {number} that is not there")
            elif number in owners:
                problems.append(f"{owners[number]!r} and {name!r} share the keyspace {number}")
            owners[number] = name
    folders = Counter(schema.keyspaces.values())
    problems += [f"{n} keyspaces share the folder {name}" for name, n in folders.items() if n > 1]
    nobodys = set(schema.keyspaces) - set(owners)
    nobodys = {number for number in nobodys if schema.keyspaces.get(number) not in OWN_FOLDERS}
    return problems + [f"the keyspace {number} belongs to no table" for number in sorted(nobodys)]
