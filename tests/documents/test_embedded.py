"""What an embedded database does beyond the page: values, indexes, listeners that go on, imports."""

from __future__ import annotations

import asyncio
import gc
import itertools
import json
import random
import subprocess
import sys
import threading
import time
from collections import OrderedDict
from typing import TYPE_CHECKING, Any

import pytest
from documents.conftest import WITHIN, Told, word
from hypothesis import given, settings
from hypothesis import strategies as st

from dynafile import Dynafile, documents
from dynafile.documents import feed
from dynafile.documents.comparing import are_equal, sort_key
from dynafile.documents.ids import Ids
from dynafile.documents.layout import entry_value
from dynafile.documents.paths import field_text, parse_field
from dynafile.documents.values import decode, encode
from dynafile.errors import (
    CorruptFile,
    DynafileError,
    InvalidDocument,
    InvalidDocumentArgument,
    InvalidDocumentType,
    NewerFormat,
    StreamNotEnabled,
    ValidationError,
)

if TYPE_CHECKING:
    from pathlib import Path

    from documents.conftest import Home

doc = documents.doc

SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**80), 2**80),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=8),
    st.text("\0\1\2ab", max_size=4),
    st.sampled_from(["x" * 199, "x" * 200, "x" * 201, "x" * 200 + "a", 2**53, 2**53 + 1]),
)
JSON = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("ab.`", min_size=1), inner),
    max_leaves=6,
)


# -- ids ------------------------------------------------------------------------------------------


def test_ids_grow_when_the_clock_does_not() -> None:
    times = iter([5_000_000, 5_000_000, 4_000_000, 5_001_000, 1, 9_000_000])
    ids = Ids(clock=lambda: next(times))
    made = [ids() for _ in range(6)]
    assert made == sorted(set(made))
    assert {len(one) for one in made} == {20}


def test_ids_of_another_length(tmp_path: Path) -> None:
    with documents.Montybase(tmp_path / "db", id_length=32) as db:
        assert len(doc(db, "users").add({})) == 32
    for bad in (15, 1000, "20", True, None):
        with pytest.raises(InvalidDocumentArgument, match="id_length"):
            documents.Montybase(tmp_path / "other", id_length=bad)  # type: ignore[arg-type]
    assert not (tmp_path / "other").exists()


# -- values ---------------------------------------------------------------------------------------


@given(JSON)
def test_what_is_encoded_comes_back(value: Any) -> None:
    found = decode(encode(value, "x"))
    assert repr(found) == repr(value)


@given(JSON, JSON)
def test_the_order_of_values_is_that_of_their_entries(one: Any, other: Any) -> None:
    if sort_key(one) <= sort_key(other):
        assert entry_value(one).encode() + b"\0" <= entry_value(other).encode() + b"\0"
    assert are_equal(one, other) == (sort_key(one) == sort_key(other))


def test_subclasses_are_stored_as_what_they_are(db: documents.Montybase) -> None:
    class Text(str):
        pass

    class Number(int):
        pass

    ann = doc(db, "users", "ann")
    ann.set(OrderedDict([("b", Text("x")), ("a", [Number(5), {Text("k"): True}])]))
    assert repr(ann.get()) == "{'b': 'x', 'a': [5, {'k': True}]}"
    with pytest.raises(InvalidDocumentType, match=r"a tuple at b\.c\[1\].*list"):
        ann.set({"b": {"c": [0, (1,)]}})


@given(st.lists(st.text(min_size=1), min_size=1))
def test_paths_of_fields_are_read_as_they_are_written(names: list[str]) -> None:
    assert parse_field(field_text(tuple(names))) == tuple(names)


