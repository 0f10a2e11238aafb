"""Errors of documents that are served, and of those who ask for them from elsewhere."""

from __future__ import annotations

from dynafile.errors.access import AccessRefused
from dynafile.errors.documents import DocumentsError
from dynafile.errors.requests import ValidationError

__all__ = [
    "AddressNotFound",
    "ForeignOrigin",
    "InvalidServerConfiguration",
    "MalformedRequest",
    "MethodNotAllowed",
    "NotServedHere",
    "RequestTimedOut",
    "RequestTooLarge",
    "ServerFailed",
    "ServerNotReachable",
    "UnsupportedMediaType",
]


class MalformedRequest(DocumentsError, ValidationError):
    """A request that cannot be read; nothing was written. ``path`` says where in its body."""

    path: str | None = None


class RequestTooLarge(MalformedRequest):
    """A body with more bytes than a server takes. ``limit`` is in bytes."""

    limit: int = 0


class UnsupportedMediaType(MalformedRequest):
    """A body that does not say that it is JSON."""


class RequestTimedOut(DocumentsError, TimeoutError):
    """A body that did not come within the time that a server waits for it."""


class AddressNotFound(DocumentsError, LookupError):
    """An address that a server of documents does not have."""


class MethodNotAllowed(DocumentsError):
    """A method that an address does not have. ``allowed`` has those it has."""

    allowed: tuple[str, ...] = ()


class ForeignOrigin(AccessRefused):
    """A page of another site asks, or a name was used that is not the server's."""


class NotServedHere(DocumentsError, NotImplementedError):
    """What this way of serving cannot do: nothing is live through WSGI."""


class InvalidServerConfiguration(DocumentsError, ValueError):
    """A file of configuration that is broken. ``path`` is the file, ``line`` counts from 1."""

    path: str | None = None
    line: int | None = None


class ServerNotReachable(DocumentsError, ConnectionError):
    """A server of documents did not answer, or not as one does; what was met is the cause."""


class ServerFailed(DocumentsError):
    """A server of documents could not do what was asked, and its own log says why."""
