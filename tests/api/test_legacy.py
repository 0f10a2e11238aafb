"""DynamoDB's parameters of before expressions, end to end."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from api.conftest import NOW

from dynafile import Dynafile, GetResult, GlobalIndex, Include, LocalIndex, WriteResult
from dynafile.errors import ConditionalCheckFailed, ValidationError

if TYPE_CHECKING:
    from api.conftest import Clock, OpenTables
    from conftest import OpenDatabase

    from dynafile import DatabaseTable

KEY = {"PK": "a", "SK": "1"}
ITEM = {**KEY, "n": 1, "tags": {"x", "y"}}


def condition(operator: str, *values: Any) -> dict[str, Any]:
    return {"ComparisonOperator": operator, "AttributeValueList": list(values)}


def attributes(result: WriteResult | None) -> dict[str, Any] | None:
    assert result is not None
    return result.attributes


@pytest.fixture
def users(tables: OpenTables) -> DatabaseTable:
    table = tables().create_table("users", pk_attribute="id", sk_attribute=None)
    for number in range(6):
        table.put_item(item={"id": f"u{number}", "age": 15 + number, "name": f"name {number}"})
    return table


# -- writes ---------------------------------------------------------------------------------------


def test_put_and_delete_where_what_is_expected_is_there(database: OpenDatabase) -> None:
    db = database()
    db.put_item(item=ITEM, expected={"PK": {"Exists": False}})
    with pytest.raises(ConditionalCheckFailed) as caught:
        db.put_item(
            item=KEY,
            expected={"PK": {"Exists": False}},
            return_values_on_condition_check_failure="ALL_OLD",
        )
    assert caught.value.item == ITEM
    result = db.put_item(
        item={**ITEM, "n": 2},
        expected={"n": condition("BETWEEN", 0, 1), "tags": {"Value": {"y", "x"}}},
        return_values="ALL_OLD",
    )
    assert attributes(result) == ITEM
    with pytest.raises(ConditionalCheckFailed):
        db.delete_item(key=KEY, expected={"n": {"Value": 1}, "tags": {"Exists": False}})
    either = {"n": {"Value": 1}, "tags": condition("NOT_NULL")}
    db.delete_item(key=KEY, expected=either, conditional_operator="OR")
    assert len(db) == 0


def test_an_empty_expected_expects_nothing(database: OpenDatabase) -> None:
    db = database()
    db.put_item(item=ITEM, expected={})
    db.update_item(key=KEY, expected={}, attribute_updates={})
    assert db.get_item(key=KEY) == ITEM


def test_names_inside_may_be_in_snake_case(database: OpenDatabase) -> None:
    db = database()
    db.put_item(item=ITEM)
    db.update_item(
        key=KEY,
        attribute_updates={"n": {"action": "ADD", "value": 2}},
        expected={"n": {"comparison_operator": "LE", "attribute_value_list": [1]}},
    )
    found = db.scan(scan_filter={"n": {"comparison_operator": "EQ", "attribute_value_list": [3]}})
    assert len(list(found)) == 1


def test_updates_return_what_they_wrote(database: OpenDatabase) -> None:
    db = database()
    db.put_item(item={**ITEM, "gone": 1, "kept": 2})
    updates = {
        "n": {"Action": "ADD", "Value": 41},
        "tags": {"Action": "DELETE", "Value": {"x"}},
        "gone": {"Action": "DELETE"},
        "log": {"Action": "ADD", "Value": ["first"]},
        "name": {"Value": "ada"},
    }
    returned = {}
    for kind in ("UPDATED_OLD", "UPDATED_NEW", "ALL_OLD", "ALL_NEW"):
        db.put_item(item={**ITEM, "gone": 1, "kept": 2})
        returned[kind] = attributes(
            db.update_item(key=KEY, attribute_updates=updates, return_values=kind)
        )
    written = {"n": 42, "tags": {"y"}, "log": ["first"], "name": "ada"}
    assert returned == {
        "UPDATED_OLD": {"n": 1, "tags": {"x", "y"}, "gone": 1},
        "UPDATED_NEW": written,
        "ALL_OLD": {**ITEM, "gone": 1, "kept": 2},
        "ALL_NEW": {**KEY, "kept": 2, **written},
    }


def test_an_update_makes_an_item_of_the_key(database: OpenDatabase) -> None:
    db = database()
    db.update_item(key=KEY, attribute_updates={"n": {"Action": "ADD", "Value": 3}})
    db.update_item(key={"PK": "a", "SK": "2"}, attribute_updates={})
    assert list(db.query("a")) == [{**KEY, "n": 3}, {"PK": "a", "SK": "2"}]


@pytest.mark.parametrize("ttl", [None, "until"])
def test_an_update_that_only_deletes_makes_no_item(
    ttl: str | None, database: OpenDatabase, clock: Clock
) -> None:
    """As the service does; one that says nothing at all makes an item."""
    db = database(ttl_attribute=ttl, indexes={"by-n": GlobalIndex(pk="n")})
    events: list[Any] = []
    db.add_stream_listener(events.append)
    updates = {"n": {"Action": "DELETE"}, "tags": {"Action": "DELETE", "Value": {"x"}}}
    for kind in ("ALL_OLD", "ALL_NEW", "UPDATED_NEW"):
        result = db.update_item(
            key=KEY,
            attribute_updates=updates,
            return_values=kind,
            return_consumed_capacity="TOTAL",
        )
        assert attributes(result) is None
    assert (len(db), events) == (0, [])
    db.put_item(item={**ITEM, "until": NOW + 1})
    clock.now += 10
    db.update_item(key=KEY, attribute_updates=updates)
    assert db.get_item(key=KEY) == (None if ttl else {**KEY, "tags": {"y"}, "until": NOW + 1})
    db.put_item(item=KEY)
    db.update_item(key=KEY, attribute_updates=updates)
    assert db.get_item(key=KEY) == KEY


def test_updates_keep_indexes(database: OpenDatabase) -> None:
    db = database(indexes={"by-g": GlobalIndex(pk="g")})
    db.put_item(item=KEY)
    db.update_item(key=KEY, attribute_updates={"g": {"Value": "one"}})
    assert list(db.query("one", index="by-g")) == [{**KEY, "g": "one"}]
    db.update_item(key=KEY, attribute_updates={"g": {"Action": "DELETE"}})
    assert list(db.query("one", index="by-g")) == []


# -- reads ----------------------------------------------------------------------------------------


def test_get_attributes(users: DatabaseTable) -> None:
    assert users.get_item(key={"id": "u1"}, attributes_to_get=["age", "none"]) == {"age": 16}
    assert users.get_item(key={"id": "none"}, attributes_to_get=["age"]) is None
    result = users.get_item(
        key={"id": "u1"}, attributes_to_get=("id",), return_consumed_capacity="TOTAL"
    )
    assert isinstance(result, GetResult)
    assert result.item == {"id": "u1"}


def test_scan(users: DatabaseTable) -> None:
    wanted = {"age": condition("GE", 18), "name": condition("NOT_CONTAINS", "5")}
    given: dict[str, Any] = {"scan_filter": wanted, "attributes_to_get": ["id"]}
    assert sorted(item["id"] for item in users.scan(**given)) == ["u3", "u4"]
    page = users.scan_page(**given, conditional_operator="OR", return_consumed_capacity="TOTAL")
    assert (page.count, page.scanned_count) == (6, 6)
    assert all(set(item) == {"id"} for item in page.items)
    assert users.scan_page(scan_filter=wanted, select="COUNT").count == 2
    assert users.scan_page(scan_filter={}).count == 6


def test_query(database: OpenDatabase) -> None:
    db = database()
    for n in range(10):
        db.put_item(item={"PK": "a", "SK": f"{n:02}", "n": n})
    keys = {"PK": condition("EQ", "a"), "SK": condition("BETWEEN", "02", "07")}
    odd = {"n": condition("IN", 1, 3, 5, 7, 9)}
    found = list(db.query(key_conditions=keys, query_filter=odd, scan_index_forward=False))
    assert [item["n"] for item in found] == [7, 5, 3]
    assert list(db.query("a", query_filter=odd, limit=1, attributes_to_get=["n"])) == [{"n": 1}]
    page = db.query_page(key_conditions=keys, query_filter=odd, attributes_to_get=["n"], limit=3)
    assert (page.items, page.scanned_count) == ([{"n": 3}], 3)
    rest = db.query_page(
        key_conditions=keys, query_filter=odd, exclusive_start_key=page.last_evaluated_key
    )
    assert [item["n"] for item in rest.items] == [5, 7]
    either = {"n": condition("LT", 1), "PK2": condition("NOT_NULL")}
    page = db.query_page("a", query_filter=either, conditional_operator="OR")
    assert page.count == 1


@pytest.mark.parametrize(
    ("operator", "values", "expected"),
    [
        ("EQ", ["b1"], ["b1"]),
        ("LT", ["b1"], ["a"]),
        ("LE", ["b1"], ["a", "b1"]),
        ("GT", ["b1"], ["b2", "c"]),
        ("GE", ["b1"], ["b1", "b2", "c"]),
        ("BEGINS_WITH", ["b"], ["b1", "b2"]),
        ("BETWEEN", ["b", "b2"], ["b1", "b2"]),
    ],
)
def test_key_conditions(
    operator: str, values: list[str], expected: list[str], database: OpenDatabase
) -> None:
    db = database(indexes={"same": LocalIndex(sk="L")})
    for sk in ("a", "b1", "b2", "c"):
        db.put_item(item={"PK": "a", "SK": sk, "L": sk})
    for index, attribute in ((None, "SK"), ("same", "L")):
        conditions = {attribute: condition(operator, *values), "PK": condition("EQ", "a")}
        found = db.query_page(key_conditions=conditions, index_name=index).items
        assert [item["SK"] for item in found] == expected


def test_indexes_say_what_they_do_not_project() -> None:
    indexes = {
        "global": GlobalIndex(pk="g", projection="KEYS_ONLY"),
        "local": LocalIndex(sk="l", projection=Include("x")),
    }
    with Dynafile(":memory:", indexes=indexes) as db:
        db.put_item(item={**KEY, "g": "g", "l": "l", "x": 1, "y": 2})
        key = {"g": condition("EQ", "g")}
        for given in ({"attributes_to_get": ["y"]}, {"query_filter": {"y": condition("EQ", 2)}}):
            with pytest.raises(ValidationError, match="does not project"):
                db.query_page(key_conditions=key, index_name="global", **given)
            page = db.query_page("a", index_name="local", **given)
            assert page.count == 1
        both = db.query(
            "a", index="local", query_filter={"y": condition("EQ", 2)}, attributes_to_get=["x"]
        )
        assert list(both) == [{"x": 1}]


def test_batch_get(users: DatabaseTable, tables: OpenTables) -> None:
    db = tables()
    for names in (("Keys", "AttributesToGet"), ("keys", "attributes_to_get")):
        keys, to_get = names
        result = db.batch_get_item(
            request_items={"users": {keys: [{"id": "u2"}, {"id": "none"}], to_get: ["age"]}}
        )
        assert result.responses == {"users": [{"age": 17}]}