def test_names_with_dots_stand_in_backticks(db: documents.Montybase) -> None:
    prices = doc(db, "prices", "x")
    prices.set({"1.5": 1, "a": {"b.c": 2}})
    prices.update({"`1.5`": 3, "a.`b.c`": documents.Increment(1)})
    assert prices.get() == {"1.5": 3, "a": {"b.c": 3}}
    assert doc(db, "prices").where("a.`b.c`", "==", 3).count() == 1
    for bad in ("`a", "a`", "`a`b", "``", "a.`b`.", "`a\\`"):
        with pytest.raises(ValidationError):
            prices.update({bad: 1})


# -- updates --------------------------------------------------------------------------------------

# A document, and an update that does not fit it.
MISFITS: list[tuple[dict[str, Any], dict[str, Any]]] = [
    ({"a": 5}, {"a.b": 1}),
    ({"a": None}, {"a.b": 1}),
    ({"a": []}, {"a.b.c": 1}),
    ({"n": "1"}, {"n": documents.Increment(1)}),
    ({"n": True}, {"n": documents.Increment(1)}),
    ({"n": 1e308}, {"n": documents.Increment(1e308)}),
    ({"n": 10**400}, {"n": documents.Increment(0.5)}),
    ({"t": "x"}, {"t": documents.ArrayUnion(["x"])}),
    ({"t": {}}, {"t": documents.ArrayRemove(["x"])}),
    ({"t": 1}, {}),
]


@pytest.mark.parametrize(("before", "update"), MISFITS, ids=str)
def test_updates_that_do_not_fit_are_refused(
    db: documents.Montybase, before: dict[str, Any], update: dict[str, Any]
) -> None:
    """Firestore replaces what is there."""
    ann = doc(db, "users", "ann")
    ann.set({**before, "other": 1})
    with pytest.raises(InvalidDocument):
        ann.update({**update, "other": 2} if update else {})
    assert ann.get() == {**before, "other": 1}


def test_an_update_makes_no_document_too_deep(db: documents.Montybase) -> None:
    ann = doc(db, "users", "ann")
    ann.set({})
    deep: Any = 1
    for _ in range(95):
        deep = [deep]
    ann.update({"a.b.c": deep})
    assert ann.get()["a"]["b"]["c"] == deep
    for update in ({"a.b.c.d.e.f": deep}, {"a.b": {"c": [[[deep]]]}}):
        with pytest.raises(DynafileError, match="100"):
            ann.update(update)
    with pytest.raises(DynafileError, match="100"):
        ann.append("a", "b").set({"c": [[[deep]]]})


def test_a_field_and_a_collection_have_not_one_name(db: documents.Montybase) -> None:
    ann = doc(db, "users", "ann")
    ann.set({"notes": "x"})
    for call in (
        lambda: doc(db, "users", "ann", "notes").add({"n": 1}),
        lambda: doc(db, "users", "ann", "notes").set({"n": 1}, key="k"),
        lambda: doc(db, "users", "ann", "notes").delete({"n": 1}),
    ):
        with pytest.raises(InvalidDocumentArgument, match="field"):
            call()
    doc(db, "users", "ann", "posts", "p").set({"n": 1})
    for value in ({"posts": 1}, {"posts": {}}):
        with pytest.raises(InvalidDocument, match="collection"):
            ann.set(value)
        with pytest.raises(InvalidDocument, match="collection"):
            ann.update(value)
    assert ann.get() == {"notes": "x"}
    doc(db, "users", "ann", "posts").delete()
    ann.update({"posts": 1})
    assert ann.append("posts").get() == 1


def test_fields_are_not_queried(db: documents.Montybase) -> None:
    doc(db, "users", "ann").set({"notes": [1]})
    notes = doc(db, "users", "ann", "notes")
    for call in (
        notes.stream,
        notes.count,
        notes.where("n", "==", 1).get,
        notes.where("n", "==", 1).exists,
        lambda: notes.on_snapshot(print),
        lambda: notes.append("x").on_snapshot(print),
    ):
        with pytest.raises(InvalidDocumentArgument, match="field"):
            call()


