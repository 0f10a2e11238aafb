"""Plots of the matrix as SVG: one for each size, a panel for each operation.

The same record makes the same bytes. Colours follow what the reader prefers, light or dark, with a
ground of their own, so that a plot can be read on any page.
"""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from typing import Final

from axis import Axis, linear, logarithmic
from matrix import CONTENDERS, COUNTS, ROWS, Row
from matrix_table import measured, why_not
from operations import DISKCACHE, LMDB, OLD, OURS, SQLITE_MSGSPEC, TINYDB, TINYDB_CACHING
from quantity import shown
from record import Result

COLOURS: Final = {
    OURS: "#2f81f7",
    SQLITE_MSGSPEC: "#d9730d",
    LMDB: "#12a150",
    DISKCACHE: "#c264c9",
    TINYDB: "#b08800",
    TINYDB_CACHING: "#7d7ff0",
    OLD: "#868e96",
}
"""A contender has the same colour everywhere; each can be told from both grounds."""

_STYLE: Final = """
text { font: 12px system-ui, sans-serif; fill: #1f2328 }
.ground { fill: #ffffff; stroke: #d1d9e0 }
.head { font-size: 16px; font-weight: 600 }
.title { font-size: 13px; font-weight: 600 }
.ours { font-weight: 600 }
.note { fill: #59636e }
.why { fill: #59636e; font-style: italic; stroke: #ffffff; stroke-width: 4; paint-order: stroke }
.tick { fill: #59636e; font-size: 10.5px }
.grid { stroke: #d1d9e0 }
.row { fill: #2f81f7; fill-opacity: 0.1 }
@media (prefers-color-scheme: dark) {
text { fill: #e6edf3 }
.ground { fill: #0d1117; stroke: #3d444d }
.note, .why, .tick { fill: #9198a1 }
.why { stroke: #0d1117 }
.grid { stroke: #2b3139 }
}
""".strip()

_MARGIN: Final = 20
_HEAD: Final = 62
_COLUMNS: Final = 2
_GAP: Final = 36
_NAMES: Final = 140
_AXIS: Final = 210
_VALUES: Final = 72
_LINE: Final = 18
_TITLE: Final = 24
_TICKS: Final = 34
_PANEL_WIDTH: Final = _NAMES + _AXIS + _VALUES
_PANEL_HEIGHT: Final = _TITLE + len(CONTENDERS) * _LINE + _TICKS


def plots(result: Result) -> dict[str, str]:
    """Return the plots by their file names; none where the record has no matrix."""
    measured_counts = [
        count for count in COUNTS if any(measured(result, row, count, OURS) for row in ROWS)
    ]
    return {f"{count}.svg": plot(result, count) for count in measured_counts}


def plot(result: Result, count: int) -> str:
    """Return the plot of one size."""
    depth = -(-len(ROWS) // _COLUMNS)
    width = 2 * _MARGIN + _COLUMNS * _PANEL_WIDTH + (_COLUMNS - 1) * _GAP
    height = _HEAD + depth * _PANEL_HEIGHT + _MARGIN // 2
    head = f"Dynafile and others, {count:,} items"
    box = f'viewBox="0 0 {width} {height}" width="{width}" height="{height}"'
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" {box} role="img">',
        f"<title>{head}</title>",
        f"<style>\n{_STYLE}\n</style>",
        f'<rect class="ground" x="0.5" y="0.5" width="{width - 1}" height="{height - 1}" rx="8"/>',
        _text(_MARGIN, 28, head, "head"),
        _text(_MARGIN, 47, "Less is better. Times are on scales of powers of ten.", "note"),
    ]
    for number, row in enumerate(ROWS):
        x = _MARGIN + number % _COLUMNS * (_PANEL_WIDTH + _GAP)
        y = _HEAD + number // _COLUMNS * _PANEL_HEIGHT
        lines.append(f'<g transform="translate({x} {y})">')
        lines += _panel(result, row, count)
        lines.append("</g>")
    return "\n".join([*lines, "</svg>", ""])


def _panel(result: Result, row: Row, count: int) -> Iterator[str]:
    """Yield the elements of an operation: a line for each contender, with a mark or a reason."""
    values = {name: measured(result, row, count, name) for name in CONTENDERS}
    known = [value for value in values.values() if value is not None]
    axis = linear(known) if row.unit == "B" else logarithmic(known)
    bottom = _TITLE + len(CONTENDERS) * _LINE
    yield _text(0, 14, row.title, "title")
    yield (
        f'<rect class="row" x="-6" y="{_TITLE}" width="{_PANEL_WIDTH + 12}" height="{_LINE}" '
        'rx="3"/>'
    )
    yield from _grid(axis, row.unit, bottom)
    for number, (name, value) in enumerate(values.items()):
        middle = _TITLE + number * _LINE + _LINE / 2
        ours = "ours" if name == OURS else ""
        yield _text(0, middle + 4, name, ours)
        if value is None:
            yield _text(_NAMES + 6, middle + 4, why_not(result, row, count, name), "why")
            continue
        at = round(_NAMES + axis.place(value) * _AXIS, 1)
        colour = COLOURS[name]
        yield (
            f'<line x1="{_NAMES}" y1="{middle:g}" x2="{at:g}" y2="{middle:g}" stroke="{colour}" '
            'stroke-width="2" stroke-opacity="0.45"/>'
        )
        size = 6 if ours else 4.5
        yield f'<circle cx="{at:g}" cy="{middle:g}" r="{size:g}" fill="{colour}"/>'
        yield _text(_PANEL_WIDTH, middle + 4, shown(value, row.unit), ours, anchor="end")


def _grid(axis: Axis, unit: str, bottom: int) -> Iterator[str]:
    for value in axis.ticks:
        at = round(_NAMES + axis.place(value) * _AXIS, 1)
        yield (f'<line class="grid" x1="{at:g}" y1="{_TITLE}" x2="{at:g}" y2="{bottom}"/>')
    for value in axis.labels:
        at = round(_NAMES + axis.place(value) * _AXIS, 1)
        yield _text(at, bottom + 13, shown(value, unit, exact=True), "tick", anchor="middle")


def _text(x: float, y: float, text: str, kind: str = "", *, anchor: str = "") -> str:
    attributes = "".join(
        f' {name}="{value}"' for name, value in (("class", kind), ("text-anchor", anchor)) if value
    )
    return f'<text x="{x:g}" y="{y:g}"{attributes}>{escape(text)}</text>'
