"""The crew: the threads that do for an event loop what could make it wait."""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from enum import Enum
from typing import Any, Final, TypeVar, cast

from dynafile.errors import HandleOfAnotherLoop

T = TypeVar("T")

READERS: Final = 8
WRITERS: Final = 32
"""So many commits can share a sync. Above that, switching threads costs more than syncs."""
LABOURERS: Final = 4


class Cancel(Enum):
    """What becomes of a call whose task is cancelled; before it has begun, it never begins."""

    ABANDON = "its thread goes on, and what it returns is dropped"
    SETTLE = "the task is cancelled when the call is over: it left all it does, or nothing"
    INSIST = "likewise, and it begins too"


class Traffic:
    """The calls of a handle that are under way; closing waits for them. Used in the loop only."""

    def __init__(self, above: Traffic | None = None) -> None:
        self._above = above
        self._count = 0
        self._waiting: list[asyncio.Future[None]] = []

    def begin(self) -> None:
        """Count a call, here and above."""
        self._count += 1
        if self._above is not None:
            self._above.begin()

    def end(self) -> None:
        """Count a call as over."""
        self._count -= 1
        if not self._count:
            for future in self._waiting:
                _set(future)
            self._waiting.clear()
        if self._above is not None:
            self._above.end()

    def over(self) -> asyncio.Future[None] | None:
        """Return a future for the moment in which no call is under way; None: that is now."""
        if not self._count:
            return None
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(future)
        return future


class Job:
    """A call that waits for a thread, then is made by it, then is over."""

    __slots__ = (
        "begun",
        "ended",
        "error",
        "future",
        "over",
        "result",
        "traffic",
        "withdrawn",
        "work",
    )

    def __init__(
        self, work: Callable[[], object], future: asyncio.Future[None], traffic: Traffic
    ) -> None:
        self.work: Callable[[], object] | None = work
        self.future = future
        self.traffic = traffic
        self.result: object = None
        self.error: BaseException | None = None
        self.begun = self.withdrawn = self.over = False
        self.ended: asyncio.Future[None] | None = None
        """For a task that was cancelled and waits all the same."""

    def run(self) -> None:
        """Make the call; in a thread."""
        assert self.work is not None
        try:
            self.result = self.work()
        except BaseException as error:  # noqa: BLE001 - the task that waits raises it
            self.error = error
        self.work = None

    def finish(self) -> None:
        """Wake the task that waits; in the loop."""
        self.over = True
        self.traffic.end()
        _set(self.future)
        if self.ended is not None:
            _set(self.ended)

    def settled(self) -> asyncio.Future[None] | None:
        """Return a future for the end of the call; None: it is over."""
        if self.over:
            return None
        self.ended = asyncio.get_running_loop().create_future()
        return self.ended


class Lane:
    """Calls that wait for one kind of thread, in the order in which they came.

    A thread that finds none goes back to the executor. The mutex is held for moments, and never
    while a call is made, so the loop can take it.
    """

    def __init__(self, post: Callable[[Callable[[], object]], None], workers: int) -> None:
        self._post = post
        self._workers = workers
        self._working = 0
        self._waiting: deque[Job] = deque()
        self._mutex = threading.Lock()
        self._threads = ThreadPoolExecutor(workers, thread_name_prefix="dynafile-async")

    def submit(self, job: Job) -> None:
        """Let a thread make a call as soon as one is free."""
        with self._mutex:
            self._waiting.append(job)
            if self._working == self._workers:
                return
            self._working += 1
        self._threads.submit(self._work)

    def withdraw(self, job: Job) -> bool:
        """Take a call back; False where a thread has begun with it."""
        with self._mutex:
            job.withdrawn = not job.begun
            return job.withdrawn

    def end(self) -> None:
        """Let the threads go, and wait for that: they have nothing to do any more."""
        self._threads.shutdown()

    def _work(self) -> None:
        while (job := self._take()) is not None:
            job.run()
            self._post(job.finish)
            job = None  # or what it returned lives until the next one comes

    def _take(self) -> Job | None:
        with self._mutex:
            while self._waiting:
                job = self._waiting.popleft()
                if not job.withdrawn:
                    job.begun = True
                    return job
            self._working -= 1
            return None


class Crew:
    """The threads of a handle, bounded in number, and the way back to its loop.

    Reads and writes have threads of their own, so that reads go on while writes wait for another
    process; so have calls that take long. Commits of several threads share syncs, see
    :mod:`dynafile.store.writer`. What threads have to say to the loop comes in one order: a
    listener hears of a commit before the task that made it goes on.
    """

    def __init__(self) -> None:
        self.loop = asyncio.get_running_loop()
        self.reads = Lane(self.post, READERS)
        self.writes = Lane(self.post, WRITERS)
        self.labours = Lane(self.post, LABOURERS)
        self._mail: deque[Callable[[], object]] = deque()
        self._posted = False

    def check_loop(self) -> None:
        """Raise HandleOfAnotherLoop unless this is the loop in which the handle was opened."""
        if asyncio.get_running_loop() is not self.loop:
            raise HandleOfAnotherLoop(
                "this handle was opened in another event loop: use it in that one, or open one for "
                "each loop; handles on one folder share what they have loaded"
            )

    async def call(
        self, lane: Lane, work: Callable[[], T], traffic: Traffic, cancel: Cancel = Cancel.SETTLE
    ) -> T:
        """Make a call in a thread of a lane, and return what it returns or raise what it raises."""
        job = Job(work, self.loop.create_future(), traffic)
        traffic.begin()
        lane.submit(job)
        try:
            await job.future
        except asyncio.CancelledError as error:
            if cancel is not Cancel.INSIST and lane.withdraw(job):
                traffic.end()
            elif cancel is not Cancel.ABANDON:
                await outlast(job.settled)
                raise error from job.error
            raise
        if job.error is not None:
            try:
                raise job.error
            finally:
                job.error = None  # or its traceback would hold the job, and the job it
        return cast("T", job.result)

    def post(self, call: Callable[[], object]) -> None:
        """Have something called in the loop, after all that was posted before; by any thread."""
        self._mail.append(call)
        if not self._posted:
            self._posted = True
            try:
                self.loop.call_soon_threadsafe(self._deliver)
            except RuntimeError:
                pass  # the loop is closed: nobody waits any more

    def _deliver(self) -> None:
        # False first: whoever saw True had put its call into the mail before.
        self._posted = False
        for _ in range(len(self._mail)):
            call = self._mail.popleft()
            try:
                call()
            except Exception as error:  # noqa: BLE001 - of a caller's function; others wait behind it
                self.loop.call_exception_handler({"message": f"{call!r}", "exception": error})
        if self._mail and not self._posted:
            self._posted = True
            self.loop.call_soon(self._deliver)

    def end(self) -> None:
        """Let all threads go."""
        for lane in (self.reads, self.writes, self.labours):
            lane.end()


async def outlast(pending: Callable[[], asyncio.Future[Any] | None]) -> None:
    """Wait until nothing is pending; a cancellation meanwhile is raised when that is so."""
    cancelled: asyncio.CancelledError | None = None
    while (future := pending()) is not None:
        try:
            await future
        except asyncio.CancelledError as error:
            cancelled = error
    if cancelled is not None:
        raise cancelled


def _set(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)
