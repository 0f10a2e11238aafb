"""Dumps: all entities as one JSON document, and back."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterable
from typing import Any, Final, Protocol, TypeVar

from dynafile.entities import layout
from dynafile.entities.audit import stored_entry
from dynafile.entities.audit_log import AuditLog
from dynafile.entities.backend import Item, Reading
from dynafile.entities.layout import AUDIT, AUDIT_LAST, Reference, audit_key
from dynafile.entities.linking import Home as Linking
from dynafile.entities.linking import Linker
from dynafile.entities.map_backend import text_key
from dynafile.entities.records import (
    Coder,
    Record,
    Stamp,
    first_revision,
    migrated,
    without_indexes,
)
from dynafile.entities.relations import Relation
from dynafile.entities.saving import alias_key
from dynafile.entities.serializing import STAMPED, plain
from dynafile.entities.system_time import SystemTime
from dynafile.entities.types import EntityType, declared, find_type
from dynafile.entities.unit import Counter, Unit, read_counter
from dynafile.errors import DuplicateEntity, InvalidEntity
from dynafile.values.tagged import decoder, structure

T = TypeVar("T")

_SYSTEM: Final = "_system"
_LINKS: Final = "_links"
_UNKNOWN: Final = "_unknown"

Document = dict[str, Any]


class Home(Linking, Protocol):
    """The database of the entities."""

    def reading(self) -> Reading:
        """Return what to read from."""

    def coder(self, info: EntityType) -> Coder:
        """Return what turns records of a type into items."""

    def run(self, body: Callable[[Unit], T]) -> T:
        """Make changes, all or none."""


class Dump:
    """Everything of a database as a document.

    A type has its records by id, each with its fields, its ``_links`` exactly, its version, and in
    ``_unknown`` what the class does not declare, with tags for the types that JSON lacks; aliases
    are listed for whoever reads it. ``_system`` has the last ids, and the audit log.
    """

    def __init__(self, home: Home) -> None:
        self._home = home

    # -- out ------------------------------------------------------------------------------------

    def dump(self) -> Document:
        """Return the document."""
        reading = self._home.reading()
        found: Document = {}
        names = [name for name, _ in reading.range(layout.TYPES)]
        for name in names:
            info = declared(name)
            found[name] = {
                layout.id_of(key): self._record(reading, info, layout.id_of(key), item)
                for key, item in reading.range(layout.entities(name))
            }
            if info.alias is not None:
                found[f"{name}_{info.alias}_alias"] = {
                    key[1:]: item["id"] for key, item in reading.range(layout.aliases(name))
                }
        last = {name: read_counter(reading, name).last for name in names}
        found[_SYSTEM] = {"last": last, "audit": list(AuditLog(reading).items())}
        return found

    def _record(self, reading: Reading, info: EntityType, id_: str, item: Item) -> Document:
        record = self._home.coder(info).decode(item, id_)
        links: Document = {}

        def exactly(target: Reference) -> str:
            return self.shown(reading, target)

        found = plain(info, id_, record, exactly)
        for name, relation in sorted(info.relations.items()):
            targets = self.targets(reading, info, id_, record, relation)
            if targets:
                links[name] = [str(target) for target in targets]
                shown = [exactly(target) for target in targets]
                found[name] = shown if relation.many else shown[0]
        stamp = record.stamp
        if stamp is not None:
            found["_times"] = [stamp.created, stamp.updated]
        if record.unknown:
            found[_UNKNOWN] = structure(record.unknown)
        return {**found, _LINKS: links, "__version__": info.version}

    def targets(
        self, reading: Reading, info: EntityType, id_: str, record: Record, relation: Relation[Any]
    ) -> list[Reference]:
        """Return what a relation leads to."""
        if not relation.many:
            target = record.values[relation.name]
            return [] if target is None else [target]
        place = layout.links(Reference(info.name, id_), relation.name)
        return [Reference(item["type"], item["id"]) for _, item in reading.range(place)]

    def shown(self, reading: Reading, target: Reference) -> str:
        """Return the alias of an entity, or its id where that alias would lead to another one."""
        info = declared(target.type)
        if info.alias is None:
            return target.id
        item = reading.get(layout.entities(target.type), layout.id_key(target.id))
        value = None if item is None else self._home.coder(info).decode(item, target.id)
        alias = None if value is None else value.values[info.alias]
        if alias is None or alias == "":
            return target.id
        text = str(info.properties[info.alias].to_json(alias))
        other = reading.get(layout.entities(target.type), layout.id_key(text))
        return text if other is None or text == target.id else target.id

    # -- in -------------------------------------------------------------------------------------

    def load(self, text: str) -> None:
        """Make the entities of a document's text; where it raises, nothing is changed."""
        try:
            document = json.loads(text)
        except (TypeError, ValueError, RecursionError) as error:
            raise InvalidEntity(f"this is no dump, because it is no JSON: {error}") from error
        self.load_document(document)

    def load_document(self, document: object) -> None:
        """Make the entities of a document."""
        if not isinstance(document, dict):
            raise InvalidEntity("this is no dump: it has no types by their names")
        system = document.get(_SYSTEM, {})
        kept = {name for name in document if name != _SYSTEM}
        types = {name: self._type(name, document) for name in sorted(kept)}
        found = {info: records for info, records in types.values() if info is not None}

        def body(unit: Unit) -> None:
            linker = Linker(self._home, unit)
            for info, records in found.items():
                for id_, fields in records.items():
                    self._load_record(unit, info, id_, fields)
                last = _number(system, info.name)
                counter = unit.counter(info.name)
                unit.set_counter(info.name, Counter(max(last, counter.last), counter.count))
            for info, records in found.items():
                for id_, fields in records.items():
                    _load_links(linker, info, id_, fields)
            _load_audit(unit, system)

        self._home.run(body)

    def _type(self, name: str, document: Document) -> tuple[EntityType | None, dict[str, Document]]:
        records = document[name]
        if not isinstance(records, dict):
            raise InvalidEntity(f"this is no dump: {name!r} has no records by their ids")
        info = find_type(name)
        if info is None and name.endswith("_alias") and _is_alias(records):
            return None, {}
        info = declared(name) if info is None else info
        for id_, fields in records.items():
            if not isinstance(fields, dict):
                raise InvalidEntity(f"this is no dump: {name}@{id_} is no object")
        return info, records

    def _load_record(self, unit: Unit, info: EntityType, id_: str, fields: Document) -> None:
        ref = Reference(info.name, id_)
        place = (layout.entities(info.name), layout.id_key(id_))
        if not id_ or unit.get(*place) is not None:
            raise DuplicateEntity(f"Entity {ref} already exists", type=info.name, id=id_)
        unknown, coder = _unknown(info, id_, fields), self._home.coder(info)
        values = values_of(info, id_, fields, unknown)
        if fields.get("__version__", info.version) != info.version:
            # What the class declares by now was asked of its migrate().
            unknown = {name: unknown[name] for name in unknown if name not in info.fields}
        record = Record(values, _stamp(info, fields), first_revision())
        if unknown:
            record = coder.with_unknown(record, unknown, id_)
            values = record.values
        unit.put(*place, coder.encode(record))
        if info.alias is not None and values[info.alias] is not None:
            key = alias_key(info, values[info.alias])
            holder = unit.get(layout.aliases(info.name), key)
            if holder is not None:
                raise DuplicateEntity(f"{ref} and {info.name}@{holder['id']} have the same alias")
            unit.put(layout.aliases(info.name), key, {"id": id_})
        counter = unit.counter(info.name)
        number = int(id_) if layout.is_number(id_) else 0
        unit.set_counter(info.name, Counter(max(counter.last, number), counter.count + 1))


