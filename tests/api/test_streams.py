"""The stream of a table: what its records say, in which order, and from where to where."""

from __future__ import annotations

import pickle
import random
import time
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from api.conftest import NOW

from dynafile import Action, Attr, Dynafile, Stream, StreamOptions, StreamRecord
from dynafile.errors import (
    ConditionalCheckFailed,
    HandleClosed,
    InvalidArgument,
    InvalidSequenceNumber,
    ReadOnlyDatabase,
    ResourceNotFound,
    SchemaMismatch,
    StreamNotEnabled,
    TransactionCanceled,
    TrimmedDataAccess,
    ValidationError,
)
from dynafile.table.stream_record import place_of

if TYPE_CHECKING:
    from pathlib import Path

    from api.conftest import Clock, OpenTables, StartWorker
    from conftest import OpenDatabase

    from dynafile import Database, Table

VIEWS = ["KEYS_ONLY", "NEW_IMAGE", "OLD_IMAGE", "NEW_AND_OLD_IMAGES"]
A1 = {"PK": "a", "SK": "1"}
A2 = {"PK": "a", "SK": "2"}
B1 = {"PK": "b", "SK": "1"}
KEY = {
    "key_schema": [{"AttributeName": "PK", "KeyType": "HASH"}],
    "attribute_definitions": [{"AttributeName": "PK", "AttributeType": "S"}],
    "billing_mode": "PAY_PER_REQUEST",
}
SMALL = 4000

Said = tuple[str, dict[str, Any] | None, dict[str, Any] | None]


@pytest.fixture(params=["memory", "files"])
def where(request: pytest.FixtureRequest) -> str | None:
    return ":memory:" if request.param == "memory" else None


@pytest.fixture
def db(where: str | None, database: OpenDatabase) -> Dynafile:
    return database(where, stream=True)


def records(db: Table | Dynafile, **options: Any) -> list[StreamRecord]:
    return list(db.stream(follow=False, **options))


def said(db: Table | Dynafile | Stream) -> list[Said]:
    """What each record says: what happened, the item now, and as it was."""
    stream = db if isinstance(db, Stream) else db.stream(follow=False)
    return [(each.event_name, each.new_image, each.old_image) for each in stream]


def insert(new: dict[str, Any]) -> Said:
    return ("INSERT", new, None)


def modify(new: dict[str, Any], old: dict[str, Any]) -> Said:
    return ("MODIFY", new, old)


def remove(old: dict[str, Any]) -> Said:
    return ("REMOVE", None, old)


# -- what a record says -----------------------------------------------------------------------------


@pytest.mark.parametrize("view", VIEWS)
def test_each_view_of_each_change(view: str, where: str | None, database: OpenDatabase) -> None:
    db = database(where, stream=view)
    one, two = {**A1, "n": 1}, {**A1, "n": 2}
    db.put_item(item=one)
    db.put_item(item=two)
    db.delete_item(key=A1)
    found = records(db)
    assert [each.event_name for each in found] == ["INSERT", "MODIFY", "REMOVE"]
    assert [each.keys for each in found] == [A1] * 3
    assert {each.stream_view_type for each in found} == {view}
    new, old = view in ("NEW_IMAGE", "NEW_AND_OLD_IMAGES"), view in VIEWS[2:]
    assert [each.new_image for each in found] == ([one, two, None] if new else [None] * 3)
    assert [each.old_image for each in found] == ([None, one, two] if old else [None] * 3)
    assert [each.user_identity for each in found] == [None] * 3
    numbers = [each.sequence_number for each in found]
    assert numbers == sorted(set(numbers))
    times = [each.approximate_creation_time for each in found]
    assert times == sorted(times)
    assert times[0].tzinfo is UTC
    assert abs(datetime.now(UTC) - times[0]) < timedelta(minutes=1)
    assert repr(found[0]) == f"<INSERT {A1!r} at {numbers[0]}>"
    assert all(each.size_bytes >= 2 * len("PKa1") - 2 for each in found)


