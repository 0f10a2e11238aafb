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
        InvalidEntity
          InvalidEntityType      (TypeError)
          DuplicateEntity
          HookRejected
        InvalidAccess
          EmailTaken
        InvalidRules
        TypeRuleViolated
      TrimmedDataAccess          (LookupError)
      ExpiredIterator
      ConditionalCheckFailed
      DuplicateItem
      TransactionCanceled
      TransactionConflict
        EntityConflict
      IdempotentParameterMismatch
      ResourceNotFound           (LookupError)
      ResourceInUse
      LimitExceeded
      SchemaMismatch             (ValueError)
      NotPermitted               (PermissionError)
      EntityDeleted
      DatabaseAlreadyOpen        (RuntimeError)
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
      ObjectsError
        InvalidObjectKey         (ValidationError, KeyError)
        InvalidObjectArgument    (ValidationError)
          InvalidObjectType      (TypeError)
          InvalidObjectURL
          InvalidObjectConfiguration
        ObjectNotFound           (KeyError)
        PathTaken                (KeyError)
        FolderNotEmpty           (KeyError)
        UnsupportedObject        (ValidationError, TypeError)
        CorruptObject            (ValueError)
          InvalidSignature
        ObjectTooLarge           (ValidationError)
        VersionMismatch          (ConditionalCheckFailed)
        IndexNotSupported
        NotSupportedByStore      (NotImplementedError)
        StoreNotReachable        (ConnectionError)
        DbObjException           (KeyError)
      DocumentsError
        InvalidDocumentArgument  (ValidationError)
          InvalidDocumentArgumentType (TypeError)
          InvalidDocumentPath
            InvalidDocumentPathType (TypeError)
        InvalidDocument          (ValidationError)
          InvalidDocumentType    (TypeError)
        DocumentNotFound         (ResourceNotFound)
        PreconditionFailed       (ConditionalCheckFailed)
        DocumentsNotServed       (NotImplementedError)
        ImportRefused            (ValueError)
        MalformedRequest         (ValidationError)
          RequestTooLarge
          UnsupportedMediaType
        RequestTimedOut          (TimeoutError)
        AddressNotFound          (LookupError)
        MethodNotAllowed
        NotServedHere            (NotImplementedError)
        InvalidServerConfiguration (ValueError)
        ServerNotReachable       (ConnectionError)
        ServerFailed
      AccessRefused              (PermissionError)
        NotAuthenticated
          InvalidApiKey
          InvalidLogin
          InvalidToken
            ExpiredToken
            TokenReused
        OutOfScope
        ForeignOrigin
        TooManyRequests
        StaleRequest
      RequestInProgress
      UnknownUser                (LookupError)
      SealingError
        InvalidSealing           (ValidationError)
          SealedFieldQuery
        NotSealed
        UnknownSealingKey        (LookupError)
        WrongSealingKey
        SealedElsewhere
        SealTampered             (ValueError)
          SealMalformed
      ConversionRefused          (ValueError)
      CheckFailed
      MissingExtra               (ImportError)
