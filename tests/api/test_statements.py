"""PartiQL statements: what they read and write, alone, in batches and in transactions."""

from __future__ import annotations

import contextlib
import threading
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dynafile import (
    Attr,
    CancellationReason,
    Capacity,
    Database,
    Dynafile,
    GlobalIndex,
    Include,
    LocalIndex,
    StatementFailure,
    StatementPlan,
    StatementResponse,
    StatementResult,
    errors,
)
from dynafile.partiql import condition_text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from api.conftest import Clock, OpenTables, StartWorker
    from conftest import OpenDatabase

    from dynafile.expressions import Condition

INDEXES = {
    "by-total": GlobalIndex(pk="state", sk="total"),
    "slim": GlobalIndex(pk="state", sk="total", projection="KEYS_ONLY"),
    "local": LocalIndex(sk="total", projection=Include("note")),
}


@pytest.fixture
def db(tables: OpenTables) -> Database:
    """Orders: of three customers five each, on days 1 to 5; what is even is open."""
    db = tables()
    orders = db.create_table("orders", "customer", "day", indexes=INDEXES)
    with orders.batch_writer() as batch:
        for number, customer in enumerate(("ada", "bob", "eve")):
            for day in range(1, 6):
                total = 10 * day + number
                state = "open" if total % 2 == 0 else "paid"
                item = {"customer": customer, "day": day, "total": total, "state": state}
                batch.put_item(item={**item, "note": f"n{day}", "m": {"x": [1, {"y": day}]}})
    return db


def rows(db: Database, statement: str, *parameters: Any, **options: Any) -> list[dict[str, Any]]:
    """All items of a SELECT, over as many pages as there are."""
    found: list[dict[str, Any]] = []
    token = None
    given = list(parameters) or None
    while True:
        result = db.execute_statement(
            statement=statement, parameters=given, next_token=token, **options
        )
        found += result
        token = result.next_token
        if token is None:
            return found


def run(db: Database, statement: str, *parameters: Any, **options: Any) -> StatementResult:
    return db.execute_statement(statement=statement, parameters=list(parameters) or None, **options)


def keys(items: Any) -> list[tuple[Any, Any]]:
    return [(item["customer"], item["day"]) for item in items]


# -- SELECT ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("where", "days"),
    [
        ("customer = 'ada'", [1, 2, 3, 4, 5]),
        ("customer = 'ada' AND day = 3", [3]),
        ("customer = 'ada' AND 3 = day", [3]),
        ("customer = 'ada' AND day < 3", [1, 2]),
        ("customer = 'ada' AND 3 < day", [4, 5]),
        ("customer = 'ada' AND day >= 2 AND day <= 3", [2, 3]),
        ("customer = 'ada' AND day > 1 AND day < 5 AND day BETWEEN 0 AND 3", [2, 3]),
        ("customer = 'ada' AND day > 4 AND day < 2", []),
        ("customer = 'ada' AND day BETWEEN 2 AND 4", [2, 3, 4]),
        ("customer = 'ada' AND day <> 3", [1, 2, 4, 5]),
        ("customer = 'ada' AND day IN [1, 5]", [1, 5]),
        ("customer = 'ada' AND (day = 1 OR day = 4)", [1, 4]),
        ("customer = 'ada' AND NOT day > 2", [1, 2]),
        ("(customer = 'ada' AND day > 3) AND total < 50", [4]),
        ("customer = 'ada' AND total > 20 AND note = 'n4'", [4]),
        ("customer = 'ada' AND m.x[1].y = 2", [2]),
        ("customer = 'ada' AND size(m.x) = 2 AND day < 2", [1]),
        ("customer = 'ada' AND contains(note, '3')", [3]),
        ("customer = 'ada' AND begins_with(note, 'n') AND day = 1", [1]),
        ("customer = 'ada' AND attribute_type(total, 'N') AND day = 1", [1]),
        ("customer = 'ada' AND nothing IS MISSING AND day = 1", [1]),
        ("customer = 'ada' AND nothing IS NOT MISSING", []),
        ("customer = 'ada' AND note IS NULL", []),
        ("customer = 'ada' AND customer = 'bob'", []),
        ("customer = 'ada' AND day = 1 AND day = 2", []),
        ("customer IN ['ada'] AND day = 2", [2]),
        ("(customer = 'ada' OR 'ada' = customer) AND day = 2", [2]),
        ("(customer = 'ada' OR customer = 'nobody') AND day > 3", [4, 5]),
        ("customer = 'nobody'", []),
        ("customer = 'ada' ORDER BY day DESC", [5, 4, 3, 2, 1]),
        ("customer = 'ada' AND day < 4 ORDER BY customer, day DESC", [3, 2, 1]),
        ("customer = 'ada' ORDER BY customer DESC", [1, 2, 3, 4, 5]),
    ],
)
def test_queries(db: Database, where: str, days: list[int]) -> None:
    statement = f"SELECT * FROM orders WHERE {where}"
    assert keys(rows(db, statement)) == [("ada", day) for day in days]
    assert keys(rows(db, statement, limit=1)) == [("ada", day) for day in days]
    assert keys(rows(db, statement, limit=2)) == [("ada", day) for day in days]
    assert not db.explain(statement).scans


def test_scans(db: Database) -> None:
    assert len(rows(db, "SELECT * FROM orders")) == 15
    found = rows(db, "SELECT customer FROM orders WHERE day = 3", limit=4)
    assert sorted(item["customer"] for item in found) == ["ada", "bob", "eve"]
    found = rows(db, "SELECT * FROM orders WHERE customer = 'ada' OR day = 1")
    assert len(found) == 7
    assert len(rows(db, "SELECT * FROM orders WHERE NOT customer = 'ada'")) == 10
    assert len(rows(db, "SELECT * FROM orders WHERE begins_with(customer, 'a')")) == 5


def test_projections(db: Database) -> None:
    where = "FROM orders WHERE customer = 'ada' AND day = 2"
    assert rows(db, f"SELECT day, total, nothing {where}") == [{"day": 2, "total": 20}]
    assert rows(db, f"SELECT m.x[0], m.x[1].y {where}") == [{"x[0]": 1, "y": 2}]
    assert rows(db, f'SELECT "m"."x", day, day {where}') == [{"x": [1, {"y": 2}], "day": 2}]
    assert rows(db, f"SELECT m.x[9], nothing.at.all {where}") == [{}]
    with pytest.raises(errors.ValidationError, match="would both be called y"):
        rows(db, f"SELECT m.x[1].y, y {where}")


