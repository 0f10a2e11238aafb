"""Several processes, threads and tasks at once: whoever loses hears of it, and nothing is lost."""

from __future__ import annotations

import asyncio
import contextvars
import random
import threading
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest
from entities.conftest import Home
from entities.people import Human
from entities.second import Second

from dynafile.entities import Database
from dynafile.entities.context import get_caller_id
from dynafile.errors import (
    DuplicateEntity,
    EntityConflict,
    EntityDeleted,
    InvalidArgument,
    TransactionConflict,
)

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def files(tmp_path: Path) -> Iterator[Home]:
    home = Home(path=tmp_path / "db", audit_enabled=True)
    yield home
    home.close()


@pytest.fixture
def second(files: Home, tmp_path: Path) -> Iterator[Second]:
    with Second(tmp_path / "db", audit_enabled=True) as second:
        yield second


def in_threads(count: int, work: Callable[[int], None]) -> None:
    """Run work in so many threads at once; raise what any of them raised."""
    failed: list[BaseException] = []
    ready = threading.Barrier(count)

    def run(number: int) -> None:
        try:
            ready.wait()
            work(number)
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=run, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failed:
        raise failed[0]


# -- two processes --------------------------------------------------------------------------------


def test_who_edits_what_another_process_has_changed_gets_a_conflict(
    files: Home, second: Second
) -> None:
    ann = Human(name="Ann", age=1)
    second("Human['Ann'].age = 2")
    for change in (
        lambda: setattr(ann, "age", 3),
        lambda: setattr(ann, "spouse", None),
        ann.delete,
    ):
        with pytest.raises(EntityConflict) as caught:
            change()
        assert (caught.value.type, caught.value.id) == ("Human", "1")
        assert ann.age == 1
    assert Human["Ann"] is ann
    assert ann.age == 2
    ann.age = 3
    assert second("Human['Ann'].age") == 3


def test_a_conflict_that_was_caught_does_not_let_the_next_change_through(
    files: Home, second: Second
) -> None:
    """The entity stayed claimed after the conflict, so that the second try was not compared."""
    ann = Human(name="Ann", age=1)
    second("Human['Ann'].age = 2")
    with files.db.transaction():
        for _ in range(2):
            with pytest.raises(EntityConflict):
                ann.age = 9
    assert second("Human['Ann'].age") == 2


def test_what_another_process_deleted_or_made_again_is_not_taken_for_the_old_one(
    files: Home, second: Second
) -> None:
    """A revision began at 1, so one that was made again under an id passed for the old one."""
    ann = Human(_id="ann", age=1)
    second("Human['ann'].delete()")
    with pytest.raises(EntityConflict, match="deleted"):
        ann.age = 2
    second("Human(_id='ann', age=7)")
    with pytest.raises(EntityConflict):
        ann.age = 2
    found = Human["ann"]
    assert found is not None
    assert found.age == 7


def test_a_transaction_loses_to_what_came_before_its_end(files: Home, second: Second) -> None:
    ann, bob = Human(name="Ann", age=1), Human(name="Bob", age=1)
    with pytest.raises(TransactionConflict), files.db.transaction():
        bob.age = ann.age + 1  # ann was read, and is another at the end
        second("Human['Ann'].age = 5")
    assert bob.age == 1
    assert second("Human['Bob'].age") == 1


def test_a_transaction_reads_what_is_stored_and_not_what_an_object_was(
    files: Home, second: Second
) -> None:
    """An object that was loaded before gave its old values, and nobody compared them."""
    ann = Human(name="Ann", age=1)
    second("Human['Ann'].age = 5")
    with files.db.transaction():
        ann.age = ann.age + 1
    assert second("Human['Ann'].age") == 6


def test_a_function_is_run_again_until_it_has_no_conflict(files: Home, second: Second) -> None:
    ann, calls = Human(name="Ann", age=1), []

    def blindly() -> None:
        if not calls:
            second("Human['Ann'].age = 5")
        calls.append(ann)
        ann.age = 7

    files.db.run_transaction(blindly)
    assert len(calls) == 2
    assert second("Human['Ann'].age") == 7