"""

from __future__ import annotations

from dynafile.errors.access import (
    AccessRefused,
    EmailTaken,
    ExpiredToken,
    InvalidAccess,
    InvalidApiKey,
    InvalidLogin,
    InvalidToken,
    NotAuthenticated,
    OutOfScope,
    RequestInProgress,
    StaleRequest,
    TokenReused,
    TooManyRequests,
    UnknownUser,
)
from dynafile.errors.documents import (
    DocumentNotFound,
    DocumentsError,
    DocumentsNotServed,
    ImportRefused,
    InvalidDocument,
    InvalidDocumentArgument,
    InvalidDocumentArgumentType,
    InvalidDocumentPath,
    InvalidDocumentPathType,
    InvalidDocumentType,
    PreconditionFailed,
)
from dynafile.errors.entities import (
    DatabaseAlreadyOpen,
    DuplicateEntity,
    EntityConflict,
    EntityDeleted,
    HookRejected,
    InvalidEntity,
    InvalidEntityType,
    NotPermitted,
)
from dynafile.errors.objects import (
    CorruptObject,
    DbObjException,
    FolderNotEmpty,
    IndexNotSupported,
    InvalidObjectArgument,
    InvalidObjectConfiguration,
    InvalidObjectKey,
    InvalidObjectType,
    InvalidObjectURL,
    InvalidSignature,
    NotSupportedByStore,
    ObjectNotFound,
    ObjectsError,
    ObjectTooLarge,
    PathTaken,
    StoreNotReachable,
    UnsupportedObject,
    VersionMismatch,
)
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
from dynafile.errors.rules import (
    InvalidRules,
    TypeRuleViolated,
)
from dynafile.errors.sealing import (
    InvalidSealing,
    NotSealed,
    SealedElsewhere,
    SealedFieldQuery,
    SealingError,
    SealMalformed,
    SealTampered,
    UnknownSealingKey,
    WrongSealingKey,
)
from dynafile.errors.served import (
    AddressNotFound,
    ForeignOrigin,
    InvalidServerConfiguration,
    MalformedRequest,
    MethodNotAllowed,
    NotServedHere,
    RequestTimedOut,
    RequestTooLarge,
    ServerFailed,
    ServerNotReachable,
    UnsupportedMediaType,
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

# fmt: off
__all__ = [
    "AccessRefused",
    "AcknowledgementRefused",
    "AddressNotFound",
    "CheckFailed",
    "CommitOutcomeUnknown",
    "ConditionalCheckFailed",
    "ConversionRefused",
    "CorruptFile",
    "CorruptObject",
    "CyclicItem",
    "DatabaseAlreadyOpen",
    "DbObjException",
    "DiskFull",
    "DocumentNotFound",
    "DocumentsError",
    "DocumentsNotServed",
    "DuplicateEntity",
    "DuplicateItem",
    "DynafileError",
    "EmailTaken",
    "EmptyKey",
    "EntityConflict",
    "EntityDeleted",
    "ExpiredIterator",
    "ExpiredToken",
    "ExpressionError",
    "FolderNotEmpty",
    "ForeignFile",
    "ForeignOrigin",
    "HandleClosed",
    "HandleForked",
    "HandleNotOpen",
    "HandleOfAnotherLoop",
    "HandleUnusable",
    "HookRejected",
    "IdempotentParameterMismatch",
    "ImportRefused",
    "IndexNotFound",
    "IndexNotReady",
    "IndexNotSupported",
    "InvalidAccess",
    "InvalidApiKey",
    "InvalidArgument",
    "InvalidDocument",
    "InvalidDocumentArgument",
    "InvalidDocumentArgumentType",
    "InvalidDocumentPath",
    "InvalidDocumentPathType",
    "InvalidDocumentType",
    "InvalidEntity",
    "InvalidEntityType",
    "InvalidKey",
    "InvalidLogin",
    "InvalidName",
    "InvalidNumber",
    "InvalidObjectArgument",
    "InvalidObjectConfiguration",
    "InvalidObjectKey",
    "InvalidObjectType",
    "InvalidObjectURL",
    "InvalidPath",
    "InvalidRules",
    "InvalidSealing",
    "InvalidSequenceNumber",
    "InvalidServerConfiguration",
    "InvalidSet",
    "InvalidSignature",
    "InvalidString",
    "InvalidToken",
    "ItemTooLarge",
    "KeyTooLong",
    "KeyTypeMismatch",
    "LimitExceeded",
    "LockTimeout",
    "MalformedRecord",
    "MalformedRequest",
    "MethodNotAllowed",
    "MissingExtra",
    "MissingKey",
    "NestingTooDeep",
    "NetworkFileSystem",
    "NewerFormat",
    "NotAuthenticated",
    "NotConverted",
    "NotPermitted",
    "NotSealed",
    "NotServedHere",
    "NotSupportedByStore",
    "ObjectNotFound",
    "ObjectTooLarge",
    "ObjectsError",
    "OutOfScope",
    "PathNotWritable",
    "PathTaken",
    "PreconditionFailed",
    "ReadOnlyDatabase",
    "RequestInProgress",
    "RequestTimedOut",
    "RequestTooLarge",
    "ResourceInUse",
    "ResourceNotFound",
    "SchemaMismatch",
    "SealMalformed",
    "SealTampered",
    "SealedElsewhere",
    "SealedFieldQuery",
    "SealingError",
    "ServerFailed",
    "ServerNotReachable",
    "StaleRequest",
    "StatementError",
    "StorageError",
    "StoreFailed",
    "StoreNotReachable",
    "StreamNotEnabled",
    "TokenReused",
    "TooManyRequests",
    "TransactionCanceled",
    "TransactionConflict",
    "TrimmedDataAccess",
    "TypeRuleViolated",
    "UnknownSealingKey",
    "UnknownUser",
    "UnsupportedMediaType",
    "UnsupportedObject",
    "UnsupportedType",
    "ValidationError",
    "VersionMismatch",
    "AccessRefused", "AcknowledgementRefused", "AddressNotFound", "CheckFailed",
    "CommitOutcomeUnknown", "ConditionalCheckFailed", "ConversionRefused", "CorruptFile",
    "CorruptObject", "CyclicItem", "DatabaseAlreadyOpen", "DbObjException", "DiskFull",
    "DocumentNotFound", "DocumentsError", "DocumentsNotServed", "DuplicateEntity",
    "DuplicateItem", "DynafileError", "EmailTaken", "EmptyKey", "EntityConflict",
    "EntityDeleted", "ExpiredIterator", "ExpiredToken", "ExpressionError", "FolderNotEmpty",
    "ForeignFile", "ForeignOrigin", "HandleClosed", "HandleForked", "HandleNotOpen",
    "HandleOfAnotherLoop", "HandleUnusable", "HookRejected", "IdempotentParameterMismatch",
    "ImportRefused", "IndexNotFound", "IndexNotReady", "IndexNotSupported", "InvalidAccess",
    "InvalidApiKey", "InvalidArgument", "InvalidDocument", "InvalidDocumentArgument",
    "InvalidDocumentArgumentType", "InvalidDocumentPath", "InvalidDocumentPathType",
    "InvalidDocumentType", "InvalidEntity", "InvalidEntityType", "InvalidKey", "InvalidLogin",
    "InvalidName", "InvalidNumber", "InvalidObjectArgument", "InvalidObjectConfiguration",
    "InvalidObjectKey", "InvalidObjectType", "InvalidObjectURL", "InvalidPath",
    "InvalidSealing", "InvalidSequenceNumber", "InvalidServerConfiguration", "InvalidSet",
    "InvalidSignature", "InvalidString", "InvalidToken", "ItemTooLarge", "KeyTooLong",
    "KeyTypeMismatch", "LimitExceeded", "LockTimeout", "MalformedRecord", "MalformedRequest",
    "MethodNotAllowed", "MissingExtra", "MissingKey", "NestingTooDeep", "NetworkFileSystem",
    "NewerFormat", "NotAuthenticated", "NotConverted", "NotPermitted", "NotSealed",
    "NotServedHere", "NotSupportedByStore", "ObjectNotFound", "ObjectTooLarge", "ObjectsError",
    "OutOfScope", "PathNotWritable", "PathTaken", "PreconditionFailed", "ReadOnlyDatabase",
    "RequestInProgress", "RequestTimedOut", "RequestTooLarge", "ResourceInUse",
    "ResourceNotFound", "SchemaMismatch", "SealMalformed", "SealTampered", "SealedElsewhere",
    "SealedFieldQuery", "SealingError", "ServerFailed", "ServerNotReachable", "StaleRequest",
    "StatementError", "StorageError", "StoreFailed", "StoreNotReachable", "StreamNotEnabled",
    "TokenReused", "TooManyRequests", "TransactionCanceled", "TransactionConflict",
    "TrimmedDataAccess", "UnknownSealingKey", "UnknownUser", "UnsupportedMediaType",
    "UnsupportedObject", "UnsupportedType", "ValidationError", "VersionMismatch",
    "WrongSealingKey",
]
# fmt: on
