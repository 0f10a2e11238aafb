"""Live queries: first the state, then what changes it, in order, none missed and none twice."""

from __future__ import annotations

import asyncio
import logging
import random
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from documents.conftest import WITHIN, Told, fold, word

from dynafile import documents

if TYPE_CHECKING:
    from collections.abc import Iterator

    from documents.conftest import Home

doc = documents.doc

BEFORE: dict[str, dict[str, Any]] = {
    "a": {"n": 1, "on": True},
    "b": {"n": 2, "on": False},
    "c": {"n": 3, "on": True},
}


@pytest.fixture
def users(db: documents.Montybase) -> Any:
    """A collection with three documents."""
    for id_, value in BEFORE.items():
        doc(db, "users").add(value, key=id_)
    return doc(db, "users")


class Listening:
    """Listeners that are told no more when the test is over."""

    def __init__(self) -> None:
        self._watches: list[Any] = []

    def to(self, ref: Any, callback: Any = None) -> Told:
        """Listen, and wait for the state."""
        told = Told()
        self._watches.append(ref.on_snapshot(told if callback is None else callback))
        if callback is None:
            told.wait_for_changes(1)
            assert told.changes[0].type == "state"
        return told

    def end(self) -> None:
        while self._watches:
            self._watches.pop().unsubscribe()


@pytest.fixture
def listening(db: documents.Montybase) -> Iterator[Listening]:
    listening = Listening()
    yield listening
    listening.end()


# What is listened to, what it is, statements, and what is told of them.
TOLD: list[tuple[str, Any, str, list[tuple[Any, ...]]]] = [
    # a collection
    ("users", BEFORE, "users.add({'n': 4}, key='d')", [("added", "d", {"n": 4})]),
    ("users", BEFORE, "users.add({'n': 9}, key='a')", [("modified", "a", {"n": 9})]),
    ("users", BEFORE, "users.append('a').set({'n': 9})", [("modified", "a", {"n": 9})]),
    (
        "users",
        BEFORE,
        "users.append('a').update({'n': 9})",
        [("modified", "a", {"n": 9, "on": True})],
    ),
    ("users", BEFORE, "users.append('a').delete()", [("removed", "a", BEFORE["a"])]),
    ("users", BEFORE, "users.append('a', 'n').delete()", [("modified", "a", {"on": True})]),
    ("users", BEFORE, "users.delete({'on': False})", [("removed", "b", BEFORE["b"])]),
    ("users", BEFORE, "users.add(BEFORE['a'], key='a')", []),  # nothing changed
    ("users", BEFORE, "users.append('z').delete()", []),
    ("users", BEFORE, "users.append('a', 'posts').add({'n': 1})", []),
    ("users", BEFORE, "doc(db, 'users2', 'a').set({'n': 1})", []),
    # a document
    (
        "users.append('a')",
        BEFORE["a"],
        "users.append('a').update({'n': 9})",
        [("modified", "a", {"n": 9, "on": True})],
    ),
    (
        "users.append('a')",
        BEFORE["a"],
        "users.append('a').delete()",
        [("removed", "a", BEFORE["a"])],
    ),
    ("users.append('z')", None, "users.append('z').set({'n': 9})", [("added", "z", {"n": 9})]),
    ("users.append('a')", BEFORE["a"], "users.append('b').delete()", []),
    ("users.append('a')", BEFORE["a"], "users.append('aa').set({})", []),
    # a query
    (
        "users.where('n', '>', 1)",
        {"b": BEFORE["b"], "c": BEFORE["c"]},
        "users.append('a').update({'n': 5})",
        [("added", "a", {"n": 5, "on": True})],
    ),
    (
        "users.where('n', '>', 2)",
        {"c": BEFORE["c"]},
        "users.append('c').update({'n': 0})",
        [("removed", "c", BEFORE["c"])],
    ),
    (
        "users.where('n', '>', 2)",
        {"c": BEFORE["c"]},
        "users.append('c').update({'n': 9})",
        [("modified", "c", {"n": 9, "on": True})],
    ),
    (
        "users.where('n', '>', 2)",
        {"c": BEFORE["c"]},
        "users.append('c').delete()",
        [("removed", "c", BEFORE["c"])],
    ),
    ("users.where('n', '>', 2)", {"c": BEFORE["c"]}, "users.append('a').update({'n': 0})", []),
    ("users.where('n', '>', 9)", {}, "users.add({'n': 10}, key='d')", [("added", "d", {"n": 10})]),
    ("users.where('n', '>', 2)", {"c": BEFORE["c"]}, "users.add({'m': 10}, key='d')", []),
    # a window of a query
    (
        "users.order_by('n').limit(2)",
        {"a": BEFORE["a"], "b": BEFORE["b"]},
        "users.add({'n': 0}, key='z')",
        [("removed", "b", BEFORE["b"]), ("added", "z", {"n": 0})],
    ),
    (
        "users.order_by('n').limit(2)",
        {"a": BEFORE["a"], "b": BEFORE["b"]},
        "users.append('a').delete()",
        [("removed", "a", BEFORE["a"]), ("added", "c", BEFORE["c"])],
    ),
    (
        "users.order_by('n').limit(2)",
        {"a": BEFORE["a"], "b": BEFORE["b"]},
        "users.add({'n': 7}, key='z')",
        [],
    ),
    (
        "users.start_after('a')",
        {"b": BEFORE["b"], "c": BEFORE["c"]},
        "users.append('c').delete()",
        [("removed", "c", BEFORE["c"])],
    ),
    (
        "users.start_after('a')",
        {"b": BEFORE["b"], "c": BEFORE["c"]},
        "users.append('a').delete()",
        [],
    ),
    # a group of collections
    (
        "db.collection_group('posts')",
        {},
        "users.append('a', 'posts').add({'n': 1}, key='p')",
        [("added", "p", {"n": 1})],
    ),
    ("db.collection_group('posts')", {}, "users.append('a', 'notes').add({'n': 1}, key='p')", []),
]


