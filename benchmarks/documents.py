"""What is kept as an object: a product, a dict of 1 KB as JSON, the same in every run.

Strings, ints, floats, bools, a None, lists, and dicts in it; no types that JSON lacks, so that each
contender stores it in its ordinary way.
"""

from __future__ import annotations

import random
from typing import Any, Final

Document = dict[str, Any]

PER_FOLDER: Final = 100

_MATERIALS: Final = ("steel", "walnut", "brass", "linen", "glass", "cork", "slate", "wool")
_MAKERS: Final = (
    ("Okafor & Sons", "NG"),
    ("Novak", "CZ"),
    ("Atelier Silva", "PT"),
    ("Meyer", "DE"),
)
_PURPOSES: Final = ("for the kitchen", "for the desk", "for a long journey", "for the garden")


def document(number: int, rng: random.Random) -> Document:
    """Make a version of the product of a number; but for that it depends on ``rng`` alone."""
    first, second = rng.choice(_MATERIALS), rng.choice(_MATERIALS)
    purpose = rng.choice(_PURPOSES)
    maker, country = rng.choice(_MAKERS)
    price = rng.randrange(100_000) / 100
    return {
        "id": number,
        "sku": f"WX-{number:07d}",
        "title": f"Box of {first} and {second} {purpose}",
        "description": (
            f"Made by hand of {first}, with a lid of {second} that closes by its own weight. It "
            f"was thought of {purpose}, and is at home wherever small things want a place: keys, "
            "letters, tea, buttons, seeds. Each piece has a grain of its own; it ages well, needs "
            "no more than a dry cloth, and is mended in the workshop for as long as that stands."
        ),
        "price": price,
        "currency": "EUR",
        "stock": rng.randrange(500),
        "weight": rng.randrange(5_000) / 1_000,
        "rating": rng.randrange(50) / 10,
        "reviews": rng.randrange(2_000),
        "active": rng.random() < 0.9,
        "discontinued": None,
        "tags": [first, second, "handmade", "gift", purpose],
        "prices": [round(price * share, 2) for share in (1.0, 0.95, 0.9, 0.8)],
        "dimensions": {"width": 30.5, "height": 12.25, "depth": 20.0, "unit": "cm"},
        "maker": {"name": maker, "country": country, "since": 1900 + rng.randrange(120)},
        "origin": {"workshop": "Harbour Road 12, Rotterdam", "batch": rng.randrange(10_000)},
        "placed": 1_650_000_000 + rng.randrange(50_000_000),
        "reference": f"{rng.getrandbits(128):032x}",
    }


def brief(number: int, rng: random.Random) -> Document:
    """Make a version of what a shop's list has of a product, for a store of very many."""
    return {
        "id": number,
        "title": f"Box of {rng.choice(_MATERIALS)} and {rng.choice(_MATERIALS)}",
        "price": rng.randrange(100_000) / 100,
        "active": rng.random() < 0.9,
    }


def key_of(number: int) -> str:
    """Return where the product of a number is: 100 to a folder, at depth 3."""
    return f"/shop/{number // PER_FOLDER:05d}/{number:07d}"


def folder_of(number: int) -> str:
    """Return the folder that a product is in."""
    return f"/shop/{number // PER_FOLDER:05d}"
