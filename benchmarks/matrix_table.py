"""The matrix as a Markdown table, and what it says in words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from matrix import CANNOT, CONTENDERS, ROWS, Row, group
from operations import OURS
from quantity import shown
from record import Result
from text_table import text_table

_PEERS = CONTENDERS[1:]


def measured(result: Result, row: Row, count: int, name: str) -> float | None:
    """Return the median of a place in the matrix; None: there is none."""
    figure: dict[str, Any] | None = result["groups"].get(group(row, count), {}).get(name)
    return None if figure is None or "left_out" in figure else figure["median"]


def why_not(result: Result, row: Row, count: int, name: str) -> str:
    """Say in words why a place in the matrix has no figure."""
    if (row.name, name) in CANNOT:
        return CANNOT[row.name, name]
    figure = result["groups"].get(group(row, count), {}).get(name)
    return (
        "not measured" if figure is None else f"left out: one takes {shown(figure['median'], 's')}"
    )


def matrix_table(result: Result, counts: Sequence[int]) -> str:
    """Return the table, a line for an operation and a size; empty where nothing was measured."""
    several = len(counts) > 1
    head = ["operation", *(["items"] if several else []), *CONTENDERS]
    lines = []
    for row in ROWS:
        for count in counts:
            ours = measured(result, row, count, OURS)
            if ours is not None:
                title = row.title if count == counts[0] else ""
                size = [f"{count:,}"] if several else []
                cells = [_cell(result, row, count, name, ours) for name in CONTENDERS]
                lines.append([title, *size, *cells])
    return text_table([head, *lines], numbers=range(1, len(head))) if lines else ""


def _cell(result: Result, row: Row, count: int, name: str, ours: float) -> str:
    value = measured(result, row, count, name)
    if value is None:
        return why_not(result, row, count, name)
    text = shown(value, row.unit)
    return f"**{text}**" if _worse(ours / value) else text


def _worse(ratio: float) -> bool:
    # As it would be shown: 1.004 is a draw.
    return round(ratio, 2) > 1


def losses(result: Result, counts: Sequence[int]) -> str:
    """Return a list of what each peer does better, and how many times it takes Dynafile."""
    return "\n".join(line for name in _PEERS if (line := _losses(result, counts, name)))


def _losses(result: Result, counts: Sequence[int], name: str) -> str:
    lost = []
    compared = won = 0
    for row in ROWS:
        pairs = [
            (measured(result, row, count, OURS), measured(result, row, count, name))
            for count in counts
        ]
        ratios = [ours / theirs for ours, theirs in pairs if ours is not None and theirs]
        worse = [f"{ratio:.3g} ×" for ratio in ratios if _worse(ratio)]
        compared += len(ratios)
        won += len(worse)
        if worse:
            lost.append(f"{row.title.removesuffix(', per item')} ({', '.join(worse)})")
    if not compared:
        return ""
    return f"- {name} is better in {won} of {compared}{': ' if lost else ''}{', '.join(lost)}"