def values_of(
    info: EntityType, id_: str | None, fields: Document, unknown: Item | None = None
) -> dict[str, Any]:
    """Return the values that a dictionary has, as a record has them; its links are left out.

    ``unknown`` is what the class's ``migrate`` is given besides. Raises InvalidEntity for fields
    that the type has not, and for values that are not valid.
    """
    unknown = unknown or {}
    named = {name: value for name, value in fields.items() if not name.startswith("_")}
    version = fields.get("__version__", info.version)
    if version != info.version:
        named = migrated(info, without_indexes(info, unknown) | named, version, id_)
    values = dict(info.defaults)
    for name, value in named.items():
        if name in info.properties:
            field = info.properties[name]
            values[name] = None if value is None else field.validate(field.from_json(value))
        elif name not in info.relations and name not in STAMPED and name not in unknown:
            raise InvalidEntity(f"{info.name} has no field {name!r}", type=info.name, field=name)
    return values


def _unknown(info: EntityType, id_: str, fields: Document) -> Item:
    """Return the attributes that the class did not declare which was dumped."""
    try:
        found = decoder().decode(json.dumps(fields.get(_UNKNOWN, {})))
    except ValueError as error:
        raise InvalidEntity(
            f"this is no dump: {_UNKNOWN} of {info.name}@{id_}: {error}", type=info.name, id=id_
        ) from error
    if not isinstance(found, dict):
        raise InvalidEntity(f"this is no dump: {_UNKNOWN} of {info.name}@{id_} is no object")
    return found


