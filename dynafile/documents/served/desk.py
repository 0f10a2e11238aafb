"""The desk: what callers ask for, done on an engine after the guard was asked."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any, Final

from msgspec import Struct
from msgspec.structs import replace

from dynafile.documents.engine import Element, Engine, Plan, Subscription
from dynafile.documents.filters import MISSING, value_at
from dynafile.documents.paths import FieldPath, Path, is_document, path_text
from dynafile.documents.requests import Aggregate, Change, Cursor, Query, Target
from dynafile.documents.served.guard import Action, Caller, Guard
from dynafile.documents.served.veil import Veil
from dynafile.errors import (
    AccessRefused,
    DocumentNotFound,
    InvalidDocumentArgument,
    TransactionConflict,
)

__all__ = ["Desk", "FieldFound", "Listing", "Tree"]

_ATTEMPTS: Final = 50
_ACTIONS: Final[dict[str, tuple[Action, ...]]] = {
    "set": ("create", "update"),
    "add": ("create",),
    "update": ("update",),
    "delete": ("delete",),
}


class FieldFound(Struct, frozen=True):
    """A field of a document."""

    path: Path
    value: Any


class Listing(Struct, frozen=True):
    """Documents of a collection, in the order of their ids."""

    elements: list[Element]
    next: str | None
    """The id after which there is more."""


class Tree(Struct, frozen=True):
    """All that there is."""

    value: dict[str, Any]


class Desk:
    """Does what callers may do. Methods are called from threads, and block."""

    def __init__(self, engine: Engine, guard: Guard) -> None:
        self.engine = engine
        self.guard = guard

    # -- reading --------------------------------------------------------------------------------

    def read(
        self, caller: Caller, path: Path, limit: int, after: str | None
    ) -> Element | FieldFound | Listing | Tree:
        """Return what is at a path; raises DocumentNotFound for a document that is not there."""
        if not self.guard.inspects:
            action: Action = "get" if is_document(path) else "list"
            self.guard.check(caller, action, path, None, None, group=False)
        if not path:
            if self.guard.inspects:
                self.guard.check(caller, "list", path, None, None, group=False)
            return Tree(self.engine.get(path))
        field = self._field(caller, path)
        if field is not None:
            return field
        if is_document(path):
            return self._document(caller, path)
        cursor = None if after is None else Cursor((), (after,))
        query = Query(path=path, start_after=cursor, limit=limit + 1)
        found = self.engine.run(query)
        self._check_read(caller, query, found)
        return Listing(found[:limit], found[limit - 1].id if len(found) > limit else None)

    def _field(self, caller: Caller, path: Path) -> FieldFound | None:
        """Return the field at a path, if a document above has one of that name."""
        for length in range(2, len(path), 2):
            document, name = path[:length], path[length]
            found = self.engine.run(Query(path=document))
            if found and name in found[0].value:
                self._inspect(caller, "get", found[0])
                value = value_at(found[0].value, path[length:])
                if value is MISSING:
                    at = path_text(path)
                    raise DocumentNotFound(f"there is no field {at}", path=at, resource=at)
                return FieldFound(path, value)
        return None

    def _document(self, caller: Caller, path: Path) -> Element:
        found = self.engine.run(Query(path=path))
        if not found:
            if self.guard.inspects:
                self.guard.check(caller, "get", path, None, None, group=False)
            at = path_text(path)
            raise DocumentNotFound(f"there is no document {at}", path=at, resource=at)
        self._inspect(caller, "get", found[0])
        return found[0]

    def query(self, caller: Caller, query: Query) -> list[Element]:
        """Return what a query finds."""
        self._check_target(caller, query)
        found = self.engine.run(query)
        self._check_read(caller, query, found)
        return found

    def aggregate(self, caller: Caller, query: Query, kind: Aggregate, field: FieldPath) -> Any:
        """Return a number of what a query finds."""
        self._check_target(caller, query)
        if self.guard.inspects:
            self._check_read(caller, query, self.engine.run(query))
        return self.engine.aggregate(query, kind, field)

    def explain(self, caller: Caller, query: Query) -> Plan:
        """Say how a query would be executed."""
        self._check_target(caller, query)
        return self.engine.explain(query)

    def watch(self, caller: Caller, target: Target, since: str | None) -> Subscription:
        """Listen to a document, a collection or a query."""
        self._check_target(caller, target)
        found = self.engine.watch(target, since)
        if not self.guard.inspects:
            return found
        return Veil(found, partial(self._may_read, caller))

    def _may_read(self, caller: Caller, path: Path, value: Any) -> bool:
        try:
            self.guard.check(caller, "get", path, value, None, group=False)
        except AccessRefused:
            return False
        return True

    def _check_target(self, caller: Caller, target: Target) -> None:
        """Ask the guard of a path or a query, where it need not see what is there."""
        if self.guard.inspects:
            return
        group = isinstance(target, Query) and target.group
        path = target.path if isinstance(target, Query) else target
        single = is_document(path) and not group
        self.guard.check(caller, "get" if single else "list", path, None, None, group=group)

    def _check_read(self, caller: Caller, query: Query, found: Sequence[Element]) -> None:
        for element in found:
            self._inspect(caller, "get" if is_document(query.path) else "list", element)

    def _inspect(self, caller: Caller, action: Action, element: Element) -> None:
        if self.guard.inspects:
            value = element.value
            self.guard.check(caller, action, element.path, value, None, group=False)

    # -- writing --------------------------------------------------------------------------------

    def commit(self, caller: Caller, changes: Sequence[Change]) -> list[Any]:
        """Make changes, all or none; return what each returns."""
        if not self.guard.inspects:
            for change in changes:
                path = change.path if change.key is None else (*change.path, change.key)
                for action in _ACTIONS[change.kind]:
                    self.guard.check(caller, action, path, None, None, group=False)
            return self.engine.commit(changes)
        for _ in range(_ATTEMPTS - 1):
            try:
                return self._inspected(caller, changes)
            except TransactionConflict:
                continue
        return self._inspected(caller, changes)

    def _inspected(self, caller: Caller, changes: Sequence[Change]) -> list[Any]:
        """Make changes in a transaction, and ask the guard of each document that they changed.

        What it refuses ends the transaction, so that nothing of it was done.
        """
        engine = self.engine
        changes = [self._with_id(change) for change in changes]
        named = {_named(change) for change in changes}
        paths = named | {path[:n] for path in named for n in range(2, len(path), 2)}
        with engine.transaction():
            before = self._documents(paths)
            made = engine.commit(changes)
            after = self._documents(paths)
            asked = False
            for path in sorted(before.keys() | after.keys()):
                old, new = before.get(path), after.get(path)
                if old == new and path not in named:
                    continue
                action: Action = "update"
                if old is None or new is None:
                    action = "create" if old is None else "delete"
                self.guard.check(caller, action, path, old, new, group=False)
                asked = True
            if not asked:  # nothing is there, which is not for everybody to know
                for path in named:
                    self.guard.check(caller, "delete", path, None, None, group=False)
            return made

    def _with_id(self, change: Change) -> Change:
        """Give what is added its id, so that the rest of its collection need not be read."""
        if change.kind == "add" and change.key is None and not is_document(change.path):
            return replace(change, key=self.engine.new_id())
        return change

    def _documents(self, paths: set[Path]) -> dict[Path, Any]:
        found: dict[Path, Any] = {}
        for path in paths:
            try:
                found.update((each.path, each.value) for each in self.engine.run(Query(path=path)))
            except InvalidDocumentArgument:
                pass  # it is a field, and its document is one of the paths
        return found


def _named(change: Change) -> Path:
    """Return the document, the collection or the field that a change names."""
    return change.path if change.key is None else (*change.path, change.key)
