"""``dynafile import``."""

from __future__ import annotations

import time
from dataclasses import replace
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from dynafile.cli.csv_reader import CsvOptions, read_csv
from dynafile.cli.failures import ExitCode, Failure, as_failure, tell
from dynafile.cli.importer import Importer
from dynafile.cli.json_reader import read_json, read_json_lines
from dynafile.cli.opening import open_or_create
from dynafile.cli.options import (
    DecimalOption,
    Durability,
    DurabilityOption,
    KeyType,
    NoSkOption,
    PathArgument,
    PkOption,
    PkTypeOption,
    SkOption,
    SkTypeOption,
    TableOption,
    TagsOption,
    TtlOption,
    schema,
)
from dynafile.cli.progress import progress_bar
from dynafile.cli.source import InputFormat, Source, guess_format, open_source
from dynafile.cli.templates import Template
from dynafile.cli.typed_text import declared_types
from dynafile.values.tagged import decoder

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dynafile import Dynafile
    from dynafile.cli.record import Record

_IMPLIED = {KeyType.NUMBER: "number", KeyType.BINARY: "binary"}


class OnError(StrEnum):
    """What a malformed record does to an import."""

    STOP = "stop"
    SKIP = "skip"


_File = Annotated[
    str,
    typer.Argument(
        metavar="FILE", help="The file to read, or - for standard input.", show_default=False
    ),
]
_Format = Annotated[
    InputFormat | None,
    typer.Option(
        "--format",
        "-f",
        help="By default by the file's name; standard input is JSON Lines.",
        show_default=False,
    ),
]
_Keys = Annotated[
    list[str] | None,
    typer.Option(
        metavar="ATTRIBUTE=TEMPLATE",
        help="Make an attribute out of others, as in 'PK=country#{countrycode}'. Repeatable.",
        show_default=False,
    ),
]
_Types = Annotated[
    list[str] | None,
    typer.Option(
        "--type",
        metavar="COLUMN=TYPE",
        help="CSV: the type of a column: string, int, float, number, bool, json or binary "
        "(base64). Repeatable; other columns are strings.",
        show_default=False,
    ),
]
_Delimiter = Annotated[
    str | None,
    typer.Option(
        metavar="CHARACTER",
        help="CSV: what is between cells. By default a comma, and a tab in .tsv files.",
        show_default=False,
    ),
]
_KeepEmpty = Annotated[
    bool,
    typer.Option(
        "--keep-empty/--drop-empty",
        help="CSV: keep empty cells, as empty strings and, in columns of another type, nulls.",
    ),
]
_OnError = Annotated[
    OnError, typer.Option(help="Stop at a malformed record, or skip it and go on.")
]
_BatchSize = Annotated[int, typer.Option(min=1, help="Records in one commit.")]


def import_(
    path: PathArgument,
    file: _File,
    *,
    table: TableOption = None,
    file_format: _Format = None,
    pk: PkOption = None,
    sk: SkOption = None,
    no_sk: NoSkOption = False,
    ttl: TtlOption = None,
    pk_type: PkTypeOption = None,
    sk_type: SkTypeOption = None,
    key: _Keys = None,
    types: _Types = None,
    delimiter: _Delimiter = None,
    keep_empty: _KeepEmpty = False,
    decimal: DecimalOption = False,
    tags: TagsOption = True,
    on_error: _OnError = OnError.STOP,
    batch_size: _BatchSize = 1000,
    durability: DurabilityOption = Durability.DURABLE,
) -> None:
    """Put the records of a file into a table, which is made if there is none.

    Records are committed in batches, so an import that ends early keeps what came before; it
    tells how much that was. Importing a file again puts the same items again.
    """
    shape = file_format or guess_format(file)
    _refuse_csv_options(shape, file, types, delimiter, keep_empty)
    templates = [Template.parse(option) for option in key or ()]
    layout = CsvOptions(
        declared_types(types or ()),
        delimiter or ("\t" if file.lower().endswith(".tsv") else ","),
        keep_empty,
        decimal=decimal,
        tags=tags,
    )
    options = schema(pk, sk, no_sk=no_sk, ttl=ttl, pk_type=pk_type, sk_type=sk_type)
    with (
        open_source(file) as source,
        open_or_create(path, table, durability=durability.value, **options) as db,
        progress_bar("importing", source.size, unit="records") as progress,
    ):
        importer = Importer(
            db,
            source,
            _records(db, source, shape, layout),
            templates=templates,
            batch_size=batch_size,
            skip=on_error is OnError.SKIP,
            progress=progress,
        )
        started = time.perf_counter()
        try:
            importer.run()
        except Exception as error:
            raise _with_count(as_failure(error), importer.imported) from error
        seconds = time.perf_counter() - started
    _conclude(importer, path, seconds)


def _refuse_csv_options(
    shape: InputFormat,
    file: str,
    types: list[str] | None,
    delimiter: str | None,
    keep_empty: bool,
) -> None:
    if delimiter is not None and len(delimiter) != 1:
        raise Failure(f"--delimiter {delimiter!r} is not one character", code=ExitCode.USAGE)
    if shape is not InputFormat.CSV and (types or delimiter or keep_empty):
        raise Failure(
            f"--type, --delimiter and --keep-empty are for CSV, and {file} is read as {shape}",
            hint="say --format csv if that is what it is",
            code=ExitCode.USAGE,
        )


def _records(
    db: Dynafile, source: Source, shape: InputFormat, layout: CsvOptions
) -> Iterator[Record]:
    if shape is InputFormat.CSV:
        return read_csv(source, replace(layout, implied=_implied_types(db)))
    read = read_json if shape is InputFormat.JSON else read_json_lines
    return read(source, decoder(tags=layout.tags, decimal=layout.decimal))


def _implied_types(db: Dynafile) -> dict[str, str]:
    """Return the CSV types that the table's own attributes have without being declared."""
    implied = {}
    if db.ttl_attribute is not None:
        implied[db.ttl_attribute] = "number"
    for attribute, kind in ((db.pk_attribute, db.pk_type), (db.sk_attribute, db.sk_type)):
        if attribute is not None and kind in _IMPLIED:
            implied[attribute] = _IMPLIED[KeyType(kind)]
    return implied


def _conclude(importer: Importer, path: str, seconds: float) -> None:
    """Say how it went; raise what ended the import before its end."""
    if importer.interrupted:
        raise _with_count(Failure("interrupted", code=ExitCode.INTERRUPTED), importer.imported)
    if importer.stopped is not None:
        raise _with_count(importer.stopped, importer.imported)
    for problem in importer.skipped_first:
        tell("skipped", problem.message, colour="33")
    more = importer.skipped - len(importer.skipped_first)
    if more:
        tell("skipped", f"and {more:,} more", colour="33")
    noun = "record" if importer.imported == 1 else "records"
    rate = importer.imported / seconds if seconds else 0
    skipped = f", skipped {importer.skipped:,}" if importer.skipped else ""
    tell(
        "imported",
        f"{importer.imported:,} {noun} into {path} in {seconds:.1f} s ({rate:,.0f}/s){skipped}",
        colour="32",
    )


def _with_count(failure: Failure, imported: int) -> Failure:
    kept = f"{imported:,} records were imported before it, and stay"
    if imported < 2:
        kept = "1 record was imported before it, and stays" if imported else "nothing was imported"
    hint = f"{failure.hint}; {kept}" if failure.hint else kept
    return Failure(failure.message, hint=hint, code=failure.code)
