"""The database of entities: where they are kept, and which of them are in memory."""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from datetime import datetime
from typing import Any, ClassVar, Self, TypeVar

from dynafile.entities import layout
from dynafile.entities.audit import AuditEntry
from dynafile.entities.audit_log import AuditLog
from dynafile.entities.backend import Item, Reading
from dynafile.entities.backend_choice import choose_backend
from dynafile.entities.context import CallerContext
from dynafile.entities.dumps import Dump, raw_dump
from dynafile.entities.indexing import coder_with_indexes
from dynafile.entities.kybra import KybraImport, read_kybra
from dynafile.entities.layout import Reference
from dynafile.entities.records import Coder
from dynafile.entities.storage import StringMap
from dynafile.entities.table_backend import TableBackend
from dynafile.entities.transaction_block import Current, TransactionBlock, unit_of
from dynafile.entities.types import EntityType, declared
from dynafile.entities.unit import Unit
from dynafile.errors import (
    DatabaseAlreadyOpen,
    EntityConflict,
    HandleClosed,
    InvalidArgument,
    TransactionConflict,
)
from dynafile.table_api import Table
from dynafile.transactions import ATTEMPTS, Attempts

T = TypeVar("T")

_entered: ContextVar[tuple[Database, ...]] = ContextVar("dynafile_entities_entered", default=())


