"""Folders as dynafile 0.1.3 wrote them, without it: a pickled SortedDict for each partition key."""

from __future__ import annotations

import hashlib
import pickle
from typing import TYPE_CHECKING, Any

from sortedcontainers import SortedDict

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path


def old_files(
    items: Iterable[dict[str, Any]], pk: str = "PK", sk: str | None = "SK"
) -> dict[str, bytes]:
    """The files of a table, by their names."""
    trees: dict[str, SortedDict] = {}
    for item in items:
        trees.setdefault(item[pk], SortedDict())[item.get(sk)] = item
    return {old_file(key): pickle.dumps(tree, protocol=4) for key, tree in trees.items()}


def old_file(pk: str) -> str:
    return f"_partitions/{hashlib.sha256(pk.encode()).hexdigest()}/data.pickle"


def write_old(
    folder: Path, items: Iterable[dict[str, Any]], pk: str = "PK", sk: str | None = "SK"
) -> Path:
    """Write a table of 0.1.3, and return its folder."""
    return write_files(folder, old_files(items, pk, sk))


def write_files(folder: Path, files: dict[str, bytes]) -> Path:
    for name, data in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    return folder


def sample(count: int, partitions: int = 20) -> Iterator[dict[str, Any]]:
    """Items that are easily compared, so many in so many partitions."""
    for number in range(count):
        yield {"PK": f"user#{number % partitions}", "SK": f"{number:06}", "text": "x" * 50}


def tree(folder: Path) -> dict[str, bytes | None]:
    """All that is in a folder: files with their content, folders with None."""
    return {
        str(path.relative_to(folder)): path.read_bytes() if path.is_file() else None
        for path in folder.rglob("*")
    }
