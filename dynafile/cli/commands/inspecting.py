"""``dynafile info`` and ``check``: what a table is, and whether it is whole."""

from __future__ import annotations

from msgspec.structs import asdict

from dynafile import Database
from dynafile.cli.failures import ExitCode, Failure, tell
from dynafile.cli.opening import open_to_check, open_to_read
from dynafile.cli.options import FormatOption, PathArgument, TableOption
from dynafile.cli.output import print_item
from dynafile.cli.progress import progress_bar
from dynafile.errors import CheckFailed, CorruptFile

_SHOWN = (
    "table_name",
    "path",
    "pk_attribute",
    "pk_type",
    "sk_attribute",
    "sk_type",
    "ttl_attribute",
    "item_count",
    "partition_count",
    "snapshot_bytes",
    "journal_bytes",
    "disk_bytes",
    "indexes",
)


def info(path: PathArgument, *, table: TableOption = None, form: FormatOption = None) -> None:
    """Print a table's schema and size: items, partitions, bytes."""
    with open_to_read(path, table) as db:
        description = asdict(db.describe())
    # `dynafile index list` tells the rest.
    description["indexes"] = [index.name for index in description["indexes"]]
    print_item({name: description[name] for name in _SHOWN}, form, ())


def check(path: PathArgument, *, table: TableOption = None) -> None:
    """Verify everything that a table's files promise; exit with 1 if anything is wrong.

    Reads every file and changes none. Of several tables it checks all, unless one is named.
    """
    with progress_bar("checking", None) as _:
        problems, items = _problems(path, table)
    for problem in problems:
        tell("problem", problem, colour="31")
    if problems:
        raise Failure(
            f"{path} has {len(problems):,} problem{'s' if len(problems) > 1 else ''}",
            code=ExitCode.FAILED,
        )
    tell("ok", f"{path} is whole: {items:,} items", colour="32")


def _problems(path: str, table: str | None) -> tuple[tuple[str, ...], int]:
    try:
        with open_to_check(path, table) as db:
            db.check()
            if isinstance(db, Database):
                return (), sum(len(db.table(name)) for name in db)
            return (), len(db)
    except CheckFailed as error:
        return error.problems or (str(error),), 0
    except CorruptFile as error:
        return (str(error),), 0
