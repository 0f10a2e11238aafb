"""Dynafile's store of objects, in a folder."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

from contenders.objects import Durability
from dynafile.objects import DbObj, connect, stored

_CLASSES: Final = {"Thing": {"module_path": __name__, "class_name": "Thing"}}


class Thing(DbObj):
    """An object of a declared class."""

    @stored
    def title(self) -> str:
        return "a thing"


class OurObjects:
    """``connect("dynafile://...")``; for the large store its other methods are used too."""

    def __init__(self, folder: Path, durability: Durability) -> None:
        self.db = connect(f"dynafile://{folder}", durability=durability)

    def set(self, pairs: Iterable[tuple[str, Any]]) -> None:
        db = self.db
        for key, value in pairs:
            db[key] = value

    def get(self, keys: Iterable[str]) -> Any:
        read = self.db.read
        value = None
        for key in keys:
            value = read(key, reload=True)
        return value

    def get_kept(self, count: int) -> Any:
        db = self.db
        if not db.exists("/things/one"):
            db.upload_objdb_config(_CLASSES)
            db.new("Thing", "/things/one").write()
        thing: Any = None
        for _ in range(count):
            thing = db["/things/one"]
        return thing.title()

    def ls(self, folders: Iterable[str]) -> list[str]:
        db = self.db
        names: list[str] = []
        for folder in folders:
            names = db.ls(folder)
        return names

    def close(self) -> None:
        self.db.close()
