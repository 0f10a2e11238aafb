"""Errors of the model of objects."""

from __future__ import annotations

from dynafile.errors.outcomes import ConditionalCheckFailed
from dynafile.errors.requests import ValidationError
from dynafile.errors.root import DynafileError

__all__ = [
    "CorruptObject",
    "DbObjException",
    "FolderNotEmpty",
    "IndexNotSupported",
    "InvalidObjectArgument",
    "InvalidObjectConfiguration",
    "InvalidObjectKey",
    "InvalidObjectType",
    "InvalidObjectURL",
    "InvalidSignature",
    "NotSupportedByStore",
    "ObjectNotFound",
    "ObjectTooLarge",
    "ObjectsError",
    "PathTaken",
    "StoreNotReachable",
    "UnsupportedObject",
    "VersionMismatch",
]


class ObjectsError(DynafileError):
    """Base of what the model of objects raises; KYDB calls it ``KydbException``."""


class InvalidObjectKey(ObjectsError, ValidationError, KeyError):
    """A key, a folder or a base path that no store takes; nothing was read or written.

    ``key`` is as it was given.
    """

    key: str | None = None


class InvalidObjectArgument(ObjectsError, ValidationError):
    """An argument with a value that it cannot have."""


class InvalidObjectType(InvalidObjectArgument, TypeError):
    """An argument of a type that it cannot have."""


class InvalidObjectURL(InvalidObjectArgument):
    """A URL that names no store. ``url`` is as it was given, without its password."""

    url: str | None = None


class InvalidObjectConfiguration(InvalidObjectArgument):
    """The file that ``KYDB_CONFIG_PATH`` names is missing or wrong. ``path`` is the file."""

    path: str | None = None


class ObjectNotFound(ObjectsError, KeyError):
    """There is no object, or no folder, of this name. ``key`` says which."""

    key: str | None = None


class PathTaken(ObjectsError, KeyError):
    """An object is where a folder is wanted, or the other way round. ``key`` says where."""

    key: str | None = None


class FolderNotEmpty(ObjectsError, KeyError):
    """A folder that holds something is to be removed. ``key`` is the folder."""

    key: str | None = None


class UnsupportedObject(ObjectsError, ValidationError, TypeError):
    """A value, or stored bytes, of a type that is stored or read with ``allow_pickle=True`` only.

    ``kind`` names the type, ``key`` the object.
    """

    kind: str | None = None
    key: str | None = None


class CorruptObject(ObjectsError, ValueError):
    """Stored bytes that are no value, or not one that was written by this library or by KYDB."""

    key: str | None = None


class InvalidSignature(CorruptObject):
    """Stored bytes that are not signed, or not with this key, or for another key of the store."""


class ObjectTooLarge(ObjectsError, ValidationError):
    """An object that is larger than its store takes. ``size`` and ``limit`` are in bytes."""

    size: int = 0
    limit: int = 0


class VersionMismatch(ObjectsError, ConditionalCheckFailed):
    """The object is not of the version that ``if_match`` names. ``version`` is what it has."""

    version: str | None = None


class IndexNotSupported(ObjectsError):
    """The store has no such index; with ``allow_scan`` it may do without."""


class NotSupportedByStore(ObjectsError, NotImplementedError):
    """The store cannot do this: a web server cannot be written to, a file does not expire."""


class StoreNotReachable(ObjectsError, ConnectionError):
    """A server did not answer, or refused; what it or the client said is the cause."""


class DbObjException(ObjectsError, KeyError):
    """An object whose class is not known, or cannot be made; KYDB's name."""
