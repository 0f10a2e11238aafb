"""Signing keys: Ed25519 pairs that sign tokens, rotated, and kept as records.

They lie in the records as they are: who can read the database's files can sign, as who can read a
server's certificate key can be the server.
"""

from __future__ import annotations

import hashlib
import re
import secrets
import time
from dataclasses import dataclass, field
from threading import Lock
from typing import TYPE_CHECKING, Final

from dynafile.documents.access.records import Record, Records
from dynafile.documents.base64url import from_text, to_text
from dynafile.documents.packages import need
from dynafile.documents.sources import Clock, Entropy
from dynafile.errors import ResourceNotFound

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import (
        Ed25519PrivateKey,
        Ed25519PublicKey,
    )

__all__ = ["SigningKey", "SigningKeys"]

_FOLDER: Final = "signing/"
_ID = re.compile(r"[A-Za-z0-9_-]{16}")
_DAY: Final = 86400.0
_TRUSTED_FOR: Final = 60.0
"""Seconds for which a key that was read is believed to be there still."""


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A pair; its repr has the id alone."""

    id: str
    made: float
    private: Ed25519PrivateKey = field(repr=False)
    public: Ed25519PublicKey = field(repr=False)


class SigningKeys:
    """The keys that sign and check tokens; the newest signs.

    Two processes may make a key at the same time: both count, and the newer signs.

    :param rotate_after: seconds after which another key signs
    :param verify_for: seconds for which a key that signs no more still checks; longer than tokens
        live
    """

    def __init__(
        self,
        records: Records,
        *,
        rotate_after: float = 30 * _DAY,
        verify_for: float = _DAY,
        clock: Clock = time.time,
        entropy: Entropy = secrets.token_bytes,
    ) -> None:
        self._records = records
        self._rotate_after = rotate_after
        self._verify_for = verify_for
        self._clock = clock
        self._entropy = entropy
        self._kept: dict[str, tuple[SigningKey, float]] = {}
        self._signer: tuple[SigningKey, float] | None = None
        self._lock = Lock()

    def current(self) -> SigningKey:
        """Return the key that signs now; makes one if none is there, or the newest is too old."""
        now = self._clock()
        with self._lock:
            kept = self._signer
            fresh = kept is not None and 0 <= now - kept[1] < _TRUSTED_FOR
            if kept is None or not fresh or not self._signs(kept[0], now):
                found = [_pair(name, record) for name, record in self._records.list(_FOLDER)]
                signing = [key for key in found if self._signs(key, now)]
                newest = max(signing, key=lambda key: (key.made, key.id), default=None)
                kept = (newest if newest is not None else self._made(now), now)
                self._signer = kept
            return kept[0]

    def find(self, key_id: object) -> SigningKey | None:
        """Return the key of an id, if what it has signed still counts."""
        if not isinstance(key_id, str) or _ID.fullmatch(key_id) is None:
            return None
        now = self._clock()
        with self._lock:
            kept = self._kept.get(key_id)
            if kept is None or not 0 <= now - kept[1] < _TRUSTED_FOR:
                record = self._records.get(_FOLDER + key_id)
                if record is None:
                    self._kept.pop(key_id, None)
                    return None
                kept = self._kept[key_id] = (_pair(_FOLDER + key_id, record), now)
            key = kept[0]
        return key if now < key.made + self._rotate_after + self._verify_for else None

    def rotate(self) -> SigningKey:
        """Make another key, which signs from now on; those before still check.

        Other processes sign with it within a minute. What is over is removed.
        """
        now = made = self._clock()
        for name, record in list(self._records.list(_FOLDER)):
            if record["expires"] <= now:
                self._records.swap(name, record, None)
            # The newest signs, for all: also where the clock stands still or goes back.
            made = max(made, record["made"] + 0.001)
        with self._lock:
            key = self._made(made)
            self._signer = (key, now)
        return key

    def withdraw(self, key_id: object) -> None:
        """Remove a key that somebody may have copied: what it has signed counts no more.

        Here at once, in other processes within a minute. Raises ResourceNotFound.
        """
        formed = isinstance(key_id, str) and _ID.fullmatch(key_id) is not None
        name = f"{_FOLDER}{key_id}"
        record = self._records.get(name) if formed else None
        if record is None:
            raise ResourceNotFound(
                f"there is no signing key {key_id!r:.40}", resource=str(key_id)[:40]
            )
        self._records.swap(name, record, None)
        with self._lock:
            self._kept.pop(name.removeprefix(_FOLDER), None)
            self._signer = None

    def list(self) -> list[SigningKey]:
        """Return all keys, the oldest first."""
        found = [_pair(name, record) for name, record in self._records.list(_FOLDER)]
        return sorted(found, key=lambda key: (key.made, key.id))

    def _signs(self, key: SigningKey, now: float) -> bool:
        return now < key.made + self._rotate_after

    def _made(self, now: float) -> SigningKey:
        seed = self._entropy(32)
        record: Record = {
            "seed": to_text(seed),
            "made": now,
            "expires": now + self._rotate_after + self._verify_for,
        }
        public = _private(seed).public_key().public_bytes_raw()
        name = _FOLDER + to_text(hashlib.sha256(public).digest()[:12])
        self._records.swap(name, None, record)
        return _pair(name, record)


def _private(seed: bytes) -> Ed25519PrivateKey:
    ed25519 = need("cryptography.hazmat.primitives.asymmetric.ed25519", "tokens")
    private: Ed25519PrivateKey = ed25519.Ed25519PrivateKey.from_private_bytes(seed)
    return private


def _pair(name: str, record: Record) -> SigningKey:
    seed = from_text(record["seed"])
    assert seed is not None
    private = _private(seed)
    return SigningKey(name.removeprefix(_FOLDER), record["made"], private, private.public_key())
