"""An axis of a plot: where a value lies on it, and where its ticks are."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

_MOST_LABELS: Final = 5
_MOST_TICKS: Final = 4


@dataclass(frozen=True)
class Axis:
    """A scale from 0 to 1."""

    place: Callable[[float], float]
    ticks: Sequence[float]
    labels: Sequence[float]
    """Those ticks that have room for a text."""


def logarithmic(values: Sequence[float]) -> Axis:
    """Return an axis of whole powers of ten around the values."""
    low = math.floor(math.log10(min(values, default=1)))
    high = max(low + 1, math.ceil(math.log10(max(values, default=1))))
    ticks = [10.0**power for power in range(low, high + 1)]
    step = -(-len(ticks) // _MOST_LABELS)
    return Axis(lambda value: (math.log10(value) - low) / (high - low), ticks, ticks[::step])


def linear(values: Sequence[float]) -> Axis:
    """Return an axis from zero, with round numbers of bytes, KiB or MiB."""
    most = max(1, math.ceil(max(values, default=1)))
    unit = 1 if most < 1 << 10 else 1 << 10 if most < 1 << 20 else 1 << 20
    tick = unit
    while most > _MOST_TICKS * tick:
        tick *= 2
    ticks = [float(tick * number) for number in range(math.ceil(most / tick) + 1)]
    return Axis(lambda value: value / ticks[-1], ticks, ticks)
