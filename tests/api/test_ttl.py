"""TTL: an expired item is gone from every read at once, and swept later."""

from __future__ import annotations

import decimal
import logging
import threading
import time
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from api.conftest import NOW

from dynafile import Action, Event
from dynafile.errors import DiskFull, InvalidArgument, LockTimeout, SchemaMismatch

if TYPE_CHECKING:
    from collections.abc import Callable

    from api.conftest import Clock, StartWorker, Work
    from conftest import OpenDatabase

    from dynafile import Dynafile


def item(sk: str, ttl: Any = None, **more: Any) -> dict[str, Any]:
    return {"PK": "p", "SK": sk, **({} if ttl is None else {"ttl": ttl}), **more}


@pytest.fixture(params=["memory", "files"])
def db(request: pytest.FixtureRequest, clock: Clock, database: OpenDatabase) -> Dynafile:
    where = ":memory:" if request.param == "memory" else None
    return database(where, ttl_attribute="ttl")


def removal(old: dict[str, Any]) -> Event:
    return Event("DELETE", None, old)  # type: ignore[arg-type]


def put(new: dict[str, Any], old: dict[str, Any] | None = None) -> Event:
    return Event("PUT", new, old)  # type: ignore[arg-type]


def visible(db: Dynafile) -> dict[str, list[str]]:
    """The sort keys that each way of reading shows."""
    keys = [{"PK": "p", "SK": sk} for sk in "abcdef"]
    asked: list[str] = []
    list(db.scan(lambda found: asked.append(found["SK"])))
    return {
        "get": [key["SK"] for key in keys if db.get_item(key=key) is not None],
        "batch_get": [found["SK"] for found in db.batch_get_item(keys=keys)],
        "query": [found["SK"] for found in db.query("p")],
        "reverse": [found["SK"] for found in db.query("p", scan_index_forward=False)][::-1],
        "limit": [found["SK"] for found in db.query("p", limit=6)],
        "scan": [found["SK"] for found in db.scan()],
        "filter": [found["SK"] for found in db.scan("PK == 'p'")],
        "asked": asked,
        "segment": [found["SK"] for found in db.scan(segment=0, total_segments=1)],
        "len": list("abcdef"[: len(db)]),
    }


def test_gone_from_every_read_at_once(db: Dynafile, clock: Clock) -> None:
    for n, sk in enumerate("abcdef"):
        db.put_item(item=item(sk, None if n < 2 else NOW + n))
    # From the last to the first, so that what len() counts is what the others name.
    db.put_item(item=item("f", NOW + 2))
    db.put_item(item=item("c", NOW + 5))
    for seconds, left in [(0, "abcdef"), (2, "abcdef"), (2.001, "abcde"), (3.5, "abce"), (9, "ab")]:
        clock.now = NOW + seconds
        seen = visible(db)
        if left == "abce":
            assert seen.pop("len") == list("abcd")
        assert all(found == list(left) for found in seen.values()), (seconds, seen)
    clock.now = NOW  # and back, with the clock: nothing but writes and sweep() remove anything
    assert all(found == list("abcdef") for found in visible(db).values())


def test_hidden_before_a_limit_counts(db: Dynafile, clock: Clock) -> None:
    for n in range(20):
        db.put_item(item=item(f"{n:02}", NOW + n % 2 * 100 + 1))
    clock.now += 50
    assert [i["SK"] for i in db.query("p", limit=3)] == ["01", "03", "05"]
    assert [i["SK"] for i in db.scan(limit=3)] == ["01", "03", "05"]


@pytest.mark.parametrize(
    "ttl",
    [
        str(int(NOW) - 10), b"1", True, False, [1], {"at": 1}, {1}, (1,), None,
        datetime(2001, 1, 1, tzinfo=UTC), 0, 0.0, -0.0, Decimal(0), Decimal("0.00"), Decimal("-0"),
    ],
    ids=repr,
)  # fmt: skip
def test_what_never_expires(ttl: Any, db: Dynafile, clock: Clock) -> None:
    db.put_item(item={"PK": "p", "SK": "a", "ttl": ttl})
    clock.now += 1e9
    assert db.get_item(key=item("a")) == {"PK": "p", "SK": "a", "ttl": ttl}
    assert (len(db), len(list(db.scan())), db.sweep()) == (1, 1, 0)