def test_partition_keys_in_a_list(db: Database) -> None:
    """Without ORDER BY in the order of the list, each once."""
    found = rows(db, "SELECT * FROM orders WHERE customer IN ['eve', 'ada', 'eve'] AND day < 3")
    assert keys(found) == [("eve", 1), ("eve", 2), ("ada", 1), ("ada", 2)]
    for limit in (1, 2, 3, 7):
        assert found == rows(
            db,
            "SELECT * FROM orders WHERE customer IN ['eve', 'ada', 'eve'] AND day < 3",
            limit=limit,
        )
    many = ", ".join(f"'{n}'" for n in range(51))
    with pytest.raises(errors.ValidationError, match="up to 50 values of the partition key"):
        rows(db, f"SELECT * FROM orders WHERE customer IN [{many}]")
    # An attribute that is no key is a filter, of which there may be a hundred.
    assert rows(db, f"SELECT * FROM orders WHERE note IN [{many}]") == []


def test_partition_keys_joined_by_or(db: Database) -> None:
    """DynamoDB's guide has them among what is no full scan; that read the whole table here."""
    listed = "SELECT * FROM orders WHERE customer IN ['eve', 'ada', 'bob'] AND day < 3"
    joined = (
        "SELECT * FROM orders "
        "WHERE (customer = 'eve' OR customer IN ['ada', 'eve'] OR customer = 'bob') AND day < 3"
    )
    assert db.explain(joined).operation == "Query"
    for order in ("", " ORDER BY day DESC", " ORDER BY customer"):
        for limit in (None, 1, 4):
            assert rows(db, joined + order, limit=limit) == rows(db, listed + order, limit=limit)
    for where in (
        "customer = 'ada' OR day = 1",
        "customer = 'ada' OR customer > 'b'",
        "customer = 'ada' OR NOT customer = 'bob'",
        "customer = 'ada' OR (customer = 'bob' AND day = 1)",
        "customer = 'ada' OR customer = note",
    ):
        assert db.explain(f"SELECT * FROM orders WHERE {where}").scans


@pytest.mark.parametrize("limit", [None, 1, 2, 3, 100])
@pytest.mark.parametrize(
    ("order", "expected"),
    [
        ("customer", [("ada", 1), ("ada", 2), ("bob", 1), ("bob", 2)]),
        ("customer DESC", [("bob", 1), ("bob", 2), ("ada", 1), ("ada", 2)]),
        ("customer, day DESC", [("ada", 2), ("ada", 1), ("bob", 2), ("bob", 1)]),
        ("customer DESC, day DESC", [("bob", 2), ("bob", 1), ("ada", 2), ("ada", 1)]),
        ("day", [("bob", 1), ("ada", 1), ("bob", 2), ("ada", 2)]),
        ("day, customer", [("ada", 1), ("bob", 1), ("ada", 2), ("bob", 2)]),
        ("day DESC, customer DESC", [("bob", 2), ("ada", 2), ("bob", 1), ("ada", 1)]),
    ],
)
def test_order_of_several_partitions(
    db: Database, order: str, expected: list[Any], limit: int | None
) -> None:
    statement = (
        f"SELECT * FROM orders WHERE customer IN ['bob', 'ada'] AND day < 3 ORDER BY {order}"
    )
    assert keys(rows(db, statement, limit=limit)) == expected


def test_order_needs_keys(db: Database) -> None:
    for statement, message in (
        ("SELECT * FROM orders ORDER BY day", "Must have WHERE clause"),
        ("SELECT * FROM orders WHERE day = 1 ORDER BY day", "non-optional hash key condition"),
        (
            "SELECT * FROM orders WHERE customer = 'ada' ORDER BY total",
            "Variable reference total in ORDER BY clause must be part of the primary key",
        ),
    ):
        with pytest.raises(errors.ValidationError, match=message):
            rows(db, statement)


def test_global_index(db: Database) -> None:
    totals = [item["total"] for item in db.table("orders").query("open", index="by-total")]
    found = rows(db, "SELECT total FROM orders.\"by-total\" WHERE state = 'open'", limit=2)
    assert [item["total"] for item in found] == totals
    found = rows(
        db,
        "SELECT total FROM orders.\"by-total\" WHERE state IN ['open', 'paid'] ORDER BY total DESC",
        limit=4,
    )
    assert [item["total"] for item in found] == sorted(
        (10 * day + number for day in range(1, 6) for number in range(3)), reverse=True
    )
    slim = rows(db, "SELECT * FROM orders.slim WHERE state = 'paid' AND total < 20")
    assert slim == [{"customer": "bob", "day": 1, "state": "paid", "total": 11}]
    with pytest.raises(errors.ValidationError, match="does not project"):
        rows(db, "SELECT note FROM orders.slim WHERE state = 'paid'")
    with pytest.raises(errors.ValidationError, match="does not project"):
        rows(db, "SELECT total FROM orders.slim WHERE state = 'paid' AND note = 'x'")
    with pytest.raises(errors.ValidationError, match="Consistent reads are not supported"):
        rows(db, "SELECT * FROM orders.slim WHERE state = 'paid'", consistent_read=True)
    with pytest.raises(errors.IndexNotFound):
        rows(db, "SELECT * FROM orders.nothing")


def test_equal_keys_of_an_index_across_pages(db: Database) -> None:
    """In several partitions side by side, one of which holds many items with one sort key."""
    for day in range(10, 16):
        for customer, state in (("ada", "x"), ("bob", "y")):
            run(
                db,
                "INSERT INTO orders VALUE {'customer': ?, 'day': ?, 'state': ?, 'total': 7}",
                customer,
                day,
                state,
            )
    statement = "SELECT * FROM orders.\"by-total\" WHERE state IN ['x', 'y'] ORDER BY total"
    whole = keys(rows(db, statement))
    assert whole == [("ada", day) for day in range(10, 16)] + [("bob", d) for d in range(10, 16)]
    for limit in (1, 4, 5, 7):
        assert keys(rows(db, statement, limit=limit)) == whole
        assert keys(rows(db, statement + " DESC", limit=limit)) == [
            *reversed(whole[:6]),
            *reversed(whole[6:]),
        ]


