"""``repair``: what can still be read of a damaged folder, in a new one."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from msgspec import Struct

from dynafile.errors import NotConverted
from dynafile.store.journal_remains import Damage, Gap
from dynafile.store.registry import open_store, release_store
from dynafile.store.repair_folders import check_target, damaged_folder, new_folder
from dynafile.store.salvage import LostRange, Salvage
from dynafile.store.store import DEFAULT_LOCK_TIMEOUT, Options, Store
from dynafile.store_options import path_of
from dynafile.table.checking import check_table
from dynafile.table.conversion_state import WRITING, state_of
from dynafile.table.definition import definition_in
from dynafile.table.salvage import (
    SalvagedTable,
    declare_stream_again,
    salvage_table,
    schema_for,
)
from dynafile.table.settings import moment_of


class UnreadableCommits(Struct, frozen=True, kw_only=True):
    """Commits that cannot be read, and what is known of them."""

    first_lsn: int
    """The place of the first in the journal."""
    end_lsn: int
    """The place after the last, as far as that is known."""
    file: str
    offset: int
    after: datetime | None
    """When the commit before them was made; None: there is none that can be read."""
    before: datetime | None
    """When the commit after them was made; None: there is none that can be read."""


class RepairedTable(Struct, frozen=True, kw_only=True):
    """What was saved of a table, and what was not. Of keys, the first thousand are listed."""

    name: str
    saved: int
    """The items in the new folder; those below are among them."""
    uncertain: int
    """Items that a commit which cannot be read may have changed or deleted: they may be an older
    version. All others are as they were."""
    uncertain_keys: tuple[Mapping[str, Any], ...]
    from_indexes: int
    """Items that were left in a secondary index only."""
    lost: int
    """Items that are known to be lost, because an index has their keys and no more."""
    lost_keys: tuple[Mapping[str, Any], ...]
    lost_ranges: tuple[LostRange, ...]
    """Ranges of keys whose snapshots are lost. What the journal and the indexes have of them was
    saved; whether there was more cannot be told."""
    invalid: int
    """Entries that are no items of the table; they were not saved."""
    invalid_keys: tuple[Mapping[str, Any], ...]

    @property
    def is_whole(self) -> bool:
        """Whether nothing of it is lost or uncertain."""
        return not (self.uncertain or self.lost or self.lost_ranges or self.invalid)


class RepairReport(Struct, frozen=True, kw_only=True):
    """What :func:`repair` saved and what it could not."""

    path: str
    into: str
    tables: tuple[RepairedTable, ...]
    damages: tuple[Damage, ...]
    """The places that are damaged: ``file``, ``offset``, ``what``."""
    unreadable: tuple[UnreadableCommits, ...]
    """Commits that are in no snapshot and cannot be read."""
    notes: tuple[str, ...]
    """What else there is to know."""

    @property
    def lossless(self) -> bool:
        """Whether every item was saved as it was: what is damaged was not needed for that."""
        return not self.unreadable and all(table.is_whole for table in self.tables)


def repair(
    path: str | os.PathLike[str],
    into: str | os.PathLike[str],
    *,
    table: str | None = None,
    lock_timeout: float = DEFAULT_LOCK_TIMEOUT,
) -> RepairReport:
    """Save what can still be read of a damaged folder in a new one, and say what cannot.

    Nothing in ``path`` is changed. An item is taken only from where a checksum is right: from a
    snapshot and what the journal says after it, and where the snapshot is lost, from the journal
    and from indexes that hold whole items. Indexes, TTL and settings are as they were; streams
    begin anew. The new folder is checked before it appears.

    :param path: the folder of a database, damaged or not.
    :param into: the new folder, which must not exist, or be empty.
    :param table: only this table; by default all of them.
    :param lock_timeout: seconds to wait for a process that is writing.

    Cost: everything is read twice; the journal past the snapshots is held in memory. Raises
    InvalidPath, NotConverted, LockTimeout, NewerFormat, DiskFull; ResourceNotFound for a table that
    is not there; CorruptFile where nothing is left that tells which tables there are.
    """
    old, new = path_of(path), path_of(into)
    with damaged_folder(old, lock_timeout) as (volume, locked):
        check_target(new, old)
        salvage = Salvage(volume)
        if state_of(salvage.schema) == WRITING:
            raise NotConverted(
                f"{old} was written by dynafile 0.1.3, and is not converted yet: what it wrote is "
                "whole, so open it once with Dynafile(...)",
                path=old,
            )
        names = sorted(salvage.schema.tables) if table is None else [table]
        schema = schema_for(salvage, names)
        with new_folder(new) as half:
            store = open_store(half, Options(), lambda stored: stored or schema)
            try:
                tables = [salvage_table(salvage, store, name) for name in names]
                _finish(store, tables)
            finally:
                release_store(store)
    notes = [] if locked else ["the lock could not be taken; nobody may have written meanwhile"]
    return RepairReport(
        path=old,
        into=new,
        tables=tuple(map(_described, tables)),
        damages=tuple(salvage.damages),
        unreadable=tuple(map(_commits, salvage.gaps)),
        notes=(*notes, *_notes(salvage, tables)),
    )


def _finish(store: Store, tables: list[SalvagedTable]) -> None:
    """Declare streams, and verify what was made."""
    now = int(time.time() * 1_000_000)
    for each in tables:
        declare_stream_again(store, each.definition.name, each.definition, now)
    store.checkpoint()

    def problems() -> list[str]:
        schema = store.schema
        return [
            f"{name}: {problem}"
            for name in schema.tables
            for problem in check_table(store, definition_in(schema, name))
        ]

    store.check(problems)


def _described(each: SalvagedTable) -> RepairedTable:
    return RepairedTable(
        name=each.definition.name,
        saved=each.saved,
        uncertain=each.uncertain.count,
        uncertain_keys=tuple(each.uncertain.listed),
        from_indexes=each.from_indexes.count,
        lost=each.lost.count,
        lost_keys=tuple(each.lost.listed),
        lost_ranges=tuple(each.ranges),
        invalid=each.invalid.count,
        invalid_keys=tuple(each.invalid.listed),
    )


def _commits(gap: Gap) -> UnreadableCommits:
    return UnreadableCommits(
        first_lsn=gap.begin,
        end_lsn=gap.end,
        file=gap.file,
        offset=gap.offset,
        after=_time(gap.after),
        before=_time(gap.before),
    )


def _time(microseconds: int) -> datetime | None:
    return moment_of(microseconds) if microseconds else None


def _notes(salvage: Salvage, tables: list[SalvagedTable]) -> list[str]:
    notes: list[str] = []
    if salvage.cut is not None:
        file, offset, what = salvage.cut
        notes.append(f"{file}: {what}, at offset {offset}, were left out, as after a crash")
    if salvage.old_gaps:
        notes.append("commits that are in snapshots cannot be read; only streams miss them")
    if not salvage.meta_is_whole:
        notes.append(
            "the schema is the newest that the journal has; one that was declared later is lost"
        )
    streams = [each.definition.name for each in tables if each.definition.settings.stream]
    if streams:
        notes.append(f"the streams of {', '.join(streams)} begin anew, and so do their consumers")
    return notes
