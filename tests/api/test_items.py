"""Single items: puts, updates, deletes and gets with conditions, and what they give back."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import pytest
from api.conftest import NOW

from dynafile import (
    Attr,
    Capacity,
    ConsumedCapacity,
    Dynafile,
    Event,
    GlobalIndex,
    Include,
    ItemCollectionMetrics,
    LocalIndex,
    WriteResult,
    errors,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from api.conftest import Clock, StartWorker, Work
    from conftest import OpenDatabase

KEY = {"PK": "p", "SK": "s"}


@pytest.fixture(params=["memory", "files", "no sort key"])
def db(request: pytest.FixtureRequest, database: OpenDatabase) -> Dynafile:
    if request.param == "no sort key":
        return database(sk_attribute=None)
    return database(":memory:" if request.param == "memory" else None)


@pytest.fixture
def key(db: Dynafile) -> dict[str, Any]:
    return KEY if db.sk_attribute else {"PK": "p"}


def adding(amount: Any, name: str = "n") -> dict[str, Any]:
    return {
        "update_expression": "ADD #n :n",
        "expression_attribute_names": {"#n": name},
        "expression_attribute_values": {":n": amount},
    }


def setting(name: str, value: Any) -> dict[str, Any]:
    return {
        "update_expression": "SET #n = :n",
        "expression_attribute_names": {"#n": name},
        "expression_attribute_values": {":n": value},
    }


# -- conditions -----------------------------------------------------------------------------------


def test_a_put_where_nothing_is(db: Dynafile, key: dict[str, Any]) -> None:
    absent = "attribute_not_exists(PK)"
    db.put_item(item={**key, "n": 1}, condition_expression=absent)
    with pytest.raises(errors.ConditionalCheckFailed) as caught:
        db.put_item(item={**key, "n": 2}, condition_expression=absent)
    assert str(caught.value) == "The conditional request failed"
    assert caught.value.item is None
    assert db.get_item(key=key) == {**key, "n": 1}
    db.delete_item(key=key)
    db.put_item(item={**key, "n": 3}, condition_expression=Attr("PK").not_exists())
    assert db.get_item(key=key) == {**key, "n": 3}


def test_each_write_asks_its_condition(db: Dynafile, key: dict[str, Any]) -> None:
    item = {**key, "n": 1}
    db.put_item(item=item)
    values = {":v": 2}
    for write in (
        lambda: db.put_item(
            item=key, condition_expression="n = :v", expression_attribute_values=values
        ),
        lambda: db.put_item(item=key, condition_expression=Attr("n").eq(2)),
        lambda: db.delete_item(
            key=key, condition_expression="n = :v", expression_attribute_values=values
        ),
        lambda: db.update_item(
            key=key,
            update_expression="SET n = n + :v",
            condition_expression="n = :v",
            expression_attribute_values=values,
        ),
        lambda: db.update_item(key=key, condition_expression="attribute_not_exists(n)"),
    ):
        with pytest.raises(errors.ConditionalCheckFailed):
            write()
        assert db.get_item(key=key) == item
    db.update_item(
        key=key,
        update_expression="SET n = n + :v",
        condition_expression="n < :v",
        expression_attribute_values=values,
    )
    assert db.get_item(key=key) == {**key, "n": 3}
    db.delete_item(key=key, condition_expression="n > :v", expression_attribute_values=values)
    assert db.get_item(key=key) is None


def test_a_condition_on_what_is_not_there(db: Dynafile, key: dict[str, Any]) -> None:
    for write in (
        lambda: db.delete_item(key=key, condition_expression="attribute_exists(PK)"),
        lambda: db.put_item(item=key, condition_expression="attribute_exists(PK)"),
        lambda: db.update_item(key=key, condition_expression="attribute_exists(PK)"),
    ):
        with pytest.raises(errors.ConditionalCheckFailed) as caught:
            write()
        assert caught.value.item is None
    assert len(db) == 0
    db.delete_item(key=key, condition_expression="attribute_not_exists(PK)")
    db.update_item(key=key, condition_expression="attribute_not_exists(PK)")
    assert list(db.scan()) == [key]


def test_a_failed_condition_gives_the_item(db: Dynafile, key: dict[str, Any]) -> None:
    item = {**key, "list": [1, {"a": 2}]}
    db.put_item(item=item)
    asked: dict[str, Any] = {
        "condition_expression": "attribute_exists(nope)",
        "return_values_on_condition_check_failure": "ALL_OLD",
    }
    for write in (
        lambda: db.put_item(item=key, **asked),
        lambda: db.delete_item(key=key, **asked),
        lambda: db.update_item(key=key, **asked),
    ):
        with pytest.raises(errors.ConditionalCheckFailed) as caught:
            write()
        assert caught.value.item == item
        caught.value.item["list"].append("mine")
        assert db.get_item(key=key) == item
    db.delete_item(key=key)
    with pytest.raises(errors.ConditionalCheckFailed) as caught:
        db.put_item(item=key, **asked)
    assert caught.value.item is None


# -- return values --------------------------------------------------------------------------------


def test_what_updates_return(db: Dynafile, key: dict[str, Any]) -> None:
    before = {**key, "a": 1, "b": {"x": 1, "y": 2}, "c": 3}
    after = {**key, "a": 2, "b": {"x": 9, "y": 2}, "d": 4}
    expected: dict[str, Any] = {
        "NONE": None,
        "ALL_OLD": before,
        "ALL_NEW": after,
        "UPDATED_OLD": {"a": 1, "b": {"x": 1}, "c": 3},
        "UPDATED_NEW": {"a": 2, "b": {"x": 9}, "d": 4},
    }
    for kind, attributes in expected.items():
        db.put_item(item=before)
        result = db.update_item(
            key=key,
            update_expression="SET a = a + :one, b.x = :nine, d = :four REMOVE c",
            expression_attribute_values={":one": 1, ":nine": 9, ":four": 4},
            return_values=kind,
        )
        assert result == (None if kind == "NONE" else WriteResult(attributes=attributes)), kind
        assert db.get_item(key=key) == after


def test_what_updates_return_of_nothing(db: Dynafile, key: dict[str, Any]) -> None:
    expected: dict[str, Any] = {
        "ALL_OLD": None,
        "ALL_NEW": {**key, "n": 5},
        "UPDATED_OLD": None,
        "UPDATED_NEW": {"n": 5},
    }
    for kind, attributes in expected.items():
        result = db.update_item(key=key, return_values=kind, **adding(5))
        assert result == WriteResult(attributes=attributes), kind
        db.delete_item(key=key)
    for kind in ("UPDATED_OLD", "UPDATED_NEW"):
        assert db.update_item(key=key, return_values=kind) == WriteResult()
    removed = db.update_item(key=key, update_expression="REMOVE n", return_values="UPDATED_NEW")
    assert removed == WriteResult()
    assert db.get_item(key=key) == key


def test_what_puts_and_deletes_return(db: Dynafile, key: dict[str, Any]) -> None:
    assert db.put_item(item={**key, "n": 1}) is None
    assert db.put_item(item={**key, "n": 2}, return_values="ALL_OLD") == WriteResult(
        attributes={**key, "n": 1}
    )
    assert db.delete_item(key=key, return_values="ALL_OLD") == WriteResult(
        attributes={**key, "n": 2}
    )
    assert db.delete_item(key=key, return_values="ALL_OLD") == WriteResult()
    assert db.put_item(item=key, return_values="ALL_OLD") == WriteResult()


def test_what_is_returned_is_the_callers_own(db: Dynafile, key: dict[str, Any]) -> None:
    value = {"list": [1]}
    for kind in ("ALL_NEW", "UPDATED_NEW"):
        result = db.update_item(key=key, return_values=kind, **setting("v", value))
        assert result is not None
        assert result.attributes is not None
        result.attributes["v"]["list"].append(2)
        assert value == {"list": [1]}
        assert db.get_item(key=key) == {**key, "v": {"list": [1]}}


# -- what is refused ------------------------------------------------------------------------------

BAD_OPTIONS: dict[str, dict[str, Any]] = {
    "return_values": {"return_values": "SOME"},
    "case": {"return_values": "all_old"},
    "None": {"return_values": None},
    "on failure": {"return_values_on_condition_check_failure": "ALL_NEW"},
    "capacity": {"return_consumed_capacity": "SOME"},
    "metrics": {"return_item_collection_metrics": "TOTAL"},
    "names without expression": {"expression_attribute_names": {"#n": "n"}},
    "values without expression": {"expression_attribute_values": {":n": 1}},
    "unused value": {"condition_expression": "attribute_exists(n)", "expression_attribute_values": {":n": 1}},
    "unused name": {"condition_expression": "attribute_exists(n)", "expression_attribute_names": {"#n": "n"}},
    "missing value": {"condition_expression": "n = :n"},
    "syntax": {"condition_expression": "n ="},
    "empty": {"condition_expression": ""},
    "no expression": {"condition_expression": 5},
}  # fmt: skip


@pytest.mark.parametrize("options", BAD_OPTIONS.values(), ids=BAD_OPTIONS.keys())
def test_options_that_are_refused(database: OpenDatabase, options: dict[str, Any]) -> None:
    db = database(":memory:")
    db.put_item(item={**KEY, "n": 1})
    for write in (
        lambda: db.put_item(item={**KEY, "n": 2}, **options),
        lambda: db.delete_item(key=KEY, **options),
        lambda: db.update_item(key=KEY, **options),
    ):
        with pytest.raises(errors.ValidationError):
            write()
    assert list(db.scan()) == [{**KEY, "n": 1}]


def test_return_values_of_updates_alone(database: OpenDatabase) -> None:
    db = database(":memory:")
    for kind in ("ALL_NEW", "UPDATED_OLD", "UPDATED_NEW"):
        for write in (
            lambda: db.put_item(item=KEY, return_values=kind),
            lambda: db.delete_item(key=KEY, return_values=kind),
        ):
            with pytest.raises(errors.ValidationError, match="^Return values set to invalid value"):
                write()
    assert len(db) == 0
    assert db.pk_type is None


@pytest.mark.parametrize(
    "bad",
    [{}, {"PK": "p"}, {**KEY, "n": 1}, {"PK": "p", "sk": "s"}, {"PK": 1, "SK": "s"}, "p", None,
     {"PK": "p", "SK": ""}, {"PK": "p", "SK": None}, {"PK": "p", "SK": ["s"]}],
)  # fmt: skip
def test_keys_that_an_update_refuses(database: OpenDatabase, bad: Any) -> None:
    db = database(":memory:")
    db.put_item(item=KEY)
    with pytest.raises(errors.ValidationError):
        db.update_item(key=bad, **adding(1))
    assert list(db.scan()) == [KEY]


@pytest.mark.parametrize(
    ("expression", "values"),
    [
        ("SET PK = :v", {":v": "q"}),
        ("REMOVE SK", None),
        ("SET SK.a = :v", {":v": 1}),
        ("ADD text :v", {":v": 1}),
        ("SET n = missing", None),
        ("SET n = missing + :v", {":v": 1}),
        ("SET n.a = :v", {":v": 1}),
        ("SET n = :v, n = :v", {":v": 1}),
        ("DELETE tags :v", {":v": "no set"}),
    ],
)
def test_updates_that_are_refused(
    database: OpenDatabase, expression: str, values: dict[str, Any] | None
) -> None:
    db = database(":memory:")
    item = {**KEY, "n": 1, "text": "t"}
    db.put_item(item=item)
    with pytest.raises(errors.ValidationError):
        db.update_item(key=KEY, update_expression=expression, expression_attribute_values=values)
    assert list(db.scan()) == [item]


def test_an_update_that_makes_an_item_too_large(database: OpenDatabase) -> None:
    db = database(":memory:")
    item = {**KEY, "b": b"x" * (9 * 1024 * 1024)}
    db.put_item(item=item)
    with pytest.raises(errors.ItemTooLarge):
        db.update_item(key=KEY, update_expression="SET c = b")
    assert db.get_item(key=KEY) == item


def test_read_only_and_closed_handles(database: OpenDatabase) -> None:
    db = database()
    db.put_item(item=KEY)
    reader = database(read_only=True)
    for write in (
        lambda db: db.put_item(item=KEY, condition_expression="attribute_not_exists(x)"),
        lambda db: db.put_item(item=KEY, return_values="ALL_OLD"),
        lambda db: db.update_item(key=KEY, **adding(1)),
        lambda db: db.delete_item(key=KEY, return_values="ALL_OLD"),
        lambda db: db.transact_write_items(transact_items=[{"Put": {"Item": KEY}}]),
        lambda db: db.transact_write_items(
            transact_items=[{"Put": {"Item": KEY}}], client_request_token="t"
        ),
    ):
        with pytest.raises(errors.ReadOnlyDatabase):
            write(reader)
    assert list(reader.scan()) == [KEY]
    db.close()
    reader.close()
    for call in (
        lambda: db.put_item(item=KEY, condition_expression="attribute_not_exists(x)"),
        lambda: db.put_item(item=KEY, return_values="ALL_OLD"),
        lambda: db.update_item(key=KEY, **adding(1)),
        lambda: db.delete_item(key=KEY, condition_expression="attribute_exists(x)"),
        lambda: db.get_item(key=KEY, projection_expression="x"),
        lambda: db.query_page("p"),
        lambda: db.scan_page(),
        lambda: db.transact_write_items(transact_items=[{"Put": {"Item": KEY}}]),
        lambda: db.transact_get_items(transact_items=[{"Get": {"Key": KEY}}]),
        lambda: db.transaction(),
        lambda: db.run_transaction(lambda tx: None),
    ):
        with pytest.raises(errors.HandleClosed):
            call()


# -- reads ----------------------------------------------------------------------------------------


def test_projections(db: Dynafile, key: dict[str, Any]) -> None:
    item = {**key, "a": 1, "m": {"x": [10, 20, 30], "y": 2}, "size": 5}
    db.put_item(item=item)
    for expression, expected in {
        "a": {"a": 1},
        "a, nope": {"a": 1},
        "nope": {},
        "m.x[2], m.x[0]": {"m": {"x": [10, 30]}},
        "PK, m.y": {"PK": "p", "m": {"y": 2}},
        "#size": {"size": 5},
    }.items():
        names = {"#size": "size"} if "#" in expression else None
        found = db.get_item(
            key=key, projection_expression=expression, expression_attribute_names=names
        )
        assert found == expected
    found = db.get_item(key=key, projection_expression="m")
    assert found is not None
    found["m"]["x"].append(40)
    assert db.get_item(key=key) == item
    missing = dict.fromkeys(key, "other")
    assert db.get_item(key=missing, projection_expression="a") is None
    for bad in ("", "size", "a,", "a b", "#nope", "a, a"):
        with pytest.raises(errors.ValidationError):
            db.get_item(key=key, projection_expression=bad)
    with pytest.raises(errors.ValidationError):
        db.get_item(key=key, expression_attribute_names={"#n": "n"})


# -- capacity -------------------------------------------------------------------------------------

OWN = 7
"""Bytes of PK, SK and the name of ``x``, in an item that has ``"a"`` and ``"b"`` as its keys."""


def sized(size: int) -> dict[str, Any]:
    return {"PK": "a", "SK": "b", "x": "y" * (size - OWN)}


def units(result: Any) -> float:
    return float(result.consumed_capacity.capacity_units)


def total(**options: Any) -> dict[str, Any]:
    return {**options, "return_consumed_capacity": "TOTAL"}


def test_units_of_writes(database: OpenDatabase) -> None:
    """A unit for each kilobyte of the larger one of the item before and after, one at least."""
    db = database(":memory:", table_name="units")
    assert db.put_item(**total(item=sized(1024))) == WriteResult(
        consumed_capacity=ConsumedCapacity(table_name="units", capacity_units=1.0)
    )
    assert units(db.put_item(**total(item=sized(1025)))) == 2
    assert units(db.put_item(**total(item=sized(20_480)))) == 20
    assert units(db.put_item(**total(item=sized(10)))) == 20
    assert units(db.put_item(**total(item=sized(10)))) == 1
    key = {"PK": "a", "SK": "b"}
    assert units(db.update_item(**total(key=key, **setting("x", "y" * 3000)))) == 3
    assert units(db.update_item(**total(key=key, **adding(1)))) == 3
    assert units(db.update_item(**total(key=key, update_expression="REMOVE x"))) == 3
    db.put_item(item=sized(1025))
    assert units(db.delete_item(**total(key=key))) == 2
    assert units(db.delete_item(**total(key=key))) == 1
    assert units(db.update_item(**total(key=key))) == 1


def test_units_of_gets(database: OpenDatabase) -> None:
    db = database(":memory:", table_name="units")
    key = {"PK": "a", "SK": "b"}
    for size, half in ((4096, 0.5), (4097, 1.0), (40_960, 5.0)):
        db.put_item(item=sized(size))
        found = db.get_item(key=key, return_consumed_capacity="TOTAL")
        assert (found.item, units(found)) == (sized(size), half)
        found = db.get_item(key=key, consistent_read=True, return_consumed_capacity="INDEXES")
        assert found.consumed_capacity == ConsumedCapacity(
            table_name="units", capacity_units=2 * half, table=Capacity(capacity_units=2 * half)
        )
        part = db.get_item(key=key, projection_expression="PK", return_consumed_capacity="TOTAL")
        assert (part.item, units(part)) == ({"PK": "a"}, half)
    missing = db.get_item(key={"PK": "a", "SK": "c"}, return_consumed_capacity="TOTAL")
    assert (missing.item, units(missing)) == (None, 0.5)


def test_units_of_indexes(database: OpenDatabase) -> None:
    """An entry costs where it changes: one write, or two where its key does."""
    db = database(
        ":memory:",
        table_name="units",
        indexes={
            "keys": GlobalIndex(pk="G", projection="KEYS_ONLY"),
            "some": GlobalIndex(pk="G", projection=Include("x")),
            "local": LocalIndex(sk="L"),
        },
    )

    def costs(**options: Any) -> tuple[float, dict[str, float]]:
        result = db.update_item(
            key=KEY,
            update_expression=options["do"],
            expression_attribute_values=options.get("values"),
            return_consumed_capacity="INDEXES",
        )
        assert result is not None
        consumed = result.consumed_capacity
        assert consumed is not None
        assert consumed.table is not None
        parts = consumed.global_secondary_indexes
        assert not consumed.local_secondary_indexes.keys() - {"local"}
        assert not parts.keys() - {"keys", "some"}
        found = {
            name: each.capacity_units
            for name, each in {**parts, **consumed.local_secondary_indexes}.items()
        }
        assert consumed.capacity_units == consumed.table.capacity_units + sum(found.values())
        return consumed.table.capacity_units, found

    assert costs(do="SET x = :v", values={":v": 1}) == (1, {})
    assert costs(do="SET G = :v", values={":v": "g"}) == (1, {"keys": 1, "some": 1})
    assert costs(do="SET G = :v", values={":v": "g"}) == (1, {})
    assert costs(do="SET L = :v", values={":v": 1}) == (1, {"local": 1})
    assert costs(do="SET x = :v", values={":v": 2}) == (1, {"some": 1, "local": 1})
    assert costs(do="SET y = :v", values={":v": "y" * 2000}) == (2, {"local": 2})
    assert costs(do="SET G = :v", values={":v": "h"}) == (2, {"keys": 2, "some": 2, "local": 2})
    assert costs(do="SET L = :v", values={":v": 2}) == (2, {"local": 4})
    assert costs(do="REMOVE G") == (2, {"keys": 1, "some": 1, "local": 2})
    assert costs(do="REMOVE y") == (2, {"local": 2})
    assert costs(do="REMOVE L") == (1, {"local": 1})
    put = db.put_item(item={**KEY, "G": "g"}, return_consumed_capacity="TOTAL")
    assert put == WriteResult(
        consumed_capacity=ConsumedCapacity(table_name="units", capacity_units=3.0)
    )
    assert units(db.delete_item(key=KEY, return_consumed_capacity="TOTAL")) == 3


def test_what_an_index_hides_costs_nothing_there(database: OpenDatabase, clock: Clock) -> None:
    """Entries carry the TTL attribute, projected or not; a new time cost a write of each index."""
    db = database(
        ":memory:", ttl_attribute="ttl", indexes={"keys": GlobalIndex("G", projection="KEYS_ONLY")}
    )
    db.put_item(item={**KEY, "G": "g", "ttl": NOW + 10})
    assert units(db.update_item(**total(key=KEY, **setting("ttl", NOW + 20)))) == 1
    clock.now = NOW + 15
    assert [item["PK"] for item in db.query("g", index="keys")] == ["p"]


def test_item_collection_metrics(database: OpenDatabase) -> None:
    plain = database(":memory:")
    asked: dict[str, Any] = {"return_item_collection_metrics": "SIZE"}
    assert plain.put_item(item=KEY, **asked) == WriteResult()
    db = database(":memory:", pk_attribute="id", indexes={"local": LocalIndex(sk="L")})
    expected = WriteResult(
        item_collection_metrics=ItemCollectionMetrics(
            item_collection_key={"id": 7}, size_estimate_range_gb=(0.0, 1.0)
        )
    )
    key = {"id": 7, "SK": "s"}
    assert db.put_item(item={**key, "L": 1}, **asked) == expected
    assert db.update_item(key=key, **adding(1), **asked) == expected
    assert db.delete_item(key=key, **asked) == expected
    both = db.put_item(item=key, return_values="ALL_OLD", **asked, return_consumed_capacity="TOTAL")
    assert both is not None
    assert both.item_collection_metrics == expected.item_collection_metrics
    assert units(both) == 1


# -- TTL ------------------------------------------------------------------------------------------


@pytest.fixture
def expiring(database: OpenDatabase, clock: Clock) -> Dynafile:
    """A table with an item that is expired and not swept."""
    db = database(ttl_attribute="ttl", indexes={"by-n": GlobalIndex(pk="n")})
    db.put_item(item={**KEY, "n": 1, "ttl": NOW + 1})
    clock.now = NOW + 2
    return db


OLD = {**KEY, "n": 1, "ttl": NOW + 1}


def test_an_expired_item_is_none_for_conditions(expiring: Dynafile) -> None:
    for condition in ("attribute_exists(PK)", "n = :v"):
        values = {":v": 1} if ":v" in condition else None
        asked: dict[str, Any] = {
            "condition_expression": condition,
            "expression_attribute_values": values,
            "return_values_on_condition_check_failure": "ALL_OLD",
        }
        for write in (
            lambda: expiring.put_item(item=KEY, **asked),
            lambda: expiring.delete_item(key=KEY, **asked),
            lambda: expiring.update_item(key=KEY, **asked),
        ):
            with pytest.raises(errors.ConditionalCheckFailed) as caught:
                write()
            assert caught.value.item is None
    assert (
        expiring.put_item(
            item={**KEY, "n": 2},
            condition_expression="attribute_not_exists(n)",
            return_values="ALL_OLD",
        )
        == WriteResult()
    )
    assert list(expiring.query(1, index="by-n")) == []
    assert list(expiring.query(2, index="by-n")) == [{**KEY, "n": 2}]


@pytest.mark.parametrize("how", ["put", "update", "delete"])
def test_the_removal_of_an_expired_item_comes_first(expiring: Dynafile, how: str) -> None:
    events: list[Event] = []
    expiring.add_stream_listener(events.append)
    removal = Event("DELETE", None, OLD)  # type: ignore[arg-type]
    if how == "put":
        result = expiring.put_item(item={**KEY, "n": 5}, return_values="ALL_OLD")
    elif how == "update":
        result = expiring.update_item(key=KEY, return_values="ALL_OLD", **adding(5))
    else:
        result = expiring.delete_item(key=KEY, return_values="ALL_OLD")
    assert result == WriteResult()
    if how == "delete":
        assert events == [removal]
        assert expiring.get_item(key=KEY) is None
    else:
        assert events == [removal, Event("PUT", {**KEY, "n": 5}, None)]  # type: ignore[arg-type]
        assert expiring.get_item(key=KEY) == {**KEY, "n": 5}


def test_an_update_moves_the_expiry(expiring: Dynafile, clock: Clock) -> None:
    expiring.update_item(key=KEY, **setting("ttl", NOW + 10))
    assert expiring.get_item(key=KEY) == {**KEY, "ttl": NOW + 10}
    expiring.update_item(key=KEY, **setting("ttl", NOW + 20))
    clock.now = NOW + 15
    assert expiring.sweep() == 0
    expiring.update_item(key=KEY, update_expression="REMOVE #t",
                         expression_attribute_names={"#t": "ttl"})  # fmt: skip
    clock.now = NOW + 100
    assert expiring.sweep() == 0
    assert expiring.get_item(key=KEY) == KEY
    assert len(expiring) == 1


# -- indexes --------------------------------------------------------------------------------------


def test_an_update_moves_entries(database: OpenDatabase) -> None:
    db = database(
        indexes={
            "global": GlobalIndex(pk="G", sk="N", projection=Include("x")),
            "local": LocalIndex(sk="N"),
        }
    )

    def found() -> tuple[list[Any], list[Any]]:
        each = [list(db.query(pk, index="global")) for pk in ("g", "h")]
        return each[0] + each[1], list(db.query("p", index="local"))

    db.update_item(key=KEY, **setting("x", 1))
    assert found() == ([], [])
    db.update_item(key=KEY, **setting("G", "g"))
    assert found() == ([], [])
    db.update_item(key=KEY, **adding(5, "N"))
    whole = {**KEY, "x": 1, "G": "g", "N": 5}
    assert found() == ([whole], [whole])
    db.update_item(key=KEY, **setting("y", 1))
    assert found() == ([whole], [{**whole, "y": 1}])
    db.update_item(key=KEY, update_expression="SET G = :h REMOVE y ADD N :n",
                   expression_attribute_values={":h": "h", ":n": 1})  # fmt: skip
    moved = {**whole, "G": "h", "N": 6}
    assert found() == ([moved], [moved])
    assert list(db.query("g", index="global")) == []
    db.check()
    db.update_item(key=KEY, update_expression="REMOVE G")
    assert found() == ([], [{**KEY, "x": 1, "N": 6}])
    db.update_item(key=KEY, update_expression="REMOVE N")
    assert found() == ([], [])


def test_an_index_key_of_another_type_is_refused(database: OpenDatabase) -> None:
    db = database(indexes={"by-n": GlobalIndex(pk="N")})
    item = {**KEY, "N": 5}
    db.put_item(item=item)
    for value in ("text", None, [1], True, "", {"a": 1}, b"b"):
        for write in (
            lambda: db.update_item(key=KEY, **setting("N", value)),
            lambda: db.put_item(item={**KEY, "N": value}, return_values="ALL_OLD"),
            lambda: db.update_item(key={"PK": "q", "SK": "s"}, **setting("N", value)),
        ):
            with pytest.raises(errors.InvalidKey, match="by-n"):
                write()
    assert list(db.scan()) == [item]
    assert list(db.query(5, index="by-n")) == [item]


# -- types that are not known yet -----------------------------------------------------------------


def refused_writes(db: Dynafile) -> dict[str, Callable[[], object]]:
    """Writes that fail in an empty table, each of the key types S and S."""
    never = "attribute_exists(PK)"
    return {
        "conditional put": lambda: db.put_item(item={**KEY, "N": "n"}, condition_expression=never),
        "conditional update": lambda: db.update_item(
            key=KEY, condition_expression=never, **setting("N", "n")
        ),
        "update": lambda: db.update_item(
            key=KEY,
            update_expression="SET N = :n, y = y + :one",
            expression_attribute_values={":n": "n", ":one": 1},
        ),
        "conditional delete": lambda: db.delete_item(key=KEY, condition_expression=never),
        "transaction": lambda: db.transact_write_items(
            transact_items=[
                {"Put": {"Item": {**KEY, "N": "n"}}},
                {"ConditionCheck": {"Key": {"PK": "x", "SK": "y"}, "ConditionExpression": never}},
            ]
        ),
        "transaction update": lambda: db.transact_write_items(
            transact_items=[
                {"Update": {"Key": KEY, "UpdateExpression": "SET N = :n",
                            "ExpressionAttributeValues": {":n": "n"}}},
                {"Put": {"Item": {"PK": "x", "SK": "y"}, "ConditionExpression": never}},
            ]
        ),
    }  # fmt: skip


def test_a_write_that_fails_teaches_no_types(database: OpenDatabase) -> None:
    db = database(indexes={"by-n": GlobalIndex(pk="N")})
    for name, write in refused_writes(db).items():
        with pytest.raises(errors.DynafileError):
            write()
        assert (db.pk_type, db.sk_type) == (None, None), name
        assert db.describe().indexes[0].types == {"N": None}, name
    number = {"PK": 1, "SK": b"2"}
    db.update_item(key=number, **setting("N", 3))
    assert (db.pk_type, db.sk_type) == ("N", "B")
    assert db.describe().indexes[0].types == {"N": "N"}
    assert list(db.query(3, index="by-n")) == [{**number, "N": 3}]
    for write in (
        lambda: db.update_item(key=KEY, **adding(1)),
        lambda: db.update_item(key={"PK": 1, "SK": "s"}, **adding(1)),
        lambda: db.update_item(key={"PK": 2, "SK": b"2"}, **setting("N", "text")),
    ):
        with pytest.raises(errors.KeyTypeMismatch):
            write()
    db.close()
    again = database()
    assert (again.pk_type, again.sk_type, len(again)) == ("N", "B", 1)


def test_a_delete_teaches_no_types(database: OpenDatabase) -> None:
    db = database(":memory:")
    db.delete_item(key=KEY, return_values="ALL_OLD")
    db.delete_item(key={"PK": 1, "SK": 1}, condition_expression="attribute_not_exists(PK)")
    assert (db.pk_type, db.sk_type) == (None, None)


def test_another_handle_learns_first(database: OpenDatabase) -> None:
    db, other = database(indexes={"by-n": GlobalIndex(pk="N")}), database()
    other.update_item(key=KEY, **setting("N", 1))
    with pytest.raises(errors.KeyTypeMismatch):
        db.update_item(key={"PK": "q", "SK": "s"}, **setting("N", "text"))
    with pytest.raises(errors.KeyTypeMismatch):
        db.update_item(key={"PK": 1, "SK": "s"}, **setting("x", "text"))
    db.update_item(key=KEY, **adding(1, "N"))
    assert list(other.query(2, index="by-n")) == [{**KEY, "N": 2}]


def interleaved(
    db: Dynafile, monkeypatch: pytest.MonkeyPatch, between: Callable[[], object]
) -> None:
    """Have something happen between the first try of a commit of ``db`` and the second."""
    commit = db._table._store.commit
    tries: list[int] = []

    def counting(*args: Any, **kwargs: Any) -> None:
        tries.append(1)
        if len(tries) == 2:
            between()
        commit(*args, **kwargs)

    monkeypatch.setattr(db._table._store, "commit", counting)


def test_an_update_is_made_anew_for_another_schema(
    database: OpenDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The item of its first try was held against the new types, and the update refused for it."""
    db, other = database(indexes={"by-n": GlobalIndex(pk="N")}), database()
    db.put_item(item={**KEY, "source": "text"})

    def between() -> None:
        other.put_item(item={"PK": "q", "SK": "s", "N": 1})
        other.put_item(item={**KEY, "source": 5})

    interleaved(db, monkeypatch, between)
    db.update_item(key=KEY, update_expression="SET N = #s",
                   expression_attribute_names={"#s": "source"})  # fmt: skip
    assert list(db.query(5, index="by-n")) == [{**KEY, "source": 5, "N": 5}]


