"""Montybase 0.1.6: a dict in memory, which now and then is written as a whole to a file of JSON.

It lives in an environment of its own, with nothing else in it but what it needs.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

from montybase import Montybase, doc
from users import User

_NEVER: Final = 1 << 60


class MontybaseDocuments:
    """A ``Montybase`` that saves when it is told to, and not in a thread while it is measured."""

    def __init__(self, folder: Path) -> None:
        self._db: Any = Montybase("bench", db_path=folder, updateTime=0, storeMin=_NEVER)

    def load(self, documents: Mapping[str, User]) -> None:
        self.set(documents.items())
        self.save()

    def set(self, pairs: Iterable[tuple[str, User]]) -> None:
        db = self._db
        for key, user in pairs:
            doc(db, "users").add(user, key=key)  # its set makes a collection of a document

    def update(self, keys: Iterable[str], score: float) -> None:
        db = self._db
        for key in keys:
            doc(db, "users", key).update({"score": score})

    def delete(self, keys: Iterable[str]) -> None:
        db = self._db
        for key in keys:
            doc(db, "users", key).delete()

    def get(self, keys: Iterable[str]) -> Any:
        db = self._db
        user: Any = None
        for key in keys:
            user = doc(db, "users", key).get()
        return user

    def where(self, field: str, values: Iterable[str]) -> list[User]:
        # What its where would ask for: the method itself raises a TypeError.
        db = self._db
        found: dict[str, User] = {}
        for value in values:
            found = db.get_doc({"ref": ("users",), "value": (field, "==", value)})
        return list(found.values())

    def count(self, times: int) -> int:
        users = doc(self._db, "users")
        count = 0
        for _ in range(times):
            count = len(users.get())
        return count

    def save(self) -> None:
        """Do what its thread does when its time has come."""
        self._db.startSaveTimer()

    def close(self) -> None:
        self.save()
