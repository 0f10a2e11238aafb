"""KYDB 1.1.0 on files: each object is a file with a pickle in it, and nothing is synced.

It lives in an environment of its own, with nothing else in it but what it needs.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

import kydb

from contenders.objects import Durability

_CLASSES: Final = {"Thing": {"module_path": __name__, "class_name": "Thing"}}


class Thing(kydb.DbObj):  # type: ignore[misc]
    """An object of a declared class."""

    @kydb.stored  # type: ignore[untyped-decorator]
    def title(self) -> str:
        return "a thing"


class KydbObjects:
    """``connect("files://...")``, which is as durable whatever is asked for."""

    def __init__(self, folder: Path, durability: Durability) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._db = kydb.connect(f"files:/{folder.resolve()}")

    def set(self, pairs: Iterable[tuple[str, Any]]) -> None:
        db = self._db
        for key, value in pairs:
            db[key] = value

    def get(self, keys: Iterable[str]) -> Any:
        read = self._db.read
        value = None
        for key in keys:
            value = read(key, reload=True)
        return value

    def get_kept(self, count: int) -> Any:
        db = self._db
        if not db.exists("/things/one"):
            db.mkdir("/things")
            db.upload_objdb_config(_CLASSES)
            db.new("Thing", "/things/one").write()
        thing: Any = None
        for _ in range(count):
            thing = db["/things/one"]
        return thing.title()

    def close(self) -> None:
        """Do nothing: it holds nothing open."""
