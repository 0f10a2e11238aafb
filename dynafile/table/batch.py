"""The batch writer: many writes in one commit."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from types import TracebackType
from typing import Any, Self

from dynafile.errors import InvalidArgument
from dynafile.table.table import Table
from dynafile.table.write import Write


class BatchWriter:
    """Collects writes in a ``with`` block and commits them together at its end.

    One block is one commit: after a crash all of its writes are there or none, in their order. If
    the body raises, nothing is written. An item is checked and taken as it is when it is put;
    changing it afterwards changes nothing. The block holds its writes in memory; ``flush_items``
    and ``flush_seconds`` commit each time so many were collected or so much time has passed, for
    loads larger than that, and then what was flushed before an exception stays.

    Cost: one record in the journal and one sync a commit.
    """

    def __init__(
        self,
        table: Table,
        flush_items: int | None = None,
        flush_seconds: float | None = None,
        check_open: Callable[[], None] = lambda: None,
        overwrite_by_pkeys: Sequence[str] | None = None,
    ) -> None:
        for value, name in ((flush_items, "flush_items"), (flush_seconds, "flush_seconds")):
            number = isinstance(value, (int, float)) and not isinstance(value, bool)
            if value is not None and not (number and value > 0):
                raise InvalidArgument(
                    f"{name} must be above 0, or None for one commit, not {value!r}"
                )
        self._table = table
        self._check_open = check_open
        if isinstance(overwrite_by_pkeys, str):
            raise InvalidArgument(
                f"overwrite_by_pkeys is a list of names, not {overwrite_by_pkeys!r}"
            )
        self._pkeys = tuple(overwrite_by_pkeys or ())
        self._newest: dict[tuple[Any, ...], Write] = {}
        self._overwritten: set[Write] = set()
        self._flush_items = flush_items
        self._flush_seconds = flush_seconds
        self._writes: list[Write] | None = None
        self._schema = table.schema
        self._since = 0.0

    def put_item(self, *, item: Mapping[str, Any]) -> None:
        """Put an item; raises at once what ``put_item`` of the database would."""
        self._add(self._table.put_of(item), item)

    def delete_item(self, *, key: Mapping[str, Any]) -> None:
        """Delete an item; no error where there is none."""
        self._add(self._table.delete_of(key), key)

    def _put_warm(self, item: Mapping[str, Any]) -> bool:
        """Collect a put without looking at the store; return whether a flush is due.

        Raises InvalidKey where it would have to look, because of an index that may be gone.
        """
        self._collect(self._table.put_of_warm(item), item)
        return self._is_full()

    def _add(self, write: Write, given: Mapping[str, Any]) -> None:
        self._collect(write, given)
        if self._is_full():
            self.flush()

    def _collect(self, write: Write, given: Mapping[str, Any]) -> None:
        if self._writes is None:
            raise InvalidArgument(
                "a batch writer is used in a with block: `with db.batch_writer() as w:`"
            )
        if self._pkeys:
            self._overwrite(write, given)
        self._writes.append(write)

    def _is_full(self) -> bool:
        if self._flush_items is not None and len(self._writes or ()) >= self._flush_items:
            return True
        seconds = self._flush_seconds
        return seconds is not None and time.monotonic() - self._since >= seconds

    def _overwrite(self, write: Write, given: Mapping[str, Any]) -> None:
        """Take back what was collected for the same values of ``overwrite_by_pkeys``."""
        try:
            place = tuple(given[name] for name in self._pkeys)
            earlier = self._newest.get(place)
        except (KeyError, TypeError) as error:
            raise InvalidArgument(
                f"overwrite_by_pkeys {list(self._pkeys)} are to name key attributes, which are in "
                f"every item and key: {error}"
            ) from None
        if earlier is not None:
            self._overwritten.add(earlier)
        self._newest[place] = write

    def flush(self) -> None:
        """Commit what was collected so far."""
        self._check_open()
        if self._writes is None:
            return
        writes, schema = self._writes, self._schema
        if self._overwritten:
            writes = [write for write in writes if write not in self._overwritten]
        self._begin()
        self._table.write(writes, schema)

    def _begin(self) -> None:
        self._writes, self._schema = [], self._table.schema
        self._newest, self._overwritten = {}, set()
        self._since = time.monotonic()

    def __enter__(self) -> Self:
        if self._writes is not None:
            raise InvalidArgument("this batch writer is in use: make another with batch_writer()")
        self._begin()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            if kind is None:
                self.flush()
        finally:
            self._writes = None
