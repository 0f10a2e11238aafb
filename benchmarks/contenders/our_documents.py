"""Dynafile's documents, in a folder."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from users import COLLECTION, User

from dynafile.documents import Montybase, doc


class OurDocuments:
    """``Montybase(path=...)`` with its defaults: a change is on the disk when it returns."""

    def __init__(self, folder: Path, *, hot: bool = True) -> None:
        self.db = Montybase(path=folder, hot=hot)
        self.db.index(COLLECTION, "team")

    def load(self, documents: Mapping[str, User]) -> None:
        users = doc(self.db, COLLECTION)
        with self.db.batch() as batch:
            for key, user in documents.items():
                batch.set(users.append(key), user)

    def set(self, pairs: Iterable[tuple[str, User]]) -> None:
        db = self.db
        for key, user in pairs:
            doc(db, "users", key).set(user)

    def update(self, keys: Iterable[str], score: float) -> None:
        db = self.db
        for key in keys:
            doc(db, "users", key).update({"score": score})

    def delete(self, keys: Iterable[str]) -> None:
        db = self.db
        for key in keys:
            doc(db, "users", key).delete()

    def get(self, keys: Iterable[str]) -> User | None:
        db = self.db
        user: User | None = None
        for key in keys:
            user = doc(db, "users", key).get()
        return user

    def where(self, field: str, values: Iterable[str]) -> list[User]:
        users = doc(self.db, "users")
        found: dict[str, User] = {}
        for value in values:
            found = users.where(field, "==", value).get()
        return list(found.values())

    def count(self, times: int) -> int:
        users = doc(self.db, "users")
        count = 0
        for _ in range(times):
            count = users.count()
        return count

    def save(self) -> None:
        """Do nothing: a change outlives the process when it returns."""

    def close(self) -> None:
        self.db.close()


class OurDocumentsRelaxed(OurDocuments):
    """The same with ``hot=False``: the last second is synced by a thread of its own."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, hot=False)