@pytest.mark.parametrize(("heard", "state", "statements", "told"), TOLD)
def test_what_is_told(
    users: Any,
    db: documents.Montybase,
    listening: Listening,
    heard: str,
    state: Any,
    statements: str,
    told: list[tuple[Any, ...]],
) -> None:
    names = {"users": users, "db": db, "doc": doc, "BEFORE": BEFORE}
    changes: list[Any] = []
    listening.to(eval(heard, names), changes.append)
    wait_until(lambda: changes)
    exec(statements, names)
    wait_until(lambda: len(changes) > len(told))
    time.sleep(0.05)
    assert list(map(word, changes)) == [("state", state), *told]


def wait_until(holds: Any) -> None:
    deadline = time.monotonic() + WITHIN
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.002)


def test_the_state_is_told_first(db: documents.Montybase, listening: Listening) -> None:
    told = listening.to(doc(db, "users"))
    assert told.words == [("state", {})]


def test_the_state_of_a_query_is_in_its_order(users: Any, listening: Listening) -> None:
    told = listening.to(users.order_by("n", "desc"))
    assert list(told.changes[0].value) == ["c", "b", "a"]


def test_a_change_says_where_it_was(users: Any, listening: Listening) -> None:
    told = listening.to(users)
    users.append("a").update({"n": 9})
    told.wait_for_changes(2)
    assert told.changes[1].path == "users/a"
    assert users.db.collection_group("users").stream()[0]["path"] == "users/a"


def test_changes_are_told_in_order(users: Any, listening: Listening) -> None:
    told = listening.to(users)
    words = []
    for number in range(100):
        users.append("a").update({"n": 10 + number})
        words.append(("modified", "a", {"n": 10 + number, "on": True}))
        users.add({"n": number}, key="d")
        words.append(("added", "d", {"n": number}))
        users.append("d").delete()
        words.append(("removed", "d", {"n": number}))
    told.wait_for_changes(301)
    assert told.words[1:] == words


