"""Documents: a tree of JSON documents with queries that are live, for people who know Montybase.

``from dynafile.documents import *`` has Montybase's names, and ``Documents`` for the database. See
``docs/documents.md``.
"""

from __future__ import annotations

from dynafile.documents.aio import addDoc, deleteDoc, getDoc, setDoc, updateDoc
from dynafile.documents.asynchronous import AsyncBatch as AsyncBatch
from dynafile.documents.asynchronous import AsyncMontybase as AsyncMontybase
from dynafile.documents.asynchronous import AsyncQuery as AsyncQuery
from dynafile.documents.asynchronous import AsyncReference as AsyncReference
from dynafile.documents.batches import Batch as Batch
from dynafile.documents.engine import DocumentChange as DocumentChange
from dynafile.documents.engine import Plan as Plan
from dynafile.documents.importing import ImportReport as ImportReport
from dynafile.documents.live import Changes as Changes
from dynafile.documents.live import Watch as Watch
from dynafile.documents.montybase import Montybase, doc
from dynafile.documents.queries import DocumentQuery as DocumentQuery
from dynafile.documents.references import Reference as Reference
from dynafile.documents.transforms import (
    DELETE_FIELD,
    SERVER_TIMESTAMP,
    ArrayRemove,
    ArrayUnion,
    Increment,
)

Documents = Montybase
AsyncDocuments = AsyncMontybase

__all__ = [
    "DELETE_FIELD",
    "SERVER_TIMESTAMP",
    "ArrayRemove",
    "ArrayUnion",
    "Documents",
    "Increment",
    "Montybase",
    "addDoc",
    "deleteDoc",
    "doc",
    "getDoc",
    "setDoc",
    "updateDoc",
]
