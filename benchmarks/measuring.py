"""How much is measured, and how a measurement is noted for the report."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from matrix import COUNTS


@dataclass(frozen=True, kw_only=True)
class Sizes:
    """Items in tables, operations a round, rounds and child processes."""

    items: int = 20_000
    large: int = 1_000_000
    indexed: int = 300_000
    filtered: int = 100_000
    followed: int = 10_000
    reads: int = 2_000
    queries: int = 400
    puts: int = 400
    durable_rounds: int = 50
    sustained_rounds: int = 5
    sustained_rounds_large: int = 20
    sustained_puts: int = 20_000
    journal_puts: int = 150_000
    random_gets: int = 20_000
    children: int = 11
    flights: Mapping[int, int] = field(default_factory=lambda: {n: n for n in COUNTS})
    """How many items there really are where the matrix says so many."""
    round_seconds: float = 0.05
    people: int = 20_000
    few_people: int = 1_000
    many_people: int = 100_000
    members: int = 10_000
    loads: int = 500
    finds: int = 10
    joins: int = 100
    objects: int = 2_000
    many_objects: int = 1_000_000
    gets: int = 500
    sets: int = 100
    listings: int = 20
    documents: int = 10_000
    many_documents: int = 1_000_000
    document_writes: int = 100
    wheres: int = 50
    scans: int = 2
    live_writes: int = 400
    live_rounds: int = 5
    idle: int = 2_000
    processes: int = 3
    """How often a store is loaded, and how often opened, in a process of its own."""


SMALL: Final = Sizes(
    items=400,
    large=4_000,
    indexed=2_000,
    filtered=1_000,
    followed=100,
    reads=40,
    queries=10,
    puts=10,
    durable_rounds=1,
    sustained_rounds=1,
    sustained_rounds_large=1,
    sustained_puts=100,
    journal_puts=400,
    random_gets=100,
    children=1,
    flights=dict(zip(COUNTS, (60, 120, 240), strict=True)),
    round_seconds=0.001,
    people=400,
    few_people=20,
    many_people=600,
    members=60,
    loads=20,
    finds=2,
    joins=5,
    objects=100,
    many_objects=2_000,
    gets=20,
    sets=10,
    listings=2,
    documents=100,
    many_documents=2_000,
    document_writes=10,
    wheres=5,
    scans=1,
    live_writes=20,
    live_rounds=1,
    idle=20,
    processes=1,
)


def run_python(*arguments: str) -> str:
    """Run Python in a fresh process and return what it prints; its stderr is ours."""
    # Bytecode may be kept, as it is wherever a package was installed.
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    command = [sys.executable, *arguments]
    done = subprocess.run(
        command, env=environment, check=True, stdout=subprocess.PIPE, encoding="utf-8"
    )
    return done.stdout


class Measure:
    """Times a function with pytest-benchmark, and notes for the report what it was."""

    def __init__(self, benchmark: Any) -> None:
        self._benchmark = benchmark

    def __call__(
        self,
        group: str,
        contender: str,
        target: Callable[..., Any],
        *,
        operations: int = 1,
        rounds: int = 1,
        warmup: int = 0,
        prepare: Callable[[], tuple[Any, ...]] | None = None,
    ) -> None:
        """Time ``rounds`` calls of ``target``, each of which makes so many ``operations``.

        ``prepare`` is called before each, untimed, and returns the arguments.
        """
        benchmark = self._benchmark
        benchmark.group = group
        benchmark.extra_info.update(contender=contender, operations=operations, unit="s")
        if prepare is None:
            benchmark.pedantic(target, rounds=rounds, warmup_rounds=warmup)
        else:
            benchmark.pedantic(
                target, setup=lambda: (prepare(), {}), rounds=rounds, warmup_rounds=warmup
            )

    def told(
        self,
        group: str,
        contender: str,
        tell: Callable[[], float],
        *,
        rounds: int = 1,
        warmup: int = 0,
        unit: str = "s",
    ) -> None:
        """Take what ``tell`` returns as the figure, and not the time that it takes."""
        values: list[float] = []
        self(group, contender, lambda: values.append(tell()), rounds=rounds, warmup=warmup)
        self._benchmark.extra_info.update(values=values[-rounds:], unit=unit)

    def once(
        self, group: str, contender: str, seconds: float | None, *, left_out: bool = False
    ) -> None:
        """Take one figure; None: this turn has none, because each takes long.

        ``left_out``: nothing was measured, because one operation takes so many seconds.
        """
        self.told(group, contender, lambda: seconds or 0.0)
        self._benchmark.extra_info.update(left_out=left_out)
        if seconds is None:
            self._benchmark.extra_info.update(values=[])
