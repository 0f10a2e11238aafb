"""DynamoDB's operations on streams, under the names of boto3."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any

import pytest

from dynafile import Database, Shard, errors

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from api.conftest import Clock, OpenTables

OFF = {"StreamEnabled": False}


def item(number: int, **attributes: Any) -> dict[str, Any]:
    return {"PK": "a", "SK": f"{number:03}", **attributes}


@pytest.fixture(params=["files", "memory"])
def db(request: pytest.FixtureRequest, tables: OpenTables) -> Iterator[Database]:
    """Tables of which two have streams."""
    db = tables(":memory:" if request.param == "memory" else None)
    db.create_table("orders", stream=True)
    db.create_table("plain")
    db.create_table("users", stream="KEYS_ONLY")
    return db  # type: ignore[return-value]


def arn_of(db: Database, table: str = "orders") -> str:
    return db.list_streams(table_name=table).streams[0].stream_arn


def shard_of(db: Database, table: str = "orders") -> Shard:
    (shard,) = db.describe_stream(stream_arn=arn_of(db, table)).shards
    return shard


def iterator(db: Database, kind: str, number: str | None = None, table: str = "orders") -> str:
    return db.get_shard_iterator(
        stream_arn=arn_of(db, table),
        shard_id=shard_of(db, table).shard_id,
        shard_iterator_type=kind,
        sequence_number=number,
    )


def numbers(db: Database, at: str, **options: Any) -> list[str]:
    return [r.keys["SK"] for r in db.get_records(shard_iterator=at, **options).records]


def test_streams_are_listed_by_pages(db: Database) -> None:
    everything = db.list_streams()
    assert [stream.table_name for stream in everything.streams] == ["orders", "users"]
    assert everything.last_evaluated_stream_arn is None
    first = db.list_streams(limit=1)
    assert first.last_evaluated_stream_arn == first.streams[0].stream_arn
    second = db.list_streams(exclusive_start_stream_arn=first.last_evaluated_stream_arn)
    assert [stream.table_name for stream in second.streams] == ["users"]
    assert db.list_streams(table_name="plain").streams == ()
    described = db.describe_table("orders")
    assert described.latest_stream_arn == first.streams[0].stream_arn
    assert described.latest_stream_label == first.streams[0].stream_label
    assert db.describe_table("plain").latest_stream_arn is None


def test_a_stream_that_cannot_be_read_any_more_is_not_listed(db: Database, clock: Clock) -> None:
    """It was, and who described what was listed got ResourceNotFound."""
    db.update_table("users", stream_specification={"StreamEnabled": False})
    (stream,) = db.list_streams(table_name="users").streams
    assert db.describe_stream(stream_arn=stream.stream_arn).stream_status == "DISABLED"
    clock.now += 86_400 + 1
    assert [stream.table_name for stream in db.list_streams().streams] == ["orders"]
    assert db.list_streams(table_name="users").streams == ()
    with pytest.raises(errors.ResourceNotFound):
        db.describe_stream(stream_arn=stream.stream_arn)


def test_a_stream_is_described(db: Database) -> None:
    found = db.describe_stream(stream_arn=arn_of(db, "users"))
    assert (found.table_name, found.stream_status) == ("users", "ENABLED")
    assert found.stream_view_type == "KEYS_ONLY"
    assert found.key_schema == db.describe_table("users").key_schema
    assert found.creation_request_date_time.tzinfo is not None
    shard = found.shards[0]
    assert shard.starting_sequence_number == "0" * 30
    assert shard.ending_sequence_number is None
    after = db.describe_stream(stream_arn=found.stream_arn, exclusive_start_shard_id=shard.shard_id)
    assert after.shards == ()


def test_records_by_each_kind_of_iterator(db: Database) -> None:
    orders = db.table("orders")
    orders.put_item(item=item(0))
    latest = iterator(db, "LATEST")
    for number in range(1, 6):
        orders.put_item(item=item(number))
    db.table("users").put_item(item=item(9))
    page = db.get_records(shard_iterator=iterator(db, "TRIM_HORIZON"), limit=2)
    assert [record.keys["SK"] for record in page.records] == ["000", "001"]
    assert page.next_shard_iterator is not None
    assert numbers(db, page.next_shard_iterator) == ["002", "003", "004", "005"]
    assert numbers(db, latest) == ["001", "002", "003", "004", "005"]
    number = page.records[1].sequence_number
    assert numbers(db, iterator(db, "AT_SEQUENCE_NUMBER", number), limit=1) == ["001"]
    assert numbers(db, iterator(db, "AFTER_SEQUENCE_NUMBER", number), limit=1) == ["002"]
    first = page.records[0].sequence_number
    assert shard_of(db).starting_sequence_number == first


def test_a_commit_of_many_records_is_read_by_pages(db: Database) -> None:
    with db.table("orders").batch_writer() as writer:
        for number in range(10):
            writer.put_item(item=item(number))
    at: str | None = iterator(db, "TRIM_HORIZON")
    found: list[str] = []
    for expected in (3, 3, 3, 1, 0):
        assert at is not None
        page = db.get_records(shard_iterator=at, limit=3)
        assert len(page.records) == expected
        found += [record.keys["SK"] for record in page.records]
        at = page.next_shard_iterator
    assert found == [f"{number:03}" for number in range(10)]
    assert at is not None, "the stream goes on"


def test_a_disabled_stream_has_an_end(db: Database) -> None:
    orders = db.table("orders")
    for number in range(3):
        orders.put_item(item=item(number))
    at, arn = iterator(db, "TRIM_HORIZON"), arn_of(db)
    db.update_table("orders", stream_specification=OFF)
    orders.put_item(item=item(3))
    page = db.get_records(shard_iterator=at)
    assert len(page.records) == 3
    found = db.describe_stream(stream_arn=arn)
    assert (found.stream_status, found.stream_view_type) == ("DISABLED", None)
    assert found.shards[0].ending_sequence_number == page.records[-1].sequence_number
    assert page.next_shard_iterator is not None
    assert db.get_records(shard_iterator=page.next_shard_iterator).next_shard_iterator is None


def test_another_stream_of_the_table_has_another_arn(db: Database) -> None:
    db.table("orders").put_item(item=item(1))
    at, arn = iterator(db, "TRIM_HORIZON"), arn_of(db)
    db.update_table("orders", stream_specification=OFF)
    db.update_table(
        "orders", stream_specification={"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"}
    )
    assert arn_of(db) != arn
    assert numbers(db, iterator(db, "TRIM_HORIZON")) == []
    for call in (
        lambda: db.describe_stream(stream_arn=arn),
        lambda: db.get_records(shard_iterator=at),
    ):
        with pytest.raises(errors.ResourceNotFound):
            call()


def test_iterators_expire(db: Database, clock: Clock) -> None:
    db.table("orders").put_item(item=item(1))
    at = iterator(db, "TRIM_HORIZON")
    clock.now += 15 * 60
    assert numbers(db, at) == ["001"]
    clock.now += 1
    with pytest.raises(errors.ExpiredIterator):
        db.get_records(shard_iterator=at)


def test_an_iterator_is_read_after_a_clock_was_set_back(db: Database, clock: Clock) -> None:
    db.table("orders").put_item(item=item(1))
    at = iterator(db, "TRIM_HORIZON")
    clock.now -= 3600
    assert numbers(db, at) == ["001"]


@pytest.mark.parametrize("number", [10**400, -1, 2**64])
@pytest.mark.parametrize("place", range(1, 6))
def test_an_iterator_that_somebody_changed_is_refused(
    db: Database, place: int, number: int
) -> None:
    value = json.loads(base64.urlsafe_b64decode(iterator(db, "TRIM_HORIZON")))
    value[place] = number
    changed = base64.urlsafe_b64encode(json.dumps(value).encode()).decode()
    with pytest.raises(errors.ValidationError, match="Invalid ShardIterator: take it from"):
        db.get_records(shard_iterator=changed)


def test_a_database_that_is_closed(db: Database) -> None:
    at = iterator(db, "TRIM_HORIZON")
    db.close()
    with pytest.raises(errors.HandleClosed):
        db.get_records(shard_iterator=at)
    with pytest.raises(errors.HandleClosed):
        db.list_streams()


BAD: list[tuple[Callable[[Database], object], type[Exception], str]] = [
    (lambda db: db.list_streams(table_name="missing"), errors.ResourceNotFound, "missing"),
    (lambda db: db.list_streams(limit=0), errors.ValidationError, "limit"),
    (lambda db: db.list_streams(limit=101), errors.ValidationError, "limit"),
    (lambda db: db.describe_stream(stream_arn="x"), errors.ValidationError, "streamArn"),
    (
        lambda db: db.describe_stream(stream_arn=arn_of(db)[:-1] + "x"),
        errors.ResourceNotFound,
        "Stream: ",
    ),
    (
        lambda db: db.describe_stream(stream_arn=arn_of(db).replace("orders", "plain")),
        errors.ResourceNotFound,
        "Stream: ",
    ),
    (lambda db: db.get_records(shard_iterator="x"), errors.ValidationError, "ShardIterator"),
    (lambda db: db.get_records(shard_iterator="é"), errors.ValidationError, "ShardIterator"),
    (lambda db: db.get_records(shard_iterator=""), errors.ValidationError, "shardIterator"),
    (
        lambda db: db.get_records(shard_iterator=iterator(db, "LATEST"), limit=1001),
        errors.ValidationError,
        "limit",
    ),
    (lambda db: iterator(db, "NEXT"), errors.ValidationError, "enum value set"),
    (lambda db: iterator(db, "AT_SEQUENCE_NUMBER"), errors.ValidationError, "must be specified"),
    (lambda db: iterator(db, "LATEST", "0" * 30), errors.ValidationError, "cannot be specified"),
    (
        lambda db: iterator(db, "AT_SEQUENCE_NUMBER", "12"),
        errors.InvalidSequenceNumber,
        "30 digits",
    ),
    *(
        (
            lambda db, kind=kind: iterator(db, kind, "LATEST"),
            errors.InvalidSequenceNumber,
            "'LATEST' is no sequence number",
        )
        for kind in ("AT_SEQUENCE_NUMBER", "AFTER_SEQUENCE_NUMBER")
    ),
    (
        lambda db: iterator(db, "AT_SEQUENCE_NUMBER", "9" * 30),
        errors.InvalidSequenceNumber,
        "no record",
    ),
    (
        lambda db: db.get_shard_iterator(
            stream_arn=arn_of(db), shard_id="shardId-0", shard_iterator_type="LATEST"
        ),
        errors.ResourceNotFound,
        "Shard: shardId-0",
    ),
]


@pytest.mark.parametrize(("call", "error", "words"), BAD)
def test_bad_input(
    db: Database, call: Callable[[Database], object], error: type[Exception], words: str
) -> None:
    with pytest.raises(error, match=words):
        call(db)
