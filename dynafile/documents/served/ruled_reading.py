"""Reading under rules: a caller's database is what they may see of it, and nothing else is there.

What may not be listed is left out before limits, counts and sums, as if it were not there. To
refuse a query for what it finds would tell whether a hidden document has a value that is asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final, TypeVar

from msgspec import Struct
from msgspec.structs import replace

from dynafile.documents.engine import Element, Engine
from dynafile.documents.filters import MISSING, value_at
from dynafile.documents.paths import Path, fields_named, is_document, path_text
from dynafile.documents.requests import Query
from dynafile.documents.served.guard import Action, Caller
from dynafile.documents.served.ruled_guard import RuledGuard
from dynafile.errors import DocumentNotFound, InvalidDocumentArgument, TransactionConflict

__all__ = ["Owner", "RuledReading"]

T = TypeVar("T")

_ATTEMPTS: Final = 50
_FIRST: Final = 32
_MORE: Final = 4


class _Changed(Exception):
    """A document is not any more as it was when rules decided about it."""


class Owner(Struct, frozen=True):
    """The document that has what a path names as a field."""

    element: Element
    visible: bool
    """Whether who asks may see it. Where not, its fields are not there."""


class RuledReading:
    """Reads what a caller may see. Its methods raise AccessRefused."""

    def __init__(self, engine: Engine, guard: RuledGuard) -> None:
        self._engine = engine
        self._guard = guard

    def again(self, read: Callable[[], T]) -> T:
        """Read, anew for as long as something changes while rules decide about it."""
        for _ in range(_ATTEMPTS):
            try:
                return read()
            except _Changed:
                continue
        raise TransactionConflict("what is read is written all the time: try again")

    # -- what is at a path ----------------------------------------------------------------------

    def owner(self, caller: Caller, path: Path) -> Owner | None:
        """Return the document that a path leads into, if it has a field of the name."""
        for document, field in fields_named(path):
            found = self._at(document)
            if found is not None and field[0] in found.value:
                return Owner(found, self._sees(caller, "get", found))
        return None

    def field(self, caller: Caller, path: Path) -> Any:
        """Return the value of a field; MISSING: the path names none that may be seen."""
        owner = self.owner(caller, path)
        if owner is None or not owner.visible:
            return MISSING
        value = value_at(owner.element.value, path[len(owner.element.path) :])
        if value is MISSING:
            at = path_text(path)
            raise DocumentNotFound(f"there is no field {at}", path=at, resource=at)
        return value

    def document(self, caller: Caller, path: Path) -> Element:
        """Return a document; one that is not there is refused as one that may not be seen."""
        found = self._at(path)
        decision = self._guard.require(caller, "get", path, None if found is None else found.value)
        if found is None:
            at = path_text(path)
            raise DocumentNotFound(f"there is no document {at}", path=at, resource=at)
        if decision.depends_on:
            self._check_same(found)
        return found

    def tree(self, caller: Caller) -> dict[str, Any]:
        """Return the documents of all collections that are in none."""
        self._guard.require_rule(caller, "list", (), group=False)
        found = {}
        for name in self._engine.get(()):
            elements = self._engine.run(Query(path=(name,)))
            seen = {each.id: each.value for each in self._seen(caller, "list", elements)}
            if seen:
                found[name] = seen
        return found

    # -- queries --------------------------------------------------------------------------------

    def check_target(self, caller: Caller, path: Path, *, group: bool) -> bool:
        """Refuse what no rule allows, and a field; return whether there can be documents."""
        self._guard.require_rule(caller, _action(path, group=group), path, group=group)
        if group:
            return True
        owner = self.owner(caller, path)
        if owner is not None and owner.visible:
            self._engine.run(Query(path=path))  # says that it is a field
        return owner is None

    def query(self, caller: Caller, query: Query) -> list[Element]:
        """Return what a query finds of the documents that a caller may see."""
        action = _action(query.path, group=query.group)
        if not self.check_target(caller, query.path, group=query.group):
            return []
        try:
            if query.limit is None:
                return list(self._seen(caller, action, self._engine.run(query)))
            return self._some(caller, action, query, query.limit)
        except InvalidDocumentArgument:
            if not query.group and self.owner(caller, query.path) is not None:
                raise _Changed from None  # it has become a field just now
            raise

    def _some(self, caller: Caller, action: Action, query: Query, limit: int) -> list[Element]:
        """Return so many: of as many as it takes until so many may be seen."""
        size = max(limit, _FIRST)
        while True:
            found = self._engine.run(replace(query, limit=size))
            seen = []
            for element in self._seen(caller, action, found):
                seen.append(element)
                if len(seen) == limit:
                    return seen
            if len(found) < size:
                return seen
            size *= _MORE

    # -- deciding -------------------------------------------------------------------------------

    def _at(self, path: Path) -> Element | None:
        try:
            found = self._engine.run(Query(path=path))
        except InvalidDocumentArgument:  # it is a field
            return None
        return found[0] if found else None

    def _seen(self, caller: Caller, action: Action, elements: list[Element]) -> Iterator[Element]:
        return (element for element in elements if self._sees(caller, action, element))

    def _sees(self, caller: Caller, action: Action, element: Element) -> bool:
        found = self._guard.decide(caller, action, element.path, element.value)
        if found and found.depends_on:
            self._check_same(element)
        return bool(found)

    def _check_same(self, element: Element) -> None:
        """Check that a document is still what it was when others were looked up after it.

        Otherwise somebody could see what a document had before it was made fit for them.
        """
        if self._engine.last_update(element.path) != element.last_update:
            raise _Changed


def _action(path: Path, *, group: bool) -> Action:
    return "get" if is_document(path) and not group else "list"
