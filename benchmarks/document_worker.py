"""Documents in a process of its own, which does what it is told and times itself.

``document_worker.py CONTENDER FOLDER``.
"""

from __future__ import annotations

import copy
import os
import random
import sys
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Final, TypeVar

from contenders.documents import DocumentContender, document_contender
from serving import Figures, serve, timed
from users import PER_TEAM, User, desk_of, key_of, team_of, user

T = TypeVar("T")

_SAMPLE: Final = 5
_AT_ONCE: Final = 1_000


class DocumentWorker:
    """What can be asked of it; each method returns figures."""

    def __init__(self, name: str, folder: Path) -> None:
        self._open = partial(document_contender(name), folder)
        self._store: DocumentContender = self._open()
        self._there = 0

    # -- filling --------------------------------------------------------------------------------

    def stock(self, count: int) -> Figures:
        """Write so many users, close the database, open it again, and check it."""
        seconds = self._fill(count)
        self._store = self._open()
        self._check()
        return {"seconds": seconds}

    def fill(self, count: int) -> Figures:
        """Write so many users and close the database; the seconds."""
        return {"seconds": self._fill(count)}

    def opened(self, count: int) -> Figures:
        """Hear how many users there are, and check some."""
        self._there = count
        self._check()
        return {}

    def _fill(self, count: int) -> float:
        seconds = 0.0
        self._there = count
        for first in range(0, count, _AT_ONCE):
            numbers = range(first, min(count, first + _AT_ONCE))
            some = {key_of(number): _first_version(number) for number in numbers}
            seconds += timed(partial(self._store.load, some))
        return seconds + timed(self._store.close)

    def _check(self) -> None:
        """See that it gives back what it was given, before its speed counts for anything."""
        for number in random.Random(0).choices(range(self._there), k=_SAMPLE):
            assert self._store.get([key_of(number)]) == _first_version(number)
        for field, value in (("team", team_of(number)), ("desk", desk_of(number))):
            found = self._store.where(field, [value])
            assert len(found) == PER_TEAM
            assert {field: value}.items() <= found[0].items()

    # -- reading --------------------------------------------------------------------------------

    def get(self, count: int, seed: int, first: int = 0, among: int = 0) -> Figures:
        """Read so many users, drawn from all or from ``among`` of them."""
        keys = self._keys(count, seed, first, among)
        return {"seconds": timed(partial(self._store.get, keys))}

    def get_copied(self, count: int, seed: int) -> Figures:
        """Do the same, and make of each what a caller may change without changing the store."""
        get, keys = self._store.get, self._keys(count, seed)

        def work() -> None:
            for key in keys:
                copy.deepcopy(get((key,)))

        return {"seconds": timed(work)}

    def where(self, field: str, count: int, seed: int, first: int = 0, among: int = 0) -> Figures:
        """Find users so many times, by teams or desks that are drawn."""
        value_of = {"team": team_of, "desk": desk_of}[field]
        values = [value_of(number) for number in self._numbers(count, seed, first, among)]
        return {"seconds": timed(partial(self._store.where, field, values))}

    def count(self, count: int) -> Figures:
        """Count all users so many times."""
        return {"seconds": timed(partial(self._store.count, count))}

    # -- writing --------------------------------------------------------------------------------

    def set(
        self, count: int, seed: int, saved: bool = False, first: int = 0, among: int = 0
    ) -> Figures:
        """Write so many users: in turn a new version of one, and one that is not there yet.

        With ``among`` all of them are new versions, of as many users. With ``saved`` each is on the
        disk before the next one is written.
        """
        rng, numbers = random.Random(seed), self._numbers(count, seed, first, among)
        new = range(0) if among else range(seed % 2, count, 2)
        for at in new:
            numbers[at] = self._there + at
        pairs = [(key_of(number), user(number, rng)) for number in numbers]
        seconds = self._timed(self._store.set, pairs, saved)
        if new:
            self._store.delete(pairs[at][0] for at in new)
        return {"seconds": seconds}

    def update(self, count: int, seed: int, saved: bool = False) -> Figures:
        """Set one field of so many users."""
        rng = random.Random(seed)
        work = partial(self._store.update, score=rng.randrange(100_000) / 100)
        return {"seconds": self._timed(work, self._keys(count, seed), saved)}

    def delete(self, count: int, seed: int, saved: bool = False) -> Figures:
        """Delete so many users, who come back when the clock has stopped."""
        rng = random.Random(seed)
        numbers = rng.sample(range(self._there), k=count)
        seconds = self._timed(self._store.delete, list(map(key_of, numbers)), saved)
        self._store.load({key_of(number): _first_version(number) for number in numbers})
        return {"seconds": seconds}

    def _timed(self, work: Callable[[Sequence[T]], object], of: Sequence[T], saved: bool) -> float:
        if not saved:
            return timed(partial(work, of))
        save = self._store.save

        def each() -> None:
            for one in of:
                work((one,))
                save()

        return timed(each)

    # -- who is drawn ---------------------------------------------------------------------------

    def _numbers(self, count: int, seed: int, first: int = 0, among: int = 0) -> list[int]:
        numbers = range(first, first + (among or self._there))
        return random.Random(seed).choices(numbers, k=count)

    def _keys(self, count: int, seed: int, first: int = 0, among: int = 0) -> list[str]:
        return [key_of(number) for number in self._numbers(count, seed, first, among)]


def _first_version(number: int) -> User:
    return user(number, random.Random(number))


def main() -> None:
    name, folder = sys.argv[1:]
    serve(DocumentWorker(name, Path(folder)))
    sys.stdout.flush()
    os._exit(0)  # without closing a database that nobody will open again


if __name__ == "__main__":
    main()
