"""References: paths in a database, which never change and do nothing until they are asked."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from msgspec import UNSET

from dynafile.documents.engine import DocumentChange
from dynafile.documents.home import Home
from dynafile.documents.live import Changes, Watch, listen
from dynafile.documents.paths import Path, check_path, check_segment, path_text
from dynafile.documents.queries import Queryable, as_shown
from dynafile.documents.requests import Change, ChangeKind, Query
from dynafile.errors import InvalidDocumentArgument

__all__ = ["Reference"]


class Reference(Queryable):
    """The path of a collection, a document, or a field inside a document.

    Paths alternate: ``doc(db, "users")`` is a collection, ``doc(db, "users", "ann")`` a document,
    ``doc(db, "users", "ann", "posts")`` a collection in it; but where ann has a field ``posts``,
    it is that field. Which of them it is turns out when it is read or written.
    """

    __slots__ = ("_path",)

    _path: Path

    def __init__(self, db: Home, path: Path) -> None:
        object.__setattr__(self, "_db", db)
        object.__setattr__(self, "_path", path)

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(
            f"a reference does not change, so {name} cannot be set: append() and the like return "
            "another one"
        )

    # -- where it is ----------------------------------------------------------------------------

    @property
    def db(self) -> Any:
        """The database, a :class:`Montybase`."""
        return self._db

    @property
    def segments(self) -> Path:
        """The segments of the path."""
        return self._path

    @property
    def path(self) -> str:
        """The path as text: ``"users/ann"``."""
        return path_text(self.segments)

    @property
    def id(self) -> str:
        """The last segment of the path; empty for the root."""
        return self.segments[-1] if self.segments else ""

    @property
    def parent(self) -> Reference:
        """What it is in: the collection of a document, the document of a collection, the root."""
        return Reference(self._db, self.segments[:-1])

    def append(self, *segments: str) -> Reference:
        """Return the reference to what is at a path from here on.

        Raises InvalidDocumentPath.
        """
        return Reference(self._db, check_path((*self.segments, *segments)))

    def document(self, *segments: str) -> Reference:
        """Return a document of this collection; without a name one with a new id."""
        if segments:
            return self.append(*segments)
        if len(self.segments) % 2 == 0:
            raise InvalidDocumentArgument(
                "document() makes up an id for a document of a collection, and "
                f"{self.path or 'the root'} is none"
            )
        return self.append(self._db.engine.new_id())

    def collection(self, name: str) -> Reference:
        """Return a collection of this document, or of the root."""
        check_segment(name)
        if len(self.segments) % 2:
            raise InvalidDocumentArgument(
                f"collection() is for a document or the root, and {self.path} is a collection"
            )
        return self.append(name)

    # -- reading --------------------------------------------------------------------------------

    def get(self) -> Any:
        """Return what is there: a document, all of a collection by id, or the value of a field.

        None where there is no document or field; ``{}`` for an empty collection. The root has
        its collections by name. What is returned is the caller's own.
        """
        return self._db.engine.get(self._path)

    def exists(self) -> bool:
        """Say whether there is a document or a field, or any document in a collection."""
        return self._db.engine.exists(self.segments)

    exist = exists

    def stream(self) -> list[dict[str, Any]]:
        """Return the documents in the order of their ids, ``{"id": ..., "value": ...}`` each."""
        return [as_shown(element) for element in self._db.engine.run(self._query())]

    def last_update(self) -> str | None:
        """Return a token that is another after each write of the document; None: it is not there.

        For ``last_update=`` of a change that is to be made only if nobody has changed it since.
        """
        return self._db.engine.last_update(self.segments)

    def _query(self) -> Query:
        if not self.segments:
            raise InvalidDocumentArgument(
                "a query is of a collection or a document, not of the root: name the collection"
            )
        return Query(path=self.segments)

    # -- writing --------------------------------------------------------------------------------

    def set(
        self,
        value: Any,
        key: str | None = None,
        *,
        exists: bool | None = None,
        last_update: str | None = None,
    ) -> str:
        """Write a document, or a field, and return the id of the document.

        :param value: a JSON object; of a field any JSON.
        :param key: on a collection: the id of the document, which is made up otherwise.
        :param exists: True or False to write only if the document is there, or is not.
        :param last_update: to write only if the document is as it was then.

        On a collection it becomes all that is in there; on a document what was in it is replaced,
        but not the collections in it. Raises InvalidDocument, InvalidDocumentArgument,
        ItemTooLarge, NestingTooDeep, PreconditionFailed.
        """
        made: str = self._make("set", value, key, exists, last_update)
        return made

    def add(
        self,
        value: Any,
        key: str | None = None,
        *,
        exists: bool | None = None,
        last_update: str | None = None,
    ) -> str:
        """Add a document to a collection and return its id.

        With a ``key`` that is there already it is replaced, unless ``exists=False``. Otherwise as
        :meth:`set`.
        """
        made: str = self._make("add", value, key, exists, last_update)
        return made

    def update(
        self,
        value: Any,
        key: str | None = None,
        *,
        exists: bool | None = None,
        last_update: str | None = None,
    ) -> str:
        """Set fields of a document and keep the others; return its id.

        :param value: values by field; ``"address.city"`` is a field in a field. Values may be
            ``Increment(1)``, ``ArrayUnion([...])``, ``ArrayRemove([...])``, ``SERVER_TIMESTAMP``
            and ``DELETE_FIELD``.
        :param key: on a collection: the id of the document; otherwise it must have only one.

        Raises DocumentNotFound, and as :meth:`set` does.
        """
        made: str = self._make("update", value, key, exists, last_update)
        return made

    def delete(
        self,
        value: Any = UNSET,
        key: str | None = None,
        *,
        exists: bool | None = None,
        last_update: str | None = None,
    ) -> Any:
        """Delete a document, a field, or all of a collection, and return what it was.

        :param value: on a collection: delete the documents that have these fields. One is returned
            by itself, several by id; None if there are none.
        :param key: on a collection: the id of the document to delete.

        What is beneath a document goes with it. A document or field that is not there is no error,
        and None is returned.
        """
        return self._make("delete", value, key, exists, last_update)

    def _make(
        self,
        kind: ChangeKind,
        value: Any,
        key: str | None,
        exists: bool | None,
        last_update: str | None,
    ) -> Any:
        change = Change(
            kind=kind, path=self._path, value=value, key=key, exists=exists, last_update=last_update
        )
        return self._db.engine.commit((change,))[0]

    # -- listening ------------------------------------------------------------------------------

    def on_snapshot(
        self, callback: Callable[[DocumentChange], object], *, since: str | None = None
    ) -> Watch:
        """Call ``callback(change)`` with the state, and then with each change, in order.

        :param callback: runs in another thread, one call at a time; one that blocks holds up no
            other. Where it raises, that is logged (logger ``dynafile``), and it is called with the
            next change.
        :param since: the ``position`` of a change: go on after it instead. Where that was too long
            ago, the state comes first.

        The first change has the ``type`` ``"state"``, and as ``value`` what ``get()`` gives; then
        come ``"added"``, ``"modified"`` and ``"removed"`` documents: none is missed and none comes
        twice, whoever wrote, in whatever process. End it with ``unsubscribe()``.
        """
        self._query()
        return listen(self._db.engine, self.segments, callback, since)

    def watch(self, since: str | None = None) -> Changes:
        """Return the state and each change: ``async for change in ref.watch():``.

        The same as :meth:`on_snapshot` tells.
        """
        self._query()
        return Changes(lambda: self._db.engine.watch(self.segments, since))

    # -- a value --------------------------------------------------------------------------------

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Reference):
            return NotImplemented
        return self._db is other._db and self.segments == other.segments

    def __hash__(self) -> int:
        return hash((id(self._db), self.segments))

    def __repr__(self) -> str:
        return f"doc({', '.join([self._db.name, *map(repr, self.segments)])})"