def test_long_paths(db: documents.Montybase) -> None:
    name = "x" * 1024
    long = doc(db, name, name)
    long.set({"n": 1})
    db.index(name, "n")
    assert doc(db, name).where("n", "==", 1).get() == {name: {"n": 1}}
    assert doc(db, name).order_by("n").limit(1).stream()[0]["id"] == name
    with pytest.raises(ValueError, match="1024"):
        long.collection("posts")
    assert long.delete() == {"n": 1}
    assert doc(db, name).where("n", "==", 1).get() == {}
    doc(db, name).delete()


# -- transactions ---------------------------------------------------------------------------------


def test_what_was_half_made_is_not_committed(db: documents.Montybase) -> None:
    users = doc(db, "users")
    with pytest.raises(InvalidDocumentArgument, match="refused"), db.transaction():
        batch = db.batch()
        batch.set(users.append("a"), {"n": 1})
        batch.update(users.append("nobody"), {"n": 1})
        with pytest.raises(LookupError):
            batch.commit()
    assert users.get() == {}
    with db.transaction():
        with pytest.raises(LookupError):
            users.append("nobody").update({"n": 1})
        users.append("a").set({"n": 1})
    assert users.get() == {"a": {"n": 1}}


def test_a_transaction_is_used_once_and_only_by_its_own(db: documents.Montybase) -> None:
    block = db.transaction()
    with block:
        doc(db, "users", "a").set({})
        with documents.Montybase(":memory:") as other:
            doc(other, "users", "b").set({})
            assert doc(other, "users").count() == 1
    with pytest.raises(InvalidDocumentArgument, match="once"), block:
        pass
    with db.transaction(), pytest.raises(InvalidDocumentArgument, match="index"):
        db.index("users", "n")


def test_a_task_is_not_in_the_transaction_of_another(db: documents.Montybase) -> None:
    users = doc(db, "users")

    async def main() -> None:
        async def look() -> Any:
            return users.get()

        with db.transaction():
            users.add({}, key="a")
            assert users.get() == {"a": {}}
            assert await asyncio.create_task(look()) == {}

    asyncio.run(main())


# -- indexes --------------------------------------------------------------------------------------


def assert_sound(path: Path) -> None:
    """Hold what the table has beside documents against the documents."""
    with Dynafile(path) as table:
        table.check()
        items = {(item["PK"], item["SK"]): item for item in table.scan()}
    found = {place: item for place, item in items.items() if place[0][0] != "/"}
    collections = {pk for pk, _ in found}
    assert collections <= {sk for pk, sk in items if pk == "/collections"}
    declared = {sk: item["fields"] for (pk, sk), item in items.items() if pk == "/indexes"}
    assert not any("unfilled" in item for item in items.values())
    entries = set()
    for (collection, id_), item in found.items():
        fields = list(map(parse_field, declared.get(collection.rpartition("/")[2], ())))
        for entry in documents.layout.entries_of(collection, id_, decode(item["data"]), fields):
            entries.add((entry["PK"], entry["SK"]))
    assert entries == {place for place in items if place[0].startswith("/=")}


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(st.sampled_from("abcdef"), JSON), max_size=12), SCALARS)
def test_indexes_change_nothing_but_the_time(changes: list[tuple[str, Any]], wanted: Any) -> None:
    with documents.Montybase(":memory:") as db:
        db.index("indexed", "n", "n.x")
        for id_, value in changes:
            for name in ("indexed", "plain"):
                doc(db, name, id_).set({"n": value})
        for op, value in itertools.product(("==", "<", "<=", ">", ">=", "in"), (wanted, "x" * 200)):
            with_index, without = (
                doc(db, name).where("n", op, [value, 5] if op == "in" else value)
                for name in ("indexed", "plain")
            )
            assert with_index.explain().index == "n"
            assert without.explain().index is None
            assert with_index.get() == without.get()
        for direction, limit in itertools.product(("asc", "desc"), (1, 2, 20)):
            one, other = (
                doc(db, name).order_by("n", direction).limit(limit) for name in ("indexed", "plain")
            )
            assert one.stream() == other.stream()
            one, other = (
                query.start_after(wanted).end_at("x" * 199).stream() for query in (one, other)
            )
            assert one == other