def _stamp(info: EntityType, fields: Document) -> Stamp | None:
    if not info.stamped:
        return None
    try:
        times = fields.get("_times") or [
            SystemTime.parse_timestamp(fields[name]) if fields.get(name, "None") != "None" else 0
            for name in STAMPED[:2]
        ]
        users = [fields.get(name) or "system" for name in STAMPED[2:]]
        created, updated = map(int, times)
        return Stamp(created, updated, *map(str, users))
    except (KeyError, TypeError, ValueError) as error:
        raise InvalidEntity(f"this is no dump: a time in {info.name} is wrong: {error}") from error


def _load_links(linker: Linker, info: EntityType, id_: str, fields: Document) -> None:
    """Make the links of a record: all are there from one end or from both."""
    links = fields.get(_LINKS, {})
    if not isinstance(links, dict):
        raise InvalidEntity(f"this is no dump: the links of {info.name}@{id_} are no object")
    for name, targets in links.items():
        relation = info.relations.get(name)
        if relation is None or not isinstance(targets, list):
            raise InvalidEntity(f"this is no dump: {info.name} has no relation {name!r}")
        for target in targets:
            linker.restore(Reference(info.name, id_), relation, Reference.parse(str(target)))


def _load_audit(unit: Unit, system: object) -> None:
    entries: object = system.get("audit", []) if isinstance(system, dict) else None
    if not isinstance(entries, list) or not all(isinstance(each, dict) for each in entries):
        raise InvalidEntity("this is no dump: its audit log is no list")
    last = unit.get(AUDIT, AUDIT_LAST)
    first = 0 if last is None else last["count"]
    for number, entry in enumerate(entries, first):
        unit.put(AUDIT, audit_key(number), stored_entry(number, entry))
    if entries:
        unit.put(AUDIT, AUDIT_LAST, {"count": first + len(entries)})


def _number(system: object, name: str) -> int:
    last: object = system.get("last", {}) if isinstance(system, dict) else None
    number: object = last.get(name, 0) if isinstance(last, dict) else None
    if type(number) is not int:
        raise InvalidEntity("this is no dump: its last ids are no numbers")
    return number


def _is_alias(records: dict[str, Any]) -> bool:
    return all(isinstance(value, str) for value in records.values())


def raw_dump(partitions: Iterable[tuple[str, str, Item]]) -> dict[str, str]:
    """Return everything that is stored, as texts by their keys."""
    return {
        text_key(pk, sk): json.dumps(item, ensure_ascii=False, default=_as_text)
        for pk, sk, item in partitions
    }


def _as_text(value: Any) -> str:
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    return value.isoformat() if hasattr(value, "isoformat") else str(value)