@pytest.mark.parametrize("change", ["friends", "boss", "spouse", "add"])
def test_nothing_comes_to_lead_to_what_another_process_deletes(
    files: Home, second: Second, change: str
) -> None:
    """The far end was not read, so that a link to nothing could be made."""
    ann, bob = Human(name="Ann"), Human(name="Bob")
    with pytest.raises(TransactionConflict), files.db.transaction():
        if change == "add":
            ann.staff.add(bob)
        else:
            setattr(ann, change, [bob] if change == "friends" else bob)
        second("Human['Bob'].delete()")
    with pytest.raises((EntityConflict, EntityDeleted)):
        ann.friends.add(bob)
    assert (len(ann.friends), len(ann.staff), ann.boss, ann.spouse) == (0, 0, None, None)


def test_only_one_of_two_processes_gets_an_alias(files: Home, second: Second) -> None:
    second.send("Human(name='Ann')._id")
    try:
        mine: Any = Human(name="Ann")
    except DuplicateEntity:
        mine = None
    try:
        theirs = second.receive()
    except DuplicateEntity:
        theirs = None
    assert (mine is None) != (theirs is None)
    assert Human.count() == 1


MANY = """
for number in range(60):
    one = Human(name=f"second-{number}")
    hub.friends.add(one)
    if number % 3 == 0:
        one.delete()
"""


def test_two_processes_and_two_threads_count_exactly(files: Home, second: Second) -> None:
    hub = Human(name="hub")
    second.send(MANY.replace("hub.", "Human['hub']."))

    def work(thread: int) -> None:
        for number in range(40):
            one = Human(name=f"{thread}-{number}")
            files.db.run_transaction(lambda one=one: Human["hub"].friends.add(one))  # type: ignore[misc,union-attr]
            if number % 4 == 0:
                one.delete()

    in_threads(2, work)
    second.receive()
    names = {f"second-{n}" for n in range(60) if n % 3}
    names |= {f"{thread}-{n}" for thread in range(2) for n in range(40) if n % 4}
    found = Human["hub"]
    assert found is hub
    assert {one.name for one in hub.friends} == names
    assert len(hub.friends) == len(names)
    assert Human.count() == len(names) + 1 == len(Human.instances())
    assert Human.max_id() == 60 + 80 + 1
    numbers = [entry.number for entry in files.db.audit()]
    assert numbers == list(range(len(numbers)))
    made = [entry.entity for entry in files.db.audit() if entry.before is None]
    assert len(made) == len(set(made)) == 141


# -- threads --------------------------------------------------------------------------------------


def test_threads_lose_no_increment(home: Home) -> None:
    """An object's value was read outside of what the transaction compares at its end."""
    ann = Human(name="Ann", age=0)
    has_transactions = home.db.table is not None

    def work(_: int) -> None:
        for _ in range(25):
            if has_transactions:
                home.db.run_transaction(lambda: setattr(ann, "age", ann.age + 1))
            else:
                Human().friends.add(ann)

    in_threads(4, work)
    assert (ann.age if has_transactions else len(ann.friends)) == 100


def test_threads_get_ids_of_their_own_and_one_object_a_record(home: Home) -> None:
    """Two that took an id at once left the loser's object in the place of the winner's."""
    made: list[Human] = []

    def work(_: int) -> None:
        made.extend([Human() for _ in range(30)])

    in_threads(4, work)
    assert sorted(int(one._id) for one in made) == list(range(1, 121))
    assert all(Human[one._id] is one for one in made)
    assert Human.count() == 120


