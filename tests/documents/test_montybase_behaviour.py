"""What users of Montybase and Firestore know beyond Montybase's page, and what it gets wrong.

A docstring or comment that begins with "The seed" says what Montybase 0.1.6 does instead. What is
written as a table of statements runs over ``users``, a collection, and the names of the package.
"""

from __future__ import annotations

import asyncio
import random
import re
import subprocess
import sys
import threading
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from dynafile import documents
from dynafile.errors import (
    ConditionalCheckFailed,
    DynafileError,
    HandleClosed,
    ResourceNotFound,
    TransactionConflict,
)

if TYPE_CHECKING:
    from pathlib import Path

    from documents.conftest import Home

doc = documents.doc

ID = re.compile(r"[-\w]{20}", re.ASCII)


class Script:
    """Statements over the names of the package, ``db``, ``users`` and ``ann``, separated by semicolons."""

    def __init__(self, db: documents.Montybase) -> None:
        self.names = {name: getattr(documents, name) for name in documents.__all__}
        self.names |= {"db": db, "users": doc(db, "users"), "ann": doc(db, "users", "ann")}

    def run(self, statements: str) -> Any:
        """Run them, and return the value of the last."""
        *before, last = statements.split("; ")
        for statement in before:
            exec(statement, self.names)
        return eval(last, self.names)


def outcome(db: documents.Montybase, statements: str) -> Any:
    return Script(db).run(statements)


def ids(query: Any) -> str:
    """Return the ids of what is found, in order: those of these tests are one letter each."""
    return "".join(found["id"] for found in query.stream())


# -- references -----------------------------------------------------------------------------------

REFERENCES = [
    ("doc(db, 'users')", "users", "users"),
    ("doc(db, 'users', 'ann')", "users/ann", "ann"),
    ("users.append('ann')", "users/ann", "ann"),
    ("users.document('ann')", "users/ann", "ann"),
    ("users.append('ann', 'posts', 'p')", "users/ann/posts/p", "p"),
    ("users.append()", "users", "users"),
    ("doc(db).collection('users')", "users", "users"),
    ("ann.collection('posts')", "users/ann/posts", "posts"),
    ("ann.collection('posts').document('p').parent", "users/ann/posts", "posts"),
    ("ann.collection('posts').parent", "users/ann", "ann"),
    ("ann.parent", "users", "users"),
    ("doc(db, 'a b', 'é.ü@x', '日本', '-_~%25:')", "a b/é.ü@x/日本/-_~%25:", "-_~%25:"),
]


@pytest.mark.parametrize(("expression", "path", "id_"), REFERENCES)
def test_references(db: documents.Montybase, expression: str, path: str, id_: str) -> None:
    ref = outcome(db, expression)
    assert (ref.path, ref.id) == (path, id_)
    assert ref == doc(db, *path.split("/"))
    assert hash(ref) == hash(doc(db, *path.split("/")))
    assert ref != doc(db, "another")


def test_references_do_not_change(db: documents.Montybase) -> None:
    """The seed's ``document`` changes the reference that it is called on."""
    users = doc(db, "users")
    assert users.document("ann") != users
    users.append("bob")
    users.where("n", "==", 1)
    assert users.path == "users"
    with pytest.raises(AttributeError):
        users.path = "others"


def test_a_document_without_a_name_gets_an_id(db: documents.Montybase) -> None:
    one, other = doc(db, "users").document(), doc(db, "users").document()
    assert ID.fullmatch(one.id)
    assert one != other
    assert not one.exists()
    assert one.set({"n": 1}) == one.id
    assert doc(db, "users").get() == {one.id: {"n": 1}}


def test_generated_ids_are_unlike_and_grow(db: documents.Montybase) -> None:
    users = doc(db, "users")
    made = [users.add({"n": number}) for number in range(200)]
    assert all(ID.fullmatch(one) for one in made)
    assert made == sorted(set(made))
    assert [found["id"] for found in users.stream()] == made


def test_documents_are_in_the_order_of_their_ids(db: documents.Montybase) -> None:
    """The seed lists them as they were written first."""
    users = doc(db, "users")
    for id_ in ("b", "é", "a", "B", "aa", "10", "9"):
        users.add({"n": 1}, key=id_)
    assert list(users.get()) == ["10", "9", "B", "a", "aa", "b", "é"]
    assert [found["id"] for found in users.stream()] == list(users.get())


# -- set, add, update, delete ---------------------------------------------------------------------

