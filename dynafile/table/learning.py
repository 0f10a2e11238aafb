"""Learning: the types of keys that nobody declared, from the first items that have them."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from dynafile.table.definition import Definition
from dynafile.table.keys import KeySchema, check_type, key_types
from dynafile.table.write import Write


def learnt(definition: Definition, unknown: Collection[str], writes: Sequence[Write]) -> Definition:
    """Return the definition with the types that writes tell, or itself where they tell none.

    ``unknown``: keys of indexes whose types are not known. Raises KeyTypeMismatch where the writes
    contradict one another.
    """
    found = definition
    sk_known = definition.sk_attribute is None or definition.sk_type is not None
    first = None
    if definition.pk_type is None or not sk_known:
        first = next((write for write in writes if write.raw or write.update), None)
    if first is not None:
        found = definition.with_types(*key_types(first.key))
        keys = KeySchema(found)
        for other in writes:
            keys.check_types(other.key)
    if unknown:
        types: dict[str, str] = {}
        for write in writes:
            for attribute, kind in (write.types or {}).items():
                check_type(kind, types.setdefault(attribute, kind), attribute)
        if types:
            found = found.with_index_types(types)
    return found
