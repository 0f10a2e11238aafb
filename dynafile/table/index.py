"""An index: which entry an item has in it, and the ranges that queries read of it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from xxhash import xxh3_64_digest

from dynafile.errors import InvalidArgument, InvalidKey, KeyTypeMismatch
from dynafile.table.definition import ALL, GLOBAL, Definition, IndexDefinition
from dynafile.table.key_errors import of_index_key
from dynafile.table.keys import HASH_BYTES, Range, check_type, range_after
from dynafile.values import (
    ABSENT,
    MAX_PARTITION_KEY_BYTES,
    MAX_SORT_KEY_BYTES,
    attribute_reader,
    decode_key_value,
    encode_key_prefix,
    encode_key_value,
    keep_attributes,
    key_type_of,
    successor,
)

Entry = tuple[bytes, bytes]
"""Key and value of what an item has in an index."""


class Index:
    """One index of a table.

    The key of an entry is ``hash64(pk) + encoded pk + encoded sk + key of the item``, where pk and
    sk are the encodings of the index's key attributes, one after the other. Its value is the item
    as it is stored, or as much of it as the index projects.
    """

    __slots__ = (
        "_steps",
        "attributes",
        "definition",
        "entries",
        "gone",
        "name",
        "pk",
        "projected",
        "sk",
        "stored",
        "types",
    )

    def __init__(self, table: Definition, definition: IndexDefinition) -> None:
        self.definition = definition
        self.name = definition.name
        self.pk = definition.pk
        self.sk = definition.sk
        self.entries = definition.entries
        self.gone = definition.gone
        self.attributes = (*definition.pk, *definition.sk)
        self.types = tuple(map(table.type_of, self.attributes))
        self._steps = [
            (
                name,
                MAX_PARTITION_KEY_BYTES if position < len(self.pk) else MAX_SORT_KEY_BYTES,
                None if kind is None else ord(kind),
                position < len(self.pk),
            )
            for position, (name, kind) in enumerate(zip(self.attributes, self.types, strict=True))
        ]
        """Name, most bytes, tag and side of each key attribute."""
        self.projected: frozenset[str] | None = None
        """The attributes that a reader sees; None: all."""
        self.stored: frozenset[str] | None = None
        """Those and the TTL attribute, without which nobody could tell what is expired."""
        if definition.projection != ALL:
            own = {*table.key_attributes, *self.attributes, *definition.include}
            self.projected = frozenset(own)
            if table.ttl_attribute is not None:
                own.add(table.ttl_attribute)
            self.stored = frozenset(own)

    def hides(self, attribute: str) -> bool:
        """Say whether an attribute is stored in the entries and not shown to readers."""
        return self.projected is not None and attribute not in self.projected

    def projection_of(self, item: dict[str, Any]) -> dict[str, Any]:
        """Return of a whole item what a reader sees in the index."""
        projected = self.projected
        if projected is None:
            return item
        return {name: value for name, value in item.items() if name in projected}

    def lacking(self, needed: frozenset[str]) -> frozenset[str]:
        """Return what a filter needs and a local index does not project.

        Raises InvalidArgument, in DynamoDB's words, where a global index does not project it.
        """
        projected = self.projected
        if projected is None:
            return frozenset()
        lacking = frozenset(
            name
            for name in needed
            if name not in projected and name.partition(".")[0] not in projected
        )
        if lacking and self.definition.kind == GLOBAL:
            names = ", ".join(sorted(lacking))
            raise InvalidArgument(
                "One or more parameter values were invalid: Global secondary index "
                f"{self.name} does not project [{names}]: leave them out of the filter, or project "
                "them"
            )
        return lacking

    # -- entries --------------------------------------------------------------------------------

    def key(self, values: tuple[Any, ...], item_key: bytes) -> bytes | None:
        """Return the key of an item's entry, given its key attributes; None where one is missing.

        Raises InvalidKey kinds where one cannot be a key, or is of another type than the index's.
        """
        head = tail = b""
        missing = False
        for value, (attribute, limit, expected, partition) in zip(values, self._steps, strict=True):
            if value is ABSENT:
                missing = True
                continue
            try:
                encoded = encode_key_value(value, attribute=attribute, limit=limit)
            except InvalidKey as error:
                raise self._refused(value, error) from None
            if expected is not None and encoded[0] != expected:
                raise self._mismatch(attribute, chr(encoded[0]), chr(expected))
            if partition:
                head += encoded
            else:
                tail += encoded
        return None if missing else xxh3_64_digest(head) + head + tail + item_key

    def value(self, raw: bytes) -> bytes:
        """Return what the index holds of an item."""
        return raw if self.stored is None else keep_attributes(raw, self.stored)

    def shown(self, raw: bytes) -> bytes:
        """Return what readers see of what the index holds of an item."""
        projected = self.projected
        if projected is None or projected == self.stored:
            return raw
        return keep_attributes(raw, projected)

    def _refused(self, value: Any, error: InvalidKey) -> InvalidKey:
        where = f"the index {self.name!r} cannot take the item: "
        hint = ". Leave the attribute out to keep the item out of the index"
        if value is None:
            error = KeyTypeMismatch(
                f"the key attribute {error.attribute!r} is None",
                attribute=error.attribute,
                actual="NULL",
            )
        particulars = {k: v for k, v in vars(error).items() if k != "message"}
        ours = type(error)(where + error.message + hint, **particulars)
        expected = self.types[self.attributes.index(error.attribute or "")]
        return of_index_key(ours, self.name, expected)

    def _mismatch(self, attribute: str, actual: str, expected: str) -> InvalidKey:
        error = KeyTypeMismatch(
            f"the index {self.name!r} cannot take the item: its key attribute {attribute!r} is of "
            f"type {actual}, and the index's is of type {expected}: convert it, or leave it out to "
            "keep the item out of the index",
            attribute=attribute,
            expected=expected,
            actual=actual,
        )
        return of_index_key(error, self.name, expected)

    def item_key(self, entry: bytes) -> bytes:
        """Return the key of the item that an entry stands for."""
        at = HASH_BYTES
        for _ in self.attributes:
            at = decode_key_value(entry, at)[1]
        return entry[at:]

    def types_of(self, entry: bytes) -> tuple[str, ...]:
        """Return the types of an entry's key attributes, in the order of :attr:`attributes`."""
        at = HASH_BYTES
        types = []
        for _ in self.attributes:
            types.append(chr(entry[at]))
            at = decode_key_value(entry, at)[1]
        return tuple(types)

    # -- ranges ---------------------------------------------------------------------------------

    def whole(self, pk: Any) -> Range:
        """Return the range of the entries with one partition key."""
        prefix = self.collection(pk)
        return prefix, successor(prefix)

    def starts_with(self, pk: Any, start: Any, leading: tuple[Any, ...] = ()) -> Range:
        """Return the range of the sort keys that begin with ``start``, a string or bytes."""
        name, expected = self._next_sk(leading)
        if type(start) not in (str, bytes):
            raise InvalidArgument(
                f"a prefix of the sort key {name!r} is a string or bytes, not "
                f"{type(start).__name__}"
            )
        encoded = encode_key_prefix(start, attribute=name)
        check_type(chr(encoded[0]), expected, name)
        prefix = self._after(pk, leading) + encoded
        return prefix, successor(prefix)

    def condition(
        self, pk: Any, operator: str, values: tuple[Any, ...], leading: tuple[Any, ...] = ()
    ) -> Range:
        """Return the range for a condition on the sort key attribute after the ``leading`` ones.

        ``leading`` are values that the sort key attributes before it are equal to.
        """
        if operator == "begins_with":
            return self.starts_with(pk, values[0], leading)
        position = len(self.pk) + len(leading)
        self._next_sk(leading)
        encoded = [self._encode(position, value) for value in values]
        return range_after(self._after(pk, leading), operator, encoded)

    def collection(self, pk: Any) -> bytes:
        """Return what the entries with one partition key begin with."""
        values = pk if isinstance(pk, tuple) else (pk,)
        if len(values) != len(self.pk):
            raise InvalidArgument(
                f"the index {self.name!r} has the partition key {', '.join(map(repr, self.pk))}: "
                f"give pk={'a value' if len(self.pk) == 1 else 'a tuple of their values'}, not "
                f"{pk!r}"
            )
        encoded = b"".join(self._encode(index, value) for index, value in enumerate(values))
        return xxh3_64_digest(encoded) + encoded

    def _after(self, pk: Any, leading: tuple[Any, ...]) -> bytes:
        count = len(self.pk)
        parts = [self._encode(count + index, value) for index, value in enumerate(leading)]
        return self.collection(pk) + b"".join(parts)

    def _next_sk(self, leading: tuple[Any, ...]) -> tuple[str, str | None]:
        if len(leading) >= len(self.sk):
            keys = ", ".join(map(repr, self.sk)) if self.sk else "none"
            raise InvalidArgument(
                f"the index {self.name!r} has the sort key attributes {keys}, so a query takes no "
                f"condition on {len(leading) + 1} of them"
            )
        return self.sk[len(leading)], self.types[len(self.pk) + len(leading)]

    def _encode(self, position: int, value: Any) -> bytes:
        limit = MAX_PARTITION_KEY_BYTES if position < len(self.pk) else MAX_SORT_KEY_BYTES
        name = self.attributes[position]
        encoded = encode_key_value(value, attribute=name, limit=limit)
        check_type(chr(encoded[0]), self.types[position], name)
        return encoded


