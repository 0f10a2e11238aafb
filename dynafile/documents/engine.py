"""What executes requests: the seam between references and where the documents are."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from typing import Any, Literal, TypeAlias

from msgspec import Struct

from dynafile.documents.access import Records
from dynafile.documents.checking import check_change
from dynafile.documents.paths import FieldPath, Path
from dynafile.documents.requests import Aggregate, Change, Query, Target
from dynafile.documents.values import decode

__all__ = [
    "ChangeType",
    "DocumentChange",
    "Element",
    "Engine",
    "Lookout",
    "Plan",
    "Subscription",
    "Touched",
    "Unit",
]

ChangeType: TypeAlias = Literal["state", "added", "modified", "removed"]


class Element(Struct, frozen=True):
    """A document that a query found."""

    path: Path
    value: dict[str, Any]
    last_update: str | None = None
    """The token of its last write; None where only the value is known."""

    @property
    def id(self) -> str:
        """The id of the document."""
        return self.path[-1]


class Plan(Struct, frozen=True):
    """How a query is executed; as text it says so in a sentence."""

    index: str | None
    """The field whose index it uses; None: every document of the collection is looked at."""
    missing: tuple[str, ...] = ()
    """The fields any of which an index would serve."""
    text: str = ""

    def __str__(self) -> str:
        return self.text


class DocumentChange(Struct, frozen=True):
    """What somebody who listens is told."""

    type: ChangeType
    """``"state"`` first: all as it is; then ``"added"``, ``"modified"``, ``"removed"``."""
    id: str | None
    """The document's; None for the state."""
    path: str
    """The document's, or what is listened to."""
    value: Any
    """The document; of one that was removed what it was; of the state what ``get()`` gives."""
    position: str
    """``watch(since=position)`` goes on after this change."""


class Subscription(ABC):
    """Who listens: an iterator that waits for changes, for one thread at a time."""

    @abstractmethod
    def take(self) -> list[DocumentChange]:
        """Return the changes that are there, the state first; none where there are none yet."""

    @abstractmethod
    def wait(self, timeout: float | None = None) -> bool:
        """Wait until :meth:`take` may have something; return False after the timeout."""

    @abstractmethod
    def call_when_ready(self, wake: Callable[[], None] | None) -> None:
        """Call ``wake`` from any thread when :meth:`take` may have something, or it was closed."""

    @property
    @abstractmethod
    def blocks(self) -> bool:
        """Whether :meth:`take` may wait for the disk or the network."""

    @abstractmethod
    def close(self) -> None:
        """Listen no more; from any thread, and as often as one likes."""

    @property
    @abstractmethod
    def closed(self) -> bool:
        """Whether it was closed, or its database was."""

    def __iter__(self) -> Iterator[DocumentChange]:
        while not self.closed:
            found = self.take()
            if not found:
                self.wait()
            yield from found


class Lookout(ABC):
    """Hears of changes of documents by their paths, for whom they decide what is shown.

    ``stale`` becomes true when one of them may have changed, and the function that was given is
    called, from any thread.
    """

    stale: bool = False

    @abstractmethod
    def watch(self, target: Target) -> Subscription:
        """Listen as :meth:`Engine.watch` does, to an empty collection where a field is."""

    @abstractmethod
    def follow(self, paths: Iterable[Path], since: str, *, only: bool = False) -> None:
        """Look out for more documents, or for these ``only``.

        Afterwards it is stale if one of them has changed after the position, or one that was known
        already at any time before now.
        """

    @property
    @abstractmethod
    def count(self) -> int:
        """For how many documents it looks out."""

    @abstractmethod
    def close(self) -> None:
        """Look out no more."""


class Touched(Struct, frozen=True):
    """A document that was written or deleted, as bytes; None where it was or is not there."""

    old: bytes | None
    new: bytes | None

    @property
    def before(self) -> dict[str, Any] | None:
        """The document as it was, a new one each time."""
        return None if self.old is None else decode(self.old)

    @property
    def after(self) -> dict[str, Any] | None:
        """The document as it is, a new one each time."""
        return None if self.new is None else decode(self.new)


class Unit(AbstractContextManager["Unit", None]):
    """A transaction: what its thread or task does inside of the block is made at its end."""

    most: int | None = None
    """So many documents may be touched inside; more raise LimitExceeded."""

    @abstractmethod
    def is_stale(self) -> bool:
        """Say whether what was read inside has changed, so that it cannot be committed."""

    @abstractmethod
    def touched(self) -> dict[Path, Touched]:
        """Return the documents that were changed inside so far, those beneath deleted ones too."""


class Engine(ABC):
    """Executes requests. Methods may be called from any thread.

    All raise HandleClosed once it is closed; :meth:`commit` whatever refuses a change.
    """

    @abstractmethod
    def get(self, path: Path) -> Any:
        """Return what is at a path: a document, a field, all of a collection, or of the root.

        None where there is no document or field; of a collection or the root an object, by id.
        """

    @abstractmethod
    def exists(self, target: Target) -> bool:
        """Say whether there is a document or a field, or any document in a collection or query."""

    @abstractmethod
    def last_update(self, path: Path) -> str | None:
        """Return a token that is another after each write of a document; None: there is none."""

    @abstractmethod
    def commit(self, changes: Sequence[Change]) -> list[Any]:
        """Make changes in their order, all or none; return what each returns."""

    def check(self, change: Change) -> None:
        """Raise what refuses a change whatever is there; nothing is written."""
        check_change(change, "")

    @abstractmethod
    def run(self, query: Query) -> list[Element]:
        """Return what a query finds, in its order."""

    @abstractmethod
    def aggregate(self, query: Query, kind: Aggregate, field: FieldPath = ()) -> Any:
        """Return the number of what a query finds, or the sum or average of the numbers in it."""

    @abstractmethod
    def explain(self, query: Query) -> Plan:
        """Say how a query would be executed."""

    @abstractmethod
    def declare_index(self, collection: str, fields: Sequence[FieldPath]) -> None:
        """Have indexes by fields for all collections of a name, filled with what is there."""

    @abstractmethod
    def indexes(self) -> dict[str, list[str]]:
        """Return the fields that have an index, by the name of the collection."""

    @abstractmethod
    def watch(self, target: Target, since: str | None = None) -> Subscription:
        """Listen to a document, a collection or a query, from a position or the state on."""

    @abstractmethod
    def lookout(self, wake: Callable[[], None]) -> Lookout:
        """Return what hears of changes of single documents, and calls ``wake`` then."""

    @abstractmethod
    def new_id(self) -> str:
        """Return an id for a new document, which is greater than those before it."""

    @abstractmethod
    def transaction(self) -> Unit:
        """Return a transaction; it is open here from its ``with`` on."""

    @abstractmethod
    def records(self) -> Records:
        """Return where the keys and users of the database are kept."""

    @abstractmethod
    def close(self) -> None:
        """Let go of everything; ends all who listen."""