def test_a_transaction_is_told_when_it_is_made(
    users: Any, db: documents.Montybase, listening: Listening
) -> None:
    told = listening.to(users)
    with pytest.raises(RuntimeError, match="no"), db.transaction():
        users.add({"n": 5}, key="x")
        raise RuntimeError("no")
    with db.transaction():
        users.append("a").update({"n": 5})
        users.append("a").update({"n": 6})
        users.add({"n": 7}, key="y")
        users.append("y").delete()
        users.append("b").delete()
    users.add({"n": 0}, key="z")
    told.wait_for_changes(4)
    assert sorted(map(repr, told.words[1:3])) == sorted(
        map(repr, [("removed", "b", BEFORE["b"]), ("modified", "a", {"n": 6, "on": True})])
    )
    assert told.words[3:] == [("added", "z", {"n": 0})]


def test_replacing_a_collection_is_told_of_each_document(users: Any, listening: Listening) -> None:
    told = listening.to(users)
    users.set({"n": 9}, key="b")
    told.wait(lambda told: told.documents == {"b": {"n": 9}})
    assert sorted(change.type for change in told.changes[1:]) == ["modified", "removed", "removed"]


def test_who_listens_no_more_is_told_no_more(users: Any) -> None:
    told = Told()
    watch = users.on_snapshot(told)
    told.wait_for_changes(1)
    watch.unsubscribe()
    watch.unsubscribe()
    users.append("a").delete()
    time.sleep(0.2)
    assert [change.type for change in told.changes] == ["state"]


def test_what_is_told_is_the_listeners_own(users: Any, listening: Listening) -> None:
    spoiled: list[Any] = []

    def spoil(change: Any) -> None:
        change.value.clear()
        spoiled.append(change)

    listening.to(users, spoil)
    told = listening.to(users)
    users.append("a").update({"n": 9})
    told.wait_for_changes(2)
    wait_until(lambda: len(spoiled) == 2)
    assert told.documents == users.get() == BEFORE | {"a": {"n": 9, "on": True}}


def test_listeners_may_write(users: Any, listening: Listening) -> None:
    """They run outside of all locks; what they write is told after what they were told."""

    def answer(change: Any) -> None:
        if change.type == "added" and change.id != "answer":
            users.add({"to": change.id}, key="answer")

    listening.to(users, answer)
    told = listening.to(users)
    users.add({"n": 1}, key="d")
    told.wait_for_changes(3)
    assert told.words[1:] == [("added", "d", {"n": 1}), ("added", "answer", {"to": "d"})]


def test_a_listener_may_end_itself(users: Any) -> None:
    told, watches = Told(), []

    def once(change: Any) -> None:
        told(change)
        if change.type != "state":
            watches[0].unsubscribe()

    watches.append(users.on_snapshot(once))
    told.wait_for_changes(1)
    users.append("a").delete()
    users.append("b").delete()
    told.wait_for_changes(2)
    time.sleep(0.1)
    assert told.words[1:] == [("removed", "a", BEFORE["a"])]


def test_a_listener_that_raises_stops_nobody(
    users: Any, listening: Listening, caplog: pytest.LogCaptureFixture
) -> None:
    calls = []

    def bad(change: Any) -> None:
        calls.append(change)
        raise RuntimeError("a listener's own")

    listening.to(users, bad)
    told = listening.to(users)
    with caplog.at_level(logging.WARNING, logger="dynafile"):
        users.append("a").delete()
        users.append("b").delete()
        told.wait_for_changes(3)
        wait_until(lambda: len(calls) == 3)
        wait_until(lambda: "a listener's own" in caplog.text)
    assert told.documents == {"c": BEFORE["c"]}


