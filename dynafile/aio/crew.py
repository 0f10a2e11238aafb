"""The crew: the threads that do for an event loop what could make it wait."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Final, TypeVar, cast

from dynafile.aio.job import Cancel, Job, Traffic, outlast
from dynafile.aio.lane import JointLane, Lane
from dynafile.aio.puts import put_together
from dynafile.errors import HandleOfAnotherLoop

T = TypeVar("T")

READERS: Final = 8
WRITERS: Final = 32
"""So many commits can share a sync. Above that, switching threads costs more than syncs."""
JOINERS: Final = 2
"""One gathers what the next sync is for while the other waits for its own."""
MOST_JOINED: Final = 256
IN_A_ROW: Final = 16
"""After so many answers that needed no thread, the loop is let go on with other tasks."""
LABOURERS: Final = 4


class Crew:
    """The threads of a handle, bounded in number, and the way back to its loop.

    Reads and writes have threads of their own, so that reads go on while writes wait for another
    process; so have calls that take long. Commits of several threads share syncs, see
    :mod:`dynafile.store.writer`; most of all plain puts, of which a thread makes many. What threads
    have to say to the loop comes in one order: a
    listener hears of a commit before the task that made it goes on.
    """

    def __init__(self) -> None:
        self.loop = asyncio.get_running_loop()
        self.reads = Lane(self.post, READERS)
        self.writes = Lane(self.post, WRITERS)
        self.puts = JointLane(self.post, JOINERS, MOST_JOINED, put_together)
        self.labours = Lane(self.post, LABOURERS)
        self._mail: deque[Callable[[], object]] = deque()
        self._posted = False
        self._answers = 0

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

    async def answer(self) -> None:
        """Let other tasks go on now and then, where a task need not have waited for a thread."""
        self._answers = (self._answers + 1) % IN_A_ROW
        if not self._answers:
            await asyncio.sleep(0)

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
        for lane in (self.reads, self.writes, self.puts, self.labours):
            lane.end()
