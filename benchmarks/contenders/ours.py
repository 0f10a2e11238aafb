"""Dynafile, as the README shows it."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from contenders import Durability, Item, Key
from dynafile import Attr, Dynafile


class Ours:
    """A table with its default options."""

    def __init__(self, folder: Path, durability: Durability, **options: Any) -> None:
        self.db = Dynafile(folder, durability=durability, **options)

    def load(self, items: Iterable[Item]) -> None:
        with self.db.batch_writer() as writer:
            for item in items:
                writer.put_item(item=item)

    def put(self, items: Iterable[Item]) -> None:
        db = self.db
        for item in items:
            db.put_item(item=item)

    def get(self, keys: Iterable[Key]) -> Item | None:
        db = self.db
        item = None
        for pk, sk in keys:
            item = db.get_item(key={"PK": pk, "SK": sk})
        return item

    def query(self, pks: Iterable[str]) -> list[Item]:
        db = self.db
        items = []
        for pk in pks:
            items = list(db.query(pk))
        return items

    def scan(self) -> Item | None:
        found = None
        for item in self.db.scan():
            found = item
        return found

    def filter(self, attribute: str, above: float) -> list[Item]:
        return list(self.db.scan(filter=Attr(attribute).gt(above)))

    def close(self) -> None:
        self.db.close()


class OursUnremembered(Ours):
    """Dynafile with its partitions in memory, and next to no memory of the items it has decoded.

    A handle's share for decoded items follows from its own ``cache_size``; how many partitions stay
    in memory, from that of the process's first handle on the folder.
    """

    def __init__(self, folder: Path, durability: Durability) -> None:
        self._first = Dynafile(folder, durability=durability)
        super().__init__(folder, durability, cache_size=1 << 16)

    def close(self) -> None:
        super().close()
        self._first.close()
