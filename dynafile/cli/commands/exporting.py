"""``dynafile export``."""

from __future__ import annotations

import time
from enum import StrEnum
from typing import Annotated

import typer

from dynafile.cli.exporter import open_output, write_csv, write_json_lines
from dynafile.cli.failures import tell
from dynafile.cli.keys import key_attributes
from dynafile.cli.opening import open_to_read
from dynafile.cli.options import OutputOption, PathArgument, TableOption
from dynafile.cli.progress import counted, progress_bar


class ExportFormat(StrEnum):
    """What an export can write."""

    JSONL = "jsonl"
    CSV = "csv"


def export(
    path: PathArgument,
    *,
    table: TableOption = None,
    output: OutputOption = None,
    file_format: Annotated[
        ExportFormat | None,
        typer.Option(
            "--format",
            "-f",
            help="By default by the file's name, else JSON Lines.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Write all items of a table as JSON Lines or CSV.

    JSON Lines keep everything: `dynafile import` makes the same items of them. CSV is for
    spreadsheets, and loses types.
    """
    shape = file_format or _guess(output)
    count = 0
    started = time.perf_counter()
    with open_to_read(path, table) as db:
        total = len(db)
        with progress_bar("exporting", total) as report, open_output(output) as stream:

            def tally(position: int, found: int) -> None:
                nonlocal count
                count = found
                report(position, found)

            items = counted(db.scan(), tally)
            if shape is ExportFormat.CSV:
                write_csv(items, stream, key_attributes(db))
            else:
                write_json_lines(items, stream)
    if output is not None:
        seconds = time.perf_counter() - started
        tell("exported", f"{count:,} items to {output} in {seconds:.1f} s", colour="32")


def _guess(output: str | None) -> ExportFormat:
    csv = output is not None and output.lower().endswith(".csv")
    return ExportFormat.CSV if csv else ExportFormat.JSONL
