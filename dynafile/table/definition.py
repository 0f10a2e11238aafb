"""The definition of a table, as the store keeps it: key schema, TTL, indexes, keyspaces."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final, TypeVar

from msgspec import Struct, ValidationError, convert, field
from msgspec.structs import asdict, replace

from dynafile.errors import InvalidName, ResourceNotFound, SchemaMismatch
from dynafile.store.schema import Schema
from dynafile.table.settings import Settings
from dynafile.values import KEY_TYPES

_NAME: Final = re.compile(r"[a-zA-Z0-9_.-]{3,255}")

_Definition = TypeVar("_Definition", bound=Struct)

GLOBAL: Final = "GLOBAL"
LOCAL: Final = "LOCAL"
ALL: Final = "ALL"
KEYS_ONLY: Final = "KEYS_ONLY"
INCLUDE: Final = "INCLUDE"
_KINDS: Final = (GLOBAL, LOCAL)
_PROJECTIONS: Final = (ALL, KEYS_ONLY, INCLUDE)


def checked(definition: _Definition) -> _Definition:
    """Return a definition whose fields are of their types; raises TypeError where they are not."""
    try:
        convert(asdict(definition), type(definition))
    except ValidationError as error:
        raise TypeError(str(error)) from error
    return definition


class IndexDefinition(Struct, frozen=True, kw_only=True):
    """An index, as ``meta.json`` has it."""

    name: str
    kind: str
    """``GLOBAL``, or ``LOCAL``: with the table's partition key."""
    pk: tuple[str, ...]
    sk: tuple[str, ...]
    projection: str
    include: tuple[str, ...]
    """What an INCLUDE projects besides the keys."""
    entries: int
    """The keyspace of its entries."""
    gone: int | None = None
    """While it is built: the keyspace of the keys of entries that writers have deleted since. What
    is in either keyspace is a writer's word; the backfill, which read earlier, adds the rest."""
    skipped: int = 0
    """Items that the backfill left out, because an index key of theirs is none."""

    @property
    def building(self) -> bool:
        """Whether entries of items that were there before the index may be missing."""
        return self.gone is not None

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> IndexDefinition:
        """Read what ``asdict`` gave; raises TypeError where somebody changed it."""
        lists: dict[str, Any] = {name: tuple(value[name]) for name in ("pk", "sk", "include")}
        definition = checked(cls(**{**value, **lists}))
        if definition.kind not in _KINDS or definition.projection not in _PROJECTIONS:
            raise TypeError(f"{definition.name!r} is no index")
        return definition


