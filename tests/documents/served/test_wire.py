"""What travels arrives as it was: changes, queries, and values of all kinds."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec import UNSET

from dynafile.documents import (
    DELETE_FIELD,
    SERVER_TIMESTAMP,
    ArrayRemove,
    ArrayUnion,
    Increment,
    Montybase,
    doc,
)
from dynafile.documents.requests import Change, Query
from dynafile.documents.wire import change_from, change_to
from dynafile.documents.wire_json import json_bytes, read_json
from dynafile.documents.wire_queries import query_from, query_to


def sent(value: Any) -> Any:
    return read_json(json_bytes(value), "it")


@pytest.mark.parametrize(
    "value",
    [
        None,
        True,
        0,
        -1,
        2**53 + 1,
        2**64,
        -(2**100),
        0.1,
        -0.0,
        1.7976931348623157e308,
        5e-324,
        1e16,
        "",
        "é\u2028\U0001f600\0\r\n",
        "</script>",
        [],
        {},
        {"a": [1, {"b": None}]},
    ],
    ids=repr,
)
def test_values(value: Any) -> None:
    back = sent(value)
    assert back == value
    assert repr(back) == repr(value)


def test_values_of_subclasses_are_what_they_are_in_json() -> None:
    class Text(str):
        pass

    class Number(int):
        pass

    class Map(dict[Any, Any]):
        pass

    change = Change(kind="set", path=("a", "b"), value=Map({Text("t"): [Text("x"), Number(5)]}))
    assert sent(change_to(change))["value"] == {"t": ["x", 5]}
    with pytest.raises(TypeError):
        json_bytes(object())


CHANGES = [
    Change(kind="set", path=("users", "ann"), value={"n": 1, "at": {"made": SERVER_TIMESTAMP}}),
    Change(kind="set", path=("users",), value={"n": 1}, key="ann", exists=False),
    Change(kind="set", path=("users", "ann", "n"), value=[1]),
    Change(kind="add", path=("users",), value={"a.b": 1, "`": {"c.d": SERVER_TIMESTAMP}}),
    Change(
        kind="update",
        path=("users", "ann"),
        value={
            "n": Increment(2),
            "a.b": ArrayUnion([1, "x"]),
            "`c.d`.e": ArrayRemove([None]),
            "old": DELETE_FIELD,
            "at": SERVER_TIMESTAMP,
            "map": {"x.y": SERVER_TIMESTAMP, "z": {}},
        },
        last_update="17",
    ),
    Change(kind="delete", path=("users",), value={"a.b": 1}),
    Change(kind="delete", path=("users", "ann"), exists=True),
    Change(kind="delete", path=("users",)),
]


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: str(change)[:60])
def test_changes(change: Change) -> None:
    back = change_from(sent(change_to(change)), "it")
    assert back == change
    if change.value is UNSET:
        assert back.value is UNSET


def test_queries() -> None:
    with Montybase(":memory:") as db:
        users = doc(db, "users")
        queries = [
            users.where("a.`b.c`", "in", [1, None, {"x": []}]).where("n", "!=", 1.5),
            users.order_by("n", "desc").order_by("m").start_after(1, [2], "ann").end_at(5),
            users.order_by("n").start_at({"id": "ann", "value": {"n": 1}}).limit(7),
            db.collection_group("posts").order_by("n").end_before(1, "users/ann/posts/p"),
            doc(db, "users", "ann").where("n", "==", 1),
        ]
        for query in queries:
            assert query_from(sent(query_to(query.description))) == query.description
    whole = Query(path=("users",))
    assert query_from(query_to(whole)) == whole
