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
        HandleNotOpen
        HandleOfAnotherLoop
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

from dynafile.errors.outcomes import (
    ConditionalCheckFailed,
    DuplicateItem,
    ExpiredIterator,
    IdempotentParameterMismatch,
    LimitExceeded,
    ResourceInUse,
    ResourceNotFound,
    TransactionCanceled,
    TransactionConflict,
    TrimmedDataAccess,
)
from dynafile.errors.requests import (
    AcknowledgementRefused,
    CyclicItem,
    EmptyKey,
    ExpressionError,
    IndexNotFound,
    IndexNotReady,
    InvalidArgument,
    InvalidKey,
    InvalidName,
    InvalidNumber,
    InvalidSequenceNumber,
    InvalidSet,
    InvalidString,
    ItemTooLarge,
    KeyTooLong,
    KeyTypeMismatch,
    MalformedRecord,
    MissingKey,
    NestingTooDeep,
    StatementError,
    StreamNotEnabled,
    UnsupportedType,
    ValidationError,
)
from dynafile.errors.root import (
    DynafileError,
)
from dynafile.errors.storage import (
    CheckFailed,
    CommitOutcomeUnknown,
    ConversionRefused,
    CorruptFile,
    DiskFull,
    ForeignFile,
    HandleClosed,
    HandleForked,
    HandleNotOpen,
    HandleOfAnotherLoop,
    HandleUnusable,
    InvalidPath,
    LockTimeout,
    MissingExtra,
    NetworkFileSystem,
    NewerFormat,
    NotConverted,
    PathNotWritable,
    ReadOnlyDatabase,
    SchemaMismatch,
    StorageError,
    StoreFailed,
)

__all__ = [
    "AcknowledgementRefused",
    "CheckFailed",
    "CommitOutcomeUnknown",
    "ConditionalCheckFailed",
    "ConversionRefused",
    "CorruptFile",
    "CyclicItem",
    "DiskFull",
    "DuplicateItem",
    "DynafileError",
    "EmptyKey",
    "ExpiredIterator",
    "ExpressionError",
    "ForeignFile",
    "HandleClosed",
    "HandleForked",
    "HandleNotOpen",
    "HandleOfAnotherLoop",
    "HandleUnusable",
    "IdempotentParameterMismatch",
    "IndexNotFound",
    "IndexNotReady",
    "InvalidArgument",
    "InvalidKey",
    "InvalidName",
    "InvalidNumber",
    "InvalidPath",
    "InvalidSequenceNumber",
    "InvalidSet",
    "InvalidString",
    "ItemTooLarge",
    "KeyTooLong",
    "KeyTypeMismatch",
    "LimitExceeded",
    "LockTimeout",
    "MalformedRecord",
    "MissingExtra",
    "MissingKey",
    "NestingTooDeep",
    "NetworkFileSystem",
    "NewerFormat",
    "NotConverted",
    "PathNotWritable",
    "ReadOnlyDatabase",
    "ResourceInUse",
    "ResourceNotFound",
    "SchemaMismatch",
    "StatementError",
    "StorageError",
    "StoreFailed",
    "StreamNotEnabled",
    "TransactionCanceled",
    "TransactionConflict",
    "TrimmedDataAccess",
    "UnsupportedType",
    "ValidationError",
]
