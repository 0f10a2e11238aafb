"""A handle on a table with secondary indexes: how they are added, awaited and dropped."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

from dynafile.errors import ReadOnlyDatabase
from dynafile.handle import TableHandle
from dynafile.request_checks import check_seconds
from dynafile.table.index_changes import add_indexes, drop_index
from dynafile.table.index_options import Index, check_index_name, check_indexes, declared

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dynafile.table.backfill import Progress


class IndexedHandle(TableHandle):
    """What a handle does about indexes."""

    @property
    def indexes(self) -> Mapping[str, Index]:
        """The indexes of the table by name, as they would be declared."""
        definition = self._definition()
        return MappingProxyType({n: declared(i) for n, i in definition.indexes.items()})

    def add_index(
        self, name: str, index: Index, *, wait: bool = True, progress: Progress | None = None
    ) -> None:
        """Add an index, and fill it from the items that are there, while others read and write.

        :param name: 3 to 255 characters out of a-z, A-Z, 0-9, underscore, dot and dash.
        :param index: a :class:`GlobalIndex` or :class:`LocalIndex`; no error where the table has
            the same one already.
        :param wait: False to return at once; reading the index raises IndexNotReady until it is
            complete, see :meth:`wait_for_indexes`.
        :param progress: is called with the index's name, the items done, and how many there are.

        An item whose key attribute is of another type than the index's is left out and counted, see
        :meth:`describe`. Where the process ends before it is done, the next opening goes on.
        Raises SchemaMismatch where another index has the name, InvalidArgument, InvalidName.
        """
        self._check_open()
        self._check_writable(f"add_index({name!r})")
        given = check_indexes({name: index})
        where, table = f"the table in {self._path}", self._table
        add_indexes(self._store, table.name, given, where, table.number)
        self._fill_indexes(wait=wait, progress=progress)

    def drop_index(self, name: str) -> None:
        """Drop an index and give its disk space back. Raises IndexNotFound where there is none."""
        self._check_open()
        self._check_writable(f"drop_index({name!r})")
        check_index_name(name)
        drop_index(self._store, self._table.name, name, self._table.number)

    def wait_for_indexes(self, timeout: float | None = None) -> bool:
        """Wait until every index is complete; return whether they are, after ``timeout`` seconds.

        Only for what this handle builds, opened or asked with ``wait=False``. Raises what made the
        backfill stop.
        """
        self._check_open()
        check_seconds(timeout, "timeout")
        return self._backfill is None or self._backfill.wait(timeout)

    def _check_writable(self, call: str) -> None:
        if self._read_only:
            raise ReadOnlyDatabase(
                f"{self._path} was opened with read_only=True: open it without, for {call}"
            )
