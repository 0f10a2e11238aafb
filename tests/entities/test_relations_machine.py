"""Relations against plain sets: both ends agree after whatever was done, and whoever did it."""

from __future__ import annotations

import copy
import itertools
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest
from entities.people import Hound, Human, Kitten, state
from entities.second import Second
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from dynafile.entities import Database, MemoryStorage
from dynafile.errors import DuplicateEntity, InvalidEntity

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

NAMES = st.sampled_from(["Ann", "Bob", "1", "2", "é", ""]) | st.none()
PICK = st.integers(0, 30)
TYPES = {"Human": Human, "Hound": Hound, "Kitten": Kitten}
EXAMPLES = settings(
    max_examples=12,
    stateful_step_count=40,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)


class Model:
    """What there is: names and ages, and relations as sets of both ends' names."""

    def __init__(self) -> None:
        self.last = dict.fromkeys(TYPES, 0)
        self.fields: dict[str, tuple[Any, Any]] = {}
        self.spouse: dict[str, str] = {}
        self.boss: dict[str, str] = {}
        self.keeper: dict[str, str] = {}
        self.friends: set[frozenset[str]] = set()

    def of(self, type_: str) -> list[str]:
        return [name for name in self.fields if name.startswith(type_)]

    def has_alias(self, alias: Any, but: str | None = None) -> bool:
        return alias is not None and any(
            self.fields[name][0] == alias for name in self.of("Human") if name != but
        )

    def part(self, one: str) -> None:
        other = self.spouse.pop(one, None)
        if other is not None:
            self.spouse.pop(other, None)

    def marry(self, one: str, other: str | None) -> None:
        if other is not None and self.spouse.get(one) == other:
            return
        self.part(one)
        if other is not None:
            self.part(other)
            self.spouse[one], self.spouse[other] = other, one

    def is_above(self, one: str, other: str) -> bool:
        """Say whether one is the other, or above it."""
        above: str | None = other
        while above is not None and above != one:
            above = self.boss.get(above)
        return above is not None

    def befriend(self, one: str, other: str) -> None:
        self.friends.add(frozenset({one, other}))

    def delete(self, one: str) -> None:
        del self.fields[one]
        self.part(one)
        self.friends = {pair for pair in self.friends if one not in pair}
        for relation in (self.boss, self.keeper):
            relation.pop(one, None)
            for below in [below for below, above in relation.items() if above == one]:
                del relation[below]

    def state(self) -> dict[str, Any]:
        found: dict[str, Any] = {
            "count": tuple(len(self.of(type_)) for type_ in TYPES),
            "last": tuple(self.last.values()),
        }
        for one, (name, age) in self.fields.items():
            if not one.startswith("Human"):
                found[one] = (name, None, {"keeper": self.keeper.get(one)})
                continue
            friends = {other for pair in self.friends if one in pair for other in pair - {one}}
            friends |= {one} if frozenset({one}) in self.friends else set()
            relations: dict[str, Any] = {
                "spouse": self.spouse.get(one),
                "boss": self.boss.get(one),
                "staff": {below for below, above in self.boss.items() if above == one},
                "friends": friends,
                "pets": {pet for pet, human in self.keeper.items() if human == one},
            }
            found[one] = (name, age, relations)
        return found


class Failing(Exception):
    """Ends a transaction."""