def test_local_index(db: Database) -> None:
    where = "FROM orders.\"local\" WHERE customer = 'ada' AND total > 30"
    assert rows(db, f"SELECT * {where}")[0] == {
        "customer": "ada",
        "day": 4,
        "total": 40,
        "note": "n4",
    }
    assert rows(db, f"SELECT day, m.x[0] {where}", limit=1) == [
        {"day": 4, "x[0]": 1},
        {"day": 5, "x[0]": 1},
    ]
    assert rows(db, f"SELECT day {where} AND m.x[1].y = 5") == [{"day": 5}]


def test_an_index_with_keys_of_several_attributes(tables: OpenTables) -> None:
    db = tables(":memory:")
    index = GlobalIndex(pk=("a", "b"), sk=("c", "d"))
    table = db.create_table("many", "id", None, indexes={"all": index})
    for n in range(16):
        bits = [str(n >> shift & 1) for shift in range(4)]
        table.put_item(item={"id": n, **dict(zip("abcd", bits, strict=True))})
    where = "SELECT id FROM many.\"all\" WHERE a = '1' AND b = '0'"
    assert len(rows(db, where)) == 4
    assert len(rows(db, f"{where} AND c = '1' AND d >= '1'")) == 1
    plan = db.explain(f"{where} AND d = '1' AND c > '0'")
    assert (plan.key_condition, plan.filter) == ("a = '1' AND b = '0' AND c > '0'", "d = '1'")
    assert db.explain("SELECT * FROM many.\"all\" WHERE a = '1' AND c = '1'").scans
    ordered = rows(db, f"{where} ORDER BY c DESC, d DESC")
    assert ordered == rows(db, where)[::-1]
    for order in ("d", "c, d DESC"):
        with pytest.raises(errors.StatementError, match="ORDER BY takes c, d in this order"):
            rows(db, f"{where} ORDER BY {order}")


def test_pages(db: Database) -> None:
    statement = "SELECT * FROM orders WHERE customer = 'ada' AND total > 10"
    first = run(db, statement, limit=2)
    assert keys(first) == [("ada", 2)], "the limit counts what is looked at"
    assert first.last_evaluated_key == {"customer": "ada", "day": 2}
    assert first.next_token is not None
    second = run(db, statement, limit=2, next_token=first.next_token)
    assert keys(second) == [("ada", 3), ("ada", 4)]
    last = run(db, statement, next_token=second.next_token)
    assert (keys(last), last.next_token, last.last_evaluated_key) == ([("ada", 5)], None, None)
    one = run(db, "SELECT * FROM orders WHERE customer = 'ada' AND day = 1", limit=1)
    assert (len(one), one.next_token) == (1, None)
    with pytest.raises(errors.ValidationError, match="greater than or equal to 1"):
        run(db, statement, limit=0)


def test_tokens_are_for_one_request(db: Database) -> None:
    statement = "SELECT * FROM orders WHERE customer = ?"
    token = run(db, statement, "ada", limit=1).next_token
    assert token is not None
    assert keys(run(db, statement, "ada", limit=1, next_token=token)) == [("ada", 2)]
    other = statement.replace("*", "day")
    for text, parameter, wrong in (
        (other, "ada", token),
        (statement, "bob", token),
        (statement, "ada", token[:-8]),
        (statement, "ada", "A" + token[1:] if token[0] != "A" else "B" + token[1:]),
        (statement, "ada", ""),
        (statement, "ada", "é"),
        (statement, "ada", "AAAA" * 20),
        (statement, "ada", 7),
    ):
        with pytest.raises(errors.ValidationError, match=r"NextToken does not match|is a str"):
            db.execute_statement(statement=text, parameters=[parameter], next_token=wrong)  # type: ignore[arg-type]


def test_tokens_of_any_parameters(db: Database) -> None:
    """What a condition takes, a token takes; the order of the members of a map says nothing."""
    statement = "SELECT * FROM orders WHERE customer = 'ada' AND m <> ? AND note <> ?"
    token = run(db, statement, {"a": 1, "b": {2, 3}}, bytearray(b"x"), limit=4).next_token
    again = run(db, statement, {"b": {3, 2}, "a": 1}, b"x", next_token=token)
    assert keys(again) == [("ada", 5)]


def test_a_token_outlives_its_index(db: Database) -> None:
    """An index was made anew with other keys: the token is refused."""
    statement = "SELECT * FROM orders.\"by-total\" WHERE state IN ['open', 'paid'] ORDER BY total"
    token = run(db, statement, limit=1).next_token
    orders = db.table("orders")
    orders.drop_index("by-total")
    orders.add_index("by-total", GlobalIndex(pk="state", sk="day"))
    with pytest.raises(errors.ValidationError, match="Variable reference total"):
        run(db, statement, next_token=token)
    orders.drop_index("by-total")
    orders.add_index("by-total", GlobalIndex(pk="total", sk="state"))
    scan = "SELECT * FROM orders.\"by-total\" WHERE note <> 'x'"
    token = run(db, scan, limit=1).next_token
    orders.drop_index("by-total")
    orders.add_index("by-total", GlobalIndex(pk="state", sk="note"))
    with pytest.raises(errors.ValidationError, match="NextToken does not match"):
        run(db, scan, next_token=token)


def test_pages_of_a_megabyte(tables: OpenTables) -> None:
    db = tables(":memory:")
    table = db.create_table("big", "pk", "sk")
    with table.batch_writer() as batch:
        for pk in ("a", "b"):
            for sk in range(4):
                batch.put_item(item={"pk": pk, "sk": sk, "blob": "x" * 300_000})
    for order in ("", " ORDER BY pk", " ORDER BY sk"):
        statement = f"SELECT pk, sk FROM big WHERE pk IN ['a', 'b']{order}"
        result = run(db, statement)
        assert len(result) == 4
        assert result.next_token is not None
        assert len(rows(db, statement)) == 8
    assert len(run(db, "SELECT sk FROM big")) == 4


