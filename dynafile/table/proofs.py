"""Proofs: whether what is in a folder from a stranger is what a table puts there.

Reading goes by what writing has made sure of: that bytes are an item, that an item has its key, and
an index its entries. In a folder that is not trusted each partition is held against that when it is
loaded, so that reading itself need not.
"""

from __future__ import annotations

from collections.abc import Callable

from dynafile.errors import CorruptFile, DynafileError
from dynafile.store.partition_map import Keyspace
from dynafile.store.replica import Replica
from dynafile.store.schema import Schema
from dynafile.store.store import Store
from dynafile.table.consumer_names import Head, is_head
from dynafile.table.definition import Definition, definition_in
from dynafile.table.expiry import item_key_of
from dynafile.table.index import Index
from dynafile.table.keys import HASH_BYTES, KeySchema
from dynafile.table.own_keyspaces import CONSUMERS_FOLDER
from dynafile.values import ABSENT, check_item

Check = Callable[[bytes, bytes], object]
"""Raises where an entry is not as it should be."""


class Prover:
    """Gives the keyspaces of a store their proofs, and those that come later."""

    def __init__(self, store: Store) -> None:
        self._replica: Replica = store.replica
        self.schema_changed(store.schema)
        store.provers.append(self)  # the watchers are held by others only
        store.replica.watchers.add(self)

    def schema_changed(self, schema: Schema) -> None:
        """Take the tables of a schema. Called with the mutex held."""
        for name in schema.tables:
            self._prove_table(definition_in(schema, name))
        for number, folder in schema.keyspaces.items():
            if folder == CONSUMERS_FOLDER:
                self._prove(number, _check_consumer)

    def _prove_table(self, definition: Definition) -> None:
        keys = KeySchema(definition)
        self._prove(definition.items, _item_check(keys))
        if definition.expiry is not None:
            self._prove(definition.expiry, lambda entry, _: item_key_of(entry))
        for each in definition.indexes.values():
            self._prove(each.entries, _entry_check(keys, Index(definition, each)))

    def _prove(self, number: int, check: Check) -> None:
        keyspace: Keyspace | None = self._replica.keyspaces.get(number)
        if keyspace is None:
            return

        def proof(key: bytes, value: bytes) -> str | None:
            try:
                check(key, value)
            except (DynafileError, ValueError, TypeError, LookupError) as error:
                return str(error)
            return None

        keyspace.proof = proof


def _item_check(keys: KeySchema) -> Check:
    def check(key: bytes, raw: bytes) -> None:
        if keys.key(check_item(raw)) != key:
            raise CorruptFile("the item has another key than its place")

    return check


def _entry_check(keys: KeySchema, index: Index) -> Check:
    def check(entry: bytes, raw: bytes) -> None:
        item = check_item(raw)
        key = index.item_key(entry)
        values = tuple(item.get(name, ABSENT) for name in index.attributes)
        if keys.key(item) != key or index.key(values, key) != entry:
            raise CorruptFile("the entry of the index has another key than its place")

    return check


def _check_consumer(key: bytes, value: bytes) -> None:
    key[8 : key.index(b"\0", HASH_BYTES)].decode()
    if is_head(key):
        Head.decode(value)
