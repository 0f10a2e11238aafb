"""A table in Markdown, aligned so that it can be read as it stands."""

from __future__ import annotations

from collections.abc import Container, Sequence


def text_table(rows: Sequence[Sequence[str]], numbers: Container[int]) -> str:
    """Return the table of rows, the first of them the head; ``numbers``: columns of numbers."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    rule = ["-" * (width - 1) + (":" if at in numbers else "-") for at, width in enumerate(widths)]
    lines = [
        [
            cell.rjust(width) if at in numbers else cell.ljust(width)
            for at, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        for row in (rows[0], rule, *rows[1:])
    ]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
