"""Folders of strangers: the kept sample, written out and changed by a forger's hand."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

from fuzz import mending, sample

from dynafile import Database, repair
from dynafile.errors import DynafileError
from dynafile.table import stream_options

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

META = "meta.json"
SEGMENT = "journal/00000000000027b6.log"


def unpack(path: Path) -> Path:
    """Write the sample into a folder."""
    for name, data in sample.files().items():
        file = path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data)
    return path


def snapshot_of(path: Path, folder: str = "tables/users/_partitions") -> Path:
    """Return the file of the first snapshot in a keyspace's folder."""
    return min((path / folder).glob("*/data.pickle"))


def change_meta(path: Path, change: Callable[[dict[str, Any]], None]) -> None:
    """Change what ``meta.json`` says, with a right checksum."""
    value = json.loads((path / META).read_bytes())
    change(value)
    (path / META).write_bytes(mending.meta(json.dumps(value).encode()))


def append_record(path: Path, record: bytes) -> None:
    """Add a record to the journal, with a right frame, LSN and checksum."""
    file = path / SEGMENT
    file.write_bytes(mending.segment(file.read_bytes().rstrip(b"\0") + record) + bytes(100))


def refusals(path: Path, use: Callable[[Database], object] = list) -> list[DynafileError | None]:
    """Read a folder only, write to it, and repair it, as a stranger's; return what that raised."""

    def opened(read_only: bool) -> None:
        with Database(path, trusted=False, read_only=read_only, lock_timeout=1) as db:
            use(db)

    found: list[DynafileError | None] = []
    ways: list[Callable[[], object]] = [
        lambda: opened(read_only=True),
        lambda: opened(read_only=False),
        lambda: _repaired(path),
    ]
    for way in ways:
        try:
            way()
        except DynafileError as error:
            assert str(error)
            found.append(error.with_traceback(None))  # whose frames would hold what was read
        else:
            found.append(None)
    return found


def _repaired(path: Path) -> None:
    with patch.object(stream_options, "LONGEST_SECONDS", sample.CENTURIES):
        repair(path, path.with_name("repaired"), lock_timeout=1)


def read_all(db: Database) -> None:
    """Read every item."""
    for name in db.tables:
        list(db.table(name).scan())
