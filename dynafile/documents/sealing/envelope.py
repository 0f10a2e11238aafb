"""The envelope: the map that stands in a document in the place of a value.

.. code-block:: text

    {"sealed": 1, "key": ID, "data": DATA}                          by a shared key
    {"sealed": 1, "from": PUBLIC, "to": {ID: WRAPPED}, "data": DATA} for owners of key pairs
    and "match": HASH beside it where the field is searchable

``DATA`` is base64url of nonce (12 bytes), key check (16), place check (16), cipher text and its tag
(16). The checks are hashes under a key that is derived from the one that encrypts: the first shows
that it is that key and no other, to which AES-GCM does not bind by itself, and the second that the
place is that one, so that the three ways to fail have three names.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import Any, Final

from dynafile.documents.base64url import from_text, to_text
from dynafile.errors import SealMalformed

__all__ = ["Envelope", "is_envelope", "parsed"]

VERSION: Final = 1
KEY_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
_NAMES: Final = ({"sealed", "key", "data"}, {"sealed", "from", "to", "data"})
_SHORTEST: Final = 12 + 16 + 16 + 1 + 16
_PUBLIC_BYTES: Final = 32
_WRAPPED_BYTES: Final = 48
_MATCH_BYTES: Final = 16
_MOST_RECIPIENTS: Final = 1000


@dataclass(frozen=True, slots=True)
class Envelope:
    """A sealed value, taken apart; ``key`` or ``sender`` and ``wrapped`` are set."""

    data: bytes = b""
    key: str | None = None
    sender: bytes | None = None
    wrapped: dict[str, bytes] = field(default_factory=dict)
    match: bytes | None = None

    @property
    def header(self) -> bytes:
        """All that is authenticated beside the data, but for the place."""
        whom = [to_text(self.sender), sorted(self.wrapped)] if self.sender else self.key
        match = None if self.match is None else to_text(self.match)
        return json.dumps([VERSION, whom, match], separators=(",", ":")).encode()

    def as_json(self) -> dict[str, Any]:
        """Return the map that is kept."""
        found: dict[str, Any] = {"sealed": VERSION}
        if self.sender is None:
            found["key"] = self.key
        else:
            found["from"] = to_text(self.sender)
            found["to"] = {name: to_text(each) for name, each in self.wrapped.items()}
        found["data"] = to_text(self.data)
        if self.match is not None:
            found["match"] = to_text(self.match)
        return found


def is_envelope(value: object) -> bool:
    """Say whether a value is, or looks like, a sealed one, of whatever version."""
    return (
        isinstance(value, dict)
        and type(value.get("sealed")) is int
        and isinstance(value.get("data"), str)
        and ("key" in value or "to" in value)
    )


def parsed(value: object, where: str) -> Envelope:
    """Take a sealed value apart; raises SealMalformed."""
    if not isinstance(value, dict):
        raise SealMalformed(f"{where} is no sealed value")
    version = value.get("sealed")
    if type(version) is not int or version < VERSION:
        raise SealMalformed(f"{where} is a sealed value without a version")
    if version > VERSION:
        raise SealMalformed(f"{where} was sealed by a later release; this one reads {VERSION}")
    if value.keys() - {"match"} not in _NAMES:
        raise SealMalformed(f"{where} is a sealed value that lacks parts, or has strange ones")
    match = _bytes(value["match"], _MATCH_BYTES, where) if "match" in value else None
    data = from_text(value["data"])
    if data is None or len(data) < _SHORTEST:
        raise SealMalformed(f"{where} is a sealed value that is cut off, or no text of one")
    if "key" in value:
        if not isinstance(value["key"], str) or KEY_ID.fullmatch(value["key"]) is None:
            raise SealMalformed(f"{where} is a sealed value whose key has no id")
        return Envelope(data, key=value["key"], match=match)
    sender = _bytes(value["from"], _PUBLIC_BYTES, where)
    recipients = value["to"]
    if not isinstance(recipients, dict) or not 0 < len(recipients) <= _MOST_RECIPIENTS:
        raise SealMalformed(f"{where} is a sealed value without recipients")
    wrapped = {name: _bytes(each, _WRAPPED_BYTES, where) for name, each in recipients.items()}
    return Envelope(data, sender=sender, wrapped=wrapped, match=match)


def _bytes(text: object, length: int, where: str) -> bytes:
    data = from_text(text)
    if data is None or len(data) != length:
        raise SealMalformed(f"{where} is a sealed value that is cut off, or no text of one")
    return data
