"""An event loop in a thread of its own, for hosts that have none."""

from __future__ import annotations

import threading

__all__ = ["LoopThread"]


class LoopThread:
    """Runs a loop until it is closed; the thread does not keep a program from ending."""

    def __init__(self) -> None:
        # Who serves has it; importing it takes longer than importing documents.
        import asyncio

        self.loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="dynafile wsgi", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        try:
            self.loop.run_forever()
        finally:
            self.loop.close()

    def close(self) -> None:
        """End it, as often as one likes; from any thread but its own."""
        if not self.loop.is_closed():
            self.loop.call_soon_threadsafe(self.loop.stop)
            self._thread.join()
