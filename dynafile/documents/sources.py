"""Where time and randomness come from; tests pass their own."""

from __future__ import annotations

from collections.abc import Callable

__all__ = ["Clock", "Entropy"]

Clock = Callable[[], float]
"""Seconds: since 1970 for what is kept (``time.time``), of any start for rates."""

Entropy = Callable[[int], bytes]
"""So many bytes that nobody can guess (``secrets.token_bytes``)."""
