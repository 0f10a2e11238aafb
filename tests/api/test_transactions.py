"""Transactions: many items at once or none, and read-modify-write in Python."""

from __future__ import annotations

import contextlib
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest
from api.conftest import NOW

from dynafile import (
    Attr,
    CancellationReason,
    Capacity,
    ConsumedCapacity,
    Dynafile,
    Event,
    GlobalIndex,
    Include,
    LocalIndex,
    TransactGetResult,
    TransactWriteResult,
    between,
    errors,
    gt,
)
from dynafile.store.view import View

if TYPE_CHECKING:
    from collections.abc import Callable

    from api.conftest import Clock, StartWorker
    from conftest import OpenDatabase

    from dynafile import Transaction

INDEXES = {
    "global": GlobalIndex(pk="G", sk="N"),
    "keys": GlobalIndex(pk="G", sk="N", projection="KEYS_ONLY"),
    "local": LocalIndex(sk="N", projection=Include("x")),
}


def key(sk: str, pk: str = "p") -> dict[str, Any]:
    return {"PK": pk, "SK": sk}


def item(sk: str, pk: str = "p", **more: Any) -> dict[str, Any]:
    return {"PK": pk, "SK": sk, **more}


def put(sk: str, **more: Any) -> dict[str, Any]:
    return {"Put": {"Item": item(sk, **more)}}


def sks(items: Any) -> list[str]:
    return [found["SK"] for found in items]


@pytest.fixture(params=["memory", "files"])
def db(request: pytest.FixtureRequest, database: OpenDatabase) -> Dynafile:
    where = ":memory:" if request.param == "memory" else None
    return database(where, indexes=INDEXES, table_name="table")


# -- transact_write_items -------------------------------------------------------------------------


def test_all_kinds_at_once(db: Dynafile) -> None:
    db.put_item(item=item("there", n=1))
    db.put_item(item=item("gone", n=1))
    db.put_item(item=item("checked", n=1))
    events: list[Event] = []
    db.add_stream_listener(events.append)
    made = db.transact_write_items(
        transact_items=[
            put("new", n=2),
            {"Update": {"Key": key("there"), "UpdateExpression": "ADD n :n",
                        "ExpressionAttributeValues": {":n": 5}}},
            {"Delete": {"Key": key("gone"), "ConditionExpression": Attr("n").eq(1)}},
            {"ConditionCheck": {"Key": key("checked"), "ConditionExpression": "#n = :n",
                                "ExpressionAttributeNames": {"#n": "n"},
                                "ExpressionAttributeValues": {":n": 1}}},
            {"Update": {"Key": key("made")}},
            {"delete": {"key": key("nothing"), "table_name": "table"}},
        ]
    )  # fmt: skip
    assert made is None
    assert list(db.query("p")) == [
        item("checked", n=1), item("made"), item("new", n=2), item("there", n=6),
    ]  # fmt: skip
    assert [(str(event.action), event.new, event.old) for event in events] == [
        ("PUT", item("new", n=2), None),
        ("PUT", item("there", n=6), item("there", n=1)),
        ("DELETE", None, item("gone", n=1)),
        ("PUT", item("made"), None),
    ]


def test_reasons_one_by_one(db: Dynafile) -> None:
    stored = item("a", n=1, list=[1])
    db.put_item(item=stored)
    events: list[Event] = []
    db.add_stream_listener(events.append)
    never = "attribute_exists(nope)"
    old = {"ReturnValuesOnConditionCheckFailure": "ALL_OLD"}
    with pytest.raises(errors.TransactionCanceled) as caught:
        db.transact_write_items(
            transact_items=[
                put("b"),
                {"Put": {"Item": item("a"), "ConditionExpression": never, **old}},
                {"Delete": {"Key": key("c"), "ConditionExpression": never, **old}},
                {"ConditionCheck": {"Key": key("d"), "ConditionExpression": never}},
                {"Update": {"Key": key("e"), "UpdateExpression": "SET x = nope"}},
                {"Update": {"Key": key("f")}},
            ]
        )
    assert str(caught.value) == (
        "Transaction cancelled, please refer cancellation reasons for specific reasons [None, "
        "ConditionalCheckFailed, ConditionalCheckFailed, ConditionalCheckFailed, ValidationError, "
        "None]"
    )
    failed = "The conditional request failed"
    assert caught.value.reasons == (
        CancellationReason(),
        CancellationReason(code="ConditionalCheckFailed", message=failed, item=stored),
        CancellationReason(code="ConditionalCheckFailed", message=failed),
        CancellationReason(code="ConditionalCheckFailed", message=failed),
        CancellationReason(
            code="ValidationError",
            message="The provided expression refers to an attribute that does not exist in the item",
        ),
        CancellationReason(),
    )
    assert list(db.scan()) == [stored]
    assert events == []


@pytest.mark.parametrize("bad", [{"PK": "p"}, {"PK": 5, "SK": "b"}, {"PK": "", "SK": "b"}])
def test_a_bad_key_is_a_reason(db: Dynafile, bad: dict[str, Any]) -> None:
    db.put_item(item=item("a"))
    for action in (
        {"Put": {"Item": {**bad, "x": 1}}},
        {"Delete": {"Key": bad}},
        {"Update": {"Key": bad}},
        {"ConditionCheck": {"Key": bad, "ConditionExpression": "attribute_exists(x)"}},
    ):
        with pytest.raises(errors.TransactionCanceled) as caught:
            db.transact_write_items(transact_items=[put("new"), action])
        assert [reason.code for reason in caught.value.reasons] == ["None", "ValidationError"]
    with pytest.raises(errors.TransactionCanceled, match=r"\[None, ValidationError\]"):
        db.transact_write_items(transact_items=[put("c", G="g", N=1), put("b", G=["g"], N=1)])
    assert list(db.scan()) == [item("a")]


