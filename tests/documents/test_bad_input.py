"""Bad input: a clear error that says what was wrong, and nothing written."""

from __future__ import annotations

import json
from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from dynafile import documents
from dynafile.errors import DynafileError, ItemTooLarge, NestingTooDeep, ValidationError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

doc = documents.doc

BEFORE = {"others": {"x": {"n": 1}}, "users": {"ann": {"n": 1, "t": ["a"], "m": {"x": 1}}}}


@pytest.fixture
def kept(db: documents.Montybase) -> Iterator[documents.Montybase]:
    """A database with documents, which are the same after the test."""
    for collection, found in BEFORE.items():
        for id_, value in found.items():
            doc(db, collection, id_).set(value)
    yield db
    assert doc(db).get() == BEFORE


def refuse(call: Callable[[], Any], *words: str, kind: type[Exception] = ValidationError) -> None:
    """Expect a refusal whose message has these words."""
    with pytest.raises(kind) as refused:
        call()
    assert isinstance(refused.value, DynafileError)
    for one in words:
        assert one in str(refused.value)


# -- paths ----------------------------------------------------------------------------------------

# A segment of a path, and the kind of error.
SEGMENTS = [
    ("", ValueError),
    (".", ValueError),
    ("..", ValueError),
    ("a/b", ValueError),
    ("/", ValueError),
    ("a\0b", ValueError),
    ("\ud800", ValueError),
    ("x" * 2_000, ValueError),
    ("é" * 1_000, ValueError),
    (None, TypeError),
    (7, TypeError),
    (1.5, TypeError),
    (True, TypeError),
    (b"users", TypeError),
    (["users"], TypeError),
    ({"users": 1}, TypeError),
    (object(), TypeError),
]

