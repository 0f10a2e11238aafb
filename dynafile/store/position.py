"""The words of the ``position`` file, mapped into the memory of every process.

They are how processes see in a tenth of a microsecond that something changed. Nothing in them is
needed after the machine restarts: opening a store for writing computes them again.
"""

from __future__ import annotations

from typing import Final

POSITION_BYTES: Final = 256

END: Final = 0
"""The published end of the journal: an LSN. Readers never parse past it. Written under the lock."""
BOOT: Final = 1
"""A number that changes when the machine restarts; 0 where the system offers none."""
BUSY: Final = 2
"""1 while the holder of the lock is between its first write and letting go; found set, it died
there."""
SUSPECT: Final = 3
"""1 after a failed sync: what lies in the last segment past END must not be adopted."""
GENERATION: Final = 4
"""Goes up when a segment was replaced by a copy, so that others open it again."""
HOLDER: Final = 5
"""The pid of the last process that took the lock."""
WAITING: Final = 6
"""1 while somebody may be waiting for the lock: look at the slots."""
FIRST_SLOT: Final = 8
"""From here on, pids of processes that wait for the lock; a hint that makes waiting fair."""
SLOTS: Final = POSITION_BYTES // 8 - FIRST_SLOT