# Statements, what the last of them returns, and the collection after them.
CHANGES = [
    ("users.set({'n': 1}, key='a')", "a", {"a": {"n": 1}}),
    ("users.add({'n': 1}, key='a'); users.set({'n': 2}, key='b')", "b", {"b": {"n": 2}}),
    ("users.add({'n': 1}, 'a'); users.add({'n': 2}, 'b')", "b", {"a": {"n": 1}, "b": {"n": 2}}),
    ("users.add({'n': 1}, key='a'); users.add({'m': 2}, key='a')", "a", {"a": {"m": 2}}),
    ("users.set({}, key='a')", "a", {"a": {}}),
    ("users.add({'n': None}, key='a')", "a", {"a": {"n": None}}),
    # The seed puts a collection with one document in the place of the document.
    ("ann.set({'n': 1})", "ann", {"ann": {"n": 1}}),
    ("users.add({'n': 2}, key='b'); ann.set({'n': 1})", "ann", {"ann": {"n": 1}, "b": {"n": 2}}),
    ("ann.set({'n': 1, 'm': 1}); ann.set({'n': 2})", "ann", {"ann": {"n": 2}}),
    # The seed returns True.
    ("ann.set({'n': 1}); ann.update({'m': 2})", "ann", {"ann": {"n": 1, "m": 2}}),
    ("ann.set({'n': 1}); ann.update({'n': 2})", "ann", {"ann": {"n": 2}}),
    ("ann.set({'m': {'x': 1}}); ann.update({'m': {'y': 2}})", "ann", {"ann": {"m": {"y": 2}}}),
    # The seed puts the score beside the documents.
    ("users.set({'n': 1}, key='a'); users.update({'s': 2})", "a", {"a": {"n": 1, "s": 2}}),
    (
        "users.add({}, key='a'); users.add({}, key='b'); users.update({'s': 2}, key='b')",
        "b",
        {"a": {}, "b": {"s": 2}},
    ),
    ("ann.set({'n': 1}); ann.delete()", {"n": 1}, {}),
    ("ann.set({}); ann.delete()", {}, {}),
    ("ann.delete()", None, {}),
    ("users.add({'n': 1}, key='a'); ann.set({}); ann.delete()", {}, {"a": {"n": 1}}),
    ("users.add({'n': 1}, key='a'); ann.set({}); users.delete(key='a')", {"n": 1}, {"ann": {}}),
    (
        "users.add({'n': 1}, key='a'); users.add({}, key='b'); users.delete()",
        {"a": {"n": 1}, "b": {}},
        {},
    ),
    ("users.delete()", {}, {}),
    # The seed cannot: "can only concatenate tuple (not "dict") to tuple".
    (
        "users.add({'n': 1, 'm': 5}, key='a'); users.add({'n': 2}, key='b'); users.delete({'n': 1})",
        {"n": 1, "m": 5},
        {"b": {"n": 2}},
    ),
    ("users.add({'n': 1}, key='a'); users.delete({'n': 2})", None, {"a": {"n": 1}}),
    ("users.add({'n': 1}, key='a'); users.delete({'m': None})", None, {"a": {"n": 1}}),
    ("users.add({'n': 1}, key='a'); users.delete({'n': True})", None, {"a": {"n": 1}}),
    ("users.add({'n': {'x': 1}}, key='a'); users.delete({'n.x': 1})", {"n": {"x": 1}}, {}),
    (
        "users.add({'n': 1, 'm': 2}, key='a'); users.delete({'n': 1, 'm': 1})",
        None,
        {"a": {"n": 1, "m": 2}},
    ),
]


@pytest.mark.parametrize(("statements", "returned", "after"), CHANGES)
def test_changes(home: Home, statements: str, returned: Any, after: dict[str, Any]) -> None:
    assert outcome(home.db, statements) == returned
    assert doc(home.db, "users").get() == after


def test_delete_of_what_matches_deletes_all_of_it(db: documents.Montybase) -> None:
    users = doc(db, "users")
    for id_, n in (("a", 1), ("b", 2), ("c", 1)):
        users.add({"n": n}, key=id_)
    assert users.delete({"n": 1}) == {"a": {"n": 1}, "c": {"n": 1}}
    assert users.get() == {"b": {"n": 2}}


@pytest.mark.parametrize(
    ("statements", "error"),
    [
        ("ann.update({'n': 1})", ResourceNotFound),
        ("users.update({'n': 1})", ResourceNotFound),
        ("users.update({'n': 1}, key='a')", ResourceNotFound),
        ("users.add({}, key='a'); users.add({}, key='b'); users.update({'n': 1})", ValueError),
        ("doc(db, 'users', 'ann', 'posts', 'p').update({'n': 1})", ResourceNotFound),
    ],
)
def test_updates_of_nothing_or_of_many(
    db: documents.Montybase, statements: str, error: type[Exception]
) -> None:
    """The seed raises KeyError after it made the path to it, or writes beside the documents."""
    with pytest.raises(error) as refused:
        outcome(db, statements)
    assert isinstance(refused.value, DynafileError)
    assert "users" in str(refused.value)
    assert all(value == {} for value in doc(db, "users").get().values())


# Statements, and the value of the last.
READS = [
    ("users.get()", {}),
    ("users.stream()", []),
    ("users.exists()", False),
    ("ann.get()", None),
    ("ann.exists()", False),
    ("ann.set({}); ann.get()", {}),
    ("ann.set({}); ann.exists()", True),  # the seed: False
    ("ann.set({}); users.exists()", True),
    ("ann.set({'n': 0, 'm': None}); ann.append('n').get()", 0),
    ("ann.set({'n': 0, 'm': None}); ann.append('n').exists()", True),  # the seed: False
    ("ann.set({'n': 0, 'm': None}); ann.append('m').get()", None),
    ("ann.set({'n': 0, 'm': None}); ann.append('m').exists()", True),  # the seed: False
    ("ann.set({'n': 0, 'm': None}); ann.append('o').exists()", False),
    ("ann.set({'n': {'x': [1, {'y': 2}]}}); ann.append('n', 'x').get()", [1, {"y": 2}]),
    ("ann.set({'n': {'x': 1}}); ann.append('n', 'y').exists()", False),
    # The seed: AttributeError, for text and numbers have no get().
    ("ann.set({'n': 5}); ann.append('n', 'x').exists()", False),
    ("ann.set({'n': 'text'}); ann.append('n', 'x', 'y').exists()", False),
    ("ann.set({'n': 'text'}); ann.append('n', 'x', 'y').get()", None),
    ("ann.set({'n': 1}); ann.stream()", [{"id": "ann", "value": {"n": 1}}]),
    (
        "ann.set({'n': 1}); doc(db, 'others', 'x').set({}); doc(db).get()",
        {"others": {"x": {}}, "users": {"ann": {"n": 1}}},
    ),
    ("doc(db).get()", {}),
]


@pytest.mark.parametrize(("statements", "value"), READS)
def test_reads(db: documents.Montybase, statements: str, value: Any) -> None:
    found = outcome(db, statements)
    assert found == value
    assert type(found) is type(value)


def test_reading_makes_nothing(db: documents.Montybase) -> None:
    """The seed makes the maps on the way to what is not there."""
    doc(db, "a", "b", "c").get()
    doc(db, "a", "b", "c", "d").exists()
    doc(db, "a", "b", "c", "d").delete()
    assert doc(db).get() == {}
    assert not doc(db, "a").exists()


# -- fields by their path -------------------------------------------------------------------------

