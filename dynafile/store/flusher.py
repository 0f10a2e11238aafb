"""The flusher: a thread that syncs what relaxed commits left, once a second."""

from __future__ import annotations

import logging
import threading
import weakref
from collections.abc import Callable
from typing import Final

from dynafile.errors import DynafileError

FLUSH_SECONDS: Final = 1.0
"""How long a relaxed commit may stay unsynced."""

_log = logging.getLogger("dynafile")


class Flusher:
    """Calls ``flush``, a bound method, every second, until it is stopped or the object is gone."""

    def __init__(self, flush: Callable[[], None]) -> None:
        self._flush = weakref.WeakMethod(flush)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="dynafile-flush", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while not self._stop.wait(FLUSH_SECONDS):
            flush = self._flush()
            if flush is None:
                return
            try:
                flush()
            except DynafileError as error:
                _log.error("a sync of relaxed commits failed: %s", error)
                return
            del flush

    def stop(self) -> None:
        """End the thread."""
        self._stop.set()
        if threading.current_thread() is not self._thread:
            self._thread.join()