class Database:
    """A database of entities, on a table of Dynafile or on a map of strings.

    :param audit_enabled: whether changes are noted in an audit log; ``db_audit`` says so too.
    :param db_storage: a map of strings with ``insert``, ``get``, ``remove``, ``items``, ``keys``
        and ``in``. It has no indexes and no transactions, and this must be all that writes to it.
    :param db_audit: another such map, for the audit log of a ``db_storage``.
    :param path: a folder, made if it is not there, or ``":memory:"``; by default ``"./db"``.
    :param table: a table with string keys that is open already, in the place of a path.

    ``with database:`` makes it the one that entities use inside the block, in this thread or task.
    Raises InvalidArgument, and what opening a folder raises.
    """

    _instance: ClassVar[Database | None] = None

    def __init__(
        self,
        audit_enabled: bool = False,
        db_storage: StringMap | None = None,
        db_audit: StringMap | None = None,
        path: str | os.PathLike[str] | None = None,
        table: Table | None = None,
    ) -> None:
        self._closed = True
        self._backend = choose_backend(db_storage, db_audit, path, table)
        self._audited = audit_enabled or db_audit is not None
        self._coders: dict[EntityType, Coder] = {}
        self.mutex = threading.RLock()
        self._closed = False

    # -- which one ------------------------------------------------------------------------------

    @classmethod
    def init(
        cls,
        audit_enabled: bool = False,
        db_storage: StringMap | None = None,
        db_audit: StringMap | None = None,
        path: str | os.PathLike[str] | None = None,
        table: Table | None = None,
    ) -> Database:
        """Open the database that entities use, everywhere in this process.

        Arguments as for the class. Raises DatabaseAlreadyOpen where there is one: close it first.
        """
        if Database._instance is not None:
            raise DatabaseAlreadyOpen(
                "Database instance already exists: close it first, with "
                "Database.get_instance().close(), or make a second one with Database(path=...) and "
                "use it in `with db:`"
            )
        Database._instance = cls(audit_enabled, db_storage, db_audit, path, table)
        return Database._instance

    @classmethod
    def get_instance(cls) -> Database:
        """Return the database that entities use here: of the ``with`` block, or of :meth:`init`."""
        entered = _entered.get()
        if entered:
            return entered[-1]
        if Database._instance is None:
            raise InvalidArgument(
                "there is no database yet: call Database.init(path='./db') first, or enter one "
                "with `with Database(path=...) as db:`"
            )
        return Database._instance

    def __enter__(self) -> Self:
        self._check_open()
        _entered.set((*_entered.get(), self))
        return self

    def __exit__(self, *_: object) -> None:
        _entered.set(_entered.get()[:-1])

    def close(self) -> None:
        """Close it; harmless where it is closed. Its entities can be read on, and not changed."""
        if self._closed:
            return
        self._closed = True
        if Database._instance is self:
            Database._instance = None
        self._backend.close()

    def _check_open(self) -> None:
        if self._closed:
            raise HandleClosed("this database of entities was closed: open it again")

    @property
    def table(self) -> Table | None:
        """The table that the entities are in; None for a map of strings."""
        return self._backend.table if isinstance(self._backend, TableBackend) else None

    def as_user(self, user_id: str) -> CallerContext:
        """Return a ``with`` block in which a user is at work, in this thread or task."""
        return CallerContext(user_id)

    # -- changes --------------------------------------------------------------------------------

    def unit(self) -> Unit | None:
        """Return the transaction that is open here."""
        return unit_of(self)

    def reading(self) -> Reading:
        """Return what to read from: the open transaction, or what is committed."""
        if self._closed:
            self._check_open()
        return unit_of(self) or self._backend

    def run(self, body: Callable[[Unit], T]) -> T:
        """Make changes, all or none, in the open transaction or in one of their own.

        That is tried again where another process was quicker with what both count.
        """
        self._check_open()
        unit = self.unit()
        if unit is not None:
            return unit.operation(body)
        left = Attempts(body, ATTEMPTS)
        while True:
            unit = self.begin()
            try:
                with Current(unit):
                    result = body(unit)
                unit.commit()
            except TransactionConflict as conflict:
                unit.abandon()
                if isinstance(conflict, EntityConflict):
                    raise
                time.sleep(left.pause_after(conflict))
            except Exception as error:
                is_stale = unit.is_stale()
                unit.abandon()
                if not is_stale:
                    raise
                # It may have come of items from before and after another's commit.
                time.sleep(left.pause_after(_stale(error)))
            except BaseException:
                unit.abandon()
                raise
            else:
                return result

    def begin(self) -> Unit:
        """Return a unit of work, which is nobody's yet."""
        return Unit(self, self._backend, self.coder, audited=self._audited)

    def transaction(self) -> TransactionBlock:
        """Return a ``with`` block whose changes are made together at its end, or not at all.

        Others see nothing of them before that. Raises TransactionConflict at the end where somebody
        else changed what was read; then, and where the block raises, the entities are what they
        were. A block inside of another is a part of it.

        Raises InvalidArgument for a map of strings.
        """
        self._check_open()
        if not self._backend.has_transactions:
            raise InvalidArgument(
                "a storage of strings cannot change several entities at once: use "
                "Database.init(path=...) or table=... for transactions"
            )
        return TransactionBlock(self)

    def run_transaction(self, body: Callable[[], T], *, attempts: int = ATTEMPTS) -> T:
        """Call a function inside a transaction, again where it meets a conflict."""
        left = Attempts(body, attempts)
        while True:
            try:
                with self.transaction() as block:
                    try:
                        return body()
                    except Exception as error:
                        if block.is_stale():
                            raise _stale(error) from error
                        raise
            except TransactionConflict as conflict:
                if isinstance(conflict, EntityConflict):
                    self.load(declared(str(conflict.type)), str(conflict.id))  # decided anew
                time.sleep(left.pause_after(conflict))

    # -- entities -------------------------------------------------------------------------------

    def coder(self, info: EntityType) -> Coder:
        """Return what turns records of a type into items; has its indexes made."""
        coder = self._coders.get(info)
        if coder is None:
            with self.mutex:
                coder = self._coders.get(info)
                if coder is None:
                    coder = self._coders[info] = coder_with_indexes(self._backend, info)
        return coder

    @property
    def has_indexes(self) -> bool:
        """Whether fields that are declared so are indexed; a map of strings has no indexes."""
        return isinstance(self._backend, TableBackend)

    def load(self, info: EntityType, id_: str) -> Any:
        """Return an entity by its id, as it is now, or None."""
        key = layout.id_key(id_)
        coder = self._coders.get(info) or self.coder(info)
        item = self.reading().get(layout.entities(info.name), key) if layout.is_key(key) else None
        return None if item is None else self.adopt(coder, id_, item)

    def look_up(self, info: EntityType, name: object) -> Any:
        """Return an entity by its id, else by its alias, or None."""
        text = str(name)
        if not text:
            return None
        found = self.load(info, text)
        return self.by_alias(info, text) if found is None else found

    def by_alias(self, info: EntityType, alias: str) -> Any:
        """Return an entity by its alias, or None."""
        key = layout.alias_key(alias)
        if info.alias is None or not layout.is_key(key):
            return None
        item = self.reading().get(layout.aliases(info.name), key)
        return None if item is None else self.load(info, item["id"])

    def follow(self, target: Reference) -> Any:
        """Return the entity at the other end of a link."""
        return self.load(declared(target.type), target.id)

    def is_mine(self, entity: Any) -> bool:
        """Say whether an entity is of this database."""
        return entity._db is self

    def adopt(self, coder: Coder, id_: str, item: Item) -> Any:
        """Return the object of an item: there is one a record, as long as somebody has it."""
        unit, cls = unit_of(self), coder.info.cls
        if unit is not None:
            claimed: Any = unit.claimed(Reference(coder.info.name, id_))
            if claimed is not None and type(claimed) is cls:
                return claimed
        entity = coder.objects.get(id_)
        if entity is None or type(entity) is not cls or entity._gone:
            with self.mutex:
                entity = coder.objects.get(id_)
                if entity is None or type(entity) is not cls or entity._gone:
                    entity = coder.info.blank()
                    entity.__dict__.update(_id=id_, _db=self, _record=coder.decode(item, id_))
                    coder.objects.keep(id_, entity)
        elif unit is None and entity._record.revision != item["_revision"]:
            with self.mutex:
                self._refresh(entity, coder, item)
        if unit is not None:
            unit.see(entity, item)
        return entity

    def _refresh(self, entity: Any, coder: Coder, item: Item) -> None:
        """Make an object what is stored, unless somebody is changing it."""
        known = entity._record.revision
        if item["_revision"] < known:
            # Read before another thread's commit that the object has already; or made anew.
            now = self._backend.get(layout.entities(coder.info.name), layout.id_key(entity._id))
            item = item if now is None else now
        if entity._unit is None and item["_revision"] != known:
            entity.__dict__["_record"] = coder.decode(item, entity._id)

    def keep(self, entity: Any) -> None:
        """Have the object of a new entity for its record; who calls has the mutex."""
        self.coder(entity._entity_type).objects.keep(entity._id, entity)

    # -- everything -----------------------------------------------------------------------------

    def clear(self) -> None:
        """Remove all entities, and the audit log."""
        self._check_open()
        if self.unit() is not None:
            raise InvalidArgument("clear() is no part of a transaction: leave its block first")
        self._backend.clear()
        with self.mutex:
            for coder in self._coders.values():
                for entity in coder.objects.clear():
                    entity.__dict__["_gone"] = True

    def dump_json(self, pretty: bool = False) -> str:
        """Return all entities of one moment as JSON; :meth:`load_json` makes them again.

        Raises TransactionConflict where others never cease to write.
        """
        found = self.run(lambda _: Dump(self).dump())
        return json.dumps(found, ensure_ascii=False, indent=2 if pretty else None)

    def raw_dump_json(self, pretty: bool = False) -> str:
        """Return everything that is stored as JSON: texts by keys such as ``Person@1``."""
        self._check_open()
        found = raw_dump(self._backend.partitions())
        return json.dumps(found, ensure_ascii=False, indent=2 if pretty else None)

    def load_json(self, text: str) -> None:
        """Make the entities of a dump anew, as they were: ids, links, owners, times, the audit log.

        No hook is asked. Raises InvalidEntity for what is no dump, for types that are not declared,
        and where one of its entities is there already; then nothing is changed.
        """
        Dump(self).load(text)

    def load_kybra_json(self, text: str, *, tz: Any = None) -> KybraImport:
        """Make the entities of a ``raw_dump_json`` of Kybra Simple DB; return what was odd in it.

        :param tz: the time zone of the machine that wrote it: its times have none; by default UTC.

        Raises as :meth:`load_json` does.
        """
        kybra = read_kybra(text, tz)
        Dump(self).load_document(kybra.document)
        return kybra

    # -- the audit log --------------------------------------------------------------------------

    def get_audit(
        self, id_from: int | None = None, id_to: int | None = None
    ) -> dict[str, list[Any]]:
        """Return the entries from a number on, up to another that is not included.

        Each is ``[operation, milliseconds, "Person@1", fields]``.
        """
        return AuditLog(self.reading()).between(id_from, id_to)

    def audit(
        self,
        *,
        entity: Any = None,
        user: str | None = None,
        since: int | datetime | None = None,
    ) -> Iterator[AuditEntry]:
        """Yield the entries of an entity, of a user, since a time; the oldest first.

        :param entity: an entity, or its name such as ``"Person@1"``.
        :param since: in milliseconds, or a datetime with a time zone.
        """
        return AuditLog(self.reading()).entries(entity, user, since)


def _stale(error: Exception) -> TransactionConflict:
    conflict = TransactionConflict("it failed on what somebody else has changed since: do it again")
    conflict.__cause__ = error
    return conflict