@pytest.mark.parametrize("view", VIEWS)
def test_a_removal_after_a_put_in_one_commit_has_no_new_image(
    view: str, where: str | None, database: OpenDatabase
) -> None:
    """A removal looked for its new image too, and found that of a put earlier in its batch."""
    db = database(where, stream=view)
    with db.batch_writer() as writer:
        writer.put_item(item={**A1, "n": 1})
        writer.delete_item(key=A1)
        writer.put_item(item={**A1, "n": 2})
        writer.put_item(item={**A1, "n": 3})
    inserted, removed, again, modified = records(db)
    assert [each.event_name for each in (inserted, removed, again, modified)] == [
        "INSERT", "REMOVE", "INSERT", "MODIFY",
    ]  # fmt: skip
    assert removed.new_image is None
    if "NEW" in view:
        assert inserted.new_image == {**A1, "n": 1}
        assert again.new_image == {**A1, "n": 2}
        assert modified.new_image == {**A1, "n": 3}
    if "OLD" in view:
        assert removed.old_image == {**A1, "n": 1}
        assert modified.old_image == {**A1, "n": 2}
    assert removed.keys == A1


@pytest.mark.parametrize(
    ("before", "after", "is_change"),
    [
        ({"x": 1}, {"x": 1}, False),
        ({"x": 1, "y": "2"}, {"y": "2", "x": 1}, False),
        ({"x": {"a": [1, {"b": 2, "c": 3}]}}, {"x": {"a": [1, {"c": 3, "b": 2}]}}, False),
        ({"x": {1, 2, 3}}, {"x": {3, 2, 1}}, False),
        ({"x": {"a", "b"}}, {"x": {"b", "a"}}, False),
        ({"x": b"1"}, {"x": b"1"}, False),
        ({"x": 1}, {"x": 1.0}, True),
        ({"x": 1}, {"x": Decimal(1)}, True),
        ({"x": 1}, {"x": True}, True),
        ({"x": 0}, {"x": None}, True),
        ({"x": "1"}, {"x": b"1"}, True),
        ({"x": [1, 2]}, {"x": [2, 1]}, True),
        ({"x": 1, "y": 2}, {"x": 2, "y": 1}, True),
        ({"x": {"a": 1, "b": True}}, {"x": {"a": True, "b": 1}}, True),
        ({"x": []}, {"x": {}}, True),
        ({"x": 1}, {}, True),
        ({}, {"x": ""}, True),
        ({"x": ["a", "a"]}, {"x": {"a"}}, True),
    ],
)
def test_puts_that_change_nothing(
    before: dict[str, Any], after: dict[str, Any], is_change: bool, db: Dynafile
) -> None:
    db.put_item(item={**A1, **before})
    db.put_item(item={**after, **A1})
    wanted = [insert({**A1, **before})]
    if is_change:
        wanted.append(modify({**A1, **after}, {**A1, **before}))
    assert said(db) == wanted
    types = [repr(sorted(map(repr, each[1].items()))) for each in said(db) if each[1]]
    assert len(set(types)) == len(wanted)


def test_updates(db: Dynafile) -> None:
    def add(number: int) -> None:
        db.update_item(
            key=A1,
            update_expression="ADD n :n",
            expression_attribute_values={":n": number},
        )

    add(1)
    add(0)
    add(2)
    db.update_item(key=A1, update_expression="REMOVE m")
    db.update_item(key=A2)
    db.update_item(key=A2)
    assert said(db) == [
        insert({**A1, "n": 1}),
        modify({**A1, "n": 3}, {**A1, "n": 1}),
        insert(A2),
    ]


def test_what_was_refused_gives_no_record(db: Dynafile) -> None:
    db.put_item(item=A1)
    with pytest.raises(ConditionalCheckFailed):
        db.put_item(item={**A1, "n": 1}, condition_expression="attribute_not_exists(PK)")
    with pytest.raises(ConditionalCheckFailed):
        db.delete_item(key=A1, condition_expression=Attr("n").exists())
    with pytest.raises(ConditionalCheckFailed):
        db.update_item(
            key=A1,
            update_expression="SET n = :n",
            condition_expression="n = :n",
            expression_attribute_values={":n": 1},
        )
    with pytest.raises(TransactionCanceled):
        db.transact_write_items(
            transact_items=[
                {"Put": {"Item": A2}},
                {"ConditionCheck": {"Key": B1, "ConditionExpression": "attribute_exists(PK)"}},
            ]
        )
    with pytest.raises(RuntimeError), db.transaction() as tx:
        tx.put_item(item=B1)
        raise RuntimeError
    with pytest.raises(RuntimeError), db.batch_writer() as writer:
        writer.put_item(item=B1)
        raise RuntimeError
    with pytest.raises(ValidationError):
        db.put_item(item={**B1, "x": object()})
    db.delete_item(key=B1)
    db.transact_write_items(
        transact_items=[
            {"ConditionCheck": {"Key": A1, "ConditionExpression": "attribute_exists(PK)"}},
            {"Delete": {"Key": A2}},
        ]
    )
    assert said(db) == [insert(A1)]


