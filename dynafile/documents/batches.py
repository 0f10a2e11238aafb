"""Batches: changes that are collected, and made as one."""

from __future__ import annotations

from typing import Any, Self

from msgspec import UNSET

from dynafile.documents.checking import copied
from dynafile.documents.home import Home
from dynafile.documents.references import Reference
from dynafile.documents.requests import Change, ChangeKind
from dynafile.errors import InvalidDocumentArgument, InvalidDocumentArgumentType

__all__ = ["Batch"]


class Batch:
    """Changes that :meth:`commit`, or the end of a ``with`` block, makes all or none of.

    The methods take a reference and then what the reference's method takes. A value that cannot be
    stored is refused at once.
    """

    def __init__(self, db: Home) -> None:
        self._db = db
        self._changes: list[Change] = []
        self._over = False

    def set(self, ref: Reference, value: Any, key: str | None = None, **options: Any) -> Self:
        """Write a document; see :meth:`Reference.set`."""
        return self._collect("set", ref, value, key, **options)

    def add(self, ref: Reference, value: Any, key: str | None = None, **options: Any) -> Self:
        """Add a document to a collection; see :meth:`Reference.add`."""
        return self._collect("add", ref, value, key, **options)

    def update(self, ref: Reference, value: Any, key: str | None = None, **options: Any) -> Self:
        """Set fields of a document; see :meth:`Reference.update`."""
        return self._collect("update", ref, value, key, **options)

    def delete(
        self, ref: Reference, value: Any = UNSET, key: str | None = None, **options: Any
    ) -> Self:
        """Delete a document, a field, or documents; see :meth:`Reference.delete`."""
        return self._collect("delete", ref, value, key, **options)

    def commit(self) -> list[Any]:
        """Make the changes in their order, as one; return what each of them returns."""
        self._check_open()
        self._over = True
        return self._db.engine.commit(self._changes)

    def __enter__(self) -> Self:
        self._check_open()
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is not None:
            self._over = True
        elif not self._over:
            self.commit()

    def __len__(self) -> int:
        return len(self._changes)

    def _collect(
        self,
        kind: ChangeKind,
        ref: Reference,
        value: Any,
        key: str | None,
        *,
        exists: bool | None = None,
        last_update: str | None = None,
    ) -> Self:
        self._check_open()
        if not isinstance(ref, Reference):
            raise InvalidDocumentArgumentType(
                f"a batch changes what a reference points to, doc(db, ...), not {ref!r:.80}"
            )
        if ref.db is not self._db:
            raise InvalidDocumentArgument(
                f"{ref.path} is in another database than the batch, and a batch is one commit"
            )
        change = Change(
            kind=kind,
            path=ref.segments,
            value=value,
            key=key,
            exists=exists,
            last_update=last_update,
        )
        self._changes.append(copied(change))
        return self

    def _check_open(self) -> None:
        if self._over:
            raise InvalidDocumentArgument(
                "the batch is over: a batch is committed once, so make another with db.batch()"
            )
