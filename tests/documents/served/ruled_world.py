"""A server with rules, asked by whoever a header says."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from dynafile.documents.requests import Query
from dynafile.documents.served.credentials import credentials_in
from dynafile.documents.served.guard import Caller, Limits
from dynafile.documents.served.ruled_guard import RuledGuard
from dynafile.documents.served.rules_file import RulesFile

if TYPE_CHECKING:
    from pathlib import Path

V1 = "/v1/documents"


def put(path: Path, text: str) -> None:
    """Write a file whole, as who runs a server should."""
    draft = path.with_suffix(".draft")
    draft.write_text(text)
    draft.replace(path)


class HeaderGuard:
    """Believes the header ``x-auth``; a key counts as far as it reaches."""

    inspects = False
    limits = Limits()

    def __init__(self, keys: Any) -> None:
        self._keys = keys

    def caller(self, headers: Any, address: Any) -> Caller:
        text = credentials_in(headers).key
        key = self._keys.check(text) if text else None
        auth = json.loads(headers["x-auth"]) if "x-auth" in headers else None
        return Caller("somebody" if auth is None else str(auth.get("uid")), key, auth)

    def count(self, caller: Caller) -> None:
        """Count nothing."""

    def check(
        self, caller: Any, action: Any, path: Any, before: Any, after: Any, *, group: bool
    ) -> None:
        if caller.key is not None:
            caller.key.require(path, write=action not in ("get", "list"), group=group)


def as_(uid: str | None, *more: tuple[str, str], **auth: Any) -> list[tuple[str, str]]:
    """Return the headers of a user."""
    if uid is None:
        return list(more)
    return [("x-auth", json.dumps({"uid": uid, **auth})), *more]


class Ruled:
    """An application with a file of rules that is looked at whenever anything is asked."""

    def __init__(self, world: Any, folder: Path, text: str | None) -> None:
        self.path = folder / "documents.rules"
        if text is not None:
            self.path.write_text(text)
        self.file = RulesFile(self.path, required=False, every=0.005)
        self.db = world.db
        self.guard = RuledGuard(HeaderGuard(world.keys), self.file, world.db.engine)
        self.asking = world.ask_of(self.guard)
        self.desk = self.asking.app._desk

    def write(self, text: str) -> None:
        """Put other rules into the file, and wait until they hold."""
        before = self.file.generation
        put(self.path, text)
        while self.file.generation == before:
            self.file.look()

    def __call__(
        self, who: str | None, method: str, target: str, body: Any = None, **more: Any
    ) -> Any:
        headers = [*as_(who), *more.pop("headers", ())]
        return self.asking(method, V1 + target, body, headers, **more)

    def caller(self, uid: str | None) -> Caller:
        return Caller("test", None, None if uid is None else {"uid": uid})

    def close(self) -> None:
        self.file.close()


class Seen:
    """What somebody who listens makes of what they are told."""

    def __init__(self, ruled: Ruled, uid: str | None, target: Any, since: Any = None) -> None:
        self._single = not isinstance(target, Query) and len(target) % 2 == 0
        self.subscription = ruled.desk.watch(ruled.caller(uid), target, since)
        self.changes: list[Any] = []
        self.documents: dict[str, Any] = {}
        self.take()

    def take(self) -> list[Any]:
        """Take what there is now, fold it, and return it in short."""
        found = self.subscription.take()
        for change in found:
            self.changes.append(change)
            if change.type == "state":
                single = {change.path.rpartition("/")[2]: change.value}
                known = single if change.value is not None else {}
                self.documents = known if self._single else dict(change.value)
            elif change.type == "removed":
                assert change.id in self.documents, "removed what was not there"
                del self.documents[change.id]
            else:
                assert (change.id in self.documents) == (change.type == "modified"), change
                self.documents[change.id] = change.value
        return [(each.type, each.id, each.value) for each in found]

    def until(self, documents: Any) -> list[Any]:
        """Take until the documents are so; return all that was told for that."""
        found: list[Any] = []
        for _ in range(2000):
            found += self.take()
            if self.documents == documents:
                return found
            self.subscription.wait(0.01)
        raise AssertionError(f"{self.documents} is not {documents}, by {found}")

    def told(self, count: int) -> list[Any]:
        found: list[Any] = []
        while len(found) < count:
            assert self.subscription.wait(20), found
            found += self.take()
        return found

    def close(self) -> None:
        self.subscription.close()