def test_what_writes_many(db: Dynafile) -> None:
    """In the order in which they were given; a commit's records lie side by side."""
    items = [{"PK": f"{number % 3}", "SK": f"{number:02}"} for number in range(30)]
    with db.batch_writer() as writer:
        for item in items[:10]:
            writer.put_item(item=item)
    db.execute_batch(Action("PUT", item) for item in items[10:15])
    for item in items[15:20]:
        db.put_item(item=item)
    db.transact_write_items(transact_items=[{"Put": {"Item": item}} for item in items[20:25]])
    with db.transaction() as tx:
        for item in items[25:]:
            tx.put_item(item=item)
    found = records(db)
    assert [each.keys for each in found] == items
    assert {each.event_name for each in found} == {"INSERT"}
    together = [place_of(each)[0] for each in found]
    assert [together.count(lsn) for lsn in dict.fromkeys(together)] == [10, 5, 1, 1, 1, 1, 1, 5, 5]
    times = [each.approximate_creation_time for each in found]
    assert times == sorted(times)
    db.clear()
    removed = records(db, after=found[-1].sequence_number)
    assert {each.event_name for each in removed} == {"REMOVE"}
    keys = sorted(str(each.old_image) for each in removed)
    assert keys == sorted(map(str, items))
    assert len({place_of(each)[0] for each in removed}) == 1
    db.clear()
    assert records(db, after=removed[-1].sequence_number) == []


def test_a_transaction_over_tables_is_whole_in_each(tables: OpenTables) -> None:
    """Tables with and without a stream, with the same keys: each has its own records."""
    db = tables()
    names = ["first", "second", "third"]
    first, second, third = (
        db.create_table(name=name, **KEY, stream=None if name == "second" else True)
        for name in names
    )
    for number in range(3):
        with db.transaction() as tx:
            for name in names:
                tx.table(name).put_item(item={"PK": "same", "n": number, "of": name})
    db.batch_write_item(
        request_items={
            name: [{"PutRequest": {"Item": {"PK": "batch", "of": name}}}] for name in names
        }
    )
    for table in (first, third):
        name = table.table_name
        images = [{"PK": "same", "n": number, "of": name} for number in range(3)]
        assert said(table) == [
            insert(images[0]),
            modify(images[1], images[0]),
            modify(images[2], images[1]),
            insert({"PK": "batch", "of": name}),
        ]
    assert [place_of(each)[0] for each in records(first)] == [
        place_of(each)[0] for each in records(third)
    ]
    with pytest.raises(StreamNotEnabled, match="'second' has no stream") as caught:
        second.stream()
    assert caught.value.table == "second"


@pytest.mark.parametrize(
    ("pk", "sk"),
    [
        (1, -2),
        (1.5, 0.1),
        (Decimal("2.50"), Decimal("-1E+20")),
        (10**30, 0),
        (b"\0\xff", b"\0"),
        ("\0", "😀"),
        ("a" * 2048, "b" * 1024),
    ],
)
@pytest.mark.parametrize("view", ["KEYS_ONLY", "NEW_IMAGE"])
def test_keys_without_an_image(view: str, pk: Any, sk: Any, database: OpenDatabase) -> None:
    """They come out of the key in the store, so a number is the number that it is as a key."""
    db = database(":memory:", stream=view)
    db.put_item(item={"PK": pk, "SK": sk})
    db.delete_item(key={"PK": pk, "SK": sk})
    for record in records(db):
        if record.new_image is None and isinstance(pk, float):
            assert record.keys == {"PK": Decimal("1.5"), "SK": Decimal("0.1")}
        else:
            assert record.keys == {"PK": pk, "SK": sk}
        db.put_item(item={**record.keys, "found": True})
    assert [each["found"] for each in db.query(pk)] == [True]


