"""One decision being made: what conditions look into, lookups, and what they may cost."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, TypeAlias

import msgspec

from dynafile.documents.rules.lookups import Lookup, Undecided
from dynafile.documents.rules.parser import Allow
from dynafile.documents.rules.patterns import DocumentPath, shown_path

__all__ = ["MAX_LOOKUPS", "MAX_WORK", "Denied", "Evaluation", "LookUp"]

MAX_LOOKUPS: Final = 10
"""Documents that one decision may look up."""

MAX_WORK: Final = 64 * 1024 * 1024
"""Bytes that the parts of conditions may scan for one decision, each part all that it is given."""

LookUp: TypeAlias = Callable[[DocumentPath], Mapping[str, Any] | None]


class Denied(Exception):
    """The decision cannot be made at all, so the access is denied."""


class Evaluation:
    """What all conditions of one decision share.

    ``values`` are auth, resource and request.
    """

    def __init__(self, values: dict[str, Any], lookup: LookUp | None) -> None:
        self.values = values
        self.depends_on: set[DocumentPath] = set()
        self._lookup = lookup
        self._found: dict[DocumentPath, dict[str, Any] | None] = {}
        self._size: int | None = None
        self._work = 0

    def holds(self, rule: Allow, variables: Mapping[str, str]) -> bool:
        """Say whether a rule's condition holds. Raises ``Undecided`` or ``Denied``."""
        condition = rule.condition
        if condition is None:
            return True
        if condition.scans:
            if self._size is None:
                self._size = sum(map(_size, self.values.values()))
            self.work(condition.scans * self._size)
        values = {**self.values, **variables}
        try:
            return condition.holds(_Scope(self, rule, values) if rule.lookups else values)
        except (Undecided, Denied):
            raise
        except Exception as error:
            # What is stored has been checked, so this is not expected; but it must not permit.
            raise Undecided(f"it failed with {type(error).__name__}") from error

    def document(self, path: DocumentPath, scans: int) -> dict[str, Any] | None:
        """Look a document up, once for the decision. Raises ``Undecided`` or ``Denied``."""
        if path in self._found:
            found = self._found[path]
        else:
            if len(self._found) >= MAX_LOOKUPS:
                raise Denied(f"more than {MAX_LOOKUPS} documents would be looked up")
            self.depends_on.add(path)
            found = self._found[path] = self._fetch(path)
        if scans:
            self.work(scans * _size(found))
        return found

    def work(self, amount: int) -> None:
        """Count what is scanned. Raises ``Denied`` where that is too much."""
        self._work += amount
        if self._work > MAX_WORK:
            raise Denied("the conditions would take too long for documents of this size")

    def _fetch(self, path: DocumentPath) -> dict[str, Any] | None:
        shown = shown_path(path)
        if self._lookup is None:
            raise Undecided(f"nothing can be looked up, such as {shown}")
        try:
            found = self._lookup(path)
            return None if found is None else dict(found)
        except Exception as error:
            raise Undecided(f"looking up {shown} failed with {type(error).__name__}") from error


class _Scope:
    """The values of one condition, in which lookups are made as they are asked for."""

    __slots__ = ("_evaluation", "_rule", "_values")

    def __init__(self, evaluation: Evaluation, rule: Allow, values: dict[str, Any]) -> None:
        self._evaluation = evaluation
        self._rule = rule
        self._values = values

    def get(self, name: str, default: Any = None) -> Any:
        lookup: Lookup | None = self._rule.lookups.get(name)
        if lookup is None:
            return self._values.get(name, default)
        condition = self._rule.condition
        scans = condition.scans if condition is not None else 0
        found = self._evaluation.document(lookup.path(self._values), scans)
        if lookup.exists:
            return found is not None
        return default if found is None else found


def _size(value: Any) -> int:
    if value is None or isinstance(value, str):
        return 0 if value is None else len(value)
    try:
        return len(msgspec.json.encode(value))
    except Exception as error:
        raise Denied(f"a document is no JSON: {type(error).__name__}") from error
