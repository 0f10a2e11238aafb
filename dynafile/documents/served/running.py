"""Running: uvicorn, which stops at once and leaves nothing behind."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

import uvicorn

from dynafile.documents.served.application import DocumentsApplication

__all__ = ["Server"]


class Server(uvicorn.Server):
    """A server whose listeners end with it; uvicorn's would wait for them to leave."""

    def __init__(
        self,
        config: uvicorn.Config,
        application: DocumentsApplication,
        started: Callable[[], None],
    ) -> None:
        super().__init__(config)
        self._application = application
        self._started = started

    async def startup(self, sockets: Any = None) -> None:
        """Listen, and say so."""
        await super().startup(sockets)
        if self.started:
            self._started()

    async def shutdown(self, sockets: Any = None) -> None:
        """End who listens, then all else."""
        self._application.stop()
        await super().shutdown(sockets)

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Stop at a signal, and go on with the program afterwards.

        uvicorn raises the signal again, at which a program that has no handler would be killed
        before it closed its database.
        """
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        signals = (signal.SIGINT, signal.SIGTERM)
        before = {each: signal.signal(each, self._stop) for each in signals}
        try:
            yield
        finally:
            for each, handler in before.items():
                signal.signal(each, handler)

    def _stop(self, _number: int, _frame: FrameType | None) -> None:
        self.should_exit = True
