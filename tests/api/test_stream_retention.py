"""How far back a stream can be read, what takes space for it, and what damage does to it."""

from __future__ import annotations

import shutil
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from dynafile import Dynafile, StreamOptions
from dynafile.errors import CheckFailed, CorruptFile, TrimmedDataAccess
from dynafile.table.stream_record import place_of

if TYPE_CHECKING:
    from api.conftest import Clock, OpenTables, StartWorker
    from conftest import OpenDatabase

    from dynafile import Table

DAY = 86_400


def small(db: Any) -> Any:
    """Let checkpoints come early."""
    checkpointer = db._store._checkpointer
    if checkpointer is not None:
        checkpointer.checkpoint_bytes, checkpointer.partition_bytes = 8000, 2000
    return db


def put(db: Dynafile | Table, *numbers: int, size: int = 100) -> None:
    for number in numbers:
        db.put_item(item={"PK": "p", "SK": number, "x": "x" * size})


def numbers(db: Dynafile | Table, **options: Any) -> list[int]:
    return [int(record.keys["SK"]) for record in db.stream(follow=False, **options)]


def segments(db: Any) -> list[Path]:
    return sorted((Path(db.path) / "journal").iterdir())


@pytest.fixture(params=["memory", "files"])
def where(request: pytest.FixtureRequest) -> str | None:
    return ":memory:" if request.param == "memory" else None


def test_a_day_by_default(where: str | None, clock: Clock, database: OpenDatabase) -> None:
    db = database(where, stream=True)
    put(db, 1)
    clock.now += DAY
    put(db, 2)
    assert numbers(db) == [1, 2]
    clock.now += 1
    assert numbers(db) == [2]  # the segment is still there, and the record is not
    clock.now += DAY
    assert numbers(db) == []
    put(db, 3)
    assert numbers(db) == [3]


def test_what_is_trimmed(where: str | None, clock: Clock, database: OpenDatabase) -> None:
    """It says what was lost, from where to where, how much is kept, and what to do."""
    db = database(where, stream=StreamOptions("KEYS_ONLY", retention=timedelta(hours=2)))
    put(db, 1, 2)
    first, second = [record.sequence_number for record in db.stream(follow=False)]
    follower, late = db.stream(follow=False), db.stream(follow=False)
    assert next(follower).keys["SK"] == 1
    assert next(follower).keys["SK"] == 2
    clock.now += 7000
    put(db, 3)
    assert next(follower).keys["SK"] == 3
    assert numbers(db, start=second) == [2, 3]
    clock.now += 201
    third = next(db.stream()).sequence_number
    for options in ({"start": first}, {"start": second}, {"after": first}):
        with pytest.raises(TrimmedDataAccess) as caught:
            db.stream(**options)
        error = caught.value
        assert error.requested == (second if options.get("start") == second else first)
        assert error.oldest == third
        for words in (error.requested, third, "2 hours", "start='TRIM_HORIZON'", "UTC"):
            assert words in str(error)
    assert numbers(db, start=third) == [3]
    assert [int(each.keys["SK"]) for each in late] == [3]  # it had not begun
    put(db, 4)
    assert next(follower).keys["SK"] == 4
    clock.now += 8000
    with pytest.raises(TrimmedDataAccess) as caught:
        db.stream(start=third)
    assert caught.value.oldest is None
    put(db, 5)
    assert [int(each.keys["SK"]) for each in follower] == [5]  # it was at the end all the time
    assert numbers(db, start="LATEST") == []


def test_a_follower_that_is_overtaken(
    where: str | None, clock: Clock, database: OpenDatabase
) -> None:
    """It may go on with what there is, and hears once what it lost."""
    db = small(database(where, stream=StreamOptions(retention=60)))
    put(db, 0)
    slow = db.stream(follow=False)
    assert next(slow).keys["SK"] == 0
    for number in range(1, 200):
        clock.now += 1
        put(db, number)
    with pytest.raises(TrimmedDataAccess) as caught:
        next(slow)
    assert caught.value.requested < str(caught.value.oldest)
    left = numbers(db, start=caught.value.oldest)
    assert left == numbers(db) == list(range(139, 200))
    if where is None:
        assert len(segments(db)) < 12