@pytest.mark.parametrize(
    "ttl",
    [1, 0.5, -1, -1.5, 1e-130, Decimal("1e-130"), Decimal("-1e125"), int(NOW) - 1, NOW - 0.001,
     Decimal("1699999999.9999999999999999999999999999")],
    ids=repr,
)  # fmt: skip
def test_what_is_expired_already(ttl: Any, db: Dynafile) -> None:
    """It is stored and hidden, as in the example of 0.1.3; the next write sweeps it."""
    events: list[Event] = []
    db.add_stream_listener(events.append)
    db.put_item(item=item("a", ttl))
    assert db.get_item(key=item("a")) is None
    assert (list(db.scan()), list(db.query("p")), len(db)) == ([], [], 0)
    assert events[0] == put(item("a", ttl))
    db.sweep()
    assert events == [put(item("a", ttl)), removal(item("a", ttl))]


@pytest.mark.parametrize("ttl", [NOW, int(NOW), Decimal(int(NOW)), 2**64, 1e125, Decimal("9e125")])
def test_what_is_not_expired_yet(ttl: Any, db: Dynafile) -> None:
    db.put_item(item=item("a", ttl))
    assert db.get_item(key=item("a")) == item("a", ttl)
    assert (len(db), db.sweep()) == (1, 0)


def test_a_moment_that_no_float_hits(db: Dynafile, clock: Clock) -> None:
    """get, len and sweep agree, whichever side of the float a Decimal lies."""
    clock.now = NOW + 0.1  # a float stands for its shortest decimal form
    for n in range(-5, 6):
        db.put_item(item=item(f"{n + 5:02}", Decimal("1700000000.1") + Decimal(n).scaleb(-8)))
    count = len(list(db.scan()))
    assert (count, len(db)) == (6, 6)
    assert db.sweep() == 0  # the last writes have swept them, one commit late
    assert len(db) == 6


def test_in_a_context_that_traps_floats(db: Dynafile, clock: Clock) -> None:
    """Comparing a Decimal with the clock raised where the caller's context traps FloatOperation."""
    with decimal.localcontext() as context:
        context.traps[decimal.FloatOperation] = True
        db.put_item(item=item("a", Decimal("1700000001.5")))
        assert db.get_item(key=item("a")) is not None
        clock.now += 3
        assert (list(db.scan()), len(db)) == ([], 0)
        db.put_item(item=item("a", Decimal("1800000000.5")))
        assert len(db) == 1


def test_sweep(db: Dynafile, clock: Clock) -> None:
    for n in range(1200):
        db.put_item(item=item(f"{n:04}", NOW + 10 if n % 2 else None))
    events: list[Event] = []
    db.add_stream_listener(events.append)
    assert db.sweep() == 0
    clock.now += 11
    assert len(db) == 600
    assert db.sweep() == 600
    assert sorted(events, key=repr) == [
        removal(item(f"{n:04}", NOW + 10)) for n in range(1, 1200, 2)
    ]
    assert (db.sweep(), len(db), len(list(db.scan()))) == (0, 600, 600)
    clock.now = NOW
    assert len(db) == 600  # they are not hidden, they are gone


def test_swept_with_later_commits(db: Dynafile, clock: Clock) -> None:
    for n in range(60):
        db.put_item(item=item(f"{n:02}", NOW + 10))
    events: list[Event] = []
    db.add_stream_listener(events.append)
    clock.now += 11
    db.put_item(item=item("x"))
    swept = len(events) - 1
    assert events[0] == put(item("x"))
    assert 0 < swept < 60
    assert events[1] == removal(item("00", NOW + 10))
    for _ in range(60):
        db.delete_item(key=item("x"))
    assert len(events) == 62
    assert {e.old["SK"] for e in events if e.old} == {f"{n:02}" for n in range(60)} | {"x"}
    with db.batch_writer() as writer:
        writer.put_item(item=item("y", NOW + 12))
    clock.now += 100
    with db.batch_writer() as writer:
        writer.put_item(item=item("z"))
    assert events[-1] == removal(item("y", NOW + 12))


def test_sweep_with_commit_takes_the_oldest(db: Dynafile, clock: Clock) -> None:
    for n in range(100):
        db.put_item(item=item(f"{n:02}", NOW + 200 - n))
    clock.now += 300
    db.put_item(item=item("x"))
    clock.now = NOW  # show what is left
    left = [i["SK"] for i in db.query("p")]
    assert left == [f"{n:02}" for n in range(len(left) - 1)] + ["x"]
    assert len(left) < 101


