"""What is taken from ``cryptography``: AES-256-GCM, HKDF and Argon2id; and HMAC from Python."""

from __future__ import annotations

import hashlib
import hmac
from typing import Any, Final

from dynafile.documents.packages import need
from dynafile.errors import InvalidSealing

__all__ = ["KEY_BYTES", "NONCE_BYTES", "decrypt", "derive", "encrypt", "keyed_hash", "stretch"]

KEY_BYTES: Final = 32
NONCE_BYTES: Final = 12
_WHAT: Final = "sealed fields"


def encrypt(key: bytes, nonce: bytes, plain: bytes, beside: bytes) -> bytes:
    """Encrypt by AES-256-GCM; ``beside`` is authenticated with it. 16 bytes longer."""
    aead = need("cryptography.hazmat.primitives.ciphers.aead", _WHAT)
    sealed: bytes = aead.AESGCM(key).encrypt(nonce, plain, beside)
    return sealed


def decrypt(key: bytes, nonce: bytes, sealed: bytes, beside: bytes) -> bytes | None:
    """Return what was encrypted; None if any of the four is not what it was."""
    aead = need("cryptography.hazmat.primitives.ciphers.aead", _WHAT)
    exceptions = need("cryptography.exceptions", _WHAT)
    try:
        plain: bytes = aead.AESGCM(key).decrypt(nonce, sealed, beside)
    except exceptions.InvalidTag:
        return None
    return plain


def derive(secret: bytes, info: bytes, salt: bytes = b"") -> bytes:
    """Return the key for one purpose, which ``info`` names (HKDF-SHA256, RFC 5869)."""
    hashes = need("cryptography.hazmat.primitives.hashes", _WHAT)
    hkdf = need("cryptography.hazmat.primitives.kdf.hkdf", _WHAT)
    function = hkdf.HKDF(algorithm=hashes.SHA256(), length=KEY_BYTES, salt=salt, info=info)
    key: bytes = function.derive(secret)
    return key


def keyed_hash(key: bytes, data: bytes) -> bytes:
    """Return 16 bytes of HMAC-SHA256."""
    return hmac.digest(key, data, hashlib.sha256)[:16]


def stretch(passphrase: bytes, salt: bytes, *, memory: int, passes: int, lanes: int) -> bytes:
    """Return the key of a passphrase (Argon2id, RFC 9106); ``memory`` in KiB."""
    argon2: Any = need("cryptography.hazmat.primitives.kdf.argon2", _WHAT)
    exceptions = need("cryptography.exceptions", _WHAT)
    try:
        function = argon2.Argon2id(
            salt=salt, length=KEY_BYTES, iterations=passes, lanes=lanes, memory_cost=memory
        )
    except exceptions.UnsupportedAlgorithm:
        function = None
    if function is None:
        raise InvalidSealing(
            "cryptography was built with an OpenSSL before 3.2, which has no Argon2; "
            "pip install --only-binary cryptography 'dynafile[documents]', or use a key of bytes"
        )
    key: bytes = function.derive(passphrase)
    return key
