"""The explorer: crashes a life at a place of its log, looks at what is left, goes on, crashes again."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator
from typing import Any

from crash.disk import Disk
from crash.life import PATH, Life, Moment, State, moments, observe
from crash.machine import NOW, Machine, Process

from dynafile import Database
from dynafile.errors import InvalidPath, NotConverted
from dynafile.store.position import BUSY

HOWS = ("killed", "nothing", "everything", "ordered", "some")
"""How a life ends: the process is killed, or the power goes and so much survives."""


class Found(AssertionError):
    """A crash after which the database is not as it should be."""


class Explorer:
    """A life that was lived once, and can be crashed anywhere."""

    def __init__(self, kind: type[Life], seed: int) -> None:
        self.kind = kind
        self.seed = seed
        machine = Machine()
        with machine.running():
            self.life = kind(machine, seed)
            self.life.live()
        self.log = machine.disk.log
        self.places = dict(moments(self.log, NOW))
        self.counts: Counter[str] = Counter()

    def crash_everywhere(
        self, chance: random.Random, share: float, times: int = 1, plan: tuple[str, ...] = ()
    ) -> None:
        """Crash at a share of all places, ``times`` at each, in ways that are drawn, or planned."""
        for place, disk, moment in self.moments():
            if chance.random() < share:
                for _ in range(times):
                    self.crash_at(disk, place, moment, chance.getrandbits(40), plan)

    def moments(self) -> Iterator[tuple[int, Disk, Moment]]:
        """Yield each place with the disk as it is there; the disk is one, that goes on."""
        disk, done = self.life.before.copy(), 0
        for place, moment in self.places.items():
            while done < place:
                disk.redo(self.log[done])
                done += 1
            yield place, disk, moment

    def crash_again(self, place: int, number: int) -> None:
        """Do one crash again: ``number`` is what a message says."""
        disk = self.life.before.copy()
        for op in self.log[:place]:
            disk.redo(op)
        self.crash_at(disk, place, self.places[place], number)

    def crash_at(
        self, disk: Disk, place: int, moment: Moment, number: int, plan: tuple[str, ...] = ()
    ) -> None:
        """Crash at a place, where the disk is as given, in the way that ``number`` draws.

        ``plan``: how it crashes first, second and so on, where that is not to be drawn.
        """
        rng = random.Random(number)
        hows = [*plan] or [rng.choice(HOWS) for _ in range(_crashes(rng))]
        try:
            self._crash(self.life, self.log, disk, place, moment, hows, rng)
        except Exception as error:
            raise Found(
                f"{self.kind.__name__}, seed {self.seed}, crashed at {place} of {len(self.log)}, "
                f"number {number}: {error}\nTo do it again: Explorer({self.kind.__name__}, "
                f"{self.seed}).crash_again({place}, {number})"
            ) from error

    def _crash(
        self,
        life: Life,
        log: list[Any],
        disk: Disk,
        place: int,
        moment: Moment,
        hows: list[str],
        rng: random.Random,
    ) -> None:
        how, *later = hows
        self.counts["points"] += 1
        self.counts[how] += 1
        left = leave(disk, log[place] if place < len(log) else None, how, rng)
        boot = life.machine.boot + (how != "killed")
        after = Afterlife(life, left, boot, moment, killed=how == "killed")
        try:
            after.live(rng)
        except Exception as error:
            error.add_note(f"after {how}")
            raise
        if later:
            self.counts["again"] += 1
            places = list(moments(after.machine.disk.log, moment.now))
            again, then = rng.choice(places)
            disk = after.before.copy()
            for op in after.machine.disk.log[:again]:
                disk.redo(op)
            self._crash(after, after.machine.disk.log, disk, again, then, later, rng)


def _crashes(rng: random.Random) -> int:
    """Draw how often one database crashes: in its life, in what follows, and in what follows that."""
    return rng.choices([1, 2, 3], [0.7, 0.2, 0.1])[0]


def leave(disk: Disk, following: Any, how: str, rng: random.Random) -> Disk:
    """Return what a crash leaves; a write that was about to come may be done in part."""
    left = disk.copy()
    if following is not None and following[0] == "write" and rng.random() < 0.5:
        _, number, offset, data = following
        left.redo(("write", number, offset, data[: rng.randrange(len(data) + 1)]))
    if how != "killed":
        return left.after_power_cut(rng, how)
    if rng.random() < 0.5:
        # It died after it had published, and before it had said that it was done.
        for node in left.nodes.values():
            if getattr(node, "mapped", None) is not None and any(node.mapped):
                memoryview(node.mapped).cast("Q")[BUSY] = 1
    return left


class Afterlife(Life):
    """What follows a crash: opening, looking, and going on."""

    def __init__(self, life: Life, disk: Disk, boot: int, moment: Moment, *, killed: bool) -> None:
        self.kind = life.kind if isinstance(life, Afterlife) else life
        super().__init__(Machine(disk, boot), 0)
        self.forgetful = life.forgetful
        self.machine.now = moment.now
        self.states = list(life.states[moment.safe : moment.begun + 1])
        """Those that it may be found in, and then those that it goes through."""
        self._lowest = moment.done - moment.safe if killed else 0
        self._first = len(self.states)
        # Until it is open, what was allowed is allowed, also when the power goes meanwhile.
        self.machine.mark("done", self._lowest, moment.now)
        self.machine.mark("begin", self._first - 1, moment.now)

    def open(self) -> Database:
        return type(self.kind).open(self)

    def live(self, rng: random.Random) -> None:  # type: ignore[override]
        """Open, look, and go on for a while; then leave the database open, or close it."""
        self.rng = rng
        with self.machine.running():
            seen = self._seen_by_a_reader() if rng.random() < 0.2 else 0
            self.db = db = self.open()
            db.check()
            found = observe(db)
            places = self._matches(found)
            place = places[-1]
            assert seen <= place, "a reader saw what was gone when the database was opened"
            self.states.append(self.states[self._check_consumers(db, places)])
            self.machine.mark("safe", self._first, self.machine.now)
            self.model = {name: dict(items) for name, items in found.tables.items()}
            self.acknowledged = dict(self.states[-1].acknowledged)
            if rng.random() < 0.5:
                self._go_on(db)
                db.check()
                assert observe(db).tables == self.model
            if rng.random() < 0.5:
                self.step(db.close, safe=True)

    def _observe(self) -> State:
        if self.db.closed:
            return self.states[-1]
        if not self.states[-1].records:
            # Not looked at after each step, which takes long, but before the next crash.
            return State({name: dict(items) for name, items in self.model.items()})
        return observe(self.db)

    def _matches(self, found: State) -> list[int]:
        """Return which of the states it may be that was found."""
        last = self.states[-1]
        differences = {
            place: self.states[place].differs_from(found, last)
            for place in range(self._lowest, self._first)
        }
        if all(differences.values()):
            raise AssertionError(" | or ".join(filter(None, differences.values())))
        return [place for place, difference in differences.items() if difference is None]

    def _seen_by_a_reader(self) -> int:
        try:
            with Process(self.machine), Database(PATH, read_only=True) as db:
                found = observe(db)
        except (InvalidPath, NotConverted):
            found = State()
        # Who converts a folder sees it whole or not at all.
        return 0 if not found.tables else self._matches(found)[0]

    def _check_consumers(self, db: Database, places: list[int]) -> int:
        """Return the last state in which consumers wait for what they get now, none more or less."""
        got: dict[tuple[str, str], list[str]] = {}
        for name, consumer in {each for at in places for each in self.states[at].acknowledged}:
            with db.table(name).stream(name=consumer, follow=False) as stream:
                got[name, consumer] = [record.sequence_number for record in stream]
        for place in reversed(places):
            state = self.states[place]
            wanted = {
                each: sorted({record[0] for record in state.records[each[0]]} - done)
                for each, done in state.acknowledged.items()
            }
            if all(sorted(got[each]) == there for each, there in wanted.items()):
                return place
        raise AssertionError(f"consumers got {got}, not {wanted}")

    def _go_on(self, db: Database) -> None:
        """Write to what is there, and make something new."""
        most = 1 if self.states[-1].records else 2  # streams are read after each step
        names = sorted(set(db) - {"later"})
        self.rng.shuffle(names)
        for name in names[:most]:
            table = db.table(name)
            for n in range(self.rng.randrange(3)):
                self.put(table, self.item(n, 40, G="g", N=n))
            if table.sk_attribute == "SK" and table.pk_attribute == "PK":
                self.put(table, *(self.item(n, 60, G="g", N=n) for n in range(900, 912)))
                self.put(table, self.item(self.rng.randrange(40), 100))
                self.delete(table, ("p1", "0901"), ("p2", "0902"))
        if "later" in db:
            self.step(lambda: db.delete_table("later"), lambda model: model.pop("later"), safe=True)
        later = self.create(db, "later")
        if self.rng.random() < 0.5:
            self.checkpoint(db)
        self.put(later, *(self.item(n, 200) for n in range(10)))
        self.put(later, self.item(3))
