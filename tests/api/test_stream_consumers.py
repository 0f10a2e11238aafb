"""Named consumers: what they remember, what they share, and what they are refused."""

from __future__ import annotations

import gc
import os
import random
import threading
import time
from collections import Counter, defaultdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from store.stores import together

from dynafile import Dynafile, StreamConsumer, StreamOptions, StreamRecord
from dynafile.errors import (
    AcknowledgementRefused,
    ConditionalCheckFailed,
    HandleClosed,
    HandleForked,
    InvalidArgument,
    StreamNotEnabled,
    TransactionConflict,
    TrimmedDataAccess,
    ValidationError,
)
from dynafile.store.view import View
from dynafile.table.stream_record import key_of

if TYPE_CHECKING:
    from api.conftest import Clock, OpenTables, StartWorker
    from conftest import OpenDatabase

    from dynafile import Database, Stream, Table


@pytest.fixture(params=["memory", "files"])
def db(request: pytest.FixtureRequest, database: OpenDatabase) -> Dynafile:
    return database(":memory:" if request.param == "memory" else None, stream=True)


def put(db: Dynafile, *numbers: int) -> None:
    for number in numbers:
        db.put_item(item={"PK": "p", "SK": number})


def named(db: Dynafile | Table, name: str = "mailer", **options: Any) -> Stream:
    return db.stream(name=name, follow=False, **options)


def numbers(stream: Stream | list[StreamRecord]) -> list[int]:
    return [int(record.keys["SK"]) for record in stream]


def rest(db: Dynafile, name: str = "mailer") -> list[int]:
    """What whoever comes next is given, which it leaves as it was."""
    with named(db, name) as stream:
        return numbers(stream)


def claims(db: Dynafile | Database) -> list[str]:
    return [each.name for each in Path(db.path).iterdir() if each.name.startswith("claim-")]


# -- going on ---------------------------------------------------------------------------------------


def test_who_comes_again_goes_on(db: Dynafile) -> None:
    put(db, *range(10))
    with named(db) as stream:
        for number in range(4):
            record = next(stream)
            assert record.keys["SK"] == number
            record.ack()
    assert rest(db) == [4, 5, 6, 7, 8, 9]
    with named(db) as stream:
        for record in stream:
            if record.keys["SK"] == 7:
                record.ack()  # and what came before it
    assert rest(db) == [8, 9]
    put(db, 10)
    assert rest(db) == [8, 9, 10]  # the unacknowledged come first
    assert rest(db, "other") == list(range(11))


def test_what_is_told_of_it(db: Dynafile) -> None:
    put(db, *range(5))
    assert db.stream_consumers() == {}
    nothing = "0" * 30
    stream = named(db)
    assert db.stream_consumers() == {
        "mailer": StreamConsumer(
            name="mailer", start="TRIM_HORIZON", position=nothing, unacknowledged=0, members=1
        )
    }
    found = list(stream)
    found[1].ack()
    told = db.stream_consumers()["mailer"]
    assert (told.unacknowledged, told.members) == (3, 1)
    assert told.position > found[-1].sequence_number
    with named(db) as other:
        assert db.stream_consumers()["mailer"].members == 2
        assert list(other) == []
    stream.close()
    assert db.stream_consumers()["mailer"].members == 0
    named(db, "😀", start="LATEST").close()
    named(db, "a" * 255, start=found[2].sequence_number).close()
    told_of = db.stream_consumers()
    assert sorted(told_of) == sorted(["mailer", "😀", "a" * 255])
    assert told_of["😀"].start == "LATEST"
    assert rest(db, "😀") == []
    assert rest(db, "a" * 255) == [2, 3, 4]
    db.drop_stream_consumer("😀")
    db.drop_stream_consumer("😀")
    db.drop_stream_consumer("never was")
    assert sorted(db.stream_consumers()) == sorted(["mailer", "a" * 255])


def test_names_that_begin_alike(db: Dynafile) -> None:
    put(db, 1, 2)
    for name in ("a", "ab", "aR", "aH", "a ", "b"):
        with named(db, name) as stream:
            next(stream).ack()
    db.drop_stream_consumer("a")
    assert rest(db, "a") == [1, 2]
    assert all(rest(db, name) == [2] for name in ("ab", "aR", "aH", "a ", "b"))


