"""Tables for people: items as rows, or one item as a list of attributes."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from dynafile.cli.failures import printable
from dynafile.values.tagged import dumps, structure

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_WIDEST = 40
_GAP = 2


def print_attributes(attributes: Mapping[str, Any]) -> None:
    """Print names and values in two columns, the values whole."""
    table = Table(box=None, show_header=False, pad_edge=False, padding=(0, _GAP, 0, 0))
    table.add_column(style="cyan", no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in attributes.items():
        table.add_row(Text(printable(name)), _cell(value))
    _console().print(table)


def print_rows(items: Sequence[Mapping[str, Any]], keys: Sequence[str]) -> None:
    """Print items in rows: the keys, then as many attributes as the width holds."""
    console = _console()
    names = list(dict.fromkeys([*keys, *(name for item in items for name in item)]))
    empty = Text("")
    columns = {
        name: [_cell(item[name]) if name in item else empty for item in items] for name in names
    }
    widths = {name: _width(name, cells) for name, cells in columns.items()}
    shown = _that_fit(names, widths, len(keys), console.width)
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, _GAP - 1, 0, 0), show_edge=False)
    for name in shown:
        numeric = all(_is_number(item[name]) for item in items if name in item)
        table.add_column(
            Text(printable(name)),
            justify="right" if numeric else "left",
            no_wrap=True,
            overflow="ellipsis",
            max_width=widths[name],
            style="cyan" if name in keys else None,
        )
    for row in zip(*(columns[name] for name in shown), strict=True):
        table.add_row(*row)
    console.print(table)
    left_out = [printable(name) for name in names if name not in shown]
    if left_out:
        note = Text(f"not shown: {', '.join(left_out)}", style="dim")
        console.print(note, no_wrap=True, overflow="ellipsis")


def _console() -> Console:
    return Console(highlight=False, markup=False, emoji=False)


def _that_fit(names: Sequence[str], widths: dict[str, int], keys: int, room: int) -> list[str]:
    """Return the columns that fit; the keys always do, if need be shortened."""
    shown = list(names[:keys])
    used = sum(widths[name] + _GAP for name in shown)
    for name in names[keys:]:
        if used + widths[name] <= room:
            shown.append(name)
            used += widths[name] + _GAP
    return shown


def _width(name: str, cells: Sequence[Text]) -> int:
    return max(len(name), min(_WIDEST, max(cell.cell_len for cell in cells)), 1)


def _cell(value: object) -> Text:
    if value is None or isinstance(value, bool):
        return Text(dumps(value), style="dim")
    if isinstance(value, str):
        return Text(printable(value))
    # A table is for reading: what JSON would tag stands here without its tag.
    plain = structure(value)
    if isinstance(plain, dict) and not isinstance(value, dict):
        (plain,) = plain.values()
    return Text(printable(plain if isinstance(plain, str) else dumps(plain)))


def _is_number(value: object) -> bool:
    return isinstance(value, int | float | Decimal) and not isinstance(value, bool)
