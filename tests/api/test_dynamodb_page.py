"""What docs/dynamodb.md calls a difference is one, and is what the page says."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from dynafile import (
    Attr,
    Database,
    Dynafile,
    GetResult,
    GlobalIndex,
    LocalIndex,
    StreamOptions,
    WriteResult,
)
from dynafile.errors import InvalidNumber, StatementError, ValidationError

PAGE = Path(__file__).resolve().parents[2] / "docs" / "dynamodb.md"
STATES = {"supported", "differs", "not applicable"}
DIFFERENCES: dict[str, Callable[..., None]] = {}

Difference = Callable[[Callable[..., None]], Callable[..., None]]


def differs(*rows: str) -> Difference:
    """Say which rows of the page a test is about."""

    def note(test: Callable[..., None]) -> Callable[..., None]:
        DIFFERENCES.update(dict.fromkeys(rows, test))
        return test

    return note


def rows() -> list[list[str]]:
    """The rows of the page's tables, without their heads."""
    lines = re.findall(r"^\| (.*) \|$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    found = [[cell.strip() for cell in line.split("|")] for line in lines]
    return [row for row in found if not set(row[0]) <= {"-"} and row[1] != "here"]


def test_each_row_says_what_is_there() -> None:
    assert len(rows()) > 50
    for row in rows():
        assert row[1] in STATES, row


def test_each_difference_is_tested() -> None:
    assert {row[0] for row in rows() if row[1] == "differs"} == set(DIFFERENCES)


@pytest.fixture
def db() -> Dynafile:
    return Dynafile(":memory:")


@differs("`ReturnItemCollectionMetrics`")
def test_collection_metrics_are_of_what_is_stored() -> None:
    with Dynafile(":memory:", indexes={"local": LocalIndex(sk="D")}) as db:
        item = {"PK": "a", "SK": "1", "D": "d"}
        result = db.put_item(item=item, return_item_collection_metrics="SIZE")
        assert isinstance(result, WriteResult)
        assert result.item_collection_metrics is not None
        assert result.item_collection_metrics.size_estimate_range_gb == (0.0, 1.0)
        assert result.item_collection_metrics.item_collection_key == {"PK": "a"}


@differs("`Key`")
def test_keys_may_have_more(db: Dynafile) -> None:
    db.put_item(item={"PK": "a", "SK": "1", "v": 1})
    assert db.get_item(key={"PK": "a", "SK": "1", "other": 2}) is not None
    with pytest.raises(ValidationError):
        db.update_item(key={"PK": "a", "SK": "1", "other": 2})
    db.delete_item(key={"PK": "a", "SK": "1", "other": 2})
    assert len(db) == 0
    db.close()


@differs("`ConsistentRead`")
def test_every_read_is_consistent(db: Dynafile) -> None:
    db.put_item(item={"PK": "a", "SK": "1"})
    units = []
    for consistent in (False, True):
        got = db.get_item(
            key={"PK": "a", "SK": "1"},
            consistent_read=consistent,
            return_consumed_capacity="TOTAL",
        )
        assert isinstance(got, GetResult)
        assert got.item == {"PK": "a", "SK": "1"}
        assert got.consumed_capacity is not None
        units.append(got.consumed_capacity.capacity_units)
    assert units == [0.5, 1.0]
    db.close()


@differs("equal keys in a global index")
def test_equal_index_keys_are_in_the_order_of_the_table(db: Dynafile) -> None:
    db.add_index("by-g", GlobalIndex(pk="G", sk="N"))
    for number in (3, 1, 2):
        db.put_item(item={"PK": "same", "SK": str(number), "G": "g", "N": 1})
    assert [item["SK"] for item in db.query("g", index="by-g")] == ["1", "2", "3"]
    db.close()


@differs("**BatchWriteItem**")
def test_a_batch_is_one_commit() -> None:
    with Database(":memory:") as db:
        db.create_table("one", "id", None)
        db.create_table("two", "id", None)
        requests = {
            "one": [{"PutRequest": {"Item": {"id": str(n)}}} for n in range(20)],
            "two": [{"PutRequest": {"Item": {"id": ["bad"]}}}],
        }
        with pytest.raises(ValidationError):
            db.batch_write_item(request_items=requests)
        assert len(db.table("one")) == 0
        requests["two"] = [{"PutRequest": {"Item": {"id": "good"}}}]
        assert db.batch_write_item(request_items=requests).unprocessed_items == {}
        assert (len(db.table("one")), len(db.table("two"))) == (20, 1)


@differs("the items' order")
def test_a_batch_is_read_in_the_order_of_its_keys() -> None:
    with Database(":memory:") as db:
        table = db.create_table("one", "id", None)
        for name in "abcdefgh":
            table.put_item(item={"id": name})
        keys = [{"id": name} for name in "hxcaf"]
        found = db.batch_get_item(request_items={"one": {"Keys": keys}}).responses["one"]
        assert [item["id"] for item in found] == ["h", "c", "a", "f"]


@differs("conflicts with other transactions")
def test_transactions_take_turns(db: Dynafile) -> None:
    update = {
        "Key": {"PK": "n", "SK": "n"},
        "UpdateExpression": "ADD c :one",
        "ExpressionAttributeValues": {":one": 1},
    }

    def add() -> None:
        for _ in range(50):
            db.transact_write_items(transact_items=[{"Update": update}])

    threads = [threading.Thread(target=add) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert db.get_item(key={"PK": "n", "SK": "n"}) == {"PK": "n", "SK": "n", "c": 200}
    db.close()


@differs("`BillingMode`, `ProvisionedThroughput`, `SSESpecification`, `TableClass`")
@pytest.fixture
def orders() -> Iterator[Database]:
    with Database(":memory:") as database:
        table = database.create_table("orders", "customer", "day")
        for number in range(24):
            table.put_item(item={"customer": "ab"[number % 2], "day": number})
        yield database


@differs("`if_not_exists` in SET")
def test_if_not_exists_in_statements(orders: Database) -> None:
    change = "UPDATE orders SET n = if_not_exists(n, 5) + 1 WHERE customer = 'a' AND day = 0"
    for expected in (6, 7):
        result = orders.execute_statement(statement=f"{change} RETURNING MODIFIED NEW *")
        assert result.items == [{"n": expected}]


@differs("statements that do not parse")
def test_statements_that_do_not_parse_say_where(orders: Database) -> None:
    with pytest.raises(StatementError) as caught:
        orders.execute_statement(statement="SELECT *\nFROM orders WERE customer = 'a'")
    assert caught.value.message.startswith("Statement wasn't well formed, can't be processed: ")
    assert (caught.value.line, caught.value.column) == (2, 13)


@differs("`ConsistentRead` of a statement")
def test_statements_are_consistent(orders: Database) -> None:
    units = []
    for consistent in (False, True):
        result = orders.execute_statement(
            statement="SELECT * FROM orders WHERE customer = 'a'",
            consistent_read=consistent,
            return_consumed_capacity="TOTAL",
        )
        assert result.consumed_capacity is not None
        units.append(result.consumed_capacity.capacity_units)
    assert units == [0.5, 1.0]


@differs("pages of an IN on the partition key")
def test_pages_of_in_are_as_large_as_others(orders: Database) -> None:
    result = orders.execute_statement(statement="SELECT * FROM orders WHERE customer IN ['a', 'b']")
    assert (len(result), result.next_token) == (24, None)


@differs("`ReturnConsumedCapacity` of statements in a transaction")
def test_capacity_of_a_transaction_is_by_table(orders: Database) -> None:
    result = orders.execute_transaction(
        transact_statements=[
            {"Statement": f"UPDATE orders SET x = 1 WHERE customer = 'a' AND day = {day}"}
            for day in (0, 2)
        ],
        return_consumed_capacity="TOTAL",
    )
    assert [one.capacity_units for one in result.consumed_capacity] == [4.0]


def test_settings_are_described() -> None:
    with Database(":memory:") as db:
        db.create_table("one", "id", None, billing_mode="PAY_PER_REQUEST", stream="KEYS_ONLY")
        described = db.describe_table("one")
        assert described.billing_mode == "PAY_PER_REQUEST"
        assert described.stream_specification is not None


@differs("types of key attributes")
def test_types_may_be_left_open() -> None:
    with Database(":memory:") as db:
        table = db.create_table("one", "id", None)
        assert table.pk_type is None
        table.put_item(item={"id": 1})
        assert table.pk_type == "N"


@differs("**DescribeStream**")
def test_a_stream_has_one_shard() -> None:
    with Database(":memory:") as db:
        table = db.create_table("one", "id", None, stream=True)
        for number in range(1000):
            table.put_item(item={"id": str(number)})
        arn = db.list_streams().streams[0].stream_arn
        assert len(db.describe_stream(stream_arn=arn).shards) == 1


@differs("`ApproximateCreationDateTime`", "order")
def test_records_are_in_the_order_of_the_commits() -> None:
    with Dynafile(":memory:", stream=True) as db:
        for number in range(20):
            db.put_item(item={"PK": str(number % 7), "SK": str(number)})
        found = list(db.stream(follow=False))
        assert [record.keys["SK"] for record in found] == [str(number) for number in range(20)]
        times = [record.approximate_creation_time for record in found]
        assert times == sorted(times)
        assert any(time.microsecond for time in times)


@differs("retention of 24 hours")
def test_the_retention_is_an_option() -> None:
    with Dynafile(":memory:", stream=True) as db:
        assert db.describe().stream == StreamOptions("NEW_AND_OLD_IMAGES", 86_400)
    with Dynafile(":memory:", stream=StreamOptions(retention=3600, max_bytes=4000)) as db:
        for number in range(100):
            db.put_item(item={"PK": "a", "SK": "1", "n": number, "text": "x" * 100})
        assert 5 < len(list(db.stream(follow=False))) < 50


@differs("a number that is stored as another type")
def test_another_type_of_number_is_a_change() -> None:
    with Dynafile(":memory:", stream=True) as db:
        for number in (1, 1, 1.0, Decimal(1), Decimal(1)):
            db.put_item(item={"PK": "a", "SK": "1", "n": number})
        events = [record.event_name for record in db.stream(follow=False)]
        assert events == ["INSERT", "MODIFY", "MODIFY"]


@differs("size of an item")
def test_items_may_be_large(db: Dynafile) -> None:
    db.put_item(item={"PK": "a", "SK": "1", "text": "x" * 500_000})
    assert len(db) == 1
    db.close()


@differs("more digits than 38")
def test_digits_are_not_rounded_away(db: Dynafile) -> None:
    with pytest.raises(InvalidNumber):
        db.put_item(item={"PK": "a", "SK": "1", "n": Decimal("1." + "1" * 38)})
    db.close()


@differs("types beyond DynamoDB's")
def test_dates_are_dates(db: Dynafile) -> None:
    db.put_item(item={"PK": "a", "SK": "1", "day": date(2026, 3, 1)})
    assert len(list(db.scan(filter=Attr("day").gt(date(2026, 2, 1))))) == 1
    assert list(db.scan(filter=Attr("day").gt("2026-02-01"))) == []
    db.close()
