"""Rate limits, and requests that come twice."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from documents.access_world import START, Clock, World

from dynafile.documents.access import (
    Limit,
    MemoryRecords,
    RateLimiter,
    Replays,
    address_group,
    sweep,
)
from dynafile.errors import (
    CommitOutcomeUnknown,
    IdempotentParameterMismatch,
    InvalidAccess,
    RequestInProgress,
    StaleRequest,
    TooManyRequests,
)

ID = "request-0123456789"


def test_a_bucket_empties_and_fills() -> None:
    clock = Clock()
    limiter = RateLimiter(Limit(3, 6), clock=clock)
    for _ in range(3):
        limiter.take("ann")
    with pytest.raises(TooManyRequests) as caught:
        limiter.take("ann")
    assert caught.value.retry_after == 2
    limiter.take("bob")
    clock.now += 1.5
    with pytest.raises(TooManyRequests) as caught:
        limiter.take("ann")
    assert caught.value.retry_after == 1, "what is refused takes nothing"
    clock.now += 0.5
    limiter.take("ann")
    clock.now += 1000
    for _ in range(3):
        limiter.take("ann")
    with pytest.raises(TooManyRequests):
        limiter.take("ann")


@pytest.mark.parametrize("amount", [1, 3, 7, 0.3, 1e6])
def test_who_waits_as_told_is_let_in(amount: float) -> None:
    clock = Clock()
    limiter = RateLimiter(Limit(amount, 7), clock=clock)
    cost = amount / 3
    for _ in range(1000):
        wait = limiter.wait("ann", cost)
        clock.now += wait
        assert not wait or limiter.wait("ann", cost) == 0


def test_a_costly_request_takes_more() -> None:
    limiter = RateLimiter(Limit(10, 10), clock=Clock())
    limiter.take("ann", 8)
    with pytest.raises(TooManyRequests) as caught:
        limiter.take("ann", 8)
    assert caught.value.retry_after == 6
    with pytest.raises(InvalidAccess, match="split"):
        limiter.take("ann", 11)


def test_a_clock_that_goes_back_gives_nothing() -> None:
    clock = Clock()
    limiter = RateLimiter(Limit(2, 2), clock=clock)
    limiter.take("ann", 2)
    clock.now -= 1000
    with pytest.raises(TooManyRequests):
        limiter.take("ann")
    clock.now += 1000.5
    with pytest.raises(TooManyRequests):
        limiter.take("ann")
    clock.now += 0.5
    limiter.take("ann")


def test_memory_is_bounded_and_the_least_recent_go() -> None:
    limiter = RateLimiter(Limit(1, 1000), most=100, clock=Clock())
    limiter.take("ann")
    for n in range(10_000):
        limiter.take(f"u{n}")
        assert limiter.wait("ann") > 0, "who is asked for stays"
    assert len(limiter) == 100


def test_threads_do_not_get_more_together() -> None:
    limiter = RateLimiter(Limit(500, 1e9), clock=Clock())
    passed: list[int] = []

    def run() -> None:
        passed.extend(limiter.wait("ann") == 0 for _ in range(200))

    threads = [threading.Thread(target=run) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(passed) == 500


@pytest.mark.parametrize("limit", [(0, 1), (1, 0), (-1, 1), (1, -1), (float("nan"), 1),
                                   (1, float("inf")), (True, 1)])  # fmt: skip
def test_a_limit_is_two_numbers_above_zero(limit: tuple[Any, Any]) -> None:
    with pytest.raises(InvalidAccess):
        Limit(*limit)


def test_addresses_count_for_networks() -> None:
    assert address_group("192.0.2.1") == "192.0.2.1"
    assert address_group("::ffff:192.0.2.1") == "192.0.2.1"
    assert address_group("2001:db8:0:1::5") == address_group("2001:db8:0:1:ffff::9")
    assert address_group("2001:db8:0:1::5") != address_group("2001:db8:0:2::5")
    assert address_group("fe80::1%eth0") == address_group("fe80::2%eth1")
    assert len(address_group("x" * 10_000)) == 100


def counted(answers: list[int]) -> Any:
    def act() -> dict[str, int]:
        answers.append(1)
        return {"made": len(answers)}

    return act


def test_a_request_is_made_once_and_answered_twice() -> None:
    world, made = World(), []
    for _ in range(3):
        answer = world.replays.once("ann", ID, START, b"body", counted(made))
        assert answer == {"made": 1}
        world.clock.now += 50
    assert world.replays.once("bob", ID, START, b"body", counted(made)) == {"made": 2}
    assert world.replays.once("ann", ID + "x", START, b"body", counted(made)) == {"made": 3}


def test_an_id_is_for_one_body_and_time() -> None:
    world, made = World(), []
    world.replays.once("ann", ID, START, b"body", counted(made))
    for sent, body in ((START, b"other"), (START + 1, b"body"), (START, b"")):
        with pytest.raises(IdempotentParameterMismatch):
            world.replays.once("ann", ID, sent, body, counted(made))
    assert made == [1]


def test_a_request_is_refused_once_its_answer_may_be_gone() -> None:
    """So no copy of it, however late, is made again."""
    world, made = World(), []
    for sent in (START - 299, START + 299):
        world.clock.now = START
        name = f"{ID}-{int(sent)}"
        world.replays.once("ann", name, sent, b"body", counted(made))
        before = len(made)
        for now in range(int(START), int(START) + 1200, 7):
            world.clock.now = now
            sweep(world.records, now)
            try:
                world.replays.once("ann", name, sent, b"body", counted(made))
            except StaleRequest:
                pass
        assert len(made) == before
        assert list(world.records.list("request/")) == []


@pytest.mark.parametrize("off", [300, -300, 1e9, -1e9])
def test_a_time_that_is_off_is_refused(off: float) -> None:
    with pytest.raises(StaleRequest):
        World().replays.once("ann", ID, START + off, b"", dict)


def test_what_fails_may_be_tried_again() -> None:
    world, made = World(), []

    def failing() -> None:
        raise ValueError("refused")

    for _ in range(2):
        with pytest.raises(ValueError, match="refused"):
            world.replays.once("ann", ID, START, b"body", failing)
    assert world.replays.once("ann", ID, START, b"body", counted(made)) == {"made": 1}


def test_what_nobody_knows_to_have_failed_is_not_tried_again() -> None:
    world, made = World(), []

    def unknown() -> None:
        raise CommitOutcomeUnknown("a sync failed")

    with pytest.raises(CommitOutcomeUnknown):
        world.replays.once("ann", ID, START, b"body", unknown)
    with pytest.raises(RequestInProgress):
        world.replays.once("ann", ID, START, b"body", counted(made))
    assert made == []


def test_of_many_at_once_one_is_made() -> None:
    records, made = MemoryRecords(), []
    clock = Clock()
    outcomes: list[Any] = []
    barrier = threading.Barrier(8)

    def run() -> None:
        replays = Replays(records, clock=clock)
        barrier.wait()
        try:
            outcomes.append(replays.once("ann", ID, START, b"body", counted(made)))
        except RequestInProgress:
            outcomes.append("in progress")

    threads = [threading.Thread(target=run) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert made == [1]
    assert all(outcome in ({"made": 1}, "in progress") for outcome in outcomes)


@pytest.mark.parametrize("request_id", ["", "short", "x" * 65, "has blanks in it here", None, 5,
                                        "a" * 16 + "\n", "../" * 8, "é" * 16])  # fmt: skip
def test_a_request_id_that_cannot_be_is_refused(request_id: object) -> None:
    with pytest.raises(InvalidAccess):
        World().replays.once("ann", request_id, START, b"", dict)


@pytest.mark.parametrize("sent", [None, "now", float("nan"), float("inf"), True, [START]])
def test_a_time_that_is_none_is_refused(sent: object) -> None:
    with pytest.raises(InvalidAccess):
        World().replays.once("ann", ID, sent, b"", dict)
