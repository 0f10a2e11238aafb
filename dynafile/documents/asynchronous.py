"""Documents for asyncio: the same references and queries, whose answers are awaited."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from types import TracebackType
from typing import Any, Self, TypeVar

from msgspec import UNSET

from dynafile.documents.access import User
from dynafile.documents.batches import Batch
from dynafile.documents.engine import Plan
from dynafile.documents.importing import ImportReport
from dynafile.documents.live import Changes
from dynafile.documents.montybase import Montybase, doc
from dynafile.documents.queries import DocumentQuery
from dynafile.documents.references import Reference
from dynafile.documents.waiting import in_thread
from dynafile.errors import InvalidDocumentArgumentType

__all__ = ["AsyncBatch", "AsyncMontybase", "AsyncQuery", "AsyncReference"]

T = TypeVar("T")


class _Asked(ABC):
    """What references and queries have in common."""

    __slots__ = ()

    @property
    @abstractmethod
    def plain(self) -> Reference | DocumentQuery:
        """The reference or query whose methods answer without ``await``."""

    def where(self, field: str, op: str, value: Any) -> AsyncQuery:
        """Return a query with a condition more; see :meth:`Reference.where`."""
        return AsyncQuery(self.plain.where(field, op, value))

    def order_by(self, field: str, direction: str = "asc") -> AsyncQuery:
        """Return a query in an order; see :meth:`Reference.order_by`."""
        return AsyncQuery(self.plain.order_by(field, direction))

    def limit(self, count: int) -> AsyncQuery:
        """Return a query of the first documents; see :meth:`Reference.limit`."""
        return AsyncQuery(self.plain.limit(count))

    def start_at(self, *values: Any) -> AsyncQuery:
        """Return a query that begins there; see :meth:`Reference.start_at`."""
        return AsyncQuery(self.plain.start_at(*values))

    def start_after(self, *values: Any) -> AsyncQuery:
        """Return a query that begins behind that; see :meth:`Reference.start_after`."""
        return AsyncQuery(self.plain.start_after(*values))

    def end_at(self, *values: Any) -> AsyncQuery:
        """Return a query that ends there; see :meth:`Reference.end_at`."""
        return AsyncQuery(self.plain.end_at(*values))

    def end_before(self, *values: Any) -> AsyncQuery:
        """Return a query that ends before that; see :meth:`Reference.end_before`."""
        return AsyncQuery(self.plain.end_before(*values))

    async def get(self) -> Any:
        """Return what is there; see :meth:`Reference.get`."""
        return await in_thread(self.plain.get)

    async def exists(self) -> bool:
        """Say whether there is anything; see :meth:`Reference.exists`."""
        return await in_thread(self.plain.exists)

    exist = exists

    async def stream(self) -> list[dict[str, Any]]:
        """Return the documents, ``{"id": ..., "value": ...}`` each, in order."""
        return await in_thread(self.plain.stream)

    async def count(self) -> int:
        """Return how many documents there are."""
        return await in_thread(self.plain.count)

    async def sum(self, field: str) -> Any:
        """Return the sum of the numbers in a field."""
        return await in_thread(self.plain.sum, field)

    async def average(self, field: str) -> Any:
        """Return the average of the numbers in a field; None without any."""
        return await in_thread(self.plain.average, field)

    async def explain(self) -> Plan:
        """Say how it would be executed."""
        return await in_thread(self.plain.explain)

    def watch(self, since: str | None = None) -> Changes:
        """Return the state and each change: ``async for change in ref.watch():``."""
        return self.plain.watch(since)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, type(self)) and self.plain == other.plain

    def __hash__(self) -> int:
        return hash(self.plain)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.plain!r})"


class AsyncQuery(_Asked):
    """A query whose answers are awaited; made by ``where`` and the like."""

    __slots__ = ("_plain",)

    def __init__(self, plain: DocumentQuery) -> None:
        self._plain = plain

    @property
    def plain(self) -> DocumentQuery:
        """The query whose methods answer without ``await``."""
        return self._plain


class AsyncReference(_Asked):
    """A reference whose methods are awaited; see :class:`Reference`, which says what they do."""

    __slots__ = ("_plain",)

    def __init__(self, plain: Reference) -> None:
        self._plain = plain

    @property
    def plain(self) -> Reference:
        """The reference whose methods answer without ``await``."""
        return self._plain

    @property
    def id(self) -> str:
        """The last segment of the path."""
        return self._plain.id

    @property
    def path(self) -> str:
        """The path as text."""
        return self._plain.path

    @property
    def parent(self) -> AsyncReference:
        """What it is in."""
        return AsyncReference(self._plain.parent)

    def append(self, *segments: str) -> AsyncReference:
        """Return the reference to what is beneath it."""
        return AsyncReference(self._plain.append(*segments))

    def document(self, *segments: str) -> AsyncReference:
        """Return the reference to a document of the collection."""
        return AsyncReference(self._plain.document(*segments))

    def collection(self, name: str) -> AsyncReference:
        """Return the reference to a collection in the document."""
        return AsyncReference(self._plain.collection(name))

    async def last_update(self) -> str | None:
        """Return a token of the document's last write; see :meth:`Reference.last_update`."""
        return await in_thread(self._plain.last_update)

    async def set(self, value: Any, key: str | None = None, **options: Any) -> str:
        """Write a document or a field; see :meth:`Reference.set`."""
        return await in_thread(self._plain.set, value, key, **options)

    async def add(self, value: Any, key: str | None = None, **options: Any) -> str:
        """Add a document to the collection; see :meth:`Reference.add`."""
        return await in_thread(self._plain.add, value, key, **options)

    async def update(self, value: Any, key: str | None = None, **options: Any) -> str:
        """Set fields of a document; see :meth:`Reference.update`."""
        return await in_thread(self._plain.update, value, key, **options)

    async def delete(self, value: Any = UNSET, key: str | None = None, **options: Any) -> Any:
        """Delete a document, a field or a collection; see :meth:`Reference.delete`."""
        return await in_thread(self._plain.delete, value, key, **options)