def test_by_size(where: str | None, clock: Clock, database: OpenDatabase) -> None:
    """At most so many bytes can be read, and the files are not much larger."""
    db = small(database(where, stream=StreamOptions(max_bytes=20_000)))
    for number in range(400):
        put(db, number)
    found = numbers(db)
    assert found == list(range(found[0], 400))
    assert 20 < len(found) < 100
    if where is None:
        live = sum(each.stat().st_blocks * 512 for each in segments(db))
        assert live < 20_000 + 4 * 65_536 + 65_536
    first = next(db.stream()).sequence_number
    put(db, *range(400, 800))
    with pytest.raises(TrimmedDataAccess, match="20000 bytes of the journal"):
        db.stream(start=first)


def test_tables_with_streams_of_their_own(clock: Clock, tables: OpenTables) -> None:
    """The journal is kept for the longest, and each shows what is its own."""
    db = small(tables())
    short = db.create_table(name="short", stream=StreamOptions(retention=10))
    long = db.create_table(name="long", stream=StreamOptions(retention=1000))
    plain = db.create_table(name="plain")
    for number in range(100):
        clock.now += 1
        for table in (short, long, plain):
            put(table, number)
    assert numbers(short) == list(range(89, 100))
    assert numbers(long) == list(range(100))
    db.delete_table("long")
    for number in range(100, 200):
        clock.now += 1
        put(short, number)
        put(plain, number)
    assert numbers(short) == list(range(189, 200))
    assert len(segments(db)) < 10


def test_tables_without_a_stream_keep_no_segments(database: OpenDatabase) -> None:
    db = small(database())
    put(db, *range(300))
    assert len(segments(db)) <= 2


@pytest.mark.parametrize("way", ["disabled", "deleted"])
def test_space_is_given_back(way: str, clock: Clock, tables: OpenTables) -> None:
    """When the last stream has been disabled for as long as it kept records, or its table is gone."""
    db = small(tables())
    table, plain = db.create_table(name="tab", stream=True), db.create_table(name="plain")
    put(table, *range(300))
    assert len(segments(db)) > 5
    if way == "deleted":
        db.delete_table("tab")
    else:
        db.update_table("tab", stream_specification={"StreamEnabled": False})
        put(table, *range(300))
        assert len(segments(db)) > 5
        assert numbers(table) == list(range(300))
        clock.now += DAY + 1
    put(plain, *range(200))
    assert len(segments(db)) <= 2
    assert db._store.replica.checkpoint.lsn > 0
    path = db.path
    db.close()
    assert len(segments(tables(path))) <= 2


def test_a_stream_that_ended_long_ago_holds_nothing_up(clock: Clock, tables: OpenTables) -> None:
    """Its retention counted on, for the tables that have one still."""
    db = small(tables())
    old = db.create_table(name="old", stream=True)
    put(old, *range(10))
    db.update_table("old", stream_specification={"StreamEnabled": False})
    clock.now += DAY + 1
    table = db.create_table(name="tab", stream=StreamOptions(retention=10))
    for number in range(300):
        clock.now += 1
        put(table, number)
    assert len(segments(db)) < 10
    assert numbers(table) == list(range(289, 300))


def test_what_another_process_trims(
    clock: Clock, database: OpenDatabase, worker: StartWorker
) -> None:
    """A reader beside the process that writes, whose segments go under it."""
    db = small(database(stream=StreamOptions(retention=60)))
    put(db, 0)
    other = worker(db.path)
    first = next(db.stream()).sequence_number
    streams = [db.stream(follow=False) for _ in range(2)]
    next(streams[0])
    for step in range(1, 6):
        clock.now += 100
        other.call("clock", clock.now)
        other.call("put_item", item={"PK": "p", "SK": step})
        other.call("checkpoint")
        assert numbers(db) == [step]
    assert len(segments(db)) <= 3
    with pytest.raises(TrimmedDataAccess):
        next(streams[0])
    assert [record.keys["SK"] for record in streams[1]] == [5]
    with pytest.raises(TrimmedDataAccess):
        db.stream(start=first)


