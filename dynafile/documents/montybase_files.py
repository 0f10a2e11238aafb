"""Files that Montybase wrote: where the importer reaches the file system."""

from __future__ import annotations

import json
import os
from typing import Any, Final, NoReturn

from dynafile.errors import ImportRefused

__all__ = ["has_tree", "read_tree"]

_CONFIGURATION: Final = "db.config.json"
_TREE: Final = "db.json"
_BUCKET: Final = "storageBucket"


def has_tree(folder: str) -> bool:
    """Say whether a file of Montybase's is in a folder."""
    return os.path.isfile(os.path.join(folder, _TREE))


def read_tree(path: str) -> tuple[str, dict[str, Any]]:
    """Return the file that has the tree, and the tree; of the file itself or of its folder.

    A folder's configuration may name a file elsewhere, as that is where Montybase wrote; if that
    is gone, the one in the folder is read. Raises ImportRefused.
    """
    file = _file_of(path) if os.path.isdir(path) else path
    tree = _read(file)
    if not isinstance(tree, dict):
        raise ImportRefused(
            f"{file} is no tree of Montybase's: it should be a JSON object, and is a "
            f"{type(tree).__name__}",
            path=file,
        )
    return file, tree


def _file_of(folder: str) -> str:
    beside = os.path.join(folder, _TREE)
    configuration = os.path.join(folder, _CONFIGURATION)
    if not os.path.isfile(configuration):
        if not os.path.isfile(beside):
            raise ImportRefused(
                f"{folder} has neither {_CONFIGURATION} nor {_TREE}: name the folder that "
                "Montybase made, <name>-db, or its db.json",
                path=folder,
            )
        return beside
    found = _read(configuration)
    bucket = found.get(_BUCKET) if isinstance(found, dict) else None
    if not isinstance(bucket, str) or "\0" in bucket:
        raise ImportRefused(
            f"{configuration} has no {_BUCKET}, which is where the tree is: name the db.json "
            "itself",
            path=configuration,
        )
    return bucket if os.path.isabs(bucket) and os.path.isfile(bucket) else beside


def _read(file: str) -> Any:
    try:
        with open(file, encoding="utf-8") as opened:
            text = opened.read()
    except (OSError, ValueError) as error:
        raise ImportRefused(f"{file} cannot be read: {error}", path=file) from error
    if not text.strip():
        raise ImportRefused(
            f"{file} has nothing in it: Montybase empties it when it is to save a value that is no "
            "JSON, or is killed meanwhile. Look for a copy of it",
            path=file,
        )
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        _refuse(file, error)


def _refuse(file: str, error: Exception) -> NoReturn:
    reason = "it is nested too deep" if isinstance(error, RecursionError) else str(error)
    raise ImportRefused(f"{file} is no JSON that can be read: {reason}", path=file) from error
