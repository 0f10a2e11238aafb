"""What keeps entities: a table, or anything else that has items by two keys."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import Any, NamedTuple

from dynafile.errors import InvalidArgument

Item = dict[str, Any]
"""The attributes of an item, without those of its keys."""
Pair = tuple[str, Item]
"""The sort key of an item, and its attributes."""


class IndexRange(NamedTuple):
    """A part of an index: the entities of a type in the order of an attribute."""

    attribute: str
    """By which the index is ordered; it has its name."""
    low: Any = None
    """Inclusive, None for no bound."""
    high: Any = None
    """Inclusive, None for no bound."""
    backwards: bool = False


class Reading(ABC):
    """What can be read of a backend, inside of a session or at this moment."""

    @abstractmethod
    def get(self, pk: str, sk: str) -> Item | None:
        """Return an item, or None."""

    @abstractmethod
    def range(self, pk: str, after: str | None = None) -> Iterator[Pair]:
        """Yield the items of a partition in the order of their sort keys, those past ``after``."""

    @abstractmethod
    def index_range(self, pk: str, wanted: IndexRange) -> Iterator[Pair]:
        """Yield the items of a partition that an index has, in the order of the index."""


class Session(Reading):
    """Writes that are made together, or not at all. Reads see the session's own writes."""

    @abstractmethod
    def put(self, pk: str, sk: str, item: Item) -> None:
        """Put an item."""

    @abstractmethod
    def delete(self, pk: str, sk: str) -> None:
        """Delete an item, which need not be there."""

    @abstractmethod
    def commit(self) -> None:
        """Make the writes; raises TransactionConflict where what was read has changed."""

    def is_stale(self) -> bool:
        """Say whether what was read has changed, so that :meth:`commit` would raise."""
        return False

    @abstractmethod
    def abandon(self) -> None:
        """Forget the writes."""


class Backend(Reading):
    """Keeps items, and says what it can do."""

    has_transactions = True
    """Whether many entities can be changed together, and what was read is validated."""

    @abstractmethod
    def session(self) -> Session:
        """Begin to write."""

    @abstractmethod
    def partitions(self) -> Iterator[tuple[str, str, Item]]:
        """Yield everything: partition key, sort key and attributes."""

    @abstractmethod
    def clear(self) -> None:
        """Remove everything that is the entities'."""

    @abstractmethod
    def indexes(self) -> frozenset[str]:
        """Return the attributes by which there are indexes."""

    @abstractmethod
    def ensure_index(self, attribute: str, kind: str) -> None:
        """Have an index by an attribute of this type, ``"S"``, ``"N"`` or ``"B"``."""

    @abstractmethod
    def close(self) -> None:
        """Let go of it."""


def no_index(attribute: str) -> InvalidArgument:
    """Say that there is no such index."""
    return InvalidArgument(f"there is no index by {attribute!r}", attribute=attribute)
