"""The engine that seals: what it hands on has no plain text in the chosen fields, nor any key."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from msgspec import UNSET
from msgspec.structs import replace

from dynafile.documents.access import Records
from dynafile.documents.comparing import are_equal
from dynafile.documents.engine import (
    DocumentChange,
    Element,
    Engine,
    Lookout,
    Plan,
    Subscription,
    Unit,
)
from dynafile.documents.filters import MISSING, value_at
from dynafile.documents.paths import (
    FieldPath,
    Path,
    field_text,
    fields_named,
    is_document,
    parse_field,
    path_text,
)
from dynafile.documents.requests import Aggregate, Change, Query, Target, Where
from dynafile.documents.sealing import Sealer
from dynafile.documents.transforms import DELETE_FIELD
from dynafile.errors import InvalidDocumentArgument, SealedFieldQuery

__all__ = ["SealedEngine"]


class SealedEngine(Engine):
    """Executes requests on another engine, whose documents are sealed.

    Ids are made here, before a document is sealed for its place. What the other engine cannot do
    without the plain text is refused: SealedFieldQuery, InvalidSealing.
    """

    def __init__(self, inner: Engine, sealer: Sealer) -> None:
        self._inner = inner
        self._sealer = sealer

    # -- reading --------------------------------------------------------------------------------

    def get(self, path: Path) -> Any:
        """Return what is at a path, opened; see :meth:`Engine.get`."""
        for document, field in fields_named(path):
            if self._sealer.covers(document, field):
                found = self._inner.run(Query(path=document))
                if found and field[0] in found[0].value:
                    value = value_at(self._opened(found[0]).value, field)
                    return None if value is MISSING else value
        found = self._inner.get(path)
        if not path:
            return {
                name: self._opened_documents((name,), documents)
                for name, documents in found.items()
            }
        if found is None or not isinstance(found, dict):
            return found
        if is_document(path):
            return self._open(path, found)
        return self._opened_documents(path, found)

    def _opened_documents(self, collection: Path, documents: Mapping[str, Any]) -> dict[str, Any]:
        """Return the documents of a collection; the value of a field is none."""
        if not self._sealer.seals(collection):
            return dict(documents)
        return {name: self._open((*collection, name), value) for name, value in documents.items()}

    def _open(self, path: Path, value: Any) -> Any:
        return self._sealer.open(path, value) if self._sealer.seals(path[:-1]) else value

    def _opened(self, element: Element) -> Element:
        return replace(element, value=self._open(element.path, element.value))

    def exists(self, target: Target) -> bool:
        """Say whether there is something at a path, or a query finds anything."""
        return self._inner.exists(self._asked(target))

    def last_update(self, path: Path) -> str | None:
        """Return a token of a document's last write."""
        return self._inner.last_update(path)

    def run(self, query: Query) -> list[Element]:
        """Return what a query finds, opened, in its order.

        Who answers could answer with other documents, so that values are compared once more.
        """
        asked = self._asked_query(query)
        pairs = zip(query.wheres, asked.wheres, strict=True)
        hashed = [where for where, other in pairs if where is not other]
        found = map(self._opened, self._inner.run(asked))
        return [
            each
            for each in found
            if all(are_equal(value_at(each.value, where.field), where.value) for where in hashed)
        ]

    def aggregate(self, query: Query, kind: Aggregate, field: FieldPath = ()) -> Any:
        """Return a number of what a query finds; raises SealedFieldQuery for a sealed field."""
        if field:
            self._sealer.check_query(query.path, field_text(field), kind, group=query.group)
        return self._inner.aggregate(self._asked_query(query), kind, field)

    def explain(self, query: Query) -> Plan:
        """Say how a query would be executed; an index is declared by the name of the field."""
        asked = self._asked_query(query)
        plan = self._inner.explain(asked)
        for where, other in zip(query.wheres, asked.wheres, strict=True):
            hashed, plain = field_text(other.field), field_text(where.field)
            if hashed in plan.missing:
                missing = tuple(plain if each == hashed else each for each in plan.missing)
                plan = replace(plan, missing=missing, text=plan.text.replace(hashed, plain))
        return plan

    def _asked(self, target: Target) -> Target:
        return self._asked_query(target) if isinstance(target, Query) else target

    def _asked_query(self, query: Query) -> Query:
        """Return the query that finds in sealed documents what this one means."""
        for order in query.orders:
            self._sealer.check_query(query.path, field_text(order.field), group=query.group)
        return replace(query, wheres=tuple(self._asked_where(query, each) for each in query.wheres))

    def _asked_where(self, query: Query, where: Where) -> Where:
        text = field_text(where.field)
        field, op, value = self._sealer.rewrite_where(
            query.path, text, where.op, where.value, group=query.group
        )
        return where if field == text else Where(parse_field(field), op, value)

    # -- writing --------------------------------------------------------------------------------

    def check(self, change: Change) -> None:
        """Raise what refuses a change, also InvalidSealing; nothing is written."""
        self._inner.check(self._sealed(change))

    def commit(self, changes: Sequence[Change]) -> list[Any]:
        """Make changes, all or none, with what is chosen in them sealed."""
        sealed = list(map(self._sealed, changes))
        made = self._inner.commit(sealed)
        return [
            self._opened_deletion(change, value) if change.kind == "delete" else value
            for change, value in zip(sealed, made, strict=True)
        ]

    def _sealed(self, change: Change) -> Change:
        self._refuse_field(change)
        collection = change.path[:-1] if is_document(change.path) else change.path
        if not change.path or not self._sealer.seals(collection):
            return change
        if change.kind == "delete":
            if change.value is not UNSET and change.value:
                raise SealedFieldQuery(
                    f"what matches in {path_text(collection)} cannot be deleted at once, as fields "
                    "of it are sealed: query it, and delete what was found",
                    field="",
                )
            return change
        if change.key is None and not is_document(change.path):
            if change.kind == "update":
                raise InvalidDocumentArgument(
                    f"fields of {path_text(collection)} are sealed for one document each: name "
                    "the one that is updated"
                )
            change = replace(change, key=self._inner.new_id())
        path = change.path if change.key is None else (*change.path, change.key)
        if not isinstance(change.value, Mapping):
            return change  # which the other engine refuses
        value = (
            self._sealer.seal_update(path, change.value, keep=(DELETE_FIELD,))
            if change.kind == "update"
            else self._sealer.seal(path, change.value)
        )
        return replace(change, value=value)

    def _refuse_field(self, change: Change) -> None:
        """Refuse a change of a field by its own path, which may be that of a collection too."""
        if change.kind == "delete":
            return
        for document, field in fields_named(change.path):
            if self._sealer.covers(document, field):
                raise InvalidDocumentArgument(
                    f"{field_text(field)} of {path_text(document)} is sealed: write it by "
                    f"update({{{field_text(field)!r}: ...}}) of the document"
                )

    def _opened_deletion(self, change: Change, value: Any) -> Any:
        """Return what was deleted, opened."""
        path = change.path if change.key is None else (*change.path, change.key)
        if not isinstance(value, dict):
            return value
        for document, field in fields_named(path):
            if self._sealer.covers(document, field):
                whole = value
                for name in reversed(field):
                    whole = {name: whole}
                return value_at(self._sealer.open(document, whole), field)
        if is_document(path):
            return self._open(path, value)
        return self._opened_documents(path, value)

    def new_id(self) -> str:
        """Return an id for a new document."""
        return self._inner.new_id()

    def transaction(self) -> Unit:
        """Return a transaction of the other engine, which what is done here goes through."""
        return self._inner.transaction()

    def declare_index(self, collection: str, fields: Sequence[FieldPath]) -> None:
        """Have indexes by fields; of a sealed one that is searchable by its hash."""
        asked = [
            self._sealer.rewrite_where((collection,), field_text(field), "==", None, group=True)[0]
            for field in fields
        ]
        self._inner.declare_index(collection, list(map(parse_field, asked)))

    def indexes(self) -> dict[str, list[str]]:
        """Return the fields that have an index; of a sealed one it is that of its hash."""
        return self._inner.indexes()

    # -- listening ------------------------------------------------------------------------------

    def watch(self, target: Target, since: str | None = None) -> Subscription:
        """Listen to a document, a collection or a query, and open what is told."""
        return _Opening(self._inner.watch(self._asked(target), since), self._open)

    def lookout(self, wake: Callable[[], None]) -> Lookout:
        """Return what hears of changes of single documents, as the other engine has it."""
        return self._inner.lookout(wake)

    # -- the rest -------------------------------------------------------------------------------

    def records(self) -> Records:
        """Return where the keys and users of the database are kept."""
        return self._inner.records()

    def close(self) -> None:
        """Close the other engine."""
        self._inner.close()


