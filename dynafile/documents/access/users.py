"""Users: signing up, logging in, and the password; by e-mail."""

from __future__ import annotations

import hashlib
import re
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from dynafile.documents.access.claims import checked_claims
from dynafile.documents.access.emails import normalised_email
from dynafile.documents.access.limits import Limit, RateLimiter, address_group
from dynafile.documents.access.passwords import Passwords, checked_password
from dynafile.documents.access.records import Record, Records, change
from dynafile.documents.base64url import to_text
from dynafile.documents.sources import Clock, Entropy
from dynafile.errors import (
    EmailTaken,
    InvalidAccess,
    InvalidLogin,
    TransactionConflict,
    UnknownUser,
)

__all__ = ["LOGINS_OF_ADDRESS", "LOGINS_OF_USER", "User", "Users"]

LOGINS_OF_USER: Final = Limit(10, 300)
LOGINS_OF_ADDRESS: Final = Limit(30, 300)

_USERS: Final = "user/"
_EMAILS: Final = "email/"
_UID = re.compile(r"[A-Za-z0-9_-]{20}")
_NOBODY: Final = "-" * 20
_ATTEMPTS: Final = 5
_UIDS: Final = 20
_REFUSED: Final = "no user has this e-mail and this password, or the user is disabled"


@dataclass(frozen=True, slots=True)
class User:
    """A user. ``uid`` is random and stays; ``generation`` grows when all sessions are to end.

    ``claims`` are what administrators say of them, for rules.
    """

    uid: str
    email: str
    made: float
    disabled: bool = False
    generation: int = 0
    claims: dict[str, Any] = field(default_factory=dict, hash=False)


