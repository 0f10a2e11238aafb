"""Errors of requests that are not valid: nothing was written."""

from __future__ import annotations

from dynafile.errors.root import DynafileError

__all__ = [
    "AcknowledgementRefused",
    "CyclicItem",
    "EmptyKey",
    "ExpressionError",
    "IndexNotFound",
    "IndexNotReady",
    "InvalidArgument",
    "InvalidKey",
    "InvalidName",
    "InvalidNumber",
    "InvalidSequenceNumber",
    "InvalidSet",
    "InvalidString",
    "ItemTooLarge",
    "KeyTooLong",
    "KeyTypeMismatch",
    "MalformedRecord",
    "MissingKey",
    "NestingTooDeep",
    "StatementError",
    "StreamNotEnabled",
    "UnsupportedType",
    "ValidationError",
]


class ValidationError(DynafileError, ValueError):
    """A request that is not valid; raised before anything is written.

    DynamoDB calls these ``ValidationException``.
    """


class InvalidKey(ValidationError):
    """A key that the table cannot take. ``attribute`` names the key attribute."""

    attribute: str | None = None


class MissingKey(InvalidKey):
    """A key attribute is absent, or None; ``absent`` says which."""

    absent: bool = False


class EmptyKey(InvalidKey):
    """A key attribute is an empty string or empty bytes; ``binary`` says which."""

    binary: bool = False


class KeyTypeMismatch(InvalidKey, TypeError):
    """A key attribute has another type than the table's key schema says.

    ``expected`` and ``actual`` are DynamoDB's type letters: ``S``, ``N``, ``B``; ``actual`` may be
    another, such as ``L``.
    """

    expected: str | None = None
    actual: str | None = None


class KeyTooLong(InvalidKey):
    """A key attribute is over 2048 bytes (partition key) or 1024 bytes (sort key)."""

    size: int = 0
    limit: int = 0


class InvalidNumber(ValidationError):
    """NaN, an infinity, over 38 significant digits, or a magnitude DynamoDB does not hold.

    ``path`` says where in the item.
    """

    path: str | None = None


class InvalidString(ValidationError):
    """A string with a lone surrogate, which UTF-8 cannot express. ``path`` says where."""

    path: str | None = None


class InvalidSet(ValidationError):
    """A set that is empty, or mixes strings, numbers and bytes. ``path`` says where."""

    path: str | None = None


class InvalidName(ValidationError):
    """An attribute or table name that is not valid. ``name`` is the name."""

    name: str | None = None


class UnsupportedType(ValidationError, TypeError):
    """A value of a type that cannot be stored. ``path`` says where, ``type`` what it was."""

    path: str | None = None
    type: type | None = None


class CyclicItem(ValidationError):
    """An item that contains itself. ``path`` says where the circle closes."""

    path: str | None = None


class NestingTooDeep(ValidationError):
    """Lists and maps nested deeper than 32 levels. ``path`` says where."""

    path: str | None = None


class ItemTooLarge(ValidationError):
    """An item over the size limit. ``size`` and ``limit`` are in bytes, as stored."""

    size: int = 0
    limit: int = 0


class ExpressionError(ValidationError):
    """An expression that does not parse.

    ``expression`` is the text, ``position`` the 0-based offset of the first character that
    does not fit.
    """

    expression: str | None = None
    position: int | None = None


class StatementError(ExpressionError):
    """A PartiQL statement that does not parse, or asks for what DynamoDB's PartiQL has not.

    ``line`` and ``column`` are those of the first character that does not fit, from 1.
    """

    line: int | None = None
    column: int | None = None


class InvalidArgument(ValidationError):
    """An argument of a call that is out of range or does not fit the others."""


class MalformedRecord(ValidationError):
    """A record of an import that cannot be read. ``line`` is 1-based, ``source`` the file."""

    line: int | None = None
    source: str | None = None


class IndexNotFound(ValidationError, LookupError):
    """The table has no index of this name. ``index`` is the name."""

    index: str | None = None


class IndexNotReady(ValidationError):
    """An index that is still being built cannot be queried. ``index`` is its name."""

    index: str | None = None


class StreamNotEnabled(ValidationError):
    """The table has no stream, so nothing of its changes is kept. ``table`` names it."""

    table: str = ""


class InvalidSequenceNumber(ValidationError):
    """No record of the stream has this sequence number, which is ``sequence_number``."""

    sequence_number: str = ""


class AcknowledgementRefused(ValidationError):
    """A record was acknowledged that is not the consumer's to acknowledge, now or any more."""

    sequence_number: str = ""