class AsyncBatch:
    """Changes that are collected, and made as one; see :class:`Batch`."""

    def __init__(self, plain: Batch) -> None:
        self._plain = plain

    def set(self, ref: AsyncReference, value: Any, key: str | None = None, **options: Any) -> Self:
        """Write a document."""
        self._plain.set(_plain(ref), value, key, **options)
        return self

    def add(self, ref: AsyncReference, value: Any, key: str | None = None, **options: Any) -> Self:
        """Add a document to a collection."""
        self._plain.add(_plain(ref), value, key, **options)
        return self

    def update(
        self, ref: AsyncReference, value: Any, key: str | None = None, **options: Any
    ) -> Self:
        """Set fields of a document."""
        self._plain.update(_plain(ref), value, key, **options)
        return self

    def delete(
        self, ref: AsyncReference, value: Any = UNSET, key: str | None = None, **options: Any
    ) -> Self:
        """Delete a document, a field, or documents."""
        self._plain.delete(_plain(ref), value, key, **options)
        return self

    async def commit(self) -> list[Any]:
        """Make the changes in their order, as one; return what each of them returns."""
        return await in_thread(self._plain.commit)

    async def __aenter__(self) -> Self:
        self._plain.__enter__()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await in_thread(self._plain.__exit__, kind, error, trace)

    def __len__(self) -> int:
        return len(self._plain)


class AsyncMontybase:
    """A database of documents for asyncio: as :class:`Montybase`, with answers that are awaited.

    It takes what :class:`Montybase` takes; ``plain=`` is one that is open already. What may wait
    for the disk or a server waits in a thread, so that the loop goes on.

    >>> import asyncio
    >>> from dynafile.documents import AsyncMontybase
    >>> async def main():
    ...     async with AsyncMontybase(":memory:") as db:
    ...         await db.doc("users").add({"name": "Amor"}, key="amor")
    ...         return await db.doc("users").where("name", "==", "Amor").get()
    >>> asyncio.run(main())
    {'amor': {'name': 'Amor'}}
    """

    def __init__(self, path: Any = None, *, plain: Montybase | None = None, **options: Any) -> None:
        self._plain = Montybase(path, **options) if plain is None else plain

    @property
    def plain(self) -> Montybase:
        """The database whose methods answer without ``await``."""
        return self._plain

    def doc(self, *path: str) -> AsyncReference:
        """Return the reference to what is at a path; see :func:`doc`."""
        return AsyncReference(doc(self._plain, *path))

    def collection_group(self, name: str) -> AsyncQuery:
        """Return a query of the documents of all collections of a name, wherever they are."""
        return AsyncQuery(self._plain.collection_group(name))

    def batch(self) -> AsyncBatch:
        """Return a batch: changes that are collected, and made as one."""
        return AsyncBatch(self._plain.batch())

    async def index(self, collection: str, *fields: str) -> None:
        """Have indexes by fields; see :meth:`Montybase.index`."""
        await in_thread(self._plain.index, collection, *fields)

    async def run_transaction(self, body: Callable[[Montybase], T], **options: Any) -> T:
        """Call ``body(db)`` in a thread, in a transaction, with the database that is not awaited.

        A transaction belongs to one thread, so that its body awaits nothing. See
        :meth:`Montybase.run_transaction`.
        """
        return await in_thread(
            lambda: self._plain.run_transaction(lambda: body(self._plain), **options)
        )

    @property
    def user(self) -> User | None:
        """Who this client is logged in as."""
        return self._plain.user

    async def signup(self, email: str, password: str) -> User:
        """Make a user; see :meth:`Montybase.signup`."""
        return await in_thread(self._plain.signup, email, password)

    async def login(self, email: str, password: str) -> User:
        """Log in; see :meth:`Montybase.login`."""
        return await in_thread(self._plain.login, email, password)

    async def logout(self) -> None:
        """End the session of this client, if it is logged in."""
        await in_thread(self._plain.logout)

    async def import_json(self, path: Any) -> ImportReport:
        """Import what Montybase wrote; see :meth:`Montybase.import_json`."""
        return await in_thread(self._plain.import_json, path)

    async def close(self) -> None:
        """Close it, which ends all who listen."""
        await in_thread(self._plain.close)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._plain!r})"


def _plain(ref: object) -> Reference:
    if isinstance(ref, AsyncReference):
        return ref.plain
    raise InvalidDocumentArgumentType(
        f"a batch changes what a reference points to, db.doc(...), not {ref!r:.80}"
    )
