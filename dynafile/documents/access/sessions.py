"""Sessions: who is logged in, by refresh tokens that are used once.

A session is a family of refresh tokens: each use of one gives the next, and ends it. One that is
used again shows that two have it, its owner and a thief, in whichever order; so the session is
closed, for both. A client that lost an answer is in the same case, and logs in again.

A token is ``mr-``, 16 random bytes that name the family and 32 that are the secret of this one. The
family is kept by the hash of its name, with the hash of the one secret that counts: from the
records no token can be made. Hashes are SHA-256, as those of API keys, and for the same reason.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
import time
from dataclasses import dataclass, field
from typing import Final

from dynafile.documents.access.names import checked_seconds
from dynafile.documents.access.records import Record, Records, change
from dynafile.documents.access.tokens import Claims, Tokens
from dynafile.documents.access.users import User, Users
from dynafile.documents.base64url import to_text
from dynafile.documents.sources import Clock, Entropy
from dynafile.errors import ExpiredToken, InvalidAccess, InvalidToken, TokenReused, UnknownUser

__all__ = ["Sessions", "TokenPair"]

_FOLDER: Final = "session/"
_FORM = re.compile(r"mr-([A-Za-z0-9_-]{22})([A-Za-z0-9_-]{43})")
_SESSION = re.compile(r"[A-Za-z0-9_-]{22}")
_DAY: Final = 86400.0
_REFUSED: Final = "the refresh token does not count; log in again"


@dataclass(frozen=True, slots=True)
class TokenPair:
    """What a client gets: the tokens, in no repr, and the seconds that ``access`` lives."""

    uid: str
    expires_in: float
    access: str = field(repr=False)
    refresh: str = field(repr=False)


class Sessions:
    """The sessions of users.

    :param lifetime: seconds until a session ends, however often it is refreshed
    :param idle: seconds until one ends that is not refreshed
    """

    def __init__(
        self,
        records: Records,
        users: Users,
        tokens: Tokens,
        *,
        lifetime: float = 90 * _DAY,
        idle: float = 30 * _DAY,
        clock: Clock = time.time,
        entropy: Entropy = secrets.token_bytes,
    ) -> None:
        self._lifetime = checked_seconds(lifetime, "the life of a session")
        self._idle = checked_seconds(idle, "the idle time of a session")
        if self._idle < tokens.lifetime:
            raise InvalidAccess("a session that is idle lives as long as an access token, or more")
        self._records = records
        self._users = users
        self._tokens = tokens
        self._clock = clock
        self._entropy = entropy

    def open(self, user: User) -> TokenPair:
        """Return the first tokens of a user who has just logged in."""
        now = self._clock()
        family = to_text(self._entropy(16))
        secret = to_text(self._entropy(32))
        ends = now + self._lifetime
        record: Record = {
            "uid": user.uid,
            "generation": user.generation,
            "secret": _hash(secret),
            "made": now,
            "ends": ends,
            "expires": min(ends, now + self._idle),
        }
        session = _name(family)
        if not self._records.swap(_FOLDER + session, None, record):
            raise InvalidAccess("the source of randomness repeats itself")
        return self._pair(user.uid, session, family, secret)

    def refresh(self, text: object) -> TokenPair:
        """Return the next tokens of a session; raises InvalidToken, ExpiredToken or TokenReused.

        Of two who use a token at the same time, in whichever processes, one gets the next, and the
        other closes the session.
        """
        family, given = _parts(text)
        session = _name(family)
        while True:
            record = self._records.get(_FOLDER + session)
            if record is None:
                raise InvalidToken(_REFUSED)
            if not hmac.compare_digest(record["secret"], _hash(given)):
                self._close(session)
                raise TokenReused(
                    "the refresh token was used before, so the session is closed; log in again"
                )
            now = self._clock()
            if now >= record["expires"]:
                self._records.swap(_FOLDER + session, record, None)
                raise ExpiredToken("the session is over; log in again")
            if self._user_of(record) is None:
                self._close(session)
                raise InvalidToken(_REFUSED)
            secret = to_text(self._entropy(32))
            following = {
                **record,
                "secret": _hash(secret),
                "expires": min(record["ends"], now + self._idle),
            }
            if self._records.swap(_FOLDER + session, record, following):
                return self._pair(record["uid"], session, family, secret)

    def close(self, text: object) -> None:
        """Close the session of a refresh token, used or not; one that is closed stays so.

        Access tokens count on until they expire; ``is_open`` says it before.
        """
        try:
            family, _ = _parts(text)
        except InvalidToken:
            return
        self._close(_name(family))

    def is_open(self, session: object) -> bool:
        """Say whether the session of an access token is open; reads two records.

        For what is worth them: checking a token reads none, and so does not know.
        """
        record = self._open(session)
        return record is not None and self._user_of(record) is not None

    def user(self, claims: Claims) -> User:
        """Return the user of an access token whose session is open; raises InvalidToken.

        Reads two records.
        """
        record = self._open(claims.session)
        user = None if record is None else self._user_of(record)
        if user is None or user.uid != claims.uid:
            raise InvalidToken("the session of the access token is closed; log in again")
        return user

    def _open(self, session: object) -> Record | None:
        if not isinstance(session, str) or _SESSION.fullmatch(session) is None:
            return None
        record = self._records.get(_FOLDER + session)
        return None if record is None or self._clock() >= record["expires"] else record

    def _user_of(self, record: Record) -> User | None:
        """Return the user of a session, if it still counts."""
        try:
            user = self._users.get(record["uid"])
        except UnknownUser:
            return None
        return None if user.disabled or user.generation != record["generation"] else user

    def _pair(self, uid: str, session: str, family: str, secret: str) -> TokenPair:
        return TokenPair(
            uid=uid,
            expires_in=self._tokens.lifetime,
            access=self._tokens.issue(uid, session),
            refresh=f"mr-{family}{secret}",
        )

    def _close(self, session: str) -> None:
        change(self._records, _FOLDER + session, lambda _: None)


def _parts(text: object) -> tuple[str, str]:
    match = _FORM.fullmatch(text) if isinstance(text, str) else None
    if match is None:
        raise InvalidToken(_REFUSED)
    return match[1], match[2]


def _name(family: str) -> str:
    return to_text(hashlib.sha256(family.encode("ascii")).digest()[:16])


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode("ascii")).hexdigest()
