"""The backfill: fills an index that was added to a table with items, while others write."""

from __future__ import annotations

import logging
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Final

from dynafile.errors import HandleUnusable, InvalidKey, LockTimeout, ResourceNotFound
from dynafile.store.partition_map import Keyspace
from dynafile.store.sorter import UNINTERRUPTED, Sorter
from dynafile.store.store import Store
from dynafile.store.writer import SchemaChanged
from dynafile.table.definition import Definition, IndexDefinition, definition_in
from dynafile.table.index import Entry, Index
from dynafile.table.index_changes import finish, learn_types
from dynafile.table.reader import MANY
from dynafile.values import attribute_reader, key_type_of

Progress = Callable[[str, int, int], object]
"""Is called with the name of an index, how many items are done, and how many there are."""

CLAIM: Final = "backfill"
_WAIT_SECONDS: Final = 0.2

_log = logging.getLogger("dynafile")


class Stopped(Exception):
    """The handle is being closed; whoever opens the table next goes on."""


class Backfill:
    """Builds the indexes of a table that are not complete, one at a time.

    One process at a time does it, by a claim that dies with it; others wait for it. It reads the
    items with no lock held, sorts their entries, and merges them into the index in short steps
    (:meth:`Store.build`), so that writers go on. Nothing of it needs to survive a kill but the
    entries in the index: who goes on reads the items again and finds those there already.
    """

    def __init__(self, store: Store, table: str, progress: Progress | None = None) -> None:
        self._store = store
        self._table = table
        self._progress = progress
        self._stopped = threading.Event()
        self._thread: threading.Thread | None = None
        self._error: BaseException | None = None

    # -- in the background ----------------------------------------------------------------------

    def start(self) -> None:
        """Run in a thread, where something is to be done and no such thread runs."""
        if self._thread is None or not self._thread.is_alive():
            self._error = None
            self._thread = threading.Thread(
                target=self._run_in_thread, name="dynafile-backfill", daemon=True
            )
            self._thread.start()

    def _run_in_thread(self) -> None:
        try:
            self.run()
        except (Stopped, HandleUnusable, ResourceNotFound):
            pass
        except BaseException as error:  # noqa: BLE001 - whoever waits for it raises it
            self._error = error
            _log.warning(
                "%s: the backfill of an index stopped, and goes on at the next opening: %s",
                self._store.volume.root,
                error,
            )

    def wait(self, timeout: float | None) -> bool:
        """Wait for the thread; say whether it ended in time.

        Raises what ended it, unless somebody has completed the indexes since.
        """
        if self._thread is not None:
            self._thread.join(timeout)
            if self._thread.is_alive():
                return False
        if self._error is not None and self._next() is not None:
            raise self._error
        return True

    def stop(self) -> None:
        """Have the thread stop, and wait for that."""
        self._stopped.set()
        thread = self._thread
        if thread is not None and thread is not threading.current_thread():
            thread.join()

    # -- the work -------------------------------------------------------------------------------

    def run(self) -> None:
        """Build what is to be built; raises Stopped, and what makes it impossible."""
        while (index := self._next()) is not None:
            claim = self._store.volume.claim(CLAIM)
            try:
                claim.acquire(_WAIT_SECONDS)
            except LockTimeout:
                self._check_stopped()
                continue  # another process, or thread, is at it
            try:
                if self._next() == index:
                    self._fill(index)
            except SchemaChanged:
                continue  # the index was dropped, or the table cleared
            finally:
                claim.release()

    def _next(self) -> IndexDefinition | None:
        definition = definition_in(self._store.schema, self._table)
        return next((index for index in definition.indexes.values() if index.building), None)

    def _check_stopped(self) -> None:
        if self._stopped.is_set():
            raise Stopped

    def _report(self, index: IndexDefinition, done: float, total: int) -> None:
        self._check_stopped()
        if self._progress is not None:
            self._progress(index.name, min(total, int(done)), total)

    def _fill(self, definition: IndexDefinition) -> None:
        store = self._store
        keyspaces = store.replica.keyspaces
        entries, gone = keyspaces.get(definition.entries), keyspaces.get(definition.gone or 0)
        if entries is None or gone is None:
            raise SchemaChanged
        start = time.perf_counter()
        with Sorter(store.volume, give_way=store.give_way) as sorter:
            scan = _Scan(definition_in(store.schema, self._table), definition)
            total = store.count_in_passing(scan.items_of(store))
            for read in scan.run(store, sorter):
                self._report(definition, read / 2, total)
            learn_types(store, self._table, definition, scan.majority())
            index = Index(definition_in(store.schema, self._table), definition)
            share = total / 2 / max(1, scan.found)
            store.build(
                entries,
                gone,
                scan.fitting(index, sorter.sorted()),
                lambda built: self._report(definition, total / 2 + built * share, total),
            )
            finish(store, self._table, definition, scan.skipped)
        self._report(definition, total, total)
        _log.info(
            "%s: the index %r was filled from %d items in %.1f s, %d of them skipped",
            store.volume.root,
            definition.name,
            total,
            time.perf_counter() - start,
            scan.skipped,
        )