def test_a_slow_listener_does_not_block_writers(users: Any, listening: Listening) -> None:
    go, slow = threading.Event(), Told()

    def wait(change: Any) -> None:
        assert go.wait(WITHIN * 3)
        slow(change)

    listening.to(users, wait)
    quick = listening.to(users)
    began = time.monotonic()
    for number in range(200):
        users.append("a").update({"n": 10 + number})
    took = time.monotonic() - began
    quick.wait_for_changes(201)
    assert took < WITHIN
    assert slow.changes == []
    go.set()
    slow.wait_for_changes(201)
    assert slow.words == quick.words


def test_many_listeners_are_told_the_same(users: Any, listening: Listening) -> None:
    told = [listening.to(users) for _ in range(20)]
    for number in range(20):
        users.add({"n": number})
    for one in told:
        one.wait_for_changes(21)
        assert one.words == told[0].words


# -- threads and processes ------------------------------------------------------------------------


def change_at_random(users: Any, rng: random.Random, names: str, count: int) -> None:
    for _ in range(count):
        one = users.append(rng.choice(names))
        match rng.randrange(3):
            case 0:
                one.delete()
            case _:
                one.set({"n": rng.randrange(1000)})


def test_nothing_is_missed_among_threads(users: Any, listening: Listening) -> None:
    """Each change fits the documents as told so far (``fold`` holds it), also of who came late."""
    told = [listening.to(users), listening.to(users.where("n", "<", 500))]
    threads = [
        threading.Thread(target=change_at_random, args=(users, random.Random(seed), "abcdef", 60))
        for seed in range(4)
    ]
    for thread in threads:
        thread.start()
    told += [listening.to(users) for _ in range(10)]
    for thread in threads:
        thread.join()
    users.add({"n": -1}, key="end")
    for one in told:
        one.wait(lambda told: "end" in told.documents)
    assert told[1].documents == users.where("n", "<", 500).get()
    assert all(one.documents == users.get() for one in [told[0], *told[2:]])


CHILD = """
import random
import sys
from dynafile.documents import Montybase, doc
from documents.test_live import change_at_random

with Montybase(path=sys.argv[1]) as db:
    change_at_random(doc(db, "users"), random.Random(int(sys.argv[2])), "abcdef", 40)
    doc(db, "users").add({"n": 1}, key="end" + sys.argv[2])
"""

LISTENER = """
import sys
import threading
from dynafile.documents import Montybase, doc

with Montybase(path=sys.argv[1]) as db:
    done = threading.Event()

    def tell(change):
        print(change.type, change.id, flush=True)
        if change.id == "end":
            done.set()

    watch = doc(db, "users").on_snapshot(tell)
    assert done.wait(60)
    watch.unsubscribe()
"""


def test_changes_of_other_processes_are_told(lasting: Home, tmp_path: Path) -> None:
    users, told = doc(lasting.db, "users"), Told()
    watch = users.on_snapshot(told)
    told.wait_for_changes(1)
    children = [
        subprocess.Popen(
            [sys.executable, "-c", CHILD, str(tmp_path / "db"), seed],
            cwd=Path(__file__).parents[1],
        )
        for seed in "12"
    ]
    change_at_random(users, random.Random(3), "abcdef", 40)
    told.wait(lambda told: {"end1", "end2"} <= told.documents.keys())
    for child in children:
        assert child.wait(60) == 0
    told.wait(lambda told: told.documents == users.get())
    watch.unsubscribe()


