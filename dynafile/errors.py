"""The errors of Dynafile, one tree.

Each message says what was wrong, where, and what to do. The text is static; the particulars
(a path, an offset, a pid, an attribute) are also attributes of the error, listed with its class.

.. code-block:: text

    DynafileError
      ValidationError            (ValueError) a request that is not valid; nothing was written
        InvalidKey
          MissingKey
          EmptyKey
          KeyTypeMismatch        (TypeError)
          KeyTooLong
        InvalidNumber
        InvalidString
        InvalidSet
        InvalidName
        UnsupportedType          (TypeError)
        CyclicItem
        NestingTooDeep
        ItemTooLarge
        ExpressionError
          StatementError
        InvalidArgument
        MalformedRecord
        IndexNotFound            (LookupError)
        IndexNotReady
        StreamNotEnabled
        InvalidSequenceNumber
        AcknowledgementRefused
      TrimmedDataAccess          (LookupError)
      ExpiredIterator
      ConditionalCheckFailed
      DuplicateItem
      TransactionCanceled
      TransactionConflict
      IdempotentParameterMismatch
      ResourceNotFound           (LookupError)
      ResourceInUse
      LimitExceeded
      SchemaMismatch             (ValueError)
      ReadOnlyDatabase           (PermissionError)
      HandleUnusable
        HandleClosed
        HandleForked
      StorageError               (OSError)
        InvalidPath
        PathNotWritable          (PermissionError)
        ForeignFile
        NetworkFileSystem
        NotConverted
        NewerFormat
        CorruptFile
        LockTimeout              (TimeoutError)
        DiskFull
        CommitOutcomeUnknown
        StoreFailed
      ConversionRefused          (ValueError)
      CheckFailed
      MissingExtra               (ImportError)
"""

from __future__ import annotations

from typing import Any


class DynafileError(Exception):
    """Base of every error that Dynafile raises on purpose."""

    def __init__(self, message: str, /, **particulars: object) -> None:
        super().__init__(message)
        self.message = message
        self.__dict__.update(particulars)

    @property
    def explanation(self) -> str:
        """What was wrong, where, and what to do; the message may be DynamoDB's, which says less."""
        notes: list[str] = getattr(self, "__notes__", [])
        return notes[0] if notes else self.message

    def __str__(self) -> str:
        return self.message


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


class TrimmedDataAccess(DynafileError, LookupError):
    """Records are lost from ``requested`` on; ``oldest`` is the first that can still be read."""

    requested: str = ""
    oldest: str | None = None


class ExpiredIterator(DynafileError):
    """A shard iterator of a stream is over 15 minutes old."""


class ConditionalCheckFailed(DynafileError):
    """The condition of a write did not hold. ``item`` is the item as it was, where asked for."""

    item: dict[str, Any] | None = None


class DuplicateItem(DynafileError):
    """An INSERT of an item whose key another one has; nothing was written.

    ``item`` is the item that is there, where that was asked for.
    """

    item: dict[str, Any] | None = None


class TransactionCanceled(DynafileError):
    """A transaction that was not made, nothing of it.

    ``reasons`` has one for each of its actions, in their order: ``code``, such as ``None`` or
    ``ConditionalCheckFailed``, ``message``, and ``item``, where it was asked for.
    """

    reasons: tuple[Any, ...] = ()


class TransactionConflict(DynafileError):
    """What a transaction read has changed before it was committed; run it again."""


class IdempotentParameterMismatch(DynafileError):
    """A client request token that was used for another request within the last ten minutes."""


class ResourceNotFound(DynafileError, LookupError):
    """There is no table of this name, or it was deleted. ``resource`` is the name."""

    resource: str | None = None


class ResourceInUse(DynafileError):
    """A table that cannot be made, because there is one of its name. ``resource`` is the name."""

    resource: str | None = None


class LimitExceeded(DynafileError):
    """More at once than DynamoDB takes, such as two indexes in one call."""


class SchemaMismatch(DynafileError, ValueError):
    """Options that contradict what the folder stores; ``tables`` has the names that there are."""

    tables: tuple[str, ...] = ()


class ReadOnlyDatabase(DynafileError, PermissionError):
    """A write through a handle opened with ``read_only=True``."""


class HandleUnusable(DynafileError):
    """A handle that cannot be used any more; open a new one."""


class HandleClosed(HandleUnusable):
    """A handle used after ``close()``."""


class HandleForked(HandleUnusable):
    """A handle of the parent process used in a forked child; open a new one in the child."""


class StorageError(DynafileError, OSError):
    """Something is wrong with the folder, a file in it, or the disk. ``path`` says which."""

    path: str | None = None


class InvalidPath(StorageError):
    """The path is a file, or cannot hold a database for another reason."""


class PathNotWritable(StorageError, PermissionError):
    """The folder, or a file in it, cannot be written by this user."""


class ForeignFile(StorageError):
    """A file or folder that has one of our names and was not written by Dynafile."""


class NetworkFileSystem(StorageError):
    """The folder is on ``filesystem``: NFS, SMB or another whose locks cannot be trusted."""

    filesystem: str | None = None


class NotConverted(StorageError):
    """A folder that dynafile 0.1.3 wrote, opened in a way that cannot convert it."""


class NewerFormat(StorageError):
    """A folder written by a newer version of Dynafile. ``version`` is its format."""

    version: int | None = None


class CorruptFile(StorageError):
    """A file that was truncated, damaged or forged. ``offset`` is where, in bytes."""

    offset: int | None = None


class LockTimeout(StorageError, TimeoutError):
    """Another process, ``pid``, held the writer's lock for longer than ``lock_timeout``."""

    pid: int | None = None


class DiskFull(StorageError):
    """The disk is full; the write failed whole, and the database stays usable."""


class CommitOutcomeUnknown(StorageError):
    """A sync failed, so that the commit may or may not survive a power cut; reopen to see."""


class StoreFailed(StorageError):
    """The store saw a failure after which it cannot be trusted; close it and open it again."""


class ConversionRefused(DynafileError, ValueError):
    """A folder that dynafile 0.1.3 wrote holds what a table cannot; nothing was changed.

    ``offenders`` lists all of it. Each has ``file``; ``key``, the key attributes, or None for a
    whole file; and ``reason``. ``path`` is the folder.
    """

    path: str | None = None
    offenders: tuple[Any, ...] = ()


class CheckFailed(DynafileError):
    """``check()`` found something wrong. ``problems`` lists what, one sentence each."""

    problems: tuple[str, ...] = ()


class MissingExtra(DynafileError, ImportError):
    """The optional ``extra`` is not installed; the message has the ``pip install`` line."""

    extra: str | None = None
