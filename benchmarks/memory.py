"""How much memory a process has taken."""

from __future__ import annotations

import resource
import sys
from pathlib import Path


def peak_bytes() -> int:
    """Return the most memory that was resident in this process."""
    # Rather than by getrusage, which on Linux counts the parent's memory from before exec too.
    peak = _told_by_linux("VmHWM:")
    if peak is not None:
        return peak
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def resident_bytes() -> int:
    """Return how much is resident now; where the system does not tell, the most that ever was."""
    resident = _told_by_linux("VmRSS:")
    return peak_bytes() if resident is None else resident


def resident_bytes_of(process: int) -> int:
    """Return how much is resident now of another process; for Linux."""
    resident = _told_by_linux("VmRSS:", process)
    assert resident is not None
    return resident


def _told_by_linux(name: str, process: int | str = "self") -> int | None:
    status = Path(f"/proc/{process}/status")
    if not status.exists():
        return None
    (line,) = (line for line in status.read_text().splitlines() if line.startswith(name))
    return int(line.split()[1]) * 1024