BAD_REQUESTS: dict[str, Any] = {
    "empty": [],
    "a dict": put("a"),
    "a string": "Put",
    "None": None,
    "101": [put(f"{n:03}") for n in range(101)],
    "not a dict": ["Put"],
    "unknown": [{"Get": {"Key": key("a")}}],
    "two": [{"Put": {"Item": item("a")}, "Delete": {"Key": key("b")}}],
    "none": [{}],
    "no item": [{"Put": {}}],
    "no condition": [{"ConditionCheck": {"Key": key("a")}}],
    "unknown parameter": [{"Put": {"Item": item("a"), "ReturnValues": "ALL_OLD"}}],
    "the same twice": [put("a"), put("b"), {"Delete": {"Key": key("a")}}],
    "check and put": [put("a"), {"ConditionCheck": {"Key": key("a"), "ConditionExpression": "attribute_exists(x)"}}],
    "key update": [{"Update": {"Key": key("a"), "UpdateExpression": "SET PK = :v", "ExpressionAttributeValues": {":v": "q"}}}],
    "unused": [{"Put": {"Item": item("a"), "ExpressionAttributeValues": {":v": 1}}}],
    "syntax": [{"Put": {"Item": item("a"), "ConditionExpression": "a ="}}],
    "type": [{"Put": {"Item": item("a", x=object())}}],
    "on failure": [{"Put": {"Item": item("a"), "ReturnValuesOnConditionCheckFailure": "ALL_NEW"}}],
    "over 4 MB": [put(f"{n}", x="x" * 1_100_000) for n in range(4)],
}  # fmt: skip


@pytest.mark.parametrize("request_", BAD_REQUESTS.values(), ids=BAD_REQUESTS.keys())
def test_requests_that_are_refused(database: OpenDatabase, request_: Any) -> None:
    db = database(":memory:")
    with pytest.raises(errors.ValidationError):
        db.transact_write_items(transact_items=request_)
    assert len(db) == 0
    assert db.pk_type is None


def test_a_table_that_is_not_there(db: Dynafile) -> None:
    for call in (
        lambda: db.transact_write_items(
            transact_items=[{"Put": {"Item": item("a"), "TableName": "nope"}}]
        ),
        lambda: db.transact_get_items(
            transact_items=[{"Get": {"Key": key("a"), "TableName": "nope"}}]
        ),
    ):
        with pytest.raises(errors.ResourceNotFound, match="nope"):
            call()


def test_a_hundred_at_once_also_after_reopening(database: OpenDatabase) -> None:
    db = database(indexes=INDEXES)
    db.transact_write_items(transact_items=[put(f"{n:03}", G="g", N=n) for n in range(100)])
    more = [put(f"more{n}", G="g", N=n) for n in range(50)]
    failing = {"Put": {"Item": item("000"), "ConditionExpression": "attribute_not_exists(PK)"}}
    with pytest.raises(errors.TransactionCanceled):
        db.transact_write_items(transact_items=[*more, failing])
    db.close()
    again = database()
    assert sks(again.query("p")) == [f"{n:03}" for n in range(100)]
    assert sks(again.query("g", index="global")) == [f"{n:03}" for n in range(100)]


def test_types_are_learnt_together(database: OpenDatabase) -> None:
    db = database(indexes={"by-n": GlobalIndex(pk="N")})
    setting = {"UpdateExpression": "SET N = :n"}
    with pytest.raises((errors.KeyTypeMismatch, errors.TransactionCanceled)):
        db.transact_write_items(
            transact_items=[
                {"Update": {"Key": key("a"), "ExpressionAttributeValues": {":n": 1}, **setting}},
                {"Update": {"Key": key("b"), "ExpressionAttributeValues": {":n": "1"}, **setting}},
            ]
        )
    assert db.pk_type is None
    db.transact_write_items(
        transact_items=[
            {"Update": {"Key": key("a"), "ExpressionAttributeValues": {":n": 1}, **setting}},
            {"Update": {"Key": key("b"), "ExpressionAttributeValues": {":n": 1}, **setting}},
            put("c", N=1),
        ]
    )
    assert (db.pk_type, db.sk_type) == ("S", "S")
    assert sks(db.query(1, index="by-n")) == ["a", "b", "c"]


def test_what_transactions_cost(db: Dynafile) -> None:
    """Twice as much as the writes alone, checks included."""
    db.put_item(item=item("a", x="x" * 3000))
    result = db.transact_write_items(
        transact_items=[
            put("new", G="g", N=1),
            {"Delete": {"Key": key("a")}},
            {"ConditionCheck": {"Key": key("c"), "ConditionExpression": "attribute_not_exists(x)"}},
        ],
        return_consumed_capacity="INDEXES",
        return_item_collection_metrics="SIZE",
    )
    assert isinstance(result, TransactWriteResult)
    assert result.consumed_capacity == [
        ConsumedCapacity(
            table_name="table",
            capacity_units=16.0,
            table=Capacity(capacity_units=10.0),
            local_secondary_indexes={"local": Capacity(capacity_units=2.0)},
            global_secondary_indexes={
                "global": Capacity(capacity_units=2.0), "keys": Capacity(capacity_units=2.0),
            },
        )
    ]  # fmt: skip
    metrics = result.item_collection_metrics
    assert list(metrics) == ["table"]
    assert [one.item_collection_key for one in metrics["table"]] == [{"PK": "p"}] * 2


# -- tokens ---------------------------------------------------------------------------------------


def adding(token: str | None, amount: int = 1, **options: Any) -> dict[str, Any]:
    return {
        "transact_items": [
            {"Update": {"Key": key("counter"), "UpdateExpression": "ADD n :n",
                        "ExpressionAttributeValues": {":n": amount}}},
            put("other", tags={"a", "b", "c", "d", "e"}, map={"x": 1, "y": [{"z": 1}]}),
        ],
        "client_request_token": token,
        **options,
    }  # fmt: skip


def counted(db: Dynafile) -> int:
    found = db.get_item(key=key("counter"))
    return 0 if found is None else found["n"]


def test_a_token_makes_a_request_once(database: OpenDatabase, clock: Clock) -> None:
    db = database()
    for _ in range(3):
        db.transact_write_items(**adding("one"))
        clock.now += 100
    assert counted(db) == 1
    db.transact_write_items(**adding("two"))
    assert counted(db) == 2
    db.transact_write_items(**adding(None))
    assert counted(db) == 3
    clock.now = NOW + 599
    db.transact_write_items(**adding("one"))
    assert counted(db) == 3
    clock.now = NOW + 600
    db.transact_write_items(**adding("one"))
    assert counted(db) == 4
    clock.now = NOW + 899
    db.transact_write_items(**adding("two"))
    assert counted(db) == 4
    clock.now = NOW + 900
    db.transact_write_items(**adding("two"))
    assert counted(db) == 5
    clock.now = NOW + 1199
    db.transact_write_items(**adding("one"))
    assert counted(db) == 5


