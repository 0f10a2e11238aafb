"""Documents as items of a table.

=================== ======================== ====================================================
partition key       sort key                 attributes
=================== ======================== ====================================================
``users/ann/posts`` ``p1``: the id           a document: ``data`` (bytes), ``time`` (ns of its
                                             last write, later with every write of it)
``/collections``    ``users/ann/posts``      nothing: a collection that has, or had, documents
``/group/posts``    ``users/ann/posts``      the same, by the last name
``/top``            ``users``                the same, those that are in no document
``/below``          ``users/ann``            ``names`` of the collections in a document
``/indexes``        ``posts``: a name        ``fields`` that have an index, and those whose index
                                             is still ``unfilled``
``/=``, a digest of a value, zero, the id    an entry of the index of a field in a collection;
both                                         ``id``, where the sort key has not room for it
``/documents``      ``format``               ``version`` of this layout: 1
``/feed``           ``mark``                 nothing: written where somebody began to listen
``/access``         ``key/...``, ``user/..`` ``record`` of an API key, a user, a session: JSON
=================== ======================== ====================================================

No segment of a path has a slash, so that what begins with one is no collection. A value in the key
of an entry keeps the order of values, but not all of them: numbers are rounded to 64 bits, text is
cut, and lists and objects are all the same. Who reads an index looks at the documents themselves.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator
from functools import lru_cache
from hashlib import blake2b
from typing import Any, Final

from dynafile.documents.comparing import ARRAY, BOOLEAN, NULL, NUMBER, OBJECT, TEXT, rank
from dynafile.documents.filters import MISSING, value_at
from dynafile.documents.paths import FieldPath, Path, field_text

__all__ = [
    "ACCESS",
    "BELOW",
    "COLLECTIONS",
    "DATA",
    "FIELDS",
    "FORMAT",
    "ID",
    "INDEXES",
    "MARK",
    "NAMES",
    "NEWEST",
    "PK",
    "SK",
    "TIME",
    "TOP",
    "UNFILLED",
    "VERSION",
    "Item",
    "after_kind",
    "document_key",
    "entries_of",
    "entry_id",
    "entry_value",
    "first_of_kind",
    "group_of",
    "index_of",
    "is_exact",
    "registry_keys",
]

Item = dict[str, Any]

PK: Final = "PK"
SK: Final = "SK"
DATA: Final = "data"
TIME: Final = "time"
ID: Final = "id"
FIELDS: Final = "fields"
UNFILLED: Final = "unfilled"
NAMES: Final = "names"

COLLECTIONS: Final = "/collections"
TOP: Final = "/top"
BELOW: Final = "/below"
INDEXES: Final = "/indexes"
_GROUP: Final = "/group/"
_INDEX: Final = "/="

ACCESS: Final = "/access"
MARK: Final = {PK: "/feed", SK: "mark"}
FORMAT: Final = {PK: "/documents", SK: "format"}
VERSION: Final = "version"
NEWEST: Final = 1

_LONGEST_VALUE: Final = 200
"""Characters of text in the key of an entry."""
_LONGEST_KEY: Final = 1024
_INFINITY: Final = float("inf")
_EXACT: Final = struct.Struct(">d")
_SIGN: Final = 1 << 63


def document_key(path: Path) -> Item:
    """Return the key of a document."""
    return {"PK": "/".join(path[:-1]), "SK": path[-1]}


def registry_keys(collection: str) -> list[Item]:
    """Return the keys of the items that say that there is a collection."""
    keys = [{PK: COLLECTIONS, SK: collection}, {PK: group_of(collection), SK: collection}]
    if "/" not in collection:
        keys.append({PK: TOP, SK: collection})
    return keys


def group_of(collection: str) -> str:
    """Return the partition of the collections that have the last name of a collection."""
    return _GROUP + collection.rpartition("/")[2]


@lru_cache(maxsize=4096)
def index_of(collection: str, field: FieldPath) -> str:
    """Return the partition of the index of a field in a collection."""
    digest = blake2b(f"{collection}\0{field_text(field)}".encode(), digest_size=16)
    return _INDEX + digest.hexdigest()


def entries_of(
    collection: str, id_: str, document: dict[str, Any] | None, fields: Iterable[FieldPath]
) -> Iterator[Item]:
    """Yield the entries that a document has in the indexes of some fields."""
    for field in fields:
        value = MISSING if document is None else value_at(document, field)
        if value is not MISSING:
            yield _entry(index_of(collection, field), value, id_)


def _entry(index: str, value: Any, id_: str) -> Item:
    key = f"{entry_value(value)}\0{id_}"
    if len(key.encode()) <= _LONGEST_KEY:
        return {PK: index, SK: key}
    digest = blake2b(id_.encode(), digest_size=16).hexdigest()
    return {PK: index, SK: f"{entry_value(value)}\0{digest}", ID: id_}


def entry_id(entry: Item) -> str:
    """Return the id of the document that an entry is of."""
    id_: str = entry[ID] if ID in entry else entry[SK].rpartition("\0")[2]
    return id_


def entry_value(value: Any) -> str:
    """Return a value as it stands in the key of an entry, before a zero byte.

    >>> sorted(["b", 10, None, 9.5, "a", True], key=entry_value)
    [None, True, 9.5, 10, 'a', 'b']
    """
    kind = rank(value)
    if kind == NUMBER:
        return f"{kind}{_number(value):016x}"
    if kind == TEXT:
        text = value[:_LONGEST_VALUE]
        if "\0" in text or "\1" in text:
            text = text.replace("\1", "\1\2").replace("\0", "\1\1")
        return f"{kind}{text}"
    if kind == BOOLEAN:
        return f"{kind}{int(value)}"
    assert kind in (NULL, ARRAY, OBJECT)
    return str(kind)


def is_exact(entry: Item) -> bool:
    """Say whether entries with this value are of equal values, in the order of their ids."""
    value = entry[SK].rpartition("\0")[0]
    kind = int(value[0])
    if ID in entry or kind in (ARRAY, OBJECT):
        return False
    if kind == NUMBER:
        return _LEAST_EXACT < int(value[1:], 16) < _MOST_EXACT
    return len(value) <= _LONGEST_VALUE


def first_of_kind(value: Any) -> str:
    """Return what no entry of a value of the same type comes before."""
    return str(rank(value))


def after_kind(value: Any) -> str:
    """Return what every entry of a value of the same type comes before."""
    return str(rank(value) + 1)


def _number(value: float) -> int:
    """Return 64 bits that sort as numbers do; those that floats do not tell apart are one."""
    try:
        number = float(value)
    except OverflowError:
        number = _INFINITY if value > 0 else -_INFINITY
    bits = int.from_bytes(_EXACT.pack(number + 0.0), "big")  # -0.0 + 0.0 is 0.0
    return bits ^ (_SIGN | (_SIGN - 1)) if bits & _SIGN else bits | _SIGN


_MOST_EXACT: Final = _number(1 << 53)
_LEAST_EXACT: Final = _number(-(1 << 53))
"""Between them no two numbers are the same 64 bits."""