WAYS: dict[str, Callable[[documents.Montybase, Any], Any]] = {
    "doc": lambda db, bad: doc(db, bad).get(),
    "doc below": lambda db, bad: doc(db, "users", bad, "posts", "p").get(),
    "append": lambda db, bad: doc(db, "users").append(bad).set({"n": 1}),
    "document": lambda db, bad: doc(db, "users").document(bad).set({"n": 1}),
    "collection": lambda db, bad: doc(db, "users", "ann").collection(bad).add({"n": 1}),
    "collection_group": lambda db, bad: db.collection_group(bad).get(),
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(("segment", "kind"), SEGMENTS, ids=lambda value: repr(value)[:20])
def test_segments_of_paths(
    kept: documents.Montybase, way: str, segment: Any, kind: type[Exception]
) -> None:
    refuse(lambda: WAYS[way](kept, segment), kind=kind)


KEYED: dict[str, Callable[[Any, Any], Any]] = {
    "set": lambda users, key: users.set({"n": 1}, key=key),
    "add": lambda users, key: users.add({"n": 1}, key=key),
    "update": lambda users, key: users.update({"n": 1}, key=key),
    "delete": lambda users, key: users.delete(key=key),
}


@pytest.mark.parametrize("way", KEYED)
@pytest.mark.parametrize(
    ("key", "kind"),
    [one for one in SEGMENTS if one[0] is not None],
    ids=lambda value: repr(value)[:20],
)
def test_keys(kept: documents.Montybase, way: str, key: Any, kind: type[Exception]) -> None:
    """The seed takes an empty key for none, and makes up another."""
    refuse(lambda: KEYED[way](doc(kept, "users"), key), kind=kind)


def test_what_is_no_database() -> None:
    for bad in (None, "db", {}, object()):
        refuse(lambda bad=bad: doc(bad, "users"), kind=TypeError)


@pytest.mark.parametrize(
    "call",
    [
        lambda root: root.set({"n": 1}),
        lambda root: root.add({"n": 1}),
        lambda root: root.update({"n": 1}),
        lambda root: root.delete(),
        lambda root: root.where("n", "==", 1).get(),
    ],
)
def test_the_root_is_no_document(kept: documents.Montybase, call: Callable[[Any], Any]) -> None:
    """The seed: IndexError, UnboundLocalError, or nothing."""
    refuse(lambda: call(doc(kept)), "collection")


@pytest.mark.parametrize(
    "call",
    [
        lambda ann: ann.set({"n": 2}, key="k"),
        lambda ann: ann.update({"n": 2}, key="k"),
        lambda ann: ann.delete(key="k"),
        lambda ann: ann.add({"n": 2}),
        lambda ann: ann.add({"n": 2}, key="k"),
        lambda ann: ann.delete({"n": 1}),
    ],
)
def test_what_is_for_collections(kept: documents.Montybase, call: Callable[[Any], Any]) -> None:
    """The seed makes a collection of the document."""
    refuse(lambda: call(doc(kept, "users", "ann")), "collection")


# -- values ---------------------------------------------------------------------------------------


def cycle() -> list[Any]:
    circle: list[Any] = []
    circle.append(circle)
    return circle


# What is no JSON, and the kind of error.
VALUES: list[tuple[Any, type[Exception]]] = [
    ({1, 2}, TypeError),
    (b"x", TypeError),
    (bytearray(b"x"), TypeError),
    (object(), TypeError),
    (datetime(2026, 1, 1), TypeError),
    (date(2026, 1, 1), TypeError),
    (Decimal("1.5"), TypeError),
    (1j, TypeError),
    (len, TypeError),
    (float("nan"), ValueError),
    (float("inf"), ValueError),
    (float("-inf"), ValueError),
    ("\ud800", ValueError),
    ({1: 2}, TypeError),
    ({None: 2}, TypeError),
    ({b"x": 2}, TypeError),
    ({"": 2}, ValueError),
    ({"\ud800": 2}, ValueError),
    (cycle(), ValueError),
]

WRITES: dict[str, Callable[[documents.Montybase, Any], Any]] = {
    "set": lambda db, value: doc(db, "users", "ann").set(value),
    "set collection": lambda db, value: doc(db, "users").set(value, key="ann"),
    "add": lambda db, value: doc(db, "users").add(value),
    "update": lambda db, value: doc(db, "users", "ann").update(value),
    "batch": lambda db, value: two_in_a_batch(db, value),
    "transaction": lambda db, value: two_in_a_transaction(db, value),
}


def two_in_a_batch(db: documents.Montybase, value: Any) -> None:
    with db.batch() as batch:
        batch.set(doc(db, "users", "bob"), {"n": 1})
        batch.set(doc(db, "users", "ann"), value)


def two_in_a_transaction(db: documents.Montybase, value: Any) -> None:
    with db.transaction():
        doc(db, "users", "bob").set({"n": 1})
        doc(db, "users", "ann").set(value)


@pytest.mark.parametrize("way", WRITES)
@pytest.mark.parametrize(("value", "kind"), VALUES, ids=lambda value: repr(value)[:20])
def test_values_that_are_not_json(
    kept: documents.Montybase, way: str, value: Any, kind: type[Exception]
) -> None:
    """The message says where. The seed keeps them, and then leaves an empty file behind."""
    whole = {"fine": 1, "deep": [0, {"er": value}]}
    refuse(lambda: WRITES[way](kept, whole), "deep", "[1]", "er", kind=kind)


@pytest.mark.parametrize("way", WRITES)
@pytest.mark.parametrize("value", [None, 5, 1.5, True, "text", [], [1], [{"n": 1}], {1}], ids=repr)
def test_documents_that_are_no_objects(kept: documents.Montybase, way: str, value: Any) -> None:
    refuse(lambda: WRITES[way](kept, value), type(value).__name__, kind=TypeError)


@pytest.mark.parametrize("value", [None, 5, "text", [], [1]], ids=repr)
def test_what_is_added_beneath_a_document_is_an_object(
    kept: documents.Montybase, value: Any
) -> None:
    """It was taken for the value of a field, and a document was stored that has no bytes."""
    refuse(lambda: doc(kept, "users", "ann", "posts").add(value), "an object", kind=TypeError)
    assert doc(kept, "users", "ann", "posts").get() == {}


@pytest.mark.parametrize("way", WRITES)
def test_documents_that_are_too_large(kept: documents.Montybase, way: str) -> None:
    refuse(lambda: WRITES[way](kept, {"n": "x" * (1 << 20)}), str(1 << 20), kind=ItemTooLarge)
    refuse(lambda: WRITES[way](kept, {"n": "é" * (1 << 19)}), str(1 << 20), kind=ItemTooLarge)


def test_documents_that_grow_too_large(kept: documents.Montybase) -> None:
    ann = doc(kept, "users", "ann")
    ann.update({"text": "x" * 700_000})
    refuse(lambda: ann.update({"more": "x" * 700_000}), "users/ann", kind=ItemTooLarge)
    refuse(
        lambda: ann.update({"t": documents.ArrayUnion(["x" * 700_000])}),
        "users/ann",
        kind=ItemTooLarge,
    )
    ann.update({"text": documents.DELETE_FIELD})


@pytest.mark.parametrize("way", WRITES)
@pytest.mark.parametrize("levels", [110, 10_000])
def test_documents_that_are_too_deep(kept: documents.Montybase, way: str, levels: int) -> None:
    for wrap in (lambda value: {"n": value}, lambda value: [value]):
        value: Any = 1
        for _ in range(levels):
            value = wrap(value)
        refuse(lambda value=value: WRITES[way](kept, {"n": value}), "100", kind=NestingTooDeep)


# -- updates --------------------------------------------------------------------------------------

DELETED = documents.DELETE_FIELD

# What is no update, and what the message says.
UPDATES: list[tuple[Any, str, type[Exception]]] = [
    ({"": 1}, "", ValueError),
    ({".": 1}, "'.'", ValueError),
    ({"a..b": 1}, "a..b", ValueError),
    ({".a": 1}, ".a", ValueError),
    ({"a.": 1}, "a.", ValueError),
    ({1: 1}, "1", TypeError),
    ({"a": 1, "a.b": 2}, "a.b", ValueError),
    ({"a.b.c": 1, "a.b": 2}, "a.b", ValueError),
    ({"m": {"x": DELETED}}, "m", ValueError),
    ({"n": documents.Increment("1")}, "n", TypeError),
    ({"n": documents.Increment(True)}, "n", TypeError),
    ({"n": documents.Increment(None)}, "n", TypeError),
    ({"n": documents.Increment(float("nan"))}, "n", ValueError),
    ({"t": documents.ArrayUnion("x")}, "t", TypeError),
    ({"t": documents.ArrayUnion([{1}])}, "t", TypeError),
    ({"t": documents.ArrayRemove(5)}, "t", TypeError),
    ({"t": [documents.Increment(1)]}, "t", TypeError),
    ({"n": documents.Increment}, "n", TypeError),
]


@pytest.mark.parametrize(("value", "word", "kind"), UPDATES, ids=lambda value: str(value)[:30])
def test_updates(kept: documents.Montybase, value: Any, word: str, kind: type[Exception]) -> None:
    refuse(lambda: doc(kept, "users", "ann").update(value), word, kind=kind)
    refuse(lambda: doc(kept, "users").update(value), word, kind=kind)


def test_a_field_is_deleted_by_an_update_only(kept: documents.Montybase) -> None:
    for value in ({"n": DELETED}, {"m": {"x": DELETED}}):
        refuse(lambda value=value: doc(kept, "users", "ann").set(value), "update")
        refuse(lambda value=value: doc(kept, "users").add(value), "update")


@pytest.mark.parametrize("value", [5, "ann", ["n"], ("ann",), True], ids=repr)
def test_deletions_by_what_is_no_object(kept: documents.Montybase, value: Any) -> None:
    refuse(lambda: doc(kept, "users").delete(value), type(value).__name__, kind=TypeError)


def test_deletions_by_nothing(kept: documents.Montybase) -> None:
    """It would match everything, which ``delete()`` says better."""
    refuse(lambda: doc(kept, "users").delete({}), "delete()")


@pytest.mark.parametrize(
    ("options", "kind"),
    [
        ({"exists": 1}, TypeError),
        ({"exists": "yes"}, TypeError),
        ({"last_update": 5}, TypeError),
        ({"last_update": datetime(2026, 1, 1)}, TypeError),
        ({"precondition": True}, TypeError),
    ],
    ids=str,
)
def test_preconditions_that_are_none(
    kept: documents.Montybase, options: dict[str, Any], kind: type[Exception]
) -> None:
    ann = doc(kept, "users", "ann")
    for call in (
        lambda: ann.set({"n": 2}, **options),
        lambda: ann.update({"n": 2}, **options),
        lambda: ann.delete(**options),
    ):
        with pytest.raises(kind):
            call()


# -- queries --------------------------------------------------------------------------------------

# What is no query of users, and a word of the message.
QUERIES: list[tuple[str, str, type[Exception]]] = [
    ("users.where('n', '=', 1)", "'='", ValueError),
    ("users.where('n', '<>', 1)", "'<>'", ValueError),
    ("users.where('n', '', 1)", "==", ValueError),
    ("users.where('n', None, 1)", "None", ValueError),
    ("users.where('n', '~', 1)", "array-contains-any", ValueError),  # tells which there are
    ("users.where('', '==', 1)", "", ValueError),
    ("users.where('a..b', '==', 1)", "a..b", ValueError),
    ("users.where(5, '==', 1)", "5", TypeError),
    ("users.where('n', '==', {1})", "set", TypeError),
    ("users.where('n', '==', float('nan'))", "nan", ValueError),
    ("users.where('n', '==', b'x')", "bytes", TypeError),
    ("users.where('n', 'in', 1)", "in", ValueError),
    ("users.where('n', 'in', 'abc')", "in", ValueError),
    ("users.where('n', 'in', [])", "in", ValueError),
    ("users.where('n', 'in', [{1}])", "set", TypeError),
    ("users.where('n', 'not-in', [])", "not-in", ValueError),
    ("users.where('n', 'not-in', {'a': 1})", "not-in", ValueError),
    ("users.where('t', 'array-contains-any', 'a')", "array-contains-any", ValueError),
    ("users.where('t', 'array-contains-any', [])", "array-contains-any", ValueError),
    ("users.order_by('')", "", ValueError),
    ("users.order_by('n', 'up')", "up", ValueError),
    ("users.order_by('n', -1)", "-1", ValueError),
    ("users.limit(0)", "limit", ValueError),
    ("users.limit(-1)", "limit", ValueError),
    ("users.limit('2')", "limit", TypeError),
    ("users.limit(2.0)", "limit", TypeError),
    ("users.limit(True)", "limit", TypeError),
    ("users.limit(None)", "limit", TypeError),
    ("users.start_after()", "value", ValueError),
    ("users.start_after('a', 'b')", "order_by", ValueError),
    ("users.start_after(5)", "5", TypeError),
    ("users.order_by('n').start_after(1, 2)", "2", TypeError),
    ("users.order_by('n').start_after(1, 'a', 3)", "order_by", ValueError),
    ("users.order_by('n').start_after({1})", "set", TypeError),
    ("users.order_by('n').end_before({'id': 'a', 'value': {}})", "order_by", ValueError),
    ("users.start_after('a').order_by('n')", "order_by", ValueError),
    ("users.sum('')", "", ValueError),
    ("users.average(None)", "None", TypeError),
]


@pytest.mark.parametrize(("query", "word", "kind"), QUERIES)
def test_queries(kept: documents.Montybase, query: str, word: str, kind: type[Exception]) -> None:
    """Refused where they are made, not where they are read. The seed finds nothing instead."""
    for users in (doc(kept, "users"), doc(kept, "nothing"), kept.collection_group("users")):
        refuse(lambda users=users: eval(query, {"users": users}), word, kind=kind)


def test_indexes(kept: documents.Montybase) -> None:
    refuse(lambda: kept.index("a/b", "n"), "a/b")
    refuse(lambda: kept.index("users", "a..b"), "a..b")
    refuse(lambda: kept.index("users", ""))
    refuse(lambda: kept.index("users"))
    refuse(lambda: kept.index("users", 5), kind=TypeError)


# -- batches, transactions, listeners -------------------------------------------------------------


def test_batches(kept: documents.Montybase) -> None:
    batch = kept.batch()
    for bad in ("users/ann", None, kept, doc(kept, "users").where("n", "==", 1)):
        refuse(lambda bad=bad: batch.set(bad, {"n": 1}), kind=TypeError)
    refuse(lambda: batch.set(doc(kept, "users", "ann"), {"n": {1}}), "set", kind=TypeError)
    with documents.Montybase(path=":memory:") as other:
        refuse(lambda: batch.set(doc(other, "users", "ann"), {"n": 1}), "another")


def test_transactions_do_not_nest(kept: documents.Montybase) -> None:
    with pytest.raises(DynafileError, match="transaction"), kept.transaction():
        doc(kept, "users", "bob").set({"n": 1})
        with kept.transaction():
            pass


@pytest.mark.parametrize("callback", [None, 5, "print", []], ids=repr)
def test_listeners(kept: documents.Montybase, callback: Any) -> None:
    for ref in (
        doc(kept, "users"),
        doc(kept, "users", "ann"),
        doc(kept, "users").where("n", "==", 1),
    ):
        refuse(lambda ref=ref: ref.on_snapshot(callback), kind=TypeError)


# -- opening --------------------------------------------------------------------------------------

# Options of an endpoint, and a word of the message.
OPTIONS: list[tuple[dict[str, Any], str]] = [
    ({"updateTime": -1}, "updateTime"),
    ({"updateTime": "300"}, "updateTime"),
    ({"storeMin": -1}, "storeMin"),
    ({"storeMin": 1.5}, "storeMin"),
    ({"hot": "yes"}, "hot"),
    ({"dev": "localhost"}, "port"),
    ({"dev": "localhost:"}, "port"),
    ({"dev": "localhost:99999"}, "99999"),
    ({"dev": "localhost:http"}, "http"),
    ({"dev": True, "api": "http://127.0.0.1:1/"}, "api"),
    ({"api": "ftp://example.com/"}, "ftp"),
    ({"api": "example.com"}, "https://"),
    ({"path": ""}, "path"),
    ({"path": 5}, "path"),
    ({"nonsense": 5}, "nonsense"),
]


@pytest.mark.parametrize(("options", "word"), OPTIONS, ids=str)
def test_options(
    options: dict[str, Any], word: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises((ValueError, TypeError), match=word):
        documents.Montybase(**options)
    assert list(tmp_path.iterdir()) == []


# What a configuration file is changed to: a text, or a change of what is in it.
BROKEN: list[tuple[Any, str]] = [
    ("", "JSON"),
    ("{", "line 1"),
    ("[]", "object"),
    ("null", "object"),
    ("\udcff", "UTF-8"),
    ({"projectName": None}, "projectName"),
    ({"projectName": 5}, "projectName"),
    ({"storageUpdate": "300"}, "storageUpdate"),
    ({"storageUpdate": -1}, "storageUpdate"),
    ({"storageMinCount": True}, "storageMinCount"),
    ({"apiKey": "secret"}, "apiKey"),
    ({"apiKey": "mb-"}, "apiKey"),
    ({"storageBucket": 5}, "storageBucket"),
]


@pytest.mark.parametrize(("change", "word"), BROKEN, ids=lambda value: str(value)[:25])
def test_an_endpoint_refuses_a_broken_configuration(
    change: Any, word: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whichever file has the key; it is left as it is, and no key is in the message."""
    monkeypatch.chdir(tmp_path)
    documents.Montybase(endpoint=True).close()
    files = list(tmp_path.rglob("*config*.json"))
    before = {file: file.read_bytes() for file in files}
    key = json.loads(next(f for f in files if f.name == "client-config.json").read_text())["apiKey"]
    tried = 0
    for file in files:
        found = json.loads(before[file])
        if isinstance(change, dict) and not change.keys() <= found.keys():
            continue
        text = change if isinstance(change, str) else json.dumps(found | change)
        file.write_bytes(text.encode(errors="surrogateescape"))
        broken = file.read_bytes()
        with pytest.raises(DynafileError, match=word) as refused:
            documents.Montybase(endpoint=True)
        assert file.name in str(refused.value)
        assert key not in str(refused.value)
        assert file.read_bytes() == broken
        file.write_bytes(before[file])
        tried += 1
    assert tried
    documents.Montybase(endpoint=True).close()
