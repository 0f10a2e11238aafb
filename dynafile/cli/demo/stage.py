"""How the demo looks: numbered headings, the code that runs, results, and times on the right."""

from __future__ import annotations

import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.table import Table
from rich.text import Text
from rich.tree import Tree

from dynafile.cli.failures import printable

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_WIDEST = 100
_INDENT = "   "


class Stage:
    """Prints the demo, never wider than is read with ease."""

    def __init__(self) -> None:
        console = Console(highlight=False, markup=False, emoji=False)
        console.width = min(console.width, _WIDEST)
        self._console = console
        self._acts = 0

    def title(self, text: str, under: str) -> None:
        """Print the name of the show."""
        self._console.print()
        self._console.print(Text.assemble((text, "bold"), "  ", (under, "dim")))

    def act(self, heading: str) -> None:
        """Begin an act."""
        self._acts += 1
        self._console.print()
        self._console.print(Text.assemble((f"{self._acts}  ", "bold cyan"), (heading, "bold")))

    def code(self, text: str, seconds: float | None = None) -> None:
        """Print a line of code and, on the right, how long it took."""
        took = "" if seconds is None else duration(seconds)
        self._line(Text(_INDENT + text, style="cyan"), Text(took, style="green"))

    def say(self, text: str) -> None:
        """Print a line of result."""
        self._line(Text(_INDENT + printable(text)))

    def names(self, names: Sequence[str], *, of: int | None = None) -> None:
        """Print as many names as a line holds, and how many there are besides."""
        total = len(names) if of is None else of
        room = self._console.width - len(_INDENT) - len(f" and {total:,} more")
        shown: list[str] = []
        for name in names:
            if len(" · ".join([*shown, name])) > room:
                break
            shown.append(name)
        more = total - len(shown)
        self.say(" · ".join(shown) + (f" and {more:,} more" if more else ""))

    def tree(self, root: str, entries: Sequence[tuple[str, str, str]]) -> None:
        """Print a folder: name, size and meaning of each entry; indented names are inside."""
        width = max(len(name) for name, _, _ in entries) + 2
        tree = Tree(Text(root, style="bold"), guide_style="dim")
        for name, size, meaning in entries:
            line = Text.assemble(name.ljust(width), (f"{size:>9}  ", "green"), (meaning, "dim"))
            line.no_wrap = True
            line.overflow = "ellipsis"
            tree.add(line)
        grid = Table.grid(padding=(0, 0))
        grid.add_row(_INDENT, tree)
        self._console.print(grid)

    def commands(self, rows: Sequence[tuple[str, str]]) -> None:
        """Print commands to try, each with what it does if there is room for that."""
        longest = max(len(command) + len(job) for command, job in rows)
        fits = len(_INDENT) + longest + 2 <= self._console.width
        for command, job in rows:
            note = Text(job if fits else "", style="dim")
            self._line(Text(_INDENT + command, style="cyan"), note)

    def end(self, text: str) -> None:
        """Print the last line."""
        self._console.print()
        self._console.print(Text(text, style="dim"))

    def _line(self, left: Text, right: Text | None = None) -> None:
        if right is None or not right.plain:
            self._console.print(left, no_wrap=True, overflow="ellipsis")
            return
        gap = self._console.width - left.cell_len - right.cell_len
        if gap < 2:
            self._console.print(left, soft_wrap=True)
            gap = self._console.width - right.cell_len
            left = Text("")
        self._console.print(Text.assemble(left, " " * gap, right), soft_wrap=True)


class Stopwatch:
    """What a ``timed`` block took."""

    seconds = 0.0


@contextmanager
def timed() -> Iterator[Stopwatch]:
    """Measure a block."""
    watch = Stopwatch()
    start = time.perf_counter()
    yield watch
    watch.seconds = time.perf_counter() - start


def duration(seconds: float) -> str:
    """Write a time in the unit that suits it."""
    for limit, factor, unit in ((1e-3, 1e6, "µs"), (1.0, 1e3, "ms")):
        if seconds < limit:
            value = seconds * factor
            return f"{value:.1f} {unit}" if value < 10 else f"{value:.0f} {unit}"
    return f"{seconds:.2f} s"


def size(count: int) -> str:
    """Write a number of bytes in the unit that suits it."""
    value: Any = count
    for unit in ("bytes", "KB", "MB"):
        if value < 1000:
            return f"{value:,} bytes" if unit == "bytes" else f"{value:.1f} {unit}"
        value /= 1000
    return f"{value:.1f} GB"
