"""Histories of transactions over several items, held against what one at a time would give.

Between its begin and its end each takes effect at one moment, on all its items at once: strict
serializability, or linearizability of the whole table.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from api.linearizable import Operation, is_linearizable, played_in_threads
from api.worker import Played, play_several

if TYPE_CHECKING:
    from api.conftest import StartWorker
    from conftest import OpenDatabase

PLACES = ["x", "y", "z"]
NOTHING = (None, None, None)
State = tuple[Any, ...]


def after(operation: Operation, state: State) -> tuple[bool, State]:
    """Say whether an operation could have had its result in a state, and what it made of it."""
    values = dict(zip(PLACES, state, strict=True))
    one, other, expected, new = operation.asked
    result = operation.result
    name = operation.name
    if name == "look":
        return result == state, state
    if name == "get":
        return result == values[one], state
    if name == "put":
        values[one] = new
    elif name == "pair":
        if result is False:
            return values[one] != expected, state
        if values[one] != expected:
            return False, state
        values[one] = values[other] = new
    else:
        if result != (values[one], values[other]):
            return False, state
        if name == "move":
            values[other], values[one] = values[one], None
        else:
            assert name == "skew"
            values[one] = new if values[other] is None else None
    return True, tuple(values.values())


def check(played: list[Played]) -> None:
    history = [Operation(begin, end, *more) for begin, end, _, *more in played]
    assert is_linearizable(history, NOTHING, after), history


def assert_worth_checking(played: list[Played]) -> None:
    """Everything was done, some of it while another was under way, and some of it was refused."""
    assert {way for _, _, _, way, *_ in played} == {"look", "move", "pair", "skew", "put", "get"}
    assert {result for *_, way, _, result in played if way == "pair"} == {True, False}
    ends = 0
    overlaps = 0
    for begin, end, *_ in sorted(played):
        overlaps += begin < ends
        ends = max(ends, end)
    assert overlaps > 20


@pytest.mark.parametrize(
    ("where", "durability"), [(":memory:", "durable"), (None, "durable"), (None, "relaxed")]
)
def test_threads(database: OpenDatabase, where: str | None, durability: str) -> None:
    db = database(where, durability=durability)
    played = played_in_threads(play_several, db, "abcd", PLACES, 500)
    check(played)
    assert_worth_checking(played)


@pytest.mark.parametrize("durability", ["durable", "relaxed"])
def test_processes(database: OpenDatabase, worker: StartWorker, durability: str) -> None:
    db = database(durability=durability)
    others = [worker(db.path, durability=durability) for _ in range(3)]
    for name, other in zip("cde", others, strict=True):
        other.send("play_several", name, PLACES, 100)
    played = played_in_threads(play_several, db, "ab", PLACES, 100)
    for other in others:
        played += other.receive()
    check(played)
    assert_worth_checking(played)


def test_what_must_not_be_is_found(database: OpenDatabase) -> None:
    """The checker at its real work: a look at two moments, a lost update, a write skew."""

    def op(begin: int, end: int, name: str, *asked: Any, result: Any = None) -> Operation:
        return Operation(begin, end, name, asked, result)

    pair = op(0, 1, "pair", "x", "y", None, "a", result=True)
    assert is_linearizable(
        [pair, op(2, 3, "look", *"xy", None, "", result=("a", "a", None))], NOTHING, after
    )
    for torn in (("a", None, None), (None, "a", None), NOTHING):
        look = op(2, 3, "look", "x", "y", None, "", result=torn)
        assert not is_linearizable([pair, look], NOTHING, after)
    skews = [
        op(0, 9, "skew", "x", "y", None, "a", result=(None, None)),
        op(1, 8, "skew", "y", "x", None, "b", result=(None, None)),
    ]
    assert is_linearizable(skews[:1], NOTHING, after)
    assert not is_linearizable(skews, NOTHING, after)
    both = [op(0, 9, "pair", "x", other, None, other, result=True) for other in "yz"]
    assert not is_linearizable(both, NOTHING, after)
    db = database(":memory:")
    played = played_in_threads(play_several, db, "abc", PLACES, 100)
    place, changed = next(
        (place, each)
        for place, each in enumerate(played)
        if each[3] == "look" and len(set(each[5])) == 3
    )
    values = changed[5]
    played[place] = (*changed[:5], (values[1], values[0], values[2]))
    with pytest.raises(AssertionError):
        check(played)