# A document, a change of it, and the document after it.
UPDATES = [
    ({}, {"a.b": 1}, {"a": {"b": 1}}),
    ({"a": {"b": 1, "c": 2}}, {"a.b": 3}, {"a": {"b": 3, "c": 2}}),
    ({"a": {"b": {"c": 1}}}, {"a.b.d": 2}, {"a": {"b": {"c": 1, "d": 2}}}),
    ({"a": {"b": 1}}, {"a.b": {"c": 2}, "d": 3}, {"a": {"b": {"c": 2}}, "d": 3}),
    ({"a": {"b": 1}}, {"a.c": 1, "a.d": 2}, {"a": {"b": 1, "c": 1, "d": 2}}),
    ({"a": 1, "b": 2}, {"a": documents.DELETE_FIELD}, {"b": 2}),
    ({"a": {"b": 1, "c": 2}}, {"a.b": documents.DELETE_FIELD}, {"a": {"c": 2}}),
    ({"a": 1}, {"z": documents.DELETE_FIELD}, {"a": 1}),
    ({"a": 1}, {"y.z": documents.DELETE_FIELD}, {"a": 1}),
    ({"a": {"b": 1}}, {"a.b": documents.DELETE_FIELD}, {"a": {}}),
    ({"n": 1}, {"n": documents.Increment(2)}, {"n": 3}),
    ({"n": 1}, {"n": documents.Increment(-0.5)}, {"n": 0.5}),
    ({}, {"n": documents.Increment(2)}, {"n": 2}),
    ({"a": {"n": 1}}, {"a.n": documents.Increment(1)}, {"a": {"n": 2}}),
    ({"n": 2**53}, {"n": documents.Increment(1)}, {"n": 2**53 + 1}),
    ({"t": ["a", "b"]}, {"t": documents.ArrayUnion(["b", "c", "c"])}, {"t": ["a", "b", "c"]}),
    ({}, {"t": documents.ArrayUnion(["a"])}, {"t": ["a"]}),
    ({"t": [1]}, {"t": documents.ArrayUnion([True, "1", 1.0])}, {"t": [1, True, "1"]}),
    (
        {"t": [{"x": 1}]},
        {"t": documents.ArrayUnion([{"x": 1}, {"x": 2}])},
        {"t": [{"x": 1}, {"x": 2}]},
    ),
    ({"t": ["a", "b", "a"]}, {"t": documents.ArrayRemove(["a", "z"])}, {"t": ["b"]}),
    ({"t": [1, True]}, {"t": documents.ArrayRemove([True])}, {"t": [1]}),
    (
        {"t": ["a"], "n": 1},
        {"t": documents.ArrayRemove(["a"]), "n": documents.Increment(1)},
        {"t": [], "n": 2},
    ),
]


@pytest.mark.parametrize(("before", "change", "after"), UPDATES)
def test_updates(
    db: documents.Montybase, before: dict[str, Any], change: dict[str, Any], after: dict[str, Any]
) -> None:
    ann = doc(db, "users", "ann")
    ann.set(before)
    assert ann.update(change) == "ann"
    assert ann.get() == after
    assert repr(ann.get()) == repr(after)  # True is not 1


def test_dots_are_paths_in_updates_only(db: documents.Montybase) -> None:
    """The seed knows no paths: its update makes a field named "a.b"."""
    ann = doc(db, "users", "ann")
    ann.set({"a.b": 1})
    assert ann.get() == {"a.b": 1}
    ann.update({"a.b": 2})
    assert ann.get() == {"a.b": 1, "a": {"b": 2}}


def test_a_field_is_written_by_its_path(db: documents.Montybase) -> None:
    ann = doc(db, "users", "ann")
    ann.set({"address": {"city": "Rome", "zip": 1}, "n": 1})
    assert ann.append("address", "city").set("Oslo") == "ann"
    assert ann.append("n").set([2]) == "ann"
    assert ann.append("address").update({"zip": 2, "street": "x"}) == "ann"
    assert ann.get() == {"address": {"city": "Oslo", "zip": 2, "street": "x"}, "n": [2]}
    assert ann.append("address", "zip").delete() == 2
    assert ann.append("address").delete() == {"city": "Oslo", "street": "x"}
    assert ann.get() == {"n": [2]}
    assert ann.append("n", "x").delete() is None


def test_server_time(db: documents.Montybase) -> None:
    before = datetime.now(UTC)
    ann = doc(db, "users", "ann")
    ann.set({"made": documents.SERVER_TIMESTAMP, "deep": {"er": documents.SERVER_TIMESTAMP}})
    time.sleep(0.001)
    bob = doc(db, "users", doc(db, "users").add({"made": documents.SERVER_TIMESTAMP}))
    after = datetime.now(UTC)
    first = ann.get()
    assert first["made"] == first["deep"]["er"]
    made = [datetime.fromisoformat(one.get()["made"]) for one in (ann, bob)]
    assert before <= made[0] < made[1] <= after
    ann.update({"deep.er": documents.SERVER_TIMESTAMP})
    assert ann.get()["made"] == first["made"] < ann.get()["deep"]["er"]
    # As text they are in the order of time.
    assert ids(doc(db, "users").order_by("made").limit(1)) == "ann"


# -- what comes back ------------------------------------------------------------------------------

VALUES = [
    {"text": "é日本🦊\n\0", "empty": ""},
    {"int": 2**63, "negative": -(2**70), "zero": 0},
    {"float": 0.1 + 0.2, "tiny": 5e-324, "huge": 1.7976931348623157e308, "whole": 1.0},
    {"bool": [True, False], "null": None, "mixed": [1, 1.0, "1", None, True, [], {}]},
    {"a": {"b": {"c": [[[[{"d": []}]]]]}}},
    {"n" * 1000: 1, "a.b": 1, "$x": 2, "PK": 3, "SK": 4, "_id": 5, "id": 6, "value": 7},
]


@pytest.mark.parametrize("value", VALUES, ids=lambda value: next(iter(value))[:8])
def test_json_comes_back_as_it_was(home: Home, value: dict[str, Any]) -> None:
    doc(home.db, "users", "ann").set(value)
    for opened in (lambda: home.db, home.restart):
        db = opened()
        for found in (doc(db, "users", "ann").get(), doc(db, "users").get()["ann"]):
            assert found == value
            assert repr(found) == repr(value)  # as to types, and the order of names


