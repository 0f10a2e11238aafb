"""dynafile 0.1.3: a pickle for each partition key, rewritten for each put.

Its package has the name of ours, so that it lives in an environment of its own, with nothing else
in it but what it needs.
"""

from __future__ import annotations

from collections.abc import Iterable
from operator import itemgetter
from pathlib import Path
from typing import Any

import dynafile
from contenders import Durability, Item, Key

# Here the name means another version than the one that is in the project.
_old: Any = dynafile


class OldDynafile:
    """A folder as 0.1.3 writes it; each replaced file is synced."""

    def __init__(self, folder: Path, durability: Durability) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._db = _old.Dynafile(folder)

    def load(self, items: Iterable[Item]) -> None:
        # It keeps only the last run of writes to a partition key, so that those must be together.
        with self._db.batch_writer() as writer:
            for item in sorted(items, key=itemgetter("PK")):
                writer.put_item(item=item)

    def put(self, items: Iterable[Item]) -> None:
        db = self._db
        for item in items:
            db.put_item(item=item)

    def get(self, keys: Iterable[Key]) -> Item | None:
        db = self._db
        item: Item | None = None
        for pk, sk in keys:
            item = db.get_item(key={"PK": pk, "SK": sk})
        return item

    def query(self, pks: Iterable[str]) -> list[Item]:
        db = self._db
        items: list[Item] = []
        for pk in pks:
            items = list(db.query(pk))
        return items

    def scan(self) -> Item | None:
        found: Item | None = None
        for item in self._db.scan():
            found = item
        return found

    def filter(self, attribute: str, above: float) -> list[Item]:
        return list(self._db.scan(lambda item: attribute in item and item[attribute] > above))

    def close(self) -> None:
        """Do nothing: it holds nothing open."""
