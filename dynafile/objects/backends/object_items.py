"""Objects as items of a table.

================ ============================== ================================================
partition key    sort key                       attributes
================ ============================== ================================================
``/a/b``         ``c``: what is in the folder   an object: ``contents`` (bytes), ``mtime`` and
                                                ``ctime`` (ns), ``values`` (index values by
                                                name), ``expires`` (ns), ``untimed`` (true, if
                                                it is not in the index ``mtime``);
                                                a folder: ``folder`` (true)
``mtime:/a/b``   a value of 20 digits, ``/c``   ``mtime``, ``ctime``, ``expires``: an entry of
                                                the index ``mtime`` of this folder; other
                                                indexes likewise
``expires:``     a time of 20 digits, the path  nothing: what the sweep has to look at
================ ============================== ================================================

A folder and an object of one name are one item, so that no path is both. Listing a folder, and each
folder query, is a query of one partition.
"""

from __future__ import annotations

from typing import Any, Final

from dynafile.errors import CorruptObject
from dynafile.objects.backend import MTIME, Entry, Stored
from dynafile.objects.paths import ROOT

__all__ = [
    "CONTENTS",
    "CTIME",
    "EXPIRES",
    "FOLDER",
    "PARTITION_KEY",
    "SORT_KEY",
    "SWEPT",
    "UNTIMED",
    "VALUES",
    "Item",
    "digits",
    "entries_of",
    "entry_keys",
    "entry_of",
    "is_gone",
    "item_key",
    "partition",
    "stored_of",
    "sweep_key",
    "swept_path",
    "version_of",
]

Item = dict[str, Any]

PARTITION_KEY: Final = "PK"
SORT_KEY: Final = "SK"
CONTENTS: Final = "contents"
CTIME: Final = "ctime"
EXPIRES: Final = "expires"
FOLDER: Final = "folder"
UNTIMED: Final = "untimed"
VALUES: Final = "values"
SWEPT: Final = "expires:"

_OFFSET: Final = 1 << 63
_DIGITS: Final = 20


def item_key(path: str) -> Item:
    """Return the key of the item of a path, which is not the root."""
    folder, _, name = path.rpartition("/")
    return {"PK": folder or ROOT, "SK": name}


def is_gone(item: Item, now: int) -> bool:
    """Tell whether an item, or an entry, has expired."""
    expires = item.get("expires")
    return expires is not None and bool(expires <= now)


def stored_of(item: Item, path: str) -> Stored:
    """Return the bytes of an object; raises CorruptObject for an item of another kind."""
    try:
        return Stored(item["contents"], f"{item['mtime']:x}")
    except (KeyError, ValueError, TypeError):
        raise CorruptObject(
            f"the item of {path} is no object's: something else is in this table", key=path
        ) from None


def version_of(item: Item) -> str:
    """Return the version of an object."""
    return f"{item['mtime']:x}"


def entry_keys(item: Item) -> list[Item]:
    """Return the keys of all index entries of an object, that of the sweep left out."""
    folder, name = item["PK"], item["SK"]
    keys = []
    if "untimed" not in item:
        keys.append({"PK": f"mtime:{folder}", "SK": f"{item['mtime'] + _OFFSET:020}/{name}"})
    if "values" in item:
        for index, value in item["values"].items():
            keys.append({"PK": f"{index}:{folder}", "SK": f"{digits(value)}/{name}"})
    return keys


def entries_of(item: Item) -> list[Item]:
    """Return all index entries of an object, that of the sweep left out."""
    times = {"mtime": item["mtime"], "ctime": item["ctime"]}
    if "expires" in item:
        times["expires"] = item["expires"]
    return [{**key, **times} for key in entry_keys(item)]


def entry_of(item: Item) -> Entry:
    """Return what an index entry says."""
    value, _, name = item[SORT_KEY].partition("/")
    return Entry(name, int(item[MTIME]), int(item[CTIME]), int(value) - _OFFSET)


def partition(index: str, folder: str) -> str:
    """Return the partition key of an index of a folder."""
    return f"{index}:{folder}"


def digits(value: int) -> str:
    """Return a number of 64 bits as text that sorts as it does."""
    return f"{value + _OFFSET:020}"


def sweep_key(path: str, expires: int) -> Item:
    """Return the key of the sweep's entry of an object."""
    return {"PK": SWEPT, "SK": f"{digits(expires)}{path}"}


def swept_path(item: Item) -> str:
    """Return the path that an entry of the sweep is of."""
    path: str = item[SORT_KEY][_DIGITS:]
    return path
