"""Lives: what a program does to a database, and which states it may be found in after a crash.

A life runs once, on a machine that logs it. Each step of it ends in a state; whatever the crash, the
database is found in one of those between the last step that was acknowledged and the last that was
begun, whole. What is in the tables is held against dictionaries while the life goes on, by a second
process that only reads; what the streams have is taken from that process.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from crash.calls import PREFIX
from crash.disk import Op
from crash.machine import Machine, Process

from dynafile import Database
from dynafile.errors import InvalidPath, NotConverted

PATH = f"{PREFIX}/home/shop"
Items = dict[tuple[Any, Any], dict[str, Any]]
Tables = dict[str, Items]
Record = tuple[str, str, tuple[Any, ...], Any]
"""Sequence number, event, key and new image."""


@dataclass(frozen=True)
class State:
    """What a database holds: the items of its tables, the records of their streams, and what named
    consumers have acknowledged.
    """

    tables: Tables = field(default_factory=dict)
    records: dict[str, tuple[Record, ...]] = field(default_factory=dict)
    """All since the stream was declared, also those that are no longer kept."""
    kept: dict[str, int] = field(default_factory=dict)
    """How many of the newest records are kept."""
    acknowledged: dict[tuple[str, str], frozenset[str]] = field(default_factory=dict)
    """Sequence numbers, by table and name."""

    def differs_from(self, found: State, later: State) -> str | None:
        """Say what is found that should not be, or not found; ``later`` may have forgotten more."""
        if found.tables != self.tables:
            return f"tables {difference(self.tables, found.tables)}"
        if set(found.records) != set(self.records):
            return f"streams of {sorted(found.records)}, not of {sorted(self.records)}"
        for name, records in self.records.items():
            there = found.records[name]
            if there != records[len(records) - len(there) :]:
                return f"{name}: records that are not the newest {len(there)} of {len(records)}"
            gone = len(later.records.get(name, ())) - later.kept.get(name, 0)
            if len(there) < len(records) - gone:
                return f"{name}: {len(there)} of {len(records)} records, {gone} may be gone"
        return None


def difference(wanted: Tables, found: Tables) -> str:
    if set(wanted) != set(found):
        return f"{sorted(found)}, not {sorted(wanted)}"
    parts = []
    for name, items in wanted.items():
        there = found[name]
        lost = [key for key in items if key not in there]
        more = [key for key in there if key not in items]
        other = [key for key in items if key in there and there[key] != items[key]]
        parts.append(f"{name}: lost {lost}, invented {more}, changed {other}")
    return "; ".join(parts)


def observe(db: Database) -> State:
    """Read everything in every way; writes nothing."""
    tables: Tables = {}
    records: dict[str, tuple[Record, ...]] = {}
    for name in db:
        with db.table(name) as table:
            pk, sk = table.pk_attribute, table.sk_attribute
            items = {(item[pk], item.get(sk)): item for item in table.scan()}
            assert len(items) == len(table)
            for key, item in list(items.items())[:5]:
                names = [pk] if sk is None else [pk, sk]
                assert table.get_item(key=dict(zip(names, key, strict=False))) == item
            tables[name] = items
            if table.describe().stream is not None:
                with table.stream(follow=False) as stream:
                    records[name] = tuple(
                        (r.sequence_number, r.event_name, tuple(r.keys.values()), r.new_image)
                        for r in stream
                    )
    return State(tables, records, {name: len(found) for name, found in records.items()})


class Life:
    """What one program does. Those that inherit say in :meth:`live` what that is."""

    relaxed = False
    forgetful: frozenset[str] = frozenset()
    """Tables whose streams do not keep everything."""

    def __init__(self, machine: Machine, seed: int) -> None:
        self.machine = machine
        self.rng = random.Random(seed)
        self.model: Tables = {}
        self.acknowledged: dict[tuple[str, str], frozenset[str]] = {}
        self.states = [State()]
        self.under_way: Callable[[Tables], Any] | None = None
        """What the step at hand does to the model."""
        if machine.disk.find("/home") is None:
            machine.disk.lay("/home")
        self.prepare()
        self.before = machine.disk.copy()
        """The disk as the life begins."""
        machine.disk.log.clear()

    def prepare(self) -> None:
        """Put onto the disk what is there before the program begins."""

    def live(self) -> None:
        """Do everything."""
        raise NotImplementedError

    def open(self) -> Database:
        """Open what was left; the lock is to be free at once."""
        return Database(PATH, lock_timeout=0)

    # -- steps ----------------------------------------------------------------------------------

    def step(
        self, work: Callable[[], Any], change: Callable[[Tables], Any] | None = None,
        *, safe: bool | None = None,
    ) -> Any:  # fmt: skip
        """Do something; ``safe``: what was done until then survives a power cut too.

        ``change`` does it to the model, and is left out where items stay as they are.
        """
        self.machine.mark("begin", len(self.states), self.machine.now)
        self.under_way = change
        result = work()
        safe = not self.relaxed if safe is None else safe
        self.machine.mark("safe" if safe else "done", len(self.states), self.machine.now)
        if change is not None:
            change(self.model)
        self.states.append(self._observed())
        return result

    def put(self, table: Any, *items: dict[str, Any]) -> None:
        """Put items in one commit: one by itself, several as a batch."""
        name = table.table_name

        def work() -> None:
            if len(items) == 1:
                table.put_item(item=items[0])
            else:
                with table.batch_writer() as batch:
                    for item in items:
                        batch.put_item(item=item)

        self.step(work, lambda model: model[name].update(keyed(*items)))

    def delete(self, table: Any, *keys: tuple[Any, Any]) -> None:
        """Delete items in one commit."""
        name = table.table_name

        def work() -> None:
            with table.batch_writer() as batch:
                for pk, sk in keys:
                    batch.delete_item(key={"PK": pk, "SK": sk})

        self.step(work, lambda model: [model[name].pop(key, None) for key in keys])

    def create(self, db: Database, name: str, **options: Any) -> Any:
        """Make a table of the database."""
        return self.step(
            lambda: db.create_table(name, **options),
            lambda model: model.update({name: {}}),
            safe=True,
        )

    def checkpoint(self, handle: Any) -> None:
        """Bring everything into snapshots."""
        self.step(handle._store.checkpoint, safe=True)

    def item(self, number: int, size: int | None = None, **more: Any) -> dict[str, Any]:
        """An item of some size, in one of five collections."""
        size = self.rng.choice([1, 40, 150]) if size is None else size
        text = chr(97 + self.rng.randrange(26)) * size
        return {"PK": f"p{number % 5}", "SK": f"{number:04}", "text": text, **more}

    def _observe(self) -> State:
        try:
            with Process(self.machine), Database(PATH, read_only=True) as db:
                return observe(db)
        except (InvalidPath, NotConverted):
            return State()

    def _observed(self) -> State:
        found = self._observe()
        tables = {name: dict(items) for name, items in self.model.items()}
        assert found.tables == tables, difference(tables, found.tables)
        before = self.states[-1].records
        for name in set(before) & set(found.records) - self.forgetful:
            assert found.records[name][: len(before[name])] == before[name], f"{name} forgot"
        records = dict(found.records)
        for name, there in found.records.items():
            known = before.get(name, ())
            if known and there and there[0][0] >= known[0][0]:
                last = known[-1][0]
                records[name] = known + tuple(each for each in there if each[0] > last)
        return replace(found, tables=tables, records=records, acknowledged=dict(self.acknowledged))


def keyed(*items: dict[str, Any]) -> Items:
    return {(item["PK"], item["SK"]): item for item in items}


@dataclass(frozen=True)
class Moment:
    """A place in a log, and what may be found after a crash there."""

    now: float
    safe: int
    """The last state that a power cut cannot take back."""
    done: int
    """The last that was acknowledged."""
    begun: int


def moments(log: list[Op], now: float) -> Iterator[tuple[int, Moment]]:
    """Yield each place in a log where something follows that touches the disk, and its end."""
    moment = Moment(now, 0, 0, 0)
    for place, op in enumerate(log):
        if op[0] != "mark":
            yield place, moment
            continue
        _, what, state, now = op
        if what == "begin":
            moment = replace(moment, now=now, begun=state)
        elif what == "done":
            moment = replace(moment, now=now, done=state, begun=state)
        else:
            moment = Moment(now, safe=state, done=state, begun=state)
    yield len(log), moment
