"""Objects: a store of Python objects by path, in folders, on a folder, a server or a bucket.

For people who know KYDB: ``from dynafile import objects as kydb`` has its names. See
``docs/objects.md``.
"""

from __future__ import annotations

from dynafile.errors import DbObjException, IndexNotSupported
from dynafile.errors import ObjectsError as KydbException
from dynafile.objects.backend import Entry
from dynafile.objects.connecting import connect
from dynafile.objects.copying import copy
from dynafile.objects.queries import FolderQuery
from dynafile.objects.registering import register
from dynafile.objects.store import ObjectStore
from dynafile.objects.stored_objects import DbObj, StoredValue, stored, stored_field
from dynafile.objects.transactions import ObjectTransaction

__all__ = [
    "DbObj",
    "DbObjException",
    "Entry",
    "FolderQuery",
    "IndexNotSupported",
    "KydbException",
    "ObjectStore",
    "ObjectTransaction",
    "StoredValue",
    "connect",
    "copy",
    "register",
    "stored",
    "stored_field",
]