def test_indexes_of_a_folder_are_sound(lasting: Home, tmp_path: Path) -> None:
    db = lasting.db
    users = doc(db, "users")
    for number in range(1200):
        users.add({"n": number % 7, "name": f"é{number}"}, key=f"u{number}")
    users.append("u1", "posts", "p").set({"n": 1})
    db.index("users", "n", "name")
    db.index("posts", "n")
    assert db.indexes == {"posts": ["n"], "users": ["n", "name"]}
    assert users.where("n", "==", 3).count() == sum(n % 7 == 3 for n in range(1200))
    with db.transaction():
        users.append("u2").update({"n": 100})
        assert users.where("n", "==", 100).get().keys() == {"u2"}
        users.append("u1").delete()
    users.delete({"n": 5})
    users.append("u3", "posts").add({"n": 2})
    users.append("u3", "posts").set({"n": 3}, key="q")
    lasting.close()
    assert_sound(tmp_path / "db")


def test_indexes_of_collections_and_fields_with_slashes(db: documents.Montybase) -> None:
    """The field b/c/d of the collection a, and the field d of the collection a/b/c."""
    db.index("a", "b/c/d")
    db.index("c", "d")
    doc(db, "a", "x").set({"b/c/d": 1})
    doc(db, "a", "b", "c", "x").set({"d": 1})
    doc(db, "a", "x").delete()
    assert doc(db, "a", "b", "c").where("d", "==", 1).get() == {"x": {"d": 1}}


