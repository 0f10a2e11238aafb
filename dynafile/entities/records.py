"""Records: what is stored of an entity, and how."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from collections.abc import Set as AbstractSet
from typing import Any, Final

from msgspec import Struct
from msgspec import field as made

from dynafile.entities.backend import Item
from dynafile.entities.field import LONGEST_KEY, Property, is_indexable
from dynafile.entities.layout import Reference
from dynafile.entities.objects_in_use import ObjectsInUse
from dynafile.entities.types import EntityType
from dynafile.errors import InvalidEntity

_OWN: Final = "_f."
"""What the attribute of a field begins with whose name a key attribute of the table has."""
_OF_RECORDS: Final = ("_revision", "_version", "_stamp")

_NONE: Final[Item] = {}
"""What is unknown of most records; nobody changes it."""


class Stamp(Struct, frozen=True, gc=False):
    """Who made and changed an entity, and when, in milliseconds."""

    created: int
    updated: int
    creator: str
    updater: str
    owner: str


def first_revision() -> int:
    """Return the revision of an entity that is created now.

    It is the time, and not 1, so that one that is made again under an id is not taken for the one
    that was deleted.
    """
    return time.time_ns() // 1000


class Record(Struct, frozen=True, gc=False):
    """An entity at one moment; nobody changes one."""

    values: dict[str, Any]
    """Properties, and to-one relations as References."""
    stamp: Stamp | None
    revision: int = 0
    """It grows by one each time that it is saved."""
    unknown: Item = made(default_factory=lambda: _NONE)
    """Attributes that the class does not declare, which are kept."""

    def with_value(self, name: str, value: Any) -> Record:
        """Return a record with another value."""
        return Record({**self.values, name: value}, self.stamp, self.revision, self.unknown)

    def with_stamp(self, stamp: Stamp | None) -> Record:
        """Return a record with another stamp."""
        return Record(self.values, stamp, self.revision, self.unknown)

    def next(self) -> Record:
        """Return it as it is saved once more."""
        return Record(self.values, self.stamp, self.revision + 1, self.unknown)


class Coder:
    """Turns the records of a type into items and back.

    :param keys: the key attributes of the table, which a field cannot have as its own.
    :param as_text: whether values go into JSON.
    :param indexed: the attributes of indexes that items have.
    """

    def __init__(
        self,
        info: EntityType,
        keys: tuple[str, ...],
        *,
        as_text: bool,
        indexed: AbstractSet[str] = frozenset(),
    ) -> None:
        self.info = info
        self.objects = ObjectsInUse()
        self.indexed = indexed
        self._as_text = as_text
        self._names = {name: _OWN + name if name in keys else name for name in info.defaults}
        self._known = {*self._names.values(), *_OF_RECORDS}
        self._reserved = {*keys, *_OF_RECORDS}
        self._plain = [
            (name, attribute, None if name in info.relations else info.properties[name])
            for name, attribute in self._names.items()
        ]
        self._known |= indexed
        self._indexed = [(attribute, info.index_attributes[attribute]) for attribute in indexed]
        self._reads = [
            (name, attribute, info.defaults[name]) for name, attribute in self._names.items()
        ]
        self._made = [
            (name, read)
            for name, _, field in self._plain
            if (read := _reader(field, as_text=as_text)) is not None
        ]
        """How values are made of what is stored, of fields where they are not that."""

    def encode(self, record: Record) -> Item:
        """Return the item of a record, without its keys."""
        item: Item = dict(record.unknown)
        values, defaults, as_text = record.values, self.info.defaults, self._as_text
        for name, attribute, field in self._plain:
            value = values[name]
            if value is None:
                if defaults[name] is not None:
                    item[attribute] = None
            elif field is None:
                item[attribute] = str(value)
            else:
                item[attribute] = field.to_json(value) if as_text else field.to_item(value)
        for indexed, by in self._indexed:
            value = values[by.name]
            if value is not None:
                item[indexed] = by.to_key(value)
        if record.unknown:
            self._keep_up(item, values)
        item["_revision"] = record.revision
        item["_version"] = self.info.version
        if record.stamp is not None:
            stamp = record.stamp
            item["_stamp"] = [
                stamp.created, stamp.updated, stamp.creator, stamp.updater, stamp.owner,
            ]  # fmt: skip
        return item

    def _keep_up(self, item: Item, values: dict[str, Any]) -> None:
        """Index anew what a newer program has indexed, and this one does not know of."""
        for indexed, by in self.info.index_attributes.items():
            if indexed in item and indexed not in self.indexed:
                del item[indexed]
                key = None if values[by.name] is None else by.to_key(values[by.name])
                if is_indexable(key):
                    item[indexed] = key

    def reindexed(self, item: Item, id_: str) -> Item:
        """Return the attributes of indexes that a stored item lacks, or has of an older version.

        Raises InvalidEntity for values that no index can hold.
        """
        values, found = self.decode(item, id_).values, {}
        for indexed, by in self._indexed:
            value = values[by.name]
            key = None if value is None else by.to_key(value)
            if key is not None and not is_indexable(key):
                raise InvalidEntity(
                    f"{self.info.name}@{id_}: {by.name} is too long for an index, which holds "
                    f"{LONGEST_KEY} bytes: make it shorter before it is indexed",
                    field=by.name,
                )
            if item.get(indexed) != key:
                found[indexed] = key
        return found

    def with_unknown(self, record: Record, unknown: Item, id_: str) -> Record:
        """Return a record with attributes besides that some class did not declare.

        Those that this one does are its values. Raises InvalidEntity for what cannot be stored.
        """
        reserved = self._reserved & unknown.keys()
        if reserved:
            raise InvalidEntity(f"{self.info.name}@{id_} cannot have attributes {sorted(reserved)}")
        if self._as_text:
            try:
                json.dumps(unknown, allow_nan=False)
            except (TypeError, ValueError) as error:
                raise InvalidEntity(
                    f"{self.info.name}@{id_}: a storage of strings cannot have {error}: load it "
                    "into a table"
                ) from error
        item = {**self.encode(record), **unknown}
        try:
            found = self.decode(item, id_)
        except (TypeError, ValueError, ArithmeticError) as error:
            raise InvalidEntity(f"{self.info.name}@{id_}: {error}", type=self.info.name) from error
        for name in self.info.defaults.keys() & unknown.keys():
            checked(self.info, name, found.values[name])
        return found

    def decode(self, item: Item, id_: str) -> Record:
        """Read what :meth:`encode` made, of an older version of the type too.

        Raises InvalidEntity for a newer version, and for what the class's ``migrate`` made wrong.
        """
        version = item.get("_version", 1)
        get = item.get
        values = {name: get(attribute, default) for name, attribute, default in self._reads}
        for name, read in self._made:
            value = values[name]
            if value is not None:
                values[name] = read(value)
        keys = item.keys()
        unknown = (
            _NONE if keys <= self._known else {name: item[name] for name in keys - self._known}
        )
        stamp = item.get("_stamp")
        record = Record(
            values, None if stamp is None else Stamp(*stamp), item["_revision"], unknown
        )
        return record if version == self.info.version else self._migrated(record, version, id_)

    def _migrated(self, record: Record, version: int, id_: str) -> Record:
        values = without_indexes(self.info, record.unknown) | record.values
        values = migrated(self.info, values, version, id_)
        known = {
            name: checked(self.info, name, values.get(name, default))
            for name, default in self.info.defaults.items()
        }
        unknown = {name: value for name, value in values.items() if name not in self.info.fields}
        return Record(known, record.stamp, record.revision, unknown)


def _reader(field: Property[Any] | None, *, as_text: bool) -> Callable[[Any], Any] | None:
    if field is None:
        return Reference.parse
    if as_text:
        return field.from_json
    return None if type(field).from_item is Property.from_item else field.from_item


def without_indexes(info: EntityType, unknown: Item) -> Item:
    """Return attributes that a class does not declare, without those of its indexes."""
    return {name: unknown[name] for name in unknown if name not in info.index_attributes}


def migrated(info: EntityType, values: Item, version: object, id_: str | None) -> Item:
    """Return the fields of an older version as the class's ``migrate`` gives them."""
    if type(version) is not int or version > info.version:
        raise InvalidEntity(
            f"{info.name}@{id_ or ''} was stored as version {version} of {info.name}, and this "
            f"program has version {info.version}: run a newer program",
            type=info.name,
        )
    given = {"_type": info.name, "_id": id_, "__version__": version, **values}
    result = info.cls.migrate(given, version, info.version)
    if not isinstance(result, dict):
        raise InvalidEntity(
            f"migrate() of {info.name} must return a dict of its fields, not {result!r}"
        )
    return {name: result[name] for name in result if not name.startswith("_")}


def checked(info: EntityType, name: str, value: Any) -> Any:
    """Return a value as a field takes it; a reference may be a Reference."""
    if name in info.properties:
        return info.properties[name].validate(value)
    if value is None or isinstance(value, Reference):
        return value
    raise InvalidEntity(f"migrate() of {info.name} may not change the relation {name!r}")
