"""A handle for asyncio: how it is opened, how calls reach their threads, and how it ends."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Generator
from functools import partial
from typing import Any, Final, Generic, NoReturn, Self, TypeVar

from dynafile.aio.crew import Crew
from dynafile.aio.items import AsyncItems
from dynafile.aio.job import Cancel, Traffic, outlast
from dynafile.aio.kinds import Kind
from dynafile.aio.lane import Lane
from dynafile.aio.listeners import LoopListener
from dynafile.aio.twin import CallingTwin, PlainTwin
from dynafile.database import Database
from dynafile.errors import HandleClosed, HandleNotOpen
from dynafile.table_api import Table

H = TypeVar("H", bound=Table | Database)
T = TypeVar("T")

_CANCEL: Final = {Kind.READ: Cancel.ABANDON, Kind.ASKED: Cancel.ABANDON, Kind.LONG: Cancel.ABANDON}


class AsyncHandle(PlainTwin, CallingTwin, Generic[H]):
    """What every handle for asyncio has: the handle that it stands for, and a crew.

    It belongs to the event loop in which it was opened.
    """

    def __init__(self, opener: Callable[[], H], shown: str, above: AsyncHandle[Any] | None) -> None:
        self._opener = opener
        self._shown = shown
        self._above = above
        self._opening = threading.Lock()
        self._handle: H | None = None
        self._crew: Crew | None = None if above is None else above._crew
        self._traffic: Traffic = Traffic(None if above is None else above._traffic)
        self._listeners: list[LoopListener] = []
        self._ending: asyncio.Future[None] | None = None
        self._over = False

    # -- the beginning --------------------------------------------------------------------------

    async def __aenter__(self) -> Self:
        await self._open()
        return self

    def __await__(self) -> Generator[Any, None, Self]:
        return self.__aenter__().__await__()

    async def _open(self) -> None:
        if self._over:
            self._refuse_closed()
        if self._handle is not None or self._above is not None:
            crew = self._ready()
            if self._handle is None:
                await self._in_thread(crew.writes, self._opened)
            return
        if self._crew is not None:
            raise HandleNotOpen(f"{self!r} is being opened by another task: await it once")
        crew = self._crew = Crew()
        try:
            await crew.call(crew.writes, self._opened, self._traffic)
        except BaseException:
            await self._give_up(crew)
            raise

    async def _give_up(self, crew: Crew) -> None:
        """Close what a cancelled opening opened; another attempt may be made."""
        handle = self._handle
        self._crew = self._handle = None
        try:
            if handle is not None:
                await crew.call(crew.writes, handle.close, self._traffic, Cancel.INSIST)
        finally:
            crew.end()

    def _opened(self) -> H:
        """Return the handle, opened if need be; in a thread."""
        handle = self._handle
        if handle is None:
            with self._opening:
                if self._handle is None:
                    self._handle = self._opener()
                handle = self._handle
        return handle

    # -- calls ----------------------------------------------------------------------------------

    def _ready(self) -> Crew:
        """Return the crew; raises HandleUnusable kinds where the handle cannot be used here."""
        crew = self._crew
        if self._over or (self._above is not None and self._above._over):
            self._refuse_closed()
        if crew is None or (self._handle is None and self._above is None):
            raise HandleNotOpen(
                f"{self!r} is not open yet: use it in `async with`, or await its open()"
            )
        crew.check_loop()
        return crew

    async def _in_thread(
        self, lane: Lane, work: Callable[[], T], cancel: Cancel = Cancel.SETTLE
    ) -> T:
        return await self._ready().call(lane, work, self._traffic, cancel)

    def _lane(self, kind: Kind) -> Lane:
        crew = self._ready()
        if kind in (Kind.READ, Kind.ASKED, Kind.ITEMS):
            return crew.reads
        return crew.labours if kind is Kind.LONG else crew.writes

    async def _call(self, kind: Kind, name: str, args: Any, named: Any) -> Any:
        lane = self._lane(kind)
        if named.get("progress") is not None:
            named = {**named, "progress": self._in_loop(named["progress"])}
        work = partial(self._do, kind, name, args, named)
        return await self._in_thread(lane, work, _CANCEL.get(kind, Cancel.SETTLE))

    def _do(self, kind: Kind, name: str, args: Any, named: Any) -> Any:
        member = getattr(self._opened(), name)
        return member if kind is Kind.ASKED else member(*args, **named)

    def _in_loop(self, called: Callable[..., object]) -> Callable[..., object]:
        """Return what has something called in the loop, for calls from threads."""
        crew = self._crew
        assert crew is not None
        return lambda *args: crew.post(partial(called, *args))

    def _iterate(self, name: str, args: Any, named: Any) -> AsyncIterator[dict[str, Any]]:
        self._ready()
        begin = partial(self._do, Kind.ITEMS, name, args, named)
        return AsyncItems(self._fetch, begin)

    async def _fetch(self, work: Callable[[], None]) -> None:
        await self._in_thread(self._lane(Kind.ITEMS), work, Cancel.ABANDON)

    def _now(self, name: str) -> Any:
        if self._handle is None:
            raise HandleNotOpen(f"{self!r} is not open yet, so it cannot tell its {name}: await it")
        return getattr(self._handle, name)

    async def count(self) -> int:
        """Return what ``len`` would, of a table its items, of a database its tables."""
        work = partial(self._do, Kind.READ, "__len__", (), {})
        return int(await self._in_thread(self._lane(Kind.READ), work, Cancel.ABANDON))

    # -- the end --------------------------------------------------------------------------------

    async def close(self) -> None:
        """Let what is under way end, then close the handle; twice is fine.

        Calls that come later raise HandleClosed. A cancellation is raised when it is closed. Once
        its loop is gone, a handle may be closed in any.
        """
        crew = self._crew
        if crew is None or self._over:
            self._over = True
            asking = any(listener.is_current() for listener in self._listeners)
            if self._ending is not None and not asking:  # who closes waits for listeners
                await asyncio.shield(self._ending)
            return
        if not crew.loop.is_closed():
            crew.check_loop()
        self._over = True
        self._ending = asyncio.get_running_loop().create_future()
        try:
            await self._end(crew)
        finally:
            self._ending.set_result(None)

    async def _end(self, crew: Crew) -> None:
        cancelled: asyncio.CancelledError | None = None
        waits = [] if crew.loop.is_closed() else [self._quiet, self._heard]
        for wait in waits:
            try:
                await wait()
            except asyncio.CancelledError as error:
                cancelled = error
        try:
            if self._handle is not None:
                closing = Crew() if crew.loop.is_closed() else crew
                try:
                    work = self._handle.close
                    await closing.call(closing.writes, work, Traffic(), Cancel.INSIST)
                finally:
                    if closing is not crew:
                        closing.end()
        finally:
            if self._above is None:
                crew.end()
        if cancelled is not None:
            raise cancelled

    async def _quiet(self) -> None:
        await outlast(self._traffic.over)

    async def _heard(self) -> None:
        for listener in list(self._listeners):
            await listener.heard()

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    @property
    def closed(self) -> bool:
        """Whether this handle was closed."""
        return self._over or (self._above is not None and self._above._over)

    def _refuse_closed(self) -> NoReturn:
        raise HandleClosed(f"{self._shown} was closed: open it again to use it")

    def __repr__(self) -> str:
        state = "closed " if self.closed else ""
        return f"<{state}{type(self).__name__} {self._shown}>"

    # -- what asyncio cannot do -----------------------------------------------------------------

    def __bool__(self) -> bool:
        """Return True: a handle on nothing is still a handle."""
        return True

    def __len__(self) -> NoReturn:
        raise TypeError(f"len() cannot wait for {self!r}: use `await db.count()`")

    def __enter__(self) -> NoReturn:
        raise TypeError(f"{type(self).__name__} is opened with `async with`, not with `with`")

    def __exit__(self, *_: object) -> NoReturn:
        self.__enter__()