def test_records_can_be_sent_to_other_processes(db: Dynafile) -> None:
    """One of a named stream held a lock, and could not be pickled."""
    db.put_item(item={**A1, "n": 1})
    db.delete_item(key=A1)
    streams = [db.stream(follow=False), db.stream(name="one", follow=False)]
    for stream in streams:
        with stream:
            for record in stream:
                copy = pickle.loads(pickle.dumps(record))
                for name in ("event_name", "keys", "new_image", "old_image", "sequence_number",
                             "approximate_creation_time", "user_identity"):  # fmt: skip
                    assert getattr(copy, name) == getattr(record, name)
                with pytest.raises(InvalidArgument, match="only records of a named stream"):
                    copy.ack()


@pytest.mark.parametrize("view", VIEWS)
def test_keys_of_a_record_whose_images_were_changed(view: str, database: OpenDatabase) -> None:
    """They were looked up in the image: without them in there, also the repr raised KeyError."""
    db = database(stream=view)
    db.put_item(item={**A1, "n": 1})
    db.update_item(key=A1, update_expression="REMOVE n")
    for record in records(db):
        for image in (record.new_image, record.old_image):
            if image is not None:
                del image["PK"]
                image["SK"] = "other"
        copy = pickle.loads(pickle.dumps(record))
        record.keys.clear()
        assert record.keys == copy.keys == A1
        assert repr(A1) in repr(record)


# -- expiry -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("view", VIEWS)
def test_what_expires(view: str, where: str | None, clock: Clock, database: OpenDatabase) -> None:
    """Swept, overwritten, updated or deleted: it is removed first, and by the service."""
    db = database(where, stream=view, ttl_attribute="ttl")
    items = {name: {"PK": "p", "SK": name, "ttl": NOW + 10} for name in "abcd"}
    for item in items.values():
        db.put_item(item=item)
    start = records(db)[-1].sequence_number
    clock.now += 20
    new = {"PK": "p", "SK": "a", "n": 1}
    db.execute_batch([Action("PUT", new), Action("DELETE", items["b"])])
    db.sweep()
    found = records(db, after=start)
    assert [(each.event_name, each.keys["SK"]) for each in found] == [
        ("REMOVE", "a"), ("INSERT", "a"), ("REMOVE", "b"), ("REMOVE", "c"), ("REMOVE", "d"),
    ]  # fmt: skip
    identities = [each.user_identity for each in found]
    assert identities[1] is None
    for record in [found[0], *found[2:]]:
        assert record.user_identity == ("Service", "dynamodb.amazonaws.com")
        assert record.user_identity.type == "Service"
        assert record.user_identity.principal_id == "dynamodb.amazonaws.com"
        assert record.new_image is None
        if "OLD" in view:
            assert record.old_image == items[record.keys["SK"]]
    if "NEW" in view:
        assert found[1].new_image == new
    assert db.sweep() == 0
    assert records(db, after=found[-1].sequence_number) == []


def test_a_clear_removes_what_is_expired_as_such(clock: Clock) -> None:
    with Dynafile(":memory:", stream=True, ttl_attribute="ttl") as db:
        db.put_item(item={"PK": "a", "SK": "1", "ttl": clock.now + 5})
        db.put_item(item={"PK": "a", "SK": "2"})
        clock.now += 6
        db.clear()
        removed = [record for record in records(db) if record.event_name == "REMOVE"]
        assert {r.keys["SK"]: r.user_identity is not None for r in removed} == {
            "1": True, "2": False,
        }  # fmt: skip


def test_an_update_of_what_is_expired_inserts(clock: Clock, database: OpenDatabase) -> None:
    db = database(stream=True, ttl_attribute="ttl")
    old = {**A1, "ttl": NOW + 10, "n": 5}
    db.put_item(item=old)
    clock.now += 20
    db.update_item(key=A1, update_expression="ADD n :n", expression_attribute_values={":n": 1})
    assert said(db) == [insert(old), remove(old), insert({**A1, "n": 1})]


# -- where it begins and ends -----------------------------------------------------------------------


def test_where_to_start(db: Dynafile) -> None:
    for number in range(5):
        db.put_item(item={**A1, "n": number})
    latest = db.stream(start="LATEST", follow=False)
    found = records(db)
    assert len(found) == 5
    numbers = [each.sequence_number for each in found]
    for place, number in enumerate(numbers):
        assert [each.sequence_number for each in records(db, start=number)] == numbers[place:]
        after = records(db, after=number)
        assert [each.sequence_number for each in after] == numbers[place + 1 :]
    assert len(records(db, start="TRIM_HORIZON")) == 5
    assert list(latest) == []
    db.put_item(item=A2)
    assert said(latest) == [insert(A2)]
    assert said(latest) == []
    db.put_item(item=B1)
    assert said(latest) == [insert(B1)]


