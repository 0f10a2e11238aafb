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
      AnswerNotKept
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

from dynafile.errors import (
    access,
    documents,
    entities,
    objects,
    outcomes,
    requests,
    root,
    rules,
    sealing,
    served,
    storage,
)
from dynafile.errors.access import *
from dynafile.errors.documents import *
from dynafile.errors.entities import *
from dynafile.errors.objects import *
from dynafile.errors.outcomes import *
from dynafile.errors.requests import *
from dynafile.errors.root import *
from dynafile.errors.rules import *
from dynafile.errors.sealing import *
from dynafile.errors.served import *
from dynafile.errors.storage import *

__all__: list[str] = []
__all__ += access.__all__
__all__ += documents.__all__
__all__ += entities.__all__
__all__ += objects.__all__
__all__ += outcomes.__all__
__all__ += requests.__all__
__all__ += root.__all__
__all__ += rules.__all__
__all__ += sealing.__all__
__all__ += served.__all__
__all__ += storage.__all__