def test_tokens_are_kept_across_openings(
    database: OpenDatabase, clock: Clock, worker: StartWorker
) -> None:
    db = database()
    db.transact_write_items(**adding("one"))
    other = worker(db.path)
    other.call("clock", NOW + 300)
    other.call("transact_write_items", **adding("one"))
    other.call("transact_write_items", **adding("two"))
    assert counted(db) == 2
    db.close()
    db = database()
    for token in ("one", "two"):
        db.transact_write_items(**adding(token))
        with pytest.raises(errors.IdempotentParameterMismatch):
            db.transact_write_items(**adding(token, 2))
        with pytest.raises(errors.IdempotentParameterMismatch):
            other.call("transact_write_items", **adding(token, 2))
    assert counted(db) == 2
    clock.now += 601
    db.transact_write_items(**adding("one", 10))
    assert counted(db) == 12


def test_the_same_request_in_other_words(database: OpenDatabase) -> None:
    """Maps have no order, and neither have sets; both were held against how they came."""
    db = database(":memory:")

    def request(first: bool, condition: Any) -> dict[str, Any]:
        pairs: list[tuple[str, Any]] = [("a", {"x": 1, "y": 2}), ("b", [{"x": 1, "y": 2}])]
        if not first:
            pairs = [("b", [{"y": 2, "x": 1}]), ("a", {"y": 2, "x": 1})]
        item_ = {**dict(pairs), **key("s")} if first else {**key("s"), **dict(pairs)}
        given = {"Item": item_, "ConditionExpression": condition}
        action = {"Put": given} if first else {"Put": dict(reversed(given.items()))}
        return {"transact_items": [action], "client_request_token": "token"}

    never_twice = Attr("PK").not_exists()
    db.transact_write_items(**request(True, never_twice))
    db.transact_write_items(**request(False, Attr("PK").not_exists()))
    with pytest.raises(errors.IdempotentParameterMismatch):
        db.transact_write_items(**request(False, Attr("SK").not_exists()))
    with pytest.raises(errors.IdempotentParameterMismatch):
        db.transact_write_items(transact_items=[put("s")], client_request_token="token")


def test_a_request_that_fails_notes_no_token(db: Dynafile) -> None:
    request: dict[str, Any] = {
        "transact_items": [
            {"Put": {"Item": item("a"), "ConditionExpression": "attribute_not_exists(PK)"}}
        ],
        "client_request_token": "token",
    }
    db.put_item(item=item("a", n=1))
    for _ in range(2):
        with pytest.raises(errors.TransactionCanceled):
            db.transact_write_items(**request)
    db.transact_write_items(**adding("token"))
    db.delete_item(key=key("a"))
    with pytest.raises(errors.IdempotentParameterMismatch):
        db.transact_write_items(**request)
    db.transact_write_items(**{**request, "client_request_token": "new"})
    db.transact_write_items(**{**request, "client_request_token": "new"})
    assert db.get_item(key=key("a")) == item("a")


def test_what_a_repeated_request_costs(db: Dynafile) -> None:
    """The first time what it writes, from then on what it takes to read the items."""
    costs: dict[str, Any] = {"return_consumed_capacity": "TOTAL"}
    big = [put("big", x="x" * 5000), {"Delete": {"Key": key("none")}}]
    units = []
    for _ in range(2):
        made = db.transact_write_items(transact_items=big, client_request_token="t", **costs)
        assert made is not None
        units.append(made.consumed_capacity[0].capacity_units)
    assert units == [12.0, 6.0]
    assert db.transact_write_items(transact_items=big, client_request_token="t") is None


@pytest.mark.parametrize("token", ["", "x" * 37, 5, b"token", "\ud800"])
def test_tokens_that_are_refused(db: Dynafile, token: Any) -> None:
    with pytest.raises(errors.ValidationError):
        db.transact_write_items(transact_items=[put("a")], client_request_token=token)
    assert len(db) == 0


def test_tokens_go(database: OpenDatabase, clock: Clock) -> None:
    db = database(":memory:")
    for n in range(60):
        db.transact_write_items(transact_items=[put("a", n=n)], client_request_token=f"token{n}")
        clock.now += 1
    number = next(n for n, name in db._store.schema.keyspaces.items() if "_tokens" in name)
    space = db._store.keyspace(number)
    assert db._store.count(space) == 120
    clock.now += 601
    for n in range(3):
        db.transact_write_items(transact_items=[put("a")], client_request_token=f"late{n}")
    assert db._store.count(space) == 6


def test_one_token_in_many_threads(database: OpenDatabase, worker: StartWorker) -> None:
    db = database()
    other = worker(db.path)
    failures: list[BaseException] = []

    def work() -> None:
        try:
            for n in range(10):
                db.transact_write_items(**adding(f"token{n}"))
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    for n in range(10):
        other.call("transact_write_items", **adding(f"token{n}"))
    for thread in threads:
        thread.join(60)
    assert not failures
    assert counted(db) == 10


# -- transact_get_items ---------------------------------------------------------------------------


def get(sk: str, **more: Any) -> dict[str, Any]:
    return {"Get": {"Key": key(sk), **more}}


def test_many_items_of_one_moment(database: OpenDatabase, clock: Clock) -> None:
    db = database(":memory:", ttl_attribute="ttl", table_name="table")
    db.put_item(item=item("a", n=1, m={"x": 1, "y": 2}))
    db.put_item(item=item("b", ttl=NOW + 1))
    clock.now += 2
    names = {"#m": "m"}
    given = [
        get("b"),
        get("a", ProjectionExpression="#m.x, nope", ExpressionAttributeNames=names),
        {"Get": {"key": key("c"), "table_name": "table"}},
    ]
    assert db.transact_get_items(transact_items=given) == [None, {"m": {"x": 1}}, None]
    db.put_item(item=item("big", x="x" * 5000))
    result = db.transact_get_items(
        transact_items=[get("a"), get("big"), get("c")], return_consumed_capacity="TOTAL"
    )
    assert isinstance(result, TransactGetResult)
    assert [found and found["SK"] for found in result.items] == ["a", "big", None]
    assert result.consumed_capacity == [ConsumedCapacity(table_name="table", capacity_units=8.0)]


