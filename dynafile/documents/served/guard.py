"""The guard: who asks, and what they may do. What is served asks it before anything is done."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any, Final, Literal, Protocol, TypeAlias

from msgspec import Struct

from dynafile.documents.access import Accounts, ApiKey, Claims
from dynafile.documents.paths import Path
from dynafile.documents.served.credentials import Credentials, credentials_in
from dynafile.documents.served.rates import Rates, counted_address
from dynafile.documents.sources import Clock
from dynafile.errors import AccessRefused, ExpiredToken, NotAuthenticated

__all__ = ["ANYBODY", "Action", "Caller", "Guard", "KeyGuard", "Limits", "OpenGuard"]

Action: TypeAlias = Literal["get", "list", "create", "update", "delete"]


class Caller(Struct, frozen=True):
    """Who asks."""

    id: str
    """What the log calls them: nothing secret."""
    key: ApiKey | None = None
    auth: dict[str, Any] | None = None
    """What rules are told of them."""
    claims: Claims | None = None
    """What the token says that came."""


ANYBODY: Final = Caller("anybody")


class Limits(Struct, frozen=True):
    """How much one request, or one connection, may ask for."""

    head_seconds: float = 10.0
    """In which the head of a request has to come."""
    waiting: int = 256
    """Connections of which a head, or a greeting, is waited for so long; of more only a tenth."""
    body_bytes: int = 10 << 20
    body_seconds: float = 30.0
    page: int = 1000
    """Documents in one page of a collection."""
    subscriptions: int = 1000
    """Of one WebSocket."""
    listeners: int = 10_000
    """Of the whole process: connections that are live."""
    heartbeat: float = 15.0
    """Seconds after which somebody who listens is told that nothing happened."""
    stall: float = 60.0
    """Seconds after which a listener that reads nothing is left."""
    greeting: float = 10.0
    """Seconds in which a WebSocket has to say who it is."""


class Guard(Protocol):
    """Decides who may do what; its methods are called from threads."""

    @property
    def limits(self) -> Limits:
        """How much may be asked for."""

    @property
    def inspects(self) -> bool:
        """Whether rules decide about each document; once they do, they always do."""

    def caller(self, headers: Mapping[str, str], address: str | None) -> Caller:
        """Return who asks; raises NotAuthenticated, TooManyRequests.

        :param headers: by lower-case name.
        :param address: from where, if that is known.
        """

    def renew(self, caller: Caller) -> None:
        """Raise NotAuthenticated where somebody who was admitted no longer would be."""

    def count(self, caller: Caller) -> None:
        """Count what is asked on a connection that was admitted once; raises TooManyRequests."""

    def check(
        self, caller: Caller, action: Action, path: Path, before: Any, after: Any, *, group: bool
    ) -> None:
        """Raise AccessRefused where a caller may not do this.

        :param path: of a document, a collection or a field.
        :param before: the document as it is; None: it is not there, or it does not matter.
        :param after: the document as it would be.
        :param group: whether ``path`` is the name of a group of collections.
        """


class KeyGuard:
    """Admits who has an API key, as far as its scopes reach, and users where rules say more.

    :param accounts: the keys and users of the database.
    :param rates: how often each may ask; None: as often as they like.

    A user's token does not do without a key here, since anybody may sign up: rules say more.
    """

    def __init__(
        self,
        accounts: Accounts,
        limits: Limits | None = None,
        *,
        rates: Rates | None = None,
        clock: Clock = time.time,
    ) -> None:
        self.limits = limits or Limits()
        self._accounts = accounts
        self._rates = rates
        self._clock = clock

    @property
    def inspects(self) -> bool:
        """False: scopes are of paths."""
        return False

    def caller(self, headers: Mapping[str, str], address: str | None) -> Caller:
        """Return who asks; raises NotAuthenticated and what is one, and TooManyRequests."""
        given = credentials_in(headers)
        counted = counted_address(address)
        if not given:
            found = self._nobody(given)
            who = counted
        else:
            try:
                found = self._known(given)
            except NotAuthenticated:
                if self._rates is not None:
                    self._rates.count_wrong(counted)
                raise
            who = found.id
        if self._rates is not None and who is not None:
            self._rates.count(who)
        return found

    def _nobody(self, given: Credentials) -> Caller:
        """Return who brings nothing."""
        if given.key is not None:
            self._accounts.keys.check(given.key)
        raise NotAuthenticated(
            "an API key is needed: send it as a header, X-API-Key: mb-... or "
            "Authorization: Bearer mb-..."
        )

    def _known(self, given: Credentials) -> Caller:
        """Return who has the key, the token, or both."""
        key = None if given.key is None else self._accounts.keys.check(given.key)
        auth: dict[str, Any] = {}
        if key is not None:
            auth["key"] = key.name
            if key.scopes is not None:
                auth["scopes"] = ["/".join(scope) for scope in key.scopes]
        if given.token is None:
            assert key is not None
            return Caller(f"key {key.id}", key, auth)
        claims = self._accounts.tokens.check(given.token)
        user = self._accounts.sessions.user(claims)
        auth |= {"uid": user.uid, "email": user.email, "claims": user.claims}
        who = f"user {user.uid}" + ("" if key is None else f" by key {key.id}")
        return Caller(who, key, auth, claims)

    def renew(self, caller: Caller) -> None:
        """Raise InvalidApiKey or InvalidToken where what was brought counts no more."""
        if caller.key is not None:
            self._accounts.keys.renew(caller.key)
        if caller.claims is not None:
            if self._clock() >= caller.claims.expires:
                raise ExpiredToken("the access token has expired; get another, and listen again")
            user = self._accounts.sessions.user(caller.claims)
            if caller.auth is not None and user.claims != caller.auth["claims"]:
                raise ExpiredToken("other claims count now; get another token, and listen again")

    def count(self, caller: Caller) -> None:
        """Count it as a request; raises TooManyRequests."""
        if self._rates is not None and caller is not ANYBODY:
            self._rates.count(caller.id)

    def check(
        self, caller: Caller, action: Action, path: Path, before: Any, after: Any, *, group: bool
    ) -> None:
        """Raise OutOfScope where the key does not reach, or may only read; AccessRefused."""
        if caller.key is not None:
            caller.key.require(path, write=action not in ("get", "list"), group=group)
        else:
            raise AccessRefused(
                "without a file of rules a key says what may be done: send one beside the token, "
                "as X-API-Key"
            )


class OpenGuard(KeyGuard):
    """Admits anybody, for development; only what is wrong is refused, to be noticed early."""

    def _nobody(self, given: Credentials) -> Caller:
        return ANYBODY

    def check(
        self, caller: Caller, action: Action, path: Path, before: Any, after: Any, *, group: bool
    ) -> None:
        """Raise OutOfScope where a key was sent that does not reach."""
        if caller.key is not None:
            super().check(caller, action, path, before, after, group=group)