def test_deep_documents(db: documents.Montybase) -> None:
    value: Any = 1
    for _ in range(45):
        value = {"x": [value]}
    doc(db, "users", "ann").set(value)
    assert doc(db, "users", "ann").get() == value


def test_large_documents(db: documents.Montybase) -> None:
    value = {"text": "x" * 1_000_000}
    doc(db, "users", "ann").set(value)
    assert doc(db, "users", "ann").get() == value


def test_nobody_can_change_what_is_stored(db: documents.Montybase) -> None:
    """The seed keeps what it was given, and gives out what it keeps."""
    users, value = doc(db, "users"), {"list": [1], "map": {"x": 1}}
    users.set(value, key="ann")
    value["list"].append(2)
    users.get().clear()
    users.append("ann").get()["map"]["x"] = 2
    users.stream()[0]["value"]["list"].append(3)
    wanted = {"n": [1]}
    query = users.where("list", "==", wanted["n"])
    wanted["n"].append(2)
    assert query.get() == {"ann": {"list": [1], "map": {"x": 1}}}


# -- collections in documents ---------------------------------------------------------------------


def test_documents_have_collections(db: documents.Montybase) -> None:
    ann, posts = doc(db, "users", "ann"), doc(db, "users", "ann", "posts")
    ann.set({"name": "Ann"})
    assert posts.add({"title": "x"}, key="p") == "p"
    posts.append("p").collection("notes").add({"text": "y"}, key="n")
    assert posts.get() == {"p": {"title": "x"}}
    assert doc(db, "users", "ann", "posts", "p", "notes", "n").get() == {"text": "y"}
    assert doc(db, "users", "ann", "posts", "p", "title").get() == "x"
    assert ann.get() == {"name": "Ann"}
    assert doc(db, "users").get() == {"ann": {"name": "Ann"}}
    ann.set({"name": "Eva"})
    assert posts.exists()


def test_collections_need_no_document_above(db: documents.Montybase) -> None:
    doc(db, "users", "ann", "posts").add({"title": "x"}, key="p")
    assert not doc(db, "users", "ann").exists()
    assert doc(db, "users").get() == {}
    assert doc(db, "users", "ann", "posts").get() == {"p": {"title": "x"}}


@pytest.mark.parametrize(
    "statement",
    ["ann.delete()", "users.delete()", "users.delete({'n': 1})", "users.set({}, key='bob')"],
)
def test_what_is_beneath_a_deleted_document_goes_with_it(
    db: documents.Montybase, statement: str
) -> None:
    """Firestore leaves it, where nobody finds it."""
    posts = doc(db, "users", "ann", "posts")
    doc(db, "users", "ann").set({"n": 1})
    posts.add({}, key="p")
    doc(db, "users", "ann", "posts", "p", "notes", "n").set({})
    doc(db, "users", "anna", "posts", "q").set({})
    outcome(db, statement)
    assert not posts.exists()
    assert db.collection_group("notes").count() == 0
    left = 1 if statement in ("ann.delete()", "users.delete({'n': 1})") else 0
    assert db.collection_group("posts").count() == left


# -- queries --------------------------------------------------------------------------------------

PEOPLE: dict[str, dict[str, Any]] = {
    "a": {"name": "Ann", "score": 100, "tags": ["x", "y"], "at": {"city": "Rome", "zip": 5}},
    "b": {"name": "Bob", "score": 120, "tags": [], "at": {"city": "Oslo"}},
    "c": {"name": "Cid", "score": 130.5, "tags": ["y", 1], "on": True},
    "d": {"name": "Dan"},
    "e": {"name": "Eve", "score": "110", "tags": "xy", "at": None},
    "f": {"name": "éva", "score": True, "tags": [True, ["x"]], "at": {"city": "Rome", "zip": 7}},
    "g": {"score": 100.0, "tags": [{"x": 1}], "on": 1},
    "h": {"name": "", "score": [100], "on": False},
}

WHERE = [
    (("score", "==", 100), "ag"),
    (("score", "==", 100.0), "ag"),
    (("score", "==", "110"), "e"),
    (("score", "==", True), "f"),  # True is not 1
    (("score", "==", [100]), "h"),
    (("score", "==", 1), ""),
    (("on", "==", True), "c"),
    (("on", "==", 1), "g"),
    (("score", "!=", 100), "bcefh"),
    (("score", "!=", "110"), "abcfgh"),
    (("name", "!=", "Ann"), "bcdefh"),
    (("score", "<", 120), "ag"),
    (("score", "<=", 120), "abg"),
    (("score", ">", 100), "bc"),
    (("score", ">=", 100), "abcg"),
    (("score", ">", 1_000), ""),
    (("score", ">", "1"), "e"),
    (("score", ">=", False), "f"),
    (("name", "<", "B"), "ah"),
    (("name", ">", "Z"), "f"),
    (("name", ">=", ""), "abcdefh"),
    (("score", "in", [100, "110", True]), "aefg"),
    (("score", "in", [5]), ""),
    (("score", "not-in", [100, "110"]), "bcfh"),
    (("name", "not-in", ["Ann", "Bob", ""]), "cdef"),
    (("tags", "array-contains", "x"), "a"),
    (("tags", "array-contains", "y"), "ac"),
    (("tags", "array-contains", 1), "c"),
    (("tags", "array-contains", ["x"]), "f"),
    (("tags", "array-contains", {"x": 1}), "g"),
    (("tags", "array-contains-any", ["x", 1]), "ac"),
    (("tags", "array-contains-any", [True, {"x": 1}]), "fg"),
    (("tags", "==", []), "b"),
    (("tags", "==", ["x", "y"]), "a"),
    (("tags", "==", ["y", "x"]), ""),
    (("at.city", "==", "Rome"), "af"),
    (("at.city", "!=", "Rome"), "b"),
    (("at.city", "in", ["Oslo", "Rome"]), "abf"),
    (("at.zip", ">", 5), "f"),
    (("at.city.x", "==", 1), ""),
    (("at", "==", {"zip": 5, "city": "Rome"}), "a"),
    (("at", "==", None), "e"),
    (("name.x", "==", "Ann"), ""),
    (("missing", "==", None), ""),
    (("missing", "!=", 1), ""),
    (("missing", "not-in", [1]), ""),
]

