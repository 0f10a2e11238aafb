"""Sealers for tests: of keys and of recipients, cheap where a passphrase is stretched."""

from __future__ import annotations

from typing import Any

from dynafile.documents.sealing import (
    Field,
    KeyPair,
    PassphraseCost,
    Recipients,
    Sealer,
    SealingKey,
)

CHEAP = PassphraseCost(memory=8, passes=1, lanes=1)
PASSPHRASE = "six random words are a passphrase"

FIELDS = {
    "users": {
        "ssn": Field(searchable=True),
        "note": Field(),
        "address.street": Field(),
    },
    "users/*/posts": {"text": Field(), "tag": Field(searchable=True)},
}
ANN = ("users", "ann")
DOCUMENT: dict[str, Any] = {
    "name": "Ann",
    "ssn": "123-45-6789",
    "note": {"a": [1, 2.5, None, True, "é😀"], "b": {}},
    "address": {"street": "12 Main St", "city": "Oslo"},
}
K1, K2 = SealingKey("k1", b"1" * 32), SealingKey("k2", b"2" * 32)
SEARCH = SealingKey("search", b"s" * 32)
PAIR, OTHER = KeyPair.generate(), KeyPair.generate()


def shared() -> Sealer:
    return Sealer(FIELDS, K1)


def asymmetric() -> Sealer:
    return Sealer(FIELDS, Recipients([PAIR.public], own=PAIR, search=SEARCH))


SEALERS = {"shared": shared, "asymmetric": asymmetric}
