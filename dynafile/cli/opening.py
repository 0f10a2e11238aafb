"""Opening tables for commands: those that exist, and those that an import or a put may make."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from dynafile import Dynafile
from dynafile.cli.failures import ExitCode, Failure
from dynafile.cli.typed_text import key_value

if TYPE_CHECKING:
    from collections.abc import Sequence

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


def key_attributes(db: Dynafile) -> list[str]:
    """Return the names of the key attributes, the partition key first."""
    return [name for name in (db.pk_attribute, db.sk_attribute) if name is not None]


def key_from(db: Dynafile, pk: str, sk: str | None) -> dict[str, Any]:
    """Return the key that arguments stand for, typed as the table's keys are."""
    key = {db.pk_attribute: key_value(pk, db.pk_type, db.pk_attribute)}
    if db.sk_attribute is None:
        if sk is not None:
            raise Failure(
                "this table has no sort key, and two key values were given",
                hint="give the partition key alone",
                code=ExitCode.USAGE,
            )
    elif sk is None:
        raise Failure(
            f"this table has a sort key, {db.sk_attribute}, and none was given",
            hint="give both, as in: dynafile get PATH PK SK; `dynafile query` needs no sort key",
            code=ExitCode.USAGE,
        )
    else:
        key[db.sk_attribute] = key_value(sk, db.sk_type, db.sk_attribute)
    return key


def sort_key_values(db: Dynafile, texts: Sequence[str]) -> list[Any]:
    """Return arguments as values of the sort key."""
    if db.sk_attribute is None:
        raise Failure(
            "this table has no sort key to put conditions on",
            hint="`dynafile get` reads its items by the partition key",
            code=ExitCode.USAGE,
        )
    return [key_value(text, db.sk_type, db.sk_attribute) for text in texts]


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