INDEXED = ("name", "score", "tags", "at", "at.city", "at.zip", "on", "missing")


@pytest.fixture(params=["plain", "indexed", "indexed later"])
def people(request: pytest.FixtureRequest, db: documents.Montybase) -> Any:
    """The people, whose queries find the same with indexes and without."""
    if request.param == "indexed":
        db.index("people", *INDEXED)
    for id_, value in PEOPLE.items():
        doc(db, "people").add({"old": 1, "score": 100, "name": "Ann"}, key=id_)
        doc(db, "people").add(value, key=id_)
    doc(db, "people", "a", "people", "z").set(PEOPLE["a"])
    doc(db, "peopl", "z").set(PEOPLE["a"])
    doc(db, "people0", "z").set(PEOPLE["a"])
    if request.param == "indexed later":
        db.index("people", *INDEXED)
    return doc(db, "people")


@pytest.mark.parametrize(("condition", "found"), WHERE, ids=str)
def test_where(people: Any, condition: tuple[Any, ...], found: str) -> None:
    query = people.where(*condition)
    assert ids(query) == found
    assert query.get() == {id_: PEOPLE[id_] for id_ in found}
    assert query.stream() == [{"id": id_, "value": PEOPLE[id_]} for id_ in found]
    assert query.count() == len(found)
    assert query.exists() is query.exist() is bool(found)
    for id_, value in PEOPLE.items():
        matches = people.append(id_).where(*condition)
        assert matches.exists() is (id_ in found)
        assert matches.get() == ({id_: value} if id_ in found else {})


# Queries over the people, and what they find.
QUERIES = [
    ("people", "abcdefgh"),
    ("people.where('score', '>=', 100).where('score', '<', 130)", "abg"),
    ("people.where('score', '==', 100).where('on', '==', 1)", "g"),
    ("people.where('score', '>', 1).where('at.city', '==', 'Rome')", "a"),
    ("people.where('score', '==', 100).where('score', '==', 120)", ""),
    ("people.where('tags', 'array-contains', 'y').where('name', '>', 'B')", "c"),
    # Firestore's order of types: null, booleans, numbers, text, arrays, maps.
    ("people.order_by('score')", "fagbceh"),
    ("people.order_by('score', 'desc')", "hecbgaf"),
    ("people.order_by('score', direction='DESCENDING')", "hecbgaf"),
    ("people.order_by('score', direction='ASCENDING')", "fagbceh"),
    ("people.order_by('name')", "habcdef"),
    ("people.order_by('at')", "ebaf"),
    ("people.order_by('at.city')", "baf"),
    ("people.order_by('at.city', 'desc')", "fab"),
    ("people.order_by('at.city').order_by('name', 'desc')", "bfa"),
    ("people.order_by('at.city', 'desc').order_by('at.zip')", "af"),
    ("people.order_by('missing')", ""),
    ("people.where('score', '>', 1).order_by('name')", "abc"),
    ("people.where('score', '>', 1).order_by('score', 'desc')", "cbga"),
    ("people.order_by('score').where('score', '>', 1)", "agbc"),
    ("people.limit(3)", "abc"),
    ("people.limit(100)", "abcdefgh"),
    ("people.limit(5).limit(2)", "ab"),
    ("people.order_by('score', 'desc').limit(2)", "he"),
    ("people.where('score', '==', 100).limit(1)", "a"),
    ("people.limit(1).where('score', '==', 120)", "b"),
    ("people.start_after('c')", "defgh"),
    ("people.start_after('cc').limit(2)", "de"),
    ("people.end_before('c')", "ab"),
    ("people.start_after('b').end_before('f')", "cde"),
    ("people.start_after('f').end_before('b')", ""),
    ("people.order_by('score').start_after(100)", "bceh"),
    ("people.order_by('score').start_after(100, 'a')", "gbceh"),
    ("people.order_by('score').end_before(100)", "f"),
    ("people.order_by('score').end_before(100, 'g')", "fa"),
    ("people.order_by('score').start_after(99).end_before(125)", "agb"),
    ("people.order_by('score', 'desc').start_after(120)", "gaf"),
    ("people.order_by('score', 'desc').start_after(100, 'g')", "af"),
    ("people.order_by('score', 'desc').end_before(120)", "hec"),
    ("people.order_by('at.city', 'desc').order_by('at.zip').start_after('Rome', 5)", "f"),
    ("people.order_by('at.city', 'desc').order_by('at.zip').start_after('Rome')", ""),
    ("people.order_by('score').start_after({'id': 'a', 'value': {'score': 100}})", "gbceh"),
    ("people.start_after({'id': 'f', 'value': {}})", "gh"),
    ("people.order_by('score').start_after(100).limit(2)", "bc"),
    ("people.where('score', '>', 100).order_by('score').start_after(120)", "c"),
]


@pytest.mark.parametrize(("query", "found"), QUERIES)
def test_queries(people: Any, query: str, found: str) -> None:
    asked = eval(query, {"people": people})
    assert ids(asked) == found
    assert "".join(asked.get()) == found
    assert asked.count() == len(found)
    assert asked.exists() is bool(found)


@pytest.mark.parametrize("direction", ["asc", "desc"])
def test_pages_are_the_whole(people: Any, direction: str) -> None:
    query = people.order_by("score", direction)
    whole, page, seen = query.stream(), query.limit(2).stream(), []
    while page:
        seen += page
        page = query.start_after(page[-1]).limit(2).stream()
    assert seen == whole


def test_queries_do_not_change(people: Any) -> None:
    query = people.where("score", ">=", 100)
    for other in (query.where("on", "==", 1), query.order_by("score", "desc"), query.limit(1)):
        assert ids(other) != ids(query)
    assert ids(query) == "abcg"


