"""Folder queries: the objects of a folder in the order of an index."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from dynafile.errors import InvalidObjectArgument, InvalidObjectType
from dynafile.objects.backend import MTIME, Entry, Order

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["GONE", "FolderQuery", "checked_index", "checked_limit"]

RESERVED: Final = ("path", "folder", "contents", "mtime", "ctime")

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
_LOW, _HIGH = -(1 << 63), (1 << 63) - 1

Run = Callable[[Order], Iterator[Entry]]
Read = Callable[[str], Any]

GONE: Final = object()


class FolderQuery:
    """The objects of one folder, by default by the time of their last write, the oldest first.

    Each method returns a further query and leaves this one as it is. To iterate it gives names;
    every iteration asks the store anew.

    >>> from dynafile.objects import connect
    >>> with connect("memory://signups") as db:
    ...     db.set("/signups/anna", "HIIT", index={"class_date": 20260907})
    ...     db.set("/signups/yuki", "Yoga", index={"class_date": 20260905})
    ...     list(db.folder("/signups").by("class_date").desc())
    ['anna', 'yuki']
    """

    __slots__ = ("_order", "_read", "_run")

    def __init__(self, run: Run, read: Read, order: Order) -> None:
        self._run = run
        self._read = read
        self._order = order

    def by(self, name: str) -> FolderQuery:
        """Order by an index: ``"mtime"``, or a name that ``set(index=)`` was given."""
        if not isinstance(name, str):
            raise InvalidObjectType(f"an index is named by a string, not {name!r}")
        if name != MTIME:
            _check_name(name)
        return self._with(index=name)

    def asc(self) -> FolderQuery:
        """Give the lowest value first."""
        return self._with(descending=False)

    def desc(self) -> FolderQuery:
        """Give the highest value first."""
        return self._with(descending=True)

    def since(self, value: int) -> FolderQuery:
        """Leave out values below this one."""
        return self._with(since=_number("since", value))

    def until(self, value: int) -> FolderQuery:
        """Leave out values above this one."""
        return self._with(until=_number("until", value))

    def limit(self, count: int) -> FolderQuery:
        """Give at most so many."""
        return self._with(limit=checked_limit(count))

    def entries(self) -> Iterator[Entry]:
        """Yield an Entry for each object: its name, its times, and its value in the index."""
        order = self._order
        empty = order.limit == 0 or (
            order.since is not None and order.until is not None and order.since > order.until
        )
        return iter(()) if empty else self._run(order)

    def items(self) -> Iterator[tuple[str, Any]]:
        """Yield each name with its value, which is read; what is gone by then is left out."""
        for entry in self.entries():
            value = self._read(entry.key)
            if value is not GONE:
                yield entry.key, value

    def __iter__(self) -> Iterator[str]:
        return (entry.key for entry in self.entries())

    def __repr__(self) -> str:
        return f"<FolderQuery {self._order}>"

    def _with(self, **changes: Any) -> FolderQuery:
        return FolderQuery(self._run, self._read, replace(self._order, **changes))


def checked_limit(count: int | None) -> int | None:
    """Return a limit; raises InvalidObjectType or InvalidObjectArgument."""
    if count is not None and _number("limit", count) < 0:
        raise InvalidObjectArgument(f"limit is at least 0, not {count}")
    return count


def checked_index(index: Mapping[str, int | None] | None) -> dict[str, int | None]:
    """Return the index values of a write; raises InvalidObjectType or InvalidObjectArgument."""
    if index is None:
        return {}
    if not isinstance(index, dict):
        kind = type(index).__qualname__
        raise InvalidObjectType(f"index must be a dict of index name to int value, got {kind}")
    for name, value in index.items():
        _check_name(name)
        if value is None:
            continue
        if type(value) is not int:
            kind = type(value).__qualname__
            raise InvalidObjectType(f"Index {name!r} must be an int or None, got {kind}")
        if not _LOW <= value <= _HIGH:
            raise InvalidObjectArgument(f"Index {name!r} is {value}, and has 64 bits at most")
    return dict(index)


def _check_name(name: object) -> None:
    if not isinstance(name, str) or _NAME.fullmatch(name) is None or len(name) > 64:
        raise InvalidObjectArgument(
            f"Invalid index name {name!r:.80}: an index name must match [A-Za-z][A-Za-z0-9_]*, and "
            "has at most 64 characters"
        )
    if name in RESERVED:
        raise InvalidObjectArgument(f"Invalid index name {name!r}: reserved, one of {RESERVED}")


def _number(what: str, value: object) -> int:
    if type(value) is not int:
        raise InvalidObjectType(f"{what} is an int, not {value!r:.80}")
    return value
