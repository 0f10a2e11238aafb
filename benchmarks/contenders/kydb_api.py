"""What is written alike for KYDB and for Dynafile's store of objects, which took over its API.

It imports neither: KYDB is measured where nothing else is installed.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any


class KydbApi:
    """Writes and reads of a store, given a class in whose module it can be found."""

    def __init__(self, db: Any, thing: type) -> None:
        self.db = db
        self._thing = thing

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
            name = self._thing.__name__
            place = {"module_path": self._thing.__module__, "class_name": name}
            db.mkdir("/things")
            db.upload_objdb_config({name: place})
            db.new(name, "/things/one").write()
        thing: Any = None
        for _ in range(count):
            thing = db["/things/one"]
        return thing.title()
