"""Transactions of an embedded database, and which of them is open in this thread or task."""

from __future__ import annotations

import sys
import threading
from collections.abc import Sequence
from contextvars import ContextVar, Token
from types import TracebackType
from typing import Any, Self

from dynafile import Table, Transaction
from dynafile.documents.changing import Changes
from dynafile.documents.checking import Checked
from dynafile.documents.engine import Touched, Unit
from dynafile.documents.paths import Path
from dynafile.errors import InvalidDocumentArgument

__all__ = ["EmbeddedUnit", "unit_of"]

_units: ContextVar[tuple[EmbeddedUnit, ...]] = ContextVar("dynafile_documents_units", default=())


def unit_of(table: Table) -> EmbeddedUnit | None:
    """Return the transaction of a table that is open here."""
    units = _units.get()
    if not units:
        return None
    return next((unit for unit in units if unit.table is table and unit.is_here()), None)


class EmbeddedUnit(Unit):
    """A transaction of the table, which all that is done here goes through."""

    def __init__(self, table: Table) -> None:
        self.table = table
        self._transaction: Transaction | None = None
        self._token: Token[tuple[EmbeddedUnit, ...]] | None = None
        self._begun_in: object = None
        self._broken = False
        self._touched: dict[Path, tuple[bytes | None, bytes | None]] = {}

    @property
    def transaction(self) -> Transaction:
        """The transaction that is open."""
        assert self._transaction is not None
        return self._transaction

    def is_here(self) -> bool:
        """Say whether it is open, and this is the thread and the task that began it.

        A context that was copied inside of it has it still: another thread's or task's, or later.
        """
        return self._token is not None and self._begun_in == _here()

    def make(self, changes: Changes, checked: Sequence[Checked]) -> list[Any]:
        """Make changes inside of it; where one is refused halfway, nothing can be committed."""
        try:
            return [changes.make(change) for change in checked]
        except BaseException:
            self._broken = self._broken or changes.wrote
            raise
        finally:
            for path, (before, after) in changes.touched.items():
                known = self._touched.get(path)
                self._touched[path] = (before if known is None else known[0], after)

    def touched(self) -> dict[Path, Touched]:
        """Return the documents that were changed inside so far, as they were and are."""
        return {path: Touched(*both) for path, both in self._touched.items()}

    def is_stale(self) -> bool:
        """Say whether what was read inside has changed, so that it cannot be committed."""
        return self.transaction.is_stale()

    def __enter__(self) -> Self:
        if self._transaction is not None:
            raise InvalidDocumentArgument(
                "a transaction is used once: make another with db.transaction()"
            )
        if unit_of(self.table) is not None:
            raise InvalidDocumentArgument(
                "a transaction is open here already, and transactions do not nest: what is done "
                "in its block is in it"
            )
        self._transaction = self.table.transaction()
        self._transaction.__enter__()
        self._begun_in = _here()
        self._token = _units.set((*_units.get(), self))
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        assert self._token is not None
        _units.reset(self._token)
        self._token = None
        if kind is None and self._broken:
            error = InvalidDocumentArgument(
                "the transaction cannot be committed: one of its changes was refused when part of "
                "it was made. Let the error end the block"
            )
            self.transaction.__exit__(type(error), error, None)
            raise error
        self.transaction.__exit__(kind, error, trace)


def _here() -> object:
    """Return what tells threads, and the tasks of a loop, from one another."""
    asyncio = sys.modules.get("asyncio")
    task = None
    if asyncio is not None:
        try:
            task = asyncio.current_task()
        except RuntimeError:
            task = None
    return threading.get_ident(), None if task is None else id(task)
