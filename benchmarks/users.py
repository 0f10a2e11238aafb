"""What the documents are: a shop's users with addresses and orders in them, 0.5 KB as JSON."""

from __future__ import annotations

import random
from typing import Any, Final

User = dict[str, Any]

PER_TEAM: Final = 10
"""So many users are found by their team, and as many by their desk."""

COLLECTION: Final = "users"

_FIRST: Final = ("Anna", "Ben", "Carla", "Dmitri", "Elif", "Farid", "Grace", "Hugo")
_LAST: Final = ("Meyer", "Okafor", "Silva", "Novak", "Haddad", "Jansen", "Kowalski")
_CITIES: Final = ("Rotterdam", "Gdańsk", "Porto", "Lyon", "Aarhus", "Cork")
_TAGS: Final = ("newsletter", "wholesale", "gift", "first order", "phone only")
_STATES: Final = ("paid", "packed", "sent", "returned")


def user(number: int, rng: random.Random) -> User:
    """Make a version of the user of a number; but for that it depends on ``rng`` alone."""
    first, last = _FIRST[number % 8], _LAST[number % 7]
    return {
        "name": f"{first} {last}",
        "email": f"{first.lower()}.{number}@example.org",
        "team": team_of(number),
        "desk": desk_of(number),
        "score": rng.randrange(100_000) / 100,
        "active": rng.random() < 0.8,
        "referrer": None,
        "tags": rng.sample(_TAGS, 2),
        "address": {
            "street": f"Harbour Road {rng.randrange(200)}",
            "city": rng.choice(_CITIES),
            "at": {"lat": rng.randrange(90_000) / 1000, "lon": rng.randrange(90_000) / 1000},
        },
        "orders": {
            f"{rng.getrandbits(32):08x}": {
                "total": rng.randrange(50_000) / 100,
                "state": rng.choice(_STATES),
                "placed": 1_650_000_000 + rng.randrange(50_000_000),
            }
            for _ in range(2)
        },
    }


def key_of(number: int) -> str:
    """Return the id of the document of a user."""
    return f"u{number:07d}"


def number_of(key: str) -> int:
    """Return the number of the user whose document has an id."""
    return int(key[1:])


def team_of(number: int) -> str:
    """Return the team of a user, by which there is an index where there are any."""
    return f"team {number // PER_TEAM:06d}"


def desk_of(number: int) -> str:
    """Return the desk of a user, by which there is none."""
    return f"desk {number // PER_TEAM:06d}"
