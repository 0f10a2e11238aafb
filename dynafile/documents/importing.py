"""Importing what Montybase wrote: a tree of objects, into collections of documents.

What is at the first level is a collection, what is at the second a document, and all that is deeper
stays in the document's fields: nothing in the file says whether it was meant as a collection, and
``doc(db, "users", "ann", "posts", "p1")`` reads it either way.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from functools import partial
from typing import Any, Final

from msgspec import Struct

from dynafile.documents.engine import Engine
from dynafile.documents.montybase_files import has_tree, read_tree
from dynafile.documents.paths import check_segment, path_text
from dynafile.documents.requests import Change
from dynafile.errors import DynafileError
from dynafile.transactions import ATTEMPTS, Attempts, run

__all__ = ["ImportReport", "LeftOut", "import_beside", "import_montybase"]

_log: Final = logging.getLogger("dynafile")

_AT_ONCE: Final = 1000
_RECORD: Final = "import/montybase"


class LeftOut(Struct, frozen=True):
    """What was not imported, and why."""

    path: str
    reason: str


class ImportReport(Struct, frozen=True):
    """What an import did."""

    source: str
    """The file that was read."""
    documents: int
    """How many documents were written."""
    wrapped: tuple[str, ...]
    """The paths of those that were no objects, and are ``{"value": ...}`` now."""
    left_out: tuple[LeftOut, ...]

    def __str__(self) -> str:
        lines = [f"{self.documents} documents imported from {self.source}"]
        lines += [f"{path} is an object now, with the field 'value'" for path in self.wrapped]
        lines += [f"{each.path} was left out: {each.reason}" for each in self.left_out]
        return "\n".join(lines)


class _Import:
    """The documents of a tree, and what is to be said of them."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self.wrapped: list[str] = []
        self.left_out: list[LeftOut] = []

    def changes(self, tree: dict[str, Any]) -> Iterator[Change]:
        """Yield what writes the documents of a tree."""
        for collection, found in tree.items():
            if not isinstance(found, dict):
                self._leave_out((collection,), "it is no object, so that it has no documents")
            elif self._is_segment((collection,)):
                for id_, value in found.items():
                    yield from self._document((collection, id_), value)

    def _document(self, path: tuple[str, str], value: Any) -> Iterator[Change]:
        if not self._is_segment(path):
            return
        wrapped = not isinstance(value, dict)
        change = Change(kind="set", path=path, value={"value": value} if wrapped else value)
        try:
            self._engine.check(change)
        except DynafileError as error:
            self._leave_out(path, error.message)
            return
        if wrapped:
            self.wrapped.append(path_text(path))
        yield change

    def _is_segment(self, path: tuple[str, ...]) -> bool:
        try:
            check_segment(path[-1])
        except DynafileError as error:
            self._leave_out(path, error.message)
            return False
        return True

    def _leave_out(self, path: tuple[str, ...], reason: str) -> None:
        self.left_out.append(LeftOut(path_text(path), reason))


def import_montybase(engine: Engine, path: str, *, keep: bool = False) -> ImportReport:
    """Import a folder of Montybase's, or its ``db.json``; raises ImportRefused.

    Written in commits of a thousand documents: one that was interrupted is done again.

    :param keep: whether documents that are there stay as they are.
    """
    file, tree = read_tree(path)
    work = _Import(engine)
    changes = list(work.changes(tree))
    for begin in range(0, len(changes), _AT_ONCE):
        some = changes[begin : begin + _AT_ONCE]
        if keep:
            body = partial(_make_missing, engine, some)
            run(engine.transaction, body, Attempts(body, ATTEMPTS))
        else:
            engine.commit(some)
    return ImportReport(file, len(changes), tuple(work.wrapped), tuple(work.left_out))


def _make_missing(engine: Engine, changes: list[Change], _: object) -> None:
    missing = [each for each in changes if not engine.exists(each.path)]
    if missing:
        engine.commit(missing)


def import_beside(engine: Engine, folder: str) -> None:
    """Import the ``db.json`` that Montybase left in the folder of a database with no documents.

    Once, whatever becomes of the documents, and again if it was interrupted. The file stays as it
    is. Another process may do the same, and have changed documents since: these are kept. Raises
    ImportRefused.
    """
    if not has_tree(folder):
        return
    records = engine.records()
    begun = records.get(_RECORD)
    if begun is None:
        begun = {"done": engine.exists(())}
        records.swap(_RECORD, None, begun)
    if not begun["done"]:
        _log.warning("%s", import_montybase(engine, folder, keep=True))
        records.swap(_RECORD, begun, {"done": True})