@pytest.mark.parametrize("name", [None, "mailer"])
def test_damage(name: str | None, database: OpenDatabase) -> None:
    """A flipped byte in a segment that only the stream needs: who reads it is told where.

    What comes before it is read; items, opening, and what comes later are as they were.
    """
    db = database(stream=True)
    put(db, *range(10))
    db._store.checkpoint()
    put(db, *range(10, 20))
    found = list(db.stream(follow=False))
    path = segments(db)[0]
    base = int(path.stem, 16)
    data = bytearray(path.read_bytes())
    victim = place_of(found[5])[0]
    offset = data.index(b"x" * 100, 40 + victim - base)
    data[offset + 5] ^= 1
    path.write_bytes(data)
    for _ in range(2):
        with db.stream(name=name, follow=False) as stream:
            before = []
            with pytest.raises(CorruptFile) as caught:
                before += [record.keys["SK"] for record in stream]
            assert caught.value.path == str(path)
            assert 0 < offset - caught.value.offset < 200
            assert f"{path} is damaged at offset {caught.value.offset}" in str(caught.value)
            with pytest.raises(CorruptFile):
                next(stream)
        assert len(list(db.query("p"))) == 20
        assert numbers(db, start=found[6].sequence_number) == list(range(6, 20))
        assert numbers(db, start="LATEST") == []
        with pytest.raises(CheckFailed, match=f"offset {caught.value.offset} .* the stream"):
            db.check()
        db.close()
        db = database()
    put(db, 20)
    assert numbers(db, start=found[6].sequence_number)[-1] == 20
    db.close()
    shutil.rmtree(db.path)  # the fixture verifies what is left


def test_damage_comes_after_what_is_before_it(database: OpenDatabase) -> None:
    """What was read with it was lost, up to 256 records."""
    db = database(stream=True)
    put(db, *range(10))
    db._store.checkpoint()
    path = segments(db)[0]
    data = bytearray(path.read_bytes())
    at = [place for place in range(len(data)) if data.startswith(b"x" * 100, place)]
    data[at[5]] ^= 1
    path.write_bytes(data)
    found: list[Any] = []
    stream = db.stream(follow=False)
    with pytest.raises(CorruptFile):
        found.extend(record.keys["SK"] for record in stream)
    found_one_by_one = []
    stream = db.stream(follow=False)
    with pytest.raises(CorruptFile):
        while True:
            found_one_by_one.append(next(stream).keys["SK"])
    assert found_one_by_one == [0, 1, 2, 3, 4]
    db.close()
    shutil.rmtree(db.path)  # the fixture verifies what is left


def test_a_segment_that_somebody_removed(tables: OpenTables) -> None:
    """From the middle of the journal: the search for the oldest record never ended."""
    db = tables()
    table, other = (db.create_table(name=name, stream=True) for name in ("tab", "other"))
    put(other, 1)
    db._store.checkpoint()
    put(other, 2)
    db._store.checkpoint()
    put(table, 1)
    db._store.checkpoint()
    missing = segments(db)[1]
    missing.unlink()
    for stream in (table.stream(follow=False), other.stream(follow=False)):
        with pytest.raises(CorruptFile) as caught:
            list(stream)
        assert caught.value.path in map(str, [missing, segments(db)[0]])
    assert numbers(table, start="LATEST") == []
    with pytest.raises(CheckFailed, match=missing.name):
        db.check()
    db.close()
    shutil.rmtree(db.path)  # the fixture verifies what is left