def test_changes_are_told_to_other_processes(lasting: Home, tmp_path: Path) -> None:
    users = doc(lasting.db, "users")
    command = [sys.executable, "-c", LISTENER, str(tmp_path / "db")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
        try:
            assert child.stdout is not None
            assert child.stdout.readline() == "state None\n"
            for id_ in "abc":
                users.add({"n": 1}, key=id_)
            users.append("b").update({"n": 2})
            users.append("a").delete()
            users.add({"n": 1}, key="end")
            told, _ = child.communicate(timeout=60)
        finally:
            child.kill()
    assert told.splitlines() == [
        *("added a", "added b", "added c", "modified b", "removed a", "added end")
    ]
    assert child.returncode == 0


def test_a_change_is_told_at_once(lasting: Home) -> None:
    """Between two handles of a folder, half of the changes within a tenth of a second."""
    other, told, took = lasting.another(), Told(), []
    watch = doc(other, "users").on_snapshot(told)
    told.wait_for_changes(1)
    for number in range(11):
        began = time.monotonic()
        doc(lasting.db, "users").add({"n": number})
        told.wait_for_changes(number + 2)
        took.append(time.monotonic() - began)
    watch.unsubscribe()
    assert sorted(took)[5] < 0.1


# -- asyncio --------------------------------------------------------------------------------------


async def some(watch: Any, count: int) -> list[Any]:
    """Return the next changes of a watch."""
    return [await asyncio.wait_for(anext(watch), WITHIN) for _ in range(count)]


def test_watching(users: Any) -> None:
    async def main() -> None:
        watch = aiter(users.where("n", ">", 1).watch())
        assert list(map(word, await some(watch, 1))) == [
            ("state", {"b": BEFORE["b"], "c": BEFORE["c"]})
        ]
        users.append("a").update({"n": 5})
        users.append("b").delete()
        users.append("c").update({"on": False})
        assert list(map(word, await some(watch, 3))) == [
            ("added", "a", {"n": 5, "on": True}),
            ("removed", "b", BEFORE["b"]),
            ("modified", "c", {"n": 3, "on": False}),
        ]
        await watch.aclose()

    asyncio.run(main())


def test_a_loop_goes_on_while_a_watch_waits(users: Any) -> None:
    async def main() -> None:
        documents_: dict[str, Any] = {}
        ticks = 0

        async def follow() -> None:
            async for change in users.watch():
                fold(documents_, change)
                if change.id == "end":
                    break

        async def write() -> None:
            nonlocal ticks
            for number in range(50):
                await asyncio.to_thread(users.append("a").update, {"n": 10 + number})
                ticks += 1
            await asyncio.to_thread(users.add, {"n": 0}, "end")

        await asyncio.wait_for(asyncio.gather(follow(), write()), WITHIN * 2)
        assert ticks == 50
        assert documents_ == users.get()

    asyncio.run(main())


def test_a_watch_that_nobody_reads_does_not_block_writers(users: Any) -> None:
    async def main() -> None:
        watch = aiter(users.watch())
        await some(watch, 1)
        for number in range(200):
            users.append("a").update({"n": 10 + number})
        told = list(map(word, await some(watch, 200)))
        assert told == [("modified", "a", {"n": 10 + number, "on": True}) for number in range(200)]
        await watch.aclose()

    asyncio.run(main())


def test_a_watch_can_be_cancelled(users: Any) -> None:
    async def main() -> None:
        async def follow() -> None:
            async for _ in users.watch():
                pass

        tasks = [asyncio.create_task(follow()) for _ in range(5)]
        await asyncio.sleep(0.1)
        for task in tasks:
            task.cancel()
        for task in tasks:
            with pytest.raises(asyncio.CancelledError):
                await task
        users.append("a").update({"n": 5})

    before = set(threading.enumerate())
    asyncio.run(main())
    # One thread for all that listen may stay until the database is closed.
    wait_until(lambda: len(set(threading.enumerate()) - before) <= 1)


def test_closing_the_database_ends_what_listens(home: Home) -> None:
    before = set(threading.enumerate())
    users, told = doc(home.db, "users"), Told()
    users.on_snapshot(told)
    told.wait_for_changes(1)
    home.close()
    wait_until(lambda: not set(threading.enumerate()) - before)