def test_overwriting_an_expired_item_is_its_removal_first(db: Dynafile, clock: Clock) -> None:
    old, new = item("a", NOW + 1), item("a", NOW + 100)
    db.put_item(item=old)
    events: list[Event] = []
    db.add_stream_listener(events.append)
    clock.now += 2
    db.put_item(item=new)
    assert events == [removal(old), put(new)]
    assert (db.get_item(key=new), len(db)) == (new, 1)
    events.clear()
    clock.now += 200
    db.execute_batch([Action("PUT", item("a", 1)), Action("PUT", item("a", 2)), Action("PUT", old)])
    assert events[:6] == [
        removal(new), put(item("a", 1)), removal(item("a", 1)), put(item("a", 2)),
        removal(item("a", 2)), put(old),
    ]  # fmt: skip
    assert db.get_item(key=new) is None


def test_deleting_an_expired_item(db: Dynafile, clock: Clock) -> None:
    db.put_item(item=item("a", NOW + 1))
    events: list[Event] = []
    db.add_stream_listener(events.append)
    clock.now += 2
    db.delete_item(key=item("a"))
    db.delete_item(key=item("a"))
    assert events == [removal(item("a", NOW + 1))]
    assert db.sweep() == 0


def test_changing_the_ttl_of_an_item(db: Dynafile, clock: Clock) -> None:
    db.put_item(item=item("a", NOW + 1))
    db.put_item(item=item("a", NOW + 10))
    db.put_item(item=item("b", NOW + 1))
    db.put_item(item=item("b", "never"))
    db.put_item(item=item("c", NOW + 1))
    db.put_item(item=item("c"))
    clock.now += 5
    assert (len(db), db.sweep()) == (3, 0)
    clock.now += 6
    assert (len(db), db.sweep()) == (2, 1)


def test_clear_takes_expired_items_along(db: Dynafile, clock: Clock) -> None:
    db.put_item(item=item("a", NOW + 1))
    db.put_item(item=item("b", NOW + 100))
    events: list[Event] = []
    db.add_stream_listener(events.append)
    clock.now += 2
    db.clear()
    assert sorted(events, key=repr) == [removal(item("a", NOW + 1)), removal(item("b", NOW + 100))]
    clock.now += 200
    assert (len(db), db.sweep(), list(db.scan())) == (0, 0, [])
    db.put_item(item=item("a", NOW + 1000))
    assert len(db) == 1


def test_a_read_takes_one_moment(database: OpenDatabase, clock: Clock) -> None:
    """A scan goes by the time at which it began, however long it takes."""
    db = database(":memory:", ttl_attribute="ttl")
    for n in range(10):
        db.put_item(item=item(f"{n}", NOW + 5))
    found = db.scan()
    assert next(found)["SK"] == "0"
    clock.now += 60
    assert [i["SK"] for i in found] == list("123456789")
    assert list(db.scan()) == []


def test_without_ttl_the_attribute_means_nothing(database: OpenDatabase, clock: Clock) -> None:
    db = database()
    db.put_item(item=item("a", 1))
    assert (len(db), db.sweep(), db.get_item(key=item("a"))) == (1, 0, item("a", 1))


def test_stored_and_taken(database: OpenDatabase, clock: Clock, worker: StartWorker) -> None:
    db = database(ttl_attribute="ttl")
    db.put_item(item=item("a", NOW + 1))
    db.put_item(item=item("b", NOW + 10))
    other = worker(db.path)
    db.close()
    clock.now += 2
    db = database()
    assert db.ttl_attribute == other.call("ttl_attribute") == "ttl"
    other.call("clock", NOW + 2)
    assert [i["SK"] for i in db.scan()] == [i["SK"] for i in other.call("scan")] == ["b"]
    assert (len(db), other.call("len")) == (1, 1)
    assert (other.call("sweep"), db.sweep()) == (1, 0)
    with pytest.raises(SchemaMismatch, match="ttl_attribute='ttl'.*ttl_attribute='expires'"):
        database(ttl_attribute="expires")
    with pytest.raises(InvalidArgument, match="key attribute"):
        database("other", ttl_attribute="SK")


def test_a_read_only_handle_hides_and_leaves(database: OpenDatabase, clock: Clock) -> None:
    db = database(ttl_attribute="ttl")
    db.put_item(item=item("a", NOW + 1))
    reader = database(read_only=True)
    assert len(reader) == 1
    clock.now += 2
    assert (len(reader), list(reader.scan()), reader.get_item(key=item("a"))) == (0, [], None)
    assert db.sweep() == 1


