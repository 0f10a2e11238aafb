"""What the entities are: people with six fields, some 100 bytes each, the same in every run."""

from __future__ import annotations

import random
from typing import Any, Final

Fields = dict[str, Any]

AGES: Final = 100
"""How many ages there are; each is as frequent as any other."""

_FIRST: Final = ("Anna", "Ben", "Carla", "Dmitri", "Elif", "Farid", "Grace", "Hugo")
_LAST: Final = ("Meyer", "Okafor", "Silva", "Novak", "Haddad", "Jansen", "Kowalski")
_CITIES: Final = ("Rotterdam", "Gdańsk", "Porto", "Lyon", "Aarhus", "Cork")
_NOTES: Final = ("prefers letters", "moved last year", "call before noon", "speaks Portuguese")


def person(number: int) -> Fields:
    """Make the person of a number, from 1; the name is nobody else's."""
    rng = random.Random(number)
    return {
        "name": name_of(number),
        "age": number % AGES,
        "score": rng.randrange(100_000) / 100,
        "active": rng.random() < 0.8,
        "city": rng.choice(_CITIES),
        "note": rng.choice(_NOTES),
    }


def name_of(number: int) -> str:
    """Return the name of a person."""
    return f"{_FIRST[number % 8]} {_LAST[number % 7]} {number}"


def people(first: int, count: int) -> list[Fields]:
    """Return so many people, from a number on."""
    return [person(number) for number in range(first, first + count)]
