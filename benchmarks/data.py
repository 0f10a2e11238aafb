"""What is stored: orders of customers, some 300 bytes each, the same in every run.

The partition key is the customer, the sort key the order. An order is flat (strings, ints, a float,
a bool, a None), and one in four has a short list besides. Only what JSON can express is in it, so
that no peer has to do more than decode.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any, Final

Item = dict[str, Any]
Key = tuple[str, str]

SEED: Final = 20_240_229
PER_COLLECTION: Final = 10

_FIRST: Final = ("Anna", "Ben", "Carla", "Dmitri", "Elif", "Farid", "Grace", "Hugo")
_LAST: Final = ("Meyer", "Okafor", "Silva", "Novak", "Haddad", "Jansen", "Kowalski")
_STREETS: Final = ("Harbour Road", "Mill Lane", "Station Street", "Orchard Way", "Church Hill")
_CITIES: Final = (("Rotterdam", "NL"), ("Gdańsk", "PL"), ("Porto", "PT"), ("Lyon", "FR"))
_STATUS: Final = ("open", "paid", "shipped", "delivered", "returned")
_CARRIERS: Final = ("DHL", "UPS", "GLS", None)
_TAGS: Final = ("gift", "express", "fragile", "insured", "subscription")


def key_of(customer: int, number: int) -> Key:
    """Return partition key and sort key of a customer's order."""
    return f"customer#{customer:06d}", f"order#{number:08d}"


def order(customer: int, number: int, rng: random.Random) -> Item:
    """Make an order; but for its key it depends on ``rng`` alone."""
    pick = rng.random
    pk, sk = key_of(customer, number)
    first, last = _FIRST[int(pick() * 8)], _LAST[int(pick() * 7)]
    city, country = _CITIES[int(pick() * 4)]
    item: Item = {
        "PK": pk,
        "SK": sk,
        "status": _STATUS[int(pick() * 5)],
        "total": int(pick() * 100_000) / 100,
        "currency": "EUR",
        "lines": 1 + int(pick() * 9),
        "paid": pick() < 0.8,
        "name": f"{first} {last}",
        "email": f"{first}.{last}.{customer}@example.com",
        "street": f"{_STREETS[int(pick() * 5)]} {1 + int(pick() * 200)}",
        "postcode": f"{10_000 + int(pick() * 90_000)}",
        "city": city,
        "country": country,
        "placed": 1_650_000_000 + int(pick() * 50_000_000),
        "shipped": None,
        "carrier": _CARRIERS[int(pick() * 4)],
        "reference": f"{int(pick() * (1 << 48)):012x}",
    }
    if number % 4 == 0:
        item["tags"] = [_TAGS[int(pick() * 5)], _TAGS[int(pick() * 5)]]
    return item


def orders(count: int, per_collection: int = PER_COLLECTION) -> list[Item]:
    """Return the first ``count`` orders, shuffled."""
    return list(shuffled_orders(count, per_collection))


def shuffled_orders(count: int, per_collection: int = PER_COLLECTION) -> Iterator[Item]:
    """Yield the first ``count`` orders, ``per_collection`` a customer, shuffled."""
    rng = random.Random(SEED)
    places = list(range(count))
    rng.shuffle(places)
    for place in places:
        yield order(*divmod(place, per_collection), rng)


def writes(count: int, existing: int, seed: int) -> list[Item]:
    """Return orders to put into a table: in turn a new version of one that is there, and a new one.

    The table has the first ``existing`` orders. The new ones go into the collections that are
    there, past their ends.
    """
    rng = random.Random(seed)
    customers = existing // PER_COLLECTION
    made = []
    for index in range(count):
        number = PER_COLLECTION * (1 + seed) + index if index % 2 else rng.randrange(PER_COLLECTION)
        made.append(order(rng.randrange(customers), number, rng))
    return made


def new_versions(existing: int) -> Iterator[Item]:
    """Yield new versions of the first ``existing`` orders, without end, at random."""
    rng = random.Random(SEED + 1)
    while True:
        yield order(*divmod(rng.randrange(existing), PER_COLLECTION), rng)