class EntryMaker:
    """Finds the entries that an item has in the indexes of a table."""

    def __init__(self, table: Definition, indexes: Iterable[Index]) -> None:
        self.indexes = tuple(indexes)
        self.none: list[Entry | None] = [None] * len(self.indexes)
        self._needed = sorted({name for index in self.indexes for name in index.attributes})
        self._read = attribute_reader(self._needed)
        self._slots = tuple(
            tuple(self._needed.index(name) for name in index.attributes) for index in self.indexes
        )

        own = table.key_attributes
        self.unknown = frozenset(
            name for name in self._needed if table.type_of(name) is None and name not in own
        )
        """Attributes whose type the first item that has them will tell."""

    def types(self, raw: bytes) -> dict[str, str] | None:
        """Return the types of those attributes that an item has and whose type is not known."""
        if not self.unknown:
            return None
        values = self.values(raw)
        found = self.unknown & values.keys()
        return {name: key_type_of(values[name], attribute=name) for name in found} or None

    def values(self, raw: bytes) -> dict[str, Any]:
        """Return the attributes of an item that are keys of indexes."""
        found = zip(self._needed, self._read(raw), strict=False)
        return {name: value for name, value in found if value is not ABSENT}

    def of(self, raw: bytes, item_key: bytes) -> list[Entry | None]:
        """Return an item's entry in each index; raises what :meth:`Index.key` does."""
        read = self._read(raw)
        found: list[Entry | None] = []
        for index, slots in zip(self.indexes, self._slots, strict=True):
            key = index.key(tuple([read[slot] for slot in slots]), item_key)
            found.append(None if key is None else (key, index.value(raw)))
        return found

    def of_old(self, raw: bytes, item_key: bytes) -> list[Entry | None]:
        """Return the entries of an item that is stored; it has none where its keys do not fit."""
        try:
            return self.of(raw, item_key)
        except InvalidKey:
            pass
        return [self._one_of_old(index, raw, item_key) for index in self.indexes]

    def _one_of_old(self, index: Index, raw: bytes, item_key: bytes) -> Entry | None:
        values = self.values(raw)
        try:
            key = index.key(tuple(values.get(n, ABSENT) for n in index.attributes), item_key)
        except InvalidKey:
            return None
        return None if key is None else (key, index.value(raw))
