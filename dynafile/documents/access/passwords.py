"""Passwords: their hashes by Argon2id (RFC 9106).

The parameters are OWASP's first of equal strength, 19 MiB, 2 passes and 1 lane, rather than the 64
MiB and 4 lanes of RFC 9106, which are for a machine that does nothing else: a server hashes for
whoever asks, before it knows whom. So that they cannot take its memory, it hashes ``at_once``.
"""

from __future__ import annotations

import secrets
import unicodedata
from dataclasses import dataclass
from functools import cached_property
from threading import BoundedSemaphore
from typing import TYPE_CHECKING, Final

from dynafile.documents.packages import need
from dynafile.documents.sources import Entropy
from dynafile.errors import InvalidAccess

if TYPE_CHECKING:
    from argon2 import PasswordHasher

__all__ = ["PasswordCost", "Passwords", "checked_password"]

SHORTEST: Final = 8
LONGEST: Final = 1024
_SALT: Final = 16


@dataclass(frozen=True, slots=True)
class PasswordCost:
    """The parameters of Argon2id: memory in KiB, passes over it, lanes."""

    memory: int = 19_456
    passes: int = 2
    lanes: int = 1


class Passwords:
    """Hashes of passwords, with a cost that may be changed at any time.

    :param at_once: so many are computed at the same time, and the others wait
    """

    def __init__(
        self,
        cost: PasswordCost | None = None,
        *,
        at_once: int = 4,
        entropy: Entropy = secrets.token_bytes,
    ) -> None:
        self._cost = cost or PasswordCost()
        self._entropy = entropy
        self._free = BoundedSemaphore(at_once)

    @cached_property
    def _hasher(self) -> PasswordHasher:
        argon2 = need("argon2", "users with passwords")
        hasher: PasswordHasher = argon2.PasswordHasher(
            time_cost=self._cost.passes,
            memory_cost=self._cost.memory,
            parallelism=self._cost.lanes,
            salt_len=_SALT,
        )
        return hasher

    @cached_property
    def _nobodys(self) -> str:
        return self.hash(self._entropy(_SALT).hex())

    def hash(self, password: str) -> str:
        """Return the hash of a password that ``checked_password`` has returned."""
        with self._free:
            return self._hasher.hash(password, salt=self._entropy(_SALT))

    def verify(self, kept: str | None, password: str) -> bool:
        """Say whether a hash is of this password; for None, no, in the same time."""
        nobodys = self._nobodys  # also when it is not needed, so that the first time is no other
        errors = need("argon2.exceptions", "users with passwords")
        with self._free:
            try:
                right = self._hasher.verify(nobodys if kept is None else kept, password)
            except (errors.VerificationError, errors.InvalidHashError):
                return False
        return kept is not None and bool(right)

    def outdated(self, kept: str) -> bool:
        """Say whether a hash was made at another cost than is set now."""
        return self._hasher.check_needs_rehash(kept)


def checked_password(password: object) -> str:
    """Return a password composed (NFC); raises InvalidAccess, whose text has none of it.

    8 to 1024 characters, of whatever kind: no rules of composition, which make passwords worse
    (NIST SP 800-63B). Composed, because keyboards differ in how they type an é.
    """
    if not isinstance(password, str):
        raise InvalidAccess("a password is a text")
    if not len(password) <= LONGEST:
        raise InvalidAccess(f"a password has at most {LONGEST} characters")
    if any("\ud800" <= each <= "\udfff" for each in password):
        raise InvalidAccess("a password has half of a character (a lone surrogate)")
    composed = unicodedata.normalize("NFC", password)
    if len(composed) < SHORTEST:
        raise InvalidAccess(f"a password has at least {SHORTEST} characters")
    return composed