def test_capacity(db: Database) -> None:
    where = "FROM orders WHERE customer = 'ada'"
    one = run(db, f"SELECT * {where}", return_consumed_capacity="TOTAL").consumed_capacity
    assert one is not None
    assert (one.table_name, one.capacity_units) == ("orders", 0.5)
    two = run(
        db, f"SELECT * {where}", return_consumed_capacity="TOTAL", consistent_read=True
    ).consumed_capacity
    assert two is not None
    assert two.capacity_units == 1.0
    index = run(
        db,
        "SELECT * FROM orders.\"by-total\" WHERE state = 'open'",
        return_consumed_capacity="INDEXES",
    ).consumed_capacity
    assert index is not None
    assert index.global_secondary_indexes == {"by-total": Capacity(capacity_units=0.5)}
    put = run(
        db,
        "INSERT INTO orders VALUE {'customer': 'new', 'day': 1}",
        return_consumed_capacity="TOTAL",
    ).consumed_capacity
    assert put is not None
    assert put.capacity_units == 1.0
    assert run(db, f"SELECT * {where}").consumed_capacity is None
    with pytest.raises(errors.ValidationError, match="returnConsumedCapacity"):
        run(db, f"SELECT * {where}", return_consumed_capacity="total")


def test_expired_items_are_gone(tables: OpenTables, clock: Clock) -> None:
    db = tables(":memory:")
    db.create_table("sessions", "id", None, "until")
    run(db, "INSERT INTO sessions VALUE {'id': 'a', 'until': ?}", int(clock.now) + 10)
    assert len(rows(db, "SELECT * FROM sessions WHERE id = 'a'")) == 1
    clock.now += 20
    assert rows(db, "SELECT * FROM sessions WHERE id = 'a'") == []
    with pytest.raises(errors.ConditionalCheckFailed):
        run(db, "UPDATE sessions SET x = 1 WHERE id = 'a'")
    run(db, "INSERT INTO sessions VALUE {'id': 'a', 'again': true}")
    assert rows(db, "SELECT * FROM sessions") == [{"id": "a", "again": True}]


# -- writes ---------------------------------------------------------------------------------------


def test_insert(db: Database) -> None:
    result = run(
        db,
        "INSERT INTO \"orders\" value {'customer': ?, 'day': 9, 'price': 1.50, 'tags': <<'a'>>, "
        "'raw': ?, 'gone': MISSING, 'list': [1, null]}",
        "zoe",
        b"\x00",
    )
    assert (list(result), result.next_token) == ([], None)
    assert rows(db, "SELECT * FROM orders WHERE customer = 'zoe'") == [
        {
            "customer": "zoe",
            "day": 9,
            "price": Decimal("1.50"),
            "tags": {"a"},
            "raw": b"\x00",
            "list": [1, None],
        }
    ]
    run(db, "INSERT INTO orders VALUE ?", {"customer": "zoe", "day": 10})


def test_an_insert_never_replaces(db: Database) -> None:
    again = "INSERT INTO orders VALUE {'customer': 'ada', 'day': 1}"
    with pytest.raises(errors.DuplicateItem, match="^Duplicate primary key exists in table$") as e:
        run(db, again)
    assert e.value.item is None
    with pytest.raises(errors.DuplicateItem) as e:
        run(db, again, return_values_on_condition_check_failure="ALL_OLD")
    assert e.value.item is not None
    assert e.value.item["total"] == 10
    assert not isinstance(e.value, errors.ConditionalCheckFailed)
    assert rows(db, "SELECT total FROM orders WHERE customer = 'ada' AND day = 1")[0]["total"] == 10


def test_insert_refusals(db: Database) -> None:
    for item, error in (
        ("{'customer': 'x'}", errors.MissingKey),
        ("{'customer': '', 'day': 1}", errors.EmptyKey),
        ("{'customer': 'x', 'day': 'monday'}", errors.KeyTypeMismatch),
        ("{'customer': 'x', 'day': 1, 'a': <<1, 'x'>>}", errors.InvalidSet),
        ("{'customer': 'x', 'day': 1, 'state': 5, 'total': 1}", errors.KeyTypeMismatch),
    ):
        with pytest.raises(error):
            run(db, f"INSERT INTO orders VALUE {item}")
    assert rows(db, "SELECT * FROM orders WHERE customer = 'x'") == []


def test_update(db: Database) -> None:
    where = "WHERE customer = 'ada' AND day = 1"
    old = rows(db, f"SELECT * FROM orders {where}")[0]

    def update(changes: str, returning: str) -> list[dict[str, Any]]:
        return run(db, f"UPDATE orders {changes} {where} {returning}").items

    assert update("SET total = total + 5", "") == []
    assert update("SET total = total - 5", "RETURNING MODIFIED NEW *") == [{"total": 10}]
    assert update("SET total = 11", "RETURNING MODIFIED OLD *") == [{"total": 10}]
    assert update("SET total = 10", "RETURNING ALL NEW *") == [old]
    assert update("SET m.x[0] = 2 REMOVE note", "RETURNING ALL OLD *") == [old]
    new = {**old, "m": {"x": [2, {"y": 1}]}}
    del new["note"]
    assert rows(db, f"SELECT * FROM orders {where}") == [new]
    assert update("SET s = set_add(s, <<1, 2>>)", "RETURNING MODIFIED NEW *") == [{"s": {1, 2}}]
    assert update("SET s = set_delete(s, <<1>>)", "RETURNING MODIFIED NEW *") == [{"s": {2}}]
    assert update("REMOVE s", "RETURNING MODIFIED NEW *") == []
    assert update("SET l = [1] SET k = 2", "RETURNING MODIFIED OLD *") == []
    assert update("SET l = list_append(l, [?])".replace("?", "2"), "RETURNING MODIFIED NEW *") == [
        {"l": [1, 2]}
    ]


def test_update_conditions(db: Database) -> None:
    """Unlike UpdateItem, UPDATE makes no item; what is besides the key must hold."""
    run(db, "UPDATE orders SET x = ? WHERE customer = ? AND day = ? AND total < 11", 1, "ada", 1)
    for where in (
        "customer = 'ada' AND day = 1 AND total > 11",
        "customer = 'nobody' AND day = 1",
        "customer = 'nobody' AND day = 1 AND x IS MISSING",
    ):
        with pytest.raises(errors.ConditionalCheckFailed, match="conditional request failed") as e:
            run(db, f"UPDATE orders SET x = 2 WHERE {where}")
        assert e.value.item is None
    with pytest.raises(errors.ConditionalCheckFailed) as e:
        run(
            db,
            "UPDATE orders SET x = 2 WHERE customer = 'ada' AND day = 1 AND total > 11",
            return_values_on_condition_check_failure="ALL_OLD",
        )
    assert e.value.item is not None
    assert e.value.item["x"] == 1