def test_places_inside_a_commit(db: Dynafile) -> None:
    with db.batch_writer() as writer:
        for number in range(600):
            writer.put_item(item={"PK": "a", "SK": f"{number:03}"})
    numbers = [each.sequence_number for each in records(db)]
    assert len(set(numbers)) == 600
    for place in (0, 1, 255, 256, 257, 598, 599):
        assert len(records(db, start=numbers[place])) == 600 - place
        assert len(records(db, after=numbers[place])) == 599 - place
    stream = db.stream(follow=False)
    halves = [[next(stream).sequence_number for _ in range(300)] for _ in range(2)]
    assert halves[0] + halves[1] == numbers


@pytest.mark.parametrize(
    "start",
    ["", "LATER", "trim_horizon", "9" * 30, "1" * 29, 5, b"LATEST", True, "-" + "1" * 29,
     "٣" * 30, f"{1 << 64:020}{0:010}"],
)  # fmt: skip
def test_sequence_numbers_that_are_none(start: Any, db: Dynafile) -> None:
    db.put_item(item=A1)
    for options in ({"start": start}, {"start": start, "name": "one"}, {"after": start}):
        with pytest.raises(InvalidSequenceNumber) as caught:
            db.stream(**options)
        assert caught.value.sequence_number == str(start)
        if "start" in options:
            assert "neither 'TRIM_HORIZON'" in caught.value.explanation
            assert str(start) in caught.value.explanation
    assert db.stream_consumers() == {}


@pytest.mark.parametrize("place", ["TRIM_HORIZON", "LATEST"])
def test_after_what_is_no_record(place: str, db: Dynafile) -> None:
    """It was taken for the place that it names, and for the operation after the one there."""
    db.put_item(item=A1)
    with pytest.raises(InvalidSequenceNumber, match=f"'{place}' is no sequence number"):
        db.stream(after=place)


def test_sequence_numbers_of_nothing_there(tables: OpenTables) -> None:
    """Each byte of the journal may be asked for: only where a record is there is one."""
    db = tables()
    one, two = (db.create_table(name=name, **KEY, stream=True) for name in ("one", "two"))
    for number in range(3):
        for table in (one, two):
            table.put_item(item={"PK": "a", "n": number})
    mine = {place_of(each) for each in records(one)}
    assert mine.isdisjoint(place_of(each) for each in records(two))
    last = max(mine)[0]
    for lsn in range(last - 300, last + 300):
        for place in range(4):
            number = f"{lsn:020}{place:010}"
            if (lsn, place) in mine:
                assert records(one, start=number)[0].sequence_number == number
            else:
                with pytest.raises(InvalidSequenceNumber, match="no record of the stream of 'one'"):
                    one.stream(start=number)


def test_bad_arguments(db: Dynafile) -> None:
    for timeout in (-1, float("nan"), True, "1", [1]):
        with pytest.raises(InvalidArgument, match="timeout must be a number of at least 0"):
            db.stream(timeout=timeout)  # type: ignore[arg-type]
    number = "0" * 30
    with pytest.raises(InvalidArgument, match="not both"):
        db.stream("LATEST", after=number)
    with pytest.raises(InvalidArgument, match="not both"):
        db.stream(after=number, name="one")
    for prefix in (1, ("a",), ("a", 1), ["a", "b"]):
        with pytest.raises(InvalidArgument, match="key_prefix"):
            db.stream(key_prefix=prefix)  # type: ignore[arg-type]
    with pytest.raises(ValidationError):
        db.stream(filter="PK = (")
    for name in ("", "a\0b", "\ud800", "é" * 128, 1, b"one", True):
        with pytest.raises(InvalidArgument, match="the name of a consumer is text"):
            db.stream(name=name)  # type: ignore[arg-type]
        with pytest.raises(InvalidArgument, match="the name of a consumer is text"):
            db.drop_stream_consumer(name)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"view_type": "ALL"}, "Value 'ALL' at 'StreamViewType' failed to satisfy constraint"),
        ({"view_type": None}, "StreamViewType"),
        ({"retention": 0}, "from 1 second to 366 days"),
        ({"retention": 0.5}, "from 1 second"),
        ({"retention": float("nan")}, "from 1 second"),
        ({"retention": timedelta(days=367)}, "366 days"),
        ({"retention": "1h"}, "in seconds, or a timedelta"),
        ({"retention": True}, "in seconds, or a timedelta"),
        ({"max_bytes": 0}, "max_bytes"),
        ({"max_bytes": 1.5}, "max_bytes"),
        ({"max_bytes": True}, "max_bytes"),
    ],
)
def test_options_that_no_stream_has(options: dict[str, Any], words: str) -> None:
    with pytest.raises(InvalidArgument, match=words):
        StreamOptions(**options)