class _Opening(Subscription):
    """A subscription whose documents are opened when they are taken."""

    def __init__(self, inner: Subscription, open_: Callable[[Path, Any], Any]) -> None:
        self._inner = inner
        self._open = open_

    def take(self) -> list[DocumentChange]:
        """Return the changes that are there."""
        return list(map(self._opened, self._inner.take()))

    def _opened(self, change: DocumentChange) -> DocumentChange:
        path = tuple(change.path.split("/"))
        if change.value is None:
            return change
        if change.type != "state" or is_document(path):
            return replace(change, value=self._open(path, change.value))
        value = {
            # In a group of collections they are named by their paths.
            name: self._open(tuple(name.split("/")) if "/" in name else (*path, name), each)
            for name, each in change.value.items()
        }
        return replace(change, value=value)

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until :meth:`take` may have something."""
        return self._inner.wait(timeout)

    def call_when_ready(self, wake: Callable[[], None] | None) -> None:
        """Call ``wake`` when there may be something."""
        self._inner.call_when_ready(wake)

    @property
    def blocks(self) -> bool:
        """Whether :meth:`take` may wait."""
        return self._inner.blocks

    def close(self) -> None:
        """Listen no more."""
        self._inner.close()

    @property
    def closed(self) -> bool:
        """Whether it was closed, or its database was."""
        return self._inner.closed