def test_checkpoints_keep_the_index(database: OpenDatabase, clock: Clock) -> None:
    db = database(ttl_attribute="ttl")
    for n in range(100):
        db.put_item(item=item(f"{n:02}", NOW + n))
        if n % 30 == 0:
            db._store.checkpoint()
            db.check()
    db.close()
    clock.now += 50.5
    db = database()
    db.check()
    assert (len(db), db.sweep()) == (49, 51)
    db.check()


def test_the_clock_of_the_real_world(database: OpenDatabase) -> None:
    db = database(ttl_attribute="ttl")
    expiry = time.time() + 0.3
    db.put_item(item=item("a", expiry))
    db.put_item(item=item("b", expiry + 1000))
    assert len(db) == 2 or time.time() > expiry
    time.sleep(max(0.0, expiry - time.time()) + 0.05)
    assert ([i["SK"] for i in db.scan()], len(db), db.sweep()) == (["b"], 1, 1)


def test_a_frozen_clock_after_opening_again(database: OpenDatabase, clock: Clock) -> None:
    """Commits took their time from another clock than expiry, so a test far in the past never swept."""
    clock.now = 1_000_000.0
    db = database(ttl_attribute="ttl")
    db.put_item(item=item("a", 1_000_010))
    db.close()
    clock.now += 20
    db = database()
    assert (len(db), db.sweep()) == (0, 1)


def test_a_clock_that_jumped_deletes_nothing(
    database: OpenDatabase, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    db = database(ttl_attribute="ttl")
    db.put_item(item=item("a", NOW + 1000))
    clock.now += 11 * 365 * 86400
    assert (len(db), db.get_item(key=item("a"))) == (0, None)
    with caplog.at_level(logging.WARNING, logger="dynafile"):
        assert db.sweep() == 0
        for n in range(10):
            db.put_item(item=item(f"b{n}"))
    warnings = [record for record in caplog.records if "clock" in record.getMessage()]
    assert len(warnings) == 1  # and not one a write
    clock.now = NOW
    assert len(db) == 11


def test_a_sweep_that_fails_is_no_failure_of_the_write(
    database: OpenDatabase,
    clock: Clock,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The put had been committed, and raised what the sweep after it met."""
    db = database(ttl_attribute="ttl")
    db.put_item(item=item("a", NOW + 1))
    clock.now += 2
    volume = db._store.volume
    write, calls = volume.write, []

    def fails_from_the_second_on(name: str, offset: int, data: bytes) -> None:
        calls.append(name)
        if len(calls) >= 2:  # nor is there room in the reserve
            raise DiskFull("the disk is full", path=name)
        write(name, offset, data)

    monkeypatch.setattr(volume, "write", fails_from_the_second_on)
    with caplog.at_level(logging.WARNING, logger="dynafile"):
        db.put_item(item=item("b"))
    assert "the disk is full" in caplog.text
    assert [i["SK"] for i in db.scan()] == ["b"]
    assert not issubclass(DiskFull, LockTimeout)
    monkeypatch.undo()


def test_len_while_others_sweep(database: OpenDatabase, clock: Clock) -> None:
    """Items and the index by expiry were counted one after the other, with a sweep in between."""
    db = database(ttl_attribute="ttl", durability="relaxed")
    stop = threading.Event()
    for n in range(5):
        db.put_item(item=item(f"{n}"))
    wrong: list[int] = []

    def count() -> None:
        while not stop.is_set():
            found = len(db)
            if found != 5:
                wrong.append(found)

    counters = [threading.Thread(target=count) for _ in range(2)]
    for counter in counters:
        counter.start()
    try:
        for _ in range(30):
            db.execute_batch(Action("PUT", item(f"x{n:03}", 1)) for n in range(60))
            db.sweep()
    finally:
        stop.set()
        for counter in counters:
            counter.join()
    assert wrong == []


def test_the_work_of_a_put(
    database: OpenDatabase, clock: Clock, watch: Callable[[Dynafile], Work]
) -> None:
    """TTL costs a put no second record while nothing has expired."""
    db = database(ttl_attribute="ttl")
    db.put_item(item=item("a", NOW + 1))
    work = watch(db)
    db.put_item(item=item("a", NOW + 2))
    assert (work.count("write", "journal/"), work.count("sync", "journal/")) == (1, 1)
    clock.now += 10
    work.calls.clear()
    db.put_item(item=item("b", NOW + 20))
    assert (work.count("write", "journal/"), work.count("sync", "journal/")) == (2, 2)