def test_writes_name_the_whole_key(db: Database) -> None:
    for where in (
        "customer = 'ada'",
        "day = 1",
        "customer = 'ada' OR day = 1",
        "customer = 'ada' AND day > 1",
        "customer IN ['ada', 'bob'] AND day = 1",
        "customer IN ['ada'] AND day = 1",
        "(customer = 'ada' OR customer = 'ada') AND day = 1",
        "total = 1",
    ):
        for statement in ("UPDATE orders SET x = 1 WHERE ", "DELETE FROM orders WHERE "):
            with pytest.raises(errors.ValidationError) as e:
                run(db, statement + where)
            assert e.value.message == (
                "Where clause does not contain a mandatory equality on all key attributes"
            )
            with pytest.raises(errors.ValidationError, match="mandatory equality"):
                db.explain(statement + where)
    with pytest.raises(errors.ValidationError, match="Cannot update attribute day"):
        run(db, "UPDATE orders SET day = 2 WHERE customer = 'ada' AND day = 1")
    with pytest.raises(errors.ValidationError, match="incorrect data type"):
        run(db, "UPDATE orders SET note = note + 2 WHERE customer = 'ada' AND day = 1")
    with pytest.raises(errors.ValidationError, match="for SELECT statements only"):
        run(db, "DELETE FROM orders WHERE customer = 'ada' AND day = 1", limit=1)


def test_delete(db: Database) -> None:
    where = "WHERE customer = 'ada' AND day = 1"
    with pytest.raises(errors.ConditionalCheckFailed):
        run(db, f"DELETE FROM orders {where} AND total > 10")
    gone = run(db, f"DELETE FROM orders {where} AND total = 10 RETURNING ALL OLD *")
    assert [item["total"] for item in gone] == [10]
    assert rows(db, f"SELECT * FROM orders {where}") == []
    # An item that is not there is no failure, whatever the condition.
    assert run(db, f"DELETE FROM orders {where} AND total = 10 RETURNING ALL OLD *").items == []
    assert len(rows(db, 'SELECT * FROM orders."by-total"')) == 14