def test_it_is_kept_when_the_database_is_opened_again(database: OpenDatabase) -> None:
    with database(stream=True) as db:
        put(db, *range(5))
        stream = named(db)
        next(stream).ack()
        next(stream)
    assert stream.closed
    with database() as db:
        assert db.stream_consumers()["mailer"].members == 0
        db._store.checkpoint()
    with database() as db:
        assert rest(db) == [1, 2, 3, 4]
        db.clear()
        assert len(rest(db)) == 4 + 5
        assert claims(db) == []
    db = database()
    db.drop_stream_consumer("mailer")
    assert len(rest(db)) == 10


def test_one_place_for_both_kinds_of_handle(database: OpenDatabase, tables: OpenTables) -> None:
    db = database(stream=True)
    put(db, 1, 2, 3)
    with named(db) as stream:
        next(stream).ack()
    with tables(db.path).table(db.table_name) as table, named(table) as stream:
        assert numbers(stream) == [2, 3]


def test_a_start_that_is_trimmed_by_now(clock: Clock, database: OpenDatabase) -> None:
    """Who was begun at a record went on there no more, once that record was too old."""
    db = database(stream=True)
    put(db, 1, 2)
    start = [each.sequence_number for each in db.stream(follow=False)][1]
    with named(db, start=start) as stream:
        next(stream).ack()
    clock.now += 80_000
    put(db, 3)
    with named(db, start=start) as stream:
        next(stream).ack()
    clock.now += 10_000
    put(db, 4)
    with named(db, start=start) as stream:
        assert numbers(stream) == [4]
    with pytest.raises(TrimmedDataAccess):
        named(db, "new", start=start)
    assert sorted(db.stream_consumers()) == ["mailer"]


def test_a_start_is_refused_before_anything_is_written(database: OpenDatabase) -> None:
    db = database(stream=True)
    put(db, 1)
    before = db._store.published()
    for name, start in (("mailer", "1" * 30), ("mailer", "LATER"), ("", None)):
        with pytest.raises(ValidationError):
            named(db, name, start=start)
    assert db._store.published() == before
    assert claims(db) == []


def test_another_start(db: Dynafile) -> None:
    put(db, 1)
    named(db).close()
    named(db, start="TRIM_HORIZON").close()
    for start in ("LATEST", next(db.stream()).sequence_number):
        with pytest.raises(InvalidArgument, match="was begun with start='TRIM_HORIZON'"):
            named(db, start=start)
    db.drop_stream_consumer("mailer")
    named(db, start="LATEST").close()
    with pytest.raises(InvalidArgument, match="was begun with start='LATEST'"):
        named(db, start="TRIM_HORIZON")
    named(db).close()
    assert rest(db) == []
    assert db.stream_consumers()["mailer"].members == 0
    if db.path != ":memory:":
        assert claims(db) == []


def test_a_consumer_that_is_dropped_while_it_reads(db: Dynafile) -> None:
    put(db, 1, 2)
    stream = named(db)
    record = next(stream)
    db.drop_stream_consumer("mailer")
    with pytest.raises(AcknowledgementRefused):
        record.ack()
    put(db, 3)
    with pytest.raises(InvalidArgument, match="'mailer' was dropped"):
        list(stream)
    stream.close()
    assert rest(db) == [1, 2, 3]


def test_wanted_records(db: Dynafile) -> None:
    for number in range(40):
        db.put_item(item={"PK": f"{number % 2}", "SK": number, "n": number})
    with named(db, filter="n >= 20", key_prefix="1") as stream:
        for record in stream:
            record.ack()
            assert record.keys["SK"] % 2 == 1
            assert record.keys["SK"] >= 20
    assert rest(db) == []  # what was not wanted is done with


