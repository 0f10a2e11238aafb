"""What commands print: items as a table, as JSON Lines or as JSON."""

from __future__ import annotations

import sys
from enum import StrEnum
from itertools import islice
from typing import TYPE_CHECKING, Any

from dynafile.cli.failures import tell
from dynafile.values.tagged import dumps

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


def print_items(items: Iterable[dict[str, Any]], shape: OutputFormat) -> None:
    """Print items as JSON Lines or JSON, each as it comes."""
    if shape is OutputFormat.JSONL:
        for item in items:
            _write(dumps(item))
    else:
        _write_array(items)


class Rows:
    """Items for a table: as many as the user's limit, or the first hundred."""

    def __init__(self, items: Iterator[dict[str, Any]], *, limited: bool) -> None:
        self._items = list(islice(items, None if limited else _ROWS))
        self._more = not limited and next(items, None) is not None

    def print(self, keys: Sequence[str]) -> None:
        """Print the table; the key attributes come first."""
        if not self._items:
            tell("note", "no items", colour="36")
            return
        from dynafile.cli.tables import print_rows

        print_rows(self._items, keys)
        if self._more:
            tell(
                "note",
                f"these are the first {_ROWS}; --limit shows more, --format jsonl all of them",
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
