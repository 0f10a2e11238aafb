"""BatchWriteItem and BatchGetItem over tables, and batches that drop earlier writes of a key."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from dynafile import Database, Dynafile, LocalIndex
from dynafile import batches as batches_module
from dynafile.errors import (
    InvalidArgument,
    KeyTypeMismatch,
    ResourceNotFound,
    ValidationError,
)


@pytest.fixture
def db() -> Iterator[Database]:
    with Database(":memory:") as database:
        database.create_table("orders", "customer", "day", indexes={"late": LocalIndex(sk="due")})
        database.create_table("users", "id", None)
        yield database
        database.check()


def put(**item: Any) -> dict[str, Any]:
    return {"PutRequest": {"Item": item}}


def test_puts_and_deletes_over_tables(db: Database) -> None:
    db.batch_write_item(
        request_items={
            "orders": [put(customer="a", day="1"), put(customer="a", day="2", total=3)],
            "users": [put(id="a")],
        }
    )
    result = db.batch_write_item(
        request_items={
            "orders": [
                {"DeleteRequest": {"Key": {"customer": "a", "day": "1"}}},
                {"put_request": {"item": {"customer": "b", "day": "1"}}},
            ],
            "users": [{"delete_request": {"key": {"id": "nobody"}}}],
        }
    )
    assert result.unprocessed_items == {}
    assert (result.consumed_capacity, result.item_collection_metrics) == ([], {})
    found = [(item["customer"], item["day"]) for item in db.table("orders").scan()]
    assert sorted(found) == [("a", "2"), ("b", "1")]
    assert len(db.table("users")) == 1


def test_what_a_batch_costs(db: Database) -> None:
    result = db.batch_write_item(
        request_items={
            "orders": [
                put(customer="a", day="1", due="x"),
                put(customer="b", day="1", text="x" * 1500),
            ],
            "users": [put(id="a")],
        },
        return_consumed_capacity="INDEXES",
        return_item_collection_metrics="SIZE",
    )
    orders, users = result.consumed_capacity
    assert (orders.table_name, orders.capacity_units) == ("orders", 4.0)
    assert orders.table is not None
    assert orders.table.capacity_units == 3.0
    assert orders.local_secondary_indexes["late"].capacity_units == 1.0
    assert (users.table_name, users.capacity_units) == ("users", 1.0)
    assert [one.item_collection_key for one in result.item_collection_metrics["orders"]] == [
        {"customer": "a"},
        {"customer": "b"},
    ]
    read = db.batch_get_item(
        request_items={
            "orders": {"Keys": [{"customer": "b", "day": "1"}], "ConsistentRead": True},
            "users": {"Keys": [{"id": "a"}, {"id": "b"}]},
        },
        return_consumed_capacity="TOTAL",
    )
    assert [one.capacity_units for one in read.consumed_capacity] == [1.0, 1.0]


def test_listeners_hear_of_a_batch_when_all_of_it_is_there(db: Database) -> None:
    users, orders = db.table("users"), db.table("orders")
    heard: list[int] = []
    with db.transaction() as tx:  # the handles of batches and transactions have no listeners
        tx.table("users").put_item(item={"id": "first"})
    users.add_stream_listener(lambda _event: heard.append(len(orders)))
    users.put_item(item={"id": "second"})
    assert heard == [0]


def test_items_by_keys(db: Database) -> None:
    for number in range(5):
        db.table("users").put_item(item={"id": str(number), "name": {"first": f"n{number}"}})
    result = db.batch_get_item(
        request_items={
            "users": {
                "keys": [{"id": "3"}, {"id": "9"}, {"id": "0"}],
                "projection_expression": "#n.#f",
                "expression_attribute_names": {"#n": "name", "#f": "first"},
            },
            "orders": {"Keys": [{"customer": "a", "day": "1"}]},
        }
    )
    assert result.responses == {
        "users": [{"name": {"first": "n3"}}, {"name": {"first": "n0"}}],
        "orders": [],
    }
    assert result.unprocessed_keys == {}


def test_answers_are_bounded(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batches_module, "MOST_BYTES", 3_000)
    for number in range(5):
        db.table("users").put_item(item={"id": str(number), "text": "x" * 990})
    request: dict[str, Any] = {
        "users": {
            "Keys": [{"id": str(number)} for number in range(5)],
            "ProjectionExpression": "id",
        }
    }
    found: list[str] = []
    rounds = 0
    while request:
        result = db.batch_get_item(request_items=request)
        found += [item["id"] for item in result.responses["users"]]
        request = result.unprocessed_keys
        rounds += 1
    assert (found, rounds) == ([str(number) for number in range(5)], 2)


@pytest.mark.parametrize(
    ("items", "error", "message"),
    [
        ({}, ValidationError, "greater than or equal to 1"),
        ({"users": []}, ValidationError, "greater than or equal to 1"),
        ({"users": [put(id=str(n)) for n in range(26)]}, ValidationError, "less than or equal to 25"),
        ({"users": [put(id="a"), put(id="a")]}, ValidationError, "contains duplicates"),
        ({"users": [{**put(id="a"), "DeleteRequest": {"Key": {"id": "b"}}}]}, ValidationError,
         "exactly one"),
        ({"users": [{"Put": {}}]}, ValidationError, "Unknown parameter"),
        ({"users": [{"PutRequest": {}}]}, ValidationError, "Missing required parameter"),
        ({"users": "abc"}, ValidationError, "must be a list"),
        ("users", ValidationError, "must be a dict"),
        ({"none": [put(id="a")]}, ResourceNotFound, "none"),
        ({"users": [put(id="b")], "orders": [put(customer=1, day="2"), put(customer="a", day="1")]},
         KeyTypeMismatch, "Type mismatch for key customer"),
    ],
)  # fmt: skip
def test_batches_that_are_refused(
    db: Database, items: Any, error: type[Exception], message: str
) -> None:
    db.table("orders").put_item(item={"customer": "z", "day": "z"})
    with pytest.raises(error, match=message):
        db.batch_write_item(request_items=items)
    assert (len(db.table("users")), len(db.table("orders"))) == (0, 1)


@pytest.mark.parametrize(
    ("items", "message"),
    [
        ({}, "with at least one"),
        ({"users": {"Keys": []}}, "greater than or equal to 1"),
        ({"users": {"Keys": [{"id": "a"}] * 2}}, "contains duplicates"),
        ({"users": {"Keys": [{"id": str(n)} for n in range(101)]}}, "Too many items requested"),
        ({"users": {"Keys": [{"id": "a"}], "Attributes": ["id"]}}, "Unknown parameter"),
        ({"users": {"Keys": [{"id": "a"}], "AttributesToGet": []}}, "greater than or equal to 1"),
        ({"users": {"Keys": [{"id": "a"}], "AttributesToGet": ["x", "x"]}}, "Duplicate value in"),
        (
            {
                "users": {"Keys": [{"id": "a"}], "AttributesToGet": ["id"]},
                "orders": {"Keys": [{"id": "a"}], "ProjectionExpression": "id"},
            },
            "parameters: {AttributesToGet} Expression parameters: {ProjectionExpression}",
        ),
        ({"users": {"Keys": [{"id": "a"}], "ProjectionExpression": "#x"}}, "not defined"),
        ({"users": {"Keys": [{"name": "a"}]}}, "does not match the schema"),
    ],
)
def test_reads_that_are_refused(db: Database, items: Any, message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        db.batch_get_item(request_items=items)


# -- batch_writer ---------------------------------------------------------------------------------


def test_only_the_last_write_of_a_key_is_made() -> None:
    events: list[str] = []
    with Dynafile(":memory:") as db:
        db.add_stream_listener(lambda event: events.append(f"{event.action} {event.new}"))
        with db.batch_writer(overwrite_by_pkeys=["PK", "SK"]) as writer:
            for number in range(3):
                writer.put_item(item={"PK": "a", "SK": "1", "n": number})
            writer.put_item(item={"PK": "a", "SK": "2", "n": 0})
            writer.delete_item(key={"PK": "a", "SK": "2"})
        assert len(events) == 1
        assert list(db.query("a")) == [{"PK": "a", "SK": "1", "n": 2}]
        with db.batch_writer(overwrite_by_pkeys=["PK", "SK"], flush_items=1) as writer:
            for number in range(3):
                writer.put_item(item={"PK": "b", "SK": "1", "n": number})
        assert len(events) == 4  # what was flushed stays


def test_names_that_are_not_in_the_items() -> None:
    with Dynafile(":memory:") as db:
        with pytest.raises(InvalidArgument, match="a list of names"):
            db.batch_writer(overwrite_by_pkeys="PK")
        with (
            pytest.raises(InvalidArgument, match="overwrite_by_pkeys"),
            db.batch_writer(overwrite_by_pkeys=["PK", "other"]) as writer,
        ):
            writer.put_item(item={"PK": "a", "SK": "1"})
        assert len(db) == 0