def test_opening_with_a_stream(database: OpenDatabase) -> None:
    db = database()
    db.put_item(item=A1)
    with pytest.raises(StreamNotEnabled):
        db.stream()
    path = db.path
    db.close()
    with pytest.raises(ReadOnlyDatabase, match="has no stream"):
        database(path, read_only=True, stream=True)
    db = database(path, stream="NEW_IMAGE")
    db.put_item(item=A2)
    assert said(db) == [insert(A2)]  # and nothing of what was written before
    db.close()
    for stream in (True, "KEYS_ONLY", StreamOptions("NEW_IMAGE", retention=60)):
        with pytest.raises(SchemaMismatch, match="was made with stream="):
            database(path, stream=stream)
    for stream in (None, False, "NEW_IMAGE", StreamOptions("NEW_IMAGE")):
        for read_only in (False, True):
            with database(path, stream=stream, read_only=read_only) as again:
                assert said(again) == [insert(A2)]
    with pytest.raises(InvalidArgument, match="stream is True"):
        database(path, stream=1)


def test_opening_again_with_the_same_options(database: OpenDatabase) -> None:
    """A retention was stored in seconds, and a timedelta was not equal to that."""
    for retention in (timedelta(hours=1), 3600, 3600.0, 3600.9):
        with database(stream=StreamOptions(retention=retention)) as db:
            db.put_item(item=A1)
    assert StreamOptions(retention=timedelta(minutes=1)) == StreamOptions(retention=60)


def test_who_has_the_table_open_already_writes_records_at_once(
    tables: OpenTables, worker: StartWorker
) -> None:
    """Each handle learns of a stream before its next commit, in this process and in others."""
    db = tables()
    table = db.create_table(name="one-table", **KEY)
    other = worker(db.path, many=True)
    other.take("one-table")
    table.put_item(item={"PK": "before"})
    other.on("one-table", "put_item", item={"PK": "before too"})
    with db.table("one-table") as second:
        db.update_table("one-table", stream_specification=specification("KEYS_ONLY"))
        table.put_item(item={"PK": "1"})
        second.put_item(item={"PK": "2"})
        other.on("one-table", "put_item", item={"PK": "3"})
        other.on("one-table", "put_item", item={"PK": "before"})
    assert [each.keys["PK"] for each in records(table)] == ["1", "2", "3"]
    numbers = [each.sequence_number for each in records(table)]
    seen = other.on("one-table", "stream", follow=False)
    assert [each.sequence_number for each in seen] == numbers
    assert table.describe().stream_specification == specification("KEYS_ONLY")


def specification(view: str | None) -> dict[str, Any]:
    if view is None:
        return {"StreamEnabled": False}
    return {"StreamEnabled": True, "StreamViewType": view}


@pytest.mark.parametrize("memory", [True, False])
def test_disabled_and_enabled_again(memory: bool, clock: Clock, tables: OpenTables) -> None:
    """What is there can be read until it is too old; what is declared anew begins anew.

    It was told apart by the time, and a clock that stood still, or was set back in between, let in
    what the earlier stream had.
    """
    db = tables(":memory:" if memory else None)
    table = db.create_table(name="tab", **KEY, stream=True)
    item, later = {"PK": "a", "n": 1}, {"PK": "a", "n": 2}
    table.put_item(item=item)
    follower = table.stream()
    assert said_next(follower) == insert(item)
    old = records(table)[0].sequence_number
    db.update_table("tab", stream_specification=specification(None))
    assert db.describe_table("tab").stream_specification is None
    with pytest.raises(InvalidArgument, match="Table has no stream to disable"):
        db.update_table("tab", stream_specification=specification(None))
    table.put_item(item=later)
    assert list(follower) == []  # it ends, and does not wait for what cannot come
    assert list(table.stream(start="LATEST")) == []
    assert said(table.stream()) == [insert(item)]
    clock.now -= 100
    db.update_table("tab", stream_specification=specification("OLD_IMAGE"))
    with pytest.raises(InvalidArgument, match="Table already has an enabled stream"):
        db.update_table("tab", stream_specification=specification("OLD_IMAGE"))
    table.put_item(item=item)
    (record,) = records(table)
    assert (record.event_name, record.old_image) == ("MODIFY", later)
    with pytest.raises(TrimmedDataAccess):
        table.stream(start=old)
    db.update_table("tab", stream_specification=specification(None))
    clock.now += 86_400 - 10
    assert len(list(table.stream())) == 1
    clock.now += 20
    with pytest.raises(StreamNotEnabled):
        table.stream()


