"""A quantity as people read it: a number of three digits and a unit."""

from __future__ import annotations

from typing import Final

_SCALES: Final = {
    "s": ((1.0, "s"), (1e-3, "ms"), (1e-6, "µs"), (1e-9, "ns")),
    "B": ((1 << 20, "MiB"), (1 << 10, "KiB"), (1, "B")),
}


def shown(value: float, unit: str, *, exact: bool = False) -> str:
    """Return seconds (``"s"``) or bytes (``"B"``) in the unit that suits them.

    ``exact`` is for limits, which people set and which have no digits to lose.
    """
    size, name = next((scale for scale in _SCALES[unit] if value >= scale[0]), _SCALES[unit][-1])
    number = value / size
    digits = 0 if exact or number >= 100 or name == "B" else 1 if number >= 10 else 2
    return f"{number:.{digits}f} {name}"
