"""Linking entities: both ends of a relation change together.

A to-one end is in the record of its entity. A to-many end is a list of items of its own, one a
link, so that a list of any length costs the same to add to; its length is counted beside it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Protocol

from dynafile.entities import layout
from dynafile.entities.actions import ACTION_CREATE, ACTION_MODIFY
from dynafile.entities.hooks import call_entity_hook
from dynafile.entities.layout import Reference
from dynafile.entities.relations import ManyToMany, ManyToOne, OneToMany, OneToOne, Relation
from dynafile.entities.saving import check_owner, save
from dynafile.entities.types import EntityType, accepts, named, reverse_of
from dynafile.entities.unit import Managed, Unit, reference
from dynafile.errors import EntityDeleted, InvalidEntity, InvalidEntityType


class Home(Protocol):
    """The database of the entities."""

    def look_up(self, info: EntityType, name: object) -> Any:
        """Return an entity by its id, else by its alias, or None."""

    def follow(self, target: Reference) -> Any:
        """Return the entity at the other end of a link."""

    def is_mine(self, entity: Any) -> bool:
        """Say whether an entity is of this database."""


class Linker:
    """Changes of relations, in one unit of work."""

    def __init__(self, home: Home, unit: Unit) -> None:
        self._home = home
        self._unit = unit

    # -- what was given -------------------------------------------------------------------------

    def one(self, entity: Managed, relation: Relation[Any], given: Any) -> Managed:
        """Return the entity that is meant by itself, its id or its alias.

        Raises InvalidEntityType for other things and types, InvalidEntity where there is none.
        """
        info, field = entity._entity_type, relation.name
        if isinstance(given, list | tuple | set | frozenset) and not relation.many:
            kind = "one-to-one" if isinstance(relation, OneToOne) else "many-to-one"
            raise InvalidEntity(
                f"{field} cannot be set to multiple values ({kind} relationship)", field=field
            )
        other = given
        if isinstance(given, str) or (isinstance(given, int) and not isinstance(given, bool)):
            other = self._named(entity, relation, given)
        elif not isinstance(getattr(type(given), "_entity_type", None), EntityType):
            raise InvalidEntityType(
                f"{field} must be set to an Entity instance, string ID, or string name, not "
                f"{given!r}",
                field=field,
            )
        if not accepts(relation, info, other._entity_type):
            raise InvalidEntityType(
                f"{field} must be set an Entity instance of any of the following types: "
                f"{list(relation.types)}, but got type {other._entity_type.name!r}",
                field=field,
            )
        if not self._home.is_mine(other):
            raise InvalidEntity(
                f"{field}: {reference(other)} is an entity of another database", field=field
            )
        found: Managed = other
        self._reverse(entity, relation, found)
        return found

    def _check_there(self, other: Managed) -> None:
        """Raise EntityDeleted for what is gone; it must be there at the commit, too."""
        if other._gone or self._unit.visible(other) is None:
            raise EntityDeleted(f"{reference(other)} was deleted: nothing can lead to it")

    def _named(self, entity: Managed, relation: Relation[Any], name: str | int) -> Managed:
        for type_ in relation.types:
            for info in named(type_, entity._entity_type):
                for each in info.derived():
                    found: Managed | None = self._home.look_up(each, name)
                    if found is not None:
                        return found
        raise InvalidEntity(
            f"No entity of types {', '.join(relation.types)} found with ID or name {str(name)!r}",
            field=relation.name,
        )

    def several(self, entity: Managed, relation: Relation[Any], given: Any) -> list[Managed]:
        """Return the entities that are meant, each once."""
        if isinstance(relation, ManyToMany) and not isinstance(given, list | tuple):
            if given is None or isinstance(given, set | frozenset | dict):
                raise InvalidEntityType(
                    f"{relation.name} requires a list or tuple of entities, not {given!r}"
                )
            given = [given]
        if not isinstance(given, list | tuple):
            raise InvalidEntityType(
                f"{relation.name} must be set to a list of entities, not {given!r}"
            )
        found = [self.one(entity, relation, each) for each in given]
        return list({reference(each): each for each in found}.values())

    def _reverse(self, entity: Managed, relation: Relation[Any], other: Managed) -> Relation[Any]:
        return reverse_of(entity._entity_type, relation, other._entity_type)

    # -- one link -------------------------------------------------------------------------------

    def set_one(self, entity: Managed, relation: Relation[Any], given: Any) -> None:
        """Let a to-one relation lead to another entity, or to none."""
        other = None if given is None else self.one(entity, relation, given)
        other = self._ask(entity, relation, self._at(entity, relation), other)
        self._permit(entity)
        if other is not None:
            self._check_there(other)
            if isinstance(relation, ManyToOne):
                self._refuse_circle(entity, relation, other)
        old = self._at(entity, relation)
        if old is not None and other is not None and reference(old) == reference(other):
            return
        if old is not None:
            self._ask_to_part(entity, relation, old)
        if other is not None:
            reverse = self._reverse(entity, relation, other)
            taken = None if reverse.many else self._at(other, reverse)
            self._ask_far(other, reverse, taken, entity)
            if not reverse.many:
                self._permit(other)
            if taken is not None:
                self._ask_to_part(other, reverse, taken)
        self._move(entity, relation, other)

    def add(self, entity: Managed, relation: Relation[Any], given: Any) -> None:
        """Add a link to a to-many relation."""
        # Nothing of the record is overwritten, so it need not be what it was when it was loaded.
        self._unit.visible(entity)
        other = self.one(entity, relation, given)
        if self.is_linked(reference(entity), relation, reference(other)):
            return
        other = self._ask(entity, relation, None, other)
        self._check_there(other)
        self._permit(entity)
        reverse = self._reverse(entity, relation, other)
        if isinstance(relation, OneToMany):
            self._refuse_circle(other, reverse, entity)
            old = self._at(other, reverse)
            self._ask_far(other, reverse, old, entity)
            self._permit(other)
            if old is not None:
                self._ask_to_part(other, reverse, old)
            self._move(other, reverse, entity)
        else:
            self._ask_far(other, reverse, None, entity)
            if not self.is_linked(reference(entity), relation, reference(other)):
                self._join(entity, relation, other)
        self._touch(entity)

    def remove(self, entity: Managed, relation: Relation[Any], given: Any) -> None:
        """Take a link away, if it is there."""
        # Nothing of the record is overwritten, so it need not be what it was when it was loaded.
        self._unit.visible(entity)
        other = self.one(entity, relation, given)
        if not self.is_linked(reference(entity), relation, reference(other)):
            return
        self._ask(entity, relation, other, None)
        self._permit(entity)
        reverse = self._reverse(entity, relation, other)
        self._ask_far(other, reverse, entity, None)
        if isinstance(relation, OneToMany):
            self._permit(other)
        if self.is_linked(reference(entity), relation, reference(other)):
            self._part(entity, relation, other)
        self._touch(entity)

    def set_many(self, entity: Managed, relation: Relation[Any], given: Any) -> None:
        """Let a to-many relation lead to these entities and to no others."""
        wanted = {reference(each): each for each in self.several(entity, relation, given)}
        there = dict.fromkeys(self.targets(reference(entity), relation))
        for target in there:
            if target not in wanted:
                self.remove(entity, relation, self._home.follow(target))
        for target in [target for target in wanted if target not in there]:
            self.add(entity, relation, wanted[target])

    def cut_all(self, entity: Managed) -> None:
        """Take away every link of an entity that is deleted; the other ends are not asked."""
        for relation in entity._entity_type.relations.values():
            if relation.many:
                for target in list(self.targets(reference(entity), relation)):
                    self._part(entity, relation, self._home.follow(target))
            else:
                other = self._at(entity, relation)
                if other is not None:
                    self._part(entity, relation, other)

    # -- both ends ------------------------------------------------------------------------------

    def _join(self, entity: Managed, relation: Relation[Any], other: Managed) -> None:
        self._put_end(entity, relation, other)
        if entity is not other or relation.name != relation.reverse_name:
            self._put_end(other, self._reverse(entity, relation, other), entity)

    def _part(self, entity: Managed, relation: Relation[Any], other: Managed) -> None:
        self._take_end(entity, relation, other)
        if entity is not other or relation.name != relation.reverse_name:
            self._take_end(other, self._reverse(entity, relation, other), entity)

    def _move(self, entity: Managed, relation: Relation[Any], other: Managed | None) -> None:
        """Let a to-one end lead elsewhere, from what it leads to now: hooks may have changed it."""
        self._free(entity, relation)
        if other is None:
            self._take_end(entity, relation, entity)
            return
        reverse = self._reverse(entity, relation, other)
        if not reverse.many:
            self._free(other, reverse)
        self._join(entity, relation, other)

    def _free(self, entity: Managed, relation: Relation[Any]) -> None:
        """Take away the other end of what a to-one relation leads to."""
        old = self._at(entity, relation)
        if old is not None:
            self._take_end(old, self._reverse(entity, relation, old), entity)

    def _put_end(self, entity: Managed, relation: Relation[Any], other: Managed) -> None:
        owner, target = reference(entity), reference(other)
        if not relation.many:
            save(self._unit, entity, self._unit.claim(entity).with_value(relation.name, target))
            return
        item = {"type": target.type, "id": target.id}
        self._unit.put(layout.links(owner, relation.name), layout.link_key(target), item)
        length = self._unit.length(owner, relation.name)
        self._unit.set_length(owner, relation.name, length + 1)

    def _take_end(self, entity: Managed, relation: Relation[Any], other: Managed) -> None:
        owner, target = reference(entity), reference(other)
        if not relation.many:
            record = self._unit.claim(entity)
            if record.values[relation.name] is not None:
                save(self._unit, entity, record.with_value(relation.name, None))
            return
        self._unit.delete(layout.links(owner, relation.name), layout.link_key(target))
        length = self._unit.length(owner, relation.name)
        self._unit.set_length(owner, relation.name, length - 1)

    def _touch(self, entity: Managed) -> None:
        """Note who changed an entity of whose record nothing else has changed, and when."""
        record = self._unit.claim(entity)
        if record.stamp is not None or self._unit.audited:
            save(self._unit, entity, record)

    # -- reading --------------------------------------------------------------------------------

    def _at(self, entity: Managed, relation: Relation[Any]) -> Managed | None:
        target = self._unit.claim(entity).values[relation.name]
        found: Managed | None = None if target is None else self._home.follow(target)
        return found

    def is_linked(self, owner: Reference, relation: Relation[Any], target: Reference) -> bool:
        """Say whether there is a link."""
        key = layout.link_key(target)
        return self._unit.get(layout.links(owner, relation.name), key) is not None

    def targets(self, owner: Reference, relation: Relation[Any]) -> Iterator[Reference]:
        """Yield what a to-many relation leads to."""
        for _, item in self._unit.range(layout.links(owner, relation.name)):
            yield Reference(item["type"], item["id"])

    def restore(self, owner: Reference, relation: Relation[Any], target: Reference) -> None:
        """Make a link as it was: nobody is asked, and no record is saved anew."""
        entity, other = self._home.follow(owner), self._home.follow(target)
        if other is None:
            raise InvalidEntity(f"{owner}.{relation.name} leads to {target}, which is not there")
        reverse = self._reverse(entity, relation, other)
        if not accepts(relation, entity._entity_type, other._entity_type):
            raise InvalidEntityType(f"{owner}.{relation.name} cannot lead to {target}")
        self._restore_end(entity, relation, other)
        self._restore_end(other, reverse, entity)

    def _restore_end(self, entity: Managed, relation: Relation[Any], other: Managed) -> None:
        owner, target = reference(entity), reference(other)
        if relation.many:
            if not self.is_linked(owner, relation, target):
                self._put_end(entity, relation, other)
            return
        record = self._unit.claim(entity)
        there = record.values[relation.name]
        if there is None:
            self._unit.write(entity, record.with_value(relation.name, target))
        elif there != target:
            raise InvalidEntity(f"{owner}.{relation.name} leads to {there} and to {target}")

    # -- who is asked ---------------------------------------------------------------------------

    def _ask(
        self, entity: Managed, relation: Relation[Any], old: Managed | None, new: Managed | None
    ) -> Any:
        is_new = reference(entity) in self._unit.creating
        action = ACTION_CREATE if is_new else ACTION_MODIFY
        info, name = entity._entity_type, relation.name
        answer = call_entity_hook(info, entity, name, old, new, action)
        if answer is new or answer is None or (relation.many and new is None):
            return answer if not relation.many else new
        return self.one(entity, relation, answer)

    def _ask_far(
        self, entity: Managed, relation: Relation[Any], old: Managed | None, new: Managed | None
    ) -> None:
        info, name = entity._entity_type, relation.name
        call_entity_hook(info, entity, name, old, new, ACTION_MODIFY)

    def _ask_to_part(self, entity: Managed, relation: Relation[Any], other: Managed) -> None:
        """Ask the one at the other end, which must agree to be changed."""
        reverse = self._reverse(entity, relation, other)
        self._ask_far(other, reverse, entity, None)
        if not reverse.many:
            self._permit(other)

    def _permit(self, entity: Managed) -> None:
        check_owner(entity, self._unit.claim(entity), "update")

    def _refuse_circle(self, entity: Managed, relation: Relation[Any], above: Managed) -> None:
        """Raise InvalidEntity where an entity would be above itself."""
        found: Managed | None = above
        while found is not None:
            if found is entity:
                raise InvalidEntity(
                    f"{relation.name} of {reference(entity)} cannot be {reference(above)}: it "
                    "would be above itself",
                    field=relation.name,
                )
            if found._entity_type.relations.get(relation.name) is None:
                return
            record = self._unit.visible(found)
            target = None if record is None else record.values.get(relation.name)
            found = None if target is None else self._home.follow(target)
