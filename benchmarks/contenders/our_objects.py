"""Dynafile's store of objects, in a folder."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from contenders.kydb_api import KydbApi
from contenders.objects import Durability
from dynafile.objects import DbObj, connect, stored


class Thing(DbObj):
    """An object of a declared class."""

    @stored
    def title(self) -> str:
        return "a thing"


class OurObjects(KydbApi):
    """``connect("dynafile://...")``; for the large store its other methods are used too."""

    def __init__(self, folder: Path, durability: Durability) -> None:
        super().__init__(connect(f"dynafile://{folder}", durability=durability), Thing)

    def ls(self, folders: Iterable[str]) -> list[str]:
        db = self.db
        names: list[str] = []
        for folder in folders:
            names = db.ls(folder)
        return names

    def close(self) -> None:
        self.db.close()
