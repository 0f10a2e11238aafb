"""Errors as problems (RFC 9457): what a server says of one, and what a client raises then."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any, Final

from dynafile import errors
from dynafile.errors import (
    AccessRefused,
    AddressNotFound,
    AnswerNotKept,
    ConditionalCheckFailed,
    DiskFull,
    DynafileError,
    EmailTaken,
    HandleUnusable,
    IdempotentParameterMismatch,
    ItemTooLarge,
    LimitExceeded,
    LockTimeout,
    MethodNotAllowed,
    NotAuthenticated,
    NotPermitted,
    NotServedHere,
    ReadOnlyDatabase,
    RequestInProgress,
    RequestTimedOut,
    RequestTooLarge,
    ResourceNotFound,
    ServerFailed,
    TooManyRequests,
    TransactionConflict,
    TrimmedDataAccess,
    UnknownUser,
    UnsupportedMediaType,
    ValidationError,
)

__all__ = ["STATUSES", "error_from", "is_failure", "problem_of", "status_of"]

STATUSES: Final[tuple[tuple[type[DynafileError], int], ...]] = (
    (RequestTooLarge, 413),
    (UnsupportedMediaType, 415),
    (ItemTooLarge, 413),
    (RequestTimedOut, 408),
    (AddressNotFound, 404),
    (MethodNotAllowed, 405),
    (NotAuthenticated, 401),
    (TooManyRequests, 429),
    (AccessRefused, 403),
    (NotPermitted, 403),
    (ReadOnlyDatabase, 403),
    (ResourceNotFound, 404),
    (ConditionalCheckFailed, 412),
    (LimitExceeded, 400),
    (TransactionConflict, 409),
    (EmailTaken, 409),
    (RequestInProgress, 409),
    (AnswerNotKept, 409),
    (IdempotentParameterMismatch, 422),
    (UnknownUser, 404),
    (TrimmedDataAccess, 410),
    (NotServedHere, 501),
    (DiskFull, 507),
    (LockTimeout, 503),
    (HandleUnusable, 503),
    (ValidationError, 400),
)
"""What an error is in HTTP: the first whose class it has; all others are 500."""

_PARTICULARS: Final = (
    "allowed",
    "id",
    "limit",
    "path",
    "requested",
    "resource",
    "retry_after",
    "segment",
    "size",
)
"""What of an error is said, where JSON can say it. None of it is of the server's own."""

_LONGEST: Final = 200


def status_of(error: Exception) -> int:
    """Return the status in HTTP that an error is."""
    for kind, status in STATUSES:
        if isinstance(error, kind):
            return status
    return 500


def is_failure(error: Exception) -> bool:
    """Say whether an error is the server's, so that its log has to say why."""
    return status_of(error) in (500, 507)


def problem_of(error: Exception, instance: str) -> dict[str, Any]:
    """Return what is said of an error; ``instance`` is the address that was asked for.

    Of an error of the server's own nothing is said that would tell of its files.
    """
    status = status_of(error)
    found: dict[str, Any] = {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": error.explanation if isinstance(error, DynafileError) else "",
        "instance": instance,
        "code": type(error).__name__,
    }
    if is_failure(error):
        found["detail"] = "the server could not do this, and its log says why: tell who runs it"
        found["code"] = ServerFailed.__name__
        return found
    for name in _PARTICULARS:
        value = getattr(error, name, None)
        if isinstance(value, tuple):
            value = ", ".join(value) if name == "allowed" else "/".join(value)
        if isinstance(value, str | int) and value != "" and not isinstance(value, bool):
            found[name] = value[:_LONGEST] if isinstance(value, str) else value
    return found


def error_from(problem: Any, status: int) -> DynafileError:
    """Return the error that a problem tells of, of the class that it was where it is known."""
    if not isinstance(problem, dict):
        return ServerFailed(f"the server answered {status}, and not as a server of documents does")
    kind = getattr(errors, str(problem.get("code")), None)
    if not (isinstance(kind, type) and issubclass(kind, DynafileError)):
        kind = ServerFailed
    detail = problem.get("detail")
    if not isinstance(detail, str) or not detail:
        detail = f"the server answered {status} {problem.get('title', '')}".rstrip()
    particulars = {name: problem[name] for name in _PARTICULARS if name in problem}
    return kind(detail, **particulars)
