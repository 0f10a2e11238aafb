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
