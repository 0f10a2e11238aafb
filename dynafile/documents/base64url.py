"""Bytes as text that URLs and JSON take: base64url without padding (RFC 4648, section 5)."""

from __future__ import annotations

import base64
import re

__all__ = ["from_text", "to_text"]

_TEXT = re.compile(r"[A-Za-z0-9_-]*")


def to_text(data: bytes) -> str:
    """Return bytes as text, without padding."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


def from_text(text: object) -> bytes | None:
    """Return the bytes of a text; None for what ``to_text`` does not make.

    Bytes have one text: bits that are left over in the last character are zero.
    """
    if not isinstance(text, str) or _TEXT.fullmatch(text) is None or len(text) % 4 == 1:
        return None
    data = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    return data if to_text(data) == text else None