class Users:
    """The users of a database.

    Login attempts are bounded for each e-mail, known or not, and for each address, in the memory
    of this process. Whoever has an e-mail's attempts used up keeps its owner from logging in for
    as long, which is the price; who is logged in stays so.

    :param records: where they are kept
    :param passwords: how passwords are hashed
    :param of_user: login attempts for an e-mail; a login that succeeds gives them back
    :param of_address: login attempts, and users signed up, from an address
    :param monotonic: the clock of these bounds
    """

    def __init__(
        self,
        records: Records,
        *,
        passwords: Passwords | None = None,
        of_user: Limit = LOGINS_OF_USER,
        of_address: Limit = LOGINS_OF_ADDRESS,
        clock: Clock = time.time,
        monotonic: Clock = time.monotonic,
        entropy: Entropy = secrets.token_bytes,
    ) -> None:
        self._records = records
        self._passwords = passwords or Passwords(entropy=entropy)
        self._of_user = RateLimiter(of_user, clock=monotonic)
        self._of_address = RateLimiter(of_address, clock=monotonic)
        self._clock = clock
        self._entropy = entropy

    def signup(self, email: str, password: str, *, address: str | None = None) -> User:
        """Make a user; raises InvalidAccess, EmailTaken or TooManyRequests.

        Of processes that sign up one e-mail at the same time one succeeds.
        """
        name = normalised_email(email)
        checked = checked_password(password)
        self._count_address(address)
        claim = _claim(name)
        hashed = self._passwords.hash(checked)
        if self._records.get(claim) is not None:
            raise _taken()
        record: Record = {
            "email": name,
            "password": hashed,
            "made": self._clock(),
            "disabled": False,
            "generation": 0,
            "claims": {},
        }
        # The user first: a crash before the claim leaves a user whom no e-mail leads to, and after
        # it none that lacks. 120 random bits are nobody else's.
        uid = self._new_uid()
        self._records.swap(_USERS + uid, None, record)
        if not self._records.swap(claim, None, {"uid": uid}):
            self._records.swap(_USERS + uid, record, None)
            raise _taken()
        return _user(uid, record)

    def _new_uid(self) -> str:
        for _ in range(_UIDS):
            uid = to_text(self._entropy(15))
            if not uid.startswith("-"):  # a command line would take it for an option
                return uid
        raise InvalidAccess("the source of randomness repeats itself")

    def login(self, email: str, password: str, *, address: str | None = None) -> User:
        """Return the user of an e-mail and a password; raises InvalidLogin or TooManyRequests.

        An unknown user, a wrong password and a disabled user take the same time and give the same
        error. A password that was hashed at another cost is hashed again.
        """
        self._count_address(address)
        try:
            name, checked = normalised_email(email), checked_password(password)
        except InvalidAccess:
            name = checked = ""
        if not name:
            raise InvalidLogin(_REFUSED)  # nobody has one like this, which is no secret
        self._of_user.take(name)
        uid, record = self._of_email(name)
        kept = None if record is None else record["password"]
        if not self._passwords.verify(kept, checked) or record is None or record["disabled"]:
            raise InvalidLogin(_REFUSED)
        self._of_user.forget(name)
        if self._passwords.outdated(record["password"]):
            # When somebody changes the user meanwhile, the next login does it.
            again = {**record, "password": self._passwords.hash(checked)}
            self._records.swap(_USERS + uid, record, again)
        return _user(uid, record)

    def change_password(self, uid: str, old: str, new: str, *, address: str | None = None) -> User:
        """Change a password, which ends all sessions; raises InvalidLogin, InvalidAccess.

        Attempts count as login attempts.
        """
        checked = checked_password(new)
        self._count_address(address)
        for _ in range(_ATTEMPTS):
            record = self._record(uid)
            self._of_user.take(record["email"])
            try:
                given = checked_password(old)
            except InvalidAccess:
                given = ""
            if not self._passwords.verify(record["password"], given) or record["disabled"]:
                raise InvalidLogin(_REFUSED)
            changed = self._with_password(record, checked)
            if self._records.swap(_USERS + uid, record, changed):
                self._of_user.forget(record["email"])
                return _user(uid, changed)
        raise TransactionConflict("the user was changed by others at the same time; try again")

    def set_password(self, uid: str, new: str) -> User:
        """Set a password without the old one, which ends all sessions; for administrators."""
        checked = checked_password(new)
        return self._changed(uid, lambda record: self._with_password(record, checked))

    def disable(self, uid: str) -> User:
        """Let a user log in no more, and end all sessions; raises UnknownUser."""
        return self._changed(uid, lambda record: {**_ended(record), "disabled": True})

    def enable(self, uid: str) -> User:
        """Let a user that was disabled log in again; raises UnknownUser."""
        return self._changed(uid, lambda record: {**record, "disabled": False})

    def set_claims(self, uid: str, claims: Mapping[str, Any]) -> User:
        """Replace what is said of a user, ``{"admin": True}``; raises UnknownUser, InvalidAccess.

        It counts with the next request, also of those who are logged in.
        """
        checked = checked_claims(claims)
        return self._changed(uid, lambda record: {**record, "claims": checked})

    def remove(self, uid: str) -> None:
        """Remove a user, whose e-mail is free then, and end all sessions; raises UnknownUser."""
        claim = _claim(self._record(uid)["email"])
        # The claim first, as at signing up: no e-mail leads to a user that is not there.
        self._records.swap(claim, {"uid": uid}, None)
        change(self._records, _USERS + uid, lambda _: None)

    def end_sessions(self, uid: str) -> User:
        """End all sessions of a user; raises UnknownUser."""
        return self._changed(uid, _ended)

    def get(self, uid: str) -> User:
        """Return the user of an id; raises UnknownUser."""
        return _user(uid, self._record(uid))

    def find(self, email: str) -> User | None:
        """Return the user of an e-mail; for administrators, since it says who is a user."""
        uid, record = self._of_email(normalised_email(email))
        return None if record is None else _user(uid, record)

    def list(self) -> list[User]:
        """Return all users, the oldest first; reads two records for each."""
        found = [
            _user(name.removeprefix(_USERS), record)
            for name, record in self._records.list(_USERS)
            if self._records.get(_claim(record["email"])) == {"uid": name.removeprefix(_USERS)}
        ]
        return sorted(found, key=lambda user: (user.made, user.uid))

    def _count_address(self, address: str | None) -> None:
        if address is not None:
            self._of_address.take(address_group(address))

    def _of_email(self, name: str) -> tuple[str, Record | None]:
        claim = self._records.get(_claim(name))
        uid = _NOBODY if claim is None else claim["uid"]
        return uid, self._records.get(_USERS + uid)

    def _record(self, uid: object) -> Record:
        formed = isinstance(uid, str) and _UID.fullmatch(uid) is not None
        record = self._records.get(f"{_USERS}{uid}") if formed else None
        if record is None:
            raise UnknownUser(f"there is no user {uid!r:.40}; an id has 20 characters", uid=uid)
        return record

    def _with_password(self, record: Record, password: str) -> Record:
        return {**_ended(record), "password": self._passwords.hash(password)}

    def _changed(self, uid: str, decide: Any) -> User:
        self._record(uid)
        record = change(
            self._records,
            _USERS + uid,
            lambda record: None if record is None else decide(record),
        )
        return _user(uid, record if record is not None else self._record(uid))


def _claim(name: str) -> str:
    # Hashed for a name of one length and few characters; the address stands in the user.
    return _EMAILS + hashlib.sha256(name.encode()).hexdigest()


def _taken() -> EmailTaken:
    return EmailTaken("a user with this e-mail is there already; log in, or take another")


def _ended(record: Record) -> Record:
    return {**record, "generation": record["generation"] + 1}


def _user(uid: str, record: Record) -> User:
    return User(
        uid=uid,
        email=record["email"],
        made=record["made"],
        disabled=record["disabled"],
        generation=record["generation"],
        claims=record["claims"],
    )
