"""Taking over: one process dies at a call, and another, that had the database open, goes on."""

from __future__ import annotations

import random
from itertools import count

from crash.explorer import Found
from crash.life import PATH, Life, State, difference, keyed, observe
from crash.machine import Killed, Machine, Process

from dynafile import Database


def calls_of(kind: type[Life], seed: int) -> int:
    """Return how many calls change the disk in a life beside a witness."""
    machine = Machine()
    counter = count(1)
    last = 0

    def note(_: str) -> None:
        nonlocal last
        last = next(counter)

    with machine.running(), Process(machine), Database(PATH) as witness:
        machine.hook = note
        _live(machine, kind, seed, witness)
        machine.hook = None
    return last


def take_over(kind: type[Life], seed: int, dies_at: int) -> None:
    """Let a process die before its call number ``dies_at``; another goes on, then the power goes."""
    rng = random.Random(f"{seed} {dies_at}")
    machine = Machine()
    try:
        with machine.running():
            life = _die(machine, kind, seed, dies_at)
        left = machine.disk.after_power_cut(rng, rng.choice(["nothing", "ordered", "some"]))
        after = Machine(left, machine.boot + 1)
        with after.running(), Database(PATH) as db:
            db.check()
            assert observe(db).tables == life.model, "the power took what was acknowledged"
    except Exception as error:
        raise Found(
            f"{kind.__name__}, seed {seed}, a process died at call {dies_at}: {error}\n"
            f"To do it again: take_over({kind.__name__}, {seed}, {dies_at})"
        ) from error


def _live(machine: Machine, kind: type[Life], seed: int, witness: Database) -> Life:
    life = kind(machine, seed)

    def observed() -> State:
        # It reads all along, so it has in memory what the other may have changed meanwhile.
        return observe(witness)

    life._observe = observed  # type: ignore[method-assign]
    with Process(machine) as process:
        try:
            life.live()
        except Killed:
            process.die()
    return life


def _die(machine: Machine, kind: type[Life], seed: int, dies_at: int) -> Life:
    with Process(machine), Database(PATH) as witness:
        counter = count(1)

        def die(_: str) -> None:
            if next(counter) >= dies_at:
                raise Killed

        machine.hook = die
        life = _live(machine, kind, seed, witness)
        machine.hook = None
        # Who only reads sees what was published; who takes the lock adopts what is whole.
        read = observe(witness).tables
        witness.check()
        found = observe(witness).tables
        before = {name: dict(items) for name, items in life.model.items()}
        if found != life.model and life.under_way is not None:
            life.under_way(life.model)
        assert found == life.model, difference(life.model, found)
        assert read in (before, found), "what was read is gone"
        for name in list(witness):
            table = witness.table(name)
            items = [life.item(n, 90, G="w", N=n) for n in range(30)]
            with table.batch_writer() as batch:
                for item in items:
                    batch.put_item(item=item)
            life.model[name].update(keyed(*items))
        witness._store.checkpoint()
        witness.check()
        found = observe(witness).tables
        assert found == life.model, difference(life.model, found)
    return life