# Aggregates over the people: what is no number does not count.
AGGREGATES = [
    ("people.count()", 8),
    ("people.sum('score')", 450.5),
    ("people.average('score')", 112.625),
    ("people.where('score', '<=', 120).sum('score')", 320),
    ("people.where('at.city', '==', 'Rome').sum('at.zip')", 12),
    ("people.where('at.city', '==', 'Rome').average('at.zip')", 6),
    ("people.where('score', '>', 1000).count()", 0),
    ("people.where('score', '>', 1000).sum('score')", 0),
    ("people.where('score', '>', 1000).average('score')", None),
    ("people.sum('missing')", 0),
    ("people.average('name')", None),
    ("people.limit(2).sum('score')", 220),
    ("people.order_by('score').start_after(100).count()", 4),
]


@pytest.mark.parametrize(("expression", "value"), AGGREGATES)
def test_aggregates(people: Any, expression: str, value: Any) -> None:
    assert eval(expression, {"people": people}) == value


def test_queries_of_a_changed_collection(people: Any) -> None:
    """Indexes follow each kind of change."""
    people.append("a").update({"score": 50})
    people.append("b").delete()
    people.append("d").update({"score": documents.Increment(200)})
    people.append("c").update({"score": documents.DELETE_FIELD})
    people.append("g").set({"score": 100, "at": {"city": "Bonn"}})
    assert ids(people.where("score", ">", 1)) == "adg"
    assert ids(people.where("score", "==", 100)) == "g"
    assert ids(people.order_by("at.city")) == "gaf"
    people.set({"score": 5}, key="z")
    assert ids(people.where("score", ">", 1)) == "z"
    assert people.where("at.city", "==", "Rome").count() == 0


def test_explain_says_which_index_is_missing(db: documents.Montybase) -> None:
    people = doc(db, "people")
    people.add({"score": 1, "name": "x"}, key="a")
    query = people.where("score", "==", 1)
    assert query.explain().index is None
    assert "score" in str(query.explain())
    db.index("people", "score")
    assert query.explain().index == "score"
    assert people.where("name", "==", "x").explain().index is None
    assert doc(db, "others").where("score", "==", 1).explain().index is None


def test_indexes_are_kept(lasting: Home) -> None:
    lasting.db.index("people", "score")
    lasting.db.index("people", "score")
    db = lasting.reopen()
    doc(db, "people").add({"score": 1}, key="a")
    query = doc(db, "people").where("score", "==", 1)
    assert ids(query) == "a"
    assert query.explain().index == "score"


# -- groups of collections ------------------------------------------------------------------------


@pytest.fixture
def posts(db: documents.Montybase) -> Any:
    doc(db, "posts", "top").set({"n": 1, "by": "x"})
    doc(db, "users", "ann", "posts", "p").set({"n": 2, "by": "ann"})
    doc(db, "users", "bob", "posts", "p").set({"n": 3, "by": "bob"})
    doc(db, "users", "bob", "posts", "p", "posts", "q").set({"n": 4, "by": "bob"})
    doc(db, "users", "bob", "postscripts", "p").set({"n": 5})
    doc(db, "posts", "top", "users", "p").set({"n": 6})
    doc(db, "users", "posts").set({"posts": {"n": 7}})
    return db.collection_group("posts")


def numbers(query: Any) -> list[int]:
    return [found["value"]["n"] for found in query.stream()]


def test_a_group_is_every_collection_of_a_name(posts: Any) -> None:
    assert sorted(numbers(posts)) == [1, 2, 3, 4]
    assert posts.count() == len(posts.get()) == 4  # though ids are there twice
    assert posts.exists()
    assert {found["path"] for found in posts.stream()} == {
        "posts/top",
        "users/ann/posts/p",
        "users/bob/posts/p",
        "users/bob/posts/p/posts/q",
    }
    assert {found["id"] for found in posts.stream()} == {"top", "p", "q"}


def test_a_group_is_queried(posts: Any, db: documents.Montybase) -> None:
    assert numbers(posts.where("by", "==", "bob").order_by("n", "desc")) == [4, 3]
    assert numbers(posts.order_by("n").start_after(1).limit(2)) == [2, 3]
    assert posts.where("n", ">", 1).sum("n") == 9
    assert posts.average("n") == 2.5
    doc(db, "users", "bob").delete()
    assert numbers(posts.order_by("n")) == [1, 2]
    assert not db.collection_group("nothing").exists()


# -- transactions ---------------------------------------------------------------------------------


def test_a_transaction_is_one_change(home: Home) -> None:
    users = doc(home.db, "users")
    users.set({"n": 1}, key="a")
    with home.db.transaction():
        n = users.append("a").get()["n"]
        users.append("a").update({"n": n + 1})
        new = users.add({"n": 5})
        users.append("b").set({"n": 6})
        assert users.append("a").get() == {"n": 2}
        assert users.where("n", ">", 1).count() == 3
        assert users.append("b").delete() == {"n": 6}
    assert users.get() == {"a": {"n": 2}, new: {"n": 5}}


def test_a_transaction_that_raises_leaves_nothing(db: documents.Montybase) -> None:
    users = doc(db, "users")
    with pytest.raises(RuntimeError, match="no"), db.transaction():
        users.add({"n": 1})
        raise RuntimeError("no")
    assert users.get() == {}
    with pytest.raises(ResourceNotFound), db.transaction():
        users.add({"n": 1})
        users.append("nobody").update({"n": 1})
    assert users.get() == {}


def in_thread(action: Any) -> None:
    """Do it as somebody else, whom the transaction of this thread does not concern."""
    thread = threading.Thread(target=action)
    thread.start()
    thread.join(60)
    assert not thread.is_alive()


def test_others_see_nothing_of_an_open_transaction(db: documents.Montybase) -> None:
    users, seen = doc(db, "users"), []
    with db.transaction():
        users.add({"n": 1}, key="a")
        in_thread(lambda: seen.append(users.get()))
    assert seen == [{}]
    assert users.get() == {"a": {"n": 1}}


