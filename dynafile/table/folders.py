"""Folders: where the keyspaces of tables and indexes are, so that no two of them meet."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from dynafile.store.names import EXPIRY_FOLDER, KEYSPACE_FOLDER, MIRROR_PREFIXES, TABLES

_LONGEST: Final = 200
_RESERVED: Final = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\.|$)", re.IGNORECASE)
"""Windows takes these for devices, whatever follows the dot."""


def table_home(name: str, number: int, taken: Iterable[str]) -> str:
    """Choose the home of a new table: ``tables/<its name>/``, where that is free everywhere.

    ``number`` is one that no other table ever has, ``taken`` the folders of all keyspaces.
    """
    if _RESERVED.match(name):
        name = f"_{name}"
    return _free(f"{TABLES}/", name, number, taken) + "/"


def index_folder(home: str, name: str, number: int, taken: Iterable[str], *, local: bool) -> str:
    """Choose the folder of a new index in the home of its table."""
    return _free(home, f"{MIRROR_PREFIXES[local]}{name}", number, taken)


def expiry_folder(home: str) -> str:
    """Return where a table has its index by expiry."""
    return f"{home}{EXPIRY_FOLDER}/{KEYSPACE_FOLDER}"


def items_folder(home: str) -> str:
    """Return where a table has its items."""
    return f"{home}{KEYSPACE_FOLDER}"


def _free(home: str, name: str, number: int, taken: Iterable[str]) -> str:
    """Return a folder for a name, where every file system can tell it from the others."""
    used = {folder.rpartition("/")[0].lower() for folder in taken}
    folder = f"{home}{name}"
    if len(name) > _LONGEST or name.endswith("."):  # Windows drops dots at the end
        folder = f"{home}{name[:_LONGEST]}-{number:x}"
    while folder.lower() in used:
        folder += f"-{number:x}"
    return folder