def test_many_that_are_acknowledged_at_the_end(
    db: Dynafile, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Taking each lot went through all that had been handed out before, its own all of it."""
    looked_through = 0
    original = View.range

    def counting(self: View, *args: Any, **options: Any) -> Any:
        nonlocal looked_through
        found = original(self, *args, **options)
        looked_through += len(found)
        return found

    put(db, *range(2_000))
    monkeypatch.setattr(View, "range", counting)
    with named(db) as stream:
        found = list(stream)
        found[-2].ack()
        assert numbers(found) == list(range(2_000))
    assert looked_through < 2_000
    assert rest(db) == [1_999]


def test_one_that_is_alone_again(db: Dynafile) -> None:
    """What another left goes to it, though all that it knew of was its own."""
    put(db, 1)
    with named(db) as stream:
        assert numbers(stream) == [1]
        assert numbers(stream) == []
        other = named(db)
        for number in (2, 3):
            db.put_item(item={"PK": "q", "SK": number})
        assert numbers(other) == [2, 3]
        assert numbers(stream) == []
        other.close()
        assert numbers(stream) == [2, 3]
        assert numbers(stream) == []


@pytest.mark.parametrize("first", [700, 1499, 1500])
@pytest.mark.parametrize("follow", [True, False])
def test_wanted_records_far_behind_others(follow: bool, first: int, db: Dynafile) -> None:
    """It ended where none was wanted of the first few hundred."""
    put(db, *range(1500))
    timeout = 0.0 if follow else None
    wanted = f"SK >= {first}"
    with db.stream(name="mailer", filter=wanted, follow=follow, timeout=timeout) as stream:
        assert numbers(stream) == list(range(first, 1500))
        assert numbers(stream) == []
        put(db, 1500)
        assert numbers(stream) == [1500]


# -- acknowledging ----------------------------------------------------------------------------------


def test_what_is_not_to_be_acknowledged(db: Dynafile) -> None:
    put(db, *range(6))
    with pytest.raises(InvalidArgument, match="only records of a named stream"):
        next(db.stream()).ack()
    stream = named(db)
    found = [next(stream) for _ in range(5)]
    found[2].ack()
    for record in found[:3]:  # once more, and out of order
        with pytest.raises(AcknowledgementRefused, match="was acknowledged already") as caught:
            record.ack()
        assert caught.value.sequence_number == record.sequence_number
    found[3].ack()
    stream.close()
    with pytest.raises(AcknowledgementRefused):
        found[4].ack()
    with named(db) as again:
        mine = list(again)
        assert numbers(mine) == [4, 5]
        with pytest.raises(AcknowledgementRefused):
            found[4].ack()  # it is another's now
        mine[0].ack()
    assert rest(db) == [5]
    for wrong in (object(), db, "tx", True):
        with named(db) as stream, pytest.raises(InvalidArgument, match="takes a transaction"):
            next(stream).ack(wrong)
    db.close()
    with pytest.raises((AcknowledgementRefused, HandleClosed)):
        mine[1].ack()


def test_with_the_effect_in_one_transaction(db: Dynafile) -> None:
    put(db, 1, 2, 3)
    with named(db, filter=lambda item: item["PK"] == "p") as stream:
        record = next(stream)
        with db.transaction() as tx:
            tx.put_item(item={"PK": "done", "SK": record.keys["SK"]})
            record.ack(transaction=tx)
        with pytest.raises(AcknowledgementRefused):
            record.ack()
        record = next(stream)
        with pytest.raises(RuntimeError), db.transaction() as tx:
            record.ack(tx)
            raise RuntimeError
        with pytest.raises(ConditionalCheckFailed), db.transaction() as tx:
            record.ack(tx)
            tx.put_item(
                item={"PK": "done", "SK": 1}, condition_expression="attribute_not_exists(PK)"
            )
        with pytest.raises(TransactionConflict), db.transaction() as tx:
            record.ack(tx)
            tx.get_item(key={"PK": "done", "SK": 1})
            tx.put_item(item={"PK": "done", "SK": 2})
            db.delete_item(key={"PK": "done", "SK": 1})
    assert list(db.query("done")) == []
    with named(db, filter=lambda item: item["PK"] == "p") as stream:
        again = next(stream)
        assert again.sequence_number == record.sequence_number
        with db.transaction() as tx:
            again.ack(tx)  # and nothing else
        with pytest.raises(AcknowledgementRefused), db.transaction() as tx:
            tx.put_item(item={"PK": "done", "SK": 2})
            again.ack(tx)
        assert list(db.query("done")) == []  # nothing of a transaction without its acknowledgement
        last = next(stream)

        def body(tx: Any) -> None:
            tx.put_item(item={"PK": "done", "SK": 3})
            last.ack(tx)

        db.run_transaction(body)
    assert [item["SK"] for item in db.query("done")] == [3]
    with named(db, filter=lambda item: item["PK"] == "p") as stream:
        assert list(stream) == []


def test_a_transaction_of_another_database(db: Dynafile, database: OpenDatabase) -> None:
    other = database(":memory:")
    put(db, 1)
    with named(db) as stream:
        record = next(stream)
        with pytest.raises(InvalidArgument, match="of another database"), other.transaction() as tx:
            tx.put_item(item={"PK": "p", "SK": 1})
            record.ack(tx)
        with pytest.raises(InvalidArgument, match="with block"):
            record.ack(db.transaction())
        with db.transaction() as tx:
            pass
        with pytest.raises(InvalidArgument):
            record.ack(tx)
    assert len(other) == 0
    assert rest(db) == [1]


def test_the_effect_may_be_in_another_table(tables: OpenTables) -> None:
    db = tables()
    jobs = db.create_table(name="jobs", stream=True)
    db.create_table(name="done")
    jobs.put_item(item={"PK": "a", "SK": "1"})
    with named(jobs) as stream:
        for record in stream:
            with db.transaction() as tx:
                tx.table("done").put_item(item={**record.keys, "done": True})
                record.ack(tx)
    assert list(db.table("done").scan()) == [{"PK": "a", "SK": "1", "done": True}]
    with named(jobs) as stream:
        assert list(stream) == []


# -- several at a time ------------------------------------------------------------------------------


def test_threads_share_the_records(db: Dynafile) -> None:
    """Each record goes to one of them, and those of an item are done in their order."""
    count, items = 600, 20
    shares: dict[str, list[StreamRecord]] = defaultdict(list)
    done: dict[Any, list[int]] = defaultdict(list)
    mutex = threading.Lock()
    begun = threading.Barrier(4)

    def consume(name: str) -> None:
        with db.stream(name="mailer", timeout=1) as stream:
            begun.wait(30)
            for record in stream:
                assert record.new_image is not None
                time.sleep(0.0002)
                with mutex:
                    shares[name].append(record)
                    done[record.keys["SK"]].append(record.new_image["n"])
                record.ack()

    def produce() -> None:
        begun.wait(30)
        for n in range(count):
            db.put_item(item={"PK": "p", "SK": n % items, "n": n})

    together(produce, *(lambda name=name: consume(name) for name in "abc"))  # type: ignore[misc]
    everything = Counter(each.sequence_number for share in shares.values() for each in share)
    assert len(everything) == count
    assert set(everything.values()) == {1}
    assert all(len(share) > count // 20 for share in shares.values()), {
        name: len(share) for name, share in shares.items()
    }
    for item, order in done.items():
        assert order == list(range(int(item), count, items))
    assert rest(db) == []
    assert db.stream_consumers()["mailer"].unacknowledged == 0


def test_one_waits_for_the_item_that_another_is_at(db: Dynafile) -> None:
    one = named(db)
    for n in range(3):
        db.put_item(item={"PK": "p", "SK": 1, "n": n})
    db.put_item(item={"PK": "p", "SK": 2})
    first = next(one)
    other = named(db)
    held = {each.sequence_number for each in [first, *one]}
    assert len(held) == 4  # it was alone, and took what there was
    assert list(other) == []
    db.put_item(item={"PK": "p", "SK": 1, "n": 3})
    db.put_item(item={"PK": "p", "SK": 3})
    (record,) = other
    assert record.keys["SK"] == 3  # and not the one of 1, whose turn it is not
    one.close()
    found = list(other)
    assert [(each.keys["SK"], (each.new_image or {}).get("n")) for each in found] == [
        (1, 0), (1, 1), (1, 2), (2, None), (1, 3),
    ]  # fmt: skip
    other.close()


def test_records_of_a_stream_that_nobody_closed(db: Dynafile) -> None:
    """Its claim was held until the process ended, so nobody got what it had not acknowledged."""
    put(db, 1, 2, 3)

    def look_at_one() -> int:
        for record in db.stream(name="mailer"):
            return int(record.keys["SK"])
        return 0

    assert look_at_one() == 1
    gc.collect()
    assert look_at_one() == 1
    gc.collect()
    assert rest(db) == [1, 2, 3]
    record = next(named(db))
    gc.collect()
    record.ack()  # while one has a record, that can be acknowledged
    del record
    gc.collect()
    assert rest(db) == [2, 3]
    assert db.stream_consumers()["mailer"].members == 0


def test_a_lock_is_not_taken_in_order_to_wait(
    database: OpenDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who had not acknowledged all took the writer's lock 200 times a second while it waited."""
    db = database(stream=True)
    put(db, *range(5))
    with db.stream(name="mailer", timeout=0.3) as stream:
        next(stream)
        commits: list[int] = []
        commit = db._store._commit
        monkeypatch.setattr(
            db._store, "_commit", lambda *args: (commits.append(1), commit(*args))[1]
        )
        assert numbers(stream) == [1, 2, 3, 4]
        assert len(commits) < 8


def test_closing_is_no_failure(database: OpenDatabase, monkeypatch: pytest.MonkeyPatch) -> None:
    """One that could not say that it leaves kept its handle open; now it counts as one that died."""
    db = database(stream=True)
    put(db, 1, 2)
    stream = named(db)
    next(stream)

    def refuse(*_: Any) -> None:
        raise HandleClosed("closed by a test")

    with monkeypatch.context() as patch:
        patch.setattr(db._store, "_commit", refuse)
        stream.close()
    assert db.stream_consumers()["mailer"].members == 1
    assert rest(db) == [1, 2]
    assert claims(db) == []
    stream = named(db)
    db._store.replica.shut(HandleClosed("closed by a test"))
    db.close()
    assert db.closed
    assert stream.closed


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_in_a_forked_child(database: OpenDatabase) -> None:
    """The child can neither take nor acknowledge; its end is not that of the parent's consumer."""
    db = database(stream=True)
    put(db, 1, 2)
    stream = named(db)
    record = next(stream)
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        found = []
        for act in (lambda: next(db.stream(name="mailer")), record.ack, stream.close):
            try:
                act()
                found.append("done")
            except HandleForked:
                found.append("forked")
            except BaseException as error:
                found.append(repr(error))
        # As a process of its own it is another consumer.
        with Dynafile(db.path) as mine, named(mine) as other:
            found.append(str(len(list(other))))
        os.write(write, ",".join(found).encode())
        os._exit(0)
    os.close(write)
    assert os.waitpid(child, 0)[1] == 0
    assert os.read(read, 1000) == b"forked,forked,done,1"
    os.close(read)
    record.ack()
    assert numbers(stream) == [2]
    stream.close()
    assert rest(db) == [2]


# -- what is lost -----------------------------------------------------------------------------------


@pytest.mark.parametrize("memory", [True, False])
def test_one_that_is_overtaken(memory: bool, clock: Clock, database: OpenDatabase) -> None:
    """It is told what was lost, until it is dropped, and takes nothing by accident."""
    db = database(":memory:" if memory else None, stream=StreamOptions(retention=60))
    put(db, 1, 2)
    with named(db) as stream:
        next(stream).ack()
        first_lost = next(stream).sequence_number
    clock.now += 100
    put(db, 3)
    db._store.checkpoint()
    for _ in range(2):
        with named(db, "late", start="TRIM_HORIZON") as stream:
            assert numbers(stream) == [3]
        with named(db) as stream:
            try:
                record = next(stream)
            except TrimmedDataAccess as error:
                assert error.requested < str(error.oldest)
            else:
                # It was handed out before, and its segment is still there.
                assert record.sequence_number == first_lost
    with db.stream(name="never", follow=False) as stream:
        pass
    with db.stream(name="slow", start="LATEST", follow=False) as stream:
        put(db, 4)
        clock.now += 100
        put(db, 5)
        with pytest.raises(TrimmedDataAccess, match="the records of .* are lost") as caught:
            next(stream)
    assert caught.value.requested < str(caught.value.oldest)
    assert "drop_stream_consumer('slow')" in "".join(caught.value.__notes__)
    with named(db, "slow") as stream, pytest.raises(TrimmedDataAccess):
        next(stream)
    db.drop_stream_consumer("slow")
    assert rest(db, "slow") == [5]


def test_a_name_on_a_table_without_a_stream(database: OpenDatabase) -> None:
    db = database()
    with pytest.raises(StreamNotEnabled):
        named(db)
    assert db.stream_consumers() == {}
    db.drop_stream_consumer("mailer")


# -- other processes --------------------------------------------------------------------------------


def test_what_a_killed_process_had_goes_to_another(
    database: OpenDatabase, worker: StartWorker
) -> None:
    db = database(stream=True)
    put(db, *range(5))
    other = worker(db.path)
    assert other.call("take_named", "mailer", 3) == 3
    with named(db) as stream:
        put(db, 5)
        mine = list(stream)
        assert set(numbers(mine)).isdisjoint({0, 1, 2})
        assert len(claims(db)) == 2
        other.kill()
        time.sleep(0.15)  # it is looked for ten times a second
        theirs = list(stream)
        assert numbers(theirs)[:3] == [0, 1, 2]
        assert sorted(numbers(theirs + mine)) == [0, 1, 2, 3, 4, 5]
        theirs[-1].ack()
        assert db.stream_consumers()["mailer"].unacknowledged == 0
        assert len(claims(db)) == 1
    assert claims(db) == []
    assert rest(db) == []


def test_files_of_dead_consumers_go_with_what_is_dropped(
    tables: OpenTables, worker: StartWorker
) -> None:
    """Nobody came under their name again, and so nobody removed the files of their claims."""
    db = tables()
    db.create_table(name="jobs", stream=True).put_item(item={"PK": "a", "SK": "1"})
    for drop in ("consumer", "table"):
        other = worker(db.path, many=True)
        other.take("jobs")
        assert other.on("jobs", "take_named", "mailer", 1) == 1
        other.kill()
        assert len(claims(db)) == 1
        with db.table("jobs") as table:
            if drop == "consumer":
                table.drop_stream_consumer("mailer")
                assert table.stream_consumers() == {}
        if drop == "table":
            db.delete_table("jobs")
        assert claims(db) == []


def test_a_lot_that_several_share_is_read_once(
    database: OpenDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    """For each record that one of several took, the next 256 were read, or all of a commit."""
    db = database(stream=True, durability="relaxed")
    with db.batch_writer() as writer:
        for number in range(1000):
            writer.put_item(item={"PK": "p", "SK": number})
    with named(db) as one, named(db) as other:
        reads: list[int] = []
        for stream in (one, other):
            source: Any = stream._source
            read = source._reader.read
            monkeypatch.setattr(
                source._reader,
                "read",
                lambda place, read=read: (reads.append(1), read(place))[1],
            )
        found = []
        for record, second in zip(one, other, strict=False):
            found += [record.keys["SK"], second.keys["SK"]]
            record.ack()
            second.ack()
        assert len(found) > 900
        assert len(set(found)) == len(found)
        assert len(reads) < 50


class Crowd:
    """Consumers of one name, and what each of them holds; what they must never do is asserted."""

    def __init__(self, db: Dynafile, rng: random.Random) -> None:
        self.db = db
        self.rng = rng
        self.streams: list[Stream] = []
        self.held: dict[int, list[StreamRecord]] = {}
        self.done: list[str] = []
        self.written = 0

    def begin(self) -> None:
        if len(self.streams) < 4:
            stream = self.db.stream(name="mailer", follow=False)
            stream._source._looked = -1e9  # type: ignore[union-attr]
            self.streams.append(stream)
            self.held[id(stream)] = []

    def leave(self) -> None:
        if self.streams:
            stream = self.streams.pop(self.rng.randrange(len(self.streams)))
            del self.held[id(stream)]
            if self.rng.random() < 0.5:
                stream.close()
            else:  # as one that was killed
                claim = stream._source._claim  # type: ignore[union-attr]
                assert claim is not None
                claim.release()
                stream._source._claim = None  # type: ignore[union-attr]
                stream._closed = True

    def write(self) -> None:
        with self.db.batch_writer() as writer:
            for _ in range(self.rng.randrange(1, 6)):
                self.written += 1
                key = {"PK": "p", "SK": self.rng.randrange(6)}
                writer.put_item(item={**key, "n": self.written})

    def take(self) -> None:
        if not self.streams:
            return
        stream = self.rng.choice(self.streams)
        stream._source._looked = -1e9  # type: ignore[union-attr]
        record = next(stream, None)
        if record is None:
            return
        number = record.sequence_number
        assert number not in self.done
        mine = self.held[id(stream)]
        assert all(each.sequence_number != number for some in self.held.values() for each in some)
        for other, some in self.held.items():
            if other != id(stream):
                assert all(key_of(each) != key_of(record) for each in some)
        assert all(each.sequence_number < number for each in mine if key_of(each) == key_of(record))
        mine.append(record)

    def acknowledge(self) -> None:
        streams = [stream for stream in self.streams if self.held[id(stream)]]
        if not streams:
            return
        held = self.held[id(self.rng.choice(streams))]
        place = self.rng.randrange(len(held))
        way = self.rng.random()
        if way < 0.3:
            with self.db.transaction() as tx:
                held[place].ack(tx)
        elif way < 0.5:
            with pytest.raises(RuntimeError), self.db.transaction() as tx:
                held[place].ack(tx)
                raise RuntimeError
            return
        else:
            held[place].ack()
        done, held[:] = held[: place + 1], held[place + 1 :]
        self.done += [each.sequence_number for each in done]
        with pytest.raises(AcknowledgementRefused):
            done[-1].ack()

    def finish(self) -> None:
        while self.streams:
            self.leave()
        with named(self.db) as stream:
            stream._source._looked = -1e9  # type: ignore[union-attr]
            for record in stream:
                self.done.append(record.sequence_number)
                record.ack()
        assert len(set(self.done)) == len(self.done)
        wanted = [each.sequence_number for each in self.db.stream(follow=False)]
        assert sorted(self.done) == wanted
        assert rest(self.db) == []


@pytest.mark.parametrize("seed", range(8))
def test_a_crowd_that_comes_and_goes(seed: int, database: OpenDatabase) -> None:
    """No record is at two of them, nor an item; each is acknowledged once, whoever died meanwhile."""
    memory = seed % 2
    db = database(":memory:" if memory else None, stream=True, durability="relaxed")
    crowd = Crowd(db, random.Random(seed))
    acts = [crowd.write] * 3 + [crowd.take] * 8 + [crowd.acknowledge] * 3
    acts += [crowd.begin, crowd.leave]
    for step in range(600):
        crowd.rng.choice(acts)()
        if step % 97 == 0:
            db._store.checkpoint()
    crowd.finish()


def test_what_was_not_acknowledged_in_time(clock: Clock, database: OpenDatabase) -> None:
    """It is told once; what was taken with it was kept back until the consumer began anew."""
    db = database(":memory:", stream=StreamOptions(retention=60))
    put(db, 1, 2)
    one = named(db)
    assert next(one).keys["SK"] == 1
    with named(db) as other:
        record = next(other)
        clock.now += 50
        put(db, 3)
        record = next(other)
        record.ack()
        clock.now += 20
        put(db, 4, 5)
        one.close()
        with pytest.raises(TrimmedDataAccess) as caught:
            next(other)
        assert "handed out for 'mailer'" in "".join(caught.value.__notes__)
        found = list(other)
        assert numbers(found) == [4, 5]
        assert db.stream_consumers()["mailer"].unacknowledged == 3
        found[0].ack()  # and gives up what is lost
        assert db.stream_consumers()["mailer"].unacknowledged == 1
    with named(db) as again:
        assert numbers(again) == [5]