def test_an_index_that_was_not_completed_is_not_used(
    lasting: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    users = doc(lasting.db, "users")
    users.add({"n": 1}, key="a")

    def interrupt(*_: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(documents.indexing, "_fill", interrupt)
        with pytest.raises(KeyboardInterrupt):
            lasting.db.index("users", "n")
    users.add({"n": 1}, key="b")
    query = users.where("n", "==", 1)
    assert query.explain().index is None
    assert "index" in str(query.explain())
    assert list(query.get()) == ["a", "b"]
    lasting.db.index("users", "n")
    assert query.explain().index == "n"
    assert list(query.get()) == ["a", "b"]
    lasting.close()
    assert_sound(tmp_path / "db")


def test_explain_in_words(db: documents.Montybase) -> None:
    users = doc(db, "users")
    db.index("users", "n")
    assert str(users.where("n", ">", 1).explain()) == (
        "users: the index by n gives the documents to look at"
    )
    assert str(users.where("name", "==", "x").explain()) == (
        "users: every document is looked at, as there is no index by name: "
        "db.index('users', 'name') declares one"
    )
    assert "order of their ids" in str(users.limit(1).explain())
    assert "one document" in str(users.append("a").where("n", "==", 1).explain())
    assert users.order_by("name").limit(3).explain().missing == ("name",)
    assert users.order_by("n").limit(3).explain().index == "n"


def test_cursors_that_include_their_place(db: documents.Montybase) -> None:
    users = doc(db, "users")
    for id_, n in (("a", 1), ("b", 2), ("c", 2), ("d", 3)):
        users.add({"n": n}, key=id_)
    assert list(users.start_at("b").end_at("c").get()) == ["b", "c"]
    assert list(users.order_by("n").start_at(2).get()) == ["b", "c", "d"]
    assert list(users.order_by("n").end_at(2, "b").get()) == ["a", "b"]
    group = db.collection_group("users").order_by("n").limit(2)
    page = group.stream()
    assert [each["path"] for each in page] == ["users/a", "users/b"]
    assert list(group.start_after(page[-1]).get()) == ["users/c", "users/d"]
    assert list(group.start_after(2, "users/b").get()) == ["users/c", "users/d"]


# -- listeners that go on -------------------------------------------------------------------------


async def told_since(ref: Any, since: str | None, count: int) -> list[Any]:
    async with ref.watch(since) as watch:
        return [await asyncio.wait_for(anext(watch), 20) for _ in range(count)]


def test_a_watch_goes_on_where_it_was(home: Home) -> None:
    """After each change there is, also within a commit, and in another process's time."""
    users = doc(home.db, "users")
    (state,) = asyncio.run(told_since(users, None, 1))
    users.add({"n": 1}, key="a")
    doc(home.db, "others").add({"n": 1})
    with home.db.batch() as batch:
        for id_ in "bcd":
            batch.set(users.append(id_), {"n": 2})
        batch.delete(users.append("a"))
    users.append("b").update({"n": 3})
    whole = asyncio.run(told_since(users, state.position, 6))
    assert list(map(word, whole)) == [
        ("added", "a", {"n": 1}),
        ("removed", "a", {"n": 1}),
        ("added", "b", {"n": 2}),
        ("added", "c", {"n": 2}),
        ("added", "d", {"n": 2}),
        ("modified", "b", {"n": 3}),
    ]
    assert len({change.position for change in whole}) == 6
    home.restart()
    users = doc(home.db, "users")
    users.append("c").delete()
    for number, change in enumerate(whole):
        told = asyncio.run(told_since(users, change.position, 6 - number))
        assert list(map(word, told)) == [
            *map(word, whole[number + 1 :]),
            ("removed", "c", {"n": 2}),
        ]


def test_positions_that_are_none(db: documents.Montybase) -> None:
    users = doc(db, "users")
    for bad in ("", "x", "5", "0" * 30 + "+", "9" * 30):
        with pytest.raises(InvalidDocumentArgument, match="since"):
            users.on_snapshot(print, since=bad)
    with pytest.raises(TypeError, match="since"):
        users.on_snapshot(print, since=5)  # type: ignore[arg-type]


def test_a_listener_of_a_document_is_not_woken_for_others(db: documents.Montybase) -> None:
    users, woken, whole = doc(db, "users"), threading.Event(), Told()
    users.add({"n": 1}, key="a")
    subscription = db.engine.watch(("users", "a"))
    assert [word(change) for change in subscription.take()] == [("state", {"n": 1})]
    subscription.call_when_ready(woken.set)
    with users.on_snapshot(whole):
        for id_ in ("b", "aa", "a/b/c"):
            users.append(*id_.split("/")).set({"n": 2})
        whole.wait_for_changes(3)
    assert not woken.is_set()
    users.append("a").set({"n": 3})
    assert woken.wait(WITHIN)
    assert [word(change) for change in subscription.take()] == [("modified", "a", {"n": 3})]
    subscription.close()


def test_a_query_with_a_limit_begins_anew(db: documents.Montybase) -> None:
    users = doc(db, "users")
    users.add({"n": 1}, key="a")
    query = users.order_by("n").limit(1)
    (state,) = asyncio.run(told_since(query, None, 1))
    users.append("a").update({"n": 2})
    (again,) = asyncio.run(told_since(query, state.position, 1))
    assert word(again) == ("state", {"a": {"n": 2}})


def test_who_falls_out_of_the_feed_misses_nothing(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feed, "_MOST_EVENTS", 8)
    users = doc(home.db, "users")
    subscription = home.db.engine.watch(("users",))
    quick = Told()
    with users.on_snapshot(quick):
        assert [change.type for change in subscription.take()] == ["state"]
        for number in range(100):
            with home.db.batch() as batch:
                for id_ in "abc":
                    batch.set(users.append(id_), {"n": number})
        quick.wait_for_changes(301)
    told = []
    while len(told) < 300:
        told += subscription.take()
    assert list(map(word, told)) == quick.words[1:]
    assert not subscription.blocks
    users.append("a").delete()
    while not (found := subscription.take()):
        assert subscription.wait(20)
    assert word(found[0]) == ("removed", "a", {"n": 99})
    subscription.close()
    assert subscription.take() == []


def test_who_is_behind_what_is_kept_is_told_the_state(
    db: documents.Montybase, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The journal keeps so much, and no more: what cannot be told is told as a new state."""
    users = doc(db, "users")
    subscription = db.engine.watch(("users",))
    (state,) = subscription.take()
    users.add({"n": 1}, key="a")
    stream = type(db.engine._table).stream  # type: ignore[attr-defined]

    def trimmed(table: Any, *arguments: Any, **options: Any) -> Any:
        if "after" in options:
            raise documents.watching.TrimmedDataAccess("gone")
        return stream(table, *arguments, **options)

    monkeypatch.setattr(type(db.engine._table), "stream", trimmed)  # type: ignore[attr-defined]
    again = db.engine.watch(("users",), state.position)
    assert list(map(word, again.take())) == [("state", {"a": {"n": 1}})]


def test_the_state_is_of_its_position(lasting: Home) -> None:
    """What is written while the state is read is in it, or is told after it; never both."""
    users = doc(lasting.db, "users")
    matching = documents.finding.Finder.matching
    for step in range(3):
        users.delete()
        users.add({"n": 1}, key="a")
        users.add({"n": 1}, key="b")

        def late(self: Any, query: Any, step: int = step) -> Any:
            found = list(matching(self, query))
            if step == 0:
                users.append("a").update({"n": 2})
            elif step == 1:
                users.append("a").delete()
            else:
                users.add({"n": 3}, key="0")
            return found

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(documents.watching.Finder, "matching", late)
            subscription = lasting.db.engine.watch(("users",))
            (state,) = subscription.take()
        assert state.value == users.get()
        assert subscription.take() == []
        subscription.close()


def test_closing_the_database_ends_a_watch(home: Home) -> None:
    users = doc(home.db, "users")

    async def main() -> None:
        watch = users.watch()
        assert (await anext(watch)).type == "state"
        waiting = asyncio.create_task(anext(watch, None))
        await asyncio.sleep(0.02)
        await asyncio.to_thread(home.close)
        assert await asyncio.wait_for(waiting, 20) is None
        await watch.aclose()
        await watch.aclose()
        assert await anext(watch, None) is None

    asyncio.run(main())


def test_a_watch_that_is_forgotten_listens_no_more(db: documents.Montybase) -> None:
    async def main() -> None:
        watch = doc(db, "users").watch()
        await anext(watch)
        assert db.engine._feed._listeners  # type: ignore[attr-defined]
        del watch
        gc.collect()
        assert not db.engine._feed._listeners  # type: ignore[attr-defined]

    asyncio.run(main())


def test_the_feed_ends_when_nobody_listens_and_begins_again(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feed, "_IDLE_SECONDS", 0.01)
    users, before = doc(home.db, "users"), set(threading.enumerate())
    for number in range(3):
        told = Told()
        with users.on_snapshot(told):
            users.add({"n": number}, key=f"u{number}")
            told.wait_for_changes(2)
        assert told.words[-1] == ("added", f"u{number}", {"n": number})
        wait_until(lambda: not set(threading.enumerate()) - before)
        users.append(f"u{number}").update({"n": 10})


def test_what_the_feed_has_lost_is_told_as_a_state(
    db: documents.Montybase, monkeypatch: pytest.MonkeyPatch
) -> None:
    users, told = doc(db, "users"), []
    subscription = db.engine.watch(("users",))
    told += subscription.take()
    following = db.engine._feed  # type: ignore[attr-defined]

    def lose(woken: Any) -> Any:
        raise documents.watching.TrimmedDataAccess("lost")

    with following.mutex:
        users.add({"n": 1}, key="a")
        with monkeypatch.context() as patch:
            patch.setattr(following, "_read", lose)
            assert following.pump()
    told += subscription.take()
    users.add({"n": 2}, key="b")
    following.pump()
    told += subscription.take()
    assert list(map(word, told)) == [
        ("state", {}),
        ("state", {"a": {"n": 1}}),
        ("added", "b", {"n": 2}),
    ]


def wait_until(holds: Any) -> None:
    deadline = time.monotonic() + 20
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.002)


# -- what is around -------------------------------------------------------------------------------


def test_the_functions_that_montybase_lacks(db: documents.Montybase) -> None:
    users = doc(db, "users")

    async def main() -> None:
        assert await documents.addDoc(users, {"n": 1}, key="a", exists=False) == "a"
        assert await documents.getDoc(users.append("a")) == {"n": 1}
        assert await documents.deleteDoc(users, key="a") == {"n": 1}
        assert await documents.deleteDoc(users.append("a")) is None
        assert await documents.getDoc(users) == {}

    asyncio.run(main())


def test_options_that_montybase_has(tmp_path: Path) -> None:
    with documents.Montybase(db_path=tmp_path / "x", name="scores", hot=False) as db:
        assert (db.name, repr(doc(db, "users", "a"))) == ("scores", "doc(scores, 'users', 'a')")
        doc(db, "users").add({}, key="a")
    with documents.Montybase(tmp_path / "x", cache_size=1 << 20) as db:
        assert doc(db, "users").get() == {"a": {}}
        assert "x" in repr(db)
    with pytest.raises(InvalidDocumentArgument, match="db_path"):
        documents.Montybase(tmp_path, db_path=tmp_path)
    for options in ({"name": ""}, {"endpoint": 1}, {"dev": 5}, {"api": 5}, {"hot": None}):
        with pytest.raises((ValueError, TypeError), match=next(iter(options))):
            documents.Montybase(tmp_path / "y", **options)
    assert [path.name for path in tmp_path.iterdir()] == ["x"]


def test_a_folder_of_something_else_is_refused(tmp_path: Path) -> None:
    with Dynafile(tmp_path / "db") as table:
        table.put_item(item={"PK": "a", "SK": "b"})
    for _ in range(2):
        with pytest.raises(InvalidDocumentArgument, match="none of documents"):
            documents.Montybase(tmp_path / "db")
    with Dynafile(tmp_path / "db") as table, pytest.raises(StreamNotEnabled):
        table.stream()
    documents.Montybase(tmp_path / "mine").close()
    with Dynafile(tmp_path / "mine") as table:
        table.put_item(item={**documents.layout.FORMAT, "version": 2})
    with pytest.raises(NewerFormat, match="newer"):
        documents.Montybase(tmp_path / "mine")


def test_an_item_that_is_no_document_is_told(tmp_path: Path) -> None:
    documents.Montybase(tmp_path / "db").close()
    with Dynafile(tmp_path / "db") as table:
        table.put_item(item={"PK": "users", "SK": "a", "time": 1, "data": b"\xc1"})
    with documents.Montybase(tmp_path / "db") as db, pytest.raises(CorruptFile, match="users"):
        doc(db, "users", "a").get()


def test_references_are_shown(db: documents.Montybase) -> None:
    users = doc(db, "users")
    query = users.where("n", ">", 1).order_by("n", "desc").limit(3)
    assert repr(query) == "<query of users: n > 1, by n descending, at most 3>"
    assert query == users.where("n", ">", 1).order_by("n", "desc").limit(3)
    assert query != users
    with pytest.raises(AttributeError, match="change"):
        query.limit = 5  # type: ignore[method-assign,assignment]
    with pytest.raises(InvalidDocumentArgument, match="collection"):
        users.collection("x")
    with pytest.raises(InvalidDocumentArgument, match="document"):
        users.append("a").document()
    assert json.dumps(users.stream()) == "[]"


WRITER = """
import random
import sys
from dynafile.documents import Montybase, doc

rng = random.Random(int(sys.argv[2]))
with Montybase(sys.argv[1]) as db:
    users = doc(db, "users")
    print("begun", flush=True)
    while True:
        one = users.append(rng.choice("abcdef"))
        match rng.randrange(5):
            case 0:
                one.set({"n": rng.randrange(9)})
            case 1:
                one.collection("posts").set({"n": rng.randrange(9)}, key=rng.choice("ab"))
            case 2:
                one.delete()
            case 3:
                users.delete({"n": rng.randrange(9)})
            case _:
                with db.batch() as batch:
                    batch.set(one, {"n": rng.randrange(9)})
                    batch.add(users, {"n": rng.randrange(9)}, key=rng.choice("abcdef"))
"""


def test_a_process_that_is_killed_leaves_whole_changes(lasting: Home, tmp_path: Path) -> None:
    lasting.db.index("users", "n")
    lasting.db.index("posts", "n")
    lasting.close()
    for number in range(5):
        command = [sys.executable, "-c", WRITER, str(tmp_path / "db"), str(number)]
        with subprocess.Popen(command, stdout=subprocess.PIPE) as child:
            assert child.stdout is not None
            assert child.stdout.readline() == b"begun\n"
            time.sleep(0.03 * number)
            child.kill()
        assert_sound(tmp_path / "db")


# What somebody listens to at random: a query, of the database.
HEARD: list[Any] = [
    lambda db: doc(db, "users"),
    lambda db: doc(db, "users").where("n", ">=", 3),
    lambda db: doc(db, "users").where("n", "in", [1, 2]).where("t", "array-contains", 1),
    lambda db: doc(db, "users").order_by("n").limit(2),
    lambda db: doc(db, "users").order_by("n", "desc").order_by("m").limit(3),
    lambda db: doc(db, "users").where("n", "<", 4).limit(2),
    lambda db: doc(db, "users").order_by("n").start_after(1).end_at(4),
    lambda db: doc(db, "users").order_by("n").start_after(1).limit(2),
    lambda db: db.collection_group("posts"),
    lambda db: db.collection_group("posts").order_by("n", "desc").limit(2),
    lambda db: doc(db, "users", "a", "posts"),
]


def test_who_listens_knows_what_is_there(home: Home) -> None:
    """After each change, what was told comes to what the query finds, whatever the query."""
    seed = time.time_ns()
    rng = random.Random(seed)
    queries = [make(home.db) for make in HEARD]
    heard = [(query, home.db.engine.watch(target_of(query)), {}) for query in queries]
    for step in range(150):
        change_at_random(home.db, rng)
        home.db.engine._feed.pump()  # type: ignore[attr-defined]
        for query, subscription, documents_ in heard:
            for change in subscription.take():
                follow(documents_, change, query)
            assert documents_ == query.get(), (seed, step, query)
    for _, subscription, _ in heard:
        subscription.close()


def target_of(query: Any) -> Any:
    return query.segments if isinstance(query, documents.Reference) else query.description


def follow(known: dict[str, Any], change: Any, query: Any) -> None:
    """Bring documents up to a change; those of a group are known by their paths."""
    if change.type == "state":
        assert not known
        known.update(change.value)
        return
    group = not isinstance(query, documents.Reference) and query.description.group
    name = change.path if group else change.id
    if change.type == "removed":
        assert known.pop(name) == change.value
    else:
        assert (name in known) is (change.type == "modified")
        known[name] = change.value


def change_at_random(db: documents.Montybase, rng: random.Random) -> None:
    users = doc(db, "users")
    one = users.append(rng.choice("abcde"))
    value = {"n": rng.randrange(6), "m": rng.randrange(3), "t": [rng.randrange(3)]}
    match rng.randrange(7):
        case 0 | 1:
            one.set(value)
        case 2:
            one.collection("posts").add(value, key=rng.choice("xyz"))
        case 3:
            one.delete()
        case 4:
            with db.transaction():
                users.add(value, key=rng.choice("abcde"))
                one.delete()
                users.add(value, key=rng.choice("abcde"))
        case 5:
            with db.batch() as batch:
                for id_ in "abc":
                    batch.set(users.append(id_), {**value, "m": 5})
        case _:
            users.delete({"n": value["n"]})
