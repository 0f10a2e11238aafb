"""Errors of the model of documents."""

from __future__ import annotations

from dynafile.errors.outcomes import ConditionalCheckFailed, ResourceNotFound
from dynafile.errors.requests import ValidationError
from dynafile.errors.root import DynafileError

__all__ = [
    "DocumentNotFound",
    "DocumentsError",
    "DocumentsNotServed",
    "ImportRefused",
    "InvalidDocument",
    "InvalidDocumentArgument",
    "InvalidDocumentArgumentType",
    "InvalidDocumentPath",
    "InvalidDocumentPathType",
    "InvalidDocumentType",
    "PreconditionFailed",
]


class DocumentsError(DynafileError):
    """Base of what the model of documents raises of its own."""


class InvalidDocumentArgument(DocumentsError, ValidationError):
    """An argument with a value that it cannot have, or that does not fit the reference."""


class InvalidDocumentArgumentType(InvalidDocumentArgument, TypeError):
    """An argument of a type that it cannot have."""


class InvalidDocumentPath(InvalidDocumentArgument):
    """A path, or the name of a field, that no document has. ``segment`` is the part that is wrong.

    Nothing was read or written.
    """

    segment: object = None


class InvalidDocumentPathType(InvalidDocumentPath, TypeError):
    """A segment of a path, or the name of a field, that is no text."""


class InvalidDocument(DocumentsError, ValidationError):
    """A value that JSON cannot say, or a change that does not fit the document.

    ``path`` says where in the document.
    """

    path: str | None = None


class InvalidDocumentType(InvalidDocument, TypeError):
    """A document that is no object, or a value in it of a type that JSON has not."""


class DocumentNotFound(DocumentsError, ResourceNotFound):
    """There is no document to update. ``path`` is where it should be."""

    path: str | None = None


class PreconditionFailed(DocumentsError, ConditionalCheckFailed):
    """A document is there or not, or was changed since, against ``exists=`` or ``last_update=``.

    ``path`` is the document's.
    """

    path: str | None = None


class DocumentsNotServed(DocumentsError, NotImplementedError):
    """What needs a server, of documents that are not served; or what a client of one cannot do."""


class ImportRefused(DocumentsError, ValueError):
    """What is to be imported is no file of Montybase's, or cannot be read. ``path`` is the file."""

    path: str | None = None
