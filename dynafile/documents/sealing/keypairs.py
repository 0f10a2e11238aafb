"""Key pairs: X25519, to seal for others by what they may publish."""

from __future__ import annotations

import hashlib
import re
import secrets
from typing import Any, Final, NoReturn

from dynafile.documents.base64url import from_text, to_text
from dynafile.documents.packages import need
from dynafile.documents.sealing.primitives import KEY_BYTES, decrypt, derive, encrypt
from dynafile.documents.sources import Entropy
from dynafile.errors import InvalidSealing, SealTampered

__all__ = ["KeyPair", "PublicKey"]

_PREFIX: Final = "x25519-"
_TEXT = re.compile(r"x25519-([A-Za-z0-9_-]{43})")
_NONCE: Final = bytes(12)
"""Of the wrapping of a content key: what wraps it is derived for it, and wraps nothing else."""


class PublicKey:
    """The half of a pair that is published: a text of 50 characters."""

    __slots__ = ("data",)

    def __init__(self, data: bytes) -> None:
        self.data: Final = data

    @classmethod
    def parse(cls, text: object) -> PublicKey:
        """Return the key of a text, or of itself; raises InvalidSealing."""
        if isinstance(text, PublicKey):
            return text
        match = _TEXT.fullmatch(text) if isinstance(text, str) else None
        data = from_text(match[1]) if match is not None else None
        if data is None:
            shown = text if isinstance(text, str) and text.startswith(_PREFIX) else "this"
            raise InvalidSealing(
                f"{shown!r:.60} is no public key; one is x25519- and 43 characters"
            )
        return cls(data)

    @property
    def id(self) -> str:
        """16 characters that name the key in sealed values."""
        return to_text(hashlib.sha256(self.data).digest()[:12])

    def __str__(self) -> str:
        return _PREFIX + to_text(self.data)

    def __repr__(self) -> str:
        return f"PublicKey({str(self)!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, PublicKey) and other.data == self.data

    def __hash__(self) -> int:
        return hash(self.data)


class KeyPair:
    """A pair; its repr has the public key alone, and it does not pickle."""

    def __init__(self, private: Any) -> None:
        self._private = private
        self.public: Final = PublicKey(private.public_key().public_bytes_raw())

    def __repr__(self) -> str:
        return f"KeyPair({str(self.public)!r})"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a key pair does not pickle; keep to_pem() where secrets are kept")

    @classmethod
    def generate(cls, *, entropy: Entropy = secrets.token_bytes) -> KeyPair:
        """Make a pair."""
        return cls(_x25519().X25519PrivateKey.from_private_bytes(entropy(KEY_BYTES)))

    def to_pem(self, password: str | None = None) -> bytes:
        """Return the private key as PEM (PKCS #8), encrypted where there is a password."""
        forms = need("cryptography.hazmat.primitives.serialization", "key pairs")
        protection = forms.NoEncryption()
        if password is not None:
            if not password:
                raise InvalidSealing("the password of a PEM has something in it; None for none")
            protection = forms.BestAvailableEncryption(password.encode())
        pem: bytes = self._private.private_bytes(
            forms.Encoding.PEM, forms.PrivateFormat.PKCS8, protection
        )
        return pem

    @classmethod
    def from_pem(cls, pem: bytes | str, password: str | None = None) -> KeyPair:
        """Return the pair of a PEM; raises InvalidSealing."""
        forms = need("cryptography.hazmat.primitives.serialization", "key pairs")
        data = pem.encode() if isinstance(pem, str) else pem
        given = None if password is None else password.encode()
        try:
            private = forms.load_pem_private_key(data, given)
        except Exception:  # noqa: BLE001 - of many kinds, and with texts of OpenSSL
            private = None
        if not isinstance(private, _x25519().X25519PrivateKey):
            raise InvalidSealing(
                "this is no PEM of an X25519 private key, or its password is another one"
            )
        return cls(private)

    def unwrap(self, wrapped: bytes, sender: bytes) -> bytes:
        """Return the content key that was wrapped for this pair; raises SealTampered."""
        key = _shared(self._private, sender, sender, self.public)
        secret = None if key is None else decrypt(key, _NONCE, wrapped, b"")
        if secret is None:
            raise SealTampered("the key of a sealed value was changed since it was sealed")
        return secret

    def wrap(self, secret: bytes, to: PublicKey) -> bytes:
        """Wrap a content key for another; the pair is made for this value, and then thrown away."""
        key = _shared(self._private, to.data, self.public.data, to)
        if key is None:
            raise InvalidSealing(f"{to} is no public key: it has no order, and so no secret")
        return encrypt(key, _NONCE, secret, b"")


def _shared(private: Any, other: bytes, sender: bytes, recipient: PublicKey) -> bytes | None:
    try:
        secret = private.exchange(_x25519().X25519PublicKey.from_public_bytes(other))
    except ValueError:  # all zeros: of a point of small order
        return None
    return derive(secret, b"dynafile seal 1 wrap", salt=sender + recipient.data)


def _x25519() -> Any:
    return need("cryptography.hazmat.primitives.asymmetric.x25519", "key pairs")