def test_threads_take_turns(db: Database) -> None:
    """Of several INSERTs of one item one is made, and no UPDATE is lost."""
    outcomes: list[str] = []

    def write() -> None:
        try:
            run(db, "INSERT INTO orders VALUE {'customer': 'new', 'day': 1, 'n': 0}")
            outcomes.append("made")
        except errors.DuplicateItem:
            outcomes.append("refused")
        for _ in range(25):
            run(db, "UPDATE orders SET n = n + 1 WHERE customer = 'new' AND day = 1")

    threads = [threading.Thread(target=write) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["made", "refused", "refused", "refused"]
    found = rows(db, "SELECT n FROM orders WHERE customer = 'new' AND day = 1")
    assert found == [{"n": 100}]


def test_writes_outlive_the_process(database: OpenDatabase, worker: StartWorker) -> None:
    """What a statement wrote is seen by another process, and there after reopening."""
    db = database(table_name="tab")
    other = worker(db.path)
    db.execute_statement(statement="INSERT INTO tab VALUE {'PK': 'a', 'SK': 'b', 'n': 1}")
    db.execute_statement(statement="UPDATE tab SET n = n + 1 WHERE PK = 'a' AND SK = 'b'")
    expected = {"PK": "a", "SK": "b", "n": 2}
    assert other.call("get_item", key={"PK": "a", "SK": "b"}) == expected
    other.stop()
    db.close()
    assert list(database().execute_statement(statement="SELECT * FROM tab")) == [expected]


def test_listeners_hear_of_statements(database: OpenDatabase) -> None:
    db = database(table_name="one")
    heard: list[Any] = []
    db.add_stream_listener(heard.append)
    db.execute_statement(statement="INSERT INTO one VALUE {'PK': 'a', 'SK': 'b'}")
    db.execute_statement(statement="UPDATE one SET x = 1 WHERE PK = 'a' AND SK = 'b'")
    db.execute_transaction(
        transact_statements=[{"Statement": "DELETE FROM one WHERE PK = 'a' AND SK = 'b'"}]
    )
    assert len(heard) == 3


# -- tables and handles ---------------------------------------------------------------------------


def test_a_table_knows_itself(database: OpenDatabase) -> None:
    db = database(table_name="mine")
    db.execute_statement(statement="INSERT INTO mine VALUE {'PK': 'a', 'SK': 'b'}")
    assert list(db.execute_statement(statement="SELECT * FROM mine")) == [{"PK": "a", "SK": "b"}]
    with pytest.raises(errors.ResourceNotFound, match="Table: other not found"):
        db.execute_statement(statement="SELECT * FROM other")
    with pytest.raises(errors.ResourceNotFound):
        db.explain("SELECT * FROM other")
    db.close()
    for call in (
        lambda: db.execute_statement(statement="SELECT * FROM mine"),
        lambda: db.batch_execute_statement(statements=[]),
        lambda: db.execute_transaction(transact_statements=[]),
        lambda: db.explain("SELECT * FROM mine"),
    ):
        with pytest.raises(errors.HandleClosed):
            call()


def test_read_only(database: OpenDatabase) -> None:
    database(table_name="mine").put_item(item={"PK": "a", "SK": "b"})
    db = database(read_only=True)
    assert len(db.execute_statement(statement="SELECT * FROM mine")) == 1
    with pytest.raises(errors.ReadOnlyDatabase):
        db.execute_statement(statement="DELETE FROM mine WHERE PK = 'a' AND SK = 'b'")
    with pytest.raises(errors.ReadOnlyDatabase):
        db.batch_execute_statement(
            statements=[{"Statement": "DELETE FROM mine WHERE PK = 'a' AND SK = 'b'"}]
        )


def test_bad_requests(db: Database) -> None:
    for options, message in (
        ({"statement": 7}, "statement is a str"),
        ({"statement": "SELECT * FROM orders", "consistent_read": "yes"}, "consistent_read is"),
        ({"statement": "SELECT * FROM orders", "parameters": {}}, "parameters is a list"),
        (
            {
                "statement": "SELECT * FROM orders",
                "return_values_on_condition_check_failure": "ALL_NEW",
            },
            "returnValuesOnConditionCheckFailure",
        ),
        ({"statement": "SELECT * FROM nothing"}, "Table: nothing not found"),
        (
            {"statement": "EXISTS(SELECT * FROM orders WHERE day = 1)"},
            "EXISTS can only be used in transactions",
        ),
        ({"statement": "SELECT * FROM orders WHERE customer = 5"}, "does not match schema type"),
        (
            {"statement": "SELECT * FROM orders WHERE customer = ?", "parameters": [object()]},
            "is none that an attribute can hold",
        ),
    ):
        with pytest.raises(errors.DynafileError, match=message):
            db.execute_statement(**options)  # type: ignore[arg-type]


# -- explain --------------------------------------------------------------------------------------


def test_explain(db: Database) -> None:
    assert db.explain("SELECT * FROM orders WHERE customer = ? AND day = 2", ["ada"]) == (
        StatementPlan(
            operation="GetItem", table="orders", key_condition="customer = 'ada' AND day = 2"
        )
    )
    plan = db.explain(
        "SELECT * FROM orders.\"by-total\" WHERE state = 'open' AND note = 'x' AND total > 3 "
        "ORDER BY total DESC"
    )
    assert str(plan) == (
        "Query on orders, index by-total\n"
        "  key condition: state = 'open' AND total > 3\n"
        "  filter: note = 'x'\n"
        "  order: descending"
    )
    assert not plan.scans
    plan = db.explain("SELECT * FROM orders WHERE total > 3 AND (day = 1 OR customer = 'ada')")
    assert plan.scans
    assert str(plan) == (
        "Scan on orders: reads the whole table\n"
        "  filter: total > 3 AND (day = 1 OR customer = 'ada')"
    )
    assert "reads the whole index" in str(db.explain("SELECT * FROM orders.slim"))
    assert db.explain("INSERT INTO orders VALUE {'customer': 'x', 'day': 1}") == StatementPlan(
        operation="PutItem", table="orders"
    )
    plan = db.explain("UPDATE orders SET x = 1 WHERE day = 1 AND customer = 'a' AND y IS MISSING")
    assert (plan.operation, plan.condition) == ("UpdateItem", "y IS MISSING")
    plan = db.explain("DELETE FROM orders WHERE day = 1 AND customer = 'a'")
    assert (plan.operation, plan.condition) == ("DeleteItem", None)
    plan = db.explain("EXISTS(SELECT * FROM orders WHERE day = 1 AND customer = 'a' AND b = 1)")
    assert (plan.operation, plan.condition) == ("ConditionCheck", "b = 1")
    with pytest.raises(errors.ValidationError, match="and another condition"):
        db.explain("EXISTS(SELECT * FROM orders WHERE day = 1 AND customer = 'a')")
    assert len(rows(db, "SELECT * FROM orders")) == 15


def test_parameters_and_question_marks_are_counted(db: Database) -> None:
    statement = "SELECT * FROM orders WHERE customer = ? AND day = ?"
    for parameters in (None, ["ada"], ["ada", 1, 2]):
        with pytest.raises(errors.ValidationError) as caught:
            run(db, statement, *(parameters or []))
        message = "Number of parameters in request and statement don't match."
        assert caught.value.message == message
        count = len(parameters or [])
        assert f"2 question marks, and there are {count} parameters" in caught.value.explanation


# -- batches --------------------------------------------------------------------------------------


def test_batch_of_reads(db: Database) -> None:
    result = db.batch_execute_statement(
        statements=[
            {
                "Statement": "SELECT day FROM orders WHERE customer = ? AND day = 1",
                "Parameters": ["ada"],
                "ConsistentRead": True,
            },
            {"statement": "SELECT day FROM orders WHERE customer = 'nobody' AND day = 1"},
            {"statement": "SELECT day FROM orders WHERE customer = 'ada'"},
            {"statement": "SELECT day FROM nothing WHERE customer = 'ada' AND day = 1"},
            {"statement": "SELECT"},
            {"statement": "SELECT * FROM orders WHERE customer = ? AND day = 1"},
        ],
        return_consumed_capacity="TOTAL",
    )
    found, none, several, nothing, malformed, parameters = result
    assert found == StatementResponse(item={"day": 1}, table_name="orders")
    assert none == StatementResponse(table_name="orders")
    assert several.error == StatementFailure(
        code="ValidationError",
        message="Select statements within BatchExecuteStatement must specify the primary key in "
        "the where clause.",
    )
    assert nothing.error is not None
    assert (nothing.error.code, nothing.table_name) == ("ResourceNotFound", "nothing")
    assert malformed.error is not None
    assert malformed.error.message.startswith("Statement wasn't well formed")
    assert parameters.error is not None
    assert parameters.error.message.startswith("Number of parameters in request")
    assert [one.capacity_units for one in result.consumed_capacity] == [1.0, 0.5]
    assert len(result) == 6


def test_batch_of_writes(db: Database) -> None:
    result = db.batch_execute_statement(
        statements=[
            {"Statement": "INSERT INTO orders VALUE {'customer': 'new', 'day': 1}"},
            {
                "Statement": "INSERT INTO orders VALUE {'customer': 'ada', 'day': 1}",
                "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
            },
            {"Statement": "UPDATE orders SET x = 1 WHERE customer = 'ada' AND day = 77"},
            {"Statement": "DELETE FROM orders WHERE customer = 'ada' AND day = 2"},
            {
                "Statement": "UPDATE orders SET x = 1 WHERE customer = 'ada' AND day = 3 "
                "RETURNING MODIFIED NEW *"
            },
        ]
    )
    codes = [None if one.error is None else one.error.code for one in result]
    assert codes == [None, "DuplicateItem", "ConditionalCheckFailed", None, None]
    failure = result.responses[1].error
    assert failure is not None
    assert failure.item is not None
    assert failure.item["total"] == 10
    assert result.responses[4].item == {"x": 1}
    assert len(rows(db, "SELECT * FROM orders")) == 15


def test_batch_refusals(db: Database) -> None:
    read = {"Statement": "SELECT * FROM orders WHERE customer = 'ada' AND day = 1"}
    write = {"Statement": "DELETE FROM orders WHERE customer = 'ada' AND day = 1"}
    for statements, message in (
        ([], "'statements' failed to satisfy constraint: Member must have length greater"),
        ([read] * 26, "length less than or equal to 25"),
        ([read, write], "must consist of either read statements or write statements"),
        (read, "statements is a list of dicts"),
        ([write, {**write, "Limit": 1}], "Unknown parameter in statements: 'Limit'"),
        ([write, {"Statment": "x"}], "Statement"),
        ([write, None], "statements"),
    ):
        with pytest.raises(errors.ValidationError, match=message):
            db.batch_execute_statement(statements=statements)
    exists = {"Statement": "EXISTS(SELECT * FROM orders WHERE customer = 'ada' AND day = 1)"}
    (refused,) = db.batch_execute_statement(statements=[exists])
    assert refused.error is not None
    assert "can only be used in transactions" in refused.error.message
    assert len(rows(db, "SELECT * FROM orders")) == 15


# -- transactions ---------------------------------------------------------------------------------


def test_transaction_of_writes(db: Database) -> None:
    db.create_table("totals", "customer", None).put_item(item={"customer": "ada", "orders": 5})
    statements: list[dict[str, Any]] = [
        {
            "Statement": "INSERT INTO orders VALUE {'customer': ?, 'day': ?}",
            "Parameters": ["ada", 6],
        },
        {"Statement": "UPDATE totals SET orders = orders + 1 WHERE customer = 'ada'"},
        {"statement": "DELETE FROM orders WHERE customer = 'bob' AND day = 1"},
        {
            "statement": "EXISTS(SELECT * FROM orders WHERE customer = 'eve' AND day = 1 AND total = 12)"
        },
    ]
    result = db.execute_transaction(
        transact_statements=statements, return_consumed_capacity="TOTAL"
    )
    assert list(result) == []
    assert [one.table_name for one in result.consumed_capacity] == ["orders", "totals"]
    assert rows(db, "SELECT orders FROM totals") == [{"orders": 6}]
    assert len(rows(db, "SELECT * FROM orders")) == 15
    statements[1]["Statement"] += " AND orders > 100"
    statements[3]["statement"] = statements[3]["statement"].replace("12", "13")
    statements[0]["ReturnValuesOnConditionCheckFailure"] = "ALL_OLD"
    with pytest.raises(errors.TransactionCanceled) as e:
        db.execute_transaction(transact_statements=statements)
    assert e.value.reasons == (
        CancellationReason(
            code="DuplicateItem",
            message="Duplicate primary key exists in table",
            item={"customer": "ada", "day": 6},
        ),
        CancellationReason(code="ConditionalCheckFailed", message="The conditional request failed"),
        CancellationReason(),
        CancellationReason(code="ConditionalCheckFailed", message="The conditional request failed"),
    )
    assert rows(db, "SELECT orders FROM totals") == [{"orders": 6}]


def test_transaction_of_reads(db: Database) -> None:
    result = db.execute_transaction(
        transact_statements=[
            {"Statement": "SELECT total, m.x[0] FROM orders WHERE customer = 'ada' AND day = 1"},
            {"Statement": "SELECT * FROM orders WHERE customer = 'ada' AND day = 9"},
            {"Statement": "SELECT * FROM orders WHERE customer = 'ada' AND day = 2 AND total = 1"},
        ],
        return_consumed_capacity="TOTAL",
    )
    assert list(result) == [{"total": 10, "x[0]": 1}, None, None]
    assert [one.capacity_units for one in result.consumed_capacity] == [6.0]


def test_transaction_tokens(db: Database) -> None:
    """The same request is made once; another with its token is refused."""
    request = {
        "Statement": "UPDATE orders SET total = total + ? WHERE customer = 'ada' AND day = 1",
        "Parameters": [1],
    }
    for _ in range(3):
        db.execute_transaction(transact_statements=[request], client_request_token="one")
    total = "SELECT total FROM orders WHERE customer = 'ada' AND day = 1"
    assert rows(db, total) == [{"total": 11}]
    with pytest.raises(errors.IdempotentParameterMismatch):
        db.execute_transaction(
            transact_statements=[{**request, "Parameters": [2]}], client_request_token="one"
        )
    db.execute_transaction(transact_statements=[request], client_request_token="two")
    assert rows(db, total) == [{"total": 12}]


def test_transaction_refusals(db: Database) -> None:
    key = "customer = 'ada' AND day = 1"
    read = {"Statement": f"SELECT * FROM orders WHERE {key}"}
    write = {"Statement": f"DELETE FROM orders WHERE {key}"}
    exists = {"Statement": f"EXISTS(SELECT * FROM orders WHERE {key} AND total = 10)"}
    both = "must consist of either read statements or write statements"
    for statements, message in (
        ([], "'transactStatements' failed to satisfy constraint"),
        ([read] * 101, "length less than or equal to 100"),
        ([read, write], both),
        ([read, exists], both),
        ([exists, write], "cannot include multiple operations on one item"),
        ([read, read], "cannot include multiple operations on one item"),
        ([{"Statement": "SELECT * FROM orders"}], "must specify the primary key"),
        ([{"Statement": f"EXISTS(SELECT * FROM orders WHERE {key})"}], "and another condition"),
        ([{"Statement": "EXISTS(SELECT * FROM orders)"}], "and another condition"),
        ([{"Statement": "EXISTS(SELECT * FROM orders WHERE day = 1)"}], "mandatory equality"),
        ([{"Statement": f"{write['Statement']} RETURNING ALL OLD *"}], "no RETURNING"),
        ([{"Statement": "SELECT"}], "wasn't well formed"),
        ([{**read, "ConsistentRead": True}], "Unknown parameter"),
    ):
        with pytest.raises(errors.ValidationError, match=message):
            db.execute_transaction(transact_statements=statements)
    with pytest.raises(errors.ValidationError, match="clientRequestToken"):
        db.execute_transaction(transact_statements=[write], client_request_token="x" * 37)
    with pytest.raises(errors.TransactionCanceled) as e:
        db.execute_transaction(
            transact_statements=[exists, {"Statement": "INSERT INTO orders VALUE {'day': 1}"}]
        )
    assert [reason.code for reason in e.value.reasons] == ["None", "ValidationError"]
    assert len(rows(db, "SELECT * FROM orders")) == 15


def test_exists_is_a_condition_check(db: Database) -> None:
    """Of an item that is not there an attribute is missing, as for ConditionCheck."""
    missing = "EXISTS(SELECT * FROM orders WHERE customer = 'zoe' AND day = 1 AND x IS MISSING)"
    insert = "INSERT INTO orders VALUE {'customer': 'new', 'day': 1}"
    db.execute_transaction(transact_statements=[{"Statement": missing}, {"Statement": insert}])
    assert len(rows(db, "SELECT * FROM orders")) == 16


# -- the same as by expressions -------------------------------------------------------------------

PARTITIONS = st.sampled_from(["a", "b", "c"])
DAYS = st.integers(0, 4)
ITEMS = st.lists(
    st.fixed_dictionaries(
        {"PK": PARTITIONS, "SK": DAYS},
        optional={"n": st.integers(0, 3), "s": st.sampled_from(["x", "xy", "z"]), "G": PARTITIONS},
    ),
    max_size=12,
    unique_by=lambda item: (item["PK"], item["SK"]),
)
PK, SK, N, S = Attr("PK"), Attr("SK"), Attr("n"), Attr("s")
TERMS = st.one_of(
    PARTITIONS.map(PK.eq),
    st.lists(PARTITIONS, min_size=1, max_size=3).map(PK.is_in),
    DAYS.map(SK.eq),
    DAYS.map(SK.gt),
    DAYS.map(SK.lte),
    st.tuples(DAYS, DAYS).map(lambda bounds: SK.between(min(bounds), max(bounds))),
    DAYS.map(N.lt),
    DAYS.map(N.ne),
    st.sampled_from([N.exists(), S.not_exists(), S.begins_with("x"), S.size().gt(1)]),
)
CONDITIONS = st.recursive(
    TERMS,
    lambda inner: st.one_of(
        st.builds(lambda one, two: one & two, inner, inner),
        st.builds(lambda one, two: one & two, inner, inner),
        st.builds(lambda one, two: one | two, inner, inner),
        st.builds(lambda one: ~one, inner),
    ),
    max_leaves=6,
)


@pytest.fixture(scope="module")
def random_table() -> Iterator[Dynafile]:
    index = GlobalIndex(pk="G", sk="SK")
    with Dynafile(
        ":memory:", table_name="tab", pk_type="S", sk_type="N", indexes={"by-g": index}
    ) as db:
        yield db


@settings(max_examples=150, deadline=None)
@given(ITEMS, CONDITIONS, st.none() | st.integers(1, 5))
def test_a_select_is_a_scan_with_a_filter(
    random_table: Dynafile, items: list[dict[str, Any]], condition: Condition, limit: int | None
) -> None:
    """However it gets at the items: by key, by several, by ranges of them, or by reading all."""
    random_table.clear()
    with random_table.batch_writer() as batch:
        for item in items:
            batch.put_item(item=item)
    for source, index in (("tab", None), ('tab."by-g"', "by-g")):
        statement = f"SELECT * FROM {source} WHERE {condition_text(condition)}"
        expected = sorted(
            random_table.scan(filter=condition, index=index), key=lambda i: (i["PK"], i["SK"])
        )
        found: list[dict[str, Any]] = []
        token = None
        while True:
            page = random_table.execute_statement(
                statement=statement, limit=limit, next_token=token
            )
            found += page
            token = page.next_token
            if token is None:
                break
        assert sorted(found, key=lambda i: (i["PK"], i["SK"])) == expected
        if random_table.explain(statement).scans:
            continue
        for order, ordering in (
            ("SK", lambda i: i["SK"]),
            ("SK DESC", lambda i: -i["SK"]),
        ):
            page = random_table.execute_statement(statement=f"{statement} ORDER BY {order}")
            assert [i["SK"] for i in page] == [i["SK"] for i in sorted(expected, key=ordering)]


# -- whatever is asked ----------------------------------------------------------------------------

LITERALS = st.sampled_from(
    [
        "'a'",
        "''",
        "1",
        "-2.5",
        "true",
        "null",
        "[1, 'x']",
        "{'a': 1}",
        "<<1>>",
        "<<>>",
        "?",
        "PK",
        "n",
    ]
)
PLACES = st.sampled_from(["PK", "SK", "n", "s", "m", "m.x[0]", "G"])
PARAMETERS = st.sampled_from(
    [None, 1, "a", "", b"x", [1], {"a": 1}, {1}, "\ud800", object(), 1e300]
)


def text(template: str, *parts: Any) -> st.SearchStrategy[str]:
    return st.tuples(*parts).map(lambda given: template.format(*given))


WHERES = st.recursive(
    st.one_of(
        text("{} = {}", PLACES, LITERALS),
        text("{} < {}", PLACES, LITERALS),
        text("{} = {}", LITERALS, PLACES),
        text("{} BETWEEN {} AND {}", PLACES, LITERALS, LITERALS),
        text("{} IN [{}, {}]", PLACES, LITERALS, LITERALS),
        text("begins_with({}, {})", PLACES, LITERALS),
        text("contains({}, {})", PLACES, LITERALS),
        text("attribute_type({}, {})", PLACES, LITERALS),
        text("size({}) > {}", PLACES, LITERALS),
        text("{} IS NOT MISSING", PLACES),
    ),
    lambda inner: st.one_of(
        text("PK = 'a' AND {}", inner),
        text("PK = 'a' AND SK = 1 AND {}", inner),
        text("({} OR {})", inner, inner),
        text("NOT {}", inner),
    ),
    max_leaves=4,
)
CHANGES = st.one_of(
    LITERALS,
    text("n + {}", LITERALS),
    text("list_append(m.x, {})", LITERALS),
    text("set_add(s, {})", LITERALS),
    text("if_not_exists(n, {})", LITERALS),
)
STATEMENTS = st.one_of(
    text("SELECT * FROM tab WHERE {}", WHERES),
    text('SELECT n, m.x[0] FROM tab."by-g" WHERE {}', WHERES),
    text("SELECT SK FROM tab WHERE {} ORDER BY {} DESC", WHERES, PLACES),
    text("INSERT INTO tab VALUE {{'PK': {}, 'SK': {}, 'G': {}}}", LITERALS, LITERALS, LITERALS),
    text("UPDATE tab SET {} = {} WHERE {}", PLACES, CHANGES, WHERES),
    text("UPDATE tab SET s = {} REMOVE {} WHERE {}", CHANGES, PLACES, WHERES),
    text("DELETE FROM tab WHERE {} RETURNING ALL OLD *", WHERES),
)


@settings(max_examples=300, deadline=None)
@given(STATEMENTS, st.lists(PARAMETERS, min_size=8, max_size=8))
def test_whatever_is_asked(random_table: Dynafile, statement: str, parameters: list[Any]) -> None:
    """It is done, or refused with an error of ours; it never fails otherwise."""
    random_table.clear()
    random_table.put_item(item={"PK": "a", "SK": 1, "n": 1, "G": "a", "m": {"x": [1]}})
    values = parameters[: statement.count("?")] or None
    for call in (random_table.explain, random_table.execute_statement):
        with contextlib.suppress(errors.DynafileError):
            call(statement=statement, parameters=values)
    random_table.check()
