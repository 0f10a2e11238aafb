"""A store of objects in a process of its own, which does what it is told and times itself.

``object_worker.py CONTENDER FOLDER DURABILITY``.
"""

from __future__ import annotations

import os
import random
import sys
from functools import partial
from pathlib import Path
from typing import Any, Final, cast

from contenders.objects import Durability, ObjectContender, contender_of
from documents import PER_FOLDER, brief, document, folder_of, key_of
from memory import peak_bytes
from serving import Figures, serve, timed

_SAMPLE: Final = 20
_AT_ONCE: Final = 1_000


class ObjectWorker:
    """What can be asked of it; each method returns figures."""

    def __init__(self, name: str, folder: Path, durability: Durability) -> None:
        self._open = partial(contender_of(name), folder, durability)
        self._before = peak_bytes()
        self._store: ObjectContender = self._open()

    def stock(self, count: int) -> Figures:
        """Write so many products, close the store, open it again, and check it."""
        rng = random.Random(count)
        versions = [document(number, rng) for number in range(count)]
        self._store.set((key_of(number), each) for number, each in enumerate(versions))
        self._reopen()
        for number in random.Random(0).choices(range(count), k=_SAMPLE):
            assert self._store.get([key_of(number)]) == versions[number]
        self._store.get(map(key_of, range(count)))
        return {}

    def fill(self, count: int) -> Figures:
        """Write so many brief products, a thousand at a time, and close the store; the seconds."""
        rng = random.Random(count)
        seconds = 0.0
        for first in range(0, count, _AT_ONCE):
            numbers = range(first, min(count, first + _AT_ONCE))
            some = {key_of(number): brief(number, rng) for number in numbers}
            seconds += timed(partial(self._ours.db.set_many, some))
        return {"seconds": seconds + timed(self._ours.close)}

    def get(self, count: int, there: int, seed: int) -> Figures:
        """Read so many products at random."""
        keys = [key_of(number) for number in random.Random(seed).choices(range(there), k=count)]
        return {"seconds": timed(partial(self._store.get, keys))}

    def set(self, count: int, there: int, seed: int) -> Figures:
        """Write so many products: in turn a new version of one, and one that is not there yet."""
        rng = random.Random(seed)
        new = there + seed * count
        numbers = [rng.randrange(there) if each % 2 else new + each for each in range(count)]
        pairs = [(key_of(number), document(number, rng)) for number in numbers]
        return {"seconds": timed(partial(self._store.set, pairs))}

    def overwrite(self, count: int, first: int, there: int, seed: int) -> Figures:
        """Write new versions of so many brief products out of ``there``, from a number on."""
        rng = random.Random(seed)
        numbers = [first + rng.randrange(there) for _ in range(count)]
        pairs = [(key_of(number), brief(number, rng)) for number in numbers]
        return {"seconds": timed(partial(self._store.set, pairs))}

    def get_kept(self, count: int) -> Figures:
        """Read an object of a class so many times, which is kept in memory."""
        assert self._store.get_kept(1) == "a thing"
        return {"seconds": timed(partial(self._store.get_kept, count))}

    def ls(self, number: int, count: int) -> Figures:
        """List the folder of a product so many times."""
        folder = folder_of(number)
        assert len(self._ours.ls([folder])) == PER_FOLDER
        return {"seconds": timed(partial(self._ours.ls, [folder] * count))}

    def memory(self, count: int, there: int) -> Figures:
        """Read products at random, and list the folders that they are in; the peak of memory."""
        numbers = random.Random(1).choices(range(there), k=count)
        self._store.get(map(key_of, numbers))
        self._ours.ls(map(folder_of, numbers[: count // PER_FOLDER]))
        return {"peak": peak_bytes(), "before": self._before}

    @property
    def _ours(self) -> Any:
        from contenders.our_objects import OurObjects

        return cast(OurObjects, self._store)

    def _reopen(self) -> None:
        self._store.close()
        self._store = self._open()


def main() -> None:
    name, folder, durability = sys.argv[1:]
    serve(ObjectWorker(name, Path(folder), cast(Durability, durability)))
    sys.stdout.flush()
    os._exit(0)  # without closing a store that nobody will open again


if __name__ == "__main__":
    main()
