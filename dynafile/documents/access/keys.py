"""API keys: made, listed, checked and revoked; kept as hashes.

A key is ``mb-`` and 32 random bytes as text. It is kept as its SHA-256: nobody can try 2^256 keys,
so that a slow hash, as passwords need it, would protect nothing and cost each request its time.
Its first 8 characters are its id, by which it is found and named in logs; the 208 bits that remain
are no easier to guess.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from dynafile.documents.access.names import checked_name, checked_seconds
from dynafile.documents.access.records import Record, Records, change
from dynafile.documents.access.scopes import Path, Scopes, parse_scopes, reaches
from dynafile.documents.base64url import to_text
from dynafile.documents.sources import Clock, Entropy
from dynafile.errors import InvalidAccess, InvalidApiKey, OutOfScope, ResourceNotFound

__all__ = ["ApiKey", "ApiKeys", "NewApiKey"]

_BYTES: Final = 32
_ID: Final = 8
_ATTEMPTS: Final = 10
_FORM = re.compile(r"mb-[A-Za-z0-9_-]{43}")
_ID_FORM = re.compile(r"[A-Za-z0-9_-]{8}")
_FOLDER: Final = "key/"
_NO_HASH: Final = "0" * 64


@dataclass(frozen=True, slots=True)
class ApiKey:
    """What is known of a key; not the key itself. Times are seconds since 1970.

    ``used`` is when it was last used, to the hour. ``scopes`` is None for the whole tree.
    """

    id: str
    name: str
    read_only: bool
    scopes: Scopes
    made: float
    expires: float | None = None
    used: float | None = None
    revoked: float | None = None

    def allows(self, path: Path, *, write: bool = False, group: bool = False) -> bool:
        """Say whether the key may read, or write, this path; ``group`` for a collection group."""
        return not (write and self.read_only) and reaches(self.scopes, path, group=group)

    def require(self, path: Path, *, write: bool = False, group: bool = False) -> None:
        """Raise OutOfScope if the key may not read, or write, this path."""
        if self.allows(path, write=write, group=group):
            return
        only_read = write and self.read_only
        why = "is read-only" if only_read else f"does not reach {'/'.join(path) or 'the root'!r}"
        raise OutOfScope(f"the API key {self.id}... {why}; use another", id=self.id, path=path)


@dataclass(frozen=True, slots=True)
class NewApiKey:
    """A key that was just made. ``text`` is the key: shown now, kept nowhere, in no repr."""

    key: ApiKey
    text: str = field(repr=False)


class ApiKeys:
    """The keys of a database.

    :param records: where they are kept
    :param used_step: seconds to which the last use is rounded; a key is written once in so many
    """

    def __init__(
        self,
        records: Records,
        *,
        clock: Clock = time.time,
        entropy: Entropy = secrets.token_bytes,
        used_step: float = 3600,
    ) -> None:
        self._records = records
        self._clock = clock
        self._entropy = entropy
        self._used_step = used_step

    def make(
        self,
        name: str,
        *,
        read_only: bool = False,
        scopes: Iterable[str | Iterable[str]] | None = None,
        lifetime: float | None = None,
    ) -> NewApiKey:
        """Make a key; raises InvalidAccess.

        :param scopes: paths beneath which it may read and write; None for everywhere
        :param lifetime: seconds until it expires; None for never
        """
        now = self._clock()
        parsed = parse_scopes(scopes)
        seconds = None if lifetime is None else checked_seconds(lifetime, "an API key's lifetime")
        record: Record = {
            "name": checked_name(name, "an API key's name"),
            "read_only": bool(read_only),
            "scopes": None if parsed is None else [list(path) for path in parsed],
            "made": now,
            "ends": None if seconds is None else now + seconds,
            "used": None,
            "revoked": None,
        }
        for _ in range(_ATTEMPTS):
            text = f"mb-{to_text(self._entropy(_BYTES))}"
            if _id(text).startswith("-"):  # a command line would take it for an option
                continue
            if self._keep(text, record):
                return NewApiKey(_key(_id(text), record), text)
        raise InvalidAccess("the source of randomness repeats itself")

    def adopt(self, text: str, name: str) -> None:
        """Let a key count that was made elsewhere; one that is known is left as it is.

        Raises InvalidAccess.
        """
        if _FORM.fullmatch(text) is None:
            raise InvalidAccess("an API key is mb- and 43 characters of A-Z, a-z, 0-9, _ and -")
        record: Record = {
            "name": checked_name(name, "an API key's name"),
            "read_only": False,
            "scopes": None,
            "made": self._clock(),
            "ends": None,
            "used": None,
            "revoked": None,
        }
        self._keep(text, record)

    def _keep(self, text: str, record: Record) -> bool:
        """Keep what is known of a key beside its hash; return False for one that is known."""
        return self._records.swap(_FOLDER + _id(text), None, {"hash": _hash(text), **record})

    def check(self, text: object) -> ApiKey:
        """Return the key that this text is; raises InvalidApiKey.

        Costs one read of the records, and a write when it was not used in the last hour.
        """
        formed = isinstance(text, str) and _FORM.fullmatch(text) is not None
        given = text if formed and isinstance(text, str) else ""
        record = self._records.get(_FOLDER + _id(given)) if formed else None
        kept = _NO_HASH if record is None else record["hash"]
        if not hmac.compare_digest(kept, _hash(given)) or record is None:
            raise InvalidApiKey("no such API key; it begins with mb- and is shown once, when made")
        key = self._counting(_key(_id(given), record))
        now = self._clock()
        step = now - now % self._used_step
        if key.used is None or key.used < step:
            # When somebody else is quicker, that is as good.
            self._records.swap(_FOLDER + key.id, record, {**record, "used": step})
        return key

    def renew(self, key: ApiKey) -> ApiKey:
        """Return a key that was checked before as it is now; raises InvalidApiKey."""
        record = self._records.get(_FOLDER + key.id)
        if record is None:
            raise InvalidApiKey(f"the API key {key.id}... is gone; make another", id=key.id)
        return self._counting(_key(key.id, record))

    def _counting(self, key: ApiKey) -> ApiKey:
        """Return a key that counts; what is wrong with it is told only to who has it."""
        if key.revoked is not None:
            raise InvalidApiKey(f"the API key {key.id}... was revoked; make another", id=key.id)
        if key.expires is not None and self._clock() >= key.expires:
            raise InvalidApiKey(f"the API key {key.id}... has expired; make another", id=key.id)
        return key

    def list(self) -> list[ApiKey]:
        """Return all keys, the revoked too, the oldest first."""
        found = [
            _key(name.removeprefix(_FOLDER), record) for name, record in self._records.list(_FOLDER)
        ]
        return sorted(found, key=lambda key: (key.made, key.id))

    def revoke(self, key_id: str) -> ApiKey:
        """Revoke the key of an id, at once and for ever; raises ResourceNotFound."""
        self._known(key_id)
        now = self._clock()

        def decide(record: Record | None) -> Record | None:
            if record is None or record["revoked"] is not None:
                return record
            return {**record, "revoked": now}

        revoked = change(self._records, _FOLDER + key_id, decide)
        return _key(key_id, self._known(key_id) if revoked is None else revoked)

    def forget(self, key_id: str) -> None:
        """Remove a key from the list, and revoke it so; raises ResourceNotFound."""
        self._known(key_id)
        change(self._records, _FOLDER + key_id, lambda _: None)

    def _known(self, key_id: object) -> Record:
        formed = isinstance(key_id, str) and _ID_FORM.fullmatch(key_id) is not None
        record = self._records.get(f"{_FOLDER}{key_id}") if formed else None
        if record is None:
            shown = str(key_id) if formed else "..."  # perhaps a whole key was pasted
            raise ResourceNotFound(
                f"there is no API key {shown!r}; an id is the 8 characters after mb-",
                resource=shown,
            )
        return record


def _id(text: str) -> str:
    return text[3 : 3 + _ID]


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode("ascii")).hexdigest()


def _key(key_id: str, record: Record) -> ApiKey:
    scopes = record["scopes"]
    return ApiKey(
        id=key_id,
        name=record["name"],
        read_only=record["read_only"],
        scopes=None if scopes is None else tuple(tuple(path) for path in scopes),
        made=record["made"],
        expires=record["ends"],
        used=record["used"],
        revoked=record["revoked"],
    )
