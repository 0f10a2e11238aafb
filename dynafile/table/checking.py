"""The table's check of itself: keys that fit their items, and the index by expiry."""

from __future__ import annotations

from dynafile.errors import DynafileError
from dynafile.store.store import Store
from dynafile.table.definition import Definition
from dynafile.table.expiry import expiry_key, expiry_of
from dynafile.table.keys import KeySchema
from dynafile.values import check_item

_CHUNK = 1 << 20


def check_table(store: Store, definition: Definition) -> list[str]:
    """Return what is wrong with a table, one sentence each. To be called with nobody writing."""
    problems: list[str] = []
    keys = KeySchema(definition)
    expected: set[bytes] = set()
    for chunk, raws in store.range(store.keyspace(definition.items), b"", None, limit=_CHUNK):
        for key, raw in zip(chunk, raws, strict=True):
            try:
                item = check_item(raw)
                if keys.key(item) != key:
                    problems.append(f"the item at {key.hex()} has another key than its place")
            except (DynafileError, ValueError, TypeError) as error:
                problems.append(f"the item at {key.hex()} is not valid: {error}")
                continue
            if definition.ttl_attribute is not None:
                expiry = expiry_of(item, definition.ttl_attribute)
                if expiry is not None:
                    expected.add(expiry_key(expiry, key))
    if definition.expiry is not None:
        found: set[bytes] = set()
        for chunk, _ in store.range(store.keyspace(definition.expiry), b"", None, limit=_CHUNK):
            found.update(chunk)
        problems += [
            f"the index by expiry lacks {entry.hex()}" for entry in sorted(expected - found)
        ]
        problems += [
            f"the index by expiry has {entry.hex()} for no item"
            for entry in sorted(found - expected)
        ]
    return problems
