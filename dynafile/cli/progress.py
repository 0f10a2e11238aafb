"""Progress bars on standard error, where that is a terminal and nothing else is in the way."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

_Item = TypeVar("_Item")

_EVERY = 256


def is_shown() -> bool:
    """Say whether a progress bar would be seen: standard error is a terminal."""
    return sys.stderr.isatty()


@contextmanager
def progress_bar(
    description: str, total: int | None, *, unit: str = "items", shown: bool = True
) -> Iterator[Callable[[int, int], None]]:
    """Show a bar while the block runs; yields ``report(position, count)``.

    ``position`` is out of ``total``, in whatever the work is measured by; ``count`` is of
    ``unit``, and gives the rate. Without a total the bar pulses. The bar goes when the block ends.
    """
    if not (shown and is_shown()):
        yield _report_nothing
        return
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    columns = [
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=24),
        TextColumn("{task.fields[done]}", markup=False),
        TimeElapsedColumn() if total is None else TimeRemainingColumn(compact=True),
    ]
    # Unless told not to, rich would send what is printed on standard output to the console.
    with Progress(
        *columns,
        console=Console(stderr=True),
        transient=True,
        redirect_stdout=False,
        redirect_stderr=False,
    ) as bar:
        task = bar.add_task(description, total=total, done="")

        def report(position: int, count: int) -> None:
            elapsed = bar.tasks[0].elapsed or 0.0
            rate = f" · {count / elapsed:,.0f}/s" if elapsed > 0.2 else ""
            bar.update(task, completed=position, done=f"{count:,} {unit}{rate}")

        yield report


def counted(items: Iterable[_Item], report: Callable[[int, int], None]) -> Iterator[_Item]:
    """Yield the items, and report now and then how many there were."""
    count = 0
    for count, item in enumerate(items, start=1):
        if count % _EVERY == 0:
            report(count, count)
        yield item
    report(count, count)


def _report_nothing(_position: int, _count: int) -> None:
    pass
