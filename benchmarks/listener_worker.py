"""Those who listen to documents, and who writes them, in a process that does what it is told.

``listener_worker.py PLACE``: a folder. Who listens to a server is another ``open_place``.
"""

from __future__ import annotations

import asyncio
import os
import random
import sys
import threading
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Final

from memory import resident_bytes
from serving import Figures, serve
from users import COLLECTION, key_of, user

from dynafile.documents import Montybase, doc

_BOARD: Final = "board"
_DOCUMENTS: Final = 20
"""What is listened to is a collection of so many, which are written in turns."""
LATE_SHARE: Final = 0.95
LEAST: Final = 1e-9
PATIENCE: Final = 30.0
_AT_ONCE: Final = 1_000


def open_place(place: str) -> Montybase:
    """Open the documents that are to be listened to."""
    return Montybase(path=place)


class ListenerWorker:
    """What can be asked of it; each method returns figures."""

    def __init__(self, place: str) -> None:
        self._db = open_place(place)
        self._rng = random.Random(0)
        self._watches: list[Any] = []
        self._told: list[list[tuple[int, float]]] = []
        self._versions = 0

    # -- how soon -------------------------------------------------------------------------------

    def listen(self, count: int, asynchronous: bool) -> Figures:
        """Have so many callbacks, or so many tasks of one event loop, listen to the board."""
        self._told = [[] for _ in range(count)]
        board, ready = doc(self._db, _BOARD), threading.Semaphore(0)

        def heard(told: list[tuple[int, float]], change: Any) -> None:
            now = time.monotonic()
            if change.type == "state":
                ready.release()
            else:
                told.append((change.value["written"], now))

        callbacks = [partial(heard, told) for told in self._told]
        self._have_listen([board] * count, callbacks, asynchronous)
        for _ in range(count):
            assert ready.acquire(timeout=PATIENCE)
        return {}

    def _have_listen(
        self, refs: Sequence[Any], callbacks: Sequence[Callable[[Any], object]], asynchronous: bool
    ) -> None:
        pairs = list(zip(refs, callbacks, strict=True))
        if asynchronous:
            threading.Thread(target=asyncio.run, args=(_watch_all(pairs),), daemon=True).start()
        else:
            self._watches += [ref.on_snapshot(callback) for ref, callback in pairs]

    def write(self, count: int, rate: float) -> dict[str, list[float]]:
        """Write so many documents of the board, so many a second; when each had returned."""
        returned = []
        due = time.monotonic()
        for number in range(count):
            due += 1 / rate
            time.sleep(max(0.0, due - time.monotonic()))
            self._versions += 1
            value = user(number, self._rng) | {"written": number, "version": self._versions}
            doc(self._db, _BOARD, key_of(number % _DOCUMENTS)).set(value)
            returned.append(time.monotonic())
        return {"at": returned}

    def told(self, at: list[float]) -> Figures:
        """Say how late every listener was told of every write, given when each had returned."""
        deadline = time.monotonic() + PATIENCE
        while any(len(told) < len(at) for told in self._told):
            assert time.monotonic() < deadline, f"told {list(map(len, self._told))} of {len(at)}"
            time.sleep(0.01)
        late = []
        for told in self._told:
            assert [number for number, _ in told] == list(range(len(at)))
            late += [heard - returned for (_, heard), returned in zip(told, at, strict=True)]
            told.clear()
        late.sort()
        median, most = late[len(late) // 2], late[int(len(late) * LATE_SHARE)]
        return {"median": max(LEAST, median), "late": max(LEAST, most)}

    # -- what they take -------------------------------------------------------------------------

    def stock(self, count: int) -> Figures:
        """Write so many documents, each of which somebody may listen to."""
        users = doc(self._db, COLLECTION)
        for first in range(0, count, _AT_ONCE):
            with self._db.batch() as batch:
                for number in range(first, min(count, first + _AT_ONCE)):
                    batch.set(users.append(key_of(number)), user(number, self._rng))
        return {}

    def idle(self, count: int, asynchronous: bool) -> Figures:
        """Have somebody listen to each of so many documents; the memory that it takes."""
        users = doc(self._db, COLLECTION)
        users.append(key_of(0)).on_snapshot(lambda _: None)  # the first takes a feed with it
        refs = [users.append(key_of(number)) for number in range(count)]
        told = threading.Semaphore(0)
        before = resident_bytes()
        self._have_listen(refs, [lambda _: told.release()] * count, asynchronous)
        for _ in range(count):
            assert told.acquire(timeout=PATIENCE)
        return {"bytes": resident_bytes() - before}


async def _watch_all(pairs: Sequence[tuple[Any, Callable[[Any], object]]]) -> None:
    async def watch(ref: Any, callback: Callable[[Any], object]) -> None:
        async for change in ref.watch():
            callback(change)

    await asyncio.gather(*(watch(*pair) for pair in pairs))


def main() -> None:
    (place,) = sys.argv[1:]
    serve(ListenerWorker(place))
    sys.stdout.flush()
    os._exit(0)  # without closing a database that nobody will open again


if __name__ == "__main__":
    main()
