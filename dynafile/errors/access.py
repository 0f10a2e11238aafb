"""Errors of API keys, users, tokens and rate limits. No text of them holds a secret."""

from __future__ import annotations

from dynafile.errors.requests import ValidationError
from dynafile.errors.root import DynafileError

__all__ = [
    "AccessRefused",
    "AnswerNotKept",
    "EmailTaken",
    "ExpiredToken",
    "InvalidAccess",
    "InvalidApiKey",
    "InvalidLogin",
    "InvalidToken",
    "NotAuthenticated",
    "OutOfScope",
    "RequestInProgress",
    "StaleRequest",
    "TokenReused",
    "TooManyRequests",
    "UnknownUser",
]


class AccessRefused(DynafileError, PermissionError):
    """Base of what refuses a request for who asks, or for how often."""


class NotAuthenticated(AccessRefused):
    """Nobody is known to ask: a key, a login or a token that does not count."""


class InvalidApiKey(NotAuthenticated):
    """An API key that was never made, or was revoked, or has expired. ``id`` is its beginning."""

    id: str | None = None


class InvalidLogin(NotAuthenticated):
    """No user has this e-mail and this password, or the user is disabled; it is not said which."""


class InvalidToken(NotAuthenticated):
    """An access or refresh token that was not made here, or not for here, or is revoked."""


class ExpiredToken(InvalidToken):
    """A token that was good, and is over; get another by the refresh token, or log in."""


class TokenReused(InvalidToken):
    """A refresh token that was used before: somebody has a copy, so its session is closed."""


class OutOfScope(AccessRefused):
    """What this API key does not reach. ``id`` is the key's, ``path`` what was asked for."""

    id: str | None = None
    path: tuple[str, ...] = ()


class TooManyRequests(AccessRefused):
    """More than the rate allows; try again after ``retry_after`` seconds, a whole number."""

    retry_after: int = 0


class StaleRequest(AccessRefused):
    """A request whose time is further from the server's than is taken; send it anew."""


class RequestInProgress(DynafileError):
    """The request of this id has begun and has no answer yet, or its process died in between."""


class AnswerNotKept(DynafileError):
    """The request of this id was made, and its answer was too long to be given again."""


class InvalidAccess(ValidationError):
    """An e-mail, a password, a name, a scope or an id that cannot be; nothing was written."""


class EmailTaken(InvalidAccess):
    """Another user has this e-mail."""


class UnknownUser(DynafileError, LookupError):
    """There is no user of this id. ``uid`` says which."""

    uid: str | None = None