class _Scan:
    """One reading of the items for an index, and what it learns of the types of keys."""

    def __init__(self, table: Definition, definition: IndexDefinition) -> None:
        self._index = Index(table, definition)
        self._items = table.items
        self._unknown = [
            position
            for position, name in enumerate(self._index.attributes)
            if self._index.types[position] is None and name not in table.key_attributes
        ]
        self._shapes: Counter[tuple[type, ...]] = Counter()
        self.found = 0
        self.skipped = 0

    def items_of(self, store: Store) -> Keyspace:
        """Return where the items are."""
        return store.keyspace(self._items)

    def run(self, store: Store, sorter: Sorter) -> Iterator[int]:
        """Read all items; yields now and then how many."""
        index = self._index
        count = len(index.attributes)
        values_of, key_of, value_of = attribute_reader(index.attributes), index.key, index.value
        done = 0
        for keys, raws in store.range(self.items_of(store), b"", None, limit=MANY):
            for number, (key, raw) in enumerate(zip(keys, raws, strict=True)):
                if not number % UNINTERRUPTED:
                    store.give_way()
                values = values_of(raw)[:count]
                try:
                    entry = key_of(values, key)
                except InvalidKey:
                    self.skipped += 1
                    continue
                if entry is not None:
                    if self._unknown:
                        self._shapes[tuple(map(type, values))] += 1
                    self.found += 1
                    sorter.add(entry, value_of(raw))
            done += len(keys)
            yield done

    def majority(self) -> dict[str, str]:
        """Return the type that most items have, for each key attribute whose type is not known."""
        types: dict[str, str] = {}
        for position in self._unknown:
            letters: Counter[str] = Counter()
            for shape, count in self._shapes.items():
                letters[_LETTERS[shape[position]]] += count
            if letters:
                most = max(letters.values())
                types[self._index.attributes[position]] = min(
                    letter for letter, count in letters.items() if count == most
                )
        return types

    def fitting(self, index: Index, entries: Iterator[Entry]) -> Iterator[Entry]:
        """Leave out entries whose keys are of other types than was found."""
        shapes = {tuple(_LETTERS[kind] for kind in shape) for shape in self._shapes}
        fits = {
            shape: all(want in (None, got) for want, got in zip(index.types, shape, strict=True))
            for shape in shapes
        }
        return entries if all(fits.values()) else self._filtered(index, entries, fits)

    def _filtered(
        self, index: Index, entries: Iterator[Entry], fits: dict[tuple[str, ...], bool]
    ) -> Iterator[Entry]:
        for entry in entries:
            if fits[index.types_of(entry[0])]:
                yield entry
            else:
                self.skipped += 1


_LETTERS: Final[dict[type, str]] = {
    type(value): key_type_of(value) for value in ("", 0, 0.0, Decimal(0), b"")
}
