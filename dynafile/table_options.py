"""The options that make a table, or must fit the one that is stored."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from enum import Enum
from typing import Final

from msgspec import Struct, field
from msgspec.structs import replace

from dynafile.errors import CorruptFile, InvalidArgument, SchemaMismatch
from dynafile.store.schema import Schema
from dynafile.store_options import MEMORY
from dynafile.table.definition import (
    Definition,
    check_attribute_name,
    check_same,
    check_table_name,
    table_name_for,
)
from dynafile.table.folders import expiry_folder, items_folder
from dynafile.table.index_changes import with_indexes
from dynafile.table.index_options import Index, check_same_index
from dynafile.table.settings import Settings
from dynafile.table.stream_options import (
    StreamOptions,
    declared_stream,
    with_retention,
    with_stream,
)

MOST_LISTED: Final = 10
"""So many tables are named in an error."""


class AsStored(Enum):
    """The type of :data:`AS_STORED`."""

    AS_STORED = "as stored, or 'SK' for a new table"

    def __repr__(self) -> str:
        return f"<{self.value}>"


AS_STORED: Final = AsStored.AS_STORED
"""The default of ``sk_attribute``: None is taken, as it means a table without sort key."""


class TableOptions(Struct, frozen=True):
    """The options of an opening that are about the schema."""

    path: str
    pk_attribute: str | None
    sk_attribute: str | AsStored | None
    ttl_attribute: str | None
    pk_type: str | None
    sk_type: str | None
    table_name: str | None
    indexes: Mapping[str, Index] = field(default_factory=dict)
    stream: StreamOptions | None = None

    def schema(self, stored: Schema | None) -> Schema:
        """Return the schema of a new table, or check the options against the one stored."""
        if stored is None:
            return self._new_schema()
        self._compare(self._definition(stored, self.table_in(stored)))
        return stored

    def _definition(self, stored: Schema, name: str) -> Definition:
        try:
            return Definition.from_json(stored.tables[name])
        except TypeError as error:
            raise self._damaged(f"its table {name!r} is not as it should be, {error}") from error

    def _damaged(self, what: str) -> CorruptFile:
        path = f"{self.path}/meta.json"
        return CorruptFile(
            f"{path} was damaged or changed by hand ({what}): restore it from a "
            "backup, or save what is left with `dynafile repair`",
            path=path,
            offset=0,
        )

    def table_in(self, stored: Schema) -> str:
        """Return the name of the table to open."""
        names = sorted(stored.tables)
        if isinstance(self.table_name, str) and self.table_name in stored.tables:
            return self.table_name
        if not names and stored.keyspaces:
            raise self._damaged("it has no table")
        if not names:
            raise SchemaMismatch(
                f"{self.path} holds no table yet: make one with Database({self.path!r})."
                "create_table(), or choose another folder"
            )
        more = f" and {len(names) - MOST_LISTED} more" if len(names) > MOST_LISTED else ""
        listed = f"{', '.join(map(repr, names[:MOST_LISTED]))}{more}"
        if self.table_name is not None:
            raise SchemaMismatch(
                f"{self.path} holds {listed}, not a table {self.table_name!r}: leave "
                f"table_name out, or choose another folder",
                tables=tuple(names),
            )
        if len(names) > 1:
            raise SchemaMismatch(
                f"{self.path} holds {listed}: say which one with table_name=, or open all of them "
                f"with Database({self.path!r})",
                tables=tuple(names),
            )
        return names[0]

    def _new_schema(self) -> Schema:
        name = self.table_name
        if name is None:
            memory = self.path == MEMORY
            name = table_name_for(
                "memory" if memory else os.path.basename(os.path.realpath(self.path))
            )
        defined = self.new_definition(name)
        check_table_name(name)
        expiry = None if self.ttl_attribute is None else 2
        now = int(time.time() * 1_000_000)
        settings = Settings(created=now)
        if self.stream is not None:
            settings = with_stream(settings, self.stream, now)
        definition = replace(defined, items=1, expiry=expiry, settings=settings)
        keyspaces = {1: items_folder("")}
        if expiry is not None:
            keyspaces[expiry] = expiry_folder("")
        schema = Schema(
            keyspaces=keyspaces,
            next_keyspace=len(keyspaces) + 1,
            tables={name: definition.to_json()},
        )
        indexed = with_indexes(schema, name, self.indexes, self._where, empty=True)
        return with_retention(replace(indexed, version=schema.version), now)

    def new_definition(self, name: str) -> Definition:
        """Return the definition of a new table, without keyspaces and indexes."""
        pk = "PK" if self.pk_attribute is None else self.pk_attribute
        sk = "SK" if isinstance(self.sk_attribute, AsStored) else self.sk_attribute
        check_attribute_name(pk, "pk_attribute")
        if sk is not None:
            check_attribute_name(sk, "sk_attribute")
        if pk == sk:
            raise InvalidArgument(
                f"pk_attribute and sk_attribute are both {pk!r}: give them two names"
            )
        if self.sk_type is not None and sk is None:
            raise InvalidArgument("sk_type was given for a table without sort key")
        if self.ttl_attribute is not None:
            check_attribute_name(self.ttl_attribute, "ttl_attribute")
            if self.ttl_attribute in (pk, sk):
                raise InvalidArgument(
                    f"ttl_attribute {self.ttl_attribute!r} is a key attribute: use another "
                    "attribute"
                )
        return Definition(
            name=name,
            pk_attribute=pk,
            sk_attribute=sk,
            pk_type=self.pk_type,
            sk_type=self.sk_type,
            ttl_attribute=self.ttl_attribute,
        )

    @property
    def _where(self) -> str:
        return f"the table in {self.path}"

    def new_indexes(self, definition: Definition) -> dict[str, Index]:
        """Return the indexes that the table does not have yet."""
        return {n: index for n, index in self.indexes.items() if n not in definition.indexes}

    def lacks_stream(self, definition: Definition) -> bool:
        """Say whether a stream is asked for that the table does not have yet."""
        return self.stream is not None and definition.settings.stream is None

    def _compare(self, definition: Definition) -> None:
        where = self._where
        stream = declared_stream(definition.settings)
        if self.stream is not None and stream is not None:
            check_same(stream, self.stream, "stream", where)
        if self.pk_attribute is not None:
            check_same(definition.pk_attribute, self.pk_attribute, "pk_attribute", where)
        if not isinstance(self.sk_attribute, AsStored):
            check_same(definition.sk_attribute, self.sk_attribute, "sk_attribute", where)
        if self.ttl_attribute is not None:
            check_same(definition.ttl_attribute, self.ttl_attribute, "ttl_attribute", where)
        if self.pk_type is not None and definition.pk_type is not None:
            check_same(definition.pk_type, self.pk_type, "pk_type", where)
        if self.sk_type is not None and (
            definition.sk_type is not None or definition.sk_attribute is None
        ):
            check_same(definition.sk_type, self.sk_type, "sk_type", where)
        for name, index in self.indexes.items():
            if name in definition.indexes:
                check_same_index(definition, name, index, where)
