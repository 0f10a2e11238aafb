"""Sealing keys: 32 secret bytes with a name, from randomness or from a passphrase."""

from __future__ import annotations

import hmac
import secrets
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, NoReturn

from dynafile.documents.base64url import from_text, to_text
from dynafile.documents.sealing.content import ContentKey
from dynafile.documents.sealing.envelope import KEY_ID
from dynafile.documents.sealing.primitives import KEY_BYTES, stretch
from dynafile.documents.sources import Entropy
from dynafile.errors import InvalidSealing, WrongSealingKey

__all__ = ["PassphraseCost", "SealingKey"]

_SALT: Final = 16
_SHORTEST: Final = 12
_LONGEST: Final = 1024
_MOST: Final = {"memory": 1 << 20, "passes": 100, "lanes": 64}
_KDF: Final = "argon2id"


@dataclass(frozen=True, slots=True)
class PassphraseCost:
    """The parameters of Argon2id: memory in KiB, passes over it, lanes.

    The second that RFC 9106 recommends, of 64 MiB: a client does it once when it starts, so it can
    be dearer than a server's check of a password, and who guesses has all the time in the world.
    """

    memory: int = 65_536
    passes: int = 3
    lanes: int = 4


class SealingKey:
    """A key that seals and opens; its repr has the id alone, and it does not pickle.

    ``settings`` is set for one of a passphrase: what is needed beside the passphrase to have it
    again, for JSON. It is not secret, and may lie in the database.
    """

    def __init__(self, id: str, secret: bytes) -> None:  # noqa: A002 - as it is called elsewhere
        if not _is_id(id):
            raise InvalidSealing("the id of a key has 1 to 64 characters of A-Z, a-z, 0-9, . _ -")
        if not _is_secret(secret):
            raise InvalidSealing(
                f"the key {id!r} has {KEY_BYTES} bytes; for text, take a passphrase"
            )
        self.id: Final = id
        self.settings: dict[str, Any] | None = None
        self.content: Final = ContentKey(secret)
        self._secret = secret

    def __repr__(self) -> str:
        return f"SealingKey({self.id!r})"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a sealing key does not pickle; keep to_bytes() where secrets are kept")

    @classmethod
    def generate(cls, key_id: str, *, entropy: Entropy = secrets.token_bytes) -> SealingKey:
        """Make a key of random bytes."""
        return cls(key_id, entropy(KEY_BYTES))

    def to_bytes(self) -> bytes:
        """Return the secret, to be kept where secrets are kept."""
        return self._secret

    @classmethod
    def from_passphrase(
        cls,
        key_id: str,
        passphrase: str,
        *,
        cost: PassphraseCost | None = None,
        entropy: Entropy = secrets.token_bytes,
    ) -> SealingKey:
        """Make a key of a passphrase; keep its ``settings``, by which ``unlock`` makes it again.

        Whoever has them, or a sealed value, can try passphrases: take six random words or more.
        """
        cost = cost or PassphraseCost()
        settings: dict[str, Any] = {
            "id": key_id,
            "kdf": _KDF,
            "memory": cost.memory,
            "passes": cost.passes,
            "lanes": cost.lanes,
            "salt": to_text(entropy(_SALT)),
        }
        key = cls(key_id, _stretched(passphrase, settings))
        key.settings = {**settings, "check": to_text(key.content.fingerprint)}
        return key

    @classmethod
    def unlock(cls, settings: Mapping[str, Any], passphrase: str) -> SealingKey:
        """Return the key that ``settings`` describes; raises WrongSealingKey, InvalidSealing.

        Settings that somebody has changed, so that values would be sealed with a key that is
        easier to guess, are of another key, and raise WrongSealingKey too.
        """
        check = from_text(_mapping(settings).get("check"))
        if check is None or settings.get("kdf") != _KDF:
            raise InvalidSealing("these are no settings of a key; they are what key.settings was")
        key = cls(settings.get("id", ""), _stretched(passphrase, settings))
        if not hmac.compare_digest(key.content.fingerprint, check):
            raise WrongSealingKey(f"this is not the passphrase of the key {key.id!r}")
        key.settings = dict(settings)
        return key


def _is_id(value: object) -> bool:
    return isinstance(value, str) and KEY_ID.fullmatch(value) is not None


def _is_secret(value: object) -> bool:
    return isinstance(value, bytes) and len(value) == KEY_BYTES


def _mapping(settings: object) -> Mapping[str, Any]:
    return settings if isinstance(settings, Mapping) else {}


def _stretched(passphrase: object, settings: Mapping[str, Any]) -> bytes:
    if not isinstance(passphrase, str) or not _SHORTEST <= len(passphrase) <= _LONGEST:
        raise InvalidSealing(f"a passphrase is a text of {_SHORTEST} to {_LONGEST} characters")
    if any("\ud800" <= each <= "\udfff" for each in passphrase):
        raise InvalidSealing("a passphrase has half of a character (a lone surrogate)")
    numbers = {name: settings.get(name) for name in _MOST}
    for name, most in _MOST.items():
        number = numbers[name]
        # Bounded, since settings may come from a server: they must not take the client's memory.
        if type(number) is not int or not 1 <= number <= most:
            raise InvalidSealing(f"{name!r} of a key's settings is an integer of 1 to {most}")
    memory, passes, lanes = (int(settings[name]) for name in _MOST)
    if memory < 8 * lanes:
        raise InvalidSealing("'memory' of a key's settings is 8 KiB a lane or more")
    salt = from_text(settings.get("salt"))
    if salt is None or len(salt) != _SALT:
        raise InvalidSealing(f"'salt' of a key's settings is the text of {_SALT} bytes")
    composed = unicodedata.normalize("NFC", passphrase).encode()
    return stretch(composed, salt, memory=memory, passes=passes, lanes=lanes)
