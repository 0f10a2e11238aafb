"""Opening tables for commands: those that exist, and those that an import or a put may make."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from dynafile import Dynafile
from dynafile.cli.failures import ExitCode, Failure

_SIGNS = ("meta.json", "_partitions")


def open_to_read(path: str, *, trusted: bool = True) -> Dynafile:
    """Open an existing table for reading, without taking its lock."""
    _require_table(path)
    return Dynafile(path, read_only=True, trusted=trusted)


def open_to_change(path: str) -> Dynafile:
    """Open an existing table for writing."""
    _require_table(path)
    return Dynafile(path)


def open_or_create(path: str, **options: Any) -> Dynafile:
    """Open a table for writing, or make it; the options are those of ``Dynafile``."""
    if path == ":memory:":
        raise Failure(
            "a table in :memory: would be gone when the command ends",
            hint="name a folder",
            code=ExitCode.USAGE,
        )
    return Dynafile(path, **options)


def _require_table(path: str) -> None:
    # Opening would make the folder, and a typo would leave an empty table behind.
    folder = Path(path)
    if any((folder / sign).exists() for sign in _SIGNS):
        return
    if not folder.exists():
        what = "does not exist"
    elif not folder.is_dir():
        what = "is a file"
    else:
        what = "holds no table"
    raise Failure(
        f"{path} {what}",
        hint="PATH is the folder of a table; `dynafile import` and `dynafile put` make one",
        code=ExitCode.STORAGE,
    )