def said_next(stream: Stream) -> Said:
    record = next(stream)
    return record.event_name, record.new_image, record.old_image


def test_a_follower_of_a_stream_that_is_declared_anew_ends(tables: OpenTables) -> None:
    """It looked only whether there is a stream, and waited on, for records of another one."""
    db = tables()
    table = db.create_table(name="tab", **KEY, stream=True)
    follower = table.stream()
    db.update_table("tab", stream_specification=specification(None))
    db.update_table("tab", stream_specification=specification("KEYS_ONLY"))
    assert list(follower) == []


@pytest.mark.parametrize("memory", [True, False])
def test_a_table_made_anew_has_nothing_of_the_old_one(memory: bool, tables: OpenTables) -> None:
    db = tables(":memory:" if memory else None)
    table = db.create_table(name="tab", **KEY, stream=True)
    for number in range(3):
        table.put_item(item={"PK": "a", "n": number})
    old = records(table)[-1].sequence_number
    with table.stream(name="mailer", follow=False) as stream:
        next(stream)
    waiting = table.stream()
    for _ in range(3):
        next(waiting)
    db.delete_table("tab")
    assert list(waiting) == []
    with pytest.raises(ResourceNotFound):
        table.stream()
    again = db.create_table(name="tab", **KEY, stream=True)
    assert again.stream_consumers() == {}
    assert records(again) == []
    again.put_item(item={"PK": "a"})
    assert said(again) == [insert({"PK": "a"})]
    with pytest.raises((InvalidSequenceNumber, TrimmedDataAccess)):
        again.stream(start=old)  # which of them depends on whether the journal has it still
    assert [each.event_name for each in records(again, name="mailer")] == ["INSERT"]


def test_read_only_handles_read_it(database: OpenDatabase) -> None:
    db = database(stream=True)
    db.put_item(item=A1)
    with Dynafile(db.path, read_only=True) as reader:
        stream = reader.stream(timeout=5)
        assert said_next(stream) == insert(A1)
        db.put_item(item=A2)
        assert said_next(stream) == insert(A2)
        with pytest.raises(ReadOnlyDatabase, match="without name="):
            reader.stream(name="one")
        with pytest.raises(ReadOnlyDatabase):
            reader.drop_stream_consumer("one")
        assert reader.stream_consumers() == {}


# -- what is wanted of it ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "wanted"),
    [
        ({"key_prefix": "user#"}, ["user#1/a", "user#1/b", "user#2/a"]),
        ({"key_prefix": ("user#1", "a")}, ["user#1/a"]),
        ({"key_prefix": b"user#"}, []),
        ({"key_prefix": ""}, ["user#1/a", "user#1/b", "user#2/a", "order#1/a"]),
        ({"filter": "n > 1"}, ["user#1/b", "user#2/a", "order#1/a"]),
        ({"filter": Attr("n").eq(1)}, ["user#1/a"]),
        ({"filter": lambda item: item["n"] == 4}, ["order#1/a"]),
        ({"filter": "n > 1", "key_prefix": "user#1"}, ["user#1/b"]),
    ],
)
def test_filters(options: dict[str, Any], wanted: list[str], db: Dynafile) -> None:
    places = ["user#1/a", "user#1/b", "user#2/a", "order#1/a"]
    for number, place in enumerate(places, 1):
        pk, sk = place.split("/")
        db.put_item(item={"PK": pk, "SK": sk, "n": number})
        db.delete_item(key={"PK": pk, "SK": sk})
    for more in ({}, {"name": "one"}):
        found = [f"{each.keys['PK']}/{each.keys['SK']}" for each in records(db, **options, **more)]
        assert found == [place for place in wanted for _ in range(2)]