class Machine(RuleBasedStateMachine):
    """Does the same to entities and to the model."""

    def __init__(self, options: dict[str, Any], second: Second | None) -> None:
        super().__init__()
        self.options = options
        self.second = second
        self.db = Database.init(**options)
        if second is not None:
            second("open", options)
        self.model = Model()
        self.blocks: list[tuple[Any, Model]] = []
        self.held: dict[str, Any] = {}

    def teardown(self) -> None:
        while self.blocks:
            self.leave(raising=True)
        self.db.close()

    # -- who is meant ---------------------------------------------------------------------------

    def pick(self, type_: str, number: int) -> str:
        names = self.model.of(type_)
        return names[number % len(names)] if names else ""

    def get(self, name: str) -> Any:
        type_, _, id_ = name.partition("@")
        one = TYPES[type_].load(id_)
        assert self.held.setdefault(name, one) is one
        return one

    @contextmanager
    def refused(self, kind: type[Exception], when: bool) -> Iterator[None]:
        if when:
            with pytest.raises(kind):
                yield
        else:
            yield

    # -- entities -------------------------------------------------------------------------------

    @rule(name=NAMES, type_=st.sampled_from(list(TYPES)), to=PICK)
    def create(self, name: str | None, type_: str, to: int) -> None:
        human = self.pick("Human", to)
        field = "friends" if type_ == "Human" else "keeper"
        linked = {field: self.get(human)} if human and to % 3 else {}
        fails = type_ == "Human" and self.model.has_alias(name)
        with self.refused(DuplicateEntity, fails):
            made = TYPES[type_](name=name, **linked)
        if fails:
            return
        self.model.last[type_] += 1
        one = f"{type_}@{self.model.last[type_]}"
        assert made._id == one.partition("@")[2]
        self.held[one] = made
        self.model.fields[one] = (name, 0)
        if linked and type_ == "Human":
            self.model.befriend(one, human)
        elif linked:
            self.model.keeper[one] = human

    @rule(type_=st.sampled_from(list(TYPES)), number=PICK)
    def delete(self, type_: str, number: int) -> None:
        one = self.pick(type_, number)
        if one:
            self.get(one).delete()
            self.model.delete(one)
            self.held.pop(one)

    @rule(number=PICK, name=NAMES, age=PICK)
    def change(self, number: int, name: str | None, age: int) -> None:
        one = self.pick("Human", number)
        if one:
            entity = self.get(one)
            entity.age = age
            fails = self.model.has_alias(name, one)
            with self.refused(DuplicateEntity, fails):
                entity.name = name
            self.model.fields[one] = (self.model.fields[one][0] if fails else name, age)

    # -- relations ------------------------------------------------------------------------------

    @rule(one=PICK, other=PICK, none=st.booleans())
    def set_spouse(self, one: int, other: int, none: bool) -> None:
        first, last = self.pick("Human", one), self.pick("Human", other)
        if first:
            self.get(first).spouse = None if none else self.get(last)
            self.model.marry(first, None if none else last)

    @rule(one=PICK, other=PICK, how=st.sampled_from(["boss", "none", "add", "remove", "id"]))
    def set_boss(self, one: int, other: int, how: str) -> None:
        low, high = self.pick("Human", one), self.pick("Human", other)
        if not low:
            return
        below, above, boss = self.get(low), self.get(high), self.model.boss
        fails = how in ("boss", "add", "id") and self.model.is_above(low, high)
        fails = fails and not (how == "add" and boss.get(low) == high)
        with self.refused(InvalidEntity, fails):
            if how == "add":
                above.staff.add(below)
            elif how == "remove":
                above.staff.remove(below)
            else:
                below.boss = {"boss": above, "none": None, "id": above._id}[how]
        if fails:
            return
        if how == "none" or (how == "remove" and boss.get(low) == high):
            boss.pop(low, None)
        elif how != "remove":
            boss[low] = high

    @rule(
        one=PICK, others=st.lists(PICK, max_size=4), how=st.sampled_from(["set", "add", "remove"])
    )
    def set_friends(self, one: int, others: list[int], how: str) -> None:
        first = self.pick("Human", one)
        if not first:
            return
        names = [self.pick("Human", other) for other in others]
        entity = self.get(first)
        if how == "set":
            entity.friends = [self.get(name) for name in names]
            self.model.friends = {pair for pair in self.model.friends if first not in pair}
        for name in names:
            if how == "remove":
                entity.friends.remove(self.get(name))
                self.model.friends.discard(frozenset({first, name}))
            else:
                entity.friends.add(self.get(name))
                self.model.befriend(first, name)

    @rule(
        one=PICK, pets=st.lists(st.tuples(st.sampled_from(["Hound", "Kitten"]), PICK), max_size=3)
    )
    def set_pets(self, one: int, pets: list[tuple[str, int]]) -> None:
        human, names = self.pick("Human", one), [self.pick(*pet) for pet in pets]
        if human:
            keeper, names = self.model.keeper, [name for name in names if name]
            self.get(human).pets = [self.get(name) for name in names]
            for name in [name for name in keeper if keeper[name] == human]:
                del keeper[name]
            keeper.update(dict.fromkeys(names, human))

    @rule(one=PICK, type_=st.sampled_from(["Hound", "Kitten"]), pet=PICK, none=st.booleans())
    def set_keeper(self, one: int, type_: str, pet: int, none: bool) -> None:
        human, name = self.pick("Human", one), self.pick(type_, pet)
        if human and name:
            self.get(name).keeper = None if none else self.get(human)
            self.model.keeper.pop(name, None)
            if not none:
                self.model.keeper[name] = human

    # -- transactions ---------------------------------------------------------------------------

    @precondition(lambda self: self.db.table is not None and len(self.blocks) < 2)
    @rule()
    def enter(self) -> None:
        block = self.db.transaction()
        block.__enter__()
        self.blocks.append((block, copy.deepcopy(self.model)))

    @precondition(lambda self: self.blocks)
    @rule(raising=st.booleans())
    def leave(self, raising: bool) -> None:
        block, before = self.blocks.pop()
        if raising:
            block.__exit__(Failing, Failing(), None)
            self.model = before
            self.held.clear()  # some of them were made or deleted inside
        else:
            block.__exit__(None, None, None)

    # -- others ---------------------------------------------------------------------------------

    @precondition(lambda self: not self.blocks and self.options.get("path") != ":memory:")
    @rule()
    def reopen(self) -> None:
        self.db.close()
        self.held.clear()
        self.db = Database.init(**self.options)

    @precondition(lambda self: self.second is not None and not self.blocks)
    @rule(one=PICK, other=PICK, age=PICK)
    def another_process(self, one: int, other: int, age: int) -> None:
        assert self.second is not None
        first, last = self.pick("Human", one), self.pick("Human", other)
        if first:
            ids = {"one": first.partition("@")[2], "other": last.partition("@")[2], "age": age}
            self.second(
                "one = Human.load(one); one.age = age; one.friends.add(Human.load(other))\n"
                "one.spouse = Human.load(other)\n",
                ids,
            )
            self.model.fields[first] = (self.model.fields[first][0], age)
            self.model.befriend(first, last)
            self.model.marry(first, last)

    @precondition(lambda self: self.second is not None)
    @rule()
    def another_process_looks(self) -> None:
        assert self.second is not None
        committed = self.blocks[0][1] if self.blocks else self.model
        assert self.second("state()") == committed.state()

    @precondition(lambda self: not self.blocks)
    @rule()
    def load_a_dump(self) -> None:
        text = self.db.dump_json()
        with Database(db_storage=MemoryStorage()) as other:
            other.load_json(text)
            assert state() == self.model.state()
        other.close()

    @invariant()
    def agrees(self) -> None:
        assert state() == self.model.state()
        for name in ("Ann", "é", ""):
            assert (Human["name", name] is not None) == self.model.has_alias(name)


@pytest.mark.parametrize("kind", ["files", "memory", "storage"])
def test_relations(kind: str, tmp_path: Path) -> None:
    numbers = itertools.count()
    second = Second(":memory:") if kind == "files" else None

    def machine() -> Machine:
        options: dict[str, Any] = {"path": str(tmp_path / str(next(numbers)))}
        if kind == "memory":
            options = {"path": ":memory:"}
        if kind == "storage":
            options = {"db_storage": MemoryStorage()}
        return Machine(options, second)

    try:
        run_state_machine_as_test(machine, settings=EXAMPLES)  # type: ignore[no-untyped-call]
    finally:
        if second is not None:
            second.__exit__()