class Definition(Struct, frozen=True, kw_only=True):
    """A table, as ``meta.json`` has it; key types are None until the first write."""

    name: str
    pk_attribute: str
    sk_attribute: str | None
    pk_type: str | None = None
    sk_type: str | None = None
    ttl_attribute: str | None = None
    items: int = 0
    """The keyspace of the items."""
    expiry: int | None = None
    """The keyspace of the hidden index by expiry, where there is a TTL attribute."""
    expiry_partial: bool = False
    """Whether entries of items that were there before the TTL attribute may be missing in it."""
    indexes: Mapping[str, IndexDefinition] = field(default_factory=dict)
    """The secondary indexes by their names."""
    index_types: Mapping[str, str] = field(default_factory=dict)
    """The types of attributes that are keys of indexes and not of the table, once known."""
    conversion: str | None = None
    """How far the conversion from 0.1.3 is, see ``conversion_state``."""
    settings: Settings = field(default_factory=Settings)

    def to_json(self) -> dict[str, Any]:
        """Return the definition as JSON values."""
        indexes = {name: asdict(index) for name, index in self.indexes.items()}
        value = {**asdict(self), "indexes": indexes, "settings": self.settings.to_json()}
        for name in ("expiry_partial", "indexes", "index_types", "conversion", "settings"):
            if not value[name]:
                del value[name]
        return value

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Definition:
        """Read what :meth:`to_json` gave; raises TypeError where somebody changed it."""
        try:
            stored = value.get("indexes", {}).items()
            indexes = {name: IndexDefinition.from_json(index) for name, index in stored}
            settings = Settings.from_json(value.get("settings", {}))
            definition = checked(cls(**{**value, "indexes": indexes, "settings": settings}))
            kinds = [definition.pk_type, definition.sk_type, *definition.index_types.values()]
        except (AttributeError, KeyError) as error:
            raise TypeError(f"not the definition of a table: {error}") from error
        if type(definition.expiry_partial) is not bool:
            raise TypeError(f"expiry_partial is {definition.expiry_partial!r}")
        for kind in kinds:
            if kind is not None and kind not in KEY_TYPES:
                raise TypeError(f"{kind!r} is no key type")
        return definition

    @property
    def key_attributes(self) -> tuple[str, ...]:
        """The table's partition key, and its sort key if it has one."""
        if self.sk_attribute is None:
            return (self.pk_attribute,)
        return (self.pk_attribute, self.sk_attribute)

    @property
    def keyspaces(self) -> set[int]:
        """The keyspaces of the items, of the index by expiry, and of the indexes."""
        numbers = {self.items, self.expiry}
        for index in self.indexes.values():
            numbers |= {index.entries, index.gone}
        return {number for number in numbers if number is not None}

    def type_of(self, attribute: str) -> str | None:
        """Return the type of a key attribute, of the table or of an index; None: not known."""
        if attribute == self.pk_attribute:
            return self.pk_type
        if attribute == self.sk_attribute:
            return self.sk_type
        return self.index_types.get(attribute)

    def with_index_types(self, types: Mapping[str, str]) -> Definition:
        """Return the definition with types of index keys learnt, where they were not known."""
        return replace(self, index_types={**types, **self.index_types})

    def with_index(self, index: IndexDefinition) -> Definition:
        """Return the definition with an index added, or put in the place of its namesake."""
        return replace(self, indexes={**self.indexes, index.name: index})

    def without_index(self, name: str) -> Definition:
        """Return the definition with an index less, and the types that only it needed."""
        indexes = {n: i for n, i in self.indexes.items() if n != name}
        used = {attribute for i in indexes.values() for attribute in (*i.pk, *i.sk)}
        types = {attribute: t for attribute, t in self.index_types.items() if attribute in used}
        return replace(self, indexes=indexes, index_types=types)

    def with_types(self, pk_type: str | None, sk_type: str | None) -> Definition:
        """Return the definition with key types learnt, where they were not known."""
        return replace(
            self,
            pk_type=self.pk_type or pk_type,
            sk_type=(self.sk_type or sk_type) if self.sk_attribute is not None else None,
        )


def definition_in(schema: Schema, table: str, items: int | None = None) -> Definition:
    """Return a table's definition.

    Raises ResourceNotFound where there is none; and where ``items`` is given, the keyspace of its
    items, also where another one has the name.
    """
    stored = schema.tables.get(table)
    if stored is None:
        raise table_not_found(table)
    definition = Definition.from_json(stored)
    if items not in (None, definition.items):
        raise table_not_found(table)
    return definition


def table_not_found(table: str) -> ResourceNotFound:
    """Return the error for a table that is not there, in DynamoDB's words."""
    return ResourceNotFound(
        f"Requested resource not found: Table: {table} not found", resource=table
    )


def check_attribute_name(name: object, what: str) -> None:
    """Raise InvalidName unless ``name`` can name an attribute."""
    if not isinstance(name, str) or not name:
        raise InvalidName(
            f"{what} must be a string of at least one character, not {name!r}", name=str(name)
        )
    try:
        name.encode()
    except UnicodeEncodeError:
        raise InvalidName(
            f"{what} has a lone surrogate, which UTF-8 cannot express: {name!r}", name=name
        ) from None


def is_name(name: object) -> bool:
    """Say whether DynamoDB would take the name for a table or an index."""
    return isinstance(name, str) and _NAME.fullmatch(name) is not None


def check_table_name(name: object) -> None:
    """Raise InvalidName unless DynamoDB would take the name."""
    if not is_name(name):
        raise InvalidName(
            f"the table name {name!r} is not valid: a name has 3 to 255 characters out of a-z, "
            "A-Z, 0-9, "
            f"underscore, dot and dash",
            name=str(name),
        )


def table_name_for(folder: str) -> str:
    """Make a valid table name of a folder's name."""
    name = re.sub(r"[^a-zA-Z0-9_.-]+", "-", folder).strip("-.")[:255] or "table"
    return name if len(name) >= 3 else f"{name}-table"


def check_same(stored: object, given: object, option: str, where: str) -> None:
    """Raise SchemaMismatch where an option contradicts what is stored."""
    if stored != given:
        raise SchemaMismatch(
            f"{where} was made with {option}={stored!r}, and is opened with {option}={given!r}: "
            "leave the "
            f"option out to take what is stored, or choose another folder"
        )