def test_a_filter_that_fails_is_the_callers(db: Dynafile) -> None:
    """It is asked again; what was read with the record was lost to who went on."""
    for item in (A1, {**A2, "n": 1}):
        db.put_item(item=item)
    patience = 3

    def wanted(item: dict[str, Any]) -> bool:
        nonlocal patience
        patience -= 1
        return bool(item["n"]) if patience > 0 else "n" in item

    for name in (None, "one"):
        patience = 3
        with db.stream(name=name, filter=wanted, follow=False) as stream:
            for _ in range(2):
                with pytest.raises(KeyError):
                    next(stream)
            assert [record.keys for record in stream] == [A2]


# -- its end ----------------------------------------------------------------------------------------


def test_after_the_close(db: Dynafile) -> None:
    db.put_item(item=A1)
    db.put_item(item=A2)
    stream = db.stream()
    next(stream)
    stream.close()
    stream.close()
    assert stream.closed
    with pytest.raises(HandleClosed, match="the stream was closed"):
        next(stream)
    with db.stream() as left:
        pass
    with pytest.raises(HandleClosed):
        next(left)
    other, waiting = db.stream(), db.stream()
    assert next(waiting).keys == A1
    db.close()
    assert other.closed
    for each in (other, waiting):
        with pytest.raises(HandleClosed):
            next(each)
    for call in (db.stream, db.stream_consumers, lambda: db.drop_stream_consumer("one")):
        with pytest.raises(HandleClosed):
            call()


def test_timeouts(db: Dynafile) -> None:
    db.put_item(item=A1)
    stream = db.stream(timeout=0.1)
    start = time.monotonic()
    assert len(list(stream)) == 1
    assert 0.1 <= time.monotonic() - start < 5
    assert list(db.stream(timeout=0, start="LATEST")) == []
    db.put_item(item=A2)
    assert len(list(stream)) == 1  # and goes on


# -- order ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(4))
def test_replayed_it_comes_to_the_same_items(
    seed: int, tables: OpenTables, worker: StartWorker, tmp_path: Path
) -> None:
    """Two tables, written at random by two processes, with checkpoints, reopened now and then."""
    rng = random.Random(seed)
    memory = seed == 3
    db: Database = tables(":memory:" if memory else None)
    for name in ("one", "two"):
        db.create_table(name=name, **KEY, stream=True).close()
    other = None if memory else worker(db.path, many=True)
    if other is not None:
        other.take("one")
        other.take("two")
    count = 0

    def write() -> None:
        nonlocal count
        count += 1
        name = rng.choice(["one", "two"])
        item = {"PK": f"k{rng.randrange(8)}", "n": rng.randrange(3), "x": "x" * rng.randrange(300)}
        key = {"PK": item["PK"]}
        way = rng.choice(["put", "put", "delete", "batch", "transaction", "other", "clear"])
        if way == "other" and other is not None:
            other.on(name, "put_item", item=item)
            return
        with db.table(name) as table:
            if way == "delete":
                table.delete_item(key=key)
            elif way == "batch":
                with table.batch_writer() as writer:
                    for number in range(rng.randrange(6)):
                        writer.put_item(item={**item, "n": number})
                        if rng.random() < 0.4:
                            writer.delete_item(key=key)
            elif way == "transaction":
                with db.transaction() as tx:
                    for each in ("one", "two"):
                        tx.table(each).put_item(item={**item, "of": count})
            elif way == "clear" and rng.random() < 0.2:
                table.clear()
            else:
                table.put_item(item=item)

    for _ in range(250):
        write()
        if rng.random() < 0.05:
            db._store.checkpoint()
        if rng.random() < 0.03 and not memory:
            db.close()
            db = tables()
    for name in ("one", "two"):
        with db.table(name) as table:
            model: dict[str, Any] = {}
            for record in records(table):
                pk, new = record.keys["PK"], record.new_image
                assert model.pop(pk, None) == record.old_image
                assert (record.event_name == "INSERT") == (record.old_image is None)
                assert (record.event_name == "REMOVE") == (new is None)
                assert new != record.old_image
                if new is not None:
                    model[pk] = new
            assert model == {item["PK"]: item for item in table.scan()}
