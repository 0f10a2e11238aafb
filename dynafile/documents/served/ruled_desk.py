"""The desk under rules: what callers may read, hear of and change, document by document."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

from dynafile.documents.engine import Element, Engine, Plan, Subscription
from dynafile.documents.filters import MISSING
from dynafile.documents.finding import aggregated
from dynafile.documents.paths import FieldPath, Path, is_document
from dynafile.documents.requests import Aggregate, Change, Cursor, Query, Target
from dynafile.documents.served.findings import FieldFound, Listing, Tree
from dynafile.documents.served.guard import Caller
from dynafile.documents.served.ruled_changes import RuledChanges
from dynafile.documents.served.ruled_guard import RuledGuard
from dynafile.documents.served.ruled_reading import RuledReading
from dynafile.documents.served.veil import Veil

__all__ = ["RuledDesk"]


class RuledDesk:
    """Does what the rules allow. Methods are called from threads, and block."""

    def __init__(self, engine: Engine, guard: RuledGuard) -> None:
        self._engine = engine
        self._guard = guard
        self._reading = RuledReading(engine, guard)
        self._changes = RuledChanges(engine, guard)

    def read(
        self, caller: Caller, path: Path, limit: int, after: str | None
    ) -> Element | FieldFound | Listing | Tree:
        """Return what is at a path; raises AccessRefused, DocumentNotFound."""
        return self._reading.again(partial(self._read, caller, path, limit, after))

    def _read(
        self, caller: Caller, path: Path, limit: int, after: str | None
    ) -> Element | FieldFound | Listing | Tree:
        reading = self._reading
        if not path:
            return Tree(reading.tree(caller))
        value = reading.field(caller, path)
        if value is not MISSING:
            return FieldFound(path, value)
        if is_document(path):
            return reading.document(caller, path)
        cursor = None if after is None else Cursor((), (after,))
        query = Query(path=path, start_after=cursor, limit=limit + 1)
        found = reading.query(caller, query)
        return Listing(found[:limit], found[limit - 1].id if len(found) > limit else None)

    def query(self, caller: Caller, query: Query) -> list[Element]:
        """Return what a query finds of what a caller may see."""
        return self._reading.again(partial(self._reading.query, caller, query))

    def aggregate(self, caller: Caller, query: Query, kind: Aggregate, field: FieldPath) -> Any:
        """Return a number of what a query finds of what a caller may see."""
        return aggregated(self.query(caller, query), kind, field)

    def explain(self, caller: Caller, query: Query) -> Plan:
        """Say how a query would be executed, which tells of indexes and of no document."""
        self._guard.require_rule(
            caller, "list" if query.group or not is_document(query.path) else "get", query.path,
            group=query.group,
        )  # fmt: skip
        return self._engine.explain(query)

    def watch(self, caller: Caller, target: Target, since: str | None) -> Subscription:
        """Listen to what a caller may see, from the state on.

        What they could see at a position is not known any more, so that the state is told anew.
        """
        query = target if isinstance(target, Query) else Query(path=target)
        check = partial(self._reading.check_target, caller, query.path, group=query.group)
        if self._reading.again(check) and since is not None:
            self._engine.watch(target, since).close()  # says what is wrong with it
        return Veil(self._engine, self._guard, caller, target)

    def commit(self, caller: Caller, changes: Sequence[Change]) -> list[Any]:
        """Make changes, all or none; return what each returns."""
        return self._changes.commit(caller, changes)
