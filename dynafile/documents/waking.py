"""Waking: what subscriptions have in common that are told from other threads of something new."""

from __future__ import annotations

import threading
from collections.abc import Callable

from dynafile.documents.engine import Subscription

__all__ = ["WokenSubscription"]


class WokenSubscription(Subscription):
    """A subscription that is woken; whoever takes clears ``_ready`` before."""

    def __init__(self) -> None:
        self._ready = threading.Event()
        self._wake: Callable[[], None] | None = None

    def wake(self) -> None:
        """Have :meth:`wait` return."""
        if not self._ready.is_set():
            self._ready.set()
        wake = self._wake
        if wake is not None:
            wake()

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until there may be something."""
        return self.closed or self._ready.wait(timeout)

    def call_when_ready(self, wake: Callable[[], None] | None) -> None:
        """Call ``wake`` when there may be something; once now, if so."""
        self._wake = wake
        if wake is not None and (self._ready.is_set() or self.closed):
            wake()