def test_a_thread_sees_nothing_of_anothers_transaction(tabular: Home) -> None:
    ann = Human(name="Ann", age=1)
    seen: list[Any] = []
    with tabular.db.transaction():
        ann.age = 2
        bob = Human(name="Bob")
        context = contextvars.copy_context()

        def look() -> None:
            seen.append((ann.age, Human["Bob"], Human.count(), "Ann" in repr(ann)))

        for target in (look, lambda: context.run(look)):
            thread = threading.Thread(target=target)
            thread.start()
            thread.join()
    assert seen == [(1, None, 1, True)] * 2
    assert Human["Bob"] is bob


def test_a_database_can_be_entered_by_several_threads(tmp_path: Path) -> None:
    """The threads left each other's blocks, which raised."""
    first, last = threading.Event(), threading.Event()
    with Database(path=tmp_path / "a") as db:
        user = db.as_user("ann")

    def inner() -> None:
        with db, user:
            first.set()
            last.wait()

    def outer() -> None:
        first.wait()
        with db, user:
            assert get_caller_id() == "ann"
        last.set()
        assert get_caller_id() == "system"

    in_threads(2, lambda number: (inner, outer)[number]())
    db.close()


# -- tasks ----------------------------------------------------------------------------------------


def test_tasks_have_transactions_of_their_own(tabular: Home) -> None:
    ann, bob = Human(name="Ann", age=1), Human(name="Bob", age=1)

    async def first(begun: asyncio.Event, go: asyncio.Event) -> None:
        with tabular.db.transaction():
            ann.age = 2
            begun.set()
            await go.wait()
            assert ann.age == 2

    async def main() -> None:
        begun, go = asyncio.Event(), asyncio.Event()
        task = asyncio.create_task(first(begun, go))
        await begun.wait()
        assert ann.age == 1
        before = time.monotonic()
        with pytest.raises(EntityConflict, match="another task"):
            ann.age = 3
        assert time.monotonic() - before < 1  # waiting would stop the task that it waits for
        with tabular.db.transaction():
            bob.age = 3
        go.set()
        await task

    asyncio.run(main())
    assert (ann.age, bob.age) == (2, 3)


def test_a_task_that_began_inside_of_a_transaction_is_not_a_part_of_it(tabular: Home) -> None:
    """It inherited the transaction, and what it changed after the end was lost without a word."""
    ann = Human(name="Ann", age=1)

    async def later(go: asyncio.Event) -> None:
        await go.wait()
        ann.age = 5

    async def main() -> None:
        go = asyncio.Event()
        with tabular.db.transaction():
            task = asyncio.create_task(later(go))
            Human(name="Bob")
        go.set()
        await task

    asyncio.run(main())
    assert ann.age == 5
    tabular.db.run_transaction(lambda: None)
    assert Human.load(1).age == 5  # type: ignore[union-attr]
    with tabular.db.transaction():
        kept = contextvars.copy_context()
    kept.run(lambda: setattr(ann, "age", 6))
    assert ann.age == 6


# -- undone ---------------------------------------------------------------------------------------


def test_a_block_is_used_once(tabular: Home) -> None:
    """Entered again inside of itself, it never committed."""
    block = tabular.db.transaction()
    with block:
        ann = Human(name="Ann")
        with pytest.raises(InvalidArgument, match="once"), block:
            pass
    with pytest.raises(InvalidArgument, match="once"), block:
        pass
    assert Human["Ann"] is ann


def test_what_an_inner_block_made_is_gone_when_it_raises(tabular: Home) -> None:
    """The object stood for whatever got its id next."""
    with tabular.db.transaction():
        with pytest.raises(ZeroDivisionError), tabular.db.transaction():
            lost = Human(name="Lost")
            _ = 1 / 0
        with pytest.raises(EntityDeleted):
            _ = lost.name
        kept = Human(name="Kept")
        assert kept._id == lost._id
        with pytest.raises(EntityDeleted):
            lost.age = 3
        assert Human["1"] is kept
    for use in (lambda: lost.name, lambda: setattr(lost, "age", 3), lost.delete):
        with pytest.raises(EntityDeleted):
            use()
    assert Human["1"] is kept
    assert [one.name for one in Human.instances()] == ["Kept"]


