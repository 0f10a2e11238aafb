"""A unit of work: changes of entities that are made together, or not at all."""

from __future__ import annotations

from collections.abc import Callable, Iterator
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


class Counter(Struct):
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
        home: object,
        backend: Backend,
        coder: Callable[[EntityType], Coder],
        *,
        audited: bool,
    ) -> None:
        self.home = home
        self.audited = audited
        self._backend = backend
        self._coder = coder
        self._session: Session = backend.session()
        self._writes: dict[Place, Item | None] = {}
        self._pushed: dict[Place, Item | None] = {}
        self._records: dict[Reference, Record | None] = {}
        self._claimed: dict[Reference, Managed] = {}
        self._counters: dict[str, Counter] = {}
        self._lengths: dict[Place, int] = {}
        self._undo: list[tuple[dict[Any, Any], Any, Any]] = []
        self.entries: list[Entry] = []
        self.creating: set[Reference] = set()

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
            # An operation that was undone wrote it; what is there is what was there before.
            before = self._backend.get(*place)
            self._give(place, before)
            del self._pushed[place]
        for place, item in self._writes.items():
            if self._pushed.get(place, _MISSING) is not item:
                self._give(place, item)
                self._pushed[place] = item

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
            if entity._gone:
                raise EntityDeleted(f"{ref} was deleted, or never created")
            # One instruction, so that of two threads one gets it.
            owner = entity.__dict__.setdefault("_unit", self)
            if owner is not self:
                raise TransactionConflict(f"{ref} is being changed by another transaction")
            self._claimed[ref] = entity
            self._check_revision(ref, entity)
        record = self._records.get(ref, entity._record)
        if record is None:
            raise EntityDeleted(f"{ref} was deleted")
        return record

    def claim_new(self, entity: Managed, record: Record) -> None:
        """Have an entity that is being created."""
        ref = reference(entity)
        entity.__dict__["_unit"] = self
        self._claimed[ref] = entity
        self._set(self._records, ref, record)

    def disown(self, entity: Managed) -> None:
        """Let go of an entity whose creation failed."""
        self._claimed.pop(reference(entity), None)
        entity.__dict__.pop("_unit", None)
        entity.__dict__["_gone"] = True

    def _check_revision(self, ref: Reference, entity: Managed) -> None:
        stored = self.get(layout.entities(ref.type), layout.id_key(ref.id))
        known = None if entity._record is None else entity._record.revision
        if stored is None:
            raise EntityConflict(f"{ref} was deleted by somebody else since it was loaded")
        if stored["_revision"] != known:
            raise EntityConflict(
                f"{ref} was changed by somebody else since it was loaded: load it again with "
                f"{ref.type}[{ref.id!r}], which makes it what it is now, and decide anew"
            )

    def visible(self, entity: Managed) -> Record | None:
        """Return the record of an entity as this unit has it; None: it deleted it."""
        return self._records.get(reference(entity), entity._record)

    def is_new(self, ref: Reference) -> Managed | None:
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
        counter = self._counters.get(type_)
        return read_counter(self._session, type_) if counter is None else counter

    def set_counter(self, type_: str, counter: Counter) -> None:
        """Count anew."""
        self._set(self._counters, type_, counter)

    def length(self, owner: Reference, field: str) -> int:
        """Return how many links a list has."""
        place = (layout.counts(owner), field)
        length = self._lengths.get(place)
        if length is None:
            return read_length(self._session, owner, field)
        return length

    def set_length(self, owner: Reference, field: str, length: int) -> None:
        """Note how many links a list has."""
        self._set(self._lengths, (layout.counts(owner), field), length)

    # -- the end --------------------------------------------------------------------------------

    def commit(self) -> None:
        """Make the changes; raises TransactionConflict where what was read has changed."""
        for type_, counter in self._counters.items():
            item = {"last": counter.last, "count": counter.count}
            self._writes[layout.TYPES, type_] = item
        for place, length in self._lengths.items():
            self._writes[place] = {"count": length} if length else None
        if self.entries:
            self._number_entries()
        self._push()
        self._session.commit()
        for ref, record in self._records.items():
            entity = self._claimed[ref]
            entity.__dict__["_gone"] = record is None
            if record is not None:
                entity.__dict__["_record"] = record
        self._release()

    def _number_entries(self) -> None:
        last = self._session.get(layout.AUDIT, layout.AUDIT_LAST)
        first = 0 if last is None else last["count"]
        for number, entry in enumerate(self.entries, first):
            self._writes[layout.AUDIT, layout.audit_key(number)] = entry.to_item(number)
        self._writes[layout.AUDIT, layout.AUDIT_LAST] = {"count": first + len(self.entries)}

    def abandon(self) -> None:
        """Undo everything: the entities are what they were."""
        self._session.abandon()
        for entity in self._claimed.values():
            if entity._record is None:
                entity.__dict__["_gone"] = True
        self._release()

    def _release(self) -> None:
        for entity in self._claimed.values():
            entity.__dict__.pop("_unit", None)
        self._claimed.clear()


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
