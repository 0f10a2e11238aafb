"""The regression check: a run against the last one that was kept.

What is counted fails when it is more than before; what is timed only warns, because the machine was
never as busy before.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from counted import Counts, more
from matrix import COUNTS, DISK, group
from operations import EVERY, OURS
from quantity import shown
from record import Result

WORSE: Final = 1.25
"""How many times the ratio of before a ratio may be, until it is mentioned."""


def regressions(result: Result, before: Result | None, baseline: Counts) -> list[str]:
    """Return in words where counted work has become more: calls, syncs, bytes written, on disk."""
    found = more(result["counted"], baseline) if result["counted"] else []
    if before is None:
        return found
    for count in COUNTS:
        name = group(DISK, count)
        now, was = (
            run["groups"].get(name, {}).get(OURS, {}).get("median") for run in (result, before)
        )
        if now is not None and was is not None:
            counts = {f"disk, {count:,} flights": {"bytes an item": was}}
            found += more({f"disk, {count:,} flights": {"bytes an item": now}}, counts)
    return found


def warnings(result: Result, before: Result | None) -> Iterator[str]:
    """Yield in words which ratios, ours to a peer's, have become much worse."""
    if before is None:
        return
    statistics = {row.group: row.statistic for row in EVERY}
    for name, figures in result["groups"].items():
        statistic = statistics.get(name, "median")
        for peer in figures:
            now = _ratio(result, name, peer, statistic)
            was = _ratio(before, name, peer, statistic)
            if now is not None and was is not None and now > was * WORSE:
                unit = figures[peer]["unit"]
                ours = shown(figures[OURS][statistic], unit)
                theirs = shown(figures[peer][statistic], unit)
                yield f"{name}: {now:.2f} × {peer}, and was {was:.2f} × ({ours} to {theirs})"


def _ratio(result: Result, name: str, peer: str, statistic: str) -> float | None:
    figures = result["groups"].get(name, {})
    ours, theirs = figures.get(OURS), figures.get(peer)
    if peer == OURS or ours is None or theirs is None or "left_out" in ours or "left_out" in theirs:
        return None
    ratio: float = ours[statistic] / theirs[statistic]
    return ratio
