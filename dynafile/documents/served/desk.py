"""The desk: what callers ask for, done on an engine after the guard was asked."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from dynafile.documents.engine import Element, Engine, Plan, Subscription
from dynafile.documents.filters import MISSING, value_at
from dynafile.documents.paths import FieldPath, Path, fields_named, is_document, path_text
from dynafile.documents.requests import Aggregate, Change, Cursor, Query, Target
from dynafile.documents.served.findings import FieldFound, Listing, Tree
from dynafile.documents.served.guard import Action, Caller, Guard
from dynafile.documents.served.ruled_desk import RuledDesk
from dynafile.documents.served.ruled_guard import RuledGuard
from dynafile.documents.served.veil import is_veiled, unveiled
from dynafile.errors import DocumentNotFound

__all__ = ["Desk"]

_ACTIONS: Final[dict[str, tuple[Action, ...]]] = {
    "set": ("create", "update"),
    "add": ("create",),
    "update": ("update",),
    "delete": ("delete",),
}


class Desk:
    """Does what callers may do. Methods are called from threads, and block."""

    def __init__(self, engine: Engine, guard: Guard) -> None:
        self.engine = engine
        self.guard = guard
        self._ruled = RuledDesk(engine, guard) if isinstance(guard, RuledGuard) else None

    def _rules(self) -> RuledDesk | None:
        """Return who does it where there are rules."""
        return self._ruled if self.guard.inspects else None

    def _check(self, caller: Caller, action: Action, path: Path, *, group: bool = False) -> None:
        """Ask the guard of a path, whatever is there."""
        if isinstance(self.guard, RuledGuard):
            self.guard.check_key(caller, action, path, group=group)
        else:
            self.guard.check(caller, action, path, None, None, group=group)

    # -- reading --------------------------------------------------------------------------------

    def read(
        self, caller: Caller, path: Path, limit: int, after: str | None
    ) -> Element | FieldFound | Listing | Tree:
        """Return what is at a path; raises DocumentNotFound for a document that is not there."""
        self._check(caller, "get" if is_document(path) else "list", path)
        ruled = self._rules()
        if ruled is not None:
            return ruled.read(caller, path, limit, after)
        if not path:
            return Tree(self.engine.get(path))
        field = self._field(path)
        if field is not None:
            return field
        if is_document(path):
            found = self.engine.run(Query(path=path))
            if not found:
                at = path_text(path)
                raise DocumentNotFound(f"there is no document {at}", path=at, resource=at)
            return found[0]
        cursor = None if after is None else Cursor((), (after,))
        found = self.engine.run(Query(path=path, start_after=cursor, limit=limit + 1))
        return Listing(found[:limit], found[limit - 1].id if len(found) > limit else None)

    def _field(self, path: Path) -> FieldFound | None:
        """Return the field at a path, if a document above has one of that name."""
        for document, field in fields_named(path):
            found = self.engine.run(Query(path=document))
            if found and field[0] in found[0].value:
                value = value_at(found[0].value, field)
                if value is MISSING:
                    at = path_text(path)
                    raise DocumentNotFound(f"there is no field {at}", path=at, resource=at)
                return FieldFound(path, value)
        return None

    def query(self, caller: Caller, query: Query) -> list[Element]:
        """Return what a query finds."""
        self._check_target(caller, query)
        ruled = self._rules()
        if ruled is not None:
            return ruled.query(caller, query)
        return self.engine.run(query)

    def aggregate(self, caller: Caller, query: Query, kind: Aggregate, field: FieldPath) -> Any:
        """Return a number of what a query finds."""
        self._check_target(caller, query)
        ruled = self._rules()
        if ruled is not None:
            return ruled.aggregate(caller, query, kind, field)
        return self.engine.aggregate(query, kind, field)

    def explain(self, caller: Caller, query: Query) -> Plan:
        """Say how a query would be executed."""
        self._check_target(caller, query)
        ruled = self._rules()
        if ruled is not None:
            return ruled.explain(caller, query)
        return self.engine.explain(query)

    def watch(self, caller: Caller, target: Target, since: str | None) -> Subscription:
        """Listen to a document, a collection or a query."""
        self._check_target(caller, target)
        ruled = self._rules()
        if ruled is not None:
            return ruled.watch(caller, target, unveiled(since))
        # What was told under rules was not all, so that nobody can go on after it without them.
        return self.engine.watch(target, None if is_veiled(since) else since)

    def _check_target(self, caller: Caller, target: Target) -> None:
        group = isinstance(target, Query) and target.group
        path = target.path if isinstance(target, Query) else target
        single = is_document(path) and not group
        self._check(caller, "get" if single else "list", path, group=group)

    # -- writing --------------------------------------------------------------------------------

    def commit(self, caller: Caller, changes: Sequence[Change]) -> list[Any]:
        """Make changes, all or none; return what each returns."""
        for change in changes:
            path = change.path if change.key is None else (*change.path, change.key)
            if change.kind == "set":
                path = change.path  # of a collection all other documents are deleted
            for action in _ACTIONS[change.kind]:
                self._check(caller, action, path)
        ruled = self._rules()
        if ruled is not None:
            return ruled.commit(caller, changes)
        return self.engine.commit(changes)
