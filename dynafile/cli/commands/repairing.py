"""``dynafile repair``: what can still be read of a damaged folder, into a new one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer
from msgspec.structs import asdict

from dynafile.cli.exporter import open_output, write_json_lines
from dynafile.cli.failures import ExitCode, Failure, tell
from dynafile.cli.options import FormatOption, PathArgument, TableOption
from dynafile.cli.output import OutputFormat, chosen, print_items
from dynafile.cli.progress import progress_bar
from dynafile.errors import ResourceNotFound
from dynafile.repairing import RepairedTable, RepairReport
from dynafile.repairing import repair as repair_folder
from dynafile.values.tagged import dumps

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

_SHOWN = 20
"""So many keys of a kind are named on standard error; the report has more."""

_RED, _YELLOW, _BLUE, _GREEN = "31", "33", "36", "32"


def repair(
    path: PathArgument,
    *,
    into: Annotated[
        str,
        typer.Option(
            "--into",
            metavar="FOLDER",
            help="The new folder; it must not exist, or be empty.",
            show_default=False,
        ),
    ],
    table: TableOption = None,
    report: Annotated[
        str | None,
        typer.Option(
            "--report",
            metavar="FILE",
            help="Write all that was found there, as JSON Lines.",
            show_default=False,
        ),
    ] = None,
    form: FormatOption = None,
) -> None:
    """Save what can still be read of a damaged folder in a new one; exit with 1 if not all can.

    Changes nothing in PATH. Prints how many items of each table were saved, and says on standard
    error what is damaged and what is lost.
    """
    if report is None:
        done = _repaired(path, into, table)
    else:
        with open_output(report) as stream:  # before anything is made
            done = _repaired(path, into, table)
            write_json_lines(_lines(done), stream)
    _print(done, form)
    _tell(done)
    if not done.lossless:
        raise Failure(
            f"not everything in {path} could be saved",
            hint=f"{into} has what could; compare it with a backup",
            code=ExitCode.FAILED,
        )
    saved = sum(each.saved for each in done.tables)
    tell("ok", f"{into} has all that was in {path}: {saved:,} items", colour=_GREEN)


def _repaired(path: str, into: str, table: str | None) -> RepairReport:
    with progress_bar("repairing", None) as _:
        try:
            return repair_folder(path, into, table=table)
        except ResourceNotFound:
            raise Failure(
                f"{path} holds no table {table!r}",
                hint="leave --table out to save all tables; `dynafile info` shows them",
                code=ExitCode.USAGE,
            ) from None


def _print(done: RepairReport, form: Any) -> None:
    rows = [
        {
            "table": each.name,
            "saved": each.saved,
            "uncertain": each.uncertain,
            "from_indexes": each.from_indexes,
            "lost": each.lost,
            "lost_ranges": len(each.lost_ranges),
            "invalid": each.invalid,
        }
        for each in done.tables
    ]
    shape = chosen(form)
    if shape is OutputFormat.TABLE:
        from dynafile.cli.tables import print_rows

        print_rows(rows, ["table"])
    else:
        print_items(rows, shape)


def _tell(done: RepairReport) -> None:
    for file, offset, what in done.damages:
        where = file if offset is None else f"{file}, offset {offset}"
        tell("damaged", f"{where}: {what}", colour=_RED)
    for commits in done.unreadable:
        after = (
            "the beginning" if commits.after is None else f"{commits.after:%Y-%m-%d %H:%M:%S} UTC"
        )
        before = "the end" if commits.before is None else f"{commits.before:%Y-%m-%d %H:%M:%S} UTC"
        tell(
            "lost",
            f"the commits with LSN {commits.first_lsn} to {commits.end_lsn} in {commits.file}, "
            f"made between {after} and {before}",
            colour=_RED,
        )
    for each in done.tables:
        _tell_of(each)
    for note in done.notes:
        tell("note", note, colour=_BLUE)


def _tell_of(table: RepairedTable) -> None:
    for lost in table.lost_ranges:
        end = "the end" if lost.end is None else lost.end.hex()
        count = "" if lost.entries is None else f"; {lost.entries:,} items were there"
        tell(
            "lost",
            f"{table.name}: what was in the snapshot of the keys {lost.begin.hex() or '0'} to {end}"
            f"{count}",
            colour=_RED,
        )
    name = table.name
    _tell_keys("lost", f"{name}: item", table.lost, table.lost_keys)
    _tell_keys("invalid", f"{name}: entry that is no item", table.invalid, table.invalid_keys)
    _tell_keys(
        "uncertain", f"{name}: may be an older version", table.uncertain, table.uncertain_keys
    )


def _tell_keys(label: str, what: str, count: int, keys: Sequence[Mapping[str, Any]]) -> None:
    for key in keys[:_SHOWN]:
        tell(label, f"{what}: {dumps(dict(key))}", colour=_YELLOW)
    if count > _SHOWN:
        tell(label, f"{what}: and {count - _SHOWN:,} more", colour=_YELLOW)


def _lines(done: RepairReport) -> Iterator[dict[str, Any]]:
    """Yield the report, a fact a line."""
    for damage in done.damages:
        yield {"kind": "damage", **damage._asdict()}
    for commits in done.unreadable:
        yield {"kind": "commits", **_without_dates(asdict(commits))}
    for table in done.tables:
        yield {
            "kind": "table",
            "table": table.name,
            "saved": table.saved,
            "uncertain": table.uncertain,
            "from_indexes": table.from_indexes,
            "lost": table.lost,
            "invalid": table.invalid,
        }
        for lost in table.lost_ranges:
            yield {
                "kind": "range",
                "table": table.name,
                "begin": lost.begin.hex(),
                "end": None if lost.end is None else lost.end.hex(),
                "entries": lost.entries,
            }
        for kind, keys in (
            ("lost", table.lost_keys),
            ("invalid", table.invalid_keys),
            ("uncertain", table.uncertain_keys),
        ):
            for key in keys:
                yield {"kind": kind, "table": table.name, "key": dict(key)}
    for note in done.notes:
        yield {"kind": "note", "text": note}


def _without_dates(commits: dict[str, Any]) -> dict[str, Any]:
    for name in ("after", "before"):
        if commits[name] is not None:
            commits[name] = commits[name].isoformat()
    return commits