# What a transaction reads, what another changes meanwhile, and whether that is a conflict.
CONFLICTS = [
    ("ann.get()", "ann.update({'n': 5})", True),
    ("ann.get()", "ann.delete()", True),
    ("ann.exists()", "ann.set({'n': 5})", True),
    ("doc(db, 'users', 'new').get()", "users.add({}, key='new')", True),
    ("users.get()", "users.add({})", True),
    ("users.where('n', '==', 7).get()", "users.add({'n': 7})", True),
    ("users.where('n', '==', 1).count()", "ann.delete()", True),
    ("ann.append('n').get()", "ann.update({'n': 5})", True),
    ("ann.get()", "doc(db, 'others', 'x').set({})", False),
    ("ann.get()", "doc(db, 'users', 'other').set({})", False),
    ("doc(db, 'others').get()", "ann.update({'n': 5})", False),
]


@pytest.mark.parametrize(("read", "change", "conflict"), CONFLICTS)
def test_what_a_transaction_read_may_not_change(
    db: documents.Montybase, read: str, change: str, conflict: bool
) -> None:
    doc(db, "users", "ann").set({"n": 1})
    result = doc(db, "results", "r")
    try:
        with db.transaction():
            outcome(db, read)
            in_thread(lambda: outcome(db, change))
            result.set({"n": 1})
    except TransactionConflict:
        assert conflict
        assert not result.exists()
    else:
        assert not conflict
        assert result.exists()


def test_a_conflict_is_tried_again(db: documents.Montybase) -> None:
    ann, tries = doc(db, "users", "ann"), []
    ann.set({"n": 1})

    def body() -> int:
        n = ann.get()["n"]
        tries.append(n)
        if len(tries) < 3:
            in_thread(lambda: ann.update({"n": documents.Increment(10)}))
        ann.set({"n": n + 1})
        return n + 1

    assert db.run_transaction(body) == 22
    assert tries == [1, 11, 21]
    assert ann.get() == {"n": 22}