BAD_GETS: dict[str, Any] = {
    "empty": [],
    "a dict": get("a"),
    "101": [get(f"{n}") for n in range(101)],
    "twice": [get("a"), get("a", ProjectionExpression="x")],
    "put": [put("a")],
    "no key": [{"Get": {}}],
    "bad key": [{"Get": {"Key": {"PK": "p"}}}],
    "names": [get("a", ExpressionAttributeNames={"#n": "n"})],
    "condition": [get("a", ConditionExpression="attribute_exists(x)")],
}


@pytest.mark.parametrize("request_", BAD_GETS.values(), ids=BAD_GETS.keys())
def test_gets_that_are_refused(db: Dynafile, request_: Any) -> None:
    with pytest.raises(errors.ValidationError):
        db.transact_get_items(transact_items=request_)


def test_what_another_process_commits_does_not_come_in_between(
    database: OpenDatabase, worker: StartWorker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each item was read at the newest moment there was, and so one of before and one of after."""
    db = database()
    both = [put("a", n=0), put("b", n=0)]
    db.transact_write_items(transact_items=both)
    other = worker(db.path)
    seen: list[bytes] = []
    real = View.get

    def getting(view: View, space: Any, at: bytes) -> bytes | None:
        found = real(view, space, at)
        seen.append(at)
        if len(seen) == 1:
            again = [put("a", n=1), put("b", n=1)]
            other.call("transact_write_items", transact_items=again)
        return found

    monkeypatch.setattr(View, "get", getting)
    gets = [get("a"), get("b")]
    assert db.transact_get_items(transact_items=gets) == [item("a", n=0), item("b", n=0)]
    assert db.transact_get_items(transact_items=gets) == [item("a", n=1), item("b", n=1)]
    seen.clear()
    with pytest.raises(errors.TransactionConflict), db.transaction() as tx:
        tx.get_item(key=key("a"))
        other.call("put_item", item=item("a", n=5))
        tx.get_item(key=key("b"))


def test_items_of_one_moment_beside_a_process(database: OpenDatabase, worker: StartWorker) -> None:
    db = database(durability="relaxed")
    db._store._checkpointer.partition_bytes = 600  # type: ignore[union-attr]
    places = [f"{n:02}" for n in range(40)]
    db.transact_write_items(transact_items=[put(sk, n=0) for sk in places])
    other = worker(db.path, durability="relaxed")
    other.call("partition_bytes", 600)
    other.send("rewrites", places, 120)
    seen = set()
    while 120 not in seen:
        found = db.transact_get_items(transact_items=[get(sk) for sk in places])
        numbers = {each["n"] for each in found if each is not None}
        assert len(numbers) == 1
        seen |= numbers
    other.receive()


# -- transaction() --------------------------------------------------------------------------------


def test_it_sees_its_own_writes(db: Dynafile) -> None:
    for sk in "abcd":
        db.put_item(item=item(sk, n=1))
    with db.transaction() as tx:
        tx.put_item(item=item("bb", n=2))
        tx.delete_item(key=key("a"))
        assert tx.update_item(
            key=key("c"),
            update_expression="SET n = n + :n",
            expression_attribute_values={":n": 5},
        ) == item("c", n=6)
        assert tx.update_item(key=key("e")) == item("e")
        assert tx.get_item(key=key("a")) is None
        assert tx.get_item(key=key("c"), projection_expression="n") == {"n": 6}
        assert tx.get_item(key=key("bb")) == item("bb", n=2)
        assert sks(tx.query("p")) == ["b", "bb", "c", "d", "e"]
        assert sks(tx.query("p", scan_index_forward=False)) == ["e", "d", "c", "bb", "b"]
        assert sks(tx.query("p", sk=between("b", "c"))) == ["b", "bb", "c"]
        assert sks(tx.query("p", sk=gt("b"), limit=2)) == ["bb", "c"]
        assert sks(tx.query("p", limit=2, scan_index_forward=False)) == ["e", "d"]
        assert sks(tx.query("p", filter=Attr("n").gt(1))) == ["bb", "c"]
        assert sks(
            tx.query(
                key_condition_expression="PK = :pk",
                filter_expression="n > :n",
                expression_attribute_values={":pk": "p", ":n": 1},
            )
        ) == ["bb", "c"]
        assert sks(tx.scan()) == ["b", "bb", "c", "d", "e"]
        assert sks(tx.scan(filter=Attr("n").eq(1), limit=1)) == ["b"]
        assert sks(db.query("p")) == ["a", "b", "c", "d"]
        tx.put_item(item=item("a", n=9))
        assert sks(tx.query("p", limit=1)) == ["a"]
    assert {found["SK"]: found.get("n") for found in db.query("p")} == {
        "a": 9, "b": 1, "bb": 2, "c": 6, "d": 1, "e": None,
    }  # fmt: skip


@pytest.mark.parametrize("forward", [True, False])
def test_it_sees_its_own_writes_in_indexes(db: Dynafile, forward: bool) -> None:
    for n, sk in enumerate("abcd"):
        db.put_item(item=item(sk, G="g", N=n, x=n, y=n))

    with db.transaction() as tx:

        def seen(pk: str, index: str) -> list[tuple[str, int]]:
            found = list(tx.query(pk, index=index, scan_index_forward=forward))
            assert all("y" in each for each in found) == (index == "global")
            return [(each["SK"], each["N"]) for each in (found if forward else found[::-1])]

        tx.put_item(item=item("a", G="g", N=9, x=0, y=0))
        tx.put_item(item=item("b", G="h", N=1, x=1, y=1))
        tx.delete_item(key=key("c"))
        tx.update_item(key=key("d"), update_expression="REMOVE G")
        tx.put_item(item=item("e", G="g", N=1, x=5, y=5))
        for name in ("global", "keys"):
            assert seen("g", name) == [("e", 1), ("a", 9)]
            assert seen("h", name) == [("b", 1)]
        assert seen("p", "local") == [("b", 1), ("e", 1), ("d", 3), ("a", 9)]
        limited = tx.query("g", index="global", sk=gt(1), limit=1, scan_index_forward=forward)
        assert sks(limited) == ["a"]
    assert sks(db.query("g", index="global")) == ["e", "a"]


def test_many_own_writes_over_many_items(db: Dynafile) -> None:
    with db.batch_writer() as writer:
        for n in range(0, 400, 2):
            writer.put_item(item=item(f"{n:03}", G="g", N=n))
    expected = {f"{n:03}": n for n in range(0, 400, 2)}
    with db.transaction() as tx:
        for n in range(0, 400, 3):
            sk = f"{n:03}"
            if n % 2:
                tx.put_item(item=item(sk, G="g", N=n))
                expected[sk] = n
            else:
                tx.delete_item(key=key(sk))
                del expected[sk]
        for forward in (True, False):
            order = sorted(expected, reverse=not forward)
            assert sks(tx.query("p", scan_index_forward=forward)) == order
            by_index = tx.query("g", index="global", scan_index_forward=forward)
            assert sks(by_index) == order
            assert sks(tx.query("p", scan_index_forward=forward, limit=100)) == order[:100]
    assert sks(db.query("p")) == sorted(expected)


def test_what_the_body_gets_is_its_own(db: Dynafile) -> None:
    db.put_item(item=item("a", list=[1]))
    with db.transaction() as tx:
        for _ in range(2):
            found = tx.get_item(key=key("a"))
            assert found == item("a", list=[1])
            found["list"].append(2)
        given = item("b", list=[1])
        tx.put_item(item=given)
        given["list"].append(2)
        updated = tx.update_item(key=key("c"), update_expression="SET v = :v",
                                 expression_attribute_values={":v": [1]})  # fmt: skip
        updated["v"].append(2)
    assert db.get_item(key=key("b")) == item("b", list=[1])
    assert db.get_item(key=key("c")) == item("c", v=[1])


def test_conditions_are_asked_at_once(db: Dynafile) -> None:
    db.put_item(item=item("a", n=1))
    with db.transaction() as tx:
        for write in (
            lambda: tx.put_item(item=item("a"), condition_expression="attribute_not_exists(PK)"),
            lambda: tx.delete_item(key=key("b"), condition_expression="attribute_exists(PK)"),
            lambda: tx.update_item(key=key("a"), condition_expression=Attr("n").eq(2)),
            lambda: tx.condition_check(key=key("a"), condition_expression=Attr("n").eq(2)),
        ):
            with pytest.raises(errors.ConditionalCheckFailed):
                write()
        tx.condition_check(key=key("a"), condition_expression="n = :n",
                           expression_attribute_values={":n": 1})  # fmt: skip
        tx.put_item(item=item("b"), condition_expression="attribute_not_exists(PK)")
        with pytest.raises(errors.ConditionalCheckFailed):
            tx.put_item(item=item("b"), condition_expression="attribute_not_exists(PK)")
    assert list(db.query("p")) == [item("a", n=1), item("b")]


def test_events_of_a_transaction(db: Dynafile) -> None:
    db.put_item(item=item("a", n=1))
    events: list[Event] = []
    db.add_stream_listener(events.append)
    with db.transaction() as tx:
        tx.put_item(item=item("b"))
        tx.update_item(key=key("a"), update_expression="REMOVE n")
        tx.put_item(item=item("b", n=2))
        tx.delete_item(key=key("c"))
        assert events == []
    assert [(str(event.action), event.new, event.old) for event in events] == [
        ("PUT", item("b", n=2), None), ("PUT", item("a"), item("a", n=1)),
    ]  # fmt: skip


def filled(db: Dynafile) -> None:
    for n in range(10):
        db.put_item(item=item(f"s{n}", G="g", N=n, x=n))


# What the transaction reads, what another does meanwhile, and whether that is a conflict.
READS: dict[str, Callable[[Transaction], object]] = {
    "get": lambda tx: tx.get_item(key=key("s3")),
    "get nothing": lambda tx: tx.get_item(key=key("t")),
    "query": lambda tx: list(tx.query("p", sk=between("s2", "s5"))),
    "backward": lambda tx: list(tx.query("p", sk=between("s2", "s5"), scan_index_forward=False)),
    "filtered": lambda tx: list(tx.query("p", sk=between("s2", "s5"), filter=Attr("x").eq(99))),
    "limit": lambda tx: list(tx.query("p", limit=4)),
    "limit backward": lambda tx: list(tx.query("p", limit=4, scan_index_forward=False)),
    "first": lambda tx: next(tx.query("p", sk=gt("s1"))),
    "scan": lambda tx: list(tx.scan()),
    "index": lambda tx: list(tx.query("g", index="global", sk=between(2, 5))),
    "keys": lambda tx: list(tx.query("g", index="keys", sk=between(2, 5))),
    "local": lambda tx: list(tx.query("p", index="local", sk=between(2, 5))),
    "check": lambda tx: tx.condition_check(
        key=key("s3"), condition_expression=Attr("x").exists()
    ),
    "condition": lambda tx: tx.put_item(
        item=item("s3"), condition_expression=Attr("x").exists()
    ),
    "update": lambda tx: tx.update_item(key=key("s3"), update_expression="REMOVE x"),
    "blind put": lambda tx: tx.put_item(item=item("s3")),
    "blind delete": lambda tx: tx.delete_item(key=key("s3")),
}  # fmt: skip
WRITES: dict[str, Callable[[Dynafile], object]] = {
    "change 3": lambda db: db.put_item(item=item("s3", G="g", N=3, x=33)),
    "delete 3": lambda db: db.delete_item(key=key("s3")),
    "move 3": lambda db: db.put_item(item=item("s3", G="h", N=3, x=3)),
    "change 8": lambda db: db.put_item(item=item("s8", G="g", N=8, x=88)),
    "delete 8": lambda db: db.delete_item(key=key("s8")),
    "insert 2a": lambda db: db.put_item(item=item("s2a", G="g", N=4)),
    "insert t": lambda db: db.put_item(item=item("t", G="h", N=1)),
    "elsewhere": lambda db: db.put_item(item=item("s3", pk="q", G="i", N=3)),
    "the same": lambda db: db.put_item(item=item("s3", G="g", N=3, x=3)),
}
THREE = {"change 3", "delete 3", "move 3"}
CONFLICTS: dict[str, set[str]] = {
    "get": THREE,
    "get nothing": {"insert t"},
    "query": THREE | {"insert 2a"},
    "backward": THREE | {"insert 2a"},
    "filtered": THREE | {"insert 2a"},
    "limit": THREE | {"insert 2a"},
    "limit backward": {"change 8", "delete 8", "insert t"},
    "first": set(),
    "scan": set(WRITES) - {"the same"},
    "index": THREE | {"insert 2a"},
    "keys": {"delete 3", "move 3", "insert 2a"},
    "local": {"change 3", "delete 3", "insert 2a"},
    "check": THREE,
    "condition": THREE,
    "update": THREE,
    "blind put": set(),
    "blind delete": set(),
}


@pytest.mark.parametrize("read", READS)
@pytest.mark.parametrize("writes", [True, False])
def test_what_conflicts(database: OpenDatabase, read: str, writes: bool) -> None:
    found, stale = set(), set()
    for name, write in WRITES.items():
        db = database(":memory:", indexes=INDEXES)
        filled(db)
        try:
            with db.transaction() as tx:
                READS[read](tx)
                assert not tx.is_stale()
                write(db)
                if writes:
                    tx.put_item(item=item("mine"))
                if tx.is_stale():
                    stale.add(name)
        except errors.TransactionConflict:
            found.add(name)
        assert (db.get_item(key=key("mine")) is not None) == (writes and name not in found)
        db.close()
    assert found == stale == CONFLICTS[read]


def test_conflicts_of_processes(database: OpenDatabase, worker: StartWorker) -> None:
    db = database(indexes=INDEXES)
    filled(db)
    other = worker(db.path)
    for read, call, argument in (
        (lambda tx: tx.get_item(key=key("s3")), "put_item", {"item": item("s3")}),
        (lambda tx: list(tx.query("p")), "put_item", {"item": item("phantom")}),
        (lambda tx: list(tx.query("g", index="keys")), "delete_item", {"key": key("s5")}),
        (lambda tx: tx.get_item(key=key("none")), "put_item", {"item": item("none")}),
    ):
        with pytest.raises(errors.TransactionConflict), db.transaction() as tx:
            read(tx)
            other.call(call, **argument)
            tx.put_item(item=item("mine"))
    with db.transaction() as tx:
        tx.get_item(key=key("s4"))
        other.call("put_item", item=item("s7", x=5))
        tx.put_item(item=item("mine"))
    assert other.call("get_item", key=key("mine")) == item("mine")


def test_a_queue_does_not_mind_its_end(database: OpenDatabase) -> None:
    """Who takes the first conflicted with each that was appended, within 64 items."""
    db = database(":memory:")
    filled(db)
    for how in ({"limit": 1}, {}):
        with db.transaction() as tx:
            first = next(tx.query("p", **how))
            db.put_item(item=item(f"z{len(how)}"))
            tx.delete_item(key=first)
    with pytest.raises(errors.TransactionConflict), db.transaction() as tx:
        first = next(tx.query("p", limit=1))
        db.put_item(item=item("a"))
        tx.delete_item(key=first)
    assert sks(db.query("p", limit=2)) == ["a", "s2"]


def test_ranges_that_are_read_side_by_side(database: OpenDatabase) -> None:
    db = database(":memory:")
    filled(db)
    for changed, conflict in (("s1", True), ("s3", False), ("s8", True), ("s6", False)):
        outcome: contextlib.AbstractContextManager[object] = contextlib.nullcontext()
        if conflict:
            outcome = pytest.raises(errors.TransactionConflict)
        with outcome, db.transaction() as tx:
            up, down = tx.query("p"), tx.query("p", scan_index_forward=False)
            assert [next(up)["SK"] for _ in range(3)] == ["s0", "s1", "s2"]
            assert [next(down)["SK"] for _ in range(2)] == ["s9", "s8"]
            db.update_item(key=key(changed), update_expression="ADD n :n",
                           expression_attribute_values={":n": 1})  # fmt: skip
            tx.put_item(item=item("mine", pk="q2"))
    with pytest.raises(errors.TransactionConflict), db.transaction() as tx:
        assert len(list(zip(tx.query("p"), tx.query("q"), strict=False))) == 0
        db.put_item(item=item("s", pk="q"))


def test_a_filter_that_raises_has_looked(database: OpenDatabase) -> None:
    db = database(":memory:")
    filled(db)

    def fussy(found: dict[str, Any]) -> bool:
        if found["SK"] == "s5":
            raise RuntimeError
        return True

    with pytest.raises(errors.TransactionConflict), db.transaction() as tx:
        with pytest.raises(RuntimeError):
            list(tx.query("p", filter=fussy))
        db.delete_item(key=key("s5"))
        tx.put_item(item=item("mine"))


def test_a_body_that_raises_writes_nothing(db: Dynafile) -> None:
    db.put_item(item=item("a"))
    for error in (RuntimeError, KeyboardInterrupt, GeneratorExit):
        with pytest.raises(error), db.transaction() as tx:
            tx.put_item(item=item("b"))
            tx.delete_item(key=key("a"))
            raise error
    assert list(db.scan()) == [item("a")]


def test_transactions_inside_transactions(db: Dynafile) -> None:
    """Each is one of its own; the outer one finds what the inner one did under it."""
    db.put_item(item=item("a", n=1))
    with db.transaction() as outer:
        outer.put_item(item=item("b"))
        with db.transaction() as inner:
            assert inner.get_item(key=key("b")) is None
            inner.put_item(item=item("c"))
        assert outer.get_item(key=key("c")) == item("c")
    with pytest.raises(errors.TransactionConflict), db.transaction() as outer:
        outer.get_item(key=key("a"))
        with db.transaction() as inner:
            inner.update_item(key=key("a"), update_expression="REMOVE n")
        outer.put_item(item=item("d"))
    assert sks(db.scan()) == ["a", "b", "c"]


def test_use_outside_the_block(db: Dynafile) -> None:
    filled(db)
    tx = db.transaction()
    calls: list[Callable[[], object]] = [
        lambda: tx.get_item(key=key("s1")),
        lambda: tx.put_item(item=item("x")),
        lambda: tx.delete_item(key=key("s1")),
        lambda: tx.update_item(key=key("s1")),
        lambda: tx.condition_check(key=key("s1"), condition_expression="attribute_exists(PK)"),
        lambda: list(tx.query("p")),
        lambda: list(tx.scan()),
        lambda: tx.table("table"),
    ]
    for call in calls:
        with pytest.raises(errors.InvalidArgument):
            call()
    with tx:
        begun, unbegun, table = tx.query("p"), tx.query("p"), tx.table("table")
        next(begun)
        assert table.get_item(key=key("s1")) is not None
        with pytest.raises(errors.InvalidArgument), tx:
            pass
        with pytest.raises(errors.ResourceNotFound):
            tx.table("nope")
    calls += [
        lambda: next(begun),
        lambda: next(unbegun),
        lambda: table.get_item(key=key("s1")),
        lambda: tx.__enter__(),
    ]
    for call in calls:
        with pytest.raises(errors.InvalidArgument):
            call()
    assert len(db) == 10


def test_reads_that_a_transaction_refuses(db: Dynafile) -> None:
    filled(db)
    values = {":v": 1}
    with db.transaction() as tx:
        for read in (
            lambda: tx.query("p", limit=0),
            lambda: tx.query("p", limit=-1),
            lambda: tx.scan(limit=0),
            lambda: tx.query(),
            lambda: tx.query("p", key_condition_expression="PK = :v", expression_attribute_values=values),
            lambda: tx.query("g", index="global", index_name="global"),
            lambda: tx.query("g", index="nope"),
            lambda: tx.query("g", index="keys", filter=Attr("x").eq(1)),
            lambda: tx.query("g", index="keys", filter_expression="x = :v", expression_attribute_values=values),
            lambda: tx.query("p", index="local", filter=Attr("y").eq(1)),
            lambda: tx.query("p", index="local", filter_expression="y = :v", expression_attribute_values=values),
            lambda: tx.query("p", filter_expression="SK = :v", expression_attribute_values=values),
            lambda: tx.query("p", filter=Attr("x").eq(1), filter_expression="attribute_exists(x)"),
            lambda: tx.scan(filter=Attr("x").eq(1), filter_expression="attribute_exists(x)"),
        ):  # fmt: skip
            with pytest.raises(errors.ValidationError):
                list(read())
        local = tx.query(
            "p", index="local", filter_expression="x = :v", expression_attribute_values=values
        )
        assert sks(local) == ["s1"]


def test_a_handle_that_is_closed_meanwhile(database: OpenDatabase) -> None:
    db = database()
    filled(db)
    with pytest.raises(errors.HandleClosed), db.transaction() as tx:
        tx.put_item(item=item("mine"))
        db.close()
        tx.get_item(key=key("s1"))
    db = database()
    with pytest.raises(errors.HandleClosed), db.transaction() as tx:
        tx.put_item(item=item("mine"))
        db.close()
    with database() as again:
        assert len(again) == 10


def test_a_handle_that_only_reads(database: OpenDatabase) -> None:
    db = database()
    filled(db)
    reader = database(read_only=True)
    with reader.transaction() as tx:
        assert len(list(tx.query("p"))) == 10
    with pytest.raises(errors.TransactionConflict), reader.transaction() as tx:
        tx.get_item(key=key("s1"))
        db.delete_item(key=key("s1"))
    with pytest.raises(errors.ReadOnlyDatabase), reader.transaction() as tx:
        tx.put_item(item=item("mine"))


def test_an_index_that_is_dropped_meanwhile(database: OpenDatabase) -> None:
    db = database(indexes=INDEXES)
    filled(db)
    with pytest.raises(errors.TransactionConflict), db.transaction() as tx:
        list(tx.query("g", index="keys"))
        db.drop_index("keys")
        tx.put_item(item=item("mine"))
    with pytest.raises(errors.DynafileError), db.transaction() as tx:
        tx.put_item(item=item("mine", G="g", N=1))
        found = tx.query("g", index="global")
        next(found)
        db.drop_index("global")
        list(found)
        list(tx.query("g", index="global"))
    with db.transaction() as tx:
        tx.put_item(item=item("mine", G=["no key"], N=1))
        db.add_index("other", GlobalIndex(pk="x"))
    assert db.get_item(key=key("mine")) is not None
    with pytest.raises(errors.InvalidKey), db.transaction() as tx:
        tx.put_item(item=item("mine", z=["no key"]))
        db.add_index("by-z", GlobalIndex(pk="z"))


def test_the_time_stands_still(database: OpenDatabase, clock: Clock) -> None:
    """What is expired is so as of the beginning, in reads, conditions and the commit."""
    db = database(ttl_attribute="ttl", indexes={"global": GlobalIndex(pk="G")})
    events: list[Event] = []
    soon, old = item("soon", ttl=NOW + 5, G="g"), item("old", ttl=NOW + 1, G="g")
    db.put_item(item=soon)
    db.put_item(item=old)
    clock.now = NOW + 2
    db.add_stream_listener(events.append)
    with db.transaction() as tx:
        clock.now = NOW + 10
        assert tx.get_item(key=key("soon")) == soon
        assert tx.get_item(key=key("old")) is None
        assert sks(tx.query("p")) == ["soon"]
        assert sks(tx.query("g", index="global")) == ["soon"]
        assert db.get_item(key=key("soon")) is None
        tx.put_item(item=item("old", n=1), condition_expression="attribute_not_exists(PK)")
        tx.update_item(key=key("soon"), update_expression="REMOVE #t",
                       expression_attribute_names={"#t": "ttl"})  # fmt: skip
    assert list(db.query("p")) == [item("old", n=1), item("soon", G="g")]
    assert [(str(event.action), event.new, event.old) for event in events] == [
        ("DELETE", None, old), ("PUT", item("old", n=1), None), ("PUT", item("soon", G="g"), soon),
    ]  # fmt: skip
    assert db.sweep() == 0


def test_a_sweep_is_a_conflict_for_who_saw_the_item(database: OpenDatabase, clock: Clock) -> None:
    db = database(ttl_attribute="ttl")
    db.put_item(item=item("soon", ttl=NOW + 5))
    with pytest.raises(errors.TransactionConflict), db.transaction() as tx:
        assert tx.get_item(key=key("soon")) is not None
        clock.now = NOW + 10
        assert db.sweep() == 1
        tx.put_item(item=item("mine"))
    assert len(db) == 0


def test_first_writes_in_a_transaction(database: OpenDatabase) -> None:
    db, other = database(indexes={"by-n": GlobalIndex(pk="N")}), database()
    with pytest.raises(RuntimeError), db.transaction() as tx:
        tx.put_item(item=item("a", N="text"))
        raise RuntimeError
    assert db.pk_type is None
    with pytest.raises(errors.KeyTypeMismatch), db.transaction() as tx:
        tx.put_item(item=item("a"))
        other.put_item(item={"PK": 1, "SK": 1, "N": 1})
    with pytest.raises(errors.KeyTypeMismatch), db.transaction() as tx:
        tx.put_item(item={"PK": 1, "SK": 2, "N": "text"})
    with db.transaction() as tx:
        tx.put_item(item={"PK": 1, "SK": 2, "N": 1})
        assert len(list(tx.query(1, index="by-n"))) == 2
    assert (other.pk_type, len(other)) == ("N", 2)


# -- run_transaction ------------------------------------------------------------------------------


def test_it_is_run_again(db: Dynafile) -> None:
    db.put_item(item=item("a", n=0))
    tries: list[int] = []

    def body(tx: Transaction) -> str:
        found = tx.get_item(key=key("a"))
        assert found is not None
        tries.append(found["n"])
        if len(tries) < 4:
            db.put_item(item=item("a", n=len(tries)))
        tx.put_item(item=item("a", n=found["n"] + 100))
        return "done"

    assert db.run_transaction(body) == "done"
    assert tries == [0, 1, 2, 3]
    assert db.get_item(key=key("a")) == item("a", n=103)


def test_attempts(db: Dynafile) -> None:
    tries: list[int] = []

    def body(tx: Transaction) -> None:
        tx.get_item(key=key("a"))
        tries.append(1)
        db.put_item(item=item("a", n=len(tries)))
        tx.put_item(item=item("b"))

    with pytest.raises(errors.TransactionConflict):
        db.run_transaction(body, attempts=3)
    assert len(tries) == 3
    assert db.get_item(key=key("b")) is None
    for attempts in (0, -1, True, 1.5, None):
        with pytest.raises(errors.InvalidArgument):
            db.run_transaction(body, attempts=attempts)  # type: ignore[arg-type]
    with pytest.raises(errors.InvalidArgument):
        db.run_transaction("body")  # type: ignore[arg-type]


def test_what_the_body_raises(db: Dynafile) -> None:
    """Its own errors are raised at once; those over items of two moments were too."""
    tries: list[int] = []

    def failing(tx: Transaction) -> None:
        tries.append(1)
        tx.get_item(key=key("a"))
        tx.put_item(item=item("b"))
        raise RuntimeError("mine")

    with pytest.raises(RuntimeError, match="mine"):
        db.run_transaction(failing)
    assert len(tries) == 1
    db.transact_write_items(transact_items=[put("a", n=1), put("b", n=1)])
    tries.clear()

    def comparing(tx: Transaction) -> int:
        a = tx.get_item(key=key("a"))
        tries.append(1)
        if len(tries) == 1:
            db.transact_write_items(transact_items=[put("a", n=2), put("b", n=2)])
        b = tx.get_item(key=key("b"))
        assert a is not None
        assert b is not None
        if a["n"] != b["n"]:
            raise AssertionError("two moments")
        return int(a["n"])

    assert db.run_transaction(comparing) == 2
    assert len(tries) == 2
    with pytest.raises(errors.TransactionConflict) as caught:
        tries.clear()
        db.put_item(item=item("b", n=9))
        db.transact_write_items(transact_items=[put("a", n=1), put("b", n=1)])
        db.run_transaction(comparing, attempts=1)
    assert isinstance(caught.value.__cause__, AssertionError)


def transfer(db: Dynafile, source: str, target: str, amount: int) -> None:
    """Move an amount between two accounts, or fail where there is not so much."""

    def body(tx: Transaction) -> None:
        giver, taker = (tx.get_item(key=key(sk, "account")) for sk in (source, target))
        assert giver is not None
        assert taker is not None
        if giver["n"] >= amount:
            tx.put_item(item={**giver, "n": giver["n"] - amount})
            tx.put_item(item={**taker, "n": taker["n"] + amount})

    db.run_transaction(body, attempts=10_000)


def test_money_is_neither_made_nor_lost(database: OpenDatabase, worker: StartWorker) -> None:
    db = database(durability="relaxed")
    names = ["a", "b", "c"]
    for name in names:
        db.put_item(item=item(name, pk="account", n=100))
    others = [worker(db.path, durability="relaxed") for _ in range(2)]
    for n, other in enumerate(others):
        other.send("transfers", names, 40, n)
    failures: list[BaseException] = []

    def work(n: int) -> None:
        try:
            for step in range(25):
                transfer(db, names[(n + step) % 3], names[(n + step + 1 + step % 2) % 3], step % 7)
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=work, args=(n,)) for n in range(2)]
    for thread in threads:
        thread.start()
    totals = []
    going = True
    while going:
        going = any(thread.is_alive() for thread in threads)
        totals.append(db.run_transaction(lambda tx: sum(i["n"] for i in tx.query("account")),
                                         attempts=10_000))  # fmt: skip
        time.sleep(0.001)
    for thread in threads:
        thread.join(60)
    for other in others:
        other.receive()
    assert not failures
    assert set(totals) == {300}
    balances = [found["n"] for found in db.query("account")]
    assert sum(balances) == 300
    assert min(balances) >= 0


@pytest.mark.parametrize("how", ["items", "range", "index"])
def test_write_skew_is_impossible(database: OpenDatabase, how: str) -> None:
    """Two that each read both and change one, so that at least one stays on call."""
    db = database(":memory:", indexes={"on-call": GlobalIndex(pk="call")})

    def on_call(tx: Transaction) -> int:
        if how == "items":
            found = [tx.get_item(key=key(sk)) for sk in "ab"]
        elif how == "range":
            found = list(tx.query("p"))
        else:
            found = list(tx.query("yes", index="on-call"))
        return sum(each is not None and each.get("call") == "yes" for each in found)

    for _ in range(20):
        for sk in "ab":
            db.put_item(item=item(sk, call="yes"))
        barrier = threading.Barrier(2, timeout=30)
        outcomes: list[str] = []

        def leave(sk: str) -> None:
            try:
                with db.transaction() as tx:
                    left = on_call(tx)
                    barrier.wait()
                    if left > 1:
                        tx.put_item(item=item(sk))
            except errors.TransactionConflict:
                outcomes.append("conflict")
            except BaseException as error:
                outcomes.append(repr(error))
            else:
                outcomes.append("made")

        threads = [threading.Thread(target=leave, args=(sk,)) for sk in "ab"]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        assert sorted(outcomes) == ["conflict", "made"]
        assert sum(each.get("call") == "yes" for each in db.query("p")) == 1
