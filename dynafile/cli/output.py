"""What commands print: items as a table, as JSON Lines or as JSON."""

from __future__ import annotations

import sys
from enum import StrEnum
from itertools import islice
from typing import TYPE_CHECKING, Any

from dynafile.cli.failures import tell
from dynafile.cli.tagged import dumps

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

_ROWS = 100
"""As many rows as a table shows unless told otherwise: more would only scroll away."""


class OutputFormat(StrEnum):
    """How to print items."""

    TABLE = "table"
    JSON = "json"
    JSONL = "jsonl"


def chosen(wanted: OutputFormat | None) -> OutputFormat:
    """Return the format: without an option a table on a terminal, else JSON Lines."""
    if wanted is not None:
        return wanted
    return OutputFormat.TABLE if sys.stdout.isatty() else OutputFormat.JSONL


def print_item(item: dict[str, Any], wanted: OutputFormat | None, keys: Sequence[str]) -> None:
    """Print one item; its key attributes come first in a table."""
    shape = chosen(wanted)
    if shape is OutputFormat.TABLE:
        from dynafile.cli.tables import print_attributes

        first = {name: item[name] for name in keys if name in item}
        print_attributes(first | item)
    else:
        _write(dumps(item, indent=2 if shape is OutputFormat.JSON else None))


def print_items(
    items: Iterable[dict[str, Any]],
    wanted: OutputFormat | None,
    keys: Sequence[str],
    *,
    limited: bool,
) -> None:
    """Print items as they come. A table without a limit of the user's shows the first hundred."""
    shape = chosen(wanted)
    if shape is OutputFormat.TABLE:
        _print_table(iter(items), keys, None if limited else _ROWS)
    elif shape is OutputFormat.JSONL:
        for item in items:
            _write(dumps(item))
    else:
        _write_array(items)


def _print_table(items: Iterator[dict[str, Any]], keys: Sequence[str], rows: int | None) -> None:
    from dynafile.cli.tables import print_rows

    shown = list(islice(items, rows))
    if not shown:
        tell("note", "no items", colour="36")
        return
    print_rows(shown, keys)
    if rows is not None and next(items, None) is not None:
        tell(
            "note",
            f"these are the first {rows}; --limit shows more, --format jsonl all of them",
            colour="36",
        )


def _write_array(items: Iterable[dict[str, Any]]) -> None:
    before = "[\n"
    for item in items:
        text = dumps(item, indent=2).replace("\n", "\n  ")
        sys.stdout.write(f"{before}  {text}")
        before = ",\n"
    sys.stdout.write("[]\n" if before == "[\n" else "\n]\n")


def _write(text: str) -> None:
    sys.stdout.write(text + "\n")
