"""Processes that are killed for real; ``make crash`` does it two hundred times."""

from __future__ import annotations

import sys

import pytest
from crash.kills import run


@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL")
def test_a_writer_killed_at_random_moments() -> None:
    """All that it printed is there, and nothing that a reader saw is gone."""
    figures = run(rounds=20, seed=1)
    assert figures["rounds"] == 20
    assert figures["acknowledged"] > 200
    assert figures["sightings"] > 100
