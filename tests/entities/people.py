"""Types that several tests share, and that a second process has too."""

from __future__ import annotations

from typing import Any

from dynafile.entities import (
    Entity,
    Integer,
    ManyToMany,
    ManyToOne,
    OneToMany,
    OneToOne,
    String,
)


class Human(Entity):
    __alias__ = "name"
    name = String()
    age = Integer(default=0)
    spouse: OneToOne[Any] = OneToOne("Human", "spouse")
    boss: ManyToOne[Any] = ManyToOne("Human", "staff")
    staff: OneToMany[Any] = OneToMany("Human", "boss")
    friends: ManyToMany[Any] = ManyToMany("Human", "friends")
    pets: OneToMany[Any] = OneToMany(["Hound", "Kitten"], "keeper")


class Hound(Entity):
    name = String()
    keeper: ManyToOne[Any] = ManyToOne("Human", "pets")


class Kitten(Entity):
    name = String()
    keeper: ManyToOne[Any] = ManyToOne("Human", "pets")


def state() -> dict[str, Any]:
    """Return all entities and their relations, after counting each list in every way there is."""
    found: dict[str, Any] = {"count": (Human.count(), Hound.count(), Kitten.count())}
    found["last"] = (Human.max_id(), Hound.max_id(), Kitten.max_id())
    for one in [*Human.instances(), *Hound.instances(), *Kitten.instances()]:
        relations: dict[str, Any] = {}
        for name, relation in one._entity_type.relations.items():
            value = getattr(one, name)
            if not relation.many:
                relations[name] = None if value is None else _name(value)
                continue
            there = list(value)
            assert len(value) == len(there) == len(set(there))
            assert all(other in value for other in there)
            assert all(_has(other, relation.reverse_name, one) for other in there)
            relations[name] = {_name(other) for other in there}
        found[_name(one)] = (one.name, getattr(one, "age", None), relations)
        if isinstance(one, Human) and one.name is not None:
            assert Human["name", one.name] is one
    return found


def _name(one: Any) -> str:
    return f"{one._type}@{one._id}"


def _has(other: Any, name: str, one: Any) -> bool:
    value = getattr(other, name)
    return bool(
        value is one or (value is not None and not isinstance(value, Human) and one in value)
    )
