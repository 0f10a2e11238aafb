"""Lanes: calls that wait for threads of one kind."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from dynafile.aio.job import Job

Post = Callable[[Callable[[], object]], None]
"""Has something called in the loop; for any thread."""


class Lane:
    """Calls that wait for one kind of thread, in the order in which they came.

    A thread that finds none goes back to the executor. The mutex is held for moments, and never
    while a call is made, so the loop can take it.
    """

    def __init__(self, post: Post, workers: int, most: int = 1) -> None:
        """Have so many threads at most, each of which takes up to ``most`` calls at a time."""
        self._post = post
        self._most = most
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
        while jobs := self._take():
            self._run(jobs)
            self._post(partial(_finish, jobs))

    def _run(self, jobs: list[Job]) -> None:
        for job in jobs:
            job.run()

    def _take(self) -> list[Job]:
        """Return the next calls; none: there are none, and the thread is no longer counted."""
        taken: list[Job] = []
        with self._mutex:
            while self._waiting and len(taken) < self._most:
                job = self._waiting.popleft()
                if not job.withdrawn:
                    job.begun = True
                    taken.append(job)
            if not taken:
                self._working -= 1
        return taken


class JointLane(Lane):
    """Calls that are made together: a thread takes those that wait."""

    def __init__(
        self, post: Post, workers: int, most: int, together: Callable[[list[Job]], None]
    ) -> None:
        """Let ``together`` make calls; it sets what refused each, and raises nothing."""
        super().__init__(post, workers, most)
        self._together = together

    def _run(self, jobs: list[Job]) -> None:
        self._together(jobs)


def _finish(jobs: list[Job]) -> None:
    for job in jobs:
        job.finish()
