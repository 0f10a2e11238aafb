"""Counted work, for the record of the run; ``counted.py`` says what it is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from counted import count


def test_counted(folder: Path, benchmark: Any) -> None:
    counts = benchmark.pedantic(count, args=(folder / "counted",))
    benchmark.extra_info["counted"] = counts