def test_what_an_inner_block_made_is_not_read_when_it_has_raised(tabular: Home) -> None:
    """What a query inside had shown to the table was read from there until the next query."""
    with tabular.db.transaction():
        with pytest.raises(ZeroDivisionError), tabular.db.transaction():
            Human(name="Lost")
            assert len(Human.instances()) == 1
            _ = 1 / 0
        assert (Human.count(), Human.max_id(), Human["1"], Human["Lost"]) == (0, 0, None, None)
        assert Human.instances() == []
    assert (Human.count(), Human.instances()) == (0, [])


def test_an_object_whose_creation_was_undone_is_not_the_next_one(tabular: Home) -> None:
    with tabular.db.transaction(), pytest.raises(ZeroDivisionError), tabular.db.transaction():
        lost = Human(name="Lost")
        _ = 1 / 0
    kept = Human(name="Kept")
    assert Human["1"] is kept
    with pytest.raises(EntityDeleted):
        _ = lost.name


def test_deleted_and_made_again_in_one_transaction(tabular: Home) -> None:
    old = Human(_id="x", name="Old", age=1)
    with pytest.raises(ZeroDivisionError), tabular.db.transaction():
        old.delete()
        Human(_id="x", name="New", age=2)
        _ = 1 / 0
    old.age = 5
    assert Human["x"] is old
    with tabular.db.transaction():
        old.delete()
        new = Human(_id="x", name="Old", age=2)
        assert Human["x"] is new
        with pytest.raises(EntityDeleted):
            old.age = 6
    assert Human["x"] is new
    assert Human.count() == 1
    with pytest.raises(EntityDeleted):
        old.age = 6


def test_a_dump_has_what_the_transaction_made(tabular: Home) -> None:
    """The counts were written at the end only, so a dump inside left a new type out."""
    with tabular.db.transaction():
        Human(name="Ann")
        text = tabular.db.dump_json()
    assert '"Ann"' in text


# -- crashes --------------------------------------------------------------------------------------

CHURN = """
import itertools, random
def churn(seed):
    chance = random.Random(seed)
    for number in itertools.count():
        one = Human(name=f"{seed}-{number}", friends=Human.instances()[:2])
        hound = Hound(name=one.name, keeper=one)
        if chance.random() < 0.4:
            chance.choice(Human.instances()).delete()
"""


@pytest.mark.parametrize("seed", range(4))
def test_a_process_that_is_killed_leaves_whole_changes(tmp_path: Path, seed: int) -> None:
    with Second(tmp_path / "db", audit_enabled=True) as second:
        second(CHURN)
        second.send(f"churn({seed})")
        time.sleep(random.Random(seed).uniform(0.2, 0.6))
        second.process.kill()
    home = Home(path=tmp_path / "db", audit_enabled=True)
    try:
        assert_whole(home.db)
        Human(name="after")
    finally:
        home.close()


def assert_whole(db: Database) -> None:
    """Entities, aliases, links, counts and the audit log say the same."""
    humans = Human.instances()
    assert Human.count() == len(humans)
    entries = list(db.audit())
    assert [entry.number for entry in entries] == list(range(len(entries)))
    for one in humans:
        assert Human[one.name] is one
        assert len(one.friends) == len(list(one.friends))
        assert all(one in other.friends for other in one.friends)
        assert all(pet.keeper is one for pet in one.pets)
        last = [entry for entry in entries if entry.entity == f"Human@{one._id}"][-1]
        assert last.after is not None
        assert last.after["name"] == one.name
    there = {f"Human@{one._id}" for one in humans}
    made = {entry.entity for entry in entries if entry.entity.startswith("Human")}
    gone = {entry.entity for entry in entries if entry.operation == "delete"}
    assert made - gone == there
    table = db.table
    assert table is not None
    raw = db.raw_dump_json()
    assert raw.count("alias#Human") == len(humans)
