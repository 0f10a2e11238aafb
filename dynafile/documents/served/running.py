"""Running: uvicorn, which stops at once and leaves nothing behind."""

from __future__ import annotations

import asyncio
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from types import FrameType
from typing import Any

import uvicorn

from dynafile.documents.served.application import DocumentsApplication
from dynafile.documents.served.direct import Direct
from dynafile.documents.served.slow_requests import (
    HEAD_BYTES,
    HEAD_PART,
    TimelyProtocol,
    TimelyState,
)

__all__ = ["Server", "server_configuration"]


def server_configuration(
    application: DocumentsApplication,
    host: str,
    port: int,
    certificate: str | None = None,
    private_key: str | None = None,
) -> uvicorn.Config:
    """Return how uvicorn serves documents; with a certificate by TLS."""
    return uvicorn.Config(
        Direct(application),
        host=host,
        port=port,
        http=TimelyProtocol,  # bounds how long heads take
        h11_max_incomplete_event_size=HEAD_BYTES - HEAD_PART,
        ws="websockets-sansio",
        ws_max_size=1 << 20,
        ws_per_message_deflate=False,  # it takes 300 KiB a connection
        access_log=False,  # the application logs who as well
        log_config=None,
        server_header=False,
        lifespan="on",
        timeout_graceful_shutdown=5,
        ssl_certfile=certificate,
        ssl_keyfile=private_key,
    )


class Server(uvicorn.Server):
    """A server whose listeners end with it; uvicorn's would wait for them to leave."""

    def __init__(
        self,
        config: uvicorn.Config,
        application: DocumentsApplication,
        started: Callable[[], None] | None = None,
    ) -> None:
        """``started`` is called when it can be asked."""
        super().__init__(config)
        self._application = application
        self._when_started = started
        self.server_state: TimelyState = TimelyState(application.limits)

    async def startup(self, sockets: Any = None) -> None:
        """Listen, with a limit for the handshake of TLS, which uvicorn leaves at a minute."""
        loop = asyncio.get_running_loop()
        if self.config.is_ssl:
            seconds = self._application.limits.head_seconds
            own: Any = loop  # of this server alone
            own.create_server = partial(loop.create_server, ssl_handshake_timeout=seconds)
        self.server_state.start(loop)
        await super().startup(sockets)
        if self.started and self._when_started is not None:
            self._when_started()

    async def shutdown(self, sockets: Any = None) -> None:
        """End who listens, then all else."""
        self._application.stop()
        self.server_state.stop()
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
