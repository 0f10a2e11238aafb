"""A unit of work: changes of entities that are made together, or not at all."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from threading import RLock, get_ident
from typing import Any, ClassVar, Final, Protocol, TypeVar

from msgspec import Struct

from dynafile.entities import layout
from dynafile.entities.audit import Entry
from dynafile.entities.backend import Backend, IndexRange, Item, Pair, Reading, Session
from dynafile.entities.layout import Reference
from dynafile.entities.records import Coder, Record
from dynafile.entities.types import EntityType
from dynafile.errors import EntityConflict, EntityDeleted, TransactionConflict

T = TypeVar("T")
Place = tuple[str, str]

_MISSING: Final[Any] = object()
_DELETED: Final = None


class Managed(Protocol):
    """An entity, as a unit sees it."""

    _entity_type: ClassVar[EntityType]
    _id: str
    _record: Record | None
    _unit: Unit | None
    _gone: bool

    @property
    def _ref(self) -> Reference: ...


class Home(Protocol):
    """The database of the entities."""

    @property
    def mutex(self) -> RLock:
        """Is held while records of entities are replaced."""

    def keep(self, entity: Any) -> None:
        """Have the object of a new entity for its record; who calls has the mutex."""


class Counter(Struct, frozen=True):
    """The last id of a type that was given, and how many entities there are."""

    last: int
    count: int


class Unit(Reading):
    """What one transaction changes: nobody else sees it before it is committed.

    Items wait here, over what the backend has, and so do the records of the entities, which keep
    what they were until then.
    """

    def __init__(
        self,
        home: Home,
        backend: Backend,
        coder: Callable[[EntityType], Coder],
        *,
        audited: bool,
    ) -> None:
        self.home = home
        self.audited = audited
        self._coder = coder
        self._session: Session = backend.session()
        self._writes: dict[Place, Item | None] = {}
        self._pushed: dict[Place, Item | None] = {}
        self._before: dict[Place, Item | None] = {}
        self._records: dict[Reference, Record | None] = {}
        self._seen: dict[Reference, Record] = {}
        self._claimed: dict[Reference, Managed] = {}
        self._held: list[Managed] = []
        self._is_over = False
        self._begun_in = here()
        self._undo: list[tuple[dict[Any, Any], Any, Any]] = []
        self.entries: list[Entry] = []
        self.creating: set[Reference] = set()

    def is_here(self) -> bool:
        """Say whether this is the thread and the task that began it, and it is not over.

        A context that was copied inside of it has it still: another thread's or task's, or later.
        """
        return not self._is_over and self._begun_in == here()

    def is_stale(self) -> bool:
        """Say whether what was read has changed by now, so that it cannot be committed."""
        return self._session.is_stale()

    # -- an operation ---------------------------------------------------------------------------

    def operation(self, body: Callable[[Unit], T]) -> T:
        """Do something whole: where it raises, what it did is undone."""
        mark = self.mark()
        try:
            return body(self)
        except BaseException:
            self.undo_to(mark)
            raise

    def mark(self) -> tuple[int, int]:
        """Return a place that :meth:`undo_to` goes back to."""
        return len(self._undo), len(self.entries)

    def undo_to(self, mark: tuple[int, int]) -> None:
        """Take back what was done since."""
        done, entries = mark
        while len(self._undo) > done:
            target, key, before = self._undo.pop()
            if before is _MISSING:
                del target[key]
            else:
                target[key] = before
        del self.entries[entries:]

    def _set(self, target: dict[Any, Any], key: Any, value: Any) -> None:
        self._undo.append((target, key, target.get(key, _MISSING)))
        target[key] = value

    # -- items ----------------------------------------------------------------------------------

    def get(self, pk: str, sk: str) -> Item | None:
        """Return an item, or None; it must be the same at the commit."""
        mine = self._writes.get((pk, sk), _MISSING)
        if mine is not _MISSING:
            return None if mine is None else dict(mine)
        if (pk, sk) in self._pushed:
            self._push()  # it was undone since
        return self._session.get(pk, sk)

    def put(self, pk: str, sk: str, item: Item) -> None:
        """Put an item."""
        self._set(self._writes, (pk, sk), item)

    def delete(self, pk: str, sk: str) -> None:
        """Delete an item."""
        self._set(self._writes, (pk, sk), _DELETED)

    def range(self, pk: str, after: str | None = None) -> Iterator[Pair]:
        """Yield the items of a partition in the order of their sort keys, those past ``after``."""
        self._push()
        return self._session.range(pk, after)

    def index_range(self, pk: str, wanted: IndexRange) -> Iterator[Pair]:
        """Yield the items of a partition that an index has, in the order of the index."""
        self._push()
        return self._session.index_range(pk, wanted)

    def _push(self) -> None:
        """Let the session have what was written, so that its ranges have it too."""
        for place in self._pushed.keys() - self._writes.keys():
            # An operation that was undone wrote it.
            self._give(place, self._before[place])
            del self._pushed[place]
        for place, item in self._writes.items():
            there = self._pushed.get(place, _MISSING)
            if there is item:
                continue
            if there is _MISSING and place not in self._before:
                self._before[place] = self._session.get(*place)
            self._give(place, item)
            self._pushed[place] = item

    def _push_all(self) -> None:
        """Let the session have everything, as there is nothing more to undo."""
        for place in self._pushed.keys() - self._writes.keys():
            self._give(place, self._before[place])
        for place, item in self._writes.items():
            if self._pushed.get(place, _MISSING) is not item:
                self._give(place, item)

    def _give(self, place: Place, item: Item | None) -> None:
        if item is None:
            self._session.delete(*place)
        else:
            self._session.put(*place, item)

    # -- entities -------------------------------------------------------------------------------

    def claim(self, entity: Managed) -> Record:
        """Have an entity for this unit alone; return its record.

        Raises EntityDeleted, EntityConflict where somebody else changed it since it was loaded, and
        TransactionConflict where another transaction of this process is changing it.
        """
        ref = reference(entity)
        if entity._unit is not self:
            self._take(ref, entity)
        record = self._own(ref, entity)
        if record is None:
            raise EntityDeleted(f"{ref} was deleted, or its creation was undone")
        return record

    def _take(self, ref: Reference, entity: Managed) -> None:
        if entity._gone:
            raise EntityDeleted(f"{ref} was deleted, or never created")
        # One instruction, so that of two threads one gets it.
        owner = entity.__dict__.setdefault("_unit", self)
        if owner is not self:
            if owner._begun_in[0] == self._begun_in[0]:
                # To wait for it here would be to wait for ever.
                raise EntityConflict(
                    f"{ref} is being changed by a transaction of another task", type=ref.type,
                    id=ref.id,
                )  # fmt: skip
            raise TransactionConflict(f"{ref} is being changed by another transaction")
        try:
            if ref not in self._seen:
                self._check_revision(ref, entity)
        except BaseException:
            del entity.__dict__["_unit"]
            raise
        self._claimed[ref] = entity
        self._held.append(entity)

    def _own(self, ref: Reference, entity: Managed) -> Record | None:
        """Return the record of an entity that was claimed; None: it is there no more."""
        if self._claimed.get(ref) is not entity:
            return None
        return self._records.get(ref, self._seen.get(ref, entity._record))

    def claim_new(self, entity: Managed, record: Record) -> None:
        """Have an entity that is being created."""
        ref = reference(entity)
        entity.__dict__["_unit"] = self
        self._held.append(entity)
        self._set(self._claimed, ref, entity)
        self._set(self._records, ref, record)

    def _check_revision(self, ref: Reference, entity: Managed) -> None:
        stored = self.get(layout.entities(ref.type), layout.id_key(ref.id))
        known = None if entity._record is None else entity._record.revision
        if stored is None:
            raise EntityConflict(
                f"{ref} was deleted by somebody else since it was loaded", type=ref.type, id=ref.id
            )
        if stored["_revision"] != known:
            raise EntityConflict(
                f"{ref} was changed by somebody else since it was loaded: load it again with "
                f"{ref.type}[{ref.id!r}], which makes it what it is now, and decide anew",
                type=ref.type,
                id=ref.id,
            )

    def visible(self, entity: Managed) -> Record | None:
        """Return the record of an entity as this unit has it; None: it is there no more.

        One that it sees for the first time is read anew, and must be the same at the commit.
        """
        ref = reference(entity)
        if entity._unit is self:
            return self._own(ref, entity)
        if entity._gone or ref in self._seen:
            return self._seen.get(ref, entity._record)
        item = self.get(layout.entities(ref.type), layout.id_key(ref.id))
        return None if item is None else self.see(entity, item)

    def see(self, entity: Managed, item: Item) -> Record:
        """Note what an entity is for this unit, by its item."""
        ref, record = reference(entity), entity._record
        if ref not in self._seen:
            if record is None or record.revision != item["_revision"]:
                record = self._coder(entity._entity_type).decode(item, ref.id)
            self._seen[ref] = record
        return self._seen[ref]

    def claimed(self, ref: Reference) -> Managed | None:
        """Return an entity that this unit has claimed."""
        return self._claimed.get(ref)

    def note(self, entity: Managed, record: Record | None) -> None:
        """Take a record for an entity; it is written by :meth:`write`."""
        self._set(self._records, reference(entity), record)

    def write(self, entity: Managed, record: Record) -> None:
        """Write an entity's record, which becomes its own."""
        ref = reference(entity)
        saved = record.next()
        self._set(self._records, ref, saved)
        item = self._coder(entity._entity_type).encode(saved)
        self.put(layout.entities(ref.type), layout.id_key(ref.id), item)

    def remove(self, entity: Managed) -> None:
        """Delete an entity's record."""
        ref = reference(entity)
        self._set(self._records, ref, None)
        self.delete(layout.entities(ref.type), layout.id_key(ref.id))

    # -- counters -------------------------------------------------------------------------------

    def counter(self, type_: str) -> Counter:
        """Return what was counted of a type."""
        return read_counter(self, type_)

    def set_counter(self, type_: str, counter: Counter) -> None:
        """Count anew."""
        self.put(layout.TYPES, type_, {"last": counter.last, "count": counter.count})

    def length(self, owner: Reference, field: str) -> int:
        """Return how many links a list has."""
        return read_length(self, owner, field)

    def set_length(self, owner: Reference, field: str, length: int) -> None:
        """Note how many links a list has."""
        self._set(
            self._writes, (layout.counts(owner), field), {"count": length} if length else None
        )

    # -- the end --------------------------------------------------------------------------------

    def commit(self) -> None:
        """Make the changes; raises TransactionConflict where what was read has changed."""
        if self.entries:
            self._number_entries()
        self._push_all()
        self._session.commit()
        with self.home.mutex:
            self._settle()
        self._release()

    def _settle(self) -> None:
        """Let the entities be what was committed."""
        for ref, record in self._records.items():
            entity = self._claimed[ref]
            entity.__dict__["_gone"] = record is None
            if record is not None:
                is_new = entity._record is None
                entity.__dict__["_record"] = record
                if is_new:
                    self.home.keep(entity)
        for entity in self._held:
            if self._claimed.get(reference(entity)) is not entity:
                entity.__dict__["_gone"] = True

    def _number_entries(self) -> None:
        last = self._session.get(layout.AUDIT, layout.AUDIT_LAST)
        first = 0 if last is None else last["count"]
        for number, entry in enumerate(self.entries, first):
            self._writes[layout.AUDIT, layout.audit_key(number)] = entry.to_item(number)
        self._writes[layout.AUDIT, layout.AUDIT_LAST] = {"count": first + len(self.entries)}

    def abandon(self) -> None:
        """Undo everything: the entities are what they were."""
        self._session.abandon()
        for entity in self._held:
            if entity._record is None:
                entity.__dict__["_gone"] = True
        self._release()

    def _release(self) -> None:
        self._is_over = True
        for entity in self._held:
            entity.__dict__.pop("_unit", None)
        self._held.clear()
        self._claimed.clear()


def here() -> tuple[int, object]:
    """Return the thread and the task of asyncio that this is."""
    loop = asyncio._get_running_loop()
    return get_ident(), None if loop is None else asyncio.current_task(loop)


def reference(entity: Managed) -> Reference:
    """Return the name of an entity."""
    return entity._ref


def read_counter(reading: Reading, type_: str) -> Counter:
    """Return what was counted of a type."""
    item = reading.get(layout.TYPES, type_)
    return Counter(0, 0) if item is None else Counter(item["last"], item["count"])


def read_length(reading: Reading, owner: Reference, field: str) -> int:
    """Return how many links a list has."""
    item = reading.get(layout.counts(owner), field)
    return 0 if item is None else int(item["count"])
