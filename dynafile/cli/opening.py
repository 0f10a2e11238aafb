"""Opening tables for commands: those that exist, and those that an import or a put may make."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from dynafile import Database, Dynafile
from dynafile.cli.failures import ExitCode, Failure

_SIGNS = ("meta.json", "_partitions")
_HINT = "PATH is the folder of a table; `dynafile import` and `dynafile put` make one"


def open_to_read(path: str, table: str | None, *, trusted: bool = True) -> Dynafile:
    """Open an existing table for reading, without taking its lock."""
    require_table(path)
    return Dynafile(path, table_name=table, read_only=True, trusted=trusted)


def open_to_check(path: str, table: str | None) -> Dynafile | Database:
    """Open what is to be checked: a table, or all that the folder holds if it is not one."""
    require_table(path)
    if table is None:
        database = Database(path, read_only=True, trusted=False)
        if len(database) != 1:
            return database
        database.close()
    return open_to_read(path, table, trusted=False)


def open_to_change(path: str, table: str | None) -> Dynafile:
    """Open an existing table for writing."""
    require_table(path)
    return Dynafile(path, table_name=table)


def open_for_statement(path: str, table: str | None, *, writes: bool) -> Dynafile | Database:
    """Open a table, or all that the folder holds: a statement names the one that it is about."""
    if table is not None:
        return open_to_change(path, table) if writes else open_to_read(path, table)
    require_table(path)
    return Database(path, read_only=not writes)


def open_or_create(path: str, table: str | None, **options: Any) -> Dynafile:
    """Open a table for writing, or make it; the options are those of ``Dynafile``."""
    if path == ":memory:":
        raise Failure(
            "a table in :memory: would be gone when the command ends",
            hint="name a folder",
            code=ExitCode.USAGE,
        )
    return Dynafile(path, table_name=table, **options)


def require_table(path: str, *, hint: str = _HINT) -> None:
    """Raise Failure unless there is a table, or several, in a folder."""
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
        hint=hint,
        code=ExitCode.STORAGE,
    )
