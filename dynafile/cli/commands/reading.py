"""``dynafile query`` and ``scan``: items of one partition key, and all items."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from dynafile import begins_with, between, eq, gt, gte, lt, lte
from dynafile.cli.failures import ExitCode, Failure
from dynafile.cli.keys import QueryKeys, query_keys
from dynafile.cli.opening import open_to_read
from dynafile.cli.options import (
    FilterOption,
    FormatOption,
    IndexOption,
    LimitOption,
    PathArgument,
    PkArgument,
    TableOption,
)
from dynafile.cli.output import OutputFormat, Rows, chosen, print_items
from dynafile.cli.progress import counted, progress_bar

if TYPE_CHECKING:
    from collections.abc import Iterator

_CONDITIONS: dict[str, Any] = {
    "begins_with": begins_with,
    "between": between,
    "eq": eq,
    "lt": lt,
    "lte": lte,
    "gt": gt,
    "gte": gte,
}


_Condition = Annotated[
    str | None, typer.Option(metavar="SK", help="A condition on the sort key.", show_default=False)
]
_BeginsWith = Annotated[
    str | None,
    typer.Option(metavar="SK", help="Sort keys that begin with this.", show_default=False),
]
_Between = Annotated[
    tuple[str, str] | None,
    typer.Option(
        "--between",
        metavar="LOW HIGH",
        help="Sort keys from the one to the other, both included.",
        show_default=False,
    ),
]
_Reverse = Annotated[bool, typer.Option("--reverse", help="From the last sort key to the first.")]
_Segment = Annotated[
    int | None,
    typer.Option(min=0, help="Which of --total-segments to read, from 0.", show_default=False),
]
_TotalSegments = Annotated[
    int | None,
    typer.Option(
        min=1,
        help="Into how many parts the table is cut, for scans side by side.",
        show_default=False,
    ),
]


def query(
    path: PathArgument,
    pk: PkArgument,
    *,
    table: TableOption = None,
    begins_with: _BeginsWith = None,
    between_: _Between = None,
    eq: _Condition = None,
    lt: _Condition = None,
    lte: _Condition = None,
    gt: _Condition = None,
    gte: _Condition = None,
    index: IndexOption = None,
    reverse: _Reverse = False,
    limit: LimitOption = None,
    filter_: FilterOption = None,
    form: FormatOption = None,
) -> None:
    """Print the items of one partition key, in the order of their sort keys."""
    one_value = {
        "begins_with": begins_with,
        "eq": eq,
        "lt": lt,
        "lte": lte,
        "gt": gt,
        "gte": gte,
    }
    given: dict[str, tuple[str, ...]] = {
        name: (value,) for name, value in one_value.items() if value is not None
    }
    if between_ is not None:
        given["between"] = between_
    with open_to_read(path, table) as db:
        keys = query_keys(db, index)
        found = db.query(
            keys.partition_key(pk),
            index=index,
            sk=_condition(keys, given),
            scan_index_forward=not reverse,
            limit=limit,
            filter=filter_,
        )
        print_found(found, form, keys.shown, limit)


def scan(
    path: PathArgument,
    *,
    table: TableOption = None,
    filter_: FilterOption = None,
    index: IndexOption = None,
    limit: LimitOption = None,
    segment: _Segment = None,
    total_segments: _TotalSegments = None,
    form: FormatOption = None,
) -> None:
    """Print all items, in no order that means anything."""
    if (segment is None) != (total_segments is None):
        raise Failure(
            "--segment and --total-segments go together",
            hint="for the first of four parts: --segment 0 --total-segments 4",
            code=ExitCode.USAGE,
        )
    with open_to_read(path, table) as db:
        found = db.scan(
            index=index,
            filter=filter_,
            segment=segment,
            total_segments=total_segments,
            limit=limit,
        )
        print_found(found, form, query_keys(db, index).shown, limit)


def _condition(keys: QueryKeys, given: dict[str, tuple[str, ...]]) -> Any:
    """Return the condition on the sort key, made of the texts by the name of its option."""
    if len(given) > 1:
        names = " and ".join("--" + name.replace("_", "-") for name in given)
        raise Failure(
            f"{names} cannot be combined: a query has one condition on the sort key",
            hint="put the rest into --filter",
            code=ExitCode.USAGE,
        )
    for name, texts in given.items():
        return _CONDITIONS[name](*keys.sort_key_values(texts))
    return None


def print_found(
    found: Iterator[dict[str, Any]], form: OutputFormat | None, keys: list[str], limit: int | None
) -> None:
    """Print items as they come; ``keys`` are the columns that a table begins with."""
    shape = chosen(form)
    if shape is OutputFormat.TABLE:
        with progress_bar("reading", None) as report:
            rows = Rows(counted(found, report), limited=limit is not None)
        rows.print(keys)
        return
    # Lines on a terminal are progress enough, and a bar would come in between.
    with progress_bar("reading", None, shown=not sys.stdout.isatty()) as report:
        print_items(counted(found, report), shape)
