"""Writes to several tables of one store, made as one commit or not at all."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from dynafile.errors import DynafileError, TransactionCanceled, ValidationError
from dynafile.store.format import DELETE, PUT, SCHEMA, Operation
from dynafile.store.schema import Schema
from dynafile.store.store import Store
from dynafile.store.view import View
from dynafile.store.writer import SchemaChanged
from dynafile.table.events import Dispatcher, Ticket
from dynafile.table.write import Unlearnt, Write
from dynafile.table.writer import TableWriter


class Part(Struct):
    """What a commit writes to one table, in order."""

    table: TableWriter
    schema: Schema
    """The table's as it was before the first of the writes was made."""
    writes: list[Write]


class CancellationReason(Struct, frozen=True, kw_only=True):
    """Why one action of a transaction was refused, or the code ``None``: it was not."""

    code: str = "None"
    message: str | None = None
    item: dict[str, Any] | None = None
    """The item as it was, where that was asked for."""


def write_together(
    store: Store,
    parts: Sequence[Part],
    *,
    durable: bool,
    guard: Callable[[View], None] | None = None,
    more: Callable[[View], list[Operation]] | None = None,
    now: float | None = None,
) -> dict[Write, DynafileError]:
    """Commit writes to several tables as one; return what refused some, and then none was made.

    ``guard`` is called first under the lock, and raises what makes the commit void; ``more`` gives
    operations to go with it.
    """
    while True:
        try:
            return _write_once(store, parts, durable, guard, more, now)
        except (SchemaChanged, Unlearnt):
            for part in parts:
                part.table.take_newest()


class _Refused(Exception):
    """Some of the writes were refused, so the commit is not made."""


def _write_once(
    store: Store,
    parts: Sequence[Part],
    durable: bool,
    guard: Callable[[View], None] | None,
    more: Callable[[View], list[Operation]] | None,
    now: float | None,
) -> dict[Write, DynafileError]:
    schema = store.schema
    for part in parts:
        if part.schema is not schema:
            _renew(part)
    if more is None and all(map(_is_blind, parts)):
        # Their tables know all types, too: there is nothing to learn.
        _write_blindly(store, schema, parts, durable, guard)
        return {}
    for part in parts:
        part.table.preload(part.writes)
    learnt = _learnt(schema, parts)
    tickets: list[tuple[Dispatcher, Ticket]] = []
    failures: dict[Write, DynafileError] = {}

    def prepare(view: View) -> list[Operation]:
        failures.clear()
        if guard is not None:
            guard(view)
        operations: list[Operation] = []
        if learnt is not None:
            operations.append((SCHEMA, 0, b"", learnt.encode()))
        if more is not None:
            operations += more(view)
        changes = [
            part.table.prepare(view, part.writes, learnt, operations, now or time.time(), failures)
            for part in parts
        ]
        if failures:
            raise _Refused
        for part, changed in zip(parts, changes, strict=True):
            if part.table.dispatcher and changed:
                tickets.append((part.table.dispatcher, part.table.dispatcher.draw(changed)))
        return operations

    try:
        store.commit([], schema.version, prepare=prepare, durable=durable)
    except BaseException as error:
        for dispatcher, ticket in tickets:
            dispatcher.cancel(ticket)
        if isinstance(error, _Refused):
            return failures
        raise
    if learnt is not None:
        for part in parts:
            part.table.take_newest()
    for dispatcher, ticket in tickets:
        dispatcher.deliver(ticket)
    for part in parts:
        part.table.after_write()
    return {}


def _renew(part: Part) -> None:
    """Have writes made for the newest schema."""
    part.table.refresh()
    if part.schema is not part.table.schema:
        part.schema = part.table.schema
        part.table.prepare_again(part.writes)


def _is_blind(part: Part) -> bool:
    if not part.table.blind:
        return False
    for write in part.writes:  # noqa: SIM110 - half the time of any() for a few
        if write.looks:
            return False
    return True


def _write_blindly(
    store: Store,
    schema: Schema,
    parts: Sequence[Part],
    durable: bool,
    guard: Callable[[View], None] | None,
) -> None:
    """Commit writes that need not know what is there, and that nobody listens to."""
    operations: list[Operation] = []
    for part in parts:
        number = part.table.items.id
        operations += [
            (DELETE, number, write.key, b"")
            if write.raw is None
            else (PUT, number, write.key, write.raw)
            for write in part.writes
        ]

    def prepare(view: View) -> list[Operation]:
        if guard is not None:
            guard(view)
        return operations

    store.commit([], schema.version, prepare=prepare, durable=durable)


def _learnt(schema: Schema, parts: Sequence[Part]) -> Schema | None:
    found = {}
    for part in parts:
        definition = part.table.learnt(part.writes)
        if definition is not part.table.definition:
            found[part.table.name] = definition.to_json()
    if not found:
        return None
    return replace(schema, version=schema.version + 1, tables={**schema.tables, **found})


def canceled(writes: Sequence[Write], failures: dict[Write, DynafileError]) -> TransactionCanceled:
    """Return the error of a transaction that some of its actions refused."""
    reasons = tuple(_reason(failures.get(write)) for write in writes)
    codes = ", ".join(reason.code for reason in reasons)
    return TransactionCanceled(
        f"Transaction cancelled, please refer cancellation reasons for specific reasons [{codes}]",
        reasons=reasons,
    )


def _reason(error: DynafileError | None) -> CancellationReason:
    if error is None:
        return CancellationReason()
    code = "ValidationError" if isinstance(error, ValidationError) else type(error).__name__
    return CancellationReason(code=code, message=error.message, item=getattr(error, "item", None))
