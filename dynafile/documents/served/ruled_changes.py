"""Changing under rules: each document that is created, changed or removed is asked for.

The changes are made in a transaction, which knows every document that they touched, those beneath
a deleted one too. Rules are asked of the whole: each document as it was before all and as it would
be after all; ``get()`` and ``exists()`` in them see what was before, so that nobody gives himself a
role in the batch that needs it. What is refused leaves nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, NoReturn

from msgspec import UNSET
from msgspec.structs import replace

from dynafile.documents.checking import check_change
from dynafile.documents.engine import Engine, Touched, Unit
from dynafile.documents.paths import Path, fields_named, is_document
from dynafile.documents.requests import Change, Query
from dynafile.documents.served.guard import Action, Caller
from dynafile.documents.served.ruled_guard import RuledGuard
from dynafile.errors import (
    DynafileError,
    HandleUnusable,
    InvalidDocumentArgument,
    TransactionConflict,
)

__all__ = ["RuledChanges"]

_ATTEMPTS: Final = 50
_MOST: Final = 10_000
"""Documents that one request may touch, each of which rules are asked of."""
_NATURAL: Final[dict[str, Action]] = {"add": "create", "update": "update", "delete": "delete"}


class RuledChanges:
    """Makes changes as far as a caller may."""

    def __init__(self, engine: Engine, guard: RuledGuard) -> None:
        self._engine = engine
        self._guard = guard

    def commit(self, caller: Caller, changes: Sequence[Change]) -> list[Any]:
        """Make changes, all or none; return what each returns, as far as a caller may see it."""
        for _ in range(_ATTEMPTS - 1):
            try:
                return self._commit(caller, changes)
            except TransactionConflict:
                continue
        return self._commit(caller, changes)

    def _commit(self, caller: Caller, changes: Sequence[Change]) -> list[Any]:
        try:
            with self._engine.transaction() as unit:
                unit.most = _MOST
                try:
                    made = self._engine.commit(changes)
                except (HandleUnusable, TransactionConflict):
                    raise
                except DynafileError as error:
                    raise _Failed(error) from error
                asked = _Asked(self._engine, self._guard, caller, unit)
                asked.ask(changes)
                return [
                    asked.shown(change, result)
                    for change, result in zip(changes, made, strict=True)
                ]
        except _Failed as failed:
            self._blame(caller, changes, failed.error)

    def _blame(self, caller: Caller, changes: Sequence[Change], error: DynafileError) -> NoReturn:
        """Raise an error, if who asks may know of what it tells; otherwise AccessRefused.

        What is wrong with the changes themselves is told to all. All else is about documents: so
        the changes are tried without what they suppose of documents, to ask the rules first.
        """
        for change in changes:
            check_change(change, "")
        with self._engine.transaction() as unit:
            unit.most = _MOST
            asked, done = _Asked(self._engine, self._guard, caller, unit), []
            for change in changes:
                if change.exists is True or change.last_update is not None:
                    asked.ask_supposed(_whole(change))
                plain = replace(change, exists=None, last_update=None)
                try:
                    self._engine.commit([plain])
                    done.append(plain)
                except (HandleUnusable, TransactionConflict):
                    raise
                except DynafileError:
                    asked.ask_failed(plain)
            asked.ask(done)
            raise error  # which also ends the transaction


class _Failed(Exception):
    """The engine refused a change."""

    def __init__(self, error: DynafileError) -> None:
        super().__init__()
        self.error = error


class _Asked:
    """Asks rules of what a transaction touched."""

    def __init__(self, engine: Engine, guard: RuledGuard, caller: Caller, unit: Unit) -> None:
        self._engine = engine
        self._guard = guard
        self._caller = caller
        self._unit = unit
        self._touched: dict[Path, Touched] = {}

    def ask(self, changes: Sequence[Change]) -> None:
        """Ask of all that was touched, and of what changes named without touching it.

        Raises AccessRefused, TypeRuleViolated, ItemTooLarge.
        """
        self._touched = self._unit.touched()
        for path in sorted(self._touched):
            each = self._touched[path]
            action: Action = "update"
            if each.old is None or each.new is None:
                action = "create" if each.new is not None else "delete"
            self._require(action, path, each.before, each.after)
        for change in changes:
            self._ask_named(change)
        for path, each in self._touched.items():
            if each.new is not None:
                self._guard.check_value(path, each.after)

    def _ask_named(self, change: Change) -> None:
        """Ask of what a change names, where it touched nothing: that is not for all to know."""
        path = _whole(change)
        if change.value is not UNSET and change.kind == "delete":
            return self._ask_all(change.path)
        if any(path[:length] in self._touched for length in range(2, len(path) + 1, 2)):
            return None
        owner = self._owner(path)
        if owner is not None:
            before = self._before(owner)
            return self._require("update", owner, before, before)
        if is_document(path):
            return self._require("delete", path, None, None)
        if not any(each[: len(path)] == path for each in self._touched):
            self._require("delete", (*path, self._engine.new_id()), None, None)
        return None

    def _ask_all(self, collection: Path) -> None:
        """Ask whether all documents of a collection may be listed: what matches tells of them."""
        length = len(collection)
        paths = {each for each, touched in self._touched.items()
                 if each[:length] == collection and len(each) == length + 1
                 and touched.old is not None}  # fmt: skip
        paths.update(each for each in self._in(collection) if each not in self._touched)
        for path in paths or {(*collection, self._engine.new_id())}:
            self._require("list", path, self._before(path), None)

    def ask_supposed(self, path: Path) -> None:
        """Ask of a document that a change supposes to be there, and that is not."""
        if self._owner(path) is None and is_document(path) and self._before(path) is None:
            self._require("update", path, None, None)

    def ask_failed(self, change: Change) -> None:
        """Ask whether a caller may know why a change failed: of documents that it is about."""
        path = _whole(change)
        self._touched = self._unit.touched()
        owner = self._owner(path)
        if owner is None and not is_document(path):
            for each in self._in(path, 2) or [(*path, self._engine.new_id())]:
                self._require("list", each, self._before(each), None)
            return
        about = path if owner is None else owner
        before = self._before(about)
        natural = _NATURAL.get(change.kind, "create" if before is None else "update")
        if owner is not None:
            natural = "update"
        guard, caller = self._guard, self._caller
        if not guard.decide(caller, "get", about, before, None, self._before):
            self._require(natural, about, before, None)

    def shown(self, change: Change, result: Any) -> Any:
        """Return of the result of a deletion what a caller may see."""
        if change.kind != "delete" or result is None:
            return result
        path = _whole(change)
        if any(self._hides("get", path[:length]) for length in range(2, len(path) + 1, 2)):
            return None
        if is_document(path) or change.value is not UNSET or type(result) is not dict:
            return result
        return {
            name: value for name, value in result.items() if not self._hides("list", (*path, name))
        }

    def _hides(self, action: Action, path: Path) -> bool:
        """Say whether a document was touched that a caller could not see."""
        touched = self._touched.get(path)
        if touched is None or touched.old is None:
            return False
        found = self._guard.decide(self._caller, action, path, touched.before, None, self._before)
        return not found

    # -- what there was before ------------------------------------------------------------------

    def _before(self, path: Path) -> dict[str, Any] | None:
        """Return a document as it was before the transaction: what lookups find."""
        touched = self._touched.get(path)
        return self._guard.document(path) if touched is None else touched.before

    def _owner(self, path: Path) -> Path | None:
        """Return the document that a path leads into, if it had a field of the name."""
        for document, field in fields_named(path):
            found = self._before(document)
            if found is not None and field[0] in found:
                return document
        return None

    def _in(self, collection: Path, limit: int | None = None) -> list[Path]:
        try:
            found = self._engine.run(Query(path=collection, limit=limit))
        except InvalidDocumentArgument:  # it is a field
            return []
        return [element.path for element in found]

    def _require(self, action: Action, path: Path, before: Any, after: Any) -> None:
        self._guard.require(self._caller, action, path, before, after, self._before)


def _whole(change: Change) -> Path:
    return change.path if change.key is None else (*change.path, change.key)
