"""Commits of several threads in one group: each is prepared against those before it."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import pytest

from dynafile import Action, Dynafile, Event
from dynafile.errors import KeyTypeMismatch

if TYPE_CHECKING:
    from collections.abc import Callable

    from api.conftest import Clock
    from conftest import OpenDatabase

A = {"PK": "a", "SK": "1"}
B = {"PK": "b", "SK": "1"}


@pytest.fixture(params=["memory", "files"])
def db(request: pytest.FixtureRequest, database: OpenDatabase) -> Dynafile:
    return database(":memory:" if request.param == "memory" else None)


def in_one_group(db: Dynafile, *works: Callable[[], Any]) -> list[BaseException | None]:
    """Let each of them wait in the queue of a thread of its own, in this order; then go."""
    writer = db._store._writer
    raised: list[BaseException | None] = [None] * len(works)

    def run(at: int) -> None:
        try:
            works[at]()
        except BaseException as error:
            raised[at] = error

    threads = [threading.Thread(target=run, args=(at,)) for at in range(len(works))]
    with writer.mutex:
        for at, thread in enumerate(threads):
            thread.start()
            while len(writer._gathering.commits) <= at:
                assert thread.is_alive()
    for thread in threads:
        thread.join(30)
        assert not thread.is_alive()
    return raised


def events_of(db: Dynafile) -> list[tuple[str, Any, Any]]:
    events: list[tuple[str, Any, Any]] = []
    db.add_stream_listener(lambda event: events.append(tuple(event)))
    return events


def test_old_images_are_those_of_the_commit_before(db: Dynafile) -> None:
    db.put_item(item={**A, "n": 0})
    events = events_of(db)
    raised = in_one_group(
        db,
        lambda: db.put_item(item={**A, "n": 1}),
        lambda: db.put_item(item={**A, "n": 2}),
        lambda: db.delete_item(key=A),
        lambda: db.delete_item(key=A),
        lambda: db.execute_batch([Action("PUT", B), Action("DELETE", A), Action("PUT", A)]),
        lambda: db.delete_item(key=B),
    )
    assert raised == [None] * 6
    assert events == [
        ("PUT", {**A, "n": 1}, {**A, "n": 0}),
        ("PUT", {**A, "n": 2}, {**A, "n": 1}),
        ("DELETE", None, {**A, "n": 2}),
        ("PUT", B, None),
        ("PUT", A, None),
        ("DELETE", None, B),
    ]
    assert list(db.scan()) == [A]


@pytest.mark.parametrize("before", ["put", "delete", "clear", "nothing"])
def test_clear_and_what_came_before_it(before: str, db: Dynafile) -> None:
    """A clear said nothing of items that its group had just put, and told of others as None."""
    db.put_item(item=B)
    events = events_of(db)
    works = {
        "put": lambda: db.put_item(item=A),
        "delete": lambda: db.delete_item(key=B),
        "clear": lambda: db.clear(),
        "nothing": lambda: db.delete_item(key=A),
    }
    assert in_one_group(db, works[before], db.clear) == [None, None]
    first = [("PUT", A, None)] if before == "put" else []
    gone = [("DELETE", None, B), *([("DELETE", None, A)] if before == "put" else [])]
    assert events[: len(first)] == first
    assert sorted(events[len(first) :], key=repr) == sorted(gone, key=repr)
    assert len(db) == 0


def test_first_writes_of_two_types(db: Dynafile) -> None:
    """The first decides for all; the second is prepared again, and refused."""
    raised = in_one_group(
        db,
        lambda: db.put_item(item=A),
        lambda: db.put_item(item={"PK": 1, "SK": "1"}),
        lambda: db.put_item(item={"PK": "a", "SK": 1}),
        lambda: db.put_item(item=B),
    )
    assert [type(error) for error in raised] == [type(None), KeyTypeMismatch, KeyTypeMismatch,
                                                 type(None)]  # fmt: skip
    assert (db.pk_type, db.sk_type, len(db)) == ("S", "S", 2)


def test_sweeps_and_writes(clock: Clock, database: OpenDatabase) -> None:
    """Two sweeps and an overwriting put: each removal is heard once."""
    db = database(ttl_attribute="ttl")
    db.put_item(item={**A, "ttl": clock.now + 1})
    db.put_item(item={**B, "ttl": clock.now + 1})
    events = events_of(db)
    clock.now += 5
    swept: list[int] = []
    raised = in_one_group(
        db,
        lambda: db.put_item(item={**A, "ttl": clock.now + 100}),
        lambda: swept.append(db.sweep()),
        lambda: swept.append(db.sweep()),
    )
    assert raised == [None] * 3
    removals = [event for event in events if event[0] == "DELETE"]
    assert sorted(old["PK"] for _, _, old in removals) == ["a", "b"]
    assert (sum(swept), len(db)) == (1, 1)


def test_one_that_fails_takes_nobody_along(db: Dynafile) -> None:
    """A commit that is refused under the lock leaves the others of its group as they were."""
    db.put_item(item=A)
    events: list[Event] = []
    db.add_stream_listener(events.append)

    def refused(view: Any) -> Any:
        raise ZeroDivisionError

    raised = in_one_group(
        db,
        lambda: db.put_item(item=B),
        lambda: db._table._commit(refused, db._store.schema.version),
        lambda: db.delete_item(key=A),
    )
    assert [type(error) for error in raised] == [type(None), ZeroDivisionError, type(None)]
    assert list(db.scan()) == [B]
    assert [event.action for event in events] == ["PUT", "DELETE"]
