"""Histories of operations on single items, held against what one item at a time would give.

Each operation takes effect at one moment between its begin and its end. Items are checked each alone,
as the property is local.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import pytest
from api.linearizable import Operation, is_linearizable, played_in_threads
from api.worker import Played, play

if TYPE_CHECKING:
    from api.conftest import StartWorker
    from conftest import OpenDatabase


READS = ("read", "query", "together")
SWAPS = ("swap", "transaction")


def after(operation: Operation, value: Any) -> tuple[bool, Any]:
    """Say whether an operation could have had its result with a value, and what it made of it."""
    name, result = operation.name, operation.result
    if name in READS:
        return result == value, value
    if name == "write":
        return True, operation.asked[0]
    if name == "delete":
        return result == value, None
    if name in SWAPS:
        return result == value, operation.asked[0]
    assert name in ("cas", "create"), name
    expected = operation.asked[0] if name == "cas" else None
    done, found = result
    if done:
        return value == expected, operation.asked[-1]
    return value != expected and value == found, value


def check(played: list[Played]) -> None:
    """Hold a history against the property, item by item."""
    for place in sorted({each[2] for each in played}):
        history = [Operation(begin, end, *more) for begin, end, at, *more in played if at == place]
        assert is_linearizable(history, None, after), history


# -- the checker ----------------------------------------------------------------------------------


def op(begin: int, end: int, name: str, *asked: Any, result: Any = None) -> Operation:
    return Operation(begin, end, name, asked, result)


YES = (True, None)

GOOD: dict[str, list[Operation]] = {
    "nothing": [],
    "one read": [op(0, 1, "read")],
    "in turn": [op(0, 1, "write", "a"), op(2, 3, "read", result="a"), op(4, 5, "write", "b"),
                op(6, 7, "read", result="b")],
    "read beside a write, old": [op(0, 9, "write", "a"), op(1, 2, "read")],
    "read beside a write, new": [op(0, 9, "write", "a"), op(1, 2, "read", result="a")],
    "old then new": [op(0, 9, "write", "a"), op(1, 2, "read"), op(3, 4, "read", result="a")],
    "the later write is first": [op(0, 9, "write", "a"), op(1, 9, "write", "b"),
                                 op(10, 11, "read", result="a")],
    "one of two": [op(0, 5, "create", "a", result=YES), op(1, 6, "create", "b", result=(False, "a"))],
    "swaps in a row": [op(0, 9, "swap", "a"), op(0, 9, "swap", "b", result="a"),
                       op(0, 9, "swap", "c", result="b")],
    "swaps in another row": [op(0, 9, "swap", "a", result="c"), op(0, 9, "swap", "b", result="a"),
                             op(0, 9, "swap", "c")],
    "cas": [op(0, 1, "write", "a"), op(2, 8, "cas", "a", "b", result=YES),
            op(3, 9, "cas", "a", "c", result=(False, "b")), op(10, 11, "read", result="b")],
    "there and back": [op(0, 1, "write", "a"), op(2, 9, "write", "b"), op(2, 9, "write", "a"),
                       op(3, 4, "read", result="b"), op(5, 6, "read", result="a")],
    "gone": [op(0, 1, "write", "a"), op(2, 9, "delete", result="a"), op(3, 9, "delete"),
             op(10, 11, "create", "b", result=YES)],
    "at the same instant": [op(0, 1, "write", "a"), op(1, 2, "read")],
    "a read that takes long": [op(0, 99, "read", result="c"), op(1, 2, "write", "a"),
                               op(3, 4, "write", "b"), op(5, 6, "write", "c")],
}  # fmt: skip

BAD: dict[str, list[Operation]] = {
    "out of nowhere": [op(0, 1, "read", result="a")],
    "stale": [op(0, 1, "write", "a"), op(2, 3, "read")],
    "overwritten": [op(0, 1, "write", "a"), op(2, 3, "write", "b"), op(4, 5, "read", result="a")],
    "before it was written": [op(0, 1, "read", result="a"), op(2, 3, "write", "a")],
    "new then old": [op(0, 9, "write", "a"), op(1, 2, "read", result="a"), op(3, 4, "read")],
    "two readers in two orders": [op(0, 9, "write", "a"), op(0, 9, "write", "b"),
                                  op(1, 2, "read", result="a"), op(3, 4, "read", result="b"),
                                  op(5, 6, "read", result="a")],
    "both of two": [op(0, 5, "create", "a", result=YES), op(1, 6, "create", "b", result=YES)],
    "none of two": [op(0, 5, "create", "a", result=(False, "b")), op(1, 6, "create", "b", result=(False, "a"))],
    "lost update": [op(0, 1, "write", "a"), op(2, 9, "swap", "b", result="a"),
                    op(2, 9, "swap", "c", result="a")],
    "swaps in a ring": [op(0, 9, "swap", "a", result="c"), op(0, 9, "swap", "b", result="a"),
                        op(0, 9, "swap", "c", result="b")],
    "cas twice": [op(0, 1, "write", "a"), op(2, 8, "cas", "a", "b", result=YES),
                  op(3, 9, "cas", "a", "c", result=YES)],
    "cas that failed with what it asked": [op(0, 1, "write", "a"),
                                           op(2, 3, "cas", "a", "b", result=(False, "a"))],
    "cas that failed and wrote": [op(0, 1, "write", "a"),
                                  op(2, 3, "cas", "b", "c", result=(False, "a")),
                                  op(4, 5, "read", result="c")],
    "cas of something else": [op(0, 1, "write", "a"), op(2, 3, "cas", "b", "c", result=YES)],
    "deleted twice": [op(0, 1, "write", "a"), op(2, 9, "delete", result="a"),
                      op(2, 9, "delete", result="a")],
    "back from the dead": [op(0, 1, "write", "a"), op(2, 3, "delete", result="a"),
                           op(4, 5, "read", result="a")],
}  # fmt: skip


@pytest.mark.parametrize("history", GOOD.values(), ids=GOOD.keys())
def test_good_histories(history: list[Operation]) -> None:
    assert is_linearizable(history, None, after)
    assert is_linearizable(history[::-1], None, after)


@pytest.mark.parametrize("history", BAD.values(), ids=BAD.keys())
def test_bad_histories(history: list[Operation]) -> None:
    assert not is_linearizable(history, None, after)
    assert not is_linearizable(history[::-1], None, after)


def test_one_wrong_result_in_a_long_history() -> None:
    """And it is found within a moment, with four at a time and a thousand in all."""
    history = [
        op(n // 4 * 10, n // 4 * 10 + 5, "swap", n, result=None if n == 0 else n - 1)
        for n in range(1000)
    ]
    assert is_linearizable(history, None, after)
    for wrong in (1, 500, 999):
        worse = history.copy()
        worse[wrong] = op(wrong // 4 * 10, wrong // 4 * 10 + 5, "swap", wrong, result="other")
        assert not is_linearizable(worse, None, after)
    late = history.copy()
    late[500] = op(5000, 5001, "swap", 500, result=499)
    assert not is_linearizable(late, None, after)


# -- the engine -----------------------------------------------------------------------------------


def results(played: list[Played]) -> set[str]:
    """What kinds of outcome a history has, to tell that it is worth checking."""
    found = set()
    for _, _, _, way, _, result in played:
        outcome = result[0] if type(result) is tuple else result is not None
        found.add(f"{way}: {outcome}")
    return found


ALL = {
    f"{way}: {outcome}"
    for way in ("read", "query", "together", "cas", "swap", "create", "delete", "transaction")
    for outcome in (True, False)
} | {"write: False"}


def overlaps(played: list[Played]) -> int:
    """How many operations began while another one on the item was under way."""
    count = 0
    ends: dict[str, int] = {}
    for begin, end, place, *_ in sorted(played):
        count += begin < ends.get(place, 0)
        ends[place] = max(end, ends.get(place, 0))
    return count


@pytest.mark.parametrize(
    ("where", "durability"), [(":memory:", "durable"), (None, "durable"), (None, "relaxed")]
)
def test_threads(database: OpenDatabase, where: str | None, durability: str) -> None:
    db = database(where, durability=durability)
    played = played_in_threads(play, db, "abcd", ["x", "y"], 1000)
    check(played)
    assert results(played) == ALL
    assert overlaps(played) > 20


@pytest.mark.parametrize("durability", ["durable", "relaxed"])
def test_processes(database: OpenDatabase, worker: StartWorker, durability: str) -> None:
    db = database(durability=durability)
    others = [worker(db.path, durability=durability) for _ in range(3)]
    for name, other in zip("cde", others, strict=True):
        other.send("play", name, ["x", "y"], 200)
    played = played_in_threads(play, db, "ab", ["x", "y"], 200)
    for other in others:
        played += other.receive()
    check(played)
    assert results(played) == ALL
    assert overlaps(played) > 20


def test_beside_checkpoints_and_splits(database: OpenDatabase, worker: StartWorker) -> None:
    """And with a TTL, so that no write is blind."""
    db = database(durability="relaxed", ttl_attribute="ttl")
    other = worker(db.path, durability="relaxed")
    for n in range(40):
        db.put_item(item={"PK": "p", "SK": f"{n}", "filler": "x" * 100})
    assert db._store._checkpointer is not None
    db._store._checkpointer.partition_bytes = 600
    other.call("partition_bytes", 600)
    other.send("play", "c", ["x"], 200)
    stop = threading.Event()

    def disturb() -> None:
        while not stop.wait(0.002):
            db._store.checkpoint()
            db._store.replica.cache.clear()

    thread = threading.Thread(target=disturb)
    thread.start()
    try:
        played = played_in_threads(play, db, "ab", ["x"], 200)
        played += other.receive()
    finally:
        stop.set()
        thread.join(60)
    check(played)
    assert results(played) == ALL


def test_a_stale_read_would_be_found(database: OpenDatabase, worker: StartWorker) -> None:
    """The checker at its real work: a history of the engine with one result exchanged."""
    db = database(":memory:")
    played = played_in_threads(play, db, "abc", ["x"], 200)
    check(played)
    reads = [n for n, each in enumerate(sorted(played)) if each[3] == "read" and each[5]]
    history = sorted(played)
    at = reads[len(reads) // 2]
    history[at] = (*history[at][:5], history[reads[0]][5])
    with pytest.raises(AssertionError):
        check(history)
