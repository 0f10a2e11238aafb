"""A contender in a process of its own: told what to do in lines of JSON, it answers with figures.

``worker.py CONTENDER FOLDER ITEMS COUNT``: a folder for the contender, the file that
``flights.keep`` wrote, and how many of its items the store holds. It times itself, so that neither
the pipe nor the other side counts.
"""

from __future__ import annotations

import itertools
import random
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Final

from contenders import Contender, Durability, Item, Key, open_contender
from flights import kept_chunks
from memory import peak_bytes
from serving import Figures, serve, timed

_SAMPLED: Final = 2_000
_CHECKED: Final = 2
_DELAY: Final = "arr_delay"
_LATE: Final = 60


class Source:
    """The first items of a file, and how long it took to read them."""

    def __init__(self, path: Path, count: int) -> None:
        self._path = path
        self._count = count
        self.seconds = 0.0

    def __iter__(self) -> Iterator[Item]:
        left = self._count
        chunks = kept_chunks(self._path)
        while left > 0:
            started = time.perf_counter()
            chunk = next(chunks)[:left]
            self.seconds += time.perf_counter() - started
            left -= len(chunk)
            yield from chunk


class Worker:
    """The jobs that can be asked for. Each method returns figures, in seconds and bytes."""

    def __init__(self, name: str, folder: Path, path: Path, count: int) -> None:
        self._name = name
        self._folder = folder
        self._path = path
        self._count = count
        self._contender: Contender | None = None
        self._durability: Durability | None = None
        self._keys: list[Key] = []
        self._pks: list[str] = []
        self._old: list[Item] = []
        self._new: Iterator[Item] = iter(())

    # -- fresh processes ------------------------------------------------------------------------

    def load(self) -> Figures:
        """Load the items as one commit, read them all, and close."""
        before = peak_bytes()
        contender = open_contender(self._name, self._folder, "durable")
        source = Source(self._path, self._count)
        loading = timed(lambda: contender.load(source)) - source.seconds
        contender.scan()
        closing = timed(contender.close)
        return {
            "batch": loading,
            "batch-close": loading + closing,
            "memory": peak_bytes(),
            "before": before,
            "disk": sum(path.stat().st_size for path in self._folder.rglob("*") if path.is_file()),
        }

    def reopen(self, pk: str, sk: str) -> Figures:
        """Open the store and get one item."""
        opened: list[Contender] = []
        found: list[Item | None] = []

        def work() -> None:
            opened.append(open_contender(self._name, self._folder, "durable"))
            found.append(opened[0].get([(pk, sk)]))

        # What the contender imports is not its opening.
        open_contender(
            self._name, self._folder.with_name(f"{self._folder.name}-imports"), "durable"
        ).close()
        seconds = timed(work)
        opened[0].close()
        assert found[0] is not None
        assert found[0]["SK"] == sk
        return {"seconds": seconds}

    # -- a store that stays open ----------------------------------------------------------------

    def open(self, durability: Durability) -> Figures:
        """Open the store, if it is not open in this way, and read all of it."""
        if durability != self._durability:
            if self._contender is None:
                self._prepare()
            else:
                self._contender.close()
            self._contender = open_contender(self._name, self._folder, durability)
            self._durability = durability
            self._contender.scan()
        return {}

    def _prepare(self) -> None:
        """Hold the keys of all items, some items to overwrite, and those that come after."""
        step = max(1, self._count // _SAMPLED)
        for number, item in enumerate(Source(self._path, self._count)):
            self._keys.append((item["PK"], item["SK"]))
            if number % step == 0:
                self._old.append(item)
        self._pks = sorted({pk for pk, _ in self._keys})
        later = itertools.chain.from_iterable(kept_chunks(self._path))
        self._new = itertools.islice(later, self._count, None)

    def check(self, query: bool) -> Figures:
        """See that the store gives back what it was given, before its speed counts."""
        assert self._contender is not None
        items = list(Source(self._path, self._count))
        for item in items[-1 : -1 - _CHECKED : -1]:
            assert self._contender.get([(item["PK"], item["SK"])]) == item
        pk = items[0]["PK"]
        collection = sorted(
            (item for item in items if item["PK"] == pk), key=lambda i: str(i["SK"])
        )
        assert not query or self._contender.query([pk]) == collection
        late = sum(_DELAY in item and item[_DELAY] > _LATE for item in items)
        assert len(self._contender.filter(_DELAY, _LATE)) == late
        return {}

    def run(self, operation: str, count: int, seed: int) -> Figures:
        """Do an operation so many times."""
        assert self._contender is not None
        rng = random.Random(seed)
        return {"seconds": timed(self._work(self._contender, operation, count, rng))}

    def _work(
        self, contender: Contender, operation: str, count: int, rng: random.Random
    ) -> Callable[[], object]:
        if operation == "get":
            return partial(contender.get, rng.choices(self._keys, k=count))
        if operation == "query":
            return partial(contender.query, rng.choices(self._pks, k=count))
        if operation == "scan":
            return contender.scan
        if operation == "filter":
            # Another one each time: some keep the answers to questions they were asked before.
            return partial(contender.filter, _DELAY, _LATE + rng.random())
        return partial(contender.put, self._puts(count, rng))

    def _puts(self, count: int, rng: random.Random) -> list[Item]:
        """Return in turn a new version of an item, and a new item."""
        puts = []
        for number in range(count):
            item = next(self._new, None) if number % 2 else None
            puts.append(item or {**rng.choice(self._old), "dep_delay": rng.randrange(1_000)})
        return puts

    def close(self) -> Figures:
        """Close the store."""
        if self._contender is not None:
            self._contender.close()
        return {}


def main() -> None:
    name, folder, path, count = sys.argv[1:]
    serve(Worker(name, Path(folder), Path(path), int(count)))


if __name__ == "__main__":
    main()
