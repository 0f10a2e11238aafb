"""Some seconds of what ``processes.run`` does for minutes in ``make crash``."""

from __future__ import annotations

import sys

import pytest
from crash.processes import WRITERS, run

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL")


def test_processes_together() -> None:
    """Nothing stale, nothing that a crash could undo, no lost update, no deadlock; fair waiting."""
    figures = run(4, 20240521)
    assert figures["increments"] >= WRITERS * 30
    assert figures["reads"] > 100
    assert figures["records"] > 100
    assert figures["killed"]
    assert figures["indexes"]
    # A machine that does other things may stop a process for that long, whatever we do.
    assert figures["over_100_ms_beside_syncs"] <= figures["puts"] // 50
