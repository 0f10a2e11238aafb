"""Content keys: what encrypts one value, or all values of a shared key."""

from __future__ import annotations

import hmac
from functools import cached_property
from typing import Final

from dynafile.documents.sealing.envelope import Envelope
from dynafile.documents.sealing.places import Place
from dynafile.documents.sealing.primitives import (
    NONCE_BYTES,
    decrypt,
    derive,
    encrypt,
    keyed_hash,
)
from dynafile.documents.sources import Entropy
from dynafile.errors import SealedElsewhere, SealTampered, WrongSealingKey

__all__ = ["ContentKey"]

_CHECK: Final = 16


class ContentKey:
    """The keys that are derived from 32 secret bytes, each for one purpose."""

    def __init__(self, secret: bytes) -> None:
        self._secret = secret
        self._matching: dict[bytes, bytes] = {}

    def __repr__(self) -> str:
        return "ContentKey(...)"

    @cached_property
    def _encrypting(self) -> bytes:
        return derive(self._secret, b"dynafile seal 1 encrypt")

    @cached_property
    def _checking(self) -> bytes:
        return derive(self._secret, b"dynafile seal 1 check")

    @cached_property
    def fingerprint(self) -> bytes:
        """16 bytes that show that it is this key, to who has it."""
        return keyed_hash(self._checking, b"fingerprint")

    def match(self, context: bytes, value: bytes) -> bytes:
        """Return the hash by which equal values of a field are found."""
        key = self._matching.get(context)
        if key is None:
            key = self._matching[context] = derive(self._secret, b"dynafile seal 1 " + context)
        return keyed_hash(key, value)

    def seal(self, plain: bytes, place: Place, header: bytes, entropy: Entropy) -> bytes:
        """Return the data of an envelope."""
        nonce = entropy(NONCE_BYTES)
        packed = place.packed
        checks = self._key_check(nonce) + self._place_check(packed)
        return nonce + checks + encrypt(self._encrypting, nonce, plain, _beside(header, packed))

    def open(self, envelope: Envelope, place: Place) -> bytes:
        """Return what was sealed.

        Raises WrongSealingKey, SealedElsewhere or SealTampered.
        """
        data, packed = envelope.data, place.packed
        nonce, rest = data[:NONCE_BYTES], data[NONCE_BYTES:]
        key_check, place_check, sealed = (
            rest[:_CHECK],
            rest[_CHECK : 2 * _CHECK],
            rest[2 * _CHECK :],
        )
        particulars = {"path": place.path, "field": ".".join(place.field)}
        if not hmac.compare_digest(key_check, self._key_check(nonce)):
            named = "" if envelope.key is None else f" {envelope.key!r}"
            raise WrongSealingKey(
                f"{place} was sealed with another key than the one that is called{named} here, or "
                "was changed since",
                **particulars,
            )
        if not hmac.compare_digest(place_check, self._place_check(packed)):
            raise SealedElsewhere(
                f"{place} was sealed for another document or field, and moved here; seal it for "
                "its place",
                **particulars,
            )
        plain = decrypt(self._encrypting, nonce, sealed, _beside(envelope.header, packed))
        if plain is None:
            raise SealTampered(f"{place} was changed since it was sealed", **particulars)
        return plain

    def _key_check(self, nonce: bytes) -> bytes:
        return keyed_hash(self._checking, b"key" + nonce)

    def _place_check(self, packed: bytes) -> bytes:
        return keyed_hash(self._checking, b"place" + packed)


def _beside(header: bytes, packed: bytes) -> bytes:
    return header + b"\n" + packed  # JSON without line ends: there is one way to part them
