"""Saving and deleting entities: the record, its alias, what is counted, and the audit log."""

from __future__ import annotations

from typing import Any

from dynafile.entities import layout
from dynafile.entities.audit import DELETE, SAVE, Entry
from dynafile.entities.context import get_caller_id
from dynafile.entities.layout import Reference
from dynafile.entities.records import Record, Stamp
from dynafile.entities.serializing import plain
from dynafile.entities.system_time import SystemTime
from dynafile.entities.types import EntityType
from dynafile.entities.unit import Counter, Managed, Unit, reference
from dynafile.errors import (
    DuplicateEntity,
    DynafileError,
    InvalidEntity,
    InvalidEntityType,
    NotPermitted,
)
from dynafile.values import MAX_SORT_KEY_BYTES


def check_owner(entity: Managed, record: Record, what: str) -> None:
    """Raise NotPermitted unless the caller may do this: it owns the entity, or a rule lets it."""
    stamp = record.stamp
    if stamp is None:
        return
    caller = get_caller_id()
    if caller == stamp.owner:
        return
    if _may_change(entity, caller):
        return
    raise NotPermitted(
        f"Only the owner can {what} this entity. Current owner: {stamp.owner}; {caller} is at "
        f"work on {reference(entity)}",
        owner=stamp.owner,
    )


def _may_change(entity: Managed, caller: str) -> bool:
    rule = getattr(entity, "may_change", None)
    if rule is None:
        return False
    try:
        return rule(caller) is True
    except DynafileError:
        raise
    except Exception as error:
        raise NotPermitted(f"may_change of {reference(entity)} failed: {error!r}") from error


def new_stamp(info: EntityType) -> Stamp | None:
    """Return the stamp of an entity that is created now."""
    if not info.stamped:
        return None
    now, caller = SystemTime.get_instance().get_time(), get_caller_id()
    return Stamp(now, now, caller, caller, caller)


def save(unit: Unit, entity: Managed, record: Record) -> None:
    """Save what an entity is now; of one that is being created, later."""
    ref = reference(entity)
    if ref in unit.creating:
        unit.note(entity, record)
        return
    before = unit.claim(entity)
    if record.stamp is not None:
        now = SystemTime.get_instance().get_time()
        stamp = record.stamp
        record = record.with_stamp(
            Stamp(stamp.created, now, stamp.creator, get_caller_id(), stamp.owner)
        )
    _move_alias(unit, entity, before, record)
    unit.write(entity, record)
    _audit(unit, entity, SAVE, before, record)


def create(unit: Unit, entity: Managed, record: Record) -> None:
    """Save a new entity for the first time, and count it."""
    info = entity._entity_type
    _move_alias(unit, entity, None, record)
    unit.write(entity, record)
    counter = unit.counter(info.name)
    number = int(entity._id) if layout.is_number(entity._id) else 0
    unit.set_counter(info.name, Counter(max(counter.last, number), counter.count + 1))
    _audit(unit, entity, SAVE, None, record)


def delete(unit: Unit, entity: Managed) -> None:
    """Delete an entity that nothing links to any more."""
    info, record = entity._entity_type, unit.claim(entity)
    if info.alias is not None and record.values[info.alias] is not None:
        unit.delete(layout.aliases(info.name), alias_key(info, record.values[info.alias]))
    unit.remove(entity)
    counter = unit.counter(info.name)
    unit.set_counter(info.name, Counter(counter.last, counter.count - 1))
    _audit(unit, entity, DELETE, record, None)


def take_id(unit: Unit, info: EntityType, wanted: object) -> str:
    """Return the id of a new entity: the next one, or its own if nobody has it."""
    if wanted is None:
        return str(unit.counter(info.name).last + 1)
    if isinstance(wanted, bool) or not isinstance(wanted, str | int):
        raise InvalidEntityType(f"_id is a str or an int, not {wanted!r}")
    id_ = str(wanted)
    if not id_:
        raise InvalidEntity("_id has at least one character")
    if not layout.is_key(layout.link_key(Reference(info.name, id_))):
        most = MAX_SORT_KEY_BYTES - len(f"{info.name}@~".encode())
        raise InvalidEntity(f"_id is text of up to {most} bytes in UTF-8, not {id_[:50]!r}...")
    if unit.get(layout.entities(info.name), layout.id_key(id_)) is not None:
        raise DuplicateEntity(f"Entity {info.name}@{id_} already exists", type=info.name, id=id_)
    return id_


def alias_key(info: EntityType, value: Any) -> str:
    """Return the sort key of an alias."""
    assert info.alias is not None
    key = layout.alias_key(str(info.properties[info.alias].to_json(value)))
    if not layout.is_key(key):
        raise InvalidEntity(
            f"{info.alias} is the alias of {info.name}, so it has at most "
            f"{MAX_SORT_KEY_BYTES - 1} bytes",
            field=info.alias,
        )
    return key


def _move_alias(unit: Unit, entity: Managed, before: Record | None, after: Record) -> None:
    info = entity._entity_type
    if info.alias is None:
        return
    old = None if before is None else before.values[info.alias]
    new = after.values[info.alias]
    if old == new:
        return
    place = layout.aliases(info.name)
    if new is not None:
        key = alias_key(info, new)
        holder = unit.get(place, key)
        if holder is not None and holder["id"] != entity._id:
            raise DuplicateEntity(
                f"{info.name}@{holder['id']} has the alias {new!r} already: {info.alias} is unique",
                type=info.name,
                id=holder["id"],
            )
        unit.put(place, key, {"id": entity._id})
    if old is not None and (new is None or alias_key(info, old) != alias_key(info, new)):
        unit.delete(place, alias_key(info, old))


def _audit(
    unit: Unit, entity: Managed, operation: str, before: Record | None, after: Record | None
) -> None:
    if not unit.audited:
        return
    info, id_ = entity._entity_type, entity._id
    unit.entries.append(
        Entry(
            operation,
            SystemTime.get_instance().get_time(),
            get_caller_id(),
            reference(entity),
            None if before is None else plain(info, id_, before, str),
            None if after is None else plain(info, id_, after, str),
        )
    )
