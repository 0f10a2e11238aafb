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
    assert figures["reads"] > 20
    assert figures["records"] > 20
    assert figures["killed"]
    assert figures["indexes"]
    # Nobody starves. How long they wait is for a quiet machine to say: `make crash` does. In so few
    # seconds one that opens the table late has done little.
    assert figures["least_share"] > 0.05