def test_types_are_those_of_what_is_written(
    database: OpenDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not of what the first try of an update found, which is gone by the second."""
    db, other = database(indexes={"by-n": GlobalIndex(pk="N")}), database()
    db.put_item(item={**KEY, "source": {"a": "text"}})
    interleaved(db, monkeypatch, lambda: other.put_item(item={**KEY, "source": {"N": 1}}))
    db.update_item(key=KEY, update_expression="SET N = if_not_exists(#s.a, #s.#n)",
                   expression_attribute_names={"#s": "source", "#n": "N"})  # fmt: skip
    assert db.describe().indexes[0].types == {"N": "N"}


# -- listeners ------------------------------------------------------------------------------------


def test_events_of_conditional_writes(db: Dynafile, key: dict[str, Any]) -> None:
    events: list[Event] = []
    db.add_stream_listener(events.append)

    def heard() -> list[tuple[Any, ...]]:
        found = [(str(event.action), event.new, event.old) for event in events]
        events.clear()
        return found

    db.update_item(key=key, **adding(1))
    assert heard() == [("PUT", {**key, "n": 1}, None)]
    db.update_item(key=key, **adding(1))
    assert heard() == [("PUT", {**key, "n": 2}, {**key, "n": 1})]
    for write in (
        lambda: db.update_item(key=key, condition_expression="attribute_exists(x)", **adding(1)),
        lambda: db.put_item(item=key, condition_expression="attribute_exists(x)"),
        lambda: db.delete_item(key=key, condition_expression="attribute_exists(x)"),
    ):
        with pytest.raises(errors.ConditionalCheckFailed):
            write()
    assert heard() == []
    db.delete_item(key=key, condition_expression="attribute_exists(n)")
    assert heard() == [("DELETE", None, {**key, "n": 2})]
    db.delete_item(key=key, return_values="ALL_OLD")
    assert heard() == []
    db.put_item(item=key, condition_expression="attribute_not_exists(n)")
    assert heard() == [("PUT", key, None)]


def test_a_listener_may_update(database: OpenDatabase) -> None:
    db = database()

    def count(event: Event) -> None:
        if event.new is not None and event.new["PK"] == "p":
            db.update_item(key={"PK": "counter", "SK": "s"}, **adding(1))

    db.add_stream_listener(count)
    for n in range(5):
        db.update_item(key={"PK": "p", "SK": f"{n % 2}"}, **adding(1))
    counter = db.get_item(key={"PK": "counter", "SK": "s"})
    assert counter is not None
    assert counter["n"] == 5


# -- blind writes ---------------------------------------------------------------------------------


def test_only_what_looks_reads(
    database: OpenDatabase, tmp_path: Path, watch: Callable[[Dynafile], Work]
) -> None:
    """Before it commits; after that, sizes are taken from headers."""
    for name, write, reads in (
        ("put", lambda db: db.put_item(item={**KEY, "n": 2}), 0),
        ("delete", lambda db: db.delete_item(key=KEY), 0),
        ("condition", lambda db: db.put_item(item={**KEY, "n": 2}, condition_expression=Attr("n").exists()), 1),
        ("old", lambda db: db.put_item(item={**KEY, "n": 2}, return_values="ALL_OLD"), 1),
        ("update", lambda db: db.update_item(key=KEY, **adding(1)), 1),
    ):  # fmt: skip
        db = database(tmp_path / name)
        db.put_item(item={**KEY, "n": 1})
        db._store.checkpoint()
        db.close()
        db = database(tmp_path / name)
        work = watch(db)
        write(db)
        before = work.calls[: [method for method, _ in work.calls].index("write")]
        files = [file for method, file in before if method == "read"]
        assert bool(reads) == any(file.startswith("_partitions") for file in files), name
        db.close()


# -- many writers ---------------------------------------------------------------------------------


@pytest.mark.parametrize("where", [":memory:", None])
def test_threads_lose_no_update(database: OpenDatabase, where: str | None) -> None:
    db = database(where, durability="relaxed")
    failures: list[BaseException] = []

    def work() -> None:
        try:
            for _ in range(100):
                db.update_item(key=KEY, **adding(1))
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert not failures
    assert db.get_item(key=KEY) == {**KEY, "n": 400}


def test_processes_lose_no_update(database: OpenDatabase, worker: StartWorker) -> None:
    db = database(durability="relaxed")
    others = [worker(db.path, durability="relaxed") for _ in range(2)]
    for other in others:
        other.send("increments", KEY, 150)
    seen = [db.update_item(key=KEY, return_values="UPDATED_NEW", **adding(1)) for _ in range(150)]
    counts = [result.attributes["n"] for result in seen]
    for other in others:
        counts += other.receive()
    assert sorted(counts) == list(range(1, 451))


def test_one_of_many_makes_an_item(database: OpenDatabase, worker: StartWorker) -> None:
    """Of all who put it only where nothing is, one does; and each time the same for all."""
    db = database()
    other = worker(db.path)
    made: list[str] = []
    lock = threading.Lock()

    def claim(name: str, n: int) -> None:
        try:
            db.put_item(
                item={"PK": "claim", "SK": f"{n}", "by": name},
                condition_expression="attribute_not_exists(PK)",
            )
        except errors.ConditionalCheckFailed:
            return
        with lock:
            made.append(f"{n}:{name}")

    for n in range(20):
        item = {"PK": "claim", "SK": f"{n}", "by": "process"}
        other.send("put_item", item=item, condition_expression="attribute_not_exists(PK)")
        threads = [threading.Thread(target=claim, args=(name, n)) for name in "ab"]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        try:
            other.receive()
        except errors.ConditionalCheckFailed:
            pass
        else:
            made.append(f"{n}:process")
    assert sorted(made) == sorted(f"{i['SK']}:{i['by']}" for i in db.query("claim"))
    assert len(made) == 20
