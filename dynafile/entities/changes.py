"""Changes of entities: creating, setting, giving away, merging, deleting."""

from __future__ import annotations

from typing import Any, Protocol

from dynafile.entities.actions import ACTION_CREATE, ACTION_DELETE, ACTION_MODIFY
from dynafile.entities.context import checked_user
from dynafile.entities.dumps import values_of
from dynafile.entities.hooks import call_entity_hook
from dynafile.entities.layout import Reference
from dynafile.entities.linking import Home as Linking
from dynafile.entities.linking import Linker
from dynafile.entities.records import Record, Stamp, first_revision
from dynafile.entities.saving import check_owner, new_stamp, save, take_id
from dynafile.entities.saving import create as save_new
from dynafile.entities.saving import delete as save_deleted
from dynafile.entities.types import EntityType
from dynafile.entities.unit import Managed, Unit, reference
from dynafile.errors import InvalidEntity, InvalidEntityType


class Home(Linking, Protocol):
    """The database of the entities."""

    def load(self, info: EntityType, id_: str) -> Any:
        """Return an entity by its id, or None."""

    def by_alias(self, info: EntityType, alias: str) -> Any:
        """Return an entity by its alias, or None."""


def create(home: Home, unit: Unit, entity: Any, fields: dict[str, Any]) -> None:
    """Make a new entity of an object, and save it when all its fields are set."""
    info: EntityType = entity._entity_type
    wanted = fields.pop("_id", None)
    for name in fields:
        if name not in info.properties and name not in info.relations:
            raise InvalidEntityType(
                f"{info.name} has no field {name!r}; it has {', '.join(info.fields) or 'none'}",
                field=name,
            )
    values = dict(info.defaults)
    if info.hook is None:
        # Nobody looks at it before it is whole.
        for name in [name for name in fields if name in info.properties]:
            values[name] = info.properties[name].validate(fields.pop(name))
    id_ = take_id(unit, info, wanted)
    ref = Reference(info.name, id_)
    entity.__dict__.update(_id=id_, _reference=ref, _db=home, _gone=False)
    unit.claim_new(entity, Record(values, new_stamp(info), first_revision()))
    unit.creating.add(ref)
    try:
        if fields:
            _set_fields(Linker(home, unit), unit, entity, fields)
        unit.creating.discard(ref)
        save_new(unit, entity, unit.claim(entity))
    finally:
        unit.creating.discard(ref)


def _set_fields(linker: Linker, unit: Unit, entity: Managed, fields: dict[str, Any]) -> None:
    info = entity._entity_type
    for name, value in fields.items():
        if name in info.properties:
            set_property(unit, entity, name, value)
        elif info.relations[name].many:
            linker.set_many(entity, info.relations[name], value)
        else:
            linker.set_one(entity, info.relations[name], value)


def set_property(unit: Unit, entity: Managed, name: str, value: Any) -> None:
    """Set a property: the hook is asked, then the value is checked, then the owner."""
    info = entity._entity_type
    old = unit.claim(entity).values[name]
    if info.hook is not None:
        old = getattr(entity, name)  # a copy, where it could be changed
    action = ACTION_CREATE if reference(entity) in unit.creating else ACTION_MODIFY
    allowed = call_entity_hook(info, entity, name, old, value, action)
    checked = info.properties[name].validate(allowed)
    record = unit.claim(entity)
    check_owner(entity, record, "update")
    if not info.properties[name].is_same(record.values[name], checked):
        save(unit, entity, record.with_value(name, checked))


def set_owner(unit: Unit, entity: Managed, owner: str) -> None:
    """Give an entity to another user."""
    record = unit.claim(entity)
    check_owner(entity, record, "give away")
    assert record.stamp is not None
    stamp = record.stamp
    given = Stamp(stamp.created, stamp.updated, stamp.creator, stamp.updater, checked_user(owner))
    save(unit, entity, record.with_stamp(given))


def delete(home: Home, unit: Unit, entity: Managed) -> None:
    """Delete an entity and its links: the hook is asked, then the owner."""
    unit.claim(entity)
    call_entity_hook(entity._entity_type, entity, None, entity, None, ACTION_DELETE)
    check_owner(entity, unit.claim(entity), "delete")
    Linker(home, unit).cut_all(entity)
    save_deleted(unit, entity)


def merge(home: Home, unit: Unit, info: EntityType, data: dict[str, Any]) -> Any:
    """Create or change an entity from what ``serialize`` gave."""
    id_ = data.get("_id")
    values = values_of(info, None if id_ is None else str(id_), data)
    given = {
        name: values[name] if name in info.properties else data[name]
        for name in info.fields
        if name in data
        or (data.get("__version__", info.version) != info.version and name in values)
    }
    entity = None if id_ is None else home.load(info, str(id_))
    alias = None if info.alias is None else given.get(info.alias)
    if entity is None and id_ is None and alias is not None:
        entity = home.by_alias(info, alias_text(info, alias))
    if entity is None:
        created = info.blank()
        create(home, unit, created, given if id_ is None else {"_id": id_, **given})
        return created
    for name, value in given.items():
        setattr(entity, name, value)
    return entity


def alias_text(info: EntityType, value: Any) -> str:
    """Return an alias as it is looked up."""
    assert info.alias is not None
    field = info.properties[info.alias]
    try:
        return str(field.to_json(field.check_type(value)))
    except InvalidEntity:
        return str(value)
