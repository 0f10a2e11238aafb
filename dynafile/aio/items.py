"""Items for ``async for``: what a query or scan yields, fetched in chunks off the loop."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Any, Final, Self

_FIRST: Final = 64
_MOST: Final = 1024
_SECONDS: Final = 0.02
"""A chunk ends after so long: items that take long to read are large, or few of them pass."""


class AsyncItems(AsyncIterator[dict[str, Any]]):
    """The items of a query or scan, to be awaited one by one.

    Most are there already: a thread fetches a chunk at a time. A task that is cancelled while it
    waits loses none of them.
    """

    def __init__(
        self,
        call: Callable[[Callable[[], None]], Awaitable[None]],
        begin: Callable[[], Iterator[dict[str, Any]]],
    ) -> None:
        """Iterate over what ``begin`` gives; ``call`` has things called in a thread."""
        self._call = call
        self._begin = begin
        self._source: Iterator[dict[str, Any]] | None = None
        self._ready: deque[dict[str, Any]] = deque()
        self._size = _FIRST
        self._error: BaseException | None = None
        self._ended = False
        self._closed = False
        self._reading = threading.Lock()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> dict[str, Any]:
        while not self._ready or self._closed:
            error, self._error = self._error, None
            if error is not None:
                raise error
            if self._ended or self._closed:
                raise StopAsyncIteration
            await self._call(self._read)
        return self._ready.popleft()

    async def aclose(self) -> None:
        """End the iteration: nothing more is yielded."""
        self._closed = True
        self._ready.clear()

    def _read(self) -> None:
        # The lock: a fetch whose task was cancelled may be at it still.
        with self._reading:
            if self._ready or self._ended or self._closed:
                return
            deadline = time.perf_counter() + _SECONDS
            left, self._size = self._size, min(2 * self._size, _MOST)
            try:
                if self._source is None:
                    self._source = self._begin()
                for item in self._source:
                    self._ready.append(item)
                    left -= 1
                    if not left or time.perf_counter() > deadline:
                        return
            except BaseException as error:  # noqa: BLE001 - raised when what came before is taken
                self._error = error
            self._ended = True
