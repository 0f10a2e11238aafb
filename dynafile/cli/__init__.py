"""The command ``dynafile``; ``main`` runs it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line, by default the one of this process, and return its exit code."""
    from dynafile.cli.program import run

    return run(arguments)