def test_threads_that_count_together_lose_nothing(db: documents.Montybase) -> None:
    """The seed loses changes, and its file is what the last thread wrote."""
    ann = doc(db, "users", "ann")
    ann.set({"blind": 0, "read": 0})

    def read_and_write() -> None:
        ann.update({"read": ann.get()["read"] + 1})

    def count() -> None:
        for _ in range(10):
            ann.update({"blind": documents.Increment(1)})
            db.run_transaction(read_and_write, attempts=1000)

    threads = [threading.Thread(target=count) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert ann.get() == {"blind": 40, "read": 40}


# -- batches --------------------------------------------------------------------------------------


def test_a_batch_is_one_change(home: Home) -> None:
    users = doc(home.db, "users")
    users.set({"n": 1}, key="a")
    users.add({"n": 2}, key="b")
    batch = home.db.batch()
    batch.set(users.append("c"), {"n": 3})
    batch.update(users.append("a"), {"n": documents.Increment(1), "m": 1})
    batch.update(users.append("a"), {"n": documents.Increment(1)})
    batch.delete(users.append("b"))
    batch.add(users, {"n": 5}, key="e")
    batch.add(users, {"n": 6})
    assert users.count() == 2
    returned = batch.commit()
    assert returned[:5] == ["c", "a", "a", {"n": 2}, "e"]
    assert users.get() == {
        "a": {"n": 3, "m": 1},
        "c": {"n": 3},
        "e": {"n": 5},
        returned[5]: {"n": 6},
    }


def test_a_batch_ends_with_its_block(db: documents.Montybase) -> None:
    users = doc(db, "users")
    with db.batch() as batch:
        batch.set(users.append("a"), {"n": 1})
        assert users.get() == {}
    assert users.get() == {"a": {"n": 1}}
    with pytest.raises(RuntimeError, match="no"), db.batch() as batch:
        batch.delete(users.append("a"))
        raise RuntimeError("no")
    assert users.get() == {"a": {"n": 1}}


def test_a_batch_is_made_whole_or_not_at_all(db: documents.Montybase) -> None:
    users = doc(db, "users")
    batch = db.batch()
    batch.set(users.append("a"), {"n": 1})
    batch.update(users.append("nobody"), {"n": 1})
    batch.set(users.append("b"), {"n": 1})
    with pytest.raises(ResourceNotFound, match="nobody"):
        batch.commit()
    assert users.get() == {}


def test_a_batch_is_committed_once(db: documents.Montybase) -> None:
    users = doc(db, "users")
    batch = db.batch()
    batch.add(users, {"n": 1})
    batch.commit()
    with pytest.raises(ValueError, match="commit"):
        batch.commit()
    with pytest.raises(ValueError, match="commit"):
        batch.add(users, {"n": 1})
    assert users.count() == 1


def test_large_batches(db: documents.Montybase) -> None:
    """Firestore takes 500 changes."""
    users = doc(db, "users")
    with db.batch() as batch:
        for number in range(2_000):
            batch.set(users.append(f"{number:04}"), {"n": number})
    assert users.count() == 2_000
    assert users.sum("n") == 1_999_000
    assert users.start_after("1998").get() == {"1999": {"n": 1999}}
    assert len(users.delete()) == 2_000


# -- preconditions --------------------------------------------------------------------------------

# Statements, and whether the last of them is made. In the beginning there is ann.
PRECONDITIONS = [
    ("ann.set({'n': 2}, exists=True)", True),
    ("ann.set({'n': 2}, exists=False)", False),
    ("users.add({'n': 2}, key='ann', exists=False)", False),
    ("users.add({'n': 2}, key='bob', exists=False)", True),
    ("users.append('bob').set({'n': 2}, exists=True)", False),
    ("ann.update({'n': 2}, exists=True)", True),
    ("ann.delete(exists=True)", True),
    ("users.append('bob').delete(exists=True)", False),
    ("ann.update({'n': 2}, last_update=ann.last_update())", True),
    ("ann.set({'n': 2}, last_update=ann.last_update())", True),
    ("ann.delete(last_update=ann.last_update())", True),
    ("at = ann.last_update(); ann.update({'n': 2}); ann.update({'n': 3}, last_update=at)", False),
    ("at = ann.last_update(); ann.update({'n': 2}); ann.set({'n': 3}, last_update=at)", False),
    ("at = ann.last_update(); ann.update({'n': 2}); ann.delete(last_update=at)", False),
    ("at = ann.last_update(); ann.delete(); ann.set({'n': 3}, last_update=at)", False),
    ("at = ann.last_update(); users.add({}, key='bob'); ann.set({'n': 3}, last_update=at)", True),
    ("batch = db.batch(); batch.set(ann, {'n': 2}, exists=False); batch.commit()", False),
    ("batch = db.batch(); batch.set(ann, {'n': 2}, exists=True); batch.commit()", True),
]


@pytest.mark.parametrize(("statements", "made"), PRECONDITIONS)
def test_preconditions(db: documents.Montybase, statements: str, made: bool) -> None:
    users, script = doc(db, "users"), Script(db)
    users.set({"n": 1}, key="ann")
    *before, last = statements.split("; ")
    script.run("; ".join([*before, "None"]))
    state = users.get()
    if made:
        script.run(last)
        assert users.get() != state
    else:
        with pytest.raises(ConditionalCheckFailed, match="users"):
            script.run(last)
        assert users.get() == state


def test_the_time_of_the_last_update(lasting: Home) -> None:
    ann = doc(lasting.db, "users", "ann")
    assert ann.last_update() is None
    ann.set({"n": 1})
    first = ann.last_update()
    assert first == ann.last_update()
    ann.update({"n": 2})
    second = ann.last_update()
    assert second != first
    ann = doc(lasting.reopen(), "users", "ann")
    assert ann.last_update() == second
    with pytest.raises(ConditionalCheckFailed):
        ann.update({"n": 3}, last_update=first)
    ann.update({"n": 3}, last_update=second)
    ann.delete()
    assert ann.last_update() is None


# -- threads, processes, restarts -----------------------------------------------------------------


def test_nothing_is_lost_by_a_restart(lasting: Home) -> None:
    tree = {}
    for number in range(50):
        path = ("users", f"u{number}", "posts", f"p{number}")[: 2 + 2 * (number % 2)]
        doc(lasting.db, *path).set({"n": number})
        tree[path] = {"n": number}
    doc(lasting.db, "users", "u0").delete()
    del tree["users", "u0"]
    db = lasting.reopen()
    assert {path: doc(db, *path).get() for path in tree} == tree
    assert not doc(db, "users", "u0").exists()


CHILD = """
import sys
from dynafile.documents import Increment, Montybase, doc

with Montybase(path=sys.argv[1]) as db:
    for number in range(20):
        assert doc(db, "users", "ann").get()["n"] >= number
        doc(db, "users").add({"child": sys.argv[2]})
        doc(db, "users", "ann").update({"n": Increment(1)})
"""


def test_processes_write_at_the_same_time(lasting: Home, tmp_path: Path) -> None:
    """The seed's processes overwrite each other's file with what each has in memory."""
    users = doc(lasting.db, "users")
    users.set({"n": 0}, key="ann")
    command = [sys.executable, "-c", CHILD, str(tmp_path / "db")]
    children = [subprocess.Popen([*command, name]) for name in "xy"]
    for _ in range(20):
        users.append("ann").update({"n": documents.Increment(1)})
    for child in children:
        assert child.wait(60) == 0
    assert users.append("ann").get() == {"n": 60}
    assert users.where("child", "==", "x").count() == 20
    assert users.count() == 41


def test_handles_of_one_process_share_a_folder(lasting: Home) -> None:
    other = lasting.another()
    doc(lasting.db, "users").add({"n": 1}, key="a")
    assert doc(other, "users").get() == {"a": {"n": 1}}
    doc(other, "users").set({"n": 2}, key="b")
    assert doc(lasting.db, "users").get() == {"b": {"n": 2}}


def test_a_closed_database_says_so(home: Home) -> None:
    users = doc(home.db, "users")
    users.add({"n": 1})
    home.close()
    home.db.close()
    for call in (users.get, users.exists, users.stream, users.delete, lambda: users.add({})):
        with pytest.raises(HandleClosed):
            call()


# -- asyncio --------------------------------------------------------------------------------------


def test_the_functions_for_asyncio(db: documents.Montybase) -> None:
    users = doc(db, "users")

    async def main() -> None:
        first = await documents.setDoc(users, {"n": 1})
        second = await documents.addDoc(users, {"n": 2})
        assert await documents.updateDoc(users.append(first), {"m": 1}) == first
        assert users.get() == {first: {"n": 1, "m": 1}, second: {"n": 2}}
        await asyncio.gather(*(documents.addDoc(users, {"n": n}) for n in range(20)))

    asyncio.run(main())
    assert users.count() == 22


# -- a model --------------------------------------------------------------------------------------


def test_changes_at_random_are_those_of_a_dictionary(home: Home) -> None:
    """Two hundred changes, whose results and queries are those of a plain dictionary."""
    seed = time.time_ns()
    rng = random.Random(seed)
    model: dict[str, dict[str, Any]] = {}
    home.db.index("users", "n")
    for step in range(200):
        users, id_, n = doc(home.db, "users"), rng.choice("abcdef"), rng.randrange(4)
        match rng.choice(["add", "set", "replace", "update", "delete", "match", "restart"]):
            case "add":
                assert users.add({"n": n}, key=id_) == id_
                model[id_] = {"n": n}
            case "set":
                assert users.append(id_).set({"m": n}) == id_
                model[id_] = {"m": n}
            case "replace" if rng.random() < 0.2:
                assert users.set({"n": n}, key=id_) == id_
                model = {id_: {"n": n}}
            case "update" if id_ in model:
                assert users.append(id_).update({"n": n, "x.y": step}) == id_
                model[id_] |= {"n": n, "x": {"y": step}}
            case "delete":
                assert users.append(id_).delete() == model.pop(id_, None)
            case "match":
                gone = {key: value for key, value in model.items() if value.get("n") == n}
                found = users.delete({"n": n})
                assert found == (gone if len(gone) > 1 else next(iter(gone.values()), None))
                model = {key: value for key, value in model.items() if key not in gone}
            case "restart" if rng.random() < 0.2:
                home.restart()
        users = doc(home.db, "users")
        assert users.get() == model, (seed, step)
        expected = sorted(key for key, value in model.items() if value.get("n", -1) >= n)
        assert ids(users.where("n", ">=", n)) == "".join(expected), (seed, step)
