"""A contender with entities in a process of its own, which does what it is told and times itself.

``entity_worker.py CONTENDER FOLDER``: its databases are in the folder, the last one made is open.
"""

from __future__ import annotations

import os
import random
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, Final

from contenders.entities import EntityContender, open_entities
from people import AGES, Fields, name_of, people, person
from serving import Figures, serve, timed

_SAMPLE: Final = 20


class EntityWorker:
    """What can be asked of it; each method returns figures."""

    def __init__(self, name: str, folder: Path) -> None:
        self._name = name
        self._folder = folder
        self._made = 0
        self._there = 0
        self._clubs: list[Any] = []
        self._open: EntityContender | None = None

    @property
    def _contender(self) -> EntityContender:
        assert self._open is not None, "ask for a new database first"
        return self._open

    def new(self) -> Figures:
        """Begin with an empty database."""
        if self._open is not None:
            self._open.close()
        self._made += 1
        self._there = 0
        self._clubs = []
        self._open = open_entities(self._name, self._folder / f"{self._made}")
        return {}

    def create(self, count: int) -> Figures:
        """Create so many people more, in one transaction."""
        made = people(self._there + 1, count)
        seconds = timed(partial(self._contender.create, made))
        self._there += count
        return {"seconds": seconds}

    def reopen(self) -> Figures:
        """Close the database, and open it again."""
        self._contender.close()
        self._open = open_entities(self._name, self._folder / f"{self._made}")
        return {}

    def check(self) -> Figures:
        """See that it has all of the people, before its speed counts for anything."""
        contender = self._contender
        for number in random.Random(0).choices(range(1, self._there + 1), k=_SAMPLE):
            for found in (contender.load([number]), contender.by_name([name_of(number)])):
                _check(found, person(number))
        found = contender.find([1])
        assert {each.name for each in found} == {
            name_of(number) for number in range(1, self._there + 1, AGES)
        }
        return {}

    def read(self, operation: str, count: int, seed: int) -> Figures:
        """Load or find so many times, what is drawn at random."""
        rng, contender = random.Random(seed), self._contender
        ids = rng.choices(range(1, self._there + 1), k=count)
        work: dict[str, Callable[[], object]] = {
            "load": partial(contender.load, ids),
            "name": partial(contender.by_name, [name_of(id_) for id_ in ids]),
            "find": partial(contender.find, rng.choices(range(AGES), k=count)),
        }
        return {"seconds": timed(work[operation])}

    def club(self, members: int) -> Figures:
        """Create a club of so many people; its number."""
        contender, club = self._contender, self._contender.club()
        contender.join(club, [contender.load([number + 1]) for number in range(members)])
        self._clubs.append(club)
        return {"club": len(self._clubs) - 1}

    def join(self, club: int, count: int, singly: bool) -> Figures:
        """Let so many people more join a club, who are loaded before the clock starts."""
        contender, joined = self._contender, self._clubs[club]
        there = contender.members(joined)
        new = [contender.load([there + number + 1]) for number in range(count)]
        work = contender.join_singly if singly else contender.join
        seconds = timed(partial(work, joined, new))
        assert contender.members(joined) == there + count
        return {"seconds": seconds}


def _check(found: Any, fields: Fields) -> None:
    assert {name: getattr(found, name) for name in fields} == fields


def main() -> None:
    name, folder = sys.argv[1:]
    serve(EntityWorker(name, Path(folder)))
    sys.stdout.flush()
    os._exit(0)  # without closing a database that nobody will open again


if __name__ == "__main__":
    main()
